//! Writes a person to a DynamoDB table.

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use lambda_http::{Error, Request, Response, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let table = std::env::var("TABLE_NAME")?;
    let client = Client::new(&aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await);
    run(service_fn(async |request| add(&client, &table, &request).await)).await
}

async fn add(client: &Client, table: &str, request: &Request) -> Result<Response<String>, Error> {
    let person: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let text = |key: &str| person[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let (Some(id), Some(name)) = (text("id"), text("name")) else {
        return Ok(Response::builder().status(400).body("a person has an id and a name\n".to_owned())?);
    };
    let put = client.put_item().table_name(table).item("id", AttributeValue::S(id)).item("name", AttributeValue::S(name));
    put.send().await?;
    Ok(Response::builder().status(201).body(String::new())?)
}
