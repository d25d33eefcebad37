//! One file per command: its arguments, with the help texts as doc comments, and its implementation. `cli` calls each command's
//! `run`.
//!
//! Code that commands share is in `support`: [`Context`] (output and interruption), `session` (from stack.yaml to a connected
//! graph), `content` (built handlers and pages), `consent` (actions that need the user's consent), `apply` (one run of the
//! reconciler), with its parts `canary`, `smoke_check` (the smoke check) and `recording` (of the release), `stack_lock` (the stack's
//! lock), `cost` (the costs of a stack), `timings` (the durations within a run).

pub mod completions;
pub mod dev;
pub mod doctor;
pub mod down;
pub mod graph;
pub mod history;
pub mod init;
pub mod local;
pub mod logs;
pub mod man;
pub mod open;
pub mod outputs;
pub mod plan;
pub mod policy;
pub mod rollback;
pub mod schema;
pub mod seed;
pub mod status;
mod support;
pub mod up;

pub use support::Context;
