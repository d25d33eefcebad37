//! Two programs at the same time on one account. With the lock, one waits for the other, or reports that it does not wait. Without the
//! lock they interfere with each other, and the next run still makes the stack correct.
//!
//! `LIVEINSIGHT_RELIABILITY=all cargo test --test system rivals:: -- --nocapture` runs fifteen rounds of seven pairs and prints how each
//! ended; `LIVEINSIGHT_RIVALS=3` runs three rounds. Without either variable, the test runs four of the pairs once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking, in its helpers as well")]

use crate::e2e::project::{Project, Run};
use liveinsight::lock::SETTING;
use serde_json::json;
use std::{collections::BTreeMap, thread};

/// Environment variable with the number of rounds.
const ROUNDS: &str = "LIVEINSIGHT_RIVALS";

/// Environment variable that asks for fifteen rounds if it is `all`; the other tests of reliability then try everything.
const EFFORT: &str = "LIVEINSIGHT_RELIABILITY";

const UP: &[&str] = &["up", "--local", "--no-build"];
const DOWN: &[&str] = &["down", "--local"];

/// Number of times that a pair of runs ended with these exit codes.
type Endings = BTreeMap<(&'static str, [i32; 2]), usize>;

struct Rivals {
    project: Project,
    /// Listing of the account when the stack is up, without ids.
    whole: Vec<String>,
    endings: Endings,
}

impl Rivals {
    fn new() -> Self {
        let project = Project::new();
        project.ok(&["up", "--local"]);
        let mut rivals = Self { project, whole: Vec::new(), endings: Endings::new() };
        rivals.whole = rivals.listing();
        rivals
    }

    /// Lists the account with another client, without ids, which differ from run to run.
    fn listing(&self) -> Vec<String> {
        let lines = self.project.other_client(&["list"]);
        let without_id = |line: String| match line.split(' ').collect::<Vec<_>>()[..] {
            ["api", name, _] => format!("api {name}"),
            ["distribution", _] => "distribution".to_owned(),
            ["log", "group", name] if name.contains("Execution-Logs_") => "log group of the api".to_owned(),
            _ => line,
        };
        let mut lines: Vec<String> = lines.into_iter().map(without_id).collect();
        lines.sort();
        lines
    }

    /// Runs two programs at the same time, one as `ada` and one as `bob`.
    fn at_once(&mut self, what: &'static str, lock: &str, commands: [&[&str]; 2]) -> [Run; 2] {
        let project = &self.project;
        let run = |user: &str, arguments: &[&str]| {
            let mut command = project.command(arguments);
            command.env("USER", user).env(SETTING, lock);
            Run::of(arguments, command.output().unwrap())
        };
        let runs = thread::scope(|scope| {
            let ada = scope.spawn(|| run("ada", commands[0]));
            let bob = run("bob", commands[1]);
            [ada.join().unwrap(), bob]
        });
        let codes = [runs[0].code(), runs[1].code()];
        *self.endings.entry((what, codes)).or_default() += 1;
        for run in &runs {
            assert!(!run.stderr().contains("panicked"), "{what}: {}", run.stderr());
        }
        runs
    }

    #[track_caller]
    fn is_up(&self, what: &str) {
        self.project.run(&["plan", "--local", "--no-build", "--exit-code"]).expect(0);
        assert_eq!(self.listing(), self.whole, "{what}");
        let status = self.project.ok(&["status", "--local", "--format", "json"]).json();
        assert_eq!((&status["summary"]["in_sync"], &status["lock"]), (&json!(59), &json!(null)), "{what}");
    }

    #[track_caller]
    fn is_gone(&self, what: &str) {
        assert_eq!(self.listing(), Vec::<String>::new(), "{what}");
    }

    /// Runs pairs with the lock: both succeed, and one waits for the other if they meet.
    fn with_the_lock(&mut self) {
        self.project.ok(DOWN);
        let runs = self.at_once("up and up", "", [UP, UP]);
        all_well("up and up", &runs);
        self.is_up("up and up");

        let runs = self.at_once("down and down", "", [DOWN, DOWN]);
        all_well("down and down", &runs);
        self.is_gone("down and down");
    }

    /// Runs a `down` beside an `up`, and an `up --no-wait` beside an `up`.
    fn with_the_lock_and_other_aims(&mut self) {
        self.project.ok(UP);
        let runs = self.at_once("down and up", "", [DOWN, UP]);
        all_well("down and up", &runs);
        self.project.ok(UP);
        self.is_up("down and up");

        self.project.ok(DOWN);
        let runs = self.at_once("up and up --no-wait", "", [UP, &[UP, &["--no-wait"]].concat()]);
        runs[0].expect(0);
        if runs[1].code() == 6 {
            let text = runs[1].stderr();
            assert!(
                text.contains("error: locked by ada@") && text.contains(" (up since 20") && text.contains("hint: if that run is dead"),
                "{text}"
            );
            assert_eq!(runs[1].stdout(), "");
        } else {
            runs[1].expect(0);
        }
        self.is_up("up and up --no-wait");
    }

    /// Runs pairs without the lock: they may fail, and the next run repairs the stack.
    fn without_the_lock(&mut self) {
        for (what, commands) in [("up and up, no lock", [UP, UP]), ("down and up, no lock", [DOWN, UP])] {
            if what.starts_with("up") {
                self.project.ok(DOWN);
            }
            let runs = self.at_once(what, "off", commands);
            let said = || format!("{what}:\n{}\n---\n{}", runs[0].stderr(), runs[1].stderr());
            assert!(runs.iter().all(|run| [0, 1, 5].contains(&run.code())), "{}", said());
            let next = self.project.run(UP);
            assert_eq!(next.code(), 0, "{}\n--- next:\n{}", said(), next.stderr());
            self.is_up(&said());
        }
    }

    fn without_the_lock_removing(&mut self) {
        let runs = self.at_once("down and down, no lock", "off", [DOWN, DOWN]);
        assert!(runs.iter().all(|run| [0, 1, 5].contains(&run.code())), "{}\n{}", runs[0].stderr(), runs[1].stderr());
        self.project.ok(DOWN);
        self.is_gone("down and down, no lock");
    }
}

fn all_well(what: &str, runs: &[Run; 2]) {
    for run in runs {
        assert_eq!(run.code(), 0, "{what}:\n{}\n---\n{}", runs[0].stderr(), runs[1].stderr());
    }
}

#[test]
fn two_programs_at_once_leave_one_correct_stack() {
    let thorough = std::env::var(EFFORT).is_ok_and(|value| value == "all");
    let rounds: Option<usize> = std::env::var(ROUNDS).ok().and_then(|rounds| rounds.parse().ok()).or(thorough.then_some(15));
    let mut rivals = Rivals::new();
    for round in 1..=rounds.unwrap_or(1) {
        rivals.with_the_lock();
        rivals.without_the_lock();
        if rounds.is_some() {
            rivals.without_the_lock_removing();
            rivals.with_the_lock_and_other_aims();
        }
        show(round, &rivals.endings);
    }
    rivals.project.ok(DOWN);
}

#[expect(clippy::print_stdout, reason = "the figures are what the long run is for")]
fn show(round: usize, endings: &Endings) {
    println!("after round {round}:");
    for ((what, [ada, bob]), count) in endings {
        println!("{count:4} x {what}: ended with {ada} and {bob}");
    }
}
