//! Counters: increments, and reads of time spans.

use super::{Item, Store, StoreError, number, read_number, text};
use crate::digest;
use crate::rollup::{self, Increment, Key, Label, MOST_LABELS, OTHER};
use crate::time::SECOND;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::JoinSet;

/// Attempts at an increment that is throttled. A throttled write certainly changed nothing.
const ATTEMPTS: u32 = 4;
/// Maximum number of result pages of 1 MB that a reader reads in one partition; a label's item is about 100 bytes.
const MOST_PAGES: usize = 4;

impl Store {
    /// Adds all increments of a batch; returns the number of lost ones.
    ///
    /// An increment is repeated only if it certainly was not counted, so it may be lost but never counts twice. The events
    /// themselves are stored by then, and the counters can be recomputed from them.
    pub async fn count(&self, increments: Vec<Increment>) -> usize {
        let (hours, others): (Vec<_>, Vec<_>) = increments.into_iter().partition(|increment| increment.key.partition.starts_with("@h#"));
        let mut lost = 0;
        // The answers for the hours contain the number of labels, which decides how the labels are counted.
        let mut labels: HashMap<Key, Item> = HashMap::new();
        for hour in hours {
            match self.update(&hour, None, ReturnValue::AllNew).await {
                Ok(numbers) => drop(labels.insert(hour.key, numbers.unwrap_or_default())),
                Err(error) => lost += report_loss(&error),
            }
        }
        let mut tasks = JoinSet::new();
        for increment in others {
            let is_full = increment.label.as_ref().is_some_and(|label| {
                let known = label.counted_by.zip(labels.get(&label.hour)).map(|(counter, numbers)| read_number(numbers, counter));
                known.is_some_and(|known| known >= MOST_LABELS)
            });
            let store = self.clone();
            tasks.spawn(async move { store.add_labelled(increment, is_full).await });
        }
        while let Some(result) = tasks.join_next().await {
            match result {
                Ok(Ok(())) => {}
                Ok(Err(error)) => lost += report_loss(&error),
                Err(failure) => std::panic::resume_unwind(failure.into_panic()),
            }
        }
        lost
    }

    /// Reads all items of a partition with a sort key within the range, both ends included.
    pub async fn read_span(&self, partition: String, first: i64, last: i64) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut next = None;
        for _ in 0..MOST_PAGES {
            let output = self
                .client
                .query()
                .table_name(&*self.events_table)
                .key_condition_expression("session_id = :partition AND #time BETWEEN :first AND :last")
                .expression_attribute_names("#time", "timestamp")
                .expression_attribute_values(":partition", text(&partition))
                .expression_attribute_values(":first", number(first))
                .expression_attribute_values(":last", number(last))
                .set_exclusive_start_key(next)
                .send()
                .await
                .map_err(|error| StoreError::new("Query", &error))?;
            items.extend(output.items.unwrap_or_default());
            next = output.last_evaluated_key;
            if next.is_none() {
                break;
            }
        }
        Ok(items)
    }

    /// Adds to a label's counter, or to the shared one if there are too many labels and this one is new.
    async fn add_labelled(&self, mut increment: Increment, is_full: bool) -> Result<(), StoreError> {
        let Some(Label { text: label, counted_by: Some(counted_by), hour }) = increment.label.clone() else {
            return self.update(&increment, None, ReturnValue::AllNew).await.map(drop);
        };
        // This also applies to pure decrements: the batch before may add the subtracted number a moment later.
        let condition = is_full.then_some("attribute_exists(session_id)");
        let before = self.update(&increment, condition, ReturnValue::AllOld).await?;
        if before.is_none() {
            // The hour stays, the label changes.
            increment.key.sort += digest::label_number(OTHER) - digest::label_number(&label);
            increment.label = Some(Label { text: OTHER.to_owned(), counted_by: Some(counted_by), hour });
            return self.update(&increment, None, ReturnValue::AllNew).await.map(drop);
        }
        if before.is_some_and(|item| !item.contains_key("label")) {
            let expires = rollup::hour_expires(hour.sort) / SECOND;
            let one = Increment { key: hour, label: None, add: [(counted_by.to_owned(), 1)].into(), last: None, expires };
            self.update(&one, None, ReturnValue::AllNew).await?;
        }
        Ok(())
    }

    /// Updates the item and returns it as `answer` requests, empty if there is none; `None` if the condition does not hold.
    async fn update(&self, increment: &Increment, condition: Option<&str>, answer: ReturnValue) -> Result<Option<Item>, StoreError> {
        let mut set = "SET #ttl = :ttl".to_owned();
        let mut request = self
            .client
            .update_item()
            .table_name(&*self.events_table)
            .key("session_id", text(&increment.key.partition))
            .key("timestamp", number(increment.key.sort))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", number(increment.expires))
            .set_condition_expression(condition.map(str::to_owned))
            .return_values(answer);
        if let Some(label) = &increment.label {
            set.push_str(", #label = :label");
            request = request.expression_attribute_names("#label", "label").expression_attribute_values(":label", text(&label.text));
        }
        if let Some(last) = &increment.last {
            // The name `event_type` would put the item into an index.
            set.push_str(", #at = :at, #kind = :kind, #country = :country");
            request = request
                .expression_attribute_names("#at", "at")
                .expression_attribute_names("#kind", "kind")
                .expression_attribute_names("#country", "country")
                .expression_attribute_values(":at", number(last.at))
                .expression_attribute_values(":kind", text(&last.event_type))
                .expression_attribute_values(":country", text(last.country.as_deref().unwrap_or_default()));
        }
        let mut parts = Vec::new();
        for (index, (name, amount)) in increment.add.iter().enumerate() {
            parts.push(format!("#a{index} :a{index}"));
            request = request
                .expression_attribute_names(format!("#a{index}"), name)
                .expression_attribute_values(format!(":a{index}"), number(*amount));
        }
        if !parts.is_empty() {
            set.push_str(" ADD ");
        }
        let request = request.update_expression(set + &parts.join(", "));
        for attempt in 1.. {
            let result = request.clone().customize().config_override(Self::without_retries()).send().await;
            let Err(error) = result else {
                return result
                    .map(|output| Some(output.attributes.unwrap_or_default()))
                    .map_err(|error| StoreError::new("UpdateItem", &error));
            };
            if let Some(UpdateItemError::ConditionalCheckFailedException(_)) = error.as_service_error() {
                return Ok(None);
            }
            match StoreError::new("UpdateItem", &error) {
                StoreError::Throttled { .. } if attempt < ATTEMPTS => {
                    tokio::time::sleep(Duration::from_millis(20 << attempt)).await;
                }
                error => return Err(error),
            }
        }
        Ok(None)
    }
}

fn report_loss(error: &StoreError) -> usize {
    lambda_http::tracing::error!(%error, "a counter was not increased; the events are kept");
    1
}
