//! One digest over everything that decides what cargo would build, so that cargo need not be asked.
//!
//! Which directories count is not guessed: after a build, cargo's own list of the files it read (`NAME.d` beside the
//! program) tells which local crates took part. Every file of those crates counts but hidden ones, also a new one that a build
//! script may look for, and so do the lockfiles, manifests and settings above them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use walkdir::{DirEntry, WalkDir};

/// Files that count in the crate's directory and in every directory above it, whether they exist or not.
const SETTINGS: [&str; 6] = ["Cargo.toml", "Cargo.lock", "rust-toolchain", "rust-toolchain.toml", ".cargo/config.toml", ".cargo/config"];

/// How the environment variables begin that change what cargo builds
/// (<https://doc.rust-lang.org/cargo/reference/environment-variables.html>); but those that end in `DIR` only say where.
const VARIABLES: [&str; 6] = ["RUSTC", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_"];

/// The digest, as hex, of the crate directories, the settings above `source`, and the environment.
///
/// Fails when a directory is gone, which means that the program cannot be current.
pub(super) fn digest(source: &Path, crates: &BTreeSet<PathBuf>) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut add = |name: &str, content: &[u8]| {
        // With their lengths, so that no two different sets of files run together into the same bytes.
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name);
        hasher.update((content.len() as u64).to_le_bytes());
        hasher.update(content);
    };
    let variables = std::env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value));
    for (name, value) in variables.collect::<BTreeMap<_, _>>() {
        if VARIABLES.iter().any(|start| name.starts_with(start)) && !name.ends_with("DIR") {
            add(&name, value.as_encoded_bytes());
        }
    }
    let settings = source.ancestors().flat_map(|directory| SETTINGS.map(|name| directory.join(name)));
    for path in settings.chain(cargo_home_settings()) {
        if let Ok(content) = std::fs::read(&path) {
            add(&path.to_string_lossy(), &content);
        }
    }
    for directory in crates {
        for entry in below(directory) {
            match entry {
                // Anything but a file may never end.
                Ok(entry) if entry.file_type().is_file() => add(&entry.path().to_string_lossy(), &std::fs::read(entry.path())?),
                Ok(_) => {}
                Err(error) if is_dead_link(&error) => add(&error.path().unwrap_or(directory).to_string_lossy(), b""),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(hasher.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}

/// Whether anything in the crates was written, added or removed since `moment`, as far as the file system tells.
pub(super) fn changed_since(crates: &BTreeSet<PathBuf>, moment: SystemTime) -> bool {
    let changed = |entry: walkdir::Result<DirEntry>| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return !is_dead_link(&error),
        };
        // The crate's own directory changes when cargo makes `target` in it.
        let ignored = entry.depth() == 0 || entry.file_name() == "Cargo.lock";
        !ignored && entry.metadata().ok().and_then(|data| data.modified().ok()).is_none_or(|time| time >= moment)
    };
    crates.iter().flat_map(|directory| below(directory)).any(changed)
}

/// All that is part of a crate, in order; through links, too, as rustc reads through them.
fn below(directory: &Path) -> impl Iterator<Item = walkdir::Result<DirEntry>> {
    WalkDir::new(directory).follow_links(true).sort_by_file_name().into_iter().filter_entry(belongs)
}

/// Whether a link could not be followed, as it leads nowhere or back up: nothing can be compiled from behind it.
fn is_dead_link(error: &walkdir::Error) -> bool {
    error.depth() > 0 && error.path().is_some_and(Path::is_symlink)
}

/// The local crates that a program was made from, as cargo recorded beside it; `None` if there is no such record.
pub(super) fn crates_of(program: &Path) -> Option<BTreeSet<PathBuf>> {
    let record = std::fs::read_to_string(program.with_extension("d")).ok()?;
    let files = dependencies(record.lines().next()?)?;
    let mut crates = BTreeSet::new();
    for file in files {
        let root = file.ancestors().find(|path| is_crate(path) || is_output(path))?;
        // A build script's output follows from the sources, which are listed too.
        if !is_output(root) {
            crates.insert(root.to_owned());
        }
    }
    Some(crates)
}

/// The paths after the colon of a line in make's format, where a space in a path is written `\ `.
fn dependencies(line: &str) -> Option<Vec<PathBuf>> {
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
    // Relative paths (`build.dep-info-basedir`) cannot be followed from here.
    (!paths.is_empty() && paths.iter().all(|path| path.is_absolute())).then_some(paths)
}

/// Whether a file or directory below a crate is part of it: not hidden, not build output, not another crate.
fn belongs(entry: &DirEntry) -> bool {
    if entry.depth() == 0 {
        return true;
    }
    if entry.file_name().to_string_lossy().starts_with('.') {
        return false;
    }
    !(entry.file_type().is_dir() && (is_crate(entry.path()) || is_output(entry.path())))
}

fn is_crate(directory: &Path) -> bool {
    directory.join("Cargo.toml").is_file()
}

/// Whether this is cargo's target directory, or another one that its maker marked as not worth keeping.
fn is_output(directory: &Path) -> bool {
    directory.join("CACHEDIR.TAG").is_file()
}

fn cargo_home_settings() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    home.map(|home| vec![home.join("config.toml"), home.join("config")]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_with(files: &[(&str, &str)]) -> (tempfile::TempDir, BTreeSet<PathBuf>) {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let crates = BTreeSet::from([directory.path().to_owned()]);
        (directory, crates)
    }

    #[test]
    fn it_changes_with_what_counts_and_with_nothing_else() {
        let (directory, crates) = crate_with(&[("Cargo.toml", "[package]"), ("src/main.rs", "fn main() {}")]);
        let root = directory.path();
        let now = || digest(root, &crates).unwrap();
        let write = |name: &str, text: &str| {
            std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            std::fs::write(root.join(name), text).unwrap();
        };
        let first = now();
        assert_eq!(first, now());

        write("target/CACHEDIR.TAG", "");
        write("target/debug/thing", "built");
        write(".git/index", "");
        write("other/Cargo.toml", "another crate");
        write("other/src/lib.rs", "");
        assert_eq!(first, now());

        for (name, text) in [("src/main.rs", "fn main() { }"), ("src/new.rs", ""), ("Cargo.lock", "x"), ("template.html", "")] {
            let before = now();
            write(name, text);
            assert_ne!(before, now(), "{name}");
        }
        let before = now();
        std::fs::rename(root.join("src/new.rs"), root.join("src/renamed.rs")).unwrap();
        assert_ne!(before, now());
    }

    #[test]
    #[cfg(unix)]
    fn links_are_followed_wherever_they_lead() {
        use std::os::unix::fs::symlink;
        let (directory, crates) = crate_with(&[("Cargo.toml", ""), ("src/main.rs", "")]);
        let (elsewhere, root) = (tempfile::tempdir().unwrap(), directory.path());
        let write = |text: &str| std::fs::write(elsewhere.path().join("text"), text).unwrap();
        write("1");
        symlink("nowhere", root.join("dangling")).unwrap();
        symlink("..", root.join("src/back")).unwrap();
        for (link, to) in [("src/text", elsewhere.path().join("text")), ("src/directory", elsewhere.path().to_owned())] {
            let (link, begun) = (root.join(link), SystemTime::now() + std::time::Duration::from_secs(1));
            symlink(to, &link).unwrap();
            let before = digest(root, &crates).unwrap();
            assert!(!changed_since(&crates, begun), "{link:?}");
            write("2");
            assert_ne!(before, digest(root, &crates).unwrap(), "{link:?}");
            write("1");
            assert_eq!(before, digest(root, &crates).unwrap(), "{link:?}");
            assert!(changed_since(&crates, SystemTime::UNIX_EPOCH), "{link:?}");
            std::fs::remove_file(link).unwrap();
        }
    }

    #[test]
    fn a_crate_that_is_gone_has_no_digest() {
        let (directory, crates) = crate_with(&[("Cargo.toml", "")]);
        let source = directory.path().to_owned();
        drop(directory);
        assert!(digest(&source, &crates).is_err());
    }

    #[test]
    fn crates_are_found_from_cargos_record() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_str().unwrap();
        for file in ["a/Cargo.toml", "a/src/main.rs", "shared/Cargo.toml", "target/CACHEDIR.TAG", "Cargo.toml"] {
            let path = directory.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let program = directory.path().join("target/debug/handler");
        std::fs::create_dir_all(directory.path().join("target/debug")).unwrap();
        let record = format!("x: {root}/a/src/main.rs {root}/shared/src/lib.rs {root}/target/debug/out/made.rs\n");
        std::fs::write(program.with_extension("d"), record).unwrap();
        let expected = ["a", "shared"].map(|name| directory.path().join(name));
        assert_eq!(crates_of(&program), Some(BTreeSet::from(expected)));
        assert_eq!(crates_of(&directory.path().join("target/debug/other")), None);
    }

    #[test]
    fn cargos_record_is_read_with_its_spaces() {
        let line = r"/t/debug/handler: /home/my\ stack/a/src/main.rs /home/my\ stack/shared/src/lib.rs";
        let expected = ["/home/my stack/a/src/main.rs", "/home/my stack/shared/src/lib.rs"].map(PathBuf::from);
        assert_eq!(dependencies(line), Some(expected.to_vec()));
        assert_eq!(dependencies("/t/debug/handler: src/main.rs"), None);
        assert_eq!(dependencies("nothing"), None);
    }
}
