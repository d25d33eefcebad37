//! Problems of a file, each on its line.

use crate::diagnostic::Problem;
use crate::document::Document;
use crate::mend::Faulty;

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

/// Problems and warnings of one environment.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Values that AWS refuses.
    pub(crate) problems: Vec<Problem>,
    /// Settings with a surprising effect, or that work only after AWS raised a quota.
    pub(crate) warnings: Vec<Problem>,
}

/// Returns a path below another.
pub(crate) fn below<'path>(base: &[&'path str], rest: &[&'path str]) -> Vec<&'path str> {
    [base, rest].concat()
}
