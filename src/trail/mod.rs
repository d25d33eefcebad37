//! Author and time of changes from outside, as far as CloudTrail's event history has them.
//!
//! [`authors`] is the entry point. The history is informative and no source of truth: it shows an event up to 15 minutes late,
//! keeps 90 days, takes two look-ups a second, and filters by one attribute at a time ("Viewing recent management events" in
//! the CloudTrail user guide, "`LookupEvents`" in its API reference). So only differing resources are looked up, few times, and
//! an author not found is not reported.
//!
//! Deliberately not here: the display, and the decision that a resource differs, which the engine's plan makes.

mod event;
mod history;
mod subject;

pub use history::{Answer, authors};
pub use subject::{Subject, subjects};

use serde::Serialize;

/// Author of a change, with the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Author {
    /// ARN of the principal, or CloudTrail's other name for it.
    pub who: String,
    /// Operation, such as `cloudwatch:PutMetricAlarm`.
    pub operation: String,
    /// Time of the change, such as `2026-11-22T22:01:33Z`.
    pub at: String,
    /// Tool, if it is known: `console`, `aws-cli`, `Terraform`, …
    pub via: Option<String>,
    /// Time in seconds since 1970.
    #[serde(skip)]
    pub seconds: i64,
}
