//! Refusals and delays of AWS that a local AWS lacks. They depend on the requests that the proxy has seen; one file per service.

mod api_gateway;
mod cloudfront;
mod cloudwatch;
mod dynamodb;
mod iam;
mod indexes;
mod lambda;
mod s3;
mod sizes;

use crate::{
    message::{Request, Response},
    operation::Operation,
    source::Source,
    wire::Refusal,
};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Defines [`Windows`] with the times that AWS takes, from the middle of the known range, and the evidence for them.
macro_rules! windows {
    ($($name:ident: $seconds:literal, $service:literal, $when:literal, $source:ident, $from:literal;)+) => {
        /// Time that AWS takes for each change; [`Windows::aws`] returns the real times.
        #[derive(Debug, Clone)]
        pub struct Windows {
            $(#[doc = $when] pub $name: Duration,)+
        }

        impl Windows {
            /// Creates AWS's own times, `scale` times as fast.
            pub fn aws(scale: f64) -> Self {
                Self { $($name: Duration::from_secs_f64($seconds / scale),)+ }
            }
        }

        /// All delays, with the evidence for them.
        pub static DELAYS: &[Delay] =
            &[$(Delay { service: $service, when: $when, seconds: $seconds, source: Source::$source, from: $from }),+];
    };
}

/// Time that AWS takes for a change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delay {
    /// Service as IAM's actions name it.
    pub service: &'static str,
    /// Situation that takes the time.
    pub when: &'static str,
    /// Duration in seconds.
    pub seconds: f64,
    /// Kind of evidence for the delay.
    pub source: Source,
    /// Document or measurement behind the delay.
    pub from: &'static str,
}

windows! {
    role_usable: 8.0, "iam", "From a role's creation until Lambda and API Gateway may use it",
        Reported, "2 to 30 s in issues of other tools, once 15 minutes";
    role_visible: 2.0, "iam", "From a role's creation until IAM's reads show it",
        Documented, "IAM User Guide: \"takes time to become visible\"; the number is assumed";
    function_pending: 3.0, "lambda", "A new function is `Pending`",
        Documented, "Lambda Developer Guide: \"a few seconds\"; the number is assumed";
    function_updating: 2.0, "lambda", "An updated function is `InProgress`",
        Assumed, "that it is, is recorded (2025-11-25); how long is not";
    table_creating: 16.0, "dynamodb", "A new table is `CREATING`",
        Reported, "measured by AWS Controllers for Kubernetes: 2 to 22 s, with indexes 16 s";
    table_deleting: 5.0, "dynamodb", "A deleted table is `DELETING`",
        Reported, "measured by AWS Controllers for Kubernetes: 4 to 6 s";
    backups_enabling: 2.5, "dynamodb", "From `ACTIVE` until point-in-time recovery can be set",
        Reported, "measured by AWS Controllers for Kubernetes: 0 to 6.2 s";
    recovery_day: 86_400.0, "dynamodb", "A day of `RecoveryPeriodInDays`: older states cannot be restored",
        Documented, "DynamoDB API reference, PointInTimeRecoverySpecification";
    table_tags: 1.7, "dynamodb", "A table's tags are locked after a write",
        Reported, "measured by AWS Controllers for Kubernetes: 1.5 to 1.8 s";
    index_creating: 510.0, "dynamodb", "An index that was added to a table is `CREATING`",
        Reported, "measured by AWS Controllers for Kubernetes: 506 to 1003 s";
    table_class: 2_592_000.0, "dynamodb", "A table's class cannot be changed a third time",
        Reported, "measured by AWS Controllers for Kubernetes: 2 times in 30 days";
    time_to_live: 1860.0, "dynamodb", "Time to live cannot be changed again",
        Reported, "measured by AWS Controllers for Kubernetes: 31 minutes";
    distribution_deploying: 180.0, "cloudfront", "A distribution is `InProgress` after each change",
        Reported, "measured by cdkd, a deployment tool: 156 to 217 s";
    distribution_stale: 3.0, "cloudfront", "A changed distribution still reads as it was",
        Documented, "CloudFront API reference: a read right after a change may not show it; the number is assumed";
    access_control_held: 20.0, "cloudfront", "An origin access control is in use after its last distribution was deleted",
        Assumed, "issues of other tools report that it happens";
    headers_policy_held: 20.0, "cloudfront", "A response headers policy is in use after its last distribution let go of it",
        Assumed, "as with origin access controls";
    bucket_visible: 2.0, "s3", "A new bucket is unknown to the calls that configure it",
        SourceCode, "Terraform's provider repeats these calls; the number is assumed";
    bucket_held: 60.0, "s3", "A deleted bucket's name cannot be used",
        Reported, "issues of other tools: minutes to an hour";
}

/// Decision about a request.
pub(crate) enum Before {
    /// Pass the request to the local AWS.
    Pass,
    /// Refuse the request with this answer.
    Refuse(Refusal),
    /// Answer in place of AWS, for this reason.
    Answer(Response, &'static str),
    /// Send this request to the local AWS first; its answer decides.
    Ask(Request, fn(&Response) -> Option<Refusal>),
}

impl From<Option<Refusal>> for Before {
    fn from(refusal: Option<Refusal>) -> Self {
        refusal.map_or(Self::Pass, Self::Refuse)
    }
}

/// Observations of the proxy.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// Number of writes under way, by the scope that allows one at a time.
    in_flight: HashMap<String, usize>,
    api_gateway: api_gateway::Apis,
    cloudfront: cloudfront::Distributions,
    cloudwatch: cloudwatch::Alarms,
    dynamodb: dynamodb::Tables,
    iam: iam::Roles,
    lambda: lambda::Functions,
    s3: s3::Buckets,
}

impl World {
    /// Decides about a request, and may change it.
    pub(crate) fn before(&mut self, windows: &Windows, operation: &Operation, scope: Option<&str>, request: &mut Request) -> Before {
        if let Some(refusal) = sizes::refuse(operation, request) {
            return Before::Refuse(refusal);
        }
        let now = Instant::now();
        let overlaps = scope.is_some_and(|scope| self.in_flight.contains_key(scope));
        match operation.service {
            "apigateway" => self.api_gateway.before(&self.iam, windows, operation, request, overlaps, now).into(),
            "cloudfront" => self.cloudfront.before(windows, operation, request, now),
            "cloudwatch" => self.cloudwatch.before(operation, request),
            "dynamodb" => self.dynamodb.before(windows, operation, request, now),
            "iam" => self.iam.before(windows, operation, request, now).into(),
            "lambda" => self.lambda.before(&self.iam, windows, operation, request, overlaps, now),
            "s3" => self.s3.before(windows, operation, request, overlaps, now),
            _ => Before::Pass,
        }
    }

    /// Learns from an answer, and may change it. Returns a description of the change.
    pub(crate) fn after(&mut self, windows: &Windows, operation: &Operation, request: &Request, response: &mut Response) -> String {
        let now = Instant::now();
        let note = match operation.service {
            "apigateway" => self.api_gateway.after(operation, request, response),
            "cloudfront" => self.cloudfront.after(windows, operation, request, response, now),
            "cloudwatch" => self.cloudwatch.after(operation, request, response),
            "dynamodb" => self.dynamodb.after(windows, operation, request, response, now),
            "iam" => self.iam.after(operation, request, response, now),
            "lambda" => self.lambda.after(windows, operation, request, response, now),
            "s3" => self.s3.after(operation, request, response, now),
            _ => "",
        };
        note.to_owned()
    }

    /// Sets whether Lambda gives up on functions that are created or updated from now on.
    pub(crate) fn functions_fail(&mut self, fail: bool) {
        self.lambda.fail = fail;
    }

    pub(crate) fn enter(&mut self, scope: Option<&str>) {
        if let Some(scope) = scope {
            *self.in_flight.entry(scope.to_owned()).or_default() += 1;
        }
    }

    pub(crate) fn leave(&mut self, scope: Option<&str>) {
        if let Some(scope) = scope
            && let Some(count) = self.in_flight.get_mut(scope)
        {
            *count -= 1;
            if *count == 0 {
                self.in_flight.remove(scope);
            }
        }
    }
}

/// Returns the scope in which only one write may run at a time: one REST API, one bucket's configuration, one function's policy.
pub(crate) fn scope(operation: &Operation, request: &Request) -> Option<String> {
    if !operation.is_write() {
        return None;
    }
    let segments = request.segments();
    match operation.service {
        "apigateway" if segments.first().is_some_and(|first| first == "restapis") => Some(format!("api/{}", segments.get(1)?)),
        "s3" if operation.name.starts_with("PutBucket")
            || operation.name.starts_with("PutPublic")
            || operation.name == "DeleteBucketPolicy" =>
        {
            Some(format!("bucket/{}", segments.first()?))
        }
        "lambda" if operation.name == "AddPermission" || operation.name == "RemovePermission" => {
            Some(format!("policy/{}", segments.get(2)?))
        }
        _ => None,
    }
}

/// Returns whether `since` lies within `window` before `now`.
fn within(since: Option<Instant>, window: Duration, now: Instant) -> bool {
    since.is_some_and(|since| now < since + window)
}
