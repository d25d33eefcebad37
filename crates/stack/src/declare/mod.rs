//! Turns `stack.yaml` into the graph of resources.
//!
//! [`declare`] has each section declare its resources (`sections`). Names come from [`Names`], and so do most ARNs: they are known before anything
//! exists, and a plain value orders nothing. A [`Ref`] stands only where AWS refuses to go first: a function waits for its role, an integration waits
//! for no function.

#[cfg(test)]
mod identity_tests;

#[cfg(test)]
mod ownership_tests;

mod sweeps;

#[cfg(test)]
mod tests;

use crate::{Names, Stack, sections};
use aws::{Aws, REGION, STACK, Tags, Target};
use engine::{Graph, Ref};
use resources::{Bucket, Distribution, OriginSecret, SiteObject, Verify};
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
    let deployment = sections::declare(&mut declaring, content);
    declaring.sweeps(deployment.as_deref());
    let verify = declaring.verify();
    let Declaring { graph, bucket, distribution, origin_secret, outputs, .. } = declaring;
    Declaration { graph, bucket, distribution, origin_secret, verify, outputs }
}

/// A stack while it is being declared.
pub(crate) struct Declaring<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) target: &'a Target,
    pub(crate) names: Names,
    pub(crate) graph: Graph<Aws>,
    pub(crate) bucket: Option<Bucket>,
    pub(crate) distribution: Option<Distribution>,
    pub(crate) origin_secret: Option<OriginSecret>,
    pub(crate) outputs: BTreeMap<String, Ref<String>>,
}

impl Declaring<'_> {
    pub(crate) fn output(&mut self, name: &str, value: Ref<String>) {
        let other = self.outputs.insert(name.to_owned(), value);
        debug_assert!(other.is_none(), "{name} is an output twice");
    }

    /// Returns the tags of a taggable resource. The user's own tags cannot replace ours: the checks refuse that.
    pub(crate) fn tags(&self, physical: &str) -> Tags {
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
