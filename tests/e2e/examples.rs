//! Tests of the projects in `docs/examples`: they deploy as they stand, and their programs know nothing of liveinsight.

use super::{Project, get, outputs, plan};
use liveinsight::{
    aws::{Aws, Connection, Target},
    local::{ACCESS_KEY_ID, ACCOUNT_ID},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs};
use test_support::copies::copy_of_workspace;

/// Region of the examples.
const REGION: &str = "eu-west-1";

/// Creates a project of an example's files alone.
fn example(name: &str) -> Project {
    let part = format!("docs/examples/{name}");
    let project = Project::empty(&part);
    copy_of_workspace(&[&part], project.path().ancestors().nth(3).unwrap());
    fs::write(project.path().join("Cargo.toml"), "[workspace]\nmembers = [\"functions/*\"]\nresolver = \"3\"\n").unwrap();
    project.lock_versions();
    project
}

/// Calls AWS for a project as another client would.
fn ask<T>(project: &Project, call: impl AsyncFnOnce(&Aws) -> T) -> T {
    let (endpoint, secret) = (project.endpoint(), test_support::secret(project.path()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let connection = Connection::endpoint(REGION, &endpoint, ACCESS_KEY_ID, &secret).await;
        call(&liveinsight::resources::connect(&connection, Target::aws("aws", REGION, ACCOUNT_ID), "items/dev".to_owned())).await
    })
}

/// Sends a request; returns status and body of the answer.
fn send(method: &str, url: &str, body: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = ureq::http::Request::builder().method(method).uri(url).body(body.to_owned()).unwrap();
    let mut answer = agent.run(request).unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

#[test]
fn an_axum_application_answers_all_requests_by_one_function() {
    let project = &example("items");
    let up = project.ok(&["up", "--local", "--format", "json"]).json();
    assert_eq!(up["failed"], json!(0), "{up}");
    let api = outputs(project)["api_url"].trim_end_matches('/').to_owned();
    let at = |path: &str| format!("{api}{path}");

    let (status, root) = get(&at("/"));
    assert_eq!((status, root.parse::<Value>().unwrap()), (200, json!({ "items": at("/items") })), "it knows its own address");
    assert_eq!(send("PUT", &at("/items/a"), "first").0, 201);
    assert_eq!(send("PUT", &at("/items/b"), "second").0, 201);
    assert_eq!(get(&at("/items/a")), (200, r#"{"id":"a","name":"first"}"#.to_owned()));
    assert_eq!(send("DELETE", &at("/items/a"), "").0, 204);
    assert_eq!((get(&at("/items/a")).0, get(&at("/items"))), (404, (200, r#"["b"]"#.to_owned())));
    assert_eq!(get(&at("/elsewhere")), (404, "nothing is here\n".to_owned()), "the program answers whatever it has no handler for");

    let cleaned = ask(project, async |aws| aws.lambda.invoke().function_name("items-cleaner-dev").qualifier("live").send().await.unwrap());
    assert_eq!(String::from_utf8(cleaned.payload.unwrap().into_inner()).unwrap(), r#"{"deleted":1}"#, "the other program of the crate");
    assert_eq!(get(&at("/items")), (200, "[]".to_owned()));
    project.ok(&["status", "--local", "--exit-code"]);

    ask(project, async |aws| {
        let variables = aws_sdk_lambda::types::Environment::builder().variables("TABLE_NAME", "another").build();
        let function = aws.lambda.update_function_configuration().function_name("items-api-dev");
        function.environment(variables).send().await.unwrap();
    });
    let changed: BTreeSet<String> = plan(project).remove("lambda.function/api").unwrap();
    let expected = ["AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH", "ENVIRONMENT", "ITEMS_TABLE", "PUBLIC_URL", "TABLE_NAME"];
    assert_eq!(changed, expected.map(|name| format!("environment.{name}")).into());
    project.ok(&["up", "--local"]);
    assert_eq!(get(&at("/items")).0, 200);

    project.edit("stack.yaml", |text| text.replace("routes: [ANY /, \"ANY /{proxy+}\"]", "route: GET /items/{id}"));
    project.ok(&["up", "--local"]);
    assert_eq!(send("PUT", &at("/items/c"), "third").0, 403, "no route, so the API itself refuses");
    assert_eq!(get(&at("/items/c")).0, 404);
    project.ok(&["down", "--local", "--delete-data", "--yes"]);
}
