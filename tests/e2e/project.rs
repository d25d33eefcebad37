//! Copy of this project in a directory of its own, with its own local AWS, and the real program to run in it.

use liveinsight::{cache::CACHE_DIR, venv::Venv};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, MutexGuard, Once, TryLockError},
    time::Duration,
};
use test_support::{
    copies::{copy_of_workspace, link_dependencies},
    workspace,
};

/// Content of a user's checkout, without tests.
pub(crate) const PARTS: &[&str] =
    &["Cargo.toml", "Cargo.lock", "crates", "src", "lambdas", "templates", "docs/examples", "dashboard/public", "stack.yaml", "tests"];

/// Number of projects at a time. Each has the processors to itself for most of its builds, since it waits more than it builds.
const SLOTS: usize = 2;

/// Directory and build output of one project at a time. Cargo takes the copies that follow one another in a slot for the same project, and compiles
/// again only what differs.
struct Slot {
    number: usize,
    _lock: MutexGuard<'static, ()>,
}

impl Slot {
    /// Waits for a free slot.
    fn take() -> Self {
        static SLOT: [Mutex<()>; SLOTS] = [const { Mutex::new(()) }; SLOTS];
        loop {
            for (number, slot) in SLOT.iter().enumerate() {
                match slot.try_lock() {
                    Ok(lock) => return Self { number, _lock: lock },
                    // A test that failed while it held the lock is no reason for the next one to fail.
                    Err(TryLockError::Poisoned(poisoned)) => return Self { number, _lock: poisoned.into_inner() },
                    Err(TryLockError::WouldBlock) => {}
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Returns the directory of the slot's projects. No other test process uses it.
    fn directory(&self) -> PathBuf {
        let program = std::env::current_exe().unwrap();
        let name = program.file_stem().unwrap().to_string_lossy().into_owned();
        let name = name.rsplit_once('-').map_or(&*name, |(name, _)| name);
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("projects/{name}-{}", self.number))
    }

    /// Returns the build output of the slot.
    fn output(&self) -> PathBuf {
        static LINKED: [Once; SLOTS] = [const { Once::new() }; SLOTS];
        let output = workspace().join("target/projects").join(self.number.to_string());
        LINKED[self.number].call_once(|| link_dependencies(&output));
        output
    }
}

pub(crate) struct Project {
    root: PathBuf,
    python: PathBuf,
    slot: Slot,
}

impl Project {
    pub(crate) fn new() -> Self {
        let project = Self::at(|directory| directory.to_owned());
        copy_of_workspace(PARTS, project.path());
        project
    }

    /// Creates a directory of this name that `init` has yet to write into; the local AWS is installed in it.
    pub(crate) fn empty(name: &str) -> Self {
        Self::at(|directory| directory.join(name))
    }

    fn at(root: impl FnOnce(&Path) -> PathBuf) -> Self {
        let slot = Slot::take();
        let directory = slot.directory();
        if directory.exists() {
            fs::remove_dir_all(&directory).unwrap();
        }
        let root = root(&directory);
        // Installing takes half a minute; the tests' local AWS has done it.
        test_support::endpoint();
        fs::create_dir_all(&root).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let place = workspace().join("target/test-client");
        let venv = runtime.block_on(Venv::ensure(&place, include_str!("requirements.txt"), "the tests' other client", &|_| {}));
        test_support::end_local_aws_with_this_process(&root);
        Self { root, python: venv.unwrap().python(), slot }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.root
    }

    /// Returns the directory that contains an empty project.
    pub(crate) fn around(&self) -> &Path {
        self.root.parent().unwrap()
    }

    /// Lets an empty project reuse the workspace's compiled dependencies: equal versions, and no network.
    pub(crate) fn lock_versions(&self) {
        fs::copy(workspace().join("Cargo.lock"), self.root.join("Cargo.lock")).unwrap();
    }

    /// Returns a Python that has boto3.
    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    /// Returns a command that runs the program here. Build output is shared by all copies: only their own crates are compiled.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_liveinsight"));
        command.args(arguments).current_dir(self.path()).env("CARGO_TARGET_DIR", self.slot.output());
        command.env("AWS_EC2_METADATA_DISABLED", "true").env_remove("AWS_ENDPOINT_URL").env(CACHE_DIR, test_support::cache());
        // These tests may run in a CI job, which they must not write to.
        command.env_remove("GITHUB_ACTIONS").env_remove("GITLAB_CI");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(arguments, self.command(arguments).output().unwrap())
    }

    /// Runs a command that has to succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        run.expect(0);
        run
    }

    pub(crate) fn endpoint(&self) -> String {
        let server: Value = serde_json::from_str(&fs::read_to_string(self.path().join(".liveinsight/aws/server.json")).unwrap()).unwrap();
        format!("http://127.0.0.1:{}", server["port"])
    }

    /// Runs another client's program, which lists or damages the account; returns its lines.
    pub(crate) fn other_client(&self, arguments: &[&str]) -> Vec<String> {
        self.script("account.py", arguments)
    }

    /// Runs another client's round of damage; returns its changes as pairs of id and field.
    pub(crate) fn damage(&self, round: usize) -> Vec<(String, String)> {
        let lines = self.script("damage.py", &["liveinsight", &round.to_string()]);
        // Ids contain spaces, fields do not.
        lines.iter().filter_map(|line| line.rsplit_once(' ')).map(|(id, field)| (id.to_owned(), field.to_owned())).collect()
    }

    fn script(&self, name: &str, arguments: &[&str]) -> Vec<String> {
        let script = workspace().join("tests/e2e").join(name);
        let mut command = Command::new(&self.python);
        command.arg(script).arg(self.endpoint()).args(arguments).env("SECRET", test_support::secret(self.path()));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    pub(crate) fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.path().join(file);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = self.command(&["local", "stop"]).output();
        let _ = fs::remove_dir_all(self.slot.directory());
    }
}

/// Output of a command.
pub(crate) struct Run {
    arguments: String,
    output: Output,
}

impl Run {
    pub(crate) fn of(arguments: &[&str], output: Output) -> Self {
        Self { arguments: arguments.join(" "), output }
    }

    /// Returns the exit code; -1 if a signal ended it.
    pub(crate) fn code(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    #[track_caller]
    pub(crate) fn expect(&self, code: i32) {
        let (out, err) = (self.stdout(), String::from_utf8_lossy(&self.output.stderr));
        assert_eq!(self.code(), code, "liveinsight {}\n{out}\n{err}", self.arguments);
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }

    /// Returns the document, or the last event, on stdout.
    pub(crate) fn json(&self) -> Value {
        let out = self.stdout();
        serde_json::from_str(&out).or_else(|_| serde_json::from_str(out.lines().last().unwrap_or_default())).unwrap()
    }
}
