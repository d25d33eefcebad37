//! Notes of a run: facts that one resource passes to another, and warnings for the user although nothing failed.

use super::{
    Aws,
    object_headers::{Headers, Known},
};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// Notes of the current run.
#[derive(Debug, Default)]
pub(super) struct RunNotes {
    published: RefCell<Option<Published>>,
    warnings: RefCell<Vec<String>>,
    made: RefCell<BTreeSet<String>>,
    logging_role: RefCell<Option<(String, Instant)>>,
    has_logging_role: Cell<bool>,
    roles: RefCell<BTreeMap<String, Instant>>,
    until_known: Cell<Option<Duration>>,
    going: RefCell<BTreeSet<String>>,
    headers: RefCell<BTreeMap<String, Known>>,
    read: RefCell<Option<String>>,
    site_kept: Cell<Option<bool>>,
}

/// Objects of the site that were written or removed, and that caches may still hold in their old state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// Digest of the site before the first of these changes, computed by [`digest`](engine::digest) from the MD5 of each key.
    pub before: String,
    /// Keys of the objects, below the site's prefix.
    pub keys: BTreeSet<String>,
}

impl Aws {
    /// Notes changes to objects of the site. `before` is the digest of the site before them.
    pub fn note_published(&self, before: &str, keys: impl IntoIterator<Item = String>) {
        let mut published = self.run_notes.published.borrow_mut();
        let noted = published.get_or_insert_with(|| Published { before: before.to_owned(), keys: BTreeSet::new() });
        noted.keys.extend(keys);
    }

    /// Returns the published objects that are not yet dropped from caches.
    pub fn published(&self) -> Option<Published> {
        self.run_notes.published.borrow().clone()
    }

    /// Drops the note of published objects: caches were invalidated, or were empty.
    pub fn forget_published(&self) {
        self.run_notes.published.borrow_mut().take();
    }

    /// Notes a resource that was created ahead of its turn, so that its creation can skip that step.
    pub fn note_made(&self, name: &str) {
        self.run_notes.made.borrow_mut().insert(name.to_owned());
    }

    /// Takes the note that a resource was created since the run last began to observe. A second call returns `false`.
    pub fn was_made(&self, name: &str) -> bool {
        self.run_notes.made.borrow_mut().remove(name)
    }

    pub(super) fn forget_notes(&self) {
        self.run_notes.made.borrow_mut().clear();
        self.run_notes.headers.borrow_mut().clear();
        self.run_notes.read.take();
        self.run_notes.site_kept.set(None);
        self.run_notes.has_logging_role.set(false);
    }

    /// Notes the headers of an object of the site. Stored headers do not replace those that this run wrote or read itself.
    pub fn note_headers(&self, key: String, known: Known) {
        let mut headers = self.run_notes.headers.borrow_mut();
        let is_better = known.version.is_some() || headers.get(&key).is_none_or(|old| old.version.is_none());
        if is_better {
            headers.insert(key, known);
        }
    }

    /// Returns the headers of an object of the site in its listed state, if they are known.
    pub fn known_headers(&self, key: &str, md5: &str, at: i64) -> Option<Headers> {
        let headers = self.run_notes.headers.borrow();
        let known = headers.get(key).filter(|known| known.md5 == md5 && known.at.is_none_or(|then| then == at))?;
        Some(known.headers.clone())
    }

    /// Returns the headers of one version. Another version of the same content, written by another run meanwhile, does not match.
    pub fn headers_of_version(&self, key: &str, md5: &str, at: i64, version: &str) -> Option<Headers> {
        let headers = self.run_notes.headers.borrow();
        let is_same = |known: &&Known| match &known.version {
            Some(id) => id == version,
            None => known.md5 == md5 && known.at == Some(at),
        };
        Some(headers.get(key).filter(is_same)?.headers.clone())
    }

    /// Returns whether this run has read the stored headers of the site.
    pub fn knows_headers(&self) -> bool {
        self.run_notes.site_kept.get().is_some()
    }

    /// Notes that the stored headers of the site with this digest are being read; `false` if they already were.
    pub fn note_read(&self, digest: &str) -> bool {
        self.run_notes.read.replace(Some(digest.to_owned())).as_deref() != Some(digest)
    }

    /// Notes whether the stored headers of the site are current.
    pub fn note_site_kept(&self, is_kept: bool) {
        self.run_notes.site_kept.set(Some(is_kept));
    }

    /// Returns whether the stored headers of the site are current, as this run has observed them; `true` if it has not observed them.
    pub fn site_is_kept(&self) -> bool {
        self.run_notes.site_kept.get().unwrap_or(true)
    }

    /// Notes that this run just created the role with which API Gateway writes logs.
    pub fn note_logging_role(&self, arn: &str) {
        self.run_notes.logging_role.replace(Some((arn.to_owned(), Instant::now())));
    }

    /// Notes that API Gateway has a role with which it writes logs.
    pub fn note_has_logging_role(&self) {
        self.run_notes.has_logging_role.set(true);
    }

    /// Returns whether the account's logging role was seen, or set, in this run.
    pub fn has_logging_role(&self) -> bool {
        self.run_notes.has_logging_role.get()
    }

    /// Notes that this run just created a role.
    pub fn note_role(&self, arn: &str) {
        self.run_notes.roles.borrow_mut().insert(arn.to_owned(), Instant::now());
    }

    /// Notes that another service accepts a role.
    pub fn note_known_role(&self, arn: &str) {
        if let Some(made) = self.run_notes.roles.borrow_mut().remove(arn) {
            let longest = self.run_notes.until_known.get().unwrap_or_default().max(made.elapsed());
            self.run_notes.until_known.set(Some(longest));
        }
    }

    /// Returns the longest time until another service accepted a role of this run; `None` as long as none has.
    pub fn until_roles_are_known(&self) -> Option<Duration> {
        self.run_notes.until_known.get()
    }

    /// Returns the ARN of the logging role that this run created, and its age.
    pub fn new_logging_role(&self) -> Option<(String, Duration)> {
        self.run_notes.logging_role.borrow().as_ref().map(|(arn, made)| (arn.clone(), made.elapsed()))
    }

    /// Notes that all objects of a bucket are being deleted, and the bucket after them. An object written to it now would keep it.
    pub fn note_bucket_goes(&self, name: &str) {
        self.run_notes.going.borrow_mut().insert(name.to_owned());
    }

    /// Returns whether this run removes the bucket.
    pub fn bucket_goes(&self, name: &str) -> bool {
        self.run_notes.going.borrow().contains(name)
    }

    /// Adds a warning about a failure that nothing depends on: a phrase for the user, with the consequence.
    pub fn warn(&self, warning: String) {
        self.run_notes.warnings.borrow_mut().push(warning);
    }

    /// Returns the warnings of this run.
    pub fn warnings(&self) -> Vec<String> {
        self.run_notes.warnings.borrow().clone()
    }
}
