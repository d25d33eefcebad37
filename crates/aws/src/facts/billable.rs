//! Billed parts of resources.

use serde_json::Value;

/// Billed part of a resource, with the fields that its price depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Billable {
    /// Alarm on one metric.
    Alarm,
    /// Table of `DynamoDB`.
    Table {
        /// Set if point-in-time recovery is billed.
        recovery: bool,
        /// Set if the table has the class for infrequent access, with prices of its own.
        infrequent: bool,
    },
    /// Lambda function, with its memory and architecture.
    Function {
        /// Memory in GB, the unit of the bill.
        memory: f64,
        /// Set if the function runs on Graviton.
        arm: bool,
    },
    /// REST API of API Gateway.
    Api,
    /// Method of an API.
    Method,
    /// Stage of an API.
    Stage {
        /// Set if metrics of methods are billed.
        metrics: bool,
    },
    /// Log group, with the retention of its lines.
    Logs {
        /// Retention of lines in days; [`FOR_EVER`] without an end.
        days: f64,
    },
    /// Bucket of S3.
    Bucket,
    /// Distribution of CloudFront.
    Distribution,
}

impl Billable {
    /// Sets the value of a field, if the price depends on it. Without a value, AWS's default applies.
    pub fn set(&mut self, field: &str, value: Option<&Value>) {
        match (self, field) {
            (Self::Table { infrequent, .. }, "class") => *infrequent = value.and_then(Value::as_str) == Some("STANDARD_INFREQUENT_ACCESS"),
            (Self::Table { recovery, .. }, "point_in_time_recovery") => *recovery = value.and_then(Value::as_bool).unwrap_or(false),
            (Self::Function { memory, .. }, "memory") => *memory = value.and_then(Value::as_f64).unwrap_or(128.0) / 1_024.0,
            (Self::Function { arm, .. }, "architecture") => *arm = value.and_then(Value::as_str) != Some("x86_64"),
            (Self::Stage { metrics }, "metrics") => *metrics = value.and_then(Value::as_bool).unwrap_or(false),
            (Self::Logs { days }, "retention_days") => *days = value.and_then(Value::as_f64).unwrap_or(FOR_EVER),
            _ => {}
        }
    }

    /// Returns whether the resource counts on its own, and not as part of another one.
    pub fn stands_alone(&self) -> bool {
        !matches!(self, Self::Method | Self::Stage { .. } | Self::Logs { .. })
    }

    /// Returns the name of the billed part in the singular: `alarm`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Table { .. } => "table",
            Self::Function { .. } => "function",
            Self::Api => "API",
            Self::Method => "method",
            Self::Stage { .. } => "stage",
            Self::Logs { .. } => "log group",
            Self::Bucket => "bucket",
            Self::Distribution => "distribution",
        }
    }
}

/// Days of logs assumed for a retention without an end: those of the first year.
pub const FOR_EVER: f64 = 365.0;
