//! One page of a log group, as CloudWatch Logs answers it.

use crate::{
    aws::{Aws, Optional, ServiceClock},
    engine::Result,
};
use aws_smithy_types::DateTime;
use std::time::SystemTime;

/// Question for a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    /// The log group's name.
    pub group: &'a str,
    /// The earliest time, in milliseconds since 1970; lines at that very time are included.
    pub from: i64,
    /// Continuation that the page before named.
    pub token: Option<&'a str>,
}

/// A line as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedLine {
    /// CloudWatch's identifier of the line; the local AWS gives none.
    pub id: Option<String>,
    /// The log stream: one per running copy of a function.
    pub stream: String,
    /// In milliseconds since 1970. Not unique: a function writes many lines in one.
    pub at: i64,
    /// Without the newline at its end.
    pub text: String,
}

/// Part of an answer. May be empty although more follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of their times.
    pub lines: Vec<RecordedLine>,
    /// Continuation of this page; `None` on the last.
    pub next: Option<String>,
    /// Time of the answer, by the service's clock, in milliseconds since 1970; to the second.
    pub now: i64,
    /// By how many milliseconds that clock is ahead of this machine's.
    pub ahead: i64,
    /// Set if the answer was cut without a continuation. CloudWatch never does that; the local AWS does.
    pub cut: bool,
}

/// Source of pages.
#[expect(async_fn_in_trait, reason = "nothing here is ever sent to another thread")]
pub trait Read {
    /// Reads a page; `None` when there is no such group.
    async fn page(&self, query: Query<'_>) -> Result<Option<Page>>;
}

/// Operation that reads lines.
pub(super) const FILTER: &str = "logs:FilterLogEvents";

/// Most lines in a page ("`FilterLogEvents`" in the CloudWatch Logs API reference).
const MOST_LINES: usize = 10_000;

impl Read for Aws {
    async fn page(&self, query: Query<'_>) -> Result<Option<Page>> {
        let clock = ServiceClock::default();
        let send = || {
            let request = self.logs.filter_log_events().log_group_name(query.group).start_time(query.from);
            request.set_next_token(query.token.map(str::to_owned)).customize().interceptor(clock.clone()).send()
        };
        let Some(answer) = self.read(FILTER, send).await.optional()? else { return Ok(None) };
        let lines: Vec<RecordedLine> = answer
            .events()
            .iter()
            .map(|event| RecordedLine {
                id: event.event_id().map(str::to_owned),
                stream: event.log_stream_name().unwrap_or_default().to_owned(),
                at: event.timestamp().unwrap_or_default(),
                text: event.message().unwrap_or_default().trim_end_matches(['\n', '\r']).to_owned(),
            })
            .collect();
        let next = answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        let cut = next.is_none() && lines.len() >= MOST_LINES;
        let now = clock.now().to_millis().unwrap_or_default();
        let here = DateTime::from(SystemTime::now()).to_millis().unwrap_or_default();
        Ok(Some(Page { lines, next, now, ahead: now - here, cut }))
    }
}
