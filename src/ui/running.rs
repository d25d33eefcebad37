//! Running work: its row on a terminal, and its description elsewhere.

use crate::aws::facts::Typical;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// Time between two movements of a row.
const TICK: Duration = Duration::from_millis(120);

/// Work that has begun. Dropping it removes its row.
pub(super) struct Running {
    /// Description, such as `creating dynamodb.table/events`.
    doing: String,
    usually: Option<Typical>,
    why: Option<String>,
    since: Instant,
    /// Time of the last report of the resource.
    reported: Instant,
    row: Option<ProgressBar>,
}

impl Running {
    /// Starts now, with a row if there are rows.
    pub(super) fn new(doing: String, usually: Option<Typical>, rows: Option<&MultiProgress>) -> Self {
        let row = rows.map(|rows| {
            let row = rows.add(ProgressBar::new_spinner().with_style(style()).with_prefix(doing.clone()));
            row.enable_steady_tick(TICK);
            row
        });
        let running = Self { doing, usually, why: None, since: Instant::now(), reported: Instant::now(), row };
        running.show();
        running
    }

    /// Sets the reason for its wait, or its progress; returns false if it is already known.
    pub(super) fn explain(&mut self, why: &str) -> bool {
        let news = self.why.as_deref() != Some(why);
        if news {
            self.why = Some(why.to_owned());
            self.reported = Instant::now();
            self.show();
        }
        news
    }

    /// Returns true if the last report is at least `silence` ago, and records a new one.
    pub(super) fn is_due(&mut self, silence: Duration) -> bool {
        let due = self.reported.elapsed() >= silence;
        if due {
            self.reported = Instant::now();
        }
        due
    }

    /// Returns the time at which it started.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Formats `creating dynamodb.table/events (8 s, waiting for the table to be created (usually 3 to 9 s))`.
    pub(super) fn describe(&self) -> String {
        let seconds = self.since.elapsed().as_secs();
        match self.reason() {
            reason if reason.is_empty() => format!("{} ({seconds} s)", self.doing),
            reason => format!("{} ({seconds} s, {reason})", self.doing),
        }
    }

    /// Returns the reason for the wait, with its usual duration.
    fn reason(&self) -> String {
        match (&self.why, self.usually) {
            (Some(why), Some(usually)) if !why.contains("usually") => format!("{why} (usually {usually})"),
            (Some(why), _) => why.clone(),
            (None, Some(usually)) => format!("usually {usually}"),
            (None, None) => String::new(),
        }
    }

    fn show(&self) {
        if let Some(row) = &self.row {
            row.set_message(self.reason());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(row) = &self.row {
            row.finish_and_clear();
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}
