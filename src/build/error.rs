//! Errors of a build, each with the next step.

use std::path::PathBuf;

use crate::{disk::remedy, venv::VenvError};

/// Reason that a handler was not built or packed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no Rust on `PATH`.
    #[error("no {program} on PATH, which building the handlers needs; install Rust from https://rustup.rs and open a new shell")]
    NoCargo {
        /// `cargo` or `rustc`.
        program: &'static str,
    },
    /// Rust is installed but does not work, for example when a toolchain file names a toolchain that is not installed.
    #[error("{program} does not work here:\n{output}")]
    Toolchain {
        /// `cargo` or `rustc`.
        program: &'static str,
        /// Output of the failed program.
        output: String,
    },
    /// The target's standard library is not installed.
    #[error("Rust's standard library for {triple} is not installed; {remedy}")]
    NoStandardLibrary {
        /// Rust's name of the target.
        triple: &'static str,
        /// The command that installs it, for the Rust that is there.
        remedy: String,
    },
    /// The cross compiler could not be installed.
    #[error(transparent)]
    CrossCompiler(#[from] VenvError),
    /// The directory named in stack.yaml holds no crate.
    #[error("function {function}: no crate in {} (no Cargo.toml); correct `source` in stack.yaml or create the crate", path.display())]
    NoCrate {
        /// The function's name in stack.yaml.
        function: String,
        /// Directory as stack.yaml names it.
        path: PathBuf,
    },
    /// The crate is a library.
    #[error("function {function}: crate {package} has no binary; give it a src/main.rs")]
    NoBinary {
        /// The function's name in stack.yaml.
        function: String,
        /// The crate's name.
        package: String,
    },
    /// The stack names a binary that the crate does not have.
    #[error("function {function}: crate {package} has no binary `{binary}`, it has {}; correct `binary` in stack.yaml", binaries.join(", "))]
    UnknownBinary {
        /// The function's name in stack.yaml.
        function: String,
        /// The crate's name.
        package: String,
        /// The name in stack.yaml.
        binary: String,
        /// Names of the crate's binaries.
        binaries: Vec<String>,
    },
    /// The crate has several binaries, and no rule selects one.
    #[error(
        "function {function}: crate {package} has several binaries ({}); name one in stack.yaml, as `binary: {}`",
        binaries.join(", "),
        binaries.first().map_or("NAME", String::as_str)
    )]
    SeveralBinaries {
        /// The function's name in stack.yaml.
        function: String,
        /// The crate's name.
        package: String,
        /// Names of the crate's binaries.
        binaries: Vec<String>,
    },
    /// The compiler refused a crate. Its messages were reported as progress and are repeated here.
    #[error("crate {package} does not compile, which {} needs:\n{diagnostics}", functions.join(", "))]
    Compile {
        /// Crate with the error: a handler or one of its dependencies.
        package: String,
        /// Functions that cannot be built because of it.
        functions: Vec<String>,
        /// The compiler's messages.
        diagnostics: String,
    },
    /// Cargo failed for another reason: the manifest, a dependency that cannot be fetched, the linker.
    #[error("cargo failed while building {}:\n{output}", functions.join(", "))]
    Cargo {
        /// The functions that were being built.
        functions: Vec<String>,
        /// Its last lines.
        output: String,
    },
    /// The program or zip exceeds Lambda's size limit.
    #[error(
        "function {function}: {what} is {size} MB, Lambda takes {limit} MB; remove dependencies or optimise for size (`opt-level = \"s\"`, `strip = true`)"
    )]
    TooLarge {
        /// The function's name in stack.yaml.
        function: String,
        /// `the program` or `its zip`.
        what: &'static str,
        /// In MB of 2^20 bytes, rounded up.
        size: u64,
        /// In MB of 2^20 bytes.
        limit: u64,
    },
    /// The zip could not be made.
    #[error("function {function}: cannot pack its program: {reason}")]
    Pack {
        /// The function's name in stack.yaml.
        function: String,
        /// Error of the zip writer.
        reason: String,
    },
    /// A file or directory that is packed beside the program is missing, or is not a file.
    #[error("function {function}: cannot pack {}; correct `include` in stack.yaml", path.display())]
    NoInclude {
        /// The function's name in stack.yaml.
        function: String,
        /// The file or directory.
        path: PathBuf,
    },
    /// Lambda would refuse a package that something else has built.
    #[error("function {function}: cannot use {}: {reason}; build it anew, or correct `package` in stack.yaml", path.display())]
    Package {
        /// The function's name in stack.yaml.
        function: String,
        /// The zip, as stack.yaml names it.
        path: PathBuf,
        /// Reason why Lambda would refuse it.
        reason: String,
    },
    /// A source could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Error of the read.
        source: std::io::Error,
    },
    /// A package could not be kept.
    #[error("cannot write {}: {source}; packages are kept there, {}", path.display(), remedy(source))]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Error of the write.
        source: std::io::Error,
    },
}
