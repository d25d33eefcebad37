//! Cargo's output directory, which several checkouts may share (`CARGO_TARGET_DIR`, `build.target-dir`).
//!
//! Cargo knows a local crate by its path below the workspace, and compares times of modification alone. So what one checkout compiled counts
//! as current in another one of the same repository whose files are older. A note in the directory says whose its content is.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::Target;
use super::workspace::Workspace;
use crate::file_lock;

/// The directory, held by one run at a time.
pub(super) struct Output<'a> {
    /// A directory that is not there is for cargo to make; one that cannot be written, for cargo to name.
    _lock: Option<File>,
    note: PathBuf,
    root: &'a Path,
    /// The last build for the same target began in another checkout.
    pub(super) is_of_another: bool,
}

impl<'a> Output<'a> {
    /// Takes the output directory of a workspace, when no other run has it.
    pub(super) async fn take(workspace: &'a Workspace, target: Target) -> Self {
        let directory = &workspace.target;
        let lock = if directory.is_dir() { file_lock::exclusive(&directory.join(".liveinsight-lock"), || ()).await.ok() } else { None };
        let note = directory.join(format!(".liveinsight-{}", target.label()));
        let root = workspace.root.as_path();
        // Without a note there is nothing, or what cargo itself was told to build; most likely here.
        let is_of_another = std::fs::read(&note).is_ok_and(|noted| noted != root.as_os_str().as_encoded_bytes());
        if is_of_another {
            // Until this build has ended, some of it is one checkout's and some the other's.
            let _ = std::fs::write(&note, "");
        }
        Self { _lock: lock, note, root, is_of_another }
    }

    /// Notes that all of it was compiled from this checkout.
    pub(super) fn is_ours(&self) {
        // Without the note more is compiled than needed, or cargo is believed as it is by others.
        let _ = std::fs::write(&self.note, self.root.as_os_str().as_encoded_bytes());
    }
}
