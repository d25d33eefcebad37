//! Tests of the real program from the outside, without AWS. One file per subject.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as a test does")]

mod beliefs;
mod connect;
mod docs;
mod graph;
mod harness;
#[path = "../init/from.rs"]
mod init_from;
mod licences;
mod local_work;
mod man;
mod policy;
mod prose;
mod release;
mod signals;
mod site;
mod stack_file;
mod survey;
mod usage;
mod walls;
