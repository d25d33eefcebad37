//! Backend of a method of a REST API: a Lambda function, or API Gateway itself.
//!
//! AWS fills in a timeout of 29 s and `WHEN_NO_MATCH`. `PutIntegration` overwrites but may drop the integration's responses. So a change replaces
//! the integration together with its responses: only the draft is touched, callers use the deployment.

use super::{
    common::{MethodKey, integration, lock, spelt_as, templates},
    method::{ApiMethod, found, route},
    scope,
};
use crate::ApiResource;
use aws::{
    Aws, Target,
    facts::{Call, Identity, Kind, Sweep, Task, Trail, Typical},
};
use aws_sdk_apigateway::types::{Integration, IntegrationType};
use engine::{DeleteOutcome, Handle, Id, Observed, Orphan, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;
use std::collections::BTreeMap;

/// AWS's default, in milliseconds ("Amazon API Gateway API reference": `PutIntegration`).
const TIMEOUT_MS: i32 = 29_000;
/// AWS's default: a body of a content type without a template is passed through unchanged.
const PASSTHROUGH: &str = "WHEN_NO_MATCH";

/// An integration. Its logical name is its method's.
#[derive(Debug, Clone, Serialize)]
pub struct ApiIntegration {
    /// Address of the method that it answers.
    pub method: Ref<MethodKey>,
    /// Route of the method, for messages.
    #[serde(skip)]
    pub route: String,
    /// `AWS_PROXY` or `MOCK`.
    pub kind: String,
    /// Target of requests; see [`function_uri`](Self::function_uri).
    pub uri: Option<String>,
    /// Method of the request to the target.
    pub http_method: Option<String>,
    /// Templates for a request's body, by content type. A mock's template names the response to give: `{"statusCode": 200}`.
    pub request_templates: BTreeMap<String, String>,
    /// Timeout in milliseconds.
    pub timeout_ms: i32,
    /// Treatment of content types without a template.
    pub passthrough: String,
}

impl ApiIntegration {
    /// Returns an integration with a Lambda function that gets the whole request and gives the whole answer.
    pub fn function(method: Ref<MethodKey>, route: &str, uri: String) -> Self {
        // Lambda is invoked by POST, whatever the method.
        Self { kind: "AWS_PROXY".into(), uri: Some(uri), http_method: Some("POST".into()), ..Self::bare(method, route) }
    }

    /// Returns an integration that API Gateway answers by itself.
    pub fn mock(method: Ref<MethodKey>, route: &str, request_templates: BTreeMap<String, String>) -> Self {
        Self { kind: "MOCK".into(), request_templates, ..Self::bare(method, route) }
    }

    /// Returns the address at which API Gateway invokes a function or an alias of it.
    pub fn function_uri(partition: &str, region: &str, function_arn: &str) -> String {
        format!("arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{function_arn}/invocations")
    }

    fn bare(method: Ref<MethodKey>, route: &str) -> Self {
        Self {
            method,
            route: route.to_owned(),
            kind: String::new(),
            uri: None,
            http_method: None,
            request_templates: BTreeMap::new(),
            timeout_ms: TIMEOUT_MS,
            passthrough: PASSTHROUGH.to_owned(),
        }
    }

    fn read(key: &MethodKey, route: &str, observed: &Integration) -> Self {
        Self {
            kind: observed.r#type().map_or("", IntegrationType::as_str).to_owned(),
            uri: observed.uri().map(str::to_owned),
            http_method: observed.http_method().map(str::to_owned),
            request_templates: templates(observed.request_templates()),
            timeout_ms: Some(observed.timeout_in_millis()).filter(|timeout| *timeout != 0).unwrap_or(TIMEOUT_MS),
            passthrough: observed.passthrough_behavior().unwrap_or(PASSTHROUGH).to_owned(),
            ..Self::bare(key.clone().into(), route)
        }
    }
}

const FACTS: Kind = Kind {
    name: ApiIntegration::KIND,
    trail: Trail { source: "apigateway", is_global: false, operations: &["PutIntegration", "UpdateIntegration", "DeleteIntegration"] },
    typical: Typical::of_calls,
    pace: Some("apigateway"),
    request_limits: &[],
    calls: &[
        Call::takes("apigateway:DeleteIntegration", &[("apigateway:DELETE", &scope::PARTS)], Task::UP),
        Call::takes("apigateway:PutIntegration", &[("apigateway:PUT", &scope::REST_API)], Task::UP),
    ],
    sweep: Sweep::With(ApiResource::KIND),
    quota: None,
    billable: None,
};

impl Resource for ApiIntegration {
    type Cloud = Aws;
    const KIND: &'static str = "apigateway.integration";
    const FACTS: &'static Kind = &FACTS;
    const IS_PART: bool = true;
    const FIXED: &'static [&'static str] = &["method", "kind", "uri", "http_method", "request_templates", "timeout_ms", "passthrough"];
    const COMES_ALONG: bool = true;
    type Output = MethodKey;

    fn name(&self) -> String {
        self.route.clone()
    }

    fn identity(&self, target: &Target, _: Option<&MethodKey>) -> Identity {
        super::part_of_method(target, self.method.get().ok())
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let key = self.method.get()?;
        let Some(observed) = integration(aws, &key).await? else { return Ok(None) };
        let spec = Self::read(&key, &self.route, &observed);
        let request_templates = spelt_as(&self.request_templates, spec.request_templates);
        Ok(Some(Observed::part(Self { request_templates, ..spec }, key)))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<MethodKey>> {
        let key = self.method.get()?;
        let _lock = lock(aws, &key.api).await;
        let templates = (!self.request_templates.is_empty()).then(|| self.request_templates.clone().into_iter().collect());
        aws.write("apigateway:PutIntegration", || {
            let request = aws.apigateway.put_integration().rest_api_id(&key.api).resource_id(&key.resource).http_method(&key.http_method);
            let request = request.r#type(self.kind.as_str().into()).set_uri(self.uri.clone());
            let request = request.set_integration_http_method(self.http_method.clone()).set_request_templates(templates.clone());
            request.timeout_in_millis(self.timeout_ms).passthrough_behavior(&self.passthrough).send()
        })
        .await?;
        Ok(WriteOutcome::Complete(key))
    }

    async fn delete(&self, aws: &Aws, key: &MethodKey) -> Result<DeleteOutcome> {
        let _lock = lock(aws, &key.api).await;
        aws.write("apigateway:DeleteIntegration", || {
            aws.apigateway.delete_integration().rest_api_id(&key.api).resource_id(&key.resource).http_method(&key.http_method).send()
        })
        .await?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl ApiIntegration {
    /// Finds the integrations of our API.
    pub async fn sweep(aws: &Aws, api_name: &str) -> Result<Vec<Orphan<Aws>>> {
        let found = found(aws, api_name).await?;
        let orphans = found.iter().filter_map(|(path, key, method)| {
            let route = route(path, key);
            let wish = Self::read(key, &route, method.method_integration()?);
            Some(Orphan::part(Id::new::<ApiMethod>(&route), &route, wish, key.clone()))
        });
        Ok(orphans.collect())
    }
}

impl ApiIntegration {
    /// Returns the address of the integration, to which its responses refer.
    pub fn key_of(handle: &Handle<Self>) -> Ref<MethodKey> {
        handle.output("key", MethodKey::clone)
    }

    /// Dependency for resources that must come after the integration and use no value of it: a deployment.
    pub fn done_of(handle: &Handle<Self>) -> Ref<String> {
        handle.known("done", handle.id().to_string())
    }
}
