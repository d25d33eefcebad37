//! Removes the resources that the graph owns, in order, and checks that none is left.

use super::{
    Action, Changes, Error, Event, Graph, Id, Options, Outcome, Owner, Protection, Result, RetryPolicy, Stop, Subscriber,
    converge::Report,
    graph::Entry,
    plan::{keep_ours, ours, sweep},
    sweep::{Orphan, delete, remove_orphans},
    wait::{Backoff, when_ready},
    walk::Skipped,
};
use futures::future::{join, join_all};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

/// Limit of sweeps before remaining resources are reported. Reads lag behind deletions.
const SWEEPS: usize = 5;

/// Plan of a [`down`], made by [`Removal::survey`].
pub struct Removal {
    /// Resources of this stack that exist and will be deleted, sorted.
    pub leaving: Vec<Id>,
    /// Resources under the stack's names that belong to another owner and stay, each with the reason.
    pub foreign: BTreeMap<Id, String>,
    /// Resources of this stack that stay at the caller's request, with their parts.
    pub kept: BTreeSet<Id>,
    /// Resources with a setting that makes the service refuse their deletion. While there is one, nothing is deleted.
    pub protected: BTreeMap<Id, Protection>,
}

impl Removal {
    /// Finds the resources that exist. Those for which `keep` holds stay, with all their parts.
    pub async fn survey<C: super::Cloud>(
        graph: &Graph<C>,
        cloud: &C,
        keep: impl Fn(&Id) -> bool,
        emit: Subscriber<'_>,
    ) -> Result<Self, (Option<Id>, Error)> {
        cloud.begin();
        let owners = owners(graph, cloud, emit).await?;
        let mut orphans = when_ready(cloud, async || sweep(graph, cloud, false).await).await.map_err(|error| (None, error))?;
        let mut removal = Self::of_declared(graph, &owners, &keep);
        let is_foreign = |whole: &Entry<C>| graph.place(&whole.id).is_some_and(|place| owners[place].as_ref().is_some_and(is_foreign));
        keep_ours(graph, &mut orphans, is_foreign);
        let (kept, leaving): (Vec<_>, Vec<_>) = orphans.into_iter().partition(|orphan| keep(&orphan.id));
        removal.kept.extend(kept.into_iter().map(|orphan| orphan.id));
        removal.protected = removal.protected_of(graph, &leaving, cloud).await?;
        removal.leaving.extend(leaving.into_iter().map(|orphan| orphan.id));
        removal.leaving.sort();
        Ok(removal)
    }

    /// Sorts the declared resources that exist by what becomes of them.
    fn of_declared<C: super::Cloud>(graph: &Graph<C>, owners: &[Option<Owner>], keep: impl Fn(&Id) -> bool) -> Self {
        let mut removal = Self { leaving: Vec::new(), foreign: BTreeMap::new(), kept: BTreeSet::new(), protected: BTreeMap::new() };
        for (entry, owner) in graph.entries.iter().zip(owners) {
            let whole = entry.part_of.map(|whole| &graph.entries[whole].id);
            match (owner, owner.as_ref().and_then(Owner::foreign)) {
                (None, _) => {}
                // If a whole stays with all its parts, only the whole is listed.
                (_, Some(_)) if entry.part_of.is_some_and(|whole| owners[whole].as_ref().is_some_and(is_foreign)) => {}
                (_, Some(whose)) => {
                    removal.foreign.insert(entry.id.clone(), whose.to_owned());
                }
                _ if keep(&entry.id) || whole.is_some_and(|whole| removal.kept.contains(whole)) => {
                    removal.kept.insert(entry.id.clone());
                }
                _ => removal.leaving.push(entry.id.clone()),
            }
        }
        removal
    }

    /// Returns the settings that keep the service from deleting what leaves, declared or among these orphans.
    async fn protected_of<C: super::Cloud>(
        &self,
        graph: &Graph<C>,
        orphans: &[Orphan<C>],
        cloud: &C,
    ) -> Result<BTreeMap<Id, Protection>, (Option<Id>, Error)> {
        let declared = graph.entries.iter().filter(|entry| !entry.goes_along && self.leaving.contains(&entry.id));
        let declared = declared.map(async |entry| (entry.id.clone(), entry.protection(cloud).await));
        let orphans = orphans.iter().map(async |orphan| (orphan.id.clone(), orphan.protection(cloud).await));
        let (declared, orphans) = join(join_all(declared), join_all(orphans)).await;
        let mut protected = BTreeMap::new();
        for (id, protection) in declared.into_iter().chain(orphans) {
            let protection = protection.map_err(|error| (Some(id.clone()), error))?;
            protected.extend(protection.map(|protection| (id, protection)));
        }
        Ok(protected)
    }
}

/// Returns the owner of each declared resource that exists, in the order of the graph.
async fn owners<C: super::Cloud>(graph: &Graph<C>, cloud: &C, emit: Subscriber<'_>) -> Result<Vec<Option<Owner>>, (Option<Id>, Error)> {
    let total = graph.entries.len();
    let done = std::cell::Cell::new(0);
    let found = RefCell::new(vec![None; total]);
    let results = graph
        .walk(graph.forward(), |index| {
            let (done, found) = (&done, &found);
            async move {
                let entry: &Entry<C> = &graph.entries[index];
                let whole = entry.part_of.map(|whole| found.borrow()[whole].clone());
                let owner = match whole {
                    // A part exists only as long as its whole and has the same owner, so it takes no call.
                    Some(None) => None,
                    Some(Some(whose)) if entry.goes_along || is_foreign(&whose) => Some(whose),
                    _ => find(cloud, entry, &Backoff::new(RetryPolicy::default(), &Stop::default()), emit).await?,
                };
                found.borrow_mut()[index] = owner;
                done.set(done.get() + 1);
                emit(Event::Observing { done: done.get(), total });
                Ok(())
            }
        })
        .await;
    for (id, result) in results {
        if let Err(Skipped::Failed(error)) = result {
            return Err((Some(id), error));
        }
    }
    Ok(found.into_inner())
}

/// Deletes the resources in `removal`, then sweeps and deletes until only the resource that goes last remains, and deletes that one.
pub async fn down<C: super::Cloud>(graph: &Graph<C>, cloud: &C, removal: &Removal, options: &Options, emit: Subscriber<'_>) -> Report {
    let run = Run { graph, cloud, removal, options, emit, gone: RefCell::default() };
    let mut report = Report::default();
    if !removal.protected.is_empty() {
        let refused = |(id, protection): (&Id, &Protection)| (id.clone(), Error::refused("delete", protection.to_string()));
        report.failed.extend(removal.protected.iter().map(refused));
        return report;
    }
    report.take(graph.walk(graph.backward(), |index| run.visit(index, graph.last != Some(index))).await);
    if report.complete() {
        emit(Event::Verifying);
        run.prove_empty(&mut report).await;
    }
    if let Some(last) = graph.last.filter(|_| report.complete()) {
        // Until now this resource has shown other runs that this one is at work.
        report.take([(graph.entries[last].id.clone(), run.remove_last(last).await.map_err(Skipped::Failed))].into());
    }
    for &index in run.gone.borrow().iter() {
        report.done.insert(graph.entries[index].id.clone(), Action::Delete);
    }
    report.done.retain(|id, _| !report.failed.contains_key(id));
    // A part is gone only if its whole is.
    let failed: BTreeSet<Id> = report.failed.keys().chain(report.behind.keys()).cloned().collect();
    for entry in &graph.entries {
        if let Some(whole) = entry.part_of.filter(|_| entry.goes_along)
            && (failed.contains(&graph.entries[whole].id) || !report.done.contains_key(&graph.entries[whole].id))
        {
            report.done.remove(&entry.id);
        }
    }
    report
}

/// State of one run of [`down`].
struct Run<'a, C: super::Cloud> {
    graph: &'a Graph<C>,
    cloud: &'a C,
    removal: &'a Removal,
    options: &'a Options,
    emit: Subscriber<'a>,
    gone: RefCell<BTreeSet<usize>>,
}

impl<C: super::Cloud> Run<'_, C> {
    /// Deletes the resource if it is `due` and leaving. A part may go along with its whole instead.
    async fn visit(&self, index: usize, due: bool) -> Result<()> {
        let Self { cloud, options, emit, .. } = self;
        let entry = &self.graph.entries[index];
        if !due || self.removal.leaving.binary_search(&entry.id).is_err() {
            return Ok(());
        }
        if !entry.goes_along {
            let began = Instant::now();
            emit(Event::Started { id: &entry.id, action: Action::Delete, changes: &Changes::default() });
            let backoff = Backoff::new(options.retry_policy.within(entry.node.removal()), &options.stop);
            let is_gone = async || Ok(find(*cloud, entry, &backoff, *emit).await?.is_none());
            let result = delete(*cloud, (&entry.id, &*entry.node), &backoff, *emit, is_gone).await;
            options.stop_if_expired(&result);
            let outcome = result.as_ref().map_or_else(Outcome::Failed, |()| Outcome::Done);
            emit(Event::Ended { id: &entry.id, action: Action::Delete, outcome, seconds: began.elapsed().as_secs_f64() });
            result?;
        }
        self.gone.borrow_mut().insert(index);
        Ok(())
    }

    /// Sweeps until none of the stack's resources is left but the one that goes last, or reports the remaining ones.
    async fn prove_empty(&self, report: &mut Report) {
        let Self { cloud, options, emit, .. } = self;
        let backoff = Backoff::new(options.retry_policy, &options.stop);
        for sweep in 1..=SWEEPS {
            let left = match self.left().await {
                Ok(left) if left.is_empty() => return,
                Ok(left) => left,
                Err(error) => {
                    report.failed.insert(Id::of_sweep(), error);
                    return;
                }
            };
            for (id, result) in remove_orphans(*cloud, &left, options, *emit).await {
                match result {
                    Ok(()) => drop(report.done.insert(id, Action::Delete)),
                    Err(error) => drop(report.failed.insert(id, error)),
                }
            }
            if !report.failed.is_empty() {
                return;
            }
            if sweep == SWEEPS {
                report.failed.extend(left.into_iter().map(|orphan| (orphan.id, still_there(&backoff))));
            } else if let Err(error) = backoff.pause("a last look", None).await {
                report.failed.insert(Id::of_sweep(), error);
                return;
            }
        }
    }

    /// Returns the stack's remaining resources, except those that stay and the one that goes last.
    async fn left(&self) -> Result<Vec<Orphan<C>>> {
        self.options.stop.check()?;
        self.cloud.refresh();
        let last = self.graph.last.map(|last| &self.graph.entries[last].id);
        let mut left = when_ready(self.cloud, async || ours(self.graph, self.cloud, false).await).await?;
        let stays = |id: &Id| Some(id) == last || self.removal.kept.contains(id) || self.removal.foreign.contains_key(id);
        left.retain(|orphan| !stays(&orphan.id) && !orphan.part_of.as_ref().is_some_and(stays));
        Ok(left)
    }

    /// Deletes the resource that goes last, if it is leaving, and checks that it is gone.
    async fn remove_last(&self, index: usize) -> Result<()> {
        self.visit(index, true).await?;
        if !self.gone.borrow().contains(&index) {
            return Ok(());
        }
        let backoff = Backoff::new(self.options.retry_policy, &self.options.stop);
        let entry = &self.graph.entries[index];
        for _ in 1..SWEEPS {
            if find(self.cloud, entry, &backoff, self.emit).await?.is_none() {
                return Ok(());
            }
            backoff.wait(self.cloud, &entry.id, "it to disappear", None, self.emit).await?;
        }
        Err(still_there(&backoff))
    }
}

fn still_there(backoff: &Backoff<'_>) -> Error {
    let why = "it to disappear: its deletion was answered as done, and it is still listed".to_owned();
    Error::TimedOut { why, after: backoff.waited() }
}

fn is_foreign(whose: &Owner) -> bool {
    whose.foreign().is_some()
}

/// Returns the owner of a resource, or `None` if it does not exist. Waits while the service cannot answer.
async fn find<C: super::Cloud>(cloud: &C, entry: &Entry<C>, backoff: &Backoff<'_>, emit: Subscriber<'_>) -> Result<Option<Owner>> {
    loop {
        let (why, retry_after) = match entry.find(cloud).await {
            Err(Error::NotYet { why, retry_after }) => (why, retry_after),
            other => return other,
        };
        backoff.wait(cloud, &entry.id, &why, retry_after, emit).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::{Removal, down};
    use crate::{
        Changes, Cloud, DeleteOutcome, Error, Found, Graph, Observed, Options, Owner, ReadFrom, Resource, Result, RetryPolicy, WriteOutcome,
    };
    use serde::Serialize;
    use std::time::Duration;

    struct World;

    impl Cloud for World {
        type Target = ();
        type Kind = ();
        type Identity = ();
    }

    /// Resource with a deletion that is accepted and never happens.
    #[derive(Serialize)]
    struct Stubborn;

    impl Resource for Stubborn {
        type Cloud = World;
        const KIND: &'static str = "stubborn";
        const FACTS: &'static () = &();
        const REMOVAL: Duration = Duration::from_millis(20);
        type Output = ();

        fn identity(&self, (): &(), _: Option<&Self::Output>) {}

        fn name(&self) -> String {
            "stubborn".to_owned()
        }

        async fn observe(&self, _: &World, _: ReadFrom) -> Result<Option<Observed<Self>>> {
            Ok(Some(Observed { spec: Self, output: (), busy: None, failed: None, owner: Owner::Us, applied: None }))
        }

        async fn find(&self, _: &World) -> Result<Option<Found<()>>> {
            Ok(Some(Found { output: (), owner: Owner::Us }))
        }

        async fn create(&self, _: &World) -> Result<WriteOutcome<()>> {
            Err(Error::Interrupted)
        }

        async fn update(&self, _: &World, _: &Observed<Self>, _: &Changes) -> Result<WriteOutcome<()>> {
            Err(Error::Interrupted)
        }

        async fn delete(&self, _: &World, (): &()) -> Result<DeleteOutcome> {
            Ok(DeleteOutcome::Accepted("world:Delete"))
        }
    }

    #[tokio::test]
    async fn what_is_agreed_to_and_never_happens_is_given_up_as_its_kind_says() {
        let mut graph = Graph::default();
        graph.add("thing", Stubborn);
        let removal = Removal::survey(&graph, &World, |_| false, &|_| {}).await.unwrap();
        let retry_policy = RetryPolicy { first: Duration::ZERO, longest: Duration::from_millis(1), patience: Duration::from_hours(1) };
        let report = down(&graph, &World, &removal, &Options { retry_policy, ..Options::default() }, &|_| {}).await;
        let errors: Vec<String> = report.failed.iter().map(|(id, error)| format!("{id}: {error}")).collect();
        assert_eq!(errors, ["stubborn/thing: gave up after 0 s of waiting for its deletion (world:Delete was accepted)"]);
        assert!(report.done.is_empty());
    }
}
