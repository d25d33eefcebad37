//! `projection` of an index: a word, or the attributes that the index includes.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

/// Words that stand for a projection. `INCLUDE` alone is none: its attributes would be missing.
const WORDS: &[&str] = &["ALL", "KEYS_ONLY"];

/// Attributes of each item that an index copies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Projection {
    /// Every attribute: queries never go back to the table.
    #[default]
    All,
    /// The keys only: changes of other attributes cost the index nothing.
    KeysOnly,
    /// The keys, and these attributes.
    Include(BTreeSet<String>),
}

impl Projection {
    /// Returns the name that DynamoDB uses.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::KeysOnly => "KEYS_ONLY",
            Self::Include(_) => "INCLUDE",
        }
    }

    /// Returns the attributes that the index copies besides the keys, if they are named.
    pub fn included(&self) -> BTreeSet<String> {
        match self {
            Self::All | Self::KeysOnly => BTreeSet::new(),
            Self::Include(attributes) => attributes.clone(),
        }
    }
}

/// Projection as written.
#[derive(Debug, Clone, Default)]
pub enum ProjectionFile {
    /// `ALL`, and no projection at all.
    #[default]
    All,
    /// `KEYS_ONLY`.
    KeysOnly,
    /// Mapping with the names of attributes. The word `INCLUDE` has none.
    Include(Vec<String>),
}

impl ProjectionFile {
    pub(super) fn resolve(&self) -> Projection {
        match self {
            Self::All => Projection::All,
            Self::KeysOnly => Projection::KeysOnly,
            Self::Include(attributes) => Projection::Include(attributes.iter().cloned().collect()),
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Included {
    include: Vec<String>,
}

impl<'de> Deserialize<'de> for ProjectionFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrIncluded)
    }
}

struct WordOrIncluded;

impl<'de> Visitor<'de> for WordOrIncluded {
    type Value = ProjectionFile;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ALL, KEYS_ONLY, or attributes as in { include: [title, price] }")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<ProjectionFile, E> {
        match word {
            "ALL" => Ok(ProjectionFile::All),
            "KEYS_ONLY" => Ok(ProjectionFile::KeysOnly),
            // The check says how attributes are named.
            "INCLUDE" => Ok(ProjectionFile::Include(Vec::new())),
            _ => Err(E::unknown_variant(word, WORDS)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ProjectionFile, A::Error> {
        Included::deserialize(MapAccessDeserializer::new(map)).map(|included| ProjectionFile::Include(included.include))
    }
}

impl JsonSchema for ProjectionFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Projection".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Attributes of each item that an index copies.",
            "oneOf": [
                { "description": "Every attribute: queries never go back to the table.", "const": "ALL" },
                { "description": "The keys only: changes of other attributes cost the index nothing.", "const": "KEYS_ONLY" },
                {
                    "description": "The keys, and these attributes.",
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["include"],
                    "properties": {
                        "include": {
                            "description": "Attributes that the index copies besides the keys, 1 to 20.",
                            "type": "array",
                            "items": { "type": "string", "minLength": 1, "maxLength": 255 },
                            "minItems": 1,
                            "maxItems": 20,
                            "uniqueItems": true,
                        },
                    },
                },
            ],
        })
    }
}
