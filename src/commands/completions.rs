//! `completions`: the script that teaches a shell this command line.

use super::Context;
use crate::{
    error::{CliError, Exit},
    options::Format,
};
use clap::{Args, Command};
use clap_complete::Shell;

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "For bash: liveinsight completions bash > ~/.local/share/bash-completion/completions/liveinsight")]
pub struct CompletionsArgs {
    /// Shell to print the script for
    shell: Shell,
}

/// Entry point of `completions`.
pub(crate) fn run(args: &CompletionsArgs, context: &Context, mut program: Command) -> Result<Exit, CliError> {
    context.format(Format::of("completions"))?;
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "liveinsight", &mut script);
    context.ui.result(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
