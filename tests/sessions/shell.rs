//! Environment of the sessions: a copy of the project as a repository of its own, with a shell that finds `liveinsight` and the helpers.

use crate::e2e::project::Project;
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    process::{Command, Stdio},
};
use tempfile::TempDir;
use test_support::workspace;

/// Scripts that act as clients other than the program. The shell calls each by its name.
const HELPERS: &[&str] = &["errors-appear", "original-deployment", "well-meant"];

/// Environment of git: every commit is Ada's on every machine, and no user's settings of git count.
const AUTHOR: &[(&str, &str)] = &[
    ("USER", "ada"),
    ("GIT_AUTHOR_NAME", "Ada"),
    ("GIT_AUTHOR_EMAIL", "ada@example.com"),
    ("GIT_COMMITTER_NAME", "Ada"),
    ("GIT_COMMITTER_EMAIL", "ada@example.com"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
];

pub(super) struct Shell {
    project: Project,
    programs: TempDir,
}

impl Shell {
    pub(super) fn new() -> Self {
        let shell = Self { project: Project::new(), programs: tempfile::tempdir().unwrap() };
        symlink(env!("CARGO_BIN_EXE_liveinsight"), shell.programs.path().join("liveinsight")).unwrap();
        for helper in HELPERS {
            let program = shell.programs.path().join(helper);
            let script = workspace().join("tests/sessions").join(helper).with_extension("py");
            let text = format!("#!/bin/sh\nexec '{}' '{}' \"$@\"\n", shell.project.python().display(), script.display());
            fs::write(&program, text).unwrap();
            fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        shell.must("git init -q -b main . && echo .liveinsight > .git/info/exclude");
        shell.must("git add -A && git commit -qm 'The product as shipped' && git tag shipped");
        shell
    }

    /// Resets the sources to the shipped ones, and empties the local AWS.
    pub(super) fn begin(&self) {
        self.must("git checkout -q -B main shipped && git reset -q --hard && git clean -fdq");
        self.must("liveinsight local reset --yes");
    }

    /// Runs a line, and returns its output and its exit code.
    pub(super) fn run(&self, line: &str) -> (String, i32) {
        let mut command = Command::new("bash");
        // Both streams go into one pipe, which keeps the order of writing.
        command.args(["-e", "-o", "pipefail", "-c", &format!("exec 2>&1\n{line}")]).current_dir(self.project.path());
        for (name, value) in self.project.command(&[]).get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let path = format!("{}:{}", self.programs.path().display(), std::env::var("PATH").unwrap());
        command.envs(AUTHOR.iter().copied()).env("PATH", path).stdin(Stdio::null());
        let output = command.output().unwrap();
        let mut said = String::from_utf8(output.stdout).unwrap();
        if !said.is_empty() && !said.ends_with('\n') {
            said.push('\n');
        }
        (said, output.status.code().unwrap_or(-1))
    }

    /// Runs a line that prepares a session and is no part of it.
    fn must(&self, line: &str) {
        let (said, code) = self.run(line);
        assert_eq!(code, 0, "{line}: {said}");
    }
}
