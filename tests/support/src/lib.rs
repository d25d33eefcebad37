//! The local AWS that all tests share. The first test that needs it starts it, with its own home below `target/`; it ends with the last test.
//! Each test uses names of its own.

pub mod copies;
pub mod elf;
pub mod parameters;
pub mod roles;

use liveinsight::local::Home;
use std::{
    io::{BufRead, BufReader},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

/// Variable with an endpoint to use instead, such as `http://127.0.0.1:4566`.
pub const ENDPOINT: &str = "LIVEINSIGHT_TEST_AWS";

/// Secret that requests to the shared local AWS are signed with. Twelve digits as the access key select an account.
///
/// Unlike the secret of other local AWSs it is not random, because every client in the tests would have to receive it.
pub const SECRET: &str = "test";

/// Returns the root of the workspace.
pub fn workspace() -> PathBuf {
    let support = Path::new(env!("CARGO_MANIFEST_DIR"));
    support.ancestors().nth(2).unwrap_or(support).to_owned()
}

/// Returns the cache directory of the tests, which leave the user's untouched. Programs started by tests receive it as `LIVEINSIGHT_CACHE_DIR`.
pub fn cache() -> PathBuf {
    workspace().join("target/test-cache")
}

/// Returns the address at which every AWS service answers.
///
/// # Panics
/// If the local AWS cannot be installed or started: a test without it would prove nothing.
pub fn endpoint() -> String {
    static STARTED: OnceLock<String> = OnceLock::new();
    STARTED.get_or_init(|| std::env::var(ENDPOINT).unwrap_or_else(|_| start())).clone()
}

fn start() -> String {
    let home = workspace().join("target/test-aws");
    keep_secret(&home).expect("target/ can be written");
    let parent = std::os::unix::process::parent_id();
    watch(&[
        format!("record={}", home.join(RECORD).display()),
        format!("users={}", home.join("users").display()),
        format!("parent={parent}"),
    ]);
    // A thread of its own: the caller may already be on a runtime.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let started = runtime.block_on(Home::with_cache(&home, &cache()).start(&|_| {}));
        started.unwrap_or_else(|error| panic!("the tests' local AWS does not start: {error}")).endpoint
    })
    .join()
    .expect("the local AWS starts")
}

/// Sets the known secret of a local AWS before its first start.
fn keep_secret(project_root: &Path) -> std::io::Result<()> {
    let path = project_root.join(KEY);
    std::fs::create_dir_all(path.parent().unwrap_or(project_root))?;
    if std::fs::read_to_string(&path).is_ok_and(|secret| secret == SECRET) {
        return Ok(());
    }
    // Written whole or not at all: other test programs start at the same time.
    let new = path.with_extension(std::process::id().to_string());
    std::fs::write(&new, SECRET)?;
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(new, path)
}

/// Returns the secret that requests to a project's local AWS are signed with, once it was started.
///
/// # Panics
/// If the local AWS was not started.
pub fn secret(project_root: &Path) -> String {
    std::fs::read_to_string(project_root.join(KEY)).expect("the local AWS was started")
}

/// Path of a local AWS's secret, below the project's root.
const KEY: &str = ".liveinsight/aws/secret";

/// Path of a local AWS's record of its server, below the project's root.
const RECORD: &str = ".liveinsight/aws/server.json";

/// Ends the local AWS of a project when this process is gone, for any reason: a killed test cannot end it.
pub fn end_local_aws_with_this_process(project_root: &Path) {
    watch(&[format!("record={}", project_root.join(RECORD).display())]);
}

/// Ends a child when this process is gone, for any reason.
pub fn end_with_this_process(child: &Child) {
    watch(&[format!("pid={}", child.id())]);
}

/// Starts the watcher and waits until it is watching.
fn watch(arguments: &[String]) {
    // A process group of its own: a terminal's Ctrl-C ends the tests, and the watcher has to act just then.
    let mut watcher = Command::new("python3")
        .args(["-c", include_str!("watch.py")])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // The watcher must not keep this process's output open.
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("python3 runs");
    let mut line = String::new();
    let said = watcher.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
    assert!(matches!(said, Some(Ok(_))) && line == "watching\n", "the watcher said {line:?}");
    // Its stdin stays open for as long as this process lives.
    std::mem::forget(watcher);
}
