//! `permissions`: actions and resources in IAM's form, and what their references name.

use crate::diagnostic::Problem;
use crate::problems::{Problems, below};
use crate::sections::FunctionFile;
use crate::sections::reference::{self, Scope};

pub(crate) fn check(function: &FunctionFile, scope: &Scope<'_>, path: &[&str], problems: &mut Problems) {
    for (index, permission) in function.permissions.iter().enumerate() {
        let index = index.to_string();
        let path = below(path, &["permissions", &index]);
        for (key, list) in [("actions", &permission.actions), ("resources", &permission.resources)] {
            if list.is_empty() && problems.is_known(&below(&path, &[key])) {
                let example =
                    if key == "actions" { "[ses:SendEmail]" } else { "[\"arn:${partition}:ses:${region}:${account}:identity/*\"]" };
                problems.value(
                    &below(&path, &[key]),
                    Problem::new(format!("the permission names no {key}")).expected(format!("expected as in {example}")),
                );
            }
        }
        for (at, action) in permission.actions.iter().enumerate().filter(|(_, action)| !is_action(action)) {
            let problem = Problem::new(format!("`{action}` is no action of IAM"));
            let problem = problem.expected("expected a service and an operation, such as ses:SendEmail");
            problems.value(&below(&path, &["actions", &at.to_string()]), problem);
        }
        for (at, resource) in permission.resources.iter().enumerate().filter(|(_, resource)| !is_resource(resource)) {
            let problem = Problem::new(format!("`{resource}` is no ARN")).expected("expected \"*\", an ARN, or a reference to one");
            let problem = match resource.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
                Some(name) if name.starts_with("tables.") || name.starts_with("functions.") => {
                    problem.help(format!("write ${{{name}.arn}}"))
                }
                _ => problem,
            };
            problems.value(&below(&path, &["resources", &at.to_string()]), problem);
        }
        for (key, text) in permission.texts() {
            let key: Vec<&str> = key.iter().map(String::as_str).collect();
            for problem in reference::problems(text, scope).into_iter().chain(no_address(text, scope)) {
                problems.value(&below(&path, &key), problem);
            }
        }
    }
}

/// Returns the problem of an address in a permission, which is known only after the role is made.
fn no_address(text: &str, scope: &Scope<'_>) -> Option<Problem> {
    let address = reference::address_in(text, scope)?;
    Some(Problem::new(format!("`{address}` is an address, which no permission knows")).help("name the resource by its ARN"))
}

/// Tests for a service's prefix and an operation, each with its characters ("IAM JSON policy elements: Action", IAM user guide).
fn is_action(action: &str) -> bool {
    let is_service =
        |service: &str| !service.is_empty() && service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let is_operation = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "*?".contains(c));
    action == "*" || action.split_once(':').is_some_and(|(service, name)| is_service(service) && is_operation(name))
}

/// Tests for an ARN of six parts, of which the first two may be references; for a reference to an ARN; or for the wildcard.
fn is_resource(resource: &str) -> bool {
    let is_reference = resource.starts_with("${") && resource.contains(".arn}");
    resource == "*" || is_reference || (resource.starts_with("arn:") && resource.split(':').count() >= 6)
}
