//! `status`: how every resource stands. Builds nothing.

use super::{
    Context,
    content::{self, Packages},
    session::{Session, Sources},
};
use crate::{
    cli::Format,
    engine::{Event, Resource, State, survey},
    error::{CliError, Exit},
    resources::Alias,
    stack::{Declaration, declare},
    ui,
};
use clap::Args;

/// Arguments of `status`.
#[derive(Debug, Args)]
#[command(after_help = "\
A resource is `in sync`, `drifted` (with the fields that differ), `missing`, `busy` (AWS is still working on it), or not in
stack.yaml (`up` would remove it). Handlers are not built: code that changed since the last build is not compared.")]
pub struct StatusArgs {
    /// Ends with 10 unless everything is in sync
    #[arg(long)]
    exit_code: bool,
}

/// Runs `status`.
pub(super) async fn run(args: &StatusArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(&[Format::Text, Format::Json])?;
    let session = Session::open(context, Sources::Needed).await?;
    let content = content::gather(context, &session, Packages::IfCurrent, None).await?;
    let declaration = declare(&session.stack, &session.place, &content);
    let plan = survey(&declaration.graph, &session.aws, &|event: Event<'_>| context.progress.engine(&event)).await?;
    if format == Format::Json {
        context.ui.result(&ui::status_json(&plan, &session.stack.project, &session.stack.environment));
    } else {
        context.ui.note(&format!("{}\n", session.title()));
        context.ui.result(&ui::status_text(&plan, &live_versions(&declaration)));
    }
    let in_sync = plan.steps.iter().all(|step| step.state == State::InSync);
    Ok(if in_sync || !args.exit_code { Exit::Done } else { Exit::Pending })
}

/// The version that each function's alias points to.
fn live_versions(declaration: &Declaration) -> Vec<(String, String)> {
    let aliases = declaration.graph.entries().iter().filter(|entry| entry.id.kind() == Alias::KIND);
    let mut versions: Vec<(String, String)> = aliases
        .filter_map(|entry| {
            let outputs = entry.outputs()?;
            let function = entry.id.as_str().strip_prefix(Alias::KIND)?.strip_prefix('/')?;
            Some((function.to_owned(), outputs["version"].as_str()?.to_owned()))
        })
        .collect();
    versions.sort();
    versions
}
