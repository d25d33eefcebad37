//! Runs cargo and understands what it says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::toolchain::quiet;
use super::{BuildError, Progress};
use crate::venv::last_lines;

/// The workspace that a crate belongs to, which is the crate itself when it stands alone.
#[derive(Debug, Deserialize)]
pub(super) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(super) root: PathBuf,
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    default_run: Option<String>,
    targets: Vec<Product>,
}

#[derive(Debug, Deserialize)]
struct Product {
    name: String,
    kind: Vec<String>,
}

/// One program to be built.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) function: String,
    pub(super) package: String,
    pub(super) binary: String,
    manifest: PathBuf,
}

impl Workspace {
    /// Asks cargo about the crate in `directory`, without the network.
    pub(super) async fn of(function: &str, directory: &Path) -> Result<Self, BuildError> {
        let mut command = quiet("cargo");
        command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(directory);
        let output = command.output().await.map_err(|_| BuildError::NoCargo { program: "cargo" })?;
        serde_json::from_slice(&output.stdout).map_err(|_| BuildError::Cargo {
            functions: vec![function.to_owned()],
            output: last_lines(&String::from_utf8_lossy(&output.stderr)),
        })
    }

    /// The program of the crate in `directory`, or `None` if the crate is not one of this workspace.
    pub(super) fn program(&self, function: &str, directory: &Path) -> Result<Option<Program>, BuildError> {
        let manifest = directory.join("Cargo.toml");
        let Some(package) = self.packages.iter().find(|package| package.manifest_path == manifest) else {
            return Ok(None);
        };
        let is_binary = |product: &&Product| product.kind.iter().any(|kind| kind == "bin");
        let binaries: Vec<&str> = package.targets.iter().filter(is_binary).map(|product| product.name.as_str()).collect();
        let preferred = [package.default_run.as_deref(), Some("bootstrap"), Some(&package.name)];
        let chosen = match binaries[..] {
            [] => {
                return Err(BuildError::NoBinary { function: function.to_owned(), package: package.name.clone() });
            }
            [only] => only,
            _ => preferred.into_iter().flatten().find(|name| binaries.contains(name)).ok_or_else(|| BuildError::SeveralBinaries {
                function: function.to_owned(),
                package: package.name.clone(),
                binaries: binaries.iter().map(|name| (*name).to_owned()).collect(),
            })?,
        };
        Ok(Some(Program { function: function.to_owned(), package: package.name.clone(), binary: chosen.to_owned(), manifest }))
    }

    /// The profile for Lambda: `lambda` where the workspace has it, else `release`.
    pub(super) fn lambda_profile(&self) -> &'static str {
        let manifest = std::fs::read_to_string(self.root.join("Cargo.toml")).unwrap_or_default();
        let has_own = manifest.lines().any(|line| line.trim() == "[profile.lambda]");
        if has_own { "lambda" } else { "release" }
    }
}

/// What cargo says on stdout with `--message-format json`; other messages are not needed.
#[derive(Deserialize)]
#[serde(tag = "reason")]
enum Message {
    #[serde(rename = "compiler-message")]
    Said { manifest_path: PathBuf, target: Product, message: Diagnostic },
    #[serde(rename = "compiler-artifact")]
    Made { manifest_path: PathBuf, target: Product, executable: Option<PathBuf> },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    rendered: Option<String>,
}

/// Runs `command` (see [`super::toolchain::Means::command`]) for all `programs` at once; answers function → program file.
///
/// No two programs may have the same file name: cargo would put one over the other.
pub(super) async fn build(
    mut command: Command,
    root: &Path,
    profile: &str,
    programs: &[Program],
    progress: &(dyn Fn(Progress<'_>) + Send + Sync),
) -> Result<BTreeMap<String, PathBuf>, BuildError> {
    command.args(["--message-format", "json", "--profile", profile]).current_dir(root);
    for program in programs {
        command.args(["--package", &program.package, "--bin", &program.binary]);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|_| BuildError::NoCargo { program: "cargo" })?;
    let messages = child.stdout.take().map(BufReader::new);
    let words = child.stderr.take().map(BufReader::new);

    let mut listener = Listener { programs, progress, files: BTreeMap::new(), failed: None };
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
        while let Ok(Some(line)) = lines.next_line().await {
            progress(Progress::Cargo(line.trim()));
            said.push_str(&line);
            said.push('\n');
        }
        said
    };
    let ((), said) = tokio::join!(listen, repeat);
    let succeeded = child.wait().await.is_ok_and(|status| status.success());

    let functions = || programs.iter().map(|program| program.function.clone()).collect::<Vec<_>>();
    if let Some(failure) = listener.failed {
        return Err(failure);
    }
    if !succeeded || listener.files.len() != programs.len() {
        return Err(BuildError::Cargo { functions: functions(), output: last_lines(&said) });
    }
    Ok(listener.files)
}

struct Listener<'a> {
    programs: &'a [Program],
    progress: &'a (dyn Fn(Progress<'_>) + Send + Sync),
    files: BTreeMap<String, PathBuf>,
    /// The crate that does not compile; the first one, with all that the compiler says about it.
    failed: Option<BuildError>,
}

impl Listener<'_> {
    fn hear(&mut self, message: Message) {
        match message {
            Message::Said { manifest_path, target, message } => {
                let text = message.rendered.unwrap_or_default();
                (self.progress)(Progress::Diagnostic(text.trim_end()));
                if message.level.starts_with("error") {
                    self.fail(&manifest_path, target.name, &text);
                }
            }
            Message::Made { manifest_path, target, executable: Some(executable) } => {
                let made = |program: &&Program| program.manifest == manifest_path && program.binary == target.name;
                for program in self.programs.iter().filter(made) {
                    self.files.insert(program.function.clone(), executable.clone());
                }
            }
            Message::Made { .. } | Message::Other => {}
        }
    }

    fn fail(&mut self, manifest: &Path, crate_name: String, text: &str) {
        if let Some(BuildError::Compile { package, diagnostics, .. }) = &mut self.failed {
            if *package == crate_name {
                diagnostics.push_str(text);
            }
            return;
        }
        let own = |program: &&Program| program.manifest == manifest;
        let mut functions: Vec<String> = self.programs.iter().filter(own).map(|program| program.function.clone()).collect();
        if functions.is_empty() {
            // Something that the handlers share.
            functions = self.programs.iter().map(|program| program.function.clone()).collect();
        }
        self.failed = Some(BuildError::Compile { package: crate_name, functions, diagnostics: text.to_owned() });
    }
}
