//! The real executable, through the Lambda Runtime API, against a local DynamoDB.

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
async fn reading_is_closed_whatever_the_environment_is_called_unless_it_is_public_or_a_token_is_shown() {
    let tables = support::tables().await;
    // printf secret | sha256sum
    let token = ("READ_TOKEN_SHA256", "shop=2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
    let public = ("READERS", "public");
    for (variables, expected) in [(&[][..], [401, 401]), (&[public], [200, 200]), (&[token], [200, 401]), (&[token, public], [200, 401])] {
        let mut function = Function::start_with(env!("CARGO_BIN_EXE_realtime-api"), &tables, variables).await;
        let mut statuses = Vec::new();
        for site in ["shop", "blog"] {
            let mut event = proxy_event("GET", "/api/realtime", &json!({"k": site}), None);
            event["headers"]["X-API-Key"] = json!("secret");
            event["multiValueHeaders"]["X-API-Key"] = json!(["secret"]);
            statuses.push(function.invoke(event).await["response"]["statusCode"].as_i64().unwrap());
        }
        assert_eq!(statuses, expected, "{variables:?}");
    }
}
