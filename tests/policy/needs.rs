//! Permissions that IAM requires for a call, and whether a policy grants them.

use super::judge::Question;
use liveinsight::{
    aws::{STACK, Target},
    stack::Names,
};
use serde_json::Value;
use strict_aws::Entry;

/// An action on a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Need {
    action: String,
    arn: String,
    /// Condition keys of the request, with their values.
    context: Vec<(String, String)>,
}

impl Need {
    fn new(action: &str, arn: &str) -> Self {
        Self { action: action.to_owned(), arn: arn.to_owned(), context: Vec::new() }
    }

    fn with(mut self, key: &str, value: &str) -> Self {
        self.context.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Returns whether these statements grant it.
    pub(crate) fn allowed(&self, statements: &[Value]) -> bool {
        let texts = |value: &Value| value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let decided = |effect: &str| {
            statements.iter().filter(|statement| statement["Effect"] == effect).any(|statement| {
                texts(&statement["Action"]).contains(&self.action)
                    && texts(&statement["Resource"]).iter().any(|pattern| matches(pattern, &self.arn))
                    && self.meets(&statement["Condition"])
            })
        };
        decided("Allow") && !decided("Deny")
    }

    fn meets(&self, condition: &Value) -> bool {
        let conditions = condition.as_object().into_iter().flatten();
        conditions.flat_map(|(operator, keys)| keys.as_object().unwrap().iter().map(move |(key, value)| (operator, key, value))).all(
            |(operator, key, value)| {
                let known = self.context.iter().find(|(name, _)| name == key);
                match operator.as_str() {
                    "StringEquals" => known.is_some_and(|(_, known)| value == known),
                    "StringEqualsIfExists" => known.is_none_or(|(_, known)| value == known),
                    other => panic!("what does {other} mean?"),
                }
            },
        )
    }

    /// Converts the need to a question for the [judge](super::judge).
    pub(crate) fn question(&self) -> Question {
        let context: Vec<(&str, &str)> = self.context.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        Question::new(&self.action, &self.arn, &context)
    }
}

/// Matches a text as IAM does: `*` stands for any text, slashes and colons included.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text
            .strip_prefix(head)
            .is_some_and(|rest| rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| matches(tail, &rest[at..]))),
    }
}

/// Returns the permissions that IAM requires for this call, with the condition keys that it then has: the tag of an existing resource, the account,
/// and the boundary that roles have or are given.
pub(crate) fn of(call: &Entry, target: &Target, names: &Names, boundary: Option<&str>) -> Vec<Need> {
    let (service, operation) = call.operation.split_once(':').unwrap();
    let known = |need: Need| match service {
        "s3" if operation != "CreateBucket" => need.with("aws:ResourceAccount", &target.account),
        "iam" => boundary.into_iter().fold(need, |need, boundary| need.with("iam:PermissionsBoundary", boundary)),
        // Inheritance of the API's tags by every part is assumed, so the deletion of a part has to do without.
        "apigateway" if operation.starts_with("Delete") && call.resource.contains('/') => need,
        _ if !operation.starts_with("Create") && !need.action.starts_with("iam:") => {
            need.with(&format!("aws:ResourceTag/{STACK}"), &names.stack_tag())
        }
        _ => need,
    };
    asked(call, target, names).into_iter().map(known).collect()
}

fn asked(call: &Entry, target: &Target, names: &Names) -> Vec<Need> {
    let (service, operation) = call.operation.split_once(':').unwrap();
    let about = call.resource.as_str();
    let action = call.operation.as_str();
    match service {
        "apigateway" => api_gateway(operation, about, target),
        "cloudtrail" | "tag" => vec![Need::new(action, "*")],
        "cloudfront" => cloudfront(operation, about, target),
        "cloudwatch" if ["DescribeAlarms", "GetMetricData"].contains(&operation) => vec![Need::new(action, "*")],
        "cloudwatch" => {
            // Some requests are logged without the alarm they are about.
            let alarm = if about.is_empty() { names.alarm("errors") } else { about.to_owned() };
            let arn = target.arn("cloudwatch", &format!("alarm:{alarm}"));
            with(action, &arn, (operation == "PutMetricAlarm").then_some("cloudwatch:TagResource"))
        }
        "dynamodb" if operation == "ListTables" => vec![Need::new(action, "*")],
        "dynamodb" => {
            let table = if about.starts_with("arn:") { about.to_owned() } else { target.arn("dynamodb", &format!("table/{about}")) };
            with(action, &table, (operation == "CreateTable").then_some("dynamodb:TagResource"))
        }
        "iam" => iam(call, operation, target, names),
        "lambda" => lambda(operation, about, target, names),
        "logs" if operation == "DescribeLogGroups" => vec![Need::new(action, "*")],
        "logs" => {
            let group = if about.starts_with("arn:") { about.to_owned() } else { target.arn("logs", &format!("log-group:{about}")) };
            // The action decides whether the ARN ends with `:*`.
            let mut needs = with(action, &group, (operation == "CreateLogGroup").then_some("logs:TagResource"));
            needs.push(Need::new(action, &format!("{group}:*")));
            needs
        }
        "s3" => s3(operation, about, target),
        _ => panic!("what does {action} take?"),
    }
}

/// Returns an action, and another one on the same resource.
fn with(action: &str, arn: &str, more: Option<&str>) -> Vec<Need> {
    std::iter::once(action).chain(more).map(|action| Need::new(action, arn)).collect()
}

/// Returns verbs on paths. Tags are written on a path of their own, and by `TagResource` on the resource itself as well.
fn api_gateway(operation: &str, about: &str, target: &Target) -> Vec<Need> {
    let verbs = [
        ("Get", "GET"),
        ("Create", "POST"),
        ("Put", "PUT"),
        ("Update", "PATCH"),
        ("Delete", "DELETE"),
        ("Tag", "PUT"),
        ("Untag", "DELETE"),
    ];
    let verb = verbs.iter().find(|(name, _)| operation.starts_with(name)).unwrap().1;
    let at = |verb: &str, path: &str| {
        Need::new(&format!("apigateway:{verb}"), &format!("arn:{}:apigateway:{}::/{path}", target.partition, target.region))
    };
    let alone = about == "account" || about == "restapis" || about.starts_with("tags/");
    let mut needs = vec![at(verb, &if alone { about.to_owned() } else { format!("restapis/{about}") })];
    match operation {
        "CreateRestApi" | "CreateStage" => needs.push(at("PUT", "tags/arn%3Aaws%3Aapigateway")),
        "TagResource" | "UntagResource" => needs.push(at("PATCH", "restapis/a1b2c3")),
        "UpdateAccount" => needs.push(pass(target, "/liveinsight/liveinsight-apigateway-logs", "apigateway.amazonaws.com")),
        _ => {}
    }
    needs
}

fn cloudfront(operation: &str, about: &str, target: &Target) -> Vec<Need> {
    let action = format!("cloudfront:{operation}");
    let id = about.split('/').next().filter(|id| !id.is_empty()).unwrap_or("E1");
    let kind = match operation {
        _ if operation.contains("OriginAccessControl") => "origin-access-control",
        _ if operation.contains("ResponseHeadersPolicy") => "response-headers-policy",
        _ => "distribution",
    };
    let arn = target.global_arn("cloudfront", &format!("{kind}/{id}"));
    match operation {
        "ListDistributions"
        | "ListOriginAccessControls"
        | "ListResponseHeadersPolicies"
        | "CreateOriginAccessControl"
        | "CreateResponseHeadersPolicy" => vec![Need::new(&action, "*")],
        "CreateDistribution" => with(&action, &arn, Some("cloudfront:TagResource")),
        _ => vec![Need::new(&action, &arn)],
    }
}

fn iam(call: &Entry, operation: &str, target: &Target, names: &Names) -> Vec<Need> {
    if ["ListRoles", "GetAccountAuthorizationDetails", "GetAccountSummary", "SimulatePrincipalPolicy"].contains(&operation) {
        return vec![Need::new(&call.operation, "*")];
    }
    let name = &call.resource;
    if name == "nobody" {
        // The caller may have any role, and the call asks whether the role exists at all.
        return vec![Need::new(&call.operation, &target.global_arn("iam", "role/nobody"))];
    }
    let path = if name == "liveinsight-apigateway-logs" { "/liveinsight/".to_owned() } else { names.role_path() };
    // IAM knows no path of a role that does not exist.
    let unknown = call.status == 404 && operation.starts_with("Get");
    let role = target.global_arn("iam", &if unknown { format!("role/{name}") } else { format!("role{path}{name}") });
    with(&call.operation, &role, (operation == "CreateRole").then_some("iam:TagRole"))
}

fn lambda(operation: &str, about: &str, target: &Target, names: &Names) -> Vec<Need> {
    let action = format!("lambda:{operation}");
    let arn = |function: &str| target.arn("lambda", &format!("function:{function}"));
    let function = if about.starts_with("arn:") { about.to_owned() } else { arn(about.split('/').next().unwrap()) };
    let role = |name: &str| pass(target, &format!("{}{name}", names.role_path()), "lambda.amazonaws.com");
    let name = function.rsplit(':').next().unwrap();
    // A layer may be another account's. Whether a call attaches one, the log does not tell.
    let layer =
        Need::new("lambda:GetLayerVersion", &format!("arn:{}:lambda:{}:580247275435:layer:extension:7", target.partition, target.region));
    match operation {
        "ListFunctions" | "GetAccountSettings" => vec![Need::new(&action, "*")],
        // Lambda returns tags only to callers that may list them.
        "GetFunction" => with(&action, &function, Some("lambda:ListTags")),
        "CreateFunction" => [with(&action, &function, Some("lambda:TagResource")), vec![role(name), layer]].concat(),
        "UpdateFunctionConfiguration" => vec![Need::new(&action, &function), role(name), layer],
        "AddPermission" | "RemovePermission" | "GetPolicy" => {
            vec![Need::new(&action, &function), Need::new(&action, &format!("{function}:live"))]
        }
        _ => vec![Need::new(&action, &function)],
    }
}

fn s3(operation: &str, about: &str, target: &Target) -> Vec<Need> {
    let bucket = format!("arn:{}:s3:::{}", target.partition, about.split('/').next().unwrap());
    let object = format!("arn:{}:s3:::{about}", target.partition);
    let own = format!("s3:{operation}");
    let is_lock = about.contains("/.liveinsight/");
    let of_bucket = |action: &str| vec![Need::new(action, &bucket)];
    match operation {
        "GetPublicAccessBlock" => of_bucket("s3:GetBucketPublicAccessBlock"),
        "PutPublicAccessBlock" | "DeletePublicAccessBlock" => of_bucket("s3:PutBucketPublicAccessBlock"),
        "GetBucketEncryption" => of_bucket("s3:GetEncryptionConfiguration"),
        "PutBucketEncryption" => of_bucket("s3:PutEncryptionConfiguration"),
        "ListObjectsV2" => of_bucket("s3:ListBucket"),
        "ListObjectVersions" => of_bucket("s3:ListBucketVersions"),
        "ListMultipartUploads" => of_bucket("s3:ListBucketMultipartUploads"),
        "CreateBucket" => with(&own, &bucket, Some("s3:TagResource")),
        // 404 rather than 403 needs the permission to list.
        "GetObject" | "HeadObject" => vec![Need::new("s3:GetObject", &object), Need::new("s3:ListBucket", &bucket)],
        // The lock is written and deleted only if it is unchanged since it was read.
        "PutObject" | "DeleteObject" => with(&own, &object, is_lock.then_some("s3:GetObject")),
        "DeleteObjects" => {
            ["s3:DeleteObject", "s3:DeleteObjectVersion"].map(|action| Need::new(action, &format!("{bucket}/site/x"))).into()
        }
        // The source is in the same bucket, and names one of its versions.
        "CopyObject" => ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"].map(|action| Need::new(action, &object)).into(),
        "AbortMultipartUpload" => vec![Need::new(&own, &object)],
        _ => of_bucket(&own),
    }
}

fn pass(target: &Target, role: &str, service: &'static str) -> Need {
    let action = "iam:PassRole".to_owned();
    Need::new(&action, &target.global_arn("iam", &format!("role{role}"))).with("iam:PassedToService", service)
}
