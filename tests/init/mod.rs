//! `init`: the new project deploys without an edit, and `init` overwrites no file.

use crate::e2e::project::{Project, Run};
use clap::Parser;
use liveinsight::cli::Cli;
use serde_json::{Value, json};
use std::fs;
use test_support::workspace;

#[test]
fn a_new_project_comes_up_answers_and_goes() {
    let project = Project::empty("My Shop");
    let arguments = ["init", "My Shop"];
    let written = Run::of(&arguments, project.command(&arguments).current_dir(project.around()).output().unwrap());
    written.expect(0);
    let files: Vec<String> = written.stdout().lines().map(|path| path.trim_start_matches("My Shop/").to_owned()).collect();
    assert!(files.contains(&"stack.yaml".to_owned()) && files.contains(&".github/workflows/deploy.yml".to_owned()), "{files:?}");
    assert!(written.stderr().contains("cd 'My Shop' && liveinsight up --local"), "{}", written.stderr());
    project.lock_versions();
    let up = project.ok(&["up", "--local", "--format", "json"]);
    assert_eq!(up.json()["failed"], json!(0));
    let outputs = project.ok(&["outputs", "--local", "--format", "json"]).json();
    let url = |name: &str| outputs[name].as_str().unwrap().trim_end_matches('/').to_owned();
    let (status, body) = crate::e2e::get(&format!("{}/api/hello?name=Ada", url("api_url")));
    assert_eq!((status, body.as_str()), (200, r#"{"message":"Hello, Ada!"}"#));
    let (status, page) = crate::e2e::get(&format!("{}/", url("dashboard_url")));
    assert!(status == 200 && page.contains("<title>my-shop</title>"), "{page}");
    project.ok(&["status", "--local", "--exit-code"]);
    project.ok(&["down", "--local"]);
}

#[test]
fn nothing_is_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let init = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_liveinsight"));
        let arguments = [&["init"], arguments].concat();
        Run::of(&arguments, command.args(&arguments).current_dir(directory.path()).output().unwrap())
    };
    let read = |path: &str| fs::read_to_string(directory.path().join(path)).unwrap();
    fs::write(directory.path().join("README.md"), "mine").unwrap();
    fs::write(directory.path().join("stack.yaml"), "project: mine\n").unwrap();
    let refused = init(&[]);
    refused.expect(1);
    assert!(refused.stderr().contains("./README.md, ./stack.yaml"), "{}", refused.stderr());
    assert_eq!((read("README.md"), read("stack.yaml")), ("mine".to_owned(), "project: mine\n".to_owned()));
    assert!(!directory.path().join("Cargo.toml").exists(), "nothing is written");

    let named: Value = {
        let run = init(&["shop", "--name", "the-shop", "--format", "json"]);
        run.expect(0);
        run.json()
    };
    assert_eq!(named["project"], "the-shop", "{named}");
    assert!(read("shop/stack.yaml").contains("\nproject: the-shop\n"));
    for file in named["files"].as_array().unwrap() {
        assert!(directory.path().join("shop").join(file.as_str().unwrap()).is_file(), "{file}");
    }
    init(&["shop"]).expect(1);

    let refused = init(&["other", "--name", "The Shop"]);
    refused.expect(2);
    assert!(refused.stderr().contains("--name the-shop would do"), "{}", refused.stderr());
    assert!(!directory.path().join("other").exists());
}

/// Parses the workflow as YAML, and checks that every command in it exists.
#[test]
fn the_workflow_runs_commands_that_there_are() {
    let workflow = fs::read_to_string(workspace().join("templates/project/.github/workflows/deploy.yml")).unwrap();
    let document: Value = serde_yaml::from_str(&workflow).unwrap();
    let jobs = document["jobs"].as_object().unwrap();
    let steps = jobs.values().flat_map(|job| job["steps"].as_array().unwrap());
    let commands: Vec<&str> = steps.filter_map(|step| step["run"].as_str()).filter(|run| run.starts_with("liveinsight ")).collect();
    assert_eq!(commands.len(), 5, "{commands:?}");
    for command in commands {
        let words = command.split(" > ").next().unwrap().split_whitespace();
        Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}
