//! Tags and locks of other origin: edited by hand, or written by a future version of this program.

use super::desk::{Desk, ended};
use aws_sdk_dynamodb::types::Tag;
use aws_sdk_s3::primitives::ByteStream;
use liveinsight::{
    aws::{APPLIED, STACK},
    lock::LOCK_KEY,
};
use serde_json::Value;
use strict_aws::Config;

/// Returns a client, the table's name, and the table's ARN, which calls on its tags need.
async fn table(desk: &Desk) -> (aws_sdk_dynamodb::Client, String, String) {
    let (aws, _) = desk.aws().await;
    let names = aws.dynamodb.list_tables().send().await.unwrap();
    let name = names.table_names()[0].clone();
    let arn = aws.arn("dynamodb", &format!("table/{name}"));
    (aws.dynamodb.clone(), name, arn)
}

async fn tag(desk: &Desk, key: &str, value: &str) {
    let (dynamodb, _, arn) = table(desk).await;
    let tag = Tag::builder().key(key).value(value).build().unwrap();
    dynamodb.tag_resource().resource_arn(arn).tags(tag).send().await.unwrap();
}

/// Returns the table's entry in `status`.
fn status(desk: &Desk) -> Value {
    let output = desk.run(&["status", "--format", "json"]);
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    let resources = status["resources"].as_array().unwrap();
    resources.iter().find(|resource| resource["id"] == "dynamodb.table/notes").unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_marked_as_somebody_elses_by_hand_is_left_alone_until_it_is_adopted() {
    let desk = Desk::new(Config::default()).await;
    ended(&desk.run(&["up"]), 0);
    tag(&desk, STACK, "other/prod").await;
    let before = desk.strict.log().iter().filter(|entry| entry.write).count();
    let said = ended(&desk.run(&["up"]), 1);
    assert!(said.contains("dynamodb.table/notes") && said.contains("other/prod") && said.contains("--adopt"), "{said}");
    // `up` ends before its first write.
    assert_eq!(desk.strict.log().iter().filter(|entry| entry.write).count(), before);
    // `down` deletes only resources that are provably the stack's.
    let said = ended(&desk.run(&["down"]), 0);
    assert!(said.contains("dynamodb.table/notes stays, it is not this stack's"), "{said}");
    let (dynamodb, name, arn) = table(&desk).await;
    dynamodb.describe_table().table_name(&name).send().await.expect("it is still there");
    // Without the tag the table belongs to no stack, so it is not this stack's either.
    dynamodb.untag_resource().resource_arn(&arn).tag_keys(STACK).send().await.unwrap();
    assert!(ended(&desk.run(&["up"]), 1).contains("--adopt"));
    assert!(ended(&desk.run(&["down"]), 0).contains("stays"));
    ended(&desk.run(&["up", "--adopt"]), 0);
    ended(&desk.run(&["plan", "--exit-code"]), 0);
    ended(&desk.run(&["down"]), 0);
    assert!(dynamodb.describe_table().table_name(&name).send().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_of_the_program_or_nonsense_in_the_marks_does_no_harm() {
    let desk = Desk::new(Config::default()).await;
    ended(&desk.run(&["up"]), 0);
    for marks in ["v2:{fields=9}", "", "....", &"0".repeat(256), "zzzz.\u{e4}\u{e4}"] {
        tag(&desk, APPLIED, marks).await;
        tag(&desk, "liveinsight:format", "2").await;
        let table = status(&desk);
        assert_eq!(table["state"], "drifted", "{marks:?}: {table}");
        // The plan changes only the tags, and deletes or replaces nothing.
        let plan: Value = serde_json::from_slice(&desk.run(&["plan", "--format", "json"]).stdout).unwrap();
        let changes = plan["changes"].as_array().unwrap();
        assert!(changes.len() == 1 && changes[0]["action"] == "update" && changes[0]["id"] == "dynamodb.table/notes", "{marks:?}: {plan}");
        let paths: Vec<&str> = changes[0]["fields"].as_array().unwrap().iter().map(|field| field["path"].as_str().unwrap()).collect();
        assert!(paths.iter().all(|path| path.starts_with("tags")), "{marks:?}: {plan}");
        ended(&desk.run(&["up"]), 0);
        ended(&desk.run(&["plan", "--exit-code"]), 0);
    }
    // A lock with fields that this version does not know is still a lock.
    let (aws, bucket) = desk.aws().await;
    let newer = br#"{"format":2,"nonce":"n","holder":"carol@ci","command":"transform","lease_seconds":600,"fence":{"epoch":7}}"#;
    aws.s3.put_object().bucket(&bucket).key(LOCK_KEY).body(ByteStream::from_static(newer)).send().await.unwrap();
    let said = ended(&desk.run(&["down", "--no-wait"]), 6);
    assert!(said.contains("locked by carol@ci (transform since 20"), "{said}");
    aws.s3.delete_object().bucket(&bucket).key(LOCK_KEY).send().await.unwrap();
    ended(&desk.run(&["down"]), 0);
}
