//! All that a screen may be told.

use super::{Error, Id};
use serde::Serialize;
use std::time::Duration;

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It does not exist and will.
    Create,
    /// Fields of it change in place.
    Update,
    /// It is deleted and made again, for a field that cannot change in place.
    Replace,
    /// It goes.
    Delete,
}

/// How work on a resource ended.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// Done.
    Done,
    /// Failed.
    Failed(&'a Error),
}

/// What happens, as it happens. Every renderer (terminal, plain, JSON) is fed from these alone.
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
        /// Which.
        id: &'a Id,
        /// What.
        action: Action,
    },
    /// The resource cannot go on yet.
    Waiting {
        /// Which.
        id: &'a Id,
        /// What for, in a few words.
        why: &'a str,
        /// Number of waits so far, this one included.
        times: u32,
        /// Time since the first of them began.
        waited: Duration,
    },
    /// It does: it looks again, or tries again.
    Resumed {
        /// Which.
        id: &'a Id,
    },
    /// Work on a resource ended.
    Ended {
        /// Which.
        id: &'a Id,
        /// What was done.
        action: Action,
        /// How it ended.
        outcome: Outcome<'a>,
        /// How long it took, in seconds.
        seconds: f64,
    },
    /// Everything was written; the world is being read once more to prove it.
    Verifying,
}

/// Whoever is told.
pub type Listener<'a> = &'a dyn Fn(Event<'_>);
