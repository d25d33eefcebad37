//! Ledger of requests and answers, for comparison with the API's counts.

use super::Counts;
use super::plan::{Batch, Body};
use crate::http::Answer;
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};

/// Ledger of a run.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// Requests sent, repetitions included.
    pub sent: usize,
    /// Valid events sent, without repetitions.
    pub events: usize,
    /// Batches that the API accepted.
    pub accepted: usize,
    /// Repetitions that the API recognised.
    pub duplicates: usize,
    /// Invalid requests that the API refused.
    pub rejected: usize,
    /// Batches of bots that the API dropped.
    pub dropped: usize,
    /// Requests that were sent again because of 429, 503 or a lost answer.
    pub retries: usize,
    /// Answers of 429: the API's limits are lower than the rate.
    pub throttled: usize,
    /// Page views that have to be counted.
    pub views: i64,
    /// Numbers of the sessions that have to be counted.
    pub sessions: BTreeSet<usize>,
    /// Descriptions of the first few wrong answers.
    pub wrong: Vec<String>,
    /// Number of wrong answers.
    pub failed: usize,
    /// Latency of each answer from the moment its request was due, in milliseconds.
    latencies: Vec<u64>,
}

/// Latency percentiles of the answers, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Latency {
    /// Half of the answers took at most this.
    pub p50: u64,
    /// 95 % of the answers took at most this.
    pub p95: u64,
    /// 99 % of the answers took at most this.
    pub p99: u64,
}

/// Maximum number of wrong answers to describe.
const KEPT: usize = 3;

impl Ledger {
    /// Records the answer to the first delivery of a batch. `unclear` means that an earlier attempt may have arrived.
    pub fn first(&mut self, batch: &Batch, answer: &Answer, unclear: bool) {
        let Body::Events(events) = &batch.body else {
            if answer.status == 400 {
                self.rejected += 1;
            } else {
                self.complain(batch, answer);
            }
            return;
        };
        let processed = answer.json.pointer("/data/processed_events").and_then(Value::as_u64);
        let duplicate = answer.json.pointer("/data/duplicate").and_then(Value::as_bool);
        match (answer.status, processed, duplicate) {
            // The API may drop bots, with a polite answer.
            (200, Some(0), _) => self.dropped += 1,
            (200, Some(count), Some(duplicate)) if count == events.len() as u64 && (!duplicate || unclear) => {
                self.accepted += 1;
                self.views += batch.views();
                self.sessions.insert(batch.session);
            }
            _ => self.complain(batch, answer),
        }
    }

    /// Records the answer to the second delivery of a batch.
    pub fn again(&mut self, batch: &Batch, answer: &Answer) {
        let is = |pointer: &str| answer.json.pointer(pointer);
        let dropped = is("/data/processed_events").and_then(Value::as_u64) == Some(0);
        let known = is("/data/duplicate").and_then(Value::as_bool) == Some(true);
        if answer.status == 200 && (known || dropped) { self.duplicates += 1 } else { self.complain(batch, answer) }
    }

    /// Records the latency of an answer.
    pub fn took(&mut self, time: Duration) {
        self.latencies.push(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }

    /// Records a wrong answer.
    pub fn fail(&mut self, what: String) {
        self.failed += 1;
        if self.wrong.len() < KEPT {
            self.wrong.push(what);
        }
    }

    /// Returns true if the API counted exactly the expected numbers.
    pub fn reconcile(&self, before: Counts, after: Counts) -> bool {
        self.failed == 0 && self.difference(before, after) == (0, 0)
    }

    /// Returns counted less expected numbers: (views, sessions).
    pub fn difference(&self, before: Counts, after: Counts) -> (i64, i64) {
        let sessions = i64::try_from(self.sessions.len()).unwrap_or(i64::MAX);
        (after.views - before.views - self.views, after.sessions - before.sessions - sessions)
    }

    /// Returns the latency percentiles; `None` without answers.
    pub fn latency(&self) -> Option<Latency> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Latency { p50: at(50)?, p95: at(95)?, p99: at(99)? })
    }

    fn complain(&mut self, batch: &Batch, answer: &Answer) {
        let wanted = match &batch.body {
            Body::Events(events) => format!("a batch of {} events", events.len()),
            Body::Nonsense(text) => format!("the nonsense {text}"),
        };
        self.fail(format!("{wanted} was answered {}: {}", answer.status, answer.json));
    }
}

#[cfg(test)]
mod tests {
    use super::{Latency, Ledger};
    use crate::{
        http::Answer,
        seed::{Batch, Body, Counts, Event},
    };
    use serde_json::json;
    use std::time::Duration;

    fn batch() -> Batch {
        let event = Event { at: 0, kind: "page_view", url: String::new(), referrer: String::new() };
        Batch { at: 0, session: 7, agent: "", country: "", body: Body::Events(vec![event]), twice: true }
    }

    fn answer(status: u16, processed: u64, duplicate: bool) -> Answer {
        let json = json!({"status": "success", "data": {"processed_events": processed, "duplicate": duplicate}});
        Answer { status, json, ..Answer::default() }
    }

    fn counts(views: i64, sessions: i64) -> Counts {
        Counts { from: 0, views, sessions }
    }

    #[test]
    fn what_is_accepted_has_to_be_counted_once() {
        let mut ledger = Ledger::default();
        ledger.first(&batch(), &answer(200, 1, false), false);
        ledger.again(&batch(), &answer(200, 1, true));
        assert_eq!((ledger.accepted, ledger.duplicates, ledger.views), (1, 1, 1));
        assert!(ledger.reconcile(counts(5, 2), counts(6, 3)));
        assert_eq!(ledger.difference(counts(5, 2), counts(7, 3)), (1, 0));
        assert!(!ledger.reconcile(counts(5, 2), counts(5, 3)));
    }

    #[test]
    fn a_duplicate_is_right_only_if_the_batch_may_have_arrived_before() {
        let mut ledger = Ledger::default();
        ledger.first(&batch(), &answer(200, 1, true), true);
        assert_eq!((ledger.accepted, ledger.failed), (1, 0));
        ledger.first(&batch(), &answer(200, 1, true), false);
        assert_eq!((ledger.accepted, ledger.failed), (1, 1));
        assert!(!ledger.reconcile(counts(0, 0), counts(1, 1)), "a wrong answer is no reconciliation");
    }

    #[test]
    fn dropped_bots_are_not_expected_and_nonsense_has_to_be_refused() {
        let mut ledger = Ledger::default();
        ledger.first(&batch(), &answer(200, 0, false), false);
        let nonsense = Batch { body: Body::Nonsense("[]"), ..batch() };
        ledger.first(&nonsense, &answer(400, 0, false), false);
        assert_eq!((ledger.dropped, ledger.rejected, ledger.failed), (1, 1, 0));
        assert!(ledger.reconcile(counts(3, 3), counts(3, 3)));
        ledger.first(&nonsense, &answer(200, 1, false), false);
        assert_eq!(ledger.failed, 1);
    }

    #[test]
    fn percentiles() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.latency(), None);
        (1..=200).rev().for_each(|time| ledger.took(Duration::from_millis(time)));
        assert_eq!(ledger.latency(), Some(Latency { p50: 100, p95: 190, p99: 198 }));
    }
}
