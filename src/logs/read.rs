//! One page of a log group, as CloudWatch Logs returns it.

use crate::{
    aws::{Aws, Optional, ServiceClock},
    engine::Result,
};
use aws_smithy_types::DateTime;
use std::time::SystemTime;

/// Request for a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    /// Name of the log group.
    pub group: &'a str,
    /// Earliest time, in milliseconds since 1970, inclusive.
    pub from: i64,
    /// Continuation token of the previous page.
    pub token: Option<&'a str>,
}

/// Line as CloudWatch stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedLine {
    /// CloudWatch's identifier of the line; the local AWS has none.
    pub id: Option<String>,
    /// Log stream: one per running copy of a function.
    pub stream: String,
    /// Time in milliseconds since 1970. Not unique: a function writes many lines in one.
    pub at: i64,
    /// Text without the trailing newline.
    pub text: String,
}

/// Page of lines. May be empty although more follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Lines in order of time.
    pub lines: Vec<RecordedLine>,
    /// Continuation token; `None` on the last page.
    pub next: Option<String>,
    /// Time of the answer by the service's clock, in milliseconds since 1970, with a resolution of one second.
    pub now: i64,
    /// Milliseconds by which that clock is ahead of this machine's.
    pub ahead: i64,
    /// Set if the answer was cut without a continuation token. The local AWS does that, CloudWatch never.
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

/// Maximum number of lines in a page ("`FilterLogEvents`" in the CloudWatch Logs API reference).
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
