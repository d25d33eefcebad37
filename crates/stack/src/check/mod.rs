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

pub(crate) use environment::environment;
pub use naming::project_name;
pub(crate) use sources::{packages, sources};

use crate::diagnostic::Problem;
use crate::document::Document;
use crate::mend::Faulty;
use crate::problems::Problems;
use crate::sections::{self, StackFile};

/// Returns all problems of a file; `faulty` lists the paths that are not as written.
pub(crate) fn file(file: &StackFile, document: &Document, faulty: &Faulty) -> Vec<Problem> {
    let mut problems = Problems::new(document, faulty);
    naming::check(file, &mut problems);
    sections::check(file, &mut problems);
    boundary::check(file, &mut problems);
    outputs::check(file, &mut problems);
    problems.found
}
