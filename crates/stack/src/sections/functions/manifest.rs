//! Binaries and features of a crate, read from its manifest and its files without running cargo
//! (<https://doc.rust-lang.org/cargo/reference/cargo-targets.html#target-auto-discovery>).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Returns the names of a crate's binaries, sorted; `None` if the manifest cannot be read, an error that cargo explains better.
pub fn binaries(directory: &Path) -> Option<Vec<String>> {
    let manifest: Table = std::fs::read_to_string(directory.join("Cargo.toml")).ok()?.parse().ok()?;
    let package = manifest.get("package")?.as_table()?;
    let declared = manifest.get("bin").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |bin: &Value, key: &str| bin.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut names: BTreeSet<String> = declared.iter().filter_map(|bin| text(bin, "name")).collect();
    let taken: BTreeSet<PathBuf> = declared.iter().filter_map(|bin| Some(directory.join(text(bin, "path")?))).collect();
    // Edition 2015 discovers no other binaries once one is declared.
    let is_first = package.get("edition").is_none_or(|edition| edition.as_str() == Some("2015"));
    let looks = package.get("autobins").and_then(Value::as_bool).unwrap_or(!is_first || declared.is_empty());
    if looks {
        let found = found(directory, package.get("name")?.as_str()?);
        names.extend(found.into_iter().filter(|(_, path)| !taken.contains(path)).map(|(name, _)| name));
    }
    Some(names.into_iter().collect())
}

/// Returns the names of a crate's features, those of its optional dependencies included; `None` if the manifest cannot be read.
pub(crate) fn features(directory: &Path) -> Option<BTreeSet<String>> {
    let manifest: Table = std::fs::read_to_string(directory.join("Cargo.toml")).ok()?.parse().ok()?;
    let declared = manifest.get("features").and_then(Value::as_table).into_iter().flat_map(Table::keys).cloned();
    let is_dependencies = |key: &str| key.ends_with("dependencies");
    let of_targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values).filter_map(Value::as_table);
    let tables = std::iter::once(&manifest).chain(of_targets).flatten().filter(|(key, _)| is_dependencies(key));
    let dependencies = tables.filter_map(|(_, table)| table.as_table()).flatten();
    let is_optional = |dependency: &Value| dependency.get("optional").and_then(Value::as_bool) == Some(true);
    let optional = dependencies.filter(|(_, dependency)| is_optional(dependency)).map(|(name, _)| name.clone());
    Some(declared.chain(optional).collect())
}

/// Returns the binaries that cargo discovers by their paths.
fn found(directory: &Path, package: &str) -> Vec<(String, PathBuf)> {
    let main = directory.join("src/main.rs");
    let mut found = if main.is_file() { vec![(package.to_owned(), main)] } else { Vec::new() };
    for path in std::fs::read_dir(directory.join("src/bin")).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && path.extension().is_some_and(|end| end == "rs") {
            found.push((name, path));
        } else if path.join("main.rs").is_file() {
            found.push((name, path.join("main.rs")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[(&str, &str)]) -> Option<Vec<String>> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        binaries(directory.path())
    }

    #[test]
    fn features_are_the_declared_ones_and_optional_dependencies() {
        let directory = tempfile::tempdir().unwrap();
        let manifest = "[package]\nname = \"many\"\n[features]\ndefault = [\"a\"]\na = []\n[dependencies]\nplain = \"1\"\n\
            extra = { version = \"1\", optional = true }\n[target.'cfg(unix)'.dependencies]\nunix = { version = \"1\", optional = true }\n";
        std::fs::write(directory.path().join("Cargo.toml"), manifest).unwrap();
        let names: Vec<String> = features(directory.path()).unwrap().into_iter().collect();
        assert_eq!(names, ["a", "default", "extra", "unix"]);
        assert_eq!(features(&directory.path().join("none")), None);
    }

    #[test]
    fn binaries_are_found_as_cargo_finds_them() {
        let package = "[package]\nname = \"many\"\nedition = \"2024\"\n";
        let files = [("src/main.rs", ""), ("src/bin/api.rs", ""), ("src/bin/worker/main.rs", ""), ("src/bin/notes.txt", "")];
        let with = |manifest: &str| names(&[&[("Cargo.toml", manifest)], &files[..]].concat()).unwrap();
        assert_eq!(with(package), ["api", "many", "worker"]);
        assert_eq!(with(&format!("{package}[[bin]]\nname = \"bootstrap\"\npath = \"src/main.rs\"\n")), ["api", "bootstrap", "worker"]);
        assert_eq!(with(&format!("{package}autobins = false\n[[bin]]\nname = \"api\"\n")), ["api"]);
        assert_eq!(with("[package]\nname = \"old\"\n[[bin]]\nname = \"api\"\n"), ["api"]);
        assert_eq!(names(&[("Cargo.toml", package), ("src/lib.rs", "")]).unwrap(), [""; 0]);
        assert_eq!(names(&[("Cargo.toml", "[package")]), None);
        assert_eq!(names(&[]), None);
    }
}
