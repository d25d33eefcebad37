//! The conditions under which a deployer's action is allowed.
//!
//! | guard | condition | what for |
//! |---|---|---|
//! | [`Bounded`](Guard::Bounded) | `iam:PermissionsBoundary` is the declared one | what widens a role |
//! | [`Ours`](Guard::Ours) | `aws:ResourceTag/liveinsight:stack` is this stack's | deletion |
//! | [`NotAnothers`](Guard::NotAnothers) | the same, or there is no such tag | change: adoption tags what has no tag yet |
//! | [`Account`](Guard::Account) | `aws:ResourceAccount` is the own account | S3, whose ARNs name none |
//!
//! How each is known:
//! - `iam:PermissionsBoundary` on `CreateRole`, `PutRolePolicy` and `PutRolePermissionsBoundary`: documented ("Permissions boundaries for IAM
//!   entities", the example that delegates). `PassRole` knows no such key.
//! - `aws:ResourceTag` on REST APIs: documented, and that their parts inherit the tags for this ("API Gateway resources that can be tagged"). That
//!   responses of methods and integrations do is assumed, so parts may be deleted where the key is missing.
//! - On tables: documented, unless an account has turned it off ("Using attribute-based access control with `DynamoDB`"); hence deletion is allowed
//!   where the key is missing.
//! - On functions, alarms, log groups and distributions: reported (Service Authorization Reference). Aliases may have no tags of their own, which
//!   [`NotAnothers`](Guard::NotAnothers) allows.
//! - `aws:ResourceAccount` on S3: documented ("AWS global condition context keys").
//!
//! None of it was checked against IAM itself. Roles need no tag: their path is this stack's alone.

use crate::{
    aws::{On, STACK},
    stack::Names,
};
use serde_json::{Value, json};

/// A condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Guard {
    /// None beside the resource's name.
    None,
    /// The resource is in the account that the policy is for.
    Account,
    /// It carries no other stack's tag.
    NotAnothers,
    /// It carries this stack's tag.
    Ours,
    /// The role has the declared boundary, or gets it by this very request.
    Bounded,
}

/// What widens a role, or makes one.
const WIDENING: [&str; 3] = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"];
/// What deletes something that carries the stack's tag for sure.
const DELETIONS: [&str; 4] = ["cloudfront:DeleteDistribution", "cloudwatch:DeleteAlarms", "lambda:DeleteFunction", "logs:DeleteLogGroup"];
/// What changes something that may carry a tag. A function's tags are checked where it is called by its own ARN.
const CHANGES: [&str; 28] = [
    "cloudfront:CreateInvalidation",
    "cloudfront:UpdateDistribution",
    "cloudfront:TagResource",
    "cloudfront:UntagResource",
    "cloudwatch:PutMetricAlarm",
    "cloudwatch:TagResource",
    "cloudwatch:UntagResource",
    "dynamodb:DeleteTable",
    "dynamodb:TagResource",
    "dynamodb:UntagResource",
    "dynamodb:UpdateContinuousBackups",
    "dynamodb:UpdateTable",
    "dynamodb:UpdateTimeToLive",
    "lambda:AddPermission",
    "lambda:CreateAlias",
    "lambda:DeleteFunctionConcurrency",
    "lambda:DeleteFunctionUrlConfig",
    "lambda:PublishVersion",
    "lambda:PutFunctionConcurrency",
    "lambda:RemovePermission",
    "lambda:TagResource",
    "lambda:UntagResource",
    "lambda:UpdateAlias",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
    "logs:PutRetentionPolicy",
    "logs:TagResource",
    "logs:UntagResource",
];

/// Returns the condition of an action on something.
pub(super) fn of(action: &str, on: On, is_bounded: bool) -> Guard {
    match on {
        On::Roles | On::LoggingRole if is_bounded && WIDENING.contains(&action) => Guard::Bounded,
        On::RestApi if action == "apigateway:DELETE" => Guard::Ours,
        On::RestApi | On::RestApiParts if action != "apigateway:GET" => Guard::NotAnothers,
        // While there is no bucket, it is nobody's.
        On::Bucket if ["s3:CreateBucket", "s3:TagResource"].contains(&action) => Guard::None,
        On::Bucket | On::Objects => Guard::Account,
        On::Alarms | On::Distributions | On::Functions | On::LogGroups | On::Tables if DELETIONS.contains(&action) => Guard::Ours,
        On::Alarms | On::Distributions | On::Functions | On::LogGroups | On::Tables if CHANGES.contains(&action) => Guard::NotAnothers,
        _ => Guard::None,
    }
}

/// Tells whether a stack with or without a boundary calls an action at all: one puts it on its roles, the other takes away what is on them.
pub(super) fn is_called(action: &str, is_bounded: bool) -> bool {
    match action {
        "iam:PutRolePermissionsBoundary" => is_bounded,
        "iam:DeleteRolePermissionsBoundary" => !is_bounded,
        _ => true,
    }
}

impl Guard {
    /// Returns the condition for a stack with these names.
    pub(super) fn condition(self, names: &Names, boundary: Option<&str>) -> Option<Value> {
        let tag = format!("aws:ResourceTag/{STACK}");
        match self {
            Self::None => None,
            Self::Account => Some(json!({ "StringEquals": { "aws:ResourceAccount": names.account() } })),
            Self::NotAnothers => Some(json!({ "StringEqualsIfExists": { tag: names.stack_tag() } })),
            Self::Ours => Some(json!({ "StringEquals": { tag: names.stack_tag() } })),
            Self::Bounded => Some(json!({ "StringEquals": { "iam:PermissionsBoundary": boundary } })),
        }
    }

    /// Returns what keeps the Sids of one kind of resource apart.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Account => "OfAccount",
            Self::NotAnothers => "NotAnothers",
            Self::Ours => "Ours",
            Self::Bounded => "Bounded",
        }
    }

    /// Tells whether a condition is one of these, rather than one of the role that is passed.
    pub(super) fn is_of(condition: &Value) -> bool {
        !condition.is_null() && condition["StringEquals"].get("iam:PassedToService").is_none()
    }

    /// Returns the Sid of all that holds under a condition.
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
}
