//! Tests the maximum writes that one client can cause in the collector, against a real table: by sites, sessions, units and
//! networks.

use crate::meter::Meter;
use crate::support;
use crate::support::Tables;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request};
use serde_json::{Value, json};
use shared::batch::{Batch, MOST_SESSIONS};
use shared::charge;
use shared::endpoints::{Events, Service};
use shared::ingest::take;
use shared::limit::{GATEWAY_BURST, REQUESTS_PER_MINUTE, RateLimit};
use shared::network::Networks;
use shared::sender::Sender;
use shared::sites::Sites;
use shared::spend::Spending;
use shared::store::{Item, Store};
use shared::time::{HOUR, MINUTE, Millis, floor};

const NOW: Millis = 1_795_381_800_000; // 2026-11-22T21:10:00Z, the beginning of a minute

fn service(tables: &Tables) -> Service {
    Service::new(Store::new(tables.client.clone(), &tables.events, &tables.sessions))
}

fn view(session: &str, page: &str, time: Millis) -> Value {
    json!({"session_id": session, "timestamp": time, "event_type": "page_view", "page_url": format!("https://shop.example{page}")})
}

fn post(body: &Value, address: &str) -> Request {
    let mut request = lambda_http::http::Request::builder().method("POST").body(Body::Text(body.to_string())).unwrap();
    request.headers_mut().insert("cloudfront-viewer-address", format!("{address}:50000").parse().unwrap());
    request
}

async fn answer(service: &Service, request: &Request, now: Millis) -> (StatusCode, Value) {
    let (response, _) = service.answer::<Events>(request, now).await;
    let Body::Text(text) = response.body() else { panic!("answers are text") };
    (response.status(), serde_json::from_str(text).unwrap())
}

async fn items(tables: &Tables) -> Vec<Item> {
    let mut all = Vec::new();
    for table in [&tables.events, &tables.sessions] {
        all.extend(tables.client.scan().table_name(table).send().await.unwrap().items.unwrap_or_default());
    }
    all
}

#[tokio::test]
async fn an_unknown_site_is_refused_for_good_and_writes_nothing() {
    let tables = support::tables().await;
    let mut service = service(&tables);
    service.sites = Sites::parse(Some("shop,blog")).unwrap();
    let batch = |site: Option<&str>| json!({"k": site, "events": [view("session-0001", "/a", NOW)]});
    for site in [Some("other"), Some("default"), Some("sho"), None] {
        let (status, data) = answer(&service, &post(&batch(site), "192.0.2.1"), NOW).await;
        // The tracker repeats a batch after 401, 429 or 5xx, and drops it after 403.
        assert_eq!((status, &data["details"]["field"]), (StatusCode::FORBIDDEN, &json!("k")), "{data}");
        assert!(data["message"].as_str().unwrap().starts_with(&format!("unknown site {}: ", site.unwrap_or("default"))), "{data}");
    }
    assert!(items(&tables).await.is_empty());
    assert_eq!(answer(&service, &post(&batch(Some("blog")), "192.0.2.1"), NOW).await.0, StatusCode::OK);
    service.sites = Sites::Any;
    assert_eq!(answer(&service, &post(&batch(Some("other")), "192.0.2.1"), NOW).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_batch_of_many_sessions_is_refused_whole() {
    let tables = support::tables().await;
    let service = service(&tables);
    let batch = |sessions: usize| {
        let events: Vec<Value> = (0..20).map(|index| view(&format!("session-{:04}", index % sessions), "/a", NOW)).collect();
        json!({ "events": events })
    };
    let (status, data) = answer(&service, &post(&batch(MOST_SESSIONS + 1), "192.0.2.1"), NOW).await;
    assert_eq!((status, &data["details"]["field"]), (StatusCode::BAD_REQUEST, &json!("events")));
    assert_eq!(data["details"]["error"], "must be of at most 5 sessions, not 6: send them in several batches");
    assert!(items(&tables).await.is_empty());
    assert_eq!(answer(&service, &post(&batch(MOST_SESSIONS), "192.0.2.1"), NOW).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_batch_whose_events_are_too_large_together_is_refused() {
    let tables = support::tables().await;
    let service = service(&tables);
    let mut large = view("session-0001", "/a", NOW);
    large["props"] = json!({"text": "x".repeat(1_000)});
    large["referrer"] = json!(format!("https://y/{}", "b/".repeat(500)));
    let events: Vec<Value> = (0..90).map(|_| large.clone()).collect();
    let (status, data) = answer(&service, &post(&json!({ "events": events }), "192.0.2.1"), NOW).await;
    assert_eq!((status, &data["status"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("error")), "{data}");
    assert!(items(&tables).await.is_empty());
    assert_eq!(answer(&service, &post(&json!({ "events": &events[..45] }), "192.0.2.1"), NOW).await.0, StatusCode::OK);
}

/// Returns expensive batches: many pages, sessions, large items, new hours, labels beyond the separately counted ones.
fn dear_batches() -> Vec<(Value, Millis)> {
    let mut batches = Vec::new();
    for hour in 0..3 {
        let now = NOW + hour * HOUR;
        let pages: Vec<Value> = (0..40).map(|page| view("session-0001", &format!("/{hour}/page-{page}"), now)).collect();
        let mut sessions: Vec<Value> = (0..5).map(|session| view(&format!("session-{hour}-{session:04}"), "/b", now)).collect();
        for (index, event) in sessions.iter_mut().enumerate() {
            event["referrer"] = json!(format!("https://from-{hour}-{index}.example/"));
        }
        let mut large = view(&format!("session-large-{hour}"), &format!("/{}", "long/".repeat(300)), now);
        large["referrer"] = json!(format!("https://y/{}", "b/".repeat(900)));
        large["props"] = json!({"text": "x".repeat(1_000)});
        batches.extend([
            (json!({ "events": pages }), now),
            (json!({ "events": sessions }), now + 7 * MINUTE),
            (json!({ "events": [large] }), now),
        ]);
        // The session moves on, from one page to the next and from one quarter of an hour to the next.
        batches.push((json!({ "events": [view("session-0001", "/c", now + 20 * MINUTE)] }), now + 20 * MINUTE));
    }
    batches
}

#[tokio::test]
async fn no_batch_costs_more_than_it_is_charged() {
    let tables = support::tables().await;
    let meter = Meter::new();
    let config = support::config(&support::endpoint()).interceptor(meter.clone());
    let store = Store::new(aws_sdk_dynamodb::Client::from_conf(config.build()), &tables.events, &tables.sessions);
    store.daily_salt(NOW).await.unwrap();
    for (index, (body, now)) in dear_batches().into_iter().enumerate() {
        // A day's salt is created once a day, and is not part of the batch.
        store.daily_salt(now).await.unwrap();
        let batch = Batch::parse(body.to_string().as_bytes(), now).unwrap();
        let charged = charge::units(&batch);
        let before = meter.write_units();
        let sender = Sender { country: Some("KR".to_owned()), address: Some(format!("192.0.2.{index}")) };
        let taken = take(&store, batch, sender, now).await.unwrap();
        #[expect(clippy::cast_precision_loss, reason = "units stay far below 2⁵³")]
        let charged = (charged + taken.extra_units) as f64;
        let cost = meter.write_units() - before;
        assert!(cost <= charged, "batch {index} cost {cost} and was charged {charged}");
        assert!(cost * 3.0 >= charged, "batch {index} cost {cost} and was charged {charged}, which is far too much");
    }
}

#[tokio::test]
async fn a_session_that_remembers_many_batches_and_places_that_are_taken_are_charged_afterwards() {
    let tables = support::tables().await;
    let store = Store::new(tables.client.clone(), &tables.events, &tables.sessions);
    let send = async |name: String| {
        let body = json!({"batch_id": name, "events": [view("session-0001", "/a", NOW)]});
        take(&store, Batch::parse(body.to_string().as_bytes(), NOW).unwrap(), Sender::default(), NOW).await.unwrap().extra_units
    };
    assert_eq!(send("first".to_owned()).await, 0);
    let mut extra = 0;
    for index in 0..120 {
        extra = send(format!("batch-{index}")).await;
    }
    assert!(extra >= 2, "over a hundred numbers of 11 bytes are a kilobyte, and all places around one moment are tried: {extra}");
}

#[tokio::test]
async fn one_client_uses_no_more_than_its_fifth_in_any_number_of_containers_and_others_are_not_touched() {
    let tables = support::tables().await;
    let mut containers: Vec<Service> = (0..GATEWAY_BURST).map(|_| service(&tables)).collect();
    for container in &mut containers {
        // This test limits units, not requests.
        container.limit = RateLimit::new(0);
    }
    let containers = containers;
    // A batch of 40 pages costs 176 units.
    let batch = |name: usize| {
        let events: Vec<Value> = (0..40).map(|page| view(&format!("session-{name:04}"), &format!("/{page}"), NOW)).collect();
        json!({"batch_id": name.to_string(), "events": events})
    };
    let charged = charge::units(&Batch::parse(batch(0).to_string().as_bytes(), NOW).unwrap());
    let mut taken = 0;
    for nth in 0..60 {
        let (status, _) = answer(&containers[nth % containers.len()], &post(&batch(nth), "192.0.2.1"), NOW).await;
        taken += i64::from(status == StatusCode::OK);
    }
    let leasable = Spending::new(REQUESTS_PER_MINUTE).leasable(false);
    // Each container leased a little more than it used.
    assert!(taken * charged <= leasable && (taken + 3) * charged > leasable, "{taken} batches of {charged} units, of {leasable}");

    // A refused client gets the time of its next admission, and is admitted then.
    let (response, _) = containers[0].answer::<Events>(&post(&batch(900), "192.0.2.1"), NOW + 30_000).await;
    assert_eq!((response.status(), &response.headers()["retry-after"]), (StatusCode::TOO_MANY_REQUESTS, &"31".parse().unwrap()));
    assert_eq!(answer(&containers[0], &post(&batch(901), "192.0.2.2"), NOW).await.0, StatusCode::OK, "another client");
    assert_eq!(answer(&containers[0], &post(&batch(902), "192.0.2.1"), NOW + MINUTE).await.0, StatusCode::OK, "the next minute");

    let kept = items(&tables).await;
    let leases = kept.iter().filter(|item| item["session_id"].as_s().unwrap().starts_with("@l#"));
    assert!(leases.clone().count() > 0 && leases.clone().all(|item| item.contains_key("ttl")));
    assert!(!format!("{kept:?}").contains("192.0.2."), "no address is kept");
}

#[tokio::test]
async fn a_thousand_clients_use_no_more_than_all_may() {
    let tables = support::tables().await;
    let store = Store::new(tables.client.clone(), &tables.events, &tables.sessions);
    let containers = [(); 4].map(|()| Spending::new(REQUESTS_PER_MINUTE));
    let mut spent = 0;
    for client in 0..30 {
        let networks = Networks::of(&format!("192.0.2.{client}"));
        for nth in 0..7 {
            let granted = containers[nth % containers.len()].spend(&store, &networks, charge::MOST_UNITS, NOW).await.is_ok();
            spent += if granted { charge::MOST_UNITS } else { 0 };
        }
    }
    let together = containers[0].leasable_together();
    assert!(spent <= together && spent > together * 3 / 4, "{spent} of {together}");
}

#[tokio::test]
async fn a_64_of_ipv6_addresses_has_half_of_what_its_48_has() {
    let tables = support::tables().await;
    let mut service = service(&tables);
    service.limit = RateLimit::new(0);
    let events: Vec<Value> = (0..100).map(|page| view("session-0001", &format!("/{page}"), NOW)).collect();
    let charged = charge::units(&Batch::parse(json!({ "events": events }).to_string().as_bytes(), NOW).unwrap());
    let mut taken = Vec::new();
    for (network, host) in (0..36).map(|nth| (nth / 12, nth % 12)) {
        // The same batch again is charged again: it is written again.
        let address = format!("2001:db8:1:{network}::{host}");
        let (status, _) = answer(&service, &post(&json!({"batch_id": "same", "events": events}), &address), NOW).await;
        if status == StatusCode::OK {
            taken.push(network);
        }
    }
    let of = |network: i32| i64::try_from(taken.iter().filter(|taken| **taken == network).count()).unwrap();
    let (narrow, wide) = (Spending::new(REQUESTS_PER_MINUTE).leasable(true), Spending::new(REQUESTS_PER_MINUTE).leasable(false));
    assert_eq!((of(0), of(1)), (narrow / charged, narrow / charged), "each /64 has its half");
    assert!((of(0) + of(1) + of(2)) * charged <= wide, "the /48 has no more than one client");
}

#[tokio::test]
async fn a_visitor_and_an_office_are_never_limited() {
    let tables = support::tables().await;
    let service = service(&tables);
    // 60 people behind one address each send two batches for a page that is read in 40 seconds: 180 in a minute, in order of
    // time.
    for nth in 0..180_i64 {
        let now = NOW + nth * MINUTE / 180;
        let body = json!({"batch_id": nth.to_string(), "events": [view(&format!("session-{:04}", nth % 60), "/a", now)]});
        let (status, data) = answer(&service, &post(&body, "192.0.2.1"), now).await;
        assert_eq!(status, StatusCode::OK, "batch {nth}: {data}");
    }
    let leases = async |address: &str| {
        let before = items(&tables).await.iter().filter(|item| item["session_id"].as_s().unwrap().starts_with("@l#")).count();
        let body = json!({"batch_id": "visitor", "events": [view("session-9999", "/a", NOW)]});
        assert_eq!(answer(&service, &post(&body, address), NOW).await.0, StatusCode::OK);
        items(&tables).await.iter().filter(|item| item["session_id"].as_s().unwrap().starts_with("@l#")).count() - before
    };
    assert_eq!(leases("192.0.2.77").await, 0, "a visitor's page costs no write more");
    assert_eq!(floor(NOW, MINUTE), NOW);
}
