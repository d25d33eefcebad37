//! The items over HTTP: axum finds the handler by method and path.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use items::Items;
use lambda_http::Error;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let routes = Router::new()
        .route("/", get(about))
        .route("/items", get(list))
        .route("/items/{id}", get(read).put(write).delete(remove))
        .fallback(async || (StatusCode::NOT_FOUND, "nothing is here\n"));
    lambda_http::run(routes.with_state(Items::open().await?)).await
}

async fn about() -> Json<Value> {
    Json(json!({ "items": format!("{}/items", std::env::var("PUBLIC_URL").unwrap_or_default()) }))
}

async fn list(State(items): State<Items>) -> Result<Json<Vec<String>>, StatusCode> {
    Ok(Json(items.ids().await.map_err(failed)?))
}

async fn read(State(items): State<Items>, Path(id): Path<String>) -> Result<Json<Value>, StatusCode> {
    let name = items.get(&id).await.map_err(failed)?.ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(json!({ "id": id, "name": name })))
}

async fn write(State(items): State<Items>, Path(id): Path<String>, name: String) -> Result<StatusCode, StatusCode> {
    items.put(&id, &name).await.map_err(failed)?;
    Ok(StatusCode::CREATED)
}

async fn remove(State(items): State<Items>, Path(id): Path<String>) -> Result<StatusCode, StatusCode> {
    items.delete(&id).await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Writes the reason to the log, which the caller does not see.
fn failed(error: aws_sdk_dynamodb::Error) -> StatusCode {
    println!("error: {error:?}");
    StatusCode::INTERNAL_SERVER_ERROR
}
