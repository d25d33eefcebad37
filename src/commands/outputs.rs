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
    let declaration = declare(&session.stack, &session.place, &Content::default());
    if let Some(name) = &args.name
        && !declaration.output_names().any(|known| known == name)
    {
        let known: Vec<&str> = declaration.output_names().collect();
        return Err(CliError::usage(format!("there is no output {name}")).hint(format!("known are {}", known.join(", "))));
    }
    // To find what exists takes fewer calls than to compare it.
    let found = Removal::survey(&declaration.graph, &session.aws, |_| false, &|event: Event<'_>| context.progress.engine(&event)).await?;
    let up = "`liveinsight up` makes it";
    if found.leaving.is_empty() {
        return Err(CliError::failed(format!("nothing of {} exists yet", session.title())).hint(up));
    }
    let outputs = declaration.outputs();
    let text = match (&args.name, format) {
        (Some(name), _) => {
            outputs.get(name).cloned().ok_or_else(|| CliError::failed(format!("what {name} names does not exist yet")).hint(up))?
        }
        (None, Format::Json) => format!("{:#}", json!(outputs)),
        (None, Format::Dotenv) => ui::outputs_dotenv(&outputs),
        (None, Format::Github) => ui::outputs_github(&outputs),
        (None, _) => ui::outputs_text(&outputs),
    };
    context.ui.result(&text);
    Ok(Exit::Done)
}
