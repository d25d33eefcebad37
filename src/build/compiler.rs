//! A compiler for Lambda that leaves out where on this machine its sources lie.
//!
//! Programs carry the paths of sources, for panics. With the user's home in them, a laptop and a CI machine never make the same zip, and
//! each `up` releases anew. Rustc can replace them (<https://doc.rust-lang.org/rustc/remap-source-paths.html>), but flags that come in by
//! `RUSTFLAGS` or a setting take the place of the user's own. So cargo is given a script as its compiler, which adds them.
//!
//! For a crate beside the workspace, cargo also makes its place a part of all symbols (`-C metadata`); the script puts its name there.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{BuildError, config::cargo_home, evidence::fingerprint, store::write, workspace::Workspace};
use crate::home;

/// Directory in a toolchain with the sources of the standard library, if they are installed.
const LIBRARY_SOURCES: &str = "lib/rustlib/src/rust";

/// The compiler that the script stands for.
pub(super) struct Compiler<'a> {
    /// The program.
    pub(super) program: &'a OsStr,
    /// Its directory, with the sources of the standard library if they are installed.
    pub(super) sysroot: Option<PathBuf>,
    /// The whole of `rustc -vV`.
    pub(super) version: &'a str,
}

/// Makes the script below `directory`, if it is not there. What it adds follows from its arguments alone.
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

/// Returns the script. Of several prefixes of a path the last counts, so the user's own flags stand above these.
fn text(compiler: &Compiler<'_>, workspace: &Workspace) -> String {
    let mut text = String::from("#!/bin/sh\n# Made by liveinsight: leaves out where on this machine the sources lie.\n");
    text.push_str(&own_metadata(workspace));
    // Each registry has a directory, of which a mirror changes the name.
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

/// Returns the part of the script that names local crates by their places in or beside the workspace.
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

/// A directory and those above it, nearest first, each with its name as seen from the first. The root of the file system, with which every
/// path begins, is left out.
fn above(root: &Path) -> impl Iterator<Item = (&Path, String)> {
    let name = |level: usize| if level == 0 { ".".to_owned() } else { vec![".."; level].join("/") };
    let directories = root.ancestors().take_while(|directory| directory.parent().is_some());
    directories.enumerate().map(move |(level, directory)| (directory, name(level)))
}

/// Directories, those that count less first. What lies beside the workspace, such as a crate that it uses, is named from there.
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

/// Cargo's home as it is named, and as it is without links, where that differs.
fn homes() -> Vec<PathBuf> {
    let Some(named) = cargo_home() else { return Vec::new() };
    let real = named.canonicalize().ok().filter(|real| *real != named);
    [Some(named), real].into_iter().flatten().collect()
}

/// As one word of a shell.
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

/// The compiler itself where `rustc` is rustup's way to it, which takes 20 ms each time; otherwise as it is named.
pub(super) fn direct(named: Option<OsString>, sysroot: Option<&Path>) -> OsString {
    let own = sysroot.map(|sysroot| sysroot.join("bin/rustc")).filter(|program| program.is_file());
    named.or_else(|| own.map(Into::into)).unwrap_or_else(|| "rustc".into())
}
