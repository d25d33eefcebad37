//! Counters: adding to them, and reading spans of them.

use super::{Item, Store, StoreError, number, read_number, text};
use crate::digest;
use crate::rollup::{Increment, Key, Label, MOST_LABELS, OTHER};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::ReturnValue;
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::JoinSet;

/// Attempts at an increment that is refused because of the rate. That is certain to have changed nothing.
const ATTEMPTS: u32 = 4;
/// Pages of 1 MB that a reader looks at in one partition; a label's item is about 100 bytes.
const MOST_PAGES: usize = 4;

/// What one update answers: the item's new numbers, and whether it is new.
struct Added {
    numbers: Item,
    is_new: bool,
}

impl Store {
    /// Adds all increments of a batch; returns how many of them were lost.
    ///
    /// An increment is not sent again unless it certainly was not counted, so it may be lost but never counts twice. The
    /// events themselves are kept by then, and the counters can be counted again from them.
    pub async fn count(&self, increments: Vec<Increment>) -> usize {
        let (hours, others): (Vec<_>, Vec<_>) = increments.into_iter().partition(|increment| increment.key.partition.starts_with("@h#"));
        let mut lost = 0;
        // The hours answer how many labels there are already, which decides how the labels are counted.
        let mut labels: HashMap<&'static str, i64> = HashMap::new();
        let mut hour_key = None;
        for hour in hours {
            match self.add(&hour).await {
                Ok(added) => {
                    for counter in ["pages", "sources"] {
                        let known = labels.entry(counter).or_default();
                        *known = (*known).max(read_number(&added.numbers, counter));
                    }
                    hour_key.get_or_insert((hour.key, hour.expires));
                }
                Err(error) => lost += report_loss(&error),
            }
        }
        let mut tasks = JoinSet::new();
        for increment in others {
            let known = increment.label.as_ref().and_then(|label| label.counted_by).and_then(|by| labels.get(by));
            let (store, is_full) = (self.clone(), known.is_some_and(|known| *known >= MOST_LABELS));
            let hour_key = hour_key.clone();
            tasks.spawn(async move { store.add_labelled(increment, is_full, hour_key).await });
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

    /// All items of a partition with a sort key within the range, both ends included.
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

    /// Adds to a label's counter, or to that of the rest when there are too many labels and it is a new one.
    async fn add_labelled(&self, mut increment: Increment, is_full: bool, hour: Option<(Key, i64)>) -> Result<(), StoreError> {
        let Some(Label { text: label, counted_by: Some(counted_by) }) = increment.label.clone() else {
            return self.add(&increment).await.map(drop);
        };
        if is_full && !self.add_if_known(&increment).await? {
            // The hour stays, the label changes.
            increment.key.sort += digest::label_number(OTHER) - digest::label_number(&label);
            increment.label = Some(Label { text: OTHER.to_owned(), counted_by: Some(counted_by) });
            return self.add(&increment).await.map(drop);
        }
        let is_new = !is_full && self.add(&increment).await?.is_new;
        if let Some((key, expires)) = hour.filter(|_| is_new) {
            self.add(&Increment { key, label: None, add: [(counted_by, 1)].into(), last: None, expires }).await?;
        }
        Ok(())
    }

    async fn add(&self, increment: &Increment) -> Result<Added, StoreError> {
        let output = self.update(increment, None).await?;
        let numbers = output.and_then(|output| output.attributes).unwrap_or_default();
        // A new item's number is what was added to it. Increments of labels are positive, so no other item's is.
        let is_new = increment.add.iter().all(|(name, amount)| read_number(&numbers, name) == *amount);
        Ok(Added { numbers, is_new })
    }

    /// Adds only if the item is there; whether it was.
    async fn add_if_known(&self, increment: &Increment) -> Result<bool, StoreError> {
        Ok(self.update(increment, Some("attribute_exists(session_id)")).await?.is_some())
    }

    /// Nothing if the condition does not hold.
    async fn update(&self, increment: &Increment, condition: Option<&str>) -> Result<Option<UpdateItemOutput>, StoreError> {
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
            .return_values(ReturnValue::AllNew);
        if let Some(label) = &increment.label {
            set.push_str(", #label = :label");
            request = request.expression_attribute_names("#label", "label").expression_attribute_values(":label", text(&label.text));
        }
        if let Some(last) = &increment.last {
            // Not under the name `event_type`, which would put the item into an index.
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
                .expression_attribute_names(format!("#a{index}"), *name)
                .expression_attribute_values(format!(":a{index}"), number(*amount));
        }
        if !parts.is_empty() {
            set.push_str(" ADD ");
        }
        let request = request.update_expression(set + &parts.join(", "));
        for attempt in 1.. {
            let result = request.clone().customize().config_override(Self::without_retries()).send().await;
            let Err(error) = result else { return result.map(Some).map_err(|error| StoreError::new("UpdateItem", &error)) };
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
