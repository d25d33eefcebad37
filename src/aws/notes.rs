//! What one resource tells another within a run, and what the user should hear of though nothing failed.

use super::Aws;
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// What was said so far.
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
}

/// Objects of the site that were written or removed, and that caches may still have as they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The digest of the site before the first of these changes; as [`digest`](crate::engine::digest) makes it of each key's MD5.
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

    /// What was published and is not yet dropped from caches.
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

    /// Whether that was noted since the run last began to look; it is told once.
    pub fn was_made(&self, name: &str) -> bool {
        self.notes.made.borrow_mut().remove(name)
    }

    pub(super) fn forget_notes(&self) {
        self.notes.made.borrow_mut().clear();
        self.notes.has_logging_role.set(false);
    }

    /// This run made the role with which API Gateway writes logs, just now.
    pub fn note_logging_role(&self, arn: &str) {
        self.notes.logging_role.replace(Some((arn.to_owned(), Instant::now())));
    }

    /// API Gateway has a role with which it writes logs.
    pub fn note_has_logging_role(&self) {
        self.notes.has_logging_role.set(true);
    }

    /// Whether that was seen, or done, in this run.
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

    /// How long it took at most until a role of this run was known to another service; `None` as long as none is.
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

    /// Whether that was noted in this run.
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
