//! Sums over hours or days, from the hours' counters and the days' lists. The effort does not grow with traffic.

use crate::rollup::{self, List, SHARDS};
use crate::store::{Item, Store, StoreError, read_number, read_text};
use crate::time::{self, DAY, HOUR, Millis, floor};
use crate::wire::{Buckets, Comparable, Share, Stats, Summary, TopPage};
use std::collections::BTreeMap;
use tokio::task::JoinSet;

/// Days that the lists cover; they are stored for one day more.
pub const LIST_DAYS: i64 = 7;
/// Maximum number of pages in an answer.
pub const TOP_PAGES: usize = 10;
/// Maximum number of referrers, countries and devices in an answer.
pub const TOP_SHARES: usize = 10;

/// Length of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Hours in UTC.
    Hour,
    /// Days in UTC.
    Day,
}

impl Period {
    /// Returns the length in milliseconds.
    pub fn length(self) -> Millis {
        match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// Returns the default number of buckets: a day of hours, a week of days.
    pub fn default_limit(self) -> i64 {
        match self {
            Self::Hour => 24,
            Self::Day => 7,
        }
    }

    /// Returns the maximum number of buckets: a week of hours, a quarter of days.
    pub fn largest_limit(self) -> i64 {
        match self {
            Self::Hour => 168,
            Self::Day => 92,
        }
    }
}

/// Rows that an answer is computed from.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Hours of the window and of the one before.
    pub hours: Vec<Item>,
    /// Views by page.
    pub pages: Vec<Item>,
    /// Sessions by referrer.
    pub referrers: Vec<Item>,
    /// Sessions by country.
    pub countries: Vec<Item>,
    /// Sessions by device.
    pub devices: Vec<Item>,
}

/// Requested time window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Length of a bucket.
    pub period: Period,
    /// Number of buckets; the last one is running.
    pub limit: i64,
    /// Time of the request.
    pub now: Millis,
}

impl Window {
    /// Returns the start of the window.
    pub fn from(self) -> Millis {
        floor(self.now, self.period.length()) - (self.limit - 1) * self.period.length()
    }

    /// Returns the start of the window before, which has the same length, all of it complete.
    pub fn previous_from(self) -> Millis {
        self.from() - self.limit * self.period.length()
    }

    /// Returns the start of the lists.
    pub fn lists_from(self) -> Millis {
        self.from().max(floor(self.now, DAY) - (LIST_DAYS - 1) * DAY)
    }
}

/// Reads the rows and computes the answer.
pub async fn read(store: &Store, site: &str, window: Window) -> Result<Stats, StoreError> {
    let mut reads = JoinSet::new();
    for shard in 0..SHARDS {
        let (store, partition) = (store.clone(), rollup::hour_partition(site, shard));
        reads.spawn(async move { (None, store.read_span(partition, window.previous_from(), window.now).await) });
    }
    let mut day = floor(window.lists_from(), DAY);
    while day <= window.now {
        for list in [List::Pages, List::Referrers, List::Countries, List::Devices] {
            let (store, partition) = (store.clone(), list.partition(site, day));
            // Only the first day can begin in its middle.
            let first = rollup::first_sort_key(day.max(window.lists_from()));
            reads.spawn(async move { (Some(list), store.read_span(partition, first, i64::MAX).await) });
        }
        day += DAY;
    }
    let mut rows = Rows::default();
    while let Some(read) = reads.join_next().await {
        let (list, items) = read.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()));
        let rows = match list {
            None => &mut rows.hours,
            Some(List::Pages) => &mut rows.pages,
            Some(List::Referrers) => &mut rows.referrers,
            Some(List::Countries) => &mut rows.countries,
            Some(List::Devices) => &mut rows.devices,
        };
        rows.extend(items?);
    }
    Ok(sum(&rows, window))
}

/// Computes the answer from the rows.
pub fn sum(rows: &Rows, window: Window) -> Stats {
    let Window { period, limit, now } = window;
    let from = window.from();
    let current = Sums::over(&rows.hours, from, Millis::MAX);
    // The running hour is not comparable to a complete one.
    let (running, length) = (floor(now, HOUR), limit * period.length());
    let complete = Sums::over(&rows.hours, from, running);
    let before = Sums::over(&rows.hours, from - length, running - length);
    let listed_views = Sums::over(&rows.hours, window.lists_from(), Millis::MAX).views;

    let times: Vec<Millis> = (0..limit).map(|index| from + index * period.length()).collect();
    let bucket = |start: Millis| Sums::over(&rows.hours, start, start + period.length());
    let visitors = |sums: &Sums| match period {
        Period::Hour => sums.visitors,
        Period::Day => sums.day_visitors,
    };
    let label = |time: &Millis| match period {
        Period::Hour => time::hour_label(*time),
        Period::Day => time::date_label(*time),
    };
    let buckets: Vec<Sums> = times.iter().map(|start| bucket(*start)).collect();
    let pages = largest(&rows.pages, "views", TOP_PAGES).into_iter();
    Stats {
        hourly_visitors: Buckets {
            labels: times.iter().map(label).collect(),
            data: buckets.iter().map(visitors).collect(),
            previous: times.iter().map(|start| visitors(&bucket(start - length))).collect(),
            views: buckets.iter().map(|sums| sums.views).collect(),
            sessions: buckets.iter().map(|sums| sums.sessions).collect(),
            bounce_rates: buckets.iter().map(Sums::bounce_rate).collect(),
            engaged: buckets.iter().map(Sums::engaged_seconds).collect(),
            times,
        },
        top_pages: pages
            .map(|(url, views)| TopPage { url, views, percentage: rounded(100.0 * ratio(views, listed_views), 10.0) })
            .collect(),
        summary: current.summary(period),
        bounce_rate: current.bounce_rate(),
        referrers: shares(&rows.referrers),
        countries: shares(&rows.countries),
        devices: shares(&rows.devices),
        lists_from: window.lists_from(),
        from,
        timestamp: now,
        complete: complete.comparable(period),
        previous: before.comparable(period),
    }
}

/// Sums of hours' counters.
#[derive(Debug, Default)]
struct Sums {
    sessions: i64,
    views: i64,
    visitors: i64,
    day_visitors: i64,
    bounced: i64,
    duration: Millis,
    engaged: Millis,
}

impl Sums {
    /// Sums the hours that begin from `from` on and before `until`.
    fn over(hours: &[Item], from: Millis, until: Millis) -> Self {
        let mut sums = Self::default();
        for hour in hours.iter().filter(|hour| (from..until).contains(&read_number(hour, "timestamp"))) {
            sums.sessions += read_number(hour, "sessions");
            sums.views += read_number(hour, "views");
            sums.visitors += read_number(hour, "visitors");
            sums.day_visitors += read_number(hour, "day_visitors");
            sums.bounced += read_number(hour, "bounced");
            sums.duration += read_number(hour, "duration");
            sums.engaged += read_number(hour, "engaged");
        }
        sums
    }

    fn summary(&self, period: Period) -> Summary {
        Summary {
            total_sessions: self.sessions,
            total_pageviews: self.views,
            avg_session_duration: self.seconds_a_session(self.duration),
            avg_engaged_time: self.engaged_seconds(),
            total_visitors: (period == Period::Day).then_some(self.day_visitors),
        }
    }

    fn comparable(&self, period: Period) -> Comparable {
        Comparable { summary: self.summary(period), bounce_rate: self.bounce_rate() }
    }

    fn engaged_seconds(&self) -> Option<f64> {
        self.seconds_a_session(self.engaged)
    }

    fn seconds_a_session(&self, time: Millis) -> Option<f64> {
        (self.sessions > 0).then(|| rounded(ratio(time, self.sessions) / 1_000.0, 10.0))
    }

    fn bounce_rate(&self) -> Option<f64> {
        (self.sessions > 0).then(|| rounded(ratio(self.bounced, self.sessions), 1_000.0))
    }
}

/// Returns the names with the most sessions.
pub(crate) fn shares(items: &[Item]) -> Vec<Share> {
    largest(items, "sessions", TOP_SHARES).into_iter().map(|(name, sessions)| Share { name, sessions }).collect()
}

/// Returns the labels with the largest sums, largest first.
fn largest(items: &[Item], attribute: &str, most: usize) -> Vec<(String, i64)> {
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for item in items {
        *sums.entry(read_text(item, "label").unwrap_or_default()).or_default() += read_number(item, attribute);
    }
    // A page can have been viewed without having been opened in the hour.
    let mut sums: Vec<_> = sums.into_iter().filter(|(_, sum)| *sum > 0).collect();
    sums.sort_by_key(|(label, sum)| (-sum, *label));
    sums.truncate(most);
    sums.into_iter().map(|(label, sum)| (label.to_owned(), sum)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2⁵³")]
fn ratio(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Rounds to the nearest multiple of 1 / `steps`.
fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}
