//! Waiting for what `up` does not wait for by itself: CloudFront spreads a distribution over the world, which takes minutes
//! and on which nothing else depends.

use super::{context::Context, session::Session};
use crate::{engine::Result, error::CliError, stack::Declaration};
use std::time::Duration;

/// CloudFront takes about three minutes (reported: 156 to 217 s); asking more often finds out little sooner.
const PAUSE: Duration = Duration::from_secs(5);

/// Waits until the distribution, if there is one, is deployed everywhere.
pub(in crate::commands) async fn for_distribution(
    context: &Context,
    session: &Session,
    declaration: &Declaration,
) -> std::result::Result<(), CliError> {
    let Some(id) = declaration.outputs().remove("distribution_id") else { return Ok(()) };
    let failed = |error| CliError::of_engine(None, &error);
    context.progress.step("waiting for CloudFront to deploy the distribution everywhere (usually 3 to 5 minutes)");
    while !is_deployed(session, &id).await.map_err(failed)? {
        context.stop.sleep(PAUSE).await.map_err(failed)?;
    }
    context.progress.step_done();
    Ok(())
}

/// Whether the distribution is the same everywhere: a new one may not be known yet where it is asked for.
pub(in crate::commands) async fn is_deployed(session: &Session, id: &str) -> Result<bool> {
    let aws = &session.aws;
    let answer = aws.read("cloudfront:GetDistribution", || aws.cloudfront.get_distribution().id(id).send()).await?;
    Ok(answer.distribution().is_some_and(|distribution| distribution.status() == "Deployed"))
}
