//! Packages of one target, which persist between runs.
//!
//! Two stacks in one directory may have functions of one name, and two runs may be active at once. So a package's name combines
//! a key of its build request and its own digest: `.liveinsight/build/TARGET/FUNCTION-KEY-DIGEST.zip`, with a record in
//! `FUNCTION-KEY.json`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{
    BuildError,
    evidence::{Evidence, Reader, fingerprint},
    pack::code_sha256,
};
use crate::{home, stack::Package};

/// Number of stored packages per program: another run may be about to upload an earlier one.
const KEPT: usize = 3;

/// Retention of a package after its last use.
const UNUSED: Duration = Duration::from_hours(7 * 24);

/// Minimum time between two updates of a package's time of use.
const USED: Duration = Duration::from_hours(24);

/// Directory that stores packages.
#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) directory: PathBuf,
}

/// Facts about a stored package.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    /// Compiler, target, means and format: everything that determines a package besides files and variables.
    pub(super) identity: String,
    /// Files and variables that determined the package.
    pub(super) evidence: Evidence,
    /// Local crates that the package was made from.
    pub(super) crates: BTreeSet<PathBuf>,
    /// Root of the workspace, where the compiler is chosen.
    pub(super) workspace: PathBuf,
    /// Time at which the evidence was recorded.
    pub(super) made: SystemTime,
    /// Digest of the zip.
    pub(super) sha256: String,
}

impl Store {
    /// Returns the record of a package, if there is one.
    pub(super) fn record(&self, key: &str) -> Option<Record> {
        serde_json::from_slice(&std::fs::read(self.record_file(key)).ok()?).ok()
    }

    /// Returns the stored package and its record, if its inputs are unchanged and the zip is whole.
    pub(super) fn find(&self, key: &str, reader: &mut Reader) -> Option<(Package, Record)> {
        let record = self.record(key)?;
        if !record.evidence.holds(reader) {
            return None;
        }
        let path = self.zip_file(key, &record.sha256);
        let zip = std::fs::File::open(&path).ok()?;
        let is_whole = code_sha256(zip).ok()? == record.sha256;
        self.note_use(key, &path);
        is_whole.then(|| (Package { sha256: record.sha256.clone(), path }, record))
    }

    /// Stores a zip.
    pub(super) fn keep(&self, key: &str, zip: &[u8], sha256: String) -> Result<Package, BuildError> {
        let path = self.zip_file(key, &sha256);
        write(&path, zip)?;
        Ok(Package { sha256, path })
    }

    /// Stores a record. `None` removes the existing one, because the package's inputs are unknown.
    pub(super) fn remember(&self, key: &str, record: Option<&Record>) -> Result<(), BuildError> {
        let path = self.record_file(key);
        let Some(record) = record else {
            // An absent record is as good. After any other failure the old record stays, and it does not match.
            let _ = std::fs::remove_file(&path);
            return Ok(());
        };
        write(&path, serde_json::json!(record).to_string().as_bytes())
    }

    /// Makes the directory.
    pub(super) fn create(&self) -> Result<(), BuildError> {
        home::create(&self.directory).map_err(|source| BuildError::Write { path: self.directory.clone(), source })
    }

    /// Removes unneeded packages: earlier ones of `keys`, and any left unused for long, for example after a function was
    /// removed.
    pub(super) fn clear<'a>(&self, keys: impl IntoIterator<Item = &'a str>) {
        let files: Vec<PathBuf> = std::fs::read_dir(&self.directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        let age = |path: &Path| std::fs::metadata(path).and_then(|about| about.modified()).ok().and_then(|time| time.elapsed().ok());
        let mut unneeded: Vec<&PathBuf> = files.iter().filter(|path| age(path).is_some_and(|age| age > UNUSED)).collect();
        for key in keys {
            let mut zips: Vec<&PathBuf> = files.iter().filter(|path| is_zip_of(path, key)).collect();
            zips.sort_by_key(|path| age(path));
            unneeded.extend(zips.into_iter().skip(KEPT));
        }
        for path in unneeded {
            // A file that cannot be removed takes space and does no harm.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Sets the time of a package's files, which marks them as used.
    fn note_use(&self, key: &str, zip: &Path) {
        for path in [self.record_file(key).as_path(), zip] {
            let Ok(file) = std::fs::File::open(path) else { continue };
            let age = file.metadata().and_then(|about| about.modified()).ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > USED) {
                let _ = file.set_modified(SystemTime::now());
            }
        }
    }

    fn zip_file(&self, key: &str, sha256: &str) -> PathBuf {
        self.directory.join(format!("{key}-{}.zip", fingerprint(sha256.as_bytes())))
    }

    fn record_file(&self, key: &str) -> PathBuf {
        self.directory.join(format!("{key}.json"))
    }
}

/// Returns true if a file is a zip of this package. Keys end in a digest, so no key is a prefix of another.
fn is_zip_of(path: &Path, key: &str) -> bool {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    path.extension().is_some_and(|end| end == "zip") && name.strip_prefix(key).is_some_and(|rest| rest.starts_with('-'))
}

/// Writes a file atomically: no reader sees half of it, and no other run writes into it.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), BuildError> {
    static WRITTEN: AtomicUsize = AtomicUsize::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let new = path.with_extension(format!("new{}-{number}", std::process::id()));
    let written = home::write(&new, content).and_then(|()| std::fs::rename(&new, path));
    written.map_err(|source| {
        let _ = std::fs::remove_file(&new);
        BuildError::Write { path: path.to_owned(), source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store { directory: directory.path().to_owned() };
        (directory, store)
    }

    #[test]
    fn earlier_packages_stay_for_other_runs_but_not_forever() {
        let (directory, store) = store();
        let first = store.keep("one-1", b"first", "1".to_owned()).unwrap();
        let second = store.keep("one-1", b"second", "2".to_owned()).unwrap();
        assert_ne!(first.path, second.path);
        let other = store.keep("one-2", b"other", "1".to_owned()).unwrap();
        store.clear(["one-1"]);
        assert!([&first, &second, &other].iter().all(|package| package.path.is_file()));

        for number in 3..9 {
            let package = store.keep("one-1", b"later", number.to_string()).unwrap();
            let time = SystemTime::now() + Duration::from_secs(number);
            std::fs::File::options().write(true).open(&package.path).unwrap().set_modified(time).unwrap();
        }
        store.clear(["one-1"]);
        assert!(!first.path.exists() && other.path.is_file());
        let old = SystemTime::now() - 2 * UNUSED;
        std::fs::File::options().write(true).open(&other.path).unwrap().set_modified(old).unwrap();
        store.clear([]);
        assert!(!other.path.exists());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), KEPT);
    }
}
