//! Describes the holder of a stack's lock.

use crate::lock::{Held, time};

/// Formats a holder: `https://…/runs/7 (up since 2026-11-22T23:59:03Z)`.
pub fn text(held: &Held) -> String {
    let since = time(held.since);
    match &held.by {
        Some(by) => format!("{} ({} since {since})", by.holder, by.command),
        None => format!("an unknown run (the lock is malformed; written at {since}, it holds until {})", time(held.expires)),
    }
}
