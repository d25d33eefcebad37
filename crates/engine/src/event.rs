//! All that a screen may be told.

use super::{Changes, Error, Id};
use serde::Serialize;
use std::time::Duration;

/// Change of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Creation of a resource that does not exist.
    Create,
    /// Fields of it change in place.
    Update,
    /// Deletion and creation, for a field that cannot change in place.
    Replace,
    /// Deletion.
    Delete,
}

/// End of the work on a resource.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// Done.
    Done,
    /// Failed.
    Failed(&'a Error),
}

/// Progress of a run. Every renderer (terminal, plain, JSON) is fed from these events alone.
#[derive(Debug)]
pub enum Event<'a> {
    /// The live world is being read: this many of that many resources are known.
    Observing {
        /// Resources read.
        done: usize,
        /// Resources to read.
        total: usize,
    },
    /// Work on a resource begins.
    Started {
        /// Resource.
        id: &'a Id,
        /// Action that begins.
        action: Action,
        /// Fields that it changes; none for a deletion.
        changes: &'a Changes,
    },
    /// The resource cannot go on yet.
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
        /// Resource that is done.
        id: &'a Id,
        /// Action that ended.
        action: Action,
        /// Outcome of the action.
        outcome: Outcome<'a>,
        /// Duration in seconds.
        seconds: f64,
    },
    /// Everything was written; the world is being read once more to prove it.
    Verifying,
}

/// Whoever is told.
pub type Listener<'a> = &'a dyn Fn(Event<'_>);
