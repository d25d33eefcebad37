//! Output and storage that fail: a closed pipe, a full disk, a directory or a home that is not usable.

use super::desk::{Desk, ended, until};
use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output},
};
use strict_aws::Config;

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_goes_away_or_a_full_disk_does_not_stop_the_work() {
    let desk = Desk::new(Config::default()).await;
    let mut child = desk.command("ada", &["up", "--format", "json"]).spawn().unwrap();
    until(child.stdout.as_mut().unwrap(), "\n");
    drop(child.stdout.take());
    ended(&child.wait_with_output().unwrap(), 0);
    ended(&desk.run(&["plan", "--exit-code"]), 0);

    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = desk.command("ada", &["down"]).stdout(full).output().unwrap();
    let said = ended(&output, 1);
    assert!(said.contains("error: cannot write to stdout: No space left on device"), "{said}");
    assert!(ended(&desk.run(&["down"]), 0).contains("nothing to do"));
    // Neither stream takes output.
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let output = desk.command("ada", &["up"]).stdout(full()).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    ended(&desk.run(&["plan", "--exit-code"]), 0);
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("stack.yaml"), "project: demo\nregion: us-east-1\n").unwrap();
    // A file at this path stops even root.
    fs::write(directory.path().join(".liveinsight"), "").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveinsight"));
    let output = command.args(["status", "--local"]).current_dir(directory.path()).output().unwrap();
    let said = ended(&output, 1);
    assert!(said.contains(".liveinsight") && said.starts_with("error: "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_cannot_be_used_is_not_needed() {
    let desk = Desk::new(Config::default()).await;
    // A file at this path stops even root.
    let home = desk.directory.path().join("home");
    fs::write(&home, "").unwrap();
    for command in ["up", "status", "down"] {
        ended(&desk.command("ada", &[command]).env("HOME", &home).output().unwrap(), 0);
    }
}

/// Project with one function that builds in a second, and a local AWS of its own.
struct Workshop(tempfile::TempDir);

impl Workshop {
    fn new() -> Self {
        // Installing takes half a minute; starting the tests' local AWS has already done it.
        test_support::endpoint();
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "stack.yaml",
            "project: demo\nregion: us-east-1\nenvironments: { dev: {} }\nfunctions:\n  hello: { source: lambdas/hello }\n",
        );
        write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"lambdas/*\"]\n[profile.lambda]\ninherits = \"release\"\n");
        write("lambdas/hello/Cargo.toml", "[package]\nname = \"full-disk-hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        write("lambdas/hello/src/main.rs", "fn main() {}\n");
        test_support::end_local_aws_with_this_process(directory.path());
        Self(directory)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.0.path()).env("CARGO_TARGET_DIR", self.path("target"));
        command.env(liveinsight::cache::CACHE_DIR, test_support::cache());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_liveinsight")).args(arguments).output().unwrap()
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = self.run(&["local", "stop"]);
    }
}

#[test]
fn a_full_disk_under_the_local_aws_leaves_no_server_behind() {
    let workshop = Workshop::new();
    // A link to a device that refuses every byte with the error of a full disk.
    let full = workshop.path(".liveinsight/aws/server.json.new");
    fs::create_dir_all(full.parent().unwrap()).unwrap();
    symlink("/dev/full", &full).unwrap();
    let said = ended(&workshop.run(&["local", "start"]), 1);
    assert!(said.contains("server.json") && said.contains("No space left on device"), "{said}");
    assert!(said.contains("free some space there, and run it again"), "{said}");
    let is_ours = |process: &Path| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(workshop.0.path()));
    let left: Vec<_> = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).filter(|path| is_ours(path)).collect();
    assert!(left.is_empty(), "{left:?}");
    fs::remove_file(full).unwrap();
    ended(&workshop.run(&["local", "start"]), 0);
}

#[test]
fn a_package_that_does_not_fit_is_named_and_made_when_there_is_room() {
    let workshop = Workshop::new();
    ended(&workshop.run(&["up", "--local"]), 0);
    let built = || {
        let files = fs::read_dir(workshop.path(".liveinsight")).unwrap().flatten().map(|entry| entry.path());
        files.filter(|path| path.is_dir() && !path.ends_with("aws")).flat_map(|path| walk(&path)).collect::<Vec<_>>()
    };
    let is_package = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "zip");
    let package = built().into_iter().find(is_package).unwrap();
    let before = fs::read(&package).unwrap();
    fs::remove_file(&package).unwrap();
    // The limit stops every larger file; cargo has nothing to build.
    let limited = "trap '' XFSZ; ulimit -f 16; exec \"$0\" up --local";
    let output = workshop.command("sh").args(["-c", limited, env!("CARGO_BIN_EXE_liveinsight")]).output().unwrap();
    let said = ended(&output, 1);
    assert!(said.contains("cannot write ") && said.contains("hello-") && said.contains("File too large"), "{said}");
    assert!(said.contains("ulimit -f"), "{said}");
    assert!(!package.exists());
    ended(&workshop.run(&["up", "--local"]), 0);
    assert_eq!(fs::read(&package).unwrap(), before);
    ended(&workshop.run(&["plan", "--local", "--exit-code"]), 0);
    ended(&workshop.run(&["down", "--local"]), 0);
}

/// Returns all files below a directory.
fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
