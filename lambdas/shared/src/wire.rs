//! Formats of the answers, as `docs/api.md` documents them. [`crate::batch`] parses requests field by field.

use crate::time::Millis;
use serde::Serialize;
use std::collections::BTreeMap;

/// Answer to a batch of events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Received {
    /// Number of valid events in the batch, counted by this delivery or an earlier one.
    pub processed_events: usize,
    /// Rejected events.
    pub rejected: Vec<Rejected>,
    /// Set if an earlier delivery of the same batch was counted already.
    pub duplicate: bool,
    /// Set if a session was created or changed.
    pub session_updated: bool,
    /// Set if a session was created.
    pub new_session: bool,
    /// Number of valid events that are not stored: the sender is a program, or opted out of tracking.
    pub ignored: usize,
    /// Token that proves in later batches that the session is the sender's, if the installation requires it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Event that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Index in `events`, from 0.
    pub index: usize,
    /// Field and its requirement.
    pub reason: String,
}

/// State of the site now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Realtime {
    /// Sessions with activity within the last 30 minutes.
    pub active_users: i64,
    /// Sessions by the page they were last on, if that was within the last 5 to 10 minutes; the 50 pages with the most
    /// sessions.
    pub current_pages: BTreeMap<String, i64>,
    /// Events that arrived within the last 5 minutes.
    pub events_last_5min: i64,
    /// Time of the reading.
    pub timestamp: Millis,
    /// Last 30 minutes, oldest first; the last of them is still running.
    pub minutes: Vec<Minute>,
    /// Sources of the sessions that began since `sources_from`.
    pub referrers: Vec<Share>,
    /// Countries of those sessions, as CloudFront names them (ISO 3166, two letters).
    pub countries: Vec<Share>,
    /// Device classes of those sessions.
    pub devices: Vec<Share>,
    /// Start of the hour before the running one, but not before midnight.
    pub sources_from: Millis,
    /// Latest events, newest first: a sample with the last event on each page of the last 5 to 10 minutes.
    pub feed: Vec<FeedEvent>,
}

/// Event of [`Realtime::feed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedEvent {
    /// Server's time of the event.
    pub t: Millis,
    /// Type of the event, such as `page_view` or `click`.
    pub event_type: String,
    /// Path of the page.
    pub path: String,
    /// Country code of two letters; null if unknown.
    pub country: Option<String>,
}

/// Minute of [`Realtime::minutes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Minute {
    /// Start of the minute.
    pub t: Millis,
    /// Sessions with activity in it.
    pub users: i64,
    /// Sessions with their last activity in it. Each session is active in one minute only, so these add up over any minutes.
    pub active: i64,
    /// Page views in it.
    pub views: i64,
}

/// Sums over hours or days.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// Visitors by hour or day. The first API agreement fixed the name, also for buckets of days.
    pub hourly_visitors: Buckets,
    /// Ten pages with the most views.
    pub top_pages: Vec<TopPage>,
    /// Sums over the whole window.
    pub summary: Summary,
    /// Share of the window's sessions with fewer than two page views, 0 to 1; null without sessions.
    pub bounce_rate: Option<f64>,
    /// Sources of the window's sessions.
    pub referrers: Vec<Share>,
    /// Countries of those sessions, as CloudFront names them (ISO 3166, two letters).
    pub countries: Vec<Share>,
    /// Device classes of those sessions.
    pub devices: Vec<Share>,
    /// Start of `top_pages`, `referrers`, `countries` and `devices`: lists are stored for a week, sums for longer.
    pub lists_from: Millis,
    /// Start of the window.
    pub from: Millis,
    /// Time of the reading, which is also the window's end.
    pub timestamp: Millis,
    /// Sums of the window's complete hours, for comparison with `previous`.
    pub complete: Comparable,
    /// Sums of as many hours one window earlier.
    pub previous: Comparable,
}

/// Values of equally long time spans, oldest first; the last of them is still running.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Buckets {
    /// Labels in UTC: `21:00` for hours, `2026-11-22` for days.
    pub labels: Vec<String>,
    /// Visitors with activity in the span, each counted once.
    pub data: Vec<i64>,
    /// Visitors in as many spans one window earlier, all of them complete.
    pub previous: Vec<i64>,
    /// Page views in the span.
    pub views: Vec<i64>,
    /// Sessions that began in the span.
    pub sessions: Vec<i64>,
    /// Share of those sessions with fewer than two page views, 0 to 1; null without sessions.
    pub bounce_rates: Vec<Option<f64>>,
    /// Average seconds of engagement in those sessions; null without sessions.
    pub engaged: Vec<Option<f64>>,
    /// Starts of the spans, for labels in local time.
    pub times: Vec<Millis>,
}

/// Page with its views.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopPage {
    /// Path of the page; `(other)` combines paths beyond 1,000 distinct ones in an hour.
    pub url: String,
    /// Page views of the path.
    pub views: i64,
    /// Share of all page views since `lists_from`, 0 to 100, with one decimal.
    pub percentage: f64,
}

/// Sums of a window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Sessions that began in the window.
    pub total_sessions: i64,
    /// Page views in the window.
    pub total_pageviews: i64,
    /// Average seconds between the start and the last activity of those sessions; null without sessions.
    pub avg_session_duration: Option<f64>,
    /// Average seconds of engagement in those sessions; null without sessions.
    pub avg_engaged_time: Option<f64>,
    /// Visitors, counted once for each of several days; null for hours, as their visitors cannot be added up.
    pub total_visitors: Option<i64>,
}

/// Sums of two windows' complete hours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparable {
    /// Sums of the complete hours.
    #[serde(flatten)]
    pub summary: Summary,
    /// Same as [`Stats::bounce_rate`].
    pub bounce_rate: Option<f64>,
}

/// Name with its number of sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Host, country or class.
    pub name: String,
    /// Sessions that began with it.
    pub sessions: i64,
}
