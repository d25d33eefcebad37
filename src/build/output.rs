//! Cargo's output directory, which several checkouts and projects may share (`CARGO_TARGET_DIR`, `build.target-dir`).
//!
//! Cargo knows a local crate by its path below the workspace, and compares times of modification alone. So what one checkout compiled counts
//! as current in another one of the same repository whose files are older, and in another project whose crate has the same name. A note in the
//! directory says whose its content is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{
    Target,
    dep_info::List,
    evidence::{Lists, is_local},
    workspace::Workspace,
};
use crate::file_lock;

/// The mark of a directory that backups leave out (<https://bford.info/cachedir/>), as cargo sets it where it makes the directory itself.
const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";

/// Origins of the directory's content.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    /// The workspaces that some of it may have been compiled from; an empty path stands for one that is not known.
    from: BTreeSet<PathBuf>,
    /// Times at which rustc left its lists of what is here, after the last build from this workspace.
    lists: BTreeMap<PathBuf, SystemTime>,
}

/// The directory, held by one run at a time.
pub(super) struct Output<'a> {
    /// `None` where it cannot be written to, which is for cargo to say.
    _lock: Option<File>,
    file: PathBuf,
    root: &'a Path,
    note: Note,
    /// Others may build here without a note: cargo itself, for one.
    is_shared: bool,
}

impl<'a> Output<'a> {
    /// Takes the output directory of a workspace, when no other run has it.
    pub(super) async fn take(workspace: &'a Workspace, target: Target) -> Self {
        let (directory, root) = (&workspace.target, workspace.root.as_path());
        // Made here, two runs that are both the first cannot miss each other.
        let is_new = !directory.exists() && std::fs::create_dir_all(directory).is_ok();
        if is_new {
            let _ = std::fs::write(directory.join("CACHEDIR.TAG"), CACHE_TAG);
        }
        let lock = file_lock::exclusive(&directory.join(".liveinsight-lock"), || ()).await.ok();
        let file = directory.join(format!(".liveinsight-{}.json", target.label()));
        let is_shared = !directory.starts_with(root);
        let read = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Note>(&text).ok());
        let mut note = read.unwrap_or_else(|| {
            let is_unknown = is_shared && !is_empty(directory);
            Note { from: is_unknown.then(PathBuf::new).into_iter().collect(), ..Note::default() }
        });
        note.from.insert(root.to_owned());
        let output = Self { _lock: lock, file, root, note, is_shared };
        // Before cargo runs: if this run is killed, some of the content is from here.
        output.write();
        output
    }

    /// Tests whether something that cargo finds up to date was compiled from elsewhere. `list` is what rustc left of it.
    pub(super) fn is_foreign(&self, list: Option<&List>) -> bool {
        self.note.from.len() > 1
            || self.is_shared && list.is_some_and(|list| self.note.lists.get(&list.file).copied() != written(&list.file))
    }

    /// Notes that all that took part in a build was compiled from this workspace.
    pub(super) fn is_ours(&mut self, lists: &Lists<'_>) {
        if self.note.from.len() > 1 {
            self.note = Note { from: [self.root.to_owned()].into(), ..Note::default() };
        }
        if self.is_shared {
            let local = lists.units.iter().filter(|(unit, _)| is_local(&unit.package_id)).filter_map(|(_, list)| list.as_ref());
            self.note.lists.extend(local.filter_map(|list| Some((list.file.clone(), written(&list.file)?))));
        }
        self.write();
    }

    fn write(&self) {
        // Without it, more is compiled than needed.
        let text = serde_json::to_vec(&self.note).unwrap_or_default();
        let _ = std::fs::write(&self.file, text);
    }
}

fn written(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).ok()?.modified().ok()
}

/// Tests whether nothing but this program's own files is in a directory.
fn is_empty(directory: &Path) -> bool {
    let own = |name: &str| name == "CACHEDIR.TAG" || name.starts_with(".liveinsight");
    std::fs::read_dir(directory).into_iter().flatten().flatten().all(|entry| own(&entry.file_name().to_string_lossy()))
}
