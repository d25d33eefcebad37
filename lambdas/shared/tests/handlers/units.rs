//! Costs of a million events in DynamoDB: write and read units, computed by a model of item sizes.
//!
//! The traffic is 10 visits of 12 page views at 20 to 60 seconds each. The visitors view 30 pages and come from 5 referrers. A
//! batch is what the tracker sends when a page is opened: the end of the page before, the view of this one, and clicks.

use crate::meter::Meter;
use crate::support;
use crate::support::Tables;
use lambda_http::{Body, Request};
use serde_json::{Value, json};
use shared::batch::Batch;
use shared::endpoints::{Endpoint, RealtimeNow, Service, StatsOverTime};
use shared::ingest::take;
use shared::sender::Sender;
use shared::stats::{Period, Window};
use shared::store::Store;
use shared::time::{MINUTE, Millis, SECOND};
use shared::{realtime, stats};
use std::sync::Arc;
use tokio::task::JoinSet;

const NOW: Millis = 1_795_381_800_000; // 2026-11-22T21:10:00Z
const VISITS: usize = 10;
const VIEWS: usize = 12;

struct Bill {
    events: usize,
    write_units: f64,
    realtime_units: f64,
    stats_units: f64,
}

/// Sends all visits concurrently in batches of `size`, each when its last event happens.
async fn bill(tables: &Tables, size: usize) -> Bill {
    let meter = Meter::new();
    let config = support::config(&support::endpoint()).interceptor(meter.clone());
    let store = Store::new(aws_sdk_dynamodb::Client::from_conf(config.build()), &tables.events, &tables.sessions);
    store.daily_salt(NOW).await.unwrap();
    let salt = meter.write_units();
    let mut deliveries: Vec<(Millis, String, Vec<Value>)> = Vec::new();
    for visit in 0..VISITS {
        let mut time = NOW + i64::try_from(visit).unwrap() * 7 * SECOND;
        let mut before = 0;
        for view in 0..VIEWS {
            let page = (visit * 7 + view * view) % 30;
            let event = |event_type: &str, page: usize, time: Millis| {
                json!({
                    "session_id": format!("0123456789abcdef-{visit:04}"), "timestamp": time, "event_type": event_type,
                    "page_url": format!("https://www.shop.example/products/category-{}/item-{page}", page % 4),
                    "referrer": format!("https://referrer-{}.example/", visit % 5),
                    "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
                    "props": {"engaged_ms": 15_000, "scroll_percent": 80},
                })
            };
            let mut batch = vec![event("page_leave", before, time), event("page_view", page, time + 1)];
            batch.extend((2..size).map(|click| event("click", page, time + i64::try_from(click).unwrap() * 100)));
            deliveries.push((time + SECOND, format!("{visit}-{view}"), batch));
            before = page;
            time += i64::try_from(20 + (visit * 13 + view * 29) % 41).unwrap() * SECOND;
        }
    }
    deliveries.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    let mut events = 0;
    for (time, name, batch) in deliveries {
        events += batch.len();
        let visit = name.split('-').next().unwrap();
        let sender = Sender { country: Some("KR".to_owned()), address: Some(format!("192.0.2.{visit}")) };
        let batch = Batch::parse(json!({"batch_id": name, "events": batch}).to_string().as_bytes(), time).unwrap();
        assert_eq!(take(&store, batch, sender, time).await.unwrap().lost_increments, 0);
    }
    let later = NOW + 8 * MINUTE;
    let before = meter.read_units();
    assert!(realtime::read(&store, "default", later).await.unwrap().active_users > 0);
    let after = meter.read_units();
    stats::read(&store, "default", Window { period: Period::Hour, limit: 24, now: later }).await.unwrap();
    Bill { events, write_units: meter.write_units() - salt, realtime_units: after - before, stats_units: meter.read_units() - after }
}

#[tokio::test]
async fn events_cost_no_more_than_they_may() {
    for (size, most) in [(10, 2.6), (3, 4.1)] {
        let bill = bill(&support::tables().await, size).await;
        assert_eq!(bill.events, VISITS * VIEWS * size);
        let per_event = bill.write_units / f64::from(u32::try_from(bill.events).unwrap());
        println!(
            "batches of {size}: {per_event:.2} write units an event, {} read units for realtime, {} for stats; \
             {:.2} dollars for a million events at 0.625 a million units",
            bill.realtime_units,
            bill.stats_units,
            per_event * 0.625
        );
        assert!(per_event <= most, "batches of {size}: {per_event}");
        assert!(bill.realtime_units <= 4.0, "{}", bill.realtime_units);
        assert!(bill.stats_units <= 8.0, "{}", bill.stats_units);
    }
}

#[tokio::test]
async fn a_thousand_viewers_cost_what_one_does() {
    let tables = support::tables().await;
    let meter = Meter::new();
    let config = support::config(&support::endpoint()).interceptor(meter.clone());
    let store = Store::new(aws_sdk_dynamodb::Client::from_conf(config.build()), &tables.events, &tables.sessions);
    let event = json!({"session_id": "0123456789", "timestamp": NOW, "event_type": "page_view", "page_url": "https://shop.example/a"});
    let batch = Batch::parse(json!({"events": [event]}).to_string().as_bytes(), NOW).unwrap();
    take(&store, batch, Sender::default(), NOW).await.unwrap();
    for nth in 0..2 {
        let now = NOW + nth * MINUTE;
        for (one, all) in [
            (units::<RealtimeNow>(&store, &meter, 1, now).await, units::<RealtimeNow>(&store, &meter, 1_000, now).await),
            (units::<StatsOverTime>(&store, &meter, 1, now).await, units::<StatsOverTime>(&store, &meter, 1_000, now).await),
        ] {
            assert!(one.0 > 0.0 && all.0 <= one.0, "{} units for one, {} for all", one.0, all.0);
            let Body::Text(text) = &all.1[0] else { panic!("no text") };
            assert!(text.contains("success") && text.contains("/a"), "{text}");
            assert!(all.1.iter().all(|told| matches!(told, Body::Text(other) if other == text)), "all are told the same");
        }
    }
}

/// Returns the units of this many concurrent viewers, each with a request at its own time within a second, and the answers.
async fn units<E: Endpoint>(store: &Store, meter: &Meter, viewers: i64, now: Millis) -> (f64, Vec<Body>) {
    let service = Arc::new(Service::new(store.clone()));
    let before = meter.read_units();
    let mut all = JoinSet::new();
    for viewer in 0..viewers {
        let service = Arc::clone(&service);
        all.spawn(async move { service.answer::<E>(&Request::new(Body::Empty), now + viewer % 1_000).await.0.into_body() });
    }
    let told = all.join_all().await;
    (meter.read_units() - before, told)
}
