//! Keeps requests within AWS's documented limits, so that throttling is avoided rather than handled.

use super::Source;
use std::{
    cell::RefCell,
    collections::HashMap,
    time::{Duration, Instant},
};

/// Request limit of AWS.
#[derive(Debug)]
pub struct RequestLimit {
    /// Service for a limit on all its operations together, or one operation as `service:Operation`.
    pub what: &'static str,
    /// Sustained rate in requests a second.
    pub rate: f64,
    /// Number of requests that may be sent at once.
    pub burst: f64,
    /// Evidence for the limit.
    pub source: Source,
}

impl RequestLimit {
    /// Creates a limit with a rate in requests a second and a burst.
    pub const fn new(what: &'static str, rate: f64, burst: f64, source: Source) -> Self {
        Self { what, rate, burst, source }
    }

    /// Returns the minimum time in seconds for a number of requests.
    pub fn least_seconds(&self, requests: u32) -> f64 {
        (f64::from(requests) - self.burst).max(0.0) / self.rate
    }
}

/// Operations that do not count towards their service's total (documented: "Lambda quotas").
const APART: &[&str] = &["lambda:GetFunction", "lambda:GetPolicy"];

/// Part of each limit that is left unused, in seconds' worth of requests. Requests do not arrive as evenly as they are sent. Without this
/// reserve, requests that arrive closer together than they left would exceed the limit. Only a delay of all the first requests counts, because
/// AWS's own bucket is full until one arrives. A larger reserve would not help: the program has just read from the service over the same
/// connections.
const JITTER: f64 = 0.15;
/// Share of each rate that is used. It also keeps apart the requests under a limit that has no burst to reserve from.
const PACE: f64 = 0.95;

struct Bucket {
    rate: f64,
    burst: f64,
    /// Tokens left. Negative if waiting requests have already taken more than there are.
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    /// Takes a token and returns the time to wait for it.
    fn take(&mut self, now: Instant) -> Duration {
        let earned = now.duration_since(self.filled).as_secs_f64() * self.rate;
        self.tokens = (self.tokens + earned).min(self.burst) - 1.0;
        self.filled = now;
        Duration::from_secs_f64((-self.tokens / self.rate).max(0.0))
    }
}

pub(super) struct Budgets(RefCell<HashMap<&'static str, Bucket>>);

impl Budgets {
    /// Creates budgets for these limits.
    pub(super) fn new(limits: impl IntoIterator<Item = &'static RequestLimit>) -> Self {
        let filled = Instant::now();
        let bucket = |&RequestLimit { what, rate, burst, .. }: &'static RequestLimit| {
            let burst = (burst - rate * JITTER).max(1.0);
            (what, Bucket { rate: rate * PACE, burst, tokens: burst, filled })
        };
        Self(RefCell::new(limits.into_iter().map(bucket).collect()))
    }

    /// Waits until a request of the operation is within its limits.
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
    use super::{Budgets, RequestLimit, Source};
    use std::time::{Duration, Instant};

    /// Limits of AWS from the slowest to the fastest, with small and large bursts.
    const LIMITS: &[RequestLimit] = &[
        RequestLimit::new("apigateway", 10.0, 40.0, Source::Documented),
        RequestLimit::new("apigateway:CreateRestApi", 1.0 / 3.0, 1.0, Source::Documented),
        RequestLimit::new("apigateway:CreateResource", 5.0, 5.0, Source::Documented),
        RequestLimit::new("lambda", 15.0, 15.0, Source::Documented),
        RequestLimit::new("lambda:GetFunction", 100.0, 100.0, Source::Documented),
        RequestLimit::new("dynamodb:CreateTable", 1.0, 4.0, Source::Reported),
        RequestLimit::new("cloudfront:UpdateDistribution", 0.05, 2.0, Source::Reported),
        RequestLimit::new("cloudfront:CreateInvalidation", 0.5, 1.0, Source::Reported),
    ];

    #[test]
    fn no_window_sees_more_requests_than_burst_and_rate_allow() {
        for &RequestLimit { what, rate, burst, .. } in LIMITS.iter().filter(|limit| limit.what.contains(':')) {
            let (budgets, start) = (Budgets::new(LIMITS), Instant::now());
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
        for &RequestLimit { what, rate, burst, .. } in LIMITS.iter().filter(|limit| limit.what.contains(':')) {
            let (budgets, start) = (Budgets::new(LIMITS), Instant::now());
            let mut waits: Vec<f64> = (0..50).map(|_| budgets.reserve(what, start).as_secs_f64()).collect();
            waits.sort_by(f64::total_cmp);
            // The first request is late and all others are not: AWS's own bucket is full when the first one arrives.
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
        let limit = RequestLimit::new("cloudwatch:PutMetricAlarm", 3.0, 3.0, Source::Documented);
        assert!((limit.least_seconds(18) - 5.0).abs() < 1e-9 && limit.least_seconds(3).abs() < 1e-9);
    }

    #[test]
    fn without_limits_nothing_waits() {
        let budgets = Budgets::new([]);
        assert!((0..100).all(|_| budgets.reserve("apigateway:DeleteRestApi", Instant::now()).is_zero()));
    }
}
