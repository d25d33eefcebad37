//! Shapes that several JSON documents share.

use crate::engine::{Changes, Field};
use serde_json::{Value, json};

/// The changed fields of a resource: `[{"path", "from", "to"}]`.
pub(super) fn changes(changes: &Changes) -> Value {
    let fields = changes.iter().map(|change| {
        let (from, to) = (value(change.from.as_ref()), value(change.to.as_ref()));
        json!({ "path": change.path, "from": from, "to": to })
    });
    fields.collect()
}

/// A field; what is not known yet is the text `(known after …)`, as people see it.
fn value(field: Option<&Field>) -> Value {
    match field {
        None => Value::Null,
        Some(Field::Known(value)) => value.clone(),
        Some(pending @ Field::Pending(_)) => Value::String(pending.to_string()),
    }
}
