//! Formats that several JSON documents share.

use serde::Serialize;

/// Formats an indented document.
pub(super) fn document(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).expect("plain values serialise to JSON")
}

/// Formats an event on one line.
pub(super) fn line(event: &impl Serialize) -> String {
    serde_json::to_string(event).expect("plain values serialise to JSON")
}
