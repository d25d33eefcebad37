//! Events that a renderer receives.

use super::{Changes, Error, Id};
use serde::Serialize;
use std::time::Duration;

/// Change of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Creation of a resource that does not exist.
    Create,
    /// Change of fields in place.
    Update,
    /// Deletion and creation, for a field that cannot change in place.
    Replace,
    /// Deletion of a resource that exists.
    Delete,
}

/// End of the work on a resource.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// The action succeeded.
    Done,
    /// The action failed with this error.
    Failed(&'a Error),
}

/// Progress of a run. Every renderer (terminal, plain, JSON) is fed from these events alone.
#[derive(Debug)]
pub enum Event<'a> {
    /// The engine observes the live resources; `done` of `total` are known.
    Observing {
        /// Number of resources observed so far.
        done: usize,
        /// Number of resources to observe.
        total: usize,
    },
    /// Work on a resource begins.
    Started {
        /// Resource that is about to change.
        id: &'a Id,
        /// Action that begins.
        action: Action,
        /// Fields that the action changes; empty for a deletion.
        changes: &'a Changes,
    },
    /// The resource has to wait.
    Waiting {
        /// Resource that waits.
        id: &'a Id,
        /// Reason for the wait, in a few words.
        why: &'a str,
        /// Number of waits so far, this one included.
        times: u32,
        /// Time since the first of them began.
        waited: Duration,
    },
    /// End of a wait: the engine observes or tries again.
    Resumed {
        /// Resource that goes on.
        id: &'a Id,
    },
    /// Work on a resource ended.
    Ended {
        /// Resource that the action changed.
        id: &'a Id,
        /// Action that ended.
        action: Action,
        /// Outcome of the action.
        outcome: Outcome<'a>,
        /// Duration in seconds.
        seconds: f64,
    },
    /// Everything was written; the engine observes once more to check the result.
    Verifying,
}

/// Callback that receives the events of a run.
pub type Subscriber<'a> = &'a dyn Fn(Event<'_>);
