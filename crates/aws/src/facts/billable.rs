//! Billed parts of resources.

use serde_json::Value;

/// Billed part of a resource, with the fields that its price depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Billable {
    /// An alarm on one metric.
    Alarm,
    /// A table.
    Table {
        /// Set if point-in-time recovery is billed.
        recovery: bool,
    },
    /// A function.
    Function {
        /// In GB, as it is billed.
        memory: f64,
        /// Set if the function runs on Graviton.
        arm: bool,
    },
    /// A REST API.
    Api,
    /// Method of an API.
    Method,
    /// Stage of an API.
    Stage {
        /// Set if metrics of methods are billed.
        metrics: bool,
    },
    /// A log group.
    Logs {
        /// Days for which lines are kept; a year, if for ever.
        days: f64,
    },
    /// A bucket.
    Bucket,
    /// A distribution.
    Distribution,
}

impl Billable {
    /// Takes over the value of a field, if its price depends on it; without a value, AWS's default.
    pub fn set(&mut self, field: &str, value: Option<&Value>) {
        match (self, field) {
            (Self::Table { recovery }, "point_in_time_recovery") => *recovery = value.and_then(Value::as_bool).unwrap_or(false),
            (Self::Function { memory, .. }, "memory") => *memory = value.and_then(Value::as_f64).unwrap_or(128.0) / 1_024.0,
            (Self::Function { arm, .. }, "architecture") => *arm = value.and_then(Value::as_str) != Some("x86_64"),
            (Self::Stage { metrics }, "metrics") => *metrics = value.and_then(Value::as_bool).unwrap_or(false),
            (Self::Logs { days }, "retention_days") => *days = value.and_then(Value::as_f64).unwrap_or(FOR_EVER),
            _ => {}
        }
    }

    /// Returns whether a resource comes and goes by itself, and not with another one that stands for it.
    pub fn stands_alone(&self) -> bool {
        !matches!(self, Self::Method | Self::Stage { .. } | Self::Logs { .. })
    }

    /// Returns its kind in the singular: `alarm`.
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

/// Days of logs that are there after a year without an end, to which they are compared.
pub const FOR_EVER: f64 = 365.0;
