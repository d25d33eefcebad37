//! Functions with an address of their own: for everybody, or for callers that IAM knows. The real program and real functions.

use super::small::Small;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::SystemTime};
use strict_aws::{Request, Signer};

const STACK: &str = r"project: small
region: eu-west-1
environments: { dev: {}, closed: { functions: { counter: { url: none } } } }
functions:
  counter: { source: crates/hello, url: public }
  admin: { source: crates/hello, url: iam }
";

/// Function that answers with the request.
const HELLO: &str = r##"mod runtime;

fn main() {
    while let (Some(id), event) = runtime::call("GET", "next", "") {
        let status = if event.contains("/broken") { 500 } else { 200 };
        let answer = format!(r#"{{"statusCode":{status},"body":"{}"}}"#, event.escape_default());
        runtime::call("POST", &format!("{id}/response"), &answer);
    }
}
"##;

/// Asks an address below `localhost`, signed with a secret if there is one; returns the answer's status and body.
fn get(url: &str, path: &str, secret: Option<&str>) -> (u16, String) {
    let host = url.trim_start_matches("http://");
    let (_, port) = host.rsplit_once(':').unwrap();
    let mut request = Request { method: "GET".to_owned(), target: path.to_owned(), headers: Vec::new(), body: Vec::new() };
    request.headers.push(("Host".to_owned(), host.to_owned()));
    if let Some(secret) = secret {
        let time = SystemTime::now();
        request = Signer { key: "test", secret, region: "eu-west-1", service: "lambda", time }.sign(request);
    }
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let asked = agent.get(format!("http://127.0.0.1:{port}{path}"));
    let mut answer = request.headers.iter().fold(asked, |asked, (name, value)| asked.header(name, value)).call().unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

fn outputs(project: &Small, environment: &str) -> Value {
    project.ok(&["outputs", "--local", "--env", environment, "--format", "json"]).parse().unwrap()
}

fn changes(project: &Small) -> BTreeSet<String> {
    let output = project.command(&["plan", "--local", "--format", "json"]).output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    plan["changes"].as_array().unwrap().iter().map(|change| change["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_function_has_an_address_of_its_own_until_it_is_no_longer_declared() {
    let project = &Small::new();
    project.write("stack.yaml", STACK);
    project.write("crates/hello/src/main.rs", HELLO);
    let said = project.command(&["up", "--local"]).output().unwrap();
    let text = String::from_utf8_lossy(&said.stderr).into_owned() + &String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{text}");
    assert!(text.contains("GET / of counter answers") && !text.contains("of admin"), "{text}");
    assert_eq!(changes(project), BTreeSet::new(), "a second run has nothing to do");

    let addresses = outputs(project, "dev");
    assert_eq!(addresses.get("api_url"), None, "no API was declared: {addresses}");
    let (counter, admin) = (addresses["counter_function_url"].as_str().unwrap(), addresses["admin_function_url"].as_str().unwrap());
    let (status, body) = get(counter, "/any/path?a=1", None);
    assert_eq!(status, 200, "{body}");
    let event: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&event["version"], &event["rawPath"], &event["rawQueryString"]), (&json!("2.0"), &json!("/any/path"), &json!("a=1")));

    // Only callers with a key get through, and only with the right one.
    assert_eq!(get(admin, "/", None).0, 403);
    let secret = test_support::secret(project.path());
    let (status, body) = get(admin, "/me", Some(&secret));
    assert!(status == 200 && body.contains("/me"), "{status} {body}");
    assert_eq!(get(admin, "/me", Some("another")).0, 403);

    // A release that fails where the one before answered is a failure. Without a site there is no bucket, and so no release to put back.
    project.write("crates/hello/src/main.rs", &HELLO.replace(r#"event.contains("/broken")"#, r#"event.contains("rawPath")"#));
    let refused = project.command(&["up", "--local"]).output().unwrap();
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success(), "{text}");
    assert!(text.contains("GET / of counter: answered 500; the release before answered 200"), "{text}");
    project.write("crates/hello/src/main.rs", HELLO);

    // Declared requests ask the URL as well.
    project.write("stack.yaml", &format!("{STACK}smoke:\n  - {{ request: GET /broken, of: functions.counter, status: 500 }}\n"));
    let said = project.command(&["up", "--local"]).output().unwrap();
    let text = String::from_utf8_lossy(&said.stderr).into_owned() + &String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{text}");

    project.write("stack.yaml", &STACK.replace(", url: public", "").replace(", url: iam", ", url: public"));
    let found = changes(project);
    let expected = [
        "lambda.function/counter",
        "lambda.function_url/counter",
        "lambda.permission/counter",
        "lambda.function_url/admin",
        "lambda.permission/admin",
    ];
    assert!(expected[1..].iter().all(|id| found.contains(*id)), "{found:?}");
    project.ok(&["up", "--local"]);
    assert_eq!(changes(project), BTreeSet::new());
    assert_eq!(get(counter, "/", None).0, 404, "the address is gone");
    assert_eq!(get(admin, "/", None).0, 200, "everybody may call it now");

    project.write("stack.yaml", STACK);
    project.ok(&["up", "--local", "--env", "closed"]);
    assert_eq!(outputs(project, "closed").get("counter_function_url"), None);
    for environment in ["closed", "dev"] {
        project.ok(&["down", "--local", "--env", environment, "--delete-data", "--yes"]);
    }
    assert_eq!(get(admin, "/", None).0, 404);
}
