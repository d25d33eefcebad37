//! The real executable, through the Lambda Runtime API, against a local DynamoDB.

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
    let data = json!({"processed_events": 1, "rejected": [], "duplicate": false, "session_updated": true, "new_session": true, "ignored": 0});
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
