//! What an answer to a write of this run already told, so that it is not asked for.

use super::{Aws, Tags};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

#[derive(Debug, Default)]
pub(super) struct Told {
    tags: RefCell<BTreeMap<String, Tags>>,
    bare: RefCell<BTreeSet<String>>,
    made: RefCell<BTreeMap<String, Rc<dyn Any>>>,
    is_last_look: Cell<bool>,
}

impl Aws {
    /// This resource (its ARN) was just made with these tags: the service answered that it is a new one, and that it has them.
    pub fn note_tags(&self, arn: &str, tags: &Tags) {
        self.told.tags.borrow_mut().insert(arn.to_owned(), tags.clone());
    }

    /// The tags that it was made with in this run, unless they were written again since.
    pub fn told_tags(&self, arn: &str) -> Option<Tags> {
        self.told.tags.borrow().get(arn).cloned()
    }

    /// Its tags are written again.
    pub fn forget_tags(&self, arn: &str) {
        self.told.tags.borrow_mut().remove(arn);
    }

    /// This resource was just made, and is known by this from now on.
    pub fn note_output(&self, name: &str, output: impl Any) {
        self.told.made.borrow_mut().insert(name.to_owned(), Rc::new(output));
    }

    /// What is known of a resource that was made in this run, for the last look at it: where that saves looking for it.
    pub fn told_output<T: Clone + 'static>(&self, name: &str) -> Option<T> {
        let made = self.told.made.borrow().get(name).cloned().filter(|_| self.is_last_look())?;
        made.downcast_ref().cloned()
    }

    /// Whether what was written in this run is being looked at for the last time: it is there, so that all about it can be asked at once.
    pub fn is_last_look(&self) -> bool {
        self.told.is_last_look.get()
    }

    pub(super) fn set_last_look(&self, is_last_look: bool) {
        self.told.is_last_look.set(is_last_look);
    }

    /// This resource was just made, and what its creation does not take is not written yet.
    pub fn note_bare(&self, name: &str) {
        self.told.bare.borrow_mut().insert(name.to_owned());
    }

    /// Whether that is so.
    pub fn is_bare(&self, name: &str) -> bool {
        self.told.bare.borrow().contains(name)
    }

    /// More of it is written, or it counts what the service shows.
    pub fn forget_bare(&self, name: &str) {
        self.told.bare.borrow_mut().remove(name);
    }

    pub(super) fn forget_all_bare(&self) {
        self.told.bare.borrow_mut().clear();
    }

    pub(super) fn forget_told(&self) {
        self.told.tags.borrow_mut().clear();
        self.told.bare.borrow_mut().clear();
        self.told.made.borrow_mut().clear();
    }
}
