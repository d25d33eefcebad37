//! References: values that another resource provides.

use super::{Error, Id, Result};
use crate::hex::hex;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use sha2::{Digest, Sha256};
use std::{fmt, rc::Rc};

/// Keys of a serialised reference; only [`Fields`](super::Fields) reads them.
pub(super) const MARK: &str = "$ref";
pub(super) const LABEL: &str = "$label";
pub(super) const VALUE: &str = "$value";
/// Key of a value in a serialised spec that is declared and not known where the program runs.
pub(super) const UNKNOWN: &str = "$unknown";

/// Serialises a declared value that this process does not know; users see `label`. The live value is not compared, but it has to exist.
pub fn unknown(label: &str) -> serde_json::Value {
    serde_json::json!({ UNKNOWN: label })
}

/// Key of the digest of a secret value in a serialised spec.
pub(super) const SECRET: &str = "$secret";

/// Serialises a secret value. It is compared by its digest, and the digest is not shown either: with it, readers could test guesses.
pub fn secret(value: &str) -> serde_json::Value {
    serde_json::json!({ SECRET: hex(&Sha256::digest(value)) })
}

/// Key of the flag that a secret made by the engine changes as the next step of a process already begun.
pub(super) const NEXT: &str = "$next";

/// Serialises a secret that the engine makes and derives from live state. The fingerprint leaves it out. A different live value counts as a
/// pending change if `is_next` is set, and as drift otherwise.
pub fn made_secret(value: &str, is_next: bool) -> serde_json::Value {
    serde_json::json!({ SECRET: hex(&Sha256::digest(value)), NEXT: is_next })
}

/// Value that another resource provides, or a literal. In a spec it makes an edge of the graph.
#[derive(Clone)]
pub struct Ref<T> {
    source: Option<(Id, &'static str)>,
    value: Rc<dyn Fn() -> Option<T>>,
}

impl<T: Clone + 'static> Ref<T> {
    pub(super) fn new(id: Id, label: &'static str, value: impl Fn() -> Option<T> + 'static) -> Self {
        Self { source: Some((id, label)), value: Rc::new(value) }
    }

    /// Returns the value, or [`Error::Unresolved`] while the resource that provides it does not exist.
    pub fn get(&self) -> Result<T> {
        (self.value)().ok_or(Error::Unresolved)
    }

    /// Derives a reference from the value, such as an address from an id.
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
