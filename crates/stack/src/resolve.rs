//! Resolves one environment of the file: overrides merged, defaults filled in, units converted.
//!
//! Runs after the checks and so cannot fail; values that they would refuse are simply left out here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::file::{CorsFile, EnvironmentFile, FunctionFile, FunctionOverride, KeyFile, StackFile, TableFile, ThrottleFile};
use super::grant::{GrantFile, OperationsFile};
use super::model::{Alarms, Api, Cors, Function, Grant, Index, Indexes, Key, Logs, SecretsFrom, Site, Stack, Table, Throttle};
use super::operation::Operation;
use super::values::{Seconds, Text};
use super::{alarm, route};

/// Default memory of a function, in MB.
const MEMORY: u32 = 256;
/// Default timeout of a function.
const TIMEOUT: Seconds = Seconds(30);
/// Default retention of logs, in days.
const RETENTION_DAYS: u32 = 7;
/// Default number of days for which a table can be restored; DynamoDB has the same default.
const RESTORE_DAYS: u32 = 35;
/// Default throttle of the API.
const REQUESTS_PER_MINUTE: u32 = 1000;
/// Default time that browsers cache the answer to a preflight: the most that Chromium accepts.
const MAX_AGE: Seconds = Seconds(7200);

/// Returns one environment of a checked file. `region` overrides the file's region.
pub(super) fn resolve(file: &StackFile, environment: &str, region: Option<&str>, root: &Path) -> Stack {
    let overrides = file.environments.get(environment).cloned().flatten().unwrap_or_default();
    let written_region = overrides.region.as_ref().unwrap_or(&file.region);
    let no_override = FunctionOverride::default();
    let secrets_from = secrets_from(file, &overrides);
    Stack {
        project: file.project.clone(),
        environment: environment.to_owned(),
        region: region.unwrap_or(written_region).to_owned(),
        protect: overrides.protect,
        tags: merged(&file.tags, &overrides.tags),
        tables: file.tables.iter().map(|(name, written)| (name.clone(), table(written))).collect(),
        functions: file
            .functions
            .iter()
            .map(|(name, written)| {
                let overrides = overrides.functions.get(name).unwrap_or(&no_override);
                (name.clone(), function(written, overrides, secrets_from))
            })
            .collect(),
        api: api(file, &overrides),
        site: file.site.as_ref().map(|site| Site {
            source: site.source.clone().into(),
            index: site.index().to_owned(),
            error_page: site.error_page.clone(),
            outputs: site.outputs.clone(),
        }),
        logs: Logs { retention_days: overrides.logs.retention_days.or(file.logs.retention_days).unwrap_or(RETENTION_DAYS) },
        alarms: Alarms {
            notify: overrides.alarms.notify.or_else(|| file.alarms.notify.clone()),
            rules: file.alarms.rules.iter().filter_map(|(name, rule)| Some((name.clone(), alarm::parse(rule).ok()?))).collect(),
        },
        permissions_boundary: overrides.permissions_boundary.or_else(|| file.permissions_boundary.clone()),
        readers: overrides.readers.or(file.readers).unwrap_or_default(),
        secrets_from,
        build_environment: file.build.environment.clone(),
        warnings: Vec::new(),
        root: root.to_owned(),
    }
}

fn table(written: &TableFile) -> Table {
    Table {
        partition_key: key(&written.partition_key),
        sort_key: written.sort_key.as_ref().map(key),
        indexes: written
            .indexes
            .iter()
            .map(|(name, index)| {
                let index = Index {
                    partition_key: key(&index.partition_key),
                    sort_key: index.sort_key.as_ref().map(key),
                    projection: index.projection,
                };
                (name.clone(), index)
            })
            .collect(),
        ttl: written.ttl.clone(),
        point_in_time_recovery: written.point_in_time_recovery,
        restore_days: written.restore_days.unwrap_or(RESTORE_DAYS),
        max_read_units: written.max_read_units,
        max_write_units: written.max_write_units,
    }
}

fn key(written: &KeyFile) -> Key {
    Key { name: written.name.clone(), kind: written.kind }
}

/// Returns the source of an environment's secret values.
pub(super) fn secrets_from(file: &StackFile, overrides: &EnvironmentFile) -> SecretsFrom {
    overrides.secrets_from.or(file.secrets_from).unwrap_or_default()
}

fn function(written: &FunctionFile, overrides: &FunctionOverride, secrets_from: SecretsFrom) -> Function {
    let secrets = || written.secrets.union(&overrides.secrets).cloned();
    let (of_environment, parameters) = match secrets_from {
        SecretsFrom::Environment => (secrets().map(|name| (name, None)).collect(), BTreeSet::new()),
        SecretsFrom::Ssm => (BTreeMap::new(), secrets().collect()),
    };
    Function {
        source: written.source.clone().into(),
        binary: written.binary.clone(),
        route: written.route.as_deref().and_then(|text| route::parse(text).ok()),
        reads: written.reads.iter().flat_map(|grant| grants(grant, &Operation::READS)).collect(),
        writes: written.writes.iter().flat_map(|grant| grants(grant, &Operation::WRITES)).collect(),
        memory: overrides.memory.or(written.memory).unwrap_or(MEMORY),
        timeout: overrides.timeout.or(written.timeout).unwrap_or(TIMEOUT).0,
        concurrency: overrides.concurrency.or(written.concurrency),
        architecture: written.architecture,
        environment: merged(&written.environment, &overrides.environment),
        secrets: of_environment,
        parameters,
    }
}

/// Converts an element of `reads` or `writes`: a table alone stands for all operations of the list, on its indexes as well.
fn grants(written: &GrantFile, all: &[Operation]) -> Vec<Grant> {
    match written {
        GrantFile::All(table) => {
            vec![Grant { table: table.clone(), operations: all.iter().copied().collect(), indexes: Indexes::All, keys: BTreeSet::new() }]
        }
        GrantFile::Named(tables) => {
            let grant = |(table, written): (&String, &OperationsFile)| {
                let written = written.operations();
                Grant {
                    table: table.clone(),
                    operations: written.names.iter().filter_map(|name| Operation::named(name)).collect(),
                    indexes: Indexes::Named(written.indexes.iter().cloned().collect()),
                    keys: written.keys.iter().cloned().collect(),
                }
            };
            tables.iter().map(grant).collect()
        }
    }
}

fn api(file: &StackFile, overrides: &EnvironmentFile) -> Api {
    let default = ThrottleFile { requests_per_minute: REQUESTS_PER_MINUTE, burst: None };
    let written = overrides.api.throttle.as_ref().or(file.api.throttle.as_ref()).unwrap_or(&default);
    let cors = overrides.api.cors.as_ref().or(file.api.cors.as_ref());
    Api {
        cors: cors.map(cors_of),
        origin_secret: overrides.api.origin_secret.or(file.api.origin_secret).unwrap_or(true),
        throttle: Throttle {
            rate: f64::from(written.requests_per_minute) / 60.0,
            burst: written.burst.unwrap_or_else(|| written.requests_per_minute.div_ceil(20)),
        },
    }
}

fn cors_of(written: &CorsFile) -> Cors {
    Cors {
        origins: written.origins.clone(),
        headers: written.headers.clone().unwrap_or_else(|| vec!["Content-Type".to_owned()]),
        max_age: written.max_age.unwrap_or(MAX_AGE).0,
    }
}

fn merged(base: &BTreeMap<String, Text>, overrides: &BTreeMap<String, Text>) -> BTreeMap<String, String> {
    base.iter().chain(overrides).map(|(key, Text(value))| (key.clone(), value.clone())).collect()
}
