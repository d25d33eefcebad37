//! Copies of the workspace, and a build output for them that begins with the compiled dependencies.

use crate::workspace;
use std::{fs, path::Path};

/// Copies files and directories of the workspace that exist, with their times: a copy of the same file is not newer than what cargo made of it.
///
/// # Panics
/// If a file cannot be read or written.
pub fn copy_of_workspace(parts: &[&str], to: &Path) {
    for part in parts {
        copy(&workspace().join(part), &to.join(part));
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a directory can be made");
        for entry in fs::read_dir(from).expect("the workspace can be read") {
            let entry = entry.expect("the workspace can be read");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap_or(to)).expect("a directory can be made");
        fs::copy(from, to).expect("a file can be copied");
        let time = fs::metadata(from).and_then(|about| about.modified()).expect("the file has a time");
        fs::File::options().write(true).open(to).and_then(|file| file.set_modified(time)).expect("the copy can be written");
    }
}

/// Links what cargo compiled for the running test into another build output, without the workspace's own crates. In the workspace's own output,
/// `cargo clean` for a copy's crate would delete the executables of other tests, which go by its name.
pub fn link_dependencies(output: &Path) {
    for part in ["deps", "build", ".fingerprint"] {
        link(&workspace().join("target/debug").join(part), &output.join("debug").join(part), &is_of_dependency);
    }
}

/// Returns true unless a file or directory of cargo's output is of a crate of the workspace.
fn is_of_dependency(name: &str) -> bool {
    const OWN: [&str; 7] = ["event", "features", "hello", "liveinsight", "realtime", "shared", "stats"];
    let name = name.trim_start_matches("lib");
    !OWN.iter().any(|own| name.starts_with(&format!("{own}-")) || name.starts_with(&format!("{own}_")))
}

/// Links the files below a directory that are not there yet.
fn link(from: &Path, to: &Path, is_wanted: &dyn Fn(&str) -> bool) {
    fs::create_dir_all(to).expect("target/ can be written");
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let (path, to) = (entry.path(), to.join(&name));
        if !is_wanted(&name.to_string_lossy()) {
            continue;
        }
        if path.is_dir() {
            link(&path, &to, &|_| true);
        } else if !to.exists() {
            // Another test process may link the same.
            let _ = fs::hard_link(path, to);
        }
    }
}
