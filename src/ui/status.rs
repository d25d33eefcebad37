//! State of every resource, as text and as JSON.

use super::{
    fit::{Columns, pad, shorten, width},
    json,
    markdown::cell,
    name_beside, percent, plan,
    style::{BAD, CHANGED, FAINT, GOOD, paint},
    uncompared::{self, Uncompared},
};
use crate::{
    cost::Report,
    engine::{Cause, Changes, Id, Plan, Resource, State, Step},
    lock::Held,
    release::Standing,
    resources::{Alias, Bucket, Distribution},
    trail::Author,
};
use anstyle::Style;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::Write,
    time::{SystemTime, UNIX_EPOCH},
};

/// Health of the running stack, beside its state.
#[derive(Debug, Default, Serialize)]
pub struct Health {
    /// Firing alarms by logical name, sorted.
    pub firing_alarms: Vec<String>,
    /// Version behind each function's alias.
    pub live_versions: BTreeMap<String, String>,
    /// Versions with a share (0 to 1) of the requests beside the live one, by function: a canary in progress, or an abandoned
    /// one.
    pub canaries: BTreeMap<String, BTreeMap<String, f64>>,
    /// Newest release, compared with the live state.
    pub release: Option<Standing>,
    /// Holder of the lock.
    pub lock: Option<Held>,
    /// Fields that were not compared, because their declared values are unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_compared: Vec<Uncompared>,
    /// Cost, if it was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Report>,
}

/// Rows that `status` displays, and the room for them.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Columns of a line.
    pub columns: Columns,
    /// Display a row for resources in sync as well, which otherwise are only counted.
    pub all: bool,
}

/// Formats a row for each resource that is not in sync, a line with the counts, and the health.
pub fn text<C: crate::engine::Cloud>(plan: &Plan<C>, health: &Health, authors: &BTreeMap<Id, Author>, view: View) -> String {
    let steps: Vec<&Step> = plan.steps.iter().filter(|step| view.all || step.state != State::InSync).collect();
    let release = health.release.as_ref();
    let mut out = rows(&steps, release, authors, view.columns);
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&view.columns.wrap(&totals(plan, release), 0, 2));
    let rolled_back = count_rolled_back(plan, release) > 0;
    let note = rolled_back.then(|| "what is rolled back stays so until the next `up`; `plan` shows what that would release".to_owned());
    for line in lines(health).into_iter().chain(note) {
        // Writing to a String cannot fail.
        let _ = write!(out, "\n{}", view.columns.wrap(&line, 0, 2));
    }
    if let Some(cost) = &health.cost {
        let _ = write!(out, "\n\n{}", super::cost::text(cost, view.columns));
    }
    out
}

/// Formats the JSON document. The count of resources outside stack.yaml exists only if there are any.
pub fn json<'a, C: crate::engine::Cloud>(
    plan: &'a Plan<C>,
    project: &str,
    environment: &str,
    health: &Health,
    authors: &'a BTreeMap<Id, Author>,
) -> String {
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
        changes: Changes,
        changed_by: Option<&'a Author>,
        #[serde(skip_serializing_if = "Option::is_none")]
        rolled_back_to: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        serves_release: Option<u64>,
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
        #[serde(skip_serializing_if = "Option::is_none")]
        rolled_back: Option<usize>,
    }
    let summary = Counts {
        total: plan.steps.len(),
        in_sync: plan.count_state(State::InSync),
        drifted: plan.count_state(State::Drifted),
        missing: plan.count_state(State::Missing),
        busy: plan.count_state(State::Busy),
        stray: Some(plan.count_state(State::Orphan)).filter(|count| *count > 0),
        rolled_back: Some(count_rolled_back(plan, health.release.as_ref())).filter(|count| *count > 0),
    };
    let row = |step: &'a Step| {
        let Step { id, name, state, cause, changes, .. } = step;
        let changes = changes.without(plan::APPLIED);
        let (rolled_back_to, serves_release) = match serves(step, health.release.as_ref()) {
            Some(Serves::RolledBack(number)) => (Some(number), None),
            Some(Serves::Released(number)) => (None, Some(number)),
            None => (None, None),
        };
        let (kind, changed_by) = (id.kind(), authors.get(id));
        Row { id, kind, name, state: *state, cause: *cause, changes, changed_by, rolled_back_to, serves_release }
    };
    let resources = plan.steps.iter().map(row).collect();
    json::document(&Document { stack: project, env: environment, resources, summary, health })
}

/// Formats the page of a CI job: a heading with the counts, and the resources that are not in sync.
pub fn markdown<C: crate::engine::Cloud>(
    stack: &str,
    plan: &Plan<C>,
    release: Option<&Standing>,
    authors: &BTreeMap<Id, Author>,
) -> String {
    let mut out = format!("### {stack}: {}\n", totals(plan, release));
    let differs: Vec<&Step> = plan.steps.iter().filter(|step| step.state != State::InSync).collect();
    if !differs.is_empty() {
        out.push_str("\n| resource | state |\n|---|---|\n");
    }
    for step in differs {
        let _ = writeln!(out, "| {} | {} |", cell(step.id.as_str()), cell(&state(step, release, authors)));
    }
    out
}

/// Formats the health: alarms, versions, canaries, the release, and the lock.
fn lines(health: &Health) -> Vec<String> {
    let mut lines = Vec::new();
    if !health.not_compared.is_empty() {
        lines.push(uncompared::text(&health.not_compared));
    }
    if !health.firing_alarms.is_empty() {
        lines.push(format!("{}: {}", paint(BAD, "alarms firing"), health.firing_alarms.join(", ")));
    }
    if !health.live_versions.is_empty() {
        let list: Vec<String> = health.live_versions.iter().map(|(function, version)| format!("{function} {version}")).collect();
        lines.push(format!("live versions: {}", list.join(", ")));
    }
    for (function, shares) in &health.canaries {
        for (version, share) in shares {
            let percent = percent(*share);
            lines.push(format!("{}: {percent} % of {function} to version {version}", paint(CHANGED, "canary")));
        }
    }
    match &health.release {
        Some(Standing { number, live: true, .. }) => lines.push(format!("release: {number}")),
        Some(Standing { number, live: false, .. }) => lines.push(format!("release: {number}, and something else is live")),
        None => {}
    }
    if let Some(held) = &health.lock {
        lines.push(format!("{} by {}", paint(CHANGED, "locked"), super::lock_text(held)));
    }
    lines
}

/// Formats state, id, physical name, and the notes, on the same line if they fit, else below.
fn rows(steps: &[&Step], release: Option<&Standing>, authors: &BTreeMap<Id, Author>, columns: Columns) -> String {
    let longest = |length: fn(&Step) -> usize| steps.iter().map(|step| length(step)).max().unwrap_or_default();
    let state_width = steps.iter().map(|step| word(step, release).1.len()).max().unwrap_or_default();
    let taken = state_width + 2;
    let (id_width, name_width) =
        columns.share(taken, longest(|step| width(step.id.as_str())), longest(|step| width(name_beside(&step.id, &step.name))));
    let mut out = String::new();
    for step in steps {
        let (style, state) = word(step, release);
        let (id, name) = (shorten(step.id.as_str(), id_width), shorten(name_beside(&step.id, &step.name), name_width));
        let details = details(step, release, authors);
        let beside = !details.is_empty() && columns.hold(taken + id_width + 2 + name_width + 2 + width(&details));
        // Writing to a String cannot fail.
        let _ = write!(out, "{}  ", paint(style, pad(&state, state_width)));
        let _ = if beside {
            writeln!(out, "{}  {}  {details}", pad(&id, id_width), paint(FAINT, pad(&name, name_width)))
        } else if name.is_empty() {
            writeln!(out, "{id}")
        } else {
            writeln!(out, "{}  {}", pad(&id, id_width), paint(FAINT, name))
        };
        if !beside && !details.is_empty() {
            let _ = writeln!(out, "{}{}", " ".repeat(taken), columns.wrap(&details, taken, taken));
        }
    }
    out
}

/// Fields that determine the live version, by kind: after a rollback they are behind the sources.
const SERVING: [(&str, &[&str]); 3] = [(Alias::KIND, &["release"]), (Bucket::KIND, &["site", "files"]), (Distribution::KIND, &["content"])];

/// Release that a resource serves, if that is its only difference from the sources. This is no drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Serves {
    /// Release that a rollback restored.
    RolledBack(u64),
    /// Last release: the sources are not released, or were rolled back.
    Released(u64),
}

fn serves(step: &Step, release: Option<&Standing>) -> Option<Serves> {
    let (kind, fields) = SERVING.iter().find(|(kind, _)| *kind == step.id.kind())?;
    let part = if *kind == Alias::KIND { step.id.name() } else { "site" };
    let release = release.filter(|release| release.as_recorded.contains(part))?;
    let mut changes = step.changes.iter().filter(|change| change.path != plan::APPLIED);
    let is_behind =
        step.state == State::Drifted && changes.all(|change| change.path.split('.').next().is_some_and(|field| fields.contains(&field)));
    is_behind.then(|| release.rolled_back.get(part).map_or(Serves::Released(release.number), |to| Serves::RolledBack(*to)))
}

fn count_rolled_back<C: crate::engine::Cloud>(plan: &Plan<C>, release: Option<&Standing>) -> usize {
    plan.steps.iter().filter(|step| matches!(serves(step, release), Some(Serves::RolledBack(_)))).count()
}

/// Formats the counts: `58 of 59 in sync, 1 drifted`.
fn totals<C: crate::engine::Cloud>(plan: &Plan<C>, release: Option<&Standing>) -> String {
    let mut out = format!("{} of {} in sync", plan.count_state(State::InSync), plan.steps.len());
    let count = |state| plan.count_state(state);
    let (serving, rolled_back) = (plan.steps.iter().filter_map(|step| serves(step, release)).count(), count_rolled_back(plan, release));
    let others = [
        (count(State::Drifted) - serving, "drifted"),
        (rolled_back, "rolled back"),
        (serving - rolled_back, "not released"),
        (count(State::Missing), "missing"),
        (count(State::Busy), "busy"),
        (count(State::Orphan), "not in stack.yaml"),
    ];
    for (count, word) in others.into_iter().filter(|(count, _)| *count > 0) {
        let _ = write!(out, ", {count} {word}");
    }
    out
}

/// Formats the state of a resource for a table cell: `drifted (threshold); changed from outside`.
fn state(step: &Step, release: Option<&Standing>, authors: &BTreeMap<Id, Author>) -> String {
    let (_, state) = word(step, release);
    let mut details = notes(step, release, authors);
    let drifted = step.state == State::Drifted && serves(step, release).is_none();
    details.insert(0, if drifted { format!("{state} ({})", fields(step)) } else { state });
    details.join("; ")
}

/// Formats the details: `threshold; changed from outside; by arn:aws:iam::…:user/ada with cloudwatch:PutMetricAlarm 3 min ago`.
fn details(step: &Step, release: Option<&Standing>, authors: &BTreeMap<Id, Author>) -> String {
    let drifted = step.state == State::Drifted && serves(step, release).is_none();
    let fields = drifted.then(|| fields(step));
    fields.into_iter().chain(notes(step, release, authors)).collect::<Vec<_>>().join("; ")
}

fn word(step: &Step, release: Option<&Standing>) -> (Style, String) {
    let (style, word) = match step.state {
        State::Drifted => match serves(step, release) {
            Some(Serves::RolledBack(number)) => return (CHANGED, format!("rolled back to release {number}")),
            Some(Serves::Released(_)) => (CHANGED, "not released"),
            None => (CHANGED, "drifted"),
        },
        State::InSync => (GOOD, "in sync"),
        State::Missing => (BAD, "missing"),
        State::Busy => (CHANGED, "busy"),
        State::Orphan => (BAD, "not in stack.yaml"),
    };
    (style, word.to_owned())
}

/// Returns the names of differing fields.
fn fields(step: &Step) -> String {
    step.changes.without(plan::APPLIED).paths()
}

/// Returns the cause of a difference, its author, and the reason that ending it needs consent.
fn notes(step: &Step, release: Option<&Standing>, authors: &BTreeMap<Id, Author>) -> Vec<String> {
    match serves(step, release) {
        Some(Serves::RolledBack(_)) => return Vec::new(),
        Some(Serves::Released(number)) => return vec![format!("release {number} serves, not the sources")],
        None => {}
    }
    let cause = step.cause.filter(|_| step.state == State::Drifted).map(plan::cause);
    let author = authors.get(&step.id).map(author);
    [cause.map(str::to_owned), author, step.objection.as_ref().map(plan::objection)].into_iter().flatten().collect()
}

/// Formats an author: `by arn:aws:sts::…:assumed-role/Admin/ada with cloudwatch:PutMetricAlarm (console) 3 min ago`.
fn author(author: &Author) -> String {
    let Author { who, operation, via, seconds, .. } = author;
    let via = via.as_ref().map(|via| format!(" ({via})")).unwrap_or_default();
    format!("by {who} with {operation}{via} {}", ago(*seconds, now()))
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}

/// Formats the time from `then` to `now`, both in seconds since 1970. A clock that is behind counts as no time.
fn ago(then: i64, now: i64) -> String {
    match (now - then).max(0) {
        seconds @ 0..60 => format!("{seconds} s ago"),
        seconds @ 60..7_200 => format!("{} min ago", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::{ago, author};
    use crate::trail::Author;

    #[test]
    fn time_is_told_in_the_largest_unit_that_says_something() {
        let told = [0, 59, 60, 7_199, 7_200, 172_799, 172_800].map(|seconds| ago(1_000_000, 1_000_000 + seconds));
        assert_eq!(told, ["0 s ago", "59 s ago", "1 min ago", "119 min ago", "2 h ago", "47 h ago", "2 days ago"]);
        assert_eq!(ago(1_000_000, 999_000), "0 s ago");
    }

    #[test]
    fn an_author_is_told_with_the_operation_and_the_tool() {
        let (who, operation) = ("arn:aws:iam::1:user/ada".to_owned(), "iam:PutRolePolicy".to_owned());
        let ada = Author { who, operation, at: String::new(), via: Some("console".to_owned()), seconds: 0 };
        assert!(author(&ada).starts_with("by arn:aws:iam::1:user/ada with iam:PutRolePolicy (console) "), "{}", author(&ada));
    }
}
