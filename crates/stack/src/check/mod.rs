//! Refuses values early, on their line, that AWS would refuse later.
//!
//! Every check covers the whole file, all environments included, and collects problems instead of stopping at the first: a name that is too long
//! for `prod` shows while working on `dev`. The types of the file and the parsers of single values (`route`, `alarm`, `values`) refuse some values
//! by themselves, which is not repeated here.

mod boundary;
mod environment;
mod naming;
mod outputs;
mod sources;

pub(crate) use environment::{Findings, environment};
pub use naming::project_name;
pub(crate) use naming::region;
pub(crate) use sources::sources;

use crate::diagnostic::Problem;
use crate::document::Document;
use crate::mend::Faulty;
use crate::sections::{self, EnvironmentFile, StackFile};

/// Returns all problems of a file; `faulty` lists the paths that are not as written.
pub(crate) fn file(file: &StackFile, document: &Document, faulty: &Faulty) -> Vec<Problem> {
    let mut problems = Problems::new(document, faulty);
    naming::check(file, &mut problems);
    sections::check(file, &mut problems);
    boundary::check(file, &mut problems);
    outputs::check(file, &mut problems);
    problems.found
}

/// Problems found so far, with the document that knows the positions.
pub(crate) struct Problems<'document> {
    pub(crate) document: &'document Document,
    faulty: &'document Faulty,
    pub(crate) found: Vec<Problem>,
}

impl<'document> Problems<'document> {
    pub(crate) fn new(document: &'document Document, faulty: &'document Faulty) -> Self {
        Self { document, faulty, found: Vec::new() }
    }

    /// Adds a problem with the key at a path, or with everything under it.
    pub(crate) fn key(&mut self, path: &[&str], problem: Problem) {
        if !self.faulty.covers(path) {
            self.found.push(problem.at(self.document.key(path)));
        }
    }

    /// Adds a problem with the value at a path.
    pub(crate) fn value(&mut self, path: &[&str], problem: Problem) {
        if !self.faulty.covers(path) {
            self.found.push(problem.at(self.document.value(path)));
        }
    }

    /// Tests whether the value at a path is reliable: it may be a stand-in for one that could not be read.
    pub(crate) fn is_known(&self, path: &[&str]) -> bool {
        !self.faulty.touches(path)
    }

    /// Tests whether the keys at a path are as written, even if their values are faulty.
    pub(crate) fn knows_names(&self, path: &[&str]) -> bool {
        !self.faulty.covers(path)
    }
}

/// Returns the environments with overrides, by name.
pub(crate) fn overrides(file: &StackFile) -> impl Iterator<Item = (&str, &EnvironmentFile)> {
    file.environments.iter().filter_map(|(name, overrides)| Some((name.as_str(), overrides.as_ref()?)))
}

/// Returns a path below another.
pub(crate) fn below<'path>(base: &[&'path str], rest: &[&'path str]) -> Vec<&'path str> {
    [base, rest].concat()
}
