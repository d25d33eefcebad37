//! The IAM policies that a stack's deployer needs: from the [table of permissions](crate::aws::PERMISSIONS) and the stack's names to documents.
//!
//! What a document allows does not depend on what stack.yaml declares, only on its names: `up` also removes what was declared once and is
//! not any more. So it need not change with the stack. The exception is the list of all roles, which only a stack with many functions asks
//! for, and does without where it is denied. Where AWS chooses the id (REST APIs, distributions, origin access controls), IAM can
//! only be told the kind.

mod split;
mod trust;

pub use split::{LIMIT, size, split};
pub use trust::{Repository, trust};

use crate::{
    aws::{FEW_ROLES, On, PERMISSIONS, Place, Task},
    resources::logging_role_path,
    stack::Names,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The language version that every document names.
const VERSION: &str = "2012-10-17";

/// What `task` takes on the stack with these names and so many functions, as the statements of IAM policies; sorted.
pub fn statements(task: Task, place: &Place, names: &Names, functions: usize) -> Vec<Value> {
    let mut granted: BTreeMap<On, BTreeSet<&str>> = BTreeMap::new();
    for permission in PERMISSIONS.iter().filter(|permission| permission.tasks.contains(&task)) {
        for (action, on) in permission.actions {
            granted.entry(*on).or_default().insert(action);
        }
    }
    // Each function has a role of its own.
    if functions <= FEW_ROLES {
        granted.remove(&On::AllRoles);
    }
    granted.into_iter().map(|(on, actions)| statement(on, &actions, place, names)).collect()
}

/// A document of these statements.
pub fn document(statements: &[Value]) -> Value {
    json!({ "Version": VERSION, "Statement": statements })
}

fn statement(on: On, actions: &BTreeSet<&str>, place: &Place, names: &Names) -> Value {
    let mut statement = Map::new();
    statement.insert("Sid".to_owned(), json!(format!("{on:?}")));
    statement.insert("Effect".to_owned(), json!("Allow"));
    statement.insert("Action".to_owned(), json!(actions));
    statement.insert("Resource".to_owned(), json!(resources(on, place, names)));
    let passed_to = match on {
        On::RolesForLambda => Some("lambda.amazonaws.com"),
        On::LoggingRoleForApi => Some("apigateway.amazonaws.com"),
        _ => None,
    };
    if let Some(service) = passed_to {
        statement.insert("Condition".to_owned(), json!({ "StringEquals": { "iam:PassedToService": service } }));
    }
    Value::Object(statement)
}

/// The ARNs that stand for what a permission is about.
fn resources(on: On, place: &Place, names: &Names) -> Vec<String> {
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
        On::ApiTags => api("/tags/*"),
        On::Alarms => vec![place.arn("cloudwatch", &format!("alarm:{pattern}"))],
        On::Distributions => vec![place.global_arn("cloudfront", "distribution/*")],
        On::OriginAccessControls => vec![place.global_arn("cloudfront", "origin-access-control/*")],
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
