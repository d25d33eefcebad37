//! Tests the handlers against the wire format's schema: they accept what it allows and refuse what it forbids, and their
//! answers fit it.

use crate::support;
use lambda_http::{Body, Request};
use serde_json::{Value, json};
use shared::answers::Answers;
use shared::batch::Batch;
use shared::endpoints::{Endpoint, Events, RealtimeNow, Service, StatsOverTime};
use shared::secrets::Access;
use shared::store::Store;
use shared::time::Millis;
use shared::token::Signer;

const NOW: Millis = 1_795_381_800_000; // 2026-11-22T21:10:00Z

fn schema() -> Value {
    serde_json::from_str(include_str!("../../schema/events.schema.json")).unwrap()
}

/// Validates a value against one of the schema's definitions.
fn fits(definition: &str, value: &Value) -> Result<(), String> {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("https://liveinsight.example/events.schema.json", schema()).unwrap();
    let index = compiler.compile(&format!("https://liveinsight.example/events.schema.json#/$defs/{definition}"), &mut schemas).unwrap();
    schemas.validate(value, index).map_err(|error| format!("{error:#}"))
}

fn event() -> Value {
    json!({"session_id": "session-0001", "timestamp": NOW, "event_type": "page_view", "page_url": "https://shop.example/a"})
}

fn body(event: &Value) -> Value {
    json!({"events": [event]})
}

#[test]
fn the_parser_and_the_schema_agree() {
    let with = |field: &str, value: Value| {
        let mut event = event();
        event[field] = value;
        body(&event)
    };
    let batch_with = |field: &str, value: Value| {
        let mut body = body(&event());
        body[field] = value;
        body
    };
    let text = |length: usize| json!("x".repeat(length));
    let cases = [
        body(&event()),
        with("session_id", text(9)),
        with("session_id", text(10)),
        with("session_id", text(64)),
        with("session_id", text(65)),
        with("session_id", json!("@h#default#0")),
        with("session_id", json!(1)),
        with("timestamp", json!(NOW / 1_000)),
        with("timestamp", json!(1.5)),
        with("timestamp", json!("now")),
        with("timestamp", Value::Null),
        with("event_type", json!("Page")),
        with("event_type", json!("a.b:c-d_1")),
        with("event_type", text(41)),
        with("page_url", json!("/a")),
        with("page_url", json!("ftp://x/")),
        with("page_url", json!("HTTP://x")),
        with("page_url", json!("https://")),
        with("page_url", json!("https:///a")),
        with("page_url", json!(format!("https://x/{}", "x".repeat(2_048)))),
        with("referrer", Value::Null),
        with("referrer", text(2_049)),
        with("referrer", json!([])),
        with("user_agent", text(4_096)),
        with("user_agent", json!(1)),
        with("event_id", json!("")),
        with("event_id", text(64)),
        with("event_id", Value::Null),
        with("props", json!({"engaged_ms": "no number", "own": [1]})),
        with("props", json!([])),
        with("unknown", json!({"ignored": true})),
        batch_with("batch_id", json!("")),
        batch_with("batch_id", text(65)),
        batch_with("k", json!("shop-1")),
        batch_with("k", json!("Shop")),
        batch_with("k", json!("")),
        batch_with("k", Value::Null),
        batch_with("sent_at", json!(NOW)),
        batch_with("sent_at", json!(1)),
        batch_with("token", text(256)),
        batch_with("token", text(257)),
        batch_with("token", json!(1)),
        batch_with("events", json!([])),
        batch_with("events", json!({})),
        batch_with("events", json!(vec![event(); 101])),
        json!({}),
        json!([]),
        json!("text"),
    ];
    let mut allowed = 0;
    for case in &cases {
        let (parsed, validated) = (Batch::parse(case.to_string().as_bytes(), NOW), fits("batch", case));
        assert_eq!(parsed.is_ok(), validated.is_ok(), "{case}\n{parsed:?}\n{validated:?}");
        allowed += usize::from(parsed.is_ok());
    }
    assert!(allowed > 10 && allowed < cases.len() - 10, "both kinds are there");
}

#[tokio::test]
async fn answers_fit() {
    let tables = support::tables().await;
    let mut service = Service::new(Store::new(tables.client.clone(), &tables.events, &tables.sessions));
    service.set_access(Access { signer: Signer::parse(Some("secret")), ..Access::default() });
    let get = || Request::new(Body::Empty);
    let post = |body: &Value| {
        let mut request = Request::new(Body::Text(body.to_string()));
        *request.method_mut() = "POST".parse().unwrap();
        request
    };
    // Without any data, and with some.
    for body in [json!({"events": []}), json!({"events": [event(), 7]})] {
        // Cached answers without data do not count.
        service.answers = Answers::default();
        let (answer, is_right) = answer::<Events>(&service, &post(&body)).await;
        let (definition, value) = if is_right { ("received", &answer["data"]) } else { ("error", &answer) };
        fits(definition, value).unwrap();
        fits("realtime", &answer_data::<RealtimeNow>(&service, &get()).await).unwrap();
        let stats = answer_data::<StatsOverTime>(&service, &get()).await;
        fits("stats", &stats).unwrap();
        assert_eq!(stats["summary"]["total_pageviews"], i64::from(is_right));
    }
    let realtime = answer_data::<RealtimeNow>(&service, &get()).await;
    assert!(fits("stats", &realtime).is_err(), "the schema tells them apart");
}

async fn answer<E: Endpoint>(service: &Service, request: &Request) -> (Value, bool) {
    let (response, result) = service.answer::<E>(request, NOW).await;
    let Body::Text(text) = response.body() else { panic!("answers are text") };
    (serde_json::from_str(text).unwrap(), result.is_ok())
}

async fn answer_data<E: Endpoint>(service: &Service, request: &Request) -> Value {
    answer::<E>(service, request).await.0["data"].clone()
}
