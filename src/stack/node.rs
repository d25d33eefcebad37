//! YAML without types: keys and values, and where each of them is.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned};

/// Where something is, in characters, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// The number of characters, at least 0; may reach beyond the line.
    pub length: usize,
}

impl Position {
    /// The place of a location of the YAML parser; `None` if it does not know.
    pub(super) fn of(location: Location) -> Option<Self> {
        let number = |value: u64| usize::try_from(value).ok().filter(|value| *value > 0);
        Some(Self {
            line: number(location.line())?,
            column: number(location.column())?,
            length: usize::try_from(location.span().len()).unwrap_or(1),
        })
    }

    pub(super) fn starts_with(self, other: Self) -> bool {
        (self.line, self.column) == (other.line, other.column)
    }
}

/// A value and where it is.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Where the value starts.
    pub(super) place: Option<Position>,
    /// What it is.
    pub(super) content: Content,
}

/// A value without a type.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Keys with their places and values, in the order written, repeated ones included.
    Mapping(Vec<(String, Option<Position>, Node)>),
    /// A list.
    List(Vec<Node>),
    /// Any scalar.
    Scalar,
    /// Nothing at all, or `null`.
    Nothing,
}

impl Node {
    /// The entry of a mapping by key, or the element of a list by number, with the place of the key.
    pub(super) fn step(&self, step: &str) -> Option<(Option<Position>, &Node)> {
        match &self.content {
            Content::Mapping(entries) => entries.iter().find(|(key, ..)| key == step).map(|(_, place, node)| (*place, node)),
            Content::List(elements) => elements.get(step.parse::<usize>().ok()?).map(|node| (None, node)),
            Content::Scalar | Content::Nothing => None,
        }
    }

    /// The first node, from the outside in, that `matches`.
    pub(super) fn find<'node>(&'node self, matches: &dyn Fn(&Node) -> bool) -> Option<&'node Node> {
        if matches(self) {
            return Some(self);
        }
        match &self.content {
            Content::Mapping(entries) => entries.iter().find_map(|(_, _, node)| node.find(matches)),
            Content::List(elements) => elements.iter().find_map(|node| node.find(matches)),
            Content::Scalar | Content::Nothing => None,
        }
    }

    pub(super) fn owner_of_first_key(&self, place: Position) -> Option<(&str, Position)> {
        let Content::Mapping(entries) = &self.content else {
            return None;
        };
        entries.iter().find_map(|(name, key, node)| {
            let first = match &node.content {
                Content::Mapping(inner) => inner.first().map_or(node.place, |(_, first, _)| *first),
                _ => None,
            };
            match (first, key) {
                (Some(first), Some(key)) if first.starts_with(place) => Some((name.as_str(), *key)),
                _ => node.owner_of_first_key(place),
            }
        })
    }
}

impl From<Spanned<Content>> for Node {
    fn from(spanned: Spanned<Content>) -> Self {
        Self { place: Position::of(spanned.referenced), content: spanned.value }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyContent)
    }
}

struct AnyContent;

impl<'de> Visitor<'de> for AnyContent {
    type Value = Content;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<Spanned<String>, Spanned<Content>>()? {
            entries.push((key.value, Position::of(key.referenced), value.into()));
        }
        Ok(Content::Mapping(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Content, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element::<Spanned<Content>>()? {
            elements.push(element.into());
        }
        Ok(Content::List(elements))
    }

    fn visit_str<E>(self, _: &str) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Content, E> {
        Ok(Content::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Nothing)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Nothing)
    }
}
