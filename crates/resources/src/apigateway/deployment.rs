//! A snapshot of a REST API, which its stages serve.
//!
//! A deployment is immutable and AWS does not show its content, so its description names the declaration that it is a snapshot of. Another
//! declaration is another deployment: the stage moves to it, and the sweep collects the old one.

use super::{
    common::{deployments, lock, stages},
    rest_api::find_ours,
    scope,
};
use crate::ApiResource;
use aws::{
    Aws, RequestLimit, Source, Target,
    facts::{Call, Identity, Kind, Sweep, Task, Trail, Typical},
};
use aws_sdk_apigateway::types::{Deployment, Stage};
use engine::{DeleteOutcome, Handle, Id, Observed, Orphan, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;
use std::collections::BTreeSet;

/// Desired state of a deployment: the snapshot of one declaration.
#[derive(Debug, Clone, Serialize)]
pub struct ApiDeployment {
    /// The id of its API.
    pub api: Ref<String>,
    /// Digest of everything that the snapshot contains.
    pub digest: String,
    /// Dependencies of the snapshot: `done()` of everything in it.
    pub needs: Vec<Ref<String>>,
}

/// Output of a deployment that exists.
#[derive(Debug, Clone)]
pub struct ApiDeploymentOutput {
    /// Id that API Gateway gave the deployment.
    pub id: String,
}

const FACTS: Kind = Kind {
    name: ApiDeployment::KIND,
    trail: Trail { source: "apigateway", is_global: false, operations: &["CreateDeployment", "UpdateDeployment", "DeleteDeployment"] },
    typical: Typical::of_calls,
    pace: Some("apigateway"),
    request_limits: &[RequestLimit::new("apigateway:CreateDeployment", 0.2, 1.0, Source::Documented)],
    calls: &[
        Call::takes("apigateway:CreateDeployment", &[("apigateway:POST", &scope::REST_API)], Task::UP),
        Call::takes("apigateway:DeleteDeployment", &[("apigateway:DELETE", &scope::PARTS)], Task::UP),
        Call::takes("apigateway:GetDeployments", &[("apigateway:GET", &scope::REST_API)], Task::LOOKING),
    ],
    sweep: Sweep::With(ApiResource::KIND),
    quota: None,
    billable: None,
};

impl Resource for ApiDeployment {
    type Cloud = Aws;
    const KIND: &'static str = "apigateway.deployment";
    const FACTS: &'static Kind = &FACTS;
    const IS_PART: bool = true;
    const FIXED: &'static [&'static str] = &["api", "digest"];
    type Output = ApiDeploymentOutput;

    fn name(&self) -> String {
        self.digest.clone()
    }

    fn identity(&self, target: &Target, _: Option<&ApiDeploymentOutput>) -> Identity {
        super::part(target, self.api.get().ok(), "stages")
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let api = self.api.get()?;
        let deployments = deployments(aws, &api).await?;
        let Some(observed) = pick(&deployments, &self.digest) else { return Ok(None) };
        let spec = Self { api: api.into(), digest: self.digest.clone(), needs: self.needs.clone() };
        Ok(Some(Observed::part(spec, ApiDeploymentOutput { id: observed.id().unwrap_or_default().to_owned() })))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<ApiDeploymentOutput>> {
        let api = self.api.get()?;
        let _lock = lock(aws, &api).await;
        let answer = aws
            .write("apigateway:CreateDeployment", || {
                aws.apigateway.create_deployment().rest_api_id(&api).description(description(&self.digest)).send()
            })
            .await?;
        Ok(WriteOutcome::Complete(ApiDeploymentOutput { id: answer.id().unwrap_or_default().to_owned() }))
    }

    async fn delete(&self, aws: &Aws, output: &ApiDeploymentOutput) -> Result<DeleteOutcome> {
        let api = self.api.get()?;
        let _lock = lock(aws, &api).await;
        aws.write("apigateway:DeleteDeployment", || aws.apigateway.delete_deployment().rest_api_id(&api).deployment_id(&output.id).send())
            .await?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl ApiDeployment {
    /// Finds the deployments of our API that the declared one (with this digest) replaces. What a stage other than the declared
    /// one serves stays. The logical name of each is its id; `whole` is that of the API.
    pub async fn sweep(aws: &Aws, whole: &Id, api_name: &str, digest: &str, stage: &str) -> Result<Vec<Orphan<Aws>>> {
        let Some(api) = find_ours(aws, api_name).await?.and_then(|api| api.id().map(str::to_owned)) else { return Ok(Vec::new()) };
        let deployments = deployments(aws, &api).await?;
        let stages = stages(aws, &api).await?;
        let mut kept: BTreeSet<&str> =
            stages.iter().filter(|other| other.stage_name() != Some(stage)).filter_map(Stage::deployment_id).collect();
        kept.extend(pick(&deployments, digest).and_then(Deployment::id));
        let old = deployments.iter().filter_map(Deployment::id).filter(|id| !kept.contains(id));
        let orphans = old.map(|id| {
            let wish = Self { api: api.clone().into(), digest: id.to_owned(), needs: Vec::new() };
            Orphan::part(whole.clone(), id, wish, ApiDeploymentOutput { id: id.to_owned() })
        });
        Ok(orphans.collect())
    }
}

impl ApiDeployment {
    /// Id of the deployment.
    pub fn id_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("id", |output| output.id.clone())
    }
}

fn description(digest: &str) -> String {
    format!("liveinsight {digest}")
}

/// Returns the newest deployment with this digest: a lost answer may have left two.
fn pick<'a>(deployments: &'a [Deployment], digest: &str) -> Option<&'a Deployment> {
    let description = description(digest);
    let same = deployments.iter().filter(|deployment| deployment.description() == Some(&description));
    same.max_by_key(|deployment| (deployment.created_date().map(aws_smithy_types::DateTime::as_nanos), deployment.id()))
}
