//! `reads` and `writes`: tables, operations by name, indexes and keys.

use crate::diagnostic::Problem;
use crate::problems::{Problems, below};
use crate::sections::functions::grant::{GrantFile, OperationsFile};
use crate::sections::tables::TableFile;
use crate::sections::{FunctionFile, KeyType, Operation, StackFile};

/// List of a function with its operations.
struct List {
    name: &'static str,
    operations: &'static [Operation],
    /// Name of the other list, and the verb for its operations.
    other: (&'static str, &'static str),
}

const LISTS: [List; 2] = [
    List { name: "reads", operations: &Operation::READS, other: ("writes", "writes") },
    List { name: "writes", operations: &Operation::WRITES, other: ("reads", "reads") },
];

pub(crate) fn check(file: &StackFile, function: &FunctionFile, path: &[&str], problems: &mut Problems) {
    for (list, grants) in LISTS.iter().zip([&function.reads, &function.writes]) {
        for (index, grant) in grants.iter().enumerate() {
            let index = index.to_string();
            let path = below(path, &[list.name, &index]);
            match grant {
                GrantFile::All(table) => {
                    if let Some(problem) = unknown_table(file, table, problems) {
                        problems.value(&path, problem);
                    }
                }
                GrantFile::Named(tables) if tables.is_empty() => {
                    let problem = Problem::new("no table is named");
                    problems.value(&path, problem.expected(format!("expected as in {{ orders: [{}] }}", list.operations[0].as_str())));
                }
                GrantFile::Named(tables) => {
                    for (table, operations) in tables {
                        let path = below(&path, &[table]);
                        if let Some(problem) = unknown_table(file, table, problems) {
                            problems.key(&path, problem);
                        }
                        named(list, operations, file.tables.get(table), &path, problems);
                    }
                }
            }
        }
    }
}

fn unknown_table(file: &StackFile, name: &str, problems: &Problems) -> Option<Problem> {
    let is_unknown = !file.tables.contains_key(name) && problems.knows_names(&["tables"]);
    is_unknown.then(|| Problem::new(format!("there is no table `{name}`")).known(name, file.tables.keys().map(String::as_str)))
}

fn named(list: &List, written: &OperationsFile, table: Option<&TableFile>, path: &[&str], problems: &mut Problems) {
    let names = match written {
        OperationsFile::Short(_) => path.to_vec(),
        OperationsFile::Long(_) => below(path, &["operations"]),
    };
    let operations = written.operations();
    if operations.names.is_empty() {
        let known: Vec<&str> = list.operations.iter().map(|operation| operation.as_str()).collect();
        problems.key(&names, Problem::new("no operation is allowed").expected(format!("expected some of {}", known.join(", "))));
    }
    for (index, name) in operations.names.iter().enumerate() {
        if let Some(problem) = operation(list, name) {
            problems.value(&below(&names, &[&index.to_string()]), problem);
        }
    }
    let has = |wanted: fn(Operation) -> bool| operations.names.iter().filter_map(|name| Operation::named(name)).any(wanted);
    for (index, name) in operations.indexes.iter().enumerate() {
        let Some(table) = table else { continue };
        let problem = if !table.index_names().any(|known| known == name) {
            Problem::new(format!("the table has no index `{name}`")).known(name, table.index_names())
        } else if !has(Operation::takes_index) {
            Problem::new("none of these operations can be sent to an index").help("add Query or Scan, or leave indexes out")
        } else {
            continue;
        };
        problems.value(&below(path, &["indexes", &index.to_string()]), problem);
    }
    if operations.keys.is_empty() {
        return;
    }
    let problem = if has(|operation| operation == Operation::Scan) {
        Some(Problem::new("Scan reads items of all keys").help("take it out of this entry, or leave keys out"))
    } else if !operations.indexes.is_empty() {
        Some(Problem::new("an index has keys of its own").help("name the index in an entry without keys"))
    } else if table.is_some_and(|table| table.partition_key.kind != KeyType::S) {
        Some(Problem::new("the table's partition key is no string").help("leave keys out"))
    } else {
        None
    };
    if let Some(problem) = problem {
        problems.key(&below(path, &["keys"]), problem);
    }
    for (index, key) in operations.keys.iter().enumerate() {
        if key.is_empty() || key.contains("${") {
            let problem = Problem::new(format!("`{key}` cannot be a pattern of keys"));
            let problem = problem.expected("expected text such as day#*, with * for any characters and without ${");
            problems.value(&below(path, &["keys", &index.to_string()]), problem);
        }
    }
}

/// Returns the problem of an operation's name, without a position.
fn operation(list: &List, name: &str) -> Option<Problem> {
    match Operation::named(name) {
        Some(operation) if list.operations.contains(&operation) => None,
        Some(_) => {
            let (other, does) = list.other;
            Some(Problem::new(format!("`{name}` {does}, and this list is `{}`", list.name)).help(format!("name it under {other}")))
        }
        None => {
            let known = list.operations.iter().map(|operation| operation.as_str());
            Some(Problem::new(format!("DynamoDB has no operation `{name}` that {}", list.name)).known(name, known))
        }
    }
}
