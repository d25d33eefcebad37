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

    /// Returns the first key of one type in a schema, with its kind from the definitions.
    pub(super) fn of(schema: &[KeySchemaElement], key_type: &KeyType, definitions: &[AttributeDefinition]) -> Option<Self> {
        Keys::of(schema, key_type, definitions).0.into_iter().next()
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

/// Attributes that are one key of a global index together, in their order: none, or up to four. Shown as one text: `tenant S, day N`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(Vec<KeyAttribute>);

impl Keys {
    /// Returns all keys of one type in a schema, with their kinds from the definitions.
    pub(super) fn of(schema: &[KeySchemaElement], key_type: &KeyType, definitions: &[AttributeDefinition]) -> Self {
        let key = |element: &KeySchemaElement| {
            let name = element.attribute_name();
            let definition = definitions.iter().find(|definition| definition.attribute_name() == name);
            let kind = definition.map(|definition| definition.attribute_type().as_str().to_owned()).unwrap_or_default();
            KeyAttribute { name: name.to_owned(), kind }
        };
        schema.iter().filter(|element| element.key_type() == key_type).map(key).collect()
    }

    /// Returns the attributes in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.0.iter()
    }
}

impl FromIterator<KeyAttribute> for Keys {
    fn from_iter<I: IntoIterator<Item = KeyAttribute>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
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

pub(super) fn schema<'a>(
    partition: impl IntoIterator<Item = &'a KeyAttribute>,
    sort: impl IntoIterator<Item = &'a KeyAttribute>,
) -> Result<Vec<KeySchemaElement>> {
    let element = |(key, of): (&KeyAttribute, KeyType)| KeySchemaElement::builder().attribute_name(&key.name).key_type(of).build();
    let partition = partition.into_iter().map(|key| (key, KeyType::Hash));
    partition.chain(sort.into_iter().map(|key| (key, KeyType::Range))).map(element).collect::<Result<_, _>>().map_err(incomplete)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn incomplete(error: BuildError) -> Error {
    Error::refused("dynamodb", error.to_string())
}
