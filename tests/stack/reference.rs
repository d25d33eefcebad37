//! `docs/stack.md` is made from the schema of `stack.yaml`, which is made from the types that it is read into, and is checked to be current.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as a test does")]

use liveinsight::stack::schema;
use serde_json::Value;
use std::{
    collections::{BTreeSet, VecDeque},
    fmt::Write,
    fs,
    path::Path,
};

const HEAD: &str = "\
# stack.yaml

Everything that the file may hold. What is left out has its default; what is misspelt is named, with its line and the nearest known key. Editors
with the YAML language server complete and check the file by its [schema](stack.schema.json), which the first line of the shipped file names. In a
project of your own, `liveinsight schema > stack.schema.json` writes it, and the first line is `# yaml-language-server: $schema=stack.schema.json`.

This page is made from that schema. To make it again after a change: `UPDATE_DOCS=1 cargo test --test stack reference`.

";

#[test]
fn the_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/stack.md");
    let generated = reference(&schema());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == generated, "docs/stack.md is not current; run `UPDATE_DOCS=1 cargo test --test stack reference`");
}

/// A table for the file, and one for each mapping within it, by the path under which it is met first.
fn reference(schema: &Value) -> String {
    let mut text = HEAD.to_owned();
    let mut open = VecDeque::from([(String::new(), schema)]);
    let mut seen = BTreeSet::new();
    while let Some((path, mapping)) = open.pop_front() {
        if !path.is_empty() {
            write!(text, "## {path}\n\n{}\n\n", line(mapping)).unwrap();
        }
        text.push_str("| key | value | |\n|---|---|---|\n");
        let required: Vec<&str> = mapping["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, property) in mapping["properties"].as_object().unwrap() {
            let (kind, below) = value(schema, property);
            let needed = if required.contains(&key.as_str()) { ", required" } else { "" };
            writeln!(text, "| `{key}` | {kind}{needed} | {} |", line(property).replace('|', "\\|")).unwrap();
            if let Some((name, suffix)) = below
                && seen.insert(name)
            {
                let above = if path.is_empty() { String::new() } else { format!("{path}.") };
                open.push_back((format!("{above}{key}{suffix}"), &schema["$defs"][name]));
            }
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// What a value is in words; if mappings are within it, their name in the schema and what leads to them below the key.
fn value<'schema>(schema: &'schema Value, property: &'schema Value) -> (String, Option<(&'schema str, &'static str)>) {
    let property = alternatives(property).find(|kind| kind["type"] != "null").unwrap_or(property);
    if let Some(name) = property["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/")) {
        let definition = &schema["$defs"][name];
        if definition["properties"].is_object() {
            return ("mapping".to_owned(), Some((name, "")));
        }
        let choices: Vec<String> = definition["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|choice| Some(format!("`{}`", choice["const"].as_str()?)))
            .collect();
        let known = match name {
            "Seconds" => "length of time",
            "Threshold" => "number, share or time",
            _ => "text",
        };
        return (if choices.is_empty() { known.to_owned() } else { choices.join(" or ") }, None);
    }
    let kinds: Vec<&str> = match &property["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    match kinds.iter().find(|kind| **kind != "null") {
        Some(&"object") => {
            let (kind, below) = value(schema, &property["additionalProperties"]);
            (format!("by name: {kind}"), below.map(|(name, _)| (name, ".NAME")))
        }
        Some(&"array") => {
            let (kind, below) = value(schema, &property["items"]);
            (format!("list: {kind}"), below.map(|(name, _)| (name, "[]")))
        }
        Some(&"string") => ("text".to_owned(), None),
        Some(&"integer") => ("whole number".to_owned(), None),
        Some(&"boolean") => ("`true` or `false`".to_owned(), None),
        kind => panic!("the reference has no word for {kind:?} of {property}"),
    }
}

fn alternatives(property: &Value) -> impl Iterator<Item = &Value> {
    property["anyOf"].as_array().into_iter().flatten()
}

fn line(described: &Value) -> String {
    described["description"].as_str().unwrap_or_default().replace('\n', " ")
}
