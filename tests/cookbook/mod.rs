//! Replay of `docs/cookbook.md` from the first line to the last in one project, with the real program on a local AWS.
//!
//! The test merges each `yaml` block into the project's stack.yaml and runs each `sh` block with bash. In a command's comment, `prints …`
//! is text that the block has to print, and `ends with …` is its exit code.

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

/// Account of the page's examples, and account of the local AWS that replaces it.
const ACCOUNTS: (&str, &str) = ("123456789012", "000000000000");

/// Reader of the page: a directory, a shell that keeps its working directory and exported variables, and the AWS CLI.
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
        // As on the page: with the variables that `local status` prints.
        let text = format!(
            "#!/bin/sh\neval \"$(liveinsight local status 2>&1 | grep '^ *export ')\"\nexport AWS_PAGER=\nexec '{}' \"$@\"\n",
            real.display()
        );
        fs::write(&aws, text).unwrap();
        fs::set_permissions(&aws, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(reader.state(), format!("cd '{}'\n", reader.project.around().display())).unwrap();
        reader
    }

    /// Path of a script that restores the shell's working directory and exported variables.
    fn state(&self) -> PathBuf {
        self.programs.path().join("state")
    }

    /// Runs a block, and returns its output and its exit code.
    fn run(&self, block: &str) -> (String, i32) {
        let state = self.state();
        let state = state.display();
        // `-e` ends the shell at the first command that fails.
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

    /// Merges a piece of YAML into stack.yaml.
    fn add(&self, piece: &str) {
        let path = self.project.path().join("stack.yaml");
        let mut stack: Value = serde_yaml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        merge(&mut stack, serde_yaml::from_str(&piece.replace(ACCOUNTS.0, ACCOUNTS.1)).unwrap());
        // JSON is YAML.
        fs::write(path, format!("{stack:#}")).unwrap();
    }
}

/// Merges mappings key by key; lists and scalars replace the value that was there.
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
