//! Cargo's own settings: `.cargo/config.toml` in a directory and in all above it, in cargo's home, and what these include
//! (<https://doc.rust-lang.org/cargo/reference/config.html>).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Names of a settings file; cargo prefers the first.
const NAMES: [&str; 2] = ["config", "config.toml"];

/// Deepest chain of files that include each other; cargo refuses a circle, which is cut here.
const MAX_INCLUDES: usize = 8;

/// The settings that count in one directory.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// All files that decide them, whether they exist or not.
    pub(super) files: BTreeSet<PathBuf>,
    /// Content of those that exist, each with the directory that its relative paths start from; what counts more comes first.
    tables: Vec<(PathBuf, Table)>,
}

impl Config {
    /// Reads the settings for `directory`. A file that cannot be read counts as empty: cargo refuses it with better words.
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
        // Paths start from the directory that holds `.cargo`, those of includes from the file's own.
        self.tables.push((directory.parent().unwrap_or(&directory).to_owned(), table));
        for path in included.iter().rev() {
            self.read(path, depth - 1);
        }
    }

    /// Returns whether a profile is defined here; `CARGO_PROFILE_…` changes one but defines none.
    pub(super) fn has_profile(&self, name: &str) -> bool {
        self.tables.iter().any(|(_, table)| has_profile(table, name))
    }

    /// The compiler that is set in place of `rustc`, by the environment or a file.
    pub(super) fn rustc(&self) -> Option<OsString> {
        let set = ["RUSTC", "CARGO_BUILD_RUSTC"].into_iter().find_map(std::env::var_os);
        set.or_else(|| {
            let named = |(base, table): &(PathBuf, Table)| {
                let name = table.get("build")?.get("rustc")?.as_str()?;
                // A plain name is looked for on PATH.
                Some(if name.contains('/') { base.join(name).into_os_string() } else { name.into() })
            };
            self.tables.iter().find_map(named)
        })
    }
}

/// Returns whether a manifest or settings file defines a profile.
pub(super) fn has_profile(table: &Table, name: &str) -> bool {
    table.get("profile").and_then(|profiles| profiles.get(name)).is_some()
}

/// The paths in `include`: one, or a list of paths and of `{ path, optional }`.
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

/// Cargo's home directory, with its settings and all that it downloads.
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
