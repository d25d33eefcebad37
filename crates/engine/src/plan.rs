//! The plan: compares the observed with the desired state and derives the actions. Changes nothing.

use super::{
    Action, Changes, Error, Event, Fields, Graph, Id, Orphan, Owner, Protection, ReadFrom, Result, Subscriber,
    current::for_resource,
    graph::{Entry, Observation, unless_unresolved},
    wait::when_ready,
};
use futures::{
    future::{FutureExt, LocalBoxFuture, Shared, join, join_all, try_join_all},
    stream::{FuturesUnordered, StreamExt},
};
use serde::Serialize;
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

/// Comparison of the graph with the live resources.
pub struct Plan<C: super::Cloud> {
    /// Steps for every declared resource and every orphan, sorted by id.
    pub steps: Vec<Step>,
    pub(super) observations: BTreeMap<Id, Option<Observation>>,
    /// Orphans, in the order of their deletion.
    pub(super) orphans: Vec<Orphan<C>>,
}

/// Planned work on one resource.
#[derive(Debug, Clone)]
pub struct Step {
    /// Id of the resource.
    pub id: Id,
    /// Physical name of the resource.
    pub name: String,
    /// State of the resource.
    pub state: State,
    /// Action that `up` would take, if any.
    pub action: Option<Action>,
    /// Differences, field by field.
    pub changes: Changes,
    /// Fields of the kind that cannot change in place.
    pub fixed: &'static [&'static str],
    /// Origin of the differences.
    pub cause: Option<Cause>,
    /// Reason why `up` must not take the action without consent.
    pub objection: Option<Objection>,
}

/// State of a resource relative to its declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The resource is as declared.
    InSync,
    /// The resource differs from its declaration.
    Drifted,
    /// The resource does not exist.
    Missing,
    /// The service is still working on it.
    Busy,
    /// The resource exists and is not declared. Scripts know it as `stray`.
    #[serde(rename = "stray")]
    Orphan,
}

/// Origin of a difference, decided field by field by the fingerprint of the last write. A field with a changed declaration counts as pending,
/// even if it was changed from outside too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The live resource was changed from outside.
    Drift,
    /// The declaration changed.
    Pending,
    /// Some fields were changed from outside, and the declaration of others changed.
    Conflict,
}

/// Reason why a step needs the user's consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// The resource exists and carries no stack's marks; the text gives the reason.
    Foreign(String),
    /// The resource exists and belongs to another stack; the text gives the reason.
    Claimed(String),
    /// The service would refuse the deletion.
    Protected(Protection),
    /// The action would lose data.
    LosesData(Action),
}

impl<C: super::Cloud> Plan<C> {
    /// Returns the steps that change something.
    pub fn changes(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.action.is_some())
    }

    /// Returns the number of steps with this action.
    pub fn count(&self, action: Action) -> usize {
        self.changes().filter(|step| step.action == Some(action)).count()
    }

    /// Returns the reason why a declared resource is not this stack's, from its own marks or those of its wholes.
    pub fn foreign<'a>(&'a self, graph: &'a Graph<C>, id: &Id) -> Option<&'a str> {
        bar(graph, &self.observations, graph.entry(id)?, |_| false)
    }

    /// Returns the names by which the cloud's own tools know a resource, declared or not.
    pub fn identity(&self, graph: &Graph<C>, id: &Id, target: &C::Target) -> Option<C::Identity> {
        let orphan = || self.orphans.iter().find(|orphan| orphan.id == *id).map(|orphan| orphan.node.identity(target));
        graph.entry(id).map(|entry| entry.identity(target)).or_else(orphan)
    }

    /// Returns the number of resources in this state.
    pub fn count_state(&self, state: State) -> usize {
        self.steps.iter().filter(|step| step.state == state).count()
    }
}

/// Observes everything and returns the plan of [`up`](super::up). The error names the resource that could not be read.
pub async fn survey<C: super::Cloud>(graph: &Graph<C>, cloud: &C, emit: Subscriber<'_>) -> Result<Plan<C>, (Option<Id>, Error)> {
    cloud.begin();
    let (observations, orphans) = join(observe(graph, cloud, emit), when_ready(cloud, async || sweep(graph, cloud, true).await)).await;
    let mut known = BTreeMap::new();
    for (entry, observation) in graph.entries.iter().zip(observations) {
        known.insert(entry.id.clone(), observation.map_err(|error| (Some(entry.id.clone()), error))?);
    }
    // A report only serves as proof that a resource is as declared. Observe the others again, and dependencies of a change whose list hides
    // failures.
    let open: Vec<bool> = graph.entries.iter().map(|entry| decide(entry, known[&entry.id].as_ref()).is_some()).collect();
    let built_on: BTreeSet<usize> =
        graph.entries.iter().zip(&open).filter(|(_, open)| **open).flat_map(|(entry, _)| entry.needs.iter().copied()).collect();
    let doubtful = |(index, entry): &(usize, &Entry<C>)| {
        let is_reported = known[&entry.id].as_ref().is_some_and(|observation| observation.owner == Owner::Reported);
        is_reported && (open[*index] || entry.node.lists_hide_failure() && built_on.contains(index))
    };
    let doubtful: Vec<&Entry<C>> = graph.entries.iter().enumerate().filter(doubtful).map(|(_, entry)| entry).collect();
    for (entry, observation) in
        doubtful.iter().zip(join_all(doubtful.iter().map(|entry| for_resource(&entry.id, entry.observe(cloud)))).await)
    {
        known.insert(entry.id.clone(), observation.map_err(|error| (Some(entry.id.clone()), error))?);
    }
    let mut orphans = orphans.map_err(|error| (None, error))?;
    keep_ours(graph, &mut orphans, |whole| bar(graph, &known, whole, |_| false).is_some());
    let mut plan = plan(graph, known, orphans);
    look_for_protection(graph, cloud, &mut plan).await?;
    Ok(plan)
}

/// Records which planned deletions the service would refuse.
async fn look_for_protection<C: super::Cloud>(graph: &Graph<C>, cloud: &C, plan: &mut Plan<C>) -> Result<(), (Option<Id>, Error)> {
    let Plan { steps, orphans, .. } = plan;
    let ask = async |step: &mut Step| {
        let is_foreign = matches!(step.objection, Some(Objection::Foreign(_) | Objection::Claimed(_)));
        let protection = match step.action {
            _ if is_foreign => None,
            Some(Action::Replace) => match graph.entry(&step.id) {
                Some(entry) => entry.protection(cloud).await?,
                None => None,
            },
            Some(Action::Delete) => match orphans.iter().find(|orphan| orphan.id == step.id) {
                Some(orphan) => orphan.protection(cloud).await?,
                None => None,
            },
            _ => None,
        };
        if let Some(protection) = protection {
            step.objection = Some(Objection::Protected(protection));
        }
        Ok(())
    };
    let asked = join_all(steps.iter_mut().map(async |step| ask(step).await.map_err(|error| (Some(step.id.clone()), error)))).await;
    asked.into_iter().collect()
}

/// Returns the reason why a run must not write an entry: the entry or one of its wholes is foreign. `may_take` permits resources that no stack
/// claims.
pub(super) fn bar<'a, C: super::Cloud>(
    graph: &'a Graph<C>,
    observations: &'a BTreeMap<Id, Option<Observation>>,
    entry: &'a Entry<C>,
    may_take: impl Fn(&Entry<C>) -> bool,
) -> Option<&'a str> {
    graph.lineage(entry).find_map(|entry| observations.get(&entry.id)?.as_ref()?.owner.bars(may_take(entry)))
}

/// Drops the orphans that are part of a declared resource for which `is_foreign` holds.
pub(super) fn keep_ours<C: super::Cloud>(graph: &Graph<C>, orphans: &mut Vec<Orphan<C>>, is_foreign: impl Fn(&Entry<C>) -> bool) {
    let wholes: BTreeMap<Id, Option<Id>> = orphans.iter().map(|orphan| (orphan.id.clone(), orphan.part_of.clone())).collect();
    orphans.retain(|orphan| {
        let lineage = std::iter::successors(orphan.part_of.as_ref(), |whole| wholes.get(whole)?.as_ref());
        let mut declared = lineage.filter_map(|whole| graph.entry(whole));
        !declared.any(&is_foreign)
    });
}

/// Returns the plan after some of it was carried out.
///
/// Resources in `written` are observed again, and so are their users: a distribution depends on its bucket's files. The others keep the
/// observation from the start of the run, or a later one in `proven`. The orphans are those of the plan.
pub(super) async fn verify<C: super::Cloud>(
    graph: &Graph<C>,
    cloud: &C,
    before: Plan<C>,
    written: &BTreeSet<usize>,
    mut proven: BTreeMap<Id, Option<Observation>>,
) -> Result<Plan<C>, (Option<Id>, Error)> {
    cloud.verify();
    let look = |(index, entry): &(usize, &Entry<C>)| {
        let uses = || !entry.goes_along && entry.needs.iter().any(|need| written.contains(need));
        written.contains(index) || uses() && !proven.contains_key(&entry.id)
    };
    let entries: Vec<&Entry<C>> = graph.entries.iter().enumerate().filter(look).map(|(_, entry)| entry).collect();
    let observations = join_all(entries.iter().map(|entry| for_resource(&entry.id, entry.observe(cloud)))).await;
    let mut known = before.observations;
    known.append(&mut proven);
    for (entry, observation) in entries.iter().zip(observations) {
        known.insert(entry.id.clone(), observation.map_err(|error| (Some(entry.id.clone()), error))?);
    }
    Ok(plan(graph, known, before.orphans))
}

fn plan<C: super::Cloud>(graph: &Graph<C>, observations: BTreeMap<Id, Option<Observation>>, orphans: Vec<Orphan<C>>) -> Plan<C> {
    let mut steps: Vec<Step> = graph.entries.iter().map(|entry| step(entry, observations[&entry.id].as_ref())).collect();
    steps.extend(orphans.iter().map(|orphan| Step {
        id: orphan.id.clone(),
        name: orphan.name.clone(),
        state: State::Orphan,
        action: Some(Action::Delete),
        changes: Changes::default(),
        fixed: &[],
        cause: Some(Cause::Pending),
        objection: orphan.holds_data.then_some(Objection::LosesData(Action::Delete)),
    }));
    steps.sort_by(|a, b| a.id.cmp(&b.id));
    Plan { steps, observations, orphans }
}

/// Observes all resources at once. A resource that needs another's id is read as soon as the other is found.
async fn observe<C: super::Cloud>(graph: &Graph<C>, cloud: &C, emit: Subscriber<'_>) -> Vec<Result<Option<Observation>>> {
    let mut found: Vec<Shared<LocalBoxFuture<'_, ()>>> = Vec::new();
    for entry in &graph.entries {
        let needs = needed(entry, &found);
        // The observation of that resource meets the same error and reports it.
        let find = for_resource(&entry.id, async { drop(read_with(needs, async || entry.node.locate(cloud).await).await) });
        found.push(find.boxed_local().shared());
    }
    let (done, total) = (Cell::new(0), graph.entries.len());
    let observe = async |entry: &Entry<C>| {
        let observation =
            for_resource(&entry.id, read_with(needed(entry, &found), async || entry.node.observe(cloud, ReadFrom::Lists).await)).await;
        done.set(done.get() + 1);
        emit(Event::Observing { done: done.get(), total });
        unless_unresolved(observation)
    };
    // Drive every search to its end: other futures may wait for a request that it shares with them.
    let needed: BTreeSet<usize> = graph.entries.iter().flat_map(|entry| entry.needs.iter().copied()).collect();
    let search = join_all(needed.into_iter().map(|need| found[need].clone()));
    join(search, join_all(graph.entries.iter().map(observe))).await.1
}

fn needed<C: super::Cloud, F: Future + Clone>(entry: &Entry<C>, found: &[F]) -> FuturesUnordered<F> {
    entry.needs.iter().map(|&need| found[need].clone()).collect()
}

/// Reads; while the result is unresolved, reads again each time one of the referenced resources is found.
async fn read_with<T>(mut needs: FuturesUnordered<impl Future>, read: impl AsyncFn() -> Result<T>) -> Result<T> {
    let mut result = read().await;
    while matches!(result, Err(Error::Unresolved)) && needs.next().await.is_some() {
        result = read().await;
    }
    result
}

/// Returns the resources of this stack that exist and are not declared, in the order of deletion; parts only `with_parts`.
pub(super) async fn sweep<C: super::Cloud>(graph: &Graph<C>, cloud: &C, with_parts: bool) -> Result<Vec<Orphan<C>>> {
    let mut found = listed(graph, cloud, with_parts).await?;
    found.retain(|orphan| !graph.contains(&orphan.id));
    confirmed(found, cloud, |whole| graph.contains(whole)).await
}

/// Returns the resources of this stack that exist, declared or not.
pub(super) async fn ours<C: super::Cloud>(graph: &Graph<C>, cloud: &C, with_parts: bool) -> Result<Vec<Orphan<C>>> {
    confirmed(listed(graph, cloud, with_parts).await?, cloud, |_| false).await
}

async fn listed<C: super::Cloud>(graph: &Graph<C>, cloud: &C, with_parts: bool) -> Result<Vec<Orphan<C>>> {
    let sweeps = graph.sweeps.iter().filter(|sweep| with_parts || !sweep.parts);
    Ok(try_join_all(sweeps.map(|sweep| (sweep.list)(cloud))).await?.into_iter().flatten().collect())
}

/// Keeps the resources that exist and are this stack's. Parts of a foreign whole are foreign too and take no call. Their whole is in the same
/// list, or it is `declared` and its owner becomes known.
async fn confirmed<C: super::Cloud>(orphans: Vec<Orphan<C>>, cloud: &C, declared: impl Fn(&Id) -> bool) -> Result<Vec<Orphan<C>>> {
    let ids: BTreeSet<Id> = orphans.iter().map(|orphan| orphan.id.clone()).collect();
    let shown = |orphan: &Orphan<C>| orphan.part_of.as_ref().is_none_or(|whole| ids.contains(whole) || declared(whole));
    let mut asked: BTreeMap<Id, bool> = BTreeMap::new();
    loop {
        let whole = |orphan: &Orphan<C>| orphan.part_of.clone().filter(|whole| ids.contains(whole));
        let open = orphans.iter().filter(|orphan| !asked.contains_key(&orphan.id));
        let next: Vec<&Orphan<C>> = open.filter(|orphan| whole(orphan).is_none_or(|whole| asked.contains_key(&whole))).collect();
        if next.is_empty() {
            break;
        }
        let ask = async |orphan: &Orphan<C>| {
            let of_ours = shown(orphan) && whole(orphan).is_none_or(|whole| asked[&whole]);
            if of_ours { orphan.is_ours(cloud).await } else { Ok(false) }
        };
        let answers = try_join_all(next.iter().map(|orphan| ask(orphan))).await?;
        asked.extend(next.iter().map(|orphan| orphan.id.clone()).zip(answers));
    }
    Ok(orphans.into_iter().filter(|orphan| asked.get(&orphan.id) == Some(&true)).collect())
}

fn step<C: super::Cloud>(entry: &Entry<C>, observation: Option<&Observation>) -> Step {
    let decision = decide(entry, observation);
    let state = match (observation, &decision) {
        (None, _) => State::Missing,
        (Some(_), None) => State::InSync,
        (Some(observation), Some(_)) if observation.busy.is_some() => State::Busy,
        (Some(_), Some(_)) => State::Drifted,
    };
    let cause = match (&decision, observation.and_then(|observation| observation.applied.as_ref())) {
        (Some((_, changes)), Some(applied)) => entry.fingerprint.cause(applied, changes),
        _ => None,
    };
    let objection = observation.and_then(|observation| match (&observation.owner, &decision) {
        (Owner::Other(whose), _) => Some(Objection::Foreign(whose.clone())),
        (Owner::Claimed(whose), _) => Some(Objection::Claimed(whose.clone())),
        (_, Some((Action::Replace, _))) if entry.node.holds_data() => Some(Objection::LosesData(Action::Replace)),
        _ => None,
    });
    let (action, changes) = decision.map_or((None, Changes::default()), |(action, changes)| (Some(action), changes));
    Step { id: entry.id.clone(), name: entry.name.clone(), state, action, changes, fixed: entry.node.fixed(), cause, objection }
}

/// Decides which action makes a resource as declared; `None` if it already is.
pub(super) fn decide<C: super::Cloud>(entry: &Entry<C>, observation: Option<&Observation>) -> Option<(Action, Changes)> {
    let desired: Fields = entry.node.desired();
    let Some(observation) = observation else { return Some((Action::Create, Changes::creating(&desired))) };
    let changes = Changes::between(&observation.fields, &desired);
    if changes.is_empty() {
        None
    } else if entry.node.fixed().iter().any(|field| changes.touch(field)) {
        Some((Action::Replace, changes))
    } else {
        Some((Action::Update, changes))
    }
}
