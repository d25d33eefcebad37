//! Cargo's output directory, which several checkouts and projects may share (`CARGO_TARGET_DIR`, `build.target-dir`).
//!
//! Cargo identifies a local crate by its path below the workspace, and compares only modification times. So output of one
//! checkout counts as current in another checkout of the same repository with older files, and in another project that has a
//! crate of the same name. A note in the directory records which workspaces its content is from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{
    BuildTarget,
    dep_info::List,
    evidence::{Lists, is_local},
    workspace::Workspace,
};
use crate::file_lock;

/// Tag of a directory that backups skip (<https://bford.info/cachedir/>), as cargo writes it into directories that it creates.
const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";

/// Note about the origins of the directory's content.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    /// Workspaces that the content may be from; an empty path stands for an unknown one.
    from: BTreeSet<PathBuf>,
    /// Times at which rustc wrote the lists found here, after the last build from this workspace.
    lists: BTreeMap<PathBuf, SystemTime>,
}

/// Output directory, locked by one run at a time.
pub(super) struct Output<'a> {
    /// File lock; `None` for an unwritable directory, which cargo reports.
    _lock: Option<File>,
    file: PathBuf,
    root: &'a Path,
    note: Note,
    /// Other programs may build here without a note, such as cargo itself.
    is_shared: bool,
}

impl<'a> Output<'a> {
    /// Takes the output directory of a workspace once no other run holds it.
    pub(super) async fn take(workspace: &'a Workspace, target: BuildTarget) -> Self {
        let (directory, root) = (&workspace.target, workspace.root.as_path());
        // Creating the directory here keeps two first runs from missing each other.
        let is_new = !directory.exists() && std::fs::create_dir_all(directory).is_ok();
        if is_new {
            let _ = std::fs::write(directory.join("CACHEDIR.TAG"), CACHE_TAG);
        }
        let lock = file_lock::lock(&directory.join(".liveinsight-lock"), || ()).await.ok();
        let file = directory.join(format!(".liveinsight-{}.json", target.label()));
        let is_shared = !directory.starts_with(root);
        let read = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Note>(&text).ok());
        let mut note = read.unwrap_or_else(|| {
            let is_unknown = is_shared && !is_empty(directory);
            Note { from: is_unknown.then(PathBuf::new).into_iter().collect(), ..Note::default() }
        });
        note.from.insert(root.to_owned());
        let output = Self { _lock: lock, file, root, note, is_shared };
        // The note precedes cargo's run: if this run is killed, some of the content is from here.
        output.write();
        output
    }

    /// Returns true if a unit that cargo finds up to date was compiled from another workspace. `list` is rustc's list of it.
    pub(super) fn is_foreign(&self, list: Option<&List>) -> bool {
        self.note.from.len() > 1
            || self.is_shared && list.is_some_and(|list| self.note.lists.get(&list.file).copied() != written(&list.file))
    }

    /// Records that all units of a build were compiled from this workspace.
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
        // A missing note only causes extra compilation.
        let text = serde_json::to_vec(&self.note).unwrap_or_default();
        let _ = std::fs::write(&self.file, text);
    }
}

fn written(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).ok()?.modified().ok()
}

/// Returns true if a directory contains only this program's own files.
fn is_empty(directory: &Path) -> bool {
    let own = |name: &str| name == "CACHEDIR.TAG" || name.starts_with(".liveinsight");
    std::fs::read_dir(directory).into_iter().flatten().flatten().all(|entry| own(&entry.file_name().to_string_lossy()))
}
