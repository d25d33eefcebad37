//! How every resource stands, for people and as JSON.

use super::{
    json, name_beside, percent, plan,
    style::{BAD, CHANGED, FAINT, GOOD, paint},
};
use crate::{
    cost::Report,
    engine::{Cause, Id, Plan, State, Step},
    lock::Held,
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write};

/// How the stack runs, beside how it stands.
#[derive(Debug, Default, Serialize)]
pub struct Health {
    /// The alarms that are firing, by logical name, sorted.
    pub firing_alarms: Vec<String>,
    /// The version that each function's alias points to.
    pub live_versions: BTreeMap<String, String>,
    /// By function, the versions that get a share (0 to 1) of the requests beside the live one: a canary that goes on, or was left.
    pub canaries: BTreeMap<String, BTreeMap<String, f64>>,
    /// The number of the newest release, and whether it is what is live.
    pub release: Option<Released>,
    /// Who is at work on the stack now.
    pub lock: Option<Held>,
    /// What it costs, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Report>,
}

/// The newest release.
#[derive(Debug, Serialize)]
pub struct Released {
    /// Counted from 1.
    pub number: u64,
    /// Whether it is what is live.
    pub live: bool,
}

/// One row per resource, a line that counts, and how the stack runs.
pub fn text<C>(plan: &Plan<C>, health: &Health) -> String {
    let width = |length: fn(&Step) -> usize| plan.steps.iter().map(length).max().unwrap_or_default();
    let id_width = width(|step| step.id.as_str().chars().count());
    let name_width = width(|step| name_beside(&step.id, &step.name).chars().count());
    let mut out = String::new();
    for step in &plan.steps {
        let (id, name) = (&step.id, name_beside(&step.id, &step.name));
        let name = paint(FAINT, format_args!("{name:name_width$}"));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{id:id_width$}  {name}  {}", state(step));
    }
    let _ = write!(out, "\n{} of {} in sync", plan.count_state(State::InSync), plan.steps.len());
    let others = [(State::Drifted, "drifted"), (State::Missing, "missing"), (State::Busy, "busy"), (State::Stray, "not in stack.yaml")];
    for (state, word) in others {
        match plan.count_state(state) {
            0 => {}
            count => drop(write!(out, ", {count} {word}")),
        }
    }
    if !health.firing_alarms.is_empty() {
        let _ = write!(out, "\n{}: {}", paint(BAD, "alarms firing"), health.firing_alarms.join(", "));
    }
    if !health.live_versions.is_empty() {
        let list: Vec<String> = health.live_versions.iter().map(|(function, version)| format!("{function} {version}")).collect();
        let _ = write!(out, "\nlive versions: {}", list.join(", "));
    }
    for (function, shares) in &health.canaries {
        for (version, share) in shares {
            let percent = percent(*share);
            let _ = write!(out, "\n{}: {percent} % of {function} to version {version}", paint(CHANGED, "canary"));
        }
    }
    match &health.release {
        Some(Released { number, live: true }) => drop(write!(out, "\nrelease: {number}")),
        Some(Released { number, live: false }) => drop(write!(out, "\nrelease: {number}, and something else is live")),
        None => {}
    }
    if let Some(held) = &health.lock {
        let _ = write!(out, "\n{} by {}", paint(CHANGED, "locked"), super::lock_text(held));
    }
    if let Some(cost) = &health.cost {
        let _ = write!(out, "\n\n{}", super::cost::text(cost));
    }
    out
}

/// The JSON document. A count of what is not in stack.yaml is there only if there is any.
pub fn json<C>(plan: &Plan<C>, project: &str, environment: &str, health: &Health) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        stack: &'a str,
        env: &'a str,
        resources: Vec<Row<'a>>,
        summary: Counts,
        #[serde(flatten)]
        health: &'a Health,
    }
    #[derive(Serialize)]
    struct Row<'a> {
        id: &'a Id,
        kind: &'a str,
        name: &'a str,
        state: State,
        cause: Option<Cause>,
        changes: Vec<json::Field<'a>>,
    }
    #[derive(Serialize)]
    struct Counts {
        total: usize,
        in_sync: usize,
        drifted: usize,
        missing: usize,
        busy: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        stray: Option<usize>,
    }
    fn row(step: &Step) -> Row<'_> {
        let changes = json::fields(&step.changes, Some(plan::APPLIED));
        Row { id: &step.id, kind: step.id.kind(), name: &step.name, state: step.state, cause: step.cause, changes }
    }
    let summary = Counts {
        total: plan.steps.len(),
        in_sync: plan.count_state(State::InSync),
        drifted: plan.count_state(State::Drifted),
        missing: plan.count_state(State::Missing),
        busy: plan.count_state(State::Busy),
        stray: Some(plan.count_state(State::Stray)).filter(|count| *count > 0),
    };
    let resources = plan.steps.iter().map(row).collect();
    json::document(&Document { stack: project, env: environment, resources, summary, health })
}

fn state(step: &Step) -> String {
    let text = match step.state {
        State::InSync => paint(GOOD, "in sync"),
        State::Drifted => paint(CHANGED, format_args!("drifted ({})", step.changes.without(plan::APPLIED).paths())),
        State::Missing => paint(BAD, "missing"),
        State::Busy => paint(CHANGED, "busy"),
        State::Stray => paint(BAD, "not in stack.yaml"),
    };
    let cause = step.cause.filter(|_| step.state == State::Drifted).map(plan::cause);
    let more = [cause.map(str::to_owned), step.objection.as_ref().map(plan::objection)];
    more.into_iter().flatten().fold(text, |text, more| format!("{text}; {more}"))
}
