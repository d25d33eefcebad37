//! Tests of every documented answer, through the handlers' own code; bad input is never a server error.

use crate::support;
use crate::support::Tables;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, RequestExt, Response};
use serde_json::{Value, json};
use shared::endpoints::{Endpoint, Events, RealtimeNow, Service, StatsOverTime};
use shared::http::Origins;
use shared::store::Store;
use shared::time::{self, Millis};
use std::collections::HashMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn service(tables: &Tables) -> Service {
    Service::new(Store::new(tables.client.clone(), &tables.events, &tables.sessions))
}

fn post(body: impl Into<Body>) -> Request {
    let request = lambda_http::http::Request::builder().method("POST").header("content-type", "text/plain;charset=UTF-8");
    request.body(body.into()).unwrap()
}

fn get(query: &[(&str, &str)]) -> Request {
    let parameters: HashMap<String, Vec<String>> =
        query.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
    Request::new(Body::Empty).with_query_string_parameters(parameters)
}

fn right_event(now: Millis) -> Value {
    json!({"session_id": "session-0001", "timestamp": now, "event_type": "page_view", "page_url": "https://x/a"})
}

async fn answer<E: Endpoint>(service: &Service, request: &Request) -> (StatusCode, Value, Response<Body>) {
    let (response, _) = service.answer::<E>(request, time::now()).await;
    assert!(response.headers().contains_key("access-control-allow-methods"), "every answer carries CORS headers");
    let body = match response.body() {
        Body::Text(text) => serde_json::from_str(text).expect("answers are JSON"),
        _ => Value::Null,
    };
    (response.status(), body, response)
}

#[tokio::test]
async fn bad_bodies_are_refused_and_write_nothing() {
    let tables = support::tables().await;
    let service = service(&tables);
    let now = time::now();
    let wrong = |field: &str, value: Value| {
        let mut event = right_event(now);
        event[field] = value;
        json!({"events": [event]}).to_string()
    };
    let cases: Vec<(Body, &str)> = vec![
        (Body::Empty, "body"),
        (Body::Text("{\"events\":[{".to_owned()), "body"),
        (Body::Binary(vec![0xff, 0xfe]), "body"),
        (Body::Text("[1]".to_owned()), "body"),
        (Body::Text("{\"events\":[]}".to_owned()), "events"),
        (Body::Text(json!({"events": vec![right_event(now); 101]}).to_string()), "events"),
        (Body::Text(wrong("timestamp", json!(now / 1000))), "events[0].timestamp"),
        (Body::Text(wrong("timestamp", json!(now + 3_600_000))), "events[0].timestamp"),
        (Body::Text(wrong("session_id", json!("@h#default#0"))), "events[0].session_id"),
        (Body::Text(wrong("page_url", json!("x".repeat(4_096)))), "events[0].page_url"),
        (Body::Text(wrong("page_url", json!("https://x/\u{0}"))), "events[0].page_url"),
    ];
    for (body, field) in cases {
        let (status, answer, response) = answer::<Events>(&service, &post(body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{field}");
        assert_eq!((&answer["status"], &answer["details"]["field"]), (&json!("error"), &json!(field)));
        assert!(answer["message"].is_string() && answer["details"]["error"].is_string());
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
    }
    assert_eq!(tables.client.scan().table_name(&tables.events).send().await.unwrap().count, 0);
    assert_eq!(tables.client.scan().table_name(&tables.sessions).send().await.unwrap().count, 0);
}

#[tokio::test]
async fn other_refusals_have_their_own_status() {
    let tables = support::tables().await;
    let service = service(&tables);
    let (status, answer_body, _) = answer::<Events>(&service, &post("x".repeat(300_000))).await;
    assert_eq!((status, &answer_body["status"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("error")));

    let mut picture = post("{}");
    picture.headers_mut().insert("content-type", "image/png".parse().unwrap());
    assert_eq!(answer::<Events>(&service, &picture).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);

    let (status, _, response) = answer::<Events>(&service, &get(&[])).await;
    assert_eq!((status, &response.headers()["allow"]), (StatusCode::METHOD_NOT_ALLOWED, &"POST, OPTIONS".parse().unwrap()));

    let mut preflight = get(&[]);
    *preflight.method_mut() = Method::OPTIONS;
    assert_eq!(answer::<StatsOverTime>(&service, &preflight).await.0, StatusCode::OK);

    for query in [("period", "year"), ("limit", "0"), ("limit", "169"), ("limit", "-1"), ("limit", "x"), ("k", "A#B")] {
        let (status, answer, _) = answer::<StatsOverTime>(&service, &get(&[query])).await;
        assert_eq!((status, &answer["details"]["field"]), (StatusCode::BAD_REQUEST, &json!(query.0)));
    }
    assert_eq!(answer::<StatsOverTime>(&service, &get(&[("period", "day"), ("limit", "92")])).await.0, StatusCode::OK);
    assert_eq!(answer::<RealtimeNow>(&service, &get(&[("k", "")])).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_partly_right_batch_keeps_its_right_events() {
    let tables = support::tables().await;
    let service = service(&tables);
    let body = json!({"events": [right_event(time::now()), {"session_id": "x"}, 7]}).to_string();
    let (status, answer, _) = answer::<Events>(&service, &post(body)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["data"]["processed_events"], 1);
    let reasons = json!([
        {"index": 1, "reason": "session_id must be 10 to 64 of A-Z a-z 0-9 _ -"}, {"index": 2, "reason": "event must be an object"},
    ]);
    assert_eq!(answer["data"]["rejected"], reasons);
}

#[tokio::test]
async fn foreign_origins_are_refused_when_origins_are_named() {
    let tables = support::tables().await;
    let mut service = service(&tables);
    service.origins = Origins::parse(Some("https://shop.example, https://www.shop.example"));
    let from = |origin: &str| {
        let mut request = post(json!({"events": [right_event(time::now())]}).to_string());
        request.headers_mut().insert("origin", origin.parse().unwrap());
        request
    };
    let (status, _, response) = answer::<Events>(&service, &from("https://shop.example")).await;
    assert_eq!((status, &response.headers()["access-control-allow-origin"]), (StatusCode::OK, &"https://shop.example".parse().unwrap()));
    let (status, _, response) = answer::<Events>(&service, &from("https://evil.example")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(!response.headers().contains_key("access-control-allow-origin"));
    assert_eq!(Origins::parse(Some("*")), Origins::Any);
    assert_eq!(Origins::parse(None), Origins::Any);
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again() {
    let tables = support::tables().await;
    let service = service(&tables);
    // Both requests have the same moment: the minute must not change in between.
    let now = time::floor(time::now(), time::MINUTE);
    let (first, _) = service.answer::<RealtimeNow>(&get(&[]), now).await;
    let mut again = get(&[]);
    again.headers_mut().insert("if-none-match", first.headers()["etag"].clone());
    let (unchanged, _) = service.answer::<RealtimeNow>(&again, now).await;
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    assert!(unchanged.body().is_empty());

    let (_, result) = service.answer::<Events>(&post(json!({"events": [right_event(now)]}).to_string()), now).await;
    assert_eq!(result.unwrap().facts.events, 1);
    assert_eq!(service.answer::<RealtimeNow>(&again, now + time::SECOND).await.0.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_a_503_to_be_retried_and_a_missing_one_a_500_without_details() {
    let refusing = tables_behind(400, "ProvisionedThroughputExceededException").await;
    let failing = tables_behind(500, "InternalServerError").await;
    for tables in [&refusing, &failing] {
        let body = json!({"events": [right_event(time::now())]}).to_string();
        let (status, answer_body, response) = answer::<Events>(&service(tables), &post(body)).await;
        assert_eq!((status, &response.headers()["retry-after"]), (StatusCode::SERVICE_UNAVAILABLE, &"2".parse().unwrap()));
        assert_eq!(answer_body["message"], "temporarily unavailable: send the same request again");
        assert_eq!(answer::<RealtimeNow>(&service(tables), &get(&[])).await.0, StatusCode::SERVICE_UNAVAILABLE);
    }
    let mut missing = support::tables().await;
    missing.events.push_str("-missing");
    let (status, answer, _) = answer::<StatsOverTime>(&service(&missing), &get(&[])).await;
    assert_eq!((status, &answer["message"]), (StatusCode::INTERNAL_SERVER_ERROR, &json!("internal error")));
}

/// Returns tables at a DynamoDB that answers everything with one error.
async fn tables_behind(status: u16, code: &'static str) -> Tables {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 65_536];
                let _ = connection.read(&mut buffer).await;
                let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "slow down"}).to_string();
                let head = format!("HTTP/1.1 {status} Error\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = connection.write_all((head + &body).as_bytes()).await;
            });
        }
    });
    Tables { client: support::client(&format!("http://{address}")), events: "events".to_owned(), sessions: "sessions".to_owned() }
}
