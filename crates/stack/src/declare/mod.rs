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

use crate::sections::{self, Content, Declaring, Stack};
use aws::{Aws, Target};
use engine::{Graph, Ref};
use resources::{Bucket, Distribution, OriginSecret, Verify};
use std::collections::BTreeMap;

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
    let (graph, addresses, outputs) = (Graph::default(), BTreeMap::new(), BTreeMap::new());
    let mut declaring = Declaring { stack, target, names, graph, bucket: None, distribution: None, origin_secret, addresses, outputs };
    let deployment = sections::declare(&mut declaring, content);
    declaring.sweeps(deployment.as_deref());
    let verify = declaring.verify();
    let Declaring { graph, bucket, distribution, origin_secret, outputs, .. } = declaring;
    Declaration { graph, bucket, distribution, origin_secret, verify, outputs }
}
