//! Lock that allows one run at a time, and runs that are interrupted.

use super::desk::{Desk, ended, send, until};
use aws_sdk_s3::primitives::ByteStream;
use liveinsight::lock::LOCK_KEY;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use strict_aws::{Config, Faults};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_lock_is_shown_and_gives_it_back_when_interrupted() {
    for signal in [Signal::INT, Signal::TERM] {
        let desk = Desk::slow().await;
        assert_eq!(desk.lock(), json!(null));
        let child = desk.at_work("").await;

        let lock = desk.lock();
        assert!(lock["holder"].as_str().unwrap().starts_with("ada@") && lock["command"] == "up", "{lock}");
        assert!(lock["since"].as_str().unwrap() < lock["expires"].as_str().unwrap(), "{lock}");
        let said = ended(&desk.run(&["status"]), 0);
        assert!(said.contains("\nlocked by ada@") && said.contains(" (up since 20"), "{said}");
        // The lock does not stop a command that only reads.
        ended(&desk.run(&["plan"]), 0);
        for command in [&["up", "--no-wait"][..], &["down", "--no-wait"]] {
            let said = ended(&desk.run(command), 6);
            assert!(said.contains("error: locked by ada@"), "{said}");
            assert!(said.contains("hint: without --no-wait this command waits"), "{said}");
            assert!(said.contains("hint: if that run is dead, its lock ends by itself at 20"), "{said}");
        }

        send(&child, signal);
        let said = ended(&child.wait_with_output().unwrap(), 130);
        // `up` cuts off a hung call early enough to release the lock before its caller kills the process.
        assert!(said.contains("stopping: what is in flight may finish, up to 6 s") && said.contains("What was in flight:"), "{said}");
        assert_eq!(desk.lock(), json!(null), "{said}");
        desk.strict.set_faults(Faults::None);
        ended(&desk.run(&["up", "--no-wait"]), 0);
        ended(&desk.run(&["plan", "--exit-code"]), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_says_for_whom_and_can_be_interrupted_without_having_changed_anything() {
    let desk = Desk::slow().await;
    let child = desk.at_work("").await;
    let mut waiting = desk.command("bob", &["up", "--format", "json"]).spawn().unwrap();
    let mut lines = BufReader::new(waiting.stdout.take().unwrap()).lines();
    let locked: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert!(locked["event"] == "locked" && locked["holder"].as_str().unwrap().starts_with("ada@"), "{locked}");
    until(waiting.stderr.as_mut().unwrap(), "waiting for ada@");
    send(&waiting, Signal::INT);
    let said = ended(&waiting.wait_with_output().unwrap(), 130);
    assert!(said.contains("interrupted: nothing was changed"), "{said}");
    assert!(desk.lock()["holder"].as_str().unwrap().starts_with("ada@"));
    send(&child, Signal::TERM);
    ended(&child.wait_with_output().unwrap(), 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once_and_the_lock_ends_by_itself() {
    let desk = Desk::slow().await;
    let mut child = desk.at_work("4").await;
    send(&child, Signal::INT);
    until(child.stderr.as_mut().unwrap(), "stopping:");
    send(&child, Signal::INT);
    ended(&child.wait_with_output().unwrap(), 130);
    desk.strict.set_faults(Faults::None);
    let said = ended(&desk.run(&["up"]), 0);
    assert!(said.contains("waiting for ada@"), "{said}");
    assert_eq!(desk.lock(), json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_lost_the_lock_stops_and_leaves_it_to_the_other() {
    let desk = Desk::slow().await;
    let child = desk.at_work("3").await;
    let other = r#"{"nonce":"n","holder":"carol@ci","command":"down","lease_seconds":600}"#;
    let (aws, bucket) = desk.aws().await;
    aws.s3.put_object().bucket(&bucket).key(LOCK_KEY).body(ByteStream::from_static(other.as_bytes())).send().await.unwrap();
    let said = ended(&child.wait_with_output().unwrap(), 6);
    assert!(said.contains("another run took over the lock") && said.contains("carol@ci (down since 20"), "{said}");
    assert_eq!(desk.lock()["holder"], "carol@ci");
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_in_the_place_of_the_lock_is_respected_and_said() {
    let desk = Desk::new(Config::default()).await;
    ended(&desk.run(&["up"]), 0);
    let (aws, bucket) = desk.aws().await;
    aws.s3.put_object().bucket(&bucket).key(LOCK_KEY).body(ByteStream::from_static(b"<html>\x1b[2J")).send().await.unwrap();
    // A run with nothing to do takes no lock.
    ended(&desk.run(&["up", "--no-wait"]), 0);
    let said = ended(&desk.run(&["down", "--no-wait"]), 6);
    assert!(said.contains("locked by an unknown run (the lock is malformed"), "{said}");
    let said = ended(&desk.run(&["status"]), 0);
    assert!(said.contains("locked by an unknown run") && !said.contains('\x1b'), "{said}");
    aws.s3.delete_object().bucket(&bucket).key(LOCK_KEY).send().await.unwrap();
    ended(&desk.run(&["down", "--no-wait"]), 0);
}
