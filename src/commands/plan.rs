//! `plan`: what `up` would do, field by field.

use super::{
    Context,
    content::{self, Packages},
    session::{Session, Sources},
};
use crate::{
    cli::Format,
    engine::{Event, survey},
    error::{CliError, Exit},
    stack::declare,
    ui::{self, Detail},
};
use clap::Args;

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Signs: + is created, ~ changes in place, ± is deleted and made again, - is deleted.
It builds what changed, as `up` does, because the plan is exact only with the code that would be uploaded.")]
pub struct PlanArgs {
    /// Ends with 10 if anything would change
    #[arg(long)]
    exit_code: bool,
    /// Uses the packages of the last build, and fails if they are not current
    #[arg(long)]
    no_build: bool,
}

/// Runs `plan`.
pub(super) async fn run(args: &PlanArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(&[Format::Text, Format::Json, Format::Markdown])?;
    let session = Session::open(context, Sources::Needed).await?;
    let packages = if args.no_build { Packages::MustBeCurrent } else { Packages::Build };
    let content = content::gather(context, &session, packages, None).await?;
    let declaration = declare(&session.stack, &session.place, &content);
    let plan = survey(&declaration.graph, &session.aws, &|event: Event<'_>| context.progress.engine(&event)).await?;
    let markdown = ui::plan_markdown(&session.names().stack_tag(), &plan, None);
    context.ui.page(&markdown);
    match format {
        Format::Json => context.ui.result(&ui::plan_json(&plan)),
        Format::Markdown => context.ui.result(&markdown),
        _ => {
            let detail = if context.ui.verbose() { Detail::Full } else { Detail::Creations };
            context.ui.note(&format!("{}\n", session.title()));
            context.ui.result(&ui::plan_text(&plan, None, detail));
        }
    }
    let pending = plan.changes().next().is_some();
    Ok(if pending && args.exit_code { Exit::Pending } else { Exit::Done })
}
