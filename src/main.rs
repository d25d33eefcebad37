//! Parses the command line, runs the command, and exits with its code.

use clap::Parser;
use liveinsight::cli::{self, Cli};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Invalid usage, `--help` and `--version` exit here.
    let cli = Cli::try_parse().unwrap_or_else(|error| cli::explain(error, std::env::args_os()).exit());
    cli.run().code().into()
}
