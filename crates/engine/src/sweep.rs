//! Orphans: resources under the stack's name and tags that are no longer declared. Finds and deletes them.

use super::{
    Action, Changes, DeleteOutcome, Error, Event, Id, Options, Outcome, Owner, Protection, Resource, Result, Subscriber,
    current::for_resource,
    graph::{Declared, Node},
    wait::Backoff,
};
use futures::future::LocalBoxFuture;
use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Instant};

/// Lists the existing resources of one kind that are this stack's or have one of its names, declared or not.
pub(super) struct Sweep<C: super::Cloud> {
    /// Set for a sweep that lists only parts. A removal spends no call on those.
    pub(super) parts: bool,
    pub(super) list: List<C>,
}

type List<C> = Box<dyn for<'a> Fn(&'a C) -> LocalBoxFuture<'a, Result<Vec<Orphan<C>>>>>;

/// Live resource that a sweep found. It is an orphan if the graph does not declare its id.
pub struct Orphan<C: super::Cloud> {
    /// Id, made from the physical name as the declaration would make it.
    pub id: Id,
    /// Physical name of the resource.
    pub name: String,
    /// Resource that it is part of.
    pub part_of: Option<Id>,
    /// Set if the deletion of its whole deletes the resource too.
    goes_along: bool,
    pub(super) holds_data: bool,
    /// Set if the list itself proves that the resource is this stack's.
    proven: bool,
    pub(super) node: Rc<dyn Node<C>>,
}

impl<C: super::Cloud> Orphan<C> {
    /// Creates an orphan with this logical name.
    pub fn new<R: Resource<Cloud = C>>(logical: &str, spec: R, output: R::Output) -> Self {
        const { assert!(!R::IS_PART, "a part is listed by `part`, with what it is part of") };
        Self::of(logical, spec, output)
    }

    /// Creates an orphan that is part of `whole` and belongs to its owner.
    pub fn part<R: Resource<Cloud = C>>(whole: Id, logical: &str, spec: R, output: R::Output) -> Self {
        Self { part_of: Some(whole), goes_along: R::GOES_ALONG, ..Self::of(logical, spec, output) }
    }

    fn of<R: Resource<Cloud = C>>(logical: &str, spec: R, output: R::Output) -> Self {
        Self {
            id: Id::new::<R>(logical),
            name: spec.name(),
            part_of: None,
            goes_along: false,
            holds_data: R::HOLDS_DATA,
            proven: true,
            node: Rc::new(Declared { spec, output: Rc::new(RefCell::new(Some(output))), observed: RefCell::new(None) }),
        }
    }

    /// Ties an orphan with an owner of its own to `whole`, which deletes it too if it is leaving.
    #[must_use]
    pub fn within(mut self, whole: Id) -> Self {
        (self.part_of, self.goes_along) = (Some(whole), true);
        self
    }

    /// Deletes the orphan itself before its whole, unless both go with a larger whole. Not every service deletes children with their parent.
    #[must_use]
    pub fn deleted_before_its_whole(mut self) -> Self {
        self.goes_along = false;
        self
    }

    /// Marks an orphan found by its name alone, which proves nothing. The engine asks for its owner, unless it is declared.
    #[must_use]
    pub fn unproven(mut self) -> Self {
        self.proven = false;
        self
    }

    /// Returns the setting that keeps the service from deleting the resource.
    pub(super) async fn protection(&self, cloud: &C) -> Result<Option<Protection>> {
        for_resource(&self.id, self.node.protection(cloud)).await
    }

    /// Returns whether the orphan exists and belongs to this stack, as far as it has an owner of its own.
    pub(super) async fn is_ours(&self, cloud: &C) -> Result<bool> {
        Ok(self.proven || matches!(self.node.find(cloud).await?, Some(Owner::Us | Owner::Parent)))
    }
}

/// Deletes orphans one after the other. They are few, and their order matters.
pub(super) async fn remove_orphans<C: super::Cloud>(
    cloud: &C,
    orphans: &[Orphan<C>],
    options: &Options,
    emit: Subscriber<'_>,
) -> Vec<(Id, Result<()>)> {
    let mut results = Vec::new();
    let leaving: BTreeMap<&Id, &Orphan<C>> = orphans.iter().map(|orphan| (&orphan.id, orphan)).collect();
    for orphan in orphans {
        let began = Instant::now();
        emit(Event::Started { id: &orphan.id, action: Action::Delete, changes: &Changes::default() });
        let remove = for_resource(&orphan.id, remove_orphan(cloud, orphan, options, emit));
        let result = if goes_along(orphan, &leaving) { Ok(()) } else { remove.await };
        options.stop_if_expired(&result);
        let outcome = result.as_ref().map_or_else(Outcome::Failed, |()| Outcome::Done);
        emit(Event::Ended { id: &orphan.id, action: Action::Delete, outcome, seconds: began.elapsed().as_secs_f64() });
        results.push((orphan.id.clone(), result));
    }
    results
}

/// Returns whether the deletion of another leaving resource deletes this one.
fn goes_along<C: super::Cloud>(orphan: &Orphan<C>, leaving: &BTreeMap<&Id, &Orphan<C>>) -> bool {
    let whole = orphan.part_of.as_ref().and_then(|whole| leaving.get(whole));
    whole.is_some_and(|whole| orphan.goes_along || goes_along(whole, leaving))
}

async fn remove_orphan<C: super::Cloud>(cloud: &C, orphan: &Orphan<C>, options: &Options, emit: Subscriber<'_>) -> Result<()> {
    let backoff = Backoff::new(options.retry_policy.within(orphan.node.removal()), &options.stop);
    delete(cloud, (&orphan.id, &*orphan.node), &backoff, emit, async || Ok(false)).await
}

/// Deletes a resource, repeatedly if the service requires it, until it is gone.
pub(super) async fn delete<C: super::Cloud>(
    cloud: &C,
    (id, node): (&Id, &dyn Node<C>),
    backoff: &Backoff<'_>,
    emit: Subscriber<'_>,
    is_gone: impl AsyncFn() -> Result<bool>,
) -> Result<()> {
    loop {
        backoff.check()?;
        let (why, at_least) = match node.delete(cloud).await {
            Ok(DeleteOutcome::Deleted) => return Ok(()),
            Ok(DeleteOutcome::Accepted(operation)) => (format!("its deletion ({operation} was accepted)"), None),
            Err(Error::NotYet { why, retry_after }) => (why, retry_after),
            Err(Error::Unclear(refusal)) => (refusal.to_string(), None),
            Err(error) => return Err(error),
        };
        backoff.wait(cloud, id, &why, at_least, emit).await?;
        if is_gone().await? {
            return Ok(());
        }
    }
}
