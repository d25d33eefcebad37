//! Access to the two tables. One file per kind of item: [`events`], [`sessions`], [`counters`], [`visitors`], leases.
//!
//! Keys and indexes are those that the stack declares: events by `session_id` and `timestamp` with an index by `event_type`,
//! sessions by `session_id` with an index by `is_active` and `last_activity`.

pub mod counters;
pub mod events;
mod leases;
mod recount;
pub mod sessions;
pub mod visitors;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;
use std::sync::Arc;

/// Item as DynamoDB returns it.
pub type Item = HashMap<String, AttributeValue>;

/// Both tables and a client; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    events_table: Arc<str>,
    sessions_table: Arc<str>,
    salt: Arc<visitors::SaltCache>,
}

/// Error of DynamoDB.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Throttled request; this call wrote nothing.
    #[error("{operation} was throttled: {message}")]
    Throttled {
        /// Name of the API operation.
        operation: &'static str,
        /// Message from DynamoDB.
        message: String,
    },
    /// No answer, or a failure; a write may have happened.
    #[error("{operation} got no answer: {message}")]
    Unavailable {
        /// Name of the API operation.
        operation: &'static str,
        /// Message from the client.
        message: String,
    },
    /// Refusal for another reason, such as a missing table or permission.
    #[error("{operation} was refused with {code}: {message}")]
    Refused {
        /// Name of the API operation.
        operation: &'static str,
        /// Error code from DynamoDB.
        code: String,
        /// Message from DynamoDB.
        message: String,
    },
    /// The session has sent as many batches as it can remember.
    #[error("a session has sent too many batches")]
    SessionFull,
}

impl Store {
    /// Creates a store with both tables, by name.
    pub fn new(client: Client, events_table: &str, sessions_table: &str) -> Self {
        Self { client, events_table: events_table.into(), sessions_table: sessions_table.into(), salt: Arc::default() }
    }

    /// Opens the first connection, which takes longer than all later ones, while the function starts. Uses a call that its role
    /// allows: a function that `takes_events` reads a session, one that reads reads counters.
    ///
    /// The answer does not matter: even a refusal has opened the connection.
    pub async fn warm_up(&self, takes_events: bool) {
        let connect = async {
            if takes_events {
                let _ = self.client.get_item().table_name(&*self.sessions_table).key("session_id", text("@warm-up")).send().await;
            } else {
                let _ = self.read_span("@warm-up".to_owned(), 0, 0).await;
            }
        };
        // A late start would be worse than a cold one.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), connect).await;
    }

    /// Returns the configuration for writes that must not be repeated: a lost answer would count them twice.
    fn without_retries() -> aws_sdk_dynamodb::config::Builder {
        aws_sdk_dynamodb::config::Builder::new().retry_config(RetryConfig::disabled())
    }
}

impl StoreError {
    /// Maps the client's many errors to those that the handlers treat differently.
    fn new<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let message = || error.message().map_or_else(|| describe(error), str::to_owned);
        match error.code() {
            Some("ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded" | "Throttling") => {
                Self::Throttled { operation, message: message() }
            }
            Some("InternalServerError" | "ServiceUnavailable" | "InternalFailure") | None => {
                Self::Unavailable { operation, message: message() }
            }
            Some(code) => Self::Refused { operation, code: code.to_owned(), message: message() },
        }
    }
}

/// Returns the innermost cause, because the outer ones are only "dispatch failure".
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Returns a number of an item, 0 if it is missing: counters begin with their first increment.
pub fn read_number(item: &Item, attribute: &str) -> i64 {
    item.get(attribute).and_then(|value| value.as_n().ok()).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Returns a text of an item, if it has it.
pub fn read_text<'a>(item: &'a Item, attribute: &str) -> Option<&'a str> {
    item.get(attribute).and_then(|value| value.as_s().ok()).map(String::as_str)
}
