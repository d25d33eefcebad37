//! The plan: what is there, what was declared, and what follows. Changes nothing.

use super::{
    Action, Changes, Error, Event, Fields, Graph, Id, Listener, Owner, Result, Stray,
    graph::{Entry, Seen},
    wait::when_ready,
    walk::Skipped,
};
use futures::future::{join, try_join_all};
use serde::Serialize;
use std::{cell::Cell, collections::BTreeMap};

/// The graph compared with the live world.
pub struct Plan<C> {
    /// One step per declared resource and per stray, sorted by id.
    pub steps: Vec<Step>,
    pub(super) seen: BTreeMap<Id, Option<Seen>>,
    /// In the order in which they are to be deleted.
    pub(super) strays: Vec<Stray<C>>,
}

/// What is to be done about one resource.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which.
    pub id: Id,
    /// Its physical name.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// What `up` would do, if anything.
    pub action: Option<Action>,
    /// Field by field.
    pub changes: Changes,
    /// Where the differences come from.
    pub cause: Option<Cause>,
    /// Why `up` must not do it unasked.
    pub objection: Option<Objection>,
}

/// How a resource stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As declared.
    InSync,
    /// It differs from what was declared.
    Drifted,
    /// It does not exist.
    Missing,
    /// The service is still working on it.
    Busy,
    /// It exists and is not declared.
    Stray,
}

/// Where a difference comes from, told by the digest that was left at the last write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The live resource was changed from outside.
    Drift,
    /// The declaration changed.
    Pending,
}

/// Why a step needs the user's consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// It exists and is somebody else's. The text says whose.
    Foreign(String),
    /// It would lose data.
    LosesData(Action),
}

impl<C> Plan<C> {
    /// The steps that change something.
    pub fn changes(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.action.is_some())
    }

    /// How many steps do this.
    pub fn count(&self, action: Action) -> usize {
        self.changes().filter(|step| step.action == Some(action)).count()
    }

    /// How many resources stand like this.
    pub fn count_state(&self, state: State) -> usize {
        self.steps.iter().filter(|step| step.state == state).count()
    }
}

/// Observes everything and says what [`up`](super::up) would do. The error names the resource that could not be read.
pub async fn survey<C: super::Cloud>(graph: &Graph<C>, cloud: &C, tell: Listener<'_>) -> Result<Plan<C>, (Option<Id>, Error)> {
    cloud.refresh();
    let total = graph.entries.len();
    let done = Cell::new(0);
    let observe = graph.walk(graph.forward(), |index| {
        let done = &done;
        async move {
            let seen = graph.entries[index].node.observe(cloud).await?;
            done.set(done.get() + 1);
            tell(Event::Observing { done: done.get(), total });
            Ok(seen)
        }
    });
    let (seen, strays) = join(observe, when_ready(cloud, async || sweep(graph, cloud, true).await)).await;
    let mut known = BTreeMap::new();
    for (id, result) in seen {
        match result {
            Ok(seen) => known.insert(id, seen),
            Err(Skipped::Failed(error)) => return Err((Some(id), error)),
            // Its root fails the survey.
            Err(Skipped::Behind(_)) => None,
        };
    }
    let strays = strays.map_err(|error| (None, error))?;
    let mut steps: Vec<Step> = graph.entries.iter().map(|entry| step(entry, known[&entry.id].as_ref())).collect();
    steps.extend(strays.iter().map(|stray| Step {
        id: stray.id.clone(),
        name: stray.name.clone(),
        state: State::Stray,
        action: Some(Action::Delete),
        changes: Changes::default(),
        cause: Some(Cause::Pending),
        objection: stray.holds_data.then_some(Objection::LosesData(Action::Delete)),
    }));
    steps.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Plan { steps, seen: known, strays })
}

/// What exists and is not declared, in the order in which it is to be deleted; parts of other things only `with_parts`.
pub(super) async fn sweep<C: super::Cloud>(graph: &Graph<C>, cloud: &C, with_parts: bool) -> Result<Vec<Stray<C>>> {
    let mut found = ours(graph, cloud, with_parts).await?;
    found.retain(|stray| !graph.contains(&stray.id));
    Ok(found)
}

/// What exists and is ours, declared or not.
pub(super) async fn ours<C: super::Cloud>(graph: &Graph<C>, cloud: &C, with_parts: bool) -> Result<Vec<Stray<C>>> {
    let sweeps = graph.sweeps.iter().filter(|sweep| with_parts || !sweep.parts);
    Ok(try_join_all(sweeps.map(|sweep| (sweep.list)(cloud))).await?.into_iter().flatten().collect())
}

fn step<C>(entry: &Entry<C>, seen: Option<&Seen>) -> Step {
    let decision = decide(entry, seen);
    let state = match (seen, &decision) {
        (None, _) => State::Missing,
        (Some(_), None) => State::InSync,
        (Some(seen), Some(_)) if seen.busy.is_some() => State::Busy,
        (Some(_), Some(_)) => State::Drifted,
    };
    let cause = seen
        .filter(|_| decision.is_some())
        .and_then(|seen| seen.applied.as_ref())
        .map(|applied| if *applied == entry.digest { Cause::Drift } else { Cause::Pending });
    let objection = seen.and_then(|seen| match (&seen.owner, &decision) {
        (Owner::Other(whose), _) => Some(Objection::Foreign(whose.clone())),
        (_, Some((Action::Replace, _))) if entry.node.holds_data() => Some(Objection::LosesData(Action::Replace)),
        _ => None,
    });
    let (action, changes) = decision.map_or((None, Changes::default()), |(action, changes)| (Some(action), changes));
    Step { id: entry.id.clone(), name: entry.name.clone(), state, action, changes, cause, objection }
}

/// What must be done for a resource to be as declared.
pub(super) fn decide<C>(entry: &Entry<C>, seen: Option<&Seen>) -> Option<(Action, Changes)> {
    let desired: Fields = entry.node.desired();
    let Some(seen) = seen else { return Some((Action::Create, Changes::creating(&desired))) };
    let changes = Changes::between(&seen.fields, &desired);
    if changes.is_empty() {
        None
    } else if entry.node.fixed().iter().any(|field| changes.touch(field)) {
        Some((Action::Replace, changes))
    } else {
        Some((Action::Update, changes))
    }
}
