//! The only layer that calls AWS. It keeps within the limits, bounds and counts requests, and retries them where that is safe.

use super::{
    Aws,
    error::{Verdict, read_answer},
};
use crate::record::Calling;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use engine::{Result, current};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::Future,
    rc::Rc,
    time::{Duration, Instant},
};

/// Limit of attempts of a request with a lost answer, before the failure is reported.
const ATTEMPTS: u32 = 8;

/// Limit of attempts of a throttled request: about a minute, because API Gateway deletes one API in 30 s for each account (documented).
const THROTTLED: u32 = 18;

/// Limit of attempts of a request that was signed by a wrong clock. The SDK signs the second by the clock of the first answer. A request that was
/// sent before the difference was known needs a third.
pub(super) const SKEWED: u32 = 3;

/// Writes that must not be repeated blindly. A lost answer may hide a success, and a repetition creates a second resource (`CreateRestApi`,
/// `CreateDeployment`) or meets the run's own first one (`CreateDistribution`).
const LOOK_BEFORE_REPEATING: &[&str] = &["apigateway:CreateRestApi", "apigateway:CreateDeployment", "cloudfront:CreateDistribution"];

/// Numbers of requests of one run, by operation.
#[derive(Debug, Clone, Default)]
pub struct Tally(Rc<RefCell<BTreeMap<&'static str, Count>>>);

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    requests: u64,
    writes: u64,
}

impl Tally {
    /// Creates a tally that begins with the call that read the account.
    pub(super) fn with_identity() -> Self {
        let tally = Self::default();
        tally.count("sts:GetCallerIdentity", false);
        tally
    }

    /// Returns the number of requests sent, retries included.
    pub fn requests(&self) -> u64 {
        self.0.borrow().values().map(|count| count.requests).sum()
    }

    /// Returns the number of requests that may have changed something.
    pub fn writes(&self) -> u64 {
        self.0.borrow().values().map(|count| count.writes).sum()
    }

    /// Returns the number of requests by operation (`service:Operation`), sorted.
    pub fn by_operation(&self) -> Vec<(&'static str, u64)> {
        self.0.borrow().iter().map(|(operation, count)| (*operation, count.requests)).collect()
    }

    fn count(&self, operation: &'static str, write: bool) {
        let mut counts = self.0.borrow_mut();
        let count = counts.entry(operation).or_default();
        count.requests += 1;
        count.writes += u64::from(write);
    }
}

/// Target of the log line of each attempt; nothing else that is logged has it.
pub const LOG_TARGET: &str = "aws_call";

/// Attempt at a call.
struct Attempt {
    operation: &'static str,
    write: bool,
    number: u32,
    sent: Instant,
}

impl Attempt {
    /// Logs the outcome, `ok` or the error's code. No part of a request or of an answer is logged: either may hold a secret.
    fn log(&self, outcome: &str, request_id: Option<&str>) {
        tracing::info!(
            target: LOG_TARGET,
            operation = self.operation,
            write = self.write,
            resource = current().map(|id| id.to_string()),
            attempt = self.number,
            milliseconds = u64::try_from(self.sent.elapsed().as_millis()).unwrap_or(u64::MAX),
            outcome,
            request_id,
        );
    }
}

impl Aws {
    /// Calls an operation that changes nothing. `operation` is `service:Operation`.
    pub async fn read<T, E, F>(&self, operation: &'static str, send: impl Fn() -> F) -> Result<T>
    where
        T: RequestId,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.call(operation, false, send).await
    }

    /// Calls an operation that changes something, and drops the cached answers of its service.
    pub async fn write<T, E, F>(&self, operation: &'static str, send: impl Fn() -> F) -> Result<T>
    where
        T: RequestId,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.inventory.end();
        let result = self.call(operation, true, send).await;
        self.request_cache.forget(operation.split(':').next().unwrap_or_default());
        result
    }

    async fn call<T, E, F>(&self, operation: &'static str, write: bool, send: impl Fn() -> F) -> Result<T>
    where
        T: RequestId,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut pause = Duration::from_millis(200);
        // Number of failures by the limit of attempts that applies to them.
        let mut met: BTreeMap<u32, u32> = BTreeMap::new();
        let (began, mut failed) = (Instant::now(), 0);
        let mut recorded = self.recorder.as_ref().map(|recorder| recorder.call(operation, write));
        loop {
            self.budgets.spend(operation).await;
            self.tally.count(operation, write);
            recorded.as_mut().map(Calling::sent);
            let attempt = Attempt { operation, write, number: failed + 1, sent: Instant::now() };
            let sent = send().await;
            recorded.as_mut().map(Calling::answered);
            let error = match sent {
                Ok(answer) => {
                    attempt.log("ok", answer.request_id());
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let answer = read_answer(operation, &error, &self.surroundings);
            attempt.log(answer.code(), answer.request_id());
            let repeat = match answer.verdict {
                Verdict::Throttled | Verdict::Skewed => true,
                Verdict::Lost | Verdict::Unreachable => !LOOK_BEFORE_REPEATING.contains(&operation),
                _ => false,
            };
            let attempts = match answer.verdict {
                // The endpoint is not listening. A few attempts bridge a restart; more only delay the message.
                Verdict::Unreachable => 3,
                Verdict::Skewed => SKEWED,
                Verdict::Throttled => THROTTLED,
                _ => ATTEMPTS,
            };
            let attempt = met.entry(attempts).or_default();
            *attempt += 1;
            if !repeat || *attempt >= attempts {
                if operation.starts_with("s3:") {
                    return Err(answer.about_bucket(&self.target.account).into_error());
                }
                return Err(answer.into_error());
            }
            failed += 1;
            self.note_retry(operation, || answer.text(), failed, began.elapsed());
            tokio::time::sleep(pause.max(answer.retry_after.unwrap_or_default())).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
}
