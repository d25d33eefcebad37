//! What the API Gateway kinds share: the lists that answer for all of them, each read once, and the forms that API Gateway wants.
//!
//! An API has no call that reads one integration cheaply, but `GetResources` with `embed=methods` returns all resources with their
//! methods, integrations and responses. Nothing here writes; every write to one API takes its [`turn`].

use crate::{
    aws::{Aws, Optional, Tags},
    engine::Result,
};
use aws_sdk_apigateway::types::{Deployment, Integration, Method, Op, PatchOperation, Resource as ApiNode, RestApi, Stage};
use serde::{Serialize, Serializer};
use std::{fmt, rc::Rc};

/// The longest page of every list ("Amazon API Gateway API reference": `limit` is 25 unless told, 500 at most).
const PAGE: i32 = 500;

/// Where a method is: what every call about it or its parts needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodKey {
    /// The id of its API.
    pub api: String,
    /// The id of its resource.
    pub resource: String,
    /// `GET`, `POST`, …
    pub http_method: String,
}

impl fmt::Display for MethodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.api, self.resource, self.http_method)
    }
}

/// As one value, so that it is one field of a plan.
impl Serialize for MethodKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// API Gateway refuses two writes to one API at a time ("concurrent modification").
pub(super) async fn turn(aws: &Aws, api: &str) -> crate::aws::Turn {
    aws.turn(&format!("api/{api}")).await
}

/// All REST APIs of the region.
pub(super) async fn rest_apis(aws: &Aws) -> Result<Rc<Vec<RestApi>>> {
    aws.shared("apigateway", "apis", || async {
        let mut apis = Vec::new();
        let mut position = None;
        loop {
            let page = aws
                .read("apigateway:GetRestApis", || aws.apigateway.get_rest_apis().limit(PAGE).set_position(position.clone()).send())
                .await?;
            apis.extend_from_slice(page.items());
            position = page.position().map(str::to_owned);
            if position.is_none() {
                return Ok(apis);
            }
        }
    })
    .await
}

/// All resources of an API with their methods, integrations and responses. None if there is no such API.
pub(super) async fn nodes(aws: &Aws, api: &str) -> Result<Rc<Vec<ApiNode>>> {
    aws.shared("apigateway", &format!("resources/{api}"), || async {
        let mut nodes = Vec::new();
        let mut position = None;
        loop {
            let page = aws
                .read("apigateway:GetResources", || {
                    let request = aws.apigateway.get_resources().rest_api_id(api).limit(PAGE).embed("methods");
                    request.set_position(position.clone()).send()
                })
                .await
                .optional()?;
            let Some(page) = page else { return Ok(Vec::new()) };
            nodes.extend_from_slice(page.items());
            position = page.position().map(str::to_owned);
            if position.is_none() {
                return Ok(nodes);
            }
        }
    })
    .await
}

/// All deployments of an API. None if there is no such API.
pub(super) async fn deployments(aws: &Aws, api: &str) -> Result<Rc<Vec<Deployment>>> {
    aws.shared("apigateway", &format!("deployments/{api}"), || async {
        let mut deployments = Vec::new();
        let mut position = None;
        loop {
            let page = aws
                .read("apigateway:GetDeployments", || {
                    aws.apigateway.get_deployments().rest_api_id(api).limit(PAGE).set_position(position.clone()).send()
                })
                .await
                .optional()?;
            let Some(page) = page else { return Ok(Vec::new()) };
            deployments.extend_from_slice(page.items());
            position = page.position().map(str::to_owned);
            if position.is_none() {
                return Ok(deployments);
            }
        }
    })
    .await
}

/// All stages of an API; the answer has no pages. None if there is no such API.
pub(super) async fn stages(aws: &Aws, api: &str) -> Result<Rc<Vec<Stage>>> {
    aws.shared("apigateway", &format!("stages/{api}"), || async {
        let answer = aws.read("apigateway:GetStages", || aws.apigateway.get_stages().rest_api_id(api).send()).await.optional()?;
        Ok(answer.map(|answer| answer.item().to_vec()).unwrap_or_default())
    })
    .await
}

/// The method, if there is one.
pub(super) async fn method(aws: &Aws, key: &MethodKey) -> Result<Option<Method>> {
    let nodes = nodes(aws, &key.api).await?;
    let node = nodes.iter().find(|node| node.id() == Some(&key.resource));
    Ok(node.and_then(|node| node.resource_methods()?.get(&key.http_method)).cloned())
}

/// The method's integration, if there is one.
pub(super) async fn integration(aws: &Aws, key: &MethodKey) -> Result<Option<Integration>> {
    Ok(method(aws, key).await?.and_then(|method| method.method_integration().cloned()))
}

/// The ARN of an API or of something in it, as tagging wants it: with no account.
pub(super) fn arn(aws: &Aws, path: &str) -> String {
    format!("arn:{}:apigateway:{}::/restapis/{path}", aws.place.partition, aws.place.region)
}

/// The tags, as `TagResource` left them. The copies in lists are not relied on: `GetTags` is where tags are written and read.
pub(super) async fn tags(aws: &Aws, path: &str) -> Result<Rc<Tags>> {
    if let Some(tags) = aws.told_tags(&arn(aws, path)) {
        return Ok(Rc::new(tags));
    }
    aws.shared("apigateway", &format!("tags/{path}"), || async {
        let answer = aws.read("apigateway:GetTags", || aws.apigateway.get_tags().resource_arn(arn(aws, path)).send()).await.optional()?;
        Ok(answer.and_then(|answer| answer.tags).into_iter().flatten().collect::<Tags>())
    })
    .await
}

/// Replaces the tags in `live` by those in `declared`.
pub(super) async fn write_tags(aws: &Aws, path: &str, live: &Tags, declared: &Tags) -> Result<()> {
    aws.forget_tags(&arn(aws, path));
    aws.write("apigateway:TagResource", || {
        aws.apigateway.tag_resource().resource_arn(arn(aws, path)).set_tags(Some(declared.to_map())).send()
    })
    .await?;
    let gone = live.missing_from(declared);
    if !gone.is_empty() {
        aws.write("apigateway:UntagResource", || {
            aws.apigateway.untag_resource().resource_arn(arn(aws, path)).set_tag_keys(Some(gone.clone())).send()
        })
        .await?;
    }
    Ok(())
}

/// A patch operation that sets a value; API Gateway takes every value as text.
pub(super) fn replace(path: impl Into<String>, value: &(impl ToString + ?Sized)) -> PatchOperation {
    PatchOperation::builder().op(Op::Replace).path(path).value(value.to_string()).build()
}

/// A patch operation that takes something away.
pub(super) fn remove(path: impl Into<String>) -> PatchOperation {
    PatchOperation::builder().op(Op::Remove).path(path).build()
}
