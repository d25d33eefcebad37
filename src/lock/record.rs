//! Content of a lock, and its interpretation by other runs.

use aws_smithy_types::{DateTime, date_time::Format};
use serde::{Deserialize, Serialize, Serializer};
use std::time::Duration;

/// Longest plausible lease, in seconds. A lock that claims more was not written by this program.
const LONGEST_LEASE: f64 = 3600.0;
/// Maximum length of displayed text from a lock, in characters.
const LONGEST_TEXT: usize = 200;

/// Content of the lock's object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Random identifier of the run.
    pub(super) nonce: String,
    /// Holder: the address of a CI job, or `user@host`.
    pub(super) holder: String,
    /// Command that holds the lock, such as `up`.
    pub(super) command: String,
    /// Duration of the lease in seconds, from the last write.
    pub(super) lease_seconds: f64,
    /// Time at which the lock was taken, by the service's clock. `None` until the first renewal; until then the object's own
    /// time is that time.
    #[serde(default)]
    pub(super) taken_at: Option<String>,
    /// Number of renewals, which makes the content of every object unique.
    #[serde(default)]
    pub(super) renewals: u64,
}

impl Record {
    pub(super) fn new(command: &str, holder: &str, lease: Duration) -> Self {
        Self {
            nonce: format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)),
            holder: holder.to_owned(),
            command: command.to_owned(),
            lease_seconds: lease.as_secs_f64(),
            taken_at: None,
            renewals: 0,
        }
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers serialise")
    }

    /// Parses the content; `None` if it is malformed.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(bytes).ok()?;
        let sensible = record.lease_seconds > 0.0 && record.lease_seconds <= LONGEST_LEASE && !record.nonce.is_empty();
        sensible.then(|| Self { holder: printable(&record.holder), command: printable(&record.command), ..record })
    }
}

/// Snapshot of a lock that was read. All times are the service's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Held {
    /// Holder and command; `None` if the object is malformed.
    #[serde(flatten)]
    pub by: Option<By>,
    /// Time at which the lock was taken; for a malformed object, the time of its writing.
    #[serde(serialize_with = "show_time")]
    pub since: DateTime,
    /// Time at which the lock expires unless it is renewed.
    #[serde(serialize_with = "show_time")]
    pub expires: DateTime,
    #[serde(skip)]
    now: DateTime,
    #[serde(skip)]
    nonce: String,
}

/// Holder of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct By {
    /// Address of a CI job, or `user@host`.
    pub holder: String,
    /// Command, such as `up`.
    pub command: String,
}

impl Held {
    pub(super) fn new(record: Option<&Record>, written: DateTime, now: DateTime) -> Self {
        let taken_at = record.and_then(|record| DateTime::from_str(record.taken_at.as_ref()?, Format::DateTime).ok());
        let lease = record.map_or(super::LEASE.as_secs_f64(), |record| record.lease_seconds);
        Self {
            by: record.map(|record| By { holder: record.holder.clone(), command: record.command.clone() }),
            since: taken_at.unwrap_or(written),
            expires: DateTime::from_secs_f64(written.as_secs_f64() + lease),
            now,
            nonce: record.map(|record| record.nonce.clone()).unwrap_or_default(),
        }
    }

    /// Returns the remaining duration of the lease when it was read.
    pub fn left(&self) -> Duration {
        Duration::try_from_secs_f64(self.expires.as_secs_f64() - self.now.as_secs_f64()).unwrap_or_default()
    }

    /// Returns true if the lease had expired.
    pub fn has_expired(&self) -> bool {
        self.left().is_zero()
    }

    /// Returns true if the same run holds both.
    pub fn is_same_run(&self, other: &Self) -> bool {
        self.nonce == other.nonce
    }
}

/// Formats a time as `2026-11-22T23:59:03Z`.
pub fn time(at: DateTime) -> String {
    // Only years beyond 9999 have no such form.
    at.fmt(Format::DateTime).unwrap_or_else(|_| at.secs().to_string())
}

fn show_time<S: Serializer>(at: &DateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time(*at))
}

/// Removes terminal control characters and excess length, because any client may have written the text.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_TEXT).collect()
}
