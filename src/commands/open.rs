//! `open`: shows the dashboard, or another address of the stack, in the browser.

use super::{Context, outputs, session::Session, session::Sources};
use crate::{
    cli::Format,
    error::{CliError, Exit},
};
use clap::Args;

/// Arguments of `open`.
#[derive(Debug, Args)]
#[command(after_help = "\
It prints the address as well, and opens nothing if the program has no terminal.")]
pub struct OpenArgs {
    /// The output that has the address
    #[arg(default_value = "dashboard_url")]
    name: String,
}

/// Runs `open`.
pub(super) async fn run(args: &OpenArgs, context: &Context) -> Result<Exit, CliError> {
    context.format(&[Format::Text])?;
    let session = Session::open(context, Sources::NotNeeded).await?;
    let address = outputs::one(context, &session, &args.name).await?;
    if !address.starts_with("http") {
        let error = CliError::usage(format!("{} is no address: {address}", args.name));
        return Err(error.hint("`liveinsight outputs` lists them; those that end in _url can be opened"));
    }
    context.ui.result(&address);
    if context.ui.is_watched()
        && let Err(error) = open::that_detached(&address)
    {
        context.ui.warn(&format!("cannot start a browser: {error}"));
    }
    Ok(Exit::Done)
}
