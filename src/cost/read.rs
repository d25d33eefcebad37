//! Reads the values of many metrics from CloudWatch.

use super::{Sample, Series, WINDOW_DAYS, measured::HOUR};
use crate::{aws::Aws, engine::Result};
use aws_sdk_cloudwatch::{
    operation::get_metric_data::GetMetricDataOutput,
    types::{Dimension, Metric, MetricDataQuery, MetricStat},
};
use aws_smithy_types::DateTime;

/// Maximum number of queries in a request ("`GetMetricData`" in the CloudWatch API reference).
const MOST: usize = 500;

/// Reads the last days of each series, by the hour: one request for 500 series, and one more for every 100,800 values. AWS
/// takes $0.01 for a thousand series. `now` is in seconds since 1970. Series that CloudWatch does not return are left out.
pub async fn samples(aws: &Aws, all: Vec<Series>, now: f64) -> Result<Vec<(Series, Vec<Sample>)>> {
    // CloudWatch returns whole hours fastest, and keeps them after two months.
    let until = DateTime::from_secs_f64((now / HOUR).floor() * HOUR + HOUR);
    let from = DateTime::from_secs_f64(until.as_secs_f64() - (WINDOW_DAYS * 24.0 + 1.0) * HOUR);
    let mut found: Vec<Vec<Sample>> = vec![Vec::new(); all.len()];
    for (chunk, first) in all.chunks(MOST).zip((0..).step_by(MOST)) {
        let queries: Vec<MetricDataQuery> = chunk.iter().zip(first..).map(|(series, index)| query(series, index)).collect();
        let request = || aws.cloudwatch.get_metric_data().start_time(from).end_time(until);
        let send = |token| request().set_metric_data_queries(Some(queries.clone())).set_next_token(token).send();
        let take = |page: GetMetricDataOutput| {
            for result in page.metric_data_results() {
                let index = result.id().and_then(|id| id.strip_prefix('s')).and_then(|index| index.parse::<usize>().ok());
                let Some(samples) = index.and_then(|index| found.get_mut(index)) else { continue };
                let values = result.timestamps().iter().zip(result.values());
                samples.extend(values.map(|(at, value)| Sample { at: at.as_secs_f64(), value: *value }));
            }
            Ok(page.next_token)
        };
        aws.pages("cloudwatch:GetMetricData", send, take).await?;
    }
    Ok(all.into_iter().zip(found).collect())
}

fn query(series: &Series, index: usize) -> MetricDataQuery {
    let dimensions = series.dimensions.iter().map(|(name, value)| Dimension::builder().name(*name).value(value).build()).collect();
    let metric = Metric::builder().namespace(series.namespace).metric_name(series.metric).set_dimensions(Some(dimensions)).build();
    #[expect(clippy::cast_possible_truncation, reason = "3,600")]
    let stat = MetricStat::builder().metric(metric).period(HOUR as i32).stat(series.statistic).build();
    // Ids begin with a lower-case letter.
    MetricDataQuery::builder().id(format!("s{index}")).metric_stat(stat).build()
}
