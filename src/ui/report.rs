//! Result of a run: the summary, the failures, and the resources that depend on those.

use super::fit::{Columns, shorten};
use crate::{
    aws::Tally,
    engine::{Action, Class, Error, Id, Removal, Report},
    error::{CliError, Exit, hint_for, is_about_credentials},
    timings::Achieved,
};
use serde::Serialize;
use std::{collections::BTreeSet, fmt::Write};

/// Last event of `up` and `down`, and the last line of text.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename = "summary")]
pub struct Summary {
    created: usize,
    updated: usize,
    replaced: usize,
    deleted: usize,
    unchanged: usize,
    /// Number of resources that failed, or were not attempted because of a failure.
    failed: usize,
    /// Seconds from the start of the run, to a tenth.
    seconds: f64,
    /// Number of requests to AWS, retries included.
    aws_calls: u64,
    /// Number of calls that may have changed something.
    aws_writes: u64,
    /// Length of the critical path in seconds, and the duration of the work divided by it; to a hundredth. None if nothing was
    /// done.
    #[serde(skip_serializing_if = "Option::is_none")]
    critical_path_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    critical_path_ratio: Option<f64>,
    /// Longest wait, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    longest_wait: Option<LongestWait>,
    #[serde(skip)]
    interrupted: bool,
}

#[derive(Debug, Clone, Serialize)]
struct LongestWait {
    /// Resource that waited; `None` if it was no single one.
    id: Option<Id>,
    why: String,
    seconds: f64,
}

impl Summary {
    /// Counts the results of a run. `unchanged` resources were observed and left alone.
    pub fn new(report: &Report, unchanged: usize, seconds: f64, calls: &Tally) -> Self {
        Self {
            created: report.count(Action::Create),
            updated: report.count(Action::Update),
            replaced: report.count(Action::Replace),
            deleted: report.count(Action::Delete),
            unchanged,
            failed: report.failed.len() + report.behind.len(),
            seconds: (seconds * 10.0).round() / 10.0,
            aws_calls: calls.requests(),
            aws_writes: calls.writes(),
            critical_path_seconds: None,
            critical_path_ratio: None,
            longest_wait: None,
            interrupted: report.failed.values().any(|error| matches!(error, Error::Interrupted)),
        }
    }

    /// Adds the critical path.
    #[must_use]
    pub fn timed(self, achieved: Option<&Achieved>) -> Self {
        let Some(achieved) = achieved else { return self };
        let longest_wait = achieved.longest_wait.as_ref().map(|wait| LongestWait {
            id: wait.id.clone(),
            why: wait.why.clone(),
            seconds: hundredths(wait.span.seconds()),
        });
        let (path, ratio) = (hundredths(achieved.path_seconds()), hundredths(achieved.ratio()));
        Self { critical_path_seconds: Some(path), critical_path_ratio: Some(ratio), longest_wait, ..self }
    }

    /// Updates the number of calls: releasing the lock is one of them.
    pub fn count_calls(&mut self, calls: &Tally) {
        (self.aws_calls, self.aws_writes) = (calls.requests(), calls.writes());
    }

    /// Returns the number of resources that were written or removed.
    pub fn changes(&self) -> usize {
        self.created + self.updated + self.replaced + self.deleted
    }

    /// Formats `59 created, 2 unchanged in 12.3 s with 142 AWS calls, 80 of them writes`, without zero counts.
    pub fn text(&self) -> String {
        let counts = [
            (self.created, "created"),
            (self.updated, "updated"),
            (self.replaced, "replaced"),
            (self.deleted, "deleted"),
            (self.failed, if self.interrupted { "not done" } else { "failed" }),
            (self.unchanged, "unchanged"),
        ];
        let counts: Vec<String> = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        let counts = if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") };
        format!("{counts} in {:.1} s with {} AWS calls, {} of them writes", self.seconds, self.aws_calls, self.aws_writes)
    }

    /// Formats the event as one line of JSON.
    pub fn json(&self) -> String {
        super::json::line(self)
    }
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Returns the error of a run that did not complete its work; `None` if it did.
pub fn failures(report: &Report) -> Option<CliError> {
    if report.complete() {
        return None;
    }
    let (stopped, failed): (Vec<_>, Vec<_>) = report.failed.iter().partition(|(_, error)| matches!(error, Error::Interrupted));
    let open = report.failed.len() + report.behind.len();
    if let Some((id, error)) = failed.iter().find(|(_, error)| error.class() == Some(Class::Expired)) {
        // Other failures may be a consequence, which ends when the credentials are renewed.
        let done = super::resources(report.done.len());
        let message = format!("the credentials expired: {done} done, {open} not. First refused:\n  {id}: {error}");
        return Some(CliError { exit: Exit::Credentials, message, hints: hint_for(error).into_iter().collect(), mistakes: Vec::new() });
    }
    let again = "the same command again goes on from here".to_owned();
    let mut message = match (stopped.is_empty(), failed.len()) {
        (true, count) => format!("{} failed", super::resources(count)),
        (false, _) => format!("{} done, {open} not", super::resources(report.done.len())),
    };
    let mut hints = BTreeSet::new();
    for (id, error) in &failed {
        // Writing to a String cannot fail.
        let _ = write!(message, "\n  {id}: {error}");
        if let Some(behind) = behind(report, id) {
            let _ = write!(message, "\n    behind it, not attempted: {behind}");
        }
        hints.extend(hint_for(error));
    }
    let exit = if !stopped.is_empty() {
        Exit::Interrupted
    } else if report.done.is_empty() && failed.iter().all(|(_, error)| is_about_credentials(error)) {
        Exit::Credentials
    } else {
        Exit::Partial
    };
    Some(CliError { exit, message, hints: hints.into_iter().chain([again]).collect(), mistakes: Vec::new() })
}

/// Returns the resources that were not attempted because this one failed.
fn behind(report: &Report, root: &Id) -> Option<String> {
    let ids: Vec<&str> = report.behind.iter().filter(|(_, behind)| *behind == root).map(|(id, _)| id.as_str()).collect();
    (!ids.is_empty()).then(|| ids.join(", "))
}

/// Formats the resources that `down` will remove, if `named`, and those that stay.
pub fn removal_text(removal: &Removal, named: bool, columns: Columns) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    for id in removal.leaving.iter().filter(|_| named) {
        let _ = writeln!(out, "- {}", shorten(id.as_str(), columns.beside(2)));
    }
    for id in &removal.kept {
        let _ = writeln!(out, "  {}", columns.wrap(&format!("{id} stays, with its data"), 2, 4));
    }
    for (id, whose) in &removal.foreign {
        let _ = writeln!(out, "  {}", columns.wrap(&format!("{id} stays, it is not this stack's ({whose})"), 2, 4));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = write!(out, "{} to delete", removal.leaving.len());
    for (count, word) in [(removal.kept.len(), "kept"), (removal.foreign.len(), "not this stack's")] {
        if count > 0 {
            let _ = write!(out, ", {count} {word}");
        }
    }
    out
}

/// Returns the refusal of a removal that the service would stop half-way; `None` if nothing prevents it.
pub fn protected(removal: &Removal) -> Option<CliError> {
    let lines: Vec<String> = removal.protected.iter().map(|(id, protection)| format!("\n  {id}: {protection}")).collect();
    (!lines.is_empty()).then(|| CliError::failed(format!("refused, and nothing was deleted:{}", lines.concat())))
}

#[cfg(test)]
mod tests {
    use super::{Summary, Tally, failures};
    use crate::{
        engine::{Action, Class, Error, Refusal, Report},
        error::Exit,
    };

    #[test]
    fn the_summary_has_the_documented_shape() {
        let summary = Summary::new(&Report::default(), 59, 3.12, &Tally::default());
        let expected = r#"{"event":"summary","created":0,"updated":0,"replaced":0,"deleted":0,"unchanged":59,"failed":0,"seconds":3.1,"aws_calls":0,"aws_writes":0}"#;
        assert_eq!(summary.json(), expected);
        assert_eq!(summary.text(), "59 unchanged in 3.1 s with 0 AWS calls, 0 of them writes");
    }

    #[test]
    fn a_run_that_did_something_is_put_beside_its_critical_path() {
        use crate::{
            engine::Id,
            resources::Table,
            timings::{Achieved, Link, Span, Wait},
        };
        let id = Id::new::<Table>("events");
        let (span, why) = (Span { begin: 0.5, end: 8.004 }, "the table to be created".to_owned());
        let wait = Wait { id: Some(id.clone()), why, span, queued: false };
        let achieved = Achieved { seconds: 9.0, path: vec![Link { id, span, own: 8.0 }], longest_wait: Some(wait) };
        let summary = Summary::new(&Report::default(), 0, 10.0, &Tally::default()).timed(Some(&achieved)).json();
        let expected = r#""critical_path_seconds":8.0,"critical_path_ratio":1.13,"longest_wait":{"id":"dynamodb.table/events","why":"the table to be created","seconds":7.5}}"#;
        assert!(summary.ends_with(expected), "{summary}");
    }

    #[test]
    fn a_complete_report_is_no_failure() {
        assert_eq!(failures(&Report::default()), None);
    }

    #[test]
    fn failures_are_listed_with_what_hangs_behind_them() {
        use crate::{engine::Id, resources::Role};
        let (role, follower) = (Id::new::<Role>("collector"), Id::new::<Role>("follower"));
        let refusal = Refusal {
            class: Class::Quota,
            operation: "iam:CreateRole".to_owned(),
            code: "LimitExceeded".to_owned(),
            message: "no more roles".to_owned(),
            request_id: None,
        };
        let mut report = Report::default();
        report.failed.insert(role.clone(), Error::Failed(Box::new(refusal)));
        report.behind.insert(follower, role);
        let error = failures(&report).unwrap();
        assert_eq!(error.exit, Exit::Partial);
        let expected = "1 resource failed\n  iam.role/collector: iam:CreateRole: LimitExceeded: no more roles\n    \
                        behind it, not attempted: iam.role/follower";
        assert_eq!(error.message, expected);
        assert_eq!(error.hints.len(), 2);
    }

    #[test]
    fn expired_credentials_are_one_message_whatever_else_was_stopped() {
        use crate::{engine::Id, resources::Role};
        let refusal = |operation: &str| Refusal {
            class: Class::Expired,
            operation: operation.to_owned(),
            code: "ExpiredToken".to_owned(),
            message: "The security token included in the request is expired".to_owned(),
            request_id: None,
        };
        let mut report = Report::default();
        report.done.insert(Id::new::<Role>("done"), Action::Create);
        report.failed.insert(Id::new::<Role>("a"), Error::Failed(Box::new(refusal("iam:CreateRole"))));
        report.failed.insert(Id::new::<Role>("b"), Error::Failed(Box::new(refusal("iam:TagRole"))));
        report.failed.insert(Id::new::<Role>("c"), Error::Interrupted);
        let error = failures(&report).unwrap();
        assert_eq!(error.exit, Exit::Credentials);
        let expected = "the credentials expired: 1 resource done, 3 not. First refused:\n  \
                        iam.role/a: iam:CreateRole: ExpiredToken: The security token included in the request is expired";
        assert_eq!(error.message, expected);
        assert!(error.hints[0].starts_with("renew the credentials"), "{:?}", error.hints);
    }

    #[test]
    fn an_interruption_ends_with_130() {
        use crate::{engine::Id, resources::Role};
        let mut report = Report::default();
        report.failed.insert(Id::new::<Role>("collector"), Error::Interrupted);
        assert_eq!(failures(&report).unwrap().exit, Exit::Interrupted);
    }
}
