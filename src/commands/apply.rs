//! One run of the reconciler, from the sources to a verified stack: what `up` and `dev` share. A run with nothing to do writes nothing,
//! not even the lock.
//!
//! Deliberately not here: how the result is shown. `up` prints it once; `dev` says one line per change.

use super::{
    Context, Phase,
    consent::{self, Allowed},
    exclusive::{self, Exclusive},
    session::Session,
    wait,
};
use crate::aws::Aws;
use crate::{
    engine::{self, Event, Id, Options, Plan, Resource, State, Step, survey},
    error::CliError,
    release::{self, Action, Author},
    resources::{Alias, Bucket},
    stack::{Content, Declaration, declare},
    ui::{self, Detail, Summary},
};
use std::collections::{BTreeMap, BTreeSet};

/// What a run is asked to do, and allowed to.
pub(super) struct Request {
    /// Only these; all if `None`.
    pub(super) only: Option<BTreeSet<Id>>,
    /// What the run is to be called in the stack's lock and among its releases.
    pub(super) action: Action,
    /// Consent to lose data or to take over.
    pub(super) allowed: Allowed,
    /// Consent to change a protected environment.
    pub(super) yes: bool,
    /// Whether to wait for CloudFront.
    pub(super) wait: bool,
    /// Whether to fail rather than to wait for another run.
    pub(super) no_wait: bool,
}

impl Request {
    fn wants(&self, step: &Step) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&step.id))
    }

    fn changes<'a>(&'a self, plan: &'a Plan<Aws>) -> impl Iterator<Item = &'a Step> {
        plan.changes().filter(|step| self.wants(step))
    }
}

/// What a run did.
pub(super) struct Applied {
    /// Addresses and names, as far as they are known.
    pub(super) outputs: BTreeMap<String, String>,
    /// The counts.
    pub(super) summary: Summary,
    /// How many resources were meant.
    pub(super) total: usize,
    /// What failed, or why CloudFront was not waited for to the end.
    pub(super) result: Result<(), CliError>,
    /// Whether all resources are as declared, even if `result` is an error.
    pub(super) in_sync: bool,
    /// The number of the release that it became.
    pub(super) release: Option<u64>,
    /// Whether something was written that requests meet.
    released: bool,
}

/// Observes, asks for consent, waits for its turn, converges, and records the release. An error means that nothing was changed.
pub(super) async fn apply(context: &Context, session: &Session, content: &Content, request: Request) -> Result<Applied, CliError> {
    let declaration = declare(&session.stack, &session.place, content);

    let look = async || observe(context, session, &declaration, &request).await;
    let plan = exclusive::observe(context, session, request.no_wait, look).await?;
    // Not if a run was killed before it recorded what it released.
    let recorded = is_recorded(session, &declaration, &plan).await?;
    if request.changes(&plan).next().is_none() && recorded {
        context.begin(Phase::Writing);
        return Ok(converge(context, session, &declaration, plan, &request).await);
    }
    if session.stack.protect && !request.yes {
        let environment = &session.stack.environment;
        consent::confirm(context, &format!("change {environment}, which is protected?"), &format!("{environment} is protected")).await?;
    }
    let command = match request.action {
        Action::Up => "up",
        Action::Rollback(_) => "rollback",
    };
    let exclusive = Exclusive::begin(context, session, command, lock_place(&declaration, &plan, &request), request.no_wait).await?;
    let waited = exclusive.waited;
    let work = Box::pin(async {
        // What another run did meanwhile is not what was planned on.
        let plan = if waited { look().await? } else { plan };
        let mut applied = converge(context, session, &declaration, plan, &request).await;
        if applied.in_sync && (applied.released || !recorded) {
            applied.release = record(context, session, &declaration, request.action).await;
        }
        Ok(applied)
    });
    let (mut applied, kept) = exclusive.run(context, work).await?;
    applied.result = kept.and(applied.result);
    applied.summary.count_calls(&session.aws.tally());
    Ok(applied)
}

/// Looks at everything, shows what is to be done, and refuses what is not allowed.
async fn observe(context: &Context, session: &Session, declaration: &Declaration, request: &Request) -> Result<Plan<Aws>, CliError> {
    let plan = survey(&declaration.graph, &session.aws, &|event: Event<'_>| context.progress.engine(&event)).await?;
    if request.changes(&plan).next().is_some() {
        let detail = if context.ui.verbose() { Detail::Creations } else { Detail::Changes };
        context.ui.fold("plan");
        context.ui.note(&format!("{}\n\n{}\n", session.title(), ui::plan_text(&plan, request.only.as_ref(), detail)));
        context.ui.unfold();
        context.ui.page(&ui::plan_markdown(&session.names().stack_tag(), &plan, request.only.as_ref()));
    }
    consent::check(&plan, request.only.as_ref(), request.allowed)?;
    Ok(plan)
}

/// The lock lies in the bucket, which on a first run has to be made for it.
fn lock_place<'a>(declaration: &'a Declaration, plan: &Plan<Aws>, request: &Request) -> exclusive::Place<'a> {
    let Some(step) = plan.steps.iter().find(|step| step.id.kind() == Bucket::KIND) else { return exclusive::Place::None };
    if step.state != State::Missing {
        return exclusive::Place::Bucket;
    }
    match &declaration.bucket {
        Some(bucket) if request.wants(step) => exclusive::Place::NewBucket(bucket),
        _ => exclusive::Place::None,
    }
}

async fn converge(context: &Context, session: &Session, declaration: &Declaration, plan: Plan<Aws>, request: &Request) -> Applied {
    let Request { only, allowed, wait, .. } = request;
    let total = only.as_ref().map_or(declaration.graph.entries().len(), BTreeSet::len);
    let left_alone = declaration.graph.entries().len() - total;
    let Allowed { adopt, delete_data } = *allowed;
    let options = Options { adopt, delete_data, only: only.clone(), stop: context.stop.clone(), ..Options::default() };
    let tell = |event: Event<'_>| context.progress.engine(&event);
    if request.changes(&plan).next().is_some() {
        context.ui.fold("changes");
    }
    let report = engine::up(&declaration.graph, &session.aws, plan, &options, &tell).await;
    context.progress.step_done();
    context.ui.unfold();
    for warning in session.aws.warnings() {
        context.ui.warn(&warning);
    }
    let failure = ui::failures(&report);
    let in_sync = failure.is_none();
    let waited = if *wait && in_sync { wait::for_distribution(context, session, declaration).await } else { Ok(()) };

    let tally = session.aws.tally();
    let unchanged = report.unchanged.saturating_sub(left_alone);
    let summary = Summary::new(&report, unchanged, context.progress.seconds(), &tally);
    if context.ui.verbose() {
        let calls: Vec<String> = tally.by_operation().iter().map(|(operation, count)| format!("{operation} {count}")).collect();
        context.ui.note(&format!("AWS calls: {}", calls.join(", ")));
    }
    let result = failure.map_or(Ok(()), Err).and(waited);
    let released = report.done.keys().any(|id| [Alias::KIND, Bucket::KIND].contains(&id.kind()));
    Applied { outputs: declaration.outputs(), summary, total, result, in_sync, release: None, released }
}

/// Whether what is live is the newest release. A stack without a bucket has none, and neither has one whose bucket is still to be made.
async fn is_recorded(session: &Session, declaration: &Declaration, plan: &Plan<Aws>) -> Result<bool, CliError> {
    let there = |step: &Step| step.id.kind() == Bucket::KIND && step.state != State::Missing && step.objection.is_none();
    if declaration.bucket.is_none() || !plan.steps.iter().any(there) {
        return Ok(true);
    }
    let recorded = release::is_recorded(&session.aws, &session.names().bucket(), &declaration.graph).await;
    recorded.map_err(|error| CliError::of_engine(None, &error))
}

/// Records the release, and lets go of old ones. Its number, if it is one: nothing else depends on that, so trouble is only told.
async fn record(context: &Context, session: &Session, declaration: &Declaration, action: Action) -> Option<u64> {
    let bucket = &declaration.bucket.as_ref()?.name;
    let author = match action {
        Action::Up => Author::of_sources(&session.stack.root).await,
        // The sources have no part in it.
        Action::Rollback(_) => Author::of_run(),
    };
    let result = async {
        let number = release::write(&session.aws, bucket, &declaration.graph, action, author).await?;
        if number.is_some_and(release::is_due) {
            let functions = session.stack.functions.keys().map(|name| (name.clone(), session.names().function(name))).collect();
            release::prune(&session.aws, bucket, &functions, release::KEPT).await?;
        }
        Ok(number)
    };
    let result: crate::engine::Result<Option<u64>> = result.await;
    result.unwrap_or_else(|error| {
        context.ui.warn(&format!("the list of releases is not up to date; the next `up` makes up for it: {error}"));
        None
    })
}
