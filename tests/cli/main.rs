//! The real program, from the outside: everything that needs no AWS. One file per subject.

mod connect;
mod docs;
mod graph;
mod harness;
mod signals;
mod stack_file;
mod usage;
