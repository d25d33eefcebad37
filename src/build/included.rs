//! Files that are packed beside a program.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{BuildError, evidence::fingerprint, pack::Beside};
use crate::stack::Crate;

/// Files of a function that are packed beside its program, through links, in the order of their names.
pub(super) struct Included {
    directory: PathBuf,
    files: Vec<PathBuf>,
    /// Fingerprint of the names and contents of all files.
    pub(super) fingerprint: String,
}

impl Included {
    /// Finds the files of a function. Directories are taken with everything below them, hidden files included.
    pub(super) fn read(function: &str, source: &Crate) -> Result<Self, BuildError> {
        let mut files = Vec::new();
        for path in &source.include {
            let top = source.directory.join(path);
            for entry in WalkDir::new(&top).follow_links(true) {
                let missing = || BuildError::NoInclude { function: function.to_owned(), path: top.clone() };
                let entry = entry.map_err(|_| missing())?;
                if entry.file_type().is_file() {
                    files.push(entry.into_path());
                } else if !entry.file_type().is_dir() {
                    // Reading a pipe or device may never end.
                    return Err(BuildError::NoInclude { function: function.to_owned(), path: entry.into_path() });
                }
            }
        }
        files.sort();
        files.dedup();
        let mut included = Self { directory: source.directory.clone(), files, fingerprint: String::new() };
        included.fingerprint = digest(&included.load()?);
        Ok(included)
    }

    /// Returns the files with their contents, which are those that the fingerprint is of.
    pub(super) fn content(&self) -> Result<Vec<Beside>, String> {
        let files = self.load().map_err(|error| error.to_string())?;
        let is_same = digest(&files) == self.fingerprint;
        is_same.then_some(files).ok_or_else(|| "a file under `include` changed meanwhile; run it again".to_owned())
    }

    fn load(&self) -> Result<Vec<Beside>, BuildError> {
        let load = |path: &PathBuf| {
            let content = std::fs::read(path).map_err(|source| BuildError::Read { path: path.clone(), source })?;
            let name = path.strip_prefix(&self.directory).unwrap_or(path).to_string_lossy().replace('\\', "/");
            Ok(Beside { name, is_executable: is_executable(path), content })
        };
        self.files.iter().map(load).collect()
    }
}

fn digest(files: &[Beside]) -> String {
    let one = |file: &Beside| format!("{} {} {}", fingerprint(file.name.as_bytes()), file.is_executable, fingerprint(&file.content));
    fingerprint(files.iter().map(one).collect::<Vec<_>>().join("\n").as_bytes())
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    false
}
