//! Plan, as text and as JSON.

use super::{
    fit::{self, Columns, shorten, width},
    json, name_beside,
    style::{CHANGED, FAINT, STRONG, paint, sign},
    uncompared::{Uncompared, uncompared},
};
use crate::{
    cost::Estimate,
    engine::{Action, Cause, Change, Changes, Field, Id, Objection, Plan, Resource, State, Step},
    release::Standing,
    resources::{Alias, Bucket},
    stack::{LeftOut, Stack},
    timings,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

/// Tag with the fingerprint of the last write. It changes with every other change, so it is not displayed.
pub const APPLIED: &str = "tags.liveinsight:applied";
/// Maximum length in characters of values displayed side by side: `old → new`.
const SHORT: usize = 48;
/// Maximum length of values of created resources, unless the detail is full.
const CUT: usize = 100;

/// Detail of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Fields of changed resources; a count of created ones.
    Differences,
    /// Fields of changed resources; names of created ones.
    Changes,
    /// Fields of created resources as well, long values cut.
    Creations,
    /// Everything in full.
    Full,
}

/// Formats the plan as a list, one entry per changed resource, and a line with the counts. `only` leaves out all others.
pub fn text<C: crate::engine::Cloud>(plan: &Plan<C>, only: Option<&BTreeSet<Id>>, detail: Detail, columns: Columns) -> String {
    let is_shown = |step: &&Step| detail != Detail::Differences || step.action != Some(Action::Create) || step.objection.is_some();
    let mut out = String::new();
    for step in steps(plan, only).filter(is_shown) {
        // Writing to a String cannot fail.
        let _ = entry(&mut out, step, detail, columns);
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&columns.wrap(&totals(plan, only), 0, 2));
    out
}

/// Names the files of the site that are not published, with the reasons; `None` if all are.
pub fn left_out(files: &[LeftOut]) -> Option<String> {
    let files: Vec<String> = files.iter().map(|LeftOut { path, why }| format!("{path} ({why})")).collect();
    (!files.is_empty()).then(|| format!("left out of the site: {}", files.join(", ")))
}

/// Release that serves after a rollback, with the changes that `up` would make.
#[derive(Debug, Serialize)]
pub struct RolledBack {
    /// Functions, and the site as `site`, with the number of the restored release.
    pub to: BTreeMap<String, u64>,
    /// Functions, and the site as `site`, that `up` would release from the sources; sorted.
    pub would_release: Vec<String>,
}

impl RolledBack {
    /// Returns the changes by a plan while an earlier release serves; `None` if none does, or the plan changes nothing.
    pub fn of<C: crate::engine::Cloud>(plan: &Plan<C>, release: &Standing) -> Option<Self> {
        let releases = |step: &&Step| match step.id.kind() {
            Alias::KIND => step.changes.touch("release"),
            Bucket::KIND => step.changes.touch("site"),
            _ => false,
        };
        let name = |step: &Step| if step.id.kind() == Bucket::KIND { "site".to_owned() } else { step.id.name().to_owned() };
        let mut would_release: Vec<String> = plan.changes().filter(releases).map(name).collect();
        would_release.sort();
        let to = release.rolled_back.clone();
        would_release.iter().any(|name| to.contains_key(name)).then_some(Self { to, would_release })
    }

    /// Formats a line:
    /// `` rolled back: site to release 3, stats-api to release 3; `up` would release site, stats-api as the sources are ``
    pub fn text(&self) -> String {
        let to: Vec<String> = self.to.iter().map(|(name, number)| format!("{name} to release {number}")).collect();
        format!("rolled back: {}; `up` would release {} as the sources are", to.join(", "), self.would_release.join(", "))
    }
}

/// Formats the JSON document:
/// `{"changes": […], "summary": {…}, "cost": {…}, "estimate": {…}, "left_out": […], "rolled_back": {…}}`.
///
/// `estimate` is of the time, if there is one. `left_out` exists if files of the site are not published, `rolled_back` only
/// while an earlier release serves that `up` would change. `not_compared` and `warnings` exist if there are any.
pub fn json<C: crate::engine::Cloud>(
    plan: &Plan<C>,
    cost: &Estimate,
    time: Option<&timings::Estimate>,
    left_out: &[LeftOut],
    rolled_back: Option<&RolledBack>,
    stack: &Stack,
) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        changes: Vec<Row<'a>>,
        summary: Counts,
        cost: &'a Estimate,
        #[serde(skip_serializing_if = "Option::is_none")]
        estimate: Option<&'a timings::Estimate>,
        #[serde(skip_serializing_if = "<[LeftOut]>::is_empty")]
        left_out: &'a [LeftOut],
        #[serde(skip_serializing_if = "Option::is_none")]
        rolled_back: Option<&'a RolledBack>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        not_compared: Vec<Uncompared>,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        warnings: &'a [String],
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
    let (changes, not_compared) = (plan.changes().map(row).collect(), uncompared(stack));
    let warnings = &stack.warnings;
    json::document(&Document { changes, summary, cost, estimate: time, left_out, rolled_back, not_compared, warnings })
}

/// Returns the wanted steps that change something. With `only`, nothing is removed.
pub(super) fn steps<'a, C: crate::engine::Cloud>(plan: &'a Plan<C>, only: Option<&'a BTreeSet<Id>>) -> impl Iterator<Item = &'a Step> {
    plan.changes().filter(move |step| only.is_none_or(|only| only.contains(&step.id)))
}

fn entry(out: &mut String, step: &Step, detail: Detail, columns: Columns) -> std::fmt::Result {
    let Some(action) = step.action else { return Ok(()) };
    let (sign, style) = sign(action);
    let (id, name) = (step.id.as_str(), name_beside(&step.id, &step.name));
    let (id_width, name_width) = columns.share(2, width(id), width(name));
    let mut taken = 2 + id_width;
    write!(out, "{} {}", paint(style, sign), paint(STRONG, shorten(id, id_width)))?;
    if name_width > 0 {
        taken += 2 + name_width;
        write!(out, "  {}", paint(FAINT, shorten(name, name_width)))?;
    }
    if let Some(why) = why(step, action).map(|why| format!("({why})")) {
        if columns.hold(taken + 2 + width(&why)) {
            write!(out, "  {}", paint(FAINT, why))?;
        } else {
            write!(out, "\n    {}", paint(FAINT, columns.wrap(&why, 4, 4)))?;
        }
    }
    out.push('\n');
    if let Some(objection) = &step.objection {
        writeln!(out, "    {} {}", paint(CHANGED, "!"), columns.wrap(&self::objection(objection), 6, 6))?;
    }
    if action == Action::Create && matches!(detail, Detail::Differences | Detail::Changes) {
        return Ok(());
    }
    for change in step.changes.without(APPLIED).iter() {
        field(out, change, action, detail, columns)?;
    }
    Ok(())
}

/// Placeholder for a secret that has another value.
pub(super) const SECRET: &str = "(secret, changed)";

fn field(out: &mut String, change: &Change, action: Action, detail: Detail, columns: Columns) -> std::fmt::Result {
    let path = &change.path;
    let full = |field: &Field| field.to_string();
    let text = match (&change.from, &change.to) {
        _ if change.is_secret() => format!("{path}: {SECRET}"),
        (Some(from), Some(to)) => {
            let (from, to) = (full(from), full(to));
            let line = format!("{path}: {from} → {to}");
            if from.chars().count().max(to.chars().count()) > SHORT || !columns.hold(4 + width(&line)) {
                writeln!(out, "    {}", columns.wrap(&format!("{path}:"), 4, 6))?;
                writeln!(out, "      - {}", columns.wrap(&from, 8, 8))?;
                return writeln!(out, "      + {}", columns.wrap(&to, 8, 8));
            }
            line
        }
        (None, Some(to)) if action == Action::Create => {
            let to = if detail == Detail::Full { full(to) } else { fit::cut(&full(to), CUT) };
            format!("{path}: {to}")
        }
        (None, Some(to)) => format!("{path}: (none) → {}", full(to)),
        (Some(from), None) => format!("{path}: {} → (none)", full(from)),
        (None, None) => return Ok(()),
    };
    writeln!(out, "    {}", columns.wrap(&text, 4, 6))
}

pub(super) fn why(step: &Step, action: Action) -> Option<&'static str> {
    match (step.state, action) {
        (State::Orphan, _) => Some("not in stack.yaml"),
        (_, Action::Replace) => Some("deleted and made again: a field changes that cannot change in place"),
        _ => step.cause.map(cause),
    }
}

/// Returns the description of a difference's origin.
pub(super) fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Drift => "changed from outside",
        Cause::Pending => "the declaration changed",
        Cause::Conflict => "the declaration changed, and other fields were changed from outside",
    }
}

/// Describes the reason that a step needs consent, and the flag that gives it.
pub(super) fn objection(objection: &Objection) -> String {
    match objection {
        Objection::Foreign(whose) => format!("exists and is not this stack's ({whose}); --adopt takes it over"),
        Objection::Claimed(whose) => format!("exists and is another stack's ({whose}); it is never changed"),
        Objection::Protected(protection) => format!("cannot be deleted: {protection}"),
        Objection::LosesData(Action::Replace) => "is made anew, which loses its data; --delete-data allows it".to_owned(),
        Objection::LosesData(_) => "goes with its data; --delete-data allows it".to_owned(),
    }
}

pub(super) fn totals<C: crate::engine::Cloud>(plan: &Plan<C>, only: Option<&BTreeSet<Id>>) -> String {
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
