//! Starts and stops the server's process, and distinguishes it from another process that got the same id.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::{ACCESS_KEY_ID, ACCOUNT_ID, Secret};

/// Polling interval while waiting for a process.
pub(super) const POLL: Duration = Duration::from_millis(25);

/// Settings of a start.
pub(super) struct Launch<'a> {
    /// Interpreter of the virtual environment.
    pub(super) python: &'a Path,
    /// Path of `front.py`, which authenticates requests and runs the server.
    pub(super) front: &'a Path,
    /// Directory with all of the server's data.
    pub(super) home: &'a Path,
    /// Port on the loopback interface.
    pub(super) port: u16,
    /// Identity that the server reports; see [`super::health`].
    pub(super) identity: &'a str,
    /// Secret that signs requests.
    pub(super) secret: &'a Secret,
    /// Log file for the server's output.
    pub(super) log: File,
}

/// Starts the server, detached: it outlives this program and does not get its Ctrl-C.
pub(super) fn launch(launch: Launch<'_>) -> std::io::Result<tokio::process::Child> {
    let errors = launch.log.try_clone()?;
    let mut command = std::process::Command::new("/bin/sh");
    command
        // The state contains the functions' variables, secrets among them, so its files are private to this user. Python stores
        // the `-X` option without interpreting it. The option distinguishes the process from another project's.
        .args(["-c", "umask 077 && exec \"$0\" -X \"$1\" \"$2\""])
        .args([launch.python.as_os_str(), launch.identity.as_ref(), launch.front.as_os_str()])
        .current_dir(launch.home)
        .stdin(Stdio::null())
        .stdout(launch.log)
        .stderr(errors)
        .process_group(0)
        // The functions inherit this environment, so nothing of the user's AWS configuration may be in it.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()))
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", launch.home.join("tmp"))
        .env("TMPDIR", launch.home.join("tmp"))
        .env("PYTHONUNBUFFERED", "1")
        .env("LOG_LEVEL", "WARNING")
        // By default the server listens on every interface.
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", launch.port.to_string())
        // The functions inherit this address; without it they would call the real AWS.
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", launch.port))
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", launch.secret.expose())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("MINISTACK_ACCOUNT_ID", ACCOUNT_ID)
        .env("MINISTACK_EDITION", launch.identity)
        .env("PERSIST_STATE", "1")
        // `status` reads the authors of changes from it. The server keeps the newest 10,000 requests in memory.
        .env("CLOUDTRAIL_RECORDING", "1")
        .env("STATE_DIR", launch.home.join("state"))
        .env("S3_PERSIST", "1")
        .env("S3_DATA_DIR", launch.home.join("objects"))
        // By default it would also open ports for MQTT and SFTP.
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0");
    tokio::process::Command::from(command).spawn()
}

/// Returns true if `pid` is a running server with one of these markers in its command line.
///
/// After a crash the id may belong to any other process, which must not be ended. A zombie process has no command line, so it
/// does not count.
pub(super) fn runs(pid: u32, marks: &[String]) -> bool {
    command_line(pid).is_some_and(|line| marks.iter().any(|mark| line.contains(mark)))
}

#[cfg(target_os = "linux")]
fn command_line(pid: u32) -> Option<String> {
    let raw = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&raw).replace('\0', " "))
}

#[cfg(not(target_os = "linux"))]
fn command_line(pid: u32) -> Option<String> {
    let output = std::process::Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Asks the server to save its state and end. The server ends its functions itself.
pub(super) fn terminate(pid: u32) {
    // A failure means that the server has already ended.
    let _ = to_pid(pid).map(|pid| rustix::process::kill_process(pid, Signal::TERM));
}

/// Kills the server and its functions at once; unsaved state is lost.
pub(super) fn kill(pid: u32) {
    // The server leads its own process group, see `launch`.
    let _ = to_pid(pid).map(|pid| rustix::process::kill_process_group(pid, Signal::KILL));
}

fn to_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Waits until the server has ended; returns false when it still runs after `patience`.
pub(super) async fn ended(pid: u32, marks: &[String], patience: Duration) -> bool {
    let wait = async {
        while runs(pid, marks) {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(patience, wait).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_with_the_same_number_is_not_ours() {
        let marks = ["liveinsight-0123456789abcdef".to_owned()];
        assert!(!runs(std::process::id(), &marks));
        assert!(!runs(u32::MAX, &marks));
    }
}
