//! Settings of the whole stack.

use super::empty_is_default;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Build settings of the functions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuildFile {
    /// Environment variables to pass to builds although they hold credentials: AWS_..., tokens of CI services, secrets of the functions.
    /// Builds receive all other variables unchanged.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub environment: BTreeSet<String>,
}

/// Read access to the analytics data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Readers {
    /// Requests with a token; none until one is set.
    #[default]
    Closed,
    /// All requests.
    Public,
}

/// Origin of the values of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretsFrom {
    /// The environment of `up`, which writes them to the functions' environment.
    #[default]
    Environment,
    /// Parameters of AWS Systems Manager, which the functions read.
    Ssm,
}
