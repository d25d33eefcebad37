//! Parses text into a [`StackFile`], and reports mistakes in the user's terms.

use super::diagnostic::{Problem, StackError};
use super::document::Document;
use super::mend::{Faulty, mend};
use super::node::{Content, Kind, Node, Position};
use super::sections::StackFile;
use super::typed::{self, BOOLEAN, Fault, LIST, Mismatch, WHOLE};
use serde_yaml::granit_parser::ErrorKind;
use serde_yaml::{Error, ExternalMessageSource};
use std::collections::BTreeMap;

/// Most type mistakes that are collected before reading stops: more are of no use to a user at once.
const MAX_MISMATCHES: usize = 300;
/// Tags of YAML 1.2's core schema, as the parser resolves them, and `!`, which means text.
const CORE_TAGS: [&str; 8] = ["!", "bool", "float", "int", "map", "null", "seq", "str"];

/// A file as far as it can be read, with every mistake found.
pub(super) struct Reading {
    /// Text with its positions.
    pub(super) document: Document,
    /// The file, with stand-ins for faulty values.
    pub(super) file: StackFile,
    /// Mistakes found so far.
    pub(super) problems: Vec<Problem>,
    /// Paths of stand-ins.
    pub(super) faulty: Faulty,
}

/// Parses a text. Fails only if nothing is left to check: on bad syntax, exceeded limits, or anything but a mapping.
pub(super) fn read(name: &str, text: &str) -> Result<Reading, StackError> {
    // Syntax first: a missing bracket makes nonsense of the types after it.
    let mut problems = Vec::new();
    let mut document = parse(name, text, &mut problems)?;
    if document.is_empty() {
        return Err(StackError::new(&document, vec![empty()]));
    }
    tags(document.root(), &mut problems);
    duplicates(document.root_mut(), &mut problems);
    let (mut faulty, mut origins) = (Faulty::default(), Vec::new());
    loop {
        let mismatch = match typed::read::<StackFile>(document.root()) {
            Ok(file) => return Ok(Reading { document, file, problems, faulty }),
            Err(mismatch) => mismatch,
        };
        let mut path = mismatch.path();
        if let Fault::MissingKey(field) = mismatch.fault {
            path.push(field.to_owned());
        }
        // A mistake that an alias repeats is reported once.
        let origin = (document.root().find(&path).and_then(|node| node.origin), matches!(mismatch.fault, Fault::UnknownKey(_)));
        let position = document.root().find(&path).and_then(|node| node.position);
        let is_known = position.is_some() && problems.iter().any(|problem| problem.position == position);
        let is_new = !is_known && (origin.0.is_none() || !origins.contains(&origin));
        if is_new && !faulty.covers(&path) {
            problems.push(describe(&mismatch, &document));
        }
        origins.push(origin);
        if problems.len() > MAX_MISMATCHES || !mend(document.root_mut(), &mismatch, &mut faulty) {
            return Err(StackError::new(&document, problems));
        }
    }
}

/// Parses the YAML or JSON of another tool into a tree with positions and tags. Fails on bad syntax and exceeded limits.
pub fn tree(name: &str, text: &str) -> Result<Node, StackError> {
    let refuse = |error: Error| {
        let document = Document::unparsed(name, text);
        let problem = explain(&error, &document);
        StackError::new(&document, vec![problem])
    };
    Document::parse(name, text).map(Document::into_root).map_err(refuse)
}

/// Parses a text without types. A value that contradicts its tag is reported and then read without the tag, so that all of them are reported.
fn parse(name: &str, text: &str, problems: &mut Vec<Problem>) -> Result<Document, StackError> {
    let mut read = text.to_owned();
    loop {
        let error = match Document::parse(name, &read) {
            Ok(document) => return Ok(document.with_text(text)),
            Err(error) => error,
        };
        let document = Document::unparsed(name, text);
        let problem = explain(&error, &document);
        let untagged = problem.position.filter(|_| contradicts_tag(&error)).and_then(|position| without_tag(&read, position));
        problems.push(problem);
        match untagged {
            Some(untagged) if problems.len() <= MAX_MISMATCHES => read = untagged,
            _ => return Err(StackError::new(&document, std::mem::take(problems))),
        }
    }
}

/// Replaces the tag of the value at `position` by spaces, on the same line.
fn without_tag(text: &str, position: Position) -> Option<String> {
    let begin: usize = text.split_inclusive('\n').take(position.line - 1).map(str::len).sum();
    let line = text[begin..].lines().next()?;
    let value = line.char_indices().nth(position.column - 1).map_or(line.len(), |(index, _)| index);
    let tag = if line[value..].starts_with('!') { value } else { line[..value].rfind(" !").map(|space| space + 1)? };
    let length = line[tag..].find([' ', ',', ']', '}']).unwrap_or(line.len() - tag);
    let (from, to) = (begin + tag, begin + tag + length);
    Some(format!("{}{}{}", &text[..from], " ".repeat(length), &text[to..]))
}

/// Reports tags that have no meaning here: `!Sub` of CloudFormation would be taken for plain text.
fn tags(node: &Node, problems: &mut Vec<Problem>) {
    let is_core = |tag: &str| CORE_TAGS.contains(&tag.strip_prefix("tag:yaml.org,2002:").unwrap_or(tag));
    if let Some(tag) = node.tag.as_deref().filter(|tag| !is_core(tag)) {
        let written = tag.replace("tag:yaml.org,2002:", "!!");
        let problem = Problem::new(format!("the tag `{written}` is unknown")).at(node.position);
        problems.push(problem.help("write the value itself; text that begins with ! must be quoted"));
    }
    match &node.content {
        Content::Mapping(entries) => entries.iter().for_each(|(.., node)| tags(node, problems)),
        Content::List(elements) => elements.iter().for_each(|node| tags(node, problems)),
        Content::Scalar(_) | Content::Nothing => {}
    }
}

/// Reports duplicate keys, and keeps the first of each.
fn duplicates(node: &mut Node, problems: &mut Vec<Problem>) {
    match &mut node.content {
        Content::Mapping(entries) => {
            let mut kept: Vec<(String, Option<Position>, Node)> = Vec::with_capacity(entries.len());
            let mut lines = BTreeMap::new();
            for (key, position, node) in std::mem::take(entries) {
                if let Some(first) = lines.get(&key) {
                    let problem = Problem::new(format!("`{key}` occurs twice")).at(position);
                    problems.push(match first {
                        Some(Position { line, .. }) => problem.help(format!("the first one is on line {line}")),
                        None => problem,
                    });
                } else {
                    lines.insert(key.clone(), position);
                    kept.push((key, position, node));
                }
            }
            *entries = kept;
            for (.., node) in entries {
                duplicates(node, problems);
            }
        }
        Content::List(elements) => elements.iter_mut().for_each(|node| duplicates(node, problems)),
        Content::Scalar(_) | Content::Nothing => {}
    }
}

/// Describes a value that does not fit its type in the user's terms.
fn describe(mismatch: &Mismatch, document: &Document) -> Problem {
    let path = mismatch.path();
    let steps: Vec<&str> = path.iter().map(String::as_str).collect();
    let name = steps.last().copied().unwrap_or_default();
    let node = document.root().find(&path);
    let position = node.and_then(|node| node.position);
    match &mismatch.fault {
        Fault::UnknownKey(known) => {
            Problem::new(format!("unknown key `{name}`")).at(document.key(&steps)).known(name, known.iter().copied())
        }
        Fault::MissingKey(field) => {
            let problem = match steps.as_slice() {
                [] => Problem::new(format!("`{field}` is missing")).at(document.first_key()),
                [above @ .., _] if document.is_list(above) => Problem::new(format!("this entry has no `{field}`")).at(document.key(&steps)),
                _ => Problem::new(format!("`{name}` has no `{field}`")).at(document.key(&steps)),
            };
            problem.help(format!("add {field}: …"))
        }
        Fault::UnknownWord(word, known) => unknown_word(word, known).at(position),
        Fault::Nothing(expected) => nothing(expected, document, position),
        Fault::WrongType(expected) => wrong_type(expected, node, document),
        Fault::Other(message) => Problem::new(message.clone()).at(position),
    }
}

/// Tests whether the parser refused a value for its tag: without types, only a tag requires one.
fn contradicts_tag(error: &Error) -> bool {
    match error.without_snippet() {
        Error::AliasError { error, .. } => contradicts_tag(error),
        error => matches!(error, Error::InvalidScalar { .. } | Error::InvalidBooleanStrict { .. }),
    }
}

/// Explains an error of the YAML parser in the user's terms.
fn explain(error: &Error, document: &Document) -> Problem {
    let position = error.location().and_then(Position::of);
    match error.without_snippet() {
        Error::AliasError { error, .. } => explain(error, document).at(position),
        Error::Eof { .. } => empty(),
        Error::MultipleDocuments { .. } => {
            Problem::new("a second document begins here").at(position).expected("expected the end of the file")
        }
        Error::InvalidScalar { ty, .. } => against_tag(type_name(ty), document, position),
        Error::InvalidBooleanStrict { .. } => against_tag("true or false", document, position),
        Error::NullIntoString { .. } => Problem::new("a key is missing").at(position).expected("expected text"),
        Error::Unexpected { .. } => Problem::new("a mapping or a list cannot be a key")
            .at(position)
            .expected("expected text")
            .help("a value that begins with { or [ must be quoted"),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => too_large(position),
        Error::UnknownAnchor { .. } => {
            Problem::new("this alias refers to nothing").at(position).help("a value that begins with * must be quoted, as in \"*\"")
        }
        Error::ExternalMessage { source, .. } if is_nesting(source) => too_large(position),
        other => syntax(other, document, position),
    }
}

/// Returns the problem of a value that contradicts its tag.
fn against_tag(expected: &str, document: &Document, position: Option<Position>) -> Problem {
    let text = position.map(|position| document.source(position)).unwrap_or_default();
    Problem::new(format!("`{text}` is not {expected}, which its tag says it is"))
        .at(position)
        .expected(format!("expected {expected}"))
        .help("leave the tag out, or write !!str for text")
}

fn empty() -> Problem {
    Problem::new("the file is empty").help("a stack needs at least project and region")
}

fn unknown_word(variant: &str, expected: &[&'static str]) -> Problem {
    if expected != ["S", "N", "B"] {
        return Problem::new(format!("`{variant}` is not possible here")).known(variant, expected.iter().copied());
    }
    let problem =
        Problem::new(format!("a key attribute cannot be of type `{variant}`")).expected("expected S (string), N (number) or B (binary)");
    let lower = variant.to_lowercase();
    let means = |starts: &[&str]| starts.iter().any(|start| lower.starts_with(start));
    if means(&["bool"]) {
        problem.help("store a truth value as the string \"1\", and leave the attribute out if it is false")
    } else if means(&["s"]) {
        problem.help("did you mean `S`?")
    } else if means(&["n", "int", "float"]) {
        problem.help("did you mean `N`?")
    } else if means(&["b"]) {
        problem.help("did you mean `B`?")
    } else {
        problem
    }
}

/// Returns the problem of a key without a value.
fn nothing(expected: &str, document: &Document, position: Option<Position>) -> Problem {
    let problem = Problem::new("a value is missing").at(position).expected(format!("expected {expected}"));
    let written = position.map(|position| document.source(position)).unwrap_or_default();
    if matches!(written.to_ascii_lowercase().as_str(), "null" | "~") {
        problem.help(format!("{written} means nothing at all: write \"{written}\" for the text, or \"\" for none"))
    } else {
        problem
    }
}

fn wrong_type(expected: &str, node: Option<&Node>, document: &Document) -> Problem {
    let position = node.and_then(|node| node.position);
    let text = position.map(|position| document.source(position)).unwrap_or_default();
    let scalar = match node.map(|node| &node.content) {
        Some(Content::Mapping(_)) => return misfit("a mapping cannot be here", expected, position),
        Some(Content::List(_)) => return misfit("a list cannot be here", expected, position),
        Some(Content::Scalar(scalar)) => scalar,
        Some(Content::Nothing) | None => return misfit("a value is missing", expected, position),
    };
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let bare = scalar.text.replace('_', "");
    if expected == WHOLE && digits(&scalar.text) && scalar.kind != Kind::Text {
        return misfit(&format!("`{text}` is too large a number"), expected, position);
    }
    let problem = misfit(&format!("`{text}` is not {expected}"), expected, position);
    if expected == LIST {
        problem.help(format!("write [{text}]"))
    } else if expected == WHOLE && digits(&bare) && position.is_some_and(|position| position.length == scalar.text.chars().count()) {
        let number = bare.trim_start_matches('0');
        problem.help(format!("YAML 1.2 has neither _ nor a leading 0 in numbers: write {}", if number.is_empty() { "0" } else { number }))
    } else if expected == BOOLEAN && ["yes", "on", "y"].contains(&scalar.text.to_lowercase().as_str()) {
        problem.help("in YAML 1.2 it is text: write true")
    } else if expected == BOOLEAN && ["no", "off", "n"].contains(&scalar.text.to_lowercase().as_str()) {
        problem.help("in YAML 1.2 it is text: write false")
    } else {
        problem
    }
}

fn misfit(message: &str, expected: &str, position: Option<Position>) -> Problem {
    Problem::new(message).at(position).expected(format!("expected {expected}"))
}

/// Returns the user's term for the parser's name of a Rust type.
fn type_name(rust: &str) -> &str {
    match rust {
        "u8" | "u16" | "u32" | "u64" => "a whole number",
        "f32" | "f64" | "floating point" => "a number",
        "boolean" => "true or false",
        other => other,
    }
}

/// Describes a text that is not YAML at all.
fn syntax(error: &Error, document: &Document, position: Option<Position>) -> Problem {
    let indented_by_tab = |line: &str| line.trim_start_matches(' ').starts_with('\t') && !line.trim().is_empty();
    let near = position.map_or(1, |position| position.line);
    let tab = (near..near + 3).find(|number| indented_by_tab(document.line(*number)));
    if let Some(line) = tab {
        let column = document.line(line).chars().take_while(|c| *c == ' ').count() + 1;
        return Problem::new("a tab in the indentation").at(Some(Position { line, column, length: 1 })).expected("expected spaces");
    }
    let rendered = error.render_with_formatter(&serde_yaml::UserMessageFormatter);
    let reason = rendered.split(" at line ").next().unwrap_or(&rendered);
    let character = position.and_then(|position| document.line(position.line).chars().nth(position.column - 1));
    let help = match character {
        Some(character @ ('*' | '&' | '!' | '@' | '%' | '`')) => {
            format!("a value that begins with {character} must be quoted")
        }
        Some(character @ ('{' | '}' | '[' | ']')) if reason.contains("expected ',' or") || reason.contains("did not find expected") => {
            format!("a value that contains {character} must be quoted")
        }
        Some(':') if reason.contains("mapping values") => "a value that contains a colon and a space must be quoted".to_owned(),
        _ => "check the indentation, brackets and quotes here and just above".to_owned(),
    };
    Problem::new(format!("this is not YAML: {reason}")).at(position).help(help)
}

/// Tests for endless nesting of brackets: the parser's own limit comes before ours.
fn is_nesting(source: &ExternalMessageSource) -> bool {
    matches!(source, ExternalMessageSource::Parser(error)
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded))
}

fn too_large(position: Option<Position>) -> Problem {
    Problem::new("the file is too large or too deep once its aliases are unfolded").at(position)
}
