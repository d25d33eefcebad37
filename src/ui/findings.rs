//! Findings of `doctor`: one line each, with the next step.

use super::{
    fit::Columns,
    style::{BAD, CHANGED, GOOD, paint},
};
use crate::error::CliError;
use serde::Serialize;

/// Result of a check.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    what: &'static str,
    ok: bool,
    /// Set for a problem that is imminent, or a check that could not run. The finding is `ok` all the same.
    warning: bool,
    /// Description of the finding or the mistake.
    detail: String,
    /// Next steps, most useful first.
    next: Vec<String>,
}

impl Finding {
    /// Creates a finding from the result of a check.
    pub fn of<E: Into<CliError>>(what: &'static str, result: Result<String, E>) -> Self {
        match result {
            Ok(detail) => Self { what, ok: true, warning: false, detail, next: Vec::new() },
            Err(error) => {
                let error = error.into();
                Self { what, ok: false, warning: false, detail: error.message, next: error.hints }
            }
        }
    }

    /// Creates a warning: `up` works all the same, but the user should know.
    pub fn warning(what: &'static str, detail: impl Into<String>, next: Option<String>) -> Self {
        Self { what, ok: true, warning: true, detail: detail.into(), next: next.into_iter().collect() }
    }

    /// Returns true if nothing prevents `up`.
    pub fn ok(&self) -> bool {
        self.ok
    }
}

/// Formats a line for each finding, and a line with the counts.
pub fn findings_text(findings: &[Finding], columns: Columns) -> String {
    let width = findings.iter().map(|finding| finding.what.len()).max().unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    for Finding { what, ok, warning, detail, next } in findings {
        let state = match (ok, warning) {
            (false, _) => paint(BAD, "missing"),
            (true, true) => paint(CHANGED, "warning"),
            (true, false) => paint(GOOD, "ok     "),
        };
        let indent = width + 11;
        let blanks = " ".repeat(indent);
        let text = |text: &str| {
            let lines = text.trim_end().split('\n').map(|line| columns.wrap(line, indent, indent));
            lines.collect::<Vec<_>>().join(&format!("\n{blanks}"))
        };
        lines.push(format!("{state}  {what:width$}  {}", text(detail)));
        lines.extend(next.iter().map(|next| format!("{blanks}{}", text(next))));
    }
    let missing = findings.iter().filter(|finding| !finding.ok).count();
    lines.push(if missing == 0 { "nothing is missing".to_owned() } else { format!("{missing} of {} missing", findings.len()) });
    lines.join("\n")
}

/// Formats `{"ok":false,"findings":[{"what":…,"ok":…,"warning":…,"detail":…,"next":[…]}]}`.
pub fn findings_json(findings: &[Finding]) -> String {
    serde_json::json!({ "ok": findings.iter().all(Finding::ok), "findings": findings }).to_string()
}
