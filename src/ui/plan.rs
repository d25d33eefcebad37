//! A plan, for people and as JSON.

use super::{
    json, name_beside,
    style::{CHANGED, FAINT, STRONG, paint, sign},
};
use crate::{
    cost::Estimate,
    engine::{Action, Cause, Change, Changes, Field, Id, Objection, Plan, State, Step},
    timings,
};
use serde::Serialize;
use std::{collections::BTreeSet, fmt::Write};

/// The mark of the last write. That it changes with every other change is no news.
pub const APPLIED: &str = "tags.liveinsight:applied";
/// Values up to this many characters are shown side by side: `old → new`.
const SHORT: usize = 48;
/// Longer values of what is created are cut here, unless all is wanted.
const CUT: usize = 100;

/// How much of a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Fields of what changes; what is created by name only.
    Changes,
    /// Fields of what is created as well, long values cut.
    Creations,
    /// Everything in full.
    Full,
}

/// The plan as a list, one entry per resource that changes, and a line that counts. `only` leaves out all others.
pub fn text<C>(plan: &Plan<C>, only: Option<&BTreeSet<Id>>, detail: Detail) -> String {
    let mut out = String::new();
    for step in steps(plan, only) {
        // Writing to a String cannot fail.
        let _ = entry(&mut out, step, detail);
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&totals(plan, only));
    out
}

/// The JSON document: `{"changes": […], "summary": {…}, "cost": {…}, "estimate": {…}}`; `estimate` is of the time, if there is one.
pub fn json<C>(plan: &Plan<C>, cost: &Estimate, time: Option<&timings::Estimate>) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        changes: Vec<Row<'a>>,
        summary: Counts,
        cost: &'a Estimate,
        #[serde(skip_serializing_if = "Option::is_none")]
        estimate: Option<&'a timings::Estimate>,
    }
    #[derive(Serialize)]
    struct Row<'a> {
        id: &'a Id,
        name: &'a str,
        action: Option<Action>,
        cause: Option<Cause>,
        objection: Option<String>,
        fields: Changes,
    }
    #[derive(Serialize)]
    struct Counts {
        create: usize,
        update: usize,
        replace: usize,
        delete: usize,
        unchanged: usize,
    }
    fn row(step: &Step) -> Row<'_> {
        Row {
            id: &step.id,
            name: &step.name,
            action: step.action,
            cause: step.cause,
            objection: step.objection.as_ref().map(objection),
            fields: step.changes.without(APPLIED),
        }
    }
    let summary = Counts {
        create: plan.count(Action::Create),
        update: plan.count(Action::Update),
        replace: plan.count(Action::Replace),
        delete: plan.count(Action::Delete),
        unchanged: plan.steps.len() - plan.changes().count(),
    };
    json::document(&Document { changes: plan.changes().map(row).collect(), summary, cost, estimate: time })
}

/// The steps that change something and are wanted. With `only`, nothing is removed.
pub(super) fn steps<'a, C>(plan: &'a Plan<C>, only: Option<&'a BTreeSet<Id>>) -> impl Iterator<Item = &'a Step> {
    plan.changes().filter(move |step| only.is_none_or(|only| only.contains(&step.id)))
}

fn entry(out: &mut String, step: &Step, detail: Detail) -> std::fmt::Result {
    let Some(action) = step.action else { return Ok(()) };
    let (sign, style) = sign(action);
    write!(out, "{} {}", paint(style, sign), paint(STRONG, &step.id))?;
    match name_beside(&step.id, &step.name) {
        "" => {}
        name => write!(out, "  {}", paint(FAINT, name))?,
    }
    if let Some(why) = why(step, action) {
        write!(out, "  {}", paint(FAINT, format_args!("({why})")))?;
    }
    out.push('\n');
    if let Some(objection) = &step.objection {
        writeln!(out, "    {} {}", paint(CHANGED, "!"), self::objection(objection))?;
    }
    if action == Action::Create && detail == Detail::Changes {
        return Ok(());
    }
    for change in step.changes.without(APPLIED).iter() {
        field(out, change, action, detail)?;
    }
    Ok(())
}

fn field(out: &mut String, change: &Change, action: Action, detail: Detail) -> std::fmt::Result {
    let path = &change.path;
    let full = |field: &Field| field.to_string();
    match (&change.from, &change.to) {
        (Some(from), Some(to)) => {
            let (from, to) = (full(from), full(to));
            if from.chars().count().max(to.chars().count()) <= SHORT {
                writeln!(out, "    {path}: {from} → {to}")
            } else {
                writeln!(out, "    {path}:\n      - {from}\n      + {to}")
            }
        }
        (None, Some(to)) if action == Action::Create => {
            let to = if detail == Detail::Full { full(to) } else { cut(&full(to)) };
            writeln!(out, "    {path}: {to}")
        }
        (None, Some(to)) => writeln!(out, "    {path}: (none) → {}", full(to)),
        (Some(from), None) => writeln!(out, "    {path}: {} → (none)", full(from)),
        (None, None) => Ok(()),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CUT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

pub(super) fn why(step: &Step, action: Action) -> Option<&'static str> {
    match (step.state, action) {
        (State::Stray, _) => Some("not in stack.yaml"),
        (_, Action::Replace) => Some("deleted and made again: a field changes that cannot change in place"),
        _ => step.cause.map(cause),
    }
}

/// Where a difference comes from.
pub(super) fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Drift => "changed from outside",
        Cause::Pending => "the declaration changed",
        Cause::Conflict => "the declaration changed, and other fields were changed from outside",
    }
}

/// Why a step needs consent, and how to give it.
pub(super) fn objection(objection: &Objection) -> String {
    match objection {
        Objection::Foreign(whose) => format!("exists and is not this stack's ({whose}); --adopt takes it over"),
        Objection::LosesData(Action::Replace) => "is made anew, which loses its data; --delete-data allows it".to_owned(),
        Objection::LosesData(_) => "goes with its data; --delete-data allows it".to_owned(),
    }
}

pub(super) fn totals<C>(plan: &Plan<C>, only: Option<&BTreeSet<Id>>) -> String {
    let count = |action| steps(plan, only).filter(|step| step.action == Some(action)).count();
    let total = only.map_or(plan.steps.len(), BTreeSet::len);
    let changes = steps(plan, only).count();
    if changes == 0 {
        return format!("nothing to do: {total} of {total} in sync");
    }
    let (create, update) = (count(Action::Create), count(Action::Update));
    let (replace, delete) = (count(Action::Replace), count(Action::Delete));
    format!("{create} to create, {update} to update, {replace} to replace, {delete} to delete, {} unchanged", total - changes)
}
