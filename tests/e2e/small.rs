//! Project of one function without dependencies, which builds in a second.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const STACK: &str = r#"project: small
region: eu-west-1
environments: { dev: {} }
tables: { items: { partition_key: { name: id, type: S } } }
functions:
  hello: { source: crates/hello, route: GET /api/hello, reads: [items] }
api: { cors: { origins: ["https://page.example"] } }
"#;

const MANIFEST: &str =
    "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n[profile.lambda]\ninherits = \"release\"\n";

pub(crate) struct Small(tempfile::TempDir);

impl Small {
    pub(crate) fn new() -> Self {
        // Installing the local AWS takes half a minute; that of the tests has done it.
        test_support::endpoint();
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        test_support::end_local_aws_with_this_process(directory.path());
        let project = Self(directory);
        project.write("stack.yaml", STACK);
        project.write("crates/hello/Cargo.toml", MANIFEST);
        project.write("crates/hello/src/main.rs", include_str!("hello.rs"));
        project.write("crates/hello/src/runtime.rs", include_str!("runtime.rs"));
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Returns a command that runs the program here.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_liveinsight"));
        command.args(arguments).current_dir(self.path()).env(liveinsight::cache::CACHE_DIR, test_support::cache());
        command.env("CARGO_TARGET_DIR", self.path().join("target")).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env_remove("AWS_ENDPOINT_URL").env_remove("GITHUB_ACTIONS").env_remove("GITLAB_CI");
        command
    }

    /// Runs a command that has to succeed; returns its stdout.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        succeeded(&self.command(arguments).output().unwrap(), &arguments.join(" "))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = self.command(&["local", "stop"]).output();
    }
}

/// Asserts that a command succeeded; returns its stdout.
#[track_caller]
pub(crate) fn succeeded(output: &Output, what: &str) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what} ended with {}\n{out}\n{err}", output.status);
    out
}
