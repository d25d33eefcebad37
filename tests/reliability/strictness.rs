//! Tests of the strict AWS itself: it names every call as the program does, and its refusals are real.

use super::shared::{Account, Version};
use std::{collections::BTreeMap, time::Duration};
use strict_aws::{Config, Windows};

#[tokio::test]
async fn without_any_layer_it_changes_nothing_and_names_every_call() {
    let account = Account::new(Config::default()).await;
    let aws = account.connect().await;
    account.complete(&account.up_with(&aws, Version::First).await, "up");
    let log = account.strict.log();
    let (mut named, mut writes): (BTreeMap<&str, u64>, u64) = (BTreeMap::new(), 0);
    for entry in &log {
        *named.entry(&entry.operation).or_default() += 1;
        writes += u64::from(entry.write);
    }
    // This run did not ask for the account's owner; the call counts all the same.
    let counted: BTreeMap<&str, u64> =
        aws.tally().by_operation().into_iter().filter(|(name, _)| *name != "sts:GetCallerIdentity").collect();
    assert_eq!((named, writes), (counted, aws.tally().writes()));
    let odd: Vec<_> = log.iter().filter(|entry| !entry.note.is_empty() || entry.status >= 500).collect();
    assert!(odd.is_empty(), "{odd:?}");
    account.in_sync(Version::First, "up").await;
    account.complete(&account.down().await, "down");
    account.empty("down").await;
}

#[tokio::test]
async fn it_refuses_and_delays_what_the_local_aws_lets_pass() {
    // The windows are long enough for a slow machine, busy with other tests, to meet them.
    let long = Duration::from_secs(4);
    let windows = Windows { backups_enabling: long, bucket_visible: long, function_updating: long, ..Windows::aws(2.0) };
    let windows = Windows { distribution_deploying: long, bucket_held: Duration::ZERO, ..windows };
    let account = Account::new(Config { windows: Some(windows), ..Config::default() }).await;
    account.complete(&account.up(Version::First).await, "up");
    account.in_sync(Version::First, "up").await;
    account.complete(&account.down().await, "down");
    account.empty("down").await;
    let mut notes: BTreeMap<String, usize> = BTreeMap::new();
    for entry in account.strict.log() {
        *notes.entry(format!("{} {}", entry.operation, entry.note)).or_default() += usize::from(!entry.note.is_empty());
    }
    notes.retain(|_, count| *count > 0);
    let expected = [
        "cannot be assumed by Lambda",
        "being created",
        "Backups are being enabled",
        "being deleted",
        "busy",
        "in progress",
        "OriginAccessControlInUse",
        "NoSuchBucket",
    ];
    for expected in expected {
        assert!(notes.keys().any(|note| note.contains(expected)), "nothing was {expected}: {notes:#?}");
    }
}
