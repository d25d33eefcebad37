//! What is live, as a run has observed it.

use super::{Version, store::parse_key};
use crate::{
    aws::Aws,
    engine::{Graph, Resource, Result, digest},
    resources::{Alias, list_releases, list_site},
};
use std::collections::BTreeMap;

/// What requests meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The functions, by logical name.
    pub functions: BTreeMap<String, Version>,
    /// MD5 of the site's files, by key.
    pub site: BTreeMap<String, String>,
}

impl Live {
    /// The functions as the graph was observed or made, with these files.
    pub fn new(graph: &Graph<Aws>, site: BTreeMap<String, String>) -> Self {
        let mut functions = BTreeMap::new();
        for entry in graph.entries().iter().filter(|entry| entry.id.kind() == Alias::KIND) {
            let Some(outputs) = entry.outputs() else { continue };
            let text = |name: &str| outputs[name].as_str().unwrap_or_default().to_owned();
            functions.insert(entry.id.name().to_owned(), Version { version: text("version"), release: text("release") });
        }
        Self { functions, site }
    }

    /// What tells one from another.
    pub fn digest(&self) -> String {
        digest(&(&self.functions, &self.site))
    }
}

/// The number of the newest release.
pub async fn latest(aws: &Aws, bucket: &str) -> Result<Option<u64>> {
    Ok(newest(aws, bucket).await?.map(|(number, _)| number))
}

/// Whether what is live is the newest release. Asks nothing that a run has not asked, unless something was written since.
pub async fn is_recorded(aws: &Aws, bucket: &str, graph: &Graph<Aws>) -> Result<bool> {
    let live = Live::new(graph, list_site(aws, bucket).await?);
    Ok(newest(aws, bucket).await?.is_some_and(|(_, digest)| digest == live.digest()))
}

async fn newest(aws: &Aws, bucket: &str) -> Result<Option<(u64, String)>> {
    Ok(list_releases(aws, bucket).await?.iter().filter_map(|key| parse_key(key)).max())
}
