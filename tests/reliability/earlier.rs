//! Stack of the version before the safe defaults: the differences that today's `up` finds, and its writes.
//! `tests/e2e/upgrade.rs` upgrades a serving one; here are the settings that the local AWS neither stores nor enforces.

use super::shared::{Account, Version, windows};
use aws_sdk_dynamodb::types::PointInTimeRecoverySpecification;
use liveinsight::{aws::Aws, engine::survey, stack::Names};
use serde_json::Value;
use std::collections::BTreeMap;
use strict_aws::Config;

/// Id of AWS's managed policy `SecurityHeadersPolicy`.
const SECURITY_HEADERS: &str = "67f7725c-6f97-4210-82d7-5512b31e9d03";
/// Recovery period of a table in days before `restore_days` existed: AWS's own default.
const RECOVERY_DAYS: i32 = 35;

async fn leave_as_the_earlier_version_did(aws: &Aws, names: &Names) {
    for table in ["events", "sessions"].map(|table| names.table(table)) {
        aws.dynamodb.update_table().table_name(&table).deletion_protection_enabled(false).send().await.unwrap();
    }
    let recovery = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).recovery_period_in_days(RECOVERY_DAYS);
    let update = aws.dynamodb.update_continuous_backups().table_name(names.table("events"));
    update.point_in_time_recovery_specification(recovery.build().unwrap()).send().await.unwrap();

    let bucket = names.bucket();
    let live = aws.s3.get_bucket_policy().bucket(&bucket).send().await.unwrap();
    let mut policy: Value = serde_json::from_str(&live.policy.unwrap()).unwrap();
    policy["Statement"].as_array_mut().unwrap().retain(|statement| statement["Sid"] != "OnlyOverTls");
    aws.s3.put_bucket_policy().bucket(&bucket).policy(policy.to_string()).send().await.unwrap();

    let listed = aws.cloudfront.list_distributions().send().await.unwrap();
    let id = listed.distribution_list().unwrap().items()[0].id().to_owned();
    let live = aws.cloudfront.get_distribution_config().id(&id).send().await.unwrap();
    let (etag, mut config) = (live.e_tag, live.distribution_config.unwrap());
    config.default_cache_behavior.as_mut().unwrap().response_headers_policy_id = Some(SECURITY_HEADERS.to_owned());
    aws.cloudfront.update_distribution().id(&id).set_if_match(etag).distribution_config(config).send().await.unwrap();
}

#[tokio::test]
async fn an_upgrade_of_an_earlier_stack_names_each_difference_and_is_done_once() {
    let mut account = Account::new(Config { windows: Some(windows()), ..Config::default() }).await;
    account.protect = true;
    account.complete(&account.up(Version::First).await, "up");
    let (aws, declaration) = (account.connect().await, account.declare(Version::First));
    leave_as_the_earlier_version_did(&aws, &account.names()).await;

    let plan = survey(&declaration.graph, &account.connect().await, &|_| {}).await.unwrap();
    let found: BTreeMap<String, String> = plan.changes().map(|step| (step.id.to_string(), step.changes.paths())).collect();
    let expected = [
        ("cloudfront.distribution/static", "behaviors.default.headers_policy"),
        ("dynamodb.table/events", "deletion_protection, restore_days"),
        ("dynamodb.table/sessions", "deletion_protection"),
        ("s3.bucket_policy/static", "tls_only"),
    ];
    assert_eq!(found, expected.map(|(id, paths)| (id.to_owned(), paths.to_owned())).into());

    let before = account.strict.log().len();
    account.complete(&account.up(Version::First).await, "up after the upgrade");
    let log = account.strict.log();
    let lost: Vec<&String> = log.iter().skip(before).map(|entry| &entry.operation).filter(|name| name.contains("Delete")).collect();
    // The lock is an object in the bucket.
    assert!(lost.iter().all(|name| name.contains("DeleteObject")), "{lost:?}");
    account.in_sync(Version::First, "after the upgrade").await;

    let before = account.strict.log().len();
    account.complete(&account.up(Version::First).await, "a second up");
    let written: Vec<String> =
        account.strict.log().iter().skip(before).filter(|entry| entry.write).map(|entry| entry.operation.clone()).collect();
    assert_eq!(written, Vec::<String>::new());
}
