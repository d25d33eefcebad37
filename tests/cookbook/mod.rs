//! `docs/cookbook.md`, replayed from the first line to the last in one project, with the real program on a local AWS.
//!
//! A `yaml` block is merged into the project's stack.yaml, an `sh` block is run by bash. Of a command's comment, `prints …` is what the block has
//! to say, and `ends with …` its exit code.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as a test does")]

mod page;

use crate::e2e::project::Project;
use page::{Block, Page};
use serde_json::{Map, Value};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    process::{Command, Stdio},
};
use test_support::workspace;

/// Account of the examples, and that of the local AWS.
const ACCOUNTS: (&str, &str) = ("123456789012", "000000000000");

/// A person who follows the page: a directory, a shell that remembers where it is and what was exported, and the AWS CLI.
struct Reader {
    project: Project,
    programs: tempfile::TempDir,
}

impl Reader {
    fn new() -> Self {
        let reader = Self { project: Project::empty("shop"), programs: tempfile::tempdir().unwrap() };
        symlink(env!("CARGO_BIN_EXE_liveinsight"), reader.programs.path().join("liveinsight")).unwrap();
        let aws = reader.programs.path().join("aws");
        let real = reader.project.python().with_file_name("aws");
        // As the page says: with the variables that `local status` prints.
        let text = format!(
            "#!/bin/sh\neval \"$(liveinsight local status 2>&1 | grep '^ *export ')\"\nexport AWS_PAGER=\nexec '{}' \"$@\"\n",
            real.display()
        );
        fs::write(&aws, text).unwrap();
        fs::set_permissions(&aws, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(reader.state(), format!("cd '{}'\n", reader.project.around().display())).unwrap();
        reader
    }

    /// Where the shell is, and what was exported, as commands.
    fn state(&self) -> PathBuf {
        self.programs.path().join("state")
    }

    /// Runs a block; what it says, and its exit code.
    fn run(&self, block: &str) -> (String, i32) {
        let state = self.state();
        let state = state.display();
        // `-e` ends it at the first command that fails.
        let script = format!("exec 2>&1\n. '{state}'\n{block}\n{{ export -p; printf 'cd %q\\n' \"$PWD\"; }} > '{state}'\n");
        let mut command = Command::new("bash");
        command.args(["-e", "-o", "pipefail", "-c", &script]).stdin(Stdio::null());
        for (name, value) in self.project.command(&[]).get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let path = format!("{}:{}", self.programs.path().display(), std::env::var("PATH").unwrap());
        let output = command.env("PATH", path).output().unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap_or(-1))
    }

    /// Writes a piece of stack.yaml beside what stands there.
    fn add(&self, piece: &str) {
        let path = self.project.path().join("stack.yaml");
        let mut stack: Value = serde_yaml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        merge(&mut stack, serde_yaml::from_str(&piece.replace(ACCOUNTS.0, ACCOUNTS.1)).unwrap());
        // JSON is YAML.
        fs::write(path, format!("{stack:#}")).unwrap();
    }
}

/// Puts what is under each key beside what is there; lists and texts take the place of what was there.
fn merge(into: &mut Value, piece: Value) {
    match (into, piece) {
        (Value::Object(into), Value::Object(piece)) => {
            for (key, value) in piece {
                merge(into.entry(key).or_insert(Value::Object(Map::new())), value);
            }
        }
        (into, piece) => *into = piece,
    }
}

#[test]
fn the_cookbook_works_as_it_stands() {
    let page = Page::read(&fs::read_to_string(workspace().join("docs/cookbook.md")).unwrap());
    assert!(page.blocks().count() > 20);
    let reader = Reader::new();
    reader.project.lock_versions();
    for block in page.blocks() {
        match block {
            Block::Yaml { text } => reader.add(text),
            Block::Shell(commands) => {
                let (said, code) = reader.run(&commands.script());
                let (heading, text) = (commands.heading(), commands.text());
                assert_eq!(code, 0, "{heading}:\n{text}\nsays:\n{said}");
                for expected in commands.prints() {
                    assert!(
                        said.to_lowercase().contains(&expected.to_lowercase()),
                        "{heading}: no {expected:?} from\n{text}\nbut:\n{said}"
                    );
                }
            }
        }
    }
}
