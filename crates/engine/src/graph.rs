//! The graph of declared resources and their dependencies, and the only place that erases their types.

use super::{
    Changes, Cloud, DeleteOutcome, Fields, Observed, Orphan, Owner, Protection, ReadFrom, Ref, Refusal, Resource, Result, WriteOutcome,
    current::for_resource, digest::Fingerprints, resource::FAILED, sweep::Sweep,
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

/// Id of a resource: `kind/name`. Ids are stable, and every output is sorted by them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Id(String);

impl Id {
    /// Creates the id of the resource of kind `R` with this logical name.
    pub fn new<R: Resource>(name: &str) -> Self {
        Self::of(R::KIND, name)
    }

    /// Creates the id of a resource from the name of its kind.
    pub fn of(kind: &str, name: &str) -> Self {
        Self(format!("{kind}/{name}"))
    }

    /// Returns the id under which errors of a sweep are reported. No declaration has it.
    pub(super) fn of_sweep() -> Self {
        Self("stack/sweep".to_owned())
    }

    pub(super) fn from_value(value: &Value) -> Self {
        Self(value.as_str().unwrap_or_default().to_owned())
    }

    /// Returns the kind: `dynamodb.table`.
    pub fn kind(&self) -> &str {
        self.0.split_once('/').map_or("", |(kind, _)| kind)
    }

    /// Returns the logical name: `events`.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Graph of the declared resources. A [`Handle`] exists only once its resource is added, so the list is in dependency order and a cycle cannot be
/// written.
pub struct Graph<C: Cloud> {
    pub(super) entries: Vec<Entry<C>>,
    index: BTreeMap<Id, usize>,
    /// Pairs (first, then) of resources that are deleted in this order, besides the reverse order of their creation.
    pub(super) delete_order: Vec<(usize, usize)>,
    /// Pairs (user, used) that are created in order and deleted in any order.
    pub(super) delete_freely: BTreeSet<(usize, usize)>,
    /// Resource that is deleted after all others.
    pub(super) last: Option<usize>,
    pub(super) sweeps: Vec<Sweep<C>>,
}

/// Resource as declared, with its place in the graph.
pub struct Entry<C: Cloud> {
    /// Id of the resource.
    pub id: Id,
    /// Physical name of the resource.
    pub name: String,
    pub(super) needs: Vec<usize>,
    pub(super) part_of: Option<usize>,
    /// Set if the deletion of its whole deletes the resource too.
    pub(super) goes_along: bool,
    pub(super) fingerprint: Fingerprints,
    pub(super) node: Box<dyn Node<C>>,
}

/// Handle of a declared resource, for references to its outputs.
pub struct Handle<R: Resource> {
    id: Id,
    index: usize,
    output: Slot<R>,
}

type Slot<R> = Rc<RefCell<Option<<R as Resource>::Output>>>;

impl<R: Resource> Handle<R> {
    /// Returns a reference to one of the resource's outputs.
    pub fn output<T: Clone + 'static>(&self, label: &'static str, get: fn(&R::Output) -> T) -> Ref<T> {
        let slot = self.output.clone();
        Ref::new(self.id.clone(), label, move || slot.borrow().as_ref().map(get))
    }

    /// Returns a reference to a value that is known beforehand (a name, an ARN) but useful only once this resource exists.
    pub fn known<T: Clone + 'static>(&self, label: &'static str, value: T) -> Ref<T> {
        Ref::new(self.id.clone(), label, move || Some(value.clone()))
    }

    /// Returns the id of the resource.
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
    /// If the id is declared twice. Names are keys of maps and thus unique.
    pub fn add<R: Resource<Cloud = C>>(&mut self, name: &str, spec: R) -> Handle<R> {
        const { assert!(!R::IS_PART, "a part is declared by `add_part`, with what it is part of") };
        self.push(name, spec)
    }

    fn push<R: Resource<Cloud = C>>(&mut self, name: &str, mut spec: R) -> Handle<R> {
        let id = Id::new::<R>(name);
        let fingerprint = Fingerprints::of(&spec);
        spec.set_fingerprint(&fingerprint.to_string());
        let needs = Fields::of(&spec).needs().iter().map(|id| self.index[id]).collect();
        let output = Slot::<R>::default();
        let index = self.entries.len();
        assert!(self.index.insert(id.clone(), index).is_none(), "{id} is declared twice");
        let name = spec.name();
        let node = Box::new(Declared { spec, output: output.clone(), observed: RefCell::new(None) });
        self.entries.push(Entry { id: id.clone(), name, needs, part_of: None, goes_along: false, fingerprint, node });
        Handle { id, index, output }
    }

    /// Declares a part of `whole`, which has the same owner and cannot outlive it. The engine deletes the part with its whole
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

    /// Orders deletions: `then` is deleted after `first`, in whichever order they are created.
    pub fn delete_first<A: Resource<Cloud = C>, B: Resource<Cloud = C>>(&mut self, first: &Handle<A>, then: &Handle<B>) {
        self.delete_freely.insert((then.index, first.index));
        self.delete_order.push((first.index, then.index));
    }

    /// Orders creations only: `user` needs `used` to be created, but `used` may be deleted before it.
    pub fn delete_freely<A: Resource<Cloud = C>, B: Resource<Cloud = C>>(&mut self, user: &Handle<A>, used: &Handle<B>) {
        self.delete_freely.insert((user.index, used.index));
    }

    /// Declares that a resource is deleted after all others, declared or not. It stays if another one could not be deleted. It must not depend on
    /// anything.
    pub fn delete_last<R: Resource<Cloud = C>>(&mut self, last: &Handle<R>) {
        self.last = Some(last.index);
    }

    /// Adds a sweep. Orphans are deleted in the order in which their sweeps were added: users before the resources that they use.
    pub fn sweep(&mut self, sweep: impl for<'a> Fn(&'a C) -> LocalBoxFuture<'a, Result<Vec<Orphan<C>>>> + 'static) {
        self.sweeps.push(Sweep { parts: false, list: Box::new(sweep) });
    }

    /// Adds a sweep that lists only parts. Another sweep or the graph removes each of them with its whole.
    pub fn sweep_parts(&mut self, sweep: impl for<'a> Fn(&'a C) -> LocalBoxFuture<'a, Result<Vec<Orphan<C>>>> + 'static) {
        self.sweeps.push(Sweep { parts: true, list: Box::new(sweep) });
    }

    /// Returns the declared resources, in an order in which they can be created.
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

    /// Returns the index of the entry with this id in [`entries`](Self::entries), if it is declared.
    pub(super) fn place(&self, id: &Id) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// Returns the owner of a declared resource, or `None` if it does not exist.
    pub async fn owner(&self, cloud: &C, id: &Id) -> Result<Option<Owner>> {
        match self.entry(id) {
            Some(entry) => entry.find(cloud).await,
            None => Ok(None),
        }
    }

    /// Returns the entry, followed by every whole that it is part of.
    pub fn lineage<'a>(&'a self, entry: &'a Entry<C>) -> impl Iterator<Item = &'a Entry<C>> {
        std::iter::successors(Some(entry), |part| Some(&self.entries[part.part_of?]))
    }

    /// Returns the sorted ids of the direct dependencies of an entry.
    pub fn needs(&self, entry: &Entry<C>) -> Vec<&Id> {
        let mut ids: Vec<&Id> = entry.needs.iter().map(|&need| &self.entries[need].id).collect();
        ids.sort();
        ids
    }

    /// Returns these ids and all their dependencies, direct or not. The error is the first id that is not declared.
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
    /// Returns the facts of the cloud about the kind of this resource.
    pub fn facts(&self) -> &'static C::Kind {
        self.node.facts()
    }

    /// Returns the names by which the cloud's own tools know the resource, as far as its output is known.
    pub fn identity(&self, target: &C::Target) -> C::Identity {
        self.node.identity(target)
    }

    /// Returns the output, if the resource is of kind `R` and was observed or created.
    pub fn output<R: Resource<Cloud = C>>(&self) -> Option<R::Output> {
        (self.id.kind() == R::KIND).then(|| self.node.output()?.downcast::<R::Output>().ok()).flatten().map(|output| *output)
    }

    /// Returns the declaration as flat fields.
    pub fn desired(&self) -> Fields {
        self.node.desired()
    }

    /// Observes the resource. A resource does not exist if one that it depends on does not.
    pub(super) async fn observe(&self, cloud: &C) -> Result<Option<Observation>> {
        unless_unresolved(for_resource(&self.id, self.node.observe(cloud, ReadFrom::Service)).await)
    }

    /// Returns the owner of the resource, or `None` if the resource or one that it depends on does not exist.
    pub(super) async fn find(&self, cloud: &C) -> Result<Option<Owner>> {
        unless_unresolved(for_resource(&self.id, self.node.find(cloud)).await)
    }

    /// Returns the setting that keeps the service from deleting the resource, once the resource was found.
    pub(super) async fn protection(&self, cloud: &C) -> Result<Option<Protection>> {
        for_resource(&self.id, self.node.protection(cloud)).await
    }
}

/// Part of an observation that the engine keeps.
#[derive(Debug, Clone)]
pub(super) struct Observation {
    pub(super) fields: Fields,
    pub(super) busy: Option<&'static str>,
    pub(super) failed: Option<Box<Refusal>>,
    pub(super) owner: Owner,
    pub(super) applied: Option<String>,
}

/// A [`Resource`] with its types erased; the only `dyn` of the engine.
pub(super) trait Node<C: Cloud> {
    fn facts(&self) -> &'static C::Kind;
    fn identity(&self, target: &C::Target) -> C::Identity;
    /// Returns a copy of the resource's output, if it is known.
    fn output(&self) -> Option<Box<dyn Any>>;
    fn desired(&self) -> Fields;
    fn fixed(&self) -> &'static [&'static str];
    fn comes_along(&self) -> bool;
    fn early(&self) -> bool;
    fn lists_hide_failure(&self) -> bool;
    fn holds_data(&self) -> bool;
    /// Returns the time limit of a removal.
    fn removal(&self) -> Duration;
    fn observe<'a>(&'a self, cloud: &'a C, from: ReadFrom) -> LocalBoxFuture<'a, Result<Option<Observation>>>;
    /// Finds the resource and stores its output, if there is one.
    fn locate<'a>(&'a self, cloud: &'a C) -> LocalBoxFuture<'a, Result<()>>;
    fn find<'a>(&'a self, cloud: &'a C) -> LocalBoxFuture<'a, Result<Option<Owner>>>;
    fn protection<'a>(&'a self, cloud: &'a C) -> LocalBoxFuture<'a, Result<Option<Protection>>>;
    fn create<'a>(&'a self, cloud: &'a C) -> LocalBoxFuture<'a, Result<WriteOutcome<()>>>;
    fn update<'a>(&'a self, cloud: &'a C, changes: &'a Changes) -> LocalBoxFuture<'a, Result<WriteOutcome<()>>>;
    fn delete<'a>(&'a self, cloud: &'a C) -> LocalBoxFuture<'a, Result<DeleteOutcome>>;
    /// Drops the observation and the output of a resource that is gone.
    fn forget(&self);
}

pub(super) struct Declared<R: Resource> {
    pub(super) spec: R,
    pub(super) output: Slot<R>,
    pub(super) observed: RefCell<Option<Rc<Observed<R>>>>,
}

impl<R: Resource> Declared<R> {
    /// Keeps the output of a write, and returns the outcome without it.
    fn settle(&self, written: WriteOutcome<R::Output>) -> WriteOutcome<()> {
        let (output, outcome) = written.split();
        *self.output.borrow_mut() = Some(output);
        outcome
    }

    fn see(&self, observed: Option<Observed<R>>) -> Option<Observation> {
        let observed = observed.map(Rc::new);
        *self.output.borrow_mut() = observed.as_ref().map(|observed| observed.output.clone());
        let fields = |observed: &Observed<R>| match &observed.failed {
            Some(refusal) => Fields::of(&observed.spec).with(FAILED, refusal.to_string()),
            None => Fields::of(&observed.spec),
        };
        let observation = observed.as_ref().map(|observed| Observation {
            fields: fields(observed),
            busy: observed.busy,
            failed: observed.failed.clone(),
            owner: observed.owner.clone(),
            applied: observed.applied.clone(),
        });
        *self.observed.borrow_mut() = observed;
        observation
    }
}

/// Treats a resource as absent if one that it depends on is absent.
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

    fn observe<'a>(&'a self, cloud: &'a R::Cloud, from: ReadFrom) -> LocalBoxFuture<'a, Result<Option<Observation>>> {
        Box::pin(async move { Ok(self.see(self.spec.observe(cloud, from).await?)) })
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

    fn create<'a>(&'a self, cloud: &'a R::Cloud) -> LocalBoxFuture<'a, Result<WriteOutcome<()>>> {
        Box::pin(async move { Ok(self.settle(self.spec.create(cloud).await?)) })
    }

    fn update<'a>(&'a self, cloud: &'a R::Cloud, changes: &'a Changes) -> LocalBoxFuture<'a, Result<WriteOutcome<()>>> {
        Box::pin(async move {
            let observed = self.observed.borrow().clone().expect("an update follows an observation");
            Ok(self.settle(self.spec.update(cloud, &observed, changes).await?))
        })
    }

    fn delete<'a>(&'a self, cloud: &'a R::Cloud) -> LocalBoxFuture<'a, Result<DeleteOutcome>> {
        Box::pin(async move {
            let output = self.output.borrow().clone();
            match output {
                Some(output) => match self.spec.delete(cloud, &output).await {
                    Err(super::Error::Absent(_)) => Ok(DeleteOutcome::Deleted),
                    other => other,
                },
                None => Ok(DeleteOutcome::Deleted),
            }
        })
    }

    fn forget(&self) {
        *self.output.borrow_mut() = None;
        *self.observed.borrow_mut() = None;
    }
}
