//! The boto3 script that the benchmark compares with. It makes the same stack, field by field, changes nothing when it is run again, and
//! removes what it made; otherwise its figures would be meaningless. One more test checks that the benchmark itself still starts.
//!
//! These tests measure nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking, in its helpers as well")]

use crate::reliability::{accounts, listing};
use liveinsight::{
    aws::{Aws, Connection, Target},
    build::read_site,
    engine::{Change, Step, survey},
    stack::{Content, Declaration, Stack, declare},
    venv::Venv,
};
use std::{collections::BTreeMap, path::Path};
use strict_aws::{Config, Strict};
use test_support::workspace;
use tokio::process::Command;

const REGION: &str = "us-east-1";

/// Options of the script for each of its modes of working.
const WAYS: [&[&str]; 3] = [&[], &["--threads", "16"], &["--threads", "16", "--import"]];

/// Returns the Python of the harness, which has boto3.
async fn python() -> Command {
    let target = workspace().join("target/test-client");
    let venv = Venv::ensure(&target, include_str!("../e2e/requirements.txt"), "the tests' other client", &|_| {}).await.unwrap();
    let mut command = Command::new(venv.python());
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Account in which the script runs.
struct Rival {
    strict: Strict,
    account: String,
    directory: tempfile::TempDir,
    way: &'static [&'static str],
}

impl Rival {
    async fn new(way: &'static [&'static str]) -> Self {
        let strict = Strict::start(&test_support::endpoint(), Config::default()).await.unwrap();
        Self { strict, account: accounts::next(), directory: tempfile::tempdir().unwrap(), way }
    }

    /// Runs the script, which has to succeed, and returns the number of its write calls.
    async fn script(&self, action: &str) -> usize {
        let mut command = python().await;
        command.env("PYTHONPATH", workspace().join("bench/rivals"));
        command.env("AWS_ENDPOINT_URL", self.strict.endpoint());
        command.env("AWS_ACCESS_KEY_ID", &self.account).env("AWS_SECRET_ACCESS_KEY", "test");
        command.args(["-m", "boto3_stack", action, "--site"]).arg(site()).arg("--packages").arg(self.directory.path()).args(self.way);
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{action} {:?}: {}", self.way, String::from_utf8_lossy(&output.stderr));
        self.strict.take_log().iter().filter(|entry| entry.write).count()
    }

    fn target(&self) -> Target {
        Target::aws("aws", REGION, &self.account)
    }

    /// Returns the declaration of stack.yaml, with the packages at the paths where the script reads them.
    fn declare(&self) -> Declaration {
        let stack = Stack::load(&workspace().join("stack.yaml"), None, None).unwrap();
        let package = |name: &String| {
            let package = accounts::package(self.directory.path(), &format!("#!/bin/sh\n# {name}\n"));
            std::fs::copy(&package.path, self.directory.path().join(format!("{name}.zip"))).unwrap();
            (name.clone(), package)
        };
        let packages = stack.functions.keys().map(package).collect();
        let site = liveinsight::build::site_objects(read_site(&site(), "index.html", None).unwrap().files);
        declare(&stack, &self.target(), &Content { packages, site: Some(site), ..Content::default() })
    }

    async fn connect(&self, endpoint: &str) -> Aws {
        let stack = Stack::load(&workspace().join("stack.yaml"), None, None).unwrap();
        let connection = Connection::endpoint(REGION, endpoint, &self.account, "test").await;
        liveinsight::resources::connect(&connection, self.target(), stack.names(&self.account).stack_tag())
    }

    async fn listing(&self) -> BTreeMap<String, usize> {
        listing::of(&self.connect(&test_support::endpoint()).await).await
    }
}

fn site() -> std::path::PathBuf {
    workspace().join("dashboard/public")
}

/// Returns whether a change is a record that the program keeps for itself in a resource. The script keeps none.
fn is_bookkeeping(step: &Step, change: &Change) -> bool {
    match step.id.kind() {
        // The digest of the snapshotted declaration; a difference would move the stage to another deployment.
        "apigateway.deployment" => true,
        "apigateway.stage" if change.path == "deployment" => true,
        // The release that the alias serves.
        "lambda.alias" => change.path == "release",
        // The digest of the pages for which caches were invalidated.
        "cloudfront.distribution" if change.path == "content" => true,
        // The secret between distribution and functions, which `up` makes.
        "cloudfront.distribution" if change.path == "origins.api.verify" => true,
        "lambda.function" if change.path == "environment.ORIGIN_VERIFY" => true,
        _ => change.path == "tags.liveinsight:applied",
    }
}

#[tokio::test]
async fn the_script_makes_the_declared_stack_in_three_ways() {
    for way in WAYS {
        let rival = Rival::new(way).await;
        let declaration = rival.declare();
        let mut declared = BTreeMap::<String, usize>::new();
        for entry in declaration.graph.entries() {
            *declared.entry(entry.id.kind().to_owned()).or_default() += 1;
        }

        rival.script("up").await;
        assert_eq!(rival.listing().await, declared, "{way:?}");
        let aws = rival.connect(rival.strict.endpoint()).await;
        let plan = survey(&declaration.graph, &aws, &|_| {}).await.unwrap_or_else(|(id, error)| panic!("{id:?}: {error}"));
        let differs = |step: &Step| {
            let mut changes = step.changes.iter().filter(|change| !is_bookkeeping(step, change)).map(ToString::to_string);
            changes.next().map(|first| format!("{way:?}: {}: {first}", step.id))
        };
        assert_eq!(plan.changes().filter_map(differs).collect::<Vec<_>>(), Vec::<String>::new());

        rival.strict.take_log();
        assert_eq!(rival.script("up").await, 0, "{way:?}: the second run wrote");
        rival.script("down").await;
        assert_eq!(rival.listing().await, BTreeMap::new(), "{way:?}");
    }
}

#[tokio::test]
async fn the_harness_starts() {
    let mut command = python().await;
    command.args(["-m", "harness", "--help"]).env("PYTHONPATH", workspace().join("bench")).current_dir(Path::new("/"));
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("--latency"));
}
