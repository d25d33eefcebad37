//! `outputs`: prints addresses, ids and names of deployed resources.

use super::{
    Context,
    support::{
        content::scripts,
        session::{Session, Sources},
    },
};
use crate::{
    engine::{Event, Removal},
    error::{CliError, Exit},
    options::Format,
    stack::{Declaration, declare},
    ui,
};
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;

/// Hint for a resource that does not exist.
pub(super) const UP: &str = "`liveinsight up` makes it";

/// Arguments of `outputs`.
#[derive(Debug, Args)]
#[command(after_help = "\
Script tag for the pages of a site: liveinsight outputs tracker_tag
Environment file: liveinsight outputs --format dotenv > .env
GitHub Actions: liveinsight outputs --format github >> \"$GITHUB_OUTPUT\"")]
pub struct OutputsArgs {
    /// Print only the value of this output
    name: Option<String>,
}

/// Entry point of `outputs`.
pub(crate) async fn run(args: &OutputsArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(Format::of("outputs"))?;
    let session = Session::open(context, Sources::NotNeeded).await?;
    if let Some(name) = &args.name {
        context.ui.result(&one(context, &session, name).await?);
        return Ok(Exit::Done);
    }
    let declaration = declare(&session.stack, &session.target, &scripts(&session.stack));
    let outputs = all(context, &session, &declaration).await?;
    context.ui.result(&match format {
        Format::Json => format!("{:#}", json!(outputs)),
        Format::Dotenv => ui::outputs_dotenv(&outputs),
        Format::Github => ui::outputs_github(&outputs),
        _ => ui::outputs_text(&outputs, context.ui.columns()),
    });
    Ok(Exit::Done)
}

/// Returns the value of one output.
pub(super) async fn one(context: &Context, session: &Session, name: &str) -> Result<String, CliError> {
    let declaration = declare(&session.stack, &session.target, &scripts(&session.stack));
    let known: Vec<&str> = declaration.output_names().collect();
    if !known.contains(&name) {
        return Err(CliError::usage(format!("there is no output {name}")).hint(format!("known are {}", known.join(", "))));
    }
    let value = all(context, session, &declaration).await?.remove(name);
    value.ok_or_else(|| CliError::failed(format!("what {name} names does not exist yet")).hint(UP))
}

/// Returns all outputs of existing resources.
pub(super) async fn all(context: &Context, session: &Session, declaration: &Declaration) -> Result<BTreeMap<String, String>, CliError> {
    // Finding resources takes fewer calls than comparing them.
    let found = Removal::survey(&declaration.graph, &session.aws, |_| false, &|event: Event<'_>| context.progress.engine(&event)).await?;
    if found.leaving.is_empty() {
        return Err(CliError::failed(format!("nothing of {} exists yet", session.title())).hint(UP));
    }
    Ok(declaration.outputs())
}
