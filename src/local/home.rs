//! Directory `.liveinsight/aws` of one project, and the server that runs from it.
//!
//! The server's code is installed once for each user, in the [cache](crate::cache); each project has its own state.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::process::{self, Launch, POLL};
use super::{LocalAws, LocalError, Secret, health};
use crate::venv::{Venv, last_lines};
use crate::{cache, file_lock, home};
use engine::hex::hex;

/// Packages of the virtual environment.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Program that authenticates requests and runs the server.
const FRONT: &str = include_str!("front.py");

/// Time limit of a start. It takes about 0.6 s; a loaded machine and a cold disk take longer.
const START_PATIENCE: Duration = Duration::from_mins(1);

/// Time limit of a stop, which includes writing the state, about 0.3 s for a small one.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// Time limit for a running server to answer, and then again to end if it did not answer.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// First port to choose from, below those that systems assign by themselves (Linux: from 32768).
const FIRST_PORT: u16 = 20_000;

/// Number of ports from which a project's own is chosen, by its path.
const PORTS: u16 = 10_000;

/// Number of ports to try after the project's own.
const PORTS_TRIED: u16 = 50;

/// Home of one project's local AWS.
#[derive(Debug, Clone)]
pub struct Home {
    /// Path of `.liveinsight/aws`.
    directory: PathBuf,
    /// Virtual environment of the server.
    venv: PathBuf,
}

/// Record of the server, in `server.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Server {
    port: u16,
    /// Process id; `None` after a stop. The port stays in the record, so that printed addresses remain valid.
    pid: Option<u32>,
    /// Installation that the server was started from.
    venv: Option<PathBuf>,
    /// Digest of `front.py`; `None` for a server of an earlier version, which ran without it.
    front: Option<String>,
}

impl Home {
    /// Returns the home below `project_root`, the directory of `stack.yaml`, without touching it.
    pub fn new(project_root: &Path) -> Self {
        Self::with_cache(project_root, &cache::directory(project_root))
    }

    /// Returns the home with another cache directory.
    pub fn with_cache(project_root: &Path, cache: &Path) -> Self {
        let root = std::fs::canonicalize(project_root).unwrap_or_else(|_| project_root.to_owned());
        let venv = installation(&cache.join("local-aws"), python_on_path().as_deref());
        Self { directory: home::of(&root).join("aws"), venv }
    }

    /// Starts the server, or finds a running one. Installs it when it is missing.
    ///
    /// Two programs may call this at once: the second waits and finds the first one's server. Leftovers of a crash are removed.
    /// `progress` receives a line before anything that takes long.
    pub async fn start(&self, progress: &(dyn Fn(&str) + Sync)) -> Result<LocalAws, LocalError> {
        if let Some(home) = self.directory.parent() {
            // An error here surfaces where the next write fails.
            let _ = home::mend(home);
        }
        if self.is_current()
            && let Some(running) = self.status().await?
        {
            return Ok(running);
        }
        let _lock = self.lock(progress).await?;
        if self.is_current() {
            if let Some(running) = self.status().await? {
                return Ok(running);
            }
        } else {
            // An older version of the server may still run: it saves its state, and the new one reads it.
            self.end(STOP_PATIENCE).await?;
        }
        let venv = Venv::ensure(&self.venv, REQUIREMENTS, "the local AWS", progress).await?;
        self.remove_own_installation();
        if let Some(slow) = self.end_unless_slow(progress).await? {
            return Ok(slow);
        }
        for directory in ["state", "objects", "tmp"] {
            self.create(&self.directory.join(directory))?;
        }
        progress("starting the local AWS");
        let port = self.choose_port(progress)?;
        match self.launch(&venv, port).await {
            // Another program took the port between the choice and the start.
            Err(LocalError::Start { output, .. }) if output.contains("already in use") => {
                let port = self.choose_port(progress)?;
                self.launch(&venv, port).await
            }
            result => result,
        }
    }

    /// Stops the server, which saves its state first; returns false when none was running.
    pub async fn stop(&self) -> Result<bool, LocalError> {
        if !self.directory.exists() {
            return Ok(false);
        }
        let _lock = self.lock(&|_| ()).await?;
        self.end(STOP_PATIENCE).await
    }

    /// Returns the server if it runs and answers. Read-only.
    pub async fn status(&self) -> Result<Option<LocalAws>, LocalError> {
        let (Some(Server { port, pid: Some(pid), .. }), Some(secret)) = (self.remembered(), Secret::read(&self.secret())) else {
            return Ok(None);
        };
        let healthy = health::answers(port, &self.identity(), &secret).await;
        Ok(healthy.then(|| LocalAws::new(port, pid, self.log(), secret)))
    }

    /// Returns true if a [reset](Self::reset) would delete something.
    pub fn has_state(&self) -> bool {
        ["state", "objects"].iter().any(|name| self.directory.join(name).exists())
    }

    /// Stops the server and removes its state. Keeps the installation, the port and the secret.
    pub async fn reset(&self) -> Result<(), LocalError> {
        if !self.directory.exists() {
            return Ok(());
        }
        let _lock = self.lock(&|_| ()).await?;
        if let Some(pid) = self.running_pid() {
            // Nothing needs saving, so a hanging server gets no grace period.
            process::kill(pid);
            self.forget(pid).await?;
        }
        for directory in ["state", "objects", "tmp"] {
            let path = self.directory.join(directory);
            match std::fs::remove_dir_all(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(LocalError::Directory { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Starts the process and waits for its first answer.
    async fn launch(&self, venv: &Venv, port: u16) -> Result<LocalAws, LocalError> {
        let path = self.log();
        if path.exists() {
            // After a crash, the log of the previous run explains it.
            std::fs::rename(&path, path.with_extension("previous.log")).map_err(self.cannot(&path))?;
        }
        let log = home::write(&path, b"").and_then(|()| OpenOptions::new().append(true).open(&path)).map_err(self.cannot(&path))?;
        let secret = Secret::ensure(&self.secret()).map_err(self.cannot(&self.secret()))?;
        let front = self.directory.join("front.py");
        home::write(&front, FRONT.as_bytes()).map_err(self.cannot(&front))?;
        let (python, identity) = (venv.python(), self.identity());
        let launch = Launch { python: &python, front: &front, home: &self.directory, port, identity: &identity, secret: &secret, log };
        let mut child = process::launch(launch).map_err(|error| LocalError::Start { log: path.clone(), output: error.to_string() })?;
        let pid = child.id().unwrap_or_default();
        // The record precedes the first answer, so that a run after a kill at this moment knows which process to end.
        if let Err(error) = self.remember(&Server { port, pid: Some(pid), venv: Some(self.venv.clone()), front: Some(short_digest(FRONT)) })
        {
            // Without a record, no later run could end this process.
            process::kill(pid);
            let _ = child.wait().await;
            return Err(error);
        }
        let started = Instant::now();
        while started.elapsed() < START_PATIENCE {
            if health::answers(port, &identity, &secret).await {
                return Ok(LocalAws::new(port, pid, path, secret));
            }
            if let Ok(Some(_)) = child.try_wait() {
                self.remember(&Server { port, pid: None, venv: None, front: None })?;
                let output = last_lines(&std::fs::read_to_string(&path).unwrap_or_default());
                return Err(LocalError::Start { log: path, output });
            }
            tokio::time::sleep(POLL).await;
        }
        Err(LocalError::NoAnswer { pid, seconds: START_PATIENCE.as_secs(), log: path })
    }

    /// Stops the recorded server if it runs, healthy or not.
    async fn end(&self, patience: Duration) -> Result<bool, LocalError> {
        let Some(pid) = self.running_pid() else {
            return Ok(false);
        };
        process::terminate(pid);
        if !process::ended(pid, &self.marks(), patience).await {
            return Err(LocalError::Stop { pid, seconds: patience.as_secs() });
        }
        self.forget(pid).await?;
        Ok(true)
    }

    /// Gives a server that runs but does not answer a grace period, then stops it: it is useless and holds the port.
    ///
    /// The server may only be busy, or may be starting for a program that was killed meanwhile.
    async fn end_unless_slow(&self, progress: &(dyn Fn(&str) + Sync)) -> Result<Option<LocalAws>, LocalError> {
        let started = Instant::now();
        while self.running_pid().is_some() && started.elapsed() < BUSY_PATIENCE {
            if let Some(running) = self.status().await? {
                return Ok(Some(running));
            }
            tokio::time::sleep(POLL).await;
        }
        if self.running_pid().is_some() {
            progress("the local AWS does not answer any more, so it is started again");
        }
        if let Err(LocalError::Stop { pid, .. }) = self.end(BUSY_PATIENCE).await {
            process::kill(pid);
            self.forget(pid).await?;
        }
        Ok(None)
    }

    /// Waits for the end of a process, then reduces the record to the port.
    async fn forget(&self, pid: u32) -> Result<(), LocalError> {
        if !process::ended(pid, &self.marks(), STOP_PATIENCE).await {
            return Err(LocalError::Stop { pid, seconds: STOP_PATIENCE.as_secs() });
        }
        match self.remembered() {
            Some(server) => self.remember(&Server { pid: None, venv: None, front: None, ..server }),
            None => Ok(()),
        }
    }

    /// Returns the recorded port if it is free, else the project's own or one soon after it.
    fn choose_port(&self, progress: &(dyn Fn(&str) + Sync)) -> Result<u16, LocalError> {
        let is_free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        if let Some(server) = self.remembered() {
            if is_free(server.port) {
                return Ok(server.port);
            }
            progress(&format!(
                "port {} is taken by another program, so the local addresses change: run `liveinsight up --local`, which makes the stack follow",
                server.port
            ));
        }
        let digest = Sha256::digest(self.directory.to_string_lossy().as_bytes());
        let first = FIRST_PORT + u16::from_be_bytes([digest[0], digest[1]]) % PORTS;
        let last = first + PORTS_TRIED;
        (first..=last).find(|port| is_free(*port)).ok_or(LocalError::NoPort { first, last })
    }

    /// Takes the lock of the home, which admits one program at a time. The system frees it when the holder ends, however it
    /// ends.
    async fn lock(&self, progress: &(dyn Fn(&str) + Sync)) -> Result<File, LocalError> {
        self.create(&self.directory)?;
        let path = self.directory.join("lock");
        let waiting = || progress("waiting for another run that is starting or stopping the local AWS");
        file_lock::lock(&path, waiting).await.map_err(self.cannot(&path))
    }

    fn running_pid(&self) -> Option<u32> {
        self.remembered()?.pid.filter(|pid| process::runs(*pid, &self.marks()))
    }

    /// Reads the record. A damaged file counts as missing, and a new port is chosen.
    fn remembered(&self) -> Option<Server> {
        serde_json::from_str(&std::fs::read_to_string(self.directory.join("server.json")).ok()?).ok()
    }

    fn remember(&self, server: &Server) -> Result<(), LocalError> {
        let path = self.directory.join("server.json");
        let new = self.directory.join("server.json.new");
        let text = serde_json::json!(server).to_string();
        home::write(&new, text.as_bytes()).and_then(|()| std::fs::rename(&new, &path)).map_err(self.cannot(&path))
    }

    fn create(&self, path: &Path) -> Result<(), LocalError> {
        home::create(path).map_err(self.cannot(path))
    }

    #[expect(clippy::unused_self, reason = "reads as what this home cannot do")]
    fn cannot(&self, path: &Path) -> impl FnOnce(std::io::Error) -> LocalError + use<> {
        let path = path.to_owned();
        move |source| LocalError::Directory { path, source }
    }

    /// Returns true if the server's virtual environment is installed.
    pub fn is_installed(&self) -> bool {
        Venv::open(&self.venv, REQUIREMENTS).is_some()
    }

    /// Returns true if the recorded server is the one that this program would start: with these packages and this `front.py`.
    /// Its Python may differ as long as it exists, because a shell with another `python3` on its path must not restart a shared
    /// server.
    fn is_current(&self) -> bool {
        let Some(server) = self.remembered() else { return false };
        let is_whole = server.venv.is_some_and(|venv| Venv::open(&venv, REQUIREMENTS).is_some());
        is_whole && server.front == Some(short_digest(FRONT))
    }

    /// Removes the installation that earlier versions of this program had in each project. A leftover does no harm.
    fn remove_own_installation(&self) {
        let (own, lock) = (self.directory.join("venv"), self.directory.join("venv.lock"));
        let _ = if own.is_symlink() { std::fs::remove_file(&own) } else { std::fs::remove_dir_all(&own) };
        let _ = std::fs::remove_file(lock);
    }

    /// Returns the identity that distinguishes this project's server from every other one, whichever port it got.
    fn identity(&self) -> String {
        format!("liveinsight-{}", short_digest(&self.directory.to_string_lossy()))
    }

    /// Returns the markers of this project's server in a command line, including that of an earlier version of this program.
    fn marks(&self) -> [String; 2] {
        let earlier = self.directory.join("venv").join("bin").join("python");
        [self.identity(), earlier.to_string_lossy().into_owned()]
    }

    fn log(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// Returns the path of the secret. An existing file is used at the first start.
    fn secret(&self) -> PathBuf {
        self.directory.join("secret")
    }
}

/// Returns 64 bits of the SHA-256 digest of a text, as hexadecimal digits.
fn short_digest(text: &str) -> String {
    hex(&Sha256::digest(text)[..8])
}

/// Returns the path of the installation for these requirements and this Python: `ministack-1.5.33-python3.11-0a1b2c3d/venv`.
///
/// Without a Python, an existing installation serves.
fn installation(directory: &Path, python: Option<&Path>) -> PathBuf {
    let pinned = REQUIREMENTS.lines().find(|line| line.starts_with("ministack==")).unwrap_or_default();
    let package = pinned.split_whitespace().next().unwrap_or_default().replace("==", "-");
    let Some(python) = python else {
        let installed = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path().join("venv"));
        let mut installed = installed.filter(|venv| Venv::open(venv, REQUIREMENTS).is_some());
        return installed.next().unwrap_or_else(|| directory.join(package).join("venv"));
    };
    let short = hex(&Sha256::digest(format!("{REQUIREMENTS}{}", python.display()))[..4]);
    let name = python.file_name().unwrap_or_default().to_string_lossy();
    directory.join(format!("{package}-{name}-{short}")).join("venv")
}

/// Returns the interpreter behind `python3`, without running it.
fn python_on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|directory| directory.join("python3")).find(|python| python.is_file())?;
    std::fs::canonicalize(found).ok()
}

#[cfg(test)]
mod tests {
    use super::{Home, installation};
    use std::path::Path;

    #[test]
    fn two_projects_share_an_installation_and_two_pythons_do_not() {
        let cache = tempfile::tempdir().unwrap();
        let (one, other) = (Home::with_cache(Path::new("/a"), cache.path()), Home::with_cache(Path::new("/b"), cache.path()));
        assert_eq!(one.venv, other.venv);
        assert_ne!(one.marks(), other.marks());
        let of = |python: &str| installation(cache.path(), Some(Path::new(python)));
        assert_ne!(of("/usr/bin/python3.11"), of("/usr/bin/python3.12"));
        assert_ne!(of("/usr/bin/python3.11"), of("/opt/bin/python3.11"));
        let name = of("/usr/bin/python3.11").parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.starts_with("ministack-1.") && name.contains("-python3.11-"), "{name}");
    }

    #[test]
    fn without_a_python_nothing_is_found_in_an_empty_cache() {
        let cache = tempfile::tempdir().unwrap();
        assert!(installation(cache.path(), None).starts_with(cache.path()));
    }
}
