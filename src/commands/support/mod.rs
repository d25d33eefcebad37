//! Parts that commands share: the context of a run, its session, and its steps.

pub(super) mod apply;
pub(super) mod canary;
pub(super) mod checkup;
pub(super) mod consent;
pub(super) mod content;
pub(super) mod context;
pub(super) mod cost;
pub(super) mod machine;
pub(super) mod reading;
pub(super) mod recording;
pub(super) mod recount;
pub(super) mod remains;
pub(super) mod session;
pub(super) mod smoke_check;
pub(super) mod span;
pub(super) mod stack_lock;
pub(super) mod steps;
pub(super) mod timings;
pub(super) mod wait;

pub use context::Context;
