//! Answers of a server that is not AWS.

use super::desk::{Desk, ended, text};
use std::process::Output;
use strict_aws::{Config, Faults, Lie};

const ALL: [Lie; 6] = [Lie::Page, Lie::Nothing, Lie::EmptyObject, Lie::PageInDisguise, Lie::Bomb, Lie::Megabyte];

/// Checks that a run ended with one of these codes and an error that fits on a screen.
#[track_caller]
fn is_short(lie: Lie, output: &Output, codes: &[i32]) {
    let said = text(&output.stderr);
    assert!(output.status.code().is_some_and(|code| codes.contains(&code)), "{lie:?}: {:?} {said}", output.status);
    assert!(said.len() < 4000 && said.contains("error: ") && !said.contains("panicked"), "{lie:?}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_in_place_of_aws_is_not_believed() {
    let desk = Desk::new(Config::default()).await;
    ended(&desk.run(&["up"]), 0);
    for lie in ALL {
        desk.strict.set_faults(Faults::Lies(lie, false));
        for command in ["status", "up", "down"] {
            is_short(lie, &desk.run(&[command]), &[1]);
        }
    }
    // Many writes get an empty answer from AWS, too; only a read shows whether they took effect.
    for lie in ALL {
        desk.strict.set_faults(Faults::Lies(lie, true));
        is_short(lie, &desk.run(&["down"]), &[1, 5]);
    }
    desk.strict.set_faults(Faults::None);
    ended(&desk.run(&["plan", "--exit-code"]), 0);
    ended(&desk.run(&["down"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_be_made_and_is_not_there_is_given_up() {
    let desk = Desk::new(Config::default()).await;
    for lie in [Lie::Page, Lie::Nothing, Lie::Megabyte] {
        desk.strict.set_faults(Faults::Lies(lie, true));
        is_short(lie, &desk.run(&["up"]), &[1, 5]);
    }
    desk.strict.set_faults(Faults::None);
    ended(&desk.run(&["up"]), 0);
    ended(&desk.run(&["plan", "--exit-code"]), 0);
}
