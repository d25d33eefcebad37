//! Answers who is on the site now, from 30 minutes' counters and two spans of pages. The effort does not grow with traffic.

use crate::digest::LABEL_BITS;
use crate::rollup::{self, NOW_SPAN, SHARDS};
use crate::store::{Item, Store, StoreError, read_number, read_text};
use crate::time::{MINUTE, Millis, floor};
use crate::wire::{Minute, Realtime};
use std::collections::BTreeMap;

/// Minutes that make a session active.
pub const WINDOW_MINUTES: i64 = 30;
/// Pages named.
pub const MOST_PAGES: usize = 50;

/// Reads and sums.
pub async fn read(store: &Store, site: &str, now: Millis) -> Result<Realtime, StoreError> {
    let last = floor(now, MINUTE);
    let first = last - (WINDOW_MINUTES - 1) * MINUTE;
    let minutes = async {
        let mut items = Vec::new();
        for shard in 0..SHARDS {
            items.extend(store.read_span(rollup::minute_partition(site, shard), first, last).await?);
        }
        Ok::<_, StoreError>(items)
    };
    // On the heap: three queries side by side are a large future.
    let pages = |time| Box::pin(store.read_span(rollup::now_partition(site, time), 0, (1 << LABEL_BITS) - 1));
    let (minutes, mut current, previous) = tokio::try_join!(minutes, pages(now), pages(now - NOW_SPAN))?;
    current.extend(previous);
    Ok(sum(&minutes, &current, now))
}

/// Sums what was read.
pub fn sum(minute_items: &[Item], page_items: &[Item], now: Millis) -> Realtime {
    let last = floor(now, MINUTE);
    let mut minutes: Vec<Minute> = (0..WINDOW_MINUTES).rev().map(|ago| Minute { t: last - ago * MINUTE, users: 0, views: 0 }).collect();
    let (mut active, mut recent_events) = (0, 0);
    for item in minute_items {
        let start = read_number(item, "timestamp");
        let Some(minute) = minutes.iter_mut().find(|minute| minute.t == start) else { continue };
        minute.users += read_number(item, "users");
        minute.views += read_number(item, "views");
        active += read_number(item, "active");
        if start > last - 5 * MINUTE {
            recent_events += read_number(item, "events");
        }
    }
    Realtime {
        // A session on its way from one minute to the next can be in neither for a moment, but never in less than none.
        active_users: active.max(0),
        current_pages: fullest_pages(page_items),
        events_last_5min: recent_events,
        timestamp: now,
        minutes,
    }
}

fn fullest_pages(items: &[Item]) -> BTreeMap<String, i64> {
    let mut pages: BTreeMap<&str, i64> = BTreeMap::new();
    for item in items {
        *pages.entry(read_text(item, "label").unwrap_or_default()).or_default() += read_number(item, "active");
    }
    let mut pages: Vec<_> = pages.into_iter().filter(|(_, active)| *active > 0).collect();
    pages.sort_by_key(|(path, active)| (-active, *path));
    pages.truncate(MOST_PAGES);
    pages.into_iter().map(|(path, active)| (path.to_owned(), active)).collect()
}
