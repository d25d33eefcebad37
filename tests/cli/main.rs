//! The real program, from the outside: everything that needs no AWS. One file per subject.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking, in its helpers as well")]

mod connect;
mod docs;
mod graph;
mod harness;
mod signals;
mod stack_file;
mod usage;
