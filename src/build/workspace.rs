//! Workspaces of a stack's crates, and the program of each function, as cargo describes them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{BuildError, toolchain::quiet};
use crate::{
    stack::{BOOTSTRAP, Crate},
    venv::last_lines,
};

/// Workspace of a crate; a standalone crate is its own workspace.
#[derive(Debug, Deserialize)]
pub(super) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(super) root: PathBuf,
    /// Directory of the build output.
    #[serde(rename = "target_directory")]
    pub(super) target: PathBuf,
    /// Directory of intermediate output; `None` for cargo before 1.91, which has one directory for all output.
    #[serde(rename = "build_directory", default)]
    build: Option<PathBuf>,
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    /// Package id, unique in a build. The name is not unique, nor are name and version together.
    id: String,
    name: String,
    manifest_path: PathBuf,
    default_run: Option<String>,
    targets: Vec<Product>,
}

/// Library, program or build script of a package.
#[derive(Debug, Deserialize)]
pub(super) struct Product {
    pub(super) name: String,
    pub(super) kind: Vec<String>,
    pub(super) src_path: PathBuf,
}

impl Product {
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|own| own == kind)
    }
}

/// Program to be built.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) function: String,
    /// Id of the program's package.
    pub(super) package: String,
    pub(super) binary: String,
    /// Features of its package, as `PACKAGE/FEATURE`; those of dependencies as the stack writes them.
    pub(super) features: BTreeSet<String>,
    /// Set if the package's default features are built, too.
    pub(super) default_features: bool,
    /// Name of the program's package, as cargo prints it.
    name: String,
    /// Names of all binaries of the package.
    binaries: Vec<String>,
}

impl Workspace {
    /// Runs `cargo metadata` for the crate in `directory`, without the network.
    pub(super) async fn of(function: &str, directory: &Path) -> Result<Self, BuildError> {
        let mut command = quiet("cargo");
        command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(directory);
        let output = command.output().await.map_err(|_| BuildError::NoCargo { program: "cargo" })?;
        serde_json::from_slice(&output.stdout).map_err(|_| BuildError::Cargo {
            functions: vec![function.to_owned()],
            output: last_lines(&String::from_utf8_lossy(&output.stderr)),
        })
    }

    /// Returns the program of a function, or `None` if its crate is not in this workspace.
    pub(super) fn program(&self, function: &str, source: &Crate) -> Result<Option<Program>, BuildError> {
        let manifest = source.directory.join("Cargo.toml");
        let Some(package) = self.packages.iter().find(|package| package.manifest_path == manifest) else {
            return Ok(None);
        };
        let binaries = package.targets.iter().filter(|product| product.is("bin")).map(|product| product.name.clone());
        let mut binaries: Vec<String> = binaries.collect();
        binaries.sort();
        let named = Named { function, package: &package.name, default_run: package.default_run.as_deref() };
        let binary = choose(&named, source.binary.as_deref(), &binaries)?;
        let feature = |feature: &String| if feature.contains('/') { feature.clone() } else { format!("{}/{feature}", package.name) };
        Ok(Some(Program {
            function: function.to_owned(),
            package: package.id.clone(),
            binary,
            features: source.features.iter().map(feature).collect(),
            default_features: source.default_features,
            name: package.name.clone(),
            binaries,
        }))
    }

    /// Returns the directory of cargo's intermediate output.
    pub(super) fn build(&self) -> &Path {
        self.build.as_deref().unwrap_or(&self.target)
    }

    /// Returns the path of the lockfile, which fixes the versions of all dependencies.
    pub(super) fn lockfile(&self) -> PathBuf {
        self.root.join("Cargo.lock")
    }

    /// Returns the manifest of the workspace itself; empty if unreadable, because cargo reports that with a better message.
    pub(super) fn manifest(&self) -> toml::Table {
        let text = std::fs::read_to_string(self.root.join("Cargo.toml")).unwrap_or_default();
        text.parse().unwrap_or_default()
    }

    /// Returns the manifests of all members: features that one requests of a dependency, another may get.
    pub(super) fn manifests(&self) -> impl Iterator<Item = &Path> {
        self.packages.iter().map(|package| package.manifest_path.as_path())
    }
}

impl Program {
    /// Returns true if a line of cargo's output reports the compilation of the program's package:
    /// `Compiling stats-api v0.1.0 (/home/ada/shop/functions/stats-api)`.
    pub(super) fn is_compiling(&self, line: &str) -> bool {
        let rest = line.strip_prefix("Compiling ").and_then(|rest| rest.strip_prefix(self.name.as_str()));
        rest.is_some_and(|rest| rest.starts_with(" v"))
    }
}

/// Groups functions by the workspace of their crates.
pub(super) async fn workspaces(sources: &BTreeMap<String, Crate>) -> Result<Vec<(Workspace, Vec<Program>)>, BuildError> {
    let mut found: Vec<(Workspace, Vec<Program>)> = Vec::new();
    'functions: for (function, source) in sources {
        for (workspace, programs) in &mut found {
            if let Some(program) = workspace.program(function, source)? {
                programs.push(program);
                continue 'functions;
            }
        }
        let workspace = Workspace::of(function, &source.directory).await?;
        let missing = || BuildError::NoCrate { function: function.clone(), path: source.directory.clone() };
        let program = workspace.program(function, source)?.ok_or_else(missing)?;
        found.push((workspace, vec![program]));
    }
    Ok(found)
}

/// Splits programs into runs of cargo, most often one. No package of a run has a binary with the name of another's program,
/// because cargo would build both and overwrite one with the other. A run builds each package with one set of features, and
/// leaves out the default features of all its packages or of none.
pub(super) fn batches(programs: Vec<Program>) -> Vec<Vec<Program>> {
    let mut batches: Vec<Vec<Program>> = Vec::new();
    for program in programs {
        let clashes = |other: &Program| {
            if other.default_features != program.default_features {
                return true;
            }
            if other.package == program.package {
                return other.features != program.features;
            }
            other.binaries.contains(&program.binary) || program.binaries.contains(&other.binary)
        };
        match batches.iter_mut().find(|batch| !batch.iter().any(clashes)) {
            Some(batch) => batch.push(program),
            None => batches.push(vec![program]),
        }
    }
    batches
}

/// Function whose program is being chosen.
struct Named<'a> {
    function: &'a str,
    package: &'a str,
    default_run: Option<&'a str>,
}

/// Chooses the program of a function, in this order: the one that the stack names, the only one, the one with the function's
/// name, the crate's default, one named `bootstrap`, the one with the crate's name.
fn choose(named: &Named<'_>, wanted: Option<&str>, binaries: &[String]) -> Result<String, BuildError> {
    let (function, package) = (named.function.to_owned(), named.package.to_owned());
    if binaries.is_empty() {
        return Err(BuildError::NoBinary { function, package });
    }
    if let Some(wanted) = wanted {
        let known = binaries.iter().any(|binary| binary == wanted);
        let binaries = binaries.to_vec();
        return if known {
            Ok(wanted.to_owned())
        } else {
            Err(BuildError::UnknownBinary { function, package, binary: wanted.to_owned(), binaries })
        };
    }
    if let [only] = binaries {
        return Ok(only.clone());
    }
    let preferred = [Some(named.function), named.default_run, Some(BOOTSTRAP), Some(named.package)];
    let chosen = preferred.into_iter().flatten().find(|name| binaries.iter().any(|binary| binary == name));
    chosen.map(str::to_owned).ok_or_else(|| BuildError::SeveralBinaries { function, package, binaries: binaries.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(package: &str, binary: &str, binaries: &[&str]) -> Program {
        let binaries = binaries.iter().map(|&name| name.to_owned()).collect();
        let [package, binary] = [package, binary].map(str::to_owned);
        let function = format!("{package}-{binary}");
        Program { function, name: package.clone(), package, binary, features: BTreeSet::new(), default_features: true, binaries }
    }

    #[test]
    fn programs_that_cargo_would_put_over_each_other_are_built_apart() {
        let many = &["api", "worker"];
        let count = |programs: &[Program]| batches(programs.to_vec()).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(count(&[program("a", "one", &["one"]), program("b", "two", &["two"])]), [2]);
        assert_eq!(count(&[program("many", "api", many), program("many", "worker", many)]), [2]);
        assert_eq!(count(&[program("a", "bootstrap", &["bootstrap"]), program("b", "bootstrap", &["bootstrap"])]), [1, 1]);
        // `--bin api` would also build the `api` of `many`, which no function requests.
        assert_eq!(count(&[program("a", "api", &["api"]), program("many", "worker", many)]), [1, 1]);
        // One package has one set of features in a run, and `--no-default-features` counts for all packages of a run.
        let with = |program: Program| Program { features: ["many/extra".to_owned()].into(), ..program };
        let bare = |program: Program| Program { default_features: false, ..program };
        assert_eq!(count(&[with(program("many", "api", many)), program("many", "worker", many)]), [1, 1]);
        assert_eq!(count(&[with(program("many", "api", many)), with(program("many", "worker", many))]), [2]);
        assert_eq!(count(&[with(program("many", "api", many)), program("b", "two", &["two"])]), [2]);
        assert_eq!(count(&[bare(program("a", "one", &["one"])), program("b", "two", &["two"])]), [1, 1]);
    }

    #[test]
    fn cargos_line_about_a_program_is_recognised() {
        let program = program("stats", "stats", &["stats"]);
        assert!(program.is_compiling("Compiling stats v0.1.0 (/home/ada/stats)"));
        assert!(!program.is_compiling("Compiling stats-api v0.1.0 (/home/ada/stats-api)"));
        assert!(!program.is_compiling("Finished stats v0.1.0"));
    }

    #[test]
    fn a_program_is_chosen_by_the_stack_then_by_names() {
        let all = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let chosen = |wanted, default_run, names: &[&str]| {
            choose(&Named { function: "api", package: "many", default_run }, wanted, &all(names)).map_err(|error| error.to_string())
        };
        assert_eq!(chosen(Some("worker"), None, &["api", "worker"]).unwrap(), "worker");
        assert_eq!(chosen(None, None, &["other"]).unwrap(), "other");
        assert_eq!(chosen(None, Some("worker"), &["api", "worker"]).unwrap(), "api");
        assert_eq!(chosen(None, Some("worker"), &["bootstrap", "worker"]).unwrap(), "worker");
        assert_eq!(chosen(None, None, &["bootstrap", "many"]).unwrap(), "bootstrap");
        assert_eq!(chosen(None, None, &["many", "worker"]).unwrap(), "many");
        let unclear = chosen(None, None, &["one", "two"]).unwrap_err();
        assert!(unclear.contains("several binaries (one, two)") && unclear.contains("`binary: one`"), "{unclear}");
        let unknown = chosen(Some("wrong"), None, &["one", "two"]).unwrap_err();
        assert!(unknown.contains("no binary `wrong`") && unknown.contains("one, two"), "{unknown}");
    }
}
