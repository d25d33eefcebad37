//! Indexes of a DynamoDB table: the attributes that they include, and local ones.

use crate::{rules, wire::Refusal};
use serde_json::Value;
use std::collections::BTreeSet;

/// Refuses indexes that cannot be, in a request that makes a table or changes one.
pub(super) fn refuse(body: &Value) -> Option<Refusal> {
    too_many_keys(body).or_else(|| local(body)).or_else(|| included(body))
}

/// Returns the indexes that a request makes, global ones only.
fn made(body: &Value) -> impl Iterator<Item = &Value> {
    let list = |field: &str| body[field].as_array().into_iter().flatten();
    let added = list("GlobalSecondaryIndexUpdates").map(|update| &update["Create"]).filter(|index| !index.is_null());
    list("GlobalSecondaryIndexes").chain(added)
}

/// Refuses keys of too many attributes.
fn too_many_keys(body: &Value) -> Option<Refusal> {
    let count = |schema: &[Value], of: &str| schema.iter().filter(|element| element["KeyType"] == of).count();
    let is_wrong = |index: &&Value| {
        // Without a schema, a request is no complete one.
        index["KeySchema"].as_array().is_some_and(|schema| !(1..=4).contains(&count(schema, "HASH")) || count(schema, "RANGE") > 4)
    };
    let wrong = made(body).find(is_wrong)?;
    Some(rules::INDEX_KEYS.refuse(&[wrong["IndexName"].as_str().unwrap_or_default()]))
}

/// Refuses local indexes that a table cannot have.
fn local(body: &Value) -> Option<Refusal> {
    let indexes = body["LocalSecondaryIndexes"].as_array().filter(|indexes| !indexes.is_empty())?;
    if indexes.len() > 5 {
        return Some(rules::TOO_MANY_LOCAL_INDEXES.refuse(&[]));
    }
    let key = |schema: &Value, of: &str| {
        let element = schema.as_array().into_iter().flatten().find(|element| element["KeyType"] == of)?;
        Some(element["AttributeName"].as_str()?.to_owned())
    };
    let partition = key(&body["KeySchema"], "HASH");
    if key(&body["KeySchema"], "RANGE").is_none() {
        return Some(rules::LOCAL_WITHOUT_SORT_KEY.refuse(&[]));
    }
    let is_wrong = |schema: &Value| key(schema, "HASH") != partition || key(schema, "RANGE").is_none_or(|sort| Some(sort) == partition);
    let wrong = indexes.iter().find(|index| is_wrong(&index["KeySchema"]))?;
    Some(rules::LOCAL_PARTITION_KEY.refuse(&[wrong["IndexName"].as_str().unwrap_or_default()]))
}

/// Refuses attributes that indexes cannot include.
fn included(body: &Value) -> Option<Refusal> {
    let mut all = 0;
    for index in made(body).chain(body["LocalSecondaryIndexes"].as_array().into_iter().flatten()) {
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
    fn a_key_of_an_index_has_up_to_four_attributes() {
        let refused = |partition: usize, sort: usize| {
            let element = |name: String, of: &str| json!({ "AttributeName": name, "KeyType": of });
            let partition = (0..partition).map(|n| element(format!("p{n}"), "HASH"));
            let schema: Vec<Value> = partition.chain((0..sort).map(|n| element(format!("s{n}"), "RANGE"))).collect();
            let index = json!({ "IndexName": "abc", "KeySchema": schema });
            refuse(&json!({ "TableName": "abc", "GlobalSecondaryIndexes": [index] })).is_some()
        };
        assert!(!refused(1, 0) && !refused(4, 4));
        assert!(refused(5, 0) && refused(1, 5) && refused(0, 1));
    }

    #[test]
    fn local_indexes_need_the_tables_partition_key_and_another_sort_key() {
        let schema = |keys: &[&str]| {
            let types = ["HASH", "RANGE"];
            keys.iter().zip(types).map(|(name, key_type)| json!({ "AttributeName": name, "KeyType": key_type })).collect::<Vec<_>>()
        };
        let code = |table: &[&str], index: &[&str], count: usize| {
            let indexes: Vec<Value> = (0..count).map(|n| json!({ "IndexName": format!("by-{n}"), "KeySchema": schema(index) })).collect();
            refuse(&json!({ "TableName": "abc", "KeySchema": schema(table), "LocalSecondaryIndexes": indexes })).is_some()
        };
        assert!(!code(&["id", "at"], &["id", "price"], 5));
        assert!(code(&["id", "at"], &["id", "price"], 6));
        assert!(code(&["id"], &["id", "price"], 1));
        assert!(code(&["id", "at"], &["shop", "price"], 1));
        assert!(code(&["id", "at"], &["id"], 1));
    }

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
