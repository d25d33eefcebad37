//! Tests of the origin secret, which the distribution sends and the functions accept: creation, storage, repair and rotation,
//! with kills at every point.

use super::shared::{Account, OriginSecret, Version, on_all_processors, row, sample, windows};
use liveinsight::aws::Aws;
use liveinsight::release::Scene;
use std::{collections::BTreeMap, time::Duration};
use strict_aws::{Config, Faults, Windows};

const HEADER: &str = "X-Origin-Verify";
const VARIABLE: &str = "ORIGIN_VERIFY";
const SOMEBODY_ELSES: &str = "0123456789abcdef0123456789abcdef";

/// Number of calls before the first write. Other tests cover their loss.
const READS: u64 = 38;

fn strict() -> Config {
    Config { windows: Some(windows()), ..Config::default() }
}

/// Live values of the secret.
#[derive(Debug, PartialEq, Eq)]
struct Live {
    /// Value of the header that the distribution sends.
    sends: Option<String>,
    /// Variable of each function's alias version, and of `$LATEST`.
    takes: BTreeMap<String, [Option<String>; 2]>,
}

impl Live {
    async fn of(account: &Account) -> Self {
        let aws = account.connect().await;
        let mut takes = BTreeMap::new();
        for name in account.functions().into_values() {
            takes.insert(name.clone(), [variable(&aws, &name, Some("live")).await, variable(&aws, &name, None).await]);
        }
        Self { sends: header(&aws).await, takes }
    }

    /// Returns the secret, if it is the only one and everywhere.
    fn only(&self) -> Option<&str> {
        let only = self.sends.as_deref()?;
        self.takes.values().flatten().all(|takes| takes.as_deref() == Some(only)).then_some(only)
    }

    /// Returns true if every function accepts the sent value.
    fn serves(&self) -> bool {
        let is_taken = |takes: &str| takes.split(',').any(|secret| secret == "*" || Some(secret) == self.sends.as_deref());
        self.takes.values().all(|[served, _]| served.as_deref().is_none_or(is_taken))
    }
}

async fn variable(aws: &Aws, function: &str, qualifier: Option<&str>) -> Option<String> {
    let request = aws.lambda.get_function_configuration().function_name(function).set_qualifier(qualifier.map(str::to_owned));
    request.send().await.ok()?.environment?.variables?.remove(VARIABLE)
}

async fn set_variable(aws: &Aws, function: &str, change: impl FnOnce(&mut std::collections::HashMap<String, String>)) {
    let answer = aws.lambda.get_function_configuration().function_name(function).send().await.unwrap();
    let mut variables = answer.environment.unwrap().variables.unwrap();
    change(&mut variables);
    let environment = aws_sdk_lambda::types::Environment::builder().set_variables(Some(variables)).build();
    aws.lambda.update_function_configuration().function_name(function).environment(environment).send().await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
}

async fn distribution(aws: &Aws) -> Option<String> {
    let answer = aws.cloudfront.list_distributions().send().await.unwrap();
    let ours = |comment: &str| comment.starts_with("liveinsight-");
    Some(answer.distribution_list?.items?.into_iter().find(|item| ours(&item.comment))?.id)
}

async fn header(aws: &Aws) -> Option<String> {
    let answer = aws.cloudfront.get_distribution_config().id(distribution(aws).await?).send().await.ok()?;
    let headers = answer.distribution_config?.origins?.items.into_iter().filter_map(|origin| origin.custom_headers?.items).flatten();
    let mut values = headers.filter(|header| header.header_name == HEADER).map(|header| header.header_value);
    let value = values.next();
    assert_eq!(values.next(), None, "one origin alone gets it");
    value
}

async fn set_header(aws: &Aws, value: &str) {
    let id = distribution(aws).await.unwrap();
    let answer = aws.cloudfront.get_distribution_config().id(&id).send().await.unwrap();
    let (etag, mut config) = (answer.e_tag, answer.distribution_config.unwrap());
    for origin in &mut config.origins.as_mut().unwrap().items {
        let headers = origin.custom_headers.iter_mut().flat_map(|headers| headers.items.iter_mut().flatten());
        headers.filter(|header| header.header_name == HEADER).for_each(|header| value.clone_into(&mut header.header_value));
    }
    aws.cloudfront.update_distribution().id(&id).set_if_match(etag).distribution_config(config).send().await.unwrap();
}

/// Waits long enough for the distribution to be deployed.
async fn deployed() {
    tokio::time::sleep(Duration::from_millis(400)).await;
}

/// Runs `up`, and asserts that it writes nothing.
async fn unchanged(account: &Account, what: &str) {
    account.strict.set_faults(Faults::None);
    account.complete(&account.up(Version::First).await, what);
    let writes: Vec<String> = account.strict.log().iter().filter(|entry| entry.write).map(|entry| entry.operation.clone()).collect();
    assert_eq!(writes, Vec::<String>::new(), "{what}");
}

#[tokio::test]
async fn a_first_up_makes_it_a_second_keeps_it_and_what_was_changed_by_hand_is_repaired() {
    let account = Account::new(strict()).await;
    account.complete(&account.up(Version::First).await, "the first up");
    let live = Live::of(&account).await;
    let made = live.only().unwrap_or_else(|| panic!("{live:?}")).to_owned();
    assert!(made.len() == 64 && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
    unchanged(&account, "up without changes, while it is being deployed").await;
    deployed().await;
    unchanged(&account, "up without changes").await;

    let aws = account.connect().await;
    let functions: Vec<String> = account.functions().into_values().collect();
    set_header(&aws, SOMEBODY_ELSES).await;
    account.complete(&account.up(Version::First).await, "up after the header was changed");
    assert_eq!(Live::of(&account).await.only(), Some(&*made));
    set_variable(&aws, &functions[0], |variables| drop(variables.insert(VARIABLE.to_owned(), SOMEBODY_ELSES.to_owned()))).await;
    set_variable(&aws, &functions[1], |variables| drop(variables.remove(VARIABLE))).await;
    deployed().await;
    account.complete(&account.up(Version::First).await, "up after variables were changed");
    assert_eq!(Live::of(&account).await.only(), Some(&*made));
    account.in_sync(Version::First, "up after variables were changed").await;

    // A function added later gets the same secret.
    account.complete(&account.up(Version::Second).await, "up with a function more");
    assert_eq!(Live::of(&account).await.only(), Some(&*made));
    assert_eq!(variable(&aws, &functions[0].replace("event-collector", "hello"), Some("live")).await, Some(made));
    account.complete(&account.down().await, "down");
    account.empty("after down").await;
}

#[test]
fn a_stack_that_served_without_one_serves_all_the_while() {
    let numbers = sample(36, 0);
    let cases: Vec<u64> = numbers.iter().map(|number| number + READS).collect();
    on_all_processors(&cases, async |calls: Vec<u64>| {
        for call in calls {
            let account = Account::new(strict()).await;
            account.secret.set(OriginSecret::Off);
            account.complete(&account.up(Version::First).await, "up without a secret");
            assert_eq!(Live::of(&account).await.sends, None);
            account.secret.set(OriginSecret::Made);
            deployed().await;
            let what = format!("the upgrade, killed after call {call}");
            account.killed(call, account.up(Version::First)).await;
            assert!(Live::of(&account).await.serves(), "{what}");
            account.complete(&account.up(Version::First).await, &what);
            ends(&account, &what).await;
            account.complete(&account.down().await, "down");
        }
    });
    row("an upgrade of a stack without an origin secret, killed; then the same again", numbers.len());
}

/// Runs `up` after CloudFront sends the new secret everywhere: the functions then accept only that one, and nothing is left to
/// do.
async fn ends(account: &Account, what: &str) {
    let live = Live::of(account).await;
    assert!(live.serves(), "{what}: {live:?}");
    let sent = live.sends.clone().unwrap();
    deployed().await;
    account.complete(&account.up(Version::First).await, what);
    assert_eq!(Live::of(account).await.only(), Some(&*sent), "{what}");
    account.in_sync(Version::First, what).await;
    unchanged(account, what).await;
}

#[test]
fn a_rotation_that_is_killed_is_finished_by_the_next_up() {
    let numbers = sample(60, 2);
    let cases: Vec<u64> = numbers.iter().map(|number| number + READS).collect();
    on_all_processors(&cases, async |calls: Vec<u64>| {
        let account = Account::new(strict()).await;
        account.complete(&account.up(Version::First).await, "the first up");
        for call in calls {
            let what = format!("a rotation, killed after call {call}");
            deployed().await;
            assert!(Live::of(&account).await.only().is_some(), "{what}");
            account.secret.set(OriginSecret::Rotated);
            if account.killed(call, account.up(Version::First)).await {
                let live = Live::of(&account).await;
                assert!(live.serves(), "{what}: {live:?}");
                account.secret.set(OriginSecret::Made);
                account.complete(&account.up(Version::First).await, &what);
            }
            account.secret.set(OriginSecret::Made);
            ends(&account, &what).await;
        }
        account.complete(&account.down().await, "down");
    });
    row("a rotation of the origin secret killed; then `up`", numbers.len());
}

#[tokio::test]
async fn until_it_is_sent_everywhere_what_was_sent_before_is_taken_and_nothing_more_written() {
    // The distribution is never deployed, so no resource created here can be deleted either.
    let windows = Windows { distribution_deploying: Duration::from_hours(1), ..windows() };
    for before in [OriginSecret::Off, OriginSecret::Made] {
        let account = Account::new(Config { windows: Some(windows.clone()), ..Config::default() }).await;
        account.secret.set(before);
        account.complete(&account.up(Version::First).await, "the first up");
        let old = Live::of(&account).await.sends.unwrap_or("*".to_owned());
        account.secret.set(if before == OriginSecret::Off { OriginSecret::Made } else { OriginSecret::Rotated });
        account.complete(&account.up(Version::First).await, "a new secret");
        account.secret.set(OriginSecret::Made);
        let live = Live::of(&account).await;
        let sent = live.sends.clone().unwrap();
        let both = Some(format!("{sent},{old}"));
        assert!(sent != old && live.takes.values().flatten().all(|takes| *takes == both), "{before:?}: {live:?}");
        unchanged(&account, "up while the new one is being deployed").await;
    }
}

#[tokio::test]
async fn a_version_that_does_not_know_what_is_sent_is_not_put_back() {
    let account = Account::new(strict()).await;
    account.complete(&account.up(Version::First).await, "the first up");
    account.secret.set(OriginSecret::Rotated);
    account.complete(&account.up(Version::First).await, "a rotation");
    account.secret.set(OriginSecret::Made);
    let (aws, declaration) = (account.connect().await, account.declare(Version::First));
    let name = &declaration.bucket.as_ref().unwrap().name;
    let refusal = async |number: usize| {
        let scene = Scene::look(&aws, &declaration, &account.functions()).await.unwrap().unwrap();
        let record = scene.objects.read(&aws, name, &scene.objects.releases[number]).await.unwrap().unwrap();
        scene.put_back(&record, |_| true, true).err().map(|unfit| unfit.to_string())
    };
    let text = refusal(0).await.expect("it would be refused by its own functions");
    assert!(text.contains("would not know CloudFront") && text.contains("version 1 of event-collector"), "{text}");
    assert_eq!(refusal(1).await, None);
    account.complete(&account.down().await, "down");
}

#[tokio::test]
async fn no_record_description_or_tag_has_it() {
    let account = Account::new(strict()).await;
    account.complete(&account.up(Version::First).await, "the first up");
    account.secret.set(OriginSecret::Rotated);
    account.complete(&account.up(Version::First).await, "a rotation");
    account.secret.set(OriginSecret::Made);
    let live = Live::of(&account).await;
    let takes = live.takes.values().next().unwrap()[0].clone().unwrap();
    let secrets: Vec<&str> = takes.split(',').collect();
    assert_eq!((secrets.len(), live.sends.as_deref()), (2, Some(secrets[0])));
    let (aws, declaration) = (account.connect().await, account.declare(Version::First));
    let bucket = &declaration.bucket.as_ref().unwrap().name;
    let mut texts = Vec::new();
    let listed = aws.s3.list_objects_v2().bucket(bucket).send().await.unwrap();
    for object in listed.contents() {
        let key = object.key().unwrap();
        let body = aws.s3.get_object().bucket(bucket).key(key).send().await.unwrap().body.collect().await.unwrap().to_vec();
        texts.push(format!("{key} {}", String::from_utf8_lossy(&body)));
    }
    assert!(texts.iter().any(|text| text.contains("\"release\":")), "the records are among them: {texts:?}");
    for name in account.functions().values() {
        let versions = aws.lambda.list_versions_by_function().function_name(name).send().await.unwrap();
        texts.extend(versions.versions().iter().filter_map(|version| version.description.clone()));
        let alias = aws.lambda.get_alias().function_name(name).name("live").send().await.unwrap();
        texts.push(alias.description.unwrap());
        texts.push(format!("{:?}", aws.lambda.get_function().function_name(name).send().await.unwrap().tags));
    }
    // Plans and reports are built from these, and a failed test would print them.
    let plan =
        liveinsight::engine::survey(&account.declare(Version::Second).graph, &aws, &|_| {}).await.map_err(|(_, error)| error).unwrap();
    for step in &plan.steps {
        texts.push(format!("{:?} {}", step.name, serde_json::to_string(&step.changes).unwrap()));
    }
    texts.push(format!("{:?} {:?}", declaration.distribution, declaration.origin_secret));
    for secret in secrets {
        assert!(texts.iter().all(|text| !text.contains(secret)));
    }
    account.complete(&account.down().await, "down");
}
