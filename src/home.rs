//! Directory `.liveinsight` beside stack.yaml: packages, tools, and the local AWS with its state.
//!
//! The directory holds values of secrets (the local AWS stores the functions' variables). So only this user can access it, and
//! it excludes itself from version control.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Name of the directory.
const NAME: &str = ".liveinsight";

/// Directories of installed programs: large and without secrets; some of their files link to programs of the system.
const INSTALLED: [&str; 2] = ["venv", "tools"];

/// Returns the directory of a project, without touching it.
pub(crate) fn of(root: &Path) -> PathBuf {
    root.join(NAME)
}

/// Creates a directory inside a project's `.liveinsight`, and that itself if it is missing.
pub(crate) fn create(directory: &Path) -> io::Result<()> {
    let home = directory.ancestors().find(|above| above.file_name().is_some_and(|name| name == NAME));
    if let Some(home) = home {
        private_directories().create(home)?;
        mend(home)?;
    }
    private_directories().create(directory)
}

/// Removes other users' access to a directory that an earlier version made, and adds `.gitignore`. Leaves correct and missing
/// files alone.
pub(crate) fn mend(home: &Path) -> io::Result<()> {
    let Ok(about) = std::fs::metadata(home) else { return Ok(()) };
    let ignored = home.join(".gitignore");
    if about.is_dir() && !ignored.exists() {
        write(&ignored, b"*\n")?;
    }
    if is_open(&about.permissions()) {
        let installed = |entry: &walkdir::DirEntry| INSTALLED.iter().any(|name| entry.file_name() == *name);
        let walk = walkdir::WalkDir::new(home).into_iter().filter_entry(|entry| !installed(entry));
        for entry in walk.flatten().filter(|entry| !entry.path_is_symlink() || entry.depth() == 0) {
            if let Ok(about) = std::fs::metadata(entry.path()) {
                // Only its owner can change the mode of another user's file.
                let _ = std::fs::set_permissions(entry.path(), closed(about.permissions()));
            }
        }
    }
    Ok(())
}

/// Writes a file with access for this user only.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(content)
}

fn private_directories() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(unix)]
fn is_open(permissions: &Permissions) -> bool {
    std::os::unix::fs::PermissionsExt::mode(permissions) & 0o077 != 0
}

#[cfg(unix)]
fn closed(mut permissions: Permissions) -> Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    permissions.set_mode(permissions.mode() & !0o077);
    permissions
}

#[cfg(not(unix))]
fn is_open(_: &Permissions) -> bool {
    false
}

#[cfg(not(unix))]
fn closed(permissions: Permissions) -> Permissions {
    permissions
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn it_is_for_this_user_and_out_of_version_control() {
        let directory = tempfile::tempdir().unwrap();
        let home = of(directory.path());
        create(&home.join("build/host")).unwrap();
        assert_eq!([home.as_path(), &home.join("build"), &home.join("build/host")].map(mode), [0o700; 3]);
        assert_eq!(fs::read_to_string(home.join(".gitignore")).unwrap(), "*\n");
        let file = home.join("build/host/one.json");
        write(&file, b"{}").unwrap();
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn one_of_an_earlier_version_is_mended() {
        let directory = tempfile::tempdir().unwrap();
        let home = of(directory.path());
        for below in ["aws/state", "aws/venv/bin", "build/host"] {
            fs::create_dir_all(home.join(below)).unwrap();
        }
        let files = ["aws/state/lambda.json", "build/host/one.json", "aws/venv/bin/python"].map(|name| home.join(name));
        for file in &files {
            fs::write(file, "").unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).unwrap();
        mend(&home).unwrap();
        assert_eq!([home.as_path(), &home.join("aws/state")].map(mode), [0o700; 2]);
        assert_eq!(files.each_ref().map(|file| mode(file)), [0o700, 0o700, 0o755], "an installed program stays as it is");
        assert!(home.join(".gitignore").is_file());
        mend(&of(&directory.path().join("none"))).unwrap();
        assert!(!directory.path().join("none").exists());
    }
}
