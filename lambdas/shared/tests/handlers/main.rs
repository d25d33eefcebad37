//! The handlers' own code against a local AWS, in one executable: one is linked, and its tests wait side by side.

#![expect(clippy::unwrap_used, reason = "a failure here fails the test")]

mod access;
mod endpoints;
mod exact;
mod ingest;
mod limits;
#[path = "../support/meter.rs"]
mod meter;
mod recount;
mod schema;
#[path = "../support/mod.rs"]
mod support;
mod units;
