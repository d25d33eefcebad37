//! `init --from`: what it makes of other tools' files, and that the program itself reads the result.

use insta::assert_snapshot;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use test_support::workspace;

fn liveinsight(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveinsight"));
    command.args(arguments).current_dir(directory).env_remove("GITHUB_ACTIONS").env_remove("GITLAB_CI").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn samples() -> Vec<PathBuf> {
    let mut samples: Vec<PathBuf> =
        fs::read_dir(workspace().join("tests/init/samples")).unwrap().map(|entry| entry.unwrap().path()).collect();
    samples.sort();
    samples
}

/// Directory with one file, which is named as its tool has it.
fn project(name: &str, content: impl AsRef<[u8]>) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(name), content).unwrap();
    directory
}

#[test]
fn samples_become_a_stack_that_the_program_reads() {
    let samples = samples();
    let count = |kind: &str| samples.iter().filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(kind)).count();
    assert!(count("sam-") >= 8 && count("serverless-") >= 5 && count("cloudformation-") >= 3 && count("terraform-") >= 4);
    for path in &samples {
        let name = path.file_name().unwrap().to_str().unwrap();
        let directory = project(name, fs::read(path).unwrap());
        let init = liveinsight(directory.path(), &["init", "--from", name, "--color", "never"]);
        assert_eq!(init.status.code(), Some(0), "{name}: {}", text(&init.stderr));
        let stack = fs::read_to_string(directory.path().join("stack.yaml")).unwrap();
        assert!(!stack.contains("hunter2") && !text(&init.stdout).contains("hunter2"), "{name} shows a secret");
        let graph = liveinsight(directory.path(), &["graph"]);
        assert_eq!(graph.status.code(), Some(0), "{name}: {}\n{stack}", text(&graph.stderr));
        let schema = liveinsight(directory.path(), &["schema"]);
        assert_eq!(text(&schema.stdout), fs::read_to_string(directory.path().join("stack.schema.json")).unwrap());
        let stem = name.rsplit_once('.').unwrap().0;
        let result = format!("{stack}\n==== printed\n{}", text(&init.stdout));
        // The project's name is that of a temporary directory where the file has none.
        let temporary = stack.lines().find_map(|line| line.strip_prefix("project: tmp")).map(|rest| format!("tmp{rest}"));
        let result = temporary.map_or(result.clone(), |temporary| result.replace(&temporary, "DIRECTORY"));
        assert_snapshot!(stem, result);
    }
}

#[test]
fn a_file_of_another_kind_is_named_and_nothing_is_written() {
    for (name, content, message) in [
        ("template.yaml", "", "is empty"),
        ("template.yaml", "# nothing\n", "is empty"),
        ("template.yaml", "Resources: [\n", "this is not YAML"),
        ("template.yaml", "a: &a [*a]\n", ""),
        ("template.yaml", "just text\n", "has no keys at its top"),
        ("template.yaml", "AWSTemplateFormatVersion: '2010-09-09'\nResources: {}\n", "is a template without resources"),
        ("template.yaml", "Resources:\n  Q: { Type: 'AWS::SQS::Queue' }\n", "template.yaml:2: AWS::SQS::Queue `Q` has no counterpart"),
        ("stack2.yaml", "project: a\nregion: us-east-1\n", "is a stack.yaml already"),
        ("api.yaml", "openapi: 3.0.0\n", "is an OpenAPI document"),
        ("pod.yaml", "apiVersion: v1\nkind: Pod\n", "is a manifest of Kubernetes"),
        ("compose.yml", "services: {}\n", "is a file of Docker Compose"),
        ("cdk.json", "{\"app\": \"cargo run\", \"context\": {}}", "run `cdk synth`"),
        ("main.tf", "resource \"x\" \"y\" {}\n", "terraform show -json > state.json"),
        ("serverless.ts", "export default {}\n", "serverless print"),
        ("plan.json", "{\"format_version\": \"1.0\", \"planned_values\": {}}", "is a plan of Terraform"),
        ("state.json", "{\"format_version\": \"1.0\", \"terraform_version\": \"1.9.5\"}", "is a state of Terraform without resources"),
        ("serverless.yml", "service: a\nprovider: google\n", "is for the provider google"),
    ] {
        let directory = project(name, content);
        let run = liveinsight(directory.path(), &["init", "--from", name, "--color", "never"]);
        assert_eq!(run.status.code(), Some(1), "{name} {content}: {}", text(&run.stdout));
        assert!(text(&run.stderr).contains(message) && text(&run.stderr).contains(name), "{name}: {}", text(&run.stderr));
        assert!(!directory.path().join("stack.yaml").exists(), "{name}");
    }
    let directory = project("deep.yaml", format!("Resources: {}{}\n", "[".repeat(100), "]".repeat(100)));
    fs::write(directory.path().join("large.json"), vec![b' '; 10 * 1024 * 1024]).unwrap();
    fs::write(directory.path().join("binary.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    for (name, message) in [
        ("deep.yaml", "too large or too deep"),
        ("large.json", "is larger than 8 MiB"),
        ("binary.yaml", "is not text in UTF-8"),
        ("none.yaml", "cannot read none.yaml"),
    ] {
        let run = liveinsight(directory.path(), &["init", "--from", name, "--color", "never"]);
        assert_eq!(run.status.code(), Some(1), "{name}");
        assert!(text(&run.stderr).contains(message), "{name}: {}", text(&run.stderr));
    }
}

#[test]
fn nothing_is_overwritten_and_names_and_directories_are_the_users() {
    let sample = fs::read(workspace().join("tests/init/samples/sam-orders.yaml")).unwrap();
    let directory = project("template.yaml", &sample);
    fs::write(directory.path().join("stack.yaml"), "mine").unwrap();
    let refused = liveinsight(directory.path(), &["init", "--from", "template.yaml"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("there is already ./stack.yaml"), "{}", text(&refused.stderr));
    assert_eq!(fs::read_to_string(directory.path().join("stack.yaml")).unwrap(), "mine");
    assert!(!directory.path().join("stack.schema.json").exists());

    let source = directory.path().join("functions/create-order");
    fs::create_dir_all(source.join("src")).unwrap();
    fs::write(source.join("Cargo.toml"), "[package]\nname = \"create-order\"\nedition = \"2024\"\n").unwrap();
    fs::write(source.join("src/main.rs"), "").unwrap();
    let arguments = ["init", "deploy", "--from", "template.yaml", "--name", "the-shop", "--format", "json"];
    let run = liveinsight(directory.path(), &arguments);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let document: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((&document["project"], &document["environment"]), (&"the-shop".into(), &"dev".into()), "{document}");
    assert!(
        document["left"].as_array().unwrap().iter().any(|left| left["what"].as_str().unwrap().contains("`JOBS_URL`") && left["line"] == 47),
        "{document}"
    );
    let stack = fs::read_to_string(directory.path().join("deploy/stack.yaml")).unwrap();
    assert!(stack.contains("    source: ../functions/create-order\n"), "{stack}");
    assert!(stack.contains("    source: ../functions/get-order  # look: no crate"), "{stack}");
    let refused = liveinsight(directory.path(), &["init", "--from", "template.yaml", "--name", "The Shop"]);
    assert_eq!(refused.status.code(), Some(2));
}
