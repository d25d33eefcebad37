//! An authorizer of a REST API: what decides whether a caller may use a method.
//!
//! Authorizers have no tags, go with their API, and no other answer shows that there are any. An API without them, as most are, should not cost a
//! request for the list in each run. So the API has the tag [`AUTHORIZERS_TAG`] for as long as it has authorizers: it is written before the first one
//! is created, and removed after the last one is deleted.

use super::{
    common::{PAGE, arn, lock, replace, tags},
    resource::ApiResource,
    rest_api::find_ours,
    scope,
};
use aws::{
    Aws, Optional, Target,
    facts::{Call, Identity, Kind, Sweep, Task, Trail, Typical},
};
use aws_sdk_apigateway::types::{Authorizer, AuthorizerType, Op, PatchOperation};
use engine::{Changes, DeleteOutcome, Handle, Id, Observed, Orphan, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;
use std::{collections::BTreeSet, rc::Rc};

/// Key of the API's tag that lasts as long as the API has authorizers.
pub const AUTHORIZERS_TAG: &str = "liveinsight:authorizers";

/// Time for which API Gateway caches a decision unless another is set, in seconds (API Gateway API reference, `CreateAuthorizer`).
const CACHE: i32 = 300;

/// Desired state of an authorizer.
#[derive(Debug, Clone, Serialize)]
pub struct ApiAuthorizer {
    /// The id of its API.
    pub api: Ref<String>,
    /// Name of the authorizer, unique in the API.
    pub name: String,
    /// `TOKEN` or `REQUEST` for a function, `COGNITO_USER_POOLS` for user pools. API Gateway cannot change it between a function and pools, so their
    /// authorizers have different names.
    pub kind: String,
    /// Address of the function, as [`ApiIntegration::function_uri`](super::ApiIntegration::function_uri) gives it.
    pub uri: Option<String>,
    /// ARNs of the user pools.
    pub user_pools: BTreeSet<String>,
    /// Parts of a request that identify the caller, such as `method.request.header.Authorization`.
    pub identity_sources: Vec<String>,
    /// Time for which a decision of the function is cached, in seconds.
    pub cache_seconds: Option<i32>,
}

/// Output of an authorizer that exists.
#[derive(Debug, Clone)]
pub struct ApiAuthorizerOutput {
    /// Id that API Gateway gave the authorizer.
    pub id: String,
}

const FACTS: Kind = Kind {
    name: ApiAuthorizer::KIND,
    trail: Trail { source: "apigateway", is_global: false, operations: &["CreateAuthorizer", "UpdateAuthorizer", "DeleteAuthorizer"] },
    typical: Typical::of_calls,
    pace: Some("apigateway"),
    request_limits: &[],
    calls: &[
        Call::takes("apigateway:CreateAuthorizer", &[("apigateway:POST", &scope::REST_API)], Task::UP),
        Call::takes("apigateway:DeleteAuthorizer", &[("apigateway:DELETE", &scope::PARTS)], Task::UP),
        Call::takes("apigateway:GetAuthorizers", &[("apigateway:GET", &scope::REST_API)], Task::LOOKING),
        Call::takes("apigateway:UpdateAuthorizer", &[("apigateway:PATCH", &scope::REST_API)], Task::UP),
    ],
    sweep: Sweep::With(ApiResource::KIND),
    quota: None,
    billable: None,
};

impl Resource for ApiAuthorizer {
    type Cloud = Aws;
    const KIND: &'static str = "apigateway.authorizer";
    const FACTS: &'static Kind = &FACTS;
    const IS_PART: bool = true;
    const FIXED: &'static [&'static str] = &["api", "name"];
    type Output = ApiAuthorizerOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, output: Option<&ApiAuthorizerOutput>) -> Identity {
        let also = output.map(|output| output.id.clone()).into_iter().collect();
        Identity { also, ..super::part(target, self.api.get().ok(), "authorizers") }
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let api = self.api.get()?;
        let all = authorizers(aws, &api).await?;
        let Some(observed) = all.iter().find(|authorizer| authorizer.name() == Some(&self.name)) else { return Ok(None) };
        Ok(Some(Observed::part(Self::read(&api, observed), output(observed))))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<ApiAuthorizerOutput>> {
        let (api, pools) = (self.api.get()?, self.user_pools.iter().cloned().collect::<Vec<_>>());
        let _lock = lock(aws, &api).await;
        let answer = aws
            .write("apigateway:CreateAuthorizer", || {
                let request = aws.apigateway.create_authorizer().rest_api_id(&api).name(&self.name);
                let request = request.r#type(AuthorizerType::from(self.kind.as_str())).set_authorizer_uri(self.uri.clone());
                let request = request.set_provider_arns(Some(pools.clone()).filter(|pools| !pools.is_empty()));
                request.set_identity_source(self.identity_source()).set_authorizer_result_ttl_in_seconds(self.cache_seconds).send()
            })
            .await?;
        Ok(WriteOutcome::Complete(ApiAuthorizerOutput { id: answer.id().unwrap_or_default().to_owned() }))
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, changes: &Changes) -> Result<WriteOutcome<ApiAuthorizerOutput>> {
        let api = self.api.get()?;
        let mut patch = Vec::new();
        if changes.touch("kind") {
            patch.push(replace("/type", &self.kind));
        }
        if let Some(uri) = self.uri.as_ref().filter(|_| changes.touch("uri")) {
            patch.push(replace("/authorizerUri", uri));
        }
        if changes.touch("identity_sources") {
            patch.push(replace("/identitySource", &self.identity_source().unwrap_or_default()));
        }
        if let Some(seconds) = self.cache_seconds.filter(|_| changes.touch("cache_seconds")) {
            patch.push(replace("/authorizerResultTtlInSeconds", &seconds));
        }
        // An authorizer is never without a pool, so new ones come before old ones go (source code of Terraform's provider).
        let pool = |op, arn: &String| PatchOperation::builder().op(op).path("/providerARNs").value(arn).build();
        patch.extend(self.user_pools.difference(&observed.spec.user_pools).map(|arn| pool(Op::Add, arn)));
        patch.extend(observed.spec.user_pools.difference(&self.user_pools).map(|arn| pool(Op::Remove, arn)));
        let _lock = lock(aws, &api).await;
        aws.write("apigateway:UpdateAuthorizer", || {
            let request = aws.apigateway.update_authorizer().rest_api_id(&api).authorizer_id(&observed.output.id);
            request.set_patch_operations(Some(patch.clone())).send()
        })
        .await?;
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, output: &ApiAuthorizerOutput) -> Result<DeleteOutcome> {
        let api = self.api.get()?;
        let _lock = lock(aws, &api).await;
        aws.write("apigateway:DeleteAuthorizer", || aws.apigateway.delete_authorizer().rest_api_id(&api).authorizer_id(&output.id).send())
            .await
            .optional()?;
        if authorizers(aws, &api).await?.is_empty() {
            let arn = arn(aws, &api);
            aws.forget_tags(&arn);
            let untag = || aws.apigateway.untag_resource().resource_arn(&arn).tag_keys(AUTHORIZERS_TAG).send();
            aws.write("apigateway:UntagResource", untag).await.optional()?;
        }
        Ok(DeleteOutcome::Deleted)
    }
}

impl ApiAuthorizer {
    /// Returns the parts of a request as API Gateway takes them: with commas between them.
    fn identity_source(&self) -> Option<String> {
        (!self.identity_sources.is_empty()).then(|| self.identity_sources.join(","))
    }

    fn read(api: &str, observed: &Authorizer) -> Self {
        let kind = observed.r#type().map_or("", AuthorizerType::as_str).to_owned();
        let sources = observed.identity_source().unwrap_or_default().split(',').map(str::trim).filter(|source| !source.is_empty());
        // The time is missing where it was never set (recorded on 2023-07-06 and 2025-07-02).
        let cache = observed.authorizer_result_ttl_in_seconds().or(Some(CACHE));
        let of_function = kind != AuthorizerType::CognitoUserPools.as_str();
        Self {
            api: api.to_owned().into(),
            name: observed.name().unwrap_or_default().to_owned(),
            uri: observed.authorizer_uri().filter(|uri| !uri.is_empty()).map(str::to_owned),
            user_pools: observed.provider_arns().iter().cloned().collect(),
            identity_sources: sources.map(str::to_owned).collect(),
            cache_seconds: cache.filter(|_| of_function),
            kind,
        }
    }

    /// Finds the authorizers of our API, which is `whole`.
    pub async fn sweep(aws: &Aws, whole: &Id, api_name: &str) -> Result<Vec<Orphan<Aws>>> {
        let Some(api) = find_ours(aws, api_name).await?.and_then(|api| api.id().map(str::to_owned)) else { return Ok(Vec::new()) };
        if tags(aws, &api, ReadFrom::Lists).await?.get(AUTHORIZERS_TAG).is_none() {
            return Ok(Vec::new());
        }
        let all = authorizers(aws, &api).await?;
        let orphan = |observed: &Authorizer| {
            Orphan::part(whole.clone(), observed.name().unwrap_or_default(), Self::read(&api, observed), output(observed))
        };
        Ok(all.iter().map(orphan).collect())
    }

    /// Id of the authorizer, to which methods refer.
    pub fn id_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("id", |output| output.id.clone())
    }
}

fn output(observed: &Authorizer) -> ApiAuthorizerOutput {
    ApiAuthorizerOutput { id: observed.id().unwrap_or_default().to_owned() }
}

/// Returns all authorizers of an API; empty if there is no such API.
pub(super) async fn authorizers(aws: &Aws, api: &str) -> Result<Rc<Vec<Authorizer>>> {
    aws.shared("apigateway", &format!("authorizers/{api}"), || async {
        let mut authorizers = Vec::new();
        let send = |position| aws.apigateway.get_authorizers().rest_api_id(api).limit(PAGE).set_position(position).send();
        let listed = aws.pages("apigateway:GetAuthorizers", send, |page| {
            authorizers.extend(page.items.unwrap_or_default());
            Ok(page.position)
        });
        Ok(listed.await.optional()?.map_or_else(Vec::new, |()| authorizers))
    })
    .await
}
