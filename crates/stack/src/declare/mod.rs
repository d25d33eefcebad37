//! Turns `stack.yaml` into the graph of resources. Start reading here.
//!
//! [`declare`] reads from top to bottom as the stack does. Names come from [`Names`], and so do most ARNs: they are known before anything exists,
//! and a plain value orders nothing. A [`Ref`] stands only where AWS refuses to go first: a function waits for its role, an integration waits for
//! no function.

mod alarms;
mod api;
mod functions;
#[cfg(test)]
mod identity_tests;
#[cfg(test)]
mod ownership_tests;
pub(super) mod policy;
mod site;
mod sweeps;
#[cfg(test)]
mod tests;

pub use site::API_PATH;

pub(super) use api::star;

use super::names::table_output;
use super::{Names, Stack};
use aws::{Aws, REGION, STACK, Tags, Target};
use engine::{Graph, Handle, Ref};
use resources::{Bucket, Distribution, Index, KeyAttribute, OriginSecret, RestApi, SiteObject, Table, Verify};
use serde::Serialize;
use std::{collections::BTreeMap, path::PathBuf};

/// Built content of the resources. Missing content is left as it is in AWS.
#[derive(Debug, Default)]
pub struct Content {
    /// The functions' zips, by logical name.
    pub packages: BTreeMap<String, Package>,
    /// The site's files, by key.
    pub site: Option<BTreeMap<String, SiteObject>>,
    /// Files and directories of the site that are not published.
    pub left_out: Vec<LeftOut>,
    /// Values of `integrity` in the tags of scripts, by key. The tag of a script without one has no `integrity`.
    pub integrity: BTreeMap<String, String>,
}

/// Zip of a handler, ready for upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Digest in the form of Lambda's `CodeSha256`: base64 of SHA-256.
    pub sha256: String,
    /// Path of the zip. It is read on upload, which most runs do not need: a stack has many zips, of several megabytes each.
    pub path: PathBuf,
}

/// A file or directory of the site that is not published.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LeftOut {
    /// Path below the site's directory; a directory ends with a slash.
    pub path: String,
    /// Reason, in a few words.
    pub why: &'static str,
}

/// A declared stack.
pub struct Declaration {
    /// Graph of all declared resources.
    pub graph: Graph<Aws>,
    /// The bucket, if there is one, without fingerprint: it may have to be created early, or have its files restored.
    pub bucket: Option<Bucket>,
    /// The distribution, if there is one, without fingerprint: its caches may have to be invalidated after that.
    pub distribution: Option<Distribution>,
    /// Secret that the engine generates for the distribution and the functions, if it does.
    pub origin_secret: Option<OriginSecret>,
    verify: Verify,
    outputs: BTreeMap<String, Ref<String>>,
}

impl Declaration {
    /// Returns the secret by which the functions recognize the distribution, if there is one. Read it after an observation.
    pub fn shown_to_api(&self) -> Option<String> {
        self.verify.value()
    }

    /// Returns the stack's outputs (addresses, ids, names), as far as they exist. Read them after an observation.
    pub fn outputs(&self) -> BTreeMap<String, String> {
        self.outputs.iter().filter_map(|(name, value)| Some((name.clone(), value.get().ok()?))).collect()
    }

    /// Returns the names of all outputs, sorted.
    pub fn output_names(&self) -> impl Iterator<Item = &str> {
        self.outputs.keys().map(String::as_str)
    }
}

/// Declares every resource of a stack for a target.
pub fn declare(stack: &Stack, target: &Target, content: &Content) -> Declaration {
    let names = stack.names(&target.account);
    let origin_secret = stack.makes_origin_secret().then(OriginSecret::default);
    let (graph, outputs) = (Graph::default(), BTreeMap::new());
    let mut declaring = Declaring { stack, target, names, graph, bucket: None, distribution: None, origin_secret, outputs };
    for (name, table) in &stack.tables {
        declaring.table(name, table);
    }
    let functions: BTreeMap<&str, functions::Declared> =
        stack.functions.iter().map(|(name, function)| (name.as_str(), declaring.function(name, function, content))).collect();
    let api = stack.has_api().then(|| declaring.api(&functions));
    if let Some(site) = &stack.site {
        declaring.site(site, content, api.as_ref());
    }
    for (name, alarm) in &stack.alarms.rules {
        declaring.alarm(name, alarm);
    }
    declaring.sweeps(api.as_ref().map(|api| api.digest.as_str()));
    let verify = declaring.verify();
    let Declaring { graph, bucket, distribution, origin_secret, outputs, .. } = declaring;
    Declaration { graph, bucket, distribution, origin_secret, verify, outputs }
}

/// A stack while it is being declared.
struct Declaring<'a> {
    stack: &'a Stack,
    target: &'a Target,
    names: Names,
    graph: Graph<Aws>,
    bucket: Option<Bucket>,
    distribution: Option<Distribution>,
    origin_secret: Option<OriginSecret>,
    outputs: BTreeMap<String, Ref<String>>,
}

/// Parts of the API that the site refers to.
struct DeclaredApi {
    rest_api: Handle<RestApi>,
    /// Digest of everything that a deployment is a snapshot of.
    digest: String,
}

impl Declaring<'_> {
    fn table(&mut self, name: &str, table: &super::Table) {
        let key = |key: &super::Key| KeyAttribute { name: key.name.clone(), kind: key.kind.as_str().to_owned() };
        let index = |index: &super::Index| Index {
            partition_key: key(&index.partition_key),
            sort_key: index.sort_key.as_ref().map(key),
            projection: index.projection.as_str().to_owned(),
        };
        let physical = self.names.table(name);
        self.output(&table_output(name), physical.clone().into());
        self.graph.add(
            name,
            Table {
                billing_mode: "PAY_PER_REQUEST".to_owned(),
                partition_key: key(&table.partition_key),
                sort_key: table.sort_key.as_ref().map(key),
                indexes: table.indexes.iter().map(|(name, declared)| (name.clone(), index(declared))).collect(),
                time_to_live: table.ttl.clone().into(),
                point_in_time_recovery: table.point_in_time_recovery,
                deletion_protection: self.stack.protect.then_some(true),
                restore_days: table.point_in_time_recovery.then(|| i32::try_from(table.restore_days).unwrap_or(i32::MAX)),
                max_read_units: table.max_read_units.map(i64::from),
                max_write_units: table.max_write_units.map(i64::from),
                tags: self.tags(&physical),
                name: physical,
            },
        );
    }

    fn output(&mut self, name: &str, value: Ref<String>) {
        let other = self.outputs.insert(name.to_owned(), value);
        debug_assert!(other.is_none(), "{name} is an output twice");
    }

    /// Returns the tags of a taggable resource. The user's own tags cannot replace ours: the checks refuse that.
    fn tags(&self, physical: &str) -> Tags {
        self.stack
            .tags
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect::<Tags>()
            .with("Project", &self.stack.project)
            .with("Environment", &self.stack.environment)
            .with("Name", physical)
            .with("ManagedBy", "liveinsight")
            .with(STACK, self.names.stack_tag())
            .with(REGION, &self.stack.region)
    }
}

/// Returns the address of a distribution.
fn distribution_url(distribution: &Handle<Distribution>, target: &Target) -> Ref<String> {
    let target = target.clone();
    Distribution::domain_of(distribution).map(move |domain| target.distribution_url(&domain))
}
