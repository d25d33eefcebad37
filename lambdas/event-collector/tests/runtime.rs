//! Tests of the real executable, through the Lambda Runtime API, against a local DynamoDB.

#[path = "../../shared/tests/support/mod.rs"]
mod support;

use serde_json::{Value, json};
use support::runtime::{Function, proxy_event};

#[tokio::test]
async fn takes_a_batch_once_and_refuses_a_wrong_one() {
    let tables = support::tables().await;
    let mut function = Function::start(env!("CARGO_BIN_EXE_event-collector"), &tables).await;
    let body = json!({"batch_id": "b1", "events": [{
        "session_id": "session-0001", "timestamp": shared::time::now(), "event_type": "page_view",
        "page_url": "https://shop.example/a", "user_agent": "Mozilla/5.0 (X11; Linux)", "referrer": "",
    }]})
    .to_string();
    let event = proxy_event("POST", "/api/events", &json!({}), Some(&body));

    let first = function.invoke(event.clone()).await["response"].clone();
    assert_eq!(first["statusCode"], 200, "{first}");
    assert_eq!(first["multiValueHeaders"]["access-control-allow-origin"], json!(["*"]), "{first}");
    let answer: Value = serde_json::from_str(first["body"].as_str().unwrap()).unwrap();
    let data =
        json!({"processed_events": 1, "rejected": [], "duplicate": false, "session_updated": true, "new_session": true, "ignored": 0});
    assert_eq!(answer, json!({"status": "success", "data": data}));

    let again = function.invoke(event).await["response"].clone();
    let answer: Value = serde_json::from_str(again["body"].as_str().unwrap()).unwrap();
    assert_eq!(answer["data"]["duplicate"], true);

    let wrong = function.invoke(proxy_event("POST", "/api/events", &json!({}), Some("{"))).await["response"].clone();
    assert_eq!(wrong["statusCode"], 400);
    assert_eq!(wrong["multiValueHeaders"]["access-control-allow-origin"], json!(["*"]));

    let kept = tables.client.scan().table_name(&tables.events).filter_expression("attribute_exists(event_type)").send();
    let kept = kept.await.unwrap().items.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["country"].as_s().unwrap(), "KR");
}

#[tokio::test]
async fn its_role_allows_what_it_calls_and_nothing_else() {
    let tables = support::tables().await;
    let variables = [("TOKEN_SECRET", "0123456789abcdef0123456789abcdef")];
    let mut function = Function::start_with(env!("CARGO_BIN_EXE_event-collector"), &tables, &variables).await;
    let body = json!({"batch_id": "b1", "events": [{
        "session_id": "session-0001", "timestamp": shared::time::now(), "event_type": "page_view", "page_url": "https://shop.example/a",
    }]})
    .to_string();
    let answer = function.invoke(proxy_event("POST", "/api/events", &json!({}), Some(&body))).await["response"].clone();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let unused = function.judge().unused();
    assert!(unused.is_empty(), "stack.yaml allows what no call needs: {unused:?}");
}

#[tokio::test]
async fn with_the_role_of_a_reader_it_writes_nothing() {
    let tables = support::tables().await;
    let mut function = Function::start_in_role_of("stats-api", env!("CARGO_BIN_EXE_event-collector"), &tables).await;
    let body = json!({"batch_id": "b1", "events": [{
        "session_id": "session-0001", "timestamp": shared::time::now(), "event_type": "page_view", "page_url": "https://shop.example/a",
    }]})
    .to_string();
    let answer = function.invoke(proxy_event("POST", "/api/events", &json!({}), Some(&body))).await["response"].clone();
    assert!(answer["statusCode"].as_i64().unwrap() >= 500, "{answer}");
    let refused = function.judge().take_refused();
    assert!(refused.iter().any(|call| call.starts_with("dynamodb:UpdateItem on ")), "{refused:?}");
    let count = tables.client.scan().table_name(&tables.events).send().await.unwrap().count;
    assert_eq!(count, 0);
}

#[tokio::test]
async fn every_request_leaves_a_line_that_tells_of_no_visitor() {
    let tables = support::tables().await;
    let mut function = Function::start(env!("CARGO_BIN_EXE_event-collector"), &tables).await;
    let event = |session: &str| {
        json!({"session_id": session, "timestamp": shared::time::now(), "event_type": "page_view",
            "page_url": "https://shop.example/private", "user_agent": "Mozilla/5.0 (X11; Linux)", "referrer": "https://search.example/"})
    };
    let body = json!({"batch_id": "b1", "events": [event("session-0001"), event("session-0001"), event("short")]}).to_string();
    let request = proxy_event("POST", "/api/events", &json!({}), Some(&body));
    let wrong = proxy_event("POST", "/api/events", &json!({}), Some("{\"events\": [{\"session_id\": \"session-0001\"}]}"));
    let expected = [
        (request.clone(), json!([200, 2, 1, 0, 0]), json!(["events", "rejected"])),
        (request, json!([200, 2, 1, 1, 0]), json!(["events", "rejected", "duplicates"])),
        (wrong, json!([400, 0, 0, 0, 0]), json!([])),
    ];
    for (request, numbers, metrics) in expected {
        function.invoke(request).await;
        let text = function.logged().await;
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["function"], &line["route"]), (&json!("under-test"), &json!("events")));
        let named = ["status", "events", "rejected", "duplicates", "lost_increments"].map(|name| line[name].clone());
        assert_eq!(json!(named), numbers, "{text}");
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        let names: Vec<&Value> = directive["Metrics"].as_array().into_iter().flatten().map(|metric| &metric["Name"]).collect();
        assert_eq!(json!(names), metrics, "{text}");
        for personal in ["192.0.2.1", "session-0001", "private", "Mozilla", "search.example", "KR"] {
            assert!(!text.contains(personal), "{personal} is in {text}");
        }
    }
}

/// Generates bodies that no tracker sends: cut, garbled, mistyped.
fn hostile_bodies(right: &str) -> Vec<Vec<u8>> {
    let mut state = 1_u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % limit
    };
    let mut bodies: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"\xff\xfe\x00".to_vec(),
        "[".repeat(100_000).into_bytes(),
        "{\"a\":".repeat(50_000).into_bytes(),
        vec![b'x'; 10 * 1_024 * 1_024],
        br#"{"events":[{"session_id":{"S":"@h#default#0"},"timestamp":1e400}]}"#.to_vec(),
        br#"{"events":[null,[],"",0,true,{}]}"#.to_vec(),
        br#"{"events":{"length":1},"batch_id":"\u0000","k":"../.."}"#.to_vec(),
    ];
    for _ in 0..200 {
        let mut body = right.as_bytes().to_vec();
        for _ in 0..=below(4) {
            let at = below(body.len());
            match below(4) {
                0 => body.truncate(at + 1),
                1 => body[at] = u8::try_from(below(256)).unwrap_or(0),
                2 => body.splice(at..at, b"\"\\u0000{[,:9e999".iter().copied()).for_each(drop),
                _ => drop(body.remove(at)),
            }
            if body.is_empty() {
                break;
            }
        }
        bodies.push(body);
    }
    bodies
}

#[tokio::test]
async fn hostile_bodies_are_answered_and_leave_no_half_of_anything() {
    let tables = support::tables().await;
    let mut function = Function::start(env!("CARGO_BIN_EXE_event-collector"), &tables).await;
    let right = json!({"batch_id": "b1", "sent_at": shared::time::now(), "events": [
        {"session_id": "session-0001", "timestamp": shared::time::now(), "event_type": "page_view", "page_url": "https://shop.example/a"},
        {"session_id": "session-0002", "timestamp": shared::time::now(), "event_type": "click", "page_url": "https://shop.example/a"},
    ]})
    .to_string();
    let mut taken = 0;
    for body in hostile_bodies(&right) {
        let mut event = proxy_event("POST", "/api/events", &json!({}), None);
        // The gateway would send binary data as base64.
        if let Ok(text) = std::str::from_utf8(&body) {
            event["body"] = json!(text);
        } else {
            event["body"] = json!(base64(&body));
            event["isBase64Encoded"] = json!(true);
        }
        let answer = function.invoke(event).await;
        let status = answer["response"]["statusCode"].as_u64().unwrap_or_else(|| panic!("no answer but {answer}"));
        let text: Value = serde_json::from_str(answer["response"]["body"].as_str().unwrap()).unwrap();
        match status {
            200 => {
                assert_eq!(text["status"], "success");
                taken += text["data"]["processed_events"].as_u64().unwrap() * u64::from(text["data"]["duplicate"] == false);
            }
            400..=499 => assert!(text["message"].is_string(), "{text}"),
            _ => panic!("{status} for {}", String::from_utf8_lossy(&body)),
        }
    }
    let kept = tables.client.scan().table_name(&tables.events).filter_expression("attribute_exists(event_id)").send();
    assert!(u64::try_from(kept.await.unwrap().count).unwrap() <= taken, "what is kept was answered");
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |group: u32, place: u32| char::from(LETTERS[(group >> (18 - 6 * place)) as usize & 63]);
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let group = chunk.iter().chain([0, 0].iter()).take(3).fold(0, |sum, byte| sum << 8 | u32::from(*byte));
            (0..4_u32).map(move |place| if place as usize <= chunk.len() { letter(group, place) } else { '=' })
        })
        .collect()
}

#[tokio::test]
async fn listed_sites_and_cloudfronts_secret_are_asked_for() {
    let tables = support::tables().await;
    let secret = "0123456789abcdef0123456789abcdef";
    let variables = [("SITES", "shop"), ("ORIGIN_VERIFY", secret), ("ORIGIN_ONLY", "true"), ("ALLOWED_ORIGINS", "https://shop.example")];
    let mut function = Function::start_with(env!("CARGO_BIN_EXE_event-collector"), &tables, &variables).await;
    let now = shared::time::now();
    let body = |site: &str| {
        let view = json!({"session_id": "session-0001", "timestamp": now, "event_type": "page_view", "page_url": "https://shop.example/a"});
        json!({"k": site, "events": [view]}).to_string()
    };
    let mut status = async |site: &str, secret: &str, origin: &str| {
        let mut event = proxy_event("POST", "/api/events", &json!({}), Some(&body(site)));
        for (name, value) in [("X-Origin-Verify", secret), ("Origin", origin)] {
            event["headers"][name] = json!(value);
            event["multiValueHeaders"][name] = json!([value]);
        }
        function.invoke(event).await["response"]["statusCode"].as_i64().unwrap()
    };
    let shop = "https://shop.example";
    assert_eq!(status("shop", "wrong", shop).await, 403, "not through the distribution");
    assert_eq!(status("other", secret, shop).await, 403, "no site of this installation");
    assert_eq!(status("shop", secret, "https://other.example").await, 403, "a foreign origin");
    let kept = async || tables.client.scan().table_name(&tables.events).send().await.unwrap().count;
    assert_eq!(kept().await, 0);
    assert_eq!(status("shop", secret, shop).await, 200);
    assert!(kept().await > 0);
}

#[tokio::test]
async fn it_ends_without_its_secret_and_says_how_to_make_it() {
    support::runtime::a_function_whose_secret_cannot_be_read_says_so_and_ends(env!("CARGO_BIN_EXE_event-collector")).await;
}
