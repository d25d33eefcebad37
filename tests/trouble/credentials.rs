//! Sessions that expire in the middle of a run, and a wrong clock.

use super::desk::{Desk, ended, text};
use liveinsight::lock::SETTING;
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use strict_aws::{Config, Faults};

/// Services that a run calls for its sweeps, or as `up` for the tags. Together they use all protocols of AWS.
const ALL: [&str; 10] = ["apigateway", "cloudfront", "cloudwatch", "dynamodb", "iam", "lambda", "logs", "s3", "sts", "tag"];
/// Number of calls between two tries.
const STEP: usize = 13;

/// Runs a command again and again with a session that expires after more and more calls. A run with a lasting session follows each.
/// Returns the number of runs in which the session expired.
async fn expiring(desk: &Desk, command: &str, undo: &str) -> usize {
    let mut expired = 0;
    for call in (1..).step_by(STEP) {
        desk.strict.set_faults(Faults::ExpireAfterCall(call));
        let output = desk.command("ada", &[command]).env(SETTING, "1").output().unwrap();
        desk.strict.set_faults(Faults::None);
        if output.status.success() {
            break;
        }
        let said = ended(&output, 4);
        let errors: Vec<&str> = said.lines().skip_while(|line| !line.starts_with("error: ")).collect();
        let error = errors.join("\n");
        assert_eq!(error.matches("ExpiredToken").count(), 1, "one message: {said}");
        assert!(error.contains("hint: renew the credentials"), "{said}");
        let operation = error.split(": ExpiredToken").next().unwrap().rsplit(' ').next().unwrap();
        assert!(operation.split_once(':').is_some_and(|(service, _)| ALL.contains(&service)), "{said}");
        expired += 1;
        // The lock of the first run expires by itself.
        ended(&desk.run(&[command]), 0);
        // A run without anything left to do does not wait for the lock.
        for _ in 0..100 {
            if desk.lock() == json!(null) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(desk.lock(), json!(null), "{said}");
        if command == "up" {
            ended(&desk.run(&["plan", "--exit-code"]), 0);
        }
        ended(&desk.run(&[undo]), 0);
    }
    expired
}

#[tokio::test(flavor = "multi_thread")]
async fn an_up_whose_session_ends_stops_with_one_message_and_the_next_one_finishes() {
    assert!(expiring(&Desk::new(Config::default()).await, "up", "down").await > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_down_whose_session_ends_stops_with_one_message_and_the_next_one_finishes() {
    let desk = Desk::new(Config::default()).await;
    ended(&desk.run(&["up"]), 0);
    assert!(expiring(&desk, "down", "up").await > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_corrected_by_what_aws_answers() {
    for ahead in [-7200, 7200] {
        let desk = Desk::new(Config { ahead, ..Config::default() }).await;
        ended(&desk.run(&["up"]), 0);
        let log = desk.strict.log();
        let refused = |entry: &&strict_aws::Entry| entry.note.contains("Signature ") || entry.note.contains("RequestTimeTooSkewed");
        // Each service refuses the time once, for those of its first requests that were sent at the same time.
        let services: BTreeSet<&str> = log.iter().filter(refused).map(|entry| entry.operation.split(':').next().unwrap()).collect();
        assert_eq!(services, BTreeSet::from(ALL));
        ended(&desk.run(&["plan", "--exit-code"]), 0);
        // Times are AWS's own, so a wrong clock does not make a lock look older.
        assert_eq!(desk.lock(), json!(null));
        ended(&desk.run(&["down"]), 0);
        assert!(text(&desk.run(&["down"]).stdout).contains("nothing to do"));
    }
}
