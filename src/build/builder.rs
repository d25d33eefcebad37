//! Builds and packs what changed, and finds what did not.
//!
//! Packages lie in `.liveinsight/build/TARGET/FUNCTION.zip`, each with a record of the digest that it was made from.
//! When the digest still holds, cargo is not run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::cargo::{self, Program, Workspace};
use super::pack::{self, LARGEST_UNPACKED, LARGEST_ZIP, MEGABYTE};
use super::toolchain::{Means, Rust};
use super::{BuildError, Place, Target, digest};

/// A handler, ready to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// What is uploaded.
    pub zip: Arc<[u8]>,
    /// Its digest as Lambda's `CodeSha256` has it: base64 of SHA-256.
    pub sha256: String,
    /// Where it is kept.
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

/// What is known of a kept package.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// See [`digest::digest`].
    digest: String,
    /// The local crates that the digest covers.
    crates: BTreeSet<PathBuf>,
    /// The zip's digest.
    sha256: String,
}

/// All that is the same for the functions of one build.
struct Job {
    target: Target,
    means: Means,
    rust: Rust,
}

impl Builder {
    /// A builder for the stack in `root`, the directory of `stack.yaml`. Touches nothing yet.
    pub fn new(root: &Path, progress: impl Fn(Progress<'_>) + Send + Sync + 'static) -> Self {
        let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        Self {
            root,
            progress: Box::new(progress),
        }
    }

    /// The packages of all functions, given as name → crate directory (relative to the root, or absolute).
    ///
    /// Runs cargo once per workspace for everything that changed, and not at all when nothing did.
    pub async fn build(
        &self,
        crates: &BTreeMap<String, PathBuf>,
        target: Target,
    ) -> Result<BTreeMap<String, Package>, BuildError> {
        let sources = self.sources(crates)?;
        let job = self.job(target).await?;
        let mut packages = BTreeMap::new();
        let mut stale = BTreeMap::new();
        for (function, source) in sources {
            match self.kept(&job, &function, &source) {
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
        let job = self.job(target).await?;
        let find = |(function, source): (String, PathBuf)| {
            let package = self.kept(&job, &function, &source);
            (function, package)
        };
        Ok(sources.into_iter().map(find).collect())
    }

    async fn job(&self, target: Target) -> Result<Job, BuildError> {
        let rust = Rust::find(&self.root).await?;
        Ok(Job {
            target,
            means: rust.means(target).await,
            rust,
        })
    }

    /// Builds programs with different names in one run of cargo, and packs them.
    async fn build_batch(
        &self,
        job: &Job,
        workspace: &Workspace,
        programs: &[Program],
        sources: &BTreeMap<String, PathBuf>,
    ) -> Result<BTreeMap<String, Package>, BuildError> {
        let tell = |line: &str| (self.progress)(Progress::Preparing(line));
        let directory = self.directory(job.target);
        std::fs::create_dir_all(&directory).map_err(|source| BuildError::Write {
            path: directory.clone(),
            source,
        })?;
        let command = job
            .means
            .command(
                &self.root,
                &self.root.join(".liveinsight").join("tools"),
                &tell,
            )
            .await?;
        let functions: Vec<String> = programs
            .iter()
            .map(|program| program.function.clone())
            .collect();
        (self.progress)(Progress::Building(&functions));
        let started = Instant::now();
        let profile = match job.target.place {
            Place::Lambda => workspace.lambda_profile(),
            Place::Host => "dev",
        };
        // Taken before cargo reads the sources: a change during the build is seen as one the next time.
        let identity = job.identity();
        let before = |source: &PathBuf, crates: &BTreeSet<PathBuf>| {
            digest::digest(&identity, source, crates).ok()
        };
        let guesses: BTreeMap<&String, Option<String>> = functions
            .iter()
            .map(|function| {
                let known = self.record(job, function).map(|record| record.crates);
                (
                    function,
                    known.and_then(|crates| before(&sources[function], &crates)),
                )
            })
            .collect();
        let files =
            cargo::build(command, &workspace.root, profile, programs, &*self.progress).await?;
        let mut packages = BTreeMap::new();
        for (function, file) in files {
            let package = self.pack(job, &function, &file).await?;
            let crates = digest::crates_of(&file).unwrap_or_default();
            let same_crates = self
                .record(job, &function)
                .is_some_and(|record| record.crates == crates);
            let digest = match &guesses[&function] {
                Some(digest) if same_crates => Some(digest.clone()),
                _ => before(&sources[&function], &crates),
            };
            let record = self.directory(job.target).join(format!("{function}.json"));
            match digest {
                Some(digest) if !crates.is_empty() => {
                    let new = Record {
                        digest,
                        crates,
                        sha256: package.sha256.clone(),
                    };
                    write(&record, serde_json::json!(new).to_string().as_bytes())?;
                }
                // Without knowing the sources nothing can be skipped; cargo itself is quick when nothing changed.
                _ => drop(std::fs::remove_file(&record)),
            }
            packages.insert(function, package);
        }
        (self.progress)(Progress::Built {
            functions: &functions,
            seconds: started.elapsed().as_secs_f64(),
        });
        Ok(packages)
    }

    /// Packs a built program, unless Lambda would refuse it, and keeps the zip.
    async fn pack(&self, job: &Job, function: &str, file: &Path) -> Result<Package, BuildError> {
        let program = std::fs::read(file).map_err(|source| BuildError::Read {
            path: file.to_owned(),
            source,
        })?;
        let place = job.target.place;
        let check = |what, size: usize, limit: u64| {
            let size = size as u64;
            if place == Place::Host || size <= limit {
                return Ok(());
            }
            let (size, limit) = (size.div_ceil(MEGABYTE), limit / MEGABYTE);
            Err(BuildError::TooLarge {
                function: function.to_owned(),
                what,
                size,
                limit,
            })
        };
        check("the program", program.len(), LARGEST_UNPACKED)?;
        let failed = |reason: String| BuildError::Pack {
            function: function.to_owned(),
            reason,
        };
        let packed = tokio::task::spawn_blocking(move || {
            let zip = pack::pack(&program, place)?;
            let sha256 = pack::code_sha256(&zip);
            Ok::<_, zip::result::ZipError>((zip, sha256))
        });
        let (zip, sha256) = packed
            .await
            .map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))?;
        check("its zip", zip.len(), LARGEST_ZIP)?;
        let path = self.directory(job.target).join(format!("{function}.zip"));
        write(&path, &zip)?;
        Ok(Package {
            zip: zip.into(),
            sha256,
            path,
        })
    }

    /// The kept package, if it was made from exactly what is there now and is whole.
    fn kept(&self, job: &Job, function: &str, source: &Path) -> Option<Package> {
        let record = self.record(job, function)?;
        let now = digest::digest(&job.identity(), source, &record.crates).ok()?;
        if now != record.digest {
            return None;
        }
        let path = self.directory(job.target).join(format!("{function}.zip"));
        let zip = std::fs::read(&path).ok()?;
        (pack::code_sha256(&zip) == record.sha256).then(|| Package {
            zip: zip.into(),
            sha256: record.sha256,
            path,
        })
    }

    fn record(&self, job: &Job, function: &str) -> Option<Record> {
        let path = self.directory(job.target).join(format!("{function}.json"));
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    fn directory(&self, target: Target) -> PathBuf {
        self.root
            .join(".liveinsight")
            .join("build")
            .join(target.label())
    }

    /// The crates' directories as cargo writes them, each checked to be one.
    fn sources(
        &self,
        crates: &BTreeMap<String, PathBuf>,
    ) -> Result<BTreeMap<String, PathBuf>, BuildError> {
        let resolve = |(function, path): (&String, &PathBuf)| {
            let path = self.root.join(path);
            let missing = || BuildError::NoCrate {
                function: function.clone(),
                path: path.clone(),
            };
            let source = std::fs::canonicalize(&path).map_err(|_| missing())?;
            if source.join("Cargo.toml").is_file() {
                Ok((function.clone(), source))
            } else {
                Err(missing())
            }
        };
        crates.iter().map(resolve).collect()
    }
}

impl Job {
    /// Everything besides files that decides what is built.
    fn identity(&self) -> String {
        format!(
            "{}\n{}\n{}\n{}",
            pack::FORMAT,
            self.target.label(),
            self.means.identity(),
            self.rust.version
        )
    }
}

/// Groups functions by the workspace that their crates belong to.
async fn workspaces(
    sources: &BTreeMap<String, PathBuf>,
) -> Result<Vec<(Workspace, Vec<Program>)>, BuildError> {
    let mut found: Vec<(Workspace, Vec<Program>)> = Vec::new();
    'functions: for (function, source) in sources {
        for (workspace, programs) in &mut found {
            if let Some(program) = workspace.program(function, source)? {
                programs.push(program);
                continue 'functions;
            }
        }
        let workspace = Workspace::of(function, source).await?;
        let missing = || BuildError::NoCrate {
            function: function.clone(),
            path: source.clone(),
        };
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
        let clashes =
            |other: &Program| other.binary == program.binary && other.package != program.package;
        match batches.iter_mut().find(|batch| !batch.iter().any(clashes)) {
            Some(batch) => batch.push(program),
            None => batches.push(vec![program]),
        }
    }
    batches
}

/// Writes a file so that nobody ever sees half of it.
fn write(path: &Path, content: &[u8]) -> Result<(), BuildError> {
    let new = path.with_extension(format!("new{}", std::process::id()));
    let written = std::fs::write(&new, content).and_then(|()| std::fs::rename(&new, path));
    written.map_err(|source| BuildError::Write {
        path: path.to_owned(),
        source,
    })
}
