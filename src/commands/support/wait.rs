//! Waits for CloudFront, which `up` does not do by default: it distributes changes worldwide, which takes minutes and which no
//! other resource depends on.

use super::{context::Context, session::Session};
use crate::{engine::Result, error::CliError, stack::Declaration};
use std::time::Duration;

/// Polling interval. CloudFront takes about three minutes (reported: 156 to 217 s), so shorter intervals gain little.
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

/// Returns true if the distribution is deployed everywhere. A new one may not be visible yet to the endpoint that answers.
pub(in crate::commands) async fn is_deployed(session: &Session, id: &str) -> Result<bool> {
    let aws = &session.aws;
    let answer = aws.read("cloudfront:GetDistribution", || aws.cloudfront.get_distribution().id(id).send()).await?;
    Ok(answer.distribution().is_some_and(|distribution| distribution.status() == "Deployed"))
}
