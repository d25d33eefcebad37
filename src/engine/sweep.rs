//! What exists under the stack's name and tags, and is declared no longer: found, and deleted.

use super::{
    Action, Error, Event, Gone, Id, Listener, Options, Outcome, Owner, Resource, Result,
    current::for_resource,
    graph::{Declared, Node},
    wait::Waits,
};
use futures::future::LocalBoxFuture;
use std::{cell::RefCell, collections::BTreeSet, rc::Rc, time::Instant};

/// Lists what exists of one kind and is ours, or goes by a name of ours, declared or not.
pub(super) struct Sweep<C> {
    /// Whether all that it lists is part of something else; a removal spends no call on those.
    pub(super) parts: bool,
    pub(super) list: List<C>,
}

type List<C> = Box<dyn for<'a> Fn(&'a C) -> LocalBoxFuture<'a, Result<Vec<Stray<C>>>>>;

/// A live resource that a sweep found. It is a stray if the graph does not declare its id.
pub struct Stray<C> {
    /// Its id, made from its physical name as the declaration would.
    pub id: Id,
    /// Its physical name.
    pub name: String,
    /// What it is deleted with, if that goes too.
    pub part_of: Option<Id>,
    pub(super) holds_data: bool,
    /// Whether the list that it is from proves whose it is.
    proven: bool,
    pub(super) node: Rc<dyn Node<C>>,
}

impl<C: super::Cloud> Stray<C> {
    /// One with this logical name.
    pub fn new<R: Resource<Cloud = C>>(logical: &str, spec: R, output: R::Output) -> Self {
        Self {
            id: Id::new::<R>(logical),
            name: spec.name(),
            part_of: None,
            holds_data: R::HOLDS_DATA,
            proven: true,
            node: Rc::new(Declared { spec, output: Rc::new(RefCell::new(Some(output))), live: RefCell::new(None) }),
        }
    }

    /// One that is deleted with `whole`, if that is a stray as well.
    #[must_use]
    pub fn part_of(mut self, whole: Id) -> Self {
        self.part_of = Some(whole);
        self
    }

    /// One that goes by a name of ours, which proves nothing: whose it is has to be asked, unless it is declared.
    #[must_use]
    pub fn unproven(mut self) -> Self {
        self.proven = false;
        self
    }

    /// Whether it is there, and ours.
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
    let leaving: BTreeSet<&Id> = strays.iter().map(|stray| &stray.id).collect();
    for stray in strays {
        let began = Instant::now();
        tell(Event::Started { id: &stray.id, action: Action::Delete });
        let goes_along = stray.part_of.as_ref().is_some_and(|whole| leaving.contains(whole));
        let remove = for_resource(&stray.id, remove_stray(cloud, stray, options, tell));
        let result = if goes_along { Ok(()) } else { remove.await };
        options.stop_if_expired(&result);
        let outcome = result.as_ref().map_or_else(Outcome::Failed, |()| Outcome::Done);
        tell(Event::Ended { id: &stray.id, action: Action::Delete, outcome, seconds: began.elapsed().as_secs_f64() });
        results.push((stray.id.clone(), result));
    }
    results
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
