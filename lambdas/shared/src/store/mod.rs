//! The two tables. One file per kind of item: [`events`], [`sessions`], [`counters`], [`visitors`], leases.
//!
//! Keys and indexes are those that the stack declares: events by `session_id` and `timestamp` with an index by
//! `event_type`, sessions by `session_id` with an index by `is_active` and `last_activity`.

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

/// An item as DynamoDB gives it.
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
    /// Refusal because of the rate; this call wrote nothing.
    #[error("{operation} was throttled: {message}")]
    Throttled {
        /// API operation.
        operation: &'static str,
        /// DynamoDB's words.
        message: String,
    },
    /// No answer, or a failure; a write may have happened.
    #[error("{operation} got no answer: {message}")]
    Unavailable {
        /// API operation.
        operation: &'static str,
        /// The client's words.
        message: String,
    },
    /// Refusal for another reason, such as a missing table or permission.
    #[error("{operation} was refused with {code}: {message}")]
    Refused {
        /// API operation.
        operation: &'static str,
        /// DynamoDB's error code.
        code: String,
        /// DynamoDB's words.
        message: String,
    },
    /// The session has sent as many batches as it can remember.
    #[error("a session has sent too many batches")]
    SessionFull,
}

impl Store {
    /// Both tables, by name.
    pub fn new(client: Client, events_table: &str, sessions_table: &str) -> Self {
        Self { client, events_table: events_table.into(), sessions_table: sessions_table.into(), salt: Arc::default() }
    }

    /// Opens the first connection, which takes longer than all that follows, while the function starts, by a call that its role allows: a
    /// function that `takes_events` asks for a session, one that reads for counters.
    ///
    /// What it answers does not matter: also a refusal has opened the connection.
    pub async fn warm_up(&self, takes_events: bool) {
        let connect = async {
            if takes_events {
                let _ = self.client.get_item().table_name(&*self.sessions_table).key("session_id", text("@warm-up")).send().await;
            } else {
                let _ = self.read_span("@warm-up".to_owned(), 0, 0).await;
            }
        };
        // Starting late would be worse than starting cold.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), connect).await;
    }

    /// For writes that must not be sent twice: a lost answer would count them twice.
    fn without_retries() -> aws_sdk_dynamodb::config::Builder {
        aws_sdk_dynamodb::config::Builder::new().retry_config(RetryConfig::disabled())
    }
}

impl StoreError {
    /// Sorts the client's many errors into those that the handlers treat differently.
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

/// The innermost cause says what happened; the outer ones say "dispatch failure".
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

/// A number of an item, 0 if it is missing: counters begin with their first increment.
pub fn read_number(item: &Item, attribute: &str) -> i64 {
    item.get(attribute).and_then(|value| value.as_n().ok()).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A text of an item, if it has it.
pub fn read_text<'a>(item: &'a Item, attribute: &str) -> Option<&'a str> {
    item.get(attribute).and_then(|value| value.as_s().ok()).map(String::as_str)
}
