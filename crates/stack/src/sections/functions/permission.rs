//! `permissions`: statements in IAM's words, for whatever `reads` and `writes` do not cover.

use crate::Names;
use crate::sections::Stack;
use crate::sections::reference;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// Permission of a function, in IAM's words.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PermissionFile {
    /// IAM actions such as `ses:SendEmail`; * stands for any characters.
    #[schemars(length(min = 1), inner(regex(pattern = r"^(\*|[a-z0-9-]+:[A-Za-z0-9*?]+)$")))]
    pub actions: Vec<String>,
    /// ARNs of resources, with references such as `arn:${partition}:ses:${region}:${account}:identity/example.com`. "*" for actions that know no
    /// resources.
    #[schemars(length(min = 1))]
    pub resources: Vec<String>,
    /// Conditions by operator and key, as in `StringEquals: { "ses:FromAddress": news@example.com }`. Default: none.
    #[serde(default, deserialize_with = "crate::sections::empty_is_default")]
    pub conditions: BTreeMap<String, BTreeMap<String, Values>>,
}

/// Values of a condition: one, or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values(pub Vec<String>);

/// Permission of a function, in IAM's words. Texts may have references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Actions, with wildcards.
    pub actions: Vec<String>,
    /// ARNs of resources, with wildcards.
    pub resources: Vec<String>,
    /// Values by operator and key.
    pub conditions: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl PermissionFile {
    pub(crate) fn resolve(&self) -> Permission {
        let values = |keys: &BTreeMap<String, Values>| keys.iter().map(|(key, values)| (key.clone(), values.0.clone())).collect();
        Permission {
            actions: self.actions.clone(),
            resources: self.resources.clone(),
            conditions: self.conditions.iter().map(|(operator, keys)| (operator.clone(), values(keys))).collect(),
        }
    }

    /// Returns all texts that may have references, each with its path below the permission.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (Vec<String>, &String)> {
        let resources = self.resources.iter().enumerate().map(|(index, text)| (vec!["resources".to_owned(), index.to_string()], text));
        let conditions = self.conditions.iter().flat_map(|(operator, keys)| {
            let path = move |key: &String| vec!["conditions".to_owned(), operator.clone(), key.clone()];
            keys.iter().flat_map(move |(key, values)| values.0.iter().map(move |text| (path(key), text)))
        });
        resources.chain(conditions)
    }
}

impl Permission {
    /// Returns the statement of a policy, with the values of its references. None of them is an address: the checks refuse that.
    pub(super) fn statement(&self, stack: &Stack, names: &Names) -> Value {
        let resolved =
            |texts: &Vec<String>| texts.iter().map(|text| reference::resolved(text, stack, names, &|_| String::new())).collect::<Vec<_>>();
        let mut statement = json!({ "Effect": "Allow", "Action": self.actions, "Resource": resolved(&self.resources) });
        let keys = |keys: &BTreeMap<String, Vec<String>>| keys.iter().map(|(key, values)| (key.clone(), json!(resolved(values)))).collect();
        let conditions: serde_json::Map<String, Value> =
            self.conditions.iter().map(|(operator, of)| (operator.clone(), Value::Object(keys(of)))).collect();
        if !conditions.is_empty() {
            statement["Condition"] = Value::Object(conditions);
        }
        statement
    }
}

impl JsonSchema for Values {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Values".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = ["string", "number", "boolean"];
        json_schema!({ "anyOf": [{ "type": one }, { "type": "array", "minItems": 1, "items": { "type": one } }] })
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMany)
    }
}

struct OneOrMany;

impl<'de> Visitor<'de> for OneOrMany {
    type Value = Values;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value, or a list of values")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Values, E> {
        Ok(Values(vec![text.to_owned()]))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Values, E> {
        Ok(Values(vec![value.to_string()]))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Values, E> {
        Ok(Values(vec![value.to_string()]))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Values, E> {
        Ok(Values(vec![value.to_string()]))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Values, E> {
        Ok(Values(vec![value.to_string()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Values, A::Error> {
        let values: Vec<crate::values::Text> = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(Values(values.into_iter().map(|text| text.0).collect()))
    }
}
