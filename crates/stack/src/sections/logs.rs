//! `logs`: settings of all log groups.

use super::StackFile;
use crate::diagnostic::Problem;
use crate::problems::{Problems, below};
use schemars::JsonSchema;
use serde::Deserialize;

/// Default retention of logs, in days.
const DEFAULT_RETENTION_DAYS: u32 = 7;

/// Settings of all log groups.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogsFile {
    /// Retention of log events in days. Default: 7.
    #[schemars(extend("enum" = RETENTION_DAYS))]
    pub retention_days: Option<u32>,
}

/// Settings of all log groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logs {
    /// Retention in days, a number that `CloudWatch` Logs allows.
    pub retention_days: u32,
}

/// The numbers of days `CloudWatch` Logs keeps logs (API reference, `PutRetentionPolicy`).
pub const RETENTION_DAYS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

impl LogsFile {
    pub(crate) fn resolve(&self, overrides: &Self) -> Logs {
        Logs { retention_days: overrides.retention_days.or(self.retention_days).unwrap_or(DEFAULT_RETENTION_DAYS) }
    }
}

/// Checks the settings in all environments.
pub(crate) fn check(file: &StackFile, problems: &mut Problems) {
    logs(&file.logs, &["logs"], problems);
    for (name, overrides) in file.overrides() {
        logs(&overrides.logs, &["environments", name, "logs"], problems);
    }
}

fn logs(logs: &LogsFile, path: &[&str], problems: &mut Problems) {
    let Some(days) = logs.retention_days.filter(|days| !RETENTION_DAYS.contains(days)) else {
        return;
    };
    let nearest = RETENTION_DAYS.iter().min_by_key(|known| known.abs_diff(days)).map_or(7, |known| *known);
    let list: Vec<String> = RETENTION_DAYS.iter().map(u32::to_string).collect();
    let problem = Problem::new(format!("CloudWatch cannot keep logs for {days} days"));
    problems.value(
        &below(path, &["retention_days"]),
        problem.expected(format!("expected {nearest}, the nearest")).help(format!("possible are {}", list.join(", "))),
    );
}
