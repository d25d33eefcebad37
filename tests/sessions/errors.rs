//! Checks of `docs/errors.md`: it has every exit code, its examples match the real output, and the sources contain the messages it lists.

use super::{replay, same, transcript::Step};
use crate::{
    ci::Job,
    trouble::desk::{send, text},
};
use regex::Regex;
use rustix::process::Signal;
use std::{fs, path::Path};
use strict_aws::{Fault, Faults};
use test_support::workspace;
use tokio::{runtime::Handle, task::block_in_place};

const PAGE: &str = include_str!("../../docs/errors.md");

/// Runs an example, after the preparation that its exit code needs.
async fn run(job: &Job, step: &Step) -> (String, i32) {
    let desk = &job.0;
    match step.code {
        5 => desk.strict.set_faults(Faults::Deny(&["dynamodb:CreateTable"])),
        // The first write is the lock; the second is the one that was denied before.
        6 | 130 => desk.strict.set_faults(Faults::AtWrite(2, Fault::Hung)),
        _ => desk.strict.set_faults(Faults::None),
    }
    let another = if [6, 130].contains(&step.code) { Some(desk.at_work("").await) } else { None };
    if step.code == 130 {
        let interrupted = another.unwrap();
        send(&interrupted, Signal::INT);
        let output = interrupted.wait_with_output().unwrap();
        return (text(&output.stderr) + &text(&output.stdout), output.status.code().unwrap_or(-1));
    }
    let output = job.step(&format!("exec 2>&1\n{}", step.command), &[]);
    if let Some(another) = another {
        send(&another, Signal::INT);
        another.wait_with_output().unwrap();
    }
    (text(&output.stdout), output.status.code().unwrap_or(-1))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_errors_are_what_is_said() {
    let job = Job::new().await;
    let now = |step: &Step| block_in_place(|| Handle::current().block_on(run(&job, step)));
    same(&replay(&workspace().join("docs/errors.md"), now));
}

#[test]
fn every_exit_code_has_its_section() {
    let sources = include_str!("../../src/error.rs");
    let codes = sources.split_once("pub enum Exit {").unwrap().1.split_once("\n}").unwrap().0;
    let codes: Vec<&str> =
        Regex::new(r"(?m)^    \w+ = (\d+),$").unwrap().captures_iter(codes).map(|found| found.extract::<1>().1[0]).collect();
    assert_eq!(codes.len(), 9, "{codes:?}");
    let sections: Vec<&str> = PAGE.lines().filter_map(|line| line.strip_prefix("## ")?.split_once(": ")).map(|(code, _)| code).collect();
    assert_eq!(sections, codes);
}

/// Compares the page's messages with the sources. The page has `…` in place of the names in a message.
#[test]
fn the_listed_messages_are_those_of_the_sources() {
    fn read(directory: &Path, all: &mut String) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, all);
            } else {
                *all += &fs::read_to_string(path).unwrap();
            }
        }
    }
    let mut sources = String::new();
    // The handlers' messages appear in their logs.
    for directory in ["src", "crates", "lambdas/shared/src"] {
        read(&workspace().join(directory), &mut sources);
    }
    // Long texts continue on the next line of the sources.
    let sources = Regex::new(r"\\\n\s*").unwrap().replace_all(&sources, "");
    let messages: Vec<&str> =
        PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(message, _)| message).collect();
    assert!(messages.len() > 10, "{messages:?}");
    for message in messages {
        for part in message.split('…').map(str::trim).filter(|part| !part.is_empty()) {
            assert!(sources.contains(part), "no message has {part:?} any more: {message}");
        }
    }
}
