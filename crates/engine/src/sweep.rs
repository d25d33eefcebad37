//! What exists under the stack's name and tags, and is declared no longer: found, and deleted.

use super::{
    Action, Changes, Error, Event, Gone, Id, Listener, Options, Outcome, Owner, Protection, Resource, Result,
    current::for_resource,
    graph::{Declared, Node},
    wait::Waits,
};
use futures::future::LocalBoxFuture;
use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Instant};

/// Lists what exists of one kind and is ours, or goes by a name of ours, declared or not.
pub(super) struct Sweep<C: super::Cloud> {
    /// Set for a sweep that lists parts only; a removal spends no call on those.
    pub(super) parts: bool,
    pub(super) list: List<C>,
}

type List<C> = Box<dyn for<'a> Fn(&'a C) -> LocalBoxFuture<'a, Result<Vec<Stray<C>>>>>;

/// A live resource that a sweep found. It is a stray if the graph does not declare its id.
pub struct Stray<C: super::Cloud> {
    /// Its id, made from its physical name as the declaration would.
    pub id: Id,
    /// Its physical name.
    pub name: String,
    /// Resource that it is part of.
    pub part_of: Option<Id>,
    /// Deleted with what it is part of, if that goes too.
    goes_along: bool,
    pub(super) holds_data: bool,
    /// Set if the list itself proves the owner.
    proven: bool,
    pub(super) node: Rc<dyn Node<C>>,
}

impl<C: super::Cloud> Stray<C> {
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
            node: Rc::new(Declared { spec, output: Rc::new(RefCell::new(Some(output))), live: RefCell::new(None) }),
        }
    }

    /// Makes an orphan with an owner of its own go with `whole`, if that is leaving too.
    #[must_use]
    pub fn within(mut self, whole: Id) -> Self {
        (self.part_of, self.goes_along) = (Some(whole), true);
        self
    }

    /// Deletes the orphan by itself before its whole, unless all of that goes with something larger: not every service deletes children
    /// with their parent.
    #[must_use]
    pub fn deleted_before_its_whole(mut self) -> Self {
        self.goes_along = false;
        self
    }

    /// Marks an orphan whose name alone is ours, which proves nothing: its owner has to be asked for, unless it is declared.
    #[must_use]
    pub fn unproven(mut self) -> Self {
        self.proven = false;
        self
    }

    /// Returns what keeps it from being deleted.
    pub(super) async fn protection(&self, cloud: &C) -> Result<Option<Protection>> {
        for_resource(&self.id, self.node.protection(cloud)).await
    }

    /// Returns whether the orphan exists and is ours, as far as it has an owner of its own.
    pub(super) async fn is_ours(&self, cloud: &C) -> Result<bool> {
        Ok(self.proven || matches!(self.node.find(cloud).await?, Some(Owner::Us | Owner::Parent)))
    }
}

/// Deletes strays one after the other: they are few, and the order matters.
pub(super) async fn remove_strays<C: super::Cloud>(
    cloud: &C,
    strays: &[Stray<C>],
    options: &Options,
    tell: Listener<'_>,
) -> Vec<(Id, Result<()>)> {
    let mut results = Vec::new();
    let leaving: BTreeMap<&Id, &Stray<C>> = strays.iter().map(|stray| (&stray.id, stray)).collect();
    for stray in strays {
        let began = Instant::now();
        tell(Event::Started { id: &stray.id, action: Action::Delete, changes: &Changes::default() });
        let remove = for_resource(&stray.id, remove_stray(cloud, stray, options, tell));
        let result = if goes_along(stray, &leaving) { Ok(()) } else { remove.await };
        options.stop_if_expired(&result);
        let outcome = result.as_ref().map_or_else(Outcome::Failed, |()| Outcome::Done);
        tell(Event::Ended { id: &stray.id, action: Action::Delete, outcome, seconds: began.elapsed().as_secs_f64() });
        results.push((stray.id.clone(), result));
    }
    results
}

/// Returns whether its deletion comes with that of another leaving resource.
fn goes_along<C: super::Cloud>(stray: &Stray<C>, leaving: &BTreeMap<&Id, &Stray<C>>) -> bool {
    let whole = stray.part_of.as_ref().and_then(|whole| leaving.get(whole));
    whole.is_some_and(|whole| stray.goes_along || goes_along(whole, leaving))
}

async fn remove_stray<C: super::Cloud>(cloud: &C, stray: &Stray<C>, options: &Options, tell: Listener<'_>) -> Result<()> {
    let pauses = Waits::new(options.tempo.within(stray.node.removal()), &options.stop);
    delete(cloud, (&stray.id, &*stray.node), &pauses, tell, async || Ok(false)).await
}

/// Deletes it, again and again if the service wants that, until it is done or seen to be gone.
pub(super) async fn delete<C: super::Cloud>(
    cloud: &C,
    (id, node): (&Id, &dyn Node<C>),
    pauses: &Waits<'_>,
    tell: Listener<'_>,
    is_gone: impl AsyncFn() -> Result<bool>,
) -> Result<()> {
    loop {
        pauses.check()?;
        let (why, at_least) = match node.delete(cloud).await {
            Ok(Gone::Yes) => return Ok(()),
            Ok(Gone::NotYet(operation)) => (format!("its deletion ({operation} was accepted)"), None),
            Err(Error::NotYet { why, retry_after }) => (why, retry_after),
            Err(Error::Unclear(refusal)) => (refusal.to_string(), None),
            Err(error) => return Err(error),
        };
        pauses.wait(cloud, id, &why, at_least, tell).await?;
        if is_gone().await? {
            return Ok(());
        }
    }
}
