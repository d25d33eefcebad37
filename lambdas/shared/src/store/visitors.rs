//! Daily salts, and visitors' hours.
//!
//! A salt is in the events table under `@salt#date`. The first container that needs it creates it. The container that creates
//! the salt of two days later deletes it, not the time to live alone, which may lag by days. A visitor's hours are in the
//! sessions table under `@u#site#date#visitor`, without `is_active`, so the index never contains them.

use super::{Store, StoreError, number, text};
use crate::rollup::{Arrival, Touch};
use crate::time::{DAY, HOUR, Millis, SECOND, compact_date, floor};
use crate::visitor::{Salt, random_salt};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use std::sync::{Mutex, PoisonError};

/// Days that lose their salts on creation of a new one, counted back from today: from the day before yesterday to a week ago.
const DELETED_DAYS: std::ops::RangeInclusive<i64> = 2..=7;

/// Cache of the day's salt, which is read once a day.
pub type SaltCache = Mutex<Option<(Millis, Salt)>>;

impl Store {
    /// Returns the salt of the day of `now`.
    ///
    /// Creates or reads the salt by a single update, so the role needs no permission to read the table, and all containers get the same salt.
    pub async fn daily_salt(&self, now: Millis) -> Result<Salt, StoreError> {
        let day = floor(now, DAY);
        let cached = *self.salt.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, salt)) = cached.filter(|(cached_day, _)| *cached_day == day) {
            return Ok(salt);
        }
        let mine = random_salt();
        let output = self
            .client
            .update_item()
            .table_name(&*self.events_table)
            .key("session_id", text(salt_key(day)))
            .key("timestamp", number(0))
            .update_expression("SET salt = if_not_exists(salt, :salt), #ttl = :ttl")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":salt", AttributeValue::B(Blob::new(mine)))
            .expression_attribute_values(":ttl", number((day + 2 * DAY) / SECOND))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| StoreError::new("UpdateItem", &error))?;
        let kept = output.attributes.as_ref().and_then(|item| item.get("salt")).and_then(|salt| salt.as_b().ok());
        let salt = kept
            .and_then(|salt| Salt::try_from(salt.as_ref()).ok())
            .ok_or_else(|| StoreError::Unavailable { operation: "UpdateItem", message: "the day's salt is not 16 bytes".to_owned() })?;
        if salt == mine {
            for ago in DELETED_DAYS {
                self.delete_salt(day - ago * DAY).await?;
            }
        }
        *self.salt.lock().unwrap_or_else(PoisonError::into_inner) = Some((day, salt));
        Ok(salt)
    }

    /// Stores that a visitor is present in the hour of the touch, and returns whether that is new.
    ///
    /// Of any number of sessions of a visitor, concurrent or in sequence, exactly one gets the answer that it is.
    pub async fn mark_visitor(&self, touch: &Touch) -> Result<Arrival, StoreError> {
        let hour = floor(touch.now, HOUR);
        let result = self
            .client
            .update_item()
            .table_name(&*self.sessions_table)
            .key("session_id", text(visitor_key(&touch.site, touch.now, &touch.visitor)))
            .update_expression("SET #ttl = :ttl ADD hours :hours")
            .condition_expression("attribute_not_exists(hours) OR NOT contains(hours, :hour)")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", number((floor(touch.now, DAY) + 2 * DAY) / SECOND))
            .expression_attribute_values(":hours", AttributeValue::Ns(vec![hour.to_string()]))
            .expression_attribute_values(":hour", number(hour))
            .return_values(ReturnValue::AllOld)
            .customize()
            // If repeated after a lost answer, it would find its own marker.
            .config_override(Self::without_retries())
            .send()
            .await;
        match result {
            Ok(output) => Ok(Arrival { in_hour: true, in_day: output.attributes.is_none_or(|item| !item.contains_key("hours")) }),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Arrival::default()),
                _ => Err(StoreError::new("UpdateItem", &error)),
            },
        }
    }

    async fn delete_salt(&self, day: Millis) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&*self.events_table);
        let request = request.key("session_id", text(salt_key(day))).key("timestamp", number(0));
        request.send().await.map(drop).map_err(|error| StoreError::new("DeleteItem", &error))
    }
}

/// Returns the partition key of a day's salt.
pub fn salt_key(day: Millis) -> String {
    format!("@salt#{}", compact_date(day))
}

/// Returns the key of a visitor's hours on the day of `time`.
pub fn visitor_key(site: &str, time: Millis, visitor: &str) -> String {
    format!("@u#{site}#{}#{visitor}", compact_date(time))
}
