//! The strict AWS itself: it names every call as the program does, and it really refuses.

use crate::shared::{Account, Version, windows};
use std::collections::BTreeMap;
use strict_aws::Config;

#[tokio::test]
async fn without_any_layer_it_changes_nothing_and_names_every_call() {
    let account = Account::new(Config::default()).await;
    account.complete(&account.up(Version::First).await, "up");
    let log = account.strict.log();
    let odd: Vec<_> = log.iter().filter(|entry| entry.note != "" || entry.status >= 500).collect();
    assert!(odd.is_empty(), "{odd:?}");
    account.in_sync(Version::First, "up").await;
    account.complete(&account.down().await, "down");
    account.empty("down").await;
}

#[tokio::test]
async fn it_refuses_and_delays_what_the_local_aws_lets_pass() {
    let account = Account::new(Config { windows: Some(windows()), ..Config::default() }).await;
    account.complete(&account.up(Version::First).await, "up");
    account.in_sync(Version::First, "up").await;
    account.complete(&account.down().await, "down");
    account.empty("down").await;
    let mut notes: BTreeMap<String, usize> = BTreeMap::new();
    for entry in account.strict.log() {
        *notes.entry(format!("{} {}", entry.operation, entry.note)).or_default() += usize::from(!entry.note.is_empty());
    }
    notes.retain(|_, count| *count > 0);
    println!("{notes:#?}");
    for expected in ["cannot be assumed by Lambda", "being created", "busy", "in progress", "Backups are being enabled", "being deleted"] {
        assert!(notes.keys().any(|note| note.contains(expected)), "nothing was {expected}: {notes:#?}");
    }
}
