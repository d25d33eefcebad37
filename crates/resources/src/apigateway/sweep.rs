//! Finds everything in the stack's REST API, so that parts that are no longer declared are deleted.

use super::{
    ApiAuthorizer, ApiDeployment, ApiIntegration, ApiIntegrationResponse, ApiMethod, ApiMethodResponse, ApiResource, ApiStage, RestApi,
};
use aws::Aws;
use engine::{Id, Orphan, Result};

/// Finds all parts of the stack's API, in the order in which they can be deleted; deleting a part deletes everything in it.
///
/// `name` is the API's name and `logical` its logical name; `digest` is that of the declared deployment and `stage` the name of the stage that
/// serves it. It reads only what observing those resources reads as well.
pub async fn sweep_rest_api_parts(aws: &Aws, name: &str, logical: &str, digest: &str, stage: &str) -> Result<Vec<Orphan<Aws>>> {
    let whole = Id::new::<RestApi>(logical);
    let mut parts = ApiStage::sweep(aws, &whole, name).await?;
    parts.extend(ApiDeployment::sweep(aws, &whole, name, digest, stage).await?);
    parts.extend(ApiIntegrationResponse::sweep(aws, name).await?);
    parts.extend(ApiMethodResponse::sweep(aws, name).await?);
    parts.extend(ApiIntegration::sweep(aws, name).await?);
    parts.extend(ApiMethod::sweep(aws, &whole, name).await?);
    parts.extend(ApiResource::sweep(aws, &whole, name).await?);
    // API Gateway refuses to delete an authorizer that a method refers to (reported), and methods go with their paths.
    parts.extend(ApiAuthorizer::sweep(aws, &whole, name).await?);
    Ok(parts)
}
