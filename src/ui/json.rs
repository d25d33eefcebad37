//! Shapes that several JSON documents share.

use crate::engine::{self, Changes};
use serde::Serialize;
use serde_json::Value;

/// A changed field.
#[derive(Serialize)]
pub(super) struct Field<'a> {
    path: &'a str,
    from: Value,
    to: Value,
}

/// The changed fields of a resource, `without` those below a path unless nothing else changes.
pub(super) fn fields<'a>(changes: &'a Changes, without: Option<&str>) -> Vec<Field<'a>> {
    let shown = |path: &str| match without {
        Some(hidden) => changes.without(hidden).iter().any(|change| change.path == path),
        None => true,
    };
    let changes = changes.iter().filter(|change| shown(&change.path));
    changes.map(|change| Field { path: &change.path, from: value(change.from.as_ref()), to: value(change.to.as_ref()) }).collect()
}

/// A document, indented.
pub(super) fn document(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).expect("plain values serialise to JSON")
}

/// An event, on one line.
pub(super) fn line(event: &impl Serialize) -> String {
    serde_json::to_string(event).expect("plain values serialise to JSON")
}

/// A field; what is not known yet is the text `(known after …)`, as people see it.
fn value(field: Option<&engine::Field>) -> Value {
    match field {
        None => Value::Null,
        Some(engine::Field::Known(value)) => value.clone(),
        Some(pending @ engine::Field::Pending(_)) => Value::String(pending.to_string()),
    }
}
