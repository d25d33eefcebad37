//! Tests of `doctor`, and of the output of `dev`, `logs` and `seed` before they need any AWS.

use crate::harness::{Project, SMALL, nobody, stderr, stdout};
use serde_json::Value;
use std::fs;

#[test]
fn mistakes_are_told_before_anything_starts() {
    let project = Project::new(SMALL);
    insta::assert_snapshot!("logs_unknown_function", project.show(&["logs", "--local", "nobody"]));
    insta::assert_snapshot!("logs_wrong_since", project.show(&["logs", "--since", "5 minutes"]));
    insta::assert_snapshot!("seed_contradiction", project.show(&["seed", "--sessions", "5", "--duration", "10s"]));
    insta::assert_snapshot!("seed_without_api", project.show(&["seed", "--local"]));
    insta::assert_snapshot!("dev_json", project.show(&["dev", "--format", "json"]));
    assert!(!project.path().join(".liveinsight").exists(), "nothing was started");
}

#[test]
fn a_mistake_in_the_file_ends_dev_with_3() {
    let project = Project::new(&SMALL.replace("tables:", "tabels:"));
    let output = project.run(&["dev"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("tabels") && !project.path().join(".liveinsight").exists());
}

/// Returns the exit code and findings of `doctor --format json`: name → (ok, all texts).
fn findings(project: &Project, arguments: &[&str]) -> (Option<i32>, Vec<(String, bool, String)>) {
    let output = project.run(&[&["doctor", "--format", "json"], arguments].concat());
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let finding = |finding: &Value| {
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        (text("what"), finding["ok"].as_bool().unwrap(), format!("{} {}", text("detail"), finding["next"]))
    };
    (output.status.code(), document["findings"].as_array().unwrap().iter().map(finding).collect())
}

fn finding<'a>(findings: &'a [(String, bool, String)], what: &str) -> &'a (String, bool, String) {
    findings.iter().find(|(name, _, _)| name == what).unwrap_or_else(|| panic!("no {what} in {findings:?}"))
}

#[test]
fn doctor_names_what_is_missing_and_the_next_step() {
    // An empty PATH has neither Rust nor Python.
    let functions = "functions:\n  hello: { source: hello, route: GET /hello }\n";
    let project = Project::new(&format!("{SMALL}{functions}")).env("PATH", "/nonexistent");
    fs::create_dir(project.path().join("hello")).unwrap();
    fs::write(project.path().join("hello/Cargo.toml"), "[package]\nname = \"hello\"\n").unwrap();
    let (code, found) = findings(&project, &["--local"]);
    assert_eq!(code, Some(1));
    assert!(finding(&found, "stack.yaml").1 && finding(&found, "directory").1);
    for (what, next) in [("rust", "rustup.rs"), ("python3", "apt install python3-venv")] {
        let (_, ok, said) = finding(&found, what);
        assert!(!ok && said.contains(next), "{what}: {said}");
    }
    assert!(!project.path().join(".liveinsight").exists(), "it changes nothing");
}

#[test]
fn doctor_looks_at_the_account_only_without_local() {
    let project = Project::new(SMALL).endpoint(&nobody());
    let (code, found) = findings(&project, &[]);
    let (_, ok, said) = finding(&found, "credentials");
    assert!(!ok && said.contains("sts:GetCallerIdentity"), "{said}");
    assert_eq!(code, Some(1));
    let (_, local) = findings(&project, &["--local"]);
    assert!(local.iter().all(|(what, _, _)| what != "credentials"), "{local:?}");
}

#[test]
fn doctor_shows_a_mistake_in_the_file_on_its_line() {
    let project = Project::empty();
    let output = project.run(&["doctor", "--local"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).starts_with("missing  stack.yaml"), "{}", stdout(&output));
    fs::write(project.path().join("stack.yaml"), SMALL.replace("tables:", "tabels:")).unwrap();
    let output = project.run(&["doctor", "--local"]);
    assert!(stdout(&output).contains("tabels") && stdout(&output).contains("tables"), "{}", stdout(&output));
}

#[test]
fn local_reset_does_not_delete_without_consent() {
    let project = Project::new(SMALL);
    let state = project.path().join(".liveinsight/aws/state/dynamodb.json");
    fs::create_dir_all(state.parent().unwrap()).unwrap();
    fs::write(&state, "{}").unwrap();
    let refused = project.run(&["local", "reset"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("has state") && stderr(&refused).contains("--yes"), "{}", stderr(&refused));
    assert!(state.exists());
    let deleted = project.run(&["local", "reset", "--yes"]);
    assert_eq!(deleted.status.code(), Some(0), "{}", stderr(&deleted));
    assert!(!state.exists());
    // There is nothing to lose now.
    assert_eq!(project.run(&["local", "reset"]).status.code(), Some(0));
}
