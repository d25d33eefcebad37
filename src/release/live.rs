//! Live state, as a run has observed it.

use super::{
    Action, Record, Version, recent,
    record::{SITE, digests},
    store::parse_key,
};
use crate::{
    aws::Aws,
    engine::{Graph, Result, digest},
    resources::{Alias, AliasOutput, list_releases, list_site},
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// State that requests reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Versions of the functions, by logical name.
    pub functions: BTreeMap<String, Version>,
    /// MD5 of each file of the site, by key.
    pub site: BTreeMap<String, String>,
}

impl Live {
    /// Takes the functions from the observed or converged graph, with these files.
    pub fn new(graph: &Graph<Aws>, site: BTreeMap<String, String>) -> Self {
        let mut functions = BTreeMap::new();
        for entry in graph.entries() {
            let Some(AliasOutput { version, release, .. }) = entry.output::<Alias>() else { continue };
            functions.insert(entry.id.name().to_owned(), Version { version, release });
        }
        Self { functions, site }
    }

    /// Returns the digest that identifies this state.
    pub fn digest(&self) -> String {
        digest(&(&self.functions, &self.site))
    }
}

/// Newest release, compared with the live state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Number of the newest release, counted from 1.
    pub number: u64,
    /// Set if the newest release is live.
    pub live: bool,
    /// Functions, and the site as `site`, that serve an earlier release, with its number: after `rollback`, or after a failed
    /// check.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rolled_back: BTreeMap<String, u64>,
    /// Functions, and the site as `site`, that serve the newest release. The sources may differ from both: they may be newer,
    /// or rolled back.
    #[serde(skip)]
    pub as_recorded: BTreeSet<String>,
}

/// Compares the observed state with the newest releases; `None` without a release. Takes one call beyond those of the run.
pub async fn standing(aws: &Aws, bucket: &str, graph: &Graph<Aws>) -> Result<Option<Standing>> {
    let mut releases: Vec<(u64, String)> = list_releases(aws, bucket).await?.iter().filter_map(|key| parse_key(key)).collect();
    releases.sort();
    let live = Live::new(graph, list_site(aws, bucket).await?);
    let recent = recent::read(aws, bucket).await?;
    let records: Vec<Record> = releases.iter().rev().map_while(|(number, digest)| recent.record(*number, digest)).collect();
    let as_recorded = records.first().map(|newest| as_recorded(&live, newest)).unwrap_or_default();
    Ok(releases.last().map(|(number, digest)| Standing {
        number: *number,
        live: *digest == live.digest(),
        rolled_back: rolled_back(&as_recorded, &records),
        as_recorded,
    }))
}

/// Returns the parts that serve what the record contains.
fn as_recorded(live: &Live, record: &Record) -> BTreeSet<String> {
    let functions = record.functions.iter().filter(|(name, version)| live.functions.get(*name) == Some(version));
    let site = (digests(&record.site) == live.site).then(|| SITE.to_owned());
    functions.map(|(name, _)| name.clone()).chain(site).collect()
}

/// Returns the parts that a rollback restored, with their release. The records are the newest ones, newest first.
fn rolled_back(serving: &BTreeSet<String>, records: &[Record]) -> BTreeMap<String, u64> {
    let origin = |name: &str| records.iter().find(|record| record.changed.iter().any(|changed| changed == name));
    let number = |name: &str| match origin(name)?.action {
        Action::Rollback(to) => Some((name.to_owned(), to)),
        Action::Up => None,
    };
    serving.iter().filter_map(|name| number(name)).collect()
}

/// Returns true if the newest release is live. Reuses the run's calls, unless something was written since.
pub async fn is_recorded(aws: &Aws, bucket: &str, graph: &Graph<Aws>) -> Result<bool> {
    let live = Live::new(graph, list_site(aws, bucket).await?);
    Ok(newest(aws, bucket).await?.is_some_and(|(_, digest)| digest == live.digest()))
}

async fn newest(aws: &Aws, bucket: &str) -> Result<Option<(u64, String)>> {
    Ok(list_releases(aws, bucket).await?.iter().filter_map(|key| parse_key(key)).max())
}

#[cfg(test)]
mod tests {
    use super::{Live, as_recorded, rolled_back};
    use crate::release::{Action, Author, Page, Record, Version};
    use std::collections::BTreeMap;

    /// Builds a record with the versions of two functions, and the page.
    fn record(action: Action, [a, b]: [&str; 2], page: &str, before: Option<&Record>) -> Record {
        let version = |number: &str| Version { version: number.to_owned(), release: format!("of {number}") };
        let functions = BTreeMap::from([("a".to_owned(), version(a)), ("b".to_owned(), version(b))]);
        let site = BTreeMap::from([("index.html".to_owned(), Page { md5: page.to_owned(), version: String::new() })]);
        Record::new(action, Author::default(), functions, site, before)
    }

    fn live(record: &Record) -> Live {
        let site = record.site.iter().map(|(key, page)| (key.clone(), page.md5.clone())).collect();
        Live { functions: record.functions.clone(), site }
    }

    /// Returns the parts reported as rolled back while the last of these records is live.
    fn told(records: &[Record]) -> Vec<(String, u64)> {
        let newest_first: Vec<Record> = records.iter().rev().cloned().collect();
        rolled_back(&as_recorded(&live(&newest_first[0]), &newest_first[0]), &newest_first).into_iter().collect()
    }

    #[test]
    fn each_part_is_told_by_the_release_that_last_changed_it() {
        let first = record(Action::Up, ["1", "1"], "1", None);
        let second = record(Action::Up, ["2", "2"], "2", Some(&first));
        assert_eq!(told(&[first.clone(), second.clone()]), []);
        let back = record(Action::Rollback(1), ["1", "1"], "1", Some(&second));
        let all = [first.clone(), second.clone(), back.clone()];
        assert_eq!(told(&all), [("a".to_owned(), 1), ("b".to_owned(), 1), ("site".to_owned(), 1)]);
        // One part is released again; the others keep the versions that were restored.
        let third = record(Action::Up, ["3", "1"], "1", Some(&back));
        assert_eq!(told(&[first.clone(), second.clone(), back, third]), [("b".to_owned(), 1), ("site".to_owned(), 1)]);
        // Only one part was restored.
        let one = record(Action::Rollback(1), ["1", "2"], "2", Some(&second));
        assert_eq!(told(&[first, second, one]), [("a".to_owned(), 1)]);
    }

    #[test]
    fn what_was_changed_from_outside_is_not_rolled_back() {
        let first = record(Action::Up, ["1", "1"], "1", None);
        let second = record(Action::Up, ["2", "2"], "2", Some(&first));
        let back = record(Action::Rollback(1), ["1", "1"], "1", Some(&second));
        let moved = live(&record(Action::Up, ["2", "1"], "other", None));
        let serving = as_recorded(&moved, &back);
        assert_eq!(serving.iter().collect::<Vec<_>>(), ["b"]);
        assert_eq!(rolled_back(&serving, &[back, second, first]).into_keys().collect::<Vec<_>>(), ["b"]);
    }
}
