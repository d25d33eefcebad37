//! What AWS would refuse later, refused here, on its line.
//!
//! Every check looks at the whole file, all environments included, and collects problems instead of stopping at the first:
//! a name that is too long for `prod` shows while working on `dev`. What the types of the file and the readers of single
//! values (`route`, `alarm`, `values`) refuse by themselves is not repeated here.

mod functions;
mod naming;
mod services;
mod sources;
mod tables;

pub(super) use naming::region;
pub(super) use sources::sources;

use super::diagnostic::Problem;
use super::document::Document;
use super::file::{EnvironmentFile, StackFile};

/// All problems of a file.
pub(super) fn file(file: &StackFile, document: &Document) -> Vec<Problem> {
    let mut problems = Problems { document, found: Vec::new() };
    naming::check(file, &mut problems);
    tables::check(file, &mut problems);
    functions::check(file, &mut problems);
    services::check(file, &mut problems);
    problems.found
}

/// Problems found so far, with the document that knows where things are.
struct Problems<'document> {
    document: &'document Document,
    found: Vec<Problem>,
}

impl Problems<'_> {
    /// A problem with the key at a path, or with all that is under it.
    fn key(&mut self, path: &[&str], problem: Problem) {
        self.found.push(problem.at(self.document.key(path)));
    }

    /// A problem with the value at a path.
    fn value(&mut self, path: &[&str], problem: Problem) {
        self.found.push(problem.at(self.document.value(path)));
    }
}

/// The environments that override something, by name.
fn overrides(file: &StackFile) -> impl Iterator<Item = (&str, &EnvironmentFile)> {
    file.environments.iter().filter_map(|(name, overrides)| Some((name.as_str(), overrides.as_ref()?)))
}

/// A path below another.
fn below<'path>(base: &[&'path str], rest: &[&'path str]) -> Vec<&'path str> {
    [base, rest].concat()
}
