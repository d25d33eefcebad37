//! The tracker and the dashboard in a real browser against the deployed product: this deploys it, and `web/tests` does the rest.
//!
//! It needs Node (20 or later) with npm, and Chromium at `/usr/bin/chromium` or where `CHROMIUM` says. Without them it fails.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking, in its helpers as well")]

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use test_support::workspace;

/// What a user's checkout holds.
const PARTS: &[&str] = &["Cargo.toml", "Cargo.lock", "src", "lambdas", "dashboard", "stack.yaml", "tests"];

/// A copy of this project with its own local AWS.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for part in PARTS {
            copy(&workspace().join(part), &directory.path().join(part));
        }
        // Installing takes half a minute; the tests' local AWS has done it.
        test_support::endpoint();
        let home = directory.path().join(".liveinsight/aws");
        fs::create_dir_all(&home).unwrap();
        std::os::unix::fs::symlink(workspace().join("target/test-aws/.liveinsight/aws/venv"), home.join("venv")).unwrap();
        Self(directory)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_liveinsight"));
        command.args(arguments).current_dir(self.0.path()).env("CARGO_TARGET_DIR", workspace().join("target"));
        command.env("AWS_EC2_METADATA_DISABLED", "true").env_remove("AWS_ENDPOINT_URL");
        command.output().unwrap()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.run(&["local", "stop"]);
    }
}

#[test]
fn tracker_and_dashboard_work_in_a_browser() {
    let chromium = std::env::var("CHROMIUM").map_or_else(|_| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    assert!(chromium.is_file(), "no browser at {}: install chromium (apt-get install chromium), or set CHROMIUM", chromium.display());
    let web = workspace().join("web");
    finished("npm", Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&web));

    let project = Project::new();
    let up = project.run(&["up", "--local", "--format", "json"]);
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    let outputs: Value = serde_json::from_slice(&project.run(&["outputs", "--local", "--format", "json"]).stdout).unwrap();

    let mut node = Command::new("node");
    // One after the other: a browser that waits for the processor proves nothing.
    node.args(["--test", "--test-concurrency=1", "--test-force-exit", "tests/"]).current_dir(&web).env("CHROMIUM", chromium);
    node.env("LIVEINSIGHT_DASHBOARD_URL", outputs["dashboard_url"].as_str().unwrap());
    node.env("LIVEINSIGHT_API_URL", outputs["api_url"].as_str().unwrap());
    let told = finished("node", &mut node);
    assert!(told.contains("# pass ") && told.contains("# fail 0") && told.contains("# skipped 0"), "{told}");
}

/// What a command said, which has to succeed.
fn finished(name: &str, command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{name} does not start ({error}): install Node 20 or later with npm"));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name} failed\n{told}\n{}", String::from_utf8_lossy(&output.stderr));
    told
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}
