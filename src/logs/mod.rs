//! Log lines of a stack's functions, from CloudWatch Logs: in order, each once.
//!
//! [`Tail`] is the entry point. Deliberately not here: the names of the groups, which the stack determines, and the display of
//! a line.

mod read;
mod tail;

pub use read::{Page, Query, Read, RecordedLine};
pub use tail::{LATE, Line, Source, Tail};
