//! Checks of `doctor` on this machine.

use super::{content, context::Context, session};
use crate::{
    build::{self, BuildTarget},
    error::CliError,
    stack::Stack,
    venv,
};
use std::path::{Path, PathBuf};

/// Name of a check, and its finding or an error with the next step.
pub(in crate::commands) type Check = (&'static str, Result<String, CliError>);

/// Runs all checks without network; `stack` is `None` if stack.yaml cannot be read. Takes under a tenth of a second.
pub(in crate::commands) async fn checks(context: &Context, stack: Option<&Stack>) -> Vec<Check> {
    let root = stack.map_or_else(|| here(context), |stack| stack.root.clone());
    let targets = stack.map(|stack| content::targets_of(stack, context.globals.local));
    let mut checks = Vec::new();
    // An unreadable stack may have functions.
    if targets.as_ref().is_none_or(|targets| !targets.is_empty()) {
        checks.push(("rust", build::rust_version(&root).await.map_err(CliError::from)));
    }
    let mut python = context.globals.local;
    for (target, functions) in targets.into_iter().flatten() {
        python |= build::needs_cross_compiler(&root, target).await;
        checks.push(("building", means(&root, target, &functions).await));
    }
    if python {
        checks.push(("python3", venv::python_version().await.map_err(CliError::from)));
    }
    checks.push(("directory", writable(&root)));
    checks
}

async fn means(root: &Path, target: BuildTarget, functions: &[String]) -> Result<String, CliError> {
    let means = build::target_means(root, target).await?;
    Ok(format!("{}: {means}", functions.join(", ")))
}

/// Returns the directory that contains, or should contain, stack.yaml.
pub(in crate::commands) fn here(context: &Context) -> PathBuf {
    let file = session::file(context).ok();
    let parent = file.as_deref().and_then(Path::parent).filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

/// Checks that `.liveinsight` can be created or written.
fn writable(root: &Path) -> Result<String, CliError> {
    let home = crate::home::of(root);
    let tried = if home.exists() { home.as_path() } else { root };
    // Only an actual write covers permissions, full disks and read-only mounts.
    let file = tried.join(format!(".liveinsight-doctor-{}", std::process::id()));
    let result = std::fs::write(&file, "").and_then(|()| std::fs::remove_file(&file));
    let error = |error| {
        let message = format!("cannot write in {}: {error}", tried.display());
        CliError::failed(message).hint("packages and the local AWS are kept there; make the directory writable for this user")
    };
    result.map(|()| format!("{} can be written", home.display())).map_err(error)
}
