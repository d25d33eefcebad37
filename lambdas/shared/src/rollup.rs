//! Counters that a batch changes, with the increments. Pure: equal visits and touches give equal increments.
//!
//! Counters are in the events table beside the events, under keys that begin with `@`, which no session's identifier can. They
//! have neither `event_type` nor `is_active`, so neither index ever contains them. Each is a small item, because an update is
//! billed by the size of the whole item.
//!
//! | Partition | Sort key | Numbers | Kept |
//! |---|---|---|---|
//! | `@m#site#shard` | quarter of an hour | of its 15 minutes: events `e0`…, views `v0`…, users `u0`…, active `a0`… | 2 days |
//! | `@h#site#shard` | hour | `events`, `views`, `visitors`, `day_visitors`, `sessions`, `bounced`, `duration`, `engaged`, `pages`, `sources` | 400 days |
//! | `@p#site#date` | hour of the day and page | `views`; of its 12 spans of 5 minutes: active `n0`…; the last event there, for the feed | 8 days |
//! | `@r#…`, `@c#…`, `@d#…` | hour of the day and referrer, country, device | `sessions` | 8 days |
//!
//! All changes of one item at one moment are one write. Minutes and spans share an item for that reason: a session moves from
//! one to the next.
//!
//! *Active* is a histogram of sessions by the minute (or 5 minutes and page) of their last activity: each session is in exactly
//! one place, and moves. The sum over 30 minutes is therefore the exact number of active sessions, whatever the traffic.

use crate::digest;
use crate::time::{self, DAY, HOUR, MINUTE, Millis};
use std::collections::BTreeMap;

/// Number of items that each minute's and hour's counters are spread over. One item takes about 1,000 writes a second.
pub const SHARDS: i64 = 1;
/// Span of the items of minutes: all numbers of 15 minutes fit into the kilobyte of one write unit.
pub const QUARTER: Millis = 15 * MINUTE;
/// Span of the counters of pages currently viewed.
pub const NOW_SPAN: Millis = 5 * MINUTE;
/// Maximum number of distinct labels of one kind in an hour that have their own counter; the rest share one.
pub const MOST_LABELS: i64 = 1_000;
/// Label of the shared counter.
pub const OTHER: &str = "(other)";

/// State of a session before a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// Start of the session.
    pub started: Millis,
    /// Server's time at its last batch.
    pub last_seen: Millis,
    /// Path of the page it was last on.
    pub page: String,
    /// Number of page views so far.
    pub views: i64,
}

/// Changes of one session by a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// Session identifier, which selects the shard.
    pub session_id: String,
    /// Site of the counters.
    pub site: String,
    /// Server's time, never before the session's `last_seen`.
    pub now: Millis,
    /// Start of the session if it is new.
    pub started: Millis,
    /// Number of events.
    pub events: i64,
    /// Page views by path.
    pub views: BTreeMap<String, i64>,
    /// Path of the last event.
    pub page: String,
    /// Host that referred the visitor, `(direct)` without one.
    pub referrer: String,
    /// Country code of two letters, if CloudFront sent it.
    pub country: Option<String>,
    /// Class of device.
    pub device: &'static str,
    /// Today's identity of the visitor, see [`crate::visitor`].
    pub visitor: String,
    /// Milliseconds of engagement.
    pub engaged: Millis,
    /// Type of the event for the feed: the last one that is more than a sign of presence, else the last one.
    pub event_type: String,
}

/// Flags of a visitor's first batch in a period. They are read in a session's new hour only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arrival {
    /// First batch in this hour.
    pub in_hour: bool,
    /// First batch on this day.
    pub in_day: bool,
}

impl Touch {
    /// Returns the number of all page views.
    pub fn total_views(&self) -> i64 {
        self.views.values().sum()
    }

    /// Returns the shard of its minute's and hour's counters.
    #[expect(clippy::modulo_one, reason = "one shard is the setting, not the design")]
    pub fn shard(&self) -> i64 {
        digest::label_number(&self.session_id) % SHARDS
    }
}

/// Numbers to add to one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Increment {
    /// Key of the item.
    pub key: Key,
    /// Label of the item, if it counts one page, referrer, country or device.
    pub label: Option<Label>,
    /// Increments by attribute; never 0.
    pub add: BTreeMap<String, i64>,
    /// Last event, for items that the feed is built from.
    pub last: Option<Last>,
    /// Expiry in seconds since 1970, for DynamoDB's time to live.
    pub expires: i64,
}

/// Event of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// Server's time of the event.
    pub at: Millis,
    /// Type of the event.
    pub event_type: String,
    /// Country code of two letters, if CloudFront sent it.
    pub country: Option<String>,
}

/// Key of a counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Value of the partition key.
    pub partition: String,
    /// Value of the sort key.
    pub sort: i64,
}

/// Subject of a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Page, referrer, country or device.
    pub text: String,
    /// Key of its hour's counters.
    pub hour: Key,
    /// Attribute of the hour that counts the labels, for labels that a client can invent without end.
    pub counted_by: Option<&'static str>,
}

/// List that a label belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// Views by path.
    Pages,
    /// Sessions by referring host.
    Referrers,
    /// Sessions by country.
    Countries,
    /// Sessions by class of device.
    Devices,
}

impl List {
    /// All four lists.
    pub const ALL: [Self; 4] = [Self::Pages, Self::Referrers, Self::Countries, Self::Devices];

    /// Returns the partition of a day.
    pub fn partition(self, site: &str, time: Millis) -> String {
        let letter = match self {
            Self::Pages => 'p',
            Self::Referrers => 'r',
            Self::Countries => 'c',
            Self::Devices => 'd',
        };
        format!("@{letter}#{site}#{}", time::compact_date(time))
    }

    /// Returns the attribute of the hour that counts the labels, for lists with labels that a client can invent without end.
    pub fn counted_by(self) -> Option<&'static str> {
        match self {
            Self::Pages => Some("pages"),
            Self::Referrers => Some("sources"),
            Self::Countries | Self::Devices => None,
        }
    }
}

/// Returns the first sort key of an hour within a day's partition.
pub fn first_sort_key(time: Millis) -> i64 {
    time::hour_of_day(time) << digest::LABEL_BITS
}

/// Returns the key of a label's counter in the hour of `time`.
pub fn label_key(list: List, site: &str, time: Millis, label: &str) -> Key {
    Key { partition: list.partition(site, time), sort: first_sort_key(time) + digest::label_number(label) }
}

/// Returns the partition of the minutes' counters.
pub fn minute_partition(site: &str, shard: i64) -> String {
    format!("@m#{site}#{shard}")
}

/// Returns the expiry of the counters of the hour that begins at `hour`.
pub fn hour_expires(hour: Millis) -> Millis {
    hour + 400 * DAY
}

/// Returns the partition of the hours' counters.
pub fn hour_partition(site: &str, shard: i64) -> String {
    format!("@h#{site}#{shard}")
}

/// Counter of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfMinute {
    /// Events that arrived in the minute.
    Events,
    /// Views that arrived in the minute.
    Views,
    /// Sessions with activity in the minute.
    Users,
    /// Sessions with their last activity in the minute.
    Active,
}

impl OfMinute {
    /// Returns the attribute in its quarter's item. Names are short because they are billed like values.
    pub fn attribute(self, minute: Millis) -> String {
        let letter = match self {
            Self::Events => 'e',
            Self::Views => 'v',
            Self::Users => 'u',
            Self::Active => 'a',
        };
        format!("{letter}{}", minute.rem_euclid(QUARTER) / MINUTE)
    }
}

/// Returns the attribute, in a page's item of the hour, that counts the sessions on the page in the 5 minutes of `time`.
pub fn presence_attribute(time: Millis) -> String {
    format!("n{}", time.rem_euclid(HOUR) / NOW_SPAN)
}

/// Returns true if the session enters a new hour with this batch. Only then can its visitor be new in the hour.
pub fn enters_hour(before: Option<&Visit>, touch: &Touch) -> bool {
    before.is_none_or(|visit| time::floor(visit.last_seen, HOUR) != time::floor(touch.now, HOUR))
}

/// Returns true if an event deserves a line in the feed although the page stays the same.
pub fn is_notable(event_type: &str) -> bool {
    !matches!(event_type, "page_view" | "page_leave" | "page_hidden" | "session_start" | "session_end" | "scroll" | "engagement")
}

/// Returns all increments of a batch, from the session's state before it; one increment per item.
///
/// The hours' counters come first, because the answers to them bound the number of labels.
pub fn increments(before: Option<&Visit>, touch: &Touch, arrival: Arrival) -> Vec<Increment> {
    let mut sums = Sums { site: &touch.site, shard: touch.shard(), items: Vec::new() };
    count_hours(&mut sums, before, touch, arrival);
    count_minutes(&mut sums, before, touch);
    count_pages_now(&mut sums, before, touch);
    for (path, views) in &touch.views {
        sums.label(List::Pages, touch.now, path, "views", *views);
    }
    if before.is_none() {
        sums.label(List::Referrers, touch.started, &touch.referrer, "sessions", 1);
        sums.label(List::Devices, touch.started, touch.device, "sessions", 1);
        if let Some(country) = &touch.country {
            sums.label(List::Countries, touch.started, country, "sessions", 1);
        }
    }
    sums.items.retain_mut(|increment| {
        increment.add.retain(|_, amount| *amount != 0);
        !increment.add.is_empty() || increment.last.is_some()
    });
    sums.items
}

fn count_hours(sums: &mut Sums, before: Option<&Visit>, touch: &Touch, arrival: Arrival) {
    sums.hour(touch.now, "events", touch.events);
    sums.hour(touch.now, "views", touch.total_views());
    sums.hour(touch.now, "visitors", i64::from(arrival.in_hour));
    sums.hour(touch.now, "day_visitors", i64::from(arrival.in_day));
    // Numbers of a whole session count in the hour in which it began, so that averages are over the same sessions.
    let started = before.map_or(touch.started, |visit| visit.started);
    let views_before = before.map_or(0, |visit| visit.views);
    let is_bounce = |views: i64| i64::from(views < 2);
    let bounced_before = if before.is_some() { is_bounce(views_before) } else { 0 };
    sums.hour(started, "sessions", i64::from(before.is_none()));
    sums.hour(started, "bounced", is_bounce(views_before + touch.total_views()) - bounced_before);
    sums.hour(started, "engaged", touch.engaged);
    sums.hour(started, "duration", touch.now - before.map_or(touch.started, |visit| visit.last_seen));
}

fn count_minutes(sums: &mut Sums, before: Option<&Visit>, touch: &Touch) {
    let minute = time::floor(touch.now, MINUTE);
    let left = before.map(|visit| time::floor(visit.last_seen, MINUTE));
    sums.minute(minute, OfMinute::Events, touch.events);
    sums.minute(minute, OfMinute::Views, touch.total_views());
    if left != Some(minute) {
        sums.minute(minute, OfMinute::Users, 1);
        sums.minute(minute, OfMinute::Active, 1);
        // Older minutes are never read again, and some of them are deleted, so there is nothing to subtract from.
        if let Some(left) = left.filter(|left| minute - left <= HOUR) {
            sums.minute(left, OfMinute::Active, -1);
        }
    }
}

fn count_pages_now(sums: &mut Sums, before: Option<&Visit>, touch: &Touch) {
    let span = time::floor(touch.now, NOW_SPAN);
    let left = before.map(|visit| (time::floor(visit.last_seen, NOW_SPAN), visit.page.as_str()));
    let has_moved = left != Some((span, &touch.page));
    if has_moved || is_notable(&touch.event_type) {
        let page = sums.label(List::Pages, span, &touch.page, &presence_attribute(span), i64::from(has_moved));
        page.last = Some(Last { at: touch.now, event_type: touch.event_type.clone(), country: touch.country.clone() });
    }
    // Older spans are never read again.
    if let Some((left_span, page)) = left.filter(|(left_span, _)| has_moved && span - left_span <= 4 * NOW_SPAN) {
        sums.label(List::Pages, left_span, page, &presence_attribute(left_span), -1);
    }
}

/// Increments under construction, at most one per item.
struct Sums<'a> {
    site: &'a str,
    shard: i64,
    items: Vec<Increment>,
}

impl Sums<'_> {
    fn hour(&mut self, time: Millis, attribute: &str, amount: i64) {
        let key = self.hour_key(time);
        let expires = hour_expires(key.sort);
        self.add(key, None, attribute, amount, expires);
    }

    fn minute(&mut self, minute: Millis, number: OfMinute, amount: i64) {
        let sort = time::floor(minute, QUARTER);
        let key = Key { partition: minute_partition(self.site, self.shard), sort };
        self.add(key, None, &number.attribute(minute), amount, sort + 2 * DAY);
    }

    fn label(&mut self, list: List, time: Millis, text: &str, attribute: &str, amount: i64) -> &mut Increment {
        let hour = self.hour_key(time);
        let label = Label { text: text.to_owned(), counted_by: list.counted_by(), hour };
        let key = label_key(list, self.site, time, text);
        self.add(key, Some(label), attribute, amount, time::floor(time, HOUR) + 8 * DAY)
    }

    fn hour_key(&self, time: Millis) -> Key {
        Key { partition: hour_partition(self.site, self.shard), sort: time::floor(time, HOUR) }
    }

    fn add(&mut self, key: Key, label: Option<Label>, attribute: &str, amount: i64, expires: Millis) -> &mut Increment {
        let index = self.items.iter().position(|item| item.key == key).unwrap_or_else(|| {
            self.items.push(Increment { key, label, add: BTreeMap::new(), last: None, expires: expires / time::SECOND });
            self.items.len() - 1
        });
        *self.items[index].add.entry(attribute.to_owned()).or_default() += amount;
        &mut self.items[index]
    }
}

#[cfg(test)]
#[path = "rollup_tests.rs"]
mod tests;
