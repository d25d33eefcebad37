//! Write-through cache: facts from answers to writes of this run, which save later reads.

use super::{Aws, Tags};
use std::{
    any::{Any, TypeId},
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

#[derive(Debug, Default)]
pub(super) struct WriteCache {
    tags: RefCell<BTreeMap<String, Tags>>,
    bare: RefCell<BTreeSet<String>>,
    /// Outputs by their type and the resource's name, because kinds may have names in common.
    made: RefCell<BTreeMap<(TypeId, String), Rc<dyn Any>>>,
    unmarked: RefCell<BTreeSet<String>>,
    is_last_look: Cell<bool>,
}

impl Aws {
    /// Records that a resource (by its ARN) was just created with these tags: the service answered that it is new and has them.
    pub fn cache_tags(&self, arn: &str, tags: &Tags) {
        self.write_cache.tags.borrow_mut().insert(arn.to_owned(), tags.clone());
    }

    /// Returns the tags that this run created the resource with, unless they were written again since. From the last observation on, they count
    /// only if the tag inventory reports the same. A service may report success and keep no tags.
    pub async fn cached_tags(&self, arn: &str) -> Option<Tags> {
        let told = self.write_cache.tags.borrow().get(arn).cloned()?;
        if self.is_last_look() && !self.inventory_shows(arn, &told).await {
            self.forget_tags(arn);
            return None;
        }
        Some(told)
    }

    /// Drops the tags of a resource, because they are written again.
    pub fn forget_tags(&self, arn: &str) {
        self.write_cache.tags.borrow_mut().remove(arn);
    }

    /// Records the output of a resource that was just created.
    pub fn cache_output<T: Any>(&self, name: &str, output: T) {
        self.write_cache.made.borrow_mut().insert((TypeId::of::<T>(), name.to_owned()), Rc::new(output));
    }

    /// Returns the output of a resource that this run created. It counts for the last observation, where it saves a search. If nothing else shows
    /// that the resource is this stack's, it counts for all later observations too.
    pub fn created_output<T: Clone + 'static>(&self, name: &str) -> Option<T> {
        let counts = self.is_last_look() || self.write_cache.unmarked.borrow().contains(name);
        let made = self.write_cache.made.borrow().get(&(TypeId::of::<T>(), name.to_owned())).cloned().filter(|_| counts)?;
        made.downcast_ref().cloned()
    }

    /// Records that this run created a resource and the service did not keep the tags by which it would be found.
    pub fn note_unmarked(&self, name: &str) {
        self.write_cache.unmarked.borrow_mut().insert(name.to_owned());
    }

    /// Returns whether this is the last observation of what this run wrote.
    fn is_last_look(&self) -> bool {
        self.write_cache.is_last_look.get()
    }

    pub(super) fn set_last_look(&self, is_last_look: bool) {
        self.write_cache.is_last_look.set(is_last_look);
    }

    /// Records that a resource was just created and that settings beyond its creation are not written yet.
    pub fn note_bare(&self, name: &str) {
        self.write_cache.bare.borrow_mut().insert(name.to_owned());
    }

    /// Returns whether a resource was just created and settings beyond its creation are not written yet.
    pub fn is_bare(&self, name: &str) -> bool {
        self.write_cache.bare.borrow().contains(name)
    }

    /// Drops that record: more settings are written, or the service's answer counts from now on.
    pub fn forget_bare(&self, name: &str) {
        self.write_cache.bare.borrow_mut().remove(name);
    }

    pub(super) fn forget_all_bare(&self) {
        self.write_cache.bare.borrow_mut().clear();
    }

    pub(super) fn clear_write_cache(&self) {
        self.write_cache.tags.borrow_mut().clear();
        self.write_cache.bare.borrow_mut().clear();
        self.write_cache.made.borrow_mut().clear();
        self.write_cache.unmarked.borrow_mut().clear();
    }
}
