//! A strict AWS: a proxy in front of a local AWS that refuses, delays and fails as AWS does.
//!
//! An emulator is polite. It makes a table at once, lets a function run as a role that was made a moment ago, deletes what is in use and
//! never loses an answer. This proxy knows what was asked for in every protocol of AWS ([`Operation`]), and has three layers, each
//! switched on by [`Config`]:
//! 1. [`Windows`]: refusals and delays, from what it has seen pass;
//! 2. limits: AWS's request limits, as token buckets;
//! 3. [`Faults`]: throttles, lost answers, broken connections, a session that expires, and the death of the client after a given call.
//!
//! Beside these, it does what AWS documents and the local AWS lacks: its tagging service reports every kind, and a REST API can be
//! written as one document.
//!
//! Its clock may be another than the client's ([`Config::ahead`]).
//!
//! What it does follows `docs/aws.md`: recorded answers of AWS, its documentation, and what others measured or wrote programs for. Each refusal
//! ([`RULES`]), delay ([`DELAYS`]) and limit ([`LIMITS`]) says which. One proxy serves one account in one region: what it has seen is kept in
//! memory, so it must be there from the account's beginning.

mod canned;
mod cbor;
mod clock;
mod faults;
mod import;
mod limits;
mod message;
mod operation;
mod proxy;
mod refusals;
mod report;
mod rules;
mod sign;
#[path = "../../../crates/aws/src/source.rs"]
mod source;
mod tagging;
mod wire;
mod xml;

pub use canned::Canned;
pub use faults::{Fault, Faults, Lie};
pub use limits::{LIMITS, Limit};
pub use message::{Request, Response};
pub use operation::Operation;
pub use proxy::{Config, Entry, Strict};
pub use refusals::{DELAYS, Delay, Windows};
pub use report::{report, rounds, throttles};
pub use rules::{ANSWERS, Answer, RULES, Rule};
pub use sign::{SECRET, Signer};
pub use source::Source;
pub use wire::Refusal;
