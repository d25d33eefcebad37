//! Parses the command line, runs the command, ends with its exit code.

use clap::Parser;
use liveinsight::{cli::Cli, commands};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Wrong usage, `--help` and `--version` end here.
    let cli = Cli::parse();
    commands::run(cli).code().into()
}
