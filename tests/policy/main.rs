//! What `liveinsight policy` prints, against what the program does: every call of real runs is allowed, and no action is there that no call
//! needs.
//!
//! The shipped stack goes through its life behind the proxy of `tests/strict`, which logs every call: made, looked at, changed, repaired after
//! hands from outside, stripped of everything, removed. [`needs`](needs::of) says what IAM asks for each call, written from AWS's references
//! and not from the program's own table. Neither was checked against IAM itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking, in its helpers as well")]

#[path = "../reliability/accounts.rs"]
mod accounts;
mod damage;
#[path = "../reliability/listing.rs"]
#[allow(dead_code, reason = "the reliability tests use more of it")]
mod listing;
mod needs;
#[path = "../reliability/shared.rs"]
#[allow(dead_code, reason = "the reliability tests use more of it")]
mod shared;
mod table;

use liveinsight::{
    aws::{Aws, Connection, Task},
    cost,
    engine::{Options, survey, up},
    lock::Lock,
    release::{Canary, Candidate},
    stack::{Content, Names, Stack, declare},
    trail,
};
use needs::Need;
use serde_json::Value;
use shared::{Account, Version};
use std::{collections::BTreeSet, process::Command};
use strict_aws::{Config, Faults};

/// The stack's names with nothing in it: what was there goes.
const BARE: &str = "project: liveinsight\nregion: us-east-1\nenvironments: { dev: {} }\n";

#[tokio::test]
async fn the_policies_of_up_status_and_down_are_exact() {
    let account = Account::new(Config::default()).await;
    let aws = account.connect().await;
    let names = Names::new(&bare(), &aws.place.account);
    let (mut of_up, mut of_status, mut of_down) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let calls = |of: &mut BTreeSet<Need>| {
        let log = account.strict.log();
        of.extend(log.iter().flat_map(|entry| needs::of(entry, &aws.place, &names)));
        account.strict.set_faults(Faults::None);
    };
    // Hands from outside go past the proxy, so that it does not log them.
    let outside = outside(&aws).await;

    status(&account.connect().await, &account, Version::First).await;
    calls(&mut of_status);
    account.complete(&account.up(Version::First).await, "up");
    calls(&mut of_up);
    let namespaces = status(&account.connect().await, &account, Version::First).await;
    let all = ["AWS/ApiGateway", "AWS/CloudFront", "AWS/DynamoDB", "AWS/Lambda", "AWS/Logs", "AWS/S3"];
    assert_eq!(namespaces, all.into(), "what a stack is billed by");
    calls(&mut of_status);

    damage::everywhere(&outside, &names).await;
    status(&account.connect().await, &account, Version::First).await;
    calls(&mut of_status);
    account.complete(&account.up(Version::First).await, "repair");
    calls(&mut of_up);

    damage::logging_role(&outside).await;
    account.complete(&account.up(Version::Second).await, "change");
    calls(&mut of_up);

    account.complete(&account.rollback().await, "rollback");
    canary(&account.connect().await, &names.function("stats-api")).await;
    calls(&mut of_up);
    let functions = std::collections::BTreeMap::from([("stats-api".to_owned(), names.function("stats-api"))]);
    liveinsight::release::prune(&account.connect().await, &names.bucket(), &functions, 1).await.unwrap();
    calls(&mut of_up);
    account.complete(&account.up(Version::Second).await, "change again");
    calls(&mut of_up);

    damage::role(&outside, &names.role("hello")).await;
    account.complete(&account.up(Version::First).await, "change back");
    calls(&mut of_up);

    damage::bucket(&outside, &names).await;
    strip(&account.connect().await, &account).await;
    calls(&mut of_up);

    // `down` of the first version meets what only the second one declares, and the lock of a run that was killed.
    account.complete(&account.up(Version::Second).await, "up again");
    calls(&mut of_up);
    damage::lock(&outside, &names).await;
    damage::role(&outside, &names.role("stats-api")).await;
    damage::bucket(&outside, &names).await;
    account.complete(&account.down().await, "down");
    calls(&mut of_down);
    account.empty("down").await;

    let of_doctor = doctor(&account.connect().await, &account).await;

    // Whoever may `up` may look as well.
    of_up.extend(of_status.iter().cloned());
    let mut wrong = Vec::new();
    for (command, needs) in [("up", of_up), ("status", of_status), ("down", of_down), ("doctor", of_doctor)] {
        let statements = printed(command, &aws.place.account);
        wrong.extend(needs.iter().filter(|need| !need.allowed(&statements)).map(|need| format!("{command}: {need:?} is denied")));
        for (action, without) in each_without_one(&statements) {
            if needs.iter().all(|need| need.allowed(&without)) {
                wrong.push(format!("{command}: nothing needs {action}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What `status --cost` and `history` call. Returns the namespaces whose metrics were asked for.
async fn status(aws: &Aws, account: &Account, version: Version) -> BTreeSet<&'static str> {
    let declaration = account.declare(version);
    let plan = survey(&declaration.graph, aws, &|_| {}).await.unwrap();
    let subjects = trail::subjects(&plan.steps, &declaration.graph, &aws.place, &Names::new(&bare(), &aws.place.account));
    let answer = trail::authors(aws, &subjects).await;
    assert!(answer.trouble.is_none(), "{:?}", answer.trouble);
    let entries = declaration.graph.entries();
    let series = cost::series(entries, &bare(), &cost::Inventory::declared(entries), shared::REGION);
    let read = cost::samples(aws, series, 1_795_381_200.0).await.unwrap();
    let bucket = declaration.bucket.unwrap().name;
    let _ = Lock::look(aws, &bucket).await;
    let _ = liveinsight::release::list(aws, &bucket).await;
    read.iter().map(|(series, _)| series.namespace).collect()
}

/// What a canary calls, from the version that was rolled back to to the one that was rolled back.
async fn canary(aws: &Aws, function: &str) {
    let candidate = Candidate { function: function.to_owned(), code_sha256: None };
    let mut canary = Canary::publish(aws, &[("stats-api".to_owned(), candidate)].into()).await.unwrap();
    assert_eq!(canary.versions().len(), 1);
    canary.shift(0.1).await.unwrap();
    assert!(canary.moved().await.unwrap().is_empty());
    canary.requests().await.unwrap();
    canary.take_back().await.unwrap();
}

/// What `doctor` calls, as a role's session.
async fn doctor(aws: &Aws, account: &Account) -> BTreeSet<Need> {
    use liveinsight::account::{logging_role, principal, quotas, simulate};
    let names = Names::new(&bare(), &aws.place.account);
    account.strict.set_faults(Faults::None);
    let (_, found) = (logging_role(aws).await.unwrap(), quotas(aws).await);
    assert!(found.iter().all(|(_, quota)| quota.as_ref().is_ok_and(|quota| quota.most > 0 && !quota.is_full())), "{found:?}");
    let session = format!("arn:aws:sts::{}:assumed-role/nobody/ada", aws.place.account);
    principal(aws, &session).await.unwrap();
    let statements = liveinsight::policy::statements(Task::Up, &aws.place, &names, 0);
    let nobody = format!("arn:aws:iam::{}:role/nobody", aws.place.account);
    assert!(!simulate(aws, &nobody, &statements).await.unwrap().denied.is_empty());
    account.strict.log().iter().flat_map(|entry| needs::of(entry, &aws.place, &names)).collect()
}

/// A run of `up --delete-data` after everything was deleted from stack.yaml.
async fn strip(aws: &Aws, account: &Account) {
    let declaration = declare(&bare(), &aws.place, &Content::default());
    let plan = survey(&declaration.graph, aws, &|_| {}).await.unwrap();
    let options = Options { delete_data: true, ..Options::default() };
    account.complete(&up(&declaration.graph, aws, plan, &options, &|_| {}).await, "strip");
    account.empty("strip").await;
}

/// The same account without the proxy.
async fn outside(aws: &Aws) -> Aws {
    let connection = Connection::endpoint(shared::REGION, &test_support::endpoint(), &aws.place.account, "test").await;
    connection.aws(aws.place.clone(), aws.stack.clone())
}

fn bare() -> Stack {
    Stack::parse(BARE, "stack.yaml", &test_support::workspace(), Some("dev"), Some(shared::REGION)).unwrap()
}

/// The statements of the policy that the program prints.
fn printed(command: &str, account: &str) -> Vec<Value> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_liveinsight"));
    let program = program.args(["policy", command, "--account", account]).current_dir(test_support::workspace());
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(liveinsight::policy::size(&document) <= liveinsight::policy::LIMIT);
    serde_json::from_value(document["Statement"].take()).unwrap()
}

/// The statements without one of their actions, for each of them.
fn each_without_one(statements: &[Value]) -> Vec<(String, Vec<Value>)> {
    let mut all = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        let actions = statement["Action"].as_array().unwrap();
        for action in actions {
            let mut without = statements.to_vec();
            without[index]["Action"].as_array_mut().unwrap().retain(|kept| kept != action);
            all.push((format!("{} of {}", action.as_str().unwrap(), statement["Sid"].as_str().unwrap()), without));
        }
    }
    all
}
