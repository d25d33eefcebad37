//! The secrets that functions take from the environment of the program: are they set?

use std::collections::BTreeMap;

use super::super::diagnostic::Problem;
use super::super::document::Document;
use super::super::mend::Faulty;
use super::super::model::Function;
use super::Problems;

/// Returns a problem for each secret without a value.
pub(in super::super) fn secrets(functions: &BTreeMap<String, Function>, document: &Document, faulty: &Faulty) -> Vec<Problem> {
    let mut problems = Problems::new(document, faulty);
    for (function, declared) in functions {
        for name in declared.secrets.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name) {
            let problem = Problem::new(format!("the environment variable {name}, a secret of `{function}`, is not set"));
            let problem = problem.help(format!("set {name} where the program runs, or take it out of secrets"));
            problems.key(&["functions", function, "secrets"], problem);
        }
    }
    problems.found
}
