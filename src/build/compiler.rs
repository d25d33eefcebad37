//! Wraps the compiler for Lambda, so that programs do not contain the location of their sources on this machine.
//!
//! Programs carry source paths for panic messages. With the user's home in them, a laptop and a CI machine never make the same
//! zip, and each `up` makes a new release. Rustc can remap paths (<https://doc.rust-lang.org/rustc/remap-source-paths.html>),
//! but flags in `RUSTFLAGS` or a setting replace the user's own. So cargo gets a script as its compiler, which adds them.
//!
//! For a crate beside the workspace, cargo also hashes its location into all symbols (`-C metadata`). The script passes the
//! crate's name instead.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{BuildError, config::cargo_home, evidence::fingerprint, store::write, workspace::Workspace};
use crate::home;

/// Directory in a toolchain with the sources of the standard library, if installed.
const LIBRARY_SOURCES: &str = "lib/rustlib/src/rust";

/// Compiler that the script wraps.
pub(super) struct Compiler<'a> {
    /// Path or name of the program.
    pub(super) program: &'a OsStr,
    /// Sysroot of the compiler, with the sources of the standard library if installed.
    pub(super) sysroot: Option<PathBuf>,
    /// Full output of `rustc -vV`.
    pub(super) version: &'a str,
}

/// Writes the script below `directory` unless it exists. The flags that it adds depend only on its arguments.
pub(super) fn script(directory: &Path, compiler: &Compiler<'_>, workspace: &Workspace) -> Result<PathBuf, BuildError> {
    let text = text(compiler, workspace);
    let directory = directory.join(fingerprint(text.as_bytes()));
    let path = directory.join("rustc");
    if std::fs::read_to_string(&path).is_ok_and(|found| found == text) {
        return Ok(path);
    }
    let failed = |source| BuildError::Write { path: path.clone(), source };
    home::create(&directory).map_err(failed)?;
    let new = directory.join(format!("rustc.{}", std::process::id()));
    write(&new, text.as_bytes())?;
    make_executable(&new).and_then(|()| std::fs::rename(&new, &path)).map_err(failed)?;
    Ok(path)
}

/// Returns the script's text. Of several matching prefixes rustc applies the last, so the user's own flags take precedence over
/// these.
fn text(compiler: &Compiler<'_>, workspace: &Workspace) -> String {
    let mut text = String::from("#!/bin/sh\n# Made by liveinsight: leaves out where on this machine the sources lie.\n");
    text.push_str(&own_metadata(workspace));
    // Each registry has its own directory, and a mirror changes its name.
    for home in homes() {
        let _ = write!(
            text,
            "for sources in {home}/registry/src/*; do\n  set -- --remap-path-prefix=\"$sources\"=/cargo/registry \"$@\"\ndone\n\
             set -- --remap-path-prefix={home}/git/checkouts=/cargo/git \"$@\"\n",
            home = quoted(home.as_os_str())
        );
    }
    let mut arguments = String::new();
    for (from, to) in prefixes(compiler, workspace) {
        let _ = write!(arguments, " --remap-path-prefix={}={}", quoted(from.as_os_str()), quoted(OsStr::new(&to)));
    }
    let _ = writeln!(text, "exec {}{arguments} \"$@\"", quoted(compiler.program));
    text
}

/// Returns the part of the script that identifies local crates by their location in or beside the workspace.
fn own_metadata(workspace: &Workspace) -> String {
    let mut text = String::from("case \"$CARGO_MANIFEST_DIR\" in\n");
    for home in homes() {
        let _ = writeln!(text, "  {home}/registry/*|{home}/git/*) place= ;;", home = quoted(home.as_os_str()));
    }
    for (directory, name) in above(&workspace.root) {
        let directory = quoted(directory.as_os_str());
        let _ = writeln!(text, "  {directory}|{directory}/*) place={name}\"${{CARGO_MANIFEST_DIR#{directory}}}\" ;;");
    }
    text.push_str(
        "  *) place=$CARGO_MANIFEST_DIR ;;\nesac\n\
         if [ -n \"$place\" ]; then\n  for argument do\n    shift\n    case $argument in\n      \
         metadata=*) argument=\"metadata=$CARGO_PKG_NAME $CARGO_PKG_VERSION $place\" ;;\n    esac\n    \
         set -- \"$@\" \"$argument\"\n  done\nfi\n",
    );
    text
}

/// Returns a directory and its ancestors, nearest first, each with its path relative to the first. The file system's root is
/// left out, because every path begins with it.
fn above(root: &Path) -> impl Iterator<Item = (&Path, String)> {
    let name = |level: usize| if level == 0 { ".".to_owned() } else { vec![".."; level].join("/") };
    let directories = root.ancestors().take_while(|directory| directory.parent().is_some());
    directories.enumerate().map(move |(level, directory)| (directory, name(level)))
}

/// Returns the path prefixes to remap, the least specific first. A crate beside the workspace gets a path relative to the
/// workspace.
fn prefixes(compiler: &Compiler<'_>, workspace: &Workspace) -> Vec<(PathBuf, String)> {
    let mut prefixes: Vec<_> = above(&workspace.root).map(|(directory, name)| (directory.to_owned(), name)).collect();
    prefixes.reverse();
    if !workspace.target.starts_with(&workspace.root) {
        prefixes.push((workspace.target.clone(), "./target".to_owned()));
    }
    let commit = compiler.version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).filter(|hash| *hash != "unknown");
    if let (Some(sysroot), Some(commit)) = (&compiler.sysroot, commit) {
        prefixes.push((sysroot.join(LIBRARY_SOURCES), format!("/rustc/{commit}")));
    }
    prefixes
}

/// Returns cargo's home as configured, and with links resolved where that differs.
fn homes() -> Vec<PathBuf> {
    let Some(named) = cargo_home() else { return Vec::new() };
    let real = named.canonicalize().ok().filter(|real| *real != named);
    [Some(named), real].into_iter().flatten().collect()
}

/// Quotes text as one shell word.
fn quoted(text: &OsStr) -> String {
    format!("'{}'", text.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Returns the compiler itself where `rustc` is rustup's proxy, which takes 20 ms per start. Otherwise returns the given name.
pub(super) fn direct(named: Option<OsString>, sysroot: Option<&Path>) -> OsString {
    let own = sysroot.map(|sysroot| sysroot.join("bin/rustc")).filter(|program| program.is_file());
    named.or_else(|| own.map(Into::into)).unwrap_or_else(|| "rustc".into())
}
