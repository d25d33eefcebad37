//! Build tools: the installed Rust, and the cross compiler, which is installed on demand.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::{BuildError, BuildTarget, choice, config::Config, distribution};
use crate::{
    child::{self, BuildEnvironment},
    venv::{Venv, last_lines},
};

/// Python packages for cross builds.
pub(super) const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Version of glibc in `provided.al2023`. A program that needs a newer one does not start there.
const GLIBC: (u32, u32) = (2, 34);

/// Installed Rust.
#[derive(Debug)]
pub(super) struct Rust {
    /// Full output of `rustc -vV`.
    pub(super) version: String,
    /// Triple that it builds for by default.
    host: String,
}

/// Method of building for one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// Plain `cargo build`: output of this machine also runs there.
    Plain,
    /// `cargo zigbuild` for this triple.
    Cross(&'static str),
}

impl Rust {
    /// Runs the `rustc` that applies in `directory`, where a toolchain file may choose one. Takes 15 to 60 ms.
    pub(super) async fn find(directory: &Path) -> Result<Self, BuildError> {
        let output = rustc(directory).arg("-vV").output().await;
        let output = output.map_err(|_| BuildError::NoCargo { program: "rustc" })?;
        Self::parse(String::from_utf8_lossy(&output.stdout).into_owned()).ok_or_else(|| {
            let output = last_lines(&String::from_utf8_lossy(&output.stderr));
            BuildError::Toolchain { program: "rustc", output }
        })
    }

    /// Finds the compiler without running it, if a cached version exists and nothing that chooses it has changed. `memory` is
    /// the cache file.
    pub(super) async fn recall(directory: &Path, memory: &Path) -> Result<Self, BuildError> {
        let named = Config::of(directory).rustc().is_some();
        let choice = if named { None } else { choice::choice(directory, |name| std::env::var_os(name)) };
        if let Some(known) = choice.as_ref().and_then(|choice| Self::parse(choice::recall(memory, choice)?)) {
            return Ok(known);
        }
        let found = Self::find(directory).await?;
        if let Some(choice) = choice {
            choice::remember(memory, choice, &found.version);
        }
        Ok(found)
    }

    /// Parses the output of `rustc -vV`.
    fn parse(version: String) -> Option<Self> {
        let host = version.lines().find_map(|line| line.strip_prefix("host: "))?.to_owned();
        Some(Self { version, host })
    }

    /// Decides how to build for `target`.
    pub(super) async fn means(&self, target: BuildTarget) -> Means {
        let BuildTarget::Lambda(architecture) = target else { return Means::Plain };
        let triple = architecture.triple();
        // The program is linked statically, so it needs no glibc there.
        let fits =
            self.host == triple.replace("gnu", "musl") || self.host == triple && host_glibc().await.is_some_and(|found| found <= GLIBC);
        if fits { Means::Plain } else { Means::Cross(triple) }
    }
}

impl Means {
    /// Describes everything that the method adds to the result, for the digest.
    pub(super) fn identity(self) -> String {
        match self {
            Self::Plain => "cargo".to_owned(),
            Self::Cross(triple) => format!("{triple}.{}.{}\n{REQUIREMENTS}", GLIBC.0, GLIBC.1),
        }
    }

    /// Installs missing tools below `tools`, for a build in `directory`.
    pub(super) async fn prepare(self, directory: &Path, tools: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<Tools, BuildError> {
        let Self::Cross(triple) = self else { return Ok(Tools::new("cargo".into(), self, directory)) };
        require_standard_library(directory, triple).await?;
        let venv = Venv::ensure(&tools.join("zig"), REQUIREMENTS, "the cross compiler (zig)", progress).await?;
        let mut ready = Tools::new(venv.program("cargo-zigbuild").into_os_string(), self, directory);
        // Directory of zigbuild's wrapper scripts; by default they would lie in the user's home directory.
        ready.set("CARGO_ZIGBUILD_CACHE_DIR", tools.join("zig-wrappers"));
        if let Some(zig) = venv.package_file("ziglang/zig") {
            ready.set("CARGO_ZIGBUILD_ZIG_PATH", zig);
        }
        Ok(ready)
    }
}

/// Cargo, configured to build for one target in one workspace.
#[derive(Debug)]
pub(super) struct Tools {
    /// Cargo, or the program that runs it with a cross compiler.
    program: OsString,
    means: Means,
    directory: PathBuf,
    variables: Vec<(&'static str, OsString)>,
    options: Vec<String>,
    environment: BuildEnvironment,
}

impl Tools {
    fn new(program: OsString, means: Means, directory: &Path) -> Self {
        Self {
            program,
            means,
            directory: directory.to_owned(),
            variables: Vec::new(),
            options: Vec::new(),
            environment: BuildEnvironment::default(),
        }
    }

    /// Sets an environment variable.
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.variables.push((name, value.into()));
    }

    /// Sets the part of this program's environment that the build sees.
    pub(super) fn within(mut self, environment: &BuildEnvironment) -> Self {
        self.environment = environment.clone();
        self
    }

    /// Adds an option that all of cargo's commands take.
    pub(super) fn option(&mut self, name: &str, value: impl Into<String>) {
        self.options.extend([name.to_owned(), value.into()]);
    }

    /// Adds an option without a value.
    pub(super) fn flag(&mut self, name: &str) {
        self.options.push(name.to_owned());
    }

    /// Starts a command that builds.
    pub(super) fn build(&self) -> Command {
        let (name, target) = match self.means {
            Means::Plain => ("build", None),
            Means::Cross(triple) => ("zigbuild", Some(format!("{triple}.{}.{}", GLIBC.0, GLIBC.1))),
        };
        self.command(&self.program, name, target.as_deref())
    }

    /// Starts a command that removes output, for the target that was `built` if cargo's settings name one.
    pub(super) fn clean(&self, built: Option<&str>) -> Command {
        let target = match self.means {
            Means::Plain => built,
            Means::Cross(triple) => Some(triple),
        };
        self.command("cargo".as_ref(), "clean", target)
    }

    fn command(&self, program: &OsStr, name: &str, target: Option<&str>) -> Command {
        let mut command = quiet(program);
        command.arg(name).args(target.iter().flat_map(|target| ["--target", target])).args(&self.options);
        self.environment.apply(command.as_std_mut());
        command.envs(self.variables.iter().map(|(name, value)| (name, value))).current_dir(&self.directory);
        command
    }
}

/// Returns the directory of the toolchain that applies in `directory`, `None` if the compiler does not report it.
pub(super) async fn sysroot(directory: &Path) -> Option<PathBuf> {
    let output = rustc(directory).args(["--print", "sysroot"]).output().await.ok()?;
    let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    path.is_dir().then_some(path)
}

/// Fails if the standard library of `triple` is missing. Otherwise the compiler's own message comes minutes later, after the
/// dependencies.
pub(super) async fn require_standard_library(directory: &Path, triple: &'static str) -> Result<(), BuildError> {
    let output = rustc(directory).args(["--print", "target-libdir", "--target", triple]).output();
    let output = output.await.map_err(|_| BuildError::NoCargo { program: "rustc" })?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let is_std = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("libstd-");
    if std::fs::read_dir(&libraries).into_iter().flatten().flatten().any(is_std) {
        return Ok(());
    }
    let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    Err(BuildError::NoStandardLibrary { triple, remedy: distribution::remedy(triple, &libraries, &system) })
}

/// Returns the version of this machine's glibc, `None` without glibc.
async fn host_glibc() -> Option<(u32, u32)> {
    let output = quiet("getconf").arg("GNU_LIBC_VERSION").output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

/// Returns the compiler that cargo would run in `directory`.
fn rustc(directory: &Path) -> Command {
    let mut command = quiet(Config::of(directory).rustc().unwrap_or_else(|| "rustc".into()));
    command.current_dir(directory);
    command
}

/// Returns a command without input that ends with this program.
///
/// The program inherits neither credentials nor the variables that `cargo run` sets about *this* crate.
pub(super) fn quiet(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).kill_on_drop(true);
    child::hide_credentials(command.as_std_mut());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Architecture;

    fn rust(host: &str) -> Rust {
        Rust { version: String::new(), host: host.to_owned() }
    }

    #[tokio::test]
    async fn plain_cargo_only_where_its_result_runs() {
        let (arm, intel) = (BuildTarget::Lambda(Architecture::Arm64), BuildTarget::Lambda(Architecture::X86_64));
        let mac = rust("aarch64-apple-darwin");
        assert_eq!(mac.means(arm).await, Means::Cross("aarch64-unknown-linux-gnu"));
        assert_eq!(mac.means(intel).await, Means::Cross("x86_64-unknown-linux-gnu"));
        assert_eq!(mac.means(BuildTarget::Host).await, Means::Plain);
        assert_eq!(rust("aarch64-unknown-linux-musl").means(arm).await, Means::Plain);
        let own = rust("x86_64-unknown-linux-gnu").means(intel).await;
        let fits = host_glibc().await.is_some_and(|found| found <= GLIBC);
        assert_eq!(own == Means::Plain, fits);
    }

    #[tokio::test]
    async fn what_is_remembered_is_not_asked_again() {
        let directory = tempfile::tempdir().unwrap();
        let memory = directory.path().join("rustc.json");
        let found = Rust::recall(directory.path(), &memory).await.unwrap();
        assert!(found.version.starts_with("rustc "), "{found:?}");
        match choice::choice(directory.path(), |name| std::env::var_os(name)) {
            Some(choice) => {
                assert_eq!(choice::recall(&memory, &choice), Some(found.version));
                choice::remember(&memory, choice, "host: moon");
                assert_eq!(Rust::recall(directory.path(), &memory).await.unwrap().host, "moon");
            }
            None => assert!(!memory.exists()),
        }
    }

    #[tokio::test]
    async fn a_missing_standard_library_names_the_command() {
        let error = require_standard_library(Path::new("."), "riscv64gc-unknown-linux-musl").await.unwrap_err();
        assert!(error.to_string().contains("riscv64gc-unknown-linux-musl is not installed; "), "{error}");
    }
}
