//! Who has a stack's lock, in words.

use crate::lock::{Held, time};

/// `https://…/runs/7 (up since 2026-11-22T23:59:03Z)`
pub fn text(held: &Held) -> String {
    let since = time(held.since);
    match &held.by {
        Some(by) => format!("{} ({} since {since})", by.holder, by.command),
        None => format!("somebody unknown (the lock makes no sense; written at {since}, it holds until {})", time(held.expires)),
    }
}
