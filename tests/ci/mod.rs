//! CI jobs: a shell runs the steps of the workflows in `docs/ci.md` verbatim. The tests also check the extra output for GitHub and GitLab.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as a test does")]

use crate::trouble::desk::{Desk, text};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    process::{Command, Output},
};
use strict_aws::Config;

/// CI job: a desk with the program on its shell's PATH, and a `gh` that records its arguments.
pub(crate) struct Job(pub(crate) Desk);

impl Job {
    pub(crate) async fn new() -> Self {
        let job = Self(Desk::new(Config::default()).await);
        fs::create_dir(job.path("bin")).unwrap();
        symlink(env!("CARGO_BIN_EXE_liveinsight"), job.path("bin/liveinsight")).unwrap();
        fs::write(job.path("bin/gh"), "#!/bin/sh\necho \"$@\" > gh.log\n").unwrap();
        fs::set_permissions(job.path("bin/gh"), fs::Permissions::from_mode(0o755)).unwrap();
        job
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.directory.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs a line in the job's shell.
    pub(crate) fn step(&self, line: &str, variables: &[(&str, &str)]) -> Output {
        let desk = self.0.command("runner", &[]);
        let mut command = Command::new("bash");
        command.args(["-e", "-o", "pipefail", "-c", line]).current_dir(self.0.directory.path()).env_clear();
        command.envs(desk.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display())).envs(variables.iter().copied());
        command.output().unwrap()
    }

    /// Runs a step as on GitHub, which has to end with this exit code.
    #[track_caller]
    fn github(&self, line: &str, code: i32) -> String {
        let files = [("GITHUB_STEP_SUMMARY", "summary.md"), ("GITHUB_OUTPUT", "output.txt")].map(|(name, file)| (name, self.path(file)));
        let mut variables = vec![("GITHUB_ACTIONS", "true"), ("PULL_REQUEST", "12"), ("GITHUB_SERVER_URL", "https://github.com")];
        variables.extend([("GITHUB_REPOSITORY", "o/r"), ("GITHUB_RUN_ID", "7")]);
        variables.push(("GITHUB_WORKSPACE", self.0.directory.path().to_str().unwrap()));
        variables.extend(files.iter().map(|(name, path)| (*name, path.to_str().unwrap())));
        let output = self.step(line, &variables);
        assert_eq!(output.status.code(), Some(code), "{line}: {}", text(&output.stderr));
        text(&output.stderr)
    }
}

/// Returns the steps of the `nth` workflow in the documentation, in order.
fn steps(nth: usize) -> Vec<String> {
    let documentation = include_str!("../../docs/ci.md");
    let workflow = documentation.split("```yaml\n").nth(nth).unwrap().split("```").next().unwrap();
    let step = |line: &str| {
        let line = line.trim_start().trim_start_matches("- ").trim_start_matches("run: ");
        (line.starts_with("liveinsight ") || line.starts_with("gh ")).then(|| line.to_owned())
    };
    workflow.lines().filter_map(step).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_workflow_of_github_runs_as_it_stands() {
    let job = Job::new().await;
    let steps = steps(1);
    assert_eq!(steps.len(), 4, "{steps:?}");

    job.github(&steps[0], 0);
    let plan = job.read("plan.md");
    assert!(plan.starts_with("<!-- liveinsight plan demo/dev -->\n### demo/dev: 6 to create, 0 to update"), "{plan}");
    assert!(plan.contains("```diff\n") && plan.contains("\n+ dynamodb.table/notes\n"), "{plan}");
    assert!(job.read("summary.md").contains(&plan));
    job.github(&steps[1], 0);
    assert_eq!(job.read("gh.log"), "pr comment 12 --edit-last --create-if-none --body-file plan.md\n");

    let said = job.github(&steps[2], 0);
    let parts: Vec<&str> = said.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(parts, ["::group::plan", "::endgroup::", "::group::changes", "::endgroup::"], "{said}");
    let outputs = job.read("output.txt");
    assert!(outputs.lines().any(|line| line.starts_with("dashboard_url=http")), "{outputs}");
    let summary = job.read("summary.md");
    assert!(summary.contains("### demo/dev: 6 of 6 in sync: 6 created") && summary.contains("| `dashboard_url` | `http"), "{summary}");
    job.github(&steps[3], 0);
    assert!(!job.github("liveinsight up", 0).contains("::group::"), "there is nothing to fold away");
    let opened = job.step("liveinsight open", &[]);
    assert!(opened.status.success() && text(&opened.stdout).starts_with("http"), "{}", text(&opened.stderr));
    let opened = job.step("liveinsight open bucket", &[]);
    assert!(text(&opened.stderr).contains("bucket is no address: "), "{}", text(&opened.stderr));
    // The console's pages: for a name from stack.yaml, for a name from AWS, and for a resource that does not exist.
    let opened = text(&job.step("liveinsight open dynamodb.table/notes", &[]).stdout);
    assert_eq!(
        opened,
        "https://us-east-1.console.aws.amazon.com/dynamodbv2/home?region=us-east-1#table?name=demo-notes-dev&tab=overview\n"
    );
    let opened = text(&job.step("liveinsight open cloudfront.distribution/static", &[]).stdout);
    assert!(opened.starts_with("https://us-east-1.console.aws.amazon.com/cloudfront/v4/home#/distributions/E"), "{opened}");
    let opened = text(&job.step("liveinsight open dynamodb.table/note || true", &[]).stderr);
    assert!(opened.contains("declares no dynamodb.table/note") && opened.contains("did you mean dynamodb.table/notes?"), "{opened}");
    let opened = text(&job.step("liveinsight open --local dynamodb.table/notes || true", &[]).stderr);
    assert!(opened.contains("the local AWS has no console"), "{opened}");
    let history = job.step("liveinsight history", &[]);
    assert!(text(&history.stdout).contains("https://github.com/o/r/actions/runs/7"), "{}", text(&history.stdout));

    let said = job.github("liveinsight down", 0);
    assert_eq!(said.matches("::group::").count(), said.matches("::endgroup::").count(), "{said}");
    assert!(job.read("summary.md").ends_with(" of them writes\n\n"), "{}", job.read("summary.md"));
}

/// Returns every workflow that is documented or written by `init`.
fn workflows() -> Vec<(&'static str, Value)> {
    let page = include_str!("../../docs/ci.md");
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let blocks = blocks.filter(|block| block.starts_with("name: ")).map(|block| ("docs/ci.md", block));
    let files = [
        ("ci.yml", include_str!("../../.github/workflows/ci.yml")),
        ("release.yml", include_str!("../../.github/workflows/release.yml")),
        ("advisories.yml", include_str!("../../.github/workflows/advisories.yml")),
        ("deploy.yml", include_str!("../../templates/project/.github/workflows/deploy.yml")),
    ];
    blocks.chain(files).map(|(name, text)| (name, serde_yaml::from_str(text).unwrap())).collect()
}

#[test]
fn workflows_give_no_job_more_than_it_needs_and_name_actions_by_commit() {
    let workflows = workflows();
    let files: Vec<&str> = workflows.iter().map(|(name, _)| *name).collect();
    assert_eq!(files, ["docs/ci.md", "docs/ci.md", "ci.yml", "release.yml", "advisories.yml", "deploy.yml"]);
    for (file, workflow) in &workflows {
        assert_eq!(workflow["permissions"], json!({}), "{file}: what is not given to a job, none has");
        let of_pull_requests =
            !workflow["on"]["pull_request"].is_null() || workflow["on"].as_object().unwrap().contains_key("pull_request");
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            let may = |what: &str| job["permissions"][what] == "write";
            let steps = job["steps"].as_array().unwrap();
            let runs: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
            for action in steps.iter().filter_map(|step| step["uses"].as_str()) {
                let commit = action.split_once('@').map_or("", |(_, commit)| commit);
                assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{file}, {name}: {action}");
                if action.contains("/checkout@") {
                    let keeps = steps.iter().find(|step| step["uses"] == action).map(|step| &step["with"]["persist-credentials"]);
                    assert_eq!(keeps, Some(&json!(false)), "{file}, {name}: the token would lie in the checkout");
                }
            }
            let builds = runs.iter().any(|run| run.contains("cargo test") || run.contains(".ci/") || run.contains("liveinsight up"));
            let plans = runs.iter().any(|run| run.starts_with("liveinsight plan"));
            let is_after_merge = job["if"].as_str().is_some_and(|condition| condition.contains("'push'"));
            if may("id-token") && of_pull_requests && !is_after_merge {
                assert!(
                    !builds && runs.iter().all(|run| !run.starts_with("liveinsight plan") || run.contains("--no-build")),
                    "{file}, {name}"
                );
            }
            if may("contents") || may("pull-requests") {
                assert!(!builds && !plans, "{file}, {name}: what may write runs nothing of the sources");
            }
        }
    }
}

#[test]
fn known_vulnerabilities_are_looked_for_every_day_and_before_each_release() {
    let workflows = workflows();
    let runs = |name: &str| {
        let (_, workflow) = workflows.iter().find(|(_, workflow)| workflow["name"] == name).unwrap_or_else(|| panic!("no workflow {name}"));
        let jobs = workflow["jobs"].as_object().unwrap().values();
        let steps = jobs.flat_map(|job| job["steps"].as_array().unwrap()).filter_map(|step| step["run"].as_str()).collect::<Vec<_>>();
        (workflow["on"].clone(), steps)
    };
    let (on, steps) = runs("advisories");
    assert!(on["schedule"][0]["cron"].as_str().unwrap().ends_with(" * * *"), "every day: {on}");
    for change in ["push", "pull_request"] {
        assert_eq!(on[change]["paths"], json!(["**/Cargo.lock", "deny.toml"]));
    }
    assert!(steps.contains(&"cargo deny --locked check advisories"), "{steps:?}");
    assert!(runs("release").1.iter().any(|step| step.contains("cargo deny check")));
    let rules: toml::Table = toml::from_str(include_str!("../../deny.toml")).unwrap();
    assert_eq!(rules["advisories"]["yanked"].as_str(), Some("deny"));
    assert!(!rules["advisories"].as_table().unwrap().contains_key("ignore"), "an exception needs its reason here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_noted_at_its_line_and_any_other_error_on_the_page() {
    let job = Job::new().await;
    let good = job.read("stack.yaml");
    fs::write(job.path("stack.yaml"), good.replace("partition_key", "partiton_key")).unwrap();
    let said = job.github("liveinsight plan", 3);
    let note = said.lines().find(|line| line.starts_with("::error ")).unwrap_or_else(|| panic!("{said}"));
    assert!(note.starts_with("::error file=stack.yaml,line=6,col=5::") && note.contains("partition_key"), "{note}");
    assert!(job.read("summary.md").contains("partiton_key"));

    fs::write(job.path("stack.yaml"), good).unwrap();
    let said = job.github("liveinsight outputs", 1);
    assert!(said.contains("\n::error::nothing of demo/dev"), "{said}");

    // The variables name files that are not writable: the program does its work all the same.
    let files = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", "/dev/full"), ("GITHUB_OUTPUT", "/nowhere/output")];
    let output = job.step("liveinsight up", &files);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("::warning::cannot write to the file that GITHUB_STEP_SUMMARY names"), "{said}");
    assert!(said.contains("::warning::cannot write to the file that GITHUB_OUTPUT names"), "{said}");
    assert!(job.step("liveinsight down", &[]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_masked_in_the_log_and_shown_nowhere_else() {
    let job = Job::new().await;
    let stack = job.read("stack.yaml");
    fs::write(job.path("stack.yaml"), format!("{stack}functions:\n  hello: {{ source: hello, secrets: [API_TOKEN] }}\n")).unwrap();
    fs::create_dir_all(job.path("hello/src")).unwrap();
    fs::write(job.path("hello/Cargo.toml"), "[package]\nname = \"hello\"\nversion = \"0.1.0\"\n").unwrap();
    fs::write(job.path("hello/src/main.rs"), "fn main() {}\n").unwrap();
    let secret = [("GITHUB_ACTIONS", "true"), ("API_TOKEN", "s3cr3t-value-of-20-c")];
    // The job finds no Rust, and needs none.
    let output = job.step("liveinsight status --format json", &secret);
    let said = text(&output.stderr);
    assert!(said.starts_with("::add-mask::") && said.contains("the code of hello is not compared"), "{said}");
    assert_eq!(said.matches("::add-mask::s3cr3t-value-of-20-c\n").count(), 1, "{said}");
    assert_eq!(said.matches("s3cr3t-value-of-20-c").count() + text(&output.stdout).matches("s3cr3t-value-of-20-c").count(), 1, "{said}");
    // Outside GitHub such a line would print the secret.
    let output = job.step("liveinsight status --format json", &[("GITLAB_CI", "true"), ("API_TOKEN", "s3cr3t-value-of-20-c")]);
    let said = text(&output.stderr);
    assert!(said.contains("the code of hello is not compared") && !said.contains("s3cr3t-value-of-20-c"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_jobs_of_gitlab_run_as_they_stand() {
    let job = Job::new().await;
    let steps = steps(3);
    assert_eq!(steps.len(), 3, "{steps:?}");
    let gitlab = [("GITLAB_CI", "true"), ("CI_JOB_URL", "https://gitlab.example/j/1")];
    let mut said = String::new();
    for step in &steps {
        let output = job.step(step, &gitlab);
        said += &text(&output.stderr);
        assert!(output.status.success(), "{step}: {said}");
    }
    assert!(job.read("plan.md").contains("+ s3.bucket/"), "{}", job.read("plan.md"));
    // Without quotes, because GitLab would keep them.
    assert!(job.read("outputs.env").lines().any(|line| line.starts_with("DASHBOARD_URL=http")), "{}", job.read("outputs.env"));
    for part in ["plan", "changes"] {
        let begin = said.find(&format!(":{part}[collapsed=true]\r\u{1b}[0K{part}\n"));
        let end = said.find(&format!(":{part}\r\u{1b}[0K\n"));
        assert!(begin.is_some() && begin < end, "{said:?}");
    }
    assert!(job.step("liveinsight down", &[]).status.success());
}
