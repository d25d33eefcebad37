//! Crates and pages of a stack: checks that they exist. No other check reads the disk.

use crate::diagnostic::Problem;
use crate::document::Document;
use crate::mend::Faulty;
use crate::problems::{Problems, below};
use crate::sections::{FunctionFile, SiteFile, StackFile, binaries, features, source as malformed};
use std::path::Path;

/// Returns all problems of a stack's sources; their paths are relative to `root`.
pub(crate) fn sources(file: &StackFile, root: &Path, document: &Document, faulty: &Faulty) -> Vec<Problem> {
    let mut problems = Problems::new(document, faulty);
    for (name, function) in &file.functions {
        self::function(name, function, root, &mut problems);
    }
    if let Some(site) = &file.site {
        self::site(site, root, &mut problems);
    }
    problems.found
}

/// Returns the problems of packages that are not there. Something else builds them, which a command that only compares does not need.
pub(crate) fn packages(file: &StackFile, root: &Path, document: &Document, faulty: &Faulty) -> Vec<Problem> {
    let mut problems = Problems::new(document, faulty);
    for (name, function) in &file.functions {
        let missing = |package: &&String| malformed(package).is_none() && !root.join(package).is_file();
        if let Some(package) = function.package.as_ref().filter(missing) {
            let problem = Problem::new(format!("there is no file `{package}`"));
            problems.value(&["functions", name, "package"], problem.help("build it first; the path is relative to stack.yaml"));
        }
    }
    problems.found
}

fn function(name: &str, function: &FunctionFile, root: &Path, problems: &mut Problems) {
    let path = ["functions", name];
    let Some(shown) = function.source.as_deref().filter(|source| malformed(source).is_none()) else { return };
    let directory = root.join(shown);
    if !directory.is_dir() {
        let problem = Problem::new(format!("there is no directory `{shown}`"));
        problems.value(&below(&path, &["source"]), neighbours(problem, &directory, Path::new(shown)));
    } else if !directory.join("Cargo.toml").is_file() {
        let problem = Problem::new(format!("`{shown}` is not a crate: it has no Cargo.toml"));
        problems.value(&below(&path, &["source"]), problem.help("name the directory of the function's own crate"));
    } else {
        of_crate(&directory, shown, function, &path, problems);
    }
}

/// Checks what a function names in its crate, as far as the crate's manifest shows.
fn of_crate(directory: &Path, shown: &str, function: &FunctionFile, path: &[&str], problems: &mut Problems) {
    if let (Some(wanted), Some(known)) = (&function.binary, binaries(directory))
        && !known.contains(wanted)
    {
        let problem = Problem::new(format!("the crate in `{shown}` has no binary `{wanted}`"));
        problems.value(&below(path, &["binary"]), problem.known(wanted, known.iter().map(String::as_str)));
    }
    let known = features(directory);
    // Features of a dependency are cargo's to check.
    for wanted in function.features.iter().filter(|feature| !feature.contains('/')) {
        if let Some(known) = known.as_ref().filter(|known| !known.contains(wanted)) {
            let problem = Problem::new(format!("the crate in `{shown}` has no feature `{wanted}`"));
            problems.value(&below(path, &["features"]), problem.known(wanted, known.iter().map(String::as_str)));
        }
    }
    for (index, include) in function.include.iter().enumerate().filter(|(_, include)| !directory.join(include).exists()) {
        let problem = Problem::new(format!("there is no `{include}` in `{shown}`"));
        problems.value(&below(path, &["include", &index.to_string()]), problem.help("the path is relative to the crate's directory"));
    }
}

fn site(site: &SiteFile, root: &Path, problems: &mut Problems) {
    if malformed(&site.source).is_some() {
        return;
    }
    let directory = root.join(&site.source);
    let shown = &site.source;
    if !directory.is_dir() {
        let problem = Problem::new(format!("there is no directory `{shown}`"));
        problems.value(&["site", "source"], neighbours(problem, &directory, Path::new(shown)));
        return;
    }
    let single = [("index", Some(site.index())), ("error_page", site.error_page.as_deref())];
    let single = single.into_iter().filter_map(|(key, page)| Some((vec!["site", key], page?)));
    let outputs = site.outputs.iter().map(|(name, page)| (vec!["site", "outputs", name], page.as_str()));
    for (path, page) in single.chain(outputs) {
        if !page.is_empty() && !directory.join(page).is_file() {
            let problem = Problem::new(format!("there is no page `{page}` in `{shown}`"));
            problems.value(&path, problem.help("the path is relative to `source`"));
        }
    }
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
