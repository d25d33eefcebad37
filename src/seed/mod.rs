//! Realistic traffic for a deployed stack, through its public API, with a check that every event was counted.
//!
//! [`plan`] decides everything beforehand, from one number. [`Sender::send`] sends it and fills the ledger. [`Counts::read`]
//! reads the API's counts. Deliberately not here: the display of the results.

mod ledger;
mod pace;
mod plan;
mod random;
mod send;

pub use ledger::{Latency, Ledger};
pub use pace::{allowed, comfortable};
pub use plan::{Batch, Body, Event, Plan, Span, plan};
pub use send::Sender;

use crate::http::{Client, ClientError};
use serde_json::Value;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Counts that the API reports, over whole days in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Start of the first day, in milliseconds since 1970.
    pub from: i64,
    /// Page views since that day began.
    pub views: i64,
    /// Sessions that began since then.
    pub sessions: i64,
}

impl Counts {
    /// Reads the counts since yesterday: events sent now begin within the last 24 hours.
    pub async fn read(client: &Client) -> Result<Self, ClientError> {
        Self::over(client, 2).await
    }

    /// Reads the counts since the same day as `before`, even when a day has ended meanwhile.
    pub async fn read_again(client: &Client, before: Self) -> Result<Self, ClientError> {
        let counts = Self::over(client, 2).await?;
        let days = (counts.from - before.from) / DAY;
        if days == 0 { Ok(counts) } else { Self::over(client, 2 + days).await }
    }

    async fn over(client: &Client, days: i64) -> Result<Self, ClientError> {
        let answer = client.get(&format!("/api/stats?period=day&limit={days}")).await?;
        let number = |pointer: &str| answer.json.pointer(pointer).and_then(Value::as_i64);
        let counts = (|| {
            let (views, sessions) = (number("/data/summary/total_pageviews")?, number("/data/summary/total_sessions")?);
            Some(Self { from: number("/data/from")?, views, sessions })
        })();
        counts.ok_or_else(|| ClientError::Unexpected { what: "GET /api/stats", status: answer.status, said: answer.json.to_string() })
    }
}
