//! What a handler is built for.

use crate::stack::Architecture;

/// Target that a handler is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// This machine, where the local AWS starts it: whatever plain `cargo build` makes.
    Host,
    /// AWS Lambda, runtime `provided.al2023`.
    Lambda(Architecture),
}

impl Target {
    /// The directory of this target's packages, and its name in messages.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Lambda(architecture) => architecture.as_str(),
        }
    }
}
