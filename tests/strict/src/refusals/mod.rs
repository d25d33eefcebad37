//! What AWS refuses or delays, and a local AWS lets pass. Decided from what the proxy has seen; one file per service.

mod api_gateway;
mod cloudfront;
mod cloudwatch;
mod dynamodb;
mod iam;
mod lambda;
mod s3;

use crate::{
    message::{Request, Response},
    operation::Operation,
    wire::Refusal,
};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How long AWS takes to let things happen. [`Windows::aws`] says how long that is in fact.
#[derive(Debug, Clone)]
pub struct Windows {
    /// From a role's creation until Lambda and API Gateway may use it (B.1: usually under 15 s).
    pub role_usable: Duration,
    /// From a role's creation until IAM's reads show it (B.1: seconds).
    pub role_visible: Duration,
    /// A new function is `Pending` (B.2: 1 to 5 s).
    pub function_pending: Duration,
    /// An updated function is `InProgress` (B.2).
    pub function_updating: Duration,
    /// A new table is `CREATING` (B.3: 2 to 22 s).
    pub table_creating: Duration,
    /// A deleted table is `DELETING` (B.3: 4 to 6 s).
    pub table_deleting: Duration,
    /// From `ACTIVE` until point-in-time recovery can be set (B.3: 0 to 6.2 s).
    pub backups_enabling: Duration,
    /// A table's tags are locked after a write (B.3: 1.5 to 1.8 s).
    pub table_tags: Duration,
    /// An index that was added to a table is `CREATING` (B.3: 506 to 1003 s).
    pub index_creating: Duration,
    /// Time to live cannot be changed again (B.3: 31 minutes).
    pub time_to_live: Duration,
    /// A distribution is `InProgress` after each change (B.5: 156 to 217 s).
    pub distribution_deploying: Duration,
    /// A changed distribution still reads as it was (B.5: up to seconds).
    pub distribution_stale: Duration,
    /// An origin access control is in use after its last distribution was deleted (B.5).
    pub access_control_held: Duration,
    /// A new bucket is unknown to the calls that configure it (B.4: seconds).
    pub bucket_visible: Duration,
    /// A deleted bucket's name cannot be used (B.4: minutes).
    pub bucket_held: Duration,
}

impl Windows {
    /// AWS's own times, in the middle of what was measured, `scale` times as fast.
    pub fn aws(scale: f64) -> Self {
        let seconds = |seconds: f64| Duration::from_secs_f64(seconds / scale);
        Self {
            role_usable: seconds(8.0),
            role_visible: seconds(2.0),
            function_pending: seconds(3.0),
            function_updating: seconds(2.0),
            table_creating: seconds(16.0),
            table_deleting: seconds(5.0),
            backups_enabling: seconds(2.5),
            table_tags: seconds(1.7),
            index_creating: seconds(510.0),
            time_to_live: seconds(1860.0),
            distribution_deploying: seconds(180.0),
            distribution_stale: seconds(3.0),
            access_control_held: seconds(20.0),
            bucket_visible: seconds(2.0),
            bucket_held: seconds(60.0),
        }
    }
}

/// What to do with a request.
pub(crate) enum Before {
    /// Let it pass.
    Pass,
    /// Refuse it.
    Refuse(Refusal),
    /// Answer in place of AWS, for this reason.
    Answer(Response, &'static str),
    /// Ask the local AWS this first; its answer decides.
    Ask(Request, fn(&Response) -> Option<Refusal>),
}

impl From<Option<Refusal>> for Before {
    fn from(refusal: Option<Refusal>) -> Self {
        refusal.map_or(Self::Pass, Self::Refuse)
    }
}

/// What the proxy has seen.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// Writes under way, by what must not be written twice at a time.
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
    /// Judges a request, and may change it.
    pub(crate) fn before(&mut self, windows: &Windows, operation: &Operation, scope: Option<&str>, request: &mut Request) -> Before {
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

    /// Learns from an answer, and may change it; what it changed.
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

/// What a write must not share with another at the same time: one REST API, one bucket's configuration, one function's policy.
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

/// Whether `since` is so short ago.
fn within(since: Option<Instant>, window: Duration, now: Instant) -> bool {
    since.is_some_and(|since| now < since + window)
}
