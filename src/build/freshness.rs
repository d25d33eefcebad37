//! Finds sources that cargo takes for unchanged although they changed.
//!
//! Cargo compares modification times. A file that was unpacked from an archive, copied with its times or moved into place may
//! be older than the output compiled from its predecessor. So may the target of a link that now leads elsewhere. The system
//! also keeps the inode change time of each file, which no program can set back. This module compares that one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{
    evidence::{Evidence, Lists, all_below, files_of_crate, is_local},
    output::Output,
};

/// Maximum lag of a new file's time behind the clock (Linux: one tick of the kernel, up to 10 ms).
const TICK: Duration = Duration::from_millis(10);

/// Times of a file's last write, and of its last write, move or metadata change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    modified: SystemTime,
    changed: SystemTime,
}

impl Times {
    pub(super) fn of(about: &Metadata) -> Self {
        let modified = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Self { modified, changed: changed(about).unwrap_or(modified).max(modified) }
    }

    /// Reads the times of a file; links on the way to it count.
    fn of_path(path: &Path) -> Option<Self> {
        let mut times = Self::of(&std::fs::metadata(path).ok()?);
        let links = path.ancestors().filter_map(|part| std::fs::symlink_metadata(part).ok()).filter(Metadata::is_symlink);
        times.changed = links.map(|link| Self::of(&link).changed).fold(times.changed, SystemTime::max);
        Some(times)
    }
}

#[cfg(unix)]
fn changed(about: &Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt;
    let since = Duration::new(u64::try_from(about.ctime()).ok()?, u32::try_from(about.ctime_nsec()).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> Option<SystemTime> {
    None
}

/// Returns the moment after which every written file has a later time.
pub(super) fn now() -> SystemTime {
    SystemTime::now() - TICK
}

/// Files known to have changed regardless of their times, each since the end of an earlier build.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<PathBuf, SystemTime>);

impl Known {
    /// Adds files and directories that changed since a build that ended at `made`.
    pub(super) fn add(&mut self, files: impl IntoIterator<Item = PathBuf>, made: SystemTime) {
        for file in files {
            let since = self.0.entry(file).or_insert(made);
            *since = made.max(*since);
        }
    }

    fn times(&self, path: &Path) -> Option<Times> {
        let mut times = Times::of_path(path)?;
        times.changed = self.0.get(path).map_or(times.changed, |since| times.changed.max(*since));
        Some(times)
    }
}

/// Returns the local packages that need another compilation although cargo found them up to date or has compiled them, in a run
/// that began at `begun`.
pub(super) fn outdated<'a>(lists: &'a Lists<'_>, begun: SystemTime, known: &Known, output: &Output<'_>) -> BTreeSet<&'a str> {
    // Cargo itself notices a source modified after its compilation.
    let is_hidden =
        |path: &Path, compiled: SystemTime| known.times(path).is_some_and(|times| times.changed > compiled && times.modified <= compiled);
    let written = |file: &Path| std::fs::metadata(file).and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let units = lists.units.iter().filter(|(unit, _)| is_local(&unit.package_id)).filter_map(|(unit, list)| {
        if unit.fresh && output.is_foreign(list.as_ref()) {
            return Some(unit.package_id.as_str());
        }
        let list = list.as_ref()?;
        let compiled = if unit.fresh { written(&list.file) } else { begun };
        let mut files = list.inputs.paths.iter().filter(|path| !lists.is_derived(path));
        files.any(|path| is_hidden(path, compiled)).then_some(unit.package_id.as_str())
    });
    let scripts = lists.scripts.iter().filter(|(script, _)| is_local(&script.package_id)).filter_map(|(script, list)| {
        let list = list.as_ref()?;
        let compiled = written(&list.file).min(begun);
        let hidden = |path: &PathBuf| {
            if !path.is_dir() {
                return is_hidden(path, compiled);
            }
            // Deleted files, and files that arrived with their directory, have no time to compare.
            let is_known = known.0.get(path).is_some_and(|since| *since > compiled);
            is_known
                || all_below(path).any(|entry| entry.is_ok_and(|entry| entry.file_type().is_file() && is_hidden(entry.path(), compiled)))
        };
        list.inputs.paths.iter().any(hidden).then_some(script.package_id.as_str())
    });
    units.chain(scripts).collect()
}

/// Returns true if any of the evidence was written, added or moved since `moment`: the compiled sources may then differ.
pub(super) fn changed_since(evidence: &Evidence, moment: SystemTime) -> bool {
    let (files, directories) = evidence.paths();
    // Cargo itself writes the lockfile.
    let mut files = files.iter().filter(|path| !path.ends_with("Cargo.lock"));
    let later = |times: Option<Times>| times.is_none_or(|times| times.changed >= moment);
    files.any(|path| later(Times::of_path(path)))
        || directories.iter().flat_map(|directory| files_of_crate(directory)).any(|entry| {
            // The directory itself changes when cargo makes `target` in it. Rustc never reads a link that leads nowhere.
            entry.is_ok_and(|entry| {
                let is_own = entry.depth() == 0 || entry.path().ends_with("Cargo.lock");
                !is_own && later(entry.metadata().ok().map(|about| Times::of(&about)))
            })
        })
}
