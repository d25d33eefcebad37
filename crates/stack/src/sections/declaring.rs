//! A stack while its sections declare their resources, and the content that they declare it with.

use super::Stack;
use crate::sections::reference::Address;
use aws::facts::Names;
use aws::{Aws, REGION, STACK, Tags, Target};
use engine::{Graph, Ref};
use resources::{Bucket, Distribution, OriginSecret, SiteObject};
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

/// A stack while it is being declared.
pub(crate) struct Declaring<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) target: &'a Target,
    pub(crate) names: Names,
    pub(crate) graph: Graph<Aws>,
    pub(crate) bucket: Option<Bucket>,
    pub(crate) distribution: Option<Distribution>,
    pub(crate) origin_secret: Option<OriginSecret>,
    /// Addresses of the API and the site, as far as they are declared.
    pub(crate) addresses: BTreeMap<Address, Ref<String>>,
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
