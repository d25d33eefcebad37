//! Report of current visitors, from 30 minutes' counters, the running hour's pages and two hours of lists.
//!
//! The effort does not grow with traffic, only with the number of different pages, referrers and countries.

use crate::digest::LABEL_BITS;
use crate::rollup::{self, List, NOW_SPAN, OfMinute, QUARTER, SHARDS};
use crate::stats::shares;
use crate::store::{Item, Store, StoreError, read_number, read_text};
use crate::time::{DAY, HOUR, MINUTE, Millis, floor};
use crate::wire::{FeedEvent, Minute, Realtime};
use std::collections::BTreeMap;

/// Minutes without activity after which a session is inactive.
pub const WINDOW_MINUTES: i64 = 30;
/// Maximum number of pages in an answer.
pub const MOST_PAGES: usize = 50;

/// Maximum number of events in the feed.
pub const FEED_LENGTH: usize = 20;

/// Rows that an answer is computed from.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Counters of the last 30 minutes.
    pub minutes: Vec<Item>,
    /// Pages of the running hour.
    pub pages: Vec<Item>,
    /// Pages of the hour before, if five minutes ago it was running.
    pub pages_before: Vec<Item>,
    /// Sessions by referrer.
    pub referrers: Vec<Item>,
    /// Sessions by country.
    pub countries: Vec<Item>,
    /// Sessions by device.
    pub devices: Vec<Item>,
}

/// Returns the start of the lists of sources: the hour before the running one, but not before midnight, because one partition
/// has a day's lists.
pub fn sources_from(now: Millis) -> Millis {
    (floor(now, HOUR) - HOUR).max(floor(now, DAY))
}

/// Reads the rows and computes the answer.
pub async fn read(store: &Store, site: &str, now: Millis) -> Result<Realtime, StoreError> {
    let last = floor(now, MINUTE);
    let first = last - (WINDOW_MINUTES - 1) * MINUTE;
    let minutes = async {
        let mut items = Vec::new();
        for shard in 0..SHARDS {
            items.extend(store.read_span(rollup::minute_partition(site, shard), floor(first, QUARTER), last).await?);
        }
        Ok::<_, StoreError>(items)
    };
    // Boxed, because three concurrent queries are a large future.
    let pages = |time| {
        let first = rollup::first_sort_key(time);
        Box::pin(store.read_span(List::Pages.partition(site, time), first, first + (1 << LABEL_BITS) - 1))
    };
    let before = now - NOW_SPAN;
    let pages_before = async { if floor(before, HOUR) == floor(now, HOUR) { Ok(Vec::new()) } else { pages(before).await } };
    let sources = |list: List| Box::pin(store.read_span(list.partition(site, now), rollup::first_sort_key(sources_from(now)), i64::MAX));
    let (minutes, pages, pages_before, referrers, countries, devices) =
        tokio::try_join!(minutes, pages(now), pages_before, sources(List::Referrers), sources(List::Countries), sources(List::Devices))?;
    Ok(sum(&Rows { minutes, pages, pages_before, referrers, countries, devices }, now))
}

/// Computes the answer from the rows.
pub fn sum(rows: &Rows, now: Millis) -> Realtime {
    let last = floor(now, MINUTE);
    let mut minutes: Vec<Minute> =
        (0..WINDOW_MINUTES).rev().map(|ago| Minute { t: last - ago * MINUTE, users: 0, active: 0, views: 0 }).collect();
    let mut recent_events = 0;
    for minute in &mut minutes {
        for item in rows.minutes.iter().filter(|item| read_number(item, "timestamp") == floor(minute.t, QUARTER)) {
            let number = |of: OfMinute| read_number(item, &of.attribute(minute.t));
            minute.users += number(OfMinute::Users);
            minute.views += number(OfMinute::Views);
            minute.active += number(OfMinute::Active);
            if minute.t > last - 5 * MINUTE {
                recent_events += number(OfMinute::Events);
            }
        }
        // A session that moves on can leave a minute before it is counted there, but never more sessions than there are.
        minute.active = minute.active.max(0);
    }
    Realtime {
        active_users: minutes.iter().map(|minute| minute.active).sum(),
        current_pages: fullest_pages(rows, now),
        events_last_5min: recent_events,
        timestamp: now,
        minutes,
        referrers: shares(&rows.referrers),
        countries: shares(&rows.countries),
        devices: shares(&rows.devices),
        sources_from: sources_from(now),
        feed: feed(rows, now),
    }
}

fn fullest_pages(rows: &Rows, now: Millis) -> BTreeMap<String, i64> {
    let before = now - NOW_SPAN;
    let of_before = if floor(before, HOUR) == floor(now, HOUR) { &rows.pages } else { &rows.pages_before };
    let mut pages: BTreeMap<&str, i64> = BTreeMap::new();
    for (items, time) in [(&rows.pages, now), (of_before, before)] {
        for item in items {
            *pages.entry(read_text(item, "label").unwrap_or_default()).or_default() += read_number(item, &rollup::presence_attribute(time));
        }
    }
    let mut pages: Vec<_> = pages.into_iter().filter(|(_, active)| *active > 0).collect();
    pages.sort_by_key(|(path, active)| (-active, *path));
    pages.truncate(MOST_PAGES);
    pages.into_iter().map(|(path, active)| (path.to_owned(), active)).collect()
}

fn feed(rows: &Rows, now: Millis) -> Vec<FeedEvent> {
    let first = floor(now, NOW_SPAN) - NOW_SPAN;
    let event = |item: &Item| {
        Some(FeedEvent {
            t: item.contains_key("at").then(|| read_number(item, "at"))?,
            event_type: read_text(item, "kind")?.to_owned(),
            path: read_text(item, "label")?.to_owned(),
            country: read_text(item, "country").filter(|country| !country.is_empty()).map(str::to_owned),
        })
    };
    let mut events: Vec<FeedEvent> =
        rows.pages.iter().chain(&rows.pages_before).filter_map(event).filter(|event| event.t >= first).collect();
    events.sort_by(|one, other| (other.t, &other.path).cmp(&(one.t, &one.path)));
    events.truncate(FEED_LENGTH);
    events
}
