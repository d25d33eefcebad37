//! Estimates the time that `up` takes to carry out a plan.

use super::{
    path::longest,
    typical::{READING, makes_role, seconds},
};
use crate::{
    aws::{RequestLimit, facts::Kind},
    engine::{Action, Graph, Id, Resource, State, Step},
    resources::{RestApi, kind, request_limits},
};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Estimated duration of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Duration of the whole run in seconds, without building the handlers.
    #[serde(serialize_with = "whole")]
    pub seconds: f64,
    /// Critical path: the longest chain of steps in which each waits for the one before.
    pub path: Vec<Id>,
    /// Resource that takes most of the time.
    pub longest: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
fn whole<S: Serializer>(seconds: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(seconds.round())
}

/// Estimates a plan's steps within AWS's request limits; `None` if there is nothing to do.
pub fn estimate<C: crate::engine::Cloud>(graph: &Graph<C>, steps: &[Step]) -> Option<Estimate> {
    let steps: BTreeMap<&Id, &Step> = steps.iter().filter(|step| step.action.is_some()).map(|step| (&step.id, step)).collect();
    let waits = graph.forward();
    let entries = graph.entries();
    let step = |target: usize| steps.get(&entries[target].id).copied();
    let has_new_role = |target: usize| waits[target].iter().any(|&need| step(need).is_some_and(makes_role));
    let times: Vec<f64> = (0..entries.len()).map(|target| step(target).map_or(0.0, |step| seconds(step, has_new_role(target)))).collect();
    let mut path: Vec<(Id, f64)> = longest(&times, &waits).into_iter().map(|target| (entries[target].id.clone(), times[target])).collect();
    // Orphans are removed one after the other, after everything else.
    path.extend(steps.values().filter(|step| step.state == State::Orphan).map(|step| (step.id.clone(), seconds(step, false))));
    let chain: f64 = path.iter().map(|(_, seconds)| seconds).sum();
    let slowest = path.iter().max_by(|a, b| a.1.total_cmp(&b.1))?.0.to_string();
    let (pace, paced) = pace(&steps.values().copied().collect::<Vec<_>>());
    let longest = if pace > chain { paced } else { slowest };
    Some(Estimate { seconds: READING + chain.max(pace), path: path.into_iter().map(|(id, _)| id).collect(), longest })
}

/// Returns the minimum time that the request limits allow, regardless of dependencies, and the limit in words. An operation
/// counts towards its own limit and towards that of its service.
fn pace(steps: &[&Step]) -> (f64, String) {
    // One call creates all parts of a new API.
    let makes_api = |step: &&&Step| step.id.kind() == RestApi::KIND && matches!(step.action, Some(Action::Create | Action::Replace));
    let imports = steps.iter().find(makes_api).is_some();
    let is_imported = |kind: &Kind| imports && kind.trail.source == RestApi::FACTS.trail.source;
    let paces: Vec<&str> =
        steps.iter().filter_map(|step| kind(step.id.kind())).filter(|kind| !is_imported(kind)).filter_map(|kind| kind.pace).collect();
    let least = |limit: &RequestLimit| {
        let counts = |pace: &&&str| **pace == limit.what || pace.split(':').next() == Some(limit.what);
        let count = u32::try_from(paces.iter().filter(counts).count()).unwrap_or(u32::MAX);
        (limit.least_seconds(count), format!("{count} times {}, within AWS's request limits", limit.what))
    };
    request_limits().map(least).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Estimate, estimate, pace};
    use crate::{
        aws::Target,
        engine::{Action, Changes, Entry, Fields, Id, State, Step},
        resources::{Alarm, ApiMethod},
        stack::{Content, Declaration, Stack, declare},
    };
    use serde_json::json;
    use std::collections::BTreeMap;

    fn declaration() -> Declaration {
        let stack = Stack::load(&test_support::workspace().join("stack.yaml"), None, None).unwrap();
        declare(&stack, &Target::aws("aws", "us-east-1", "123456789012"), &Content::default())
    }

    /// Estimates this action on the resources with these prefixes of ids.
    fn of(action: Action, prefixes: &[&str]) -> Option<Estimate> {
        let Declaration { graph, .. } = declaration();
        let step = |entry: &Entry<_>| Step {
            id: entry.id.clone(),
            name: entry.name.clone(),
            state: State::Missing,
            action: prefixes.iter().any(|prefix| entry.id.as_str().starts_with(prefix)).then_some(action),
            changes: Changes::creating(&entry.desired()),
            fixed: &[],
            cause: None,
            objection: None,
        };
        let steps: Vec<Step> = graph.entries().iter().map(step).collect();
        estimate(&graph, &steps)
    }

    fn seconds(action: Action, prefixes: &[&str]) -> f64 {
        of(action, prefixes).unwrap().seconds
    }

    #[test]
    fn what_waits_for_nothing_costs_no_time_beside_what_takes_longer() {
        let table = of(Action::Create, &["dynamodb.table/events"]).unwrap();
        assert_eq!((table.path.len(), table.longest.as_str()), (1, "dynamodb.table/events"));
        let beside = seconds(Action::Create, &["dynamodb.table/events", "logs.", "s3.bucket/"]);
        assert!((beside - table.seconds).abs() < 1e-9, "{beside} {table:?}");
    }

    #[test]
    fn a_new_role_makes_its_function_wait() {
        let alone = seconds(Action::Create, &["lambda.function/event-collector"]);
        let both = of(Action::Create, &["lambda.function/event-collector", "iam.role/event-collector"]).unwrap();
        let path: Vec<&str> = both.path.iter().map(|id| id.as_str()).collect();
        assert_eq!(path, ["iam.role/event-collector", "lambda.function/event-collector"]);
        assert!(both.seconds > alone + 5.0, "{alone} {both:?}");
        // A resource that only changes is already known.
        let changed = seconds(Action::Update, &["lambda.function/event-collector", "iam.role/event-collector"]);
        assert!(changed < alone + 1.0, "{changed}");
    }

    #[test]
    fn each_index_that_is_added_to_a_table_takes_minutes() {
        let Declaration { graph, .. } = declaration();
        let table = graph.entries().iter().find(|entry| entry.id.as_str() == "dynamodb.table/events").unwrap();
        let with = |indexes: &[&str]| {
            let indexes: BTreeMap<&str, _> = indexes.iter().map(|name| (*name, json!({"partition_key": "a", "sort_key": "b"}))).collect();
            let changes = Changes::creating(&Fields::of(&json!({ "indexes": indexes })));
            let (id, name) = (table.id.clone(), table.name.clone());
            let (state, action) = (State::Drifted, Some(Action::Update));
            estimate(&graph, &[Step { id, name, state, action, changes, fixed: &[], cause: None, objection: None }]).unwrap().seconds
        };
        let (one, two) = (with(&["A"]), with(&["A", "B"]));
        assert!(one > 500.0 && two > one + 500.0, "{one} {two}");
        assert!(seconds(Action::Create, &["dynamodb.table/events"]) < 30.0);
    }

    #[test]
    fn the_whole_stack_takes_less_than_its_parts_one_after_the_other() {
        let all = of(Action::Create, &[""]).unwrap();
        let each: f64 = declaration().graph.entries().iter().map(|entry| seconds(Action::Create, &[entry.id.as_str()])).sum();
        assert!(all.seconds > 15.0 && all.seconds < each / 3.0, "{all:?} {each}");
        assert_eq!(of(Action::Create, &[]), None, "nothing to do");
    }

    #[test]
    fn request_limits_make_many_of_a_kind_last() {
        let of = |id: Id, count: usize| {
            let step = Step {
                id,
                name: String::new(),
                state: State::Missing,
                action: Some(Action::Create),
                changes: Changes::default(),
                fixed: &[],
                cause: None,
                objection: None,
            };
            pace(&vec![&step; count])
        };
        let (seconds, what) = of(Id::new::<Alarm>("a"), 120);
        assert!((seconds - 39.0).abs() < 1e-9);
        assert_eq!(what, "120 times cloudwatch:PutMetricAlarm, within AWS's request limits");
        assert!((of(Id::new::<ApiMethod>("a"), 140).0 - 10.0).abs() < 1e-9);
    }
}
