//! What makes an earlier release live again: content like any other, but of versions that exist already.

use super::{Objects, Record};
use crate::{
    aws::{Aws, Optional},
    engine::{Graph, Id, Resource, Result},
    resources::{Alias, Bucket, Distribution, SiteContent, SiteObject},
    stack::{Content, Names, Version},
};
use futures::future::try_join_all;
use std::collections::BTreeSet;

impl Record {
    /// What was live then: of these functions, and `with_pages` the pages.
    pub fn content(&self, is_wanted: impl Fn(&str) -> bool, with_pages: bool) -> Content {
        let functions = self.functions.iter().filter(|(name, _)| is_wanted(name));
        let page = |page: &super::Page| SiteObject { md5: page.md5.clone(), content: SiteContent::Version(page.version.clone()) };
        let pages = || self.site.iter().map(|(key, of)| (key.clone(), page(of))).collect();
        Content {
            versions: functions.map(|(name, version)| (name.clone(), version.clone())).collect(),
            site: (with_pages && !self.site.is_empty()).then(pages),
            ..Content::default()
        }
    }
}

/// The resources that have to be written to put this back; nothing else is touched.
pub fn touched(graph: &Graph<Aws>, content: &Content) -> BTreeSet<Id> {
    let is_touched = |id: &Id| match id.kind() {
        Alias::KIND => content.versions.contains_key(id.name()),
        // The distribution, so that its caches are told.
        Bucket::KIND | Distribution::KIND => content.site.is_some(),
        _ => false,
    };
    graph.entries().iter().map(|entry| entry.id.clone()).filter(is_touched).collect()
}

/// What would have to serve and is not there any more, in words.
pub async fn gone(aws: &Aws, names: &Names, objects: &Objects, content: &Content) -> Result<Vec<String>> {
    let function = async |(logical, version): (&String, &Version)| {
        let name = names.function(logical);
        let get = || aws.lambda.get_function().function_name(&name).qualifier(&version.version).send();
        let found = aws.read("lambda:GetFunction", get).await.optional()?;
        Ok(found.is_none().then(|| format!("version {} of {logical}", version.version)))
    };
    let functions: Vec<Option<String>> = try_join_all(content.versions.iter().map(function)).await?;
    let is_there = |key: &String, object: &SiteObject| match &object.content {
        // Unchanged pages are left as they are.
        _ if objects.site.get(key).is_some_and(|page| page.md5 == object.md5) => true,
        SiteContent::Version(version) => objects.versions.contains(&(key.clone(), version.clone())),
        SiteContent::File { .. } => true,
    };
    let pages = content.site.iter().flatten().filter(|(key, object)| !is_there(key, object)).map(|(key, _)| format!("page {key}"));
    Ok(functions.into_iter().flatten().chain(pages).collect())
}
