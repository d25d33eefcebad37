//! Items in a DynamoDB table.

use aws_sdk_dynamodb::{Client, Error, types::AttributeValue};
use std::collections::HashMap;

/// Table of items, each with an id and a name.
#[derive(Debug, Clone)]
pub struct Items {
    client: Client,
    table: String,
}

impl Items {
    /// Opens the table that `TABLE_NAME` names.
    ///
    /// # Errors
    /// If the variable is not set.
    pub async fn open() -> Result<Self, std::env::VarError> {
        let table = std::env::var("TABLE_NAME")?;
        let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        Ok(Self { client: Client::new(&config), table })
    }

    /// Returns the name of an item; `None` if there is no such item.
    ///
    /// # Errors
    /// If DynamoDB refuses.
    pub async fn get(&self, id: &str) -> Result<Option<String>, Error> {
        let answer = self.client.get_item().table_name(&self.table).key("id", text(id)).send().await?;
        Ok(answer.item.map(|item| value(&item, "name")))
    }

    /// Writes an item.
    ///
    /// # Errors
    /// If DynamoDB refuses.
    pub async fn put(&self, id: &str, name: &str) -> Result<(), Error> {
        self.client.put_item().table_name(&self.table).item("id", text(id)).item("name", text(name)).send().await?;
        Ok(())
    }

    /// Deletes an item.
    ///
    /// # Errors
    /// If DynamoDB refuses.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.client.delete_item().table_name(&self.table).key("id", text(id)).send().await?;
        Ok(())
    }

    /// Returns the ids of the items on the first page of the table, sorted.
    ///
    /// # Errors
    /// If DynamoDB refuses.
    pub async fn ids(&self) -> Result<Vec<String>, Error> {
        let answer = self.client.scan().table_name(&self.table).send().await?;
        let mut ids: Vec<String> = answer.items().iter().map(|item| value(item, "id")).collect();
        ids.sort();
        Ok(ids)
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn value(item: &HashMap<String, AttributeValue>, key: &str) -> String {
    item.get(key).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
}
