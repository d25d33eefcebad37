//! Traps that others prepared: a bucket of the stack's name in another account, a release's record that was altered.

use super::{REGION, accounts, bare, shared};
use aws_sdk_s3::primitives::ByteStream;
use liveinsight::{
    aws::{Connection, Target},
    error::hint_for,
    release::{Live, Scene, Unfit},
};
use shared::{Account, Version};
use strict_aws::Config;

#[tokio::test]
async fn a_bucket_of_the_stacks_name_in_another_account_is_refused_with_that_reason() {
    let account = Account::new(Config { windows: Some(shared::windows()), ..Config::default() }).await;
    let aws = account.connect().await;
    let bucket = bare().names(&aws.target.account).bucket();
    let other = accounts::next();
    let connection = Connection::endpoint(REGION, account.strict.endpoint(), &other, "test").await;
    let theirs = liveinsight::resources::connect(
        &connection,
        Target { limits: false, ..Target::aws("aws", REGION, &other) },
        "theirs/dev".to_owned(),
    );
    theirs.s3.create_bucket().bucket(&bucket).send().await.unwrap();
    account.strict.take_log();

    let report = account.up(Version::First).await;
    let error = report.failed.values().next().expect("it is refused");
    let said = error.to_string();
    assert!(said.contains(&format!("if the bucket is not in the account {}", aws.target.account)), "{said}");
    let next = hint_for(error).unwrap_or_default();
    assert!(next.contains("somebody else has a bucket of this name") && next.contains("choose another `project`"), "{next}");
    let log = account.strict.take_log();
    let on_bucket: Vec<_> = log.iter().filter(|entry| entry.operation.starts_with("s3:")).collect();
    assert!(!on_bucket.is_empty() && on_bucket.iter().all(|entry| entry.status >= 400), "{on_bucket:#?}");

    // The bucket's owner still has access to it.
    theirs.s3.put_object().bucket(&bucket).key("site/index.html").body(ByteStream::from_static(b"theirs")).send().await.unwrap();
    theirs.s3.delete_object().bucket(&bucket).key("site/index.html").send().await.unwrap();
    theirs.s3.delete_bucket().bucket(&bucket).send().await.unwrap();
}

#[tokio::test]
async fn a_rollback_refuses_a_record_that_was_altered() {
    let account = Account::new(Config::default()).await;
    account.complete(&account.up(Version::First).await, "up");
    account.complete(&account.up(Version::Patched).await, "up with new code");
    let (aws, declaration) = (account.connect().await, account.declare(Version::First));
    let names = bare().names(&aws.target.account);
    let functions = ["event-collector", "realtime-api", "stats-api"].map(|name| (name.to_owned(), names.function(name))).into();
    let look = async || Scene::look(&aws, &declaration, &functions).await.unwrap().expect("there is a bucket");
    let scene = look().await;
    let (bucket, stored) = (names.bucket(), scene.objects.releases[0].clone());
    let record = scene.objects.read(&aws, &bucket, &stored).await.unwrap().expect("a record that can be read");
    assert_eq!(look().await.put_back(&record, |_| true, true).err(), None);

    // It names the version to be rolled back from.
    let newest = scene.newest.clone().expect("a record that can be read");
    let (name, version) = newest.functions.iter().find(|(name, version)| record.functions[*name] != **version).expect("new code");
    let mut altered = record.clone();
    altered.functions.get_mut(name).unwrap().version.clone_from(&version.version);
    let refused = |unfit: Option<Unfit>, why: &str| match unfit {
        Some(Unfit::Altered(how)) => assert!(how.contains(why), "{how}"),
        other => panic!("{other:?}"),
    };
    refused(look().await.put_back(&altered, |_| true, true).err(), "not what its name says");
    // The same under a name that matches it.
    let site = altered.site.iter().map(|(key, page)| (key.clone(), page.md5.clone())).collect();
    let digest = Live { functions: altered.functions.clone(), site }.digest();
    let text = serde_json::to_vec(&altered).unwrap();
    let key = format!("site-releases/{:06}-{digest}.json", stored.number);
    aws.s3.put_object().bucket(&bucket).key(key).body(ByteStream::from(text)).send().await.unwrap();
    refused(
        look().await.put_back(&altered, |_| true, true).err(),
        &format!("version {} of {name} was published for another", version.version),
    );
    account.complete(&account.down().await, "down");
}
