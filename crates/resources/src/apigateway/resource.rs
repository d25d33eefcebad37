//! One path segment of a REST API, with everything below it.
//!
//! AWS calls it a resource. Deleting it deletes its methods and the resources below it. A service that keeps those leaves orphans, which nothing
//! serves and the sweep collects.

use super::{
    common::{lock, nodes, parentless},
    rest_api::find_ours,
    scope,
};
use crate::sweep_rest_api_parts;
use aws::{
    Aws, RequestLimit, Source, Target,
    facts::{Call, Identity, Kind, Sweep, Task, Trail, Typical},
};
use engine::{DeleteOutcome, Handle, Id, Observed, Orphan, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;

/// A path of an API. Its logical name is the whole path.
#[derive(Debug, Clone, Serialize)]
pub struct ApiResource {
    /// The id of its API.
    pub api: Ref<String>,
    /// The id of the resource above it.
    pub parent: Ref<String>,
    /// Its own segment: `events`.
    pub path_part: String,
    /// Whole path, by which the program finds it: `/api/events`.
    #[serde(skip)]
    pub path: String,
}

/// Output of a path that exists.
#[derive(Debug, Clone)]
pub struct ApiResourceOutput {
    /// Id that API Gateway gave the path.
    pub id: String,
}

const FACTS: Kind = Kind {
    name: ApiResource::KIND,
    trail: Trail { source: "apigateway", is_global: false, operations: &["CreateResource", "UpdateResource", "DeleteResource"] },
    typical: Typical::of_calls,
    pace: Some("apigateway:CreateResource"),
    request_limits: &[
        RequestLimit::new("apigateway:CreateResource", 5.0, 5.0, Source::Documented),
        RequestLimit::new("apigateway:DeleteResource", 5.0, 5.0, Source::Documented),
        RequestLimit::new("apigateway:GetResources", 2.5, 5.0, Source::Documented),
    ],
    calls: &[
        Call::takes("apigateway:CreateResource", &[("apigateway:POST", &scope::REST_API)], Task::UP),
        Call::takes("apigateway:DeleteResource", &[("apigateway:DELETE", &scope::PARTS)], Task::UP),
        Call::takes("apigateway:GetResources", &[("apigateway:GET", &scope::REST_API)], Task::LOOKING),
    ],
    sweep: Sweep::Own(|graph, stack| {
        // If the API is deleted, everything in it is deleted along.
        let Some(deployment) = stack.deployment.map(str::to_owned) else { return };
        let (api, stage) = (stack.names.api(), stack.names.stage());
        graph.sweep_parts(move |aws: &Aws| {
            let (api, stage, deployment) = (api.clone(), stage.clone(), deployment.clone());
            Box::pin(async move { sweep_rest_api_parts(aws, &api, "api", &deployment, &stage).await })
        });
    }),
    quota: None,
    billable: None,
};

impl Resource for ApiResource {
    type Cloud = Aws;
    const KIND: &'static str = "apigateway.resource";
    const FACTS: &'static Kind = &FACTS;
    const IS_PART: bool = true;
    const FIXED: &'static [&'static str] = &["api", "parent", "path_part"];
    const COMES_ALONG: bool = true;
    type Output = ApiResourceOutput;

    fn name(&self) -> String {
        self.path.clone()
    }

    fn identity(&self, target: &Target, output: Option<&ApiResourceOutput>) -> Identity {
        let also = output.map(|output| output.id.clone()).into_iter().collect();
        Identity { also, ..super::part(target, self.api.get().ok(), "resources") }
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let api = self.api.get()?;
        let nodes = nodes(aws, &api).await?;
        let Some(node) = nodes.iter().find(|node| node.path() == Some(&self.path)) else { return Ok(None) };
        let spec = Self {
            api: api.into(),
            parent: node.parent_id().unwrap_or_default().to_owned().into(),
            path_part: node.path_part().unwrap_or_default().to_owned(),
            path: self.path.clone(),
        };
        Ok(Some(Observed::part(spec, ApiResourceOutput { id: node.id().unwrap_or_default().to_owned() })))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<ApiResourceOutput>> {
        let (api, parent) = (self.api.get()?, self.parent.get()?);
        let _lock = lock(aws, &api).await;
        let answer = aws
            .write("apigateway:CreateResource", || {
                aws.apigateway.create_resource().rest_api_id(&api).parent_id(&parent).path_part(&self.path_part).send()
            })
            .await?;
        Ok(WriteOutcome::Complete(ApiResourceOutput { id: answer.id().unwrap_or_default().to_owned() }))
    }

    async fn delete(&self, aws: &Aws, output: &ApiResourceOutput) -> Result<DeleteOutcome> {
        let api = self.api.get()?;
        let _lock = lock(aws, &api).await;
        aws.write("apigateway:DeleteResource", || aws.apigateway.delete_resource().rest_api_id(&api).resource_id(&output.id).send())
            .await?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl ApiResource {
    /// Finds the paths of our API, which is `whole`; API Gateway creates and deletes `/` with the API itself.
    pub async fn sweep(aws: &Aws, whole: &Id, api_name: &str) -> Result<Vec<Orphan<Aws>>> {
        let Some(api) = find_ours(aws, api_name).await?.and_then(|api| api.id().map(str::to_owned)) else { return Ok(Vec::new()) };
        let nodes = nodes(aws, &api).await?;
        let mut orphans = Vec::new();
        for node in nodes.iter() {
            let (Some(id), Some(path)) = (node.id(), node.path().filter(|path| *path != "/")) else { continue };
            let wish = Self {
                api: api.clone().into(),
                parent: node.parent_id().unwrap_or_default().to_owned().into(),
                path_part: node.path_part().unwrap_or_default().to_owned(),
                path: path.to_owned(),
            };
            let above = path.rsplit_once('/').map_or("", |(above, _)| above);
            let output = ApiResourceOutput { id: id.to_owned() };
            let orphan = match above {
                "" => Orphan::part(whole.clone(), path, wish, output),
                // AWS deletes it with the path above ("DeleteResource"); not every service does.
                above => Orphan::part(Id::new::<Self>(above), path, wish, output).deleted_before_its_whole(),
            };
            orphans.push((path.to_owned(), orphan));
        }
        for node in parentless(aws, &api).await? {
            let (Some(id), Some(path)) = (node.id(), node.path()) else { continue };
            let wish = Self { api: api.clone().into(), parent: String::new().into(), path_part: String::new(), path: path.to_owned() };
            let orphan = Orphan::part(whole.clone(), &format!("{path} ({id})"), wish, ApiResourceOutput { id: id.to_owned() });
            orphans.push((path.to_owned(), orphan));
        }
        // Paths below are deleted first.
        orphans.sort_by(|(a, _), (b, _)| b.cmp(a));
        Ok(orphans.into_iter().map(|(_, orphan)| orphan).collect())
    }
}

impl ApiResource {
    /// Id of the resource.
    pub fn id_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("id", |output| output.id.clone())
    }
}
