//! What one resource tells another within a run, and what the user should hear of though nothing failed.

use super::Aws;
use std::{cell::RefCell, collections::BTreeSet};

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Notes {
    published: RefCell<Option<Published>>,
    warnings: RefCell<Vec<String>>,
    made: RefCell<BTreeSet<String>>,
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

    /// Whether that was noted since the last observation; it is told once.
    pub fn was_made(&self, name: &str) -> bool {
        self.notes.made.borrow_mut().remove(name)
    }

    pub(super) fn forget_made(&self) {
        self.notes.made.borrow_mut().clear();
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
