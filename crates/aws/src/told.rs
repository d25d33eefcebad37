//! What an answer to a write of this run already told, so that it is not asked for.

use super::{Aws, Tags};
use std::{
    any::{Any, TypeId},
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

#[derive(Debug, Default)]
pub(super) struct Told {
    tags: RefCell<BTreeMap<String, Tags>>,
    bare: RefCell<BTreeSet<String>>,
    /// By the type of what is told and the resource's name: kinds may have names in common.
    made: RefCell<BTreeMap<(TypeId, String), Rc<dyn Any>>>,
    unmarked: RefCell<BTreeSet<String>>,
    is_last_look: Cell<bool>,
}

impl Aws {
    /// This resource (its ARN) was just made with these tags: the service answered that it is a new one, and that it has them.
    pub fn note_tags(&self, arn: &str, tags: &Tags) {
        self.told.tags.borrow_mut().insert(arn.to_owned(), tags.clone());
    }

    /// The tags that it was made with in this run, unless they were written again since. From the last look on they count only if the tag
    /// inventory shows the same: a service may answer with success and keep none.
    pub async fn told_tags(&self, arn: &str) -> Option<Tags> {
        let told = self.told.tags.borrow().get(arn).cloned()?;
        if self.is_last_look() && !self.inventory_shows(arn, &told).await {
            self.forget_tags(arn);
            return None;
        }
        Some(told)
    }

    /// Its tags are written again.
    pub fn forget_tags(&self, arn: &str) {
        self.told.tags.borrow_mut().remove(arn);
    }

    /// This resource was just made, and is known by this from now on.
    pub fn note_output<T: Any>(&self, name: &str, output: T) {
        self.told.made.borrow_mut().insert((TypeId::of::<T>(), name.to_owned()), Rc::new(output));
    }

    /// Returns what is known of a resource that was made in this run, for the last look at it, where that saves looking for it; and for all
    /// looks from there on, if nothing else shows that it is ours.
    pub fn told_output<T: Clone + 'static>(&self, name: &str) -> Option<T> {
        let counts = self.is_last_look() || self.told.unmarked.borrow().contains(name);
        let made = self.told.made.borrow().get(&(TypeId::of::<T>(), name.to_owned())).cloned().filter(|_| counts)?;
        made.downcast_ref().cloned()
    }

    /// This resource was made in this run, and the service did not keep the tags by which it would be found.
    pub fn note_unmarked(&self, name: &str) {
        self.told.unmarked.borrow_mut().insert(name.to_owned());
    }

    /// Returns whether this is the last look at what this run wrote: it exists, so that everything about it can be asked for at once.
    pub fn is_last_look(&self) -> bool {
        self.told.is_last_look.get()
    }

    pub(super) fn set_last_look(&self, is_last_look: bool) {
        self.told.is_last_look.set(is_last_look);
    }

    /// Notes that a resource was just made, and that what its creation does not take is not written yet.
    pub fn note_bare(&self, name: &str) {
        self.told.bare.borrow_mut().insert(name.to_owned());
    }

    /// Returns whether a resource was just made, and what its creation does not take is not written yet.
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
        self.told.unmarked.borrow_mut().clear();
    }
}
