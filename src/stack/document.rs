//! The text of `stack.yaml` and where in it everything is.
//!
//! The file is read twice: once without types, for the places of keys and values, and once into the types of `file`. So the
//! types stay plain, and a check can point at anything by its path. Limits keep both readings small (a "YAML bomb" is a
//! few lines of aliases that unfold into gigabytes).

use serde::de::DeserializeOwned;
use serde_yaml::{DuplicateKeyPolicy, Options, Spanned};

use super::node::{Content, Node, Position};

/// The text of a file with the places of its keys and values.
#[derive(Debug, Clone)]
pub(super) struct Document {
    name: String,
    text: String,
    root: Node,
}

impl Document {
    /// Reads the places of a text. Fails where it is not YAML, or too large once its aliases are unfolded.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, serde_yaml::Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let root: Spanned<Content> = serde_yaml::from_str_with_options(&text, options(DuplicateKeyPolicy::PassThrough))?;
        Ok(Self { name: name.to_owned(), text, root: root.into() })
    }

    /// A document of which only the text is known, because it is not YAML.
    pub(super) fn unparsed(name: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        Self { text, ..Self::unreadable(name) }
    }

    /// A document of which only the name is known.
    pub(super) fn unreadable(name: &str) -> Self {
        Self { name: name.to_owned(), text: String::new(), root: Node { place: None, content: Content::Nothing } }
    }

    /// Reads the text as `T`.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, serde_yaml::Error> {
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
        number.checked_sub(1).and_then(|index| self.text.lines().nth(index)).unwrap_or_default()
    }

    /// Where the value at a path is; if there is none (a default), where the nearest thing around it is.
    pub(super) fn value(&self, path: &[&str]) -> Option<Position> {
        match self.follow(path) {
            // An empty value has no extent to point at, a mapping or a list would be underlined at its first line only.
            (place, Some(node)) if matches!(node.content, Content::Scalar) => node.place.or(place),
            (place, _) => place,
        }
    }

    /// Where the key at a path is; if there is none, where the nearest thing around it is.
    pub(super) fn key(&self, path: &[&str]) -> Option<Position> {
        self.follow(path).0
    }

    /// Where the last key on a path is that there is, and what it leads to if that is the whole path.
    fn follow(&self, path: &[&str]) -> (Option<Position>, Option<&Node>) {
        let mut place = None;
        let mut node = &self.root;
        for step in path {
            let Some((key, child)) = node.step(step) else {
                return (place, None);
            };
            place = key.or(child.place);
            node = child;
        }
        (place, Some(node))
    }

    /// The value that starts at a place.
    pub(super) fn node_at(&self, place: Position) -> Option<&Node> {
        self.root.find(&|node| node.place.is_some_and(|own| own.starts_with(place)))
    }

    /// The key of the mapping that begins at a place, which is where the reader reports a missing key.
    pub(super) fn mapping_that_starts_at(&self, place: Position) -> Option<(&str, Position)> {
        self.root.owner_of_first_key(place)
    }

    /// Where the keys with this name are that precede a place in the same mapping.
    pub(super) fn first_of_duplicates(&self, place: Position) -> Option<Position> {
        let mapping = self.root.find(&|node| match &node.content {
            Content::Mapping(entries) => entries.iter().any(|(_, key, _)| key.is_some_and(|key| key.starts_with(place))),
            _ => false,
        })?;
        let Content::Mapping(entries) = &mapping.content else {
            return None;
        };
        let (name, ..) = entries.iter().find(|(_, key, _)| key.is_some_and(|key| key.starts_with(place)))?;
        entries.iter().find(|(other, ..)| other == name)?.1
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
