//! Copy of this project in a directory of its own, with its own local AWS, and the real program to run in it.

use liveinsight::{cache::CACHE_DIR, venv::Venv};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};
use test_support::workspace;

/// Content of a user's checkout, without tests.
const PARTS: &[&str] = &["Cargo.toml", "Cargo.lock", "crates", "src", "lambdas", "templates", "dashboard/public", "stack.yaml", "tests"];

/// Lock for the shared build output. Two concurrent projects would take each other's output for out of date.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub(crate) struct Project {
    directory: tempfile::TempDir,
    root: PathBuf,
    python: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Project {
    pub(crate) fn new() -> Self {
        let project = Self::at(|directory| directory.to_owned());
        check_out(project.path());
        project
    }

    /// Creates a directory of this name that `init` has yet to write into; the local AWS is installed in it.
    pub(crate) fn empty(name: &str) -> Self {
        Self::at(|directory| directory.join(name))
    }

    fn at(root: impl FnOnce(&Path) -> PathBuf) -> Self {
        // A test that failed while it held the lock is no reason for the next one to fail.
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let root = root(directory.path());
        // Installing takes half a minute; the tests' local AWS has done it.
        test_support::endpoint();
        fs::create_dir_all(&root).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let place = workspace().join("target/test-client");
        let venv = runtime.block_on(Venv::ensure(&place, include_str!("requirements.txt"), "the tests' other client", &|_| {}));
        test_support::end_local_aws_with_this_process(&root);
        Self { directory, root, python: venv.unwrap().python(), _turn: turn }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.root
    }

    /// Returns the directory that contains an empty project.
    pub(crate) fn around(&self) -> &Path {
        self.directory.path()
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
        command.args(arguments).current_dir(self.path()).env("CARGO_TARGET_DIR", output());
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
    }
}

/// Returns the build output of the copies. It begins with links to what cargo compiled for this very test, without the workspace's own crates.
/// In the workspace's output itself, `cargo clean` for a copy's crate would delete the executables of other tests, which go by its name.
fn output() -> &'static Path {
    static OUTPUT: OnceLock<PathBuf> = OnceLock::new();
    OUTPUT.get_or_init(|| {
        let target = workspace().join("target");
        let (compiled, output) = (target.join("debug"), target.join("projects"));
        for part in ["deps", "build", ".fingerprint"] {
            link(&compiled.join(part), &output.join("debug").join(part), &is_of_dependency);
        }
        output
    })
}

/// Returns true unless a file or directory of cargo's output is of a crate of the workspace.
fn is_of_dependency(name: &str) -> bool {
    const OWN: [&str; 7] = ["event", "features", "hello", "liveinsight", "realtime", "shared", "stats"];
    let name = name.trim_start_matches("lib");
    !OWN.iter().any(|own| name.starts_with(&format!("{own}-")) || name.starts_with(&format!("{own}_")))
}

/// Links the files below a directory that are not there yet.
fn link(from: &Path, to: &Path, is_wanted: &dyn Fn(&str) -> bool) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).into_iter().flatten().map(Result::unwrap) {
        let name = entry.file_name();
        let (path, to) = (entry.path(), to.join(&name));
        if !is_wanted(&name.to_string_lossy()) {
            continue;
        }
        if path.is_dir() {
            link(&path, &to, &|_| true);
        } else if !to.exists() {
            // Another test process may link the same.
            let _ = fs::hard_link(path, to);
        }
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

/// Copies the content of a user's checkout.
pub(crate) fn check_out(to: &Path) {
    for part in PARTS {
        copy(&workspace().join(part), &to.join(part));
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}
