//! The declared resources and what hangs on what; the only place where their types are erased.

use super::{
    Changes, Cloud, Fields, Gone, Live, Owner, Protection, Ref, Refusal, Resource, Result, Stray, Written, current::for_resource,
    digest::Marks, resource::FAILED, sweep::Sweep,
};
use futures::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::Value;
use std::{
    any::Any,
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    rc::Rc,
    time::Duration,
};

/// `kind/name`: stable, and the sort key of everything that is printed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Id(String);

impl Id {
    /// The id of the resource of kind `R` with this logical name.
    pub fn new<R: Resource>(name: &str) -> Self {
        Self::of(R::KIND, name)
    }

    /// The id of a resource whose kind is known by name only.
    pub fn of(kind: &str, name: &str) -> Self {
        Self(format!("{kind}/{name}"))
    }

    /// Fails where a sweep looks for a declaration, which it never has.
    pub(super) fn of_sweep() -> Self {
        Self("stack/sweep".to_owned())
    }

    pub(super) fn from_value(value: &Value) -> Self {
        Self(value.as_str().unwrap_or_default().to_owned())
    }

    /// The kind: `dynamodb.table`.
    pub fn kind(&self) -> &str {
        self.0.split_once('/').map_or("", |(kind, _)| kind)
    }

    /// The logical name: `events`.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The declared resources. A [`Handle`] exists only once its resource is added, so the list is in dependency order
/// and a cycle cannot be written.
pub struct Graph<C: Cloud> {
    pub(super) entries: Vec<Entry<C>>,
    index: BTreeMap<Id, usize>,
    /// (first, then): in which order two resources are deleted, beside the reverse of their creation.
    pub(super) delete_order: Vec<(usize, usize)>,
    /// Pairs whose creation has an order and whose deletion has none.
    pub(super) delete_freely: BTreeSet<(usize, usize)>,
    /// Deleted after all others.
    pub(super) last: Option<usize>,
    pub(super) sweeps: Vec<Sweep<C>>,
}

/// Declared resource.
pub struct Entry<C: Cloud> {
    /// Its id.
    pub id: Id,
    /// Its physical name.
    pub name: String,
    pub(super) needs: Vec<usize>,
    pub(super) part_of: Option<usize>,
    /// Deleted with what it is part of.
    pub(super) goes_along: bool,
    pub(super) marks: Marks,
    pub(super) node: Box<dyn Node<C>>,
}

/// A declared resource, to refer to what it will provide.
pub struct Handle<R: Resource> {
    id: Id,
    index: usize,
    output: Slot<R>,
}

type Slot<R> = Rc<RefCell<Option<<R as Resource>::Output>>>;

impl<R: Resource> Handle<R> {
    /// A reference to one of its outputs.
    pub fn output<T: Clone + 'static>(&self, label: &'static str, get: fn(&R::Output) -> T) -> Ref<T> {
        let slot = self.output.clone();
        Ref::new(self.id.clone(), label, move || slot.borrow().as_ref().map(get))
    }

    /// A value that is known beforehand (a name, an ARN), but useful only once this resource exists.
    pub fn known<T: Clone + 'static>(&self, label: &'static str, value: T) -> Ref<T> {
        Ref::new(self.id.clone(), label, move || Some(value.clone()))
    }

    /// Its id.
    pub fn id(&self) -> &Id {
        &self.id
    }
}

impl<C: Cloud> Default for Graph<C> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            index: BTreeMap::new(),
            delete_order: Vec::new(),
            delete_freely: BTreeSet::new(),
            last: None,
            sweeps: Vec::new(),
        }
    }
}

impl<C: Cloud> Graph<C> {
    /// Declares a resource.
    ///
    /// # Panics
    /// If the id is declared twice: names come from maps, whose keys are unique.
    pub fn add<R: Resource<Cloud = C>>(&mut self, name: &str, spec: R) -> Handle<R> {
        const { assert!(!R::IS_PART, "a part is declared by `add_part`, with what it is part of") };
        self.push(name, spec)
    }

    fn push<R: Resource<Cloud = C>>(&mut self, name: &str, mut spec: R) -> Handle<R> {
        let id = Id::new::<R>(name);
        let marks = Marks::of(&spec);
        spec.stamp(&marks.to_string());
        let needs = Fields::of(&spec).needs().iter().map(|id| self.index[id]).collect();
        let output = Slot::<R>::default();
        let index = self.entries.len();
        assert!(self.index.insert(id.clone(), index).is_none(), "{id} is declared twice");
        let name = spec.name();
        let node = Box::new(Declared { spec, output: output.clone(), live: RefCell::new(None) });
        self.entries.push(Entry { id: id.clone(), name, needs, part_of: None, goes_along: false, marks, node });
        Handle { id, index, output }
    }

    /// Declares a resource that belongs to whom `whole` belongs, and cannot outlive it: it is deleted with it
    /// ([`GOES_ALONG`](Resource::GOES_ALONG)) or before it.
    pub fn add_part<R: Resource<Cloud = C>, W: Resource<Cloud = C>>(&mut self, whole: &Handle<W>, name: &str, spec: R) -> Handle<R> {
        let handle = self.push(name, spec);
        let entry = &mut self.entries[handle.index];
        (entry.part_of, entry.goes_along) = (Some(whole.index), R::GOES_ALONG);
        if !entry.needs.contains(&whole.index) {
            entry.needs.push(whole.index);
        }
        handle
    }

    /// `then` is deleted after `first`, whichever was created first.
    pub fn delete_first<A: Resource<Cloud = C>, B: Resource<Cloud = C>>(&mut self, first: &Handle<A>, then: &Handle<B>) {
        self.delete_freely.insert((then.index, first.index));
        self.delete_order.push((first.index, then.index));
    }

    /// `user` needs `used` to be created, but `used` may be deleted before it.
    pub fn delete_freely<A: Resource<Cloud = C>, B: Resource<Cloud = C>>(&mut self, user: &Handle<A>, used: &Handle<B>) {
        self.delete_freely.insert((user.index, used.index));
    }

    /// Declares that a resource is deleted when all others are gone, declared or not, and kept if one of them remains against our will. It
    /// may need nothing.
    pub fn delete_last<R: Resource<Cloud = C>>(&mut self, last: &Handle<R>) {
        self.last = Some(last.index);
    }

    /// Adds a sweep. Strays are deleted in the order in which their sweeps were added: what uses something before what it uses.
    pub fn sweep(&mut self, sweep: impl for<'a> Fn(&'a C) -> LocalBoxFuture<'a, Result<Vec<Stray<C>>>> + 'static) {
        self.sweeps.push(Sweep { parts: false, list: Box::new(sweep) });
    }

    /// Adds a sweep for what is always part of something that another sweep or the graph itself removes as a whole.
    pub fn sweep_parts(&mut self, sweep: impl for<'a> Fn(&'a C) -> LocalBoxFuture<'a, Result<Vec<Stray<C>>>> + 'static) {
        self.sweeps.push(Sweep { parts: true, list: Box::new(sweep) });
    }

    /// The declared resources, in an order in which they could be created.
    pub fn entries(&self) -> &[Entry<C>] {
        &self.entries
    }

    /// Returns whether a resource is declared.
    pub fn contains(&self, id: &Id) -> bool {
        self.index.contains_key(id)
    }

    /// Returns the entry with this id, if it is declared.
    pub(super) fn entry(&self, id: &Id) -> Option<&Entry<C>> {
        Some(&self.entries[self.place(id)?])
    }

    /// Returns the place of the entry with this id among the [`entries`](Self::entries), if it is declared.
    pub(super) fn place(&self, id: &Id) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// Returns the owner of a declared resource that exists.
    pub async fn owner(&self, cloud: &C, id: &Id) -> Result<Option<Owner>> {
        match self.entry(id) {
            Some(entry) => entry.find(cloud).await,
            None => Ok(None),
        }
    }

    /// Returns the entry and all that it is part of, itself first.
    pub fn lineage<'a>(&'a self, entry: &'a Entry<C>) -> impl Iterator<Item = &'a Entry<C>> {
        std::iter::successors(Some(entry), |part| Some(&self.entries[part.part_of?]))
    }

    /// The ids that an entry needs, sorted.
    pub fn needs(&self, entry: &Entry<C>) -> Vec<&Id> {
        let mut ids: Vec<&Id> = entry.needs.iter().map(|&need| &self.entries[need].id).collect();
        ids.sort();
        ids
    }

    /// Returns these ids and all their dependencies, direct or not; `Err` with the first that is not declared.
    pub fn closure<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Result<BTreeSet<Id>, String> {
        let mut wanted = BTreeSet::new();
        let mut queue = Vec::new();
        for id in ids {
            queue.push(*self.index.get(&Id(id.to_owned())).ok_or_else(|| id.to_owned())?);
        }
        while let Some(index) = queue.pop() {
            if wanted.insert(self.entries[index].id.clone()) {
                queue.extend(&self.entries[index].needs);
            }
        }
        Ok(wanted)
    }
}

impl<C: Cloud> Entry<C> {
    /// Facts of the cloud about its kind.
    pub fn facts(&self) -> &'static C::Kind {
        self.node.facts()
    }

    /// Returns the names by which the cloud's own tools know it, as far as its output is known.
    pub fn identity(&self, target: &C::Target) -> C::Identity {
        self.node.identity(target)
    }

    /// Returns its output, if it is of kind `R` and was observed or made.
    pub fn output<R: Resource<Cloud = C>>(&self) -> Option<R::Output> {
        (self.id.kind() == R::KIND).then(|| self.node.output()?.downcast::<R::Output>().ok()).flatten().map(|output| *output)
    }

    /// The declaration, flattened.
    pub fn desired(&self) -> Fields {
        self.node.desired()
    }

    /// Reads it. Where what it hangs from does not exist, neither does it.
    pub(super) async fn observe(&self, cloud: &C) -> Result<Option<Seen>> {
        unless_unresolved(for_resource(&self.id, self.node.observe(cloud)).await)
    }

    /// Finds it, likewise.
    pub(super) async fn find(&self, cloud: &C) -> Result<Option<Owner>> {
        unless_unresolved(for_resource(&self.id, self.node.find(cloud)).await)
    }

    /// Returns what keeps it from being deleted, once it was found.
    pub(super) async fn protection(&self, cloud: &C) -> Result<Option<Protection>> {
        for_resource(&self.id, self.node.protection(cloud)).await
    }
}

/// Part of an observation that the engine keeps.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) fields: Fields,
    pub(super) busy: Option<&'static str>,
    pub(super) failed: Option<Box<Refusal>>,
    pub(super) owner: Owner,
    pub(super) applied: Option<String>,
}

/// Outcome of a write: [`Written`] without the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    /// Nothing but to look for its parts.
    Parts,
    More,
    Pending(&'static str),
}

/// A [`Resource`] with its types erased; the only `dyn` of the engine.
pub(super) trait Node<C: Cloud> {
    fn facts(&self) -> &'static C::Kind;
    fn identity(&self, target: &C::Target) -> C::Identity;
    /// A copy of its output, if it is known.
    fn output(&self) -> Option<Box<dyn Any>>;
    fn desired(&self) -> Fields;
    fn fixed(&self) -> &'static [&'static str];
    fn comes_along(&self) -> bool;
    fn early(&self) -> bool;
    fn lists_hide_failure(&self) -> bool;
    fn holds_data(&self) -> bool;
    /// Limit of the time that a removal takes.
    fn removal(&self) -> Duration;
    fn observe<'a>(&'a self, cloud: &'a C) -> LocalBoxFuture<'a, Result<Option<Seen>>>;
    fn survey<'a>(&'a self, cloud: &'a C) -> LocalBoxFuture<'a, Result<Option<Seen>>>;
    /// Makes its output known, if there is one.
    fn locate<'a>(&'a self, cloud: &'a C) -> LocalBoxFuture<'a, Result<()>>;
    fn find<'a>(&'a self, cloud: &'a C) -> LocalBoxFuture<'a, Result<Option<Owner>>>;
    fn protection<'a>(&'a self, cloud: &'a C) -> LocalBoxFuture<'a, Result<Option<Protection>>>;
    fn create<'a>(&'a self, cloud: &'a C) -> LocalBoxFuture<'a, Result<Left>>;
    fn update<'a>(&'a self, cloud: &'a C, changes: &'a Changes) -> LocalBoxFuture<'a, Result<Left>>;
    fn delete<'a>(&'a self, cloud: &'a C) -> LocalBoxFuture<'a, Result<Gone>>;
    /// Drops what is known of the resource, because it is gone.
    fn forget(&self);
}

pub(super) struct Declared<R: Resource> {
    pub(super) spec: R,
    pub(super) output: Slot<R>,
    pub(super) live: RefCell<Option<Rc<Live<R>>>>,
}

impl<R: Resource> Declared<R> {
    fn settle(&self, written: Written<R::Output>) -> Left {
        let (output, left) = match written {
            Written::Complete(output) => (output, Left::Nothing),
            Written::WithParts(output) => (output, Left::Parts),
            Written::Settling(output) => (output, Left::More),
            Written::Pending(output, why) => (output, Left::Pending(why)),
        };
        *self.output.borrow_mut() = Some(output);
        left
    }

    fn see(&self, live: Option<Live<R>>) -> Option<Seen> {
        let live = live.map(Rc::new);
        *self.output.borrow_mut() = live.as_ref().map(|live| live.output.clone());
        let fields = |live: &Live<R>| match &live.failed {
            Some(refusal) => Fields::of(&live.spec).with(FAILED, refusal.to_string()),
            None => Fields::of(&live.spec),
        };
        let seen = live.as_ref().map(|live| Seen {
            fields: fields(live),
            busy: live.busy,
            failed: live.failed.clone(),
            owner: live.owner.clone(),
            applied: live.applied.clone(),
        });
        *self.live.borrow_mut() = live;
        seen
    }
}

/// Treats a resource as absent if what it depends on is absent.
pub(super) fn unless_unresolved<T>(result: Result<Option<T>>) -> Result<Option<T>> {
    match result {
        Err(super::Error::Unresolved) => Ok(None),
        other => other,
    }
}

impl<R: Resource> Node<R::Cloud> for Declared<R> {
    fn facts(&self) -> &'static <R::Cloud as Cloud>::Kind {
        R::FACTS
    }

    fn identity(&self, target: &<R::Cloud as Cloud>::Target) -> <R::Cloud as Cloud>::Identity {
        self.spec.identity(target, self.output.borrow().as_ref())
    }

    fn output(&self) -> Option<Box<dyn Any>> {
        self.output.borrow().clone().map(|output| Box::new(output) as Box<dyn Any>)
    }

    fn desired(&self) -> Fields {
        Fields::of(&self.spec)
    }

    fn fixed(&self) -> &'static [&'static str] {
        R::FIXED
    }

    fn comes_along(&self) -> bool {
        R::COMES_ALONG
    }

    fn early(&self) -> bool {
        R::EARLY
    }

    fn lists_hide_failure(&self) -> bool {
        R::LISTS_HIDE_FAILURE
    }

    fn holds_data(&self) -> bool {
        R::HOLDS_DATA
    }

    fn removal(&self) -> Duration {
        R::REMOVAL
    }

    fn observe<'a>(&'a self, cloud: &'a R::Cloud) -> LocalBoxFuture<'a, Result<Option<Seen>>> {
        Box::pin(async move { Ok(self.see(self.spec.observe(cloud).await?)) })
    }

    fn survey<'a>(&'a self, cloud: &'a R::Cloud) -> LocalBoxFuture<'a, Result<Option<Seen>>> {
        Box::pin(async move { Ok(self.see(self.spec.survey(cloud).await?)) })
    }

    fn locate<'a>(&'a self, cloud: &'a R::Cloud) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let output = self.spec.locate(cloud).await?;
            *self.output.borrow_mut() = output;
            Ok(())
        })
    }

    fn find<'a>(&'a self, cloud: &'a R::Cloud) -> LocalBoxFuture<'a, Result<Option<Owner>>> {
        Box::pin(async move {
            let found = self.spec.find(cloud).await?;
            *self.output.borrow_mut() = found.as_ref().map(|found| found.output.clone());
            Ok(found.map(|found| found.owner))
        })
    }

    fn protection<'a>(&'a self, cloud: &'a R::Cloud) -> LocalBoxFuture<'a, Result<Option<Protection>>> {
        Box::pin(async move {
            let output = self.output.borrow().clone();
            match output {
                Some(output) => self.spec.protection(cloud, &output).await,
                None => Ok(None),
            }
        })
    }

    fn create<'a>(&'a self, cloud: &'a R::Cloud) -> LocalBoxFuture<'a, Result<Left>> {
        Box::pin(async move { Ok(self.settle(self.spec.create(cloud).await?)) })
    }

    fn update<'a>(&'a self, cloud: &'a R::Cloud, changes: &'a Changes) -> LocalBoxFuture<'a, Result<Left>> {
        Box::pin(async move {
            let live = self.live.borrow().clone().expect("an update follows an observation");
            Ok(self.settle(self.spec.update(cloud, &live, changes).await?))
        })
    }

    fn delete<'a>(&'a self, cloud: &'a R::Cloud) -> LocalBoxFuture<'a, Result<Gone>> {
        Box::pin(async move {
            let output = self.output.borrow().clone();
            match output {
                Some(output) => match self.spec.delete(cloud, &output).await {
                    Err(super::Error::Absent(_)) => Ok(Gone::Yes),
                    other => other,
                },
                None => Ok(Gone::Yes),
            }
        })
    }

    fn forget(&self) {
        *self.output.borrow_mut() = None;
        *self.live.borrow_mut() = None;
    }
}
