//! Tests of `policy`: the documents for the shipped stack, without access to AWS.

use crate::harness::{Project, SMALL, stderr, stdout};
use serde_json::Value;

const ACCOUNT: [&str; 2] = ["--account", "123456789012"];

fn shipped() -> Project {
    Project::new(include_str!("../../stack.yaml"))
}

#[test]
fn the_shipped_stack_in_one_document_for_each_command() {
    let project = shipped();
    for command in ["up", "status", "down", "logs", "doctor"] {
        let arguments = [&["policy", command][..], &ACCOUNT].concat();
        insta::assert_snapshot!(format!("policy_{command}"), project.show(&arguments));
        let document: Value = serde_json::from_str(&stdout(&project.run(&arguments))).unwrap();
        assert!(liveinsight::policy::size(&document) <= liveinsight::policy::INLINE_LIMIT, "{command}");
    }
    assert_eq!(stdout(&project.run(&["policy", ACCOUNT[0], ACCOUNT[1]])), stdout(&project.run(&["policy", "up", ACCOUNT[0], ACCOUNT[1]])));
}

#[test]
fn with_a_boundary_roles_are_made_within_it_only() {
    let bounded = format!("{}\npermissions_boundary: arn:aws:iam::123456789012:policy/site-boundary\n", include_str!("../../stack.yaml"));
    let project = Project::new(&bounded);
    insta::assert_snapshot!("policy_up_bounded", project.show(&["policy", "up", ACCOUNT[0], ACCOUNT[1]]));
    let arguments = ["policy", "--boundary", ACCOUNT[0], ACCOUNT[1]];
    insta::assert_snapshot!("policy_boundary", project.show(&arguments));
    // Parameters with secrets add statements, for this stack and environment alone.
    let statements = |project: &Project| -> Vec<Value> {
        let document: Value = serde_json::from_str(&stdout(&project.run(&arguments))).unwrap();
        serde_json::from_value(document["Statement"].clone()).unwrap()
    };
    let (without, with) = (statements(&project), statements(&Project::new(&format!("{bounded}secrets_from: ssm\n"))));
    let added: Vec<&Value> = with.iter().filter(|statement| !without.contains(statement)).collect();
    let parameters = serde_json::json!({
        "Sid": "Parameters", "Effect": "Allow", "Action": ["ssm:GetParameters"],
        "Resource": ["arn:aws:ssm:us-east-1:123456789012:parameter/liveinsight/dev/*"],
    });
    assert_eq!((added, with.len()), (vec![&parameters], without.len() + 1));
}

#[test]
fn only_a_stack_of_many_functions_asks_for_the_list_of_all_roles() {
    for (functions, is_asked_for) in [(8, false), (9, true)] {
        let function = |number| format!("  f{number}: {{ source: lambdas/f{number}, route: GET /api/f{number} }}\n");
        let stack =
            format!("project: demo\nregion: us-east-1\nfunctions:\n{}api: {{}}\n", (0..functions).map(function).collect::<String>());
        let document = stdout(&Project::new(&stack).run(&["policy", "up", ACCOUNT[0], ACCOUNT[1]]));
        assert!(document.contains("iam:GetRolePolicy"), "{document}");
        assert_eq!(document.contains("iam:GetAccountAuthorizationDetails"), is_asked_for, "{functions} functions");
    }
}

#[test]
fn who_may_assume_the_role() {
    let arguments = ["policy", "--trust", "github:octo/site:environment:prod", ACCOUNT[0], ACCOUNT[1]];
    insta::assert_snapshot!("policy_trust", shipped().show(&arguments));
}

#[test]
fn the_longest_names_still_fit_or_are_told_how_to_split() {
    // A bucket's name has the strictest limit: this project and environment take its 63 characters.
    let project = Project::new(&SMALL.replace("project: demo", &format!("project: {}", "p".repeat(42))));
    let arguments = ["policy", ACCOUNT[0], ACCOUNT[1], "--region", "ap-southeast-1"];
    let document: Value = serde_json::from_str(&stdout(&project.run(&arguments))).unwrap();
    assert!(liveinsight::policy::size(&document) <= liveinsight::policy::INLINE_LIMIT);
    // Names that are no part of a bucket's may be longer.
    let project = Project::new(&SMALL.replace("project: demo", &format!("project: {}", "p".repeat(240))));
    insta::assert_snapshot!("policy_too_long", project.show(&arguments));
    let mut sids = Vec::new();
    for part in ["1", "2", "3"] {
        let arguments = [&arguments[..], &["--part", part]].concat();
        let document: Value = serde_json::from_str(&stdout(&project.run(&arguments))).unwrap();
        assert!(liveinsight::policy::size(&document) <= liveinsight::policy::LIMIT);
        sids.extend(document["Statement"].as_array().unwrap().iter().map(|statement| statement["Sid"].to_string()));
    }
    let kept = sids.len();
    sids.sort();
    sids.dedup();
    assert!(kept > 10 && kept == sids.len(), "{sids:?}");
    insta::assert_snapshot!("policy_no_such_part", project.show(&[&arguments[..], &["--part", "9"]].concat()));
}

#[test]
fn mistakes_are_told() {
    let project = Project::new(SMALL);
    insta::assert_snapshot!("policy_wrong_account", project.show(&["policy", "--account", "12345"]));
    insta::assert_snapshot!("policy_wrong_trust", project.show(&["policy", "--trust", "octo/site", ACCOUNT[0], ACCOUNT[1]]));
    insta::assert_snapshot!("policy_without_access", project.show(&["policy"]));
}

#[test]
fn without_credentials_it_says_so_in_a_line_or_takes_an_account() {
    let project = shipped();
    let refused = project.run(&["policy"]);
    assert_eq!(refused.status.code(), Some(4));
    let said = stderr(&refused);
    let errors = said.lines().filter(|line| line.starts_with("error:")).count();
    assert!(errors == 1 && said.contains("hint: ") && said.contains("--account 123456789012"), "{said}");
    for arguments in [&["policy", ACCOUNT[0], ACCOUNT[1]][..], &["policy", "--local"]] {
        assert_eq!(project.run(arguments).status.code(), Some(0), "{arguments:?}");
    }
}
