//! `open`: opens the dashboard, another address of the stack, or a resource in AWS's console in the browser.

use super::{
    Context, outputs,
    support::session::{Session, Sources},
};
use crate::{
    error::{CliError, Exit},
    options::Format,
    stack::{Content, declare},
};
use clap::Args;

/// Arguments of `open`.
#[derive(Debug, Args)]
#[command(after_help = "\
Open a resource in the AWS console: liveinsight open lambda.function/stats-api
Prints the address as well. Without a terminal, opens nothing.")]
pub struct OpenArgs {
    /// Output with the address to open, or id of a resource, as `status` shows it, to open its page in the AWS console
    #[arg(default_value = "dashboard_url")]
    name: String,
}

/// Entry point of `open`.
pub(crate) async fn run(args: &OpenArgs, context: &Context) -> Result<Exit, CliError> {
    context.format(Format::of("open"))?;
    let is_resource = args.name.contains('/');
    if is_resource && context.globals.local {
        let error = CliError::usage("the local AWS has no console");
        return Err(error.hint("`liveinsight status --local` shows its resources, `liveinsight logs --local` what they log"));
    }
    let session = Session::open(context, Sources::NotNeeded).await?;
    let address = if is_resource { page(context, &session, &args.name).await? } else { output(context, &session, &args.name).await? };
    context.ui.result(&address);
    if context.ui.is_watched()
        && let Err(error) = open::that_detached(&address)
    {
        context.ui.warn(&format!("cannot start a browser: {error}"));
    }
    Ok(Exit::Done)
}

/// Returns the address in an output.
async fn output(context: &Context, session: &Session, name: &str) -> Result<String, CliError> {
    let address = outputs::one(context, session, name).await?;
    if address.starts_with("http") {
        return Ok(address);
    }
    let error = CliError::usage(format!("{name} is no address: {address}"));
    Err(error.hint("`liveinsight outputs` lists them; those that end in _url can be opened"))
}

/// Returns the page of a resource in AWS's console. AWS is called only for ids that it has chosen.
async fn page(context: &Context, session: &Session, id: &str) -> Result<String, CliError> {
    let declaration = declare(&session.stack, &session.target, &Content::default());
    let entries = declaration.graph.entries();
    let Some(entry) = entries.iter().find(|entry| entry.id.as_str() == id) else {
        let error = CliError::usage(format!("stack.yaml declares no {id}"));
        let likeness = |other: &str| strsim::jaro_winkler(id, other);
        let nearest = entries.iter().map(|entry| entry.id.as_str()).max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        return Err(error.hint(nearest.map_or_else(String::new, |id| format!("did you mean {id}? `liveinsight graph` lists all"))));
    };
    if let Some(url) = entry.identity(&session.target).console {
        return Ok(url);
    }
    outputs::all(context, session, &declaration).await?;
    let url = entry.identity(&session.target).console;
    url.ok_or_else(|| CliError::failed(format!("{id} does not exist yet")).hint(outputs::UP))
}
