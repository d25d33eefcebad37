//! Builds and packs what changed, and finds what did not.
//!
//! A package is kept with a record of all that it was made from. While that holds, cargo is not run.

use crate::{child::BuildEnvironment, file_lock, home, stack::Package};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use super::{
    BuildError, Target,
    cargo::{self, Built, Executable, Run},
    compiler::{self, Compiler},
    config::{Config, has_profile},
    evidence::{Evidence, Lists, Reader, Watched, fingerprint},
    freshness::{self, Known},
    output::Output,
    pack::{self, LARGEST_UNPACKED, LARGEST_ZIP, MEGABYTE},
    store::{Record, Store},
    toolchain::{Rust, Tools, sysroot},
    workspace::{Program, Workspace, batches, workspaces},
};

/// The profile that programs for Lambda are built with. It is the workspace's own by another name, so that its output lies apart from what
/// was built without [`compiler::script`].
const PROFILE: &str = "liveinsight";

/// Limit of builds in one run of sources that cargo takes for unchanged; then it stays open what they are.
const MAX_REPEATS: usize = 2;

/// The crate of a function, and its program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The crate's directory, relative to the stack's or absolute.
    pub directory: PathBuf,
    /// The program, of a crate with several.
    pub binary: Option<String>,
}

/// Steps of a build, for a screen.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Nothing changed for these functions.
    UpToDate(&'a [String]),
    /// Something is installed first, which takes this long.
    Preparing(&'a str),
    /// Cargo starts for these functions.
    Building(&'a [String]),
    /// The last and longest step of a build for Lambda begins for these functions.
    Linking(&'a [String]),
    /// A line from cargo: `Compiling serde v1.0.229`.
    Cargo(&'a str),
    /// A warning or error of the compiler, several lines.
    Diagnostic(&'a str),
    /// Words of the linker about a program that it made, several lines.
    Remark(&'a str),
    /// These functions are built and packed.
    Built {
        /// The functions.
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

/// The functions of a stack that are built for one target.
struct Job<'a> {
    target: Target,
    store: Store,
    sources: BTreeMap<String, Source>,
    /// Names of the packages in the store.
    keys: BTreeMap<String, String>,
    /// The functions whose packages are asked for. The others count as well: what they ask of a dependency, these get.
    wanted: Option<&'a BTreeSet<String>>,
}

impl Job<'_> {
    fn is_wanted(&self, function: &str) -> bool {
        self.wanted.is_none_or(|wanted| wanted.contains(function))
    }
}

impl Builder {
    /// A builder for the stack in `root`, the directory of `stack.yaml`. Touches nothing yet.
    pub fn new(root: &Path, progress: impl Fn(Progress<'_>) + Send + Sync + 'static) -> Self {
        let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        Self { root, environment: BuildEnvironment::default(), progress: Box::new(progress) }
    }

    /// Says what builds see of this program's environment, beside credentials, of which they see none.
    #[must_use]
    pub fn within(self, environment: BuildEnvironment) -> Self {
        Self { environment, ..self }
    }

    /// Returns the packages of the functions in `wanted`, or of all. `sources` has all functions of the stack that are built for `target`.
    ///
    /// Runs cargo once per workspace for everything that changed, and not at all when nothing did.
    pub async fn build(
        &self,
        sources: &BTreeMap<String, Source>,
        wanted: Option<&BTreeSet<String>>,
        target: Target,
    ) -> Result<BTreeMap<String, Package>, BuildError> {
        let job = self.job(sources, wanted, target)?;
        let (mut packages, mut stale) = split(self.look(&job).await?);
        let mut lock = None;
        if !stale.is_empty() {
            lock = Some(self.lock().await?);
            // Another run may have built them meanwhile.
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

    /// Returns the packages that are current, and `None` for a function that would have to be built. Runs no cargo.
    pub async fn cached(
        &self,
        sources: &BTreeMap<String, Source>,
        wanted: Option<&BTreeSet<String>>,
        target: Target,
    ) -> Result<BTreeMap<String, Option<Package>>, BuildError> {
        let job = self.job(sources, wanted, target)?;
        self.look(&job).await
    }

    /// Returns all that the functions were made from, as far as the last build showed: directories and single files elsewhere.
    pub fn inputs(&self, sources: &BTreeMap<String, Source>, target: Target) -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>) {
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

    /// The directory that is kept from run to run.
    fn kept(&self) -> PathBuf {
        home::of(&self.root).join("build")
    }

    fn job<'a>(
        &self,
        sources: &BTreeMap<String, Source>,
        wanted: Option<&'a BTreeSet<String>>,
        target: Target,
    ) -> Result<Job<'a>, BuildError> {
        let sources = self.resolved(sources)?;
        let all = format!("{sources:?}");
        let key = |function: &String| (function.clone(), format!("{function}-{}", fingerprint(format!("{function} {all}").as_bytes())));
        let keys = sources.keys().map(key).collect();
        Ok(Job { target, store: Store { directory: self.kept().join(target.label()) }, sources, keys, wanted })
    }

    /// The current package of each wanted function.
    async fn look(&self, job: &Job<'_>) -> Result<BTreeMap<String, Option<Package>>, BuildError> {
        let (store, home) = (job.store.clone(), home::of(&self.root));
        let wanted: Vec<(String, String)> = job
            .keys
            .iter()
            .filter(|(function, _)| job.is_wanted(function))
            .map(|(function, key)| (function.clone(), key.clone()))
            .collect();
        let find = move || {
            // What cannot be mended is named where it is written.
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

    /// The compiler that counts in a workspace.
    async fn rust(&self, workspace: &Path) -> Result<Rust, BuildError> {
        Rust::recall(workspace, &self.kept().join("rustc.json")).await
    }

    /// Names all that decides what is in a package besides files and variables.
    async fn identity(&self, workspace: &Path, target: Target) -> Result<String, BuildError> {
        let rust = self.rust(workspace).await?;
        let means = rust.means(target).await.identity();
        Ok(format!("{}\n{}\n{means}\n{}", pack::FORMAT, target.label(), rust.version))
    }

    /// Lets one run at a time build below this directory: they share tools, and cargo's output.
    async fn lock(&self) -> Result<File, BuildError> {
        let directory = self.kept();
        let path = directory.join("lock");
        let cannot = |source| BuildError::Write { path: directory.clone(), source };
        home::create(&directory).map_err(cannot)?;
        let waiting = || (self.progress)(Progress::Preparing("waiting for another run that is building"));
        file_lock::exclusive(&path, waiting).await.map_err(cannot)
    }

    /// The workspaces that `stale` functions belong to, with the programs of all functions in them.
    async fn to_build(&self, job: &Job<'_>, stale: &BTreeSet<String>) -> Result<Vec<(Workspace, Vec<Program>)>, BuildError> {
        let sources = job.sources.iter().filter(|(function, _)| stale.contains(*function));
        let mut found = workspaces(&sources.map(|(function, source)| (function.clone(), source.clone())).collect()).await?;
        for (function, source) in job.sources.iter().filter(|(function, _)| !stale.contains(*function)) {
            for (workspace, programs) in &mut found {
                // What is wrong with one that is not built is said when it is.
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

    /// Cargo with all that says how to build for a target.
    async fn tools(&self, target: Target, workspace: &Workspace) -> Result<Tools, BuildError> {
        let tell = |line: &str| (self.progress)(Progress::Preparing(line));
        let rust = self.rust(&workspace.root).await?;
        let installed = home::of(&self.root).join("tools");
        let mut tools = rust.means(target).await.prepare(&workspace.root, &installed, &tell).await?.within(&self.environment);
        if target == Target::Host {
            tools.option("--profile", "dev");
            return Ok(tools);
        }
        // What is deployed is made of what the lock says, and not of what is newest today.
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

    /// Runs cargo until what it made is what the sources say.
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
            let is_optimised = job.target != Target::Host;
            let run = Run { command: tools.build(), packages, programs: programs.to_vec(), is_optimised, progress: &*self.progress };
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

    /// The sources with their directories as cargo writes them, each checked to be a crate.
    fn resolved(&self, sources: &BTreeMap<String, Source>) -> Result<BTreeMap<String, Source>, BuildError> {
        let resolve = |(function, source): (&String, &Source)| {
            let path = self.root.join(&source.directory);
            let missing = || BuildError::NoCrate { function: function.clone(), path: path.clone() };
            let directory = std::fs::canonicalize(&path).map_err(|_| missing())?;
            let is_crate = directory.join("Cargo.toml").is_file();
            if is_crate { Ok((function.clone(), Source { directory, binary: source.binary.clone() })) } else { Err(missing()) }
        };
        sources.iter().map(resolve).collect()
    }
}

/// Programs, and whether they are what the sources say.
struct Compiled {
    built: Built,
    begun: SystemTime,
    is_certain: bool,
}

impl Compiled {
    /// Records what a program was made from, and the local crates among that, if it can be said for certain.
    fn record(
        &self,
        program: &Executable,
        source: &Source,
        workspace: &Workspace,
        lists: &Lists<'_>,
        reader: &mut Reader,
    ) -> Option<(Evidence, BTreeSet<PathBuf>)> {
        let programs = self.built.programs.values().map(|program| program.path.as_path());
        let watched = Watched::of(&program.path, programs, &source.directory, workspace, lists).filter(|_| self.is_certain)?;
        let evidence = Evidence::take(&watched, reader)?;
        // What was saved while cargo ran may or may not be in the program: then cargo has to be asked again.
        (!freshness::changed_since(&evidence, self.begun)).then_some((evidence, watched.crates))
    }
}

/// Separates current packages from the functions that have none.
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

/// The files that changed since earlier packages were made.
fn known(store: &Store, keys: &[&str]) -> Known {
    let (mut known, mut reader) = (Known::default(), Reader::default());
    for record in keys.iter().filter_map(|key| store.record(key)) {
        known.add(record.evidence.changed(&mut reader), record.made);
    }
    known
}

/// Packs a built program, unless Lambda would refuse it, and keeps the zip.
async fn pack_program(job: &Job<'_>, function: &str, program: &Executable) -> Result<Package, BuildError> {
    let mut content = Vec::new();
    let read = (&program.file).read_to_end(&mut content);
    read.map_err(|source| BuildError::Read { path: program.path.clone(), source })?;
    let target = job.target;
    check_size(function, target, "the program", content.len(), LARGEST_UNPACKED)?;
    let failed = |reason: String| BuildError::Pack { function: function.to_owned(), reason };
    let packing = tokio::task::spawn_blocking(move || {
        let zip = pack::pack(&content, target).map_err(|error| error.to_string())?;
        let sha256 = pack::code_sha256(&zip[..]).map_err(|error| error.to_string())?;
        Ok((zip, sha256))
    });
    let (zip, sha256) = packing.await.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
    check_size(function, target, "its zip", zip.len(), LARGEST_ZIP)?;
    job.store.keep(&job.keys[function], &zip, sha256)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Architecture;

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
