//! Exactness under load: 50 concurrent senders, 10 % of the batches sent twice, 30 % of the events in the millisecond of
//! another one.
//!
//! 5,000 events; `LIVEINSIGHT_EXACT_EVENTS=100000 cargo test -p shared --release --test handlers exact` for the long run.

use crate::support;
use serde_json::{Value, json};
use shared::batch::Batch;
use shared::ingest::take;
use shared::sender::Sender;
use shared::stats::{Period, Window};
use shared::store::Store;
use shared::time::{MINUTE, Millis};
use shared::{realtime, stats};
use std::collections::BTreeMap;

/// Within an hour, so that none of the spans crosses into the next.
const NOW: Millis = 1_795_381_800_000; // 2026-11-22T21:10:00Z
const SENDERS: usize = 50;
const PAGES: u64 = 20;

/// Generator of numbers that differ but are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

struct Traffic {
    deliveries: Vec<Value>,
    events: usize,
    batches: usize,
    sessions: usize,
    views: BTreeMap<String, i64>,
}

fn traffic(wanted: usize) -> Traffic {
    let mut numbers = Numbers(7);
    let sessions = wanted / 50;
    let mut last = vec![NOW - 20 * MINUTE; sessions];
    let mut traffic = Traffic { deliveries: Vec::new(), events: 0, batches: 0, sessions, views: BTreeMap::new() };
    while traffic.events < wanted {
        let session = if traffic.batches < sessions { traffic.batches } else { usize::try_from(numbers.below(sessions as u64)).unwrap() };
        let size = 1 + usize::try_from(numbers.below(20)).unwrap();
        let mut events = Vec::new();
        for _ in 0..size.min(wanted - traffic.events) {
            if numbers.below(10) >= 3 {
                last[session] += 1 + i64::try_from(numbers.below(50)).unwrap();
            }
            let page = format!("/{}", numbers.below(PAGES));
            let event_type = if numbers.below(3) == 0 { "click" } else { "page_view" };
            if event_type == "page_view" {
                *traffic.views.entry(page.clone()).or_default() += 1;
            }
            events.push(json!({
                "session_id": format!("session-{session:05}"), "timestamp": last[session], "event_type": event_type,
                "page_url": format!("https://shop.example{page}"),
            }));
        }
        traffic.events += events.len();
        let body = json!({"batch_id": format!("batch-{}", traffic.batches), "events": events});
        traffic.batches += 1;
        if numbers.below(10) == 0 {
            traffic.deliveries.push(body.clone());
        }
        traffic.deliveries.push(body);
    }
    for index in (1..traffic.deliveries.len()).rev() {
        traffic.deliveries.swap(index, usize::try_from(numbers.below(index as u64 + 1)).unwrap());
    }
    traffic
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_senders_are_counted_exactly() {
    let wanted = std::env::var("LIVEINSIGHT_EXACT_EVENTS").map_or(5_000, |text| text.parse().unwrap());
    let tables = support::tables().await;
    let store = Store::new(tables.client.clone(), &tables.events, &tables.sessions);
    let Traffic { deliveries, events, batches, sessions, views } = traffic(wanted);
    let repeated = deliveries.len() - batches;
    assert!(repeated * 15 > batches, "enough duplicates");

    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        let store = store.clone();
        let mine: Vec<Value> = deliveries.iter().skip(sender).step_by(SENDERS).cloned().collect();
        senders.spawn(async move {
            let mut counted = 0;
            for body in mine {
                // A busy table answers late; the client then sends the same batch again.
                let taken = loop {
                    let batch = Batch::parse(body.to_string().as_bytes(), NOW).unwrap();
                    if let Ok(taken) = take(&store, batch, Sender::default(), NOW).await {
                        break taken;
                    }
                };
                assert_eq!(taken.lost_increments, 0);
                counted += usize::from(!taken.received.duplicate);
            }
            counted
        });
    }
    let counted: usize = senders.join_all().await.into_iter().sum();
    assert_eq!(counted, batches, "each batch got through once");

    let raw = store.raw_events().await.unwrap();
    assert_eq!(raw.len(), events, "every event is kept, and once");
    let total_views: i64 = views.values().sum();
    let window = Window { period: Period::Hour, limit: 2, now: NOW };
    let sums = stats::read(&store, "default", window).await.unwrap();
    assert_eq!((sums.summary.total_sessions, sums.summary.total_pageviews), (i64::try_from(sessions).unwrap(), total_views));
    assert_eq!(sums.hourly_visitors.data, [0, i64::try_from(sessions).unwrap()]);
    let now = realtime::read(&store, "default", NOW).await.unwrap();
    assert_eq!((now.active_users, now.events_last_5min), (i64::try_from(sessions).unwrap(), i64::try_from(events).unwrap()));
    assert_eq!(now.current_pages.values().sum::<i64>(), i64::try_from(sessions).unwrap());
    for page in &sums.top_pages {
        assert_eq!(views.get(&page.url), Some(&page.views));
    }
    println!("{events} events in {batches} batches, {repeated} of them sent twice, {sessions} sessions: all counts exact");
}
