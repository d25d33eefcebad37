//! Attributes that the indexes of a DynamoDB table include.

use crate::{rules, wire::Refusal};
use serde_json::Value;
use std::collections::BTreeSet;

/// Refuses indexes that include what they cannot, in a request that makes a table or changes one.
pub(super) fn refuse(body: &Value) -> Option<Refusal> {
    let list = |field: &str| body[field].as_array().map(Vec::as_slice).unwrap_or_default();
    let made = list("GlobalSecondaryIndexes").iter().chain(list("LocalSecondaryIndexes"));
    let made = made.chain(list("GlobalSecondaryIndexUpdates").iter().map(|update| &update["Create"]));
    let mut all = 0;
    for index in made {
        let Some(attributes) = index["Projection"]["NonKeyAttributes"].as_array() else { continue };
        let names: Vec<&str> = attributes.iter().filter_map(Value::as_str).collect();
        if !(1..=20).contains(&names.len()) {
            return Some(rules::INCLUDED.refuse(&[]));
        }
        if names.iter().any(|name| !(1..=255).contains(&name.chars().count())) {
            return Some(rules::INCLUDED_NAME.refuse(&[]));
        }
        let mut seen = keys(&body["KeySchema"]);
        seen.extend(keys(&index["KeySchema"]));
        if let Some(twice) = names.iter().find(|name| !seen.insert(name)) {
            return Some(rules::INCLUDED_TWICE.refuse(&[twice]));
        }
        all += names.len();
    }
    (all > 100).then(|| rules::INCLUDED_BY_ALL.refuse(&[]))
}

fn keys(schema: &Value) -> BTreeSet<&str> {
    schema.as_array().into_iter().flatten().filter_map(|element| element["AttributeName"].as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_and_a_repeated_attribute_are_refused() {
        let table = |include: Value| {
            let schema = |name: &str| json!([{ "AttributeName": name, "KeyType": "HASH" }]);
            let index = json!({ "IndexName": "abc", "KeySchema": schema("day"), "Projection": { "NonKeyAttributes": include } });
            refuse(&json!({ "TableName": "abc", "KeySchema": schema("id"), "GlobalSecondaryIndexes": [index] }))
        };
        assert!(table(json!(["title", "price"])).is_none());
        for wrong in [json!(["id"]), json!(["title", "day"]), json!(["title", "title"]), json!([])] {
            assert!(table(wrong.clone()).is_some(), "{wrong}");
        }
    }
}
