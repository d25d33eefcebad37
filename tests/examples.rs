//! The projects in `docs/examples`: they deploy as they stand, and their programs know nothing of liveinsight. They compile an SDK of their own, so
//! they run by name: `cargo test --workspace --locked --test examples`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use liveinsight::{
    aws::{Aws, Connection, Target},
    cache::CACHE_DIR,
    local::{ACCESS_KEY_ID, ACCOUNT_ID},
};
use serde_json::{Value, json};
use std::{fs, path::PathBuf, process::Command};
use test_support::{copies::copy_of_workspace, workspace};

/// Region of the examples.
const REGION: &str = "eu-west-1";

/// An example's files in a directory of their own.
struct Example(tempfile::TempDir);

impl Example {
    fn new(name: &str) -> Self {
        test_support::endpoint();
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let part = format!("docs/examples/{name}");
        copy_of_workspace(&[&part], directory.path());
        fs::rename(directory.path().join(&part), directory.path().join("project")).unwrap();
        let example = Self(directory);
        let root = example.path();
        fs::write(root.join("Cargo.toml"), "[workspace]\nmembers = [\"functions/*\"]\nresolver = \"3\"\n").unwrap();
        // Equal versions, and no network.
        fs::copy(workspace().join("Cargo.lock"), root.join("Cargo.lock")).unwrap();
        test_support::end_local_aws_with_this_process(&root);
        example
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("project")
    }

    /// Runs a command that has to succeed; returns its stdout.
    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_liveinsight"));
        command.args(arguments).current_dir(self.path()).env("CARGO_TARGET_DIR", workspace().join("target/examples"));
        command.env("AWS_EC2_METADATA_DISABLED", "true").env_remove("AWS_ENDPOINT_URL").env(CACHE_DIR, test_support::cache());
        let output = command.env_remove("GITHUB_ACTIONS").env_remove("GITLAB_CI").output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "liveinsight {} ended with {}\n{out}\n{err}", arguments.join(" "), output.status);
        out
    }

    /// Calls AWS as another client would.
    fn ask<T>(&self, call: impl AsyncFnOnce(&Aws) -> T) -> T {
        let server: Value = fs::read_to_string(self.path().join(".liveinsight/aws/server.json")).unwrap().parse().unwrap();
        let (endpoint, secret) = (format!("http://127.0.0.1:{}", server["port"]), test_support::secret(&self.path()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let connection = Connection::endpoint(REGION, &endpoint, ACCESS_KEY_ID, &secret).await;
            call(&liveinsight::resources::connect(&connection, Target::aws("aws", REGION, ACCOUNT_ID), "examples/dev".to_owned())).await
        })
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = Command::new(env!("CARGO_BIN_EXE_liveinsight")).args(["local", "stop"]).current_dir(self.path()).output();
    }
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
    let project = &Example::new("items");
    project.ok(&["up", "--local"]);
    let outputs: Value = project.ok(&["outputs", "--local", "--format", "json"]).parse().unwrap();
    let api = outputs["api_url"].as_str().unwrap().trim_end_matches('/').to_owned();
    let at = |path: &str| format!("{api}{path}");

    let (status, root) = send("GET", &at("/"), "");
    assert_eq!((status, root.parse::<Value>().unwrap()), (200, json!({ "items": at("/items") })), "it knows its own address");
    assert_eq!(send("PUT", &at("/items/a"), "first").0, 201);
    assert_eq!(send("PUT", &at("/items/b"), "second").0, 201);
    assert_eq!(send("GET", &at("/items/a"), ""), (200, r#"{"id":"a","name":"first"}"#.to_owned()));
    assert_eq!(send("DELETE", &at("/items/a"), "").0, 204);
    assert_eq!((send("GET", &at("/items/a"), "").0, send("GET", &at("/items"), "")), (404, (200, r#"["b"]"#.to_owned())));
    assert_eq!(
        send("GET", &at("/elsewhere"), ""),
        (404, "nothing is here\n".to_owned()),
        "the program answers whatever it has no handler for"
    );

    let cleaned = project.ask(async |aws| aws.lambda.invoke().function_name("items-cleaner-dev").qualifier("live").send().await.unwrap());
    let cleaned: Value = serde_json::from_slice(cleaned.payload.unwrap().as_ref()).unwrap();
    assert_eq!(cleaned, json!({ "deleted": 1 }), "the other program of the crate");
    assert_eq!(send("GET", &at("/items"), ""), (200, "[]".to_owned()));
    project.ok(&["status", "--local", "--exit-code"]);
    project.ok(&["down", "--local", "--delete-data", "--yes"]);
}

#[test]
fn a_person_is_written_by_the_one_operation_that_is_allowed() {
    let project = &Example::new("people");
    project.ok(&["up", "--local"]);
    let outputs: Value = project.ok(&["outputs", "--local", "--format", "json"]).parse().unwrap();
    let api = outputs["api_url"].as_str().unwrap();
    assert_eq!(send("POST", api, r#"{"id":"1","name":"Ada"}"#).0, 201);
    assert_eq!(send("POST", api, r#"{"id":"2"}"#), (400, "a person has an id and a name\n".to_owned()));
    let items = project.ask(async |aws| aws.dynamodb.scan().table_name("people-people-dev").send().await.unwrap().items.unwrap());
    assert_eq!(items.iter().map(|item| item["name"].as_s().unwrap().as_str()).collect::<Vec<_>>(), ["Ada"]);
    project.ok(&["down", "--local", "--delete-data", "--yes"]);
}

#[test]
fn a_function_answers_at_an_address_of_its_own() {
    let project = &Example::new("clock");
    project.ok(&["up", "--local"]);
    let outputs: Value = project.ok(&["outputs", "--local", "--format", "json"]).parse().unwrap();
    assert_eq!(outputs.get("api_url"), None);
    let host = outputs["clock_function_url"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let (_, port) = host.rsplit_once(':').unwrap();
    let get = |path: &str| {
        // Not every system knows the names below `localhost`.
        let asked = ureq::get(format!("http://127.0.0.1:{port}{path}")).config().http_status_as_error(false).build();
        let mut answer = asked.header("Host", &host).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    };
    assert_eq!(get("/"), (200, "GET /time\n".to_owned()));
    let (status, time) = get("/time");
    assert!(status == 200 && time.trim_start_matches('T').trim_end().parse::<u64>().is_ok(), "{time}");
    assert_eq!(get("/elsewhere").0, 404);
    project.ok(&["down", "--local", "--yes"]);
}
