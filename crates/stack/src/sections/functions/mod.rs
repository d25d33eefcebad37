//! `functions`: Lambda functions, each with its log group, role and policy, and the alias that serves requests.

mod binaries;
mod check;
mod declare;
mod grant;
mod operation;
pub(crate) mod policy;
mod route;

pub use binaries::binaries;
pub use grant::{Grant, Indexes};
pub use operation::Operation;
pub use policy::of_any_function as permissions_of_any_function;
pub use route::Route;

pub(crate) use check::{check, secrets, source, values};
pub(crate) use declare::{Declared, declare};

use super::{SecretsFrom, empty_is_default, merged};
use crate::Architecture;
use crate::values::{Seconds, Text};
use grant::GrantFile;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Default memory of a function, in MB.
const MEMORY: u32 = 256;

/// Default timeout of a function.
const TIMEOUT: Seconds = Seconds(30);

/// A Lambda function.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionFile {
    /// Directory of the crate, relative to this file.
    pub source: String,
    /// Binary to run, for a crate with several binaries. Default: the binary with the name of the function.
    pub binary: Option<String>,
    /// Request that the function answers, such as `POST /api/events`. Default: the function is not reachable through the API. The site's
    /// address forwards only paths below /api/.
    #[schemars(regex(pattern = r"^(GET|POST|PUT|PATCH|DELETE|HEAD) /\S*$"))]
    pub route: Option<String>,
    /// Tables that the function may read, with their indexes. With operations by name, it may call exactly these.
    #[serde(default, deserialize_with = "empty_is_default")]
    #[schemars(schema_with = "grant::reads")]
    pub reads: Vec<GrantFile>,
    /// Tables that the function may write. With operations by name, it may call exactly these.
    #[serde(default, deserialize_with = "empty_is_default")]
    #[schemars(schema_with = "grant::writes")]
    pub writes: Vec<GrantFile>,
    /// Memory in MB, 128 to 10240. Default: 256.
    #[schemars(range(min = 128, max = 10240))]
    pub memory: Option<u32>,
    /// Maximum duration of an invocation, up to 15m. Default: 30s.
    pub timeout: Option<Seconds>,
    /// Reserved concurrency: concurrent invocations that the account reserves for this function. The function never has more, and other
    /// functions cannot use them. 0 switches the function off. Default: the function shares the unreserved concurrency of the account.
    pub concurrency: Option<u32>,
    /// Instruction set architecture to build for: arm64 (the default) or x86_64.
    #[serde(default)]
    pub architecture: Architecture,
    /// Environment variables, in addition to those for the tables.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub environment: BTreeMap<String, Text>,
    /// Environment variables with secret values. `up` takes the values from the variables with the same names in its own environment; they
    /// are in no file and are never shown. Each name has to contain SECRET, TOKEN, PASSWORD, CREDENTIAL or KEY, which marks its value as
    /// secret. With `secrets_from: ssm`, the function has no variable NAME; NAME_PARAMETER holds the name of a parameter,
    /// /{project}/{environment}/NAME.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub secrets: BTreeSet<String>,
}

/// Overrides for a function in one environment.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionOverride {
    /// Memory in MB, 128 to 10240.
    #[schemars(range(min = 128, max = 10240))]
    pub memory: Option<u32>,
    /// Maximum duration of an invocation, up to 15m.
    pub timeout: Option<Seconds>,
    /// Reserved concurrency; 0 switches the function off.
    pub concurrency: Option<u32>,
    /// Adds environment variables; a variable with the same name is replaced.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub environment: BTreeMap<String, Text>,
    /// Adds secrets to those of the function.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub secrets: BTreeSet<String>,
}

/// A Lambda function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// The crate's directory, relative to [`Stack::root`](crate::Stack::root).
    pub source: PathBuf,
    /// The program of the crate, if the file names one.
    pub binary: Option<String>,
    /// The request it answers, if it is reachable through the API.
    pub route: Option<Route>,
    /// Tables that it may read.
    pub reads: Vec<Grant>,
    /// Tables that it may write.
    pub writes: Vec<Grant>,
    /// Memory in MB.
    pub memory: u32,
    /// Timeout of an invocation, in seconds.
    pub timeout: u32,
    /// Concurrent invocations that are reserved for it, which is also its limit.
    pub concurrency: Option<u32>,
    /// The processor it is built for.
    pub architecture: Architecture,
    /// The user's own environment variables; [`Stack::variables`](crate::Stack::variables) has all of them.
    pub environment: BTreeMap<String, String>,
    /// Variables that come from the program's environment, with their values once [`Stack::load`](crate::Stack::load) has read them.
    pub secrets: BTreeMap<String, Option<String>>,
    /// Secrets that it reads from parameters itself ([`SecretsFrom::Ssm`]); none of them is in the other two fields.
    pub parameters: BTreeSet<String>,
}

impl Function {
    /// Returns the logical names of the tables that it may read.
    pub fn tables_read(&self) -> BTreeSet<&str> {
        self.reads.iter().map(|grant| grant.table.as_str()).collect()
    }

    /// Returns the logical names of the tables that it may write.
    pub fn tables_written(&self) -> BTreeSet<&str> {
        self.writes.iter().map(|grant| grant.table.as_str()).collect()
    }
}

/// Returns the functions of an environment.
pub(crate) fn resolve(
    files: &BTreeMap<String, FunctionFile>,
    overrides: &BTreeMap<String, FunctionOverride>,
    secrets_from: SecretsFrom,
) -> BTreeMap<String, Function> {
    let none = FunctionOverride::default();
    let function =
        |(name, file): (&String, &FunctionFile)| (name.clone(), file.resolve(overrides.get(name).unwrap_or(&none), secrets_from));
    files.iter().map(function).collect()
}

impl FunctionFile {
    fn resolve(&self, overrides: &FunctionOverride, secrets_from: SecretsFrom) -> Function {
        let secrets = || self.secrets.union(&overrides.secrets).cloned();
        let (of_environment, parameters) = match secrets_from {
            SecretsFrom::Environment => (secrets().map(|name| (name, None)).collect(), BTreeSet::new()),
            SecretsFrom::Ssm => (BTreeMap::new(), secrets().collect()),
        };
        Function {
            source: self.source.clone().into(),
            binary: self.binary.clone(),
            route: self.route.as_deref().and_then(|text| route::parse(text).ok()),
            reads: self.reads.iter().flat_map(|grant| grant.resolve(&Operation::READS)).collect(),
            writes: self.writes.iter().flat_map(|grant| grant.resolve(&Operation::WRITES)).collect(),
            memory: overrides.memory.or(self.memory).unwrap_or(MEMORY),
            timeout: overrides.timeout.or(self.timeout).unwrap_or(TIMEOUT).0,
            concurrency: overrides.concurrency.or(self.concurrency),
            architecture: self.architecture,
            environment: merged(&self.environment, &overrides.environment),
            secrets: of_environment,
            parameters,
        }
    }
}
