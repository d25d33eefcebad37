//! One run of the reconciler, from the sources to a verified stack: what `up` and `dev` share. A run with nothing to do writes nothing,
//! not even the lock.
//!
//! Deliberately not here: how the result is shown. `up` prints it once; `dev` says one line per change.

use super::{
    canary,
    consent::{self, Allowed},
    context::{Context, Phase},
    exclusive::{self, Exclusive},
    proof, recording,
    session::Session,
    steps::Steps,
    timings, wait,
};
use crate::{
    aws::Aws,
    engine::{self, Event, Gate, Id, Objection, Options, Plan, Report, Resource, State, Step, survey},
    error::CliError,
    resources::{Alias, Bucket, OriginSecret},
    stack::{Content, Declaration, declare},
    timings::Achieved,
    ui::{self, Detail, Summary},
};
use futures::FutureExt;
use std::collections::{BTreeMap, BTreeSet};

/// What a run is asked to do, and allowed to.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of `up`")]
pub(in crate::commands) struct Request {
    /// Only these; all if `None`.
    pub(in crate::commands) only: Option<BTreeSet<Id>>,
    /// How new versions are tried before they serve all requests.
    pub(in crate::commands) canary: Option<Steps>,
    /// Whether it is checked that what was released works.
    pub(in crate::commands) smoke: bool,
    /// Set if a new secret takes the place of the one that the distribution sends to the functions.
    pub(in crate::commands) rotate: bool,
    /// Consent to lose data or to take over.
    pub(in crate::commands) allowed: Allowed,
    /// Consent to remove what others put on roles and functions, which is looked for then.
    pub(in crate::commands) audit: bool,
    /// Consent to change a protected environment.
    pub(in crate::commands) yes: bool,
    /// Whether to wait for CloudFront.
    pub(in crate::commands) wait: bool,
    /// Whether to fail rather than to wait for another run.
    pub(in crate::commands) no_wait: bool,
}

impl Request {
    fn wants(&self, id: &Id) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(id))
    }

    fn changes<'a>(&'a self, plan: &'a Plan<Aws>) -> impl Iterator<Item = &'a Step> {
        plan.changes().filter(|step| self.wants(&step.id))
    }
}

/// What a run did.
pub(in crate::commands) struct Applied {
    /// Addresses and names, as far as they are known.
    pub(in crate::commands) outputs: BTreeMap<String, String>,
    /// The run beside its critical path, if it is recorded and did something.
    pub(in crate::commands) achieved: Option<Achieved>,
    /// The counts.
    pub(in crate::commands) summary: Summary,
    /// How many resources were meant.
    pub(in crate::commands) total: usize,
    /// What failed, why CloudFront was not waited for to the end, or why the check did not pass.
    pub(in crate::commands) result: Result<(), CliError>,
    /// Whether all resources are as declared and what was released works, as far as that was checked, even if `result` is an error.
    pub(in crate::commands) in_sync: bool,
    /// Set if the functions still take another secret than the one that the distribution is to send.
    pub(in crate::commands) secret_is_changing: bool,
    /// Whether something was written that requests meet.
    released: bool,
}

/// Observes, asks for consent, waits for its turn, converges, and records the release. An error means that there is nothing
/// to sum up: it was refused, interrupted, or took back what another run had left.
pub(in crate::commands) async fn apply(
    context: &Context,
    session: &Session,
    content: &Content,
    request: &Request,
) -> Result<Applied, CliError> {
    let declaration = declare(&session.stack, &session.place, content);
    if request.rotate {
        let secret = declaration.origin_secret.as_ref().ok_or_else(|| {
            CliError::usage("--rotate-origin-secret: this stack has no secret that `up` makes")
                .hint("it makes one for a stack with a site and an API, unless ORIGIN_VERIFY is declared or api.origin_secret is false")
        })?;
        secret.rotate();
    }

    if request.audit {
        session.aws.audit();
    }
    session.aws.trust_reports();
    let look = async || observe(context, session, &declaration, request).await;
    let plan = exclusive::observe(context, session, request.no_wait, look).await?;
    // Not if a run was killed before it recorded what it released.
    let recorded = recording::is_recorded(session, &declaration, &plan).await?;
    if request.changes(&plan).next().is_none() && recorded {
        context.begin(Phase::Writing);
        let applied = converge(context, session, &declaration, plan, request, (Report::default(), &Gate::default())).await;
        session.tell_calls(context);
        return Ok(applied);
    }
    if session.stack.protect && !request.yes {
        let environment = &session.stack.environment;
        consent::confirm(context, &format!("change {environment}, which is protected?"), &format!("{environment} is protected")).await?;
    }
    context.now("taking the lock");
    let place = lock_place(&declaration, &plan, request);
    // The bucket for it has to be made first, which takes seconds on AWS: what a first run can make without the lock does not wait.
    let serves = plan.steps.iter().any(|step| step.id.kind() == Alias::KIND && step.state != State::Missing);
    let at_once = matches!(place, exclusive::Place::NewBucket(_)) && request.canary.is_none() && !serves;
    let gate = Gate::closed();
    let begin = Exclusive::begin(context, session, "up", place, request.no_wait);
    let release = |plan| release(context, session, content, &declaration, plan, request, (recorded, &gate));
    let work = release(plan).boxed_local();
    let (exclusive, work) = if at_once {
        Exclusive::begin_working(context, begin, work).await?
    } else {
        let exclusive = begin.await?;
        let is_current = !exclusive.waited;
        (exclusive, is_current.then_some(work))
    };
    gate.open();
    // What another run did meanwhile is not what was planned on.
    let again = async || release(look().await?).await;
    let work = work.unwrap_or_else(|| again().boxed_local());
    let ran = exclusive.run(context, work).await;
    session.tell_calls(context);
    let (mut applied, kept) = ran?;
    applied.result = kept.and(applied.result);
    applied.summary.count_calls(&session.aws.tally());
    Ok(applied)
}

/// Tries what is new if that is wanted, converges, checks that it works, and records it.
async fn release(
    context: &Context,
    session: &Session,
    content: &Content,
    declaration: &Declaration,
    plan: Plan<Aws>,
    request: &Request,
    (recorded, gate): (bool, &Gate),
) -> Result<Applied, CliError> {
    let has_records = !matches!(lock_place(declaration, &plan, request), exclusive::Place::None);
    let (plan, tried) = if let Some(steps) = &request.canary {
        match canary::run(context, session, content, declaration, plan, (steps, request.allowed)).await {
            Ok(went_well) => went_well,
            Err(canary::GivenUp { report, error }) => {
                let applied = summed_up(context, session, declaration, request, &report, Err(error));
                return Ok(Applied { in_sync: false, ..applied });
            }
        }
    } else {
        let is_ours = |id: &Id| plan.foreign(&declaration.graph, id).is_none();
        canary::check_abandoned(context, session, declaration, |id| request.wants(id) && is_ours(id)).await?;
        (plan, Report::default())
    };
    let mut applied = converge(context, session, declaration, plan, request, (tried, gate)).await;
    if applied.in_sync && (applied.released || !recorded) {
        context.now("checking and recording");
        let works = if request.smoke { Box::pin(proof::of_release(context, session, declaration, &applied.outputs)).await } else { Ok(()) };
        match works {
            Ok(()) if has_records => Box::pin(recording::record(context, session, declaration)).await,
            Ok(()) => {}
            Err(error) => (applied.in_sync, applied.result) = (false, Err(error)),
        }
    }
    Ok(applied)
}

/// Looks at everything, shows what is to be done, and refuses what is not allowed.
async fn observe(context: &Context, session: &Session, declaration: &Declaration, request: &Request) -> Result<Plan<Aws>, CliError> {
    let tell = |event: Event<'_>| context.tell(&event);
    // What is found in another account does not count, whatever it is.
    let survey = async { Ok::<_, CliError>(survey(&declaration.graph, &session.aws, &tell).await) };
    let (plan, (), ()) = futures::try_join!(survey, session.confirm(), session.aws.ask_ahead().map(Ok))?;
    let plan = plan?;
    if request.changes(&plan).next().is_some() {
        // What is created is named when it is there; beforehand only to those who are to agree.
        let detail = match (context.ui.verbose(), session.stack.protect && !request.yes) {
            (true, _) => Detail::Creations,
            (false, true) => Detail::Changes,
            (false, false) => Detail::Differences,
        };
        let plan_text = ui::plan_text(&plan, request.only.as_ref(), detail, context.ui.note_columns());
        context.ui.fold("plan");
        context.ui.note(&format!("{}\n\n{}\n", session.title(), plan_text));
        context.ui.unfold();
        context.ui.page(&ui::plan_markdown(&session.names().stack_tag(), &plan, request.only.as_ref()));
    }
    consent::check(&plan, request.only.as_ref(), request.allowed)?;
    if request.canary.is_some() {
        canary::check(declaration, &plan)?;
    }
    Ok(plan)
}

/// Place of the lock and of the records: the bucket, which on a first run has to be made for them. None if it is neither the stack's nor
/// taken over.
fn lock_place<'a>(declaration: &'a Declaration, plan: &Plan<Aws>, request: &Request) -> exclusive::Place<'a> {
    let Some(step) = plan.steps.iter().find(|step| step.id.kind() == Bucket::KIND) else { return exclusive::Place::None };
    let takes_over = request.allowed.adopt && request.wants(&step.id);
    match &step.objection {
        Some(Objection::Claimed(_)) => return exclusive::Place::None,
        Some(Objection::Foreign(_)) if !takes_over => return exclusive::Place::None,
        _ if step.state != State::Missing => return exclusive::Place::Bucket,
        _ => {}
    }
    match &declaration.bucket {
        Some(bucket) if request.wants(&step.id) => exclusive::Place::NewBucket(bucket),
        _ => exclusive::Place::None,
    }
}

/// `earlier` is what was done in this run already.
async fn converge(
    context: &Context,
    session: &Session,
    declaration: &Declaration,
    plan: Plan<Aws>,
    request: &Request,
    (earlier, gate): (Report, &Gate),
) -> Applied {
    let Allowed { adopt, delete_data } = request.allowed;
    let (only, stop, gate) = (request.only.clone(), context.stop.clone(), gate.clone());
    let options = Options { adopt, delete_data, only, stop, gate, ..Options::default() };
    let tell = |event: Event<'_>| context.tell(&event);
    if request.changes(&plan).next().is_some() {
        context.ui.fold("changes");
    }
    let report = engine::up(&declaration.graph, &session.aws, plan, &options, &tell).await;
    context.progress.step_done();
    context.ui.unfold();
    let failure = ui::failures(&report);
    let waited = if request.wait && failure.is_none() { wait::for_distribution(context, session, declaration).await } else { Ok(()) };
    let result = failure.map_or(Ok(()), Err).and(waited);
    summed_up(context, session, declaration, request, &report.after(earlier), result)
}

/// What was done, as it is told.
fn summed_up(
    context: &Context,
    session: &Session,
    declaration: &Declaration,
    request: &Request,
    report: &Report,
    result: Result<(), CliError>,
) -> Applied {
    let total = request.only.as_ref().map_or(declaration.graph.entries().len(), BTreeSet::len);
    let left_alone = declaration.graph.entries().len() - total;
    let tally = session.aws.tally();
    let achieved = timings::so_far(context, &declaration.graph, &declaration.graph.forward());
    let unchanged = report.unchanged.saturating_sub(left_alone);
    let summary = Summary::new(report, unchanged, context.progress.seconds(), &tally).timed(achieved.as_ref());
    let did = |kind: &str| report.done.keys().any(|id| id.kind() == kind);
    Applied {
        outputs: declaration.outputs(),
        achieved,
        summary,
        total,
        in_sync: report.complete(),
        secret_is_changing: declaration.origin_secret.as_ref().is_some_and(OriginSecret::is_changing),
        result,
        released: did(Alias::KIND) || did(Bucket::KIND),
    }
}
