//! YAML without types: keys and values, each with its position.

use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned, Tagged};

/// Position in the text, in characters, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, counted from 1.
    pub line: usize,
    /// Column, counted from 1.
    pub column: usize,
    /// Number of characters, at least 0; may reach beyond the line.
    pub length: usize,
}

impl Position {
    /// Converts a location of the YAML parser; `None` if the parser does not know it.
    pub(super) fn of(location: Location) -> Option<Self> {
        let number = |value: u64| usize::try_from(value).ok().filter(|value| *value > 0);
        Some(Self {
            line: number(location.line())?,
            column: number(location.column())?,
            length: usize::try_from(location.span().len()).unwrap_or(1),
        })
    }
}

/// A value with its position.
#[derive(Debug, Clone)]
pub struct Node {
    /// Position of the value.
    pub position: Option<Position>,
    /// Position of the value's definition, which differs from `position` for an alias.
    pub(super) origin: Option<Position>,
    /// The bytes of the definition in the text.
    pub(super) bytes: Range<usize>,
    /// Tag, as the parser resolves it.
    pub tag: Option<String>,
    /// Value, still without a type.
    pub content: Content,
}

/// A value without a type.
#[derive(Debug, Clone)]
pub enum Content {
    /// Keys with their positions and values, in the order written, repeated ones included.
    Mapping(Vec<(String, Option<Position>, Node)>),
    /// List of nodes.
    List(Vec<Node>),
    /// Scalar of any type.
    Scalar(Scalar),
    /// Missing value, or `null`.
    Nothing,
}

/// A scalar: its text as typed, and its type in YAML 1.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text, without quotes.
    pub text: String,
    /// The type of YAML 1.2's core schema.
    pub kind: Kind,
}

/// The types of scalars in YAML 1.2's core schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text: quoted, tagged as such, or unlike everything else.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Whole,
    /// Any other number, `.inf` and `.nan` among them.
    Number,
}

impl Kind {
    /// Returns a scalar of this type, the text of which is still to be taken from the file.
    fn textless(self) -> Content {
        Content::Scalar(Scalar { text: String::new(), kind: self })
    }
}

impl Node {
    /// Returns the tree of an empty file.
    pub fn nothing() -> Self {
        Self { position: None, origin: None, bytes: 0..0, tag: None, content: Content::Nothing }
    }

    /// Returns the value of a key; `None` if this is no mapping, or has no such key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().find(|(name, _)| *name == key).map(|(_, node)| node)
    }

    /// Returns keys and values in the order written; nothing if this is no mapping.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Self)> {
        let entries = if let Content::Mapping(entries) = &self.content { entries.as_slice() } else { &[] };
        entries.iter().map(|(key, _, node)| (key.as_str(), node))
    }

    /// Returns the elements of a list; nothing if this is none.
    pub fn elements(&self) -> &[Self] {
        if let Content::List(elements) = &self.content { elements } else { &[] }
    }

    /// Returns the text of a scalar as typed, without quotes.
    pub fn text(&self) -> Option<&str> {
        if let Content::Scalar(scalar) = &self.content { Some(&scalar.text) } else { None }
    }

    /// Returns the line of the value, counted from 1.
    pub fn line(&self) -> Option<usize> {
        self.position.map(|position| position.line)
    }

    /// Returns the line of a key.
    pub fn line_of(&self, key: &str) -> Option<usize> {
        let Content::Mapping(entries) = &self.content else { return None };
        let (_, position, node) = entries.iter().find(|(name, ..)| name == key)?;
        position.or(node.position).map(|position| position.line)
    }

    /// Returns the entry of a mapping by key, or the element of a list by number, with the position of the key.
    pub fn step(&self, step: &str) -> Option<(Option<Position>, &Node)> {
        match &self.content {
            Content::Mapping(entries) => entries.iter().find(|(key, ..)| key == step).map(|(_, position, node)| (*position, node)),
            Content::List(elements) => elements.get(step.parse::<usize>().ok()?).map(|node| (None, node)),
            Content::Scalar(_) | Content::Nothing => None,
        }
    }

    /// Returns the value at a path.
    pub(super) fn find(&self, path: &[String]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| Some(node.step(step)?.1))
    }

    /// Returns the value at a path, for a change.
    pub(super) fn at_mut(&mut self, path: &[String]) -> Option<&mut Node> {
        let Some((step, rest)) = path.split_first() else { return Some(self) };
        let child = match &mut self.content {
            Content::Mapping(entries) => entries.iter_mut().find(|(key, ..)| key == step).map(|(.., node)| node),
            Content::List(elements) => elements.get_mut(step.parse::<usize>().ok()?),
            Content::Scalar(_) | Content::Nothing => None,
        };
        child?.at_mut(rest)
    }

    /// Returns the entries of a mapping, for a change.
    pub(super) fn entries_mut(&mut self) -> Option<&mut Vec<(String, Option<Position>, Node)>> {
        match &mut self.content {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Restores the file's text in the scalars that the parser converted: `1.10` stays `1.10`.
    pub(super) fn take_texts(&mut self, file: &str) {
        match &mut self.content {
            Content::Mapping(entries) => entries.iter_mut().for_each(|(.., node)| node.take_texts(file)),
            Content::List(elements) => elements.iter_mut().for_each(|node| node.take_texts(file)),
            Content::Scalar(scalar) if scalar.kind != Kind::Text => {
                file.get(self.bytes.clone()).unwrap_or_default().trim().clone_into(&mut scalar.text);
            }
            Content::Scalar(_) | Content::Nothing => {}
        }
    }
}

impl From<Spanned<Tagged<Content>>> for Node {
    fn from(spanned: Spanned<Tagged<Content>>) -> Self {
        let Spanned { value: Tagged(content, tag), referenced, defined } = spanned;
        let number = |value: Option<u64>| value.and_then(|value| usize::try_from(value).ok()).unwrap_or_default();
        let start = number(defined.span().byte_offset());
        let bytes = start..start + number(defined.span().byte_len());
        Self { position: Position::of(referenced), origin: Position::of(defined), bytes, tag, content }
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
        while let Some((key, value)) = map.next_entry::<Spanned<String>, Spanned<Tagged<Content>>>()? {
            entries.push((key.value, Position::of(key.referenced), value.into()));
        }
        Ok(Content::Mapping(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Content, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element::<Spanned<Tagged<Content>>>()? {
            elements.push(element.into());
        }
        Ok(Content::List(elements))
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Scalar(Scalar { text: text.to_owned(), kind: Kind::Text }))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Content, E> {
        Ok(Kind::Boolean.textless())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Content, E> {
        Ok(Kind::Whole.textless())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Content, E> {
        Ok(Kind::Whole.textless())
    }

    fn visit_i128<E>(self, _: i128) -> Result<Content, E> {
        Ok(Kind::Whole.textless())
    }

    fn visit_u128<E>(self, _: u128) -> Result<Content, E> {
        Ok(Kind::Whole.textless())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Content, E> {
        Ok(Kind::Number.textless())
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Nothing)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Nothing)
    }
}
