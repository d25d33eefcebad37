//! Deletes all items, for whoever invokes the function.

use items::Items;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let items = &Items::open().await?;
    run(service_fn(async move |_: LambdaEvent<Value>| {
        let ids = items.ids().await?;
        for id in &ids {
            items.delete(id).await?;
        }
        Ok::<Value, Error>(json!({ "deleted": ids.len() }))
    }))
    .await
}
