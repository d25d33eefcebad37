//! Sections of `stack.yaml`, each in one module: its keys as written (`…File`), its checked form, the way from one to the other (`resolve`), its
//! checks and what it declares. This file lists them.
//!
//! The JSON schema is generated from the types of the file and their comments, so these comments address the author of the file.

#![expect(clippy::doc_markdown, reason = "comments of the file's types are shown to users by their editor, as plain text")]

mod alarms;
mod api;
mod declaring;
mod functions;
mod logs;
pub(crate) mod reference;
mod settings;
mod site;
mod smoke;
mod tables;

pub use alarms::{API_METRICS, Alarm, Alarms, FUNCTION_METRICS, Metric, Statistic, TABLE_METRICS, Unit, Watches};
pub use api::{Api, Authorizer, Cors, Decider, Identity, Throttle};
pub use declaring::{Content, LeftOut, Package};
pub use functions::{
    BOOTSTRAP, Code, Crate, Function, Grant, Indexes, Operation, Prebuilt, Route, Url, binaries, permissions_of_any_function,
};
pub use logs::{Logs, RETENTION_DAYS};
pub use settings::{Readers, SecretsFrom};
pub use site::{API_PATH, Site};
pub use smoke::{Front, SmokeRequest};
pub use tables::{Index, Key, KeyType, LocalIndex, Projection, Table, TableClass};

pub(crate) use declaring::Declaring;
pub(crate) use functions::{FunctionFile, Values, check_layers, features, policy, secrets, source, values};
pub(crate) use site::{SiteFile, too_many_headers};

use alarms::{AlarmsFile, AlarmsOverride};
use api::ApiFile;
use functions::FunctionOverride;
use logs::LogsFile;
use settings::BuildFile;
use smoke::SmokeFile;
use tables::TableFile;

use crate::problems::Problems;
use crate::values::Text;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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
    /// Lambda functions, each a binary of a crate or a package.
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
    /// Requests that check a release in place of the usual check, in this order. A miss fails the release. With `[]` nothing is checked.
    pub smoke: Option<Vec<SmokeFile>>,
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
    /// Replaces the list of requests that check a release.
    pub smoke: Option<Vec<SmokeFile>>,
}

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
    /// Requests that check a release; `None`: the usual check.
    pub smoke: Option<Vec<SmokeRequest>>,
    /// Environment variables that builds see although they hold credentials.
    pub build_environment: BTreeSet<String>,
    /// Settings with a surprising effect, or that work only after AWS raised a quota; each with its position in the file.
    pub warnings: Vec<String>,
    /// The directory that holds `stack.yaml`; sources are relative to it.
    pub root: PathBuf,
}

impl StackFile {
    /// Returns one environment of a checked file: overrides merged, defaults filled in, units converted. `region` overrides the file's region.
    /// Values that the checks would refuse are left out.
    pub(crate) fn resolve(&self, environment: &str, region: Option<&str>, root: &Path) -> Stack {
        let overrides = self.environments.get(environment).cloned().flatten().unwrap_or_default();
        let secrets_from = self.secrets_from(&overrides);
        Stack {
            project: self.project.clone(),
            environment: environment.to_owned(),
            region: region.or(overrides.region.as_deref()).unwrap_or(&self.region).to_owned(),
            protect: overrides.protect,
            tags: merged(&self.tags, &overrides.tags),
            tables: self.tables.iter().map(|(name, table)| (name.clone(), table.resolve())).collect(),
            functions: functions::resolve(&self.functions, &overrides.functions, secrets_from),
            api: self.api.resolve(&overrides.api),
            site: self.site.as_ref().map(SiteFile::resolve),
            logs: self.logs.resolve(&overrides.logs),
            alarms: self.alarms.resolve(&overrides.alarms),
            permissions_boundary: overrides.permissions_boundary.or_else(|| self.permissions_boundary.clone()),
            readers: overrides.readers.or(self.readers).unwrap_or_default(),
            secrets_from,
            smoke: smoke::resolve(self.smoke.as_ref(), overrides.smoke.as_ref()),
            build_environment: self.build.environment.clone(),
            warnings: Vec::new(),
            root: root.to_owned(),
        }
    }

    /// Returns the environments with overrides, by name.
    pub(crate) fn overrides(&self) -> impl Iterator<Item = (&str, &EnvironmentFile)> {
        self.environments.iter().filter_map(|(name, overrides)| Some((name.as_str(), overrides.as_ref()?)))
    }

    /// Returns the source of an environment's secret values.
    pub(crate) fn secrets_from(&self, overrides: &EnvironmentFile) -> SecretsFrom {
        overrides.secrets_from.or(self.secrets_from).unwrap_or_default()
    }
}

/// Checks all sections of a file, in all environments.
pub(crate) fn check(file: &StackFile, problems: &mut Problems) {
    tables::check(file, problems);
    functions::check(file, problems);
    api::check(file, problems);
    site::check(file, problems);
    logs::check(file, problems);
    alarms::check(file, problems);
    smoke::check(file, problems);
}

/// Declares the resources of all sections. Returns the digest of the API's deployment, if there is an API.
pub(crate) fn declare(declaring: &mut Declaring<'_>, content: &Content) -> Option<String> {
    tables::declare(declaring);
    // A function may refer to the addresses of API and site, so these come first. What the API does with the function follows.
    let api = api::declare(declaring);
    site::declare(declaring, content, api.as_ref());
    let functions = functions::declare(declaring, content);
    let deployment = api.map(|api| declaring.deploy(api, &functions));
    functions::declare_urls(declaring, &functions);
    alarms::declare(declaring);
    deployment
}

fn merged(base: &BTreeMap<String, Text>, overrides: &BTreeMap<String, Text>) -> BTreeMap<String, String> {
    base.iter().chain(overrides).map(|(key, Text(value))| (key.clone(), value.clone())).collect()
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
