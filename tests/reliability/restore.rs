//! Tests of backups against the privacy promise: a deleted salt cannot be restored after the recovery period.
//!
//! `tests/strict` models DynamoDB's restorable times by its documentation; the local AWS copies the current items. Whether AWS
//! itself forgets older data was not tested.

use super::shared::{Account, Version, windows};
use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    primitives::DateTime,
    types::{AttributeValue, PointInTimeRecoverySpecification},
};
use liveinsight::aws::Aws;
use shared::{store::Store, time::DAY};
use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use strict_aws::{Config, Windows};

/// Length of a day in the recovery period, as short as a busy machine allows.
const RECOVERY_DAY: Duration = Duration::from_secs(3);

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Restores a table under another name to a moment, in milliseconds since 1970, or to the latest one. Returns the error code of
/// a refusal.
async fn restore(aws: &Aws, table: &str, to: &str, moment: Option<i64>) -> Result<(), String> {
    let request = aws.dynamodb.restore_table_to_point_in_time().source_table_name(table).target_table_name(to);
    let request = request.set_restore_date_time(moment.map(DateTime::from_millis)).use_latest_restorable_time(moment.is_none());
    let answer = request.send().await;
    answer.map(|_| ()).map_err(|error| error.code().unwrap_or_default().to_owned())
}

/// Returns the days that have a salt in a table.
async fn salts(aws: &Aws, table: &str) -> BTreeSet<String> {
    let items = aws.dynamodb.scan().table_name(table).send().await.unwrap().items.unwrap();
    let key = |item: &std::collections::HashMap<String, AttributeValue>| item["session_id"].as_s().unwrap().clone();
    items.iter().map(key).filter(|key| key.starts_with("@salt#")).collect()
}

async fn keep_for(aws: &Aws, table: &str, days: i32) {
    let recovery = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).recovery_period_in_days(days);
    let update = aws.dynamodb.update_continuous_backups().table_name(table);
    update.point_in_time_recovery_specification(recovery.build().unwrap()).send().await.unwrap();
}

#[tokio::test]
async fn a_deleted_salt_cannot_be_restored_after_the_recovery_period_of_the_shipped_stack() {
    let windows = Windows { recovery_day: RECOVERY_DAY, ..windows() };
    let account = Account::new(Config { windows: Some(windows), ..Config::default() }).await;
    account.complete(&account.up(Version::First).await, "up");
    let (aws, names) = (account.connect().await, account.names());
    let (events, sessions) = (names.table("events"), names.table("sessions"));

    // Visitors of a day come first, then those of two days later: the first day's salt is deleted.
    let store = Store::new(aws.dynamodb.clone(), &events, &sessions);
    store.daily_salt(now()).await.unwrap();
    let first = salts(&aws, &events).await;
    let there = now();
    store.daily_salt(there + 2 * DAY).await.unwrap();
    let left = salts(&aws, &events).await;
    assert!(first.len() == 1 && left.len() == 1 && first.is_disjoint(&left), "{first:?} {left:?}");

    // Within the recovery period, a restore to the latest moment does not contain deleted items.
    tokio::time::sleep(RECOVERY_DAY).await;
    restore(&aws, &events, "restored", None).await.unwrap();
    assert_eq!(salts(&account.connect().await, "restored").await, left);

    // After it, the moment of the salt is out of reach. The setting is the cause.
    assert_eq!(restore(&aws, &events, "too-late", Some(there)).await, Err("InvalidRestoreTimeException".to_owned()));
    keep_for(&aws, &events, 35).await;
    assert_eq!(restore(&aws, &events, "in-time", Some(there)).await, Ok(()), "35 days would have kept it");
    account.complete(&account.up(Version::First).await, "up puts the days back");
    assert_eq!(restore(&aws, &events, "again-too-late", Some(there)).await, Err("InvalidRestoreTimeException".to_owned()));

    for table in ["restored", "in-time"] {
        aws.dynamodb.delete_table().table_name(table).send().await.unwrap();
    }
    account.complete(&account.down().await, "down");
}
