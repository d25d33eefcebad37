//! `status`: shows the state of every resource. Builds nothing.

use super::{
    Context,
    support::{
        content::{self, Packages},
        cost, recording,
        session::{Session, Sources},
    },
};
use crate::{
    aws::Aws,
    engine::{Event, Id, Plan, State, survey},
    error::{CliError, Exit},
    lock::{Held, Lock},
    options::Format,
    release::Standing,
    resources::{Alarm, Alias, AliasOutput},
    stack::{Declaration, declare},
    trail::{self, Author},
    ui,
};
use clap::Args;
use std::collections::BTreeMap;

/// Arguments of `status`.
#[derive(Debug, Args)]
#[command(after_help = "\
A resource is `in sync`, `drifted` (with the fields that differ), `missing`, `busy` (AWS is still
working on it), or not in stack.yaml (`up` would delete it). Resources in sync are only counted;
-v and --format json also list them. For changes and deletions from outside, `status` shows who
made them, with what and when, if CloudTrail can be read and has recorded the event, which takes
up to 15 minutes. It also shows the holder of the stack's lock, and a canary that is in progress
or was left unfinished. It does not build handlers: code that changed since the last build is not
compared.

With --cost, it estimates the monthly bill at list prices from the stack's own metrics of the last
30 days (AWS charges $0.01 for 1,000 of them; the shipped stack has 28), or from assumed traffic
while there are fewer than 6 hours of metrics; docs/cost.md lists what is counted.")]
pub struct StatusArgs {
    /// Exit with code 10 unless everything is in sync
    #[arg(long)]
    exit_code: bool,
    /// Also look for additions by others to the stack's roles and functions: managed and further inline policies, function URLs, policy
    /// statements on a function or a version rather than on its alias. Takes five more calls for each function, and one for each of its
    /// versions
    #[arg(long)]
    audit: bool,
    /// Estimate the monthly cost of the stack
    #[arg(long)]
    cost: bool,
    /// Estimate the cost for this number of events a month, instead of from metrics
    #[arg(long, value_name = "NUMBER", requires = "cost", value_parser = cost::events, allow_hyphen_values = true)]
    events: Option<u64>,
}

/// Entry point of `status`.
pub(crate) async fn run(args: &StatusArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(Format::of("status"))?;
    let session = Session::open(context, Sources::Compared).await?;
    if args.audit {
        session.aws.audit();
    }
    let content = content::gather(context, &session, Packages::IfCurrent, None).await?;
    let declaration = declare(&session.stack, &session.target, &content);
    let plan = survey(&declaration.graph, &session.aws, &|event: Event<'_>| context.progress.engine(&event)).await?;
    let (release, lock) = in_bucket(&session, &plan, &declaration).await?;
    let cost = if args.cost { Some(cost::report(&session, &declaration, &plan, args.events).await?) } else { None };
    let not_compared = ui::uncompared(&session.stack);
    let health = ui::Health { release, lock, not_compared, cost, ..health(&declaration) };
    let authors = authors(context, &session, &plan, &declaration).await;
    if format == Format::Json {
        context.ui.result(&ui::status_json(&plan, &session.stack.project, &session.stack.environment, &health, &authors));
    } else {
        context.ui.note(&format!("{}\n", session.title()));
        let view = ui::StatusView { columns: context.ui.columns(), all: context.ui.verbose() };
        context.ui.result(&ui::status_text(&plan, &health, &authors, view));
    }
    context.ui.page(&ui::status_markdown(&session.names().stack_tag(), &plan, health.release.as_ref(), &authors));
    let in_sync = plan.steps.iter().all(|step| step.state == State::InSync);
    Ok(if in_sync || !args.exit_code { Exit::Done } else { Exit::Pending })
}

/// Returns the authors of the differences that CloudTrail knows. They are informative only; nothing depends on them.
async fn authors(context: &Context, session: &Session, plan: &Plan<Aws>, declaration: &Declaration) -> BTreeMap<Id, Author> {
    let subjects = trail::subjects(&plan.steps, |id| plan.identity(&declaration.graph, id, &session.target));
    if subjects.is_empty() {
        return BTreeMap::new();
    }
    context.progress.quiet_step("asking CloudTrail who changed what differs");
    let answer = trail::authors(&session.aws, &subjects).await;
    context.progress.step_done();
    if let Some(trouble) = answer.trouble {
        context.ui.note(&format!("cannot read CloudTrail, so the authors of the differences are unknown: {trouble}"));
    }
    answer.authors
}

/// Returns the newest release and the holder of the stack's lock, if the stack has a bucket of its own.
async fn in_bucket(session: &Session, plan: &Plan<Aws>, declaration: &Declaration) -> Result<(Option<Standing>, Option<Held>), CliError> {
    let standing = recording::standing(session, declaration, plan).await?;
    if !recording::has_bucket(plan) {
        return Ok((None, None));
    }
    let held = Lock::look(&session.aws, &session.names().bucket()).await;
    Ok((standing, held.map_err(|error| CliError::of_engine(None, &error))?))
}

/// Collects live versions, canaries and addresses from the outputs, after all resources were observed.
fn health(declaration: &Declaration) -> ui::Health {
    let mut health = ui::Health::default();
    for entry in declaration.graph.entries() {
        let name = entry.id.name();
        if let Some(AliasOutput { version, shares, .. }) = entry.output::<Alias>() {
            health.live_versions.insert(name.to_owned(), version);
            if !shares.is_empty() {
                health.canaries.insert(name.to_owned(), shares);
            }
        }
        if entry.output::<Alarm>().is_some_and(|alarm| alarm.is_firing()) {
            health.firing_alarms.push(name.to_owned());
        }
    }
    health.firing_alarms.sort();
    health
}
