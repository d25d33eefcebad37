//! `url`: the address of a function without an API in front of it.

use super::{Declared, FunctionFile};
use crate::LIVE_ALIAS;
use crate::diagnostic::Problem;
use crate::names::function_url_output;
use crate::problems::{Problems, below};
use crate::sections::Declaring;
use resources::{Alias, Function, FunctionUrl};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Address of a function, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UrlFile {
    /// Address that everybody may call.
    Public,
    /// Address for callers that IAM knows.
    Iam,
    /// No address.
    None,
}

/// Callers of a function's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Url {
    /// Everybody.
    Public,
    /// Callers that IAM knows.
    Iam,
}

impl UrlFile {
    pub(crate) fn resolve(self) -> Option<Url> {
        match self {
            Self::Public => Some(Url::Public),
            Self::Iam => Some(Url::Iam),
            Self::None => None,
        }
    }
}

/// Checks the URL in one place of the file: a public one would be a way past the function's authorizer.
pub(super) fn check(function: &FunctionFile, url: Option<UrlFile>, path: &[&str], problems: &mut Problems) {
    if let (Some(UrlFile::Public), Some(authorizer)) = (url, &function.authorizer) {
        let problem = Problem::new(format!("a public URL would be a way past the authorizer `{authorizer}`"));
        problems.value(&below(path, &["url"]), problem.help("write `url: iam`, or leave out the URL or the authorizer"));
    }
}

/// Declares the URLs of all functions that have one.
pub(crate) fn declare(declaring: &mut Declaring<'_>, functions: &BTreeMap<&str, Declared>) {
    for (name, declared) in functions {
        let Some(url) = declaring.stack.functions[*name].url else { continue };
        if !declaring.stack.has_api() {
            // With an API, one permission is for both.
            declaring.permission(None, name, declared);
        }
        let alias = Alias::name_of(&declared.alias, LIVE_ALIAS);
        let url = FunctionUrl::new(Function::name_of(&declared.function), alias, url == Url::Public);
        let url = declaring.graph.add_part(&declared.function, name, url);
        let address = FunctionUrl::address_of(&url, declaring.target);
        declaring.output(&function_url_output(name), address);
    }
}
