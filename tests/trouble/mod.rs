//! Runs in trouble, as a user meets it: the real program, a stack that needs no build, and an AWS that is slow, loses the session, has
//! another clock, or is not AWS at all.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as a test does")]

mod account;
mod call_log;
mod credentials;
pub(crate) mod desk;
mod disk;
mod doctor;
mod lies;
mod lock;
mod ownership;
mod site;
mod strangers;
mod terminal;
