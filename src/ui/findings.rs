//! What `doctor` found: one line each, with the next step.

use super::{
    fit::Columns,
    style::{BAD, CHANGED, GOOD, paint},
};
use crate::error::CliError;
use serde::Serialize;

/// Something that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    what: &'static str,
    ok: bool,
    /// Set if it will be trouble soon, or could not be found out. The finding is `ok` all the same.
    warning: bool,
    /// Finding, or the mistake.
    detail: String,
    /// Next steps, most useful first.
    next: Vec<String>,
}

impl Finding {
    /// A finding from what looking brought.
    pub fn of<E: Into<CliError>>(what: &'static str, result: Result<String, E>) -> Self {
        match result {
            Ok(detail) => Self { what, ok: true, warning: false, detail, next: Vec::new() },
            Err(error) => {
                let error = error.into();
                Self { what, ok: false, warning: false, detail: error.message, next: error.hints }
            }
        }
    }

    /// Something that `up` can do with, and that somebody should know.
    pub fn warning(what: &'static str, detail: impl Into<String>, next: Option<String>) -> Self {
        Self { what, ok: true, warning: true, detail: detail.into(), next: next.into_iter().collect() }
    }

    /// Returns whether this is as `up` needs it.
    pub fn ok(&self) -> bool {
        self.ok
    }
}

/// A line for each, and a line that counts.
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

/// `{"ok":false,"findings":[{"what":…,"ok":…,"warning":…,"detail":…,"next":[…]}]}`
pub fn findings_json(findings: &[Finding]) -> String {
    serde_json::json!({ "ok": findings.iter().all(Finding::ok), "findings": findings }).to_string()
}
