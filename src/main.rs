//! Parses the command line, runs the command, ends with its exit code.

use clap::Parser;
use liveinsight::cli::{self, Cli};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Wrong usage, `--help` and `--version` end here.
    let cli = Cli::try_parse().unwrap_or_else(|error| cli::explain(error, std::env::args_os()).exit());
    cli.run().code().into()
}
