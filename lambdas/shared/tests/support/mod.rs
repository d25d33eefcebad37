//! Local DynamoDB with fresh tables for each test. Shared by the handlers' tests as well.

#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a failure here fails the test")]

pub mod faulty;
pub mod judge;
pub mod runtime;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
};
use std::sync::atomic::{AtomicU32, Ordering};

/// Both tables, empty, with the keys and indexes that the stack declares.
pub struct Tables {
    pub client: Client,
    pub events: String,
    pub sessions: String,
}

pub use test_support::endpoint;

/// Creates a client for any server at an address.
pub fn client(endpoint: &str) -> Client {
    Client::from_conf(config(endpoint).build())
}

/// Returns the configuration for it, to be completed.
pub fn config(endpoint: &str) -> aws_sdk_dynamodb::config::Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
}

/// Creates the tables under names that no other test uses.
pub async fn tables() -> Tables {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let nanoseconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let suffix = format!("{}-{nanoseconds}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let tables = Tables { client: client(&endpoint()), events: format!("events-{suffix}"), sessions: format!("sessions-{suffix}") };
    let text = ScalarAttributeType::S;
    let number = ScalarAttributeType::N;
    create(
        &tables,
        &tables.events,
        &[("session_id", &text), ("timestamp", &number), ("event_type", &text)],
        &["session_id", "timestamp"],
        ("EventTypeIndex", &["event_type", "timestamp"], ProjectionType::All),
    )
    .await;
    create(
        &tables,
        &tables.sessions,
        &[("session_id", &text), ("is_active", &text), ("last_activity", &number)],
        &["session_id"],
        ("ActivityIndex", &["is_active", "last_activity"], ProjectionType::KeysOnly),
    )
    .await;
    tables
}

async fn create(
    tables: &Tables,
    name: &str,
    attributes: &[(&str, &ScalarAttributeType)],
    key: &[&str],
    (index, index_key, projection): (&str, &[&str], ProjectionType),
) {
    let definitions = attributes
        .iter()
        .map(|(name, kind)| AttributeDefinition::builder().attribute_name(*name).attribute_type((*kind).clone()).build().unwrap());
    let index = GlobalSecondaryIndex::builder()
        .index_name(index)
        .set_key_schema(Some(key_schema(index_key)))
        .projection(Projection::builder().projection_type(projection).build())
        .build()
        .unwrap();
    tables
        .client
        .create_table()
        .table_name(name)
        .set_attribute_definitions(Some(definitions.collect()))
        .set_key_schema(Some(key_schema(key)))
        .global_secondary_indexes(index)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .expect("the local AWS makes tables");
}

fn key_schema(names: &[&str]) -> Vec<KeySchemaElement> {
    let kinds = [KeyType::Hash, KeyType::Range];
    let element = |(name, kind): (&&str, KeyType)| KeySchemaElement::builder().attribute_name(*name).key_type(kind).build().unwrap();
    names.iter().zip(kinds).map(element).collect()
}
