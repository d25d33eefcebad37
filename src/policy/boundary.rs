//! Permissions boundary of a stack's roles.

use crate::{
    aws::Target,
    resources::{LOGGING_ACTIONS, logging_role_path},
    stack::{Names, Stack, permissions_of_any_function},
};
use serde_json::{Value, json};

/// Returns the policy for the permissions boundary: the most that any role of the stack may do, whoever the author of the role's
/// policies is. Functions may read the stack's parameters only where its secrets are in them.
///
/// API Gateway's own logging role may have the same boundary, so it includes what that role needs, for that role alone. Whether
/// `aws:PrincipalArn` has the role's path is assumed, so both forms are there; no deployer may make a role of this name without
/// the path.
pub fn boundary(stack: &Stack, target: &Target, names: &Names) -> Value {
    let path = logging_role_path();
    let name = path.rsplit('/').next().unwrap_or_default();
    let logging_role = [target.global_arn("iam", &format!("role{path}")), target.global_arn("iam", &format!("role/{name}"))];
    let mut statements = permissions_of_any_function(stack, target, names);
    statements.push(json!({
        "Sid": "ApiLogs",
        "Effect": "Allow",
        "Action": LOGGING_ACTIONS,
        "Resource": ["*"],
        "Condition": { "ArnEquals": { "aws:PrincipalArn": logging_role } },
    }));
    super::document(&statements)
}

/// Returns the statement that keeps a deployer from removing the boundary from a role, and from changing the boundary's policy:
/// a denial, which overrides every permission.
pub fn keep_boundary(target: &Target, names: &Names, boundary: &str) -> Value {
    let role = |path: &str| target.global_arn("iam", &format!("role{path}"));
    json!({
        "Sid": "KeepBoundary",
        "Effect": "Deny",
        "Action": [
            "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:DeleteRolePermissionsBoundary",
            "iam:SetDefaultPolicyVersion"
        ],
        "Resource": [boundary, &role(&format!("{}*", names.role_path())), &role(&logging_role_path())],
    })
}
