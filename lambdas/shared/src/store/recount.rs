//! Operations of a recount: reading everything, and correcting a counter.

use super::{Item, Store, StoreError, number, text};
use crate::recount::Difference;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

impl Store {
    /// Returns all raw events, with their counted attributes. Reads the whole table.
    pub async fn raw_events(&self) -> Result<Vec<Item>, StoreError> {
        let scan = self.client.scan().table_name(&*self.events_table).consistent_read(true).filter_expression("attribute_exists(event_id)");
        let scan = scan.projection_expression("session_id, event_type, site, #path, received, #batch, visitor");
        read_all(scan.expression_attribute_names("#path", "path").expression_attribute_names("#batch", "batch")).await
    }

    /// Returns all sessions, and the markers of visitors. Reads the whole table.
    pub async fn sessions_and_marks(&self) -> Result<Vec<Item>, StoreError> {
        read_all(self.client.scan().table_name(&*self.sessions_table).consistent_read(true)).await
    }

    /// Adds the difference if the number is unchanged since it was found to be wrong; returns true if it was.
    pub async fn correct(&self, difference: &Difference, expires: i64) -> Result<bool, StoreError> {
        let mut request = self
            .client
            .update_item()
            .table_name(&*self.events_table)
            .key("session_id", text(&difference.key.partition))
            .key("timestamp", number(difference.key.sort))
            .expression_attribute_names("#number", difference.attribute)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":missing", number(difference.missing))
            .expression_attribute_values(":ttl", number(expires));
        let mut update = "SET #ttl = if_not_exists(#ttl, :ttl)".to_owned();
        if let Some(label) = &difference.label {
            update.push_str(", #label = if_not_exists(#label, :label)");
            request = request.expression_attribute_names("#label", "label").expression_attribute_values(":label", text(label));
        }
        let request = match difference.counted {
            Some(counted) => request.condition_expression("#number = :counted").expression_attribute_values(":counted", number(counted)),
            None => request.condition_expression("attribute_not_exists(#number)"),
        };
        let request = request.update_expression(update + " ADD #number :missing");
        // A lost answer must not add twice. The condition prevents that, and a recount can be repeated.
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(StoreError::new("UpdateItem", &error)),
            },
        }
    }
}

async fn read_all(scan: aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder) -> Result<Vec<Item>, StoreError> {
    let mut pages = scan.into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(item.map_err(|error| StoreError::new("Scan", &error))?);
    }
    Ok(items)
}
