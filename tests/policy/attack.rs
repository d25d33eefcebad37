//! An attacker with the deployer's role tries to widen its permissions, and to harm resources outside the stack.
//!
//! The policies are those that the program prints. [Another evaluation](super::judge) decides whether they allow a request.

use super::documents;
use super::judge::{Question, judge, otherwise};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/site-boundary";
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
/// Role that the attacker has.
const OWN: &str = "arn:aws:iam::123456789012:role/site-up";
const BOUND: &str = "iam:PermissionsBoundary";
const STACK: &str = "aws:ResourceTag/liveinsight:stack";

fn role(path: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{path}")
}

/// Returns a role of the stack.
fn ours() -> String {
    role("liveinsight/liveinsight/dev/us-east-1/liveinsight-stats-api-dev")
}

/// Returns a role of a stack with names that begin like this one's.
fn neighbours() -> String {
    role("liveinsight/liveinsight-eu/dev/us-east-1/liveinsight-eu-stats-api-dev")
}

fn logging_role() -> String {
    role("liveinsight/liveinsight-apigateway-logs")
}

/// Returns the requests that widen a role without the boundary: an administrator in two steps.
fn unbounded() -> Vec<Question> {
    let mut questions = Vec::new();
    for role in [ours(), logging_role()] {
        questions.push(Question::new("iam:CreateRole", &role, &[]));
        questions.push(Question::new("iam:CreateRole", &role, &[(BOUND, ADMINISTRATOR)]));
        questions.push(Question::new("iam:PutRolePolicy", &role, &[]));
        questions.push(Question::new("iam:PutRolePolicy", &role, &[(BOUND, ADMINISTRATOR)]));
    }
    questions
}

fn escalations() -> Vec<Question> {
    let to = |service: &'static str| ("iam:PassedToService", service);
    let mut questions = unbounded();
    for role in [ours(), logging_role(), neighbours(), OWN.to_owned()] {
        questions.extend([
            Question::new("iam:PutRolePermissionsBoundary", &role, &[(BOUND, ADMINISTRATOR)]),
            Question::new("iam:DeleteRolePermissionsBoundary", &role, &[(BOUND, BOUNDARY)]),
            Question::new("iam:AttachRolePolicy", &role, &[(BOUND, BOUNDARY), ("iam:PolicyARN", ADMINISTRATOR)]),
            Question::new("iam:UpdateRole", &role, &[]),
            Question::new("sts:AssumeRole", &role, &[]),
        ]);
    }
    // Roles outside the stack, with the boundary or without: the attacker's own, another stack's, an administrator's.
    for role in [OWN.to_owned(), neighbours(), role("Admin"), role("liveinsight-x-dev")] {
        for action in ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"] {
            questions.push(Question::new(action, &role, &[]));
            questions.push(Question::new(action, &role, &[(BOUND, BOUNDARY)]));
        }
        for action in ["iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:TagRole"] {
            questions.push(Question::new(action, &role, &[]));
        }
        for service in ["lambda.amazonaws.com", "apigateway.amazonaws.com", "ec2.amazonaws.com"] {
            questions.push(Question::new("iam:PassRole", &role, &[to(service)]));
        }
    }
    questions.push(Question::new("iam:PassRole", &ours(), &[to("ec2.amazonaws.com")]));
    questions.push(Question::new("iam:PassRole", &logging_role(), &[to("lambda.amazonaws.com")]));
    for action in ["CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion", "DeletePolicy", "CreatePolicy", "TagPolicy"] {
        questions.push(Question::new(&format!("iam:{action}"), BOUNDARY, &[]));
    }
    for action in ["CreateUser", "CreateAccessKey", "CreateLoginProfile", "AddUserToGroup", "PutUserPolicy", "AttachUserPolicy"] {
        questions.push(Question::new(&format!("iam:{action}"), &format!("arn:aws:iam::{ACCOUNT}:user/mallory"), &[]));
    }
    questions
}

/// Returns deletions and changes of resources that belong to another stack, or to none.
fn harm() -> Vec<Question> {
    let arn = |service: &str, resource: &str| format!("arn:aws:{service}:us-east-1:{ACCOUNT}:{resource}");
    let function = arn("lambda", "function:liveinsight-eu-stats-api-dev");
    let table = arn("dynamodb", "table/liveinsight-eu-events-dev");
    let group = arn("logs", "log-group:/aws/lambda/liveinsight-eu-stats-api-dev:*");
    let alarm = arn("cloudwatch", "alarm:liveinsight-eu-errors-dev");
    let distribution = format!("arn:aws:cloudfront::{ACCOUNT}:distribution/E1");
    let api = "arn:aws:apigateway:us-east-1::/restapis/a1b2c3".to_owned();
    let method = format!("{api}/resources/r/methods/GET");
    let deletions = [
        ("lambda:DeleteFunction", &function),
        ("logs:DeleteLogGroup", &group),
        ("cloudwatch:DeleteAlarms", &alarm),
        ("cloudfront:DeleteDistribution", &distribution),
        ("apigateway:DELETE", &api),
    ];
    let changes = [
        ("lambda:UpdateFunctionCode", &function),
        ("lambda:UpdateFunctionConfiguration", &function),
        ("lambda:AddPermission", &function),
        ("lambda:TagResource", &function),
        ("lambda:UntagResource", &function),
        ("dynamodb:DeleteTable", &table),
        ("dynamodb:UpdateTable", &table),
        ("dynamodb:TagResource", &table),
        ("logs:PutRetentionPolicy", &group),
        ("logs:TagResource", &group),
        ("cloudwatch:PutMetricAlarm", &alarm),
        ("cloudwatch:TagResource", &alarm),
        ("cloudfront:UpdateDistribution", &distribution),
        ("cloudfront:CreateInvalidation", &distribution),
        ("cloudfront:TagResource", &distribution),
        ("cloudfront:UntagResource", &distribution),
        ("apigateway:PATCH", &api),
        ("apigateway:PUT", &api),
        ("apigateway:DELETE", &method),
        ("apigateway:PATCH", &method),
    ];
    let mut questions: Vec<Question> = deletions.iter().map(|(action, arn)| Question::new(action, arn, &[])).collect();
    let others = deletions.iter().chain(&changes);
    questions.extend(others.map(|(action, arn)| Question::new(action, arn, &[(STACK, "liveinsight-eu/dev")])));
    // The bucket has the stack's name, and another owner.
    let bucket = "arn:aws:s3:::liveinsight-static-dev-89e4e5f1";
    for (action, arn) in [("s3:PutObject", format!("{bucket}/site/index.html")), ("s3:PutBucketPolicy", bucket.to_owned())] {
        questions.push(Question::new(action, &arn, &[("aws:ResourceAccount", "210987654321")]));
    }
    questions
}

#[test]
fn a_deployer_within_a_boundary_cannot_become_more_than_it() {
    let policies = documents("up", ACCOUNT, Some(BOUNDARY));
    let allowed = otherwise(ACCOUNT, &policies, None, &escalations(), false);
    assert!(allowed.is_empty(), "{allowed:#?}");
    // The same evaluation allows the calls of `up`, so it does not simply deny all.
    let lambda = ("iam:PassedToService", "lambda.amazonaws.com");
    let needed = [
        Question::new("iam:CreateRole", &ours(), &[(BOUND, BOUNDARY)]),
        Question::new("iam:PutRolePolicy", &ours(), &[(BOUND, BOUNDARY)]),
        Question::new("iam:PutRolePermissionsBoundary", &ours(), &[(BOUND, BOUNDARY)]),
        Question::new("iam:PutRolePermissionsBoundary", &logging_role(), &[(BOUND, BOUNDARY)]),
        Question::new("iam:DeleteRole", &ours(), &[]),
        Question::new("iam:PassRole", &ours(), &[lambda]),
    ];
    let denied = otherwise(ACCOUNT, &policies, None, &needed, true);
    assert!(denied.is_empty(), "{denied:#?}");
}

#[test]
fn denied_is_denied_whatever_else_the_role_may_do() {
    let mut policies = documents("up", ACCOUNT, Some(BOUNDARY));
    policies.push(json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "iam:*", "Resource": "*" }] }));
    let mut questions = vec![Question::new("iam:DeleteRolePermissionsBoundary", &ours(), &[(BOUND, BOUNDARY)])];
    for action in ["iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:DeletePolicyVersion", "iam:DeletePolicy"] {
        questions.push(Question::new(action, BOUNDARY, &[]));
    }
    let allowed = otherwise(ACCOUNT, &policies, None, &questions, false);
    assert!(allowed.is_empty(), "{allowed:#?}");
}

#[test]
fn without_a_boundary_the_deployer_is_an_administrator_as_the_warning_says() {
    let denied = otherwise(ACCOUNT, &documents("up", ACCOUNT, None), None, &unbounded(), true);
    assert!(denied.is_empty(), "{denied:#?}");
}

#[test]
fn what_is_another_stacks_cannot_be_deleted_or_changed() {
    for boundary in [None, Some(BOUNDARY)] {
        for command in ["up", "down", "status"] {
            let allowed = otherwise(ACCOUNT, &documents(command, ACCOUNT, boundary), None, &harm(), false);
            assert!(allowed.is_empty(), "{command} {boundary:?}: {allowed:#?}");
        }
    }
}

/// Returns a policy that allows everything.
pub(crate) fn everything() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] })
}

#[test]
fn the_printed_boundary_leaves_an_administrators_role_what_functions_do() {
    let boundary = &super::printed_boundary(ACCOUNT);
    let arn = |service: &str, resource: &str| format!("arn:aws:{service}:us-east-1:{ACCOUNT}:{resource}");
    let table = arn("dynamodb", "table/liveinsight-events-dev");
    let stream = arn("logs", "log-group:/aws/lambda/liveinsight-stats-api-dev:log-stream:x");
    let bound = |questions: &[Question], expected| otherwise(ACCOUNT, &[everything()], Some(boundary), questions, expected);
    let group = arn("logs", "log-group:API-Gateway-Execution-Logs_a1/dev");
    let denied = bound(
        &[
            Question::new("dynamodb:PutItem", &table, &[(STACK, "liveinsight/dev")]).by(&ours()),
            Question::new("dynamodb:Query", &format!("{table}/index/EventTypeIndex"), &[]).by(&ours()),
            Question::new("logs:PutLogEvents", &stream, &[]).by(&ours()),
            Question::new("logs:CreateLogGroup", &group, &[]).by(&logging_role()),
        ],
        true,
    );
    assert!(denied.is_empty(), "{denied:#?}");
    let allowed = bound(
        &[
            Question::new("dynamodb:PutItem", &arn("dynamodb", "table/liveinsight-eu-events-dev"), &[(STACK, "liveinsight-eu/dev")]),
            Question::new("dynamodb:PutItem", &arn("dynamodb", "table/other"), &[]),
            Question::new("dynamodb:DeleteTable", &table, &[]),
            Question::new("logs:FilterLogEvents", &group, &[]),
            Question::new("iam:CreateRole", &ours(), &[]),
            Question::new("sts:AssumeRole", OWN, &[]),
            Question::new("s3:GetObject", "arn:aws:s3:::liveinsight-static-dev-89e4e5f1/x", &[]),
            Question::new("secretsmanager:GetSecretValue", &arn("secretsmanager", "secret:x"), &[]),
            Question::new("lambda:InvokeFunction", &arn("lambda", "function:x"), &[]),
        ]
        .map(|question| question.by(&ours())),
        false,
    );
    assert!(allowed.is_empty(), "{allowed:#?}");
}

#[test]
fn a_boundary_lets_functions_read_the_parameters_of_their_own_stack_only_where_secrets_are_in_them() {
    let parameter = |path: &str| format!("arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{path}");
    let own = [Question::new("ssm:GetParameters", &parameter("liveinsight/dev/TOKEN_SECRET"), &[]).by(&ours())];
    let others = ["liveinsight/prod/TOKEN_SECRET", "liveinsight-eu/dev/TOKEN_SECRET", "other/dev/TOKEN_SECRET", "liveinsight/dev"];
    let others = others.map(|path| Question::new("ssm:GetParameters", &parameter(path), &[]).by(&ours()));
    let more = ["GetParameter", "GetParametersByPath", "PutParameter", "DeleteParameter", "DescribeParameters"];
    let more = more.map(|action| Question::new(&format!("ssm:{action}"), &parameter("liveinsight/dev/TOKEN_SECRET"), &[]).by(&ours()));
    for (lines, own_is_allowed) in [("secrets_from: ssm\n", true), ("", false)] {
        let boundary = super::printed_boundary_of(lines, ACCOUNT);
        let wrong = |questions: &[Question], expected| otherwise(ACCOUNT, &[everything()], Some(&boundary), questions, expected);
        let wrong = [wrong(&own, own_is_allowed), wrong(&others, false), wrong(&more, false)].concat();
        assert!(wrong.is_empty(), "{lines}: {wrong:#?}");
    }
}

/// Asserts that the boundary removes no permission from these roles, each given by its ARN with its policy.
pub(crate) fn takes_nothing(account: &str, boundary: &Value, roles: &[(String, Value)]) {
    let mut asked = 0;
    for (role, policy) in roles {
        let mut questions = Vec::new();
        for statement in policy["Statement"].as_array().unwrap() {
            let texts = |value: &Value| match value {
                Value::String(text) => vec![text.clone()],
                list => list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect(),
            };
            for action in texts(&statement["Action"]) {
                for arn in texts(&statement["Resource"]) {
                    let arn = arn.replace('*', "x");
                    questions.push(Question::new(&action, &arn, &[(STACK, "liveinsight/dev")]).by(role));
                }
            }
        }
        let alone = judge(account, std::slice::from_ref(policy), None, &questions);
        assert!(alone.iter().all(|allowed| *allowed), "{role}");
        assert_eq!(otherwise(account, std::slice::from_ref(policy), Some(boundary), &questions, true), Vec::<String>::new(), "{role}");
        asked += questions.len();
    }
    assert!(asked >= 10, "{asked}");
}
