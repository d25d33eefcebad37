//! Records everything that determined a program, and checks it later, so that cargo need not run.
//!
//! Nothing is guessed. After a build, the lists of rustc, cargo and the build scripts name the files and environment variables
//! that took part ([`super::dep_info`]). Those lists cannot name files that did not exist, so two more inputs are added:
//! settings files and manifests above the crates, and every file of the local crates, because a new `build.rs` or `src/lib.rs`
//! changes a build, too. Contents are compared, not times.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use walkdir::{DirEntry, WalkDir};

use super::{
    cargo::{Built, Script, Unit, directory_of},
    config::{Config, cargo_home},
    dep_info::{self, List},
    freshness::Times,
    workspace::Workspace,
};
use engine::hex::hex;

/// Settings files in a crate's directory and its ancestors, existing or not.
const SETTINGS: [&str; 3] = ["Cargo.toml", "rust-toolchain", "rust-toolchain.toml"];

/// Prefixes of the environment variables that change cargo's build
/// (<https://doc.rust-lang.org/cargo/reference/environment-variables.html>). Variables that end in `DIR` only name locations
/// and are left out.
const VARIABLES: [&str; 9] = [
    "RUSTC",
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_",
    "CARGO_INCREMENTAL",
    "CARGO_PROFILE_",
    "CARGO_RESOLVER_",
    "CARGO_TARGET_",
    "CARGO_UNSTABLE_",
];

/// Prefixes of the variables that cargo sets for each crate, whatever their value outside.
const OF_CARGO: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_RUSTC_"];

/// Full names of the other variables that cargo sets for each crate.
const OF_CARGO_EXACTLY: [&str; 5] = ["CARGO", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "CARGO_TARGET_TMPDIR", "OUT_DIR"];

/// Directories that version control systems keep.
const VERSION_CONTROL: [&str; 5] = [".git", ".hg", ".jj", ".pijul", ".svn"];

/// Directories without sources in any crate: those of this program and of npm.
const NO_SOURCES: [&str; 2] = [".liveinsight", "node_modules"];

/// Hexadecimal digest of one input: half of SHA-256, which is enough.
type Fingerprint = String;

/// Names of all inputs that determine a program.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Watched {
    files: BTreeSet<PathBuf>,
    /// Crates that are watched with all their files.
    pub(super) crates: BTreeSet<PathBuf>,
    /// Directories that are watched with everything below them.
    directories: BTreeSet<PathBuf>,
    variables: BTreeSet<String>,
}

/// Evidence with the state of each file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Evidence {
    /// Fingerprint of each file; `None` for a file that did not exist.
    files: BTreeMap<PathBuf, Option<Fingerprint>>,
    crates: BTreeMap<PathBuf, Fingerprint>,
    directories: BTreeMap<PathBuf, Fingerprint>,
    /// Digests of values, which may be secret; `None` for a variable that was not set.
    variables: BTreeMap<String, Option<Fingerprint>>,
    /// Fingerprint of all variables that are cargo settings.
    settings: Fingerprint,
}

/// Lists from one run of cargo.
pub(super) struct Lists<'a> {
    pub(super) units: Vec<(&'a Unit, Option<List>)>,
    pub(super) scripts: Vec<(&'a Script, Option<List>)>,
}

impl<'a> Lists<'a> {
    pub(super) fn of(built: &'a Built, workspace: &Workspace) -> Self {
        let directories: HashMap<&str, &Path> =
            built.units.iter().map(|unit| (unit.package_id.as_str(), directory_of(&unit.manifest_path))).collect();
        let of_script = |script: &'a Script| {
            let directory = directories.get(script.package_id.as_str());
            (script, directory.and_then(|directory| dep_info::of_script(script, directory)))
        };
        Self {
            units: built.units.iter().map(|unit| (unit, dep_info::of_unit(unit, workspace))).collect(),
            scripts: built.scripts.iter().map(of_script).collect(),
        }
    }

    /// Returns true if a file is derived from other listed files, or is immutable: output of build scripts, and cargo's
    /// downloads.
    pub(super) fn is_derived(&self, path: &Path) -> bool {
        let downloaded = cargo_home().is_some_and(|home| path.starts_with(home.join("registry")) || path.starts_with(home.join("git")));
        downloaded || self.scripts.iter().any(|(script, _)| path.starts_with(&script.out_dir))
    }
}

/// Returns true if a package is a directory on this machine, not a download.
pub(super) fn is_local(package_id: &str) -> bool {
    package_id.starts_with("path+")
}

impl Watched {
    /// Names all inputs of `program`, one of `programs` that were built together; `None` if they are not certain.
    pub(super) fn of<'p>(
        program: &Path,
        programs: impl Iterator<Item = &'p Path>,
        source: &Path,
        workspace: &Workspace,
        lists: &Lists<'_>,
    ) -> Option<Self> {
        let mut watched = Self::default();
        let mut paths = dep_info::of_program(program)?;
        let own = paths.clone();
        let listed: BTreeSet<PathBuf> = programs.filter_map(dep_info::of_program).flatten().collect();
        let mut local = BTreeSet::new();
        for (unit, list) in &lists.units {
            if is_local(&unit.package_id) {
                // Cargo's lists follow local crates only. A local crate that a download depends on is in no list, so it counts
                // for all programs.
                if !own.contains(&unit.target.src_path) && listed.contains(&unit.target.src_path) {
                    continue;
                }
                local.insert(unit.package_id.as_str());
                watched.crates.insert(directory_of(&unit.manifest_path).to_owned());
            }
            let inputs = &list.as_ref()?.inputs;
            paths.extend(inputs.paths.iter().cloned());
            watched.variables.extend(inputs.variables.iter().cloned());
        }
        for (script, list) in &lists.scripts {
            if is_local(&script.package_id) && !local.contains(script.package_id.as_str()) {
                continue;
            }
            let inputs = &list.as_ref()?.inputs;
            paths.extend(inputs.paths.iter().cloned());
            watched.variables.extend(inputs.variables.iter().cloned());
        }
        let is_set_by_cargo = |name: &str| OF_CARGO_EXACTLY.contains(&name) || OF_CARGO.iter().any(|start| name.starts_with(start));
        watched.variables.retain(|name| !is_set_by_cargo(name));
        for path in paths.into_iter().filter(|path| !lists.is_derived(path)) {
            // Cargo always reruns a build script that watches a missing path.
            let about = std::fs::metadata(&path).ok()?;
            if about.is_dir() {
                watched.directories.insert(path)
            } else {
                watched.files.insert(path)
            };
        }
        watched.add_settings(source, workspace);
        Some(watched)
    }

    fn add_settings(&mut self, source: &Path, workspace: &Workspace) {
        let roots: Vec<&Path> = self.crates.iter().map(PathBuf::as_path).chain([source, &workspace.root]).collect();
        let above: BTreeSet<&Path> = roots.into_iter().flat_map(Path::ancestors).collect();
        let settings: Vec<PathBuf> = above.iter().flat_map(|directory| SETTINGS.map(|name| directory.join(name))).collect();
        self.files.extend(settings);
        self.files.extend(workspace.manifests().map(Path::to_owned));
        self.files.extend(Config::of(&workspace.root).files);
        self.files.insert(workspace.lockfile());
        let elsewhere: Vec<PathBuf> = self.crates.iter().filter_map(|directory| workspace_elsewhere(directory)).collect();
        self.files.extend(elsewhere);
    }
}

impl Evidence {
    /// Records the state of all watched inputs; `None` if one cannot be read.
    pub(super) fn take(watched: &Watched, reader: &mut Reader) -> Option<Self> {
        let variable = |name: &String| (name.clone(), variable(name));
        Some(Self {
            files: watched.files.iter().map(|path| Some((path.clone(), reader.file(path).ok()?))).collect::<Option<_>>()?,
            crates: watched.crates.iter().map(|path| Some((path.clone(), reader.of_crate(path)?))).collect::<Option<_>>()?,
            directories: watched.directories.iter().map(|path| Some((path.clone(), reader.directory(path)?))).collect::<Option<_>>()?,
            variables: watched.variables.iter().map(variable).collect(),
            settings: settings(),
        })
    }

    /// Returns true if all inputs are unchanged.
    pub(super) fn holds(&self, reader: &mut Reader) -> bool {
        self.settings == settings()
            && self.variables.iter().all(|(name, was)| variable(name) == *was)
            && self.files.iter().all(|(path, was)| reader.file(path).is_ok_and(|now| now == *was))
            && self.crates.iter().all(|(path, was)| reader.of_crate(path).as_ref() == Some(was))
            && self.directories.iter().all(|(path, was)| reader.directory(path).as_ref() == Some(was))
    }

    /// Returns the changed files and the changed directories that build scripts watch.
    pub(super) fn changed(&self, reader: &mut Reader) -> BTreeSet<PathBuf> {
        let mut changed: BTreeSet<PathBuf> = BTreeSet::new();
        let files = self.files.iter().filter(|(path, was)| !reader.file(path).is_ok_and(|now| now == **was));
        changed.extend(files.map(|(path, _)| path.clone()));
        let directories = self.directories.iter().filter(|(path, was)| reader.directory(path).as_ref() != Some(*was));
        changed.extend(directories.map(|(path, _)| path.clone()));
        changed
    }

    /// Returns all files that exist, and the directories.
    pub(super) fn paths(&self) -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>) {
        let files = self.files.iter().filter(|(_, state)| state.is_some()).map(|(path, _)| path.clone()).collect();
        (files, self.crates.keys().chain(self.directories.keys()).cloned().collect())
    }
}

/// Returns the manifest of the workspace that a crate names explicitly, which need not be above it.
fn workspace_elsewhere(directory: &Path) -> Option<PathBuf> {
    let manifest: toml::Table = std::fs::read_to_string(directory.join("Cargo.toml")).ok()?.parse().ok()?;
    Some(directory.join(manifest.get("package")?.get("workspace")?.as_str()?).join("Cargo.toml"))
}

/// Reader that reads each file once for all programs made from it.
#[derive(Debug, Default)]
pub(super) struct Reader {
    files: HashMap<PathBuf, Option<Fingerprint>>,
    crates: HashMap<PathBuf, Option<Fingerprint>>,
    directories: HashMap<PathBuf, Option<Fingerprint>>,
}

impl Reader {
    /// Returns the fingerprint of a file's content, `None` if there is no such file.
    fn file(&mut self, path: &Path) -> io::Result<Option<Fingerprint>> {
        if let Some(known) = self.files.get(path) {
            return Ok(known.clone());
        }
        let found = match content(path) {
            Ok(bytes) => Some(fingerprint(&bytes)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
            Err(error) => return Err(error),
        };
        self.files.insert(path.to_owned(), found.clone());
        Ok(found)
    }

    /// Returns the fingerprint of all files of a crate, `None` if it cannot be read.
    fn of_crate(&mut self, directory: &Path) -> Option<Fingerprint> {
        if let Some(known) = self.crates.get(directory) {
            return known.clone();
        }
        let found = self.read_crate(directory).ok();
        self.crates.insert(directory.to_owned(), found.clone());
        found
    }

    fn read_crate(&mut self, directory: &Path) -> io::Result<Fingerprint> {
        let mut all = Parts::default();
        for entry in files_of_crate(directory) {
            match entry {
                // Reading a pipe or device may never end.
                Ok(entry) if entry.file_type().is_file() => {
                    let state = self.file(entry.path())?;
                    all.add(&entry.path().to_string_lossy(), state.unwrap_or_default().as_bytes());
                }
                Ok(_) => {}
                Err(error) if is_dead_link(&error) => all.add(&error.path().unwrap_or(directory).to_string_lossy(), b""),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(all.fingerprint())
    }

    /// Returns the fingerprint of names, sizes and times below a directory, which may be large; `None` if it cannot be read.
    fn directory(&mut self, directory: &Path) -> Option<Fingerprint> {
        if let Some(known) = self.directories.get(directory) {
            return known.clone();
        }
        let mut all = Parts::default();
        let whole = all_below(directory).all(|entry| match entry {
            // The directory of a crate changes when cargo writes its output or a lockfile into it.
            Ok(entry) if entry.depth() == 0 && is_crate(directory) => true,
            Ok(entry) => entry.metadata().is_ok_and(|about| {
                all.add(&entry.path().to_string_lossy(), format!("{} {:?}", about.len(), Times::of(&about)).as_bytes());
                true
            }),
            Err(error) => is_dead_link(&error),
        });
        let found = whole.then(|| all.fingerprint());
        self.directories.insert(directory.to_owned(), found.clone());
        found
    }
}

/// Hasher of several parts.
#[derive(Default)]
struct Parts(Sha256);

impl Parts {
    fn add(&mut self, name: &str, content: &[u8]) {
        // Lengths keep two different sets of parts from hashing the same bytes.
        self.0.update((name.len() as u64).to_le_bytes());
        self.0.update(name);
        self.0.update((content.len() as u64).to_le_bytes());
        self.0.update(content);
    }

    fn fingerprint(self) -> Fingerprint {
        short(&self.0.finalize())
    }
}

pub(super) fn fingerprint(bytes: &[u8]) -> Fingerprint {
    short(&Sha256::digest(bytes))
}

/// Returns the first 128 bits of a digest.
fn short(digest: &[u8]) -> Fingerprint {
    hex(&digest[..16])
}

/// Reads a regular file only, as a pipe may never end.
fn content(path: &Path) -> io::Result<Vec<u8>> {
    let about = std::fs::metadata(path)?;
    if about.is_file() { std::fs::read(path) } else { Err(ErrorKind::InvalidInput.into()) }
}

fn variable(name: &str) -> Option<Fingerprint> {
    std::env::var_os(name).map(|value| fingerprint(value.as_encoded_bytes()))
}

/// Returns the fingerprint of cargo settings in the environment.
fn settings() -> Fingerprint {
    let variables = std::env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value));
    let counts = |name: &str| VARIABLES.iter().any(|start| name.starts_with(start)) && !name.ends_with("DIR");
    let mut all = Parts::default();
    for (name, value) in variables.filter(|(name, _)| counts(name)).collect::<BTreeMap<_, _>>() {
        all.add(&name, value.as_encoded_bytes());
    }
    // The settings in cargo's home apply to every crate.
    all.add("", cargo_home().unwrap_or_default().as_os_str().as_encoded_bytes());
    all.fingerprint()
}

/// Lists all files of a crate in order, through links, too, as rustc follows them.
pub(super) fn files_of_crate(directory: &Path) -> impl Iterator<Item = walkdir::Result<DirEntry>> {
    let belongs = |entry: &DirEntry| {
        let directory = entry.file_type().is_dir();
        entry.depth() == 0 || !(is_no_source(entry) || directory && (is_crate(entry.path()) || is_output(entry.path())))
    };
    WalkDir::new(directory).follow_links(true).sort_by_file_name().into_iter().filter_entry(belongs)
}

/// Lists everything below a directory that a build script watches, as cargo does: other crates and hidden files included. Files
/// of version control, of this program and of cargo itself are left out.
pub(super) fn all_below(directory: &Path) -> impl Iterator<Item = walkdir::Result<DirEntry>> {
    let is_kept = |entry: &DirEntry| VERSION_CONTROL.iter().any(|name| entry.file_name() == *name) || entry.file_name() == ".liveinsight";
    let is_cargos = |entry: &DirEntry| is_output(entry.path()) && entry.path().join(".rustc_info.json").is_file();
    let belongs = move |entry: &DirEntry| entry.depth() == 0 || !(is_kept(entry) || is_cargos(entry));
    WalkDir::new(directory).follow_links(true).sort_by_file_name().into_iter().filter_entry(belongs)
}

fn is_no_source(entry: &DirEntry) -> bool {
    VERSION_CONTROL.iter().chain(&NO_SOURCES).any(|name| entry.file_name() == *name)
}

/// Returns true if a link leads nowhere or back up: nothing can be compiled from behind it.
fn is_dead_link(error: &walkdir::Error) -> bool {
    error.depth() > 0 && error.path().is_some_and(Path::is_symlink)
}

fn is_crate(directory: &Path) -> bool {
    directory.join("Cargo.toml").is_file()
}

/// Returns true for cargo's target directory, or another directory tagged as a cache.
fn is_output(directory: &Path) -> bool {
    directory.join("CACHEDIR.TAG").is_file()
}
