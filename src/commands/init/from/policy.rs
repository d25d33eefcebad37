//! Statements of IAM policies: operations on the file's tables become grants, everything else permissions.

use super::description::{Description, Operations, Permission, Table};
use super::expression::{Expressions, escaped, function as function_of};
use crate::stack::{Node, Operation};
use std::collections::BTreeMap;

/// Managed policies whose content every function's role has anyway, or gets with `tracing`.
const IMPLIED: [&str; 3] = ["AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess", "AWSXrayWriteOnlyAccess"];

/// Actions that every function's role allows on its own log group, or allows with `tracing`.
const IMPLIED_ACTIONS: [&str; 5] =
    ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"];

/// Adds a statement to a function.
pub(super) fn statement(description: &mut Description, expressions: &Expressions<'_>, function: &str, node: &Node) {
    let line = node.line();
    let mut leave = |what: String| {
        let next = "write what the function needs under its `permissions`";
        description.leave(line, format!("a statement of `{function}` is not taken over: {what}"), next);
    };
    match node.get("Effect").map(|effect| expressions.concrete(effect)) {
        None => return leave("it has no `Effect`".to_owned()),
        Some(None) => return leave("its `Effect` is not known from the file".to_owned()),
        Some(Some(effect)) if effect != "Allow" => return leave("it denies, and permissions only allow".to_owned()),
        Some(Some(_)) => {}
    }
    if let Some(key) = ["NotAction", "NotResource", "Principal", "NotPrincipal"].into_iter().find(|key| node.get(key).is_some()) {
        return leave(format!("it has `{key}`"));
    }
    let list = |key: &str| node.get(key).map_or_else(|| Err(format!("it has no `{key}`")), |node| expressions.values(node));
    let actions = match list("Action") {
        Ok(actions) => actions,
        Err(reason) => return leave(reason),
    };
    let is_implied = |action: &String| IMPLIED_ACTIONS.contains(&action.as_str());
    if !actions.is_empty() && actions.iter().all(is_implied) {
        return;
    }
    let mut resources = Vec::new();
    let mut missing = Vec::new();
    let given = node.get("Resource");
    let is_list = given.is_some_and(|node| function_of(node).is_none() && !node.elements().is_empty());
    let single = given.filter(|_| !is_list);
    for node in single.into_iter().chain(given.filter(|_| is_list).map(Node::elements).unwrap_or_default()) {
        match expressions.values(node) {
            Ok(found) => resources.extend(found),
            Err(reason) => missing.push(reason),
        }
    }
    let conditions = match node.get("Condition").map(|node| conditions(expressions, node)).transpose() {
        Ok(conditions) => conditions.unwrap_or_default(),
        Err(reason) => return leave(reason),
    };
    for reason in missing {
        leave(format!("of `{}` on a resource: {reason}", actions.join(", ")));
    }
    let actions = actions.into_iter().filter(|action| !is_implied(action)).collect();
    if !resources.is_empty() {
        allow(description, function, Permission { actions, resources, conditions, line });
    }
}

fn conditions(expressions: &Expressions<'_>, node: &Node) -> Result<BTreeMap<String, BTreeMap<String, Vec<String>>>, String> {
    let mut all = std::iter::once(node).chain(node.entries().map(|(_, keys)| keys));
    if all.any(|node| function_of(node).is_some() || node.entries().next().is_none()) {
        return Err("its `Condition` is not evaluated".to_owned());
    }
    node.entries()
        .map(|(operator, keys)| {
            let keys = keys.entries().map(|(key, values)| Ok((key.to_owned(), expressions.values(values)?)));
            Ok((operator.to_owned(), keys.collect::<Result<_, String>>()?))
        })
        .collect()
}

/// Allows actions on resources. Their texts have the references of stack.yaml.
pub(super) fn allow(description: &mut Description, function: &str, permission: Permission) {
    let Permission { actions, resources, conditions, line } = permission;
    let mut rest = Vec::new();
    let mut tables: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for resource in resources {
        match table_of(&resource, &description.tables, description.account.as_deref()) {
            Some((table, is_index)) if conditions.is_empty() => {
                let reach = tables.entry(table).or_default();
                *(if is_index { &mut reach.1 } else { &mut reach.0 }) = true;
            }
            Some((table, is_index)) => {
                let end = if is_index { "/index/*" } else { "" };
                rest.push(format!("${{tables.{table}.arn}}{end}"));
            }
            None => rest.push(resource),
        }
    }
    let known = |action: &str| -> Vec<&'static str> {
        let Some(pattern) = action.strip_prefix("dynamodb:").or_else(|| action.strip_prefix('*')) else { return Vec::new() };
        let all = Operation::READS.into_iter().chain(Operation::WRITES).map(Operation::as_str);
        all.filter(|name| matches(if action == "*" { "*" } else { pattern }, name)).collect()
    };
    let operations: Vec<&'static str> = actions.iter().flat_map(|action| known(action)).collect();
    // A wildcard means the data: the table itself is the stack's to change.
    let others: Vec<String> = actions.iter().filter(|action| known(action).is_empty()).cloned().collect();
    let has_tables = !tables.is_empty();
    let mut arns = Vec::new();
    let mut wide = Vec::new();
    if let Some(behind) = description.function(function) {
        for (table, (is_table, is_index)) in tables {
            if !operations.is_empty() {
                let grant = behind.grants.entry(table.clone()).or_insert_with(|| Operations { line, ..Operations::default() });
                grant.names.extend(operations.iter().copied());
                grant.with_indexes |= is_index;
                if !is_table && is_index {
                    wide.push(table.clone());
                }
            }
            arns.push(format!("${{tables.{table}.arn}}"));
            if is_index {
                arns.push(format!("${{tables.{table}.arn}}/index/*"));
            }
        }
        let of_dynamodb: Vec<String> = others.iter().filter(|action| action.starts_with("dynamodb:")).cloned().collect();
        if has_tables && !of_dynamodb.is_empty() {
            behind.permissions.push(Permission { actions: of_dynamodb, resources: arns, conditions: BTreeMap::new(), line });
        }
        if !rest.is_empty() && !actions.is_empty() {
            behind.permissions.push(Permission { actions: actions.clone(), resources: rest, conditions, line });
        }
    }
    if has_tables && actions.iter().any(|action| matches!(action.as_str(), "*" | "dynamodb:*")) {
        let what = format!("`{function}` may do everything with tables there, and here everything with their items");
        description.note(line, what, "name other operations, such as dynamodb:DescribeTable, under its `permissions`");
    }
    for table in wide {
        let what = format!("`{function}` may use only indexes of the table `{table}` there, and the table too here");
        description.note(line, what, "do nothing, unless the function must not touch the table's own items");
    }
}

/// Tests a name against a pattern with `*` and `?`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        // Several in a row mean no more than one.
        Some('*') if pattern.starts_with("**") => matches(&pattern[1..], name),
        Some('*') => (0..=name.len()).any(|index| matches(&pattern[1..], &name[index..])),
        Some('?') => !name.is_empty() && matches(&pattern[1..], &name[1..]),
        Some(one) => name.starts_with(one) && matches(&pattern[one.len_utf8()..], &name[one.len_utf8()..]),
    }
}

/// Returns the table that an ARN names, and whether it names its indexes.
pub(super) fn table_of(resource: &str, tables: &[Table], account: Option<&str>) -> Option<(String, bool)> {
    let (resource, is_index) = match resource.split_once("/index/") {
        Some((table, _)) => (table, true),
        None => (resource, false),
    };
    let name = if let Some(reference) = resource.strip_prefix("${tables.").and_then(|rest| rest.strip_suffix(".arn}")) {
        reference
    } else {
        let (head, name) = resource.starts_with("arn:").then(|| resource.split_once(":table/"))??;
        let of = head.rsplit(':').next().unwrap_or_default();
        if of != "${account}" && of != "*" && Some(of) != account {
            return None;
        }
        // With a wildcard behind it, the indexes are meant.
        name.strip_prefix("${tables.").and_then(|rest| rest.strip_suffix('}')).unwrap_or(name)
    };
    let known = |table: &&Table| table.name == name || table.physical.as_deref().map(escaped).as_deref() == Some(name);
    Some((tables.iter().find(known)?.name.clone(), is_index))
}

/// Adds a managed policy, by its name or ARN.
pub(super) fn managed(description: &mut Description, function: &str, name: &str, line: Option<usize>) {
    let short = name.rsplit('/').next().unwrap_or(name);
    if IMPLIED.contains(&short) {
        if short.to_ascii_lowercase().contains("xray")
            && let Some(function) = description.function(function)
        {
            function.tracing = true;
        }
        return;
    }
    description.leave(
        line,
        format!("the managed policy `{short}` of `{function}` is not taken over: stack.yaml takes statements"),
        "write what the function needs of it under `reads`, `writes` or `permissions`",
    );
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_are_those_of_iam() {
        assert!(matches("*", "GetItem") && matches("Get*", "GetItem") && matches("?etItem", "GetItem") && matches("*Item", "GetItem"));
        assert!(!matches("Get", "GetItem") && !matches("Put*", "GetItem"));
    }
}
