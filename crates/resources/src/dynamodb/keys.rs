//! The keys of a DynamoDB table and of its global secondary indexes.

use aws_sdk_dynamodb::{
    error::BuildError,
    types::{AttributeDefinition, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType},
};
use engine::{Error, Result};
use serde::{Serialize, Serializer};
use std::{collections::BTreeMap, fmt};

/// A key attribute: name and type (`S`, `N` or `B`). Shown as one text: `session_id S`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAttribute {
    /// The attribute's name.
    pub name: String,
    /// Its scalar type.
    pub kind: String,
}

impl fmt::Display for KeyAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.kind)
    }
}

impl Serialize for KeyAttribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Index {
    /// Its partition key.
    pub partition_key: KeyAttribute,
    /// Its sort key, shown like the table's.
    #[serde(serialize_with = "or_empty")]
    pub sort_key: Option<KeyAttribute>,
    /// `ALL` or `KEYS_ONLY`.
    pub projection: String,
}

#[expect(clippy::ref_option, reason = "the shape that serde wants")]
pub(super) fn or_empty<S: Serializer>(key: &Option<KeyAttribute>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&key.as_ref().map(ToString::to_string).unwrap_or_default())
}

impl Index {
    pub(super) fn declare(&self, name: &str) -> Result<GlobalSecondaryIndex> {
        let projection = Projection::builder().projection_type(ProjectionType::from(self.projection.as_str())).build();
        let schema = schema(&self.partition_key, self.sort_key.as_ref())?;
        GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(schema)).projection(projection).build().map_err(incomplete)
    }
}

/// Returns exactly the attributes that are keys, each once: DynamoDB refuses more and fewer.
pub(super) fn definitions<'a>(keys: impl Iterator<Item = &'a KeyAttribute>) -> Result<Vec<AttributeDefinition>> {
    let unique: BTreeMap<&str, &str> = keys.map(|key| (key.name.as_str(), key.kind.as_str())).collect();
    let define = |(name, kind)| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::from(kind)).build();
    unique.into_iter().map(define).collect::<Result<_, _>>().map_err(incomplete)
}

pub(super) fn schema(partition: &KeyAttribute, sort: Option<&KeyAttribute>) -> Result<Vec<KeySchemaElement>> {
    let element = |key: &KeyAttribute, of| KeySchemaElement::builder().attribute_name(&key.name).key_type(of).build();
    let keys = [(Some(partition), KeyType::Hash), (sort, KeyType::Range)];
    keys.into_iter().filter_map(|(key, of)| Some(element(key?, of))).collect::<Result<_, _>>().map_err(incomplete)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn incomplete(error: BuildError) -> Error {
    Error::refused("dynamodb", error.to_string())
}
