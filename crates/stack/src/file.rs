//! `stack.yaml` exactly as it is written: the shape, the types and the words of the file.
//!
//! The JSON schema is generated from these types and their comments, so the comments speak to whoever writes the file.
//! Only what a type can say is checked here; what needs a look at another place, or at AWS's rules, is in `check`.

#![expect(clippy::doc_markdown, reason = "these comments are shown to users by their editor, as plain text")]

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::grant::{self, GrantFile};
use super::model::{KeyType, Projection, Readers, SecretsFrom};
use super::values::{Seconds, Text, Threshold};
use crate::Architecture;

/// The whole file: what runs in AWS. Physical names are {project}-{thing}-{environment}.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "stack.yaml of liveinsight")]
pub struct StackFile {
    /// First part of every name: lower-case letters, digits and hyphens.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"))]
    pub project: String,
    /// The AWS region, for example us-east-1.
    #[schemars(regex(pattern = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"))]
    pub region: String,
    /// The environment that is meant without --env; `dev` if not given.
    pub default_environment: Option<String>,
    /// Added to every resource, beside Project, Environment, Name and ManagedBy.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub tags: BTreeMap<String, Text>,
    /// One independent copy of the stack each; what is written under one replaces the value of the same name for it alone.
    /// Names are lower-case letters and digits. Just `dev` if not given.
    #[serde(default = "just_dev", deserialize_with = "empty_is_default")]
    pub environments: BTreeMap<String, Option<EnvironmentFile>>,
    /// DynamoDB tables, paid per request.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub tables: BTreeMap<String, TableFile>,
    /// Lambda functions, one Rust crate each.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub functions: BTreeMap<String, FunctionFile>,
    /// The REST API in front of the functions with a route.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub api: ApiFile,
    /// Static pages: a private bucket behind CloudFront. Without, there are none.
    pub site: Option<SiteFile>,
    /// Settings of all log groups.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub logs: LogsFile,
    /// What is watched, and who is told.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub alarms: AlarmsFile,
    /// The ARN of an IAM policy that is the permissions boundary of every role: no function may do more, whatever its own policy says. Without,
    /// roles have none, and who may run `up` may do anything in the account.
    pub permissions_boundary: Option<String>,
    /// How the functions are built.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub build: BuildFile,
    /// Who may read what is counted: `public` is everybody. Without, and with `closed`, whoever has a token, in every environment; on the
    /// local AWS everybody.
    pub readers: Option<Readers>,
    /// Origin of the values of the functions' `secrets`: `environment`, which is that of `up`, or `ssm`, which is SecureString parameters of
    /// AWS Systems Manager. You make and replace them, and the functions read them: a new value needs no `up`. `environment` if not given.
    pub secrets_from: Option<SecretsFrom>,
}

/// How the functions are built.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuildFile {
    /// Environment variables that builds see although they hold credentials: AWS_..., tokens of CI services, secrets of the functions. All
    /// others are seen as they are.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub environment: BTreeSet<String>,
}

/// Reads a section that is there but empty (`tables:`, all of it commented out) as if it were not there.
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

/// What is different in one environment.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentFile {
    /// `up`, `rollback`, `down` and `seed` ask first, or need --yes; `down` keeps tables without --delete-data. false if not given.
    #[serde(default)]
    pub protect: bool,
    /// Replaces the region.
    #[schemars(regex(pattern = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"))]
    pub region: Option<String>,
    /// Added to the tags; the same key replaces.
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
    /// Replaces who is told of alarms.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub alarms: AlarmsOverride,
    /// Replaces the permissions boundary; another account has one of its own.
    pub permissions_boundary: Option<String>,
    /// Replaces who may read what is counted.
    pub readers: Option<Readers>,
    /// Replaces the origin of the values of secrets.
    pub secrets_from: Option<SecretsFrom>,
}

/// A DynamoDB table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableFile {
    /// What items are found by.
    pub partition_key: KeyFile,
    /// What items with one partition key are ordered by.
    pub sort_key: Option<KeyFile>,
    /// Global secondary indexes, by name.
    #[serde(default, deserialize_with = "empty_is_default")]
    #[schemars(extend("maxProperties" = 20))]
    pub indexes: BTreeMap<String, IndexFile>,
    /// The attribute that holds an item's expiry, a number of epoch seconds.
    pub ttl: Option<String>,
    /// Whether the table can be restored to any second of the last 35 days, or of `restore_days`; false if not given.
    #[serde(default)]
    pub point_in_time_recovery: bool,
    /// How many days back the table can be restored, 1 to 35; 35 if not given. For as long what was deleted from the table is not gone.
    /// Only with point_in_time_recovery.
    #[schemars(range(min = 1, max = 35))]
    pub restore_days: Option<u32>,
    /// The most read units a second that the table takes, at least 1; without, what the account allows. Reads through an index do not count.
    /// What is above is refused as a throttle.
    #[schemars(range(min = 1))]
    pub max_read_units: Option<u32>,
    /// The most write units a second that the table takes, at least 1; without, what the account allows. It bounds what the table's writes
    /// can cost. What is above is refused as a throttle.
    #[schemars(range(min = 1))]
    pub max_write_units: Option<u32>,
}

/// A key attribute.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// The attribute's name.
    pub name: String,
    /// S (string), N (number) or B (binary).
    #[serde(rename = "type")]
    pub kind: KeyType,
}

/// A global secondary index.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IndexFile {
    /// What items are found by.
    pub partition_key: KeyFile,
    /// What items with one partition key are ordered by.
    pub sort_key: Option<KeyFile>,
    /// What the index copies of each item: ALL (the default) or KEYS_ONLY.
    #[serde(default)]
    pub projection: Projection,
}

/// A Lambda function.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionFile {
    /// The crate's directory, relative to this file.
    pub source: String,
    /// The program that runs, of a crate with several binaries; the one named like the function if not given.
    pub binary: Option<String>,
    /// The request it answers, as `POST /api/events`. Without, it is not reachable through the API. The site's address leads to paths below
    /// /api/ only.
    #[schemars(regex(pattern = r"^(GET|POST|PUT|PATCH|DELETE|HEAD) /\S*$"))]
    pub route: Option<String>,
    /// Tables it may read, and their indexes; with operations by name exactly these.
    #[serde(default, deserialize_with = "empty_is_default")]
    #[schemars(schema_with = "grant::reads")]
    pub reads: Vec<GrantFile>,
    /// Tables it may write; with operations by name exactly these.
    #[serde(default, deserialize_with = "empty_is_default")]
    #[schemars(schema_with = "grant::writes")]
    pub writes: Vec<GrantFile>,
    /// Memory in MB, 128 to 10240; 256 if not given.
    #[schemars(range(min = 128, max = 10240))]
    pub memory: Option<u32>,
    /// The longest an invocation may take, up to 15m; 30s if not given.
    pub timeout: Option<Seconds>,
    /// Invocations that may run at once, of those of the account kept for this function: it never has more, and others cannot use them.
    /// 0 switches it off. Without, it shares what the account has left.
    pub concurrency: Option<u32>,
    /// The processor it is built for: arm64 (the default) or x86_64.
    #[serde(default)]
    pub architecture: Architecture,
    /// Environment variables beside those for the tables.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub environment: BTreeMap<String, Text>,
    /// Environment variables whose values `up` takes from its own environment, by the same names: they stand in no file and are never
    /// shown. By their names they are known not to be shown: with SECRET, TOKEN, PASSWORD, CREDENTIAL or KEY in them. With
    /// `secrets_from: ssm` there is no variable NAME: NAME_PARAMETER has the name of a parameter, /{project}/{environment}/NAME.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub secrets: BTreeSet<String>,
}

/// What is different about a function in one environment.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionOverride {
    /// Memory in MB, 128 to 10240.
    #[schemars(range(min = 128, max = 10240))]
    pub memory: Option<u32>,
    /// The longest an invocation may take, up to 15m.
    pub timeout: Option<Seconds>,
    /// Invocations that may run at once; 0 switches it off.
    pub concurrency: Option<u32>,
    /// Added to the environment variables; the same name replaces.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub environment: BTreeMap<String, Text>,
    /// Added to the secrets.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub secrets: BTreeSet<String>,
}

/// The REST API.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiFile {
    /// Which other origins may call the API from a browser. Without, there are no preflights.
    pub cors: Option<CorsFile>,
    /// How much the API takes before it answers 429; 1000 requests per minute if not given.
    pub throttle: Option<ThrottleFile>,
    /// Secret that the distribution sends to the functions, by which they know that a visitor's address and country come from it; true
    /// if not given. Without, they believe every sender of such headers: for an API behind a proxy or a distribution of your own.
    pub origin_secret: Option<bool>,
}

/// Which other origins may call the API from a browser.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorsFile {
    /// "*" alone, or origins such as `https://example.com`. Functions find them in ALLOWED_ORIGINS and refuse others. The API's own errors (403, 429, 5xx) name it too; with several origins they name "*".
    #[schemars(length(min = 1))]
    pub origins: Vec<String>,
    /// Request headers a browser may send; just Content-Type if not given.
    pub headers: Option<Vec<String>>,
    /// How long a browser may remember the answer, up to 24h; 2h if not given.
    pub max_age: Option<Seconds>,
}

/// How much the API takes before it answers 429.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThrottleFile {
    /// In the long run, at least 1.
    #[schemars(range(min = 1))]
    pub requests_per_minute: u32,
    /// Requests at once on top of that; three seconds' worth if not given.
    #[schemars(range(min = 1))]
    pub burst: Option<u32>,
}

/// Static pages.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteFile {
    /// The directory of the pages, relative to this file. "What is published" below says which files are.
    pub source: String,
    /// What / shows, relative to `source`; index.html if not given. A directory with a page of that name is served under its own address.
    pub index: Option<String>,
    /// What a missing page shows, relative to `source`.
    pub error_page: Option<String>,
    /// Pages whose addresses `outputs` prints, by the output's name: `tracker_url: liveinsight.js`. For a script it prints the tag as well,
    /// with `integrity` if the file's name has a digest of its content.
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
}

impl SiteFile {
    /// The page that / shows.
    pub(super) fn index(&self) -> &str {
        self.index.as_deref().unwrap_or("index.html")
    }
}

/// Settings of all log groups.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogsFile {
    /// How long logs are kept, in days; 7 if not given.
    #[schemars(extend("enum" = super::RETENTION_DAYS))]
    pub retention_days: Option<u32>,
}

/// What is watched, and who is told.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmsFile {
    /// The ARN of an SNS topic that hears of every change. Without, alarms are only shown.
    pub notify: Option<String>,
    /// Alarms by name. Each watches exactly one of function, api and table.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub rules: BTreeMap<String, RuleFile>,
}

/// Who is told of alarms in one environment.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmsOverride {
    /// The ARN of an SNS topic that hears of every change.
    pub notify: Option<String>,
}

/// An alarm: fires when the metric reaches the threshold within a period.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// Watch this function; `metric` is errors, duration or throttles.
    pub function: Option<String>,
    /// Watch the API: 4xx, 5xx or latency.
    pub api: Option<String>,
    /// Watch this table; `metric` is read_throttles, write_throttles, consumed_read_units or consumed_write_units.
    pub table: Option<String>,
    /// What is watched of the function or the table.
    pub metric: Option<String>,
    /// A number of times (5), a share of the requests (10%) or a time (25s, 800ms).
    pub threshold: Threshold,
    /// The length of a period: whole minutes, such as 5m (the default).
    pub period: Option<Seconds>,
    /// How many periods in a row it takes; 1 if not given.
    #[schemars(range(min = 1))]
    pub periods: Option<u32>,
}
