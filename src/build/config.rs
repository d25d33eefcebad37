//! Cargo's own settings: `.cargo/config.toml` in a directory and its ancestors, in cargo's home, and the files that these
//! include (<https://doc.rust-lang.org/cargo/reference/config.html>).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Names of a settings file; cargo prefers the first.
const NAMES: [&str; 2] = ["config", "config.toml"];

/// Maximum depth of includes. Cargo refuses a cycle, which this limit cuts.
const MAX_INCLUDES: usize = 8;

/// Settings that apply in one directory.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// Files that determine the settings, existing or not.
    pub(super) files: BTreeSet<PathBuf>,
    /// Contents of existing files in order of precedence, each with the base directory of its relative paths.
    tables: Vec<(PathBuf, Table)>,
}

impl Config {
    /// Reads the settings for `directory`. An unreadable file counts as empty, because cargo reports it with a better message.
    pub(super) fn of(directory: &Path) -> Self {
        let mut config = Self::default();
        let above = directory.ancestors().map(|directory| directory.join(".cargo"));
        for directory in above.chain(cargo_home()) {
            for name in NAMES {
                config.read(&directory.join(name), MAX_INCLUDES);
            }
        }
        config
    }

    fn read(&mut self, file: &Path, depth: usize) {
        if depth == 0 || !self.files.insert(file.to_owned()) {
            return;
        }
        let Some(table) = std::fs::read_to_string(file).ok().and_then(|text| text.parse::<Table>().ok()) else { return };
        let directory = file.parent().unwrap_or(file).to_owned();
        let included: Vec<PathBuf> = includes(&table).into_iter().map(|path| directory.join(path)).collect();
        // Paths are relative to the directory that holds `.cargo`; paths of includes are relative to the file's own directory.
        self.tables.push((directory.parent().unwrap_or(&directory).to_owned(), table));
        for path in included.iter().rev() {
            self.read(path, depth - 1);
        }
    }

    /// Returns true if a profile is defined here; `CARGO_PROFILE_…` changes one but defines none.
    pub(super) fn has_profile(&self, name: &str) -> bool {
        self.tables.iter().any(|(_, table)| has_profile(table, name))
    }

    /// Returns the compiler that the environment or a file sets in place of `rustc`.
    pub(super) fn rustc(&self) -> Option<OsString> {
        let set = ["RUSTC", "CARGO_BUILD_RUSTC"].into_iter().find_map(std::env::var_os);
        set.or_else(|| {
            let named = |(base, table): &(PathBuf, Table)| {
                let name = table.get("build")?.get("rustc")?.as_str()?;
                // Cargo searches PATH for a plain name.
                Some(if name.contains('/') { base.join(name).into_os_string() } else { name.into() })
            };
            self.tables.iter().find_map(named)
        })
    }
}

/// Returns true if a manifest or settings file defines a profile.
pub(super) fn has_profile(table: &Table, name: &str) -> bool {
    table.get("profile").and_then(|profiles| profiles.get(name)).is_some()
}

/// Returns the paths in `include`: one path, or a list of paths and of `{ path, optional }`.
fn includes(table: &Table) -> Vec<&str> {
    match table.get("include") {
        Some(Value::Array(list)) => list.iter().filter_map(path_of).collect(),
        Some(one) => path_of(one).into_iter().collect(),
        None => Vec::new(),
    }
}

fn path_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("path")?.as_str())
}

/// Returns cargo's home directory, which holds its settings and downloads.
pub(super) fn cargo_home() -> Option<PathBuf> {
    let set = std::env::var_os("CARGO_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    set.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = directory.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let below = directory.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        (directory, below)
    }

    #[test]
    fn included_files_count() {
        let (directory, below) = project(&[
            (".cargo/config.toml", "include = [\"more.toml\", { path = \"none.toml\", optional = true }]\n"),
            (".cargo/more.toml", "include = \"../other/last.toml\"\n"),
            ("other/last.toml", "[profile.lambda]\ninherits = \"release\"\n"),
        ]);
        let config = Config::of(&below);
        for name in [".cargo/more.toml", ".cargo/none.toml", ".cargo/../other/last.toml", "a/b/.cargo/config.toml", "a/.cargo/config"] {
            assert!(config.files.contains(&directory.path().join(name)), "{name}");
        }
        assert!(config.has_profile("lambda") && !config.has_profile("other"));
    }

    #[test]
    fn the_nearest_compiler_counts() {
        let (directory, below) = project(&[
            (".cargo/config.toml", "build.rustc = \"far\"\n"),
            ("a/.cargo/config.toml", "[build]\nrustc = \"tools/near\"\n"),
            ("broken/.cargo/config.toml", "[build\n"),
        ]);
        let near = directory.path().join("a/tools/near").into_os_string();
        assert_eq!(Config::of(&below).rustc(), Some(near));
        assert_eq!(Config::of(directory.path()).rustc(), Some("far".into()));
        assert_eq!(Config::of(&directory.path().join("broken")).rustc(), Some("far".into()));
    }
}
