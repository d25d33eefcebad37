//! How it is known how AWS behaves. Each belief that the program, or the strict AWS of its tests, acts on carries such a mark.
//!
//! The crate of the strict AWS includes this very file, so that both use the same words.

use std::fmt;

/// Source of a belief about AWS, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An answer of AWS itself was recorded, and the recording is in `tests/recorded/`.
    Recorded,
    /// Another program that runs against AWS is written for it, and its source says so.
    SourceCode,
    /// Somebody who used AWS reports it, or measured it.
    Reported,
    /// AWS's documentation or its API model says so.
    Documented,
    /// Nobody says so; it seemed the likeliest or the safest.
    Assumed,
}

impl Source {
    /// All of them, in the order of the tallies.
    pub const ALL: [Self; 5] = [Self::Recorded, Self::SourceCode, Self::Reported, Self::Documented, Self::Assumed];
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Recorded => "recorded",
            Self::SourceCode => "source code",
            Self::Reported => "reported",
            Self::Documented => "documented",
            Self::Assumed => "assumed",
        })
    }
}
