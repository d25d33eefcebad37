//! Rules of docs/architecture.md that crate boundaries do not enforce: no cycle of modules, and no kind named outside its own
//! file.

use liveinsight::resources::KINDS;
use regex::Regex;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

/// Source directories of the program and its crates.
const CRATES: [&str; 5] = ["src", "crates/engine/src", "crates/aws/src", "crates/resources/src", "crates/stack/src"];

/// Reads the sources below a directory, without comments and tests, by relative path.
fn sources(directory: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let (comment, tests) = (Regex::new(r"(?m)//.*$").unwrap(), Regex::new(r"(?s)#\[cfg\(test\)\]\s*(pub\(\S+\) )?mod \w+ \{.*").unwrap());
    let files = WalkDir::new(&root).into_iter().map(Result::unwrap).filter(|file| file.path().extension().is_some_and(|end| end == "rs"));
    let source = |file: walkdir::DirEntry| {
        let path = file.path().strip_prefix(&root).unwrap().to_owned();
        let is_test = path.to_string_lossy().ends_with("tests.rs");
        let text = fs::read_to_string(file.path()).unwrap();
        let text = tests.replace(&comment.replace_all(&text, ""), "").into_owned();
        (!is_test).then_some((path, text))
    };
    files.filter_map(source).collect()
}

/// Returns the modules of a crate that each of its modules uses.
fn uses(directory: &str) -> BTreeMap<String, BTreeSet<String>> {
    let (path, group) = (Regex::new(r"\bcrate::(\w+)").unwrap(), Regex::new(r"use crate::\{").unwrap());
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in sources(directory) {
        let module = file.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let used = uses.entry(module.clone()).or_default();
        used.extend(path.captures_iter(&text).map(|found| found[1].to_owned()));
        for start in group.find_iter(&text) {
            used.extend(heads(&text[start.end()..]));
        }
        used.remove(&module);
    }
    let modules: BTreeSet<String> = uses.keys().cloned().collect();
    for used in uses.values_mut() {
        used.retain(|name| modules.contains(name));
    }
    uses
}

/// Returns the first names of the paths in a group of imports; the text begins after its brace.
fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut name, mut heads) = (0, String::new(), Vec::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(std::mem::take(&mut name)),
            _ if depth == 0 => name.push(c),
            _ => {}
        }
    }
    heads.push(name);
    heads.iter().filter_map(|path| path.trim().split("::").next()).filter(|head| !head.is_empty()).map(str::to_owned).collect()
}

#[test]
fn modules_use_each_other_in_one_direction() {
    for directory in CRATES {
        let mut left = uses(directory);
        assert!(left.len() > 1, "{directory} has no modules");
        // Modules without remaining dependencies are removed, until none is left or the rest forms cycles.
        loop {
            let free: Vec<String> = left.iter().filter(|(_, used)| used.is_empty()).map(|(module, _)| module.clone()).collect();
            if free.is_empty() {
                break;
            }
            left.retain(|module, _| !free.contains(module));
            for used in left.values_mut() {
                used.retain(|module| !free.contains(module));
            }
        }
        assert!(left.is_empty(), "{directory} has circles of modules, among these: {left:?}");
    }
}

#[test]
fn a_kind_is_named_in_its_own_file_only() {
    for directory in CRATES {
        for (file, text) in sources(directory) {
            for kind in KINDS {
                let own = Path::new(&kind.name.replace('.', "/")).with_extension("rs");
                let is_named = text.contains(&format!("\"{}\"", kind.name)) || text.contains(&format!("\"{}/", kind.name));
                assert!(!is_named || file == own, "{directory}/{} names {}", file.display(), kind.name);
            }
        }
    }
}
