//! Maintains the record of releases during a run. Nothing else depends on it: a failure here is only reported.

use super::{context::Context, session::Session};
use crate::{
    aws::Aws,
    engine::{Plan, Resource, Result, State},
    error::CliError,
    release::{self, Action, Author, Standing},
    resources::Bucket,
    stack::Declaration,
};

/// Returns true if the live release is the newest recorded one. A stack without an existing bucket has no releases, which
/// counts as recorded.
pub(in crate::commands) async fn is_recorded(session: &Session, declaration: &Declaration, plan: &Plan<Aws>) -> Result<bool, CliError> {
    if declaration.bucket.is_none() || !has_bucket(plan) {
        return Ok(true);
    }
    let recorded = release::is_recorded(&session.aws, &session.names().bucket(), &declaration.graph).await;
    // File headers that a killed run did not store are stored now, too.
    recorded.map(|recorded| recorded && session.aws.site_is_kept()).map_err(|error| CliError::of_engine(None, &error))
}

/// Returns true if the bucket of the records exists and belongs to this stack.
pub(in crate::commands) fn has_bucket(plan: &Plan<Aws>) -> bool {
    plan.steps.iter().any(|step| step.id.kind() == Bucket::KIND && step.state != State::Missing && step.objection.is_none())
}

/// Compares the observed state with the newest release, if there is one.
pub(in crate::commands) async fn standing(
    session: &Session,
    declaration: &Declaration,
    plan: &Plan<Aws>,
) -> Result<Option<Standing>, CliError> {
    if !has_bucket(plan) {
        return Ok(None);
    }
    let standing = release::standing(&session.aws, &session.names().bucket(), &declaration.graph).await;
    standing.map_err(|error| CliError::of_engine(None, &error))
}

/// Records the release of `up`.
pub(in crate::commands) async fn record(context: &Context, session: &Session, declaration: &Declaration) {
    let Some(bucket) = &declaration.bucket else { return };
    let author = Author::of_sources(&session.stack.root).await;
    let number = release::write(&session.aws, &bucket.name, &declaration.graph, Action::Up, author).await;
    recorded(context, session, number).await;
}

/// Reports a failure to record, and prunes old releases when due. Returns the number of the release, if there is one.
pub(in crate::commands) async fn recorded(context: &Context, session: &Session, number: Result<Option<u64>>) -> Option<u64> {
    let number = number.unwrap_or_else(|error| {
        context.ui.warn(&format!("the list of releases is not up to date; the next `up` makes up for it: {error}"));
        None
    });
    if number.is_some_and(release::is_due)
        && let Err(error) = release::prune(&session.aws, &session.names().bucket(), &session.functions(), release::KEPT).await
    {
        context.ui.warn(&format!("what no release within reach needs is still kept: {error}"));
    }
    number
}
