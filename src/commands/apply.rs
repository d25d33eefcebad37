//! One run of the reconciler, from the sources to a verified stack: what `up` and `dev` share.
//!
//! Deliberately not here: how the result is shown. `up` prints it once; `dev` says one line per change.

use super::{
    Context, Phase,
    consent::{self, Allowed},
    content::{self, Packages},
    session::Session,
    wait,
};
use crate::aws::Aws;
use crate::{
    engine::{self, Event, Id, Options, Plan, survey},
    error::CliError,
    stack::{Declaration, declare},
    ui::{self, Detail, Summary},
};
use std::collections::{BTreeMap, BTreeSet};

/// What a run is asked to do, and allowed to.
pub(super) struct Request {
    /// Only these; all if `None`.
    pub(super) only: Option<BTreeSet<Id>>,
    /// What to do about handlers that changed.
    pub(super) packages: Packages,
    /// Consent to lose data or to take over.
    pub(super) allowed: Allowed,
    /// Consent to change a protected environment.
    pub(super) yes: bool,
    /// Whether to wait for CloudFront.
    pub(super) wait: bool,
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
}

/// Builds, observes, asks for consent, and converges. An error means that nothing was changed.
pub(super) async fn apply(context: &Context, session: &Session, request: Request) -> Result<Applied, CliError> {
    let Request { only, packages, allowed, yes, wait } = request;
    let content = content::gather(context, session, packages, only.as_ref()).await?;
    let declaration = declare(&session.stack, &session.place, &content);

    let tell = |event: Event<'_>| context.progress.engine(&event);
    let plan = survey(&declaration.graph, &session.aws, &tell).await?;
    let wanted = |step: &&engine::Step| only.as_ref().is_none_or(|only| only.contains(&step.id));
    let changes = plan.changes().filter(wanted).count();
    if changes > 0 {
        let detail = if context.ui.verbose() { Detail::Creations } else { Detail::Changes };
        context.ui.note(&format!("{}\n\n{}\n", session.title(), ui::plan_text(&plan, only.as_ref(), detail)));
    }
    consent::check(&plan, only.as_ref(), allowed)?;
    if session.stack.protect && changes > 0 && !yes {
        let environment = &session.stack.environment;
        consent::confirm(context, &format!("change {environment}, which is protected?"), &format!("{environment} is protected")).await?;
    }
    context.begin(Phase::Writing);
    Ok(converge(context, session, &declaration, plan, (only, allowed, wait)).await)
}

async fn converge(
    context: &Context,
    session: &Session,
    declaration: &Declaration,
    plan: Plan<Aws>,
    (only, allowed, wait): (Option<BTreeSet<Id>>, Allowed, bool),
) -> Applied {
    let total = only.as_ref().map_or(declaration.graph.entries().len(), BTreeSet::len);
    let left_alone = declaration.graph.entries().len() - total;
    let Allowed { adopt, delete_data } = allowed;
    let options = Options { adopt, delete_data, only, stop: context.stop.clone(), ..Options::default() };
    let tell = |event: Event<'_>| context.progress.engine(&event);
    let report = engine::up(&declaration.graph, &session.aws, plan, &options, &tell).await;
    context.progress.step_done();
    for warning in session.aws.warnings() {
        context.ui.warn(&warning);
    }
    let failure = ui::failures(&report);
    let in_sync = failure.is_none();
    let waited = if wait && in_sync { wait::for_distribution(context, session, declaration).await } else { Ok(()) };

    let tally = session.aws.tally();
    let unchanged = report.unchanged.saturating_sub(left_alone);
    let summary = Summary::new(&report, unchanged, context.progress.seconds(), &tally);
    if context.ui.verbose() {
        let calls: Vec<String> = tally.by_operation().iter().map(|(operation, count)| format!("{operation} {count}")).collect();
        context.ui.note(&format!("AWS calls: {}", calls.join(", ")));
    }
    let result = failure.map_or(Ok(()), Err).and(waited);
    Applied { outputs: declaration.outputs(), summary, total, result, in_sync }
}
