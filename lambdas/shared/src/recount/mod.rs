//! Finds events that a crash left uncounted, and counts them: hours and lists of the last day, from the events and sessions
//! themselves.
//!
//! A function that ends between a batch's gate and its counters leaves them too low, because the repeated batch is then a
//! duplicate. Events are stored for a day, and for as long all counters can be recomputed. Current minutes and pages are not
//! repaired: after half an hour they are no longer read.
//!
//! The running hour is left alone, and so are all changes within the last minutes, because batches may be in progress. An event
//! counts in the hour of its first arrival. If a function ended before the gate and the client sent the batch again in another
//! hour, the recount moves the event to that hour; sums over both hours stay.

mod truth;

use crate::digest::LABEL_BITS;
use crate::rollup::{self, Key, List, MOST_LABELS, OTHER, SHARDS};
use crate::store::{Item, Store, StoreError, read_number, read_text};
use crate::time::{DAY, HOUR, MINUTE, Millis, SECOND, floor};
use std::collections::{BTreeMap, BTreeSet};
use truth::Truth;

/// Age at which counters are complete: a function runs for half a minute at most.
pub const SETTLED: Millis = 5 * MINUTE;
/// Attributes of whole sessions, counted in the hour in which the session began.
const OF_SESSIONS: [&str; 4] = ["sessions", "bounced", "duration", "engaged"];

/// Incorrect counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Site of the counter.
    pub site: String,
    /// Start of the counter's hour.
    pub hour: Millis,
    /// Key of the item.
    pub key: Key,
    /// Label of the item, in lists.
    pub label: Option<String>,
    /// Attribute of the counter.
    pub attribute: &'static str,
    /// Counted number, if the item exists.
    pub counted: Option<i64>,
    /// Number to add; negative if an event moves to another hour.
    pub missing: i64,
}

/// Result of a recount.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Number of recounted hours, all sites together.
    pub hours: usize,
    /// Number of hours with active sessions, for which only events were recounted.
    pub unsettled: usize,
    /// Incorrect counters that were found.
    pub differences: Vec<Difference>,
    /// Number of repaired differences. The others changed at the same moment and are found by the next recount.
    pub repaired: usize,
}

/// Recounts the last day's complete hours and, with `repair`, corrects differences.
///
/// Reads both tables whole. Needs `Scan` and `Query` on both and `UpdateItem` on the events' one.
///
/// # Errors
/// If the tables do not answer. Repairs made until then persist; a recount can be repeated at any time.
pub async fn recount(store: &Store, now: Millis, repair: bool) -> Result<Report, StoreError> {
    let first = floor(now - DAY, HOUR) + HOUR;
    let last = floor(now - SETTLED, HOUR) - HOUR;
    // Sessions are read last. An event does not count before its session has passed the gate.
    let (events, sessions) = (store.raw_events().await?, store.sessions_and_marks().await?);
    let truth = Truth::of(&events, &sessions, now);

    let mut report = Report::default();
    for site in &truth.sites {
        let mut hours = Vec::new();
        for shard in 0..SHARDS {
            hours.push(store.read_span(rollup::hour_partition(site, shard), first, last).await?);
        }
        let mut lists = BTreeMap::new();
        let mut day = floor(first, DAY);
        while day <= last {
            for list in List::ALL {
                lists.insert((list, day), store.read_span(list.partition(site, day), 0, i64::MAX).await?);
            }
            day += DAY;
        }
        let mut hour = first;
        while hour <= last {
            report.hours += 1;
            let is_settled = !truth.unsettled.contains(&(site.clone(), hour));
            report.unsettled += usize::from(!is_settled);
            let mut labels = BTreeMap::new();
            for list in List::ALL.into_iter().filter(|list| is_settled || *list == List::Pages) {
                let items = lists.get(&(list, floor(hour, DAY))).map_or(&[][..], Vec::as_slice);
                let known = compare_list(&mut report, &truth, list, site, hour, items);
                if let Some(counter) = list.counted_by() {
                    labels.insert(counter, known);
                }
            }
            compare_hour(&mut report, &truth, site, hour, is_settled, &labels, &hours);
            hour += HOUR;
        }
    }
    if repair {
        for difference in &report.differences {
            let lifetime = if difference.label.is_some() { 8 * DAY } else { 400 * DAY };
            report.repaired += usize::from(store.correct(difference, (now + lifetime) / SECOND).await?);
        }
    }
    Ok(report)
}

/// Compares one hour's sums over all shards; the difference is added to the first shard.
fn compare_hour(
    report: &mut Report,
    truth: &Truth,
    site: &str,
    hour: Millis,
    is_settled: bool,
    labels: &BTreeMap<&'static str, i64>,
    shards: &[Vec<Item>],
) {
    let items: Vec<Option<&Item>> = shards.iter().map(|items| items.iter().find(|item| read_number(item, "timestamp") == hour)).collect();
    let nothing = BTreeMap::new();
    let expected = truth.hours.get(&(site.to_owned(), hour)).unwrap_or(&nothing);
    let attributes = ["events", "views", "visitors", "day_visitors"].into_iter();
    for attribute in attributes.chain(OF_SESSIONS).chain(labels.keys().copied()) {
        if OF_SESSIONS.contains(&attribute) && !is_settled {
            continue;
        }
        let expected = labels.get(attribute).or_else(|| expected.get(attribute)).copied().unwrap_or(0);
        let counted: i64 = items.iter().flatten().map(|item| read_number(item, attribute)).sum();
        if expected != counted {
            let first = items.first().copied().flatten().filter(|item| item.contains_key(attribute));
            report.differences.push(Difference {
                site: site.to_owned(),
                hour,
                key: Key { partition: rollup::hour_partition(site, 0), sort: hour },
                label: None,
                attribute,
                counted: first.map(|item| read_number(item, attribute)),
                missing: expected - counted,
            });
        }
    }
}

/// Compares one hour of a list; returns its number of labels after repair.
fn compare_list(report: &mut Report, truth: &Truth, list: List, site: &str, hour: Millis, items: &[Item]) -> i64 {
    let attribute = if list == List::Pages { "views" } else { "sessions" };
    let first_key = rollup::first_sort_key(hour);
    let in_hour = first_key..first_key + (1 << LABEL_BITS);
    let counted: BTreeMap<&str, Option<i64>> = items
        .iter()
        .filter(|item| in_hour.contains(&read_number(item, "timestamp")))
        .map(|item| (read_text(item, "label").unwrap_or_default(), item.contains_key(attribute).then(|| read_number(item, attribute))))
        .collect();
    let mut known: BTreeSet<&str> = counted.keys().copied().filter(|label| *label != OTHER).collect();
    let mut expected: BTreeMap<&str, i64> = BTreeMap::new();
    if let Some(labels) = truth.lists.get(&(list, site.to_owned(), hour)) {
        for (label, sum) in labels {
            let has_room = list.counted_by().is_none() || i64::try_from(known.len()).is_ok_and(|length| length < MOST_LABELS);
            if has_room {
                known.insert(label);
            }
            *expected.entry(if known.contains(label.as_str()) { label } else { OTHER }).or_default() += sum;
        }
    }
    for label in counted.keys().chain(expected.keys()).copied().collect::<BTreeSet<_>>() {
        let (counted, expected) = (counted.get(label).copied().flatten(), expected.get(label).copied().unwrap_or(0));
        if counted.unwrap_or(0) != expected {
            report.differences.push(Difference {
                site: site.to_owned(),
                hour,
                key: rollup::label_key(list, site, hour, label),
                label: Some(label.to_owned()),
                attribute,
                counted,
                missing: expected - counted.unwrap_or(0),
            });
        }
    }
    i64::try_from(known.len()).unwrap_or(i64::MAX)
}
