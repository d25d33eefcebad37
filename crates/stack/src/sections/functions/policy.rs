//! Permissions of functions: exactly the declared ones, nothing by wildcard.

use super::{Function, Grant, Indexes, Operation};
use crate::limits::INLINE_POLICIES;
use crate::sections::{SecretsFrom, Stack};
use crate::{Names, Table};
use aws::{Policy, STACK, Target};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Never `logs:CreateLogGroup`: a late invocation would create a deleted group again.
const LOGS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];

/// Action that reads values, decrypted. A parameter under AWS's own key (`aws/ssm`) reportedly needs no KMS permission beside it: the key's policy
/// admits callers that come through Systems Manager. A customer's own key has to allow the role kms:Decrypt.
const READ_PARAMETERS: &str = "ssm:GetParameters";

/// Actions that send segments to X-Ray ("Lambda developer guide", "Visualize Lambda function invocations using AWS X-Ray"). They know no resources.
const TRACE: [&str; 2] = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"];

/// Sid of a statement that the function declares, before its number.
const DECLARED: &str = "Declared";

/// Returns a trust policy for one AWS service.
pub(crate) fn trust(service: &str) -> Policy {
    Policy::default().with("Assume", json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": service } }))
}

/// Returns the policy of a function: the tables that it reads and writes, its own log streams, and the permissions that it declares by themselves.
pub(crate) fn of_function(function: &Function, stack: &Stack, target: &Target, names: &Names, name: &str) -> Policy {
    let arn = |table: &str| target.arn("dynamodb", &format!("table/{}", names.table(table)));
    let streams = target.arn("logs", &format!("log-group:{}:*", names.function_log_group(name)));
    let logs = json!({ "Effect": "Allow", "Action": LOGS, "Resource": streams });
    let mut logs = Policy::default().with("Logs", logs);
    if !function.parameters.is_empty() {
        let arns: BTreeSet<String> = function.parameters.iter().map(|secret| parameter(target, names, secret)).collect();
        logs = logs.with("Parameters", json!({ "Effect": "Allow", "Action": [READ_PARAMETERS], "Resource": arns }));
    }
    if function.settings.tracing {
        logs = logs.with("Tracing", tracing());
    }
    for (index, permission) in function.permissions.iter().enumerate() {
        logs = logs.with(&format!("{DECLARED}{}", index + 1), permission.statement(stack, names));
    }
    let plain = allow(logs.clone(), plain(function, arn));
    if INLINE_POLICIES.fits(length(&plain)) { plain } else { allow(logs, shortened(function, &stack.tables, arn)) }
}

/// Returns the permission to send segments to X-Ray.
fn tracing() -> Value {
    json!({ "Effect": "Allow", "Action": TRACE, "Resource": "*" })
}

/// Returns the ARN of a secret's parameter. Its name begins with a slash, which the ARN does not repeat.
fn parameter(target: &Target, names: &Names, secret: &str) -> String {
    target.arn("ssm", &format!("parameter{}", names.parameter(secret)))
}

/// Resources by their permission: operations, and patterns of keys.
type Allowed = BTreeMap<(BTreeSet<Operation>, BTreeSet<String>), BTreeSet<String>>;

/// Returns the permissions as they are declared.
fn plain(function: &Function, arn: impl Fn(&str) -> String) -> Allowed {
    let mut allowed = Allowed::new();
    for grant in function.reads.iter().chain(&function.writes) {
        let arn = arn(&grant.table);
        let of_index = on_indexes(grant);
        match &grant.indexes {
            // One statement covers both: naming an operation that does not work on indexes does not allow it there.
            Indexes::All if !of_index.is_empty() => {
                allowed.entry((grant.operations.clone(), grant.keys.clone())).or_default().insert(format!("{arn}/index/*"));
            }
            Indexes::All => {}
            Indexes::Named(indexes) => {
                let arns = indexes.iter().map(|index| format!("{arn}/index/{index}"));
                if !indexes.is_empty() && !of_index.is_empty() {
                    allowed.entry((of_index, BTreeSet::new())).or_default().extend(arns);
                }
            }
        }
        allowed.entry((grant.operations.clone(), grant.keys.clone())).or_default().insert(arn);
    }
    allowed
}

/// Returns the same permissions in less text: each table once, and indexes only where there are any.
fn shortened(function: &Function, tables: &BTreeMap<String, Table>, arn: impl Fn(&str) -> String) -> Allowed {
    let mut allowed = Allowed::new();
    let mut operations: BTreeMap<&str, BTreeSet<Operation>> = BTreeMap::new();
    for grant in function.reads.iter().chain(&function.writes) {
        let arn = arn(&grant.table);
        let arns: Vec<String> = match &grant.indexes {
            Indexes::All if tables.get(&grant.table).is_none_or(|table| table.index_count() == 0) => Vec::new(),
            Indexes::All => vec![format!("{arn}/index/*")],
            Indexes::Named(indexes) => indexes.iter().map(|index| format!("{arn}/index/{index}")).collect(),
        };
        let of_index = match &grant.indexes {
            Indexes::All => grant.operations.clone(),
            Indexes::Named(_) => on_indexes(grant),
        };
        if !arns.is_empty() && !on_indexes(grant).is_empty() {
            allowed.entry((of_index, BTreeSet::new())).or_default().extend(arns);
        }
        if grant.keys.is_empty() {
            operations.entry(&grant.table).or_default().extend(&grant.operations);
        } else {
            allowed.entry((grant.operations.clone(), grant.keys.clone())).or_default().insert(arn);
        }
    }
    for (table, operations) in operations {
        allowed.entry((operations, BTreeSet::new())).or_default().insert(arn(table));
    }
    allowed
}

/// Returns the operations that can be sent to an index.
fn on_indexes(grant: &Grant) -> BTreeSet<Operation> {
    grant.operations.iter().copied().filter(|operation| operation.takes_index()).collect()
}

/// Returns statements with the widest permissions that any function of the stack can have: its tables and its own log streams, declared or not, its
/// parameters if its secrets are in them, tracing if a function declares it, and the permissions that functions declare by themselves. Tables of another
/// stack are left out where `DynamoDB` supports tags as conditions, which it does unless the account has turned that off.
pub fn of_any_function(stack: &Stack, target: &Target, names: &Names) -> Vec<Value> {
    let table = target.arn("dynamodb", &format!("table/{}", names.pattern()));
    let streams = target.arn("logs", &format!("log-group:{}:*", names.function_log_group("*")));
    let actions: BTreeSet<String> = Operation::READS.into_iter().chain(Operation::WRITES).map(action).collect();
    let mut statements = vec![
        json!({
            "Sid": "Tables",
            "Effect": "Allow",
            "Action": actions,
            "Resource": [table, format!("{table}/index/*")],
            "Condition": { "StringEqualsIfExists": { format!("aws:ResourceTag/{STACK}"): names.stack_tag() } },
        }),
        json!({ "Sid": "Logs", "Effect": "Allow", "Action": LOGS, "Resource": [streams] }),
    ];
    if stack.secrets_from == SecretsFrom::Ssm {
        let all = parameter(target, names, "*");
        statements.push(json!({ "Sid": "Parameters", "Effect": "Allow", "Action": [READ_PARAMETERS], "Resource": [all] }));
    }
    if stack.functions.values().any(|function| function.settings.tracing) {
        let mut tracing = tracing();
        tracing["Sid"] = json!("Tracing");
        statements.push(tracing);
    }
    let mut declared: Vec<Value> = Vec::new();
    for permission in stack.functions.values().flat_map(|function| &function.permissions) {
        let statement = permission.statement(stack, names);
        if !declared.contains(&statement) {
            declared.push(statement);
        }
    }
    for (index, mut statement) in declared.into_iter().enumerate() {
        statement["Sid"] = json!(format!("{DECLARED}{}", index + 1));
        statements.push(statement);
    }
    statements
}

/// Adds a statement for each set of operations, named after them.
fn allow(mut policy: Policy, allowed: Allowed) -> Policy {
    for ((operations, keys), resources) in allowed {
        let name = format!("{}{}", sid(&operations), if keys.is_empty() { "" } else { "Keys" });
        // A second statement about the same operations, for other keys or indexes, is numbered.
        let (mut sid, mut number) = (name.clone(), 2);
        while policy.statement(&sid).is_some() {
            sid = format!("{name}{number}");
            number += 1;
        }
        let actions: Vec<String> = operations.into_iter().map(action).collect();
        let mut statement = json!({ "Effect": "Allow", "Action": actions, "Resource": resources });
        if !keys.is_empty() {
            // Every key that a request names has to match; a request without a key (a scan) would match as well, and cannot be declared with keys.
            statement["Condition"] = json!({ "ForAllValues:StringLike": { "dynamodb:LeadingKeys": keys } });
        }
        policy = policy.with(&sid, statement);
    }
    policy
}

/// Returns the name of a statement, of letters and digits as IAM requires: the operations, or their common kind.
fn sid(operations: &BTreeSet<Operation>) -> String {
    let all = |kinds: &[&[Operation]]| kinds.concat().into_iter().collect::<BTreeSet<_>>() == *operations;
    if all(&[&Operation::READS]) {
        "Read".to_owned()
    } else if all(&[&Operation::WRITES]) {
        "Write".to_owned()
    } else if all(&[&Operation::READS, &Operation::WRITES]) {
        "ReadWrite".to_owned()
    } else {
        operations.iter().map(|operation| operation.as_str()).collect()
    }
}

/// Returns the IAM action of an operation.
fn action(operation: Operation) -> String {
    format!("dynamodb:{}", operation.as_str())
}

/// Counts the characters of a policy as IAM does: without blanks.
pub(crate) fn length(policy: &Policy) -> usize {
    policy.document().chars().filter(|character| !character.is_whitespace()).count()
}
