//! Answer of a mock integration: the content of the headers and of the body of one method response.
//!
//! `PutIntegrationResponse` overwrites, so it creates and updates. A literal header value is quoted: `'*'`.

use super::{
    common::{MethodKey, integration, lock, spelt_as, templates},
    integration::ApiIntegration,
    method::{found, route},
    method_response::ApiMethodResponseOutput,
    scope,
};
use crate::ApiResource;
use aws::{
    Aws, Target,
    facts::{Call, Identity, Kind, Sweep, Task, Trail, Typical},
};
use aws_sdk_apigateway::types::{ContentHandlingStrategy, IntegrationResponse};
use engine::{Changes, DeleteOutcome, Handle, Id, Observed, Orphan, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;
use std::collections::BTreeMap;

/// An integration response. Its logical name is its route and status: `OPTIONS /api/events 200`.
#[derive(Debug, Clone, Serialize)]
pub struct ApiIntegrationResponse {
    /// Address of the method that the integration belongs to.
    pub integration: Ref<MethodKey>,
    /// The method response that it fills, which must come first: its `done()`.
    pub response: Ref<String>,
    /// The HTTP status, the same as that of the method response.
    pub status: String,
    /// Route and status, for messages.
    #[serde(skip)]
    pub title: String,
    /// Pattern of the integration's answers that this response is for; empty for all that match no other pattern.
    pub selection_pattern: String,
    /// Content (see [`quoted`]) by header (see [`response_header`](crate::response_header)).
    pub response_parameters: BTreeMap<String, String>,
    /// Body by content type. Leave out empty ones: AWS does not return them.
    pub response_templates: BTreeMap<String, String>,
}

/// Headers that list names of headers.
const LISTS_OF_HEADERS: [&str; 2] = ["Access-Control-Allow-Headers", "Access-Control-Expose-Headers"];

/// Returns a literal in the form that API Gateway expects in a mapping.
pub fn quoted(value: &str) -> String {
    format!("'{value}'")
}

const FACTS: Kind = Kind {
    name: ApiIntegrationResponse::KIND,
    trail: Trail {
        source: "apigateway",
        is_global: false,
        operations: &["PutIntegrationResponse", "UpdateIntegrationResponse", "DeleteIntegrationResponse"],
    },
    typical: Typical::of_calls,
    pace: Some("apigateway"),
    request_limits: &[],
    calls: &[
        Call::takes("apigateway:DeleteIntegrationResponse", &[("apigateway:DELETE", &scope::PARTS)], Task::UP),
        Call::takes("apigateway:PutIntegrationResponse", &[("apigateway:PUT", &scope::REST_API)], Task::UP),
    ],
    sweep: Sweep::With(ApiResource::KIND),
    quota: None,
    billable: None,
};

impl Resource for ApiIntegrationResponse {
    type Cloud = Aws;
    const KIND: &'static str = "apigateway.integration_response";
    const FACTS: &'static Kind = &FACTS;
    const IS_PART: bool = true;
    const FIXED: &'static [&'static str] = &["integration", "status"];
    const COMES_ALONG: bool = true;
    type Output = ApiMethodResponseOutput;

    fn name(&self) -> String {
        self.title.clone()
    }

    fn identity(&self, target: &Target, _: Option<&ApiMethodResponseOutput>) -> Identity {
        super::part_of_method(target, self.integration.get().ok())
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let output = ApiMethodResponseOutput { method: self.integration.get()?, status: self.status.clone() };
        let Some(integration) = integration(aws, &output.method).await? else { return Ok(None) };
        let observed = integration.integration_responses().and_then(|responses| responses.get(&output.status));
        Ok(observed.map(|observed| {
            let spec = Self { response: self.response.clone(), ..Self::read(&output, &self.title, observed).spelt_as(self) };
            Observed::part(spec, output)
        }))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<ApiMethodResponseOutput>> {
        let output = ApiMethodResponseOutput { method: self.integration.get()?, status: self.status.clone() };
        self.put(aws, &output, None).await?;
        Ok(WriteOutcome::Complete(output))
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, _changes: &Changes) -> Result<WriteOutcome<ApiMethodResponseOutput>> {
        // The call replaces all of it. How bodies are converted is not declared, and stays only if it is sent.
        let now = integration(aws, &observed.output.method).await?;
        let now = now.as_ref().and_then(|now| now.integration_responses()?.get(&observed.output.status));
        self.put(aws, &observed.output, now.and_then(|now| now.content_handling().cloned())).await?;
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, output: &ApiMethodResponseOutput) -> Result<DeleteOutcome> {
        let key = &output.method;
        let _lock = lock(aws, &key.api).await;
        aws.write("apigateway:DeleteIntegrationResponse", || {
            let request = aws.apigateway.delete_integration_response().rest_api_id(&key.api).resource_id(&key.resource);
            request.http_method(&key.http_method).status_code(&output.status).send()
        })
        .await?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl ApiIntegrationResponse {
    async fn put(&self, aws: &Aws, output: &ApiMethodResponseOutput, handling: Option<ContentHandlingStrategy>) -> Result<()> {
        let key = &output.method;
        let _lock = lock(aws, &key.api).await;
        aws.write("apigateway:PutIntegrationResponse", || {
            let request = aws.apigateway.put_integration_response().rest_api_id(&key.api).resource_id(&key.resource);
            let request = request.http_method(&key.http_method).status_code(&output.status).set_content_handling(handling.clone());
            let request = request.set_selection_pattern(Some(self.selection_pattern.clone()).filter(|pattern| !pattern.is_empty()));
            let request = request.set_response_parameters(Some(self.response_parameters.clone().into_iter().collect()));
            request.set_response_templates(Some(self.response_templates.clone().into_iter().collect())).send()
        })
        .await?;
        Ok(())
    }

    fn read(output: &ApiMethodResponseOutput, title: &str, observed: &IntegrationResponse) -> Self {
        let parameters = observed.response_parameters().into_iter().flatten();
        Self {
            integration: output.method.clone().into(),
            response: String::new().into(),
            status: output.status.clone(),
            title: title.to_owned(),
            selection_pattern: observed.selection_pattern().unwrap_or_default().to_owned(),
            response_parameters: parameters.map(|(header, value)| (header.clone(), value.clone())).collect(),
            response_templates: templates(observed.response_templates()),
        }
    }

    /// Spells headers and content types as `declared`, where only letter case differs.
    fn spelt_as(self, declared: &Self) -> Self {
        let mut response_parameters = spelt_as(&declared.response_parameters, self.response_parameters);
        for (header, value) in &mut response_parameters {
            let name = header.rsplit('.').next().unwrap_or_default();
            let lists_headers = LISTS_OF_HEADERS.iter().any(|list| list.eq_ignore_ascii_case(name));
            let usual = declared.response_parameters.get(header).filter(|usual| lists_headers && usual.eq_ignore_ascii_case(value));
            if let Some(usual) = usual {
                value.clone_from(usual);
            }
        }
        let response_templates = spelt_as(&declared.response_templates, self.response_templates);
        Self { response_parameters, response_templates, ..self }
    }

    /// Finds the integration responses of our API.
    pub async fn sweep(aws: &Aws, api_name: &str) -> Result<Vec<Orphan<Aws>>> {
        let mut orphans = Vec::new();
        for (path, key, method) in found(aws, api_name).await? {
            let route = route(&path, &key);
            let responses = method.method_integration().and_then(|integration| integration.integration_responses());
            for (status, observed) in responses.into_iter().flatten() {
                let (title, output) =
                    (format!("{route} {status}"), ApiMethodResponseOutput { method: key.clone(), status: status.clone() });
                let wish = Self::read(&output, &title, observed);
                orphans.push(Orphan::part(Id::new::<ApiIntegration>(&route), &title, wish, output));
            }
        }
        Ok(orphans)
    }
}

impl ApiIntegrationResponse {
    /// Dependency for resources that must come after the response and use no value of it: a deployment.
    pub fn done_of(handle: &Handle<Self>) -> Ref<String> {
        handle.known("done", handle.id().to_string())
    }
}
