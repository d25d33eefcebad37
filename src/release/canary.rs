//! Canary: new versions of functions get a growing share of the requests, until a check fails.
//!
//! The shares are stored in the aliases on AWS, and nowhere else. The next `up` finds them there as a difference. So the
//! reconciler finishes a killed canary, or it is rolled back if an alarm fires. Deliberately not here: the decision to continue
//! (`commands/canary.rs`).

use crate::{
    aws::Aws,
    engine::{Error, Result},
    resources::{Serving, publish},
    stack::LIVE_ALIAS,
};
use aws_sdk_cloudwatch::{
    operation::get_metric_data::GetMetricDataOutput,
    types::{Dimension, Metric, MetricDataQuery, MetricStat},
};
use aws_smithy_types::DateTime;
use futures::future::{join_all, try_join_all};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};
use tokio::time::Instant;

/// Time limit for publishing a version, and the polling interval. "Usually a few seconds" ("Lambda function states").
const PUBLISHING: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(500);
/// Shortest period of Lambda's metrics, in seconds ("Monitoring Lambda functions with CloudWatch").
const PERIOD: i32 = 60;

/// Function with a new version to try.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Physical name of the function.
    pub function: String,
    /// Expected code digest of `$LATEST`.
    pub code_sha256: Option<String>,
}

/// New versions that receive a share of the requests.
pub struct Canary<'a> {
    aws: &'a Aws,
    trials: BTreeMap<String, Trial>,
    /// Start of the first share.
    began: Instant,
}

struct Trial {
    serving: Serving,
    version: String,
}

/// Numbers of requests during a canary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// Requests to its functions.
    pub all: u64,
    /// Requests to their new versions.
    pub tried: u64,
}

impl<'a> Canary<'a> {
    /// Publishes the new versions, by logical name. Skips versions that already serve, and functions without an alias.
    pub async fn publish(aws: &'a Aws, candidates: &BTreeMap<String, Candidate>) -> Result<Self> {
        let one = async |(logical, candidate): (&String, &Candidate)| {
            let Candidate { function, code_sha256 } = candidate;
            let (version, serving) =
                (version(aws, function, code_sha256.as_deref()).await?, Serving::read(aws, function, LIVE_ALIAS).await?);
            let serving = serving.filter(|serving| serving.version != version);
            Ok::<_, Error>(serving.map(|serving| (logical.clone(), Trial { serving, version })))
        };
        let trials = try_join_all(candidates.iter().map(one)).await?.into_iter().flatten().collect();
        Ok(Self { aws, trials, began: Instant::now() })
    }

    /// Returns the functions and their new versions.
    pub fn versions(&self) -> BTreeMap<&str, &str> {
        self.trials.iter().map(|(logical, trial)| (logical.as_str(), trial.version.as_str())).collect()
    }

    /// Sets the new versions' share of the requests, from 0 to 1.
    pub async fn shift(&mut self, share: f64) -> Result<()> {
        let aws = self.aws;
        let shift = async |trial: &mut Trial| {
            trial.serving = trial.serving.share(aws, BTreeMap::from([(trial.version.clone(), share)])).await?;
            Ok::<_, Error>(())
        };
        // Every write runs to its end: after an aborted one the revision is unknown, and its share could not be removed.
        join_all(self.trials.values_mut().map(shift)).await.into_iter().collect()
    }

    /// Removes the new versions' share. A failure for one function does not stop the others.
    pub async fn take_back(&self) -> Result<()> {
        let back = self.trials.values().map(|trial| trial.serving.share(self.aws, BTreeMap::new()));
        let results = join_all(back).await;
        results.into_iter().try_for_each(|result| result.map(|_| ()))
    }

    /// Returns the functions with an alias that another client has moved since.
    pub async fn moved(&self) -> Result<Vec<&str>> {
        let has_moved = async |trial: &Trial| {
            let now = Serving::read(self.aws, trial.serving.function(), LIVE_ALIAS).await?;
            Ok::<_, Error>(now.is_none_or(|now| now.version != trial.serving.version || now.shares != trial.serving.shares))
        };
        let moved = try_join_all(self.trials.values().map(has_moved)).await?;
        Ok(self.trials.keys().zip(moved).filter(|(_, moved)| *moved).map(|(logical, _)| logical.as_str()).collect())
    }

    /// Returns the number of requests so far, by Lambda's own metrics, which cover a minute once it is over.
    pub async fn requests(&self) -> Result<Requests> {
        let now = SystemTime::now();
        // A monotonic clock measures the duration.
        let (start, end) = (now - self.began.elapsed() - Duration::from_mins(1), now + Duration::from_mins(1));
        let mut queries = Vec::new();
        for (index, trial) in self.trials.values().enumerate() {
            let function = trial.serving.function();
            let alias = format!("{function}:{LIVE_ALIAS}");
            queries.push(invocations(format!("all{index}"), &[("FunctionName", function)]));
            let version = [("FunctionName", function), ("Resource", alias.as_str()), ("ExecutedVersion", trial.version.as_str())];
            queries.push(invocations(format!("tried{index}"), &version));
        }
        let mut requests = Requests::default();
        let request = || self.aws.cloudwatch.get_metric_data().start_time(DateTime::from(start)).end_time(DateTime::from(end));
        let send = |token| request().set_metric_data_queries(Some(queries.clone())).set_next_token(token).send();
        let take = |page: GetMetricDataOutput| {
            for result in page.metric_data_results() {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
                let sum = result.values().iter().sum::<f64>().max(0.0) as u64;
                let is_all = result.id().is_some_and(|id| id.starts_with("all"));
                *(if is_all { &mut requests.all } else { &mut requests.tried }) += sum;
            }
            Ok(page.next_token)
        };
        self.aws.pages("cloudwatch:GetMetricData", send, take).await?;
        Ok(requests)
    }
}

async fn version(aws: &Aws, function: &str, code_sha256: Option<&str>) -> Result<String> {
    let end = Instant::now() + PUBLISHING;
    loop {
        match publish(aws, function, code_sha256, None).await {
            Err(Error::NotYet { .. }) if Instant::now() < end => tokio::time::sleep(PAUSE).await,
            result => return result,
        }
    }
}

fn invocations(id: String, dimensions: &[(&str, &str)]) -> MetricDataQuery {
    let dimensions = dimensions.iter().map(|(name, value)| Dimension::builder().name(*name).value(*value).build()).collect();
    let metric = Metric::builder().namespace("AWS/Lambda").metric_name("Invocations").set_dimensions(Some(dimensions)).build();
    let stat = MetricStat::builder().metric(metric).period(PERIOD).stat("Sum").build();
    MetricDataQuery::builder().id(id).metric_stat(stat).build()
}
