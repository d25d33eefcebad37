//! Builds and packs changed functions, and finds the packages of unchanged ones.
//!
//! Each package is stored with a record of everything it was made from. Cargo does not run while that record still holds.

use crate::{
    child::BuildEnvironment,
    file_lock, home,
    stack::{Crate, Package},
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use super::{
    BuildError, BuildTarget,
    cargo::{self, Built, Choice, Executable, Run},
    compiler::{self, Compiler},
    config::{Config, has_profile},
    evidence::{Evidence, Lists, Reader, Watched, fingerprint},
    freshness::{self, Known},
    included::Included,
    output::Output,
    pack::{self, LARGEST_UNPACKED, LARGEST_ZIP, MEGABYTE},
    store::{Record, Store},
    toolchain::{Rust, Tools, sysroot},
    workspace::{Program, Workspace, batches, workspaces},
};

/// Cargo profile of programs for Lambda. It equals the workspace's own profile under another name, which separates its output
/// from builds without [`compiler::script`].
const PROFILE: &str = "liveinsight";

/// Limit of rebuilds in one run for sources that cargo wrongly takes for unchanged. After that the program goes without a
/// record.
const MAX_REPEATS: usize = 2;

/// Steps of a build, for a screen.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// These functions have not changed.
    UpToDate(&'a [String]),
    /// An installation runs first; the text names it and its duration.
    Preparing(&'a str),
    /// Cargo starts for these functions.
    Building(&'a [String]),
    /// The last and longest step of a build for Lambda, linking, begins for these functions.
    Linking(&'a [String]),
    /// Line of cargo's output, such as `Compiling serde v1.0.229`.
    Cargo(&'a str),
    /// Warning or error of the compiler, over several lines.
    Diagnostic(&'a str),
    /// Output of the linker about a program that it made, over several lines.
    Remark(&'a str),
    /// These functions are built and packed.
    Built {
        /// Names of the built functions.
        functions: &'a [String],
        /// Seconds since cargo's start.
        seconds: f64,
    },
}

/// Builds the handlers of one stack.
pub struct Builder {
    root: PathBuf,
    environment: BuildEnvironment,
    progress: Box<dyn Fn(Progress<'_>) + Send + Sync>,
}

/// Functions of a stack that are built for one target.
struct Job<'a> {
    target: BuildTarget,
    store: Store,
    sources: BTreeMap<String, Crate>,
    /// Names of the packages in the store.
    keys: BTreeMap<String, String>,
    /// Files beside the programs of functions that have any.
    included: BTreeMap<String, Included>,
    /// Functions that the caller wants packages of. The others matter as well, because cargo unifies the features of shared
    /// dependencies.
    wanted: Option<&'a BTreeSet<String>>,
}

impl Job<'_> {
    fn is_wanted(&self, function: &str) -> bool {
        self.wanted.is_none_or(|wanted| wanted.contains(function))
    }
}

impl Builder {
    /// Creates a builder for the stack in `root`, the directory of `stack.yaml`, without touching any file.
    pub fn new(root: &Path, progress: impl Fn(Progress<'_>) + Send + Sync + 'static) -> Self {
        let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        Self { root, environment: BuildEnvironment::default(), progress: Box::new(progress) }
    }

    /// Sets the part of this program's environment that builds see. They never see credentials.
    #[must_use]
    pub fn within(self, environment: BuildEnvironment) -> Self {
        Self { environment, ..self }
    }

    /// Returns the packages of the functions in `wanted`, or of all. `sources` holds all functions of the stack that are built
    /// for `target`.
    ///
    /// Runs cargo once per workspace that has changes, and not at all without changes.
    pub async fn build(
        &self,
        sources: &BTreeMap<String, Crate>,
        wanted: Option<&BTreeSet<String>>,
        target: BuildTarget,
    ) -> Result<BTreeMap<String, Package>, BuildError> {
        let job = self.job(sources, wanted, target)?;
        let (mut packages, mut stale) = split(self.look(&job).await?);
        let mut lock = None;
        if !stale.is_empty() {
            lock = Some(self.lock().await?);
            // Another run may have built them while this one waited for the lock.
            (packages, stale) = split(self.look(&job).await?);
        }
        if !packages.is_empty() {
            let current: Vec<String> = packages.keys().cloned().collect();
            (self.progress)(Progress::UpToDate(&current));
        }
        for (workspace, programs) in self.to_build(&job, &stale).await? {
            for batch in batches(programs) {
                if batch.iter().any(|program| stale.contains(&program.function)) {
                    packages.extend(self.build_batch(&job, &workspace, &batch, &stale).await?);
                }
            }
        }
        drop(lock);
        Ok(packages)
    }

    /// Returns the current packages, and `None` for each function that needs a build. Runs no cargo.
    pub async fn cached(
        &self,
        sources: &BTreeMap<String, Crate>,
        wanted: Option<&BTreeSet<String>>,
        target: BuildTarget,
    ) -> Result<BTreeMap<String, Option<Package>>, BuildError> {
        let job = self.job(sources, wanted, target)?;
        self.look(&job).await
    }

    /// Returns everything the functions were made from, according to the last build: directories, and single files outside
    /// them.
    pub fn inputs(&self, sources: &BTreeMap<String, Crate>, target: BuildTarget) -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>) {
        let mut directories: BTreeSet<PathBuf> = sources.values().map(|source| self.root.join(&source.directory)).collect();
        let mut files = BTreeSet::new();
        let Ok(job) = self.job(sources, None, target) else { return (directories, files) };
        for record in job.keys.values().filter_map(|key| job.store.record(key)) {
            let (named, below) = record.evidence.paths();
            directories.extend(below);
            files.extend(named);
        }
        (directories, files)
    }

    /// Returns the directory that persists between runs.
    fn kept(&self) -> PathBuf {
        home::of(&self.root).join("build")
    }

    fn job<'a>(
        &self,
        sources: &BTreeMap<String, Crate>,
        wanted: Option<&'a BTreeSet<String>>,
        target: BuildTarget,
    ) -> Result<Job<'a>, BuildError> {
        let sources = self.resolved(sources)?;
        let all = format!("{sources:?}");
        let mut included = BTreeMap::new();
        for (function, source) in sources.iter().filter(|(_, source)| !source.include.is_empty()) {
            included.insert(function.clone(), Included::read(function, source)?);
        }
        let key = |function: &String| {
            let beside = included.get(function).map_or("", |included| &included.fingerprint);
            (function.clone(), format!("{function}-{}", fingerprint(format!("{function} {all}{beside}").as_bytes())))
        };
        let keys = sources.keys().map(key).collect();
        Ok(Job { target, store: Store { directory: self.kept().join(target.label()) }, sources, keys, included, wanted })
    }

    /// Looks up the current package of each wanted function.
    async fn look(&self, job: &Job<'_>) -> Result<BTreeMap<String, Option<Package>>, BuildError> {
        let (store, home) = (job.store.clone(), home::of(&self.root));
        let wanted: Vec<(String, String)> = job
            .keys
            .iter()
            .filter(|(function, _)| job.is_wanted(function))
            .map(|(function, key)| (function.clone(), key.clone()))
            .collect();
        let find = move || {
            // An error here surfaces where the next write fails.
            let _ = home::mend(&home);
            let mut reader = Reader::default();
            wanted.into_iter().map(|(function, key)| (function, store.find(&key, &mut reader))).collect::<Vec<_>>()
        };
        let found = tokio::task::spawn_blocking(find).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let mut identities: BTreeMap<PathBuf, String> = BTreeMap::new();
        let mut packages = BTreeMap::new();
        for (function, kept) in found {
            let mut current = None;
            if let Some((package, record)) = kept {
                if !identities.contains_key(&record.workspace) {
                    let identity = self.identity(&record.workspace, job.target).await?;
                    identities.insert(record.workspace.clone(), identity);
                }
                current = (identities[&record.workspace] == record.identity).then_some(package);
            }
            packages.insert(function, current);
        }
        Ok(packages)
    }

    /// Finds the compiler that applies in a workspace.
    async fn rust(&self, workspace: &Path) -> Result<Rust, BuildError> {
        Rust::recall(workspace, &self.kept().join("rustc.json")).await
    }

    /// Describes everything that determines a package besides files and variables.
    async fn identity(&self, workspace: &Path, target: BuildTarget) -> Result<String, BuildError> {
        let rust = self.rust(workspace).await?;
        let means = rust.means(target).await.identity();
        Ok(format!("{}\n{}\n{means}\n{}", pack::FORMAT, target.label(), rust.version))
    }

    /// Takes the lock that admits one build at a time below this directory, because builds share tools and cargo's output.
    async fn lock(&self) -> Result<File, BuildError> {
        let directory = self.kept();
        let path = directory.join("lock");
        let cannot = |source| BuildError::Write { path: directory.clone(), source };
        home::create(&directory).map_err(cannot)?;
        let waiting = || (self.progress)(Progress::Preparing("waiting for another run that is building"));
        file_lock::lock(&path, waiting).await.map_err(cannot)
    }

    /// Returns the workspaces of `stale` functions, with the programs of all functions in them.
    async fn to_build(&self, job: &Job<'_>, stale: &BTreeSet<String>) -> Result<Vec<(Workspace, Vec<Program>)>, BuildError> {
        let sources = job.sources.iter().filter(|(function, _)| stale.contains(*function));
        let mut found = workspaces(&sources.map(|(function, source)| (function.clone(), source.clone())).collect()).await?;
        for (function, source) in job.sources.iter().filter(|(function, _)| !stale.contains(*function)) {
            for (workspace, programs) in &mut found {
                // A function that is not built now reports its own errors when it is built.
                programs.extend(workspace.program(function, source).ok().flatten());
            }
        }
        for (_, programs) in &mut found {
            programs.sort_by(|a, b| a.function.cmp(&b.function));
        }
        Ok(found)
    }

    /// Builds the programs of a batch that are `stale` in one run of cargo, and packs them.
    async fn build_batch(
        &self,
        job: &Job<'_>,
        workspace: &Workspace,
        batch: &[Program],
        stale: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Package>, BuildError> {
        job.store.create()?;
        let tools = self.tools(job.target, workspace).await?;
        let identity = self.identity(&workspace.root, job.target).await?;
        let programs: Vec<&Program> = batch.iter().filter(|program| stale.contains(&program.function)).collect();
        let functions: Vec<String> = programs.iter().map(|program| program.function.clone()).collect();
        (self.progress)(Progress::Building(&functions));
        let started = Instant::now();
        let keys: Vec<&str> = functions.iter().map(|function| job.keys[function].as_str()).collect();
        let compiled = self.compile(job, &tools, workspace, batch, &programs, known(&job.store, &keys)).await?;
        let programs = &compiled.built.programs;
        let packing = programs.iter().map(|(function, program)| pack_program(job, function, program));
        let packed = futures::future::try_join_all(packing).await?;
        let packages: BTreeMap<String, Package> = programs.keys().cloned().zip(packed).collect();
        let (lists, mut reader) = (Lists::of(&compiled.built, workspace), Reader::default());
        for (function, package) in &packages {
            let record = compiled.record(&programs[function], &job.sources[function], workspace, &lists, &mut reader);
            let record = record.map(|(evidence, crates)| Record {
                identity: identity.clone(),
                evidence,
                crates,
                workspace: workspace.root.clone(),
                made: SystemTime::now(),
                sha256: package.sha256.clone(),
            });
            job.store.remember(&job.keys[function], record.as_ref())?;
        }
        job.store.clear(keys);
        (self.progress)(Progress::Built { functions: &functions, seconds: started.elapsed().as_secs_f64() });
        Ok(packages)
    }

    /// Prepares cargo with all settings for a target.
    async fn tools(&self, target: BuildTarget, workspace: &Workspace) -> Result<Tools, BuildError> {
        let progress = |line: &str| (self.progress)(Progress::Preparing(line));
        let rust = self.rust(&workspace.root).await?;
        let installed = home::of(&self.root).join("tools");
        let mut tools = rust.means(target).await.prepare(&workspace.root, &installed, &progress).await?.within(&self.environment);
        if target == BuildTarget::Host {
            tools.option("--profile", "dev");
            return Ok(tools);
        }
        // A deployed program uses the versions of the lockfile, not the newest ones.
        if workspace.root.join("Cargo.lock").is_file() {
            tools.flag("--locked");
        }
        let config = Config::of(&workspace.root);
        let has_own = config.has_profile("lambda") || has_profile(&workspace.manifest(), "lambda");
        let inherited = if has_own { "lambda" } else { "release" };
        tools.option("--config", format!("profile.{PROFILE}.inherits=\"{inherited}\""));
        tools.option("--profile", PROFILE);
        let sysroot = sysroot(&workspace.root).await;
        let program = compiler::direct(config.rustc(), sysroot.as_deref());
        let compiler = Compiler { program: &program, sysroot, version: &rust.version };
        tools.set("RUSTC", compiler::script(&self.kept().join("compiler"), &compiler, workspace)?);
        Ok(tools)
    }

    /// Runs cargo until its output matches the sources.
    async fn compile(
        &self,
        job: &Job<'_>,
        tools: &Tools,
        workspace: &Workspace,
        batch: &[Program],
        programs: &[&Program],
        mut known: Known,
    ) -> Result<Compiled, BuildError> {
        let mut output = Output::take(workspace, job.target).await;
        let mut repeats = 0;
        loop {
            let begun = freshness::now();
            let packages: BTreeSet<&str> = batch.iter().map(|program| program.package.as_str()).collect();
            let is_optimised = job.target != BuildTarget::Host;
            let features = batch.iter().flat_map(|program| program.features.iter().map(String::as_str)).collect();
            let default_features = batch.iter().all(|program| program.default_features);
            let choice = Choice { packages, features, default_features };
            let run = Run { command: tools.build(), choice, programs: programs.to_vec(), is_optimised, progress: &*self.progress };
            let built = run.build().await?;
            let lists = Lists::of(&built, workspace);
            let outdated: Vec<String> = freshness::outdated(&lists, begun, &known, &output).into_iter().map(str::to_owned).collect();
            if outdated.is_empty() {
                output.is_ours(&lists);
                drop(lists);
                return Ok(Compiled { built, begun, is_certain: true });
            }
            if repeats == MAX_REPEATS {
                let units = lists.units.iter().filter(|(unit, _)| outdated.contains(&unit.package_id));
                let names: BTreeSet<&str> = units.map(|(unit, _)| unit.target.name.as_str()).collect();
                let text = format!(
                    "warning: cargo takes {} for unchanged, though the sources changed since they were compiled: what is released may be older \
                     than they are; run `cargo clean`, then this again",
                    names.into_iter().collect::<Vec<_>>().join(", ")
                );
                drop(lists);
                (self.progress)(Progress::Diagnostic(&text));
                return Ok(Compiled { built, begun, is_certain: false });
            }
            drop(lists);
            cargo::clean(tools.clean(built.triple(&workspace.target)), outdated.iter().map(String::as_str)).await?;
            known = Known::default();
            repeats += 1;
        }
    }

    /// Returns the sources with directories as cargo writes them, after checking that each is a crate.
    fn resolved(&self, sources: &BTreeMap<String, Crate>) -> Result<BTreeMap<String, Crate>, BuildError> {
        let resolve = |(function, source): (&String, &Crate)| {
            let path = self.root.join(&source.directory);
            let missing = || BuildError::NoCrate { function: function.clone(), path: path.clone() };
            let directory = std::fs::canonicalize(&path).map_err(|_| missing())?;
            let is_crate = directory.join("Cargo.toml").is_file();
            if is_crate { Ok((function.clone(), Crate { directory, ..source.clone() })) } else { Err(missing()) }
        };
        sources.iter().map(resolve).collect()
    }
}

/// Programs, with the flag that their output matches the sources.
struct Compiled {
    built: Built,
    begun: SystemTime,
    is_certain: bool,
}

impl Compiled {
    /// Records what a program was made from, and the local crates among that, if both are certain.
    fn record(
        &self,
        program: &Executable,
        source: &Crate,
        workspace: &Workspace,
        lists: &Lists<'_>,
        reader: &mut Reader,
    ) -> Option<(Evidence, BTreeSet<PathBuf>)> {
        let programs = self.built.programs.values().map(|program| program.path.as_path());
        let watched = Watched::of(&program.path, programs, &source.directory, workspace, lists).filter(|_| self.is_certain)?;
        let evidence = Evidence::take(&watched, reader)?;
        // A file saved while cargo ran may or may not be in the program. Without evidence, the next run asks cargo again.
        (!freshness::changed_since(&evidence, self.begun)).then_some((evidence, watched.crates))
    }
}

/// Separates functions with a current package from those without.
fn split(found: BTreeMap<String, Option<Package>>) -> (BTreeMap<String, Package>, BTreeSet<String>) {
    let (mut packages, mut stale) = (BTreeMap::new(), BTreeSet::new());
    for (function, package) in found {
        match package {
            Some(package) => drop(packages.insert(function, package)),
            None => drop(stale.insert(function)),
        }
    }
    (packages, stale)
}

/// Collects the files that changed since earlier packages were made.
fn known(store: &Store, keys: &[&str]) -> Known {
    let (mut known, mut reader) = (Known::default(), Reader::default());
    for record in keys.iter().filter_map(|key| store.record(key)) {
        known.add(record.evidence.changed(&mut reader), record.made);
    }
    known
}

/// Packs a built program and stores the zip, unless Lambda would refuse its size.
async fn pack_program(job: &Job<'_>, function: &str, program: &Executable) -> Result<Package, BuildError> {
    let mut content = Vec::new();
    let read = (&program.file).read_to_end(&mut content);
    read.map_err(|source| BuildError::Read { path: program.path.clone(), source })?;
    let target = job.target;
    let failed = |reason: String| BuildError::Pack { function: function.to_owned(), reason };
    let beside = job.included.get(function).map_or(Ok(Vec::new()), Included::content).map_err(failed)?;
    let size = content.len() + beside.iter().map(|file| file.content.len()).sum::<usize>();
    check_size(function, target, "the program with the files beside it", size, LARGEST_UNPACKED)?;
    let packing = tokio::task::spawn_blocking(move || {
        let zip = pack::pack(&content, &beside, target).map_err(|error| error.to_string())?;
        let sha256 = pack::code_sha256(&zip[..]).map_err(|error| error.to_string())?;
        Ok((zip, sha256))
    });
    let (zip, sha256) = packing.await.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
    check_size(function, target, "its zip", zip.len(), LARGEST_ZIP)?;
    job.store.keep(&job.keys[function], &zip, sha256)
}

/// Checks Lambda's size limits. A program for this machine has none: it is not optimised and may be far larger.
fn check_size(function: &str, target: BuildTarget, what: &'static str, size: usize, limit: u64) -> Result<(), BuildError> {
    let size = size as u64;
    if target == BuildTarget::Host || size <= limit {
        return Ok(());
    }
    let (size, limit) = (size.div_ceil(MEGABYTE), limit / MEGABYTE);
    Err(BuildError::TooLarge { function: function.to_owned(), what, size, limit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Architecture;

    #[test]
    fn only_lambda_refuses_large_programs() {
        let limit = usize::try_from(LARGEST_ZIP).unwrap();
        let check = |target, size| check_size("stats", target, "its zip", size, LARGEST_ZIP);
        let lambda = BuildTarget::Lambda(Architecture::Arm64);
        assert!(check(lambda, limit).is_ok());
        assert!(check(BuildTarget::Host, limit + 1).is_ok());
        let error = check(lambda, limit + 1).unwrap_err().to_string();
        assert!(error.starts_with("function stats: its zip is 51 MB, Lambda takes 50 MB"), "{error}");
    }
}
