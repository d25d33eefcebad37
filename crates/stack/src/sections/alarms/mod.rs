//! `alarms`: alarms on metrics, and the topic that they notify.

mod check;
mod declare;
mod metric;
mod rule;

pub use metric::{API_METRICS, FUNCTION_METRICS, Metric, TABLE_METRICS, Unit};

pub(crate) use check::check;
pub(crate) use declare::declare;

use super::empty_is_default;
use crate::values::{Seconds, Threshold};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Alarms on metrics, and the SNS topic that they notify.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmsFile {
    /// ARN of an SNS topic to notify of every change of an alarm's state. Default: alarms are only shown.
    pub notify: Option<String>,
    /// Alarms by name. Each alarm watches exactly one of function, api and table.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub rules: BTreeMap<String, RuleFile>,
}

/// Overrides for the alarms in one environment.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmsOverride {
    /// ARN of an SNS topic to notify of every change of an alarm's state.
    pub notify: Option<String>,
}

/// An alarm, which fires when the metric reaches the threshold within a period.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// Function to watch; `metric` is errors, duration, throttles, invocations or concurrency.
    pub function: Option<String>,
    /// Metric of the API to watch: 4xx, 5xx, latency, integration_latency or requests.
    pub api: Option<String>,
    /// Table to watch; `metric` is read_throttles, write_throttles, consumed_read_units, consumed_write_units, failed_conditions or
    /// transaction_conflicts.
    pub table: Option<String>,
    /// Metric of the function or the table to watch.
    pub metric: Option<String>,
    /// Value at which the alarm fires: a number of times (5), a share of the requests (10%) or a time (25s, 800ms).
    pub threshold: Threshold,
    /// Percentile of the times in a period that counts, 1 to 99: with 90, one request in ten takes longer. Only for duration, latency and
    /// integration_latency. Default: the longest time counts.
    #[schemars(range(min = 1, max = 99))]
    pub percentile: Option<u32>,
    /// Length of a period in whole minutes, such as 5m (the default).
    pub period: Option<Seconds>,
    /// Number of consecutive periods that have to reach the threshold. Default: 1.
    #[schemars(range(min = 1))]
    pub periods: Option<u32>,
}

/// Alarms, and the topic that they notify.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Alarms {
    /// ARN of the SNS topic to notify.
    pub notify: Option<String>,
    /// Alarms by logical name.
    pub rules: BTreeMap<String, Alarm>,
}

/// Alarm that fires when the statistic over a period reaches the threshold (`>=`), `periods` times in a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// Metric that it watches.
    pub watches: Watches,
    /// Threshold in `CloudWatch`'s unit for the metric and statistic: a count, milliseconds, or a share between 0 and 1.
    pub threshold: f64,
    /// Function that reduces the values of a period to one.
    pub statistic: Statistic,
    /// The length of a period in seconds, a multiple of 60.
    pub period: u32,
    /// Number of consecutive periods that must reach it, at least 1.
    pub periods: u32,
}

/// The metric of an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watches {
    /// Metric of a function.
    Function {
        /// The function's logical name.
        name: String,
        /// Metric of the function.
        metric: &'static Metric,
    },
    /// Metric of the API's stage.
    Api {
        /// Metric of the stage.
        metric: &'static Metric,
    },
    /// Metric of a table.
    Table {
        /// The table's logical name.
        name: String,
        /// Metric of the table.
        metric: &'static Metric,
    },
}

/// Function that reduces the values of a period to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// Sum of all values.
    Sum,
    /// Average, which is a share: errors are reported as 0 or 1 per request.
    Average,
    /// Highest value of the period.
    Maximum,
    /// Value that this share of all values, in percent, does not exceed.
    Percentile(u32),
}

impl AlarmsFile {
    pub(crate) fn resolve(&self, overrides: &AlarmsOverride) -> Alarms {
        Alarms {
            notify: overrides.notify.as_ref().or(self.notify.as_ref()).cloned(),
            rules: self.rules.iter().filter_map(|(name, rule)| Some((name.clone(), rule::parse(rule).ok()?))).collect(),
        }
    }
}
