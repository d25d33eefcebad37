//! Tests without access: messages and exit codes. Every endpoint here is on the loopback interface.

use crate::harness::{Project, SMALL, answering, nobody, stderr, stdout};

const XML: &str = "Content-Type: text/xml\r\nx-amzn-RequestId: 7d8c9a\r\n";

/// Returns the standard error of a command that ended with this code and without a result.
fn refused(project: &Project, arguments: &[&str], code: i32) -> String {
    let output = project.run(arguments);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    assert_eq!(stdout(&output), "", "{arguments:?}");
    text
}

#[test]
fn no_credentials_ends_with_4() {
    let project = Project::new(SMALL);
    for command in ["up", "plan", "status", "down", "outputs"] {
        let text = refused(&project, &[command], 4);
        assert!(text.contains("sts:GetCallerIdentity"), "{text}");
        assert!(text.contains("hint: set AWS_PROFILE (or --profile)"), "{text}");
        // The error has one line, and one for the next step.
        assert!(text.lines().filter(|line| line.starts_with("error: ")).all(|line| line.chars().count() < 80), "{text}");
    }
}

#[test]
fn what_was_set_for_credentials_in_vain_is_named() {
    for (name, value, said) in [
        ("AWS_PROFILE", "nobody", "AWS_PROFILE=nobody is set"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE", "AWS_ACCESS_KEY_ID without AWS_SECRET_ACCESS_KEY is set"),
    ] {
        let text = refused(&Project::new(SMALL).env(name, value), &["status"], 4);
        assert!(text.contains(said) && text.contains("hint: "), "{text}");
        assert!(!text.contains("AKIA"), "a key is not shown: {text}");
    }
}

#[test]
fn a_profile_that_does_not_exist_ends_with_4() {
    let text = refused(&Project::new(SMALL), &["status", "--profile", "nobody"], 4);
    assert!(text.contains("sts:GetCallerIdentity"), "{text}");
}

#[test]
fn expired_credentials_end_with_4() {
    let body = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token included in the request is expired</Message>\
                </Error><RequestId>7d8c9a</RequestId></ErrorResponse>";
    let project = Project::new(SMALL).endpoint(&answering("403 Forbidden", XML, body));
    insta::assert_snapshot!("expired_credentials", refused(&project, &["plan"], 4));
}

#[test]
fn credentials_of_another_account_than_they_are_said_to_be_end_with_4() {
    // Every service gives this answer; what is found meanwhile does not matter.
    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::222222222222:user/ci</Arn><UserId>U</UserId>\
                <Account>222222222222</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    let project = Project::new(SMALL).endpoint(&answering("200 OK", XML, body)).env("AWS_ACCOUNT_ID", "111111111111");
    let text = refused(&project, &["up"], 4);
    assert!(text.contains("said to be of account 111111111111") && text.contains("of account 222222222222"), "{text}");
    assert!(text.contains("hint: correct AWS_ACCOUNT_ID"), "{text}");
}

#[test]
fn a_clock_that_cannot_be_corrected_ends_with_4() {
    let body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired: 20261123T022700Z is now earlier than \
                20261123T032200Z (20261123T032700Z - 5 min.)</Message></Error><RequestId>7d8c9a</RequestId></ErrorResponse>";
    let project = Project::new(SMALL).endpoint(&answering("403 Forbidden", XML, body));
    let text = refused(&project, &["status"], 4);
    assert!(text.contains("SignatureDoesNotMatch: Signature expired: ") && text.contains("hint: set this machine's clock"), "{text}");
}

#[test]
fn a_denied_operation_ends_with_4_and_names_the_permission() {
    let body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: arn:aws:iam::123456789012:user/ci is not authorized</Message>\
                </Error><RequestId>7d8c9a</RequestId></ErrorResponse>";
    let project = Project::new(SMALL).endpoint(&answering("403 Forbidden", XML, body));
    insta::assert_snapshot!("denied", refused(&project, &["status"], 4));
}

#[test]
fn an_endpoint_that_answers_html_is_not_aws() {
    for (name, status) in [("html_200", "200 OK"), ("html_404", "404 Not Found"), ("html_407", "407 Proxy Authentication Required")] {
        let url = answering(status, "Content-Type: text/html\r\n", "<!doctype html><title>Sign in to the network</title>");
        let project = Project::new(SMALL).endpoint(&url);
        let output = project.run(&["status"]);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", stderr(&output));
        insta::assert_snapshot!(name, stderr(&output).replace(&url, "http://ENDPOINT"));
    }
}

#[test]
fn nobody_at_the_endpoint_ends_with_1_and_says_where_to_look() {
    let project = Project::new(SMALL).endpoint(&nobody());
    let text = refused(&project, &["status"], 1);
    assert!(text.contains("cannot reach the endpoint"), "{text}");
    assert!(text.contains("hint: check the network"), "{text}");
}
