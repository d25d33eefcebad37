//! A response that a method of a REST API declares: its status and the headers that it may carry.
//!
//! The integration response sets the content of the headers. `PutMethodResponse` reportedly does not overwrite, so a change deletes the response
//! first.

use super::{
    common::{MethodKey, lock, method, spelt_as},
    method::{ApiMethod, found, route},
    scope,
};
use crate::ApiResource;
use aws::{
    Aws, Optional, Target,
    facts::{Call, Identity, Kind, Sweep, Task, Trail, Typical},
};
use aws_sdk_apigateway::types::MethodResponse;
use engine::{Changes, DeleteOutcome, Handle, Id, Observed, Orphan, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// A method response. Its logical name is its route and status: `OPTIONS /api/events 200`.
#[derive(Debug, Clone, Serialize)]
pub struct ApiMethodResponse {
    /// Address of the method that declares the response.
    pub method: Ref<MethodKey>,
    /// Route of the method, for messages.
    #[serde(skip)]
    pub route: String,
    /// The HTTP status.
    pub status: String,
    /// Headers that it may carry (see [`response_header`]); `true` for those that it must.
    pub response_parameters: BTreeMap<String, bool>,
}

/// Output of a method response that exists.
#[derive(Debug, Clone)]
pub struct ApiMethodResponseOutput {
    /// Address of the method that declares the response.
    pub method: MethodKey,
    /// Its HTTP status.
    pub status: String,
}

/// Returns API Gateway's name for a header of a response.
pub fn response_header(name: &str) -> String {
    format!("method.response.header.{name}")
}

const FACTS: Kind = Kind {
    name: ApiMethodResponse::KIND,
    trail: Trail {
        source: "apigateway",
        is_global: false,
        operations: &["PutMethodResponse", "UpdateMethodResponse", "DeleteMethodResponse"],
    },
    typical: Typical::of_calls,
    pace: Some("apigateway"),
    request_limits: &[],
    calls: &[
        Call::takes("apigateway:DeleteMethodResponse", &[("apigateway:DELETE", &scope::PARTS)], Task::UP),
        Call::takes("apigateway:PutMethodResponse", &[("apigateway:PUT", &scope::REST_API)], Task::UP),
    ],
    sweep: Sweep::With(ApiResource::KIND),
    quota: None,
    billable: None,
};

impl Resource for ApiMethodResponse {
    type Cloud = Aws;
    const KIND: &'static str = "apigateway.method_response";
    const FACTS: &'static Kind = &FACTS;
    const IS_PART: bool = true;
    const FIXED: &'static [&'static str] = &["method", "status"];
    const COMES_ALONG: bool = true;
    type Output = ApiMethodResponseOutput;

    fn name(&self) -> String {
        format!("{} {}", self.route, self.status)
    }

    fn identity(&self, target: &Target, _: Option<&ApiMethodResponseOutput>) -> Identity {
        super::part_of_method(target, self.method.get().ok())
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let key = self.method.get()?;
        let Some(method) = method(aws, &key).await? else { return Ok(None) };
        let observed = method.method_responses().and_then(|responses| responses.get(&self.status));
        Ok(observed.map(|observed| {
            let output = ApiMethodResponseOutput { method: key.clone(), status: self.status.clone() };
            let spec = Self::read(&output, &self.route, observed);
            let response_parameters = spelt_as(&self.response_parameters, spec.response_parameters);
            Observed::part(Self { response_parameters, ..spec }, output)
        }))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<ApiMethodResponseOutput>> {
        let key = self.method.get()?;
        let _lock = lock(aws, &key.api).await;
        self.put(aws, &key, None).await?;
        Ok(WriteOutcome::Complete(ApiMethodResponseOutput { method: key, status: self.status.clone() }))
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, _changes: &Changes) -> Result<WriteOutcome<ApiMethodResponseOutput>> {
        let key = &observed.output.method;
        // The models of its bodies are not declared, and stay only if they are sent.
        let now = method(aws, key).await?;
        let models = now.as_ref().and_then(|now| now.method_responses()?.get(&self.status)?.response_models().cloned());
        let _lock = lock(aws, &key.api).await;
        remove(aws, &observed.output).await.optional()?;
        self.put(aws, key, models).await?;
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, output: &ApiMethodResponseOutput) -> Result<DeleteOutcome> {
        let _lock = lock(aws, &output.method.api).await;
        remove(aws, output).await?;
        Ok(DeleteOutcome::Deleted)
    }
}

async fn remove(aws: &Aws, output: &ApiMethodResponseOutput) -> Result<()> {
    let key = &output.method;
    aws.write("apigateway:DeleteMethodResponse", || {
        let request = aws.apigateway.delete_method_response().rest_api_id(&key.api).resource_id(&key.resource);
        request.http_method(&key.http_method).status_code(&output.status).send()
    })
    .await?;
    Ok(())
}

impl ApiMethodResponse {
    async fn put(&self, aws: &Aws, key: &MethodKey, models: Option<HashMap<String, String>>) -> Result<()> {
        let parameters: HashMap<String, bool> = self.response_parameters.clone().into_iter().collect();
        aws.write("apigateway:PutMethodResponse", || {
            let request = aws.apigateway.put_method_response().rest_api_id(&key.api).resource_id(&key.resource);
            let request = request.http_method(&key.http_method).status_code(&self.status).set_response_models(models.clone());
            request.set_response_parameters(Some(parameters.clone())).send()
        })
        .await?;
        Ok(())
    }

    fn read(output: &ApiMethodResponseOutput, route: &str, observed: &MethodResponse) -> Self {
        Self {
            method: output.method.clone().into(),
            route: route.to_owned(),
            status: output.status.clone(),
            response_parameters: observed.response_parameters().into_iter().flatten().map(|(k, v)| (k.clone(), *v)).collect(),
        }
    }

    /// Finds the method responses of our API.
    pub async fn sweep(aws: &Aws, api_name: &str) -> Result<Vec<Orphan<Aws>>> {
        let mut orphans = Vec::new();
        for (path, key, method) in found(aws, api_name).await? {
            let route = route(&path, &key);
            for (status, observed) in method.method_responses().into_iter().flatten() {
                let output = ApiMethodResponseOutput { method: key.clone(), status: status.clone() };
                let wish = Self::read(&output, &route, observed);
                orphans.push(Orphan::part(Id::new::<ApiMethod>(&route), &format!("{route} {status}"), wish, output));
            }
        }
        Ok(orphans)
    }
}

impl ApiMethodResponse {
    /// Dependency for resources that must come after the response and use no value of it: the integration response that fills it.
    pub fn done_of(handle: &Handle<Self>) -> Ref<String> {
        handle.known("done", handle.id().to_string())
    }
}
