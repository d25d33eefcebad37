//! One run at a time, and runs that are interrupted, as a user meets them: the real program, a stack that nothing has to be built for, an
//! AWS that takes its time.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as a test does")]

use aws_sdk_s3::primitives::ByteStream;
use liveinsight::{
    aws::{Aws, Connection, Place},
    lock::{LOCK_KEY, SETTING},
    stack::{Names, Stack},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};
use strict_aws::{Config, Fault, Faults, Lie, Strict};

const STACK: &str = "\
project: demo
region: us-east-1
environments: { dev: {} }
tables:
  notes:
    partition_key: { name: id, type: S }
site: { source: pages, index: index.html }
";
/// The lock's own write; before it comes the bucket.
const LOCK_WRITE: u64 = 2;

/// A project, and an account of its own.
struct Desk {
    directory: tempfile::TempDir,
    strict: Strict,
    account: String,
}

impl Desk {
    async fn new(config: Config) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() % 10_000_000;
        let account = format!("7{seconds:07}{:02}{:02}", std::process::id() % 100, NEXT.fetch_add(1, Ordering::Relaxed) % 100);
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("stack.yaml"), STACK).unwrap();
        fs::create_dir(directory.path().join("pages")).unwrap();
        fs::write(directory.path().join("pages/index.html"), "<p>hello</p>").unwrap();
        Self { directory, strict: Strict::start(&test_support::endpoint(), config).await.unwrap(), account }
    }

    /// One where a write of `up` hangs, which is only then at work.
    async fn slow() -> Self {
        let desk = Self::new(Config::default()).await;
        desk.strict.set_faults(Faults::AtWrite(LOCK_WRITE + 1, Fault::Hung));
        desk
    }

    fn command(&self, user: &str, arguments: &[&str]) -> Command {
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

    fn run(&self, arguments: &[&str]) -> Output {
        self.command("bob", arguments).output().unwrap()
    }

    /// Who has the lock, as `status` says.
    fn lock(&self) -> Value {
        let output = self.run(&["status", "--format", "json"]);
        let mut status: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
        status["lock"].take()
    }

    /// Starts `up` on a slow desk, and waits until it hangs: it has the lock.
    async fn at_work(&self, lease: &str) -> Child {
        let child = self.command("ada", &["up"]).env(SETTING, lease).spawn().unwrap();
        while !self.strict.log().iter().any(|entry| entry.note == "fault Hung") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        child
    }

    async fn aws(&self) -> (Aws, String) {
        let connection = Connection::endpoint("us-east-1", self.strict.endpoint(), &self.account, "test").await;
        let stack = Stack::read(&self.directory.path().join("stack.yaml"), None, None).unwrap();
        let names = Names::new(&stack, &self.account);
        (connection.aws(Place::aws("aws", "us-east-1", &self.account), names.stack_tag()), names.bucket())
    }
}

/// Reads until this is said; a byte at a time, so that what follows is left.
fn until(stream: &mut impl Read, part: &str) {
    let mut said = String::new();
    while !said.contains(part) {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "it never said {part:?}:\n{said}");
        said.push(char::from(byte[0]));
    }
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn ended(output: &Output, code: i32) -> String {
    let text = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_lock_is_shown_and_gives_it_back_when_interrupted() {
    for signal in [Signal::INT, Signal::TERM] {
        let desk = Desk::slow().await;
        assert_eq!(desk.lock(), json!(null));
        let child = desk.at_work("").await;

        let lock = desk.lock();
        assert!(lock["holder"].as_str().unwrap().starts_with("ada@") && lock["command"] == "up", "{lock}");
        assert!(lock["since"].as_str().unwrap() < lock["expires"].as_str().unwrap(), "{lock}");
        let said = ended(&desk.run(&["status"]), 0);
        assert!(said.contains("\nlocked by ada@") && said.contains(" (up since 20"), "{said}");
        // Whoever only looks is not kept from it.
        ended(&desk.run(&["plan"]), 0);
        for command in [&["up", "--no-wait"][..], &["down", "--no-wait"]] {
            let said = ended(&desk.run(command), 6);
            assert!(said.contains("error: locked by ada@"), "{said}");
            assert!(said.contains("hint: without --no-wait this command waits"), "{said}");
            assert!(said.contains("hint: if that run is dead, its lock ends by itself at 20"), "{said}");
        }

        send(&child, signal);
        let said = ended(&child.wait_with_output().unwrap(), 130);
        // What hangs is cut off in time to give the lock back, before the caller loses patience.
        assert!(said.contains("stopping: what is in flight may finish, up to 6 s") && said.contains("What was in flight:"), "{said}");
        assert_eq!(desk.lock(), json!(null), "{said}");
        desk.strict.set_faults(Faults::None);
        ended(&desk.run(&["up", "--no-wait"]), 0);
        ended(&desk.run(&["plan", "--exit-code"]), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_says_for_whom_and_can_be_interrupted_without_having_changed_anything() {
    let desk = Desk::slow().await;
    let child = desk.at_work("").await;
    let mut waiting = desk.command("bob", &["up", "--format", "json"]).spawn().unwrap();
    let mut lines = BufReader::new(waiting.stdout.take().unwrap()).lines();
    let locked: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert!(locked["event"] == "locked" && locked["holder"].as_str().unwrap().starts_with("ada@"), "{locked}");
    until(waiting.stderr.as_mut().unwrap(), "waiting for ada@");
    send(&waiting, Signal::INT);
    let said = ended(&waiting.wait_with_output().unwrap(), 130);
    assert!(said.contains("interrupted: nothing was changed"), "{said}");
    assert!(desk.lock()["holder"].as_str().unwrap().starts_with("ada@"));
    send(&child, Signal::TERM);
    ended(&child.wait_with_output().unwrap(), 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once_and_the_lock_ends_by_itself() {
    let desk = Desk::slow().await;
    let mut child = desk.at_work("4").await;
    send(&child, Signal::INT);
    until(child.stderr.as_mut().unwrap(), "stopping:");
    send(&child, Signal::INT);
    ended(&child.wait_with_output().unwrap(), 130);
    desk.strict.set_faults(Faults::None);
    let said = ended(&desk.run(&["up"]), 0);
    assert!(said.contains("waiting for ada@"), "{said}");
    assert_eq!(desk.lock(), json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_lost_the_lock_stops_and_leaves_it_to_the_other() {
    let desk = Desk::slow().await;
    let child = desk.at_work("3").await;
    let other = r#"{"nonce":"n","holder":"carol@ci","command":"down","lease_seconds":600}"#;
    let (aws, bucket) = desk.aws().await;
    aws.s3.put_object().bucket(&bucket).key(LOCK_KEY).body(ByteStream::from_static(other.as_bytes())).send().await.unwrap();
    let said = ended(&child.wait_with_output().unwrap(), 6);
    assert!(said.contains("another run took over the lock") && said.contains("carol@ci (down since 20"), "{said}");
    assert_eq!(desk.lock()["holder"], "carol@ci");
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_in_the_place_of_the_lock_is_respected_and_said() {
    let desk = Desk::new(Config::default()).await;
    ended(&desk.run(&["up"]), 0);
    let (aws, bucket) = desk.aws().await;
    aws.s3.put_object().bucket(&bucket).key(LOCK_KEY).body(ByteStream::from_static(b"<html>\x1b[2J")).send().await.unwrap();
    // Nothing to do takes no lock.
    ended(&desk.run(&["up", "--no-wait"]), 0);
    let said = ended(&desk.run(&["down", "--no-wait"]), 6);
    assert!(said.contains("locked by somebody unknown (the lock makes no sense"), "{said}");
    let said = ended(&desk.run(&["status"]), 0);
    assert!(said.contains("locked by somebody unknown") && !said.contains('\x1b'), "{said}");
    aws.s3.delete_object().bucket(&bucket).key(LOCK_KEY).send().await.unwrap();
    ended(&desk.run(&["down", "--no-wait"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_goes_away_or_a_full_disk_does_not_stop_the_work() {
    let desk = Desk::new(Config::default()).await;
    let mut child = desk.command("ada", &["up", "--format", "json"]).spawn().unwrap();
    until(child.stdout.as_mut().unwrap(), "\n");
    drop(child.stdout.take());
    ended(&child.wait_with_output().unwrap(), 0);
    ended(&desk.run(&["plan", "--exit-code"]), 0);

    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = desk.command("ada", &["down"]).stdout(full).output().unwrap();
    let said = ended(&output, 1);
    assert!(said.contains("error: cannot write to stdout: No space left on device"), "{said}");
    assert!(ended(&desk.run(&["down"]), 0).contains("nothing to do"));
    // Nowhere to say anything at all.
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let output = desk.command("ada", &["up"]).stdout(full()).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    ended(&desk.run(&["plan", "--exit-code"]), 0);
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("stack.yaml"), "project: demo\nregion: us-east-1\n").unwrap();
    // A file in the way stops even root.
    fs::write(directory.path().join(".liveinsight"), "").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveinsight"));
    let output = command.args(["status", "--local"]).current_dir(directory.path()).output().unwrap();
    let said = ended(&output, 1);
    assert!(said.contains(".liveinsight") && said.starts_with("error: "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_in_place_of_aws_is_not_believed() {
    let desk = Desk::new(Config::default()).await;
    ended(&desk.run(&["up"]), 0);
    let is_short = |output: &Output, codes: &[i32]| {
        let said = text(&output.stderr);
        assert!(output.status.code().is_some_and(|code| codes.contains(&code)), "{:?} {said}", output.status);
        assert!(said.len() < 2000 && said.contains("error: ") && !said.contains("panicked"), "{said}");
    };
    for lie in [Lie::Page, Lie::Nothing, Lie::EmptyObject, Lie::PageInDisguise, Lie::Bomb, Lie::Megabyte] {
        desk.strict.set_faults(Faults::Lies(lie, false));
        for command in ["status", "up", "down"] {
            is_short(&desk.run(&[command]), &[1]);
        }
    }
    // An empty answer is all that many writes get: whether anything was done is told by reading.
    for lie in [Lie::Page, Lie::PageInDisguise, Lie::Bomb, Lie::Megabyte] {
        desk.strict.set_faults(Faults::Lies(lie, true));
        is_short(&desk.run(&["down"]), &[1, 5]);
    }
    desk.strict.set_faults(Faults::None);
    ended(&desk.run(&["plan", "--exit-code"]), 0);
}
