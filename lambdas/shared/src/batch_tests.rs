//! Tests of accepted and refused batches with the error texts, and of the stability of a batch that is sent again.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const NOW: Millis = 1_795_380_731_123;

fn event() -> Value {
    json!({
        "session_id": "session-0001", "timestamp": NOW - 500, "event_type": "page_view",
        "page_url": "https://shop.example/a?token=1", "user_agent": "Mozilla/5.0", "referrer": "https://search.example/?q=x",
    })
}

fn event_with(field: &str, value: Value) -> Value {
    let mut event = event();
    event[field] = value;
    event
}

fn parse(body: &Value) -> Result<Batch, Invalid> {
    Batch::parse(body.to_string().as_bytes(), NOW)
}

#[test]
fn takes_a_right_event() {
    let batch = parse(&json!({"events": [event()], "unknown": 1})).unwrap();
    assert_eq!(batch.rejected, []);
    assert_eq!(batch.site, "default");
    let event = &batch.events[0];
    assert!(event.is_page_view());
    assert_eq!((event.timestamp, event.page.path.as_str()), (NOW - 500, "/a"));
    assert_eq!(event.page.address, "https://shop.example/a");
    assert_eq!(event.referrer.as_ref().unwrap().host, "search.example");
    assert_eq!(event.event_id.len(), 32);
}

#[test]
fn refuses_wrong_fields_and_says_why() {
    let long = "x".repeat(4_096);
    let cases = [
        ("session_id", json!("short"), "session_id must be 10 to 64"),
        ("session_id", json!("@m#default#0"), "session_id must be 10 to 64"),
        ("session_id", json!("세션세션세션세션세션"), "session_id must be 10 to 64"),
        ("session_id", json!(long), "session_id must be 10 to 64"),
        ("session_id", json!(1_234_567_890), "session_id must be text"),
        ("session_id", Value::Null, "session_id is missing"),
        ("timestamp", Value::Null, "timestamp is missing"),
        ("timestamp", json!(0), "timestamp must be in milliseconds"),
        ("timestamp", json!(-5), "timestamp must be in milliseconds"),
        ("timestamp", json!(NOW / 1000), "timestamp must be in milliseconds"),
        ("timestamp", json!(1.5e12), "timestamp must be a whole number"),
        ("timestamp", json!("1703123456789"), "timestamp must be a whole number"),
        ("timestamp", json!(u64::MAX), "timestamp must be a whole number"),
        ("timestamp", json!(i64::MAX), "timestamp is in the future"),
        ("timestamp", json!(NOW + 2 * MINUTE), "timestamp is in the future"),
        ("timestamp", json!(NOW - OLDEST - 1), "timestamp is more than a day old"),
        ("event_type", json!("Page"), "event_type must be 1 to 40"),
        ("event_type", json!("1st"), "event_type must be 1 to 40"),
        ("event_type", json!(""), "event_type must be 1 to 40"),
        ("event_type", json!("a".repeat(41)), "event_type must be 1 to 40"),
        ("page_url", json!("/a"), "page_url must be an absolute"),
        ("page_url", json!(format!("https://x/{long}")), "page_url must be at most 2048 bytes"),
        ("page_url", json!("https://x/\u{7}"), "page_url must not hold"),
        ("page_url", Value::Null, "page_url is missing"),
        ("referrer", json!(long), "referrer must be at most 2048 bytes"),
        ("referrer", json!(["x"]), "referrer must be text"),
        ("user_agent", json!({}), "user_agent must be text"),
        ("event_id", json!("a b"), "event_id must be 1 to 64"),
        ("props", json!("x"), "props must be an object"),
        ("props", json!({"x": long}), "props must be at most 1024 bytes"),
    ];
    for (field, value, reason) in cases {
        let batch = parse(&json!({"events": [event(), event_with(field, value.clone())]})).unwrap();
        assert_eq!(batch.events.len(), 1, "{field} {value}");
        assert_eq!(batch.rejected[0].index, 1);
        assert!(batch.rejected[0].reason.starts_with(reason), "{field}: {}", batch.rejected[0].reason);

        let alone = parse(&json!({"events": [event_with(field, value)]})).unwrap_err();
        assert_eq!(alone.field, format!("events[0].{field}"));
    }
}

#[test]
fn refuses_what_is_no_batch() {
    let whole = |body: &str| Batch::parse(body.as_bytes(), NOW).unwrap_err().to_string();
    assert_eq!(whole(""), "body ends in the middle of the JSON");
    assert_eq!(whole("{\"events\": ["), "body ends in the middle of the JSON");
    assert!(whole("nonsense").starts_with("body is no valid JSON"));
    assert!(whole("{\"events\": [NaN]}").starts_with("body is no valid JSON"));
    assert!(whole(&"[".repeat(100_000)).starts_with("body is no valid JSON"));
    assert_eq!(whole("[]"), "body must be a JSON object with a list named events");
    assert_eq!(whole("{}"), "events must be a list of 1 to 100 events");
    assert_eq!(whole("{\"events\": []}"), "events must hold 1 to 100 events, not 0");
    assert!(Batch::parse(b"{\"events\": [\"\xff\"]}", NOW).unwrap_err().to_string().starts_with("body is no valid JSON"));

    let many: Vec<Value> = (0..101).map(|_| event()).collect();
    assert_eq!(parse(&json!({"events": many})).unwrap_err().to_string(), "events must hold 1 to 100 events, not 101");
    assert_eq!(parse(&json!({"events": [event()], "k": "A B"})).unwrap_err().field, "k");
    assert_eq!(parse(&json!({"events": [event()], "batch_id": ""})).unwrap_err().field, "batch_id");
    assert_eq!(parse(&json!({"events": [event()], "sent_at": NOW - 2 * DAY})).unwrap_err().field, "sent_at");
    assert_eq!(parse(&json!({"events": [null, 1, "x", []]})).unwrap_err().field, "events[0].event");
}

#[test]
fn a_wrong_clock_does_not_matter_when_the_client_says_its_time() {
    let ahead = NOW + 5 * crate::time::HOUR;
    let batch = parse(&json!({"sent_at": ahead, "events": [event_with("timestamp", json!(ahead - 1_000))]})).unwrap();
    assert_eq!(batch.skew, Some(-5 * crate::time::HOUR));
    assert_eq!(batch.events[0].timestamp, ahead - 1_000);
}

#[test]
fn equal_events_of_a_batch_are_two_but_one_identifier_is_one() {
    let batch = parse(&json!({"events": [event(), event()]})).unwrap();
    assert_ne!(batch.events[0].event_id, batch.events[1].event_id);

    let repeated = parse(&json!({"events": [event_with("event_id", json!("e1")), event_with("event_id", json!("e1"))]})).unwrap();
    assert_eq!(repeated.events.len(), 1);
    assert_eq!(repeated.rejected[0].reason, "event_id is that of an earlier event in this batch");
}

proptest! {
    #[test]
    fn a_batch_sent_again_later_is_the_same_batch(types in prop::collection::vec("[a-z]{1,5}", 1..20), delay in 0_i64..DAY / 2) {
        let events: Vec<Value> = types.iter().map(|event_type| event_with("event_type", json!(event_type))).collect();
        let body = json!({"events": events, "sent_at": NOW}).to_string();
        let first = Batch::parse(body.as_bytes(), NOW).unwrap();
        let again = Batch::parse(body.as_bytes(), NOW + delay).unwrap();
        prop_assert_eq!(first.identifier, again.identifier);
        prop_assert_eq!(first.events, again.events);
    }

    #[test]
    fn other_events_are_another_batch(first in "[a-z]{1,8}", second in "[a-z]{1,8}") {
        let identifier = |event_type: &str| parse(&json!({"events": [event_with("event_type", json!(event_type))]})).unwrap().identifier;
        prop_assert_eq!(identifier(&first) == identifier(&second), first == second);
    }

    #[test]
    fn hostile_bodies_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Batch::parse(&body, NOW).is_err());
    }

    #[test]
    fn hostile_fields_never_panic(field in prop::sample::select(vec!["session_id", "timestamp", "event_type", "page_url", "props", "referrer"]), text in "\\PC{0,100}", number in any::<f64>()) {
        for value in [json!(text), json!(number), json!([text]), json!({"a": text})] {
            let batch = parse(&json!({"events": [event_with(field, value)]}));
            if let Ok(batch) = batch {
                prop_assert!(batch.events[0].session_id.is_ascii());
            }
        }
    }
}
