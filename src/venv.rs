//! Python virtual environment with exactly pinned packages, for tools that this program installs.
//!
//! Deliberately not here: the choice of packages. Two callers pass a requirements file: the local AWS and the cross compiler.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::{child, disk::remedy, file_lock, home};

/// Oldest Python that every pinned package accepts (their `Requires-Python`).
const OLDEST_PYTHON: (u32, u32) = (3, 10);

/// Number of last lines of a failed command's output to display.
const LINES_SHOWN: usize = 15;

/// Virtual environment with all requested packages.
#[derive(Debug, Clone)]
pub struct Venv {
    directory: PathBuf,
}

/// Reason that a virtual environment could not be created.
#[derive(Debug, thiserror::Error)]
pub enum VenvError {
    /// `PATH` has no `python3`.
    #[error("no python3 on PATH, which {purpose} needs; install Python 3.10 or newer (Debian: apt install python3-venv)")]
    NoPython {
        /// Purpose of the environment.
        purpose: String,
    },
    /// `python3` is older than the packages accept.
    #[error("python3 is version {found}, {purpose} needs 3.10 or newer; put a newer python3 first on PATH")]
    OldPython {
        /// Version that was found, such as `3.9`.
        found: String,
        /// Purpose of the environment.
        purpose: String,
    },
    /// `python3 -m venv` failed.
    #[error("python3 could not make a virtual environment in {}; on Debian the package python3-venv may be missing (apt install python3-venv). It said:\n{output}", directory.display())]
    Create {
        /// Directory of the environment.
        directory: PathBuf,
        /// Last lines that Python printed.
        output: String,
    },
    /// `pip install` failed, most often because there is no network.
    #[error(
        "pip could not install {purpose}; check the network (proxy, package index), then run this again, or try by hand:\n  {command}\nIt said:\n{output}"
    )]
    Install {
        /// Purpose of the environment.
        purpose: String,
        /// Exact command, for repetition by hand.
        command: String,
        /// Last lines that pip printed.
        output: String,
    },
    /// A file or directory could not be written.
    #[error("cannot write {}: {source}; {}", path.display(), remedy(source))]
    Write {
        /// Path that could not be written.
        path: PathBuf,
        /// Error of the write.
        source: std::io::Error,
    },
}

impl Venv {
    /// Opens the environment in `directory` if it contains exactly `requirements`.
    ///
    /// Runs nothing and reads one small file. Also returns `None` if the environment's Python is gone.
    pub fn open(directory: &Path, requirements: &str) -> Option<Self> {
        let venv = Self { directory: directory.to_owned() };
        let marker = std::fs::read_to_string(venv.marker()).ok()?;
        (marker == venv.expected_marker(requirements)?).then_some(venv)
    }

    /// Opens the environment in `directory`, or creates it: an incomplete or outdated one is removed first.
    ///
    /// If two programs do this at once, one installs and the other waits. `purpose` completes "… needs Python". `progress` receives
    /// one line before anything slow.
    pub async fn ensure(directory: &Path, requirements: &str, purpose: &str, progress: &(dyn Fn(&str) + Sync)) -> Result<Self, VenvError> {
        if let Some(venv) = Self::open(directory, requirements) {
            return Ok(venv);
        }
        check_python(purpose).await?;
        let venv = Self { directory: directory.to_owned() };
        let write_error = |path: &Path| {
            let path = path.to_owned();
            move |source| VenvError::Write { path, source }
        };
        let lock = directory.with_extension("lock");
        if let Some(parent) = directory.parent() {
            home::create(parent).map_err(write_error(parent))?;
        }
        let waiting_text = format!("waiting for another run that is installing {purpose}");
        let waiting = || progress(&waiting_text);
        let _lock = file_lock::lock(&lock, waiting).await.map_err(write_error(&lock))?;
        if let Some(venv) = Self::open(directory, requirements) {
            return Ok(venv);
        }
        venv.clear().map_err(write_error(directory))?;
        progress(&format!("installing {purpose} (once, usually under a minute)"));
        // Each run installs into a directory of its own, because processes of a killed run may still write to another.
        let place = venv.parts().join(format!("{:x}", fastrand::u64(..)));
        let new = Self { directory: place };
        new.install(requirements, purpose).await?;
        // Setting the link is the last and an atomic step, so that an incomplete installation is never used. The link is
        // relative, so it stays valid when the project is moved, or accessed by another path.
        let beside = new.directory.strip_prefix(directory.parent().unwrap_or(directory)).unwrap_or(&new.directory);
        std::os::unix::fs::symlink(beside, directory).map_err(write_error(directory))?;
        Ok(venv)
    }

    /// Creates the environment and installs the packages.
    async fn install(&self, requirements: &str, purpose: &str) -> Result<(), VenvError> {
        let write_error = |path: &Path| {
            let path = path.to_owned();
            move |source| VenvError::Write { path, source }
        };
        std::fs::create_dir_all(&self.directory).map_err(write_error(&self.directory))?;
        let created = run(Command::new("python3").args(["-m", "venv"]).arg(&self.directory)).await;
        if let Err(output) = created {
            return Err(VenvError::Create { directory: self.directory.clone(), output });
        }
        let list = self.directory.join("requirements.txt");
        std::fs::write(&list, requirements).map_err(write_error(&list))?;
        let mut install = Command::new(self.python());
        // Each package is the reviewed file, whatever the index, and none runs code of its own during the installation.
        install
            .args([
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-input",
                "--require-hashes",
                "--only-binary",
                ":all:",
                "--requirement",
            ])
            .arg(&list);
        if let Err(output) = run(&mut install).await {
            let command = format!("{} -m pip install --requirement {}", self.python().display(), list.display());
            return Err(VenvError::Install { purpose: purpose.to_owned(), command, output });
        }
        let marker = self.expected_marker(requirements).unwrap_or_default();
        std::fs::write(self.marker(), marker).map_err(write_error(&self.marker()))
    }

    /// Removes an outdated installation, and leftovers of killed runs.
    fn clear(&self) -> std::io::Result<()> {
        for path in [self.directory.clone(), self.parts()] {
            match std::fs::symlink_metadata(&path) {
                Err(_) => {}
                Ok(found) if found.is_dir() => std::fs::remove_dir_all(&path)?,
                Ok(_) => std::fs::remove_file(&path)?,
            }
        }
        Ok(())
    }

    /// Returns the directory of the installations; `directory` is a link to the complete one.
    fn parts(&self) -> PathBuf {
        let mut name = self.directory.file_name().unwrap_or_default().to_owned();
        name.push(".d");
        self.directory.with_file_name(name)
    }

    /// Returns the environment's interpreter.
    pub fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// Returns the path of a program from one of the packages.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }

    /// Returns a file below the environment's package directory, if it exists.
    pub fn package_file(&self, relative: &str) -> Option<PathBuf> {
        let versions = std::fs::read_dir(self.directory.join("lib")).ok()?;
        versions.flatten().map(|entry| entry.path().join("site-packages").join(relative)).find(|path| path.exists())
    }

    fn marker(&self) -> PathBuf {
        self.directory.join("installed.txt")
    }

    /// Returns the expected marker. It includes the interpreter: after an upgrade of the system's Python the packages are in
    /// the wrong directory.
    fn expected_marker(&self, requirements: &str) -> Option<String> {
        let interpreter = std::fs::canonicalize(self.python()).ok()?;
        Some(format!("{requirements}# installed with {}\n", interpreter.display()))
    }
}

/// Returns the version of `python3`, if it is new enough and can create virtual environments.
pub async fn python_version() -> Result<String, VenvError> {
    let purpose = "the local AWS and the cross compiler";
    let version = check_python(purpose).await?;
    let modules = run(Command::new("python3").args(["-c", "import venv, ensurepip"])).await;
    modules.map(|()| format!("Python {version}")).map_err(|output| VenvError::Create { directory: ".liveinsight".into(), output })
}

/// Returns the version, if it is new enough.
async fn check_python(purpose: &str) -> Result<String, VenvError> {
    let missing = || VenvError::NoPython { purpose: purpose.to_owned() };
    let version = Command::new("python3")
        .args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|_| missing())?;
    let found = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let parsed = found.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    match parsed {
        None => Err(missing()),
        Some(version) if version < OLDEST_PYTHON => Err(VenvError::OldPython { found, purpose: purpose.to_owned() }),
        Some(_) => Ok(found),
    }
}

/// Runs a command to its end; the error contains its last lines.
async fn run(command: &mut Command) -> Result<(), String> {
    child::hide_credentials(command.as_std_mut());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Err(last_lines(&text))
}

/// Returns the end of a program's output, as much as fits into an error message.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_installed_is_not_opened() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Venv::open(directory.path(), "six==1.17.0\n").is_none());
    }

    #[tokio::test]
    async fn an_outdated_or_half_made_one_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("venv");
        std::fs::create_dir_all(path.join("bin")).unwrap();
        std::fs::write(path.join("bin/python"), "left by a kill").unwrap();
        let venv = Venv::ensure(&path, "# nothing\n", "the test", &|_| ()).await.unwrap();
        let again = Venv::ensure(&path, "# nothing\n", "the test", &|line| panic!("installs again: {line}")).await.unwrap();
        assert_eq!(venv.python(), again.python());
        assert!(Venv::open(&path, "# something else\n").is_none());
    }

    #[tokio::test]
    async fn two_at_once_install_once_and_what_a_killed_run_left_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("venv");
        // These are leftovers of a killed run and its child processes.
        let half = directory.path().join("venv.d/half");
        std::fs::create_dir_all(half.join("bin")).unwrap();
        std::fs::write(half.join("bin/python"), "half").unwrap();
        let installed = std::sync::atomic::AtomicUsize::new(0);
        let progress = |line: &str| {
            installed.fetch_add(usize::from(line.starts_with("installing")), std::sync::atomic::Ordering::Relaxed);
        };
        let ensure = || Venv::ensure(&path, "# nothing\n", "the test", &progress);
        let (one, other) = tokio::join!(ensure(), ensure());
        assert_eq!(one.unwrap().python(), other.unwrap().python());
        assert_eq!(installed.into_inner(), 1);
        assert!(!half.exists());
    }

    #[tokio::test]
    async fn one_that_is_moved_or_seen_by_another_path_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let (seen, kept) = (directory.path().join("seen"), directory.path().join("kept"));
        std::fs::create_dir(&kept).unwrap();
        std::os::unix::fs::symlink(&kept, &seen).unwrap();
        Venv::ensure(&seen.join("venv"), "# nothing\n", "the test", &|_| ()).await.unwrap();
        std::fs::remove_file(&seen).unwrap();
        assert!(Venv::open(&kept.join("venv"), "# nothing\n").is_some());
        let moved = directory.path().join("moved");
        std::fs::rename(&kept, &moved).unwrap();
        assert!(Venv::open(&moved.join("venv"), "# nothing\n").is_some());
    }

    #[tokio::test]
    async fn an_impossible_package_names_the_command() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("venv");
        // A missing file fails without network.
        let error = Venv::ensure(&path, "./no-such-package.whl\n", "the test", &|_| ()).await.unwrap_err().to_string();
        assert!(error.contains("pip install --requirement") && error.contains("no-such-package"), "{error}");
        assert!(Venv::open(&path, "./no-such-package.whl\n").is_none());
    }

    #[test]
    fn only_the_end_of_long_output_is_kept() {
        let text = (0..40).map(|line| line.to_string()).collect::<Vec<_>>().join("\n");
        assert!(last_lines(&text).starts_with("25\n") && last_lines(&text).ends_with("39"));
    }
}
