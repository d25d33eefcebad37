//! Conditions under which a deployer's action is allowed.
//!
//! | guard | condition | purpose |
//! |---|---|---|
//! | [`Bounded`](Guard::Bounded) | `iam:PermissionsBoundary` is the declared one | actions that widen a role |
//! | [`Ours`](Guard::Ours) | `aws:ResourceTag/liveinsight:stack` is this stack's | deletion |
//! | [`NotAnothers`](Guard::NotAnothers) | `aws:ResourceTag/liveinsight:stack` is this stack's or missing | change: adoption tags resources |
//! | [`Account`](Guard::Account) | `aws:ResourceAccount` is the own account | S3, whose ARNs name none |
//!
//! Sources for each key:
//! - `iam:PermissionsBoundary` on `CreateRole`, `PutRolePolicy` and `PutRolePermissionsBoundary`: documented ("Permissions
//!   boundaries for IAM entities", the example that delegates). `PassRole` knows no such key.
//! - `aws:ResourceTag` on REST APIs: documented, also that their parts inherit the tags for this ("API Gateway resources that
//!   can be tagged"). That responses of methods and integrations do is assumed, so parts may be deleted where the key is
//!   missing.
//! - On tables: documented, unless an account has turned it off ("Using attribute-based access control with `DynamoDB`"). Hence
//!   deletion is allowed where the key is missing.
//! - On functions, alarms, log groups and distributions: reported (Service Authorization Reference). Aliases may have no tags
//!   of their own, which [`NotAnothers`](Guard::NotAnothers) allows.
//! - `aws:ResourceAccount` on S3: documented ("AWS global condition context keys").
//!
//! None of it was checked against IAM itself. Roles need no tag: their path is this stack's alone.

use crate::aws::{
    STACK,
    facts::{Guard, Names},
};
use serde_json::{Value, json};

/// Returns true if a stack with or without a boundary calls an action at all: with one, `up` sets it on roles; without, it
/// removes existing ones.
pub(super) fn is_called(action: &str, is_bounded: bool) -> bool {
    match action {
        "iam:PutRolePermissionsBoundary" => is_bounded,
        "iam:DeleteRolePermissionsBoundary" => !is_bounded,
        _ => true,
    }
}

/// Returns the condition for a stack with these names.
pub(super) fn condition(guard: Guard, names: &Names, boundary: Option<&str>) -> Option<Value> {
    let tag = format!("aws:ResourceTag/{STACK}");
    match guard {
        Guard::None => None,
        Guard::Account => Some(json!({ "StringEquals": { "aws:ResourceAccount": names.account() } })),
        Guard::NotAnothers => Some(json!({ "StringEqualsIfExists": { tag: names.stack_tag() } })),
        Guard::Ours => Some(json!({ "StringEquals": { tag: names.stack_tag() } })),
        Guard::Bounded => Some(json!({ "StringEquals": { "iam:PermissionsBoundary": boundary } })),
    }
}

/// Returns the suffix that distinguishes the Sids of one kind of resource.
pub(super) fn suffix(guard: Guard) -> &'static str {
    match guard {
        Guard::None => "",
        Guard::Account => "OfAccount",
        Guard::NotAnothers => "NotAnothers",
        Guard::Ours => "Ours",
        Guard::Bounded => "Bounded",
    }
}

/// Returns true if a condition comes from a guard, rather than from the role that is passed.
pub(super) fn is_of(condition: &Value) -> bool {
    !condition.is_null() && condition["StringEquals"].get("iam:PassedToService").is_none()
}

/// Returns the Sid for all statements under a condition.
pub(super) fn sid_of(condition: &Value) -> &'static str {
    let has = |key: &str| condition["StringEquals"].get(key).is_some();
    if has("iam:PermissionsBoundary") {
        "Bounded"
    } else if has("aws:ResourceAccount") {
        "Storage"
    } else if condition.get("StringEqualsIfExists").is_some() {
        "NotAnothers"
    } else {
        "Ours"
    }
}
