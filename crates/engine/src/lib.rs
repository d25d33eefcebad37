//! Turns a graph of declared resources into the same graph in the cloud, without knowledge of any cloud API.
//!
//! A value of a [`Resource`] type is a desired state. [`Graph::add`] collects them; a typed [`Ref`] from one to another is an edge. [`survey`]
//! compares the graph with the live resources, [`up`] makes them agree, and [`down`] removes the resources that the graph owns. All three emit
//! [`Event`]s and print nothing.
//!
//! # Guarantees
//! - The engine keeps nothing between runs: every decision follows from declarations and observations.
//! - A resource is written only after all its references are settled. Work that does not depend on a failure goes on.
//! - [`up`] succeeds only if a last observation found no difference.
//! - A foreign resource is never written or deleted, unless the caller asked to adopt it.

mod converge;
mod convergence;
mod current;
mod digest;
mod error;
mod event;
mod fields;
mod graph;
pub mod hex;
mod plan;
mod reference;
mod remove;
mod resource;
mod sweep;
mod wait;
mod walk;

#[cfg(test)]
mod last_look_tests;
#[cfg(test)]
mod ownership_tests;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod tests;

pub use converge::{Options, Report, up};
pub use current::current;
pub use digest::{digest, with_fingerprint};
pub use error::{Class, Error, Refusal, Result};
pub use event::{Action, Event, Outcome, Subscriber};
pub use fields::{Change, Changes, Field, Fields, Hidden};
pub use graph::{Entry, Graph, Handle, Id};
pub use plan::{Cause, Objection, Plan, State, Step, survey};
pub use reference::{Ref, made_secret, secret, unknown};
pub use remove::{Removal, down};
pub use resource::{Cloud, DeleteOutcome, FAILED, Found, Observed, Owner, Protection, ReadFrom, Resource, WriteOutcome};
pub use sweep::Orphan;
pub use wait::{Gate, RetryPolicy, Stop};
