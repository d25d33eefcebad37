//! What functions are allowed: exactly what they declare, nothing by wildcard.

use crate::{
    aws::{Place, Policy},
    stack::{Function, Names},
};
use serde_json::json;
use std::collections::BTreeSet;

const READS: &[&str] = &["dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"];
const WRITES: &[&str] = &["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];

/// A trust policy for one AWS service.
pub(super) fn trust(service: &str) -> Policy {
    Policy::default().with("Assume", json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": service } }))
}

/// The policy of a function: the tables it reads (with their indexes) and writes, and its own log streams. Never
/// `logs:CreateLogGroup`: a late invocation would bring a deleted group back.
pub(super) fn of_function(function: &Function, place: &Place, names: &Names, name: &str) -> Policy {
    let table = |table: &String| place.arn("dynamodb", &format!("table/{}", names.table(table)));
    let readable: BTreeSet<String> = function.reads.iter().map(table).flat_map(|arn| [format!("{arn}/index/*"), arn]).collect();
    let writable: BTreeSet<String> = function.writes.iter().map(table).collect();
    let streams = place.arn("logs", &format!("log-group:{}:*", names.function_log_group(name)));
    let mut policy = Policy::default()
        .with("Logs", json!({ "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": streams }));
    if !readable.is_empty() {
        policy = policy.with("Read", json!({ "Effect": "Allow", "Action": READS, "Resource": readable }));
    }
    if !writable.is_empty() {
        policy = policy.with("Write", json!({ "Effect": "Allow", "Action": WRITES, "Resource": writable }));
    }
    policy
}
