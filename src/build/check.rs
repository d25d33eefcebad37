//! Checks the tools that a build needs on this machine, without building or installing anything.

use super::{
    BuildError, BuildTarget,
    toolchain::{Means, REQUIREMENTS, Rust, quiet, require_standard_library},
};
use crate::{
    home,
    venv::{Venv, last_lines},
};
use std::path::Path;

/// Returns the versions of rustc and cargo that apply in `directory`, on one line.
pub async fn rust_version(directory: &Path) -> Result<String, BuildError> {
    let output = quiet("cargo").arg("--version").current_dir(directory).output().await;
    let output = output.map_err(|_| BuildError::NoCargo { program: "cargo" })?;
    if !output.status.success() {
        return Err(BuildError::Toolchain { program: "cargo", output: last_lines(&String::from_utf8_lossy(&output.stderr)) });
    }
    let rust = Rust::find(directory).await?;
    let rustc = rust.version.lines().next().unwrap_or_default();
    Ok(format!("{rustc}; {}", String::from_utf8_lossy(&output.stdout).trim()))
}

/// Returns true if a build for `target` needs the cross compiler, and with it Python.
pub async fn needs_cross_compiler(root: &Path, target: BuildTarget) -> bool {
    // Without Rust the answer is unknown; another check reports the absence.
    let Ok(rust) = Rust::find(root).await else { return false };
    matches!(rust.means(target).await, Means::Cross(_))
}

/// Describes how `target` is built from the project in `root`. Fails if a tool is missing that this program cannot install.
pub async fn target_means(root: &Path, target: BuildTarget) -> Result<String, BuildError> {
    let Means::Cross(triple) = Rust::find(root).await?.means(target).await else {
        return Ok("cargo builds it as it is".to_owned());
    };
    require_standard_library(root, triple).await?;
    let tools = home::of(root).join("tools").join("zig");
    let installed = Venv::open(&tools, REQUIREMENTS).is_some();
    Ok(if installed { format!("zig builds {triple}") } else { format!("the first `up` installs zig, which builds {triple}") })
}
