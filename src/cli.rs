//! Command line for clap, and the dispatch to the commands.
//!
//! The doc comments here and on the commands' `Args` are the help texts, and `docs/commands.md` is generated from them.

use crate::{
    call_log,
    commands::{self, Context},
    error::{CliError, Exit},
    options::{Format, Globals},
    ui::Ui,
};
use clap::{
    CommandFactory, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};
use std::ffi::OsString;

/// Reconcile a serverless stack on AWS with stack.yaml, without a state file and without leftovers
///
/// To start, run `liveinsight init` to write a small project and `liveinsight up --local` to run it on this machine, without an AWS
/// account.
#[derive(Debug, Parser)]
#[command(name = "liveinsight", version, propagate_version = false, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub globals: Globals,
    /// Command to run.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 stack.yaml is wrong, 4 credentials or permissions,
5 some resources failed and the rest is done, 6 locked by another run, 10 changes are pending (only with --exit-code),
130 interrupted";

impl Cli {
    /// Runs a command to its end, and prints its error.
    pub fn run(self) -> Exit {
        let ui = Ui::new(&self.globals);
        if let Some(file) = &self.globals.log
            && let Err(error) = call_log::begin(file)
        {
            ui.error(&error);
            return error.exit;
        }
        // The engine runs on one thread, because it uses `Rc` and `RefCell`.
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                ui.error(&CliError::failed(format!("cannot start: {error}")));
                return Exit::Failed;
            }
        };
        let context = Context::new(self.globals, ui.clone());
        let result = runtime.block_on(context.supervise(self.command.run(&context)));
        // A thread that waits for the answer to a prompt must not delay the exit.
        runtime.shutdown_background();
        match result.and_then(|exit| ui.finish().map(|()| exit)) {
            Ok(exit) => exit,
            Err(error) => {
                ui.error(&error);
                error.exit
            }
        }
    }
}

/// Adds the values of this very command to an error about `--format`, instead of the values of all commands.
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

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a small project that works out of the box
    Init(commands::init::InitArgs),
    /// Build, plan, then create, update and delete resources to match stack.yaml, and verify the result
    Up(commands::up::UpArgs),
    /// Show the changes that `up` would make, field by field, without making them
    Plan(commands::plan::PlanArgs),
    /// Delete everything that the stack owns, and verify that nothing is left
    Down(commands::down::DownArgs),
    /// Compare each resource with stack.yaml and show the differences
    Status(commands::status::StatusArgs),
    /// Print the addresses and names of the deployed resources
    Outputs(commands::outputs::OutputsArgs),
    /// Open the dashboard, another address of the stack, or a resource's AWS console page in the browser
    Open(commands::open::OpenArgs),
    /// List the releases with time, author, commit and changes
    History(commands::history::HistoryArgs),
    /// Restore an earlier release within seconds, without a build
    Rollback(commands::rollback::RollbackArgs),
    /// Show the logs of the functions and the API
    Logs(commands::logs::LogsArgs),
    /// Run the whole stack on this machine and update it while the sources are edited
    Dev(commands::dev::DevArgs),
    /// Send realistic visits through the API, and verify that each is counted
    Seed(commands::seed::SeedArgs),
    /// Check this machine and the account for missing prerequisites
    Doctor(commands::doctor::DoctorArgs),
    /// Show the resources and their dependencies, without access to AWS
    Graph(commands::graph::GraphArgs),
    /// Print the IAM policy that a command needs for this stack
    Policy(commands::policy::PolicyArgs),
    /// Start, stop, inspect or reset the local AWS that `--local` uses
    Local(commands::local::LocalArgs),
    /// Print the JSON schema of stack.yaml
    Schema(commands::schema::SchemaArgs),
    /// Print the completion script for a shell
    Completions(commands::completions::CompletionsArgs),
    /// Print the manual page of a command, or write the pages of all commands
    Man(commands::man::ManArgs),
}

impl Command {
    async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Init(args) => commands::init::run(&args, context),
            Self::Up(args) => commands::up::run(&args, context).await,
            Self::Plan(args) => commands::plan::run(&args, context).await,
            Self::Down(args) => commands::down::run(&args, context).await,
            Self::Status(args) => commands::status::run(&args, context).await,
            Self::Outputs(args) => commands::outputs::run(&args, context).await,
            Self::Open(args) => commands::open::run(&args, context).await,
            Self::History(args) => commands::history::run(&args, context).await,
            Self::Rollback(args) => Box::pin(commands::rollback::run(&args, context)).await,
            Self::Logs(args) => commands::logs::run(&args, context).await,
            Self::Dev(args) => Box::pin(commands::dev::run(&args, context)).await,
            Self::Seed(args) => commands::seed::run(&args, context).await,
            Self::Doctor(args) => commands::doctor::run(&args, context).await,
            Self::Graph(args) => commands::graph::run(&args, context),
            Self::Policy(args) => commands::policy::run(&args, context).await,
            Self::Local(args) => commands::local::run(&args, context).await,
            Self::Schema(args) => commands::schema::run(&args, context),
            Self::Completions(args) => commands::completions::run(&args, context, Cli::command()),
            Self::Man(args) => commands::man::run(&args, context, Cli::command()),
        }
    }
}
