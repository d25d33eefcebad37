//! Tests of access, of counting, and of the stored data.

use crate::support;
use crate::support::Tables;
use lambda_http::http::StatusCode;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request};
use serde_json::{Value, json};
use shared::edge::Edge;
use shared::endpoints::{Endpoint, Events, RealtimeNow, Service, StatsOverTime};
use shared::http::Origins;
use shared::limit::RateLimit;
use shared::secrets::Access;
use shared::store::visitors::salt_key;
use shared::store::{Item, Store, read_text};
use shared::time::{DAY, HOUR, MINUTE, Millis, floor};
use shared::token::{GRACE, OPEN_READING, READ_TOKEN_SHA256, READING_CLOSED, Readers, Signer};

/// Within an hour, so that none of the tests' spans crosses into the next.
const NOW: Millis = 1_795_381_800_000; // 2026-11-22T21:10:00Z
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0";

fn service(tables: &Tables) -> Service {
    Service::new(Store::new(tables.client.clone(), &tables.events, &tables.sessions))
}

fn view(session: &str, time: Millis) -> Value {
    json!({
        "session_id": session, "timestamp": time, "event_type": "page_view", "page_url": "https://shop.example/a",
        "user_agent": FIREFOX,
    })
}

fn post(body: &Value, headers: &[(&'static str, &str)]) -> Request {
    let mut request = lambda_http::http::Request::builder().method("POST").body(Body::Text(body.to_string())).unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    request
}

async fn answer<E: Endpoint>(service: &Service, request: &Request, now: Millis) -> (StatusCode, Value) {
    let (response, _) = service.answer::<E>(request, now).await;
    assert!(response.headers().contains_key("access-control-allow-origin"), "also refusals can be read by the page");
    let Body::Text(text) = response.body() else { panic!("answers are text") };
    (response.status(), serde_json::from_str(text).unwrap())
}

async fn items(tables: &Tables, table: &str) -> Vec<Item> {
    tables.client.scan().table_name(table).send().await.unwrap().items.unwrap_or_default()
}

#[tokio::test]
async fn programs_and_those_who_opt_out_leave_nothing_behind() {
    let tables = support::tables().await;
    let service = service(&tables);
    let body = json!({"events": [view("session-0001", NOW), {"session_id": "x"}]});
    for header in [("sec-gpc", "1"), ("dnt", "1"), ("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1)")] {
        let (status, data) = answer::<Events>(&service, &post(&body, &[header]), NOW).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!((&data["data"]["processed_events"], &data["data"]["ignored"]), (&json!(0), &json!(1)), "{header:?}");
        assert_eq!(data["data"]["rejected"][0]["index"], 1);
    }
    assert_eq!(items(&tables, &tables.events).await.len() + items(&tables, &tables.sessions).await.len(), 0);

    let mut headless = view("session-0002", NOW);
    headless["user_agent"] = json!("Mozilla/5.0 HeadlessChrome/156.0");
    let mixed = json!({"events": [headless, view("session-0001", NOW)]});
    let (_, data) = answer::<Events>(&service, &post(&mixed, &[("dnt", "0")]), NOW).await;
    assert_eq!((&data["data"]["processed_events"], &data["data"]["ignored"]), (&json!(1), &json!(1)));
    let kept = items(&tables, &tables.events).await;
    assert_eq!(kept.iter().filter(|item| item.contains_key("event_id")).count(), 1);
}

#[tokio::test]
async fn a_client_that_asks_too_often_waits_and_no_other_does() {
    let tables = support::tables().await;
    let mut service = service(&tables);
    service.limit = RateLimit::new(3);
    let request = |address: &str| post(&json!({}), &[("cloudfront-viewer-address", address)]);
    for _ in 0..3 {
        assert_eq!(answer::<Events>(&service, &request("192.0.2.1:1"), NOW).await.0, StatusCode::BAD_REQUEST);
    }
    let (response, _) = service.answer::<Events>(&request("192.0.2.1:2"), NOW).await;
    assert_eq!((response.status(), &response.headers()["retry-after"]), (StatusCode::TOO_MANY_REQUESTS, &"21".parse().unwrap()));
    assert_eq!(answer::<Events>(&service, &request("192.0.2.2:1"), NOW).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(answer::<Events>(&service, &request("192.0.2.1:2"), NOW + 21_000).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn forged_posts_to_a_session_are_refused_and_write_nothing() {
    let tables = support::tables().await;
    let service = service(&tables);
    service.set_access(Access { signer: Signer::parse(Some("secret")), ..Access::default() });
    let first = json!({"batch_id": "first", "events": [view("session-0001", NOW)]});
    let (status, data) = answer::<Events>(&service, &post(&first, &[]), NOW).await;
    assert_eq!(status, StatusCode::OK);
    let token = data["data"]["token"].clone();

    // The first answer may never have been read: for a while the session needs no proof, and a repetition never does.
    let late = NOW + GRACE + MINUTE;
    let batch = |name: &str, session: &str, token: &Value| json!({"batch_id": name, "token": token, "events": [view(session, late)]});
    let young = json!({"batch_id": "young", "events": [view("session-0001", NOW)]});
    assert_eq!(answer::<Events>(&service, &post(&young, &[]), NOW + MINUTE).await.0, StatusCode::OK);
    let (status, data) = answer::<Events>(&service, &post(&first, &[]), late).await;
    assert_eq!((status, &data["data"]["duplicate"]), (StatusCode::OK, &json!(true)));

    let before = items(&tables, &tables.events).await.len();
    for forged in [Value::Null, json!("1.00"), json!(""), json!("é".repeat(100)), json!(format!("{}0", token.as_str().unwrap()))] {
        let (status, data) = answer::<Events>(&service, &post(&batch("forged", "session-0001", &forged), &[]), late).await;
        assert_eq!((status, &data["status"]), (StatusCode::UNAUTHORIZED, &json!("error")), "{forged}");
    }
    // A token of the sender's own session opens no other.
    let foreign = json!({"token": token, "events": [view("session-0001", late), view("session-0002", late)]});
    assert_eq!(answer::<Events>(&service, &post(&foreign, &[]), late).await.0, StatusCode::OK, "the other one is new");
    let foreign = json!({"token": token, "events": [view("session-0001", late + DAY / 2), view("session-0002", late + DAY / 2)]});
    assert_eq!(answer::<Events>(&service, &post(&foreign, &[]), late + DAY / 2).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer::<Events>(&service, &post(&json!({"token": "x".repeat(300), "events": []}), &[]), late).await.0,
        StatusCode::BAD_REQUEST
    );
    let raw = |items: Vec<Item>| items.iter().filter(|item| item.contains_key("event_id")).count();
    assert_eq!(raw(items(&tables, &tables.events).await), 4, "two of the first hour, and the two that were proven");
    assert!(before > 0);

    assert_eq!(answer::<Events>(&service, &post(&batch("own", "session-0001", &token), &[]), late).await.0, StatusCode::OK);
}

#[tokio::test]
async fn readers_show_their_token() {
    let tables = support::tables().await;
    let service = service(&tables);
    let get = |headers: &[(&'static str, &str)]| {
        let mut request = post(&json!({}), headers);
        *request.method_mut() = "GET".parse().unwrap();
        request
    };
    service.set_access(Access { readers: Readers::Nobody, ..Access::default() });
    let (status, data) = answer::<RealtimeNow>(&service, &get(&[("x-api-key", "secret")]), NOW).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(data["message"], format!("{READING_CLOSED}; {OPEN_READING}"));
    assert_eq!(data["details"]["field"], READ_TOKEN_SHA256, "by this the dashboard knows that no token would be taken");

    // printf secret | sha256sum
    let readers = Readers::parse(Some("2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"), None).unwrap();
    service.set_access(Access { readers, ..Access::default() });
    for headers in [vec![], vec![("x-api-key", "wrong")], vec![("authorization", "Bearer wrong")], vec![("authorization", "secret")]] {
        assert_eq!(answer::<StatsOverTime>(&service, &get(&headers), NOW).await.0, StatusCode::UNAUTHORIZED);
        let (response, _) = service.answer::<RealtimeNow>(&get(&headers), NOW).await;
        assert_eq!((response.status(), &response.headers()["cache-control"]), (StatusCode::UNAUTHORIZED, &"no-store".parse().unwrap()));
    }
    for header in [("x-api-key", "secret"), ("authorization", "bearer secret")] {
        let (response, _) = service.answer::<RealtimeNow>(&get(&[header]), NOW).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["cache-control"], "private, max-age=0", "shared caches must not hand it to others");
        assert_eq!(answer::<StatsOverTime>(&service, &get(&[header]), NOW).await.0, StatusCode::OK);
    }
    assert_eq!(answer::<Events>(&service, &post(&json!({"events": [view("session-0001", NOW)]}), &[]), NOW).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_visitor_is_counted_once_an_hour_and_once_a_day_and_no_address_is_kept() {
    let tables = support::tables().await;
    let service = service(&tables);
    let visit = async |session: &str, address: &str, now: Millis| {
        let body = json!({"events": [view(session, now)]});
        let headers = [("cloudfront-viewer-address", address), ("cloudfront-viewer-country", "KR")];
        assert_eq!(answer::<Events>(&service, &post(&body, &headers), now).await.0, StatusCode::OK);
    };
    // One visitor has two sessions, another has one; then the first visitor returns in the next hour and on the next day.
    visit("session-0001", "192.0.2.101:5", NOW).await;
    visit("session-0002", "192.0.2.101:6", NOW + MINUTE).await;
    visit("session-0003", "192.0.2.102:5", NOW + MINUTE).await;
    visit("session-0001", "192.0.2.101:5", NOW + HOUR).await;
    visit("session-0004", "192.0.2.101:5", NOW + 3 * HOUR).await;

    let ask = async |query: &[(&str, &str)], now: Millis| {
        let pairs: std::collections::HashMap<String, Vec<String>> =
            query.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
        let request = lambda_http::RequestExt::with_query_string_parameters(Request::new(Body::Empty), pairs);
        answer::<StatsOverTime>(&service, &request, now).await.1["data"].clone()
    };
    let hours = ask(&[("limit", "4")], NOW + 3 * HOUR).await;
    assert_eq!(hours["hourly_visitors"]["data"], json!([2, 1, 0, 1]));
    assert_eq!(hours["hourly_visitors"]["sessions"], json!([3, 0, 0, 1]));
    assert_eq!(hours["summary"]["total_visitors"], Value::Null);
    let days = ask(&[("period", "day"), ("limit", "2")], NOW + 3 * HOUR).await;
    assert_eq!((&days["hourly_visitors"]["data"], &days["summary"]["total_visitors"]), (&json!([2, 1]), &json!(3)));

    let everything = format!("{:?}{:?}", items(&tables, &tables.events).await, items(&tables, &tables.sessions).await);
    assert!(everything.contains("Firefox") && !everything.contains("192.0.2."));
}

#[tokio::test]
async fn a_salt_is_the_same_for_all_and_gone_after_two_days() {
    let tables = support::tables().await;
    let stores: Vec<Store> = (0..8).map(|_| Store::new(tables.client.clone(), &tables.events, &tables.sessions)).collect();
    let mut salts = tokio::task::JoinSet::new();
    for store in stores.clone() {
        salts.spawn(async move { store.daily_salt(NOW).await.unwrap() });
    }
    let salts = salts.join_all().await;
    assert!(salts.iter().all(|salt| *salt == salts[0]));
    let kept = async || {
        let items = items(&tables, &tables.events).await;
        let mut keys: Vec<String> = items.iter().map(|item| read_text(item, "session_id").unwrap().to_owned()).collect();
        keys.sort();
        keys
    };
    assert_ne!(stores[0].daily_salt(NOW + DAY).await.unwrap(), salts[0]);
    assert_eq!(kept().await, [salt_key(floor(NOW, DAY)), salt_key(NOW + DAY)], "the last one is needed by sessions past midnight");
    stores[1].daily_salt(NOW + 2 * DAY).await.unwrap();
    assert_eq!(kept().await, [salt_key(NOW + DAY), salt_key(NOW + 2 * DAY)]);
}

#[tokio::test]
async fn realtime_tells_sources_and_the_latest_events() {
    let tables = support::tables().await;
    let service = service(&tables);
    let send = async |session: &str, event_type: &str, page: &str, now: Millis| {
        let mut event = view(session, now);
        event["event_type"] = json!(event_type);
        event["page_url"] = json!(format!("https://shop.example{page}?token=secret"));
        event["referrer"] = json!("https://search.example/?q=private");
        event["props"] = json!({"engaged_ms": 4_000});
        let request = post(&json!({"events": [event]}), &[("cloudfront-viewer-country", "KR")]);
        assert_eq!(answer::<Events>(&service, &request, now).await.0, StatusCode::OK);
    };
    send("session-0001", "page_view", "/a", NOW).await;
    send("session-0002", "page_view", "/b", NOW + 1_000).await;
    send("session-0001", "page_leave", "/a", NOW + 2_000).await;
    send("session-0002", "conversion", "/b", NOW + 3_000).await;

    let get = Request::new(Body::Empty);
    let (_, realtime) = answer::<RealtimeNow>(&service, &get, NOW + 4_000).await;
    let data = &realtime["data"];
    let feed = json!([
        {"t": NOW + 3_000, "event_type": "conversion", "path": "/b", "country": "KR"},
        {"t": NOW, "event_type": "page_view", "path": "/a", "country": "KR"},
    ]);
    assert_eq!(data["feed"], feed);
    assert_eq!(data["referrers"], json!([{"name": "search.example", "sessions": 2}]));
    assert_eq!(data["countries"], json!([{"name": "KR", "sessions": 2}]));
    assert_eq!(data["devices"], json!([{"name": "desktop", "sessions": 2}]));
    assert_eq!(data["sources_from"], floor(NOW, HOUR) - HOUR);
    assert_eq!(data["current_pages"], json!({"/a": 1, "/b": 1}));

    let (_, stats) = answer::<StatsOverTime>(&service, &get, NOW + 4_000).await;
    assert_eq!(stats["data"]["summary"]["avg_engaged_time"], 8.0);
    assert_eq!(stats["data"]["bounce_rate"], 1.0);
    // The running hour is in the summary, but not in the comparison.
    assert_eq!((&stats["data"]["summary"]["total_pageviews"], &stats["data"]["complete"]["total_pageviews"]), (&json!(2), &json!(0)));
}

#[tokio::test]
async fn a_readers_token_opens_its_own_sites_alone() {
    let tables = support::tables().await;
    let service = service(&tables);
    // printf secret | sha256sum; printf other | sha256sum
    let readers = Readers::parse(
        Some(
            "shop=2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b,\
             blog=d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa",
        ),
        None,
    )
    .unwrap();
    service.set_access(Access { readers, ..Access::default() });
    let ask = async |site: &str, token: &str| {
        let query = std::collections::HashMap::from([("k".to_owned(), vec![site.to_owned()])]);
        let mut request = lambda_http::RequestExt::with_query_string_parameters(Request::new(Body::Empty), query);
        request.headers_mut().insert("x-api-key", token.parse().unwrap());
        let realtime = answer::<RealtimeNow>(&service, &request, NOW).await.0;
        assert_eq!(answer::<StatsOverTime>(&service, &request, NOW).await.0, realtime);
        realtime
    };
    assert_eq!((ask("shop", "secret").await, ask("blog", "other").await), (StatusCode::OK, StatusCode::OK));
    for (site, token) in [("shop", "other"), ("blog", "secret"), ("default", "secret"), ("NO SITE", "secret")] {
        assert_eq!(ask(site, token).await, StatusCode::UNAUTHORIZED, "{site} {token}");
    }
}

#[tokio::test]
async fn what_headers_say_of_a_visitor_counts_only_with_cloudfronts_secret() {
    let secret = "0123456789abcdef0123456789abcdef";
    let tables = support::tables().await;
    let mut service = service(&tables);
    service.edge = Edge::parse(Some(secret), None).unwrap();
    service.limit = RateLimit::new(2);
    let body = json!({"events": [view("session-0001", NOW)]});
    let forged = |nth: usize, secret: &str| {
        let address = format!("198.51.100.{nth}:1");
        let mut request =
            post(&body, &[("cloudfront-viewer-address", &address), ("cloudfront-viewer-country", "KR"), ("x-origin-verify", secret)]);
        let gateway = json!({
            "resourcePath": "/", "httpMethod": "POST", "stage": "dev", "accountId": "1", "resourceId": "r", "apiId": "a", "requestId": "q",
            "identity": {"sourceIp": "192.0.2.9"},
        });
        let context = RequestContext::ApiGatewayV1(serde_json::from_value(gateway).unwrap());
        request = lambda_http::RequestExt::with_request_context(request, context);
        request
    };
    // Every request claims to be another visitor's; the gateway saw one address.
    let mut statuses = Vec::new();
    for nth in 0..3 {
        statuses.push(answer::<Events>(&service, &forged(nth, "wrong"), NOW).await.0);
    }
    assert_eq!(statuses, [StatusCode::OK, StatusCode::OK, StatusCode::TOO_MANY_REQUESTS]);
    let kept = format!("{:?}", items(&tables, &tables.events).await);
    assert!(!kept.contains("KR"), "nor does the country count");
    assert_eq!(answer::<Events>(&service, &forged(7, secret), NOW).await.0, StatusCode::OK, "CloudFront's visitors are told apart");

    service.edge = Edge::parse(Some(secret), Some("true")).unwrap();
    let (status, data) = answer::<Events>(&service, &forged(8, "wrong"), NOW).await;
    assert_eq!((status, &data["status"]), (StatusCode::FORBIDDEN, &json!("error")));
    assert_eq!(answer::<Events>(&service, &forged(8, secret), NOW).await.0, StatusCode::OK);
}

#[tokio::test]
async fn declared_origins_are_enforced_and_answered() {
    let tables = support::tables().await;
    let mut service = service(&tables);
    service.origins = Origins::parse(Some("https://shop.example,https://blog.example"));
    let body = json!({"events": [view("session-0001", NOW)]});
    for origin in ["https://shop.example", "https://blog.example"] {
        let (response, _) = service.answer::<Events>(&post(&body, &[("origin", origin)]), NOW).await;
        let headers = response.headers();
        assert_eq!((response.status(), &headers["access-control-allow-origin"]), (StatusCode::OK, &origin.parse().unwrap()));
        assert_eq!(headers["vary"], "origin", "a cache must not hand one site's answer to another");
    }
    let (response, _) = service.answer::<Events>(&post(&body, &[("origin", "https://shop.example.evil")]), NOW).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(!response.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn what_looks_like_a_token_in_a_path_is_never_stored() {
    let tables = support::tables().await;
    let service = service(&tables);
    let mut event = view("session-0001", NOW);
    event["page_url"] = json!("https://shop.example/reset/4f3a9c8b7d6e5f4a3b2c1d0e9f8a7b6c?utm_source=me@shop.example");
    event["referrer"] = json!("https://mail.example/u/me@shop.example/inbox");
    event["props"] = json!({"url": "https://files.example/d/550e8400-e29b-41d4-a716-446655440000"});
    assert_eq!(answer::<Events>(&service, &post(&json!({"events": [event]}), &[]), NOW).await.0, StatusCode::OK);
    let kept = format!("{:?}{:?}", items(&tables, &tables.events).await, items(&tables, &tables.sessions).await);
    for secret in ["4f3a9c8b", "me@shop", "550e8400"] {
        assert!(!kept.contains(secret), "{secret} is kept");
    }
    assert!(kept.contains("/reset/(token)") && kept.contains("(mail)"));
}
