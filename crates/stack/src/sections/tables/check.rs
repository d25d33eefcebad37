//! Tables: names, keys, indexes.

use super::{IndexFile, KeyFile, KeyType, KeysFile, ProjectionFile, TableFile};
use crate::diagnostic::Problem;
use crate::limits::{
    INCLUDED, INCLUDED_BY_ALL, INCLUDED_NAME, INDEX_KEYS, INDEX_NAME, INDEXES, KEY_NAME, LOCAL_INDEXES, Limit, RESTORE_DAYS, TABLE_UNITS,
    TTL_NAME,
};
use crate::names::table_variable;
use crate::problems::{Problems, below};
use crate::sections::StackFile;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn check(file: &StackFile, problems: &mut Problems) {
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
        local_indexes(table, &path, problems);
        projections(table, &path, problems);
        if let Some(days) = table.restore_days {
            restore_days(table, days, &below(&path, &["restore_days"]), problems);
        }
        for (key, units) in [("max_read_units", table.max_read_units), ("max_write_units", table.max_write_units)] {
            // A value above the quota is a warning of the environment.
            if units.is_some_and(|units| u64::from(units) < TABLE_UNITS.least) {
                let problem = Problem::new(format!("`{key}` would let nothing through, and DynamoDB refuses it"));
                problems.value(&below(&path, &[key]), problem.expected("expected 1 or more").help("leave it out for no limit of its own"));
            }
        }
        if let Some(ttl) = &table.ttl {
            attribute(ttl, TTL_NAME, &below(&path, &["ttl"]), problems);
        }
    }
}

fn restore_days(table: &TableFile, days: u32, path: &[&str], problems: &mut Problems) {
    if !RESTORE_DAYS.allows(days.into()) {
        let problem = Problem::new(format!("a table that can be restored for {days} days"));
        problems.value(path, problem.expected(format!("expected {} to {}", RESTORE_DAYS.least, RESTORE_DAYS.most)));
    } else if !table.point_in_time_recovery {
        let problem = Problem::new("restore_days of a table that cannot be restored");
        problems.key(path, problem.help("add point_in_time_recovery: true, or leave restore_days out"));
    }
}

fn allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || "._-".contains(character)
}

fn attribute(name: &str, limit: Limit, path: &[&str], problems: &mut Problems) {
    if !limit.fits(name.len()) {
        let problem = Problem::new(format!("an attribute's name of {} bytes", name.len()));
        problems.value(path, problem.expected(format!("expected {} to {}", limit.least, limit.most)));
    }
}

/// Checks all keys of a table together: an attribute has one type, wherever it is a key.
fn keys(table: &TableFile, path: &[&str; 2], problems: &mut Problems) {
    let mut types: BTreeMap<&str, (KeyType, Vec<&str>)> = BTreeMap::new();
    let mut schemas = vec![Schema::of(path.to_vec(), &table.partition_key, table.sort_key.as_ref())];
    for (name, index) in &table.local_indexes {
        let schema = Schema::of(below(path, &["local_indexes", name]), &table.partition_key, Some(&index.sort_key));
        // The partition key is the table's, and is checked there.
        schemas.push(Schema { shares_partition: true, ..schema });
    }
    for (name, IndexFile { partition_key, sort_key, .. }) in &table.indexes {
        let base = below(path, &["indexes", name]);
        for (keys, place) in [(Some(partition_key), "partition_key"), (sort_key.as_ref(), "sort_key")] {
            let length = keys.map_or(1, KeysFile::length);
            if !INDEX_KEYS.fits(length) {
                let problem = Problem::new(format!("a key of {length} attributes"));
                let problem = problem.expected(format!("expected {} to {}", INDEX_KEYS.least, INDEX_KEYS.most));
                problems.key(&below(&base, &[place]), problem);
            }
        }
        let sort = sort_key.as_ref().map(KeysFile::placed).unwrap_or_default();
        schemas.push(Schema { base, partition: partition_key.placed(), sort, shares_partition: false });
    }
    for Schema { base, partition, sort, shares_partition } in schemas {
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        let partition = partition.into_iter().map(|key| ("partition_key", key));
        for (place, (position, KeyFile { name, kind })) in partition.chain(sort.into_iter().map(|key| ("sort_key", key))) {
            let mut key = below(&base, &[place]);
            key.extend(position);
            if let Some(first) = seen.insert(name, place) {
                let problem = if first == place {
                    Problem::new(format!("`{name}` is twice in the {}", place.replace('_', " "))).help("take one out of the list")
                } else {
                    let problem = Problem::new(format!("`{name}` is partition key and sort key at once"));
                    problem.help(if shares_partition { "name another attribute" } else { "name another attribute, or leave sort_key out" })
                };
                problems.value(&below(&key, &["name"]), problem);
            }
            if shares_partition && place == "partition_key" {
                continue;
            }
            attribute(name, KEY_NAME, &below(&key, &["name"]), problems);
            let at = below(&key, &["type"]);
            let (first, first_at) = types.entry(name).or_insert_with(|| (*kind, at.clone()));
            if first != kind && problems.knows_names(first_at) {
                let problem = Problem::new(format!("the attribute `{name}` has two types: {first:?} above, {kind:?} here"));
                problems.value(&at, problem.expected(format!("expected {first:?}")));
            }
        }
    }
}

/// Keys of a table or an index, each with its position if it is in a list.
struct Schema<'file> {
    /// Path of the table or index.
    base: Vec<&'file str>,
    partition: Vec<(Option<&'file str>, &'file KeyFile)>,
    sort: Vec<(Option<&'file str>, &'file KeyFile)>,
    /// Set if the partition key is that of the table.
    shares_partition: bool,
}

impl<'file> Schema<'file> {
    fn of(base: Vec<&'file str>, partition: &'file KeyFile, sort: Option<&'file KeyFile>) -> Self {
        Self { base, partition: vec![(None, partition)], sort: sort.map(|key| (None, key)).into_iter().collect(), shares_partition: false }
    }
}

fn indexes(table: &TableFile, path: &[&str; 2], problems: &mut Problems) {
    let names = table.indexes.keys().map(|name| ("indexes", name));
    for (list, name) in names.chain(table.local_indexes.keys().map(|name| ("local_indexes", name))) {
        if !INDEX_NAME.fits(name.chars().count()) || !name.chars().all(allowed) {
            let problem = Problem::new(format!("`{name}` cannot be the name of an index"));
            problems.key(&below(path, &[list, name]), problem.expected("expected 3 to 255 letters, digits, . _ -"));
        }
    }
    if !INDEXES.fits(table.indexes.len()) {
        let problem = Problem::new(format!("{} indexes, DynamoDB allows {}", table.indexes.len(), INDEXES.most));
        problems.key(&below(path, &["indexes"]), problem);
    }
}

/// Checks what holds for local indexes alone: they share names and partition key with what is beside them.
fn local_indexes(table: &TableFile, path: &[&str; 2], problems: &mut Problems) {
    let all = below(path, &["local_indexes"]);
    if table.local_indexes.is_empty() {
        return;
    }
    if table.sort_key.is_none() {
        let problem = Problem::new("local indexes of a table without a sort key, which DynamoDB refuses");
        problems.key(&all, problem.help("give the table a sort_key, or declare the index under indexes"));
    }
    if !LOCAL_INDEXES.fits(table.local_indexes.len()) {
        let problem = Problem::new(format!("{} local indexes, DynamoDB allows {}", table.local_indexes.len(), LOCAL_INDEXES.most));
        problems.key(&all, problem.help("declare some under indexes"));
    }
    for name in table.local_indexes.keys().filter(|name| table.indexes.contains_key(*name)) {
        let problem = Problem::new(format!("the table has two indexes of the name `{name}`"));
        problems.key(&below(&all, &[name]), problem.help("rename one"));
    }
}

/// Checks the attributes that indexes include: each index by itself, and all of them together.
fn projections(table: &TableFile, path: &[&str; 2], problems: &mut Problems) {
    let own = [Some(&table.partition_key), table.sort_key.as_ref()];
    let global = table.indexes.iter().map(|(name, index)| {
        let keys = std::iter::once(&index.partition_key).chain(&index.sort_key).flat_map(KeysFile::placed).map(|(_, key)| key);
        ("indexes", name, keys.collect(), &index.projection)
    });
    let local = table.local_indexes.iter().map(|(name, index)| ("local_indexes", name, vec![&index.sort_key], &index.projection));
    let (mut all, mut last) = (0, "indexes");
    for (list, name, keys, projection) in global.chain(local) {
        let ProjectionFile::Include(attributes) = projection else { continue };
        let keys = own.into_iter().flatten().chain(keys);
        included(attributes, keys, &below(path, &[list, name, "projection"]), problems);
        all += attributes.len();
        last = list;
    }
    if !INCLUDED_BY_ALL.fits(all) {
        let problem = Problem::new(format!("the indexes include {all} attributes, DynamoDB allows {} of a table", INCLUDED_BY_ALL.most));
        let problem = problem.help("an attribute counts in each index; projection: ALL includes any number");
        problems.key(&below(path, &[last]), problem);
    }
}

/// Checks the attributes of one index. Its keys and the table's are in every index anyway.
fn included<'a>(attributes: &[String], keys: impl Iterator<Item = &'a KeyFile>, path: &[&str], problems: &mut Problems) {
    if !INCLUDED.fits(attributes.len()) {
        let problem = Problem::new(format!("an index that includes {} attributes", attributes.len()));
        let problem = problem.expected(format!("expected {} to {}, as in {{ include: [title, price] }}", INCLUDED.least, INCLUDED.most));
        problems.key(path, problem);
    }
    let keys: BTreeSet<&str> = keys.map(|key| key.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    for (position, name) in attributes.iter().enumerate() {
        let at = position.to_string();
        let at = below(path, &["include", &at]);
        attribute(name, INCLUDED_NAME, &at, problems);
        let problem = if keys.contains(name.as_str()) {
            Problem::new(format!("`{name}` is a key, which every index has")).help("take it out of the list")
        } else if !seen.insert(name) {
            Problem::new(format!("`{name}` is included twice")).help("take one out of the list")
        } else {
            continue;
        };
        problems.value(&at, problem);
    }
}
