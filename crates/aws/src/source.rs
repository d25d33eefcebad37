//! Evidence for AWS's behaviour. Each assumption that the program, or the strict AWS of its tests, acts on carries such a mark.
//!
//! The crate of the strict AWS includes this very file, so that both use the same terms.

use std::fmt;

/// Source of a belief about AWS, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An answer of AWS itself was recorded, and the recording is in `tests/recorded/`.
    Recorded,
    /// The source code of another program that runs against AWS relies on it.
    SourceCode,
    /// Users of AWS report it or measured it.
    Reported,
    /// AWS's documentation or its API model states it.
    Documented,
    /// No source states it; it seemed the likeliest or the safest.
    Assumed,
}

impl Source {
    /// All sources, in the order of the tallies.
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
