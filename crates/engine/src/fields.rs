//! Declarations and live resources as `path → value`, and the differences between two of them.

use super::{
    Cause, Id,
    reference::{LABEL, MARK, NEXT, SECRET, UNKNOWN, VALUE},
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Resource flattened to `path → value`. Maps are walked and managed as a whole; lists are compared as one value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields {
    leaves: BTreeMap<String, Field>,
    needs: BTreeSet<Id>,
    /// Paths that the declaration leaves to the service (`None`).
    unset: Vec<String>,
    /// Paths with a declared value that this process does not know, each with its label for users.
    unknown: BTreeMap<String, String>,
}

/// Value of a field. In JSON, a pending value is its label for users.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// Value known now.
    Known(Value),
    /// Value that will be known once the named output exists.
    Pending(String),
    /// Known value that is never shown.
    Secret(Hidden),
}

/// Digest of a value that is never shown. Two digests are equal if their values are.
#[derive(Debug, Clone)]
pub struct Hidden {
    digest: String,
    /// Cause to report if the live value differs. Fingerprints leave secrets out, because more people can read fingerprints than secrets.
    pub(super) cause: Cause,
}

impl Hidden {
    fn of(map: &Map<String, Value>) -> Self {
        let digest = map[SECRET].as_str().unwrap_or_default().to_owned();
        // A declared secret is pending whenever the live value differs, regardless of the origin of that value.
        let cause = if map.get(NEXT) == Some(&Value::Bool(false)) { Cause::Drift } else { Cause::Pending };
        Self { digest, cause }
    }
}

impl PartialEq for Hidden {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Fields {
    /// Flattens a spec.
    ///
    /// # Panics
    /// If the spec cannot be serialised to JSON, which derived `Serialize` on named fields always can.
    pub fn of(spec: &impl Serialize) -> Self {
        let mut fields = Self::default();
        fields.walk(String::new(), serde_json::to_value(spec).expect("a spec serialises to JSON"));
        fields
    }

    /// Returns the paths with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.leaves.iter().map(|(path, field)| (path.as_str(), field))
    }

    /// Adds a text field that no spec has.
    #[must_use]
    pub(super) fn with(mut self, path: &str, text: String) -> Self {
        self.leaves.insert(path.to_owned(), Field::Known(Value::String(text)));
        self
    }

    /// Returns the resources that the spec refers to.
    pub(super) fn needs(&self) -> &BTreeSet<Id> {
        &self.needs
    }

    fn walk(&mut self, path: String, value: Value) {
        match value {
            Value::Object(map) if map.contains_key(UNKNOWN) => {
                self.unknown.insert(path, map[UNKNOWN].as_str().unwrap_or_default().to_owned());
            }
            Value::Object(map) if map.contains_key(SECRET) => {
                self.leaves.insert(path, Field::Secret(Hidden::of(&map)));
            }
            Value::Object(map) if !map.contains_key(MARK) => {
                for (key, value) in map {
                    let key = visible(&key);
                    let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                    self.walk(path, value);
                }
            }
            Value::Null => self.unset.push(path),
            other => {
                let leaf = self.settle(other);
                self.leaves.insert(path, leaf);
            }
        }
    }

    /// Replaces the references inside a value. One unresolved reference makes the whole value pending.
    fn settle(&mut self, value: Value) -> Field {
        match value {
            Value::Object(mut map) if map.contains_key(MARK) => {
                let id = Id::from_value(&map[MARK]);
                let pending = format!("{id}.{}", map[LABEL].as_str().unwrap_or_default());
                self.needs.insert(id);
                match map.remove(VALUE) {
                    None | Some(Value::Null) => Field::Pending(pending),
                    Some(known) => Field::Known(known),
                }
            }
            Value::Array(items) => {
                let settled: Vec<Field> = items.into_iter().map(|item| self.settle(item)).collect();
                let mut known = Vec::with_capacity(settled.len());
                for field in settled {
                    match field {
                        Field::Known(value) => known.push(value),
                        other => return other,
                    }
                }
                Field::Known(Value::Array(known))
            }
            Value::Object(map) => {
                let settled: Vec<(String, Field)> = map.into_iter().map(|(key, value)| (key, self.settle(value))).collect();
                let mut known = Map::new();
                for (key, field) in settled {
                    match field {
                        Field::Known(value) => known.insert(key, value),
                        other => return other,
                    };
                }
                Field::Known(Value::Object(known))
            }
            scalar => Field::Known(scalar),
        }
    }
}

/// Differences between two resources, field by field, sorted by path.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Changes(Vec<Change>);

/// Difference of one field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Path of the field: `environment.TABLE`.
    pub path: String,
    /// Value observed on the live resource.
    pub from: Option<Field>,
    /// Value in the declaration.
    pub to: Option<Field>,
}

impl Change {
    /// Returns whether one value that is never shown replaces another.
    pub fn is_secret(&self) -> bool {
        matches!((&self.from, &self.to), (Some(Field::Secret(_)), Some(Field::Secret(_))))
    }
}

impl Changes {
    /// Returns the changes that make `observed` equal to `desired`. A field that the declaration leaves out is not managed.
    pub fn between(observed: &Fields, desired: &Fields) -> Self {
        let managed = |path: &&String| !desired.unknown.contains_key(*path) && !desired.unset.iter().any(|unset| under(path, unset));
        let paths: BTreeSet<&String> = desired.leaves.keys().chain(observed.leaves.keys().filter(managed)).collect();
        let change =
            |path: &String| Change { path: path.clone(), from: observed.leaves.get(path).cloned(), to: desired.leaves.get(path).cloned() };
        let missing = desired.unknown.iter().filter(|(path, _)| !observed.leaves.contains_key(*path));
        let missing = missing.map(|(path, label)| Change { path: path.clone(), from: None, to: Some(Field::Known(label.as_str().into())) });
        let mut changes: Vec<Change> = paths.into_iter().map(change).filter(|change| change.from != change.to).chain(missing).collect();
        changes.sort_by(|one, other| one.path.cmp(&other.path));
        Self(changes)
    }

    /// Returns the changes of a creation: every field that it sets.
    pub fn creating(desired: &Fields) -> Self {
        Self::between(&Fields::default(), desired)
    }

    /// Returns whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the changes, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.iter()
    }

    /// Returns whether `field`, or anything below it, differs.
    pub fn touch(&self, field: &str) -> bool {
        self.0.iter().any(|change| under(&change.path, field))
    }

    /// Returns the changes at or under any of these fields.
    #[must_use]
    pub fn within(&self, fields: &[&str]) -> Self {
        Self(self.0.iter().filter(|change| fields.iter().any(|field| under(&change.path, field))).cloned().collect())
    }

    /// Returns the paths, separated by commas, for a short message.
    pub fn paths(&self) -> String {
        self.0.iter().map(|change| change.path.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Returns the changes except those at or under `field`; all of them if nothing else differs.
    #[must_use]
    pub fn without(&self, field: &str) -> Self {
        let rest: Vec<Change> = self.0.iter().filter(|change| !under(&change.path, field)).cloned().collect();
        if rest.is_empty() { self.clone() } else { Self(rest) }
    }
}

/// Returns a key with its control characters escaped. Any writer may put an object of any name into the bucket, and terminals obey such
/// characters.
fn visible(key: &str) -> String {
    key.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

fn under(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Pending(_) | Self::Secret(_) => serializer.collect_str(self),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(f),
            Self::Pending(source) => write!(f, "(known after {source})"),
            Self::Secret(_) => f.write_str("(secret)"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, "{}: {from} → {to}", self.path),
            (None, Some(to)) => write!(f, "{}: + {to}", self.path),
            (Some(from), None) => write!(f, "{}: - {from}", self.path),
            (None, None) => f.write_str(&self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Changes, Fields};
    use crate::unknown;
    use serde_json::json;

    #[test]
    fn a_value_that_is_not_known_here_is_not_compared_but_has_to_be_there() {
        let declared = Fields::of(&json!({ "environment": { "KEY": unknown("(not set here)") } }));
        let observed = |environment| Fields::of(&json!({ "environment": environment }));
        assert!(Changes::between(&observed(json!({ "KEY": "secret" })), &declared).is_empty());
        let changes = Changes::between(&observed(json!({ "OTHER": "x" })), &declared);
        let paths: Vec<(&str, bool)> = changes.iter().map(|change| (change.path.as_str(), change.to.is_some())).collect();
        assert_eq!(paths, [("environment.KEY", true), ("environment.OTHER", false)]);
    }
}
