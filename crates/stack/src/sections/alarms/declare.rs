//! Alarms on metrics of functions, the API and tables.

use super::{Alarm, Statistic, Watches};
use crate::sections::Declaring;
use std::collections::BTreeMap;

/// Declares all alarms.
pub(crate) fn declare(declaring: &mut Declaring<'_>) {
    for (name, alarm) in &declaring.stack.alarms.rules {
        declaring.alarm(name, alarm);
    }
}

impl Declaring<'_> {
    fn alarm(&mut self, name: &str, alarm: &Alarm) {
        let physical = self.names.alarm(name);
        let (namespace, metric, dimensions) = self.watched(&alarm.watches);
        let statistic = match alarm.statistic {
            Statistic::Sum => "Sum".to_owned(),
            Statistic::Average => "Average".to_owned(),
            Statistic::Maximum => "Maximum".to_owned(),
            Statistic::Percentile(percentile) => format!("p{percentile}"),
        };
        self.graph.add(
            name,
            resources::Alarm {
                family: self.names.alarm_family(),
                description: format!("{metric} of {}", dimensions.values().cloned().collect::<Vec<_>>().join(" ")),
                namespace: namespace.to_owned(),
                metric: metric.to_owned(),
                dimensions,
                statistic,
                period: i32::try_from(alarm.period).unwrap_or(i32::MAX),
                evaluation_periods: i32::try_from(alarm.periods).unwrap_or(i32::MAX),
                threshold: alarm.threshold,
                comparison: "GreaterThanOrEqualToThreshold".to_owned(),
                // A period without requests is fine.
                missing_data: "notBreaching".to_owned(),
                actions: self.stack.alarms.notify.iter().cloned().collect(),
                actions_enabled: true,
                tags: self.tags(&physical),
                name: physical,
            },
        );
    }

    /// Returns namespace, metric and dimensions, in CloudWatch's terms.
    fn watched(&self, watches: &Watches) -> (&'static str, &'static str, BTreeMap<String, String>) {
        let dimension = |key: &str, value: String| (key.to_owned(), value);
        match watches {
            Watches::Function { name, metric } => {
                ("AWS/Lambda", metric.in_cloudwatch, [dimension("FunctionName", self.names.function(name))].into())
            }
            Watches::Api { metric } => {
                let dimensions = [dimension("ApiName", self.names.api()), dimension("Stage", self.names.stage())];
                ("AWS/ApiGateway", metric.in_cloudwatch, dimensions.into())
            }
            Watches::Table { name, metric } => {
                ("AWS/DynamoDB", metric.in_cloudwatch, [dimension("TableName", self.names.table(name))].into())
            }
        }
    }
}
