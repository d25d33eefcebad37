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
