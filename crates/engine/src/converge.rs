//! Makes the cloud agree with the graph: acts on the plan and observes again, until nothing differs.

use super::{
    Action, Class, Error, Event, Gate, Graph, Id, Objection, Orphan, Outcome, Plan, Result, RetryPolicy, Step, Stop, Subscriber,
    convergence::Convergence,
    graph::{Entry, Observation},
    plan::{bar, keep_ours, sweep, verify},
    sweep::remove_orphans,
    wait::{Backoff, when_ready},
    walk::Skipped,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// Limit of rounds in which the engine observes everything and acts again. Two rounds suffice if nothing else changes meanwhile.
const ROUNDS: usize = 4;

/// Time during which a deleted resource may still be listed. Eventual consistency takes seconds (reported).
const LISTS: Duration = Duration::from_mins(1);

/// Options of [`up`] and [`down`](super::down).
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Take over resources that exist under the stack's names and carry no stack's marks.
    pub adopt: bool,
    /// Replace and delete resources that hold data.
    pub delete_data: bool,
    /// Resources to which the run is limited, with their dependencies; no orphan is removed.
    pub only: Option<BTreeSet<Id>>,
    /// Pace and limits of polling and retries.
    pub retry_policy: RetryPolicy,
    /// Ends the run early.
    pub stop: Stop,
    /// While the gate is closed, the run only creates resources that may be made early ([`Resource::EARLY`](super::Resource::EARLY)).
    pub gate: Gate,
}

/// Result of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// Action on each resource that the run changed.
    pub done: BTreeMap<Id, Action>,
    /// Error of each resource that failed.
    pub failed: BTreeMap<Id, Error>,
    /// Resources that were not attempted, each with the failed one that it depends on.
    pub behind: BTreeMap<Id, Id>,
    /// Number of resources that needed no change.
    pub unchanged: usize,
}

impl Options {
    /// Stops the run on expired credentials: no further call can succeed, so no new work begins and waits end.
    pub(super) fn stop_if_expired<T>(&self, result: &Result<T>) {
        if result.as_ref().is_err_and(|error| error.class() == Some(Class::Expired)) {
            self.stop.request();
        }
    }
}

impl Report {
    /// Returns the number of resources with this action.
    pub fn count(&self, action: Action) -> usize {
        self.done.values().filter(|done| **done == action).count()
    }

    /// Returns whether every resource is as declared.
    pub fn complete(&self) -> bool {
        self.failed.is_empty() && self.behind.is_empty()
    }

    /// Adds the results of an earlier part of the same run.
    #[must_use]
    pub fn after(mut self, earlier: Self) -> Self {
        for (id, action) in earlier.done {
            let touched = self.done.contains_key(&id) || self.failed.contains_key(&id) || self.behind.contains_key(&id);
            if !touched && action != Action::Delete {
                self.unchanged = self.unchanged.saturating_sub(1);
            }
            // Of several writes in one run, the first names the action on the resource.
            self.done.insert(id, action);
        }
        self
    }

    pub(super) fn take<T>(&mut self, results: super::walk::Results<T>) {
        for (id, result) in results {
            match result {
                Ok(_) => {}
                Err(Skipped::Failed(error)) => {
                    self.failed.insert(id, error);
                }
                Err(Skipped::Behind(root)) => {
                    self.behind.insert(id, root);
                }
            }
        }
    }
}

/// Carries out a plan and checks the result: the engine observes once more what it wrote. A plan with nothing to do needs no check.
///
/// The caller has shown the plan's objections to the user. A foreign resource fails here unless `adopt` is set.
pub async fn up<C: super::Cloud>(graph: &Graph<C>, cloud: &C, mut plan: Plan<C>, options: &Options, emit: Subscriber<'_>) -> Report {
    let run = Run {
        graph,
        cloud,
        options,
        emit,
        done: RefCell::default(),
        fresh: RefCell::default(),
        filled: RefCell::default(),
        unproven: RefCell::default(),
        proven: RefCell::default(),
    };
    let mut report = Report::default();
    for round in 0..ROUNDS {
        if !run.work_to_do(&plan) {
            break;
        }
        report = Report::default();
        report.take(run.act(&plan, round).await);
        if report.complete() && options.only.is_none() {
            run.remove_orphans(&mut plan.orphans, &plan.observations, &mut report).await;
        }
        if !report.complete() {
            break;
        }
        emit(Event::Verifying);
        let observation = async {
            options.stop.check().map_err(|error| (None, error))?;
            verify(graph, cloud, plan, &run.unproven.take(), run.proven.take()).await
        };
        match observation.await {
            Ok(next) => plan = next,
            Err((id, error)) => {
                report.failed.insert(id.unwrap_or_else(Id::of_sweep), error);
                break;
            }
        }
        if round + 1 == ROUNDS {
            let open = plan.changes().filter(|step| run.wanted(&step.id));
            report.failed.extend(open.map(|step| (step.id.clone(), did_not_converge(step))));
        }
    }
    report.done = run.done.into_inner();
    report.unchanged = graph
        .entries
        .iter()
        .filter(|entry| {
            !report.done.contains_key(&entry.id) && !report.failed.contains_key(&entry.id) && !report.behind.contains_key(&entry.id)
        })
        .count();
    report
}

/// State of one run of [`up`].
pub(super) struct Run<'a, C: super::Cloud> {
    pub(super) graph: &'a Graph<C>,
    pub(super) cloud: &'a C,
    pub(super) options: &'a Options,
    pub(super) emit: Subscriber<'a>,
    pub(super) done: RefCell<BTreeMap<Id, Action>>,
    /// Resources created in this round: parts of theirs cannot exist yet.
    pub(super) fresh: RefCell<BTreeSet<usize>>,
    /// Created resources that came with parts of theirs.
    pub(super) filled: RefCell<BTreeSet<usize>>,
    /// Resources written in this round and not observed since.
    pub(super) unproven: RefCell<BTreeSet<usize>>,
    /// Observations of this round that agreed with the declaration.
    pub(super) proven: RefCell<BTreeMap<Id, Option<Observation>>>,
}

impl<C: super::Cloud> Run<'_, C> {
    fn wanted(&self, id: &Id) -> bool {
        self.options.only.as_ref().is_none_or(|only| only.contains(id))
    }

    fn work_to_do(&self, plan: &Plan<C>) -> bool {
        plan.changes().any(|step| self.wanted(&step.id) && !(self.options.only.is_some() && step.action == Some(Action::Delete)))
    }

    async fn act(&self, plan: &Plan<C>, round: usize) -> super::walk::Results<()> {
        self.fresh.borrow_mut().clear();
        self.filled.borrow_mut().clear();
        self.graph
            .walk(self.graph.forward(), |index| {
                let entry = &self.graph.entries[index];
                let observation = plan.observations.get(&entry.id).cloned().flatten();
                async move {
                    if !self.wanted(&entry.id) {
                        return Ok(());
                    }
                    let began = Instant::now();
                    let (action, result) = match bar(self.graph, &plan.observations, entry, |whole| self.may_take(&whole.id)) {
                        Some(whose) => (None, Err(not_ours(entry, whose))),
                        None => Convergence::new(self, index).run(observation, round).await,
                    };
                    self.options.stop_if_expired(&result);
                    if let (Some(action), Ok(())) = (action, &result) {
                        // Of several writes in one run, the first names the action on the resource.
                        self.done.borrow_mut().entry(entry.id.clone()).or_insert(action);
                    }
                    // A failure before the first write is reported under the planned action.
                    let planned = || plan.steps.iter().find(|step| step.id == entry.id)?.action;
                    if let Some(action) = action.or_else(|| result.is_err().then(|| planned().unwrap_or(Action::Update))) {
                        let outcome = result.as_ref().map_or_else(Outcome::Failed, |()| Outcome::Done);
                        (self.emit)(Event::Ended { id: &entry.id, action, outcome, seconds: began.elapsed().as_secs_f64() });
                    }
                    result
                }
            })
            .await
    }

    /// Tests whether the run may write a resource that carries no mark of this stack. A resource that this run created is this stack's, even if
    /// the service lost its marks.
    pub(super) fn may_take(&self, id: &Id) -> bool {
        self.options.adopt || self.done.borrow().get(id) == Some(&Action::Create)
    }

    /// Deletes the orphans and replaces the list by those that a sweep still finds.
    async fn remove_orphans(&self, orphans: &mut Vec<Orphan<C>>, observations: &BTreeMap<Id, Option<Observation>>, report: &mut Report) {
        if orphans.is_empty() {
            return;
        }
        if let Some(orphan) = orphans.iter().find(|orphan| orphan.holds_data && !self.options.delete_data) {
            report.failed.insert(orphan.id.clone(), Error::refused("delete", format!("{} holds data", orphan.name)));
            return;
        }
        let mut deleted = BTreeSet::new();
        for (id, result) in remove_orphans(self.cloud, orphans, self.options, self.emit).await {
            match result {
                Ok(()) => {
                    deleted.insert(id.clone());
                    self.done.borrow_mut().insert(id, Action::Delete);
                }
                Err(error) => {
                    report.failed.insert(id, error);
                }
            }
        }
        if report.complete() {
            match self.swept(&deleted, observations).await {
                Ok(left) => *orphans = left,
                Err((id, error)) => drop(report.failed.insert(id, error)),
            }
        }
    }

    /// Sweeps until no resource in `deleted` is listed any more, and returns the orphans found. Lists lag behind deletions.
    async fn swept(&self, deleted: &BTreeSet<Id>, observations: &BTreeMap<Id, Option<Observation>>) -> Result<Vec<Orphan<C>>, (Id, Error)> {
        let backoff = Backoff::new(self.options.retry_policy.within(LISTS), &self.options.stop);
        loop {
            self.cloud.refresh();
            let left = when_ready(self.cloud, async || sweep(self.graph, self.cloud, true).await).await;
            let mut left = left.map_err(|error| (Id::of_sweep(), error))?;
            keep_ours(self.graph, &mut left, |whole| bar(self.graph, observations, whole, |_| false).is_some());
            let Some(orphan) = left.iter().find(|orphan| deleted.contains(&orphan.id)) else { return Ok(left) };
            let why = "it to disappear: its deletion was answered as done, and it is still listed";
            let waited = backoff.wait(self.cloud, &orphan.id, why, None, self.emit).await;
            waited.map_err(|error| (orphan.id.clone(), error))?;
        }
    }
}

/// Builds the error of a step that still differs after the last round.
fn did_not_converge(step: &Step) -> Error {
    match &step.objection {
        // This run created the resource or took it over.
        Some(Objection::Foreign(whose)) => {
            let next =
                "no later run would know it, and `down` would leave it: delete it by hand, or let the service keep tags and adopt it";
            Error::refused("tag", format!("the tags of {} were written several times and are not kept ({whose}); {next}", step.name))
        }
        _ => Error::DidNotConverge(step.changes.paths()),
    }
}

/// Builds the error for a resource under one of the stack's names that belongs to another owner, or is part of such a resource.
pub(super) fn not_ours<C: super::Cloud>(entry: &Entry<C>, whose: &str) -> Error {
    let way_out = "--adopt takes over what no stack claims, and nothing else";
    Error::refused("adopt", format!("{} exists and is not ours ({whose}); {way_out}", entry.name))
}
