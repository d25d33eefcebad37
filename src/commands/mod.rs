//! One file per command: its arguments, whose doc comments are its help, and what it does.
//!
//! [`run`] is the way in. What commands share: [`Context`] (who is told, when to stop), `session` (from stack.yaml to a
//! connected graph), `content` (built handlers and pages), `consent` (what must not be done unasked), `apply` (one run of the reconciler),
//! with `canary`, `proof` (the smoke check) and `recording` (of the release) as its parts, `exclusive` (the stack's lock),
//! `cost` (what the stack costs), `timings` (where the time of a run went).

mod apply;
mod canary;
mod checkup;
pub mod completions;
mod consent;
mod content;
mod context;
mod cost;
pub mod dev;
pub mod doctor;
pub mod down;
mod exclusive;
pub mod graph;
pub mod history;
pub mod init;
pub mod local;
pub mod logs;
mod machine;
pub mod man;
pub mod open;
pub mod outputs;
pub mod plan;
pub mod policy;
mod proof;
mod reading;
mod recording;
mod recount;
mod remains;
pub mod rollback;
pub mod schema;
pub mod seed;
mod session;
mod span;
pub mod status;
mod steps;
mod timings;
pub mod up;
mod wait;

pub use context::Context;
use context::Phase;

use crate::{
    cli::{Cli, Command},
    error::{CliError, Exit},
    ui::Ui,
};

/// Runs a command to its end, and shows the error if there is one.
pub fn run(cli: Cli) -> Exit {
    let ui = Ui::new(&cli.globals);
    // The engine lives on one thread; `Rc` and `RefCell` do there.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            ui.error(&CliError::failed(format!("cannot start: {error}")));
            return Exit::Failed;
        }
    };
    let context = Context::new(cli.globals, ui.clone());
    let result = runtime.block_on(context.supervise(dispatch(cli.command, &context)));
    // A thread that waits for an answer to a question must not hold up the end.
    runtime.shutdown_background();
    match result.and_then(|exit| ui.finish().map(|()| exit)) {
        Ok(exit) => exit,
        Err(error) => {
            ui.error(&error);
            error.exit
        }
    }
}

async fn dispatch(command: Command, context: &Context) -> Result<Exit, CliError> {
    match command {
        Command::Init(args) => init::run(&args, context),
        Command::Up(args) => up::run(&args, context).await,
        Command::Plan(args) => plan::run(&args, context).await,
        Command::Down(args) => down::run(&args, context).await,
        Command::Status(args) => status::run(&args, context).await,
        Command::Outputs(args) => outputs::run(&args, context).await,
        Command::Open(args) => open::run(&args, context).await,
        Command::History(args) => history::run(&args, context).await,
        Command::Rollback(args) => Box::pin(rollback::run(&args, context)).await,
        Command::Logs(args) => logs::run(&args, context).await,
        Command::Dev(args) => Box::pin(dev::run(&args, context)).await,
        Command::Seed(args) => seed::run(&args, context).await,
        Command::Doctor(args) => doctor::run(&args, context).await,
        Command::Graph(args) => graph::run(&args, context),
        Command::Policy(args) => policy::run(&args, context).await,
        Command::Local(args) => local::run(&args, context).await,
        Command::Schema(args) => schema::run(&args, context),
        Command::Completions(args) => completions::run(&args, context),
        Command::Man(args) => man::run(&args, context),
    }
}
