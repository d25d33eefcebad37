//! Removes what the graph owns, in order, and proves that nothing is left.

use super::{
    Action, Error, Event, Gone, Graph, Id, Listener, Options, Outcome, Owner, Result, Stop, Tempo,
    converge::Report,
    graph::Entry,
    plan::{ours, sweep},
    sweep::{deletion, remove_strays},
    wait::{Waits, when_ready},
    walk::Skipped,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

/// How often what is left is swept up before it is reported: reads lag behind deletes.
const SWEEPS: usize = 5;

/// What [`down`] is about to do, from [`Removal::survey`].
pub struct Removal {
    /// What exists and is ours, sorted.
    pub leaving: Vec<Id>,
    /// What exists under our names and is somebody else's; it stays. With the reason.
    pub foreign: BTreeMap<Id, String>,
    /// What exists and stays all the same, with its parts.
    pub kept: BTreeSet<Id>,
}

impl Removal {
    /// Finds what exists. What `keep` names stays, and all that is part of it.
    pub async fn survey<C: super::Cloud>(
        graph: &Graph<C>,
        cloud: &C,
        keep: impl Fn(&Id) -> bool,
        tell: Listener<'_>,
    ) -> Result<Self, (Option<Id>, Error)> {
        cloud.begin();
        let total = graph.entries.len();
        let done = std::cell::Cell::new(0);
        let found = RefCell::new(vec![None; total]);
        let results = graph
            .walk(graph.forward(), |index| {
                let (done, found) = (&done, &found);
                async move {
                    let entry: &Entry<C> = &graph.entries[index];
                    // A part exists only as long as what it is part of, and goes with it: no call is spent on it.
                    let owner = match entry.part_of {
                        Some(whole) => found.borrow()[whole].clone().map(|_: Owner| Owner::Parent),
                        None => find(cloud, entry, &Waits::new(Tempo::default(), &Stop::default()), tell).await?,
                    };
                    found.borrow_mut()[index] = owner;
                    done.set(done.get() + 1);
                    tell(Event::Observing { done: done.get(), total });
                    Ok(())
                }
            })
            .await;
        for (id, result) in results {
            if let Err(Skipped::Failed(error)) = result {
                return Err((Some(id), error));
            }
        }
        let strays = when_ready(cloud, async || sweep(graph, cloud, false).await).await.map_err(|error| (None, error))?;
        let mut removal = Self { leaving: Vec::new(), foreign: BTreeMap::new(), kept: BTreeSet::new() };
        let found = found.into_inner();
        for (index, entry) in graph.entries.iter().enumerate() {
            let whole = entry.part_of.map(|whole| &graph.entries[whole].id);
            match &found[index] {
                None => {}
                Some(Owner::Other(whose)) => {
                    removal.foreign.insert(entry.id.clone(), whose.clone());
                }
                Some(_) if whole.is_some_and(|whole| removal.foreign.contains_key(whole)) => {}
                Some(_) if keep(&entry.id) || whole.is_some_and(|whole| removal.kept.contains(whole)) => {
                    removal.kept.insert(entry.id.clone());
                }
                Some(_) => removal.leaving.push(entry.id.clone()),
            }
        }
        for stray in strays {
            if keep(&stray.id) {
                removal.kept.insert(stray.id)
            } else {
                removal.leaving.push(stray.id);
                true
            };
        }
        removal.leaving.sort();
        Ok(removal)
    }
}

/// Deletes what `removal` found, then whatever else is ours, until a last sweep finds nothing.
pub async fn down<C: super::Cloud>(graph: &Graph<C>, cloud: &C, removal: &Removal, options: &Options, tell: Listener<'_>) -> Report {
    let mut report = Report::default();
    let leaving: BTreeSet<&Id> = removal.leaving.iter().collect();
    let gone = RefCell::new(BTreeSet::new());
    let results = graph
        .walk(graph.backward(), |index| {
            let entry = &graph.entries[index];
            let (leaving, gone) = (&leaving, &gone);
            async move {
                if !leaving.contains(&entry.id) {
                    return Ok(());
                }
                if entry.part_of.is_none() {
                    let began = Instant::now();
                    tell(Event::Started { id: &entry.id, action: Action::Delete });
                    let result = remove(cloud, entry, options, tell).await;
                    options.stop_if_expired(&result);
                    let outcome = result.as_ref().map_or_else(Outcome::Failed, |()| Outcome::Done);
                    tell(Event::Ended { id: &entry.id, action: Action::Delete, outcome, seconds: began.elapsed().as_secs_f64() });
                    result?;
                }
                gone.borrow_mut().insert(index);
                Ok(())
            }
        })
        .await;
    report.take(results);
    for index in gone.into_inner() {
        report.done.insert(graph.entries[index].id.clone(), Action::Delete);
    }
    if report.complete() && !options.stop.requested() {
        tell(Event::Verifying);
        prove_empty(graph, cloud, removal, options, tell, &mut report).await;
    }
    // A part is gone only if what it is part of is.
    let failed: BTreeSet<Id> = report.failed.keys().chain(report.behind.keys()).cloned().collect();
    for entry in &graph.entries {
        if let Some(whole) = entry.part_of
            && (failed.contains(&graph.entries[whole].id) || !report.done.contains_key(&graph.entries[whole].id))
        {
            report.done.remove(&entry.id);
        }
    }
    report
}

async fn remove<C: super::Cloud>(cloud: &C, entry: &Entry<C>, options: &Options, tell: Listener<'_>) -> Result<()> {
    let pauses = Waits::new(options.tempo.within(entry.node.removal()), &options.stop);
    loop {
        options.stop.check()?;
        let (why, at_least) = match entry.node.delete(cloud).await {
            Ok(Gone::Yes) => return Ok(()),
            Ok(Gone::NotYet(operation)) => (deletion(operation), None),
            Err(Error::NotYet { why, retry_after }) => (why, retry_after),
            Err(Error::Unclear(refusal)) => (refusal.to_string(), None),
            Err(error) => return Err(error),
        };
        pauses.wait(cloud, &entry.id, &why, at_least, tell).await?;
        if find(cloud, entry, &pauses, tell).await?.is_none() {
            return Ok(());
        }
    }
}

/// Whose it is, if it exists, as soon as the service can say that.
async fn find<C: super::Cloud>(cloud: &C, entry: &Entry<C>, pauses: &Waits<'_>, tell: Listener<'_>) -> Result<Option<Owner>> {
    loop {
        let (why, retry_after) = match entry.find(cloud).await {
            Err(Error::NotYet { why, retry_after }) => (why, retry_after),
            other => return other,
        };
        pauses.wait(cloud, &entry.id, &why, retry_after, tell).await?;
    }
}

/// Sweeps until nothing of ours is left, or says what is.
async fn prove_empty<C: super::Cloud>(
    graph: &Graph<C>,
    cloud: &C,
    removal: &Removal,
    options: &Options,
    tell: Listener<'_>,
    report: &mut Report,
) {
    let pauses = Waits::new(options.tempo, &options.stop);
    for last in (0..SWEEPS).rev() {
        cloud.refresh();
        let left = match when_ready(cloud, async || ours(graph, cloud, false).await).await {
            Ok(left) => left.into_iter().filter(|stray| !removal.kept.contains(&stray.id)).collect::<Vec<_>>(),
            Err(error) => {
                report.failed.insert(Id::of_sweep(), error);
                return;
            }
        };
        if left.is_empty() {
            return;
        }
        let results = remove_strays(cloud, &left, options, tell).await;
        for (id, result) in results {
            match result {
                Ok(()) => {
                    report.done.insert(id, Action::Delete);
                }
                Err(error) => {
                    report.failed.insert(id, error);
                }
            }
        }
        if last == 0 || !report.failed.is_empty() || pauses.pause("a last look", None).await.is_err() {
            let still_there = || {
                let why = "it to disappear: its deletion was answered as done, and it is still listed".to_owned();
                Error::TimedOut { why, after: pauses.waited() }
            };
            let open = left.into_iter().map(|stray| (stray.id, still_there()));
            for (id, error) in open {
                report.failed.entry(id).or_insert(error);
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Removal, down};
    use crate::engine::{Changes, Cloud, Error, Found, Gone, Graph, Live, Options, Owner, Resource, Result, Tempo, Written};
    use serde::Serialize;
    use std::time::Duration;

    struct World;

    impl Cloud for World {}

    /// Agrees to be deleted, and stays.
    #[derive(Serialize)]
    struct Stubborn;

    impl Resource for Stubborn {
        type Cloud = World;
        const KIND: &'static str = "stubborn";
        const REMOVAL: Duration = Duration::from_millis(20);
        type Output = ();

        fn name(&self) -> String {
            "stubborn".to_owned()
        }

        async fn observe(&self, _: &World) -> Result<Option<Live<Self>>> {
            Ok(Some(Live { spec: Self, output: (), busy: None, owner: Owner::Us, applied: None }))
        }

        async fn find(&self, _: &World) -> Result<Option<Found<()>>> {
            Ok(Some(Found { output: (), owner: Owner::Us }))
        }

        async fn create(&self, _: &World) -> Result<Written<()>> {
            Err(Error::Interrupted)
        }

        async fn update(&self, _: &World, _: &Live<Self>, _: &Changes) -> Result<Written<()>> {
            Err(Error::Interrupted)
        }

        async fn delete(&self, _: &World, (): &()) -> Result<Gone> {
            Ok(Gone::NotYet("world:Delete"))
        }
    }

    #[tokio::test]
    async fn what_is_agreed_to_and_never_happens_is_given_up_as_its_kind_says() {
        let mut graph = Graph::default();
        graph.add("thing", Stubborn);
        let removal = Removal::survey(&graph, &World, |_| false, &|_| {}).await.unwrap();
        let tempo = Tempo { first: Duration::ZERO, longest: Duration::from_millis(1), patience: Duration::from_hours(1) };
        let report = down(&graph, &World, &removal, &Options { tempo, ..Options::default() }, &|_| {}).await;
        let errors: Vec<String> = report.failed.iter().map(|(id, error)| format!("{id}: {error}")).collect();
        assert_eq!(errors, ["stubborn/thing: gave up after 0 s of waiting for its deletion (world:Delete was accepted)"]);
        assert!(report.done.is_empty());
    }
}
