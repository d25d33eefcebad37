//! The policies that `liveinsight policy` prints, against the calls of the program: they allow every call of real runs, and list no action that no
//! call needs.
//!
//! The shipped stack goes through its life behind the proxy of `tests/strict`, which logs every call: created, looked at, changed, repaired after
//! changes from outside, stripped of everything, removed. [`needs`](needs::of) returns the permissions that IAM requires for each call. It is
//! written from AWS's references and not from the program's own table. Neither was checked against IAM itself.

mod attack;
mod audit;
mod damage;
mod intruders;
mod judge;
mod needs;
mod table;

use crate::e2e::small;
use crate::reliability::{accounts, shared};
use liveinsight::{
    aws::{Aws, Connection, facts::Task},
    cost,
    engine::{Options, survey, up},
    lock::Lock,
    policy,
    release::{Canary, Candidate},
    stack::{Content, Names, Stack, declare},
    trail,
};
use needs::Need;
use serde_json::Value;
use shared::{Account, REGION, Version};
use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output},
};
use strict_aws::{Config, Faults};
use tempfile::TempDir;

/// The stack's names without any resource: existing ones are deleted.
const BARE: &str = "project: liveinsight\nregion: us-east-1\nenvironments: { dev: {} }\n";

#[tokio::test]
async fn the_policies_of_up_status_and_down_are_exact() {
    let account = Account::new(Config::default()).await;
    let aws = account.connect().await;
    let names = bare().names(&aws.target.account);
    let (mut of_up, mut of_status, mut of_down) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let calls = |of: &mut BTreeSet<Need>| {
        let log = account.strict.log();
        of.extend(log.iter().flat_map(|entry| needs::of(entry, &aws.target, &names, None)));
        account.strict.set_faults(Faults::None);
    };
    // Changes from outside bypass the proxy, so that it does not log them.
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
    damage::role(&outside, &names.role("realtime-api")).await;
    damage::function(&outside, &names.function("realtime-api")).await;
    status(&account.connect().await, &account, Version::First).await;
    calls(&mut of_status);
    let auditing = account.connect().await;
    auditing.audit();
    account.complete(&account.up_with(&auditing, Version::First).await, "repair");
    calls(&mut of_up);

    damage::logging_role(&outside).await;
    account.complete(&account.up(Version::Second).await, "change");
    calls(&mut of_up);

    status(&account.connect().await, &account, Version::Second).await;
    calls(&mut of_status);

    damage::headers(&outside).await;
    damage::url(&outside, &names.function("hello")).await;
    account.complete(&account.up(Version::Second).await, "repair of the headers and the URL");
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

    // `down` of the first version meets resources that only the second one declares, and the lock of a run that was killed.
    account.complete(&account.up(Version::Second).await, "up again");
    calls(&mut of_up);
    damage::lock(&outside, &names).await;
    damage::role(&outside, &names.role("stats-api")).await;
    damage::bucket(&outside, &names).await;
    account.complete(&account.down().await, "down");
    calls(&mut of_down);
    account.empty("down").await;

    let of_doctor = doctor(&account.connect().await, &account).await;

    // A role for `up` may look as well.
    of_up.extend(of_status.iter().cloned());
    let mut wrong = Vec::new();
    for (command, needs) in [("up", of_up), ("status", of_status), ("down", of_down), ("doctor", of_doctor)] {
        let statements = printed(command, &aws.target.account);
        wrong.extend(needs.iter().filter(|need| !need.allowed(&statements)).map(|need| format!("{command}: {need:?} is denied")));
        for (action, without) in each_without_one(&statements) {
            if needs.iter().all(|need| need.allowed(&without)) {
                wrong.push(format!("{command}: nothing needs {action}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn within_a_boundary_the_whole_life_of_a_stack_is_allowed() {
    let mut account = Account::new(Config::default()).await;
    let aws = account.connect().await;
    let (names, number) = (bare().names(&aws.target.account), aws.target.account.clone());
    let outside = outside(&aws).await;
    let document = printed_boundary(&number).to_string();
    let made = outside.iam.create_policy().policy_name("site-boundary").policy_document(document).send().await.unwrap();
    let boundary = made.policy().and_then(|policy| policy.arn()).unwrap().to_owned();
    let wrong = |command: &str, account: &Account| {
        let log = account.strict.take_log();
        let needs: BTreeSet<Need> = log.iter().flat_map(|entry| needs::of(entry, &aws.target, &names, Some(&boundary))).collect();
        let questions: Vec<_> = needs.iter().map(Need::question).collect();
        assert!(questions.len() > 20, "{command}: {questions:?}");
        let denied = judge::otherwise(&number, &documents(command, &number, Some(&boundary)), None, &questions, true);
        assert!(denied.is_empty(), "{command}: {denied:#?}");
        needs
    };

    // A stack from before there were boundaries gets one with the next run.
    account.complete(&account.up(Version::First).await, "up without a boundary");
    damage::logging_role(&outside).await;
    account.strict.take_log();
    account.boundary = Some(boundary.clone());
    account.complete(&account.up(Version::First).await, "up");
    assert_eq!(bounded(&outside, &names).await, [3, 0], "roles with the boundary, and without");
    let mut needs = wrong("up", &account);
    account.complete(&account.down().await, "down");
    wrong("down", &account);

    account.complete(&account.up(Version::First).await, "up anew");
    needs.extend(wrong("up", &account));
    account.complete(&account.up(Version::Second).await, "change");
    needs.extend(wrong("up", &account));
    assert_eq!(bounded(&outside, &names).await, [4, 0], "roles with the boundary, and without");
    let logging = outside.iam.get_role().role_name("liveinsight-apigateway-logs").send().await.unwrap();
    let logging = logging.role.unwrap().permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn);
    assert_eq!(logging.as_deref(), Some(boundary.as_str()));
    let mut roles = Vec::new();
    for name in ["event-collector", "stats-api"] {
        let (role, policy) = (names.role(name), names.policy(name));
        let answer = outside.iam.get_role_policy().role_name(&role).policy_name(policy).send().await.unwrap();
        let document = liveinsight::aws::decode_policy(answer.policy_document());
        let arn = aws.target.global_arn("iam", &format!("role{}{role}", names.role_path()));
        roles.push((arn, serde_json::from_str(&document).unwrap()));
    }
    attack::takes_nothing(&number, &printed_boundary(&number), &roles);
    // A boundary that was put in its place by hand is drift.
    let other = outside.iam.create_policy().policy_name("wider").policy_document(attack::everything().to_string()).send().await.unwrap();
    let other = other.policy().and_then(|policy| policy.arn()).unwrap();
    let role = names.role("stats-api");
    outside.iam.put_role_permissions_boundary().role_name(&role).permissions_boundary(other).send().await.unwrap();
    account.complete(&account.up(Version::Second).await, "repair");
    assert_eq!(bounded(&outside, &names).await, [4, 0], "roles with the boundary, and without");
    needs.extend(wrong("up", &account));

    // Every action is one that `up` with a boundary needs: another test takes apart those that it shares with `up` without one.
    for action in ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"] {
        assert!(needs.iter().any(|need| need.question().action == action), "nothing needs {action}");
    }
    account.complete(&account.down().await, "down");
    wrong("down", &account);
    account.empty("down").await;
}

/// Counts the stack's roles with the boundary, and those with another or none.
async fn bounded(aws: &Aws, names: &Names) -> [usize; 2] {
    let mut counts = [0, 0];
    for role in aws.iam.list_roles().path_prefix(names.role_path()).send().await.unwrap().roles() {
        let role = aws.iam.get_role().role_name(role.role_name()).send().await.unwrap().role.unwrap();
        let boundary = role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn);
        counts[usize::from(!boundary.is_some_and(|arn| arn.ends_with(":policy/site-boundary")))] += 1;
    }
    counts
}

/// Runs `status --cost --audit` and `history`. Returns the namespaces of the requested metrics.
async fn status(aws: &Aws, account: &Account, version: Version) -> BTreeSet<&'static str> {
    let declaration = account.declare(version);
    aws.audit();
    let plan = survey(&declaration.graph, aws, &|_| {}).await.unwrap();
    let subjects = trail::subjects(&plan.steps, |id| plan.identity(&declaration.graph, id, &aws.target));
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

/// Makes the calls of a canary, from the version that a rollback restored to the version that it replaced.
async fn canary(aws: &Aws, function: &str) {
    let candidate = Candidate { function: function.to_owned(), code_sha256: None };
    let mut canary = Canary::publish(aws, &[("stats-api".to_owned(), candidate)].into()).await.unwrap();
    assert_eq!(canary.versions().len(), 1);
    canary.shift(0.1).await.unwrap();
    assert!(canary.moved().await.unwrap().is_empty());
    canary.requests().await.unwrap();
    canary.take_back().await.unwrap();
}

/// Returns the needs of the calls that `doctor` makes, as a role's session.
async fn doctor(aws: &Aws, account: &Account) -> BTreeSet<Need> {
    use liveinsight::{
        account::{principal, simulate},
        resources::{logging_role, quotas},
    };
    let names = bare().names(&aws.target.account);
    account.strict.set_faults(Faults::None);
    let (_, found) = (logging_role(aws).await.unwrap(), quotas(aws).await);
    assert!(found.iter().all(|(_, quota)| quota.as_ref().is_ok_and(|quota| quota.limit > 0 && !quota.is_full())), "{found:?}");
    let session = format!("arn:aws:sts::{}:assumed-role/nobody/ada", aws.target.account);
    principal(aws, &session).await.unwrap();
    let statements = policy::statements(Task::Up, &aws.target, &names, 0, None);
    let nobody = format!("arn:aws:iam::{}:role/nobody", aws.target.account);
    assert!(!simulate(aws, &nobody, &statements).await.unwrap().denied.is_empty());
    account.strict.log().iter().flat_map(|entry| needs::of(entry, &aws.target, &names, None)).collect()
}

/// Runs `up --delete-data` after everything was deleted from stack.yaml.
async fn strip(aws: &Aws, account: &Account) {
    let declaration = declare(&bare(), &aws.target, &Content::default());
    let plan = survey(&declaration.graph, aws, &|_| {}).await.unwrap();
    let options = Options { delete_data: true, ..Options::default() };
    account.complete(&up(&declaration.graph, aws, plan, &options, &|_| {}).await, "strip");
    account.empty("strip").await;
}

/// Connects to the same account without the proxy.
async fn outside(aws: &Aws) -> Aws {
    let connection = Connection::endpoint(shared::REGION, &test_support::endpoint(), &aws.target.account, "test").await;
    liveinsight::resources::connect(&connection, aws.target.clone(), aws.stack.clone())
}

fn bare() -> Stack {
    Stack::parse(BARE, "stack.yaml", &test_support::workspace(), Some("dev"), Some(shared::REGION)).unwrap()
}

/// Returns the statements of the policy that the program prints.
fn printed(command: &str, account: &str) -> Vec<Value> {
    documents(command, account, None).into_iter().flat_map(|mut document| statements(&mut document)).collect()
}

fn statements(document: &mut Value) -> Vec<Value> {
    serde_json::from_value(document["Statement"].take()).unwrap()
}

/// Returns the documents that the program prints for the shipped stack with this permissions boundary: one, or its parts.
fn documents(command: &str, account: &str, boundary: Option<&str>) -> Vec<Value> {
    let project = project(boundary);
    let print = |more: &[&str]| {
        let output = run(project.path(), &[&["policy", command, "--account", account], more].concat());
        let document: Option<Value> = output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap());
        let limit = if more.is_empty() { policy::INLINE_LIMIT } else { policy::LIMIT };
        assert!(document.as_ref().is_none_or(|document| policy::size(document) <= limit));
        (document, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    match print(&[]) {
        (Some(document), _) => vec![document],
        (None, said) if said.contains("--part 1") => (1..10).map_while(|part| print(&["--part", &part.to_string()]).0).collect(),
        (None, said) => panic!("{said}"),
    }
}

/// Returns the boundary that the program prints for the shipped stack.
fn printed_boundary(account: &str) -> Value {
    printed_boundary_of("", account)
}

/// Returns the boundary that the program prints for the shipped stack with these lines at its end.
fn printed_boundary_of(more: &str, account: &str) -> Value {
    let project = project(None);
    std::fs::write(project.path().join("stack.yaml"), format!("{}\n{more}", shared::SHIPPED)).unwrap();
    let output = run(project.path(), &["policy", "--boundary", "--account", account]);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn run(project: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_liveinsight")).args(arguments).current_dir(project).output().unwrap()
}

/// Creates a directory with the shipped stack.yaml, and a permissions boundary in it.
fn project(boundary: Option<&str>) -> TempDir {
    let project = tempfile::tempdir().unwrap();
    let line = boundary.map(|boundary| format!("\npermissions_boundary: {boundary}\n")).unwrap_or_default();
    std::fs::write(project.path().join("stack.yaml"), format!("{}{line}", shared::SHIPPED)).unwrap();
    project
}

/// Returns the statements without one of their actions, for each of them.
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
