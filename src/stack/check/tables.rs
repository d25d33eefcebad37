//! Tables: names, keys, indexes.

use std::collections::BTreeMap;

use super::super::diagnostic::Problem;
use super::super::file::{IndexFile, KeyFile, StackFile, TableFile};
use super::super::model::KeyType;
use super::super::names::table_variable;
use super::{Problems, below};

/// Global secondary indexes of one table (`DynamoDB` quotas).
const INDEX_COUNT: usize = 20;
/// Names of attributes that are keys, in bytes, and of indexes, in characters (`DynamoDB` naming rules).
const ATTRIBUTE_LENGTH: usize = 255;
const INDEX_LENGTH: std::ops::RangeInclusive<usize> = 3..=255;

pub(super) fn check(file: &StackFile, problems: &mut Problems) {
    let mut variables: BTreeMap<String, &str> = BTreeMap::new();
    for (name, table) in &file.tables {
        let path = ["tables", name.as_str()];
        let sound = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(allowed);
        if !sound {
            let problem = Problem::new(format!("`{name}` cannot be the name of a table"));
            problems.key(&path, problem.expected("expected letters, digits, . _ -, a letter first"));
        }
        let variable = table_variable(name);
        if let Some(other) = variables.insert(variable.clone(), name) {
            let problem = Problem::new(format!("the tables `{other}` and `{name}` have the same environment variable"));
            problems.key(&path, problem.help(format!("functions find both in {variable}: rename one")));
        }
        keys(table, &path, problems);
        indexes(table, &path, problems);
        if let Some(ttl) = &table.ttl {
            attribute(ttl, &below(&path, &["ttl"]), problems);
        }
    }
}

fn allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || "._-".contains(character)
}

fn attribute(name: &str, path: &[&str], problems: &mut Problems) {
    if name.is_empty() || name.len() > ATTRIBUTE_LENGTH {
        let problem = Problem::new(format!("an attribute's name of {} bytes", name.len()));
        problems.value(path, problem.expected(format!("expected 1 to {ATTRIBUTE_LENGTH}")));
    }
}

/// Checks all keys of a table together: an attribute has one type, wherever it is a key.
fn keys(table: &TableFile, path: &[&str; 2], problems: &mut Problems) {
    let mut types: BTreeMap<&str, KeyType> = BTreeMap::new();
    let mut schemas = vec![(path.to_vec(), &table.partition_key, table.sort_key.as_ref())];
    for (name, IndexFile { partition_key, sort_key, .. }) in &table.indexes {
        schemas.push((below(path, &["indexes", name]), partition_key, sort_key.as_ref()));
    }
    for (base, partition, sort) in schemas {
        for (key, place) in [(Some(partition), "partition_key"), (sort, "sort_key")] {
            let Some(KeyFile { name, kind }) = key else {
                continue;
            };
            attribute(name, &below(&base, &[place, "name"]), problems);
            let first = *types.entry(name).or_insert(*kind);
            if first != *kind {
                let problem = Problem::new(format!("the attribute `{name}` has two types: {first:?} above, {kind:?} here"));
                problems.value(&below(&base, &[place, "type"]), problem.expected(format!("expected {first:?}")));
            }
        }
        if sort.is_some_and(|sort| sort.name == partition.name) {
            let problem = Problem::new(format!("`{}` is partition key and sort key at once", partition.name));
            problems.value(&below(&base, &["sort_key", "name"]), problem.help("name another attribute, or leave sort_key out"));
        }
    }
}

fn indexes(table: &TableFile, path: &[&str; 2], problems: &mut Problems) {
    for name in table.indexes.keys() {
        if !INDEX_LENGTH.contains(&name.chars().count()) || !name.chars().all(allowed) {
            let problem = Problem::new(format!("`{name}` cannot be the name of an index"));
            problems.key(&below(path, &["indexes", name]), problem.expected("expected 3 to 255 letters, digits, . _ -"));
        }
    }
    if table.indexes.len() > INDEX_COUNT {
        let problem = Problem::new(format!("{} indexes, DynamoDB allows {INDEX_COUNT}", table.indexes.len()));
        problems.key(&below(path, &["indexes"]), problem);
    }
}
