//! Sessions, with the ledger of counted batches.
//!
//! A session remembers the number of every batch that it counted. Remembering and changing are one conditional update of one
//! item. So of any number of deliveries of a batch, concurrent or in sequence, exactly one gets through.

use super::{Item, Store, StoreError, number, read_number, read_text, text};
use crate::charge;
use crate::rollup::{Touch, Visit};
use crate::time::{DAY, MINUTE, Millis, SECOND, floor};
use crate::token::GRACE;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

/// Maximum number of batches that a session counts. Each is a number of up to 19 digits in the item, so this is about 55 KB of
/// the 400 KB an item may have (DynamoDB quotas page). At a batch every 3 seconds it is more than four hours without a break.
pub const MOST_BATCHES: i64 = 5_000;
/// Precision of `last_activity`; no count depends on it.
pub const ACTIVITY_SPAN: Millis = 5 * MINUTE;
/// Maximum number of attempts to catch up with a session's clock. Each failure takes another batch at the same moment.
const MOST_ATTEMPTS: usize = 50;

/// Decision of a session about a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// The batch counts. Has the session before, and the touch with the assigned time.
    Passed(Option<Visit>, Box<Touch>),
    /// The batch was counted before.
    Duplicate,
}

/// Decision about a batch, with its write units beyond one: a session that remembers thousands of batches is a large item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Decision of the session.
    pub gate: Gate,
    /// Units of the session's item beyond its first kilobyte, for every attempt.
    pub extra_units: i64,
}

impl Store {
    /// Lets a batch through once, and stores the session's new state.
    ///
    /// A session's time never runs backwards: if another delivery got in first with a later time, the touch takes that time.
    /// All counting by comparison with the last activity relies on it.
    pub async fn pass_gate(&self, batch: i64, mut touch: Touch) -> Result<Passage, StoreError> {
        let mut extra_units = 0;
        for attempt in 0..MOST_ATTEMPTS {
            // The second attempt is in the batch's charge. Only a sender that writes to one session all the time causes more.
            extra_units += i64::from(attempt > 1);
            match self.update_session(batch, &touch).await? {
                Update::Done(before) => {
                    extra_units += before.as_ref().map_or(0, extra_units_of);
                    return Ok(Passage { gate: Gate::Passed(before.as_ref().map(visit_of), Box::new(touch)), extra_units });
                }
                Update::Refused(current) => {
                    extra_units += extra_units_of(&current);
                    if has_batch(&current, batch) {
                        return Ok(Passage { gate: Gate::Duplicate, extra_units });
                    }
                    if read_number(&current, "batches") >= MOST_BATCHES {
                        return Err(StoreError::SessionFull);
                    }
                    touch.now = touch.now.max(read_number(&current, "last_seen"));
                }
            }
        }
        Err(StoreError::Throttled { operation: "UpdateItem", message: "a session is written to too often".to_owned() })
    }

    /// Returns true if a batch without a proof may belong to this session: the session is new, or so young that its sender may
    /// not have read the first answer, or the batch was counted and is only repeated.
    pub async fn takes_unproven(&self, session_id: &str, batch: i64, now: Millis) -> Result<bool, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&*self.sessions_table)
            .key("session_id", text(session_id))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::new("GetItem", &error))?;
        Ok(output.item.is_none_or(|session| {
            // `start_time` does not serve: the client decides how far it lies before the first arrival.
            now - read_number(&session, "arrived") <= GRACE || has_batch(&session, batch)
        }))
    }

    async fn update_session(&self, batch: i64, touch: &Touch) -> Result<Update, StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&*self.sessions_table)
            .key("session_id", text(&touch.session_id))
            // `last_activity` is rounded to five minutes and in an index that copies nothing else. An update within the same
            // five minutes leaves the index alone, which saves two writes. `last_seen` is exact.
            .update_expression(
                "SET is_active = :active, last_activity = :minute, last_seen = :now, #page = :page, #ttl = :ttl, \
                 start_time = if_not_exists(start_time, :started), arrived = if_not_exists(arrived, :now), entry_page = if_not_exists(entry_page, :page), \
                 site = if_not_exists(site, :site), referrer = if_not_exists(referrer, :referrer), \
                 device = if_not_exists(device, :device), country = if_not_exists(country, :country) \
                 ADD seen :batches, page_count :views, engaged :engaged, batches :one",
            )
            .condition_expression(
                "(attribute_not_exists(seen) OR NOT contains(seen, :batch)) \
                 AND (attribute_not_exists(last_seen) OR last_seen <= :now) \
                 AND (attribute_not_exists(batches) OR batches < :most)",
            )
            .expression_attribute_names("#page", "exit_page")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":active", text("true"))
            .expression_attribute_values(":minute", number(floor(touch.now, ACTIVITY_SPAN)))
            .expression_attribute_values(":now", number(touch.now))
            .expression_attribute_values(":page", text(&touch.page))
            .expression_attribute_values(":ttl", number(expires(touch.now)))
            .expression_attribute_values(":started", number(touch.started))
            .expression_attribute_values(":site", text(&touch.site))
            .expression_attribute_values(":referrer", text(&touch.referrer))
            .expression_attribute_values(":device", text(touch.device))
            .expression_attribute_values(":country", text(touch.country.as_deref().unwrap_or_default()))
            .expression_attribute_values(":engaged", number(touch.engaged))
            .expression_attribute_values(":batches", AttributeValue::Ns(vec![batch.to_string()]))
            .expression_attribute_values(":batch", number(batch))
            .expression_attribute_values(":views", number(touch.total_views()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(MOST_BATCHES))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .customize()
            // If repeated after a lost answer, it would find its own batch and count nothing.
            .config_override(Self::without_retries())
            .send()
            .await;
        match result {
            // If the item did not exist, some implementations of DynamoDB return its key.
            Ok(output) => Ok(Update::Done(output.attributes.filter(|item| item.contains_key("last_seen")))),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failure)) => {
                    Ok(Update::Refused(failure.item.clone().unwrap_or_default()))
                }
                _ => Err(StoreError::new("UpdateItem", &error)),
            },
        }
    }
}

enum Update {
    /// Item before the update, if there was one.
    Done(Option<Item>),
    /// Current item.
    Refused(Item),
}

/// Returns the expiry in seconds since 1970. A session lives as long as a batch for it may arrive: events older than a day are
/// refused.
fn expires(now: Millis) -> i64 {
    (now + DAY) / SECOND
}

/// Returns the units of a session's item beyond its first: its texts, 300 bytes for all else, and 11 for the number of each
/// batch ("Item sizes and formats", DynamoDB Developer Guide).
fn extra_units_of(item: &Item) -> i64 {
    let texts = ["session_id", "entry_page", "exit_page", "referrer"].iter().filter_map(|name| read_text(item, name)).map(str::len);
    let batches = item.get("seen").and_then(|value| value.as_ns().ok()).map_or(0, Vec::len);
    charge::kilobytes(texts.sum::<usize>() + 300 + 11 * batches) - 1
}

fn has_batch(item: &Item, batch: i64) -> bool {
    let seen = item.get("seen").and_then(|value| value.as_ns().ok());
    seen.is_some_and(|seen| seen.iter().any(|number| number.parse() == Ok(batch)))
}

fn visit_of(item: &Item) -> Visit {
    Visit {
        started: read_number(item, "start_time"),
        last_seen: read_number(item, "last_seen"),
        page: read_text(item, "exit_page").unwrap_or("/").to_owned(),
        views: read_number(item, "page_count"),
    }
}
