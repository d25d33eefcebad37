//! The keys of a DynamoDB table and of its indexes.

use aws_sdk_dynamodb::{
    error::BuildError,
    types::{AttributeDefinition, KeySchemaElement, KeyType, ScalarAttributeType},
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

impl KeyAttribute {
    /// Returns a key without a name, for what is not known.
    pub(super) fn unknown() -> Self {
        Self { name: String::new(), kind: String::new() }
    }

    /// Returns the key of one type in a schema, with its kind from the definitions.
    pub(super) fn of(schema: &[KeySchemaElement], key_type: &KeyType, definitions: &[AttributeDefinition]) -> Option<Self> {
        let name = schema.iter().find(|element| element.key_type() == key_type)?.attribute_name();
        let definition = definitions.iter().find(|definition| definition.attribute_name() == name);
        let kind = definition.map(|definition| definition.attribute_type().as_str().to_owned()).unwrap_or_default();
        Some(Self { name: name.to_owned(), kind })
    }
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

#[expect(clippy::ref_option, reason = "the shape that serde wants")]
pub(super) fn or_empty<S: Serializer>(key: &Option<KeyAttribute>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&key.as_ref().map(ToString::to_string).unwrap_or_default())
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
