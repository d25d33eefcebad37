//! `functions`: Lambda functions, each with its log group, role and policy, and the alias that serves requests.

mod check;
mod code;
mod declare;
mod grant;
mod manifest;
mod operation;
mod permission;
pub(crate) mod policy;
mod route;
mod settings;
mod url;

pub use code::{BOOTSTRAP, Code, Crate, Prebuilt};
pub use grant::{Grant, Indexes};
pub use manifest::binaries;
pub(crate) use manifest::features;
pub use operation::Operation;
pub use policy::of_any_function as permissions_of_any_function;
pub use route::Route;
pub use url::Url;

pub(crate) use check::{check, secrets, source, values};
pub(crate) use declare::{Declared, declare};
pub(crate) use permission::Values;
pub(crate) use route::{ANY, METHODS};
pub(crate) use settings::check_layers;
pub(crate) use url::declare as declare_urls;

use super::{SecretsFrom, empty_is_default, merged};
use crate::Architecture;
use crate::values::{Seconds, Text};
use grant::GrantFile;
use permission::{Permission, PermissionFile};
use resources::FunctionSettings;
use schemars::JsonSchema;
use serde::Deserialize;
use settings::LogFormat;
use std::collections::{BTreeMap, BTreeSet};
use url::UrlFile;

/// Default memory of a function, in MB.
const MEMORY: u32 = 256;

/// Default timeout of a function.
const TIMEOUT: Seconds = Seconds(30);

/// A Lambda function.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionFile {
    /// Directory of the crate, relative to this file. Several functions may share one. Required without `package`.
    pub source: Option<String>,
    /// Binary to run, for a crate with several binaries. Default: the binary with the name of the function.
    pub binary: Option<String>,
    /// Features of the crate to build with. Default: the crate's default features alone.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub features: BTreeSet<String>,
    /// Default features of the crate; with false they are left out. Default: true.
    pub default_features: Option<bool>,
    /// Files and directories to pack beside the program, relative to the crate's directory. The program finds them below its working directory,
    /// /var/task.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub include: Vec<String>,
    /// Zip that something else has built, relative to this file, in place of `source`. `up` uploads it as it is.
    pub package: Option<String>,
    /// Runtime of the package, such as python3.13. Default: provided.al2023, which starts the file bootstrap.
    pub runtime: Option<String>,
    /// Entry point of the package, in the runtime's form, such as app.handler. Required for all runtimes but the provided ones.
    pub handler: Option<String>,
    /// Request that the function answers, such as `POST /api/events`; short for `routes` with one element. Default: the function is not
    /// reachable through the API. The site's address forwards only paths below /api/.
    #[schemars(regex(pattern = r"^(GET|POST|PUT|PATCH|DELETE|HEAD|ANY) /\S*$"))]
    pub route: Option<String>,
    /// Requests that the function answers. The method ANY stands for all methods, {name} in a path for one segment, {name+} at its end for
    /// one or more. A method by name takes precedence over ANY. `ANY /{proxy+}` is every request but those for /, which are `ANY /`.
    #[serde(default, deserialize_with = "empty_is_default")]
    #[schemars(schema_with = "route::schema")]
    pub routes: Vec<String>,
    /// Authorizer under `api.authorizers` that decides who may call the routes. Preflights need no authorization. Default: everybody may call them.
    pub authorizer: Option<String>,
    /// Address of the function without the API in front of it: `public` for everybody, or `iam` for callers with the permissions
    /// lambda:InvokeFunctionUrl and lambda:InvokeFunction, who sign their requests. `none`, the default, is no such address.
    pub url: Option<UrlFile>,
    /// Tables that the function may read, with their indexes. With operations by name, it may call exactly these.
    #[serde(default, deserialize_with = "empty_is_default")]
    #[schemars(schema_with = "grant::reads")]
    pub reads: Vec<GrantFile>,
    /// Tables that the function may write. With operations by name, it may call exactly these.
    #[serde(default, deserialize_with = "empty_is_default")]
    #[schemars(schema_with = "grant::writes")]
    pub writes: Vec<GrantFile>,
    /// Permissions beyond tables, in IAM's words.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub permissions: Vec<PermissionFile>,
    /// Memory in MB, 128 to 10240. Default: 256.
    #[schemars(range(min = 128, max = 10240))]
    pub memory: Option<u32>,
    /// Maximum duration of an invocation, up to 15m. Default: 30s.
    pub timeout: Option<Seconds>,
    /// Reserved concurrency: concurrent invocations that the account reserves for this function. The function never has more, and other
    /// functions cannot use them. 0 switches the function off. Default: the function shares the unreserved concurrency of the account.
    pub concurrency: Option<u32>,
    /// ARNs of layer versions, at most 5, such as an extension's. Later ones overwrite files of earlier ones below /opt. On the local AWS they have no
    /// content. Default: none.
    #[schemars(length(max = 5))]
    pub layers: Option<Vec<String>>,
    /// Tracing by AWS X-Ray: Lambda samples requests by itself and records how long each took, and the function may send segments of its own.
    /// Default: false.
    pub tracing: Option<bool>,
    /// Size of /tmp in MB, 512 to 10240. Default: 512.
    #[schemars(range(min = 512, max = 10240))]
    pub ephemeral_storage: Option<u32>,
    /// Format of the lines that Lambda itself adds to the log: `text` or `json`. Default: `text`.
    pub log_format: Option<LogFormat>,
    /// Instruction set architecture to build for: arm64 (the default) or x86_64.
    #[serde(default)]
    pub architecture: Architecture,
    /// Environment variables, in addition to those for the tables. Values may refer to what the stack declares: `${tables.orders}` is the
    /// table's name and `${tables.orders.arn}` its ARN, likewise `${functions.…}`, `${site.bucket}`, and `${project}`, `${environment}`,
    /// `${region}`, `${account}`, `${partition}`. A literal `${` is `$${`.
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
    /// Replaces the list of layers.
    #[schemars(length(max = 5))]
    pub layers: Option<Vec<String>>,
    /// Tracing by AWS X-Ray.
    pub tracing: Option<bool>,
    /// Size of /tmp in MB, 512 to 10240.
    #[schemars(range(min = 512, max = 10240))]
    pub ephemeral_storage: Option<u32>,
    /// Format of the lines that Lambda itself adds to the log.
    pub log_format: Option<LogFormat>,
    /// Address of the function without the API in front of it: `public`, `iam`, or `none`.
    pub url: Option<UrlFile>,
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
    /// Code that it runs.
    pub code: Code,
    /// Requests that it answers; none if it is not reachable through the API.
    pub routes: Vec<Route>,
    /// Authorizer that decides who may call the routes.
    pub authorizer: Option<String>,
    /// Callers of its URL; `None` if it has no URL.
    pub url: Option<Url>,
    /// Tables that it may read.
    pub reads: Vec<Grant>,
    /// Tables that it may write.
    pub writes: Vec<Grant>,
    /// Permissions beyond tables.
    pub permissions: Vec<Permission>,
    /// Memory in MB.
    pub memory: u32,
    /// Timeout of an invocation, in seconds.
    pub timeout: u32,
    /// Concurrent invocations that are reserved for it, which is also its limit.
    pub concurrency: Option<u32>,
    /// Settings with defaults at Lambda; ARNs of layers may have references.
    pub settings: FunctionSettings,
    /// The processor it is built for.
    pub architecture: Architecture,
    /// The user's own environment variables, with references as written; [`Stack::variables`](crate::Stack::variables) has all of them.
    pub environment: BTreeMap<String, String>,
    /// Variables that come from the program's environment, with their values once [`Stack::load`](crate::Stack::load) has read them.
    pub secrets: BTreeMap<String, Option<String>>,
    /// Secrets that it reads from parameters itself ([`SecretsFrom::Ssm`]); none of them is in the other two fields.
    pub parameters: BTreeSet<String>,
}

impl Function {
    /// Returns whether the function is reachable through the API.
    pub fn is_routed(&self) -> bool {
        !self.routes.is_empty()
    }

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
    /// Returns whether any route is declared, valid or not.
    pub(crate) fn has_route(&self) -> bool {
        self.routes().next().is_some()
    }

    /// Returns the routes as written, each with its key below the function's.
    pub(crate) fn routes<'a>(&'a self) -> impl Iterator<Item = (Vec<String>, &'a str)> {
        let short = self.route.iter().map(|text| (vec!["route".to_owned()], text.as_str()));
        let element = |(index, text): (usize, &'a String)| (vec!["routes".to_owned(), index.to_string()], text.as_str());
        short.chain(self.routes.iter().enumerate().map(element))
    }

    fn resolve(&self, overrides: &FunctionOverride, secrets_from: SecretsFrom) -> Function {
        let secrets = || self.secrets.union(&overrides.secrets).cloned();
        let (of_environment, parameters) = match secrets_from {
            SecretsFrom::Environment => (secrets().map(|name| (name, None)).collect(), BTreeSet::new()),
            SecretsFrom::Ssm => (BTreeMap::new(), secrets().collect()),
        };
        Function {
            code: code::resolve(self),
            routes: self.routes().filter_map(|(_, text)| route::parse(text).ok()).collect(),
            authorizer: self.authorizer.clone(),
            url: overrides.url.or(self.url).and_then(UrlFile::resolve),
            reads: self.reads.iter().flat_map(|grant| grant.resolve(&Operation::READS)).collect(),
            writes: self.writes.iter().flat_map(|grant| grant.resolve(&Operation::WRITES)).collect(),
            permissions: self.permissions.iter().map(PermissionFile::resolve).collect(),
            memory: overrides.memory.or(self.memory).unwrap_or(MEMORY),
            timeout: overrides.timeout.or(self.timeout).unwrap_or(TIMEOUT).0,
            concurrency: overrides.concurrency.or(self.concurrency),
            settings: settings::resolve(self, overrides),
            architecture: self.architecture,
            environment: merged(&self.environment, &overrides.environment),
            secrets: of_environment,
            parameters,
        }
    }
}
