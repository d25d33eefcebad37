//! Recorded sessions: the test replays every `docs/sessions/*.md` with the real program on a local AWS, and compares the output.
//!
//! A session begins with the shipped sources in a repository of their own, and an empty local AWS. `UPDATE_DOCS=1` records the
//! current output; `LIVEINSIGHT_SESSION=rollback` replays only that session. To add a session, add a file: see `docs/sessions/index.md`.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as a test does")]

mod errors;
mod shell;
mod transcript;
mod varying;

use shell::Shell;
use snapbox::{Assert, IntoData};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};
use test_support::workspace;
use transcript::{Step, Transcript};

#[test]
fn the_recorded_sessions_are_what_happens() {
    let shell = Shell::new();
    let mut differences = String::new();
    for path in sessions() {
        shell.begin();
        differences += &replay(&path, |step| shell.run(&step.command));
    }
    same(&differences);
}

/// Returns the files of the sessions by name, without the front page.
fn sessions() -> Vec<PathBuf> {
    let only = std::env::var("LIVEINSIGHT_SESSION").ok();
    let files = fs::read_dir(workspace().join("docs/sessions")).unwrap().map(|entry| entry.unwrap().path());
    let is_wanted = |path: &Path| {
        let name = path.file_stem().unwrap().to_str().unwrap();
        name != "index" && only.as_ref().is_none_or(|only| only == name)
    };
    let mut sessions: Vec<PathBuf> = files.filter(|path| is_wanted(path)).collect();
    assert!(!sessions.is_empty(), "no such session: {only:?}");
    sessions.sort();
    sessions
}

/// Runs the commands of a file, and returns the differences from the recorded output. With `UPDATE_DOCS` it writes the new output into
/// the file instead.
fn replay(path: &Path, run: impl Fn(&Step) -> (String, i32)) -> String {
    let assert = Assert::new().normalize_paths(false).redact_with(varying::redactions());
    let mut transcript = Transcript::read(&fs::read_to_string(path).unwrap());
    assert!(transcript.steps().count() > 0, "{} has no commands", path.display());
    let mut differences = String::new();
    for step in transcript.steps() {
        let (said, code) = run(step);
        let compared = assert.try_eq(None, said.clone().into_data(), step.output.clone().into_data());
        if let Err(difference) = compared {
            write!(differences, "{}:\n$ {}\n{difference}\n", path.display(), step.command).unwrap();
        }
        if code != step.code {
            write!(differences, "{}:\n$ {}\nended with {code}, not {}:\n{said}\n", path.display(), step.command, step.code).unwrap();
        }
        let (said, _) = assert.normalize(said.into_data(), step.output.clone().into_data());
        (step.output, step.code) = (said.to_string(), code);
    }
    if std::env::var_os("UPDATE_DOCS").is_none() {
        return differences;
    }
    fs::write(path, transcript.text()).unwrap();
    String::new()
}

#[track_caller]
fn same(differences: &str) {
    assert!(differences.is_empty(), "{differences}\nIf that is right, `UPDATE_DOCS=1 cargo test --test system sessions` writes it down.");
}
