//! Code of functions: what a file says of it, and the crate on disk that it means.

use super::cloudformation::Resource;
use super::description::Code;
use super::expression::Expressions;
use crate::stack::{self, Node};
use std::path::{Component, Path, PathBuf};

/// Depth to which crates are looked for.
const DEPTH: usize = 5;

/// Crate of a function.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Located {
    /// Directory relative to the input.
    pub(super) source: String,
    pub(super) binary: Option<String>,
    /// Crate exists, and has the binary.
    pub(super) is_found: bool,
}

/// Reads the code of a function in a template.
pub(super) fn of_template<'node>(scope: &Expressions<'_>, resource: &Resource<'node>, get: &impl Fn(&str) -> Option<&'node Node>) -> Code {
    let text = |key: &str| get(key).and_then(|node| scope.concrete(node));
    let build = resource.node.get("Metadata").and_then(|metadata| metadata.get("BuildProperties"));
    let path = text("CodeUri").or_else(|| text("Code"));
    let mut code = of_path(path.as_deref());
    if let Some(binary) = build.and_then(|build| scope.text(build, "Binary")) {
        code.binary = Some(binary);
    }
    if let Some(features) = build.and_then(|build| build.get("Features")) {
        code.features = scope.values(features).unwrap_or_default();
    }
    let is_rust = build.is_some()
        || resource
            .node
            .get("Metadata")
            .and_then(|node| node.get("BuildMethod"))
            .is_some_and(|method| method.text().is_some_and(|method| method.starts_with("rust")));
    code.foreign = foreign(text("Runtime"), text("Handler")).filter(|_| !is_rust);
    code
}

/// Returns runtime and handler of code that is no Rust.
pub(super) fn foreign(runtime: Option<String>, handler: Option<String>) -> Option<(String, String)> {
    let runtime = runtime.filter(|runtime| !runtime.starts_with("provided") && runtime != "rust")?;
    Some((runtime, handler.unwrap_or_default()))
}

/// Reads a path to a crate, or to what cargo-lambda made of it: `target/lambda/NAME`.
pub(super) fn of_path(path: Option<&str>) -> Code {
    let Some(path) = path.filter(|path| !path.contains("://")) else { return Code::default() };
    let path = path.trim_start_matches("./").trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let built = parts.windows(2).position(|pair| pair == ["target", "lambda"]);
    let of_profile = parts.iter().position(|part| *part == "target");
    if let Some(at) = built.or(of_profile) {
        let name = parts.get(at + 2).filter(|_| built.is_some()).map(|name| name.trim_end_matches(".zip").to_owned());
        let directory = if at == 0 { ".".to_owned() } else { parts[..at].join("/") };
        return Code { directory: Some(directory), binary: name, ..Code::default() };
    }
    let directory = if path.is_empty() { "." } else { path };
    let is_archive = Path::new(path).extension().is_some_and(|extension| extension == "zip");
    if is_archive {
        return Code { archive: Some(path.to_owned()), ..Code::default() };
    }
    Code { directory: Some(directory.to_owned()), ..Code::default() }
}

/// Finds the crate of a function below `base`, the directory of the input.
pub(super) fn locate(code: &Code, function: &str, base: &Path) -> Located {
    let directory = code.directory.clone().unwrap_or_else(|| ".".to_owned());
    let wanted = |binaries: &[String]| -> Option<Option<String>> {
        match (&code.binary, binaries) {
            (Some(binary), _) => binaries.contains(binary).then(|| Some(binary.clone())),
            (None, [only]) => Some(Some(only.clone())),
            (None, several) => several.iter().find(|binary| alike(binary, function)).map(|binary| Some(binary.clone())),
        }
    };
    let found = |source: &str, binary: Option<String>| Located { source: tidy(Path::new(source)), binary, is_found: true };
    if let Some(binary) = stack::binaries(&base.join(&directory)).and_then(|binaries| wanted(&binaries)) {
        return found(&directory, binary);
    }
    let name = code.binary.clone().unwrap_or_else(|| function.to_owned());
    let mut matches: Vec<(PathBuf, String)> = Vec::new();
    let is_source = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || entry.file_type().is_dir() && !name.starts_with('.') && !["target", "node_modules"].contains(&&*name)
    };
    for entry in walkdir::WalkDir::new(base).max_depth(DEPTH).sort_by_file_name().into_iter().filter_entry(is_source).flatten() {
        let binaries = stack::binaries(entry.path()).unwrap_or_default();
        let binary = binaries.iter().find(|binary| if code.binary.is_some() { **binary == name } else { alike(binary, &name) });
        if let Some(binary) = binary {
            matches.push((entry.path().strip_prefix(base).unwrap_or(entry.path()).to_owned(), binary.clone()));
        }
    }
    if let [(path, binary)] = matches.as_slice() {
        return found(&path.to_string_lossy(), Some(binary.clone()));
    }
    Located { source: tidy(Path::new(&directory)), binary: code.binary.clone(), is_found: false }
}

/// Compares names without regard to case, hyphens and underscores.
fn alike(one: &str, other: &str) -> bool {
    let letters = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect::<String>();
    letters(one) == letters(other)
}

/// Returns a path without `.` and, as far as possible, without `..`.
pub(super) fn tidy(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if parts.last().is_some_and(|last| last != "..") => {
                parts.pop();
            }
            other => parts.push(other.as_os_str().to_string_lossy().into_owned()),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::{Located, locate, of_path, tidy};
    use std::{fs, path::Path};

    #[test]
    fn paths_to_what_cargo_lambda_made_name_the_binary() {
        let of = |path: &str| {
            let code = of_path(Some(path));
            (code.directory.unwrap_or_default(), code.binary.unwrap_or_default())
        };
        for (path, directory, binary) in [
            ("./functions/api/", "functions/api", ""),
            (".", ".", ""),
            ("target/lambda/api/", ".", "api"),
            ("../target/lambda/api/bootstrap.zip", "..", "api"),
            ("rust/target/lambda/api.zip", "rust", "api"),
            ("target/release", ".", ""),
            ("s3://bucket/code.zip", "", ""),
        ] {
            assert_eq!(of(path), (directory.to_owned(), binary.to_owned()), "{path}");
        }
        assert_eq!(tidy(Path::new("./a/../b/./c")), "b/c");
        assert_eq!(tidy(Path::new("../a")), "../a");
    }

    #[test]
    fn a_crate_of_a_workspace_is_found_by_its_binary() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["create_order", "worker"] {
            let path = directory.path().join("crates").join(name);
            fs::create_dir_all(path.join("src")).unwrap();
            fs::write(path.join("Cargo.toml"), format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n")).unwrap();
            fs::write(path.join("src/main.rs"), "").unwrap();
        }
        fs::write(directory.path().join("Cargo.toml"), "[workspace]\nmembers = [\"crates/*\"]\n").unwrap();
        let found = |path: &str, function: &str| locate(&of_path(Some(path)), function, directory.path());
        let expected = |source: &str, binary: &str| Located { source: source.to_owned(), binary: Some(binary.to_owned()), is_found: true };
        assert_eq!(found("target/lambda/worker", "anything"), expected("crates/worker", "worker"));
        assert_eq!(found(".", "create-order"), expected("crates/create_order", "create_order"));
        assert_eq!(found("crates/worker", "x"), expected("crates/worker", "worker"));
        assert!(!found(".", "missing").is_found);
    }
}
