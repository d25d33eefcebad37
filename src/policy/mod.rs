//! The IAM policies that a stack's deployer needs: from the [table of permissions](crate::aws::PERMISSIONS) and the stack's names to documents.
//!
//! What a document allows does not depend on what stack.yaml declares, only on its names and its permissions boundary: `up` also removes what
//! was declared once and is not any more. So it need not change with the stack. The exception is the list of all roles, which only a stack with
//! many functions asks for, and does without where it is denied.
//!
//! Where names do not suffice, conditions do: `guard` says which action is allowed under which. Where AWS chooses the id (REST APIs,
//! distributions, origin access controls), IAM can only be told the kind, and the stack's tag on it.

mod boundary;
mod guard;
mod split;
mod trust;

pub use boundary::{boundary, keep_boundary};
pub use split::{INLINE_LIMIT, LIMIT, size, split};
pub use trust::{Repository, trust};

use crate::{
    aws::{FEW_ROLES, On, PERMISSIONS, Place, Task},
    resources::logging_role_path,
    stack::Names,
};
use guard::Guard;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The language version that every document names.
const VERSION: &str = "2012-10-17";

/// What `task` takes on the stack with these names and so many functions, as the statements of IAM policies, all of which allow; sorted.
/// `boundary` is the ARN of the permissions boundary that stack.yaml declares.
pub fn statements(task: Task, place: &Place, names: &Names, functions: usize, boundary: Option<&str>) -> Vec<Value> {
    let mut granted: BTreeMap<(On, Guard), BTreeSet<&str>> = BTreeMap::new();
    for permission in PERMISSIONS.iter().filter(|permission| permission.tasks.contains(&task)) {
        for (action, on) in permission.actions {
            if guard::is_called(action, boundary.is_some()) {
                granted.entry((*on, guard::of(action, *on, boundary.is_some()))).or_default().insert(action);
            }
        }
    }
    // Each function has a role of its own.
    if functions <= FEW_ROLES {
        granted.remove(&(On::AllRoles, Guard::None));
    }
    granted.into_iter().map(|((on, guard), actions)| statement(on, guard, &actions, place, names, boundary)).collect()
}

/// The same in fewer characters: statements that hold under one and the same condition become one. An action of one service means nothing on
/// another's resources, so that no more is allowed than before. Those on API Gateway stay apart: its actions are verbs, which mean something on
/// each of its resources.
pub fn short(statements: Vec<Value>) -> Vec<Value> {
    let mut shortened: Vec<Value> = Vec::new();
    for statement in statements {
        let is_like = |other: &&mut Value| {
            let is_alike = other["Condition"] == statement["Condition"] && Guard::is_of(&statement["Condition"]);
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
                // Named after what they have in common.
                other["Sid"] = json!(Guard::sid_of(&statement["Condition"]));
            }
            None => shortened.push(statement),
        }
    }
    shortened
}

fn is_on_apis(statement: &Value) -> bool {
    statement["Action"][0].as_str().is_some_and(|action| action.starts_with("apigateway:"))
}

/// A document of these statements.
pub fn document(statements: &[Value]) -> Value {
    json!({ "Version": VERSION, "Statement": statements })
}

fn statement(on: On, guard: Guard, actions: &BTreeSet<&str>, place: &Place, names: &Names, boundary: Option<&str>) -> Value {
    let mut statement = Map::new();
    statement.insert("Sid".to_owned(), json!(format!("{on:?}{}", guard.suffix())));
    statement.insert("Effect".to_owned(), json!("Allow"));
    statement.insert("Action".to_owned(), json!(actions));
    statement.insert("Resource".to_owned(), json!(resources(on, guard, place, names)));
    let passed_to = match on {
        On::RolesForLambda => Some("lambda.amazonaws.com"),
        On::LoggingRoleForApi => Some("apigateway.amazonaws.com"),
        _ => None,
    };
    let condition = match passed_to {
        Some(service) => Some(json!({ "StringEquals": { "iam:PassedToService": service } })),
        None => guard.condition(names, boundary),
    };
    if let Some(condition) = condition {
        statement.insert("Condition".to_owned(), condition);
    }
    Value::Object(statement)
}

/// The ARNs that stand for what a permission is about.
fn resources(on: On, guard: Guard, place: &Place, names: &Names) -> Vec<String> {
    let Place { partition, region, .. } = place;
    let pattern = names.pattern();
    let api = |path: &str| vec![format!("arn:{partition}:apigateway:{region}::{path}")];
    let role = |path: &str| place.global_arn("iam", &format!("role{path}"));
    let roles = role(&format!("{}*", names.role_path()));
    // Some actions are checked on a function, some on its alias, whatever the request names.
    let with_parts = |arn: String| vec![arn.clone(), format!("{arn}:*")];
    match on {
        // IAM knows no resource for the list of all roles.
        On::Everything | On::AllRoles => vec!["*".to_owned()],
        On::ApiAccount => api("/account"),
        On::RestApis => api("/restapis"),
        On::RestApi => api("/restapis/*"),
        On::RestApiParts => api("/restapis/*/*"),
        On::ApiTags => api("/tags/*"),
        On::Alarms => vec![place.arn("cloudwatch", &format!("alarm:{pattern}"))],
        On::Distributions => vec![place.global_arn("cloudfront", "distribution/*")],
        On::OriginAccessControls => vec![place.global_arn("cloudfront", "origin-access-control/*")],
        // A function as a whole is deleted, never a version or an alias.
        On::Functions if guard == Guard::Ours => vec![place.arn("lambda", &format!("function:{pattern}"))],
        On::Functions => with_parts(place.arn("lambda", &format!("function:{pattern}"))),
        On::LogGroups => [names.function_log_group("*"), names.api_log_group("*")]
            .iter()
            .flat_map(|group| with_parts(place.arn("logs", &format!("log-group:{group}"))))
            .collect(),
        On::Roles | On::RolesForLambda => vec![roles],
        On::RolesByName => vec![roles, role(&format!("/{pattern}"))],
        On::LoggingRole | On::LoggingRoleForApi => vec![role(&logging_role_path())],
        On::Bucket => vec![format!("arn:{partition}:s3:::{}", names.bucket())],
        On::Objects => vec![format!("arn:{partition}:s3:::{}/*", names.bucket())],
        On::Tables => vec![place.arn("dynamodb", &format!("table/{pattern}"))],
    }
}
