//! Tests of the real executable, through the Lambda Runtime API, against a local DynamoDB.

#[path = "../../shared/tests/support/mod.rs"]
mod support;

use serde_json::{Value, json};
use support::runtime::{Function, proxy_event};

#[tokio::test]
async fn tells_sums_and_refuses_a_wrong_period() {
    let tables = support::tables().await;
    let store = shared::store::Store::new(tables.client.clone(), &tables.events, &tables.sessions);
    let now = shared::time::now();
    let body = json!({"events": [{"session_id": "session-0001", "timestamp": now, "event_type": "page_view", "page_url": "https://x/a"}]});
    let batch = shared::batch::Batch::parse(body.to_string().as_bytes(), now).unwrap();
    shared::ingest::take(&store, batch, shared::sender::Sender::default(), now).await.unwrap();

    let mut function = Function::start(env!("CARGO_BIN_EXE_stats-api"), &tables).await;
    let query = json!({"period": "hour", "limit": "3"});
    let response = function.invoke(proxy_event("GET", "/api/stats", &query, None)).await["response"].clone();
    assert_eq!(response["statusCode"], 200, "{response}");
    let answer: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    assert_eq!(answer["data"]["summary"]["total_pageviews"], 1);
    assert_eq!(answer["data"]["top_pages"], json!([{"url": "/a", "views": 1, "percentage": 100.0}]));
    assert_eq!(answer["data"]["hourly_visitors"]["labels"].as_array().unwrap().len(), 3);

    let query = json!({"period": "year"});
    let wrong = function.invoke(proxy_event("GET", "/api/stats", &query, None)).await["response"].clone();
    assert_eq!(wrong["statusCode"], 400, "{wrong}");
}

#[tokio::test]
async fn its_role_allows_what_it_calls_and_nothing_else() {
    let tables = support::tables().await;
    let mut function = Function::start(env!("CARGO_BIN_EXE_stats-api"), &tables).await;
    let answer = function.invoke(proxy_event("GET", "/api/stats", &json!({"period": "hour"}), None)).await["response"].clone();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let unused = function.judge().unused();
    assert!(unused.is_empty(), "stack.yaml allows what no call needs: {unused:?}");
}

#[tokio::test]
async fn reading_is_closed_unless_it_is_public_or_a_token_is_shown() {
    support::runtime::reading_is_closed_until_it_is_opened(env!("CARGO_BIN_EXE_stats-api"), "/api/stats").await;
}

#[tokio::test]
async fn a_token_in_a_parameter_is_replaced_while_it_serves() {
    support::runtime::a_token_in_a_parameter_is_replaced_while_the_function_serves(env!("CARGO_BIN_EXE_stats-api"), "/api/stats").await;
}
