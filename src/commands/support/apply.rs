//! One run of the reconciler, from the sources to a verified stack, shared by `up` and `dev`. A run without changes writes
//! nothing, not even the lock.
//!
//! Deliberately not here: the display of the result. `up` prints a summary; `dev` prints one line per change.

use super::{
    canary,
    consent::{self, Allowed},
    context::{Context, Phase},
    recording,
    session::Session,
    smoke_check,
    stack_lock::{self, StackLock},
    steps::Steps,
    timings, wait,
};
use crate::{
    aws::Aws,
    engine::{self, Event, Gate, Id, Objection, Options, Plan, Report, Resource, State, Step, survey},
    error::CliError,
    resources::{Alias, Bucket, OriginSecret},
    smoke::Before,
    stack::{Content, Declaration, declare},
    timings::Achieved,
    ui::{self, Detail, Summary},
};
use futures::FutureExt;
use std::collections::{BTreeMap, BTreeSet};

/// Options of a run, and the user's consent.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of `up`")]
pub(in crate::commands) struct Request {
    /// Selected resources; `None` selects all.
    pub(in crate::commands) only: Option<BTreeSet<Id>>,
    /// Canary steps, which try new versions before they serve all requests.
    pub(in crate::commands) canary: Option<Steps>,
    /// Run the smoke check after a release.
    pub(in crate::commands) smoke: bool,
    /// Replace the origin secret that the distribution sends to the functions.
    pub(in crate::commands) rotate: bool,
    /// Consent to lose data or to take over resources.
    pub(in crate::commands) allowed: Allowed,
    /// Consent to remove foreign policies and configurations from roles and functions. The run then searches for them.
    pub(in crate::commands) audit: bool,
    /// Consent to change a protected environment.
    pub(in crate::commands) yes: bool,
    /// Wait for CloudFront.
    pub(in crate::commands) wait: bool,
    /// Fail instead of waiting for another run.
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

/// Result of a run.
pub(in crate::commands) struct Applied {
    /// Known addresses and names.
    pub(in crate::commands) outputs: BTreeMap<String, String>,
    /// Durations beside the critical path, if the run was recorded and changed something.
    pub(in crate::commands) achieved: Option<Achieved>,
    /// Numbers of changed and unchanged resources, and of calls.
    pub(in crate::commands) summary: Summary,
    /// Number of selected resources.
    pub(in crate::commands) total: usize,
    /// Error if a resource failed, waiting for CloudFront ended early, or the smoke check failed.
    pub(in crate::commands) result: Result<(), CliError>,
    /// All resources are as declared, and the release works as far as it was checked, even if `result` is an error.
    pub(in crate::commands) in_sync: bool,
    /// Functions still accept an origin secret other than the one that the distribution will send.
    pub(in crate::commands) secret_is_changing: bool,
    /// A write changed something that requests reach.
    released: bool,
}

/// Observes, asks for consent, takes the lock, converges, and records the release. An error means that there is no summary: the
/// run was refused or interrupted, or rolled back an abandoned canary of another run.
pub(in crate::commands) async fn apply(
    context: &Context,
    session: &Session,
    content: &Content,
    request: &Request,
) -> Result<Applied, CliError> {
    let declaration = declare(&session.stack, &session.target, content);
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
    let run = Run { context, session, content, declaration: &declaration, request };
    run.apply().await
}

/// A run of the reconciler: what all of its steps need.
struct Run<'a> {
    context: &'a Context,
    session: &'a Session,
    content: &'a Content,
    declaration: &'a Declaration,
    request: &'a Request,
}

impl Run<'_> {
    async fn apply(&self) -> Result<Applied, CliError> {
        let Self { context, session, declaration, request, .. } = self;
        let plan = stack_lock::observe(context, session, request.no_wait, async || self.observe().await).await?;
        // False if a run was killed before it recorded its release.
        let recorded = recording::is_recorded(session, declaration, &plan).await?;
        if request.changes(&plan).next().is_none() && recorded {
            context.begin(Phase::Writing);
            let applied = self.converge(plan, Report::default(), &Gate::default()).await;
            session.print_calls(context);
            return Ok(applied);
        }
        self.consent().await?;
        self.locked(plan, recorded).await
    }

    /// Asks before a protected environment is changed.
    async fn consent(&self) -> Result<(), CliError> {
        if !self.session.stack.protect || self.request.yes {
            return Ok(());
        }
        let environment = &self.session.stack.environment;
        let question = format!("change {environment}, which is protected?");
        consent::confirm(self.context, &question, &format!("{environment} is protected")).await
    }

    /// Takes the lock, and releases under it.
    async fn locked(&self, plan: Plan<Aws>, recorded: bool) -> Result<Applied, CliError> {
        let Self { context, session, declaration, request, .. } = self;
        context.now("taking the lock");
        let target = lock_bucket(declaration, &plan, request);
        // A first run has to create the lock's bucket, which takes seconds on AWS. Resources that need no lock are created
        // meanwhile.
        let serves = plan.steps.iter().any(|step| step.id.kind() == Alias::KIND && step.state != State::Missing);
        let at_once = matches!(target, stack_lock::LockBucket::New(_)) && request.canary.is_none() && !serves;
        let gate = Gate::closed();
        let begin = StackLock::begin(context, session, "up", target, request.no_wait);
        let work = self.release(plan, recorded, &gate).boxed_local();
        let (stack_lock, work) = if at_once {
            StackLock::begin_working(context, begin, work).await?
        } else {
            let stack_lock = begin.await?;
            let is_current = !stack_lock.waited;
            (stack_lock, is_current.then_some(work))
        };
        gate.open();
        // The plan is out of date if another run held the lock.
        let again = async || self.release(self.observe().await?, recorded, &gate).await;
        let work = work.unwrap_or_else(|| again().boxed_local());
        let ran = stack_lock.run(context, work).await;
        session.print_calls(context);
        let (mut applied, kept) = ran?;
        applied.result = kept.and(applied.result);
        applied.summary.count_calls(&session.aws.tally());
        Ok(applied)
    }

    /// Runs the canary if requested, converges, runs the smoke check, and records the release.
    async fn release(&self, plan: Plan<Aws>, recorded: bool, gate: &Gate) -> Result<Applied, CliError> {
        let Self { context, session, content, declaration, request } = self;
        // The checks are judged by what serves now; a canary changes that already.
        let before = if request.smoke {
            Box::pin(smoke_check::before(session, declaration, &plan, |id| request.wants(id))).await
        } else {
            Before::Unknown
        };
        let has_records = !matches!(lock_bucket(declaration, &plan, request), stack_lock::LockBucket::None);
        let (plan, tried) = if let Some(steps) = &request.canary {
            match canary::run(context, session, content, declaration, plan, steps, request.allowed).await {
                Ok(went_well) => went_well,
                Err(canary::GivenUp { report, error }) => {
                    return Ok(Applied { in_sync: false, ..self.summed_up(&report, Err(error)) });
                }
            }
        } else {
            let is_ours = |id: &Id| plan.foreign(&declaration.graph, id).is_none();
            canary::check_abandoned(context, session, declaration, |id| request.wants(id) && is_ours(id)).await?;
            (plan, Report::default())
        };
        let mut applied = self.converge(plan, tried, gate).await;
        if applied.in_sync && (applied.released || !recorded) {
            context.now("checking and recording");
            let works = if request.smoke {
                Box::pin(smoke_check::of_release(context, session, declaration, &applied.outputs, &before)).await
            } else {
                Ok(())
            };
            match works {
                Ok(()) if has_records => Box::pin(recording::record(context, session, declaration)).await,
                Ok(()) => {}
                Err(error) => (applied.in_sync, applied.result) = (false, Err(error)),
            }
        }
        Ok(applied)
    }

    /// Observes all resources, shows the plan, and refuses changes without consent.
    async fn observe(&self) -> Result<Plan<Aws>, CliError> {
        let Self { context, session, declaration, request, .. } = self;
        let emit = |event: Event<'_>| context.emit(&event);
        // Results from another account do not count.
        let survey = async { Ok::<_, CliError>(survey(&declaration.graph, &session.aws, &emit).await) };
        let (plan, (), ()) = futures::try_join!(survey, session.confirm(), session.aws.ask_ahead().map(Ok))?;
        let plan = plan?;
        if request.changes(&plan).next().is_some() {
            // Each created resource is named after its creation, and beforehand only if the user has to confirm.
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

    /// Converges all resources. `earlier` is the report of this run so far.
    async fn converge(&self, plan: Plan<Aws>, earlier: Report, gate: &Gate) -> Applied {
        let Self { context, session, declaration, request, .. } = self;
        let Allowed { adopt, delete_data } = request.allowed;
        let (only, stop, gate) = (request.only.clone(), context.stop.clone(), gate.clone());
        let options = Options { adopt, delete_data, only, stop, gate, ..Options::default() };
        let emit = |event: Event<'_>| context.emit(&event);
        if request.changes(&plan).next().is_some() {
            context.ui.fold("changes");
        }
        let report = engine::up(&declaration.graph, &session.aws, plan, &options, &emit).await;
        context.progress.step_done();
        context.ui.unfold();
        let failure = ui::failures(&report);
        let waited = if request.wait && failure.is_none() { wait::for_distribution(context, session, declaration).await } else { Ok(()) };
        let result = failure.map_or(Ok(()), Err).and(waited);
        self.summed_up(&report.after(earlier), result)
    }

    /// Builds the summary from the report.
    fn summed_up(&self, report: &Report, result: Result<(), CliError>) -> Applied {
        let Self { context, session, declaration, request, .. } = self;
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
}

/// Returns the location of the lock and the records: the bucket, which a first run has to create. None if the bucket is neither
/// the stack's nor taken over.
fn lock_bucket<'a>(declaration: &'a Declaration, plan: &Plan<Aws>, request: &Request) -> stack_lock::LockBucket<'a> {
    let Some(step) = plan.steps.iter().find(|step| step.id.kind() == Bucket::KIND) else { return stack_lock::LockBucket::None };
    let takes_over = request.allowed.adopt && request.wants(&step.id);
    match &step.objection {
        Some(Objection::Claimed(_)) => return stack_lock::LockBucket::None,
        Some(Objection::Foreign(_)) if !takes_over => return stack_lock::LockBucket::None,
        _ if step.state != State::Missing => return stack_lock::LockBucket::Existing,
        _ => {}
    }
    match &declaration.bucket {
        Some(bucket) if request.wants(&step.id) => stack_lock::LockBucket::New(bucket),
        _ => stack_lock::LockBucket::None,
    }
}
