//! A strict AWS: a proxy in front of a local AWS that refuses, delays and fails as AWS does.
//!
//! An emulator is lenient. It creates a table at once, lets a function run as a role created a moment ago, deletes resources in use and never
//! loses an answer. This proxy recognises the operation of a request in every protocol of AWS ([`Operation`]). It has three layers, each switched
//! on by [`Config`]:
//! 1. [`Windows`]: refusals and delays, based on the requests it has seen;
//! 2. limits: AWS's request limits, as token buckets;
//! 3. [`Faults`]: throttles, lost answers, broken connections, a session that expires, and the death of the client after a given call.
//!
//! Besides these, it does what AWS documents and the local AWS lacks. Its tagging service reports every kind, and a REST API can be written as
//! one document.
//!
//! Its clock may differ from the client's ([`Config::ahead`]).
//!
//! Its behaviour follows `docs/aws.md`: recorded answers of AWS, its documentation, and the measurements and programs of others. Each refusal
//! ([`RULES`]), delay ([`DELAYS`]) and limit ([`LIMITS`]) names its source. One proxy serves one account in one region. It keeps its observations
//! in memory, so it must run from the account's beginning.

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
