//! Feeds any bytes as the body of `POST /api/events`: the parser never panics, and what it accepts is within the limits of
//! `docs/api.md`. Bytes that are not JSON fail early, so they are also inserted as the fields of a valid batch.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use shared::batch::Batch;

const NOW: i64 = 1_795_380_731_123;

fuzz_target!(|data: &[u8]| {
    check(data);
    let text = String::from_utf8_lossy(data);
    let value = serde_json::from_str::<Value>(&text).unwrap_or_else(|_| Value::String(text.into_owned()));
    for field in ["session_id", "timestamp", "event_type", "page_url", "user_agent", "referrer", "event_id", "props"] {
        let mut event = json!({"session_id": "session-0001", "timestamp": NOW, "event_type": "click", "page_url": "https://x/"});
        event[field] = value.clone();
        check(json!({"events": [event]}).to_string().as_bytes());
    }
    for field in ["k", "batch_id", "sent_at", "token", "events"] {
        let event = json!({"session_id": "session-0001", "timestamp": NOW, "event_type": "click", "page_url": "https://x/"});
        let mut batch = json!({"events": [event]});
        batch[field] = value.clone();
        check(batch.to_string().as_bytes());
    }
});

fn check(body: &[u8]) {
    let first = Batch::parse(body, NOW);
    assert_eq!(first, Batch::parse(body, NOW), "the same bytes are the same batch");
    let Ok(batch) = first else { return };
    assert!((1..=100).contains(&(batch.events.len() + batch.rejected.len())) && !batch.events.is_empty());
    assert!(!batch.site.contains(['@', '#']) && batch.site.len() <= 32);
    for event in &batch.events {
        assert!((10..=64).contains(&event.session_id.len()) && !event.session_id.contains(['@', '#']));
        assert!((1..=64).contains(&event.event_id.len()) && !event.event_id.contains(['@', '#']));
        assert!((1..=40).contains(&event.event_type.len()) && !event.event_type.contains(['@', '#']));
        assert!(event.page.path.len() <= 512 && event.user_agent.len() <= 256);
        assert!(event.page.path.starts_with('/') && !event.page.address.contains('#'));
        assert!(event.props.as_ref().is_none_or(|props| props.len() <= 1_024));
        assert!((0..=3_600_000).contains(&event.engaged));
        // The stored data has to fit into an item of DynamoDB.
        assert!(event.page.address.len() <= 2_048 && !event.page.address.chars().any(char::is_control));
    }
}
