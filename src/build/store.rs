//! The packages of one target, kept from run to run: `.liveinsight/build/TARGET/FUNCTION.zip` with a record beside each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::pack::code_sha256;
use super::{BuildError, Package, digest};

/// Where packages are kept.
pub(super) struct Store {
    pub(super) directory: PathBuf,
}

/// What is known of a kept package.
#[derive(Serialize, Deserialize)]
struct Record {
    /// Compiler, target, means and format: everything besides files that decides what is in a package.
    identity: String,
    /// See [`digest::digest`].
    digest: String,
    /// The local crates that the digest covers.
    crates: BTreeSet<PathBuf>,
    /// The zip's digest.
    sha256: String,
}

/// A whole package that was made from the files that are there now; by which compiler is to be compared.
pub(super) struct Kept {
    package: Package,
    identity: String,
}

impl Kept {
    /// The package, if it was made with these means.
    pub(super) fn made_by(self, identity: &str) -> Option<Package> {
        (self.identity == identity).then_some(self.package)
    }
}

impl Store {
    /// The kept package, if it was made from exactly the files that are there now and is whole.
    pub(super) fn find(&self, function: &str, source: &Path) -> Option<Kept> {
        let record: Record = serde_json::from_slice(&std::fs::read(self.record(function)).ok()?).ok()?;
        let now = digest::digest(source, &record.crates).ok()?;
        if now != record.digest {
            return None;
        }
        let path = self.zip(function);
        let zip = std::fs::File::open(&path).ok()?;
        let is_whole = code_sha256(zip).ok()? == record.sha256;
        is_whole.then_some(Kept { package: Package { sha256: record.sha256, path }, identity: record.identity })
    }

    /// The local crates that a kept package was made from; none if that is not known.
    pub(super) fn crates(&self, function: &str) -> BTreeSet<PathBuf> {
        let record = std::fs::read(self.record(function)).ok().and_then(|text| serde_json::from_slice::<Record>(&text).ok());
        record.map(|record| record.crates).unwrap_or_default()
    }

    /// Keeps a zip.
    pub(super) fn keep(&self, function: &str, zip: &[u8], sha256: String) -> Result<Package, BuildError> {
        let path = self.zip(function);
        write(&path, zip)?;
        Ok(Package { sha256, path })
    }

    /// Notes what `package` was made from, if that can be said for certain. `program` is the file that cargo made in a
    /// run that began at `begun`.
    pub(super) fn remember(
        &self,
        identity: &str,
        function: &str,
        source: &Path,
        program: &Path,
        begun: SystemTime,
        package: &Package,
    ) -> Result<(), BuildError> {
        let path = self.record(function);
        let crates = digest::crates_of(program).unwrap_or_default();
        // What was saved while cargo ran may or may not be in the program: then cargo has to be asked again.
        let known = !crates.is_empty() && !digest::changed_since(&crates, begun);
        let Some(digest) = known.then(|| digest::digest(source, &crates).ok()).flatten() else {
            // Not being there is as good; any other failure leaves a record of older sources, which does not match.
            let _ = std::fs::remove_file(&path);
            return Ok(());
        };
        let record = Record { identity: identity.to_owned(), digest, crates, sha256: package.sha256.clone() };
        write(&path, serde_json::json!(record).to_string().as_bytes())
    }

    /// Makes the directory.
    pub(super) fn create(&self) -> Result<(), BuildError> {
        std::fs::create_dir_all(&self.directory).map_err(|source| BuildError::Write { path: self.directory.clone(), source })
    }

    fn zip(&self, function: &str) -> PathBuf {
        self.directory.join(format!("{function}.zip"))
    }

    fn record(&self, function: &str) -> PathBuf {
        self.directory.join(format!("{function}.json"))
    }
}

/// Writes a file so that nobody ever sees half of it.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), BuildError> {
    let new = path.with_extension(format!("new{}", std::process::id()));
    let written = std::fs::write(&new, content).and_then(|()| std::fs::rename(&new, path));
    written.map_err(|source| BuildError::Write { path: path.to_owned(), source })
}
