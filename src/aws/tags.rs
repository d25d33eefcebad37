//! Tags: what every taggable resource carries, and how they prove whose it is.

use crate::engine::Owner;
use serde::Serialize;
use std::collections::BTreeMap;

/// The ownership tag; its value is `{project}/{environment}`.
pub const STACK: &str = "liveinsight:stack";
/// The region that the stack is in: roles, distributions and buckets are seen from every region.
pub const REGION: &str = "liveinsight:region";
/// The marks of what was declared when the resource was last written: they tell drift from a pending change.
pub const APPLIED: &str = "liveinsight:applied";

/// Tags by key. AWS's own (`aws:…`) are never among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// Sets one.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Sets the marks of the declaration.
    pub fn stamp(&mut self, marks: &str) {
        self.0.insert(APPLIED.to_owned(), marks.to_owned());
    }

    /// One of them.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The marks of the declaration that was last written.
    pub fn applied(&self) -> Option<String> {
        self.get(APPLIED).map(str::to_owned)
    }

    /// Whose the bearer is, asked by `stack` in `region`.
    pub fn owner(&self, stack: &str, region: &str) -> Owner {
        match (self.get(STACK), self.get(REGION)) {
            (Some(owner), Some(elsewhere)) if elsewhere != region => {
                Owner::Other(format!("it belongs to the stack {owner} in {elsewhere}"))
            }
            (Some(owner), _) if owner == stack => Owner::Us,
            (Some(owner), _) => Owner::Other(format!("it belongs to the stack {owner}")),
            (None, _) => Owner::Other(format!("it has no tag {STACK}")),
        }
    }

    /// Keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Keys that are here and not there: what `UntagResource` has to remove.
    pub fn missing_from(&self, other: &Self) -> Vec<String> {
        self.0.keys().filter(|key| !other.0.contains_key(*key)).cloned().collect()
    }

    /// As a map, for the services that take one.
    pub fn to_map<M: FromIterator<(String, String)>>(&self) -> M {
        self.0.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Tags {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(tags: I) -> Self {
        Self(tags.into_iter().map(|(key, value)| (key.into(), value.into())).filter(|(key, _)| !key.starts_with("aws:")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Owner, REGION, STACK, Tags};

    #[test]
    fn ours_are_our_stack_in_our_region() {
        let owner = |stack: &str, region: &str| Tags::default().with(STACK, stack).with(REGION, region).owner("shop/dev", "eu-west-1");
        assert_eq!(owner("shop/dev", "eu-west-1"), Owner::Us);
        for (stack, region) in [("shop/prod", "eu-west-1"), ("shop/dev", "us-east-1")] {
            assert!(matches!(owner(stack, region), Owner::Other(whose) if whose.contains(stack)), "{stack} {region}");
        }
        let bare = Tags::default().with("Name", "shop");
        assert!(matches!(bare.owner("shop/dev", "eu-west-1"), Owner::Other(whose) if whose.contains(STACK)));
    }
}
