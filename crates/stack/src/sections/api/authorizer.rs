//! `api.authorizers`: functions and user pools that decide whether a caller may use a route.

use super::check::is_token;
use crate::diagnostic::Problem;
use crate::limits::DECISION_CACHE;
use crate::problems::{Problems, below};
use crate::sections::reference::{self, Scope};
use crate::sections::{StackFile, Values, empty_is_default};
use crate::values::Seconds;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Default source of what identifies a caller.
const HEADER: &str = "header.Authorization";

/// End of the name that an authorizer with user pools has at API Gateway, which cannot turn one that asks a function into one with user pools: so a
/// change of that sort makes another authorizer.
pub(super) const OF_USER_POOLS: &str = "-user-pools";

/// Default time for which a decision is cached, which is API Gateway's own.
const CACHE: Seconds = Seconds(300);

/// Function or user pools that decide whether a caller may use a route. Functions name it under `authorizer`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorizerFile {
    /// Function that decides. It answers with an IAM policy, which should allow all requests that the caller may make: a cached decision counts for
    /// all routes with this authorizer.
    pub function: Option<String>,
    /// Event of the function: `token` holds one header, `request` the whole request. Default: `token`.
    #[serde(rename = "type")]
    pub kind: Option<AuthorizerType>,
    /// ARNs of Amazon Cognito user pools whose tokens are accepted, in place of a function.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub user_pools: Vec<String>,
    /// Parts of a request that identify the caller: `header.NAME`, and for the type `request` also `query.NAME`. Requests without them are
    /// answered with 401. Default: header.Authorization.
    pub from: Option<Values>,
    /// Time for which a decision of the function is cached, up to 1h; 0s asks it for every request. Default: 5m.
    pub cache: Option<Seconds>,
}

/// Event of an authorizer's function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuthorizerType {
    /// Header of the request.
    Token,
    /// Request as a whole.
    Request,
}

/// Authorizer: decides whether a caller may use a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorizer {
    /// Function or user pools that decide.
    pub decider: Decider,
    /// Parts of a request that identify the caller.
    pub from: Vec<Identity>,
}

/// Function or user pools that decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decider {
    /// A function of the stack.
    Function {
        /// Logical name of the function.
        name: String,
        /// Set if it sees the whole request, and not one header alone.
        sees_request: bool,
        /// Time for which a decision is cached, in seconds.
        cache: u32,
    },
    /// Amazon Cognito, by the ARNs of user pools, which may have references.
    UserPools(BTreeSet<String>),
}

/// Part of a request that identifies its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Header of this name.
    Header(String),
    /// Query parameter of this name.
    Query(String),
}

impl Identity {
    fn parse(text: &str) -> Option<Self> {
        let (place, name) = text.split_once('.')?;
        match place {
            "header" if is_token(name) => Some(Self::Header(name.to_owned())),
            "query" if is_token(name) => Some(Self::Query(name.to_owned())),
            _ => None,
        }
    }

    /// Returns the part as API Gateway writes it.
    pub(crate) fn source(&self) -> String {
        match self {
            Self::Header(name) => format!("method.request.header.{name}"),
            Self::Query(name) => format!("method.request.querystring.{name}"),
        }
    }
}

impl Authorizer {
    /// Returns the function that decides, if it is one.
    pub fn function(&self) -> Option<&str> {
        match &self.decider {
            Decider::Function { name, .. } => Some(name),
            Decider::UserPools(_) => None,
        }
    }

    /// Returns the headers that identify a caller.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        self.from.iter().filter_map(|part| match part {
            Identity::Header(name) => Some(name.as_str()),
            Identity::Query(_) => None,
        })
    }
}

impl AuthorizerFile {
    pub(super) fn resolve(&self) -> Authorizer {
        let decider = match &self.function {
            Some(name) => Decider::Function {
                name: name.clone(),
                sees_request: self.kind == Some(AuthorizerType::Request),
                cache: self.cache.unwrap_or(CACHE).0,
            },
            None => Decider::UserPools(self.user_pools.iter().cloned().collect()),
        };
        let from = self.from().into_iter().filter_map(|(_, text)| Identity::parse(text)).collect();
        Authorizer { decider, from }
    }

    /// Returns the parts of a request as written, each with its key.
    fn from(&self) -> Vec<(Vec<String>, &str)> {
        match self.from.as_ref().map(|from| from.0.as_slice()) {
            None => vec![(Vec::new(), HEADER)],
            Some([one]) => vec![(vec!["from".to_owned()], one.as_str())],
            Some(several) => {
                let key = |index: usize| vec!["from".to_owned(), index.to_string()];
                several.iter().enumerate().map(|(index, text)| (key(index), text.as_str())).collect()
            }
        }
    }
}

/// Checks the authorizers of all environments, and the functions that name them.
pub(super) fn check(file: &StackFile, problems: &mut Problems) {
    for (environment, overrides) in file.overrides() {
        for (name, authorizer) in &overrides.api.authorizers {
            let path = ["environments", environment, "api", "authorizers", name];
            if !file.api.authorizers.contains_key(name) && problems.knows_names(&["api", "authorizers"]) {
                let problem = Problem::new(format!("there is no authorizer `{name}`"));
                problems.key(&path, problem.known(name, file.api.authorizers.keys().map(String::as_str)));
            }
            if let Some(function) = &authorizer.function
                && file.functions.get(function).is_some_and(|behind| behind.authorizer.as_ref() == Some(name))
            {
                problems.value(&below(&path, &["function"]), behind_itself(function));
            }
            one(file, authorizer, &path, problems);
        }
    }
    let authorizers = &file.api.authorizers;
    let path = ["api", "authorizers"];
    for (name, authorizer) in authorizers {
        let path = below(&path, &[name]);
        let sound = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        if !sound || name.ends_with(OF_USER_POOLS) {
            let problem = Problem::new(format!("`{name}` cannot be the name of an authorizer"));
            problems.key(&path, problem.expected(format!("expected letters, digits, _ and -, without {OF_USER_POOLS} at the end")));
        }
        one(file, authorizer, &path, problems);
    }
    for (name, function) in &file.functions {
        let Some(wanted) = &function.authorizer else { continue };
        let path = ["functions", name, "authorizer"];
        if !function.has_route() {
            let problem = Problem::new(format!("`{name}` has an authorizer and no route"));
            problems.key(&path, problem.help("give it a route, or leave the authorizer out"));
        }
        match authorizers.get(wanted) {
            None if problems.knows_names(&["api", "authorizers"]) => {
                let problem = Problem::new(format!("there is no authorizer `{wanted}`"));
                problems.value(&path, problem.known(wanted, authorizers.keys().map(String::as_str)));
            }
            Some(authorizer) if authorizer.function.as_ref() == Some(name) => {
                problems.value(&path, behind_itself(name));
            }
            _ => {}
        }
    }
}

fn behind_itself(function: &str) -> Problem {
    let problem = Problem::new(format!("`{function}` is behind the authorizer that asks `{function}`"));
    problem.help("leave it out: API Gateway asks the function itself, without a route")
}

/// Checks one authorizer by itself.
fn one(file: &StackFile, authorizer: &AuthorizerFile, path: &[&str], problems: &mut Problems) {
    match (&authorizer.function, authorizer.user_pools.is_empty()) {
        (None, true) if problems.is_known(&below(path, &["function"])) && problems.is_known(&below(path, &["user_pools"])) => {
            problems.key(path, Problem::new("nothing decides here").help("name a `function`, or the ARNs of `user_pools`"));
        }
        (Some(_), false) => {
            let problem = Problem::new("a function and user pools cannot decide together").help("leave out one of the two");
            problems.key(&below(path, &["user_pools"]), problem);
        }
        _ => {}
    }
    if let Some(function) = &authorizer.function
        && !file.functions.contains_key(function)
        && problems.knows_names(&["functions"])
    {
        let problem = Problem::new(format!("there is no function `{function}`"));
        problems.value(&below(path, &["function"]), problem.known(function, file.functions.keys().map(String::as_str)));
    }
    pools(file, authorizer, path, problems);
    if let Some(Seconds(cache)) = authorizer.cache.filter(|Seconds(cache)| !DECISION_CACHE.allows((*cache).into())) {
        let problem = Problem::new(format!("API Gateway cannot cache a decision for {cache} s"));
        problems.value(&below(path, &["cache"]), problem.expected("expected 0s to 1h"));
    }
    let sees_request = authorizer.kind == Some(AuthorizerType::Request);
    let from = authorizer.from();
    if from.is_empty() {
        let problem = Problem::new("nothing identifies a caller here");
        problems.key(&below(path, &["from"]), problem.help("name a header, or leave it out for header.Authorization"));
    }
    if from.len() > 1 && !sees_request {
        let problem = Problem::new("a token is in one header");
        problems.key(&below(path, &["from"]), problem.help("name one header, or write `type: request`"));
    }
    for (key, text) in from {
        let key: Vec<&str> = key.iter().map(String::as_str).collect();
        let problem = match Identity::parse(text) {
            Some(Identity::Header(_)) => continue,
            Some(Identity::Query(_)) if sees_request => continue,
            Some(Identity::Query(_)) => Problem::new("a token is in a header").help("name a header, or write `type: request`"),
            None => Problem::new(format!("`{text}` is no part of a request")).expected("expected as in header.Authorization or query.key"),
        };
        problems.value(&below(path, &key), problem);
    }
}

/// Checks the user pools, and that no setting of a function stands beside them.
fn pools(file: &StackFile, authorizer: &AuthorizerFile, path: &[&str], problems: &mut Problems) {
    let scope = Scope::of_file(file);
    for (index, arn) in authorizer.user_pools.iter().enumerate() {
        let index = index.to_string();
        let path = below(path, &["user_pools", &index]);
        let found = reference::problems(arn, &scope);
        if found.is_empty() && !is_pool(arn) {
            let problem = Problem::new(format!("`{arn}` is not the ARN of a user pool"));
            problems.value(&path, problem.expected("expected arn:${partition}:cognito-idp:${region}:ACCOUNT:userpool/ID"));
        }
        for problem in found {
            problems.value(&path, problem);
        }
    }
    if authorizer.function.is_none() {
        for (key, _) in [("type", authorizer.kind.is_some()), ("cache", authorizer.cache.is_some())].into_iter().filter(|(_, set)| *set) {
            problems.key(&below(path, &[key]), Problem::new(format!("`{key}` is a setting of a function")).help("leave it out"));
        }
    }
}

/// Tests for the ARN of a user pool, in which all parts but the service may be references.
fn is_pool(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    matches!(parts.as_slice(), ["arn", _, "cognito-idp", _, _, pool] if pool.strip_prefix("userpool/").is_some_and(|id| !id.is_empty()))
}

/// Returns the authorizers of an API in one environment, whose own ones replace those of the same name.
pub(super) fn resolve(
    files: &BTreeMap<String, AuthorizerFile>,
    overrides: &BTreeMap<String, AuthorizerFile>,
) -> BTreeMap<String, Authorizer> {
    files.iter().map(|(name, file)| (name.clone(), overrides.get(name).unwrap_or(file).resolve())).collect()
}

#[cfg(test)]
mod tests {
    use super::{Identity, is_pool};

    #[test]
    fn parts_of_a_request_are_written_as_api_gateway_does() {
        let source = |text: &str| Identity::parse(text).map(|identity| identity.source());
        assert_eq!(source("header.X-Key").as_deref(), Some("method.request.header.X-Key"));
        assert_eq!(source("query.key").as_deref(), Some("method.request.querystring.key"));
        for wrong in ["", "Authorization", "header.", "header.a b", "header.a,b", "cookie.a", "headers.a"] {
            assert_eq!(source(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_user_pool_has_six_parts() {
        assert!(is_pool("arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbC"));
        assert!(is_pool("arn:${partition}:cognito-idp:${region}:${account}:userpool/x"));
        for wrong in ["x", "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/", "arn:aws:cognito-idp:eu-west-1:userpool/x"] {
            assert!(!is_pool(wrong), "{wrong}");
        }
    }
}
