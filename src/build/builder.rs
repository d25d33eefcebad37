//! Builds and packs what changed, and finds what did not.
//!
//! Packages lie in `.liveinsight/build/TARGET/FUNCTION.zip`, each with a record of the digest that it was made from.
//! When the digest still holds, cargo is not run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use super::cargo::{self, Program, Workspace};
use super::pack::{self, LARGEST_UNPACKED, LARGEST_ZIP, MEGABYTE};
use super::store::Store;
use super::toolchain::{Means, Rust};
use super::{BuildError, Target};

/// A handler, ready to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its digest as Lambda's `CodeSha256` has it: base64 of SHA-256.
    pub sha256: String,
    /// The zip. It is read when it is uploaded, which most runs do not: a stack has many, of several megabytes each.
    pub path: PathBuf,
}

/// What a screen may be told while handlers are built.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Nothing changed for these functions.
    UpToDate(&'a [String]),
    /// Something is installed first, which takes this long.
    Preparing(&'a str),
    /// Cargo starts for these functions.
    Building(&'a [String]),
    /// A line from cargo: `Compiling serde v1.0.229`.
    Cargo(&'a str),
    /// A warning or error of the compiler, several lines.
    Diagnostic(&'a str),
    /// These functions are built and packed.
    Built {
        /// The functions.
        functions: &'a [String],
        /// From the start of cargo.
        seconds: f64,
    },
}

/// Builds the handlers of one stack.
pub struct Builder {
    root: PathBuf,
    progress: Box<dyn Fn(Progress<'_>) + Send + Sync>,
}

/// All that is the same for the functions of one build.
struct Job {
    target: Target,
    means: Means,
    store: Store,
    /// Compiler, target, means and format: everything besides files that decides what is in a package.
    identity: String,
}

impl Builder {
    /// A builder for the stack in `root`, the directory of `stack.yaml`. Touches nothing yet.
    pub fn new(root: &Path, progress: impl Fn(Progress<'_>) + Send + Sync + 'static) -> Self {
        let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        Self { root, progress: Box::new(progress) }
    }

    /// The packages of all functions, given as name → crate directory (relative to the root, or absolute).
    ///
    /// Runs cargo once per workspace for everything that changed, and not at all when nothing did.
    pub async fn build(&self, crates: &BTreeMap<String, PathBuf>, target: Target) -> Result<BTreeMap<String, Package>, BuildError> {
        let sources = self.sources(crates)?;
        let (job, found) = self.look(&sources, target).await?;
        let (mut packages, mut stale) = (BTreeMap::new(), BTreeMap::new());
        for ((function, source), package) in sources.into_iter().zip(found) {
            match package {
                Some(package) => drop(packages.insert(function, package)),
                None => drop(stale.insert(function, source)),
            }
        }
        if !packages.is_empty() {
            let current: Vec<String> = packages.keys().cloned().collect();
            (self.progress)(Progress::UpToDate(&current));
        }
        for (workspace, programs) in workspaces(&stale).await? {
            for batch in batches(programs) {
                packages.extend(self.build_batch(&job, &workspace, &batch, &stale).await?);
            }
        }
        Ok(packages)
    }

    /// The packages that are current, and `None` for a function that would have to be built. Runs no cargo.
    pub async fn cached(
        &self,
        crates: &BTreeMap<String, PathBuf>,
        target: Target,
    ) -> Result<BTreeMap<String, Option<Package>>, BuildError> {
        let sources = self.sources(crates)?;
        let (_, found) = self.look(&sources, target).await?;
        Ok(sources.into_keys().zip(found).collect())
    }

    /// The directories of the functions' crates, and of the local crates that these use as far as the last build showed.
    pub fn crates(&self, crates: &BTreeMap<String, PathBuf>, target: Target) -> BTreeSet<PathBuf> {
        let store = self.store(target);
        let used = crates.keys().flat_map(|function| store.crates(function));
        crates.values().map(|source| self.root.join(source)).chain(used).collect()
    }

    /// What is kept from run to run.
    fn kept(&self) -> PathBuf {
        self.root.join(".liveinsight").join("build")
    }

    /// Where the compiler is asked for, as a toolchain file may choose it: where cargo will run, if that is one workspace.
    fn compiled_in<'a>(&'a self, sources: &'a BTreeMap<String, PathBuf>) -> &'a Path {
        let workspace = |source: &'a PathBuf| source.ancestors().find(|above| above.join("Cargo.lock").is_file());
        let mut found = sources.values().map(workspace);
        let first = found.next().flatten().unwrap_or(&self.root);
        if found.all(|other| other == Some(first)) { first } else { &self.root }
    }

    fn store(&self, target: Target) -> Store {
        Store { directory: self.kept().join(target.label()) }
    }

    /// What is there to build with, and the current package of each source. The files are read while the compiler is found out.
    async fn look(&self, sources: &BTreeMap<String, PathBuf>, target: Target) -> Result<(Job, Vec<Option<Package>>), BuildError> {
        let (store, wanted) = (self.store(target), sources.clone());
        let find = move || wanted.iter().map(|(function, source)| store.find(function, source)).collect::<Vec<_>>();
        let compiler = async {
            let rust = Rust::recall(self.compiled_in(sources), &self.kept().join("rustc.json")).await?;
            Ok::<_, BuildError>((rust.means(target).await, rust.version))
        };
        let (kept, compiler) = futures::join!(tokio::task::spawn_blocking(find), compiler);
        let kept = kept.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let (means, version) = compiler?;
        let identity = format!("{}\n{}\n{}\n{version}", pack::FORMAT, target.label(), means.identity());
        let found = kept.into_iter().map(|kept| kept?.made_by(&identity)).collect();
        Ok((Job { target, means, store: self.store(target), identity }, found))
    }

    /// Builds programs with different names in one run of cargo, and packs them.
    async fn build_batch(
        &self,
        job: &Job,
        workspace: &Workspace,
        programs: &[Program],
        sources: &BTreeMap<String, PathBuf>,
    ) -> Result<BTreeMap<String, Package>, BuildError> {
        job.store.create()?;
        let tell = |line: &str| (self.progress)(Progress::Preparing(line));
        let tools = self.root.join(".liveinsight").join("tools");
        let command = job.means.command(&workspace.root, &tools, &tell).await?;
        let functions: Vec<String> = programs.iter().map(|program| program.function.clone()).collect();
        (self.progress)(Progress::Building(&functions));
        let (started, begun) = (Instant::now(), SystemTime::now());
        let profile = match job.target {
            Target::Lambda(_) => workspace.lambda_profile(),
            Target::Host => "dev",
        };
        let files = cargo::build(command, &workspace.root, profile, programs, &*self.progress).await?;
        let packing = files.iter().map(|(function, file)| pack_file(&job.store, job.target, function, file));
        let packed = futures::future::try_join_all(packing).await?;
        let packages: BTreeMap<String, Package> = files.keys().cloned().zip(packed).collect();
        for (function, package) in &packages {
            job.store.remember(&job.identity, function, &sources[function], &files[function], begun, package)?;
        }
        (self.progress)(Progress::Built { functions: &functions, seconds: started.elapsed().as_secs_f64() });
        Ok(packages)
    }

    /// The crates' directories as cargo writes them, each checked to be one.
    fn sources(&self, crates: &BTreeMap<String, PathBuf>) -> Result<BTreeMap<String, PathBuf>, BuildError> {
        let resolve = |(function, path): (&String, &PathBuf)| {
            let path = self.root.join(path);
            let missing = || BuildError::NoCrate { function: function.clone(), path: path.clone() };
            let source = std::fs::canonicalize(&path).map_err(|_| missing())?;
            if source.join("Cargo.toml").is_file() { Ok((function.clone(), source)) } else { Err(missing()) }
        };
        crates.iter().map(resolve).collect()
    }
}

/// Packs a built program, unless Lambda would refuse it, and keeps the zip.
async fn pack_file(store: &Store, target: Target, function: &str, file: &Path) -> Result<Package, BuildError> {
    let program = std::fs::read(file).map_err(|source| BuildError::Read { path: file.to_owned(), source })?;
    check_size(function, target, "the program", program.len(), LARGEST_UNPACKED)?;
    let failed = |reason: String| BuildError::Pack { function: function.to_owned(), reason };
    let packing = tokio::task::spawn_blocking(move || {
        let zip = pack::pack(&program, target).map_err(|error| error.to_string())?;
        let sha256 = pack::code_sha256(&zip[..]).map_err(|error| error.to_string())?;
        Ok((zip, sha256))
    });
    let (zip, sha256) = packing.await.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
    check_size(function, target, "its zip", zip.len(), LARGEST_ZIP)?;
    store.keep(function, &zip, sha256)
}

/// Only Lambda has limits; a program for this machine is not optimised and may be far larger.
fn check_size(function: &str, target: Target, what: &'static str, size: usize, limit: u64) -> Result<(), BuildError> {
    let size = size as u64;
    if target == Target::Host || size <= limit {
        return Ok(());
    }
    let (size, limit) = (size.div_ceil(MEGABYTE), limit / MEGABYTE);
    Err(BuildError::TooLarge { function: function.to_owned(), what, size, limit })
}

/// Groups functions by the workspace that their crates belong to.
async fn workspaces(sources: &BTreeMap<String, PathBuf>) -> Result<Vec<(Workspace, Vec<Program>)>, BuildError> {
    let mut found: Vec<(Workspace, Vec<Program>)> = Vec::new();
    'functions: for (function, source) in sources {
        for (workspace, programs) in &mut found {
            if let Some(program) = workspace.program(function, source)? {
                programs.push(program);
                continue 'functions;
            }
        }
        let workspace = Workspace::of(function, source).await?;
        let missing = || BuildError::NoCrate { function: function.clone(), path: source.clone() };
        let program = workspace.program(function, source)?.ok_or_else(missing)?;
        found.push((workspace, vec![program]));
    }
    Ok(found)
}

/// Splits programs so that no two with the same name are built at once; most often that is one batch.
fn batches(programs: Vec<Program>) -> Vec<Vec<Program>> {
    let mut batches: Vec<Vec<Program>> = Vec::new();
    for program in programs {
        // Two functions may run one and the same program.
        let clashes = |other: &Program| other.binary == program.binary && other.package != program.package;
        match batches.iter_mut().find(|batch| !batch.iter().any(clashes)) {
            Some(batch) => batch.push(program),
            None => batches.push(vec![program]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::super::Architecture;
    use super::*;

    #[test]
    fn only_lambda_refuses_large_programs() {
        let limit = usize::try_from(LARGEST_ZIP).unwrap();
        let check = |target, size| check_size("stats", target, "its zip", size, LARGEST_ZIP);
        let lambda = Target::Lambda(Architecture::Arm64);
        assert!(check(lambda, limit).is_ok());
        assert!(check(Target::Host, limit + 1).is_ok());
        let error = check(lambda, limit + 1).unwrap_err().to_string();
        assert!(error.starts_with("function stats: its zip is 51 MB, Lambda takes 50 MB"), "{error}");
    }
}
