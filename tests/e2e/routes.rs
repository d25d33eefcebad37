//! Functions with several routes, values by reference and permissions of their own, with the real program and a real function.

use super::small::Small;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const STACK: &str = r#"project: small
region: eu-west-1
environments: { dev: {} }
tables: { items: { partition_key: { name: id, type: S } } }
functions:
  echo:
    source: crates/hello
    routes: [ANY /, "ANY /{proxy+}", "GET /items/{id}"]
    environment: { TABLE_NAME: "${tables.items}", TABLE_ARN: "${tables.items.arn}", PUBLIC_URL: "${api.url}/v1", LITERAL: "$${api.url}" }
    permissions:
      - { actions: [dynamodb:DescribeTable], resources: ["${tables.items.arn}"] }
  other: { source: crates/hello, routes: ["DELETE /items/{id}"] }
"#;

/// Answer of the function: its variables, and the request.
struct Echo {
    variables: BTreeMap<String, String>,
    event: Value,
}

/// Sends a request that the function `name` has to answer.
#[track_caller]
fn echo(method: &str, url: &str, name: &str) -> Echo {
    let (status, body) = send(method, url);
    assert_eq!(status, 200, "{method} {url}: {body}");
    let (variables, event) = body.rsplit_once('\n').unwrap();
    let variables: BTreeMap<String, String> =
        variables.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_NAME"], format!("small-{name}-dev"), "{method} {url}");
    Echo { variables, event: event.parse().unwrap() }
}

fn send(method: &str, url: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = ureq::http::Request::builder().method(method).uri(url).body(String::new()).unwrap();
    let mut answer = agent.run(request).unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

/// Returns the paths of the fields that `plan` would change, by resource.
fn plan(project: &Small) -> BTreeMap<String, BTreeSet<String>> {
    let output = project.command(&["plan", "--local", "--format", "json"]).output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let fields = |change: &Value| change["fields"].as_array().unwrap().iter().map(|field| text(&field["path"])).collect();
    plan["changes"].as_array().unwrap().iter().map(|change| (text(&change["id"]), fields(change))).collect()
}

#[test]
fn one_function_answers_many_requests_and_knows_its_table_and_its_address() {
    let project = &Small::new();
    project.write("stack.yaml", STACK);
    project.write("crates/hello/src/main.rs", include_str!("echo.rs"));
    project.ok(&["up", "--local"]);
    let outputs: Value = project.ok(&["outputs", "--local", "--format", "json"]).parse().unwrap();
    let api = outputs["api_url"].as_str().unwrap().trim_end_matches('/').to_owned();
    let at = |path: &str| format!("{api}{path}");

    for (method, path) in [("GET", "/"), ("POST", "/"), ("PATCH", "/a/b/c"), ("GET", "/items/7"), ("PUT", "/items/7")] {
        let answer = echo(method, &at(path), "echo");
        assert_eq!((&answer.event["httpMethod"], &answer.event["path"]), (&json!(method), &json!(path)));
    }
    assert_eq!(echo("GET", &at("/items/7"), "echo").event["pathParameters"], json!({ "id": "7" }));
    echo("DELETE", &at("/items/7"), "other");
    let variables = echo("GET", &at("/"), "echo").variables;
    let expected = [
        ("TABLE_NAME", "small-items-dev"),
        ("TABLE_ARN", "arn:aws:dynamodb:eu-west-1:000000000000:table/small-items-dev"),
        ("PUBLIC_URL", &at("/v1")),
        ("LITERAL", "${api.url}"),
        ("AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH", "true"),
    ];
    for (name, value) in expected {
        assert_eq!(variables[name], value, "{name}");
    }
    assert_eq!(plan(project), BTreeMap::new(), "a second run has nothing to do");

    // A route goes to another function, one goes, and a statement comes.
    let changed = STACK
        .replace(r#"routes: [ANY /, "ANY /{proxy+}", "GET /items/{id}"]"#, "routes: [ANY /]")
        .replace(r#"routes: ["DELETE /items/{id}"]"#, r#"routes: ["DELETE /items/{id}", "GET /items/{id}"]"#)
        .replace("[dynamodb:DescribeTable]", "[dynamodb:DescribeTable, dynamodb:DescribeTimeToLive]");
    project.write("stack.yaml", &changed);
    assert_eq!(plan(project)["iam.role_policy/echo"], ["document.Declared1.Action".to_owned()].into());
    project.ok(&["up", "--local"]);
    echo("GET", &at("/"), "echo");
    echo("GET", &at("/items/7"), "other");
    assert_eq!(send("PATCH", &at("/a/b/c")).0, 403, "the API itself refuses what is no route");
    assert_eq!(plan(project), BTreeMap::new());
    project.ok(&["down", "--local", "--delete-data", "--yes"]);
}
