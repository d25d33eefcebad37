//! Runs cargo and reads its messages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::{
    BuildError, Progress,
    workspace::{Product, Program},
};
use crate::venv::last_lines;

/// Compiler lint that covers everything a linker prints.
const LINKER_MESSAGES: &str = "linker_messages";

/// Messages of cargo on stdout with `--message-format json`, reduced to the fields in use.
#[derive(Deserialize)]
#[serde(tag = "reason")]
enum Message {
    #[serde(rename = "compiler-message")]
    Diagnostic { package_id: String, target: Product, message: Diagnostic },
    #[serde(rename = "compiler-artifact")]
    Artifact(Unit),
    #[serde(rename = "build-script-executed")]
    Script(Script),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    rendered: Option<String>,
    code: Option<Code>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

/// Library, program or build script that took part in a build.
#[derive(Debug, Deserialize)]
pub(super) struct Unit {
    pub(super) package_id: String,
    pub(super) manifest_path: PathBuf,
    pub(super) target: Product,
    pub(super) filenames: Vec<PathBuf>,
    executable: Option<PathBuf>,
    /// Cargo found it up to date.
    pub(super) fresh: bool,
}

/// Build script that ran, in this or an earlier run of cargo.
#[derive(Debug, Deserialize)]
pub(super) struct Script {
    pub(super) package_id: String,
    pub(super) out_dir: PathBuf,
}

/// Programs, with cargo's messages about their origin.
#[derive(Debug, Default)]
pub(super) struct Built {
    /// Programs by function.
    pub(super) programs: BTreeMap<String, Executable>,
    /// Units that took part, dependencies included.
    pub(super) units: Vec<Unit>,
    /// Build scripts that took part.
    pub(super) scripts: Vec<Script>,
}

impl Built {
    /// Returns the target triple that cargo's settings set. Programs are then in a directory of that name in its output.
    pub(super) fn triple(&self, output: &Path) -> Option<&str> {
        let program = self.programs.values().next()?;
        let above = program.path.parent()?.parent().filter(|above| *above != output)?;
        above.file_name()?.to_str()
    }
}

/// Program that cargo made.
#[derive(Debug)]
pub(super) struct Executable {
    pub(super) path: PathBuf,
    /// File handle, opened while cargo held the lock on its output. Another build with other features may replace the file at
    /// `path`.
    pub(super) file: File,
}

/// Packages of a run and their features, which cargo unifies.
pub(super) struct Choice<'a> {
    pub(super) packages: BTreeSet<&'a str>,
    /// Features as `PACKAGE/FEATURE`.
    pub(super) features: BTreeSet<&'a str>,
    pub(super) default_features: bool,
}

impl Choice<'_> {
    fn arguments(&self) -> impl Iterator<Item = &str> {
        let packages = self.packages.iter().flat_map(|package| ["--package", package]);
        let features = self.features.iter().flat_map(|feature| ["--features", feature]);
        packages.chain(features).chain((!self.default_features).then_some("--no-default-features"))
    }
}

/// Run of cargo.
pub(super) struct Run<'a> {
    /// Command from [`super::toolchain::Tools::build`].
    pub(super) command: Command,
    pub(super) choice: Choice<'a>,
    /// Programs to build. No two of different packages have the same name.
    pub(super) programs: Vec<&'a Program>,
    /// Whole-program optimisation is on, which takes minutes at the end.
    pub(super) is_optimised: bool,
    pub(super) progress: &'a (dyn Fn(Progress<'_>) + Send + Sync),
}

impl Run<'_> {
    /// Builds all programs at once.
    pub(super) async fn build(mut self) -> Result<Built, BuildError> {
        self.command.args(["--message-format", "json"]);
        self.command.args(self.choice.arguments());
        for program in &self.programs {
            self.command.args(["--bin", &program.binary]);
        }
        let child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|_| BuildError::NoCargo { program: "cargo" })?;
        let messages = child.stdout.take().map(BufReader::new);
        let words = child.stderr.take().map(BufReader::new);

        let mut listener = Listener { programs: &self.programs, progress: self.progress, built: Built::default(), failed: None };
        let listen = async {
            let Some(mut lines) = messages.map(AsyncBufReadExt::lines) else {
                return;
            };
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(message) = serde_json::from_str(&line) {
                    listener.hear(message);
                }
            }
        };
        let repeat = async {
            let mut said = String::new();
            let Some(mut lines) = words.map(AsyncBufReadExt::lines) else {
                return said;
            };
            let mut links = false;
            while let Ok(Some(line)) = lines.next_line().await {
                (self.progress)(Progress::Cargo(line.trim()));
                if self.is_optimised && !links && self.programs.iter().any(|program| program.is_compiling(line.trim())) {
                    links = true;
                    let functions: Vec<String> = self.programs.iter().map(|program| program.function.clone()).collect();
                    (self.progress)(Progress::Linking(&functions));
                }
                said.push_str(&line);
                said.push('\n');
            }
            said
        };
        let ((), said) = tokio::join!(listen, repeat);
        let succeeded = child.wait().await.is_ok_and(|status| status.success());

        let Listener { built, failed, .. } = listener;
        if let Some(failure) = failed {
            return Err(failure);
        }
        if !succeeded || built.programs.len() != self.programs.len() {
            let functions = self.programs.iter().map(|program| program.function.clone()).collect();
            let mut output = last_lines(&said);
            if output.contains("--locked") {
                output
                    .push_str("\nrun `cargo check`, and commit Cargo.lock with the change: what is deployed is made of what the lock says");
            }
            return Err(BuildError::Cargo { functions, output });
        }
        Ok(built)
    }
}

/// Removes cargo's output of these packages, so that the next run compiles them. `command` sets the target and profile.
pub(super) async fn clean(mut command: Command, packages: impl IntoIterator<Item = &str>) -> Result<(), BuildError> {
    for package in packages {
        command.args(["--package", package]);
    }
    let output = command.output().await.map_err(|_| BuildError::NoCargo { program: "cargo" })?;
    if output.status.success() {
        return Ok(());
    }
    let output = last_lines(&String::from_utf8_lossy(&output.stderr));
    Err(BuildError::Toolchain { program: "cargo clean", output })
}

struct Listener<'a> {
    programs: &'a [&'a Program],
    progress: &'a (dyn Fn(Progress<'_>) + Send + Sync),
    built: Built,
    /// First crate that does not compile, with all of the compiler's messages about it.
    failed: Option<BuildError>,
}

impl Listener<'_> {
    fn hear(&mut self, message: Message) {
        match message {
            Message::Diagnostic { package_id, target, message } => {
                let text = message.rendered.unwrap_or_default();
                let is_remark = message.code.is_some_and(|code| code.code == LINKER_MESSAGES);
                let shown = text.trim_end();
                (self.progress)(if is_remark { Progress::Remark(shown) } else { Progress::Diagnostic(shown) });
                if message.level.starts_with("error") {
                    self.fail(&package_id, &target, &text);
                }
            }
            Message::Artifact(unit) => {
                self.keep(&unit);
                self.built.units.push(unit);
            }
            Message::Script(script) => self.built.scripts.push(script),
            Message::Other => {}
        }
    }

    /// Opens a requested program.
    fn keep(&mut self, unit: &Unit) {
        let Some(path) = unit.executable.as_ref().filter(|_| unit.target.is("bin")) else { return };
        let made = |program: &&&Program| program.package == unit.package_id && program.binary == unit.target.name;
        for program in self.programs.iter().filter(made) {
            // A program that cannot be opened is missing afterwards, which fails the build.
            if let Ok(file) = File::open(path) {
                self.built.programs.insert(program.function.clone(), Executable { path: path.clone(), file });
            }
        }
    }

    fn fail(&mut self, package_id: &str, target: &Product, text: &str) {
        if let Some(BuildError::Compile { package, diagnostics, .. }) = &mut self.failed {
            if *package == target.name {
                diagnostics.push_str(text);
            }
            return;
        }
        let own = |program: &&&Program| program.package == package_id && (!target.is("bin") || program.binary == target.name);
        let mut functions: Vec<String> = self.programs.iter().filter(own).map(|program| program.function.clone()).collect();
        if functions.is_empty() {
            // The failed crate is a dependency that the handlers share.
            functions = self.programs.iter().map(|program| program.function.clone()).collect();
        }
        self.failed = Some(BuildError::Compile { package: target.name.clone(), functions, diagnostics: text.to_owned() });
    }
}

/// Returns the directory of a crate.
pub(super) fn directory_of(manifest: &Path) -> &Path {
    manifest.parent().unwrap_or(manifest)
}
