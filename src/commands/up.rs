//! `up`: builds, observes, plans, asks where consent is needed, converges, and prints the addresses.

use super::{
    Context,
    support::{
        apply::{Applied, Request, apply},
        consent::Allowed,
        content::{self, Packages},
        reading,
        session::{Session, Sources},
        steps::Steps,
        timings::TimingsArgs,
    },
};
use crate::{
    aws::Aws,
    engine::{Graph, Id},
    error::{CliError, Exit},
    options::Format,
    stack::{Content, declare},
    timings::BUILDING,
    ui,
};
use clap::Args;
use std::collections::BTreeSet;

/// Arguments of `up`.
#[derive(Debug, Args)]
#[command(after_help = "\
The plan and the progress go to stderr. stdout carries the outputs and the summary, or one event
per line with --format json. If nothing changed, a further run writes nothing. With -v or
--timings, `up` names the critical path: the longest chain of resources of which each waits for
the one before, without time spent in queues.

After a release (code or pages changed), a smoke check verifies that it works: it makes the requests
of `smoke` in stack.yaml. Without that section it fetches the page and each GET route without
variables. Such a route has to reach its function and must not fail where the release before did
not; the errors of a first release are shown only. For the shipped product it also posts an event
for a site of its own and verifies its count. If the check fails, `up` restores the previous release
and exits with code 5. --no-smoke skips the check.

With --canary, `up` first updates everything except aliases and pages. Then it sends the share of
the requests to the new versions, by the aliases, and watches the stack's alarms. If an alarm
fires, another writer moves an alias, or the run is interrupted, `up` takes the shares back and
exits with code 5 (130 if interrupted). If a run is killed during a canary, the next `up` finishes
the canary, or takes it back if an alarm fires.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct UpArgs {
    /// Update only these resources and their dependencies, by id as `status` shows it; delete nothing
    #[arg(long, value_name = "ID", num_args = 1..)]
    only: Vec<String>,
    /// Wait until CloudFront has deployed the distribution everywhere
    #[arg(long)]
    wait: bool,
    /// Use the packages of the last build, and fail if they are out of date
    #[arg(long)]
    no_build: bool,
    /// Send a share of the requests to new code first, for a time, and watch the stack's alarms: `10%:5m`, or in steps `10%:5m,50%:10m`.
    /// Take the new code back if an alarm fires
    #[arg(long, value_name = "STEPS", conflicts_with = "only")]
    canary: Option<Steps>,
    /// Skip the smoke check after a release
    #[arg(long)]
    no_smoke: bool,
    /// Replace the secret that CloudFront sends to the functions, without refusing requests meanwhile; a later `up` retires the old one
    #[arg(long, conflicts_with = "only")]
    rotate_origin_secret: bool,
    /// Take over existing resources that have the stack's names and are not marked as any stack's
    #[arg(long)]
    adopt: bool,
    /// Allow deleting or replacing resources that hold data (tables, bucket)
    #[arg(long)]
    delete_data: bool,
    /// Also look for additions by others to the stack's roles and functions: managed and further inline policies, function URLs, policy
    /// statements on a function or a version rather than on its alias. The plan names them, and `up` removes them. Takes five more calls
    /// for each function, and one for each of its versions
    #[arg(long)]
    audit: bool,
    /// Change a protected environment without asking
    #[arg(short, long)]
    yes: bool,
    /// Exit with code 6 instead of waiting if another run holds the stack's lock
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    timings: TimingsArgs,
}

/// Entry point of `up`.
pub(crate) async fn run(args: &UpArgs, context: &Context) -> Result<Exit, CliError> {
    context.format(Format::of("up"))?;
    let page = args.timings.open()?;
    context.record();
    let mut session = Session::open_at_once(context, Sources::Needed).await?;
    let request = Request {
        only: only(&args.only, &declare(&session.stack, &session.target, &Content::default()).graph)?,
        canary: args.canary.clone(),
        smoke: !args.no_smoke,
        rotate: args.rotate_origin_secret,
        allowed: Allowed { adopt: args.adopt, delete_data: args.delete_data },
        yes: args.yes,
        audit: args.audit,
        wait: args.wait,
        no_wait: args.no_wait,
    };
    let packages = if args.no_build { Packages::MustBeCurrent } else { Packages::Build };
    context.now(BUILDING);
    let content = session.unless_refused(content::gather(context, &session, packages, request.only.as_ref())).await?;
    if let Some(left_out) = ui::left_out_line(&content.left_out) {
        context.ui.note(&left_out);
    }
    let mut applied = apply(context, &session, &content, &request).await;
    if session.is_mistaken() {
        session = Session::open(context, Sources::Needed).await?;
        applied = apply(context, &session, &content, &request).await;
    }
    let Applied { outputs, summary, total, result, in_sync, secret_is_changing, achieved, .. } = applied?;
    if let Some(achieved) = achieved.as_ref().filter(|_| page.is_some() || context.ui.verbose()) {
        context.ui.note(&ui::achieved_line(achieved));
    }
    if let Some(page) = page {
        page.write(context, "up", &session.title(), achieved.as_ref());
    }
    if in_sync {
        let what = format!("{total} of {total} in sync: {}", summary.text());
        context.ui.page(&ui::result_markdown(&session.names().stack_tag(), &what, &outputs));
        context.ui.step_outputs(&outputs);
    }
    if context.progress.events() {
        if in_sync {
            context.progress.outputs(&outputs);
        }
        context.ui.result(&summary.json());
    } else if in_sync {
        context.ui.result(&format!("{}\n{total} of {total} in sync: {}", ui::outputs_text(&outputs, context.ui.columns()), summary.text()));
    } else {
        context.ui.result(&summary.text());
    }
    if in_sync && secret_is_changing {
        context.ui.note(CHANGING);
    }
    let defaults = [reading::closed, reading::any_site].map(|says| says(&session.stack, &session.names(), &session.target));
    for text in defaults.iter().flatten().filter(|_| in_sync) {
        context.ui.note(text);
    }
    result.map(|()| Exit::Done)
}

/// Notice while a new origin secret is being deployed.
const CHANGING: &str = "CloudFront takes some minutes to send the new origin secret everywhere; until an `up` after that, the functions take what \
     was sent before as well";

/// Returns the resources that `--only` names, with their dependencies; `None` selects all.
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
