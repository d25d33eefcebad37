//! A value that another resource provides.

use super::{Error, Id, Result};
use crate::hex::hex;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use sha2::{Digest, Sha256};
use std::{fmt, rc::Rc};

/// The keys under which a reference shows itself in a serialised spec, to [`Fields`](super::Fields) alone.
pub(super) const MARK: &str = "$ref";
pub(super) const LABEL: &str = "$label";
pub(super) const VALUE: &str = "$value";
/// The key under which a serialised spec has a value that is declared and not known where the program runs.
pub(super) const UNKNOWN: &str = "$unknown";

/// A value that is declared and not known here, as it stands in a serialised spec; `label` is what people see. It is not compared with what is
/// live, but something has to be there.
pub fn unknown(label: &str) -> serde_json::Value {
    serde_json::json!({ UNKNOWN: label })
}

/// The key under which a serialised spec has the digest of a value that is never shown.
pub(super) const SECRET: &str = "$secret";

/// A value that is never shown, as it stands in a serialised spec: compared by its digest, of which people see nothing either, since a
/// digest lets them try what they guess.
pub fn secret(value: &str) -> serde_json::Value {
    serde_json::json!({ SECRET: hex(&Sha256::digest(value)) })
}

/// The key under which a secret of the engine's own has whether it changes as the next step of something that was begun.
pub(super) const NEXT: &str = "$next";

/// A secret that the engine makes and whose value follows from what is live, as it stands in a serialised spec. No mark depends on it. If it
/// `is_next`, another value in its place is a pending change, else it is drift.
pub fn made_secret(value: &str, is_next: bool) -> serde_json::Value {
    serde_json::json!({ SECRET: hex(&Sha256::digest(value)), NEXT: is_next })
}

/// A value that another resource provides, or a literal. In a spec it makes an edge of the graph.
#[derive(Clone)]
pub struct Ref<T> {
    source: Option<(Id, &'static str)>,
    value: Rc<dyn Fn() -> Option<T>>,
}

impl<T: Clone + 'static> Ref<T> {
    pub(super) fn new(id: Id, label: &'static str, value: impl Fn() -> Option<T> + 'static) -> Self {
        Self { source: Some((id, label)), value: Rc::new(value) }
    }

    /// The value, or [`Error::Unresolved`] while what provides it does not exist.
    pub fn get(&self) -> Result<T> {
        (self.value)().ok_or(Error::Unresolved)
    }

    /// Derives a reference: an address from an id, say.
    pub fn map<U>(&self, f: impl Fn(T) -> U + 'static) -> Ref<U> {
        let value = self.value.clone();
        Ref { source: self.source.clone(), value: Rc::new(move || value().map(&f)) }
    }
}

impl<T: Clone + 'static> From<T> for Ref<T> {
    fn from(value: T) -> Self {
        Self { source: None, value: Rc::new(move || Some(value.clone())) }
    }
}

impl<T: Serialize> Serialize for Ref<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let value = (self.value)();
        let Some((id, label)) = &self.source else { return value.serialize(serializer) };
        let mut out = serializer.serialize_struct("Ref", 3)?;
        out.serialize_field(MARK, id)?;
        out.serialize_field(LABEL, label)?;
        out.serialize_field(VALUE, &value)?;
        out.end()
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, (self.value)()) {
            (_, Some(value)) => value.fmt(f),
            (Some((id, label)), None) => write!(f, "(known after {id}.{label})"),
            (None, None) => f.write_str("(nothing)"),
        }
    }
}
