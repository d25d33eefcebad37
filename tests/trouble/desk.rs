//! Base of these tests: a project that needs no build, a strict AWS for it, and the real program.

use liveinsight::{
    aws::{Aws, Connection, Target},
    lock::SETTING,
    stack::Stack,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    fs,
    io::Read,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};
use strict_aws::{Config, Fault, Faults, Strict};

const STACK: &str = "\
project: demo
region: us-east-1
environments: { dev: {} }
tables:
  notes:
    partition_key: { name: id, type: S }
site: { source: pages, index: index.html }
";
/// Number of the lock's own write when everything is new. The writes of the bucket and of the table, which does not wait for it, come first.
const LOCK_WRITE: u64 = 3;

/// Project with an account of its own.
pub(crate) struct Desk {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) strict: Strict,
    account: String,
}

impl Desk {
    pub(crate) async fn new(config: Config) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() % 10_000_000;
        let account = format!("7{seconds:07}{:02}{:02}", std::process::id() % 100, NEXT.fetch_add(1, Ordering::Relaxed) % 100);
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("stack.yaml"), STACK).unwrap();
        fs::create_dir(directory.path().join("pages")).unwrap();
        fs::write(directory.path().join("pages/index.html"), "<p>hello</p>").unwrap();
        Self { directory, strict: Strict::start(&test_support::endpoint(), config).await.unwrap(), account }
    }

    /// Makes a desk on which the first write of `up` hangs, so that `up` stays at work.
    pub(crate) async fn slow() -> Self {
        let desk = Self::new(Config::default()).await;
        desk.at_first_write(Fault::Hung);
        desk
    }

    /// Injects a fault into the first write of the next `up` on an empty account, after the lock.
    pub(crate) fn at_first_write(&self, fault: Fault) {
        self.strict.set_faults(Faults::AtWrite(LOCK_WRITE + 1, fault));
    }

    pub(crate) fn command(&self, user: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_liveinsight"));
        command.args(arguments).current_dir(self.directory.path()).env_clear();
        command.envs([
            ("AWS_ENDPOINT_URL", self.strict.endpoint()),
            ("AWS_ACCESS_KEY_ID", &self.account),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]);
        command.envs([("AWS_EC2_METADATA_DISABLED", "true"), ("HOME", "/nonexistent"), ("PATH", "/usr/bin:/bin"), ("USER", user)]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command("bob", arguments).output().unwrap()
    }

    /// Returns the holder of the lock as `status` shows it, or null.
    pub(crate) fn lock(&self) -> Value {
        let output = self.run(&["status", "--format", "json"]);
        let mut status: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
        status["lock"].take()
    }

    /// Starts `up` on a slow desk, and waits until it hangs. It then has the lock.
    pub(crate) async fn at_work(&self, lease: &str) -> Child {
        let child = self.command("ada", &["up"]).env(SETTING, lease).spawn().unwrap();
        while !self.strict.log().iter().any(|entry| entry.note == "fault Hung") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        child
    }

    pub(crate) async fn aws(&self) -> (Aws, String) {
        self.aws_at(self.strict.endpoint()).await
    }

    /// Returns clients of the same account that bypass the strict AWS, so that its log has only the program's requests.
    pub(crate) async fn aws_behind(&self) -> (Aws, String) {
        self.aws_at(&test_support::endpoint()).await
    }

    async fn aws_at(&self, endpoint: &str) -> (Aws, String) {
        let connection = Connection::endpoint("us-east-1", endpoint, &self.account, "test").await;
        let stack = Stack::read(&self.directory.path().join("stack.yaml"), None, None).unwrap();
        let names = stack.names(&self.account);
        (liveinsight::resources::connect(&connection, Target::aws("aws", "us-east-1", &self.account), names.stack_tag()), names.bucket())
    }
}

/// Reads a stream up to this text, byte by byte, so that the rest stays unread.
pub(crate) fn until(stream: &mut impl Read, part: &str) {
    let mut said = String::new();
    while !said.contains(part) {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "it never said {part:?}:\n{said}");
        said.push(char::from(byte[0]));
    }
}

pub(crate) fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
pub(crate) fn ended(output: &Output, code: i32) -> String {
    let text = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}
