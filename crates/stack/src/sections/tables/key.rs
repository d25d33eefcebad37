//! A key of a global index: one attribute, or a list of them.

use super::{Key, KeyFile};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Positions in a list of key attributes, which has no more.
const POSITIONS: [&str; 4] = ["0", "1", "2", "3"];

/// Key of a global index as written.
#[derive(Debug, Clone)]
pub enum KeysFile {
    /// Mapping with one attribute.
    One(KeyFile),
    /// List of attributes.
    Several(Vec<KeyFile>),
}

impl KeysFile {
    /// Returns the attributes, each with its place below the key.
    pub(super) fn placed(&self) -> Vec<(Option<&'static str>, &KeyFile)> {
        match self {
            Self::One(key) => vec![(None, key)],
            Self::Several(keys) => POSITIONS.iter().map(|position| Some(*position)).zip(keys).collect(),
        }
    }

    /// Returns the number of attributes in a list.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Several(keys) => keys.len(),
        }
    }

    pub(super) fn resolve(&self) -> Vec<Key> {
        self.placed().into_iter().map(|(_, key)| key.resolve()).collect()
    }
}

impl<'de> Deserialize<'de> for KeysFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrSeveral)
    }
}

struct OneOrSeveral;

impl<'de> Visitor<'de> for OneOrSeveral {
    type Value = KeysFile;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an attribute as in { name: day, type: S }, or a list of them")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<KeysFile, A::Error> {
        KeyFile::deserialize(MapAccessDeserializer::new(map)).map(KeysFile::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<KeysFile, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(KeysFile::Several)
    }
}

impl JsonSchema for KeysFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Keys".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<KeyFile>();
        json_schema!({ "anyOf": [one, { "type": "array", "minItems": 1, "maxItems": 4, "items": one }] })
    }
}
