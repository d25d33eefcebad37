//! Tags that every taggable resource carries, and the ownership that they prove.

use engine::Owner;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Key of the ownership tag; its value is `{project}/{environment}`.
pub const STACK: &str = "liveinsight:stack";
/// Key of the tag with the stack's region. Roles, distributions and buckets are visible from every region.
pub const REGION: &str = "liveinsight:region";
/// Key of the tag with the fingerprint of the last written declaration, which distinguishes drift from a pending change.
pub const APPLIED: &str = "liveinsight:applied";

/// Tags by key, without AWS's own (`aws:…`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags {
    pairs: BTreeMap<String, String>,
    /// Set if the live resource keeps its fingerprint.
    keeps_fingerprint: bool,
    /// Set if the tags are those of the tag inventory, which may be out of date.
    is_reported: bool,
}

impl Tags {
    /// Adds or replaces a tag.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.pairs.insert(key.to_owned(), value.into());
        self
    }

    /// Sets the fingerprint of the declaration.
    pub fn set_fingerprint(&mut self, fingerprint: &str) {
        self.pairs.insert(APPLIED.to_owned(), fingerprint.to_owned());
    }

    /// Keeps the fingerprint of the live resource, because the declaration is not fully known.
    pub fn keep_fingerprint(&mut self) {
        self.keeps_fingerprint = true;
    }

    /// Marks the tags as those of the tag inventory.
    #[must_use]
    pub(super) fn reported(self) -> Self {
        Self { is_reported: true, ..self }
    }

    /// Returns the value of a tag.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.get(key).map(String::as_str)
    }

    /// Returns the fingerprint of the last written declaration.
    pub fn applied(&self) -> Option<String> {
        self.get(APPLIED).map(str::to_owned)
    }

    /// Returns the owner of a resource with these tags, from the view of `stack` in `region`.
    pub fn owner(&self, stack: &str, region: &str) -> Owner {
        match (self.get(STACK), self.get(REGION)) {
            (Some(owner), Some(elsewhere)) if elsewhere != region => {
                Owner::Claimed(format!("it belongs to the stack {owner} in {elsewhere}"))
            }
            (Some(owner), _) if owner == stack && self.is_reported => Owner::Reported,
            (Some(owner), _) if owner == stack => Owner::Us,
            (Some(owner), _) => Owner::Claimed(format!("it belongs to the stack {owner}")),
            (None, _) => Owner::Other(format!("it has no tag {STACK}")),
        }
    }

    /// Returns the keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Returns the keys that `other` lacks: those that `UntagResource` has to remove.
    pub fn missing_from(&self, other: &Self) -> Vec<String> {
        let is_kept = |key: &String| other.pairs.contains_key(key) || other.keeps_fingerprint && key == APPLIED;
        self.pairs.keys().filter(|key| !is_kept(key)).cloned().collect()
    }

    /// Returns the tags as a map, for the services that take one.
    pub fn to_map<M: FromIterator<(String, String)>>(&self) -> M {
        self.pairs.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // In a declaration, a null value marks a field that is not managed.
        let kept = self.keeps_fingerprint.then_some((APPLIED, None));
        serializer.collect_map(self.iter().map(|(key, value)| (key, Some(value))).chain(kept))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Tags {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(tags: I) -> Self {
        Self {
            pairs: tags.into_iter().map(|(key, value)| (key.into(), value.into())).filter(|(key, _)| !key.starts_with("aws:")).collect(),
            keeps_fingerprint: false,
            is_reported: false,
        }
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
            assert!(matches!(owner(stack, region), Owner::Claimed(whose) if whose.contains(stack)), "{stack} {region}");
        }
        let bare = Tags::default().with("Name", "shop");
        assert!(matches!(bare.owner("shop/dev", "eu-west-1"), Owner::Other(whose) if whose.contains(STACK)));
    }
}
