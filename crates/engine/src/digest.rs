//! Fingerprints of declarations. They distinguish declarations, and reveal why a live resource differs from its own.

use super::{
    Cause, Changes, Field, Resource,
    reference::{MARK, SECRET, VALUE},
};
use crate::hex::hex;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Returns a digest (16 hexadecimal digits) of a declaration. The values of its references do not affect it.
///
/// # Panics
/// If the spec cannot be serialised to JSON, which derived `Serialize` on named fields always can.
pub fn digest(spec: &impl Serialize) -> String {
    hash(&declared(spec), 8)
}

/// Returns a declaration with its fingerprint, as [`Graph::add`](super::Graph::add) sets it.
pub fn with_fingerprint<R: Resource>(mut spec: R) -> R {
    let fingerprint = Fingerprints::of(&spec).to_string();
    spec.set_fingerprint(&fingerprint);
    spec
}

/// Digest of each field of a declaration. The live resource carries it as text. A later run compares it to find the fields that were declared
/// otherwise at the last write.
#[derive(Debug, Clone)]
pub(super) struct Fingerprints(BTreeMap<String, String>);

impl Fingerprints {
    pub(super) fn of(spec: &impl Serialize) -> Self {
        let Value::Object(fields) = declared(spec) else { return Self(BTreeMap::new()) };
        // Two bytes are enough: taking one change in 65,536 for drift does no harm.
        Self(fields.into_iter().map(|(name, value)| (name, hash(&value, 2))).collect())
    }

    /// Returns the cause of `changes`, if the live resource carries the fingerprint `applied`.
    pub(super) fn cause(&self, applied: &str, changes: &Changes) -> Option<Cause> {
        let (now, then) = (self.to_string(), applied.split('.'));
        // Another version of the program gave the kind other fields, so single fields cannot be compared.
        let comparable = then.clone().count() == self.0.len();
        let edited: BTreeSet<&str> =
            self.0.iter().zip(then).filter(|((_, now), then)| now != then).map(|((name, _), _)| name.as_str()).collect();
        let is_mark = |field: &Option<Field>| matches!(field, Some(Field::Known(Value::String(text))) if *text == now);
        let mut causes = changes.iter().filter(|change| !is_mark(&change.to)).map(|change| {
            let field = change.path.split('.').next().unwrap_or_default();
            // The referenced resource is still to be created, so this field has to change with it.
            let follows = matches!(change.to, Some(Field::Pending(_)));
            if let (Some(Field::Secret(_)), Some(Field::Secret(hidden))) = (&change.from, &change.to) {
                return hidden.cause;
            }
            let edited = if comparable { edited.contains(field) } else { applied != now };
            if edited || follows { Cause::Pending } else { Cause::Drift }
        });
        let first = causes.next()?;
        Some(if causes.all(|cause| cause == first) { first } else { Cause::Conflict })
    }
}

impl fmt::Display for Fingerprints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.values().map(String::as_str).collect::<Vec<_>>().join("."))
    }
}

/// Returns the declaration as JSON, without the values of its references and without its secrets. Even two bytes of a digest separate the right
/// guess of a secret from most wrong ones, and many people can read tags.
fn declared(spec: &impl Serialize) -> Value {
    fn hide(value: &mut Value) {
        match value {
            Value::Object(map) => {
                if map.contains_key(MARK) {
                    map.remove(VALUE);
                }
                if map.contains_key(SECRET) {
                    map.retain(|key, _| key == SECRET);
                    map.insert(SECRET.to_owned(), Value::Null);
                }
                map.values_mut().for_each(hide);
            }
            Value::Array(items) => items.iter_mut().for_each(hide),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(spec).expect("a spec serialises to JSON");
    hide(&mut value);
    value
}

/// Returns the first bytes of a hash, in hexadecimal digits.
fn hash(value: &Value, bytes: usize) -> String {
    hex(&Sha256::digest(value.to_string())[..bytes])
}

#[cfg(test)]
mod tests {
    use super::{Fingerprints, digest};
    use crate::{Cause, Changes, Fields, Id, Ref, made_secret, secret};
    use serde::Serialize;

    #[derive(Serialize)]
    struct Stage {
        deployment: Ref<&'static str>,
        burst: u8,
    }

    #[test]
    fn marks_do_not_depend_on_secrets_and_what_changes_one_is_known_all_the_same() {
        let spec = |value: serde_json::Value| serde_json::json!({ "environment": { "PASSWORD": value } });
        let [one, other] = ["summer", "winter"].map(|value| spec(secret(value)));
        assert_eq!((Fingerprints::of(&one).to_string(), digest(&one)), (Fingerprints::of(&other).to_string(), digest(&other)));
        let cause = |declared: &serde_json::Value| {
            let changes = Changes::between(&Fields::of(&one), &Fields::of(declared));
            Fingerprints::of(declared).cause(&Fingerprints::of(&one).to_string(), &changes)
        };
        assert_eq!(cause(&other), Some(Cause::Pending));
        assert_eq!(cause(&spec(made_secret("winter", true))), Some(Cause::Pending));
        assert_eq!(cause(&spec(made_secret("winter", false))), Some(Cause::Drift));
        assert_eq!(cause(&spec(made_secret("summer", false))), None);
    }

    #[test]
    fn to_follow_what_is_made_anew_is_no_drift() {
        let made = |known: Option<&'static str>| Ref::new(Id::from_value(&"deployment/a".into()), "id", move || known);
        let observed = |deployment: &'static str, burst| Fields::of(&Stage { deployment: Ref::from(deployment), burst });
        let cause = |observed: &Fields, declared: &Stage| {
            let changes = Changes::between(observed, &Fields::of(declared));
            Fingerprints::of(declared).cause(&Fingerprints::of(&Stage { deployment: made(Some("1")), burst: 9 }).to_string(), &changes)
        };
        assert_eq!(cause(&observed("1", 9), &Stage { deployment: made(None), burst: 9 }), Some(Cause::Pending));
        assert_eq!(cause(&observed("2", 9), &Stage { deployment: made(Some("1")), burst: 9 }), Some(Cause::Drift));
        assert_eq!(cause(&observed("1", 8), &Stage { deployment: made(None), burst: 9 }), Some(Cause::Conflict));
    }
}
