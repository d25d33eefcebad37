//! Somebody who is not AWS answers in its place.

use crate::desk::{Desk, ended, text};
use std::process::Output;
use strict_aws::{Config, Faults, Lie};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_in_place_of_aws_is_not_believed() {
    let desk = Desk::new(Config::default()).await;
    ended(&desk.run(&["up"]), 0);
    let is_short = |output: &Output, codes: &[i32]| {
        let said = text(&output.stderr);
        assert!(output.status.code().is_some_and(|code| codes.contains(&code)), "{:?} {said}", output.status);
        assert!(said.len() < 2000 && said.contains("error: ") && !said.contains("panicked"), "{said}");
    };
    for lie in [Lie::Page, Lie::Nothing, Lie::EmptyObject, Lie::PageInDisguise, Lie::Bomb, Lie::Megabyte] {
        desk.strict.set_faults(Faults::Lies(lie, false));
        for command in ["status", "up", "down"] {
            is_short(&desk.run(&[command]), &[1]);
        }
    }
    for lie in [Lie::Page, Lie::Nothing, Lie::EmptyObject, Lie::PageInDisguise, Lie::Bomb, Lie::Megabyte] {
        desk.strict.set_faults(Faults::Lies(lie, true));
        is_short(&desk.run(&["down"]), &[1, 5]);
    }
    desk.strict.set_faults(Faults::None);
    ended(&desk.run(&["plan", "--exit-code"]), 0);
    ended(&desk.run(&["down"]), 0);
    for lie in [Lie::Page, Lie::Nothing, Lie::EmptyObject, Lie::PageInDisguise, Lie::Bomb, Lie::Megabyte] {
        desk.strict.set_faults(Faults::Lies(lie, true));
        is_short(&desk.run(&["up"]), &[1, 5]);
    }
    desk.strict.set_faults(Faults::None);
    ended(&desk.run(&["up"]), 0);
}
