//! `man`: generates manual pages, one per command, from the same definitions as `--help`.

use super::Context;
use crate::{
    disk::remedy,
    error::{CliError, Exit},
    options::Format,
};
use clap::{Args, Command};
use clap_mangen::Man;
use std::{
    io::Error,
    path::{Path, PathBuf},
};

/// Arguments of `man`.
#[derive(Debug, Args)]
#[command(after_help = "\
Read a page: liveinsight man up | man -l -
Install all pages: liveinsight man --out ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Command to print the page of [default: the program itself, with a list of the commands]
    command: Vec<String>,
    /// Write the pages of all commands to this directory instead; create it if it does not exist
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "command")]
    out: Option<PathBuf>,
}

/// Entry point of `man`.
pub(crate) fn run(args: &ManArgs, context: &Context, program: Command) -> Result<Exit, CliError> {
    context.format(Format::of("man"))?;
    let mut program = program.disable_help_subcommand(true);
    program.build();
    match &args.out {
        Some(directory) => write_all(&program, directory).map_err(|error| not_written(directory, &error))?,
        None => context.ui.result(&text_of(named(&program, &args.command)?)?),
    }
    Ok(Exit::Done)
}

fn write_all(program: &Command, directory: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(directory)?;
    let mut open = vec![program];
    while let Some(command) = open.pop() {
        page_of(command).generate_to(directory)?;
        open.extend(command.get_subcommands());
    }
    Ok(())
}

fn not_written(directory: &Path, error: &Error) -> CliError {
    CliError::failed(format!("cannot write the manual pages into {}: {error}; {}", directory.display(), remedy(error)))
}

fn page_of(command: &Command) -> Man {
    Man::new(command.clone()).source(concat!("liveinsight ", env!("CARGO_PKG_VERSION"))).manual("liveinsight manual")
}

fn text_of(command: &Command) -> Result<String, CliError> {
    let mut text = Vec::new();
    page_of(command).render(&mut text).map_err(|error| CliError::failed(error.to_string()))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Returns the command with this path, such as `local start`.
fn named<'a>(program: &'a Command, words: &[String]) -> Result<&'a Command, CliError> {
    let mut command = program;
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| {
            let known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            let error = CliError::usage(format!("there is no command {}", words.join(" ")));
            if known.is_empty() { error } else { error.hint(format!("known are {}", known.join(", "))) }
        })?;
    }
    Ok(command)
}
