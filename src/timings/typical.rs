//! How long things typically take on AWS, in seconds. What AWS promises nowhere is what others measured; what nobody published is assumed.
//!
//! Each is the time of our own steps, too: a table is done when its time to live and its recovery are set, a bucket when its pages are there.

use crate::{
    engine::{Action, Change, Resource, Step},
    resources::{Bucket, Distribution, Function, Role, Table},
};
use std::collections::BTreeMap;

/// Before a run writes and after it: two rounds of reads, within the request limits (`aws/budget.rs`). Assumed.
pub(super) const READING: f64 = 3.0;

/// Until Lambda can assume a role that was just made. "Usually about 2 s" (pulumi/pulumi-aws#2411), 5 to 10 s (aws/aws-cli#7700).
const ROLE_KNOWN: f64 = 7.0;

/// Seconds of one or two calls. AWS publishes no latencies; assumed.
const CALLS: f64 = 0.3;

/// Steps that take longer than a few calls: `(kind, action, seconds)`.
const TYPICAL: &[(&str, Action, f64)] = &[
    // aws-controllers-k8s/dynamodb-controller, docs/api-quirks, measured in October 2026: without indexes ACTIVE after 2 to 6 s, deleted
    // after 4 to 6 s; point-in-time recovery can be set 1.4 to 2.7 s after ACTIVE.
    (Table::KIND, Action::Create, 6.0),
    (Table::KIND, Action::Update, 2.0),
    (Table::KIND, Action::Delete, 5.0),
    // "Lambda function states", AWS Lambda developer guide: ready "after a few seconds".
    (Function::KIND, Action::Create, 3.0),
    (Function::KIND, Action::Update, 3.0),
    // go-to-k/cdkd, docs/benchmarks.md: a bucket, an access control and a distribution are made in 10 to 11 s together.
    (Bucket::KIND, Action::Create, 2.0),
    (Distribution::KIND, Action::Create, 8.0),
    (Distribution::KIND, Action::Update, 2.0),
    // The same: 174 s until it is deployed everywhere, which it has to be, disabled, before it can be deleted.
    (Distribution::KIND, Action::Delete, 174.0),
];

/// Seconds of a table with indexes, from the same source: with a new table 14 to 22, added later mostly 506 to 539, removed 3 to 5.
/// DynamoDB adds and removes indexes one after the other.
const WITH_INDEXES: (f64, f64, f64) = (18.0, 520.0, 5.0);

/// Returns the seconds of a step. `has_new_role` says that it needs a role that is made in the same run.
pub(super) fn seconds(step: &Step, has_new_role: bool) -> f64 {
    let kind = step.id.kind();
    let role = if has_new_role && kind == Function::KIND { ROLE_KNOWN } else { 0.0 };
    role + match step.action {
        None => 0.0,
        Some(Action::Replace) => of(step, Action::Delete) + of(step, Action::Create),
        Some(action) => of(step, action),
    }
}

/// Returns whether the step makes a role.
pub(super) fn makes_role(step: &Step) -> bool {
    step.id.kind() == Role::KIND && matches!(step.action, Some(Action::Create | Action::Replace))
}

fn of(step: &Step, action: Action) -> f64 {
    let kind = step.id.kind();
    let usual = TYPICAL.iter().find(|(of, what, _)| (*of, *what) == (kind, action)).map_or(CALLS, |(.., seconds)| *seconds);
    // Each index by its name, and whether it is made: it changes by several fields at once.
    let index = |change: &Change| Some((change.path.strip_prefix("indexes.")?.split('.').next()?.to_owned(), change.to.is_some()));
    let indexes: BTreeMap<String, bool> = step.changes.iter().filter(|_| kind == Table::KIND).filter_map(index).collect();
    let (created, added, removed) = WITH_INDEXES;
    match action {
        Action::Create if !indexes.is_empty() => created,
        Action::Update if !indexes.is_empty() => indexes.values().map(|is_made| if *is_made { added } else { removed }).sum(),
        _ => usual,
    }
}
