//! Compares counted with sent events in a real DynamoDB: duplicates, disorder, collisions, concurrent senders.

use crate::support;
use crate::support::Tables;
use serde_json::{Value, json};
use shared::batch::Batch;
use shared::ingest::{Taken, take};
use shared::rollup::{self, MOST_LABELS, OTHER, OfMinute};
use shared::sender::Sender;
use shared::stats::{Period, Window};
use shared::store::{Item, Store, StoreError, read_number, read_text, sessions};
use shared::time::{HOUR, MINUTE, Millis, floor};
use shared::{digest, realtime, stats};
use std::collections::{BTreeMap, BTreeSet};

/// Within an hour, so that none of the tests' spans crosses into the next.
const NOW: Millis = 1_795_381_800_000; // 2026-11-22T21:10:00Z

fn store(tables: &Tables) -> Store {
    Store::new(tables.client.clone(), &tables.events, &tables.sessions)
}

fn event(session: usize, timestamp: Millis, page: usize) -> Value {
    json!({
        "session_id": format!("session-{session:04}"), "timestamp": timestamp, "event_type": "page_view",
        "page_url": format!("https://shop.example/{page}"),
    })
}

async fn deliver(store: &Store, body: &Value, now: Millis) -> Result<Taken, StoreError> {
    let batch = Batch::parse(body.to_string().as_bytes(), now).expect("the batch is right");
    take(store, batch, Sender::default(), now).await
}

/// Returns all items of a table: those with keys that begin with an `@`, such as counters, and the others.
async fn scan(tables: &Tables, table: &str) -> (Vec<Item>, Vec<Item>) {
    let mut pages = tables.client.scan().table_name(table).into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(item.unwrap());
    }
    items.into_iter().partition(|item| read_text(item, "session_id").unwrap().starts_with('@'))
}

/// Returns the numbers of minutes, summed over all shards.
fn sum_of_minutes(counters: &[Item], of: OfMinute) -> BTreeMap<Millis, i64> {
    let quarters = counters.iter().filter(|item| read_text(item, "session_id").unwrap().starts_with("@m#"));
    let minutes = quarters.flat_map(|item| (0..15).map(move |minute| (item, read_number(item, "timestamp") + minute * MINUTE)));
    minutes.map(|(item, minute)| (minute, read_number(item, &of.attribute(minute)))).filter(|(_, number)| *number != 0).collect()
}

fn sum(counters: &[Item], prefix: &str, name: &str) -> i64 {
    let of_kind = counters.iter().filter(|item| read_text(item, "session_id").unwrap().starts_with(prefix));
    of_kind.map(|item| read_number(item, name)).sum()
}

/// Generator of numbers that differ but are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit).unwrap()
    }
}

#[tokio::test]
async fn a_delivery_again_changes_no_counter_and_no_session() {
    let tables = support::tables().await;
    let store = store(&tables);
    let body = json!({"events": [event(1, NOW - 10, 1), event(1, NOW - 10, 2)]});
    let first = deliver(&store, &body, NOW).await.unwrap().received;
    assert!(first.new_session && first.session_updated && !first.duplicate);
    let before = (scan(&tables, &tables.events).await, scan(&tables, &tables.sessions).await.1);

    let again = deliver(&store, &body, NOW).await.unwrap().received;
    assert!(!again.new_session && !again.session_updated && again.duplicate);
    assert_eq!(again.processed_events, 2);
    assert_eq!((scan(&tables, &tables.events).await, scan(&tables, &tables.sessions).await.1), before);

    // The same holds much later, when the clock shows another minute and hour.
    let late = deliver(&store, &body, NOW + 2 * HOUR).await.unwrap().received;
    assert!(late.duplicate);
    let (counters, raw) = scan(&tables, &tables.events).await;
    assert_eq!((raw.len(), counters), (2, before.0.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_senders_with_duplicates_disorder_and_collisions_are_counted_exactly() {
    const SESSIONS: usize = 24;
    let tables = support::tables().await;
    let store = store(&tables);
    let mut numbers = Numbers(42);
    let (mut bodies, mut events, mut views) = (Vec::new(), 0, BTreeMap::<String, i64>::new());
    for index in 0..120 {
        // All share ten milliseconds: most events of a session meet another one.
        let mut batch = Vec::new();
        let session = if index < SESSIONS { index } else { numbers.below(SESSIONS as u64) };
        for _ in 0..=numbers.below(5) {
            let page = numbers.below(5);
            let mut event = event(session, NOW - 5_000 + i64::try_from(numbers.below(10)).unwrap(), page);
            if numbers.below(4) == 0 {
                event["event_type"] = json!("click");
            } else {
                *views.entry(format!("/{page}")).or_default() += 1;
            }
            batch.push(event);
            events += 1;
        }
        bodies.push(json!({"batch_id": format!("batch-{index}"), "events": batch}));
    }
    let mut deliveries: Vec<&Value> = bodies.iter().collect();
    for body in &bodies {
        if numbers.below(10) < 3 {
            deliveries.push(body);
        }
    }
    for index in (1..deliveries.len()).rev() {
        let other = numbers.below(index as u64 + 1);
        deliveries.swap(index, other);
    }

    // Twelve concurrent senders have server clocks that differ by up to four minutes.
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..12 {
        let store = store.clone();
        let mine: Vec<Value> = deliveries.iter().skip(sender).step_by(12).map(|body| (*body).clone()).collect();
        let mut clock = Numbers(u64::try_from(sender).unwrap());
        senders.spawn(async move {
            let mut counted = 0;
            for body in mine {
                let now = NOW + i64::try_from(clock.below(240_000)).unwrap();
                let taken = deliver(&store, &body, now).await.unwrap();
                assert_eq!(taken.lost_increments, 0);
                counted += usize::from(!taken.received.duplicate);
            }
            counted
        });
    }
    let counted: usize = senders.join_all().await.into_iter().sum();
    assert_eq!(counted, bodies.len(), "each batch got through once");
    assert!(deliveries.len() > bodies.len() * 5 / 4, "there were enough duplicates");

    let (counters, raw) = scan(&tables, &tables.events).await;
    let (_, sessions) = scan(&tables, &tables.sessions).await;
    let total_views: i64 = views.values().sum();
    assert_eq!((raw.len(), sessions.len()), (events, SESSIONS));
    let identifiers: BTreeSet<_> = raw.iter().map(|item| read_text(item, "event_id").unwrap()).collect();
    assert_eq!(identifiers.len(), events);
    let total = i64::try_from(events).unwrap();
    assert_eq!((sum(&counters, "@h#", "events"), sum(&counters, "@h#", "views")), (total, total_views));
    let minutes = [OfMinute::Events, OfMinute::Views].map(|of| sum_of_minutes(&counters, of).into_values().sum::<i64>());
    assert_eq!(minutes, [total, total_views]);
    assert_eq!(sum(&counters, "@h#", "sessions"), 24);
    let pages: BTreeMap<String, i64> = counters
        .iter()
        .filter(|item| read_text(item, "session_id").unwrap().starts_with("@p#"))
        .map(|item| (read_text(item, "label").unwrap().to_owned(), read_number(item, "views")))
        .collect();
    assert_eq!(pages, views);

    // The histogram of activity is that of the sessions.
    let mut truth = BTreeMap::new();
    for session in &sessions {
        *truth.entry(floor(read_number(session, "last_seen"), MINUTE)).or_insert(0) += 1;
        assert_eq!(read_number(session, "last_activity"), floor(read_number(session, "last_seen"), sessions::ACTIVITY_SPAN));
    }
    assert_eq!(sum_of_minutes(&counters, OfMinute::Active), truth);

    let now = realtime::read(&store, "default", NOW + 5 * MINUTE).await.unwrap();
    assert_eq!(now.active_users, 24);
    assert_eq!(now.current_pages.values().sum::<i64>(), 24);
    assert_eq!(now.minutes.iter().map(|minute| minute.views).sum::<i64>(), total_views);
    let window = Window { period: Period::Hour, limit: 24, now: NOW + 5 * MINUTE };
    let sums = stats::read(&store, "default", window).await.unwrap();
    assert_eq!((sums.summary.total_sessions, sums.summary.total_pageviews), (24, total_views));
    assert_eq!(sums.hourly_visitors.data.iter().sum::<i64>(), 24);
    assert_eq!(sums.top_pages.iter().map(|page| (page.url.clone(), page.views)).collect::<BTreeMap<_, _>>(), views);
}

#[tokio::test]
async fn a_server_whose_clock_is_behind_counts_nobody_twice() {
    let tables = support::tables().await;
    let store = store(&tables);
    let later = NOW + 70 * MINUTE;
    for now in [later, NOW, later, NOW + MINUTE] {
        let body = json!({"batch_id": format!("{now}-{}", scan(&tables, &tables.events).await.1.len()), "events": [event(1, NOW, 1)]});
        assert!(!deliver(&store, &body, now).await.unwrap().received.duplicate);
    }
    let (counters, raw) = scan(&tables, &tables.events).await;
    assert_eq!((raw.len(), sum(&counters, "@h#", "events")), (4, 4));
    assert_eq!(sum(&counters, "@h#", "visitors"), 1);
    let minutes = [OfMinute::Users, OfMinute::Active].map(|of| sum_of_minutes(&counters, of));
    assert_eq!(minutes, [BTreeMap::from([(later, 1)]), BTreeMap::from([(later, 1)])]);
    assert_eq!(sum(&counters, "@h#", "duration"), 0, "time does not run backwards");
}

#[tokio::test]
async fn counters_are_in_no_index() {
    let tables = support::tables().await;
    let store = store(&tables);
    deliver(&store, &json!({"events": [event(1, NOW, 1), event(2, NOW, 1)]}), NOW).await.unwrap();
    let index = |table: &str, name: &str| tables.client.scan().table_name(table).index_name(name).send();
    assert_eq!(index(&tables.events, "EventTypeIndex").await.unwrap().count, 2);
    assert_eq!(index(&tables.sessions, "ActivityIndex").await.unwrap().count, 2);
    let (counters, _) = scan(&tables, &tables.events).await;
    assert!(counters.len() > 2);
    assert!(counters.iter().all(|item| !item.contains_key("event_type") && !item.contains_key("is_active") && item.contains_key("ttl")));
}

#[tokio::test]
async fn two_full_batches_of_one_millisecond_at_once_are_all_kept() {
    let tables = support::tables().await;
    let store = store(&tables);
    let body = |name: &str| json!({"batch_id": name, "events": (0..60).map(|_| event(1, NOW, 1)).collect::<Vec<_>>()});
    let (first, second) = (body("first"), body("second"));
    let results = tokio::join!(deliver(&store, &first, NOW), deliver(&store, &second, NOW), deliver(&store, &first, NOW));
    let counted = [results.0, results.1, results.2].map(|result| usize::from(!result.unwrap().received.duplicate));
    assert_eq!(counted.iter().sum::<usize>(), 2);
    let (counters, raw) = scan(&tables, &tables.events).await;
    assert_eq!((raw.len(), sum(&counters, "@h#", "views")), (120, 120));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_batches_of_one_millisecond_are_a_hundred_events() {
    let tables = support::tables().await;
    let store = store(&tables);
    let mut deliveries = tokio::task::JoinSet::new();
    // Each batch is sent twice, all at once.
    for index in (0..100).chain(0..100) {
        let (store, body) = (store.clone(), json!({"batch_id": format!("b{index}"), "events": [event(1, NOW, index)]}));
        deliveries.spawn(async move {
            loop {
                // For a session with too many writes, the answer permits the client to send again.
                if let Ok(taken) = deliver(&store, &body, NOW).await {
                    return usize::from(!taken.received.duplicate);
                }
            }
        });
    }
    assert_eq!(deliveries.join_all().await.into_iter().sum::<usize>(), 100);
    let (counters, raw) = scan(&tables, &tables.events).await;
    assert_eq!((raw.len(), sum(&counters, "@h#", "views")), (100, 100));
    assert!(raw.iter().all(|item| (0..=1_000).contains(&(read_number(item, "timestamp") - NOW))), "all within a second");
}

#[tokio::test]
async fn pages_of_now_go_on_over_the_end_of_an_hour() {
    let tables = support::tables().await;
    let store = store(&tables);
    let end = floor(NOW, HOUR) + HOUR;
    let pages = async |now: Millis| realtime::read(&store, "default", now).await.unwrap().current_pages;
    let on = |pages: &[(&str, i64)]| pages.iter().map(|(page, sessions)| ((*page).to_owned(), *sessions)).collect::<BTreeMap<_, _>>();
    for (session, page) in [(1, 1), (2, 1)] {
        deliver(&store, &json!({"events": [event(session, end - MINUTE, page)]}), end - MINUTE).await.unwrap();
    }
    assert_eq!(pages(end + 4 * MINUTE).await, on(&[("/1", 2)]));
    // One session goes on to another page, and one stays on the same.
    deliver(&store, &json!({"events": [event(1, end + MINUTE, 2)]}), end + MINUTE).await.unwrap();
    let mut click = event(2, end + MINUTE, 1);
    click["event_type"] = json!("click");
    deliver(&store, &json!({"events": [click]}), end + MINUTE).await.unwrap();
    assert_eq!(pages(end + 4 * MINUTE).await, on(&[("/1", 1), ("/2", 1)]));
    assert_eq!(pages(end + 9 * MINUTE).await, on(&[("/1", 1), ("/2", 1)]), "it leaves ten minutes after the last event at the latest");
    assert_eq!(pages(end + 10 * MINUTE).await, on(&[]));
    let feed = realtime::read(&store, "default", end + 4 * MINUTE).await.unwrap().feed;
    let said: Vec<_> = feed.iter().map(|event| (event.event_type.as_str(), event.path.as_str())).collect();
    assert_eq!(said, [("page_view", "/2"), ("click", "/1"), ("page_view", "/1")]);
    // In the new hour the page is only viewed, not opened: it has no line among the most viewed pages.
    let window = Window { period: Period::Hour, limit: 1, now: end + 4 * MINUTE };
    let top: Vec<_> = stats::read(&store, "default", window).await.unwrap().top_pages.into_iter().map(|page| page.url).collect();
    assert_eq!(top, ["/2"]);
}

#[tokio::test]
async fn what_a_crash_interrupts_is_completed_by_the_retry_and_never_counted_twice() {
    let tables = support::tables().await;
    let store = store(&tables);
    let body = json!({"batch_id": "b", "events": [event(1, NOW, 1), event(2, NOW, 1)]});
    let batch = Batch::parse(body.to_string().as_bytes(), NOW).unwrap();

    // The function ended after one event was stored.
    let delivery = shared::store::events::Delivery {
        site: "default".to_owned(),
        now: NOW,
        skew: None,
        country: None,
        batch: 1,
        visitors: std::collections::HashMap::new(),
    };
    store.keep_events(&batch.events[..1], &delivery).await.unwrap();
    let taken = deliver(&store, &body, NOW).await.unwrap().received;
    assert!(!taken.duplicate && taken.new_session);
    let (counters, raw) = scan(&tables, &tables.events).await;
    assert_eq!((raw.len(), sum(&counters, "@h#", "events")), (2, 2));

    // The function ended between the first session and the second.
    let body = json!({"batch_id": "c", "events": [event(1, NOW, 1), event(2, NOW, 1)]});
    let batch = Batch::parse(body.to_string().as_bytes(), NOW).unwrap();
    let half = Batch { events: batch.events[..1].to_vec(), ..batch };
    take(&store, half, Sender::default(), NOW).await.unwrap();
    assert!(!deliver(&store, &body, NOW).await.unwrap().received.duplicate);
    assert!(deliver(&store, &body, NOW).await.unwrap().received.duplicate);
    let (counters, raw) = scan(&tables, &tables.events).await;
    assert_eq!((raw.len(), sum(&counters, "@h#", "events")), (4, 4));
}

#[tokio::test]
async fn endless_pages_are_counted_together_in_the_end() {
    let tables = support::tables().await;
    let store = store(&tables);
    deliver(&store, &json!({"events": [event(1, NOW, 1)]}), NOW).await.unwrap();
    let (counters, _) = scan(&tables, &tables.events).await;
    assert_eq!(sum(&counters, "@h#", "pages"), 1);

    tables
        .client
        .update_item()
        .table_name(&tables.events)
        .key("session_id", aws_sdk_dynamodb::types::AttributeValue::S(rollup::hour_partition("default", 0)))
        .key("timestamp", aws_sdk_dynamodb::types::AttributeValue::N(floor(NOW, HOUR).to_string()))
        .update_expression("SET pages = :full")
        .expression_attribute_values(":full", aws_sdk_dynamodb::types::AttributeValue::N(MOST_LABELS.to_string()))
        .send()
        .await
        .unwrap();
    let body = json!({"events": [event(1, NOW + 1, 1), event(1, NOW + 2, 2), event(1, NOW + 3, 3)]});
    assert_eq!(deliver(&store, &body, NOW).await.unwrap().lost_increments, 0);

    let sums = stats::read(&store, "default", Window { period: Period::Day, limit: 1, now: NOW }).await.unwrap();
    let pages: Vec<_> = sums.top_pages.iter().map(|page| (page.url.as_str(), page.views)).collect();
    assert_eq!(pages, [(OTHER, 2), ("/1", 2)]);
    // A session on a page without its own counter is among the others, and leaves them.
    let current = async || realtime::read(&store, "default", NOW).await.unwrap().current_pages;
    assert_eq!(current().await, BTreeMap::from([(OTHER.to_owned(), 1)]));
    deliver(&store, &json!({"events": [event(1, NOW + 4, 1)]}), NOW).await.unwrap();
    assert_eq!(current().await, BTreeMap::from([("/1".to_owned(), 1)]));
}

#[tokio::test]
async fn a_session_that_sends_without_end_is_refused_and_its_duplicates_still_known() {
    let tables = support::tables().await;
    let store = store(&tables);
    let body = json!({"batch_id": "b", "events": [event(1, NOW, 1)]});
    deliver(&store, &body, NOW).await.unwrap();
    tables
        .client
        .update_item()
        .table_name(&tables.sessions)
        .key("session_id", aws_sdk_dynamodb::types::AttributeValue::S("session-0001".to_owned()))
        .update_expression("SET batches = :full")
        .expression_attribute_values(":full", aws_sdk_dynamodb::types::AttributeValue::N(sessions::MOST_BATCHES.to_string()))
        .send()
        .await
        .unwrap();
    assert!(deliver(&store, &body, NOW).await.unwrap().received.duplicate);
    let more = json!({"batch_id": "c", "events": [event(1, NOW, 1)]});
    assert!(matches!(deliver(&store, &more, NOW).await, Err(StoreError::SessionFull)));
}

#[tokio::test]
async fn averages_and_lists_are_of_what_was_sent() {
    let tables = support::tables().await;
    let store = store(&tables);
    let mut first = event(1, NOW - 4_000, 1);
    first["referrer"] = json!("https://www.search.example/?q=private");
    first["user_agent"] = json!("Mozilla/5.0 (X11; Linux x86_64)");
    deliver(&store, &json!({"events": [first, event(1, NOW, 2)]}), NOW).await.unwrap();
    deliver(&store, &json!({"events": [event(1, NOW + 56_000, 3)]}), NOW + 56_000).await.unwrap();
    deliver(&store, &json!({"events": [event(2, NOW + 1_000, 1)]}), NOW + 1_000).await.unwrap();
    deliver(&store, &json!({"k": "other", "events": [event(3, NOW, 9)]}), NOW).await.unwrap();

    let sums = stats::read(&store, "default", Window { period: Period::Hour, limit: 2, now: NOW + MINUTE }).await.unwrap();
    assert_eq!(sums.summary.total_sessions, 2);
    assert_eq!(sums.summary.total_pageviews, 4);
    assert_eq!(sums.summary.avg_session_duration, Some(30.0), "one of 60 seconds, one of none");
    assert_eq!(sums.bounce_rate, Some(0.5));
    assert_eq!(sums.hourly_visitors.labels, ["20:00", "21:00"]);
    assert_eq!(sums.hourly_visitors.data, [0, 2]);
    assert_eq!((sums.top_pages[0].url.as_str(), sums.top_pages[0].percentage), ("/1", 50.0));
    let names = |shares: &[shared::wire::Share]| shares.iter().map(|share| share.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&sums.referrers), ["(direct)", "search.example"]);
    assert_eq!(names(&sums.devices), ["desktop", "unknown"]);
    assert_eq!(sums.previous.summary.avg_session_duration, None, "nothing is not zero seconds");

    let day = stats::read(&store, "default", Window { period: Period::Day, limit: 2, now: NOW + MINUTE }).await.unwrap();
    assert_eq!(
        (day.hourly_visitors.labels, day.hourly_visitors.data),
        (vec!["2026-11-21".to_owned(), "2026-11-22".to_owned()], vec![0, 2])
    );
    let other = realtime::read(&store, "other", NOW).await.unwrap();
    assert_eq!((other.active_users, other.current_pages), (1, BTreeMap::from([("/9".to_owned(), 1)])));
}

#[tokio::test]
async fn sessions_leave_after_thirty_minutes() {
    let tables = support::tables().await;
    let store = store(&tables);
    deliver(&store, &json!({"events": [event(1, NOW, 1)]}), NOW).await.unwrap();
    let active_after = async |minutes: i64| realtime::read(&store, "default", NOW + minutes * MINUTE).await.unwrap().active_users;
    assert_eq!((active_after(0).await, active_after(29).await, active_after(30).await), (1, 1, 0));
    deliver(&store, &json!({"events": [event(1, NOW + 20 * MINUTE, 1)]}), NOW + 20 * MINUTE).await.unwrap();
    assert_eq!((active_after(30).await, active_after(49).await, active_after(50).await), (1, 1, 0));
    assert_ne!(digest::label_number("/1"), digest::label_number("/2"));
}
