//! Converts the tree of a file to its types: a deserializer that reports the path of a value of the wrong type.
//!
//! The YAML parser stops at the first mistake and loses the positions of typed values. The tree is kept, so that a mistake can be mended in it and
//! the rest can be read as well.

use std::fmt::Display;

use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Content, Kind, Node, Position, Scalar};

/// Names of shapes in messages.
pub(super) const LIST: &str = "a list";
const MAPPING: &str = "a mapping of keys and values";
const TEXT: &str = "text";
pub(super) const BOOLEAN: &str = "true or false";
pub(super) const WHOLE: &str = "a whole number";

/// Error for a value that does not fit its type.
#[derive(Debug)]
pub(super) struct Mismatch {
    /// Path of the value, innermost step first.
    steps: Vec<String>,
    /// Container of the value.
    pub(super) holder: Holder,
    /// Kind of mistake, with its details.
    pub(super) fault: Fault,
}

/// Container of a value that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// No container: the value is the whole file.
    File,
    /// A mapping with known keys.
    Fields,
    /// A mapping with the user's own keys.
    Names,
    /// A list of values.
    List,
}

/// A kind of mistake.
#[derive(Debug)]
pub(super) enum Fault {
    /// A key that the mapping does not know, with the known ones.
    UnknownKey(&'static [&'static str]),
    /// A key that the mapping must have.
    MissingKey(&'static str),
    /// A word that is none of the known ones, with those.
    UnknownWord(String, &'static [&'static str]),
    /// A missing value, with the expected type.
    Nothing(&'static str),
    /// A value of another type than expected.
    WrongType(String),
    /// Any other mistake, as a message.
    Other(String),
}

/// Reads a tree as `T`.
pub(super) fn read<'de, T: Deserialize<'de>>(root: &Node) -> Result<T, Mismatch> {
    T::deserialize(Reader(root))
}

impl Mismatch {
    fn new(fault: Fault) -> Self {
        Self { steps: Vec::new(), holder: Holder::File, fault }
    }

    fn wrong(expected: impl Into<String>) -> Self {
        Self::new(Fault::WrongType(expected.into()))
    }

    /// Returns the path, outermost step first.
    pub(super) fn path(&self) -> Vec<String> {
        self.steps.iter().rev().cloned().collect()
    }

    /// Adds the step that led here.
    fn below(mut self, step: impl Into<String>, holder: Holder) -> Self {
        if self.steps.is_empty() {
            self.holder = holder;
        }
        self.steps.push(step.into());
        self
    }
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {:?}", self.path().join("."), self.fault)
    }
}

impl std::error::Error for Mismatch {}

impl Error for Mismatch {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Fault::Other(message.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(expected.to_string())
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(expected.to_string())
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownWord(variant.to_owned(), expected))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownKey(expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Fault::MissingKey(field))
    }
}

/// A value for the deserializer to read.
#[derive(Clone, Copy)]
struct Reader<'node>(&'node Node);

impl Reader<'_> {
    fn scalar(&self, expected: &'static str) -> Result<&Scalar, Mismatch> {
        match &self.0.content {
            Content::Scalar(scalar) => Ok(scalar),
            _ => Err(self.unfit(expected)),
        }
    }

    /// Returns the error of a value that is not of the expected type.
    fn unfit(self, expected: &'static str) -> Mismatch {
        match &self.0.content {
            Content::Nothing => Mismatch::new(Fault::Nothing(expected)),
            _ => Mismatch::wrong(expected),
        }
    }

    fn mapping<'de, V: Visitor<'de>>(self, holder: Holder, visitor: V) -> Result<V::Value, Mismatch> {
        match &self.0.content {
            Content::Mapping(entries) => visitor.visit_map(Entries { left: entries, value: None, holder }),
            _ => Err(self.unfit(MAPPING)),
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let scalar = match &self.0.content {
            Content::Mapping(_) => return self.mapping(Holder::Names, visitor),
            Content::List(_) => return self.deserialize_seq(visitor),
            Content::Nothing => return visitor.visit_unit(),
            Content::Scalar(scalar) => scalar,
        };
        match scalar.kind {
            Kind::Text => visitor.visit_str(&scalar.text),
            Kind::Boolean => visitor.visit_bool(scalar.text.eq_ignore_ascii_case("true")),
            Kind::Whole | Kind::Number => match whole(&scalar.text) {
                Some(number) => visitor.visit_u64(number),
                None => visitor.visit_f64(scalar.text.parse().unwrap_or(f64::NAN)),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.scalar(BOOLEAN)? {
            Scalar { kind: Kind::Boolean, text } => visitor.visit_bool(text.eq_ignore_ascii_case("true")),
            _ => Err(self.unfit(BOOLEAN)),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.scalar(WHOLE)? {
            Scalar { kind: Kind::Whole, text } => match whole(text).and_then(|number| u32::try_from(number).ok()) {
                Some(number) => visitor.visit_u32(number),
                None => Err(self.unfit(WHOLE)),
            },
            _ => Err(self.unfit(WHOLE)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_str(&self.scalar(TEXT)?.text)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0.content {
            Content::Nothing => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match &self.0.content {
            Content::List(elements) => visitor.visit_seq(Elements { left: elements, next: 0 }),
            _ => Err(self.unfit(LIST)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.mapping(Holder::Names, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Mismatch> {
        self.mapping(Holder::Fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_enum(Word(&self.scalar(TEXT)?.text))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// Parses a whole number in YAML 1.2's notation: decimal, `0x` or `0o`.
fn whole(text: &str) -> Option<u64> {
    match text.get(..2) {
        Some("0x") => u64::from_str_radix(&text[2..], 16).ok(),
        Some("0o") => u64::from_str_radix(&text[2..], 8).ok(),
        _ => text.parse().ok(),
    }
}

/// Entries of a mapping that are still to be read.
struct Entries<'node> {
    left: &'node [(String, Option<Position>, Node)],
    value: Option<(&'node str, &'node Node)>,
    holder: Holder,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        let Some(((key, _, node), left)) = self.left.split_first() else { return Ok(None) };
        self.left = left;
        self.value = Some((key, node));
        let holder = self.holder;
        let deserializer: StrDeserializer<'_, Mismatch> = key.as_str().into_deserializer();
        seed.deserialize(deserializer).map(Some).map_err(|mismatch| mismatch.below(key.as_str(), holder))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let (key, node) = self.value.take().ok_or_else(|| Mismatch::custom("a value without a key"))?;
        seed.deserialize(Reader(node)).map_err(|mismatch| mismatch.below(key, self.holder))
    }
}

/// Elements of a list that are still to be read.
struct Elements<'node> {
    left: &'node [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let Some((node, left)) = self.left.split_first() else { return Ok(None) };
        self.left = left;
        let index = self.next;
        self.next += 1;
        seed.deserialize(Reader(node)).map(Some).map_err(|mismatch| mismatch.below(index.to_string(), Holder::List))
    }
}

/// Word that selects one of several variants.
struct Word<'node>(&'node str);

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = Mismatch;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Mismatch> {
        let deserializer: StrDeserializer<'_, Mismatch> = self.0.into_deserializer();
        Ok((seed.deserialize(deserializer)?, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'_> {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Mismatch> {
        Err(Mismatch::wrong(TEXT))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Mismatch> {
        Err(Mismatch::wrong(TEXT))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Mismatch> {
        Err(Mismatch::wrong(TEXT))
    }
}
