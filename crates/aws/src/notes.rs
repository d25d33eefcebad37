//! What one resource tells another within a run, and what the user should hear of though nothing failed.

use super::{
    Aws,
    object_headers::{Headers, Known},
};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// Notes of this run so far.
#[derive(Debug, Default)]
pub(super) struct Notes {
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

/// Objects of the site that were written or removed, and that caches may still have as they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The digest of the site before the first of these changes; as [`digest`](engine::digest) makes it of each key's MD5.
    pub before: String,
    /// Their keys, below the site's prefix.
    pub keys: BTreeSet<String>,
}

impl Aws {
    /// Objects of the site were changed; `before` is the digest of the site as it was.
    pub fn note_published(&self, before: &str, keys: impl IntoIterator<Item = String>) {
        let mut published = self.notes.published.borrow_mut();
        let noted = published.get_or_insert_with(|| Published { before: before.to_owned(), keys: BTreeSet::new() });
        noted.keys.extend(keys);
    }

    /// Returns what was published and is not yet dropped from caches.
    pub fn published(&self) -> Option<Published> {
        self.notes.published.borrow().clone()
    }

    /// Caches have been told, or were empty.
    pub fn forget_published(&self) {
        self.notes.published.borrow_mut().take();
    }

    /// Something was made ahead of its turn: whoever was to make it need not.
    pub fn note_made(&self, name: &str) {
        self.notes.made.borrow_mut().insert(name.to_owned());
    }

    /// Takes the note that a resource was made since the run last began to look; the second caller gets none.
    pub fn was_made(&self, name: &str) -> bool {
        self.notes.made.borrow_mut().remove(name)
    }

    pub(super) fn forget_notes(&self) {
        self.notes.made.borrow_mut().clear();
        self.notes.headers.borrow_mut().clear();
        self.notes.read.take();
        self.notes.site_kept.set(None);
        self.notes.has_logging_role.set(false);
    }

    /// Takes note of the headers of an object of the site. What this run wrote or asked itself is not replaced by what was kept.
    pub fn note_headers(&self, key: String, known: Known) {
        let mut headers = self.notes.headers.borrow_mut();
        let is_better = known.version.is_some() || headers.get(&key).is_none_or(|old| old.version.is_none());
        if is_better {
            headers.insert(key, known);
        }
    }

    /// The headers of an object of the site as it is listed, if they are known.
    pub fn known_headers(&self, key: &str, md5: &str, at: i64) -> Option<Headers> {
        let headers = self.notes.headers.borrow();
        let known = headers.get(key).filter(|known| known.md5 == md5 && known.at.is_none_or(|then| then == at))?;
        Some(known.headers.clone())
    }

    /// Returns the headers of one version: another one of the same content, written by another run meanwhile, is not taken for it.
    pub fn headers_of_version(&self, key: &str, md5: &str, at: i64, version: &str) -> Option<Headers> {
        let headers = self.notes.headers.borrow();
        let is_same = |known: &&Known| match &known.version {
            Some(id) => id == version,
            None => known.md5 == md5 && known.at == Some(at),
        };
        Some(headers.get(key).filter(is_same)?.headers.clone())
    }

    /// Returns whether this run knows headers of the site.
    pub fn knows_headers(&self) -> bool {
        self.notes.site_kept.get().is_some()
    }

    /// Takes note that what was kept of the site's headers, by its digest, is being read; `false` if it was read before.
    pub fn note_read(&self, digest: &str) -> bool {
        self.notes.read.replace(Some(digest.to_owned())).as_deref() != Some(digest)
    }

    /// Takes note whether what is kept of the site's headers is how it is.
    pub fn note_site_kept(&self, is_kept: bool) {
        self.notes.site_kept.set(Some(is_kept));
    }

    /// Returns whether what is kept of the site's headers is how it is, as this run has seen it; `true` if it has not looked.
    pub fn site_is_kept(&self) -> bool {
        self.notes.site_kept.get().unwrap_or(true)
    }

    /// This run made the role with which API Gateway writes logs, just now.
    pub fn note_logging_role(&self, arn: &str) {
        self.notes.logging_role.replace(Some((arn.to_owned(), Instant::now())));
    }

    /// API Gateway has a role with which it writes logs.
    pub fn note_has_logging_role(&self) {
        self.notes.has_logging_role.set(true);
    }

    /// Returns whether the account's logging role was seen, or set, in this run.
    pub fn has_logging_role(&self) -> bool {
        self.notes.has_logging_role.get()
    }

    /// This run made a role, just now.
    pub fn note_role(&self, arn: &str) {
        self.notes.roles.borrow_mut().insert(arn.to_owned(), Instant::now());
    }

    /// Another service takes this role.
    pub fn note_known_role(&self, arn: &str) {
        if let Some(made) = self.notes.roles.borrow_mut().remove(arn) {
            let longest = self.notes.until_known.get().unwrap_or_default().max(made.elapsed());
            self.notes.until_known.set(Some(longest));
        }
    }

    /// Returns the longest time until a role of this run was known to another service; `None` as long as none is.
    pub fn until_roles_are_known(&self) -> Option<Duration> {
        self.notes.until_known.get()
    }

    /// The ARN of that role, and how old it is.
    pub fn new_logging_role(&self) -> Option<(String, Duration)> {
        self.notes.logging_role.borrow().as_ref().map(|(arn, made)| (arn.clone(), made.elapsed()))
    }

    /// Everything in this bucket is being removed, and then the bucket: what is written to it now would keep it.
    pub fn note_bucket_goes(&self, name: &str) {
        self.notes.going.borrow_mut().insert(name.to_owned());
    }

    /// Returns whether this run removes the bucket.
    pub fn bucket_goes(&self, name: &str) -> bool {
        self.notes.going.borrow().contains(name)
    }

    /// Something did not work that nothing depends on. A phrase for the user, with what follows from it.
    pub fn warn(&self, warning: String) {
        self.notes.warnings.borrow_mut().push(warning);
    }

    /// The warnings so far.
    pub fn warnings(&self) -> Vec<String> {
        self.notes.warnings.borrow().clone()
    }
}
