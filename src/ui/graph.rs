//! Dependency graph as text, Mermaid and DOT. An arrow points from a resource to its dependency.

use super::{
    fit::{Columns, shorten, width},
    style::{FAINT, STRONG, paint},
};
use crate::engine::{Cloud, Entry, Graph, Id};
use std::fmt::Write;

/// Formats each resource with its name, and its dependencies below.
pub fn text<C: Cloud>(graph: &Graph<C>, columns: Columns) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    for entry in sorted(graph) {
        let (id, name) = (entry.id.as_str(), super::name_beside(&entry.id, &entry.name));
        let (id_width, name_width) = columns.share(0, width(id), width(name));
        let name = if name_width == 0 { String::new() } else { format!("  {}", paint(FAINT, shorten(name, name_width))) };
        let _ = writeln!(out, "{}{name}", paint(STRONG, shorten(id, id_width)));
        for need in graph.needs(entry) {
            let _ = writeln!(out, "  needs {}", shorten(need.as_str(), columns.beside(8)));
        }
    }
    let _ = write!(out, "\n{}", super::resources(graph.entries().len()));
    out
}

/// Formats a Mermaid flowchart, as GitHub renders it.
pub fn mermaid<C: Cloud>(graph: &Graph<C>) -> String {
    let mut out = String::from("flowchart LR\n");
    let entries = sorted(graph);
    // Mermaid's ids may not contain slashes, so each resource gets a number.
    let number = |id: &Id| entries.iter().position(|entry| entry.id == *id).unwrap_or_default();
    for (index, entry) in entries.iter().enumerate() {
        let _ = writeln!(out, "  r{index}[\"{}\"]", entry.id);
    }
    for (index, entry) in entries.iter().enumerate() {
        for need in graph.needs(entry) {
            let _ = writeln!(out, "  r{index} --> r{}", number(need));
        }
    }
    out
}

/// Formats Graphviz input: `liveinsight graph --format dot | dot -Tsvg`.
pub fn dot<C: Cloud>(graph: &Graph<C>) -> String {
    let mut out = String::from("digraph stack {\n  rankdir=LR;\n  node [shape=box];\n");
    for entry in sorted(graph) {
        let _ = writeln!(out, "  \"{}\";", entry.id);
        for need in graph.needs(entry) {
            let _ = writeln!(out, "  \"{}\" -> \"{need}\";", entry.id);
        }
    }
    out.push('}');
    out
}

fn sorted<C: Cloud>(graph: &Graph<C>) -> Vec<&Entry<C>> {
    let mut entries: Vec<&Entry<C>> = graph.entries().iter().collect();
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    entries
}
