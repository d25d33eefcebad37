//! The tracker and the dashboard in a real browser against the product. This file deploys the product; `dashboard/tests` has the tests.
//!
//! The test needs Node (20 or later) with npm, and Chromium at `/usr/bin/chromium` or at the path in `CHROMIUM`. Without them it fails.
//! With `LIVEINSIGHT_SCREENSHOTS` set it also writes `docs/images/dashboard-*.png`, with traffic that `seed` generates.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking, in its helpers as well")]

#[allow(dead_code, reason = "shared with the end-to-end tests, which use more of it")]
#[path = "e2e/project.rs"]
mod project;

use project::Project;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use test_support::workspace;

#[test]
fn tracker_and_dashboard_work_in_a_browser() {
    let chromium = std::env::var("CHROMIUM").map_or_else(|_| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    assert!(chromium.is_file(), "no browser at {}: install chromium (apt-get install chromium), or set CHROMIUM", chromium.display());
    let sources = workspace().join("dashboard");
    finished("npm", Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&sources));

    let project = Project::new();
    project.ok(&["up", "--local"]);
    let outputs = project.ok(&["outputs", "--local", "--format", "json"]).json();
    let node = |arguments: &[&str]| {
        let mut node = Command::new("node");
        node.args(arguments).current_dir(&sources).env("CHROMIUM", &chromium);
        node.env("LIVEINSIGHT_DASHBOARD_URL", outputs["dashboard_url"].as_str().unwrap());
        node.env("LIVEINSIGHT_API_URL", outputs["api_url"].as_str().unwrap());
        node.env("LIVEINSIGHT_PINNED_TAG", outputs["tracker_pinned_tag"].as_str().unwrap());
        finished("node", &mut node)
    };
    // One file after the other: a browser that waits for the processor proves nothing.
    let files = test_files(&sources.join("tests"));
    let options = ["--test", "--test-reporter=tap", "--test-concurrency=1", "--test-force-exit"].into_iter();
    let told = node(&options.chain(files.iter().map(String::as_str)).collect::<Vec<_>>());
    assert!(told.contains("# pass ") && told.contains("# fail 0") && told.contains("# skipped 0"), "{told}");
    if std::env::var_os("LIVEINSIGHT_SCREENSHOTS").is_some() {
        project.ok(&["seed", "--local", "--sessions", "300", "--rate", "20"]);
        node(&["screenshots.js"]);
    }
}

/// Returns the test files for Node one by one, because its versions disagree on the meaning of a directory's name.
fn test_files(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".test.js")).collect();
    names.sort();
    assert!(names.len() > 1, "there are tests in {}", directory.display());
    names
}

/// Runs a command that has to succeed, and returns its standard output.
fn finished(name: &str, command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{name} does not start ({error}): install Node 20 or later with npm"));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name} failed\n{told}\n{}", String::from_utf8_lossy(&output.stderr));
    told
}
