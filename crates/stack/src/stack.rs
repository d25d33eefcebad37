//! A checked stack for one environment: the type that the rest of the program works with.
//!
//! Every value in it is valid: only the checks construct it, and its fields hold values in AWS's form (seconds, megabytes, `CloudWatch`'s units), not
//! as typed.

use crate::names::table_variable;
use crate::sections::reference::{self, Address};
use crate::sections::{Function, Grant, Readers, Route, Stack};
use aws::facts::Names;
use shared::edge::ORIGIN_VERIFY;
use shared::http::ALLOWED_ORIGINS;
use shared::parameters;
use shared::token::READERS;
use std::collections::{BTreeMap, BTreeSet};

/// Variable with the key of digests of a function's secrets; no handler reads it.
pub(crate) const RELEASE_KEY: &str = "LIVEINSIGHT_RELEASE_KEY";

/// Variable that has `lambda_http` leave the stage out of a request's path: a framework that chooses a handler by path then sees the path of the
/// route, not `/dev/…` (`lambda_http` 1.3, `src/request.rs`).
const PATH_WITHOUT_STAGE: &str = "AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH";

/// Routes of the product that liveinsight ships with.
const PRODUCT_ROUTES: [(&str, &str); 3] = [("POST", "/api/events"), ("GET", "/api/realtime"), ("GET", "/api/stats")];

impl Stack {
    /// Returns the physical names of the stack in the account with this number.
    pub fn names(&self, account: &str) -> Names {
        Names::of(&self.project, &self.environment, &self.region, account)
    }

    /// Returns whether any function has a route, and so whether there is an API at all.
    pub fn has_api(&self) -> bool {
        self.functions.values().any(Function::is_routed)
    }

    /// Returns the patterns of the site's requests that may change something.
    pub(crate) fn patterns_taking_data(&self) -> BTreeSet<String> {
        let routes = self.functions.values().flat_map(|function| &function.routes);
        routes.filter(|route| !route.only_reads()).filter_map(Route::pattern_behind_site).collect()
    }

    /// Returns whether the stack counts visitors' events, as the shipped one does: whether it takes `POST /api/events`.
    pub fn counts_events(&self) -> bool {
        self.collector().is_some()
    }

    /// Returns whether a function is one of the shipped product's, which answers one request and does not look at the path.
    fn is_of_product(&self, function: &Function) -> bool {
        let is_one = |route: &Route| PRODUCT_ROUTES.contains(&(route.method.as_str(), route.path.as_str()));
        self.counts_events() && function.routes.iter().all(is_one)
    }

    /// Returns the name of the function that takes events.
    pub fn collector(&self) -> Option<&str> {
        let is_it = |route: &Route| route.method == "POST" && route.path == "/api/events";
        let takes = |function: &Function| function.routes.iter().any(is_it);
        self.functions.iter().find(|(_, function)| takes(function)).map(|(name, _)| name.as_str())
    }

    /// Returns whether `up` generates the secret that the distribution sends to the functions of the API: not if one is declared.
    pub fn makes_origin_secret(&self) -> bool {
        let mut routed = self.functions.values().filter(|function| function.is_routed());
        let declares =
            |function: &Function| function.environment.contains_key(ORIGIN_VERIFY) || function.secrets.contains_key(ORIGIN_VERIFY);
        self.site.is_some() && self.has_api() && self.api.origin_secret && !routed.any(declares)
    }

    /// Returns the variable that `up` generates for a function, with its greatest length in characters. It holds the secrets that the function
    /// accepts from the distribution: two during a rotation. For a function with guessable secrets it holds a key instead.
    pub fn made_variable(&self, function: &str) -> Option<(&'static str, usize)> {
        let function = self.functions.get(function)?;
        if function.is_routed() && self.makes_origin_secret() {
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
    /// not open or closed by default; the user's own values for these two stay. Addresses that AWS chooses have an invented id. Empty for a function
    /// the stack does not have.
    pub fn variables(&self, function: &str, names: &Names) -> BTreeMap<String, String> {
        let Some(function) = self.functions.get(function) else {
            return BTreeMap::new();
        };
        let invented = |address: Address| address.invented(self, names);
        let resolved = |(name, text): (&String, &String)| (name.clone(), reference::resolved(text, self, names, &invented));
        let mut variables: BTreeMap<String, String> = function.environment.iter().map(resolved).collect();
        variables.extend(function.secrets.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))));
        variables.extend(function.parameters.iter().map(|secret| (parameter_variable(secret), names.parameter(secret))));
        variables.insert("ENVIRONMENT".to_owned(), self.environment.clone());
        for Grant { table, .. } in function.reads.iter().chain(&function.writes) {
            variables.insert(table_variable(table), names.table(table));
        }
        if function.is_routed() {
            if !self.is_of_product(function) {
                variables.entry(PATH_WITHOUT_STAGE.to_owned()).or_insert_with(|| "true".to_owned());
            }
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
