//! Figures about the requests to a proxy: the number of calls of each kind, and the length of their longest chain.

use crate::proxy::Entry;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Instant};

/// Returns the length of the longest chain of requests, each of which arrived after the one before it was answered. With a latency that outlasts
/// all else, this is the number of times that the client waited for AWS. Where answers take longer than the latency, requests that could have
/// been made at once look like a chain. The result is therefore never less than the client's real waits.
pub fn rounds(log: &[Entry]) -> usize {
    let mut spans: Vec<(Instant, Instant)> = log.iter().map(|entry| (entry.ended, entry.began)).collect();
    spans.sort_unstable();
    let mut rounds = 0;
    let mut last = None;
    for (ended, began) in spans {
        if last.is_none_or(|last| began > last) {
            rounds += 1;
            last = Some(ended);
        }
    }
    rounds
}

/// Returns the number of throttled requests by the limit that they exceeded.
pub fn throttles(log: &[Entry]) -> BTreeMap<String, usize> {
    let mut throttles = BTreeMap::new();
    for limit in log.iter().filter_map(|entry| entry.note.strip_prefix("limit ")) {
        *throttles.entry(limit.to_owned()).or_default() += 1;
    }
    throttles
}

/// Returns all figures as one object: `calls`, `reads`, `writes`, `acting` (calls from the first write on), `rounds`, `throttles` by limit,
/// `failed` (answers other than success, throttled ones included, and requests without an answer), `operations` (calls by `service:Operation`).
pub fn report(log: &[Entry]) -> Value {
    let writes = log.iter().filter(|entry| entry.write).count();
    let failed = log.iter().filter(|entry| !(200..400).contains(&entry.status)).count();
    let mut operations = BTreeMap::<&str, usize>::new();
    for entry in log {
        *operations.entry(&entry.operation).or_default() += 1;
    }
    let looking = log.iter().position(|entry| entry.write).unwrap_or(log.len());
    json!({
        "calls": log.len(),
        "acting": log.len() - looking,
        "reads": log.len() - writes,
        "writes": writes,
        "rounds": rounds(log),
        "throttles": throttles(log),
        "failed": failed,
        "operations": operations,
    })
}

#[cfg(test)]
mod tests {
    use super::report;
    use crate::proxy::Entry;
    use serde_json::json;
    use std::time::{Duration, Instant};

    #[test]
    fn what_was_asked_at_once_is_one_round() {
        let start = Instant::now();
        let entry = |operation: &str, write, status, began, ended| Entry {
            operation: operation.to_owned(),
            resource: String::new(),
            write,
            status,
            note: if status == 429 { "limit lambda".to_owned() } else { String::new() },
            began: start + Duration::from_millis(began),
            ended: start + Duration::from_millis(ended),
        };
        // Two at once, one after the first of them, one after all.
        let log = [
            entry("lambda:GetFunction", false, 404, 0, 10),
            entry("iam:GetRole", false, 200, 1, 12),
            entry("lambda:CreateFunction", true, 429, 11, 20),
            entry("lambda:CreateFunction", true, 201, 21, 30),
        ];
        let expected = json!({
            "calls": 4, "acting": 2, "reads": 2, "writes": 2, "rounds": 3, "throttles": {"lambda": 1}, "failed": 2,
            "operations": {"iam:GetRole": 1, "lambda:CreateFunction": 2, "lambda:GetFunction": 1},
        });
        assert_eq!(report(&log), expected);
    }
}
