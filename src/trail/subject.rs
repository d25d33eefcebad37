//! Whose author is asked for, and what CloudTrail knows it by.

use super::event::Event;
use crate::{
    aws::{Aws, Place},
    engine::{Cause, Graph, Id, State, Step},
    stack::{LIVE_ALIAS, Names},
};
use serde_json::Value;

/// A resource that differs, and how requests that changed it can be told from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Resource.
    pub id: Id,
    /// Names in requests: every request about the resource has one of these. The first is looked up.
    pub(super) names: Vec<String>,
    /// Further values of such a request, where names alone do not tell the resource from its siblings.
    pub(super) also: Vec<String>,
    kind: &'static Kind,
    state: State,
    /// Set if the resource changed after this program's last write; otherwise that write explains it, if it is the newest.
    changed_since: bool,
}

/// Names by which CloudTrail knows a kind of resource.
#[derive(Debug, PartialEq, Eq)]
struct Kind {
    name: &'static str,
    /// The first part of the event source.
    source: &'static str,
    /// Set if its requests are logged where the partition's global services are.
    global: bool,
    /// The operations that change it.
    operations: &'static [&'static str],
}

const fn kind(name: &'static str, source: &'static str, operations: &'static [&'static str]) -> Kind {
    Kind { name, source, global: false, operations }
}

const fn global(name: &'static str, source: &'static str, operations: &'static [&'static str]) -> Kind {
    Kind { name, source, global: true, operations }
}

/// Every kind. Operations as the services' CloudTrail pages list them ("Logging … API calls with AWS CloudTrail"); what changes the pages
/// of the site is no management event, and so nobody's.
const KINDS: &[Kind] = &[
    kind("apigateway.deployment", "apigateway", &["CreateDeployment", "UpdateDeployment", "DeleteDeployment"]),
    kind("apigateway.integration", "apigateway", &["PutIntegration", "UpdateIntegration", "DeleteIntegration"]),
    kind(
        "apigateway.integration_response",
        "apigateway",
        &["PutIntegrationResponse", "UpdateIntegrationResponse", "DeleteIntegrationResponse"],
    ),
    kind("apigateway.method", "apigateway", &["PutMethod", "UpdateMethod", "DeleteMethod"]),
    kind("apigateway.method_response", "apigateway", &["PutMethodResponse", "UpdateMethodResponse", "DeleteMethodResponse"]),
    kind("apigateway.resource", "apigateway", &["CreateResource", "UpdateResource", "DeleteResource"]),
    kind(
        "apigateway.rest_api",
        "apigateway",
        &[
            "CreateRestApi",
            "UpdateRestApi",
            "PutRestApi",
            "DeleteRestApi",
            "PutGatewayResponse",
            "UpdateGatewayResponse",
            "DeleteGatewayResponse",
            "TagResource",
            "UntagResource",
        ],
    ),
    kind("apigateway.stage", "apigateway", &["CreateStage", "UpdateStage", "DeleteStage", "TagResource", "UntagResource"]),
    global(
        "cloudfront.distribution",
        "cloudfront",
        &["CreateDistribution", "CreateDistributionWithTags", "UpdateDistribution", "DeleteDistribution", "TagResource", "UntagResource"],
    ),
    global(
        "cloudfront.origin_access_control",
        "cloudfront",
        &["CreateOriginAccessControl", "UpdateOriginAccessControl", "DeleteOriginAccessControl"],
    ),
    kind(
        "cloudwatch.alarm",
        "monitoring",
        &["PutMetricAlarm", "DeleteAlarms", "EnableAlarmActions", "DisableAlarmActions", "TagResource", "UntagResource"],
    ),
    kind(
        "dynamodb.table",
        "dynamodb",
        &["CreateTable", "UpdateTable", "DeleteTable", "UpdateTimeToLive", "UpdateContinuousBackups", "TagResource", "UntagResource"],
    ),
    global("iam.role", "iam", &["CreateRole", "UpdateRole", "UpdateAssumeRolePolicy", "DeleteRole", "TagRole", "UntagRole"]),
    global("iam.role_policy", "iam", &["PutRolePolicy", "DeleteRolePolicy"]),
    kind("lambda.alias", "lambda", &["CreateAlias", "UpdateAlias", "DeleteAlias"]),
    kind(
        "lambda.function",
        "lambda",
        &["CreateFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration", "DeleteFunction", "TagResource", "UntagResource"],
    ),
    kind("lambda.permission", "lambda", &["AddPermission", "RemovePermission"]),
    kind(
        "logs.log_group",
        "logs",
        &["CreateLogGroup", "DeleteLogGroup", "PutRetentionPolicy", "DeleteRetentionPolicy", "TagResource", "UntagResource"],
    ),
    kind(
        "s3.bucket",
        "s3",
        &[
            "CreateBucket",
            "DeleteBucket",
            "PutBucketVersioning",
            "PutBucketEncryption",
            "DeleteBucketEncryption",
            "PutBucketOwnershipControls",
            "DeleteBucketOwnershipControls",
            "PutBucketTagging",
            "DeleteBucketTagging",
        ],
    ),
    kind("s3.bucket_policy", "s3", &["PutBucketPolicy", "DeleteBucketPolicy"]),
    kind("s3.public_access_block", "s3", &["PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock"]),
];

/// Returns the resources whose author is to be asked for: what was or may have been changed from outside, then what is missing, then
/// orphans. Nothing of a stack that does not exist at all.
pub fn subjects(steps: &[Step], graph: &Graph<Aws>, place: &Place, names: &Names) -> Vec<Subject> {
    if steps.iter().all(|step| step.state == State::Missing) {
        return Vec::new();
    }
    let outputs = |id: &Id| graph.entries().iter().find(|entry| entry.id == *id).and_then(|entry| entry.outputs());
    let api = graph.entries().iter().find(|entry| entry.id.kind() == "apigateway.rest_api").and_then(|entry| entry.outputs());
    let api = api.as_ref().and_then(|api| api["id"].as_str());
    let subject = |step: &Step| Subject::of(step, outputs(&step.id).as_ref(), api, place, names);
    let mut subjects: Vec<Subject> = steps.iter().filter_map(subject).collect();
    subjects.sort_by_key(|subject| match subject.state {
        State::Drifted => 0,
        State::Missing => 1,
        _ => 2,
    });
    subjects
}

impl Subject {
    /// `outputs` are the resource's own, and `api` is the id of the stack's REST API, as far as they are known.
    fn of(step: &Step, outputs: Option<&Value>, api: Option<&str>, place: &Place, names: &Names) -> Option<Self> {
        let changed_since = match (step.state, step.cause) {
            (State::Drifted, Some(Cause::Pending)) | (State::InSync | State::Busy, _) => return None,
            (State::Drifted, Some(Cause::Drift | Cause::Conflict)) => true,
            // Some kinds have no place for a mark of the last write.
            (State::Drifted, None) | (State::Missing | State::Stray, _) => false,
        };
        let (id, name) = (&step.id, step.name.as_str());
        let kind = KINDS.iter().find(|kind| kind.name == id.kind())?;
        let own_id = || outputs.and_then(|outputs| outputs["id"].as_str()).map(str::to_owned);
        let mut also = Vec::new();
        let names = match kind.name {
            "cloudwatch.alarm" => vec![name.to_owned(), place.arn("cloudwatch", &format!("alarm:{name}"))],
            "dynamodb.table" => vec![name.to_owned(), place.arn("dynamodb", &format!("table/{name}"))],
            // The API's, as long as its id is not known.
            "logs.log_group" if name.ends_with('…') => return None,
            "logs.log_group" => {
                let arn = place.arn("logs", &format!("log-group:{name}"));
                vec![name.to_owned(), format!("{arn}:*"), arn]
            }
            "iam.role" | "iam.role_policy" => vec![names.role(id.name())],
            "cloudfront.distribution" => {
                let id = own_id()?;
                let arn = place.global_arn("cloudfront", &format!("distribution/{id}"));
                vec![id, arn]
            }
            "cloudfront.origin_access_control" => vec![own_id()?],
            kind if kind.starts_with("lambda.") => {
                let function = names.function(id.name());
                let arn = place.arn("lambda", &format!("function:{function}"));
                vec![function, format!("{arn}:{LIVE_ALIAS}"), arn]
            }
            kind if kind.starts_with("s3.") => vec![names.bucket()],
            kind => {
                let api = api?;
                also = api_part(kind, step, outputs);
                let (partition, region) = (&place.partition, &place.region);
                let part = if kind == "apigateway.stage" { format!("/stages/{name}") } else { String::new() };
                vec![api.to_owned(), format!("arn:{partition}:apigateway:{region}::/restapis/{api}{part}")]
            }
        };
        Some(Self { id: id.clone(), names, also, kind, state: step.state, changed_since })
    }

    /// The first part of the event source.
    pub(super) fn source(&self) -> &'static str {
        self.kind.source
    }

    /// Returns whether its requests are logged where the partition's global services are.
    pub(super) fn is_global(&self) -> bool {
        self.kind.global
    }

    /// The newest of these events, newest first, that explains how it stands: somebody's, or this program's own.
    pub(super) fn explained<'a>(&self, events: &'a [Event]) -> Option<&'a Event> {
        events.iter().find(|event| self.is_by(event) && !(self.changed_since && event.ours))
    }

    fn is_by(&self, event: &Event) -> bool {
        let removes = || event.name.starts_with("Delete") || event.name.starts_with("Remove");
        event.source == self.kind.source
            && self.kind.operations.iter().any(|operation| event.name == *operation)
            && (self.state != State::Missing || removes())
            && self.names.iter().any(|name| event.mentions.contains(name))
            && self.also.iter().all(|name| event.mentions.contains(name))
    }
}

/// Returns what tells a part of an API from its siblings: the id of its path and its method, as far as they are known.
fn api_part(kind: &str, step: &Step, outputs: Option<&Value>) -> Vec<String> {
    match kind {
        "apigateway.resource" => outputs.and_then(|outputs| outputs["id"].as_str()).map(str::to_owned).into_iter().collect(),
        "apigateway.rest_api" | "apigateway.deployment" | "apigateway.stage" => Vec::new(),
        _ => {
            // `{api}/{resource}/{method}`; without it, the method at least begins the name.
            let key = outputs.and_then(|outputs| outputs.as_str().or_else(|| outputs["method"].as_str()));
            match key {
                Some(key) => key.split('/').skip(1).map(str::to_owned).collect(),
                None => step.name.split(' ').next().map(str::to_owned).into_iter().collect(),
            }
        }
    }
}

#[cfg(test)]
#[path = "subject_tests.rs"]
mod tests;
