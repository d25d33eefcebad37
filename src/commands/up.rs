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
The plan and the progress go to stderr; stdout carries the outputs and the summary, or with --format json one event per line.
Running it again when nothing changed writes nothing.
With -v or --timings it names its critical path: the longest chain of resources of which each waits for the one before, without the time in which one only queued.

After a release (code or pages changed) it is checked that it works: an event is posted, for a site of its own, and counted, each route that
only reads answers, and the page is served. If not, the release before is put back, and the exit code is 5. --no-smoke leaves that out.

With --canary everything but aliases and pages is brought in line first. Then the new versions get their share, in the aliases, and the run
waits and looks at the stack's alarms. If one fires, somebody else moves an alias, or the run is interrupted, the shares are taken back
(exit code 5, or 130). A canary whose run was killed is finished by the next `up`, or taken back by it if an alarm fires.")]
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
    /// Tries new code on a share of the requests first, for a time, while the stack's alarms are watched: `10%:5m`, or in steps
    /// `10%:5m,50%:10m`. An alarm that fires takes it back
    #[arg(long, value_name = "STEPS", conflicts_with = "only")]
    canary: Option<Steps>,
    /// Does not check after a release that it works
    #[arg(long)]
    no_smoke: bool,
    /// Has a new secret take the place of the one that CloudFront sends to the functions, without a request refused meanwhile; a later `up`
    /// ends the old one
    #[arg(long, conflicts_with = "only")]
    rotate_origin_secret: bool,
    /// Takes over what exists under the stack's names and is marked as no stack's
    #[arg(long)]
    adopt: bool,
    /// Allows to delete or replace what holds data (tables, bucket)
    #[arg(long)]
    delete_data: bool,
    /// Looks for what others put on the stack's roles and functions as well: managed and further inline policies, function URLs,
    /// statements on a function or a version rather than on its alias. It is named in
    /// the plan and removed. Takes five calls more for each function, and one for each of its versions
    #[arg(long)]
    audit: bool,
    /// Consents to changes of a protected environment
    #[arg(short, long)]
    yes: bool,
    /// Ends with 6 if another run is at work on the stack, instead of waiting for it
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
        only: only(&args.only, &declare(&session.stack, &session.place, &Content::default()).graph)?,
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
    let defaults = [reading::closed, reading::any_site].map(|says| says(&session.stack, &session.names(), &session.place));
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
