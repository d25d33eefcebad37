//! How every resource stands, for people and as JSON.

use super::{
    json, plan,
    style::{BAD, CHANGED, FAINT, GOOD, paint},
};
use crate::engine::{Plan, State, Step};
use serde_json::{Value, json};
use std::fmt::Write;

/// One row per resource, a line that counts, and the live version of each function (name, version).
pub fn text<C>(plan: &Plan<C>, versions: &[(String, String)]) -> String {
    let width = |length: fn(&Step) -> usize| plan.steps.iter().map(length).max().unwrap_or_default();
    let id_width = width(|step| step.id.as_str().chars().count());
    let name_width = width(|step| step.name.chars().count());
    let mut out = String::new();
    for step in &plan.steps {
        let (id, name) = (&step.id, paint(FAINT, format_args!("{:name_width$}", step.name)));
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
    if !versions.is_empty() {
        let list: Vec<String> = versions.iter().map(|(function, version)| format!("{function} {version}")).collect();
        let _ = write!(out, "\nlive versions: {}", list.join(", "));
    }
    out
}

/// `{"stack", "env", "resources": […], "summary": {…}}`. A count of what is not in stack.yaml is there only if there is any.
pub fn json<C>(plan: &Plan<C>, project: &str, environment: &str) -> Value {
    let resources: Value = plan
        .steps
        .iter()
        .map(|step| {
            json!({
                "id": step.id, "kind": step.id.kind(), "name": step.name, "state": step.state, "changes": json::changes(&step.changes),
            })
        })
        .collect();
    let mut summary = json!({
        "total": plan.steps.len(),
        "in_sync": plan.count_state(State::InSync), "drifted": plan.count_state(State::Drifted),
        "missing": plan.count_state(State::Missing), "busy": plan.count_state(State::Busy),
    });
    let strays = plan.count_state(State::Stray);
    if strays > 0 {
        summary["stray"] = strays.into();
    }
    json!({ "stack": project, "env": environment, "resources": resources, "summary": summary })
}

fn state(step: &Step) -> String {
    let text = match step.state {
        State::InSync => paint(GOOD, "in sync"),
        State::Drifted => paint(CHANGED, format_args!("drifted ({})", step.changes.without("tags.liveinsight:applied").paths())),
        State::Missing => paint(BAD, "missing"),
        State::Busy => paint(CHANGED, "busy"),
        State::Stray => paint(BAD, "not in stack.yaml"),
    };
    match &step.objection {
        Some(objection) => format!("{text}; {}", plan::objection(objection)),
        None => text,
    }
}
