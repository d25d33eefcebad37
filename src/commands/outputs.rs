//! `outputs`: addresses, ids and names of what runs.

use super::{
    Context,
    session::{Session, Sources},
};
use crate::{
    cli::Format,
    engine::{Event, Removal},
    error::{CliError, Exit},
    stack::{Content, declare},
    ui,
};
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;

/// What to do about what does not exist.
const UP: &str = "`liveinsight up` makes it";

/// Arguments of `outputs`.
#[derive(Debug, Args)]
#[command(after_help = "\
The line for the pages of a site: liveinsight outputs tracker_tag
As an environment file: liveinsight outputs --format dotenv > .env
In GitHub Actions: liveinsight outputs --format github >> \"$GITHUB_OUTPUT\"")]
pub struct OutputsArgs {
    /// Prints only this one's bare value
    name: Option<String>,
}

/// Runs `outputs`.
pub(super) async fn run(args: &OutputsArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(&[Format::Text, Format::Json, Format::Dotenv, Format::Github])?;
    let session = Session::open(context, Sources::NotNeeded).await?;
    let text = match (&args.name, format) {
        (Some(name), _) => one(context, &session, name).await?,
        (None, Format::Json) => format!("{:#}", json!(all(context, &session).await?)),
        (None, Format::Dotenv) => ui::outputs_dotenv(&all(context, &session).await?),
        (None, Format::Github) => ui::outputs_github(&all(context, &session).await?),
        (None, _) => ui::outputs_text(&all(context, &session).await?),
    };
    context.ui.result(&text);
    Ok(Exit::Done)
}

/// The value of one output.
pub(super) async fn one(context: &Context, session: &Session, name: &str) -> Result<String, CliError> {
    let declaration = declare(&session.stack, &session.place, &Content::default());
    let known: Vec<&str> = declaration.output_names().collect();
    if !known.contains(&name) {
        return Err(CliError::usage(format!("there is no output {name}")).hint(format!("known are {}", known.join(", "))));
    }
    let value = all(context, session).await?.remove(name);
    value.ok_or_else(|| CliError::failed(format!("what {name} names does not exist yet")).hint(UP))
}

/// All outputs of what exists.
async fn all(context: &Context, session: &Session) -> Result<BTreeMap<String, String>, CliError> {
    let declaration = declare(&session.stack, &session.place, &Content::default());
    // To find what exists takes fewer calls than to compare it.
    let found = Removal::survey(&declaration.graph, &session.aws, |_| false, &|event: Event<'_>| context.progress.engine(&event)).await?;
    if found.leaving.is_empty() {
        return Err(CliError::failed(format!("nothing of {} exists yet", session.title())).hint(UP));
    }
    Ok(declaration.outputs())
}
