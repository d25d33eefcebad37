//! The crates and pages a stack is made of: are they there? The only check that looks at the disk.

use std::path::Path;

use super::super::diagnostic::Problem;
use super::super::document::Document;
use super::super::model::Stack;
use super::Problems;

/// All problems of the sources a stack is made of.
pub(in super::super) fn sources(stack: &Stack, document: &Document) -> Vec<Problem> {
    let mut problems = Problems { document, found: Vec::new() };
    for (name, function) in &stack.functions {
        let path = ["functions", name.as_str(), "source"];
        let directory = stack.root.join(&function.source);
        let shown = function.source.display();
        if !directory.is_dir() {
            let problem = Problem::new(format!("there is no directory `{shown}`"));
            problems.value(&path, neighbours(problem, &directory, &function.source));
        } else if !directory.join("Cargo.toml").is_file() {
            let problem = Problem::new(format!("`{shown}` is not a crate: it has no Cargo.toml"));
            problems.value(&path, problem.help("name the directory of the function's own crate"));
        }
    }
    if let Some(site) = &stack.site {
        let directory = stack.root.join(&site.source);
        let shown = site.source.display();
        if !directory.is_dir() {
            let problem = Problem::new(format!("there is no directory `{shown}`"));
            problems.value(&["site", "source"], neighbours(problem, &directory, &site.source));
            return problems.found;
        }
        let single = [("index", Some(&site.index)), ("error_page", site.error_page.as_ref())];
        let single = single.into_iter().filter_map(|(key, page)| Some((vec!["site", key], page?)));
        let outputs = site.outputs.iter().map(|(name, page)| (vec!["site", "outputs", name], page));
        for (path, page) in single.chain(outputs) {
            if !directory.join(page).is_file() {
                let problem = Problem::new(format!("there is no page `{page}` in `{shown}`"));
                problems.value(&path, problem.help("the path is relative to `source`"));
            }
        }
    }
    problems.found
}

/// Suggests the directory with the nearest name among those beside the missing one.
fn neighbours(problem: Problem, missing: &Path, written: &Path) -> Problem {
    let beside = missing.parent().and_then(|parent| parent.read_dir().ok()).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        beside.filter(|entry| entry.path().is_dir()).filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wrong = missing.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match super::super::diagnostic::nearest(&wrong, &names) {
        Some(name) => problem.help(format!("did you mean `{}`?", written.with_file_name(name).display())),
        None => problem.help("the path is relative to stack.yaml"),
    }
}
