//! What a declaration looks like in short: to tell one from another, and to tell why a live resource differs from it.

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

/// A short digest (16 hexadecimal digits) of a declaration; it does not depend on what its references resolve to.
///
/// # Panics
/// If the spec cannot be serialised to JSON, which derived `Serialize` on named fields always can.
pub fn digest(spec: &impl Serialize) -> String {
    hash(&declared(spec), 8)
}

/// A declaration with its marks, as [`Graph::add`](super::Graph::add) leaves them on it.
pub fn stamped<R: Resource>(mut spec: R) -> R {
    let marks = Marks::of(&spec).to_string();
    spec.stamp(&marks);
    spec
}

/// A digest of each field of a declaration. As text it is left on the live resource, and tells a later run which fields were declared
/// otherwise when it was written.
#[derive(Debug, Clone)]
pub(super) struct Marks(BTreeMap<String, String>);

impl Marks {
    pub(super) fn of(spec: &impl Serialize) -> Self {
        let Value::Object(fields) = declared(spec) else { return Self(BTreeMap::new()) };
        // Two bytes: that a change is taken for drift once in 65,536 times does no harm.
        Self(fields.into_iter().map(|(name, value)| (name, hash(&value, 2))).collect())
    }

    /// Why `changes` are needed, if the live resource carries the marks `applied`.
    pub(super) fn cause(&self, applied: &str, changes: &Changes) -> Option<Cause> {
        let (now, then) = (self.to_string(), applied.split('.'));
        // A kind that had other fields then, in another version of the program, tells nothing by field.
        let comparable = then.clone().count() == self.0.len();
        let edited: BTreeSet<&str> =
            self.0.iter().zip(then).filter(|((_, now), then)| now != then).map(|((name, _), _)| name.as_str()).collect();
        let is_mark = |field: &Option<Field>| matches!(field, Some(Field::Known(Value::String(text))) if *text == now);
        let mut causes = changes.iter().filter(|change| !is_mark(&change.to)).map(|change| {
            let field = change.path.split('.').next().unwrap_or_default();
            // What it refers to is still to be made, so it has to follow.
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

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.values().map(String::as_str).collect::<Vec<_>>().join("."))
    }
}

/// The declaration as JSON, without what its references resolve to, and without its secrets: even two bytes of a digest tell most wrong
/// guesses from the right one, and tags are read by many.
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

/// The first bytes of a hash, in hexadecimal.
fn hash(value: &Value, bytes: usize) -> String {
    hex(&Sha256::digest(value.to_string())[..bytes])
}

#[cfg(test)]
mod tests {
    use super::{Marks, digest};
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
        assert_eq!((Marks::of(&one).to_string(), digest(&one)), (Marks::of(&other).to_string(), digest(&other)));
        let cause = |declared: &serde_json::Value| {
            let changes = Changes::between(&Fields::of(&one), &Fields::of(declared));
            Marks::of(declared).cause(&Marks::of(&one).to_string(), &changes)
        };
        assert_eq!(cause(&other), Some(Cause::Pending));
        assert_eq!(cause(&spec(made_secret("winter", true))), Some(Cause::Pending));
        assert_eq!(cause(&spec(made_secret("winter", false))), Some(Cause::Drift));
        assert_eq!(cause(&spec(made_secret("summer", false))), None);
    }

    #[test]
    fn to_follow_what_is_made_anew_is_no_drift() {
        let made = |known: Option<&'static str>| Ref::new(Id::from_value(&"deployment/a".into()), "id", move || known);
        let live = |deployment: &'static str, burst| Fields::of(&Stage { deployment: Ref::from(deployment), burst });
        let cause = |live: &Fields, declared: &Stage| {
            let changes = Changes::between(live, &Fields::of(declared));
            Marks::of(declared).cause(&Marks::of(&Stage { deployment: made(Some("1")), burst: 9 }).to_string(), &changes)
        };
        assert_eq!(cause(&live("1", 9), &Stage { deployment: made(None), burst: 9 }), Some(Cause::Pending));
        assert_eq!(cause(&live("2", 9), &Stage { deployment: made(Some("1")), burst: 9 }), Some(Cause::Drift));
        assert_eq!(cause(&live("1", 8), &Stage { deployment: made(None), burst: 9 }), Some(Cause::Conflict));
    }
}
