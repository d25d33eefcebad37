//! Log line of every request. It contains nothing about the visitor.
//!
//! The line is one JSON object. Numbers that no metric of AWS covers (Lambda, the API and the tables have their own) are marked
//! as metrics in CloudWatch's embedded metric format, which creates them without any call. A metric costs by the month, so only
//! numbers other than 0 are marked. A missing value adds up like a 0, and an installation without refused events has no metric
//! of refused events.

use crate::http::Facts;
use crate::time::Millis;
use serde_json::{Value, json};

/// Namespace of the metrics in CloudWatch.
pub const NAMESPACE: &str = "liveinsight";

/// Answered request, for its log line.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// Name of the function: the metrics' only dimension, which distinguishes projects and environments.
    pub function: &'a str,
    /// Route: `events`, `realtime` or `stats`.
    pub route: &'a str,
    /// Status code of the answer.
    pub status: u16,
    /// Time of the answer.
    pub at: Millis,
    /// Duration in milliseconds.
    pub milliseconds: u64,
    /// Facts about the request.
    pub facts: Facts,
}

/// Formats the line, without a newline.
pub fn line(answered: &Answered<'_>) -> String {
    let Answered { function, route, status, at, milliseconds, facts } = *answered;
    let numbers = [
        ("events", facts.events),
        ("rejected", facts.rejected),
        ("ignored", facts.ignored),
        ("duplicates", usize::from(facts.duplicate)),
        ("lost_increments", facts.lost_increments),
    ];
    let mut line = json!({"function": function, "route": route, "status": status, "milliseconds": milliseconds});
    for (name, number) in numbers {
        line[name] = json!(number);
    }
    let metrics: Vec<Value> =
        numbers.iter().filter(|(_, number)| *number > 0).map(|(name, _)| json!({"Name": name, "Unit": "Count"})).collect();
    if !metrics.is_empty() {
        let directive = json!([{"Namespace": NAMESPACE, "Dimensions": [["function"]], "Metrics": metrics}]);
        line["_aws"] = json!({"Timestamp": at, "CloudWatchMetrics": directive});
    }
    line.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(facts: Facts) -> Value {
        let answered =
            Answered { function: "liveinsight-event-collector-dev", route: "events", status: 200, at: 7, milliseconds: 12, facts };
        serde_json::from_str(&line(&answered)).unwrap()
    }

    #[test]
    fn metrics_are_members_of_the_line_as_the_format_wants() {
        let line = said(Facts { events: 3, rejected: 1, duplicate: true, ..Facts::default() });
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&line["_aws"]["Timestamp"], &directive["Namespace"]), (&json!(7), &json!("liveinsight")));
        // "CloudWatch embedded metric format specification": dimensions and metrics name members of the root.
        assert!(line[directive["Dimensions"][0][0].as_str().unwrap()].is_string());
        let metrics: Vec<&str> = directive["Metrics"].as_array().unwrap().iter().map(|metric| metric["Name"].as_str().unwrap()).collect();
        assert_eq!(metrics, ["events", "rejected", "duplicates"]);
        assert!(metrics.iter().all(|name| line[*name].is_u64()), "{line}");
    }

    #[test]
    fn what_is_nothing_costs_no_metric() {
        let line = said(Facts::default());
        assert!(line.get("_aws").is_none() && line["events"] == 0 && line["status"] == 200, "{line}");
    }
}
