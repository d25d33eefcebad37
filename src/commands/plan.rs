//! `plan`: what `up` would do, field by field.

use super::{
    Context,
    content::{self, Packages},
    cost,
    session::{Session, Sources},
};
use crate::{
    cli::Format,
    cost::EVENTS,
    engine::{Event, survey},
    error::{CliError, Exit},
    stack::declare,
    timings,
    ui::{self, Detail},
};
use clap::Args;

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Signs: + is created, ~ changes in place, ± is deleted and made again, - is deleted.
It builds what changed, as `up` does, because the plan is exact only with the code that would be uploaded.
On AWS it estimates how long `up` would take: what has to wait for something else, one after the other, at typical times.
The last line estimates a month's bill at list prices and an assumed traffic, and what the plan adds to it; docs/cost.md says what is counted.")]
pub struct PlanArgs {
    /// Ends with 10 if anything would change
    #[arg(long)]
    exit_code: bool,
    /// Uses the packages of the last build, and fails if they are not current
    #[arg(long)]
    no_build: bool,
    /// Estimates the cost for so many events a month, if not for 100,000
    #[arg(long, value_name = "NUMBER", default_value_t = EVENTS, value_parser = cost::events, allow_hyphen_values = true)]
    events: u64,
}

/// Runs `plan`.
pub(super) async fn run(args: &PlanArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(&[Format::Text, Format::Json, Format::Markdown])?;
    let session = Session::open(context, Sources::Needed).await?;
    let packages = if args.no_build { Packages::MustBeCurrent } else { Packages::Build };
    let content = content::gather(context, &session, packages, None).await?;
    let declaration = declare(&session.stack, &session.place, &content);
    let plan = survey(&declaration.graph, &session.aws, &|event: Event<'_>| context.progress.engine(&event)).await?;
    let estimate = cost::estimate(&session, &declaration, &plan, args.events);
    // On the local AWS nothing takes as long as it does on AWS.
    let time = session.place.limits.then(|| timings::estimate(&declaration.graph, &plan.steps)).flatten();
    let last_lines = [time.as_ref().map(ui::estimate_line), Some(ui::cost_line(&estimate))];
    let last_lines = last_lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
    let markdown = format!("{}\n{}\n", ui::plan_markdown(&session.names().stack_tag(), &plan, None), last_lines.replace('\n', "  \n"));
    context.ui.page(&markdown);
    match format {
        Format::Json => context.ui.result(&ui::plan_json(&plan, &estimate, time.as_ref())),
        Format::Markdown => context.ui.result(&markdown),
        _ => {
            let detail = if context.ui.verbose() { Detail::Full } else { Detail::Creations };
            context.ui.note(&format!("{}\n", session.title()));
            context.ui.result(&format!("{}\n{last_lines}", ui::plan_text(&plan, None, detail)));
        }
    }
    let pending = plan.changes().next().is_some();
    Ok(if pending && args.exit_code { Exit::Pending } else { Exit::Done })
}
