//! AWS's request limits, as token buckets.

use crate::source::Source;
use std::{collections::HashMap, time::Instant};

/// Request limit as a token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Service for a limit on all its operations together, or one operation as `service:Operation`.
    pub what: &'static str,
    /// Sustained rate in requests a second.
    pub rate: f64,
    /// Number of requests that may be sent at once.
    pub burst: f64,
    /// Kind of evidence for the limit.
    pub source: Source,
    /// Document or measurement behind the limit.
    pub from: &'static str,
}

/// All limits. Where AWS publishes only a rate, the burst is that of one second, at least one.
pub static LIMITS: &[Limit] = &[
    limit("apigateway", 10.0, 40.0, Source::Documented, "Amazon API Gateway quotas"),
    limit("apigateway:CreateRestApi", 1.0 / 3.0, 1.0, Source::Documented, "Amazon API Gateway quotas"),
    limit("apigateway:PutRestApi", 1.0, 1.0, Source::Documented, "Amazon API Gateway quotas"),
    limit("apigateway:DeleteRestApi", 1.0 / 30.0, 1.0, Source::Documented, "Amazon API Gateway quotas"),
    limit("apigateway:CreateResource", 5.0, 5.0, Source::Documented, "Amazon API Gateway quotas"),
    limit("apigateway:DeleteResource", 5.0, 5.0, Source::Documented, "Amazon API Gateway quotas"),
    limit("apigateway:GetResources", 2.5, 5.0, Source::Documented, "Amazon API Gateway quotas"),
    limit("apigateway:CreateDeployment", 0.2, 1.0, Source::Documented, "Amazon API Gateway quotas"),
    limit("apigateway:UpdateAccount", 0.05, 1.0, Source::Documented, "Amazon API Gateway quotas"),
    limit("lambda", 15.0, 15.0, Source::Documented, "Lambda quotas"),
    limit("lambda:GetFunction", 100.0, 100.0, Source::Documented, "Lambda quotas"),
    limit("lambda:GetPolicy", 15.0, 15.0, Source::Documented, "Lambda quotas"),
    limit("dynamodb:mutations", 1.0, 6.0, Source::Reported, "measured by AWS Controllers for Kubernetes, 2026-10"),
    limit("dynamodb:DescribeTimeToLive", 2.0, 4.0, Source::Reported, "measured by AWS Controllers for Kubernetes, 2026-10"),
    limit("iam:reads", 15.0, 20.0, Source::Assumed, "IAM publishes none"),
    limit("iam:writes", 5.0, 20.0, Source::Assumed, "IAM publishes none"),
    limit("cloudfront:reads", 5.0, 5.0, Source::Assumed, "CloudFront publishes none"),
    limit("cloudfront:UpdateDistribution", 0.05, 2.0, Source::Reported, "answers of AWS in issues of other tools"),
    limit("cloudfront:CreateInvalidation", 0.5, 1.0, Source::Reported, "answers of AWS in issues of other tools"),
    limit("cloudwatch:PutMetricAlarm", 3.0, 3.0, Source::Documented, "CloudWatch service quotas"),
    limit("cloudwatch:DescribeAlarms", 9.0, 9.0, Source::Documented, "CloudWatch service quotas"),
    limit("cloudwatch:DeleteAlarms", 3.0, 3.0, Source::Documented, "CloudWatch service quotas"),
    limit("cloudwatch:ListTagsForResource", 10.0, 10.0, Source::Documented, "CloudWatch service quotas"),
    limit("cloudwatch:TagResource", 20.0, 20.0, Source::Documented, "CloudWatch service quotas"),
    limit("cloudwatch:UntagResource", 20.0, 20.0, Source::Documented, "CloudWatch service quotas"),
    limit("tag:GetResources", 5.0, 5.0, Source::Assumed, "the tagging service publishes none"),
    limit("logs:CreateLogGroup", 10.0, 10.0, Source::Documented, "CloudWatch Logs quotas"),
    limit("logs:DeleteLogGroup", 10.0, 10.0, Source::Documented, "CloudWatch Logs quotas"),
    limit("logs:DescribeLogGroups", 10.0, 10.0, Source::Documented, "CloudWatch Logs quotas"),
    limit("logs:PutRetentionPolicy", 5.0, 5.0, Source::Documented, "CloudWatch Logs quotas"),
    limit("logs:DeleteRetentionPolicy", 5.0, 5.0, Source::Documented, "CloudWatch Logs quotas"),
    limit("logs:TagResource", 5.0, 5.0, Source::Documented, "CloudWatch Logs quotas"),
    limit("logs:UntagResource", 5.0, 5.0, Source::Documented, "CloudWatch Logs quotas"),
    limit("logs:ListTagsForResource", 5.0, 5.0, Source::Documented, "CloudWatch Logs quotas"),
];

const fn limit(what: &'static str, rate: f64, burst: f64, source: Source, from: &'static str) -> Limit {
    Limit { what, rate, burst, source, from }
}

/// Operations that share DynamoDB's limiter of mutations; backups and time to live are exempt.
const MUTATIONS: &[&str] = &["dynamodb:CreateTable", "dynamodb:UpdateTable", "dynamodb:DeleteTable", "dynamodb:TagResource"];
/// Operations that do not count towards the total of their service. Lambda's total is one of its control plane, which does not include
/// invocations.
const APART: &[&str] = &["lambda:GetFunction", "lambda:GetPolicy", "lambda:Invoke"];

/// State of all limits.
#[derive(Debug)]
pub(crate) struct Buckets {
    /// Tokens left and the time at which that was true, by limit.
    left: HashMap<&'static str, (f64, Instant)>,
}

impl Buckets {
    /// Creates the buckets, all of them full.
    pub(crate) fn full() -> Self {
        let now = Instant::now();
        Self { left: LIMITS.iter().map(|limit| (limit.what, (limit.burst, now))).collect() }
    }

    /// Spends a request; the error is the limit that it exceeds. Time passes `scale` times as fast as on the clock.
    pub(crate) fn spend(&mut self, operation: &str, write: bool, scale: f64, now: Instant) -> Result<(), &'static str> {
        let service = operation.split(':').next().unwrap_or_default();
        let counts = |what: &str| match what.split_once(':') {
            None => what == service && !APART.contains(&operation),
            Some((of, "reads")) => of == service && !write,
            Some((of, "writes")) => of == service && write,
            Some((_, "mutations")) => MUTATIONS.contains(&operation),
            Some(_) => what == operation,
        };
        let limits: Vec<_> = LIMITS.iter().filter(|limit| counts(limit.what)).collect();
        for &&Limit { what, rate, burst, .. } in &limits {
            let (tokens, since) = self.left.get_mut(what).expect("every limit has its bucket");
            *tokens = (*tokens + now.duration_since(*since).as_secs_f64() * rate * scale).min(burst);
            *since = now;
        }
        // A refused request costs no token.
        if let Some(limit) = limits.iter().find(|limit| self.left[limit.what].0 < 1.0) {
            return Err(limit.what);
        }
        for limit in limits {
            self.left.get_mut(limit.what).expect("every limit has its bucket").0 -= 1.0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Buckets;
    use std::time::{Duration, Instant};

    #[test]
    fn a_burst_passes_then_the_rate() {
        let (mut buckets, start) = (Buckets::full(), Instant::now());
        let mut spend = |after: u64| buckets.spend("apigateway:CreateDeployment", true, 10.0, start + Duration::from_millis(after));
        assert_eq!(spend(0), Ok(()));
        assert_eq!(spend(100), Err("apigateway:CreateDeployment"));
        // One per 5 s, ten times as fast.
        assert_eq!(spend(501), Ok(()));
    }

    #[test]
    fn operations_share_the_total_of_their_service() {
        let (mut buckets, now) = (Buckets::full(), Instant::now());
        let passed = (0..100).filter(|_| buckets.spend("lambda:GetAlias", false, 1.0, now).is_ok()).count();
        assert_eq!(passed, 15);
        assert_eq!(buckets.spend("lambda:GetFunction", false, 1.0, now), Ok(()));
    }
}
