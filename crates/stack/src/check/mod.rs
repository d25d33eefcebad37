//! Refuses values early, on their line, that AWS would refuse later.
//!
//! Every check covers the whole file, all environments included, and collects problems instead of stopping at the first: a name that is too long
//! for `prod` shows while working on `dev`. The types of the file and the parsers of single values (`route`, `alarm`, `values`) refuse some values
//! by themselves, which is not repeated here.

mod boundary;
mod environment;
mod functions;
mod grants;
mod naming;
mod outputs;
mod parameters;
mod secrets;
mod services;
mod sources;
mod tables;

pub(super) use environment::{Findings, environment};
pub use naming::project_name;
pub(super) use naming::region;
pub(super) use secrets::{secrets, values};
pub(super) use sources::sources;

use super::diagnostic::Problem;
use super::document::Document;
use super::file::{EnvironmentFile, StackFile};
use super::mend::Faulty;

/// Returns all problems of a file; `faulty` lists the paths that are not as written.
pub(super) fn file(file: &StackFile, document: &Document, faulty: &Faulty) -> Vec<Problem> {
    let mut problems = Problems::new(document, faulty);
    naming::check(file, &mut problems);
    tables::check(file, &mut problems);
    functions::check(file, &mut problems);
    parameters::check(file, &mut problems);
    services::check(file, &mut problems);
    outputs::check(file, &mut problems);
    problems.found
}

/// Problems found so far, with the document that knows the positions.
struct Problems<'document> {
    document: &'document Document,
    faulty: &'document Faulty,
    found: Vec<Problem>,
}

impl<'document> Problems<'document> {
    fn new(document: &'document Document, faulty: &'document Faulty) -> Self {
        Self { document, faulty, found: Vec::new() }
    }

    /// Adds a problem with the key at a path, or with everything under it.
    fn key(&mut self, path: &[&str], problem: Problem) {
        if !self.faulty.covers(path) {
            self.found.push(problem.at(self.document.key(path)));
        }
    }

    /// Adds a problem with the value at a path.
    fn value(&mut self, path: &[&str], problem: Problem) {
        if !self.faulty.covers(path) {
            self.found.push(problem.at(self.document.value(path)));
        }
    }

    /// Tests whether the value at a path is reliable: it may be a stand-in for one that could not be read.
    fn is_known(&self, path: &[&str]) -> bool {
        !self.faulty.touches(path)
    }

    /// Tests whether the keys at a path are as written, even if their values are faulty.
    fn knows_names(&self, path: &[&str]) -> bool {
        !self.faulty.covers(path)
    }
}

/// Returns the environments with overrides, by name.
fn overrides(file: &StackFile) -> impl Iterator<Item = (&str, &EnvironmentFile)> {
    file.environments.iter().filter_map(|(name, overrides)| Some((name.as_str(), overrides.as_ref()?)))
}

/// Returns a path below another.
fn below<'path>(base: &[&'path str], rest: &[&'path str]) -> Vec<&'path str> {
    [base, rest].concat()
}
