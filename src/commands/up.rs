//! `up`: build, observe, plan, ask where consent is needed, converge, and say where everything is.

use super::{
    Context,
    consent::{self, Allowed},
    content::{self, Packages},
    session::{Session, Sources},
    wait,
};
use crate::{
    aws::Aws,
    cli::Format,
    engine::{self, Event, Graph, Id, Options, Plan, survey},
    error::{CliError, Exit},
    stack::{Content, Declaration, declare},
    ui::{self, Detail, Summary},
};
use clap::Args;
use std::collections::BTreeSet;

/// Arguments of `up`.
#[derive(Debug, Args)]
#[command(after_help = "\
The plan and the progress go to stderr; stdout carries the outputs and the summary, or with --format json one event per line.
Running it again when nothing changed writes nothing.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct UpArgs {
    /// Only these resources and what they need (ids as `status` shows them); removes nothing
    #[arg(long, value_name = "ID", num_args = 1..)]
    only: Vec<String>,
    /// Waits until CloudFront has deployed the distribution everywhere
    #[arg(long)]
    wait: bool,
    /// Uses the packages of the last build, and fails if they are not current
    #[arg(long)]
    no_build: bool,
    /// Takes over what exists under the stack's names and is not marked as the stack's
    #[arg(long)]
    adopt: bool,
    /// Allows to delete or replace what holds data (tables, bucket)
    #[arg(long)]
    delete_data: bool,
    /// Consents to changes of a protected environment
    #[arg(short, long)]
    yes: bool,
}

/// Runs `up`.
pub(super) async fn run(args: &UpArgs, context: &Context) -> Result<Exit, CliError> {
    context.format(&[Format::Text, Format::Json])?;
    let session = Session::open(context, Sources::Needed).await?;
    let only = only(&args.only, &declare(&session.stack, &session.place, &Content::default()).graph)?;
    let packages = if args.no_build { Packages::MustBeCurrent } else { Packages::Build };
    let content = content::gather(context, &session, packages, only.as_ref()).await?;
    let declaration = declare(&session.stack, &session.place, &content);

    let tell = |event: Event<'_>| context.progress.engine(&event);
    let plan = survey(&declaration.graph, &session.aws, &tell).await?;
    let wanted = |step: &&engine::Step| only.as_ref().is_none_or(|only| only.contains(&step.id));
    let changes = plan.changes().filter(wanted).count();
    if changes > 0 {
        let detail = if context.ui.verbose() { Detail::Creations } else { Detail::Changes };
        context.ui.note(&format!("{}\n\n{}\n", session.title(), ui::plan_text(&plan, only.as_ref(), detail)));
    }
    consent::check(&plan, only.as_ref(), Allowed { adopt: args.adopt, delete_data: args.delete_data })?;
    if session.stack.protect && changes > 0 && !args.yes {
        let environment = &session.stack.environment;
        consent::confirm(context, &format!("change {environment}, which is protected?"), &format!("{environment} is protected")).await?;
    }
    context.begin_writing();
    converge(args, context, &session, &declaration, plan, only).await
}

async fn converge(
    args: &UpArgs,
    context: &Context,
    session: &Session,
    declaration: &Declaration,
    plan: Plan<Aws>,
    only: Option<BTreeSet<Id>>,
) -> Result<Exit, CliError> {
    let total = only.as_ref().map_or(declaration.graph.entries().len(), BTreeSet::len);
    let left_alone = declaration.graph.entries().len() - total;
    let options = Options { adopt: args.adopt, delete_data: args.delete_data, only, stop: context.stop.clone(), ..Options::default() };
    let tell = |event: Event<'_>| context.progress.engine(&event);
    let report = engine::up(&declaration.graph, &session.aws, plan, &options, &tell).await;
    context.progress.step_done();
    let failure = ui::failures(&report);
    let waited = if args.wait && failure.is_none() { wait::for_distribution(context, session, declaration).await } else { Ok(()) };

    let tally = session.aws.tally();
    let unchanged = report.unchanged.saturating_sub(left_alone);
    let summary = Summary::new(&report, unchanged, context.progress.seconds(), tally.requests());
    let outputs = declaration.outputs();
    if context.ui.verbose() {
        let calls: Vec<String> = tally.by_operation().iter().map(|(operation, count)| format!("{operation} {count}")).collect();
        context.ui.note(&format!("AWS calls: {}", calls.join(", ")));
    }
    if context.progress.events() {
        if failure.is_none() {
            context.progress.outputs(&outputs);
        }
        context.ui.result(&summary.json());
    } else if failure.is_none() {
        context.ui.result(&format!("{}\n{total} of {total} in sync: {}", ui::outputs_text(&outputs), summary.text()));
    } else {
        context.ui.result(&summary.text());
    }
    failure.map_or(Ok(()), Err).and(waited).map(|()| Exit::Done)
}

/// The resources that `--only` names, with what they need; `None` if all are meant.
fn only(ids: &[String], graph: &Graph<Aws>) -> Result<Option<BTreeSet<Id>>, CliError> {
    if ids.is_empty() {
        return Ok(None);
    }
    graph.closure(ids.iter().map(String::as_str)).map(Some).map_err(|unknown| {
        let error = CliError::usage(format!("--only: stack.yaml declares no {unknown}"));
        let likeness = |id: &str| strsim::jaro_winkler(&unknown, id);
        let ids = graph.entries().iter().map(|entry| entry.id.as_str());
        match ids.max_by(|a, b| likeness(a).total_cmp(&likeness(b))) {
            Some(nearest) => error.hint(format!("did you mean {nearest}? `liveinsight graph` lists all")),
            None => error,
        }
    })
}
