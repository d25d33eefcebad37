//! How every resource stands, for people and as JSON.

use super::{
    json,
    markdown::cell,
    name_beside, percent, plan,
    style::{BAD, CHANGED, FAINT, GOOD, paint},
};
use crate::{
    cost::Report,
    engine::{Cause, Changes, Id, Plan, State, Step},
    lock::Held,
    trail::Author,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::Write,
    time::{SystemTime, UNIX_EPOCH},
};

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
pub fn text<C>(plan: &Plan<C>, health: &Health, authors: &BTreeMap<Id, Author>) -> String {
    let width = |length: fn(&Step) -> usize| plan.steps.iter().map(length).max().unwrap_or_default();
    let id_width = width(|step| step.id.as_str().chars().count());
    let name_width = width(|step| name_beside(&step.id, &step.name).chars().count());
    let mut out = String::new();
    for step in &plan.steps {
        let (id, name) = (&step.id, name_beside(&step.id, &step.name));
        let name = paint(FAINT, format_args!("{name:name_width$}"));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{id:id_width$}  {name}  {}", state(step, authors));
    }
    let _ = write!(out, "\n{}", totals(plan));
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
pub fn json<'a, C>(plan: &'a Plan<C>, project: &str, environment: &str, health: &Health, authors: &'a BTreeMap<Id, Author>) -> String {
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
    let summary = Counts {
        total: plan.steps.len(),
        in_sync: plan.count_state(State::InSync),
        drifted: plan.count_state(State::Drifted),
        missing: plan.count_state(State::Missing),
        busy: plan.count_state(State::Busy),
        stray: Some(plan.count_state(State::Stray)).filter(|count| *count > 0),
    };
    let row = |step: &'a Step| {
        let Step { id, name, state, cause, changes, .. } = step;
        let changes = changes.without(plan::APPLIED);
        Row { id, kind: id.kind(), name, state: *state, cause: *cause, changes, changed_by: authors.get(id) }
    };
    let resources = plan.steps.iter().map(row).collect();
    json::document(&Document { stack: project, env: environment, resources, summary, health })
}

/// For the page of a CI job: a heading that counts, and what is not in sync.
pub fn markdown<C>(stack: &str, plan: &Plan<C>, authors: &BTreeMap<Id, Author>) -> String {
    let mut out = format!("### {stack}: {}\n", totals(plan));
    let differs: Vec<&Step> = plan.steps.iter().filter(|step| step.state != State::InSync).collect();
    if !differs.is_empty() {
        out.push_str("\n| resource | state |\n|---|---|\n");
    }
    for step in differs {
        let state = anstream::adapter::strip_str(&state(step, authors)).to_string();
        let _ = writeln!(out, "| {} | {} |", cell(step.id.as_str()), cell(&state));
    }
    out
}

/// `58 of 59 in sync, 1 drifted`
fn totals<C>(plan: &Plan<C>) -> String {
    let mut out = format!("{} of {} in sync", plan.count_state(State::InSync), plan.steps.len());
    let others = [(State::Drifted, "drifted"), (State::Missing, "missing"), (State::Busy, "busy"), (State::Stray, "not in stack.yaml")];
    for (state, word) in others {
        match plan.count_state(state) {
            0 => {}
            count => drop(write!(out, ", {count} {word}")),
        }
    }
    out
}

fn state(step: &Step, authors: &BTreeMap<Id, Author>) -> String {
    let text = match step.state {
        State::InSync => paint(GOOD, "in sync"),
        State::Drifted => paint(CHANGED, format_args!("drifted ({})", step.changes.without(plan::APPLIED).paths())),
        State::Missing => paint(BAD, "missing"),
        State::Busy => paint(CHANGED, "busy"),
        State::Stray => paint(BAD, "not in stack.yaml"),
    };
    let cause = step.cause.filter(|_| step.state == State::Drifted).map(plan::cause);
    let author = authors.get(&step.id).map(author);
    let more = [cause.map(str::to_owned), author, step.objection.as_ref().map(plan::objection)];
    more.into_iter().flatten().fold(text, |text, more| format!("{text}; {more}"))
}

/// `by arn:aws:sts::…:assumed-role/Admin/ada with cloudwatch:PutMetricAlarm (console) 3 min ago`
fn author(author: &Author) -> String {
    let Author { who, operation, via, seconds, .. } = author;
    let via = via.as_ref().map(|via| format!(" ({via})")).unwrap_or_default();
    format!("by {who} with {operation}{via} {}", ago(*seconds, now()))
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}

/// How long ago that was, both in seconds since 1970. A clock that is behind does not make it the future.
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
