//! Results of `seed`: requests sent, and the stack's counts.

use super::{
    json,
    style::{BAD, GOOD, paint},
};
use crate::seed::{Counts, Latency, Ledger};
use serde::Serialize;
use std::fmt::Write;

/// Result of `seed`, as text and as one JSON document.
#[derive(Debug, Clone, Serialize)]
pub struct SeedReport {
    sent: usize,
    events: usize,
    accepted: usize,
    duplicates: usize,
    rejected: usize,
    dropped: usize,
    retries: usize,
    throttled: usize,
    failed: usize,
    /// Latency percentiles in milliseconds.
    latency: Option<Latency>,
    views: Pair,
    sessions: Pair,
    reconciled: bool,
    #[serde(skip)]
    wrong: Vec<String>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Pair {
    sent: i64,
    counted: i64,
}

impl SeedReport {
    /// Compares the ledger with the counts before and after.
    pub fn new(ledger: &Ledger, before: Counts, after: Counts) -> Self {
        let (views, sessions) = ledger.difference(before, after);
        let pair = |difference: i64, counted: i64| Pair { sent: counted - difference, counted };
        Self {
            sent: ledger.sent,
            events: ledger.events,
            accepted: ledger.accepted,
            duplicates: ledger.duplicates,
            rejected: ledger.rejected,
            dropped: ledger.dropped,
            retries: ledger.retries,
            throttled: ledger.throttled,
            failed: ledger.failed,
            latency: ledger.latency(),
            views: pair(views, after.views - before.views),
            sessions: pair(sessions, after.sessions - before.sessions),
            reconciled: ledger.reconcile(before, after),
            wrong: ledger.wrong.clone(),
        }
    }

    /// Returns true if every event was counted once.
    pub fn reconciled(&self) -> bool {
        self.reconciled
    }

    /// Formats a few lines.
    pub fn text(&self) -> String {
        let Self { sent, events, accepted, duplicates, rejected, dropped, retries, failed, .. } = self;
        let mut out =
            format!("requests  {sent} sent with {events} events: {accepted} accepted, {duplicates} duplicate, {rejected} rejected");
        for (count, word) in [(dropped, "dropped as bots'"), (retries, "sent again"), (failed, "answered wrongly")] {
            if *count > 0 {
                // Writing to a String cannot fail.
                let _ = write!(out, ", {count} {word}");
            }
        }
        if let Some(Latency { p50, p95, p99 }) = self.latency {
            let _ = write!(out, "\nlatency   p50 {p50} ms, p95 {p95} ms, p99 {p99} ms");
            if self.throttled > 0 {
                let _ = write!(
                    out,
                    ", waits after {} answers of 429 included: api.throttle and REQUESTS_PER_MINUTE are the limits",
                    self.throttled
                );
            }
        }
        for (name, Pair { sent, counted }) in [("views   ", self.views), ("sessions", self.sessions)] {
            let sign = if sent == counted { paint(GOOD, "=") } else { paint(BAD, "≠") };
            let _ = write!(out, "\n{name}  sent {sent} {sign} counted {counted}");
        }
        for wrong in &self.wrong {
            let _ = write!(out, "\n{} {wrong}", paint(BAD, "!"));
        }
        out
    }

    /// Formats the result as a line of JSON.
    pub fn json(&self) -> String {
        json::line(self)
    }
}
