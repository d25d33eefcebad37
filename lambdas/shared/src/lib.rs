//! What the three handlers share: reading and checking events, the two tables, the counters, and the answers.
//!
//! Start with [`ingest`] for what happens to a batch, [`rollup`] for what is counted, [`endpoints`] for the HTTP side.
//! Deliberately not here: who may read (tokens), daily visitor identities and the filtering of bots.

pub mod batch;
pub mod device;
pub mod digest;
pub mod endpoints;
pub mod http;
pub mod ingest;
pub mod page;
pub mod realtime;
pub mod rollup;
mod serve;
pub mod stats;
pub mod store;
pub mod time;
pub mod wire;

pub use serve::serve;
