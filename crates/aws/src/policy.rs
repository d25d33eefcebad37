//! Policy documents in canonical form, so that `==` means "allows the same".

use percent_encoding::percent_decode_str;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Policy document: statements by their Sid. A statement without one is keyed by its position: `#1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy(BTreeMap<String, Value>);

impl Policy {
    /// Adds a statement, an object without its Sid.
    #[must_use]
    pub fn with(mut self, sid: &str, mut statement: Value) -> Self {
        canonical(&mut statement);
        self.0.insert(sid.to_owned(), statement);
        self
    }

    /// Parses a document. A text that is no policy yields an empty one. That differs from every declared policy, so the engine replaces it.
    pub fn parse(document: &str) -> Self {
        let Ok(Value::Object(mut document)) = serde_json::from_str(document) else { return Self::default() };
        let statements = match document.remove("Statement") {
            Some(Value::Array(statements)) => statements,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        let named = statements.into_iter().enumerate().map(|(index, mut statement)| {
            let sid = statement.as_object_mut().and_then(|statement| statement.remove("Sid"));
            let sid =
                sid.as_ref().and_then(Value::as_str).filter(|sid| !sid.is_empty()).map_or_else(|| format!("#{}", index + 1), str::to_owned);
            canonical(&mut statement);
            (sid, statement)
        });
        Self(named.collect())
    }

    /// Returns the document in the form that AWS accepts.
    pub fn document(&self) -> String {
        let statements: Vec<Value> = self
            .0
            .iter()
            .map(|(sid, statement)| {
                let mut statement = statement.clone();
                if let Some(statement) = statement.as_object_mut()
                    && !sid.starts_with('#')
                {
                    statement.insert("Sid".to_owned(), json!(sid));
                }
                statement
            })
            .collect();
        json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
    }

    /// Returns the statement with this Sid.
    pub fn statement(&self, sid: &str) -> Option<&Value> {
        self.0.get(sid)
    }

    /// Returns the Sids of all statements.
    pub fn sids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Decodes a document as IAM returns it: percent-encoded (RFC 3986; `+` is literal). The SDK for Rust does not decode it.
pub fn decode(document: &str) -> String {
    percent_decode_str(document).decode_utf8_lossy().into_owned()
}

/// Brings equal statements into one form: a string becomes a list of one string, and lists are sorted because their order has no meaning.
fn canonical(statement: &mut Value) {
    let Some(statement) = statement.as_object_mut() else { return };
    for key in ["Action", "NotAction", "Resource", "NotResource"] {
        if let Some(value) = statement.get_mut(key) {
            sorted_list(value);
        }
    }
    for key in ["Principal", "NotPrincipal"] {
        if let Some(Value::Object(by_type)) = statement.get_mut(key) {
            by_type.values_mut().for_each(sorted_list);
        }
    }
    if let Some(Value::Object(operators)) = statement.get_mut("Condition") {
        for keys in operators.values_mut().filter_map(Value::as_object_mut) {
            let renamed: Map<String, Value> = std::mem::take(keys)
                .into_iter()
                .map(|(key, mut value)| {
                    sorted_list(&mut value);
                    // Condition keys are not case-sensitive.
                    (key.to_lowercase(), value)
                })
                .collect();
            *keys = renamed;
        }
    }
}

fn sorted_list(value: &mut Value) {
    match value {
        Value::Array(items) => items.sort_by_key(ToString::to_string),
        scalar => *scalar = json!([scalar.take()]),
    }
}

#[cfg(test)]
mod tests {
    use super::{Policy, decode};
    use serde_json::json;

    #[test]
    fn one_document_in_two_spellings_is_one_policy() {
        let declared = Policy::default().with("Read", json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["b", "a"]}));
        let live = r#"{"Version":"2012-10-17","Statement":{"Resource":["a","b"],"Sid":"Read","Effect":"Allow","Action":["s3:GetObject"]}}"#;
        assert_eq!(Policy::parse(live), declared);
        assert_eq!(Policy::parse(&declared.document()), declared);
    }

    #[test]
    fn another_effect_is_another_policy() {
        let allow = Policy::default().with("A", json!({"Effect": "Allow", "Action": "x:Y", "Resource": "r"}));
        let deny = Policy::default().with("A", json!({"Effect": "Deny", "Action": "x:Y", "Resource": "r"}));
        assert_ne!(allow, deny);
        assert_ne!(Policy::parse("<html>"), allow);
    }

    #[test]
    fn a_plus_sign_stays() {
        assert_eq!(decode("%7B%22a%22%3A%22b+c%22%7D"), r#"{"a":"b+c"}"#);
    }
}
