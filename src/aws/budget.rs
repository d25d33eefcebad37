//! The documented request limits, kept on our side, so that a throttle is avoided rather than answered.

use super::Source;
use std::{
    cell::RefCell,
    collections::HashMap,
    time::{Duration, Instant},
};

/// (what, requests per second, burst, how it is known). `what` is `service`, for all its operations together, or `service:Operation`.
///
/// Sources: "Amazon API Gateway quotas" (total 10/s with a burst of 40, and per operation; none can be raised); "Lambda quotas"
/// (`GetFunction` 100/s, `GetPolicy` 15/s, the rest of the control plane 15/s together); "CloudWatch service quotas" and "CloudWatch Logs
/// quotas"; "`LookupEvents`" in the CloudTrail API reference. DynamoDB's mutation limit (about 1/s after a burst) was measured by the AWS
/// Controllers for Kubernetes project. IAM, CloudFront and the tagging service publish none; theirs are what others observed, or assumed.
const LIMITS: &[(&str, f64, f64, Source)] = {
    use Source::{Assumed, Documented, Reported};
    &[
        ("apigateway", 10.0, 40.0, Documented),
        ("apigateway:CreateRestApi", 1.0 / 3.0, 1.0, Documented),
        ("apigateway:PutRestApi", 1.0, 1.0, Documented),
        ("apigateway:DeleteRestApi", 1.0 / 30.0, 1.0, Documented),
        ("apigateway:CreateResource", 5.0, 5.0, Documented),
        ("apigateway:DeleteResource", 5.0, 5.0, Documented),
        ("apigateway:GetResources", 2.5, 5.0, Documented),
        ("apigateway:CreateDeployment", 0.2, 1.0, Documented),
        ("apigateway:UpdateAccount", 0.05, 1.0, Documented),
        ("lambda", 15.0, 15.0, Documented),
        ("lambda:GetFunction", 100.0, 100.0, Documented),
        ("lambda:GetPolicy", 15.0, 15.0, Documented),
        ("cloudtrail:LookupEvents", 2.0, 2.0, Documented),
        ("cloudwatch:PutMetricAlarm", 3.0, 3.0, Documented),
        ("cloudwatch:DescribeAlarms", 9.0, 9.0, Documented),
        ("cloudwatch:DeleteAlarms", 3.0, 3.0, Documented),
        ("cloudwatch:ListTagsForResource", 10.0, 10.0, Documented),
        ("cloudwatch:TagResource", 20.0, 20.0, Documented),
        ("cloudwatch:UntagResource", 20.0, 20.0, Documented),
        ("logs:CreateLogGroup", 10.0, 10.0, Documented),
        ("logs:DeleteLogGroup", 10.0, 10.0, Documented),
        ("logs:DescribeLogGroups", 10.0, 10.0, Documented),
        ("logs:FilterLogEvents", 5.0, 5.0, Documented),
        ("logs:PutRetentionPolicy", 5.0, 5.0, Documented),
        ("logs:ListTagsForResource", 5.0, 5.0, Documented),
        ("logs:TagResource", 5.0, 5.0, Documented),
        ("logs:UntagResource", 5.0, 5.0, Documented),
        ("dynamodb:CreateTable", 1.0, 4.0, Reported),
        ("dynamodb:UpdateTable", 1.0, 4.0, Reported),
        ("dynamodb:DeleteTable", 1.0, 4.0, Reported),
        ("dynamodb:TagResource", 1.0, 4.0, Reported),
        ("dynamodb:DescribeTimeToLive", 2.0, 4.0, Reported),
        ("dynamodb:DescribeContinuousBackups", 2.0, 4.0, Reported),
        ("tag", 5.0, 5.0, Assumed),
        ("iam", 10.0, 20.0, Assumed),
        ("cloudfront", 5.0, 5.0, Assumed),
        ("cloudfront:UpdateDistribution", 0.05, 2.0, Reported),
        ("cloudfront:CreateInvalidation", 0.5, 1.0, Reported),
    ]
};

/// Returns the seconds that a number of requests takes at least, within one of AWS's limits: `service` or `service:Operation`. 0 without a
/// limit.
pub fn least_seconds(what: &str, requests: u32) -> f64 {
    let limit = LIMITS.iter().find(|(limited, ..)| *limited == what);
    limit.map_or(0.0, |(_, rate, burst, _)| (f64::from(requests) - burst).max(0.0) / rate)
}

/// Operations that do not count towards their service's total (documented: "Lambda quotas").
const APART: &[&str] = &["lambda:GetFunction", "lambda:GetPolicy"];

/// Requests do not arrive as evenly as they are sent: a part of each limit is left unused, so that the ones that come closer together
/// than they left are not one too many. This many seconds' worth of requests. Only what delays all of the first ones counts: AWS's own bucket is
/// full until one comes. So more would not help, as their service was read from just before, over the same connections.
const JITTER: f64 = 0.15;
/// The share of each rate that is used; it keeps those apart that have no burst to save from.
const PACE: f64 = 0.95;

struct Bucket {
    rate: f64,
    burst: f64,
    /// May be negative: that much is promised to those who wait.
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    /// Takes a token, and says how long to wait for it.
    fn take(&mut self, now: Instant) -> Duration {
        let earned = now.duration_since(self.filled).as_secs_f64() * self.rate;
        self.tokens = (self.tokens + earned).min(self.burst) - 1.0;
        self.filled = now;
        Duration::from_secs_f64((-self.tokens / self.rate).max(0.0))
    }
}

pub(super) struct Budgets(RefCell<HashMap<&'static str, Bucket>>);

impl Budgets {
    /// AWS's limits, or none.
    pub(super) fn new(limits: bool) -> Self {
        let filled = Instant::now();
        let limits = if limits { LIMITS } else { &[] };
        let bucket = |&(what, rate, burst, _): &(&'static str, f64, f64, Source)| {
            let burst = (burst - rate * JITTER).max(1.0);
            (what, Bucket { rate: rate * PACE, burst, tokens: burst, filled })
        };
        Self(RefCell::new(limits.iter().map(bucket).collect()))
    }

    /// Waits until the operation is within its limits.
    pub(super) async fn spend(&self, operation: &str) {
        let wait = self.reserve(operation, Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    fn reserve(&self, operation: &str, now: Instant) -> Duration {
        let mut buckets = self.0.borrow_mut();
        let service = operation.split(':').next().unwrap_or_default();
        let total = if APART.contains(&operation) { None } else { Some(service) };
        let mut longest = Duration::ZERO;
        for what in [Some(operation), total].into_iter().flatten() {
            if let Some(bucket) = buckets.get_mut(what) {
                longest = longest.max(bucket.take(now));
            }
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::{Budgets, LIMITS, least_seconds};
    use std::time::{Duration, Instant};

    #[test]
    fn no_window_sees_more_requests_than_burst_and_rate_allow() {
        for &(what, rate, burst, _) in LIMITS.iter().filter(|(what, ..)| what.contains(':')) {
            let (budgets, start) = (Budgets::new(true), Instant::now());
            let mut waits: Vec<Duration> = (0..50).map(|_| budgets.reserve(what, start)).collect();
            waits.sort();
            for (request, wait) in (1..).zip(&waits) {
                let allowed = burst + wait.as_secs_f64() * rate;
                assert!(f64::from(request) <= allowed + 1e-6, "{what}: request {request} at {wait:?}");
            }
        }
    }

    #[test]
    fn requests_that_arrive_closer_together_than_they_left_are_not_too_many() {
        for &(what, rate, burst, _) in LIMITS.iter().filter(|(what, ..)| what.contains(':')) {
            let (budgets, start) = (Budgets::new(true), Instant::now());
            let mut waits: Vec<f64> = (0..50).map(|_| budgets.reserve(what, start).as_secs_f64()).collect();
            waits.sort_by(f64::total_cmp);
            // The first is late, all others are not: AWS's own bucket is full when the first one comes.
            let (mut tokens, mut last) = (burst, waits[0] + 0.05);
            for (index, wait) in waits.iter().enumerate() {
                let now = wait.max(last);
                tokens = (tokens + (now - last) * rate).min(burst) - 1.0;
                last = now;
                assert!(tokens >= -1e-6, "{what}: request {} is one too many", index + 1);
            }
        }
    }

    #[test]
    fn what_is_more_than_a_burst_takes_its_time() {
        assert!((least_seconds("cloudwatch:PutMetricAlarm", 18) - 5.0).abs() < 1e-9);
        assert!((least_seconds("apigateway", 40) - 0.0).abs() < 1e-9);
        assert!((least_seconds("s3:PutObject", 1_000) - 0.0).abs() < 1e-9);
    }

    #[test]
    fn without_limits_nothing_waits() {
        let budgets = Budgets::new(false);
        assert!((0..100).all(|_| budgets.reserve("apigateway:DeleteRestApi", Instant::now()).is_zero()));
    }
}
