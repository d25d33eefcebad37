//! Maximum cost of a batch in DynamoDB's write request units. A unit is a write of an item of up to 1 KB, and an index costs as
//! much as the table it copies ("Read and write capacity", DynamoDB Developer Guide).
//!
//! | Part of a batch | Units | Writes |
//! |---|---|---|
//! | an event | 2 × its kilobytes, begun ones counted | the item and its copy in `EventTypeIndex` |
//! | a session | [`SESSION_UNITS`] | the session 1, its index 2; the visitor's marker 1; hours 2 and quarters 2; the page it left 2; referrer, device and country 3, and a new referrer in its hour 1; one more attempt at a moment that another batch took 2 |
//! | a page with an event on it | [`PAGE_UNITS`] | its counter 1; counted as new in its hour, or as one of `(other)`, 1 |
//!
//! `units = Σ events 2 ⌈bytes / 1024⌉ + 16 · sessions + 2 · pages`. It is the most that the content can cause, known before anything is
//! written. What depends on the tables is charged afterwards, see [`crate::ingest::Taken::extra_units`].

use crate::batch::{Batch, Event};
use std::collections::BTreeSet;

/// Units of a session in a batch, without its events and pages.
pub const SESSION_UNITS: i64 = 16;
/// Units of a page with events of a batch.
pub const PAGE_UNITS: i64 = 2;
/// Units of an ordinary batch: one event of up to 1 KB on one page.
pub const ORDINARY_UNITS: i64 = 2 + SESSION_UNITS + PAGE_UNITS;
/// Maximum units of a batch. A hundred events of up to 1 KB, of five sessions and on a hundred pages, take 480; larger ones
/// have to come in several batches. The tracker's own have 20 events, which take 312 at their largest.
pub const MOST_UNITS: i64 = 500;
/// Bytes of an item beside its texts: names 120, numbers 60, site 32, visitor 16, device and country 10.
const ITEM_OVERHEAD: usize = 240;
const KILOBYTE: usize = 1_024;

/// Returns the maximum units that a batch's content can cause.
pub fn units(batch: &Batch) -> i64 {
    let sessions: BTreeSet<&str> = batch.events.iter().map(|event| event.session_id.as_str()).collect();
    let pages: BTreeSet<(&str, &str)> = batch.events.iter().map(|event| (event.session_id.as_str(), event.page.path.as_str())).collect();
    let events: i64 = batch.events.iter().map(event_units).sum();
    events + SESSION_UNITS * count(sessions.len()) + PAGE_UNITS * count(pages.len())
}

/// Returns the units of an event and its copy in the index.
pub fn event_units(event: &Event) -> i64 {
    2 * kilobytes(size(event))
}

/// Returns the kilobytes that a write of this many bytes is charged for.
pub fn kilobytes(bytes: usize) -> i64 {
    count(bytes.div_ceil(KILOBYTE).max(1))
}

fn size(event: &Event) -> usize {
    let optional = |text: Option<&String>| text.map_or(0, String::len);
    let texts = [&event.session_id, &event.event_id, &event.event_type, &event.page.address, &event.page.path, &event.user_agent];
    let referrer = event.referrer.as_ref().map(|referrer| &referrer.address);
    ITEM_OVERHEAD + texts.iter().map(|text| text.len()).sum::<usize>() + optional(referrer) + optional(event.props.as_ref())
}

fn count(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: i64 = 1_795_381_800_000;

    fn charge(events: &[Value]) -> i64 {
        units(&Batch::parse(json!({ "events": events }).to_string().as_bytes(), NOW).unwrap())
    }

    fn event(session: usize, page: &str) -> Value {
        json!({"session_id": format!("session-{session:04}"), "timestamp": NOW, "event_type": "page_view", "page_url": format!("https://x{page}")})
    }

    #[test]
    fn a_batch_is_charged_for_its_events_sessions_and_pages() {
        assert_eq!(charge(&[event(1, "/a")]), ORDINARY_UNITS);
        assert_eq!(charge(&[event(1, "/a"), event(1, "/a")]), ORDINARY_UNITS + 2);
        assert_eq!(charge(&[event(1, "/a"), event(1, "/b")]), ORDINARY_UNITS + 4);
        assert_eq!(charge(&[event(1, "/a"), event(2, "/a")]), 2 * ORDINARY_UNITS);
        let mut large = event(1, "/a");
        large["referrer"] = json!(format!("https://y/{}", "é/".repeat(600)));
        assert_eq!(charge(&[large]), ORDINARY_UNITS + 4);
    }

    #[test]
    fn a_hundred_ordinary_events_and_the_largest_of_the_tracker_fit_into_a_batch() {
        let events: Vec<Value> = (0..100).map(|index| event(index % 5, &format!("/page-{index}"))).collect();
        assert_eq!(charge(&events), 200 + 80 + 200);
        assert!(charge(&events) <= MOST_UNITS);
        // Addresses have 2,048 bytes, as the tracker cuts them. Counted paths and the stored part of the user agent have their
        // maximum length.
        let largest: Vec<Value> = (0..20)
            .map(|index| {
                let mut event = event(index % 2, &format!("/{index}/{}", "a/".repeat(1_000)));
                event["referrer"] = json!(format!("https://y/{}", "b/".repeat(1_000)));
                (event["user_agent"], event["props"]) = (json!("x".repeat(300)), json!({"url": "z".repeat(1_000)}));
                event
            })
            .collect();
        assert_eq!(charge(&largest), 20 * 2 * 6 + 2 * 16 + 20 * 2);
        assert!(charge(&largest) <= MOST_UNITS);
    }
}
