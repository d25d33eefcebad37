//! Waiting for what `up` does not wait for by itself: CloudFront spreads a distribution over the world, which takes minutes
//! and on which nothing else depends.

use super::{Context, session::Session};
use crate::{error::CliError, stack::Declaration};
use std::time::Duration;

/// CloudFront takes about three minutes; asking more often finds out little sooner.
const PAUSE: Duration = Duration::from_secs(5);

/// Waits until the distribution, if there is one, is deployed everywhere.
pub(super) async fn for_distribution(context: &Context, session: &Session, declaration: &Declaration) -> Result<(), CliError> {
    let Some(id) = declaration.outputs().remove("distribution_id") else { return Ok(()) };
    let aws = &session.aws;
    let failed = |error| CliError::of_engine(None, &error);
    context.progress.step("waiting for CloudFront to deploy the distribution everywhere (usually 3 to 5 minutes)");
    loop {
        let answer = aws.read("cloudfront:GetDistribution", || aws.cloudfront.get_distribution().id(&id).send()).await.map_err(failed)?;
        if answer.distribution().is_some_and(|distribution| distribution.status() == "Deployed") {
            context.progress.step_done();
            return Ok(());
        }
        context.stop.sleep(PAUSE).await.map_err(failed)?;
    }
}
