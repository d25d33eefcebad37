//! The calls that kinds and other code list, compared with the sources: they are every operation that is called, and no other.

use liveinsight::resources::all_calls;
use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn the_lists_have_exactly_the_operations_that_are_called() {
    let mut called = BTreeSet::new();
    for directory in ["src", "crates"] {
        collect(&test_support::workspace().join(directory), &mut called);
    }
    let listed: BTreeSet<String> = all_calls().map(|call| call.operation.to_owned()).collect();
    let missing: Vec<_> = called.difference(&listed).collect();
    let idle: Vec<_> = listed.difference(&called).collect();
    assert!(missing.is_empty() && idle.is_empty(), "listed nowhere: {missing:?}; called nowhere: {idle:?}");
}

/// Collects the operations in every `.read("…"`, `.write("…"` and `.pages("…"` below a directory, and the operation of lines, which has a name.
fn collect(directory: &Path, called: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, called);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for call in [".read(", ".write(", ".pages(", "const FILTER: &str ="] {
                for rest in text.split(call).skip(1) {
                    let operation = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                    called.extend(operation.filter(|operation| operation.contains(':')).map(str::to_owned));
                }
            }
        }
    }
}
