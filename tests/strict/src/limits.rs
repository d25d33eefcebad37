//! AWS's request limits, as token buckets.

use std::{collections::HashMap, time::Instant};

/// (what, requests per second, burst). `what` is a service, for all its operations together, or `service:Operation`.
///
/// Fact sheet A.1 (API Gateway), A.2 (Lambda), A.3 (DynamoDB, measured), A.5 (CloudFront, observed), A.6 (CloudWatch), A.7 (Logs). IAM
/// publishes none, nor does the tagging service; ours are assumptions (A.4). Where only a rate is published, the burst is that of one second, at least one.
const LIMITS: &[(&str, f64, f64)] = &[
    ("apigateway", 10.0, 40.0),
    ("apigateway:CreateRestApi", 1.0 / 3.0, 1.0),
    ("apigateway:PutRestApi", 1.0, 1.0),
    ("apigateway:DeleteRestApi", 1.0 / 30.0, 1.0),
    ("apigateway:CreateResource", 5.0, 5.0),
    ("apigateway:DeleteResource", 5.0, 5.0),
    ("apigateway:GetResources", 2.5, 5.0),
    ("apigateway:CreateDeployment", 0.2, 1.0),
    ("apigateway:UpdateAccount", 0.05, 1.0),
    ("lambda", 15.0, 15.0),
    ("lambda:GetFunction", 100.0, 100.0),
    ("lambda:GetPolicy", 15.0, 15.0),
    ("dynamodb:mutations", 1.0, 6.0),
    ("dynamodb:DescribeTimeToLive", 2.0, 4.0),
    ("iam:reads", 15.0, 20.0),
    ("iam:writes", 5.0, 20.0),
    ("cloudfront:reads", 5.0, 5.0),
    ("cloudfront:UpdateDistribution", 0.05, 2.0),
    ("cloudfront:CreateInvalidation", 0.5, 1.0),
    ("cloudwatch:PutMetricAlarm", 3.0, 3.0),
    ("cloudwatch:DescribeAlarms", 9.0, 9.0),
    ("cloudwatch:DeleteAlarms", 3.0, 3.0),
    ("cloudwatch:ListTagsForResource", 10.0, 10.0),
    ("cloudwatch:TagResource", 20.0, 20.0),
    ("cloudwatch:UntagResource", 20.0, 20.0),
    ("tag:GetResources", 5.0, 5.0),
    ("logs:CreateLogGroup", 10.0, 10.0),
    ("logs:DeleteLogGroup", 10.0, 10.0),
    ("logs:DescribeLogGroups", 10.0, 10.0),
    ("logs:PutRetentionPolicy", 5.0, 5.0),
    ("logs:DeleteRetentionPolicy", 5.0, 5.0),
    ("logs:TagResource", 5.0, 5.0),
    ("logs:UntagResource", 5.0, 5.0),
    ("logs:ListTagsForResource", 5.0, 5.0),
];

/// What shares DynamoDB's limiter of mutations (A.3); backups and time to live are exempt.
const MUTATIONS: &[&str] = &["dynamodb:CreateTable", "dynamodb:UpdateTable", "dynamodb:DeleteTable", "dynamodb:TagResource"];
/// What does not count towards the total of its service: Lambda's is one of its control plane, and invocations are none of that.
const APART: &[&str] = &["lambda:GetFunction", "lambda:GetPolicy", "lambda:Invoke"];

/// How much is left of each limit.
#[derive(Debug)]
pub(crate) struct Buckets {
    /// (tokens, when that was true).
    left: HashMap<&'static str, (f64, Instant)>,
}

impl Buckets {
    /// All of them full.
    pub(crate) fn full() -> Self {
        let now = Instant::now();
        Self { left: LIMITS.iter().map(|&(what, _, burst)| (what, (burst, now))).collect() }
    }

    /// Spends a request; the limit that it exceeds, if it does. Time passes `scale` times as fast as the clock shows.
    pub(crate) fn spend(&mut self, operation: &str, write: bool, scale: f64, now: Instant) -> Result<(), &'static str> {
        let service = operation.split(':').next().unwrap_or_default();
        let counts = |what: &str| match what.split_once(':') {
            None => what == service && !APART.contains(&operation),
            Some((of, "reads")) => of == service && !write,
            Some((of, "writes")) => of == service && write,
            Some((_, "mutations")) => MUTATIONS.contains(&operation),
            Some(_) => what == operation,
        };
        let limits: Vec<_> = LIMITS.iter().filter(|(what, ..)| counts(what)).collect();
        for &&(what, rate, burst) in &limits {
            let (tokens, since) = self.left.get_mut(what).expect("every limit has its bucket");
            *tokens = (*tokens + now.duration_since(*since).as_secs_f64() * rate * scale).min(burst);
            *since = now;
        }
        // A refused request costs nothing.
        if let Some((what, ..)) = limits.iter().find(|(what, ..)| self.left[what].0 < 1.0) {
            return Err(what);
        }
        for (what, ..) in limits {
            self.left.get_mut(what).expect("every limit has its bucket").0 -= 1.0;
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
