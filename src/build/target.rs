//! What a handler is built for.

/// A processor architecture that Lambda offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// Graviton; `arm64` to Lambda, `aarch64` to Rust.
    Arm64,
    /// `x86_64` to both.
    X86_64,
}

impl Architecture {
    /// Rust's name of this architecture's Linux with glibc.
    pub(super) fn triple(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }
}

/// Where a handler will run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// On AWS Lambda, runtime `provided.al2023`.
    Lambda,
    /// On this machine, started by the local AWS: whatever plain `cargo build` makes.
    Host,
}

/// What to build one handler for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The declared architecture. Without meaning for [`Place::Host`].
    pub architecture: Architecture,
    /// Where it will run.
    pub place: Place,
}

impl Target {
    /// The directory of this target's packages, and its name in messages.
    pub(super) fn label(self) -> &'static str {
        match (self.place, self.architecture) {
            (Place::Host, _) => "host",
            (Place::Lambda, Architecture::Arm64) => "arm64",
            (Place::Lambda, Architecture::X86_64) => "x86_64",
        }
    }
}
