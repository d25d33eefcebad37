//! The text of `stack.yaml` and where in it everything is.
//!
//! The file is read twice: once without types, for the places of keys and values, and once into the types of `file`. So the
//! types stay plain, and a check can point at anything by its path. Limits keep both readings small (a "YAML bomb" is a
//! few lines of aliases that unfold into gigabytes).

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{DuplicateKeyPolicy, Location, Options, Spanned};

/// Where something is, in characters, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// The number of characters, at least 0; may reach beyond the line.
    pub length: usize,
}

impl Place {
    /// The place of a location of the YAML parser; `None` if it does not know.
    pub(super) fn of(location: Location) -> Option<Self> {
        let number = |value: u64| usize::try_from(value).ok().filter(|value| *value > 0);
        Some(Self {
            line: number(location.line())?,
            column: number(location.column())?,
            length: usize::try_from(location.span().len()).unwrap_or(1),
        })
    }

    fn starts_with(self, other: Self) -> bool {
        (self.line, self.column) == (other.line, other.column)
    }
}

/// The text of a file with the places of its keys and values.
#[derive(Debug, Clone)]
pub(super) struct Document {
    name: String,
    text: String,
    root: Node,
}

/// A value and where it is.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Where the value starts.
    pub(super) place: Option<Place>,
    /// What it is.
    pub(super) content: Content,
}

/// A value without a type.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Keys with their places and values, in the order written, repeated ones included.
    Mapping(Vec<(String, Option<Place>, Node)>),
    /// A list.
    List(Vec<Node>),
    /// Any scalar.
    Scalar,
    /// Nothing at all, or `null`.
    Nothing,
}

impl Document {
    /// Reads the places of a text. Fails where it is not YAML, or too large once its aliases are unfolded.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, serde_yaml::Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let root: Spanned<Content> =
            serde_yaml::from_str_with_options(&text, options(DuplicateKeyPolicy::PassThrough))?;
        Ok(Self {
            name: name.to_owned(),
            text,
            root: root.into(),
        })
    }

    /// A document of which only the text is known, because it is not YAML.
    pub(super) fn unparsed(name: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        Self {
            text,
            ..Self::unreadable(name)
        }
    }

    /// A document of which only the name is known.
    pub(super) fn unreadable(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: String::new(),
            root: Node {
                place: None,
                content: Content::Nothing,
            },
        }
    }

    /// Reads the text as `T`.
    pub(super) fn read<T: de::DeserializeOwned>(&self) -> Result<T, serde_yaml::Error> {
        serde_yaml::from_str_with_options(&self.text, options(DuplicateKeyPolicy::Error))
    }

    /// Whether there is nothing but comments.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.root.content, Content::Nothing)
    }

    /// The name of the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// One line, counted from 1, without its end.
    pub(super) fn line(&self, number: usize) -> &str {
        number
            .checked_sub(1)
            .and_then(|index| self.text.lines().nth(index))
            .unwrap_or_default()
    }

    /// Where the value at a path is; if there is none (a default), where the nearest thing around it is.
    pub(super) fn value(&self, path: &[&str]) -> Option<Place> {
        let mut place = None;
        let mut node = &self.root;
        for step in path {
            let Some((key, child)) = node.step(step) else {
                return place;
            };
            place = key.or(child.place);
            node = child;
        }
        match node.content {
            // An empty value has no extent to point at, a mapping or a list would be underlined at its first line only.
            Content::Scalar => node.place.or(place),
            _ => place,
        }
    }

    /// Where the key at a path is; if there is none, where the nearest thing around it is.
    pub(super) fn key(&self, path: &[&str]) -> Option<Place> {
        let mut place = None;
        let mut node = &self.root;
        for step in path {
            let Some((key, child)) = node.step(step) else {
                return place;
            };
            place = key.or(child.place);
            node = child;
        }
        place
    }

    /// The value that starts at a place.
    pub(super) fn node_at(&self, place: Place) -> Option<&Node> {
        self.root
            .find(&|node| node.place.is_some_and(|own| own.starts_with(place)))
    }

    /// The key of the mapping that begins at a place, which is where the reader reports a missing key.
    pub(super) fn mapping_that_starts_at(&self, place: Place) -> Option<(&str, Place)> {
        self.root.owner_of_first_key(place)
    }

    /// Where the keys with this name are that precede a place in the same mapping.
    pub(super) fn first_of_duplicates(&self, place: Place) -> Option<Place> {
        let mapping = self.root.find(&|node| match &node.content {
            Content::Mapping(entries) => entries
                .iter()
                .any(|(_, key, _)| key.is_some_and(|key| key.starts_with(place))),
            _ => false,
        })?;
        let Content::Mapping(entries) = &mapping.content else {
            return None;
        };
        let (name, ..) = entries
            .iter()
            .find(|(_, key, _)| key.is_some_and(|key| key.starts_with(place)))?;
        entries.iter().find(|(other, ..)| other == name)?.1
    }
}

impl Node {
    /// The entry of a mapping by key, or the element of a list by number, with the place of the key.
    fn step(&self, step: &str) -> Option<(Option<Place>, &Node)> {
        match &self.content {
            Content::Mapping(entries) => entries
                .iter()
                .find(|(key, ..)| key == step)
                .map(|(_, place, node)| (*place, node)),
            Content::List(elements) => elements
                .get(step.parse::<usize>().ok()?)
                .map(|node| (None, node)),
            Content::Scalar | Content::Nothing => None,
        }
    }

    /// The first node, from the outside in, that `matches`.
    fn find<'node>(&'node self, matches: &dyn Fn(&Node) -> bool) -> Option<&'node Node> {
        if matches(self) {
            return Some(self);
        }
        match &self.content {
            Content::Mapping(entries) => entries.iter().find_map(|(_, _, node)| node.find(matches)),
            Content::List(elements) => elements.iter().find_map(|node| node.find(matches)),
            Content::Scalar | Content::Nothing => None,
        }
    }

    fn owner_of_first_key(&self, place: Place) -> Option<(&str, Place)> {
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
        Self {
            place: Place::of(spanned.referenced),
            content: spanned.value,
        }
    }
}

/// How YAML is read: as YAML 1.2 (`no` is no boolean), with limits that no honest file reaches.
fn options(duplicate_keys: DuplicateKeyPolicy) -> Options {
    serde_yaml::options! {
        duplicate_keys: duplicate_keys,
        strict_booleans: true,
        with_snippet: false,
        budget: serde_yaml::budget! {
            max_depth: 32,
            max_nodes: 200_000,
            max_events: 400_000,
            max_aliases: 1_000,
            max_anchors: 1_000,
            // One more than allowed, so that the second one gets a message of its own.
            max_documents: 2,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 100_000 },
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
            entries.push((key.value, Place::of(key.referenced), value.into()));
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
