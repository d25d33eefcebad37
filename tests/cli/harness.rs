//! Runs the real program in a directory of its own, without the surrounding environment, and formats its output.

use std::{
    fmt::Write as _,
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
};
use tempfile::TempDir;

/// Small stack that needs no build.
pub(crate) const SMALL: &str = "\
project: demo
region: us-east-1
environments: { dev: {}, prod: { protect: true } }
tables:
  notes:
    partition_key: { name: id, type: S }
";

/// Project directory, and the environment of the program.
pub(crate) struct Project {
    directory: TempDir,
    environment: Vec<(String, String)>,
}

impl Project {
    /// Creates a directory with this stack.yaml, and no credentials anywhere.
    pub(crate) fn new(stack: &str) -> Self {
        let project = Self::empty();
        fs::write(project.path().join("stack.yaml"), stack).unwrap();
        project
    }

    /// Creates a directory without stack.yaml.
    pub(crate) fn empty() -> Self {
        // No request may leave this machine, not even to a virtual machine's metadata.
        let environment = [("AWS_EC2_METADATA_DISABLED", "true"), ("HOME", "/nonexistent"), ("PATH", "/usr/bin:/bin"), ("COLUMNS", "100")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { directory: tempfile::tempdir().unwrap(), environment }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets credentials, and an endpoint on this machine.
    pub(crate) fn endpoint(self, url: &str) -> Self {
        self.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env("AWS_ENDPOINT_URL", url)
    }

    /// Returns a command with these arguments, not yet run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_in(self.path().to_owned(), arguments)
    }

    fn command_in(&self, directory: PathBuf, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_liveinsight"));
        command.args(arguments).current_dir(directory).env_clear().envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the program in a subdirectory.
    pub(crate) fn run_in(&self, below: &str, arguments: &[&str]) -> Output {
        let directory = self.path().join(below);
        fs::create_dir_all(&directory).unwrap();
        self.command_in(directory, arguments).output().unwrap()
    }

    /// Runs the program, and formats its output and exit status for a snapshot.
    pub(crate) fn show(&self, arguments: &[&str]) -> String {
        show(arguments, &self.run(arguments))
    }
}

/// Formats the output and exit status of a program.
pub(crate) fn show(arguments: &[&str], output: &Output) -> String {
    let mut text = format!("$ liveinsight {}\nexit code {}\n", arguments.join(" "), output.status.code().unwrap_or(-1));
    for (name, stream) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !stream.is_empty() {
            write!(text, "--- {name}\n{}", String::from_utf8_lossy(stream)).unwrap();
        }
    }
    text
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Starts a server on the loopback interface that gives every request the same answer. Returns its URL; ends with the test.
pub(crate) fn answering(status: &'static str, headers: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            // One read is enough for a small request; the answer closes the connection.
            let mut buffer = [0; 16 * 1024];
            let _ = stream.read(&mut buffer);
            let length = body.len();
            let _ = write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        }
    });
    url
}

/// Starts a server on the loopback interface that takes connections and never answers.
pub(crate) fn silent() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

/// Returns the URL of a port without a server.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
