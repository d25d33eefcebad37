//! `stack.yaml` as written: the keys and the types of the file.
//!
//! The JSON schema is generated from these types and their comments, so the comments address the author of the file.
//! These types check the shape of values only; `check` has the checks across keys and against AWS's rules.

#![expect(clippy::doc_markdown, reason = "these comments are shown to users by their editor, as plain text")]

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::grant::{self, GrantFile};
use super::model::{KeyType, Projection, Readers, SecretsFrom};
use super::values::{Seconds, Text, Threshold};
use crate::Architecture;

/// Desired state of a stack in AWS. Physical names are {project}-{thing}-{environment}.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "stack.yaml of liveinsight")]
pub struct StackFile {
    /// First part of every name: lower-case letters, digits and hyphens.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"))]
    pub project: String,
    /// AWS region, for example us-east-1.
    #[schemars(regex(pattern = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"))]
    pub region: String,
    /// Environment to use without --env. Default: `dev`.
    pub default_environment: Option<String>,
    /// Tags of every resource, in addition to Project, Environment, Name and ManagedBy.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub tags: BTreeMap<String, Text>,
    /// Environments by name, each an independent copy of the stack. A value under an environment replaces the value of the same name in
    /// this environment only. Names are lower-case letters and digits. Default: only `dev`.
    #[serde(default = "just_dev", deserialize_with = "empty_is_default")]
    pub environments: BTreeMap<String, Option<EnvironmentFile>>,
    /// DynamoDB tables, billed per request (on-demand).
    #[serde(default, deserialize_with = "empty_is_default")]
    pub tables: BTreeMap<String, TableFile>,
    /// Lambda functions, one Rust crate each.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub functions: BTreeMap<String, FunctionFile>,
    /// REST API in front of the functions with a route.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub api: ApiFile,
    /// Static pages, in a private bucket behind CloudFront. Default: no pages.
    pub site: Option<SiteFile>,
    /// Settings of all log groups.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub logs: LogsFile,
    /// Alarms on metrics, and the SNS topic that they notify.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub alarms: AlarmsFile,
    /// ARN of an IAM policy, set as the permissions boundary of every role. No function may do more than this policy allows, regardless of
    /// its own policy. Default: roles have no boundary, and everyone who may run `up` may do anything in the account.
    pub permissions_boundary: Option<String>,
    /// Build settings of the functions.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub build: BuildFile,
    /// Read access to the analytics data. `public` grants it to everyone. `closed`, the default, requires a token in every environment. On
    /// the local AWS everyone has it.
    pub readers: Option<Readers>,
    /// Source of the values of the functions' `secrets`. `environment`, the default, is the environment of `up`. `ssm` is SecureString
    /// parameters of AWS Systems Manager: you create and replace them, and the functions read them, so a new value needs no `up`.
    pub secrets_from: Option<SecretsFrom>,
}

/// Build settings of the functions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuildFile {
    /// Environment variables to pass to builds although they hold credentials: AWS_..., tokens of CI services, secrets of the functions.
    /// Builds receive all other variables unchanged.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub environment: BTreeSet<String>,
}

/// Reads an empty section (`tables:` with all its lines commented out) like a missing one.
fn empty_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn just_dev() -> BTreeMap<String, Option<EnvironmentFile>> {
    BTreeMap::from([("dev".to_owned(), None)])
}

/// Overrides for one environment.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentFile {
    /// Protects the environment: `up`, `rollback`, `down` and `seed` ask first or require --yes, and `down` keeps tables without
    /// --delete-data. Default: false.
    #[serde(default)]
    pub protect: bool,
    /// Replaces the region.
    #[schemars(regex(pattern = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"))]
    pub region: Option<String>,
    /// Adds tags; a tag with the same key is replaced.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub tags: BTreeMap<String, Text>,
    /// Replaces settings of the log groups.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub logs: LogsFile,
    /// Replaces settings of the API.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub api: ApiFile,
    /// Replaces settings of functions, by the function's name.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub functions: BTreeMap<String, FunctionOverride>,
    /// Replaces the topic that alarms notify.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub alarms: AlarmsOverride,
    /// Replaces the permissions boundary; an environment in another account needs a policy of that account.
    pub permissions_boundary: Option<String>,
    /// Replaces the read access to the analytics data.
    pub readers: Option<Readers>,
    /// Replaces the source of the values of secrets.
    pub secrets_from: Option<SecretsFrom>,
}

/// A DynamoDB table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableFile {
    /// Partition key: the attribute to look up items by.
    pub partition_key: KeyFile,
    /// Sort key: the attribute that orders the items of one partition key.
    pub sort_key: Option<KeyFile>,
    /// Global secondary indexes, by name.
    #[serde(default, deserialize_with = "empty_is_default")]
    #[schemars(extend("maxProperties" = 20))]
    pub indexes: BTreeMap<String, IndexFile>,
    /// Attribute with the expiry of an item (time to live), a number of epoch seconds.
    pub ttl: Option<String>,
    /// Enables point-in-time recovery: the table can be restored to any second of the last 35 days, or of `restore_days`. Default: false.
    #[serde(default)]
    pub point_in_time_recovery: bool,
    /// Number of days for which the table can be restored, 1 to 35. Deleted items remain recoverable for this time. Only with
    /// point_in_time_recovery. Default: 35.
    #[schemars(range(min = 1, max = 35))]
    pub restore_days: Option<u32>,
    /// Maximum read units per second of the table, at least 1. DynamoDB throttles requests above it. Reads through an index do not count.
    /// Default: the limit of the account.
    #[schemars(range(min = 1))]
    pub max_read_units: Option<u32>,
    /// Maximum write units per second of the table, at least 1, which limits the cost of its writes. DynamoDB throttles requests above it.
    /// Default: the limit of the account.
    #[schemars(range(min = 1))]
    pub max_write_units: Option<u32>,
}

/// A key attribute.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// Name of the attribute.
    pub name: String,
    /// Type of the attribute: S (string), N (number) or B (binary).
    #[serde(rename = "type")]
    pub kind: KeyType,
}

/// A global secondary index.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IndexFile {
    /// Partition key: the attribute to look up items by.
    pub partition_key: KeyFile,
    /// Sort key: the attribute that orders the items of one partition key.
    pub sort_key: Option<KeyFile>,
    /// Attributes of each item that the index copies: ALL (the default) or KEYS_ONLY.
    #[serde(default)]
    pub projection: Projection,
}

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

/// REST API in front of the functions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiFile {
    /// Other origins that may call the API from a browser. Default: no preflight requests are answered.
    pub cors: Option<CorsFile>,
    /// Request rate above which the API answers 429. Default: 1000 requests per minute.
    pub throttle: Option<ThrottleFile>,
    /// Has the distribution send a secret to the functions, which proves that a visitor's address and country come from it. Default: true.
    /// With false, functions trust such headers from every sender: for an API behind a proxy or a distribution of your own.
    pub origin_secret: Option<bool>,
}

/// Other origins that may call the API from a browser.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorsFile {
    /// "*" alone, or origins such as `https://example.com`. Functions receive them in ALLOWED_ORIGINS and refuse others. The API's own
    /// errors (403, 429, 5xx) also name the origin; with several origins they name "*".
    #[schemars(length(min = 1))]
    pub origins: Vec<String>,
    /// Request headers that a browser may send. Default: only Content-Type.
    pub headers: Option<Vec<String>>,
    /// Time for which a browser may cache the answer to a preflight request, up to 24h. Default: 2h.
    pub max_age: Option<Seconds>,
}

/// Request rate above which the API answers 429.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThrottleFile {
    /// Steady-state rate in requests per minute, at least 1.
    #[schemars(range(min = 1))]
    pub requests_per_minute: u32,
    /// Burst: requests at once in addition to the rate. Default: the requests of three seconds.
    #[schemars(range(min = 1))]
    pub burst: Option<u32>,
}

/// Static pages behind CloudFront.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteFile {
    /// Directory of the pages, relative to this file. "What is published" below lists the files that are published.
    pub source: String,
    /// Page to show at /, relative to `source`. A directory with a page of that name is served under its own address. Default: index.html.
    pub index: Option<String>,
    /// Page to show in place of a missing page, relative to `source`.
    pub error_page: Option<String>,
    /// Pages by the name of the output that has their address: `tracker_url: liveinsight.js`. For a script, `outputs` also prints the tag,
    /// with `integrity` if the file's name has a digest of its content.
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
}

impl SiteFile {
    /// Returns the page to show at /.
    pub(super) fn index(&self) -> &str {
        self.index.as_deref().unwrap_or("index.html")
    }
}

/// Settings of all log groups.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogsFile {
    /// Retention of log events in days. Default: 7.
    #[schemars(extend("enum" = super::RETENTION_DAYS))]
    pub retention_days: Option<u32>,
}

/// Alarms on metrics, and the SNS topic that they notify.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmsFile {
    /// ARN of an SNS topic to notify of every change of an alarm's state. Default: alarms are only shown.
    pub notify: Option<String>,
    /// Alarms by name. Each alarm watches exactly one of function, api and table.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub rules: BTreeMap<String, RuleFile>,
}

/// Overrides for the alarms in one environment.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmsOverride {
    /// ARN of an SNS topic to notify of every change of an alarm's state.
    pub notify: Option<String>,
}

/// An alarm, which fires when the metric reaches the threshold within a period.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// Function to watch; `metric` is errors, duration or throttles.
    pub function: Option<String>,
    /// Metric of the API to watch: 4xx, 5xx or latency.
    pub api: Option<String>,
    /// Table to watch; `metric` is read_throttles, write_throttles, consumed_read_units or consumed_write_units.
    pub table: Option<String>,
    /// Metric of the function or the table to watch.
    pub metric: Option<String>,
    /// Value at which the alarm fires: a number of times (5), a share of the requests (10%) or a time (25s, 800ms).
    pub threshold: Threshold,
    /// Length of a period in whole minutes, such as 5m (the default).
    pub period: Option<Seconds>,
    /// Number of consecutive periods that have to reach the threshold. Default: 1.
    #[schemars(range(min = 1))]
    pub periods: Option<u32>,
}
