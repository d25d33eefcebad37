//! `--audit` from a user's view: the real program on a local AWS of its own, with an intruder's changes.

use super::{
    attack::everything,
    damage,
    small::{Small, succeeded},
};
use liveinsight::{
    aws::{Aws, Connection, Target},
    local::ACCESS_KEY_ID,
    stack::{Names, Stack},
};
use serde_json::Value;

const REGION: &str = "eu-west-1";
const ACCOUNT: &str = "000000000000";

/// Returns access to the project's account, and the stack's names in it.
async fn account(project: &Small) -> (Aws, Names) {
    let record = std::fs::read_to_string(project.path().join(".liveinsight/aws/server.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    let endpoint = format!("http://127.0.0.1:{}", record["port"]);
    let stack = Stack::read(&project.path().join("stack.yaml"), None, None).unwrap();
    let names = stack.names(ACCOUNT);
    let connection = Connection::endpoint(REGION, &endpoint, ACCESS_KEY_ID, &test_support::secret(project.path())).await;
    (liveinsight::resources::connect(&connection, Target::aws("aws", REGION, ACCOUNT), names.stack_tag()), names)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_intruder_left_is_named_by_an_audit_and_removed_by_an_up_with_one() {
    let project = Small::new();
    project.ok(&["up", "--local"]);
    let (aws, names) = account(&project).await;
    let role = names.role("hello");
    damage::role(&aws, &role).await;
    damage::function(&aws, &names.function("hello")).await;
    // The same on a role outside the stack.
    let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
    aws.iam.create_role().role_name("foreign").assume_role_policy_document(trust).send().await.unwrap();
    aws.iam.put_role_policy().role_name("foreign").policy_name("all").policy_document(everything().to_string()).send().await.unwrap();
    let of_foreign = aws.target.global_arn("iam", &format!("policy/of-{role}"));
    aws.iam.attach_role_policy().role_name("foreign").policy_arn(of_foreign).send().await.unwrap();

    let run = |arguments: &[&str]| {
        let output = project.command(arguments).output().unwrap();
        (output.status.code(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
    };
    let left = [
        &format!("others.managed_policies.of-{role}"),
        "others.inline_policies.more",
        "others.urls.$LATEST",
        "others.statements.stranger",
        "others.versions.1.guest",
    ];
    // As docs/security.md states, seeing it takes additional calls.
    let (code, said) = run(&["status", "--local", "--exit-code"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&["up", "--local"]);
    assert!(code == Some(0) && said.contains(" 0 of them writes"), "{said}");
    for command in ["status", "plan"] {
        let (code, said) = run(&[command, "--local", "--audit", "--exit-code"]);
        assert_eq!(code, Some(10), "{command}: {said}");
        assert!(left.iter().all(|what| said.contains(*what)) && !said.contains("foreign"), "{command}: {said}");
    }
    let (code, said) = run(&["up", "--local", "--audit", "--yes"]);
    assert!(code == Some(0) && left.iter().all(|what| said.contains(*what)), "{said}");
    assert!(!said.contains(" 0 of them writes"), "{said}");
    succeeded(&project.command(&["status", "--local", "--audit", "--exit-code"]).output().unwrap(), "status --audit");
    let (code, said) = run(&["up", "--local", "--audit", "--yes"]);
    assert!(code == Some(0) && said.contains(" 0 of them writes"), "{said}");

    let policies = async |role: &str| {
        let inline = aws.iam.list_role_policies().role_name(role).send().await.unwrap().policy_names().to_vec();
        let attached = aws.iam.list_attached_role_policies().role_name(role).send().await.unwrap().attached_policies().len();
        (inline, attached)
    };
    assert_eq!(policies(&role).await, (vec![names.policy("hello")], 0));
    assert_eq!(policies("foreign").await, (vec!["all".to_owned()], 1), "it is not the stack's");
    let urls = aws.lambda.list_function_url_configs().function_name(names.function("hello")).send().await.unwrap();
    assert!(urls.function_url_configs().is_empty(), "{urls:?}");
    // The API still has access, through the alias.
    let on_alias = aws.lambda.get_policy().function_name(names.function("hello")).qualifier("live").send().await.unwrap();
    assert!(on_alias.policy().is_some_and(|policy| policy.contains("apigateway.amazonaws.com")), "{on_alias:?}");
}
