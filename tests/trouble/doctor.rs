//! `doctor` of an account: the permissions of the credentials, and the room within the quotas.

use super::desk::{Desk, text};
use aws_sdk_sts::config::{Credentials, Region};
use liveinsight::aws::Aws;
use serde_json::{Value, json};
use strict_aws::Config;

/// Assumes a role with a policy of these statements, and returns the session's key, secret and token.
async fn session(desk: &Desk, aws: &Aws, statements: &[Value]) -> [String; 3] {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole" }] });
    let made = aws.iam.create_role().role_name("robot").assume_role_policy_document(trust.to_string()).send().await.unwrap();
    allow(aws, statements).await;
    let credentials = Credentials::new(&aws.target.account, "test", None, None, "test");
    let config = aws_sdk_sts::Config::builder().behavior_version_latest().region(Region::new("us-east-1"));
    let sts = aws_sdk_sts::Client::from_conf(config.endpoint_url(desk.strict.endpoint()).credentials_provider(credentials).build());
    let assumed = sts.assume_role().role_arn(made.role().unwrap().arn()).role_session_name("ada").send().await.unwrap();
    let keys = assumed.credentials.unwrap();
    [keys.access_key_id, keys.secret_access_key, keys.session_token]
}

async fn allow(aws: &Aws, statements: &[Value]) {
    let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    aws.iam.put_role_policy().role_name("robot").policy_name("all").policy_document(document).send().await.unwrap();
}

/// Runs `doctor`, and returns its findings by name and its exit code.
fn doctor(desk: &Desk, [key, secret, token]: &[String; 3]) -> (Value, Option<i32>) {
    let mut command = desk.command("ada", &["doctor", "--format", "json"]);
    command.envs([("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", secret), ("AWS_SESSION_TOKEN", token)]);
    let output = command.output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    let findings = document["findings"].as_array().unwrap();
    (findings.iter().map(|finding| (finding["what"].as_str().unwrap().to_owned(), finding.clone())).collect(), output.status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_the_permissions_that_are_not_there() {
    let desk = Desk::new(Config::default()).await;
    let (aws, _) = desk.aws().await;
    let printed = desk.run(&["policy", "up"]);
    let document: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let mut statements: Vec<Value> = serde_json::from_value(document["Statement"].clone()).unwrap();
    for statement in &mut statements {
        // The local AWS simulates policies without the context that would meet the condition.
        statement.as_object_mut().unwrap().remove("Condition");
    }
    let keys = session(&desk, &aws, &statements).await;
    let (findings, code) = doctor(&desk, &keys);
    assert_eq!(code, Some(0), "{findings:#}");
    let permissions = &findings["permissions"];
    assert!(permissions["ok"] == true && permissions["warning"] == false, "{permissions:#}");
    assert!(permissions["detail"].as_str().unwrap().contains("role/robot may do what `up` does ("), "{permissions:#}");
    let quotas = findings["quotas"]["detail"].as_str().unwrap();
    let limits = [" of 2500 tables", " of 600 REST APIs", " of 1000 IAM roles", " of 75 GB of code in Lambda"];
    for part in limits.into_iter().chain([" of 100 origin access controls", " of 20 response headers policies"]) {
        assert!(quotas.contains(part), "{part}: {quotas}");
    }

    // Without two actions, which `doctor` names with their resources.
    for statement in &mut statements {
        let actions = statement["Action"].as_array_mut().unwrap();
        actions.retain(|action| action != "dynamodb:UpdateTable" && action != "s3:PutBucketPolicy");
    }
    allow(&aws, &statements).await;
    let (findings, code) = doctor(&desk, &keys);
    let permissions = &findings["permissions"];
    assert_eq!((code, &permissions["ok"]), (Some(1), &json!(false)), "{permissions:#}");
    let detail = permissions["detail"].as_str().unwrap();
    let lines: Vec<&str> = detail.lines().skip(1).collect();
    assert!(lines.len() == 2 && lines[0].starts_with("dynamodb:UpdateTable on arn:aws:dynamodb:us-east-1:"), "{detail}");
    assert!(lines[1].starts_with("s3:PutBucketPolicy on arn:aws:s3:::demo-static-dev-"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_checked_is_not_missing() {
    let desk = Desk::new(Config::default()).await;
    let (aws, _) = desk.aws().await;
    let keys = session(&desk, &aws, &[json!({ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*" })]).await;
    let denied = strict_aws::Faults::Deny(&["iam:SimulatePrincipalPolicy", "lambda:GetAccountSettings"]);
    desk.strict.set_faults(denied);
    let (findings, code) = doctor(&desk, &keys);
    assert_eq!(code, Some(0), "{findings:#}");
    for (what, said) in
        [("permissions", "cannot be checked: iam:SimulatePrincipalPolicy: "), ("quotas", "cannot be read: lambda:GetAccountSettings")]
    {
        let finding = &findings[what];
        assert!(finding["ok"] == true && finding["warning"] == true && finding["detail"].as_str().unwrap().contains(said), "{finding:#}");
        assert!(finding["next"][0].as_str().unwrap().contains("liveinsight policy doctor"), "{finding:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn up_says_what_is_missing_on_this_machine_before_it_looks_at_aws() {
    let desk = Desk::new(Config::default()).await;
    let file = desk.directory.path().join("stack.yaml");
    let stack = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, stack + "functions:\n  hello: { source: hello }\n").unwrap();
    std::fs::create_dir(desk.directory.path().join("hello")).unwrap();
    std::fs::write(desk.directory.path().join("hello/Cargo.toml"), "[package]\nname = \"hello\"\nversion = \"0.1.0\"\n").unwrap();
    let mut command = desk.command("ada", &["up"]);
    command.env("PATH", "/nonexistent");
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("no cargo on PATH"), "{said}");
    // The program looks up the account at the same time as everything else.
    let asked: Vec<String> = desk.strict.log().into_iter().map(|entry| entry.operation).collect();
    assert!(asked.iter().all(|operation| operation == "sts:GetCallerIdentity"), "{asked:?}");
    // The message is the one of `doctor`.
    let mut command = desk.command("ada", &["doctor"]);
    command.env("PATH", "/nonexistent");
    let doctor = text(&command.output().unwrap().stdout);
    let words = said.lines().next().unwrap().trim_start_matches("error: ");
    assert!(doctor.contains(words), "{words:?} is not in\n{doctor}");
}
