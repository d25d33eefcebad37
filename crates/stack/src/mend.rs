//! Mends a mistake in the tree of a file, so that the next one can be found.
//!
//! A misspelt key gets its likely name, a value of the wrong type gives way to the default, and a required key gets a stand-in. [`Faulty`]
//! remembers these paths: a problem that a check finds there follows from the mistake and is not reported.

use super::diagnostic::nearest;
use super::node::{Content, Kind, Node, Scalar};
use super::typed::{Fault, Holder, Mismatch};
use std::collections::BTreeSet;

/// Paths at which the tree is no longer as written.
#[derive(Debug, Default)]
pub(super) struct Faulty {
    paths: Vec<Vec<String>>,
    /// Paths that got a stand-in.
    stood_in: BTreeSet<Vec<String>>,
}

impl Faulty {
    /// Remembers a path.
    fn add(&mut self, path: Vec<String>) {
        self.paths.push(path);
    }

    /// Tests whether the value at a path is not as written.
    pub(super) fn covers<S: AsRef<str>>(&self, path: &[S]) -> bool {
        self.paths.iter().any(|faulty| faulty.len() <= path.len() && same(faulty, path))
    }

    /// Tests whether the value at a path, or anything in it, is not as written.
    pub(super) fn touches<S: AsRef<str>>(&self, path: &[S]) -> bool {
        self.paths.iter().any(|faulty| same(faulty, path))
    }
}

/// Compares two paths up to the end of the shorter one.
fn same<S: AsRef<str>>(faulty: &[String], path: &[S]) -> bool {
    faulty.iter().zip(path).all(|(one, other)| one == other.as_ref())
}

/// Mends a mistake. Returns `false` where no stand-in is possible.
pub(super) fn mend(root: &mut Node, mismatch: &Mismatch, faulty: &mut Faulty) -> bool {
    let path = mismatch.path();
    match mismatch.fault {
        Fault::UnknownKey(known) => rename(root, &path, known),
        Fault::MissingKey(field) => insert(root, path, field, faulty),
        _ => replace(root, path, mismatch.holder, faulty),
    }
}

/// Gives a misspelt key its likely name, or removes it.
fn rename(root: &mut Node, path: &[String], known: &[&'static str]) -> bool {
    let Some((key, above)) = path.split_last() else { return false };
    let Some(entries) = root.at_mut(above).and_then(Node::entries_mut) else { return false };
    let likely = nearest(key, known).filter(|likely| entries.iter().all(|(other, ..)| other != likely));
    let Some(index) = entries.iter().position(|(other, ..)| other == key) else { return false };
    match likely {
        Some(likely) => likely.clone_into(&mut entries[index].0),
        None => drop(entries.remove(index)),
    }
    true
}

/// Adds a required key with a stand-in.
fn insert(root: &mut Node, mut path: Vec<String>, field: &str, faulty: &mut Faulty) -> bool {
    let Some(entries) = root.at_mut(&path).and_then(Node::entries_mut) else { return false };
    path.push(field.to_owned());
    // A stand-in of the wrong type was taken out again, and would be another time.
    if !faulty.stood_in.insert(path.clone()) {
        return false;
    }
    entries.push((field.to_owned(), None, stand_in(field)));
    faulty.add(path);
    true
}

/// Removes a value of the wrong type. An entry with a name of the user's stays, as an empty mapping if it can be one: others may refer to it.
fn replace(root: &mut Node, path: Vec<String>, holder: Holder, faulty: &mut Faulty) -> bool {
    let Some((step, above)) = path.split_last() else { return false };
    let is_first = !faulty.covers(&path);
    let Some(parent) = root.at_mut(above) else { return false };
    match (&mut parent.content, holder) {
        (Content::List(elements), _) => {
            let Some(element) = step.parse::<usize>().ok().and_then(|index| elements.get_mut(index)) else { return false };
            // The elements are texts or mappings; mending anything else would never end.
            element.content = match &element.content {
                _ if is_first => text(""),
                Content::Scalar(_) => Content::Mapping(Vec::new()),
                _ => return false,
            };
        }
        (Content::Mapping(entries), Holder::Names) if is_first => {
            let Some((.., node)) = entries.iter_mut().find(|(key, ..)| key == step) else { return false };
            node.content = Content::Mapping(Vec::new());
        }
        (Content::Mapping(entries), _) => {
            let Some(index) = entries.iter().position(|(key, ..)| key == step) else { return false };
            entries.remove(index);
        }
        _ => return false,
    }
    faulty.add(path);
    true
}

fn text(text: &str) -> Content {
    Content::Scalar(Scalar { text: text.to_owned(), kind: Kind::Text })
}

/// Makes a value that every check accepts, by the name of the required key. An empty mapping gets its own required keys next.
fn stand_in(field: &str) -> Node {
    let content = match field {
        "project" | "source" => text("x"),
        "region" => text("us-east-1"),
        "actions" | "operations" | "resources" => Content::List(Vec::new()),
        // A name that no attribute of a real table has.
        "name" => text("\u{fffd}"),
        "type" => text("S"),
        "request" => text("GET /"),
        "origins" => Content::List(vec![Node { content: text("*"), ..Node::nothing() }]),
        "requests_per_minute" | "threshold" => Content::Scalar(Scalar { text: "1".to_owned(), kind: Kind::Whole }),
        _ => Content::Mapping(Vec::new()),
    };
    Node { content, ..Node::nothing() }
}
