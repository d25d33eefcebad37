//! A checked stack for one environment: the types the rest of the program works with.
//!
//! Every value here is valid: only the checks construct these types, and their fields hold values in AWS's form (seconds, megabytes, `CloudWatch`'s
//! units), not as typed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::metric::Metric;
use super::names::table_variable;
use super::operation::Operation;
use crate::Architecture;
use aws::facts::Names;
use shared::edge::ORIGIN_VERIFY;
use shared::http::ALLOWED_ORIGINS;
use shared::parameters;
use shared::token::READERS;

/// Variable with the key of digests of a function's secrets; no handler reads it.
pub(super) const RELEASE_KEY: &str = "LIVEINSIGHT_RELEASE_KEY";

/// Environment of a `stack.yaml`: overrides merged, defaults filled in, everything checked.
#[derive(Debug, Clone)]
pub struct Stack {
    /// First part of every name: lower-case letters, digits and hyphens.
    pub project: String,
    /// Last part of every name: lower-case letters and digits.
    pub environment: String,
    /// The AWS region, for example `us-east-1`.
    pub region: String,
    /// Set if removing resources needs explicit confirmation.
    pub protect: bool,
    /// The user's own tags, without the tags that every resource carries anyway.
    pub tags: BTreeMap<String, String>,
    /// Tables by logical name.
    pub tables: BTreeMap<String, Table>,
    /// Functions by logical name.
    pub functions: BTreeMap<String, Function>,
    /// Settings of the API; there is one exactly if a function has a route ([`Stack::has_api`]).
    pub api: Api,
    /// The static pages, if the stack has any.
    pub site: Option<Site>,
    /// Settings of all log groups.
    pub logs: Logs,
    /// Alarms, and the topic that they notify.
    pub alarms: Alarms,
    /// The ARN of the IAM policy that bounds every role.
    pub permissions_boundary: Option<String>,
    /// Readers of the counted events.
    pub readers: Readers,
    /// Origin of the values of all secrets.
    pub secrets_from: SecretsFrom,
    /// Environment variables that builds see although they hold credentials.
    pub build_environment: BTreeSet<String>,
    /// Settings with a surprising effect, or that work only after AWS raised a quota; each with its position in the file.
    pub warnings: Vec<String>,
    /// The directory that holds `stack.yaml`; sources are relative to it.
    pub root: PathBuf,
}

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

/// A `DynamoDB` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Attribute by which items are found.
    pub partition_key: Key,
    /// Attribute that orders the items of one partition key.
    pub sort_key: Option<Key>,
    /// Global secondary indexes by name.
    pub indexes: BTreeMap<String, Index>,
    /// The attribute that holds an item's expiry in epoch seconds.
    pub ttl: Option<String>,
    /// Set if the table can be restored to any second of the last [`Self::restore_days`].
    pub point_in_time_recovery: bool,
    /// Days that can be restored, 1 to 35.
    pub restore_days: u32,
    /// Limit of read units a second.
    pub max_read_units: Option<u32>,
    /// Limit of write units a second.
    pub max_write_units: Option<u32>,
}

/// Who may read what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Readers {
    /// Whoever has a token; nobody until one is set.
    #[default]
    Closed,
    /// Everybody.
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

/// Returns the variable with the name of the parameter of a secret: `TOKEN_SECRET_PARAMETER` for `TOKEN_SECRET`.
pub(super) fn parameter_variable(secret: &str) -> String {
    format!("{secret}{}", parameters::SUFFIX)
}

impl Table {
    /// Returns all attributes used as keys, of the table and its indexes, with their types: `DynamoDB` requires exactly these definitions.
    pub fn key_attributes(&self) -> BTreeMap<&str, KeyType> {
        let own = std::iter::once(&self.partition_key).chain(&self.sort_key);
        let of_indexes = self.indexes.values().flat_map(|index| std::iter::once(&index.partition_key).chain(&index.sort_key));
        own.chain(of_indexes).map(|key| (key.name.as_str(), key.kind)).collect()
    }
}

/// Key attribute of a table or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The attribute's name.
    pub name: String,
    /// The attribute's type.
    pub kind: KeyType,
}

/// The type of a key attribute: `DynamoDB` allows these three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum KeyType {
    /// A string.
    S,
    /// A number.
    N,
    /// Binary.
    B,
}

impl KeyType {
    /// Returns the letter that DynamoDB uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
        }
    }
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Attribute by which items are found.
    pub partition_key: Key,
    /// Attribute that orders the items of one partition key.
    pub sort_key: Option<Key>,
    /// Attributes that the index copies of each item.
    pub projection: Projection,
}

/// What an index copies of each item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
pub enum Projection {
    /// Every attribute: queries never go back to the table.
    #[default]
    #[serde(rename = "ALL")]
    All,
    /// The keys only: changes of other attributes cost the index nothing.
    #[serde(rename = "KEYS_ONLY")]
    KeysOnly,
}

impl Projection {
    /// Returns the name that DynamoDB uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::KeysOnly => "KEYS_ONLY",
        }
    }
}

/// A Lambda function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// The crate's directory, relative to [`Stack::root`].
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
    /// The user's own environment variables; [`Stack::variables`] has all of them.
    pub environment: BTreeMap<String, String>,
    /// Variables that come from the program's environment, with their values once [`Stack::load`] has read them.
    pub secrets: BTreeMap<String, Option<String>>,
    /// Secrets that it reads from parameters itself ([`SecretsFrom::Ssm`]); none of them is in the other two fields.
    pub parameters: BTreeSet<String>,
}

/// Operations that a function may use on a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The table's logical name.
    pub table: String,
    /// The operations, all of which read or all of which write.
    pub operations: BTreeSet<Operation>,
    /// Indexes on which the operations are allowed, as far as they work on indexes.
    pub indexes: Indexes,
    /// Patterns that the items' partition keys must match; an empty set allows any.
    pub keys: BTreeSet<String>,
}

/// Indexes of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Indexes {
    /// All indexes of the table, later ones included.
    All,
    /// Indexes with these names.
    Named(BTreeSet<String>),
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

/// A request, as `POST /api/events`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE` or `HEAD`.
    pub method: String,
    /// `/` and segments; a segment may be `{name}`, the last one `{name+}`.
    pub path: String,
}

impl Route {
    /// Returns the segments of the path, without slashes; none for `/`.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter(|segment| !segment.is_empty())
    }

    /// Returns whether its method changes nothing, so that answers may be shared.
    pub fn only_reads(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

/// Settings of the REST API.
#[derive(Debug, Clone, PartialEq)]
pub struct Api {
    /// Other origins that may call it from a browser; `None` means no preflights at all.
    pub cors: Option<Cors>,
    /// Rate above which it answers 429.
    pub throttle: Throttle,
    /// Set if the stack's distribution proves by a secret that requests come through it.
    pub origin_secret: bool,
}

/// Other origins that may call the API from a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// `*` alone, or origins such as `https://example.com`, in the order written.
    pub origins: Vec<String>,
    /// Request headers a browser may send, in the order written.
    pub headers: Vec<String>,
    /// Time that a browser may cache the answer, in seconds.
    pub max_age: u32,
}

/// Rate above which the API answers 429.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throttle {
    /// Requests per second in the long run (API Gateway's unit; the file has requests per minute).
    pub rate: f64,
    /// Requests at once on top of that.
    pub burst: u32,
}

/// Static pages of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The directory of the pages, relative to [`Stack::root`].
    pub source: PathBuf,
    /// Page that `/` shows, relative to `source`.
    pub index: String,
    /// Page in place of a missing one, relative to `source`.
    pub error_page: Option<String>,
    /// Pages with an address among the outputs, by the output's name.
    pub outputs: BTreeMap<String, String>,
}

/// Settings of all log groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logs {
    /// Retention in days, a number that `CloudWatch` Logs allows.
    pub retention_days: u32,
}

/// The numbers of days `CloudWatch` Logs keeps logs (API reference, `PutRetentionPolicy`).
pub const RETENTION_DAYS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// Alarms, and the topic that they notify.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Alarms {
    /// ARN of the SNS topic to notify.
    pub notify: Option<String>,
    /// Alarms by logical name.
    pub rules: BTreeMap<String, Alarm>,
}

/// Alarm that fires when the statistic over a period reaches the threshold (`>=`), `periods` times in a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// Metric that it watches.
    pub watches: Watches,
    /// Threshold in `CloudWatch`'s unit for the metric and statistic: a count, milliseconds, or a share between 0 and 1.
    pub threshold: f64,
    /// Function that reduces the values of a period to one.
    pub statistic: Statistic,
    /// The length of a period in seconds, a multiple of 60.
    pub period: u32,
    /// Number of consecutive periods that must reach it, at least 1.
    pub periods: u32,
}

/// The metric of an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watches {
    /// Metric of a function.
    Function {
        /// The function's logical name.
        name: String,
        /// Metric of the function.
        metric: &'static Metric,
    },
    /// Metric of the API's stage.
    Api {
        /// Metric of the stage.
        metric: &'static Metric,
    },
    /// Metric of a table.
    Table {
        /// The table's logical name.
        name: String,
        /// Metric of the table.
        metric: &'static Metric,
    },
}

/// Function that reduces the values of a period to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// Sum of all values.
    Sum,
    /// Average, which is a share: errors are reported as 0 or 1 per request.
    Average,
    /// Highest value of the period.
    Maximum,
}
