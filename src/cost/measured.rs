//! Metrics that measure the stack's usage, and their projection to a month.
//!
//! The metrics are AWS's own, by the hour, and have gaps. Alarms are counted as declared, requests to the bucket have no
//! metrics unless paid for, and CloudFront keeps its metrics in us-east-1 only.

use super::{
    GB, Inventory, Item, MONTH_DAYS, MONTH_HOURS, Usage,
    assumed::{METRICS_A_METHOD, fixed, kept},
};
use crate::{
    aws::{Aws, facts::Billable},
    engine::Entry,
    resources::{Distribution, DistributionOutput, LogGroup, LogGroupOutput, Stored, Table},
    stack::Stack,
};

/// Days of metrics to read.
pub const WINDOW_DAYS: f64 = MONTH_DAYS;
/// Minimum hours of metrics for a projection to a month.
pub const LEAST_HOURS: f64 = 6.0;
/// Seconds in an hour, the period of each value.
pub(super) const HOUR: f64 = 3_600.0;

/// Metric, with its conversion to billed items.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Namespace, such as `AWS/Lambda`.
    pub namespace: &'static str,
    /// Metric name, such as `Invocations`.
    pub metric: &'static str,
    /// Dimensions of the series.
    pub dimensions: Vec<(&'static str, String)>,
    /// `Sum`, `Average` or `SampleCount`.
    pub statistic: &'static str,
    /// Aggregation of the values.
    counts: Counts,
    /// Billed items, and the amount of each per unit of the metric.
    items: Vec<(Item, f64)>,
}

/// Aggregation of a series of values to one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// Sum of the values.
    Added,
    /// Latest value.
    Last,
    /// Number of hours with a value.
    Hours,
}

/// Value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Start of the hour, in seconds since 1970.
    pub at: f64,
    /// Value of the hour.
    pub value: f64,
}

/// Measured usage of a stack.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Projected usage of a month at the measured rate.
    pub usage: Usage,
    /// Number of days with samples.
    pub days: f64,
}

/// Returns the series of declared and existing resources. `entries` were observed. The series of a distribution are in
/// us-east-1 alone.
pub fn series<'a>(entries: impl IntoIterator<Item = &'a Entry<Aws>>, stack: &Stack, there: &Inventory, region: &str) -> Vec<Series> {
    let mut all = Vec::new();
    let mut api = None;
    let mut methods = Vec::new();
    for entry in entries {
        let Some(billable) = there.billable(&entry.id) else { continue };
        let name = || entry.name.clone();
        match billable {
            Billable::Function { memory, arm } => {
                let of = [("FunctionName", name())];
                let compute = if arm { Item::ComputeArm } else { Item::ComputeX86 };
                all.push(Series::added("AWS/Lambda", "Invocations", &of, &[(Item::Invocations, 1.0)]));
                // The metric is in milliseconds.
                all.push(Series::added("AWS/Lambda", "Duration", &of, &[(compute, memory / 1_000.0)]));
            }
            Billable::Table { infrequent, .. } => all.extend(of_table(&name(), stack, entry.id.name(), infrequent)),
            Billable::Api => api = Some(name()),
            Billable::Method => methods.push(entry.id.name().to_owned()),
            Billable::Logs { days } => {
                let Some(LogGroupOutput { name: group }) = entry.output::<LogGroup>() else { continue };
                let items = [(Item::LogsIngested, 1.0 / GB), (Item::LogsStored, kept(1.0, days) / GB)];
                all.push(Series::added("AWS/Logs", "IncomingBytes", &[("LogGroupName", group)], &items));
            }
            Billable::Bucket => {
                let of = [("BucketName", name()), ("StorageType", "StandardStorage".to_owned())];
                let mut size = Series::added("AWS/S3", "BucketSizeBytes", &of, &[(Item::ObjectStorage, 1.0 / GB)]);
                (size.statistic, size.counts) = ("Average", Counts::Last);
                all.push(size);
            }
            Billable::Distribution if region == super::REGION => {
                let Some(DistributionOutput { id, .. }) = entry.output::<Distribution>() else { continue };
                let of = [("DistributionId", id), ("Region", "Global".to_owned())];
                all.push(Series::added("AWS/CloudFront", "Requests", &of, &[(Item::CdnRequests, 1.0)]));
                all.push(Series::added("AWS/CloudFront", "BytesDownloaded", &of, &[(Item::CdnData, 1.0 / GB)]));
            }
            Billable::Distribution | Billable::Alarm | Billable::Stage { .. } => {}
        }
    }
    if let Some(api) = api {
        let of = [("ApiName", api.clone()), ("Stage", stack.environment.clone())];
        all.push(Series::added("AWS/ApiGateway", "Count", &of, &[(Item::ApiRequests, 1.0)]));
        if there.has_method_metrics() {
            all.extend(methods.iter().filter_map(|route| of_method(route, &of)));
        }
    }
    all
}

/// Returns the table's own units and those of each global index, which CloudWatch counts separately. Units of local indexes are the table's.
fn of_table(physical: &str, stack: &Stack, name: &str, infrequent: bool) -> Vec<Series> {
    let table = ("TableName", physical.to_owned());
    let indexes = stack.tables.get(name).into_iter().flat_map(|table| table.indexes.keys());
    let of_indexes = indexes.map(|index| vec![table.clone(), ("GlobalSecondaryIndexName", index.clone())]);
    let units = [("ConsumedWriteCapacityUnits", Item::writes(infrequent)), ("ConsumedReadCapacityUnits", Item::reads(infrequent))];
    std::iter::once(vec![table.clone()])
        .chain(of_indexes)
        .flat_map(|of| units.map(|(metric, item)| Series::added("AWS/DynamoDB", metric, &of, &[(item, 1.0)])))
        .collect()
}

/// Returns the series of a method's requests for a route such as `POST /api/events`: its metrics are billed for the hours with
/// requests.
fn of_method(route: &str, stage: &[(&'static str, String)]) -> Option<Series> {
    let (method, path) = route.split_once(' ')?;
    let of = [stage, &[("Method", method.to_owned()), ("Resource", path.to_owned())]].concat();
    let mut hours = Series::added("AWS/ApiGateway", "Count", &of, &[(Item::Metrics, METRICS_A_METHOD / MONTH_HOURS)]);
    (hours.statistic, hours.counts) = ("SampleCount", Counts::Hours);
    Some(hours)
}

impl Series {
    fn added(namespace: &'static str, metric: &'static str, of: &[(&'static str, String)], items: &[(Item, f64)]) -> Self {
        Self { namespace, metric, dimensions: of.to_vec(), statistic: "Sum", counts: Counts::Added, items: items.to_vec() }
    }
}

/// Computes the usage of a month from the samples of each series. `now` is in seconds since 1970.
///
/// Only non-negative numbers within the window count, so a clock change does not distort the bill. `Err` has the number of
/// hours with samples, if those are too few.
pub fn measured(there: &Inventory, series: &[(Series, Vec<Sample>)], now: f64) -> Result<Measured, f64> {
    let window = WINDOW_DAYS * 24.0 * HOUR;
    let counts = |sample: &&Sample| {
        // The current hour is incomplete and belongs to the window as well.
        let is_in_window = sample.at > now - window - HOUR && sample.at <= now;
        sample.value.is_finite() && sample.value >= 0.0 && sample.at.is_finite() && is_in_window
    };
    let moving = series.iter().filter(|(series, _)| series.counts == Counts::Added);
    let first = moving.flat_map(|(_, samples)| samples.iter().filter(counts)).map(|sample| sample.at).fold(now, f64::min);
    let hours = ((now - first).min(window)) / HOUR;
    if hours < LEAST_HOURS {
        return Err(hours);
    }
    let times = MONTH_HOURS / hours;
    let mut usage = Usage::default();
    for (series, samples) in series {
        let values = samples.iter().filter(counts);
        let amount = match series.counts {
            Counts::Added => values.map(|sample| sample.value).sum::<f64>() * times,
            Counts::Last => values.max_by(|a, b| a.at.total_cmp(&b.at)).map_or(0.0, |sample| sample.value),
            Counts::Hours => values.filter(|sample| sample.value > 0.0).map(|_| 1.0).sum::<f64>() * times,
        };
        for (item, each) in &series.items {
            usage.add(*item, amount * each, format!("{} {}", series.namespace, series.metric));
        }
    }
    fixed(&mut usage, there);
    Ok(Measured { usage, days: hours / 24.0 })
}

impl Measured {
    /// Adds the stored bytes of a table, which no metric measures and the table's description contains.
    pub fn add_stored(&mut self, there: &Inventory, table: &str, stored: &Stored) {
        let Some(Billable::Table { recovery, infrequent }) = there.get::<Table>(table) else { return };
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let gigabytes = |bytes: i64| bytes.max(0) as f64 / GB;
        let from = "size of the table";
        self.usage.add(Item::storage(infrequent), gigabytes(stored.table) + gigabytes(stored.indexes), from);
        if recovery {
            self.usage.add(Item::TableRecovery, gigabytes(stored.table), from);
        }
    }
}

#[cfg(test)]
mod tests;
