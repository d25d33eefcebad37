//! Tests of the check after a release with functions of other products: one that fails without a parameter, and one that comes to fail.

use super::{get, small::Small};
use serde_json::{Value, json};
use std::fs;

const STACK: &str = "project: probe
region: eu-west-1
environments:
  dev: {}
  named:
    smoke:
      - { request: GET /api/hello, status: 200, contains: ok, within: 20s }
      - { request: GET /api/item?number=1, headers: { X-Probe: '1' } }
      - { request: GET /index.html, of: site, contains: a page }
  wrong: { smoke: [{ request: GET /api/item, within: 1s }] }
  none: { smoke: [] }
functions:
  hello: { source: crates/hello, route: GET /api/hello }
  item: { source: crates/item, route: GET /api/item }
site: { source: pages }
";

/// Project with two functions: `hello` answers, `item` panics without the parameter `number`.
struct Probe(Small);

/// Run of `up` with events.
struct Up {
    code: Option<i32>,
    events: Vec<Value>,
    said: String,
}

impl Probe {
    fn new() -> Self {
        let project = Small::new();
        project.write("stack.yaml", STACK);
        project.write("pages/index.html", "<html>a page</html>");
        for function in ["hello", "item"] {
            project.write(
                &format!("crates/{function}/Cargo.toml"),
                &format!(
                    "[package]\nname = \"{function}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n[profile.lambda]\ninherits = \"release\"\n"
                ),
            );
        }
        let probe = Self(project);
        probe.set("hello", 200, "ok", "");
        probe.set("item", 200, "item", "number");
        probe
    }

    /// Sets what a function answers, and the parameter that it needs.
    fn set(&self, function: &str, status: u16, says: &str, needs: &str) {
        let calls = self.0.path().join(format!("calls-{function}"));
        let source = include_str!("smoke_handler.rs")
            .replace("STATUS: u16 = 200", &format!("STATUS: u16 = {status}"))
            .replace("SAYS: &str = \"ok\"", &format!("SAYS: &str = \"{says}\""))
            .replace("NEEDS: &str = \"\"", &format!("NEEDS: &str = \"{needs}\""))
            .replace("CALLS_FILE", calls.to_str().unwrap());
        self.0.write(&format!("crates/{function}/src/main.rs"), &source);
        self.0.write(&format!("crates/{function}/src/runtime.rs"), include_str!("runtime.rs"));
    }

    /// Returns the number of invocations of a function so far.
    fn calls(&self, function: &str) -> usize {
        fs::read(self.0.path().join(format!("calls-{function}"))).map_or(0, |calls| calls.len())
    }

    fn up(&self, arguments: &[&str]) -> Up {
        let output = self.0.command(&[&["up", "--local", "--format", "json"], arguments].concat()).output().unwrap();
        let events = String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Up { code: output.status.code(), events, said: String::from_utf8_lossy(&output.stderr).into_owned() }
    }

    fn address(&self, path: &str) -> String {
        let outputs: Value = serde_json::from_str(&self.0.ok(&["outputs", "--local", "--format", "json"])).unwrap();
        format!("{}{path}", outputs["api_url"].as_str().unwrap().trim_end_matches('/'))
    }
}

impl Up {
    /// Asserts the exit code; returns the event of the check.
    #[track_caller]
    fn ended(&self, code: i32) -> &Value {
        assert_eq!(self.code, Some(code), "{}\n{:?}", self.said, self.events);
        self.events.iter().find(|event| event["event"] == "smoke").unwrap_or(&Value::Null)
    }
}

#[test]
fn without_expectations_a_release_fails_only_where_it_is_worse_than_the_one_before() {
    let probe = Probe::new();
    let first = probe.up(&[]);
    let check = first.ended(0);
    assert_eq!((&check["passed"], &check["seen"]), (&json!(true), &json!(["GET /api/hello answers", "the page is served"])), "{check}");
    let note = check["notes"][0].as_str().unwrap();
    assert!(note.starts_with("GET /api/item answered 502") && note.contains("not judged: this is the first release"), "{note}");
    assert!(first.said.contains(note), "{}", first.said);

    // An unchanged run asks nothing.
    let calls = probe.calls("hello");
    assert!(calls > 0 && probe.up(&[]).ended(0).is_null());
    assert_eq!(probe.calls("hello"), calls);

    // What answered before and fails now is put back.
    probe.set("hello", 500, "broken", "");
    let worse = probe.up(&[]);
    assert_eq!(worse.ended(5)["passed"], json!(false));
    let why = "the smoke check failed: GET /api/hello: answered 500; the release before answered 200; release 1 is live again";
    assert!(worse.said.contains(why), "{}", worse.said);
    assert_eq!(get(&probe.address("/api/hello")), (200, "ok".to_owned()));

    // What failed before may fail, with other code as well.
    probe.set("hello", 200, "fine", "");
    probe.set("item", 500, "item", "");
    let calls = probe.calls("hello");
    let better = probe.up(&[]);
    let seen = json!(["GET /api/hello answers", "GET /api/item fails as before, with 502", "the page is served"]);
    assert_eq!(better.ended(0)["seen"], seen);
    assert_eq!(get(&probe.address("/api/hello")), (200, "fine".to_owned()));
    assert!(probe.calls("hello") >= calls + 2, "it was asked before and after");

    // Without the check nothing is asked, before or after.
    probe.set("hello", 500, "broken", "");
    let calls = probe.calls("hello");
    assert!(probe.up(&["--no-smoke"]).ended(0).is_null());
    assert_eq!(probe.calls("hello"), calls);
}

#[test]
fn with_smoke_exactly_the_declared_requests_are_asked_and_a_miss_fails() {
    let probe = Probe::new();
    let check = probe.up(&["--env", "named"]);
    let seen = json!(["GET /api/hello answers 200", "GET /api/item?number=1 answers 200", "GET /index.html answers 200"]);
    assert_eq!(check.ended(0)["seen"], seen);
    assert_eq!(probe.calls("item"), 1, "only the declared request");

    // A body without the declared part is a miss, and the release is put back.
    probe.set("hello", 200, "good", "");
    let missed = probe.up(&["--env", "named"]);
    missed.ended(5);
    let why = "the smoke check failed: GET /api/hello: answered 200 without `ok` in its body: good; release 1 is live again";
    assert!(missed.said.contains(why), "{}", missed.said);

    // A first release is held to it as well.
    let first = probe.up(&["--env", "wrong"]);
    first.ended(5);
    assert!(first.said.contains("the smoke check failed: GET /api/item: answered 502"), "{}", first.said);
    assert!(first.said.contains("there is no earlier release to return to, so it stays"), "{}", first.said);

    // An empty list asks nothing.
    let calls = (probe.calls("hello"), probe.calls("item"));
    assert!(probe.up(&["--env", "none"]).ended(0).is_null());
    assert_eq!((probe.calls("hello"), probe.calls("item")), calls);
}
