//! `reads` and `writes`: a table, or a table with operations.

use super::Operation;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// An element of `reads` or `writes`.
#[derive(Debug, Clone)]
pub enum GrantFile {
    /// Name of a table: all operations of the list.
    All(String),
    /// Tables, each with the operations that are allowed on it.
    Named(BTreeMap<String, OperationsFile>),
}

/// Operations on a table.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operations {
    /// Names, in `DynamoDB`'s spelling.
    #[serde(rename = "operations")]
    pub names: Vec<String>,
    /// Indexes on which Query and Scan are allowed as well.
    #[serde(default)]
    pub indexes: Vec<String>,
    /// Partition keys of the items that may be accessed, with `*` for any characters.
    #[serde(default)]
    pub keys: Vec<String>,
}

/// Operations on a table, as a list of names or as a mapping with details.
#[derive(Debug, Clone)]
pub enum OperationsFile {
    /// List of names alone.
    Short(Operations),
    /// Mapping with names, indexes and keys.
    Long(Operations),
}

impl OperationsFile {
    /// Returns the operations of either form.
    pub(crate) fn operations(&self) -> &Operations {
        match self {
            Self::Short(operations) | Self::Long(operations) => operations,
        }
    }
}

/// Operations that a function may use on a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The table's logical name.
    pub table: String,
    /// The operations, all of which read or all of which write.
    pub operations: BTreeSet<Operation>,
    /// Indexes on which the operations are allowed, as far as they work on indexes.
    pub indexes: Indexes,
    /// Patterns that the items' partition keys must match; an empty set allows any.
    pub keys: BTreeSet<String>,
}

/// Indexes of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Indexes {
    /// All indexes of the table, later ones included.
    All,
    /// Indexes with these names.
    Named(BTreeSet<String>),
}

impl GrantFile {
    /// Returns the grants. A table alone stands for all operations of the list, on its indexes as well.
    pub(crate) fn resolve(&self, all: &[Operation]) -> Vec<Grant> {
        match self {
            Self::All(table) => {
                vec![Grant {
                    table: table.clone(),
                    operations: all.iter().copied().collect(),
                    indexes: Indexes::All,
                    keys: BTreeSet::new(),
                }]
            }
            Self::Named(tables) => tables.iter().map(|(table, operations)| operations.operations().resolve(table)).collect(),
        }
    }
}

impl Operations {
    fn resolve(&self, table: &str) -> Grant {
        Grant {
            table: table.to_owned(),
            operations: self.names.iter().filter_map(|name| Operation::named(name)).collect(),
            indexes: Indexes::Named(self.indexes.iter().cloned().collect()),
            keys: self.keys.iter().cloned().collect(),
        }
    }
}

impl<'de> Deserialize<'de> for GrantFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyGrant)
    }
}

struct AnyGrant;

impl<'de> Visitor<'de> for AnyGrant {
    type Value = GrantFile;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a table, or a table with operations as in { orders: [GetItem] }")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<GrantFile, E> {
        Ok(GrantFile::All(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<GrantFile, A::Error> {
        BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(GrantFile::Named)
    }
}

impl<'de> Deserialize<'de> for OperationsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyOperations)
    }
}

struct AnyOperations;

impl<'de> Visitor<'de> for AnyOperations {
    type Value = OperationsFile;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of operations such as [GetItem], or a mapping of operations, indexes and keys")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OperationsFile, A::Error> {
        let names = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(OperationsFile::Short(Operations { names, ..Operations::default() }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OperationsFile, A::Error> {
        Operations::deserialize(MapAccessDeserializer::new(map)).map(OperationsFile::Long)
    }
}

/// Schema of `reads`.
pub(crate) fn reads(_: &mut SchemaGenerator) -> Schema {
    schema(&Operation::READS)
}

/// Schema of `writes`.
pub(crate) fn writes(_: &mut SchemaGenerator) -> Schema {
    schema(&Operation::WRITES)
}

fn schema(operations: &[Operation]) -> Schema {
    let names: Vec<&str> = operations.iter().map(|operation| operation.as_str()).collect();
    let names = serde_json::json!({ "type": "array", "minItems": 1, "items": { "enum": names } });
    let texts = |text: &str| serde_json::json!({ "description": text, "type": "array", "items": { "type": "string" } });
    let long = serde_json::json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["operations"],
        "properties": {
            "operations": names,
            "indexes": texts("Indexes that Query and Scan may be sent to as well."),
            "keys": texts("Partition keys of the items that may be touched, with * for any characters."),
        },
    });
    json_schema!({
        "type": ["array", "null"],
        "items": {
            "anyOf": [
                { "description": "A table: everything.", "type": "string" },
                { "description": "A table with the operations that are allowed on it.", "type": "object", "minProperties": 1,
                    "additionalProperties": { "anyOf": [names, long] } },
            ],
        },
    })
}
