//! One thing that is running: its row on a terminal, and how it is named elsewhere.

use crate::aws::facts::Typical;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// Time between two movements of a row.
const TICK: Duration = Duration::from_millis(120);

/// Work that has begun. Its row goes when it is dropped.
pub(super) struct Running {
    /// `creating dynamodb.table/events`
    doing: String,
    usually: Option<Typical>,
    why: Option<String>,
    since: Instant,
    /// Time of the last report of the resource.
    reported: Instant,
    row: Option<ProgressBar>,
}

impl Running {
    /// Begins now, with a row if there are rows.
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

    /// Takes note of what it waits for, or how far it is; `false` if that is known already.
    pub(super) fn explain(&mut self, why: &str) -> bool {
        let news = self.why.as_deref() != Some(why);
        if news {
            self.why = Some(why.to_owned());
            self.reported = Instant::now();
            self.show();
        }
        news
    }

    /// Returns `true` if nothing was reported for so long, and takes note that something is now.
    pub(super) fn is_due(&mut self, silence: Duration) -> bool {
        let due = self.reported.elapsed() >= silence;
        if due {
            self.reported = Instant::now();
        }
        due
    }

    /// Since when it runs.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// `creating dynamodb.table/events (8 s, waiting for the table to be created (usually 3 to 9 s))`
    pub(super) fn describe(&self) -> String {
        let seconds = self.since.elapsed().as_secs();
        match self.reason() {
            reason if reason.is_empty() => format!("{} ({seconds} s)", self.doing),
            reason => format!("{} ({seconds} s, {reason})", self.doing),
        }
    }

    /// Returns the reason for the wait, and how long it usually takes.
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
