//! The command line as clap sees it: global options and the list of commands. No logic.
//!
//! The doc comments here and on the commands' `Args` are the help texts, and `docs/commands.md` is made from them.

use crate::commands;
use clap::{
    Args, CommandFactory, Parser, Subcommand, ValueEnum,
    error::{ContextKind, ContextValue, ErrorKind},
};
use std::{ffi::OsString, path::PathBuf};

/// Reconciles a serverless stack on AWS with stack.yaml: no state file, nothing left behind
///
/// Start with `liveinsight init`, which writes a small project, and `liveinsight up --local`, which runs it on this machine, without an AWS account.
#[derive(Debug, Parser)]
#[command(name = "liveinsight", version, propagate_version = false, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 stack.yaml is wrong, 4 credentials or permissions,
5 some resources failed and the rest is done, 6 locked by another run, 10 changes are pending (only with --exit-code),
130 interrupted";

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// The stack's description [default: stack.yaml here or in a directory above]
    #[arg(short, long, value_name = "PATH", global = true)]
    pub file: Option<PathBuf>,
    /// One of the environments in stack.yaml [default: `default_environment`, else `dev`]
    #[arg(short, long, value_name = "NAME", global = true)]
    pub env: Option<String>,
    /// The AWS region, instead of the one in stack.yaml
    #[arg(long, value_name = "REGION", global = true)]
    pub region: Option<String>,
    /// The profile of the AWS configuration, as `AWS_PROFILE`
    #[arg(long, value_name = "NAME", global = true)]
    pub profile: Option<String>,
    /// Acts on the local AWS on this machine instead of the cloud; it is installed and started when needed
    #[arg(long, global = true)]
    pub local: bool,
    /// How results are written: `text` or `json`; `plan` also knows `markdown`, `outputs` `dotenv` and `github`, `graph` `mermaid` and `dot`
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_possible_values = true, global = true)]
    pub format: Format,
    /// Colours; `NO_COLOR` turns them off as well
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: Color,
    /// Says more: every field of what is created, cargo's output, AWS calls by operation
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Says only results, warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One document, or one event per line from `up` and `down`.
    Json,
    /// `NAME=value` lines.
    Dotenv,
    /// Step outputs of GitHub Actions.
    Github,
    /// A Mermaid flowchart.
    Mermaid,
    /// Graphviz.
    Dot,
    /// For a comment on a pull request.
    Markdown,
}

impl Format {
    /// Returns the formats that a command writes, by the command's name.
    pub fn of(command: &str) -> &'static [Self] {
        match command {
            "plan" => &[Self::Text, Self::Json, Self::Markdown],
            "outputs" => &[Self::Text, Self::Json, Self::Dotenv, Self::Github],
            "graph" => &[Self::Text, Self::Mermaid, Self::Dot],
            "completions" | "dev" | "man" | "open" => &[Self::Text],
            _ => &[Self::Text, Self::Json],
        }
    }

    /// Returns its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Adds to an error about `--format` the values of the very command, not of all.
pub fn explain(mut error: clap::Error, arguments: impl IntoIterator<Item = OsString>) -> clap::Error {
    let about_format =
        matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(argument)) if argument.starts_with("--format"));
    if !about_format || error.kind() != ErrorKind::InvalidValue {
        return error;
    }
    let matches = Cli::command().ignore_errors(true).try_get_matches_from(arguments);
    if let Some(command) = matches.ok().and_then(|matches| matches.subcommand_name().map(str::to_owned)) {
        let names = Format::of(&command).iter().map(|format| format.name()).collect();
        error.insert(ContextKind::ValidValue, ContextValue::Strings(names));
    }
    error
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Writes a small project that works at once
    Init(commands::init::InitArgs),
    /// Makes the cloud as stack.yaml says: builds, plans, creates, updates, removes, and proves it
    Up(commands::up::UpArgs),
    /// Shows what `up` would change, field by field; writes nothing
    Plan(commands::plan::PlanArgs),
    /// Removes everything the stack owns, and proves that nothing is left
    Down(commands::down::DownArgs),
    /// Shows for each resource whether it is as declared
    Status(commands::status::StatusArgs),
    /// Prints the addresses and names of what runs
    Outputs(commands::outputs::OutputsArgs),
    /// Shows the dashboard, another address of the stack, or a resource in the console, in the browser
    Open(commands::open::OpenArgs),
    /// Lists the releases: when, by whom, from which commit, and what changed
    History(commands::history::HistoryArgs),
    /// Puts an earlier release back, in seconds: nothing is built
    Rollback(commands::rollback::RollbackArgs),
    /// Shows what the functions and the API log
    Logs(commands::logs::LogsArgs),
    /// Runs the whole stack on this machine, and keeps it as the sources say while they are edited
    Dev(commands::dev::DevArgs),
    /// Sends realistic visits through the API, and proves that each was counted
    Seed(commands::seed::SeedArgs),
    /// Says what is missing on this machine or in the account, before anything starts
    Doctor(commands::doctor::DoctorArgs),
    /// Shows the resources and what hangs on what; needs no AWS
    Graph(commands::graph::GraphArgs),
    /// Prints the IAM policy that a command needs for this stack
    Policy(commands::policy::PolicyArgs),
    /// Starts, stops, shows or empties the local AWS that `--local` uses
    Local(commands::local::LocalArgs),
    /// Prints the JSON schema of stack.yaml
    Schema(commands::schema::SchemaArgs),
    /// Prints the completion script of a shell
    Completions(commands::completions::CompletionsArgs),
    /// Prints the manual page of a command, or writes all of them
    Man(commands::man::ManArgs),
}
