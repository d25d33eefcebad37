//! `--log`: a line of JSON for every attempt of a call, without secrets.

use super::desk::{Desk, ended};
use serde_json::Value;
use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt};
use strict_aws::{Config, Fault};

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_a_line_and_a_repeated_call_is_two() {
    let desk = Desk::new(Config::default()).await;
    desk.at_first_write(Fault::LostThenReset);
    ended(&desk.run(&["up", "--log", "calls.jsonl"]), 0);
    let file = desk.directory.path().join("calls.jsonl");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |operations: &mut dyn Iterator<Item = String>| {
        operations.fold(BTreeMap::new(), |mut counts: BTreeMap<String, usize>, operation| {
            *counts.entry(operation).or_default() += 1;
            counts
        })
    };
    let logged = count(&mut lines.iter().map(|line| line["operation"].as_str().unwrap().to_owned()));
    // The program looks up the account with sts before it has an account to call. These requests bypass the call layer, which writes the log.
    let asked = desk.strict.log().into_iter().map(|entry| entry.operation.clone()).filter(|operation| !operation.starts_with("sts:"));
    assert_eq!(logged, count(&mut asked.into_iter()));
    let again: Vec<&Value> = lines.iter().filter(|line| line["attempt"] == 2).collect();
    assert_eq!(again.len(), 1, "{text}");
    let first = lines.iter().find(|line| line["operation"] == again[0]["operation"] && line["outcome"] == "no answer").unwrap();
    assert!(first["attempt"] == 1 && first["write"] == true, "{first}");
    let table = lines.iter().find(|line| line["operation"] == "dynamodb:CreateTable").unwrap();
    assert_eq!((&table["resource"], &table["outcome"]), (&Value::from("dynamodb.table/notes"), &Value::from("ok")));
    assert!(lines.iter().all(|line| line["milliseconds"].is_u64() && line["timestamp"].is_string()), "{text}");
    assert!(lines.iter().any(|line| line["request_id"].is_string()), "{text}");

    // A second run appends, and a file that cannot be written is refused before any call.
    ended(&desk.run(&["status", "--log", "calls.jsonl"]), 0);
    assert!(fs::read_to_string(&file).unwrap().starts_with(&text));
    let calls = desk.strict.log().len();
    let said = ended(&desk.run(&["status", "--log", "missing/calls.jsonl"]), 1);
    assert!(said.contains("cannot write the log of calls to missing/calls.jsonl"), "{said}");
    assert_eq!(desk.strict.log().len(), calls);
    ended(&desk.run(&["down"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_request_holds_is_logged() {
    let desk = Desk::new(Config::default()).await;
    ended(&desk.run(&["up", "--log", "calls.jsonl"]), 0);
    let text = fs::read_to_string(desk.directory.path().join("calls.jsonl")).unwrap();
    // Parts of a signature, its header, the page, and a field of a request.
    for secret in ["AWS4-HMAC", "Signature", "authorization", "<p>hello</p>", "partition_key"] {
        assert!(!text.contains(secret), "{secret}");
    }
    ended(&desk.run(&["down"]), 0);
}
