//! Secrets that functions take from the environment of the program: whether they are set, and whether the handlers accept their values.

use crate::diagnostic::Problem;
use crate::document::Document;
use crate::mend::Faulty;
use crate::problems::{Findings, Problems};
use crate::sections::Function;
use shared::edge::{Edge, ORIGIN_VERIFY};
use shared::token::{READ_TOKEN_SHA256, Readers};
use std::collections::BTreeMap;

/// Fewest characters of a secret without a warning: 64 bits in hexadecimal digits, too many to try out over a network.
const SHORT: usize = 16;

/// Advice on a command that generates a secret.
const MAKES_ONE: &str = "`openssl rand -hex 32` generates one";

/// Returns a problem for each secret without a value.
pub(crate) fn secrets(functions: &BTreeMap<String, Function>, document: &Document, faulty: &Faulty) -> Vec<Problem> {
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

/// Checks the values of secrets that are set: those that the handlers would refuse at their start, and those that are easy to guess. No value is
/// shown.
pub(crate) fn values(functions: &BTreeMap<String, Function>, document: &Document, faulty: &Faulty) -> Findings {
    let (mut problems, mut warnings) = (Problems::new(document, faulty), Problems::new(document, faulty));
    for (function, declared) in functions {
        let secrets = declared.secrets.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let variables = declared.environment.iter().map(|(name, value)| (name, value, "environment"));
        for (name, value, list) in secrets.map(|(name, value)| (name, value, "secrets")).chain(variables) {
            let path = ["functions", function, list];
            if let Some(wrong) = wrong(name, value) {
                problems.key(&path, Problem::new(format!("`{function}` would not start: {wrong}")));
            } else if list == "secrets" && name != READ_TOKEN_SHA256 && shortest(value) < SHORT {
                let text =
                    format!("the secret {name} of `{function}` has {} characters, and fewer than {SHORT} can be guessed", shortest(value));
                warnings.key(&path, Problem::new(text).help(MAKES_ONE));
            }
        }
    }
    Findings { problems: problems.found, warnings: warnings.found }
}

/// Returns why the handlers refuse a value.
fn wrong(name: &str, value: &str) -> Option<String> {
    match name {
        READ_TOKEN_SHA256 => Readers::parse(Some(value), None).err(),
        ORIGIN_VERIFY => Edge::parse(Some(value), None).err(),
        _ => None,
    }
}

/// Returns the number of characters of a secret, or of the shortest of several with commas between them.
fn shortest(value: &str) -> usize {
    let parts = value.split(',').map(|part| part.trim().chars().count());
    parts.filter(|length| *length > 0).min().unwrap_or_default()
}
