//! IAM policies that a stack's deployer needs: documents built from [the permissions of each call](crate::resources::all_calls)
//! and the stack's names.
//!
//! A document does not depend on the resources in stack.yaml, only on the stack's names and its permissions boundary, because `up`
//! also removes resources that were declared earlier. So it need not change with the stack. The exception is listing all roles:
//! only a stack with many functions does that, and it works without the list where listing is denied.
//!
//! Where names do not suffice, conditions do: `guard` assigns them to actions. Where AWS chooses the id (REST APIs,
//! distributions, origin access controls, response headers policies), a statement can only name the kind and the stack's tag.

mod boundary;
mod guard;
mod split;
mod trust;

pub use boundary::{boundary, keep_boundary};
pub use split::{INLINE_LIMIT, LIMIT, size, split};
pub use trust::{Repository, trust};

use crate::{
    aws::{
        FEW_ROLES, Target,
        facts::{Call, Guard, Names, Scope, Task},
    },
    resources::{ALL_ROLES, all_calls},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Version of the policy language that every document states.
const VERSION: &str = "2012-10-17";

/// Returns the permissions of `task` on the stack with these names and this number of functions: the statements of IAM
/// policies, all with the effect `Allow`, sorted. `boundary` is the ARN of the permissions boundary in stack.yaml.
pub fn statements(task: Task, target: &Target, names: &Names, functions: usize, boundary: Option<&str>) -> Vec<Value> {
    let mut granted: BTreeMap<(&str, Guard), (&Scope, BTreeSet<&str>)> = BTreeMap::new();
    for (action, scope) in all_calls().filter(|call| call.tasks.contains(&task)).flat_map(Call::actions) {
        if guard::is_called(action, boundary.is_some()) {
            let guard = (scope.guard)(action, boundary.is_some());
            granted.entry((scope.sid, guard)).or_insert((scope, BTreeSet::new())).1.insert(action);
        }
    }
    // Each function has a role of its own.
    if functions <= FEW_ROLES {
        granted.remove(&(ALL_ROLES.sid, Guard::None));
    }
    granted.into_iter().map(|((_, guard), (scope, actions))| statement(scope, guard, &actions, target, names, boundary)).collect()
}

/// Merges statements under the same condition, which takes fewer characters. An action of one service has no effect on
/// another's resources, so this allows no more than before. Statements on API Gateway stay separate: its actions are verbs,
/// which apply to each of its resources.
pub fn short(statements: Vec<Value>) -> Vec<Value> {
    let mut shortened: Vec<Value> = Vec::new();
    for statement in statements {
        let is_like = |other: &&mut Value| {
            let is_alike = other["Condition"] == statement["Condition"] && guard::is_of(&statement["Condition"]);
            is_alike && !is_on_apis(other) && !is_on_apis(&statement)
        };
        match shortened.iter_mut().find(is_like) {
            Some(other) => {
                for part in ["Action", "Resource"] {
                    let texts = |value: &Value| value[part].as_array().cloned().unwrap_or_default();
                    let mut both = [texts(other), texts(&statement)].concat();
                    both.sort_by_key(ToString::to_string);
                    both.dedup();
                    other[part] = both.into();
                }
                // The Sid is named after the common condition.
                other["Sid"] = json!(guard::sid_of(&statement["Condition"]));
            }
            None => shortened.push(statement),
        }
    }
    shortened
}

fn is_on_apis(statement: &Value) -> bool {
    statement["Action"][0].as_str().is_some_and(|action| action.starts_with("apigateway:"))
}

/// Builds a document from these statements.
pub fn document(statements: &[Value]) -> Value {
    json!({ "Version": VERSION, "Statement": statements })
}

fn statement(scope: &Scope, guard: Guard, actions: &BTreeSet<&str>, target: &Target, names: &Names, boundary: Option<&str>) -> Value {
    let mut statement = Map::new();
    statement.insert("Sid".to_owned(), json!(format!("{}{}", scope.sid, guard::suffix(guard))));
    statement.insert("Effect".to_owned(), json!("Allow"));
    statement.insert("Action".to_owned(), json!(actions));
    statement.insert("Resource".to_owned(), json!((scope.arns)(target, names, guard)));
    let condition = match scope.passed_to {
        Some(service) => Some(json!({ "StringEquals": { "iam:PassedToService": service } })),
        None => guard::condition(guard, names, boundary),
    };
    if let Some(condition) = condition {
        statement.insert("Condition".to_owned(), condition);
    }
    Value::Object(statement)
}
