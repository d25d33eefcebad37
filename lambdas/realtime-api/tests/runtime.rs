//! Tests of the real executable, through the Lambda Runtime API, against a local DynamoDB.

#[path = "../../shared/tests/support/mod.rs"]
mod support;

use serde_json::{Value, json};
use support::runtime::{Function, proxy_event};

#[tokio::test]
async fn tells_of_a_visitor() {
    let tables = support::tables().await;
    let store = shared::store::Store::new(tables.client.clone(), &tables.events, &tables.sessions);
    let now = shared::time::now();
    let body = json!({"events": [{"session_id": "session-0001", "timestamp": now, "event_type": "page_view", "page_url": "https://x/a"}]});
    let batch = shared::batch::Batch::parse(body.to_string().as_bytes(), now).unwrap();
    shared::ingest::take(&store, batch, shared::sender::Sender::default(), now).await.unwrap();

    let mut function = Function::start(env!("CARGO_BIN_EXE_realtime-api"), &tables).await;
    let response = function.invoke(proxy_event("GET", "/api/realtime", &json!({}), None)).await["response"].clone();
    assert_eq!(response["statusCode"], 200, "{response}");
    let answer: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    assert_eq!(answer["data"]["active_users"], 1);
    assert_eq!(answer["data"]["events_last_5min"], 1);
    assert_eq!(answer["data"]["current_pages"], json!({"/a": 1}));
    assert_eq!(answer["data"]["minutes"].as_array().unwrap().len(), 30);

    let wrong = function.invoke(proxy_event("POST", "/api/realtime", &json!({}), Some("{}"))).await["response"].clone();
    assert_eq!(wrong["statusCode"], 405, "{wrong}");
}

#[tokio::test]
async fn its_role_allows_what_it_calls_and_nothing_else() {
    let tables = support::tables().await;
    let mut function = Function::start(env!("CARGO_BIN_EXE_realtime-api"), &tables).await;
    let answer = function.invoke(proxy_event("GET", "/api/realtime", &json!({}), None)).await["response"].clone();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let unused = function.judge().unused();
    assert!(unused.is_empty(), "stack.yaml allows what no call needs: {unused:?}");
}

#[tokio::test]
async fn reading_is_closed_unless_it_is_public_or_a_token_is_shown() {
    support::runtime::reading_is_closed_until_it_is_opened(env!("CARGO_BIN_EXE_realtime-api"), "/api/realtime").await;
}

#[tokio::test]
async fn a_token_in_a_parameter_is_replaced_while_it_serves() {
    support::runtime::a_token_in_a_parameter_is_replaced_while_the_function_serves(env!("CARGO_BIN_EXE_realtime-api"), "/api/realtime")
        .await;
}
