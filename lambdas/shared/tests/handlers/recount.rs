//! Kills a function between any two of its writes: the client's repetition and a recount make the counts exact.

use crate::meter::Meter;
use crate::support;
use crate::support::Tables;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use serde_json::{Value, json};
use shared::batch::Batch;
use shared::ingest::take;
use shared::recount::recount;
use shared::sender::Sender;
use shared::stats::{self, Period, Window};
use shared::store::{Item, Store, read_number, read_text};
use shared::time::{HOUR, MINUTE, Millis};
use std::collections::BTreeMap;

/// Within an hour, so that none of the tests' spans crosses into the next.
const NOW: Millis = 1_795_381_800_000; // 2026-11-22T21:10:00Z

fn store_with(tables: &Tables, meter: Meter) -> Store {
    let config = support::config(&support::endpoint()).retry_config(RetryConfig::disabled()).interceptor(meter);
    Store::new(aws_sdk_dynamodb::Client::from_conf(config.build()), &tables.events, &tables.sessions)
}

fn bodies() -> [(Value, Millis); 3] {
    let event = |session: &str, time: Millis, event_type: &str, page: &str| {
        json!({
            "session_id": session, "timestamp": time, "event_type": event_type, "page_url": format!("https://shop.example{page}"),
            "referrer": "https://search.example/", "user_agent": "Mozilla/5.0 (Windows NT 10.0)", "props": {"engaged_ms": 700},
        })
    };
    let first = json!({"batch_id": "one", "events": [event("session-0001", NOW, "page_view", "/a")]});
    let second = json!({"batch_id": "two", "events": [
        event("session-0001", NOW + MINUTE, "page_view", "/b"), event("session-0001", NOW + MINUTE, "click", "/b"),
        event("session-0002", NOW + MINUTE, "page_view", "/a"),
    ]});
    let third = json!({"batch_id": "three", "events": [event("session-0002", NOW + 2 * HOUR, "page_view", "/a")]});
    [(first, NOW), (second, NOW + MINUTE), (third, NOW + 2 * HOUR)]
}

fn sender() -> Sender {
    Sender { country: Some("KR".to_owned()), address: Some("192.0.2.1".to_owned()) }
}

async fn send(store: &Store, body: &Value, now: Millis) -> bool {
    let batch = Batch::parse(body.to_string().as_bytes(), now).unwrap();
    take(store, batch, sender(), now).await.is_ok_and(|taken| taken.lost_increments == 0)
}

/// Returns all counters that a recount covers, without zeros.
async fn counters(tables: &Tables) -> BTreeMap<(String, i64, String), i64> {
    let items: Vec<Item> = tables.client.scan().table_name(&tables.events).send().await.unwrap().items.unwrap();
    let mut counters = BTreeMap::new();
    for item in &items {
        let partition = read_text(item, "session_id").unwrap();
        if ["@h#", "@p#", "@r#", "@c#", "@d#"].iter().any(|kind| partition.starts_with(kind)) {
            let is_counter = |name: &String| match partition.as_bytes()[1] {
                b'h' => !["timestamp", "ttl", "session_id"].contains(&name.as_str()),
                // Counters of current presence are in the same items. After the hour they are no longer read.
                _ => name == "views" || name == "sessions",
            };
            for name in item.keys().filter(|name| is_counter(name)) {
                counters.insert((partition.to_owned(), read_number(item, "timestamp"), name.clone()), read_number(item, name));
            }
        }
    }
    counters.retain(|_, number| *number != 0);
    counters
}

#[tokio::test]
async fn killed_between_any_two_writes_it_is_exact_after_a_repetition_and_a_recount() {
    let whole = support::tables().await;
    let meter = Meter::new();
    let store = store_with(&whole, meter.clone());
    for (body, now) in bodies() {
        assert!(send(&store, &body, now).await);
    }
    let truth = counters(&whole).await;
    let later = NOW + 4 * HOUR;
    let nothing_wrong = recount(&store, later, true).await.unwrap();
    assert_eq!((nothing_wrong.differences, nothing_wrong.hours, nothing_wrong.unsettled), (vec![], 23, 0));
    assert!(truth.len() > 15, "{truth:?}");

    let mut short = 0;
    for writes in 0..i64::try_from(meter.writes()).unwrap() {
        let tables = support::tables().await;
        let dying = store_with(&tables, Meter::ending_after(writes));
        let alive = store_with(&tables, Meter::new());
        for (body, now) in bodies() {
            // The client repeats an unanswered batch; the next batches meet a running function.
            if !send(&dying, &body, now).await {
                assert!(send(&alive, &body, now).await);
            }
        }
        let before = counters(&tables).await;
        // A decrement of `bounced` can be lost as well, and a day's visitor can be counted an hour late.
        let counts_up = |name: &str| name != "bounced" && name != "day_visitors";
        for (key, number) in before.iter().filter(|(key, _)| counts_up(&key.2)) {
            assert!(*number <= truth.get(key).copied().unwrap_or(0), "never too high: {key:?} after {writes} writes");
        }
        short += usize::from(before != truth);

        let looked = recount(&alive, later, false).await.unwrap();
        assert_eq!((looked.repaired, counters(&tables).await), (0, before), "looking changes nothing");
        let repaired = recount(&alive, later, true).await.unwrap();
        assert_eq!(repaired.repaired, repaired.differences.len());
        assert_eq!(counters(&tables).await, truth, "killed after {writes} writes");
        assert_eq!(recount(&alive, later, true).await.unwrap().differences, [], "once is enough");
    }
    assert!(short > 5, "some of the deaths left something short, or the test shows nothing");
}

#[tokio::test]
async fn what_is_on_its_way_is_left_alone() {
    let tables = support::tables().await;
    let store = store_with(&tables, Meter::new());
    let [(body, now), ..] = bodies();
    // The function is killed right after the gate: salt, event, gate.
    let dying = store_with(&tables, Meter::ending_after(9));
    assert!(!send(&dying, &body, now).await);
    assert!(recount(&store, now + MINUTE, true).await.unwrap().differences.is_empty(), "the running hour");
    // The hour is over, but the session has only just been active.
    let again = json!({"batch_id": "x", "events": [{
        "session_id": "session-0001", "timestamp": now + HOUR, "event_type": "click", "page_url": "https://shop.example/a"}]});
    assert!(send(&store, &again, now + HOUR).await);
    let report = recount(&store, now + HOUR, true).await.unwrap();
    assert_eq!(report.unsettled, 1);
    assert!(!report.differences.is_empty() && report.differences.iter().all(|difference| difference.attribute != "sessions"));
    recount(&store, now + 3 * HOUR, true).await.unwrap();
    let sums = stats::read(&store, "default", Window { period: Period::Hour, limit: 6, now: now + 3 * HOUR }).await.unwrap();
    assert_eq!((sums.summary.total_sessions, sums.summary.total_pageviews, sums.bounce_rate), (1, 1, Some(1.0)));
    assert_eq!((sums.hourly_visitors.data, sums.referrers[0].name.as_str()), (vec![0, 0, 1, 1, 0, 0], "search.example"));
}
