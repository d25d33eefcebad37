//! From text to [`StackFile`], and the errors of that way in the user's words.

use super::diagnostic::{Problem, StackError};
use super::document::Document;
use super::file::StackFile;
use super::node::{Content, Position};
use serde_yaml::granit_parser::ErrorKind;
use serde_yaml::{Error, ExternalMessageSource};

/// What the reader calls "sequence start".
const LIST: &str = "a list";

/// Reads a text. Errors are syntax, limits, and what the types of the file cannot hold.
pub(super) fn read(name: &str, text: &str) -> Result<(Document, StackFile), StackError> {
    // Syntax first: a missing bracket makes nonsense of the types after it.
    let document = Document::parse(name, text).map_err(|error| {
        let document = Document::unparsed(name, text);
        let problem = explain(&error, &document);
        StackError::new(&document, vec![problem])
    })?;
    if document.is_empty() {
        return Err(StackError::new(&document, vec![empty()]));
    }
    match document.read::<StackFile>() {
        Ok(file) => Ok((document, file)),
        Err(error) => {
            let problem = explain(&error, &document);
            Err(StackError::new(&document, vec![problem]))
        }
    }
}

/// An error of the YAML reader in the user's words.
fn explain(error: &Error, document: &Document) -> Problem {
    let place = error.location().and_then(Position::of);
    match error.without_snippet() {
        Error::AliasError { error, .. } => explain(error, document).at(place),
        Error::Eof { .. } => empty(),
        Error::MultipleDocuments { .. } => Problem::new("a second document begins here").at(place).expected("expected the end of the file"),
        Error::SerdeUnknownField { field, expected, .. } => {
            Problem::new(format!("unknown key `{field}`")).at(place).known(field, expected.iter().copied())
        }
        Error::SerdeMissingField { field, .. } => missing(field, document, place),
        Error::SerdeUnknownVariant { variant, expected, .. } => unknown_variant(variant, expected).at(place),
        Error::DuplicateMappingKey { key, .. } => {
            let name = key.as_deref().unwrap_or("this key");
            let problem = Problem::new(format!("`{name}` is there twice")).at(place);
            match place.and_then(|place| document.first_of_duplicates(place)) {
                Some(first) => problem.help(format!("the first one is on line {}", first.line)),
                None => problem,
            }
        }
        Error::InvalidScalar { ty, .. } => wrong_type(type_name(ty), document, place),
        Error::InvalidBooleanStrict { .. } => wrong_type("true or false", document, place),
        Error::NullIntoString { .. } => Problem::new("a value is missing").at(place).expected("expected text"),
        Error::Unexpected { expected, .. } => wrong_type(structure_name(expected), document, place),
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => wrong_type(expected, document, place),
        Error::Message { msg, .. } => Problem::new(msg.clone()).at(place),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => too_large(place),
        Error::UnknownAnchor { .. } => {
            Problem::new("this alias refers to nothing").at(place).help("a value that begins with * must be quoted, as in \"*\"")
        }
        Error::ExternalMessage { source, .. } if is_nesting(source) => too_large(place),
        other => syntax(other, document, place),
    }
}

fn empty() -> Problem {
    Problem::new("the file is empty").help("a stack needs at least project and region")
}

/// A key that must be there: shown at the key of the mapping that lacks it.
fn missing(field: &str, document: &Document, place: Option<Position>) -> Problem {
    let owner = place.and_then(|place| document.mapping_that_starts_at(place));
    match owner {
        Some((name, key)) => Problem::new(format!("`{name}` has no `{field}`")).at(Some(key)),
        None => Problem::new(format!("`{field}` is missing")).at(place),
    }
    .help(format!("add {field}: …"))
}

fn unknown_variant(variant: &str, expected: &[&'static str]) -> Problem {
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

fn wrong_type(expected: &str, document: &Document, place: Option<Position>) -> Problem {
    let Some((place, node)) = place.and_then(|place| Some((place, document.node_at(place)?))) else {
        // Keys alone have a type before the file is understood, and a bracket alone can make a key of something else.
        return Problem::new("a mapping or a list cannot be a key")
            .at(place)
            .expected(format!("expected {expected}"))
            .help("a value that begins with { or [ must be quoted");
    };
    let text = source_of(document, place);
    let message = match node.content {
        Content::Mapping(_) => "a mapping cannot be here".to_owned(),
        Content::List(_) => "a list cannot be here".to_owned(),
        Content::Scalar => format!("`{text}` is not {expected}"),
        Content::Nothing => "a value is missing".to_owned(),
    };
    let problem = Problem::new(message).at(Some(place)).expected(format!("expected {expected}"));
    match node.content {
        Content::Scalar if expected == LIST => problem.help(format!("write [{text}]")),
        _ => problem,
    }
}

/// The piece of text at a place, as far as its line goes.
fn source_of(document: &Document, place: Position) -> String {
    document.line(place.line).chars().skip(place.column.saturating_sub(1)).take(place.length.min(40)).collect()
}

/// What the reader calls a Rust type, in the user's words.
fn type_name(rust: &str) -> &str {
    match rust {
        "u8" | "u16" | "u32" | "u64" => "a whole number",
        "f32" | "f64" => "a number",
        other => other,
    }
}

fn structure_name(reader: &str) -> &str {
    match reader {
        "mapping start" => "a mapping of keys and values",
        "sequence start" => LIST,
        "string scalar" => "text",
        other => other,
    }
}

/// What is not YAML at all.
fn syntax(error: &Error, document: &Document, place: Option<Position>) -> Problem {
    let indented_by_tab = |line: &str| line.trim_start_matches(' ').starts_with('\t') && !line.trim().is_empty();
    let near = place.map_or(1, |place| place.line);
    let tab = (near..near + 3).find(|number| indented_by_tab(document.line(*number)));
    if let Some(line) = tab {
        let column = document.line(line).chars().take_while(|c| *c == ' ').count() + 1;
        return Problem::new("a tab in the indentation").at(Some(Position { line, column, length: 1 })).expected("expected spaces");
    }
    let rendered = error.render_with_formatter(&serde_yaml::UserMessageFormatter);
    let reason = rendered.split(" at line ").next().unwrap_or(&rendered);
    let character = place.and_then(|place| document.line(place.line).chars().nth(place.column - 1));
    let help = match character {
        Some(character @ ('*' | '&' | '!' | '@' | '%' | '`')) => {
            format!("a value that begins with {character} must be quoted")
        }
        Some(character @ ('{' | '}' | '[' | ']')) if reason.contains("did not find expected") => {
            format!("a value that contains {character} must be quoted")
        }
        Some(':') if reason.contains("mapping values") => "a value that contains a colon and a space must be quoted".to_owned(),
        _ => "check the indentation, brackets and quotes here and just above".to_owned(),
    };
    Problem::new(format!("this is not YAML: {reason}")).at(place).help(help)
}

/// Brackets in brackets without end: the parser's own limit comes before ours.
fn is_nesting(source: &ExternalMessageSource) -> bool {
    matches!(source, ExternalMessageSource::Parser(error)
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded))
}

fn too_large(place: Option<Position>) -> Problem {
    Problem::new("the file is too large or too deep once its aliases are unfolded").at(place)
}
