//! Where the time of a run goes: what it did when, how long it had to take, and how long the next one will.
//!
//! A run cannot be shorter than its *critical path*: the longest chain of resources of which each has to wait for the one before, counted
//! without the time in which a resource only queued (for a request limit of AWS, for its turn, or to repeat a request). How many times
//! that the run took says how much of it was spent on queueing.
//!
//! - `path`: the longest chain of a graph;
//! - `achieved`: the critical path of what was recorded, and the longest wait;
//! - `typical`: seconds that things usually take, with their sources;
//! - `estimate`: how long a plan will take;
//! - `page`, with `chart`: all that was recorded, as an HTML page.
//!
//! Deliberately not here: anything that asks AWS, and anything that is shown but the page.

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

/// The phase in which the handlers are built.
pub const BUILDING: &str = "building";
