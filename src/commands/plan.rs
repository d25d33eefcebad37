//! `plan`: shows the changes that `up` would make, field by field.

use super::{
    Context,
    support::{
        consent::{self, Allowed},
        content::{self, Packages},
        cost, recording,
        session::{Session, Sources},
    },
};
use crate::{
    cost::EVENTS,
    engine::{Event, survey},
    error::{CliError, Exit},
    options::Format,
    stack::declare,
    timings,
    ui::{self, Detail},
};
use clap::Args;

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exits with code 1 if `up` would refuse the plan because it loses data or changes resources that
the stack does not own; --delete-data and --adopt allow this, as for `up`.
Signs: + create, ~ update in place, ± delete and create again, - delete.
Builds changed code, as `up` does: only the code to be uploaded makes the plan exact.
On AWS, estimates the duration of `up`: the steps that have to wait for each other, one after the
other, at typical times.
The last line estimates the monthly bill at list prices and assumed traffic, and what the plan
adds to it; docs/cost.md lists what is counted.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct PlanArgs {
    /// Exit with code 10 if there are changes
    #[arg(long)]
    exit_code: bool,
    /// Use the packages of the last build, and fail if they are out of date
    #[arg(long)]
    no_build: bool,
    /// Allow taking over existing resources that have the stack's names, as `up --adopt` does
    #[arg(long)]
    adopt: bool,
    /// Allow deleting or replacing resources that hold data, as `up --delete-data` does
    #[arg(long)]
    delete_data: bool,
    /// Also look for additions by others to the stack's roles and functions: managed and further inline policies, function URLs, policy
    /// statements on a function or a version rather than on its alias. Takes five more calls for each function, and one for each of its
    /// versions
    #[arg(long)]
    audit: bool,
    /// Estimate the cost for this number of events a month
    #[arg(long, value_name = "NUMBER", default_value_t = EVENTS, value_parser = cost::events, allow_hyphen_values = true)]
    events: u64,
}

/// Entry point of `plan`.
pub(crate) async fn run(args: &PlanArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(Format::of("plan"))?;
    let session = Session::open(context, Sources::Compared).await?;
    if args.audit {
        session.aws.audit();
    }
    let packages = if args.no_build { Packages::MustBeCurrent } else { Packages::Build };
    let content = content::gather(context, &session, packages, None).await?;
    let declaration = declare(&session.stack, &session.target, &content);
    let plan = survey(&declaration.graph, &session.aws, &|event: Event<'_>| context.progress.engine(&event)).await?;
    let estimate = cost::estimate(&session, &declaration, &plan, args.events);
    // The estimates hold for AWS; the local AWS is faster.
    let time = session.target.limits.then(|| timings::estimate(&declaration.graph, &plan.steps)).flatten();
    let standing = recording::standing(&session, &declaration, &plan).await?;
    let rolled_back = standing.and_then(|standing| ui::RolledBack::of(&plan, &standing));
    let uncompared = Some(ui::uncompared_text(&ui::uncompared(&session.stack))).filter(|text| !text.is_empty());
    let last_lines = [
        ui::left_out_line(&content.left_out),
        uncompared,
        rolled_back.as_ref().map(ui::RolledBack::text),
        time.as_ref().map(ui::estimate_line),
        Some(ui::cost_line(&estimate)),
    ];
    let last_lines = last_lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
    // The comment of a pull request does not include stderr.
    let warnings = session.stack.warnings.iter().map(|warning| format!("warning: {warning}"));
    let below = warnings.chain([last_lines.clone()]).collect::<Vec<_>>().join("\n");
    let markdown = format!("{}\n{}\n", ui::plan_markdown(&session.names().stack_tag(), &plan, None), below.replace('\n', "  \n"));
    context.ui.page(&markdown);
    match format {
        Format::Json => {
            context.ui.result(&ui::plan_json(&plan, &estimate, time.as_ref(), &content.left_out, rolled_back.as_ref(), &session.stack));
        }
        Format::Markdown => context.ui.result(&markdown),
        _ => {
            let detail = if context.ui.verbose() { Detail::Full } else { Detail::Creations };
            context.ui.note(&format!("{}\n", session.title()));
            let columns = context.ui.columns();
            let last_lines = ui::lines(&last_lines, columns);
            context.ui.result(&format!("{}\n{last_lines}", ui::plan_text(&plan, None, detail, columns)));
        }
    }
    consent::foresee(&plan, Allowed { adopt: args.adopt, delete_data: args.delete_data })?;
    let pending = plan.changes().next().is_some();
    Ok(if pending && args.exit_code { Exit::Pending } else { Exit::Done })
}
