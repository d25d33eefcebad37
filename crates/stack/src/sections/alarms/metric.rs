//! Metrics that an alarm can watch. A new one is a line here, and its name in the descriptions of `RuleFile`.

/// Metric of a function, of the API or of a table.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Name in stack.yaml: `errors`.
    pub name: &'static str,
    /// Name in `CloudWatch`: `Errors`.
    pub in_cloudwatch: &'static str,
    /// Unit of its values.
    pub unit: Unit,
}

/// Unit of a metric's values, which decides the valid forms of a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Number of occurrences; the sum over a period counts.
    Count,
    /// Number at a moment; the highest in a period counts.
    Level,
    /// Milliseconds; the longest in a period counts.
    Milliseconds,
    /// Requests with the property, each counted as 1: a number of requests (the sum counts), or a share of all (the average counts).
    Requests,
}

const fn metric(name: &'static str, in_cloudwatch: &'static str, unit: Unit) -> Metric {
    Metric { name, in_cloudwatch, unit }
}

/// Metrics of functions ("Types of metrics for Lambda functions").
pub const FUNCTION_METRICS: &[Metric] = &[
    metric("errors", "Errors", Unit::Count),
    metric("duration", "Duration", Unit::Milliseconds),
    metric("throttles", "Throttles", Unit::Count),
    metric("invocations", "Invocations", Unit::Count),
    metric("concurrency", "ConcurrentExecutions", Unit::Level),
];

/// Metrics of the API's stage ("Amazon API Gateway dimensions and metrics").
pub const API_METRICS: &[Metric] = &[
    metric("4xx", "4XXError", Unit::Requests),
    metric("5xx", "5XXError", Unit::Requests),
    metric("latency", "Latency", Unit::Milliseconds),
    metric("integration_latency", "IntegrationLatency", Unit::Milliseconds),
    metric("requests", "Count", Unit::Count),
];

/// Metrics of tables ("`DynamoDB` metrics and dimensions").
pub const TABLE_METRICS: &[Metric] = &[
    metric("read_throttles", "ReadThrottleEvents", Unit::Count),
    metric("write_throttles", "WriteThrottleEvents", Unit::Count),
    metric("consumed_read_units", "ConsumedReadCapacityUnits", Unit::Count),
    metric("consumed_write_units", "ConsumedWriteCapacityUnits", Unit::Count),
    metric("failed_conditions", "ConditionalCheckFailedRequests", Unit::Count),
    metric("transaction_conflicts", "TransactionConflict", Unit::Count),
];

/// Returns the names of metrics in stack.yaml.
pub(crate) fn names(metrics: &'static [Metric]) -> impl Iterator<Item = &'static str> {
    metrics.iter().map(|metric| metric.name)
}

#[cfg(test)]
mod tests {
    use super::{API_METRICS, FUNCTION_METRICS, TABLE_METRICS, names};

    #[test]
    fn the_schema_describes_each_metric() {
        let schema = crate::schema().to_string();
        for name in [FUNCTION_METRICS, API_METRICS, TABLE_METRICS].into_iter().flat_map(names) {
            assert!(schema.contains(name), "no description of RuleFile names {name}");
        }
    }
}
