//! The log lines of a stack's functions, from CloudWatch Logs: in order, each once.
//!
//! [`Tail`] is the way in. Deliberately not here: which groups there are (the stack's names say), and how a line looks.

mod read;
mod tail;

pub use read::{Page, Query, Read, RecordedLine};
pub use tail::{LATE, Line, Source, Tail};
