//! Watches the sources of a stack and reports changes, for `dev`.
//!
//! Editors write a file in several steps and often replace it. So directories are watched, never single files, and a change is
//! reported after a quiet moment. An unnecessary report costs one comparison, so in doubt there is one.

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, event::ModifyKind};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Quiet time before a change is reported. Saving takes an editor a few milliseconds; a checkout of another branch writes many
/// files, with less than this between two of them.
const QUIET: Duration = Duration::from_millis(120);

/// Files beside the sources that affect the build.
const SETTINGS: [&str; 4] = ["Cargo.toml", "Cargo.lock", "rust-toolchain", "rust-toolchain.toml"];

/// Sources to watch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Directories to watch with everything below, except hidden files, build output and editors' temporary files.
    pub directories: BTreeSet<PathBuf>,
    /// Single files to watch, whatever their location and name.
    pub files: BTreeSet<PathBuf>,
    /// Path of stack.yaml. The manifests and the lockfile beside it are watched as well.
    pub file: PathBuf,
}

/// Watcher that runs until it is dropped.
pub struct Watcher {
    /// Held only to keep it running.
    _watcher: RecommendedWatcher,
    changes: UnboundedReceiver<PathBuf>,
}

/// Reason that watching failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch {}: {source}; the limit of watches may be reached (Linux: fs.inotify.max_user_watches)", path.display())]
pub struct WatchError {
    path: PathBuf,
    source: notify::Error,
}

impl Watcher {
    /// Starts watching. Reports changes from here on, including those before the first call of [`Self::changed`].
    pub fn new(sources: &Sources) -> Result<Self, WatchError> {
        let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let file = real(&sources.file);
        let root = file.parent().unwrap_or(Path::new("/")).to_owned();
        let directories: BTreeSet<PathBuf> = sources.directories.iter().map(|path| real(path)).collect();
        let (sender, changes) = unbounded_channel();
        let (watched, beside) = (directories.clone(), root.clone());
        let files: BTreeSet<PathBuf> = sources.files.iter().map(|path| real(path)).collect();
        let around: BTreeSet<PathBuf> = files.iter().filter_map(|file| file.parent()).map(Path::to_owned).collect();
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| WatchError { path, source }
        };
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            if !is_change(event.kind) {
                return;
            }
            let counts = |path: &&PathBuf| files.contains(*path) || is_source(path, &watched) || is_setting(path, &file, &beside);
            for path in event.paths.iter().filter(counts) {
                // During the drop of the watcher there is no receiver.
                let _ = sender.send(path.clone());
            }
        })
        .map_err(failed(&root))?;
        watcher.watch(&root, RecursiveMode::NonRecursive).map_err(failed(&root))?;
        // Directories below a watched directory are reported with it.
        let elsewhere = |directory: &&PathBuf| directory.is_dir() && !directories.iter().any(|watched| directory.starts_with(watched));
        for directory in around.iter().filter(elsewhere).filter(|directory| **directory != root) {
            watcher.watch(directory, RecursiveMode::NonRecursive).map_err(failed(directory))?;
        }
        for directory in &directories {
            watcher.watch(directory, RecursiveMode::Recursive).map_err(failed(directory))?;
        }
        Ok(Self { _watcher: watcher, changes })
    }

    /// Waits for a change, then for a quiet moment, and returns the changed paths, sorted.
    pub async fn changed(&mut self) -> BTreeSet<PathBuf> {
        let mut changed = BTreeSet::new();
        match self.changes.recv().await {
            Some(path) => drop(changed.insert(path)),
            // The watcher is held by `self`, so its sender lives.
            None => std::future::pending().await,
        }
        while let Ok(Some(path)) = tokio::time::timeout(QUIET, self.changes.recv()).await {
            changed.insert(path);
        }
        changed
    }
}

/// Returns true if content may have changed. Reading a file is an event, too.
fn is_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)))
}

fn is_source(path: &Path, directories: &BTreeSet<PathBuf>) -> bool {
    let below = directories.iter().filter_map(|directory| path.strip_prefix(directory).ok());
    below.min_by_key(|rest| rest.components().count()).is_some_and(|rest| {
        let ignored = |name: &str| name.starts_with('.') || name.ends_with('~') || name == "target" || name == "4913";
        // Vim creates a file named 4913 to test whether it can write.
        !rest.components().any(|part| ignored(&part.as_os_str().to_string_lossy()))
    })
}

fn is_setting(path: &Path, file: &Path, beside: &Path) -> bool {
    path == file || path.parent() == Some(beside) && path.file_name().is_some_and(|name| SETTINGS.iter().any(|setting| name == *setting))
}

#[cfg(test)]
mod tests {
    use super::{Sources, Watcher};
    use std::{collections::BTreeSet, fs, path::PathBuf};

    fn project() -> (tempfile::TempDir, Sources) {
        let directory = tempfile::tempdir().unwrap();
        // On macOS the temporary directory is behind a link.
        let root = fs::canonicalize(directory.path()).unwrap();
        for below in ["pages/parts", "handler/src", "handler/target", "other", "texts"] {
            fs::create_dir_all(root.join(below)).unwrap();
        }
        fs::write(root.join("stack.yaml"), "project: a\n").unwrap();
        let directories = ["pages", "handler"].map(|below| root.join(below)).into();
        let files = ["handler/.label", "texts/mail.txt"].map(|name| root.join(name)).into();
        (directory, Sources { directories, files, file: root.join("stack.yaml") })
    }

    fn names(paths: &BTreeSet<PathBuf>) -> Vec<&str> {
        paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect()
    }

    #[tokio::test]
    async fn sources_count_and_nothing_else_does() {
        let (directory, sources) = project();
        let root = fs::canonicalize(directory.path()).unwrap();
        let mut watcher = Watcher::new(&sources).unwrap();
        for noise in ["pages/.swp", "pages/page.html~", "handler/target/out", "other/file", "notes.txt"] {
            fs::write(root.join(noise), "x").unwrap();
        }
        fs::write(root.join("texts/other.txt"), "x").unwrap();
        fs::read_to_string(root.join("stack.yaml")).unwrap();
        fs::write(root.join("handler/src/main.rs"), "fn main() {}").unwrap();
        assert_eq!(names(&watcher.changed().await), ["main.rs"]);
    }

    #[tokio::test]
    async fn single_files_count_wherever_they_are() {
        let (directory, sources) = project();
        let root = fs::canonicalize(directory.path()).unwrap();
        let mut watcher = Watcher::new(&sources).unwrap();
        for name in ["handler/.label", "texts/mail.txt"] {
            fs::write(root.join(name), "x").unwrap();
        }
        assert_eq!(names(&watcher.changed().await), [".label", "mail.txt"]);
    }

    #[tokio::test]
    async fn many_changes_are_one_report_and_a_replaced_file_is_a_change() {
        let (directory, sources) = project();
        let root = fs::canonicalize(directory.path()).unwrap();
        let mut watcher = Watcher::new(&sources).unwrap();
        fs::write(root.join("stack.yaml.new"), "project: b\n").unwrap();
        fs::rename(root.join("stack.yaml.new"), root.join("stack.yaml")).unwrap();
        fs::write(root.join("pages/parts/a.html"), "a").unwrap();
        fs::write(root.join("Cargo.lock"), "").unwrap();
        assert_eq!(names(&watcher.changed().await), ["Cargo.lock", "a.html", "stack.yaml"]);
    }
}
