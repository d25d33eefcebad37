//! Reads the lists of inputs that rustc, cargo and build scripts write.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{
    cargo::{Script, Unit, directory_of},
    workspace::Workspace,
};

/// Inputs of one unit or program.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Inputs {
    /// Files, and directories that stand for everything below them.
    pub(super) paths: BTreeSet<PathBuf>,
    /// Environment variables that were read.
    pub(super) variables: BTreeSet<String>,
}

/// List of inputs, with the file that it was read from.
#[derive(Debug)]
pub(super) struct List {
    pub(super) file: PathBuf,
    pub(super) inputs: Inputs,
}

/// Returns what rustc read for a unit, or `None` where it left no list.
pub(super) fn of_unit(unit: &Unit, workspace: &Workspace) -> Option<List> {
    let file = list_of(unit, workspace)?;
    let text = std::fs::read_to_string(&file).ok()?;
    let (listed, variables) = (paths(text.lines().next()?)?, variables(&text));
    // Rustc runs in the workspace for its members, in the crate's own directory for all others.
    let starts = |base: &&Path| listed.iter().any(|path| base.join(path) == unit.target.src_path);
    let base = [workspace.root.as_path(), directory_of(&unit.manifest_path)].into_iter().find(starts)?;
    let paths = listed.iter().map(|path| base.join(path)).collect();
    Some(List { file, inputs: Inputs { paths, variables } })
}

/// Returns the list that rustc wrote beside a unit's output, with a digest in its name: `deps/name-0123456789abcdef.d`.
fn list_of(unit: &Unit, workspace: &Workspace) -> Option<PathBuf> {
    let beside = |file: &PathBuf| {
        let name = file.file_stem()?.to_str()?;
        let own = file.with_file_name(name.strip_prefix("lib").unwrap_or(name)).with_extension("d");
        own.is_file().then_some(own)
    };
    if unit.target.is("custom-build") {
        // Cargo names the script itself without the digest.
        return lists(unit.filenames.first()?.parent()?, "").into_iter().next();
    }
    if unit.target.is("bin") {
        // A program is a hard link to a file in `deps`.
        let program = unit.filenames.first()?;
        let prefix = format!("{}-", unit.target.name.replace('-', "_"));
        let beside = program.parent()?;
        let kept = beside.strip_prefix(&workspace.target).map_or_else(|_| beside.to_owned(), |below| workspace.build().join(below));
        let mut found = lists(&kept.join("deps"), &prefix);
        let own = found.iter().position(|list| is_same(&list.with_extension(program.extension().unwrap_or_default()), program));
        return match own {
            Some(own) => Some(found.swap_remove(own)),
            None => (found.len() == 1).then(|| found.swap_remove(0)),
        };
    }
    let (metadata, others): (Vec<&PathBuf>, Vec<_>) =
        unit.filenames.iter().partition(|file| file.extension().is_some_and(|end| end == "rmeta"));
    metadata.into_iter().chain(others).find_map(beside)
}

/// Returns all lists in a directory with names that begin with `prefix`.
fn lists(directory: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_list = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(prefix) && name.ends_with(".d")
    };
    entries.filter(is_list).collect()
}

#[cfg(unix)]
fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|about| (about.dev(), about.ino()));
    identity(one).is_some_and(|own| identity(other) == Some(own))
}

#[cfg(not(unix))]
fn is_same(one: &Path, other: &Path) -> bool {
    let about = |path: &Path| std::fs::metadata(path).ok().and_then(|about| Some((about.len(), about.modified().ok()?)));
    about(one).is_some_and(|own| about(other) == Some(own))
}

/// Returns all files of local crates that a program was made from, as cargo lists them beside it, with the files that build
/// scripts named.
pub(super) fn of_program(program: &Path) -> Option<BTreeSet<PathBuf>> {
    let text = std::fs::read_to_string(program.with_extension("d")).ok()?;
    let paths = paths(text.lines().next()?)?;
    // Relative paths (`build.dep-info-basedir`) cannot be resolved here.
    paths.iter().all(|path| path.is_absolute()).then(|| paths.into_iter().collect())
}

/// Returns what a build script asked cargo to watch, or `None` without output. A script that names no file runs again when
/// anything in its package changes, so the package directory stands for its list.
pub(super) fn of_script(script: &Script, package: &Path) -> Option<List> {
    let file = script.out_dir.with_file_name("output");
    let text = String::from_utf8_lossy(&std::fs::read(&file).ok()?).into_owned();
    Some(List { file, inputs: watched(&text, package) })
}

/// Reads a build script's instructions (<https://doc.rust-lang.org/cargo/reference/build-scripts.html#change-detection>).
fn watched(output: &str, package: &Path) -> Inputs {
    let mut inputs = Inputs::default();
    let mut says = false;
    for line in output.lines() {
        let Some(instruction) = line.strip_prefix("cargo::").or_else(|| line.strip_prefix("cargo:")) else { continue };
        if let Some(path) = instruction.strip_prefix("rerun-if-changed=") {
            says = true;
            inputs.paths.insert(package.join(path.trim_end()));
        } else if let Some(name) = instruction.strip_prefix("rerun-if-env-changed=") {
            says = true;
            inputs.variables.insert(name.trim_end().to_owned());
        }
    }
    if !says {
        inputs.paths.insert(package.to_owned());
    }
    inputs
}

/// Returns the variables that were read at compile time: `# env-dep:NAME=value`, or `# env-dep:NAME` of one that was not set.
fn variables(text: &str) -> BTreeSet<String> {
    let named = text.lines().filter_map(|line| line.strip_prefix("# env-dep:"));
    named.map(|variable| variable.split_once('=').map_or(variable, |(name, _)| name).to_owned()).collect()
}

/// Returns the paths after the colon of a line in make's format, where a space in a path is written `\ `.
fn paths(line: &str) -> Option<Vec<PathBuf>> {
    let (_, list) = line.split_once(": ")?;
    let mut paths = vec![String::new()];
    let mut characters = list.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&' ') => {
                characters.next();
                paths.last_mut()?.push(' ');
            }
            ' ' => paths.push(String::new()),
            other => paths.last_mut()?.push(other),
        }
    }
    let paths: Vec<PathBuf> = paths.into_iter().filter(|path| !path.is_empty()).map(PathBuf::from).collect();
    (!paths.is_empty()).then_some(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_with_its_spaces() {
        let line = r"/t/debug/handler: /home/my\ stack/a/src/main.rs src/lib.rs";
        assert_eq!(paths(line), Some(["/home/my stack/a/src/main.rs", "src/lib.rs"].map(PathBuf::from).to_vec()));
        assert_eq!(paths("nothing"), None);
        assert_eq!(paths("/t/debug/handler: "), None);
    }

    #[test]
    fn variables_count_whether_they_were_set_or_not() {
        let text = "a.d: src/main.rs\n\nsrc/main.rs:\n\n# env-dep:LABEL=a=b\n# env-dep:MISSING\n";
        assert_eq!(variables(text), ["LABEL", "MISSING"].map(str::to_owned).into());
    }

    #[test]
    fn a_build_script_that_names_nothing_watches_its_package() {
        let package = Path::new("/a");
        let all = Inputs { paths: [package.to_owned()].into(), ..Inputs::default() };
        assert_eq!(watched("cargo:rustc-env=A=b\nwarning\n", package), all);
        let only = watched("cargo:rerun-if-env-changed=SHA\n", package);
        assert_eq!(only, Inputs { variables: ["SHA".to_owned()].into(), ..Inputs::default() });
        let named = watched("cargo::rerun-if-changed=../schema\ncargo:rerun-if-changed=/etc/x\n", package);
        assert_eq!(named.paths, ["/a/../schema", "/etc/x"].map(PathBuf::from).into());
    }
}
