//! Callers that an authorizer lets through, bodies that are no text, and code of every origin, with the real program and real functions.

use super::small::Small;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, process::Command};

const STACK: &str = r#"project: small
region: eu-west-1
environments: { dev: {} }
functions:
  secret:
    source: crates/hello
    features: [loud]
    include: [templates]
    routes: [GET /api/me, POST /api/picture]
    authorizer: staff
    layers: ["arn:aws:lambda:${region}:123456789012:layer:extension:7"]
    tracing: true
    ephemeral_storage: 1024
    log_format: json
  public: { source: crates/hello, route: GET /api/public }
  judge: { source: crates/judge }
  python: { package: dist/python.zip, runtime: python3.11, handler: app.handler, route: GET /api/python }
api:
  authorizers: { staff: { function: judge, cache: 0s } }
  binary_media_types: ["image/*"]
"#;

/// Function that answers with the feature it was built with, the file packed beside it, and the request.
const HELLO: &str = r##"mod runtime;

fn main() {
    let file = std::fs::read_to_string("templates/greeting.txt").unwrap_or_default();
    while let (Some(id), event) = runtime::call("GET", "next", "") {
        let body = format!("{}|{file}|{event}", cfg!(feature = "loud"));
        runtime::call("POST", &format!("{id}/response"), &format!(r#"{{"statusCode":200,"body":"{}"}}"#, body.escape_default()));
    }
}
"##;

/// Authorizer that knows one token.
const JUDGE: &str = r##"mod runtime;

fn main() {
    while let (Some(id), event) = runtime::call("GET", "next", "") {
        let effect = if event.contains("open sesame") { "Allow" } else { "Deny" };
        let statement = format!(r#"{{"Effect":"{effect}","Action":"execute-api:Invoke","Resource":"*"}}"#);
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let answer = format!(r#"{{"principalId":"ada","policyDocument":{policy},"context":{{"role":"editor"}}}}"#);
        runtime::call("POST", &format!("{id}/response"), &answer);
    }
}
"##;

const PYTHON: &str = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'python at ' + event['path']}\n";

/// Sends a request; returns the answer's status and body.
fn send(method: &str, url: &str, token: Option<&str>, picture: Option<&[u8]>) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    if let Some(token) = token {
        request = request.header("Authorization", token);
    }
    if picture.is_some() {
        request = request.header("Content-Type", "image/png");
    }
    let mut answer = agent.run(request.body(picture.unwrap_or_default().to_vec()).unwrap()).unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

/// Returns feature, file and request of an answer.
#[track_caller]
fn parts((status, body): (u16, String)) -> (String, String, Value) {
    assert_eq!(status, 200, "{body}");
    let mut parts = body.splitn(3, '|').map(str::to_owned);
    let [feature, file, event] = std::array::from_fn(|_| parts.next().unwrap());
    (feature, file, event.parse().unwrap())
}

fn plan(project: &Small) -> BTreeSet<String> {
    let output = project.command(&["plan", "--local", "--format", "json"]).output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    plan["changes"].as_array().unwrap().iter().map(|change| change["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_authorizer_lets_callers_through_and_functions_have_code_of_every_origin() {
    let project = &Small::new();
    project.write("stack.yaml", STACK);
    project.write("crates/hello/src/main.rs", HELLO);
    let manifest = fs::read_to_string(project.path().join("crates/hello/Cargo.toml")).unwrap();
    project.write("crates/hello/Cargo.toml", &format!("{manifest}[features]\nloud = []\n"));
    project.write("crates/hello/templates/greeting.txt", "good morning");
    project.write("crates/judge/Cargo.toml", &manifest.replace("hello", "judge"));
    project.write("crates/judge/src/main.rs", JUDGE);
    project.write("crates/judge/src/runtime.rs", include_str!("runtime.rs"));
    let code = "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').writestr('app.py', sys.argv[2])";
    fs::create_dir(project.path().join("dist")).unwrap();
    let arguments = [project.path().join("dist/python.zip").into_os_string(), PYTHON.into()];
    assert!(Command::new("python3").args(["-c", code]).args(arguments).status().unwrap().success());

    project.ok(&["up", "--local"]);
    let outputs: Value = project.ok(&["outputs", "--local", "--format", "json"]).parse().unwrap();
    let api = outputs["api_url"].as_str().unwrap().trim_end_matches('/').to_owned();
    let at = |path: &str| format!("{api}{path}");
    assert_eq!(plan(project), BTreeSet::new(), "a second run has nothing to do");

    assert_eq!(send("GET", &at("/api/me"), None, None).0, 401);
    assert_eq!(send("GET", &at("/api/me"), Some("Bearer wrong"), None).0, 403);
    let token = Some("Bearer open sesame");
    let (feature, file, event) = parts(send("GET", &at("/api/me"), token, None));
    assert_eq!((feature.as_str(), file.as_str()), ("true", "good morning"));
    let caller = &event["requestContext"]["authorizer"];
    assert_eq!((&caller["principalId"], &caller["role"]), (&json!("ada"), &json!("editor")));
    let (.., event) = parts(send("POST", &at("/api/picture"), token, Some(&[0x89, 0x50, 0xff])));
    assert_eq!((&event["isBase64Encoded"], &event["body"]), (&json!(true), &json!("iVD/")));

    let (feature, file, _) = parts(send("GET", &at("/api/public"), None, None));
    assert_eq!((feature.as_str(), file.as_str()), ("false", ""), "the same crate without its feature, and nothing packed beside it");
    assert_eq!(send("GET", &at("/api/python"), None, None), (200, "python at /api/python".to_owned()));

    // A machine that only looks need not have the package; one that changes something does.
    let (zip, away) = (project.path().join("dist/python.zip"), project.path().join("away.zip"));
    fs::rename(&zip, &away).unwrap();
    let status = project.command(&["status", "--local"]).output().unwrap();
    let said = String::from_utf8_lossy(&status.stderr);
    assert!(status.status.success() && said.contains("the code of python is not compared: its package is not here"), "{said}");
    let refused = project.command(&["up", "--local"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("there is no file `dist/python.zip`"), "{said}");
    fs::rename(&away, &zip).unwrap();

    // A file that is packed is code like any other.
    project.write("crates/hello/templates/greeting.txt", "good evening");
    project.ok(&["up", "--local"]);
    assert_eq!(parts(send("GET", &at("/api/me"), token, None)).1, "good evening");

    // Without the authorizer everybody gets through, and nothing of it is left.
    let open = STACK.replace("    authorizer: staff\n", "").replace("  authorizers: { staff: { function: judge, cache: 0s } }\n", "");
    project.write("stack.yaml", &open);
    let changes = plan(project);
    assert!(changes.contains("apigateway.authorizer/staff") && changes.contains("lambda.permission/judge"), "{changes:?}");
    assert!(!changes.contains("lambda.function/secret"), "{changes:?}");
    project.ok(&["up", "--local"]);
    parts(send("GET", &at("/api/me"), None, None));
    assert_eq!(plan(project), BTreeSet::new());
    project.ok(&["down", "--local", "--delete-data", "--yes"]);
}
