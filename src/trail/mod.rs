//! Who changed a resource from outside, and when, as far as CloudTrail's event history tells it.
//!
//! [`authors`] is the way in. The history is a help and not a source of truth: it shows an event up to 15 minutes late, keeps 90 days, takes
//! two look-ups a second, and answers for one attribute at a time ("Viewing recent management events" in the CloudTrail user guide,
//! "`LookupEvents`" in its API reference). So only what differs is looked up, few times, and what is not found is not told.
//!
//! Deliberately not here: how it is shown, and whether a resource differs (the engine's plan says).

mod event;
mod history;
mod subject;

pub use history::{Answer, authors};
pub use subject::{Subject, subjects};

use serde::Serialize;

/// Author of a change, with the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Author {
    /// The principal's ARN, or what else CloudTrail calls it.
    pub who: String,
    /// `cloudwatch:PutMetricAlarm`
    pub operation: String,
    /// `2026-11-22T22:01:33Z`
    pub at: String,
    /// Tool, if it is known: `console`, `aws-cli`, `Terraform`, …
    pub via: Option<String>,
    /// Time in seconds since 1970.
    #[serde(skip)]
    pub seconds: i64,
}
