//! Units that containers leased for a client, minute by minute.
//!
//! They are in the sessions table under `@l#minute#client`, without `is_active`, so the index never contains them. The client
//! is a hash with the day's salt, as a visitor is.

use super::{Store, StoreError, number, text};
use crate::time::{MINUTE, Millis, SECOND};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

/// Life of a lease, after which no container can still be active in its minute.
const KEPT: Millis = 10 * MINUTE;

impl Store {
    /// Leases units of a client's minute, of which there are `most`; false if fewer are left.
    ///
    /// Updates a single item under a condition, so any number of concurrent containers together never lease more.
    pub async fn lease(&self, client: &str, minute: Millis, units: i64, most: i64) -> Result<bool, StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&*self.sessions_table)
            .key("session_id", text(format!("@l#{minute}#{client}")))
            .update_expression("SET #ttl = :ttl ADD leased :units")
            .condition_expression("attribute_not_exists(leased) OR leased <= :room")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", number((minute + KEPT) / SECOND))
            .expression_attribute_values(":units", number(units))
            .expression_attribute_values(":room", number(most - units))
            .send()
            .await;
        match result {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(StoreError::new("UpdateItem", &error)),
            },
        }
    }
}
