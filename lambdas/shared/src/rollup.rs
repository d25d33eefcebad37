//! Which counters a batch changes, and by how much. Pure: the same visit and touch always give the same increments.
//!
//! Counters lie in the events table beside the events, under keys that begin with `@`, which no session's identifier can.
//! They carry neither `event_type` nor `is_active`, so neither index ever holds them. Each is a small item, because an
//! update is billed by the size of the whole item.
//!
//! | Partition | Sort key | Numbers | Kept |
//! |---|---|---|---|
//! | `@m#site#shard` | quarter of an hour | of its 15 minutes: events `e0`…, views `v0`…, users `u0`…, active `a0`… | 2 days |
//! | `@h#site#shard` | hour | `events`, `views`, `visitors`, `day_visitors`, `sessions`, `bounced`, `duration`, `engaged`, `pages`, `sources` | 400 days |
//! | `@p#site#date` | hour of the day and page | `views`; of its 12 spans of 5 minutes: active `n0`…; the last event there, for the feed | 8 days |
//! | `@r#…`, `@c#…`, `@d#…` | hour of the day and referrer, country, device | `sessions` | 8 days |
//!
//! What happens to one item at one moment is one write, which is why minutes and spans lie together: a session moves from one to the next.
//!
//! *Active* is a histogram of sessions by the minute (or 5 minutes and page) of their last activity: each session is in
//! exactly one place, and moves. The sum over 30 minutes is therefore the exact number of active sessions, whatever the traffic.

use crate::digest;
use crate::time::{self, DAY, HOUR, MINUTE, Millis};
use std::collections::BTreeMap;

/// Into how many items each minute's and hour's counters are spread. One carries about 1,000 writes a second.
pub const SHARDS: i64 = 1;
/// Span of the items of minutes: all numbers of 15 minutes fit into the kilobyte that a write unit pays for.
pub const QUARTER: Millis = 15 * MINUTE;
/// Span of the counters of pages being looked at.
pub const NOW_SPAN: Millis = 5 * MINUTE;
/// Distinct labels of one kind that are counted by themselves in an hour; the rest are counted together.
pub const MOST_LABELS: i64 = 1_000;
/// Label of the rest.
pub const OTHER: &str = "(other)";

/// Session before a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// Beginning of the session.
    pub started: Millis,
    /// The server's time at its last batch.
    pub last_seen: Millis,
    /// The path it was last on.
    pub page: String,
    /// Page views so far.
    pub views: i64,
}

/// Changes of one session by a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// Spreads sessions over shards.
    pub session_id: String,
    /// Site of the counters.
    pub site: String,
    /// The server's time, never before the session's `last_seen`.
    pub now: Millis,
    /// Beginning of the session if it is new.
    pub started: Millis,
    /// Number of events.
    pub events: i64,
    /// Page views by path.
    pub views: BTreeMap<String, i64>,
    /// The path of the last event.
    pub page: String,
    /// Host that sent the visitor, `(direct)` if none did.
    pub referrer: String,
    /// Two letters, if CloudFront said.
    pub country: Option<String>,
    /// Class of device.
    pub device: &'static str,
    /// Today's identity of the visitor, see [`crate::visitor`].
    pub visitor: String,
    /// Milliseconds engaged.
    pub engaged: Millis,
    /// Type of the event for the feed: the last one that says more than that somebody is there, else the last one.
    pub event_type: String,
}

/// First batch of a visitor in an hour, asked for in a session's new hour only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arrival {
    /// In this hour.
    pub in_hour: bool,
    /// On this day.
    pub in_day: bool,
}

impl Touch {
    /// All page views.
    pub fn total_views(&self) -> i64 {
        self.views.values().sum()
    }

    /// The item that its minute's and hour's counters lie in.
    #[expect(clippy::modulo_one, reason = "one shard is the setting, not the design")]
    pub fn shard(&self) -> i64 {
        digest::label_number(&self.session_id) % SHARDS
    }
}

/// Numbers to be added to one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Increment {
    /// Item.
    pub key: Key,
    /// Its label, for items that count one page, referrer, country or device.
    pub label: Option<Label>,
    /// Numbers by attribute; never 0.
    pub add: BTreeMap<String, i64>,
    /// Last event, for items that the feed is made of.
    pub last: Option<Last>,
    /// Time at which it may be removed, in seconds since 1970, as DynamoDB's time to live wants it.
    pub expires: i64,
}

/// An event of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// The server's time.
    pub at: Millis,
    /// Its type.
    pub event_type: String,
    /// Two letters, if CloudFront said.
    pub country: Option<String>,
}

/// Address of a counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Partition key.
    pub partition: String,
    /// Sort key.
    pub sort: i64,
}

/// Subject of a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The page, referrer, country or device.
    pub text: String,
    /// Its hour's counters.
    pub hour: Key,
    /// The hour's attribute that counts how many there are, for labels that a client can invent without end.
    pub counted_by: Option<&'static str>,
}

/// The list that a label belongs to.
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
    /// All four.
    pub const ALL: [Self; 4] = [Self::Pages, Self::Referrers, Self::Countries, Self::Devices];

    /// The partition of a day.
    pub fn partition(self, site: &str, time: Millis) -> String {
        let letter = match self {
            Self::Pages => 'p',
            Self::Referrers => 'r',
            Self::Countries => 'c',
            Self::Devices => 'd',
        };
        format!("@{letter}#{site}#{}", time::compact_date(time))
    }

    /// The hour's attribute that says how many labels there are, for lists whose labels a client can invent without end.
    pub fn counted_by(self) -> Option<&'static str> {
        match self {
            Self::Pages => Some("pages"),
            Self::Referrers => Some("sources"),
            Self::Countries | Self::Devices => None,
        }
    }
}

/// The first sort key of an hour within a day's partition.
pub fn first_sort_key(time: Millis) -> i64 {
    time::hour_of_day(time) << digest::LABEL_BITS
}

/// The key of a label's counter in the hour of `time`.
pub fn label_key(list: List, site: &str, time: Millis, label: &str) -> Key {
    Key { partition: list.partition(site, time), sort: first_sort_key(time) + digest::label_number(label) }
}

/// The partition of the minutes' counters.
pub fn minute_partition(site: &str, shard: i64) -> String {
    format!("@m#{site}#{shard}")
}

/// Until when the counters of the hour that begins at `hour` are kept.
pub fn hour_expires(hour: Millis) -> Millis {
    hour + 400 * DAY
}

/// The partition of the hours' counters.
pub fn hour_partition(site: &str, shard: i64) -> String {
    format!("@h#{site}#{shard}")
}

/// Counter of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfMinute {
    /// That arrived.
    Events,
    /// That arrived.
    Views,
    /// Sessions that sent something.
    Users,
    /// Sessions that sent nothing since.
    Active,
}

impl OfMinute {
    /// The attribute in its quarter's item. Short, because names are paid for like values.
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

/// The attribute, in a page's item of the hour, of the sessions that are on it in the 5 minutes of `time`.
pub fn presence_attribute(time: Millis) -> String {
    format!("n{}", time.rem_euclid(HOUR) / NOW_SPAN)
}

/// Returns whether the session enters a new hour with this batch: only then can its visitor be new in the hour.
pub fn enters_hour(before: Option<&Visit>, touch: &Touch) -> bool {
    before.is_none_or(|visit| time::floor(visit.last_seen, HOUR) != time::floor(touch.now, HOUR))
}

/// Returns whether an event is worth a line in the feed although the page stays the same.
pub fn is_notable(event_type: &str) -> bool {
    !matches!(event_type, "page_view" | "page_leave" | "page_hidden" | "session_start" | "session_end" | "scroll" | "engagement")
}

/// Everything that a batch adds, given what was known of the session before it; one increment per item.
///
/// The hours' counters come first: what they answer bounds the number of labels.
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
    // What is said of a whole session is said in the hour in which it began, so that averages are over the same sessions.
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
        // Nobody looks at older minutes again, and some of them are gone: there is nothing to take from.
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
    // Nobody looks at older spans again.
    if let Some((left_span, page)) = left.filter(|(left_span, _)| has_moved && span - left_span <= 4 * NOW_SPAN) {
        sums.label(List::Pages, left_span, page, &presence_attribute(left_span), -1);
    }
}

/// Increments in the making, at most one per item.
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
