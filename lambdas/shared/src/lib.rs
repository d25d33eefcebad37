//! Library of the three handlers: reading and checking events, the two tables, the counters, and the answers.
//!
//! Start with [`ingest`] for the processing of a batch, [`rollup`] for the counters, [`endpoints`] for the HTTP side.
//! Deliberately not here: the pages and the tracker.

pub mod answers;
pub mod batch;
pub mod bots;
pub mod charge;
pub mod device;
pub mod digest;
pub mod edge;
pub mod endpoints;
pub mod http;
pub mod ingest;
pub mod limit;
pub mod metrics;
pub mod network;
pub mod page;
pub mod parameters;
pub mod realtime;
pub mod recount;
pub mod rollup;
pub mod scrub;
pub mod secrets;
pub mod sender;
mod serve;
pub mod sites;
pub mod spend;
pub mod stats;
pub mod store;
pub mod time;
pub mod token;
pub mod visitor;
pub mod wire;

pub use serve::serve;
