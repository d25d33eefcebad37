//! Text of `stack.yaml`, with the position of every key and value.
//!
//! The file is parsed into a tree that keeps the positions of keys and values, and the tree into the types of `file`. So the types stay plain, and
//! a check can point at any key or value by its path. Limits keep the tree small (a "YAML bomb" is a few lines of aliases that unfold into
//! gigabytes).

use serde_yaml::{DuplicateKeyPolicy, NonFiniteFloatPolicy, Options, Spanned, Tagged};

use super::node::{Content, Node, Position};

/// Text of a file with the positions of its keys and values.
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
        let root: Spanned<Tagged<Content>> = serde_yaml::from_str_with_options(&text, options())?;
        let mut root = Node::from(root);
        root.take_texts(&text);
        Ok(Self { name: name.to_owned(), text, root })
    }

    /// Shows another text than the parsed one: a text with the same positions.
    pub(super) fn with_text(self, text: &str) -> Self {
        Self { text: text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(), ..self }
    }

    /// Returns a document of which only the text is known, because it is not YAML.
    pub(super) fn unparsed(name: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        Self { text, ..Self::unreadable(name) }
    }

    /// Returns a document of which only the name is known.
    pub(super) fn unreadable(name: &str) -> Self {
        Self { name: name.to_owned(), text: String::new(), root: Node::nothing() }
    }

    /// Root of the tree.
    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    /// Returns the tree alone.
    pub(super) fn into_root(self) -> Node {
        self.root
    }

    /// Root of the tree, for mending a mistake in it so that the rest can be read.
    pub(super) fn root_mut(&mut self) -> &mut Node {
        &mut self.root
    }

    /// Returns whether the file contains nothing but comments.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.root.content, Content::Nothing)
    }

    /// The name of the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Name of the file with line and column, in the form that editors and terminals recognize.
    pub(super) fn located(&self, position: Option<Position>) -> String {
        match position {
            Some(Position { line, column, .. }) => format!("{}:{line}:{column}", self.name),
            None => self.name.clone(),
        }
    }

    /// Returns a line, counted from 1, without its end.
    pub(super) fn line(&self, number: usize) -> &str {
        number.checked_sub(1).and_then(|index| self.text.lines().nth(index)).unwrap_or_default()
    }

    /// Returns the position of the value at a path; if there is none (a default), that of its nearest ancestor.
    pub(super) fn value(&self, path: &[&str]) -> Option<Position> {
        match self.follow(path) {
            // An empty value has no extent to point at, a mapping or a list would be underlined at its first line only.
            (position, Some(node)) if matches!(node.content, Content::Scalar(_)) => node.position.or(position),
            (position, _) => position,
        }
    }

    /// Returns the position of the key at a path; if there is none, that of its nearest ancestor.
    pub(super) fn key(&self, path: &[&str]) -> Option<Position> {
        self.follow(path).0
    }

    /// Tests whether a path exists.
    pub(super) fn holds(&self, path: &[&str]) -> bool {
        self.follow(path).1.is_some()
    }

    /// Tests whether a list is at a path.
    pub(super) fn is_list(&self, path: &[&str]) -> bool {
        matches!(self.follow(path).1, Some(Node { content: Content::List(_), .. }))
    }

    /// Returns the position of the first key of the file.
    pub(super) fn first_key(&self) -> Option<Position> {
        match &self.root.content {
            Content::Mapping(entries) => entries.first().and_then(|(_, position, _)| *position),
            _ => self.root.position,
        }
    }

    /// Follows a path as far as it exists: returns the position of the last key, and its value if that is the whole path.
    fn follow(&self, path: &[&str]) -> (Option<Position>, Option<&Node>) {
        let mut position = None;
        let mut node = &self.root;
        for step in path {
            let Some((key, child)) = node.step(step) else {
                return (position, None);
            };
            position = key.or(child.position);
            node = child;
        }
        (position, Some(node))
    }

    /// Returns the text at a position, up to the end of its line.
    pub(super) fn source(&self, position: Position) -> String {
        self.line(position.line).chars().skip(position.column.saturating_sub(1)).take(position.length.min(40)).collect()
    }
}

/// Returns the parser's options: YAML 1.2 (`no` is no boolean, `0512` and `1_000` are no numbers), with limits that no honest file reaches.
fn options() -> Options {
    serde_yaml::options! {
        // Each duplicate is reported afterwards.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
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
