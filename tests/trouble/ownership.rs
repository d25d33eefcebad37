//! Resources that are not the stack's, or that a user protected by hand: the program reports them before it writes anything.

use super::desk::{Desk, ended};
use aws_sdk_s3::types::{Tag, Tagging};
use liveinsight::aws::STACK;
use strict_aws::Config;

/// Returns the number of write requests so far.
fn writes(desk: &Desk) -> usize {
    desk.strict.log().iter().filter(|entry| entry.write).count()
}

fn edit(desk: &Desk, from: &str, to: &str) {
    let path = desk.directory.path().join("stack.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// Sets or removes the table's deletion protection, as a user does by hand.
async fn protect(desk: &Desk, is_on: bool) {
    let (aws, _) = desk.aws().await;
    aws.dynamodb.update_table().table_name("demo-notes-dev").deletion_protection_enabled(is_on).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_protection_is_told_before_anything_is_deleted() {
    let desk = Desk::new(Config::default()).await;
    ended(&desk.run(&["up"]), 0);
    protect(&desk, true).await;
    let before = writes(&desk);
    let said = ended(&desk.run(&["down"]), 1);
    assert!(said.contains("dynamodb.table/notes") && said.contains("deletion protection is on"), "{said}");
    assert!(said.contains("aws dynamodb update-table --table-name demo-notes-dev --no-deletion-protection-enabled"), "{said}");
    // `up` does not delete the table either: not to replace it, and not because the file no longer declares it.
    let whole = "tables:\n  notes:\n    partition_key: { name: id, type: S }\n";
    edit(&desk, "name: id", "name: key");
    let said = ended(&desk.run(&["up", "--delete-data"]), 1);
    assert!(said.contains("deletion protection is on"), "{said}");
    edit(&desk, "name: key", "name: id");
    edit(&desk, whole, "");
    let said = ended(&desk.run(&["up", "--delete-data"]), 1);
    assert!(said.contains("deletion protection is on"), "{said}");
    assert_eq!(writes(&desk), before);
    let said = ended(&desk.run(&["down"]), 1);
    assert!(said.contains("deletion protection is on"), "{said}");
    assert_eq!(writes(&desk), before);
    protect(&desk, false).await;
    ended(&desk.run(&["down"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_environment_protects_its_tables_and_takes_that_back_with_them() {
    let desk = Desk::new(Config::default()).await;
    let (aws, _) = desk.aws().await;
    let is_protected = async || {
        let table = aws.dynamodb.describe_table().table_name("demo-notes-dev").send().await.unwrap().table.unwrap();
        table.deletion_protection_enabled() == Some(true)
    };
    ended(&desk.run(&["up"]), 0);
    assert!(!is_protected().await);
    // The environment becomes protected, and later unprotected again.
    let (plain, protected) = ("{ dev: {} }", "{ dev: { protect: true } }");
    edit(&desk, plain, protected);
    let said = ended(&desk.run(&["plan"]), 0);
    assert!(said.contains("deletion_protection: false → true"), "{said}");
    ended(&desk.run(&["up", "--yes"]), 0);
    assert!(is_protected().await);
    edit(&desk, protected, plain);
    // A protection that is no longer declared stays, and `down` reports it like one set by hand.
    ended(&desk.run(&["up"]), 0);
    assert!(is_protected().await);
    let said = ended(&desk.run(&["down"]), 1);
    assert!(said.contains("deletion protection is on"), "{said}");

    edit(&desk, plain, protected);
    ended(&desk.run(&["down", "--yes"]), 0);
    assert!(is_protected().await, "the table stays");
    ended(&desk.run(&["down", "--yes", "--delete-data"]), 0);
    assert!(aws.dynamodb.describe_table().table_name("demo-notes-dev").send().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn down_says_what_aws_keeps() {
    let desk = Desk::new(Config::default()).await;
    edit(&desk, "type: S }", "type: S }\n    point_in_time_recovery: true");
    ended(&desk.run(&["up"]), 0);
    let said = ended(&desk.run(&["down"]), 0);
    assert!(said.contains("demo-notes-dev$DeletedTableBackup") && said.contains("35 days"), "{said}");
    // This run deletes nothing, so it leaves nothing behind.
    assert!(!ended(&desk.run(&["down"]), 0).contains("DeletedTableBackup"));
    ended(&desk.run(&["up"]), 0);
    let events = ended(&desk.run(&["down", "--format", "json"]), 0);
    let remains = events.lines().find(|line| line.contains(r#""event":"remains""#)).unwrap_or_else(|| panic!("{events}"));
    assert!(remains.contains(r#""days":35"#) && remains.contains(r#""kept":true"#) && remains.contains(r#""remove":null"#), "{remains}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_to_a_bucket_of_another_stack() {
    let desk = Desk::new(Config::default()).await;
    ended(&desk.run(&["up"]), 0);
    let (aws, bucket) = desk.aws().await;
    let tag = Tag::builder().key(STACK).value("other/prod").build().unwrap();
    let tagging = Tagging::builder().tag_set(tag).build().unwrap();
    aws.s3.put_bucket_tagging().bucket(&bucket).tagging(tagging).send().await.unwrap();
    let touched = || desk.strict.log().iter().filter(|entry| entry.write && entry.resource.contains(&bucket)).count();
    let before = touched();
    // The bucket holds the lock and the records of releases.
    let said = ended(&desk.run(&["rollback"]), 1);
    assert!(said.contains("is not this stack's (it belongs to the stack other/prod)"), "{said}");
    edit(&desk, "dev: {}", "dev: { tags: { Team: web } }");
    ended(&desk.run(&["up", "--only", "dynamodb.table/notes"]), 0);
    let said = ended(&desk.run(&["up", "--adopt"]), 1);
    assert!(said.contains("exists and is another stack's") && said.contains("never touched"), "{said}");
    let said = ended(&desk.run(&["down"]), 0);
    assert!(said.contains("s3.bucket/static stays, it is not this stack's"), "{said}");
    assert_eq!(touched(), before, "{:?}", desk.strict.log());
    let objects = aws.s3.list_objects_v2().bucket(&bucket).send().await.unwrap();
    assert!(objects.contents().iter().any(|object| object.key() == Some("site/index.html")), "{objects:?}");
}
