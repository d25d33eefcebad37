//! What functions are allowed: exactly what they declare, nothing by wildcard.

use crate::{
    aws::{Place, Policy, STACK},
    stack::{Function, Names, Table, limits::INLINE_POLICIES},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const READS: &[&str] = &["dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"];
const WRITES: &[&str] = &["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];

/// Never `logs:CreateLogGroup`: a late invocation would bring a deleted group back.
const LOGS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];

/// A trust policy for one AWS service.
pub(super) fn trust(service: &str) -> Policy {
    Policy::default().with("Assume", json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": service } }))
}

/// The policy of a function: the tables it reads (with their indexes) and writes, and its own log streams.
pub(in crate::stack) fn of_function(
    function: &Function,
    tables: &BTreeMap<String, Table>,
    place: &Place,
    names: &Names,
    name: &str,
) -> Policy {
    let arn = |table: &String| place.arn("dynamodb", &format!("table/{}", names.table(table)));
    let streams = place.arn("logs", &format!("log-group:{}:*", names.function_log_group(name)));
    let logs = json!({ "Effect": "Allow", "Action": LOGS, "Resource": streams });
    let logs = Policy::default().with("Logs", logs);
    let (reads, writes) = (&function.reads, &function.writes);
    let readable = reads.iter().map(arn).flat_map(|arn| [format!("{arn}/index/*"), arn]).collect();
    let plain = allow(allow(logs.clone(), "Read", READS, &readable), "Write", WRITES, &writes.iter().map(arn).collect());
    if INLINE_POLICIES.fits(length(&plain)) {
        return plain;
    }
    // The same in less text: each table once, and indexes only where there are any.
    let has_indexes = |table: &&String| tables.get(*table).is_some_and(|table| !table.indexes.is_empty());
    let indexes = reads.iter().filter(has_indexes).map(|table| format!("{}/index/*", arn(table)));
    let readable = reads.difference(writes).map(arn).chain(indexes).collect();
    let shortened = allow(logs, "Read", READS, &readable);
    let shortened = allow(shortened, "Write", WRITES, &writes.difference(reads).map(arn).collect());
    allow(shortened, "ReadWrite", &[READS, WRITES].concat(), &reads.intersection(writes).map(arn).collect())
}

/// Returns statements that allow the most that any function of a stack with these names can be given: its tables and its own log streams,
/// declared or not. Tables of another stack are left out where `DynamoDB` knows tags as conditions, which it does unless the account has turned
/// that off.
pub(crate) fn of_any_function(place: &Place, names: &Names) -> Vec<Value> {
    let table = place.arn("dynamodb", &format!("table/{}", names.pattern()));
    let streams = place.arn("logs", &format!("log-group:{}:*", names.function_log_group("*")));
    let actions: BTreeSet<&str> = [READS, WRITES].concat().into_iter().collect();
    vec![
        json!({
            "Sid": "Tables",
            "Effect": "Allow",
            "Action": actions,
            "Resource": [table, format!("{table}/index/*")],
            "Condition": { "StringEqualsIfExists": { format!("aws:ResourceTag/{STACK}"): names.stack_tag() } },
        }),
        json!({ "Sid": "Logs", "Effect": "Allow", "Action": LOGS, "Resource": [streams] }),
    ]
}

/// Adds a statement, unless it is about nothing.
fn allow(policy: Policy, sid: &str, actions: &[&str], resources: &BTreeSet<String>) -> Policy {
    if resources.is_empty() {
        return policy;
    }
    policy.with(sid, json!({ "Effect": "Allow", "Action": actions, "Resource": resources }))
}

/// The characters of a policy as IAM counts them: without blanks.
pub(in crate::stack) fn length(policy: &Policy) -> usize {
    policy.document().chars().filter(|character| !character.is_whitespace()).count()
}
