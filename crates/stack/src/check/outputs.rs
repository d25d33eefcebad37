//! Outputs: every name that `outputs` prints means one thing.

use crate::diagnostic::Problem;
use crate::names::{API_OUTPUTS, SITE_OUTPUTS, function_output, function_url_output, script_output, table_output};
use crate::problems::Problems;
use crate::sections::StackFile;
use std::collections::BTreeMap;

/// Names taken so far, each with its meaning.
type Taken = BTreeMap<String, String>;

pub(crate) fn check(file: &StackFile, problems: &mut Problems) {
    let mut taken = Taken::new();
    for table in file.tables.keys() {
        taken.insert(table_output(table), format!("the table `{table}`"));
    }
    let mut spelt: BTreeMap<String, &str> = BTreeMap::new();
    for function in file.functions.keys() {
        let output = function_output(function);
        let other = taken.insert(output.clone(), format!("the function `{function}`"));
        // Names that differ only by case have a problem of their own.
        if spelt.insert(function.to_lowercase(), function).is_none()
            && let Some(other) = other
        {
            let problem = Problem::new(format!("{other} and `{function}` have the same output"));
            problems.key(&["functions", function], problem.help(format!("`outputs` prints both as {output}: rename one")));
        }
    }
    taken.extend(file.functions.keys().map(|name| (function_url_output(name), format!("the URL of the function `{name}`"))));
    let Some(site) = &file.site else { return };
    taken.extend(SITE_OUTPUTS.map(|name| (name.to_owned(), "the site".to_owned())));
    taken.extend(API_OUTPUTS.map(|name| (name.to_owned(), "the API".to_owned())));
    let mut scripts: BTreeMap<String, &str> = BTreeMap::new();
    for (name, page) in &site.outputs {
        let path = ["site", "outputs", name.as_str()];
        if let Some(owner) = taken.get(name) {
            let problem = Problem::new(format!("`{name}` is an output of {owner} already"));
            problems.key(&path, problem.help("choose another name for the page"));
        }
        // A script has a second output, and a page's output may take its place.
        let Some(tag) = script_output(name, page).filter(|tag| !site.outputs.contains_key(tag)) else { continue };
        if let Some(other) = scripts.insert(tag.clone(), name) {
            let problem = Problem::new(format!("the scripts `{other}` and `{name}` have the same output"));
            problems.key(&path, problem.help(format!("`outputs` prints the tags of both as {tag}: rename one")));
        }
    }
}
