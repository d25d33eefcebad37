//! Tests of Ctrl-C and SIGTERM while nothing is being written.

use crate::harness::{Project, SMALL, silent, stderr};
use rustix::process::{Pid, Signal, kill_process};
use std::process::Child;

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[test]
fn an_interruption_ends_with_130_and_says_that_nothing_changed() {
    for signal in [Signal::INT, Signal::TERM] {
        let (url, listener) = silent();
        let project = Project::new(SMALL).endpoint(&url);
        let child = project.command(&["plan"]).spawn().unwrap();
        // Once it has connected, it listens for signals and waits for an answer that never comes.
        let connection = listener.accept().unwrap();
        send(&child, signal);
        let output = child.wait_with_output().unwrap();
        drop(connection);
        assert_eq!(output.status.code(), Some(130));
        assert_eq!(stderr(&output), "interrupted: nothing was changed\n");
    }
}
