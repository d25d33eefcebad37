//! Correct counter values according to the events and sessions, without reading any counter. Pure.

use super::SETTLED;
use crate::rollup::List;
use crate::store::{Item, read_number, read_text};
use crate::time::{HOUR, Millis, compact_date, floor};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Correct values of the counters.
#[derive(Debug, Default)]
pub(super) struct Truth {
    /// Sites with any data.
    pub(super) sites: BTreeSet<String>,
    /// Numbers by site and hour.
    pub(super) hours: BTreeMap<(String, Millis), BTreeMap<&'static str, i64>>,
    /// Views or sessions by label.
    pub(super) lists: BTreeMap<(List, String, Millis), BTreeMap<String, i64>>,
    /// Hours of sessions that were active just now.
    pub(super) unsettled: BTreeSet<(String, Millis)>,
}

impl Truth {
    /// Computes the values from raw events, and from sessions with visitors' markers.
    pub(super) fn of(events: &[Item], sessions: &[Item], now: Millis) -> Self {
        let mut truth = Self::default();
        let mut counted: HashMap<&str, HashSet<&str>> = HashMap::new();
        // Hours by site, date and visitor.
        let mut visits: BTreeMap<(String, String, String), BTreeSet<Millis>> = BTreeMap::new();
        for item in sessions {
            let key = read_text(item, "session_id").unwrap_or_default();
            if let Some(mark) = key.strip_prefix("@u#") {
                let [site, date, visitor] = mark.splitn(3, '#').collect::<Vec<_>>()[..] else { continue };
                let hours = visits.entry((site.to_owned(), date.to_owned(), visitor.to_owned())).or_default();
                hours.extend(numbers(item, "hours").filter_map(|hour| hour.parse::<Millis>().ok()));
            } else if !key.starts_with('@') {
                counted.insert(key, numbers(item, "seen").collect());
                truth.add_session(item, now);
            }
        }
        for item in events {
            // An event does not count before its batch has passed the gate: the client will send it again.
            let session = counted.get(read_text(item, "session_id").unwrap_or_default());
            let batch = item.get("batch").and_then(|batch| batch.as_n().ok());
            if !session.zip(batch).is_some_and(|(seen, batch)| seen.contains(batch.as_str())) {
                continue;
            }
            let (site, received) = (read_text(item, "site").unwrap_or_default(), read_number(item, "received"));
            let hour = floor(received, HOUR);
            truth.sites.insert(site.to_owned());
            truth.add(site, hour, "events", 1);
            if read_text(item, "event_type") == Some("page_view") {
                truth.add(site, hour, "views", 1);
                // The stored path is the counted one.
                truth.add_label(List::Pages, site, hour, read_text(item, "path").unwrap_or("/"));
            }
            if let Some(visitor) = read_text(item, "visitor") {
                visits.entry((site.to_owned(), compact_date(received), visitor.to_owned())).or_default().insert(hour);
            }
        }
        for ((site, ..), hours) in &visits {
            for hour in hours {
                truth.add(site, *hour, "visitors", 1);
            }
            if let Some(first) = hours.first() {
                truth.add(site, *first, "day_visitors", 1);
            }
        }
        truth
    }

    fn add_session(&mut self, item: &Item, now: Millis) {
        let site = read_text(item, "site").unwrap_or_default();
        let (started, last_seen) = (read_number(item, "start_time"), read_number(item, "last_seen"));
        let hour = floor(started, HOUR);
        self.sites.insert(site.to_owned());
        if last_seen > now - SETTLED {
            self.unsettled.insert((site.to_owned(), hour));
        }
        self.add(site, hour, "sessions", 1);
        self.add(site, hour, "bounced", i64::from(read_number(item, "page_count") < 2));
        self.add(site, hour, "duration", last_seen - started);
        self.add(site, hour, "engaged", read_number(item, "engaged"));
        self.add_label(List::Referrers, site, hour, read_text(item, "referrer").unwrap_or_default());
        self.add_label(List::Devices, site, hour, read_text(item, "device").unwrap_or_default());
        if let Some(country) = read_text(item, "country").filter(|country| !country.is_empty()) {
            self.add_label(List::Countries, site, hour, country);
        }
    }

    fn add(&mut self, site: &str, hour: Millis, attribute: &'static str, amount: i64) {
        *self.hours.entry((site.to_owned(), hour)).or_default().entry(attribute).or_default() += amount;
    }

    fn add_label(&mut self, list: List, site: &str, hour: Millis, label: &str) {
        *self.lists.entry((list, site.to_owned(), hour)).or_default().entry(label.to_owned()).or_default() += 1;
    }
}

fn numbers<'a>(item: &'a Item, attribute: &str) -> impl Iterator<Item = &'a str> {
    item.get(attribute).and_then(|value| value.as_ns().ok()).into_iter().flatten().map(String::as_str)
}
