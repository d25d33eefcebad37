//! Checks of the site: directory, pages, names of outputs, headers.

use super::headers;
use crate::diagnostic::Problem;
use crate::problems::Problems;
use crate::sections::{StackFile, source};
use std::path::{Component, Path};

/// Checks the site, if there is one.
pub(crate) fn check(file: &StackFile, problems: &mut Problems) {
    let Some(site) = &file.site else { return };
    let parts = || Path::new(&site.source).components();
    let inside = parts().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        && parts().any(|part| matches!(part, Component::Normal(_)));
    if let Some(problem) = source(&site.source) {
        problems.value(&["site", "source"], problem);
    } else if !inside {
        let problem = Problem::new(format!("the site cannot be `{}`", site.source))
            .expected("expected a directory below the one of stack.yaml")
            .help("everything in it is published");
        problems.value(&["site", "source"], problem);
    }
    for name in site.outputs.keys() {
        let sound = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !sound {
            let problem = Problem::new(format!("`{name}` cannot be the name of an output"));
            problems.key(&["site", "outputs", name], problem.expected("expected lower-case letters, digits and _, as in tracker_url"));
        }
    }
    headers::check(&site.headers, problems);
    let single = [("index", &site.index), ("error_page", &site.error_page)];
    let single = single.into_iter().filter_map(|(key, page)| Some((vec!["site", key], page.as_ref()?)));
    let outputs = site.outputs.iter().map(|(name, page)| (vec!["site", "outputs", name], page));
    for (path, page) in single.chain(outputs) {
        let sound = !page.is_empty() && page.split('/').all(|part| !part.is_empty() && part != ".." && part != ".");
        if !sound {
            let problem = Problem::new(format!("`{page}` is not a page of the site"));
            problems.value(&path, problem.expected("expected a path inside `source`, as in index.html"));
        }
    }
}
