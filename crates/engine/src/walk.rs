//! Visits every resource as soon as its neighbours allow.

use super::{Error, Graph, Id, current::for_resource};
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::BTreeMap;

/// Reason why a resource has no result.
#[derive(Debug, Clone)]
pub(super) enum Skipped {
    /// The visit failed.
    Failed(Error),
    /// Not attempted, because the resource that it depends on failed.
    Behind(Id),
}

pub(super) type Results<T> = BTreeMap<Id, Result<T, Skipped>>;

impl<C: super::Cloud> Graph<C> {
    /// Returns the dependencies of each entry for creation, as indices into [`entries`](Self::entries).
    pub fn forward(&self) -> Vec<Vec<usize>> {
        self.entries.iter().map(|entry| entry.needs.clone()).collect()
    }

    /// Returns the dependencies of each entry for removal, as indices into [`entries`](Self::entries).
    pub fn backward(&self) -> Vec<Vec<usize>> {
        let mut waits = vec![Vec::new(); self.entries.len()];
        for (user, entry) in self.entries.iter().enumerate() {
            for &used in &entry.needs {
                if !self.delete_freely.contains(&(user, used)) {
                    waits[used].push(user);
                }
            }
        }
        for &(first, then) in &self.delete_order {
            waits[then].push(first);
        }
        if let Some(last) = self.last {
            // The last entry also waits for the check that all others are gone, which is not an entry.
            waits[last] = (0..waits.len()).filter(|&other| other != last).collect();
        }
        waits
    }

    /// Visits each entry after the entries it waits for. A failure skips its dependants and nothing else.
    pub(super) async fn walk<'a, T, F>(&'a self, waits: Vec<Vec<usize>>, visit: impl Fn(usize) -> F) -> Results<T>
    where
        F: Future<Output = Result<T, Error>> + 'a,
        T: 'a,
    {
        let mut followers: Vec<Vec<usize>> = vec![Vec::new(); waits.len()];
        for (index, needs) in waits.iter().enumerate() {
            for &need in needs {
                followers[need].push(index);
            }
        }
        let mut left: Vec<usize> = waits.iter().map(Vec::len).collect();
        let mut blocked: Vec<Option<Id>> = vec![None; waits.len()];
        let mut ready: Vec<usize> = (0..left.len()).filter(|&index| left[index] == 0).collect();
        let mut running = FuturesUnordered::new();
        let mut done = Results::new();
        loop {
            for index in ready.drain(..) {
                let visit = match blocked[index].clone() {
                    Some(id) => Err(Skipped::Behind(id)),
                    None => Ok(visit(index)),
                };
                running.push(async move {
                    match visit {
                        Ok(visit) => (index, for_resource(&self.entries[index].id, visit).await.map_err(Skipped::Failed)),
                        Err(skipped) => (index, Err(skipped)),
                    }
                });
            }
            let Some((index, result)) = running.next().await else { return done };
            // Dependants of a skipped entry are skipped behind the entry that failed first.
            let trouble = match &result {
                Ok(_) => None,
                Err(Skipped::Failed(_)) => Some(&self.entries[index].id),
                Err(Skipped::Behind(root)) => Some(root),
            };
            for &follower in &followers[index] {
                if let (Some(root), None) = (trouble, &blocked[follower]) {
                    blocked[follower] = Some(root.clone());
                }
                left[follower] -= 1;
                if left[follower] == 0 {
                    ready.push(follower);
                }
            }
            done.insert(self.entries[index].id.clone(), result);
        }
    }
}
