//! Tests of the central guarantee. Whatever AWS does within its documented behaviour, and whenever a run is killed, repeating
//! the run ends with the declared stack, or with nothing: no duplicate, no orphan.
//!
//! The tests run the shipped stack, through the library, against a strict AWS (`tests/strict`) in front of the local one.
//! `LIVEINSIGHT_RELIABILITY=all` tests every call and every write instead of a sample, and 1,000 seeds, and prints the rows of
//! the table in `docs/reliability.md`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking, in its helpers as well")]

pub(crate) mod accounts;
mod counts;
mod earlier;
mod faults;
mod kills;
mod limits;
pub(crate) mod listing;
mod neighbours;
mod origin_secret;
mod refusals;
mod restore;
mod rivals;
pub(crate) mod shared;
mod snapshot;
mod strictness;
