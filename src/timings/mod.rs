//! Durations within a run: a recording of its work, its critical path, and the estimate of the next run.
//!
//! A run cannot be shorter than its *critical path*: the longest chain of resources in which each has to wait for the one
//! before. Queueing does not count (for a request limit of AWS, for a per-resource lock, or for a retry). The ratio of the
//! run's duration to that path shows how much time was spent on queueing.
//!
//! - `path`: the longest chain of a graph;
//! - `achieved`: the critical path of a recording, and the longest wait;
//! - `typical`: typical durations in seconds, with their sources;
//! - `estimate`: the expected duration of a plan;
//! - `page`, with `chart`: the recording as an HTML page.
//!
//! Deliberately not here: calls to AWS, and any display except the page.

mod achieved;
mod chart;
mod estimate;
mod page;
mod path;
mod span;
mod typical;

pub use achieved::{Achieved, Link, achieved};
pub use aws::record::{Call, Calling, Queue, Recorder, Recording, Span, Wait, Work};
pub use estimate::{Estimate, estimate};
pub use page::{Heading, page};

/// Phase in which the handlers are built.
pub const BUILDING: &str = "building";
