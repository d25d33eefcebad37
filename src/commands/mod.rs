//! One file per command: its arguments, whose doc comments are its help, and what it does. `cli` calls each command's `run`.
//!
//! What commands share lies in `support`: [`Context`] (who is told, when to stop), `session` (from stack.yaml to a connected graph), `content`
//! (built handlers and pages), `consent` (what must not be done unasked), `apply` (one run of the reconciler), with `canary`, `proof` (the smoke
//! check) and `recording` (of the release) as its parts, `exclusive` (the stack's lock), `cost` (what the stack costs), `timings` (where the time
//! of a run went).

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
