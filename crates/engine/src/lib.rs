//! Turns a graph of declared resources into the same graph in the cloud. Knows no cloud API.
//!
//! A value of a [`Resource`] type is a wish. [`Graph::add`] collects wishes; a typed [`Ref`] from one to another is an edge.
//! [`survey`] compares the graph with the live world, [`up`] makes the world agree, [`down`] removes what the graph owns.
//! All three report through [`Event`]s and print nothing.
//!
//! # Guarantees
//! - Nothing is kept between runs: every decision follows from what was declared and what was observed.
//! - A resource is written only after everything it refers to is settled; what does not depend on a failure goes on.
//! - [`up`] ends well only when a last observation found no difference.
//! - What is not ours is never written or deleted, unless the caller asked to adopt it.

mod converge;
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
pub use digest::{digest, stamped};
pub use error::{Class, Error, Refusal, Result};
pub use event::{Action, Event, Listener, Outcome};
pub use fields::{Change, Changes, Field, Fields, Hidden};
pub use graph::{Entry, Graph, Handle, Id};
pub use plan::{Cause, Objection, Plan, State, Step, survey};
pub use reference::{Ref, made_secret, secret, unknown};
pub use remove::{Removal, down};
pub use resource::{Cloud, FAILED, Found, Gone, Live, Owner, Protection, Resource, Written};
pub use sweep::Stray;
pub use wait::{Gate, Stop, Tempo};
