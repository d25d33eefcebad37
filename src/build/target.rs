//! Targets that handlers are built for.

use crate::stack::Architecture;

/// Target that a handler is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BuildTarget {
    /// This machine, where the local AWS starts the handler: the output of plain `cargo build`.
    Host,
    /// AWS Lambda, runtime `provided.al2023`.
    Lambda(Architecture),
}

impl BuildTarget {
    /// Returns the name of this target's package directory, which messages use as well.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Lambda(architecture) => architecture.as_str(),
        }
    }
}
