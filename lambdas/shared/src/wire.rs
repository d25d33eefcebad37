//! The answers' shapes, as `docs/api.md` describes them. Requests are read field by field in [`crate::batch`].

use crate::time::Millis;
use serde::Serialize;
use std::collections::BTreeMap;

/// The answer to a batch of events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Received {
    /// Events of the batch that were right, whether this delivery counted them or an earlier one did.
    pub processed_events: usize,
    /// The others.
    pub rejected: Vec<Rejected>,
    /// Set if an earlier delivery of the same batch was counted already.
    pub duplicate: bool,
    /// Set if a session was made or changed.
    pub session_updated: bool,
    /// Set if a session was made.
    pub new_session: bool,
    /// Events that were right but are not kept: the sender is a program, or asks not to be tracked.
    pub ignored: usize,
    /// Proves in later batches that the session is the sender's, if the installation asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// An event that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Its place in `events`, from 0.
    pub index: usize,
    /// The field and what it has to be.
    pub reason: String,
}

/// State of the site now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Realtime {
    /// Sessions that sent something within the last 30 minutes.
    pub active_users: i64,
    /// Sessions by the page they were last on, if that was within the last 5 to 10 minutes; the 50 fullest.
    pub current_pages: BTreeMap<String, i64>,
    /// Events that arrived within the last 5 minutes.
    pub events_last_5min: i64,
    /// Time of the reading.
    pub timestamp: Millis,
    /// The last 30 minutes, oldest first; the last of them is still running.
    pub minutes: Vec<Minute>,
    /// Sources of the sessions that began since `sources_from`.
    pub referrers: Vec<Share>,
    /// Their countries, as CloudFront names them (ISO 3166, two letters).
    pub countries: Vec<Share>,
    /// Their classes of device.
    pub devices: Vec<Share>,
    /// The start of the hour before the running one, but not before midnight.
    pub sources_from: Millis,
    /// The latest events, newest first: a sample with the last event on each page of the last 5 to 10 minutes.
    pub feed: Vec<FeedEvent>,
}

/// Event of [`Realtime::feed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedEvent {
    /// The server's time.
    pub t: Millis,
    /// `page_view`, `click` and so on.
    pub event_type: String,
    /// Path of the page.
    pub path: String,
    /// Two letters, null if it is not known.
    pub country: Option<String>,
}

/// Minute of [`Realtime::minutes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Minute {
    /// Its start.
    pub t: Millis,
    /// Sessions that sent something in it.
    pub users: i64,
    /// Sessions that sent nothing since: each session is active in one minute only, so these add up over any minutes.
    pub active: i64,
    /// Page views in it.
    pub views: i64,
}

/// Sums over hours or days.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// Visitors by hour or day. Named by the first agreement, also when the buckets are days.
    pub hourly_visitors: Buckets,
    /// The ten pages with the most views.
    pub top_pages: Vec<TopPage>,
    /// Sums over the whole window.
    pub summary: Summary,
    /// Share of the window's sessions with fewer than two page views, 0 to 1; null without sessions.
    pub bounce_rate: Option<f64>,
    /// Sources of the window's sessions.
    pub referrers: Vec<Share>,
    /// Their countries, as CloudFront names them (ISO 3166, two letters).
    pub countries: Vec<Share>,
    /// Their classes of device.
    pub devices: Vec<Share>,
    /// Beginning of `top_pages`, `referrers`, `countries` and `devices`: lists are kept for a week, sums for longer.
    pub lists_from: Millis,
    /// The window's start.
    pub from: Millis,
    /// Time of the reading, which is also the window's end.
    pub timestamp: Millis,
    /// The sums of the window's complete hours, to be compared with `previous`.
    pub complete: Comparable,
    /// The sums of as many hours one window earlier.
    pub previous: Comparable,
}

/// Values of equally long spans of time, oldest first; the last of them is still running.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Buckets {
    /// `21:00` for hours, `2026-11-22` for days, in UTC.
    pub labels: Vec<String>,
    /// Visitors that sent something in the span, each counted once.
    pub data: Vec<i64>,
    /// Numbers of as many spans one window earlier, all of them complete.
    pub previous: Vec<i64>,
    /// Page views in the span.
    pub views: Vec<i64>,
    /// Sessions that began in the span.
    pub sessions: Vec<i64>,
    /// Share of those sessions with fewer than two page views, 0 to 1; null without sessions.
    pub bounce_rates: Vec<Option<f64>>,
    /// Seconds that a visitor was engaged in those sessions, on average; null without sessions.
    pub engaged: Vec<Option<f64>>,
    /// The spans' starts, for labels in local time.
    pub times: Vec<Millis>,
}

/// A page and its views.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopPage {
    /// Its path; `(other)` gathers what exceeded 1,000 distinct paths in an hour.
    pub url: String,
    /// Its page views.
    pub views: i64,
    /// Its share of all page views since `lists_from`, 0 to 100, with one decimal.
    pub percentage: f64,
}

/// Sums of a window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Sessions that began in the window.
    pub total_sessions: i64,
    /// Page views in the window.
    pub total_pageviews: i64,
    /// Seconds between the beginning and the last sign of life of those sessions, on average; null without sessions.
    pub avg_session_duration: Option<f64>,
    /// Seconds that a visitor was engaged in those sessions, on average; null without sessions.
    pub avg_engaged_time: Option<f64>,
    /// Visitors, those of several days counted on each; null for hours, whose visitors cannot be added up.
    pub total_visitors: Option<i64>,
}

/// Sums of two windows' complete hours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparable {
    /// The sums.
    #[serde(flatten)]
    pub summary: Summary,
    /// As [`Stats::bounce_rate`].
    pub bounce_rate: Option<f64>,
}

/// A name and the sessions it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Host, country or class.
    pub name: String,
    /// Sessions that began with it.
    pub sessions: i64,
}
