//! A checked stack for one environment: the type that the rest of the program works with.
//!
//! Every value in it is valid: only the checks construct it, and its fields hold values in AWS's form (seconds, megabytes, `CloudWatch`'s units), not
//! as typed.

use crate::names::table_variable;
use crate::sections::{Function, Grant, Readers, Route, Stack};
use aws::facts::Names;
use shared::edge::ORIGIN_VERIFY;
use shared::http::ALLOWED_ORIGINS;
use shared::parameters;
use shared::token::READERS;
use std::collections::{BTreeMap, BTreeSet};

/// Variable with the key of digests of a function's secrets; no handler reads it.
pub(crate) const RELEASE_KEY: &str = "LIVEINSIGHT_RELEASE_KEY";

impl Stack {
    /// Returns the physical names of the stack in the account with this number.
    pub fn names(&self, account: &str) -> Names {
        Names::of(&self.project, &self.environment, &self.region, account)
    }

    /// Returns whether any function has a route, and so whether there is an API at all.
    pub fn has_api(&self) -> bool {
        self.functions.values().any(|function| function.route.is_some())
    }

    /// Returns whether the stack counts visitors' events, as the shipped one does: whether it takes `POST /api/events`.
    pub fn counts_events(&self) -> bool {
        self.collector().is_some()
    }

    /// Returns the name of the function that takes events.
    pub fn collector(&self) -> Option<&str> {
        let is_it = |route: &Route| route.method == "POST" && route.path == "/api/events";
        let takes = |function: &Function| function.route.as_ref().is_some_and(is_it);
        self.functions.iter().find(|(_, function)| takes(function)).map(|(name, _)| name.as_str())
    }

    /// Returns whether `up` generates the secret that the distribution sends to the functions of the API: not if one is declared.
    pub fn makes_origin_secret(&self) -> bool {
        let mut routed = self.functions.values().filter(|function| function.route.is_some());
        let declares =
            |function: &Function| function.environment.contains_key(ORIGIN_VERIFY) || function.secrets.contains_key(ORIGIN_VERIFY);
        self.site.is_some() && self.has_api() && self.api.origin_secret && !routed.any(declares)
    }

    /// Returns the variable that `up` generates for a function, with its greatest length in characters. It holds the secrets that the function
    /// accepts from the distribution: two during a rotation. For a function with guessable secrets it holds a key instead.
    pub fn made_variable(&self, function: &str) -> Option<(&'static str, usize)> {
        let function = self.functions.get(function)?;
        if function.route.is_some() && self.makes_origin_secret() {
            return Some((ORIGIN_VERIFY, 129));
        }
        (!function.secrets.is_empty()).then_some((RELEASE_KEY, 64))
    }

    /// Returns the names of all secrets, wherever their values are from.
    pub fn secrets(&self) -> BTreeSet<String> {
        self.functions.values().flat_map(|function| function.secrets.keys().chain(&function.parameters).cloned()).collect()
    }

    /// Returns the secrets without a value, with their functions.
    pub fn unset_secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        self.functions.iter().flat_map(|(function, declared)| {
            let unset = declared.secrets.iter().filter(|(_, value)| value.is_none());
            unset.map(move |(secret, _)| (function.as_str(), secret.as_str()))
        })
    }

    /// Returns the complete environment of one function: the user's own variables, its secrets or the names of their parameters, `ENVIRONMENT`, and
    /// the physical name of each table it may use. With a route it also has the allowed callers (`ALLOWED_ORIGINS`, `READERS`), as far as that is
    /// not open or closed by default; the user's own values for these two stay. Empty for a function the stack does not have.
    pub fn variables(&self, function: &str, names: &Names) -> BTreeMap<String, String> {
        let Some(function) = self.functions.get(function) else {
            return BTreeMap::new();
        };
        let mut variables = function.environment.clone();
        variables.extend(function.secrets.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))));
        variables.extend(function.parameters.iter().map(|secret| (parameter_variable(secret), names.parameter(secret))));
        variables.insert("ENVIRONMENT".to_owned(), self.environment.clone());
        for Grant { table, .. } in function.reads.iter().chain(&function.writes) {
            variables.insert(table_variable(table), names.table(table));
        }
        if function.route.is_some() {
            if let Some(cors) = self.api.cors.as_ref().filter(|cors| !cors.origins.iter().any(|origin| origin == "*")) {
                variables.entry(ALLOWED_ORIGINS.to_owned()).or_insert_with(|| cors.origins.join(","));
            }
            if self.readers == Readers::Public {
                variables.entry(READERS.to_owned()).or_insert_with(|| "public".to_owned());
            }
        }
        variables
    }
}

/// Returns the variable with the name of the parameter of a secret: `TOKEN_SECRET_PARAMETER` for `TOKEN_SECRET`.
fn parameter_variable(secret: &str) -> String {
    format!("{secret}{}", parameters::SUFFIX)
}
