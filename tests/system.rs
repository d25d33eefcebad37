//! The whole system from outside: the real program and the real handlers on a local AWS, and the engine and each kind of resource on the local or on
//! a strict AWS.
//!
//! The parts share one executable, because they wait more than they compute: together they take half the time of one after another.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking, in its helpers as well")]

mod bench;
mod build;
mod ci;
mod contract;
mod cookbook;
mod cost;
mod e2e;
mod init;
mod logs;
mod policy;
#[allow(dead_code, reason = "shared with the tests of the command line, which use more of it")]
#[path = "cli/harness.rs"]
mod program;
mod recount;
mod reliability;
mod rivals;
mod sessions;
mod trouble;
