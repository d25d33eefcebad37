//! `tables`: DynamoDB tables.

mod check;
mod declare;
mod key;
mod projection;

pub(crate) use check::check;
pub(crate) use declare::declare;
pub use projection::Projection;

use super::empty_is_default;
use key::KeysFile;
use projection::ProjectionFile;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Default number of days for which a table can be restored; DynamoDB has the same default.
const RESTORE_DAYS: u32 = 35;

/// A DynamoDB table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableFile {
    /// Partition key: the attribute to look up items by.
    pub partition_key: KeyFile,
    /// Sort key: the attribute that orders the items of one partition key.
    pub sort_key: Option<KeyFile>,
    /// Global secondary indexes, by name.
    #[serde(default, deserialize_with = "empty_is_default")]
    #[schemars(extend("maxProperties" = 20))]
    pub indexes: BTreeMap<String, IndexFile>,
    /// Local secondary indexes, by name: other orders of the items of one partition key. Only with `sort_key`, and only for a new table: a change
    /// makes the table anew.
    #[serde(default, deserialize_with = "empty_is_default")]
    #[schemars(extend("maxProperties" = 5))]
    pub local_indexes: BTreeMap<String, LocalIndexFile>,
    /// Attribute with the expiry of an item (time to live), a number of epoch seconds.
    pub ttl: Option<String>,
    /// Enables point-in-time recovery: the table can be restored to any second of the last 35 days, or of `restore_days`. Default: false.
    #[serde(default)]
    pub point_in_time_recovery: bool,
    /// Number of days for which the table can be restored, 1 to 35. Deleted items remain recoverable for this time. Only with
    /// point_in_time_recovery. Default: 35.
    #[schemars(range(min = 1, max = 35))]
    pub restore_days: Option<u32>,
    /// Maximum read units per second of the table, at least 1. DynamoDB throttles requests above it. Reads through an index do not count.
    /// Default: the limit of the account.
    #[schemars(range(min = 1))]
    pub max_read_units: Option<u32>,
    /// Maximum write units per second of the table, at least 1, which limits the cost of its writes. DynamoDB throttles requests above it.
    /// Default: the limit of the account.
    #[schemars(range(min = 1))]
    pub max_write_units: Option<u32>,
    /// Class of the table: STANDARD (the default), or STANDARD_INFREQUENT_ACCESS, whose storage costs less and whose reads and writes cost more.
    /// DynamoDB allows two changes in 30 days.
    #[serde(default)]
    pub class: TableClass,
}

/// A key attribute.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// Name of the attribute.
    pub name: String,
    /// Type of the attribute: S (string), N (number) or B (binary).
    #[serde(rename = "type")]
    pub kind: KeyType,
}

/// A global secondary index.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IndexFile {
    /// Partition key: the attribute to look up items by, or a list of up to four that are one key together.
    pub partition_key: KeysFile,
    /// Sort key: the attribute that orders the items of one partition key, or a list of up to four that order them one after the other.
    pub sort_key: Option<KeysFile>,
    /// Attributes of each item that the index copies: ALL (the default), KEYS_ONLY, or the keys and those named, as in
    /// `{ include: [title, price] }`.
    #[serde(default)]
    pub projection: ProjectionFile,
}

/// A local secondary index.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalIndexFile {
    /// Sort key: the attribute that orders the items of one partition key, which is the table's.
    pub sort_key: KeyFile,
    /// Attributes of each item that the index copies: ALL (the default), KEYS_ONLY, or the keys and those named, as in
    /// `{ include: [title, price] }`.
    #[serde(default)]
    pub projection: ProjectionFile,
}

impl TableFile {
    /// Returns the names of all indexes.
    pub(crate) fn index_names(&self) -> impl Iterator<Item = &str> {
        self.indexes.keys().chain(self.local_indexes.keys()).map(String::as_str)
    }
}

/// A `DynamoDB` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Attribute by which items are found.
    pub partition_key: Key,
    /// Attribute that orders the items of one partition key.
    pub sort_key: Option<Key>,
    /// Global secondary indexes by name.
    pub indexes: BTreeMap<String, Index>,
    /// Local secondary indexes by name.
    pub local_indexes: BTreeMap<String, LocalIndex>,
    /// The attribute that holds an item's expiry in epoch seconds.
    pub ttl: Option<String>,
    /// Set if the table can be restored to any second of the last [`Self::restore_days`].
    pub point_in_time_recovery: bool,
    /// Days that can be restored, 1 to 35.
    pub restore_days: u32,
    /// Limit of read units a second.
    pub max_read_units: Option<u32>,
    /// Limit of write units a second.
    pub max_write_units: Option<u32>,
    /// Class, which decides the prices of storage, reads and writes.
    pub class: TableClass,
}

/// Class of a table. Both are equally fast and durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
pub enum TableClass {
    /// For tables whose reads and writes cost more than their storage.
    #[default]
    #[serde(rename = "STANDARD")]
    Standard,
    /// For tables whose storage costs most.
    #[serde(rename = "STANDARD_INFREQUENT_ACCESS")]
    InfrequentAccess,
}

impl TableClass {
    /// Returns the name that DynamoDB uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::InfrequentAccess => "STANDARD_INFREQUENT_ACCESS",
        }
    }
}

impl Table {
    /// Returns all attributes used as keys, of the table and its indexes, with their types: `DynamoDB` requires exactly these definitions.
    pub fn key_attributes(&self) -> BTreeMap<&str, KeyType> {
        let own = std::iter::once(&self.partition_key).chain(&self.sort_key);
        let of_indexes = self.indexes.values().flat_map(|index| index.partition_key.iter().chain(&index.sort_key));
        let of_local = self.local_indexes.values().map(|index| &index.sort_key);
        own.chain(of_local).chain(of_indexes).map(|key| (key.name.as_str(), key.kind)).collect()
    }

    /// Returns the number of its indexes, local ones included: each has a copy of the items.
    pub fn index_count(&self) -> usize {
        self.indexes.len() + self.local_indexes.len()
    }
}

/// A local secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalIndex {
    /// Attribute that orders the items of one partition key of the table.
    pub sort_key: Key,
    /// Attributes that the index copies of each item.
    pub projection: Projection,
}

/// Key attribute of a table or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The attribute's name.
    pub name: String,
    /// The attribute's type.
    pub kind: KeyType,
}

/// The type of a key attribute: `DynamoDB` allows these three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum KeyType {
    /// A string.
    S,
    /// A number.
    N,
    /// Binary.
    B,
}

impl KeyType {
    /// Returns the letter that DynamoDB uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
        }
    }
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Attributes by which items are found, all of them at once.
    pub partition_key: Vec<Key>,
    /// Attributes that order the items of one partition key.
    pub sort_key: Vec<Key>,
    /// Attributes that the index copies of each item.
    pub projection: Projection,
}

impl TableFile {
    pub(crate) fn resolve(&self) -> Table {
        Table {
            partition_key: self.partition_key.resolve(),
            sort_key: self.sort_key.as_ref().map(KeyFile::resolve),
            indexes: self.indexes.iter().map(|(name, index)| (name.clone(), index.resolve())).collect(),
            local_indexes: self.local_indexes.iter().map(|(name, index)| (name.clone(), index.resolve())).collect(),
            ttl: self.ttl.clone(),
            point_in_time_recovery: self.point_in_time_recovery,
            restore_days: self.restore_days.unwrap_or(RESTORE_DAYS),
            max_read_units: self.max_read_units,
            max_write_units: self.max_write_units,
            class: self.class,
        }
    }
}

impl KeyFile {
    fn resolve(&self) -> Key {
        Key { name: self.name.clone(), kind: self.kind }
    }
}

impl IndexFile {
    fn resolve(&self) -> Index {
        Index {
            partition_key: self.partition_key.resolve(),
            sort_key: self.sort_key.as_ref().map(KeysFile::resolve).unwrap_or_default(),
            projection: self.projection.resolve(),
        }
    }
}

impl LocalIndexFile {
    fn resolve(&self) -> LocalIndex {
        LocalIndex { sort_key: self.sort_key.resolve(), projection: self.projection.resolve() }
    }
}
