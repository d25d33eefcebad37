//! A method of a REST API's path.
//!
//! Its integration and its responses are resources of their own, and are deleted with it. `PutMethod` refuses to overwrite, and a change is so rare
//! that the method is replaced: only the draft is touched, callers use the deployment.

use super::{
    common::{MethodKey, lock, method, nodes},
    resource::ApiResource,
    rest_api::find_ours,
    scope,
};
use aws::{
    Aws, Target,
    facts::{Billable, Call, Identity, Kind, Sweep, Task, Trail, Typical},
};
use aws_sdk_apigateway::types::Method;
use engine::{DeleteOutcome, Handle, Id, Observed, Orphan, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;

/// A method. Its logical name is its route: `POST /api/events`.
#[derive(Debug, Clone, Serialize)]
pub struct ApiMethod {
    /// The id of its API.
    pub api: Ref<String>,
    /// The id of its resource.
    pub resource: Ref<String>,
    /// Path of its resource, for messages.
    pub http_method: String,
    /// The path of its resource, for people.
    #[serde(skip)]
    pub path: String,
    /// Authorization of callers: `NONE` lets everybody call, `CUSTOM` and `COGNITO_USER_POOLS` have an authorizer.
    pub authorization: String,
    /// The id of its authorizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer: Option<Ref<String>>,
    /// Set if callers need an API key.
    pub api_key_required: bool,
}

const FACTS: Kind = Kind {
    name: ApiMethod::KIND,
    trail: Trail { source: "apigateway", is_global: false, operations: &["PutMethod", "UpdateMethod", "DeleteMethod"] },
    typical: Typical::of_calls,
    pace: Some("apigateway"),
    request_limits: &[],
    calls: &[
        Call::takes("apigateway:DeleteMethod", &[("apigateway:DELETE", &scope::PARTS)], Task::UP),
        Call::takes("apigateway:PutMethod", &[("apigateway:PUT", &scope::REST_API)], Task::UP),
    ],
    sweep: Sweep::With(ApiResource::KIND),
    quota: None,
    billable: Some(Billable::Method),
};

impl Resource for ApiMethod {
    type Cloud = Aws;
    const KIND: &'static str = "apigateway.method";
    const FACTS: &'static Kind = &FACTS;
    const IS_PART: bool = true;
    const FIXED: &'static [&'static str] = &["api", "resource", "http_method", "authorization", "authorizer", "api_key_required"];
    const COMES_ALONG: bool = true;
    type Output = MethodKey;

    fn name(&self) -> String {
        format!("{} {}", self.http_method, self.path)
    }

    fn identity(&self, target: &Target, _: Option<&MethodKey>) -> Identity {
        let also = self.resource.get().ok().into_iter().chain([self.http_method.clone()]).collect();
        Identity { also, ..super::part(target, self.api.get().ok(), "resources") }
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let key = self.key()?;
        let Some(method) = method(aws, &key).await? else { return Ok(None) };
        Ok(Some(Observed::part(Self::read(&key, &self.path, &method), key)))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<MethodKey>> {
        let key = self.key()?;
        let authorizer = self.authorizer.as_ref().map(Ref::get).transpose()?;
        let _lock = lock(aws, &key.api).await;
        aws.write("apigateway:PutMethod", || {
            let request = aws.apigateway.put_method().rest_api_id(&key.api).resource_id(&key.resource).http_method(&key.http_method);
            request
                .set_authorizer_id(authorizer.clone())
                .authorization_type(&self.authorization)
                .api_key_required(self.api_key_required)
                .send()
        })
        .await?;
        Ok(WriteOutcome::Complete(key))
    }

    async fn delete(&self, aws: &Aws, key: &MethodKey) -> Result<DeleteOutcome> {
        let _lock = lock(aws, &key.api).await;
        aws.write("apigateway:DeleteMethod", || {
            aws.apigateway.delete_method().rest_api_id(&key.api).resource_id(&key.resource).http_method(&key.http_method).send()
        })
        .await?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl ApiMethod {
    fn key(&self) -> Result<MethodKey> {
        Ok(MethodKey { api: self.api.get()?, resource: self.resource.get()?, http_method: self.http_method.clone() })
    }

    fn read(key: &MethodKey, path: &str, observed: &Method) -> Self {
        Self {
            api: key.api.clone().into(),
            resource: key.resource.clone().into(),
            http_method: key.http_method.clone(),
            path: path.to_owned(),
            authorization: observed.authorization_type().unwrap_or("NONE").to_owned(),
            authorizer: observed.authorizer_id().filter(|id| !id.is_empty()).map(|id| id.to_owned().into()),
            api_key_required: observed.api_key_required().unwrap_or_default(),
        }
    }

    /// Finds the methods of our API, which is `whole`.
    pub async fn sweep(aws: &Aws, whole: &Id, api_name: &str) -> Result<Vec<Orphan<Aws>>> {
        let found = found(aws, api_name).await?;
        let orphans = found.iter().map(|(path, key, observed)| {
            let whole = if path == "/" { whole.clone() } else { Id::new::<ApiResource>(path) };
            Orphan::part(whole, &route(path, key), Self::read(key, path, observed), key.clone())
        });
        Ok(orphans.collect())
    }
}

impl ApiMethod {
    /// Returns the address of the method, to which its integration and responses refer.
    pub fn key_of(handle: &Handle<Self>) -> Ref<MethodKey> {
        handle.output("key", MethodKey::clone)
    }
}

/// Returns the logical name of a method and of its integration.
pub(super) fn route(path: &str, key: &MethodKey) -> String {
    format!("{} {path}", key.http_method)
}

/// Returns all methods of our API, with their paths.
pub(super) async fn found(aws: &Aws, api_name: &str) -> Result<Vec<(String, MethodKey, Method)>> {
    let Some(api) = find_ours(aws, api_name).await?.and_then(|api| api.id().map(str::to_owned)) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for node in nodes(aws, &api).await?.iter() {
        let (Some(resource), Some(path)) = (node.id(), node.path()) else { continue };
        for (http_method, method) in node.resource_methods().into_iter().flatten() {
            let key = MethodKey { api: api.clone(), resource: resource.to_owned(), http_method: http_method.clone() };
            found.push((path.to_owned(), key, method.clone()));
        }
    }
    Ok(found)
}
