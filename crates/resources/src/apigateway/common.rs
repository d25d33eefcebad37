//! Shared code of the API Gateway kinds: the lists that answer for all of them, each read once, and the formats that API Gateway expects.
//!
//! An API has no call that reads one integration cheaply, but `GetResources` with `embed=methods` returns all resources with their methods,
//! integrations and responses. Nothing here writes; every write to one API takes its [`lock`].

use aws::{Aws, Optional, Tags};
use aws_sdk_apigateway::types::{Deployment, Integration, Method, Op, PatchOperation, Resource as ApiNode, RestApi, Stage};
use engine::{ReadFrom, Result};
use serde::{Serialize, Serializer};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    rc::Rc,
};

/// Longest page of every list ("Amazon API Gateway API reference": `limit` is 25 by default, 500 at most).
pub(super) const PAGE: i32 = 500;

/// Address of a method, which every call about it or its parts needs.
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

/// Serializes the address as one value, so that it is one field of a plan.
impl Serialize for MethodKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Waits for the API's turn: API Gateway refuses two writes to one API at a time ("concurrent modification").
pub(super) async fn lock(aws: &Aws, api: &str) -> aws::LockGuard {
    aws.lock(&format!("api/{api}")).await
}

/// Returns all REST APIs of the region.
pub(crate) async fn rest_apis(aws: &Aws) -> Result<Rc<Vec<RestApi>>> {
    aws.shared("apigateway", "apis", || async {
        let mut apis = Vec::new();
        let send = |position| aws.apigateway.get_rest_apis().limit(PAGE).set_position(position).send();
        aws.pages("apigateway:GetRestApis", send, |page| {
            apis.extend(page.items.unwrap_or_default());
            Ok(page.position)
        })
        .await?;
        Ok(apis)
    })
    .await
}

/// Returns all resources of an API that are reachable from its root, with their methods, integrations and responses. Empty if there is no such API.
pub(super) async fn nodes(aws: &Aws, api: &str) -> Result<Rc<Vec<ApiNode>>> {
    let pick = || async { Ok(attached(&listed_nodes(aws, api).await?).0) };
    aws.shared("apigateway", &format!("attached/{api}"), pick).await
}

/// Returns the resources of an API with a parent that no longer exists. AWS deletes them with the parent; not every service does.
pub(super) async fn parentless(aws: &Aws, api: &str) -> Result<Vec<ApiNode>> {
    Ok(attached(&listed_nodes(aws, api).await?).1)
}

/// Splits the resources into those that are reachable from the root and those that are not. Without a root, none counts as an orphan.
fn attached(nodes: &[ApiNode]) -> (Vec<ApiNode>, Vec<ApiNode>) {
    let parents: BTreeMap<&str, Option<&str>> = nodes.iter().filter_map(|node| Some((node.id()?, node.parent_id()))).collect();
    let Some(root) = nodes.iter().find(|node| node.path() == Some("/")).and_then(ApiNode::id) else {
        return (nodes.to_vec(), Vec::new());
    };
    let hangs = |node: &&ApiNode| {
        // No path has more segments than there are resources.
        let mut above = std::iter::successors(node.id(), |id| *parents.get(id)?).take(nodes.len());
        above.any(|id| id == root)
    };
    nodes.iter().cloned().partition(|node| hangs(&node))
}

async fn listed_nodes(aws: &Aws, api: &str) -> Result<Rc<Vec<ApiNode>>> {
    aws.shared("apigateway", &format!("resources/{api}"), || async {
        let mut nodes = Vec::new();
        let request = || aws.apigateway.get_resources().rest_api_id(api).limit(PAGE).embed("methods");
        let send = |position| request().set_position(position).send();
        let listed = aws.pages("apigateway:GetResources", send, |page| {
            nodes.extend(page.items.unwrap_or_default());
            Ok(page.position)
        });
        Ok(listed.await.optional()?.map_or_else(Vec::new, |()| nodes))
    })
    .await
}

/// Returns all deployments of an API; empty if there is no such API.
pub(super) async fn deployments(aws: &Aws, api: &str) -> Result<Rc<Vec<Deployment>>> {
    aws.shared("apigateway", &format!("deployments/{api}"), || async {
        let mut deployments = Vec::new();
        let send = |position| aws.apigateway.get_deployments().rest_api_id(api).limit(PAGE).set_position(position).send();
        let listed = aws.pages("apigateway:GetDeployments", send, |page| {
            deployments.extend(page.items.unwrap_or_default());
            Ok(page.position)
        });
        Ok(listed.await.optional()?.map_or_else(Vec::new, |()| deployments))
    })
    .await
}

/// Returns all stages of an API; the answer has no pages. Empty if there is no such API.
pub(super) async fn stages(aws: &Aws, api: &str) -> Result<Rc<Vec<Stage>>> {
    aws.shared("apigateway", &format!("stages/{api}"), || async {
        let answer = aws.read("apigateway:GetStages", || aws.apigateway.get_stages().rest_api_id(api).send()).await.optional()?;
        Ok(answer.map(|answer| answer.item().to_vec()).unwrap_or_default())
    })
    .await
}

/// Returns the method, if there is one.
pub(super) async fn method(aws: &Aws, key: &MethodKey) -> Result<Option<Method>> {
    let nodes = nodes(aws, &key.api).await?;
    let node = nodes.iter().find(|node| node.id() == Some(&key.resource));
    Ok(node.and_then(|node| node.resource_methods()?.get(&key.http_method)).cloned())
}

/// Returns the method's integration, if there is one.
pub(super) async fn integration(aws: &Aws, key: &MethodKey) -> Result<Option<Integration>> {
    Ok(method(aws, key).await?.and_then(|method| method.method_integration().cloned()))
}

/// Returns the ARN of an API or of something in it, in the form that tagging expects: with no account.
pub(super) fn arn(aws: &Aws, path: &str) -> String {
    format!("arn:{}:apigateway:{}::/restapis/{path}", aws.target.partition, aws.target.region)
}

/// Returns the tags as `TagResource` left them. The copies in lists are not used: `GetTags` is where tags are written and read.
pub(super) async fn tags(aws: &Aws, path: &str, from: ReadFrom) -> Result<Tags> {
    let arn = arn(aws, path);
    let tags = aws.tags("apigateway", &arn, from, async || {
        let answer = aws.read("apigateway:GetTags", || aws.apigateway.get_tags().resource_arn(&arn).send()).await.optional()?;
        Ok(answer.map(|answer| answer.tags.into_iter().flatten().collect()))
    });
    Ok(tags.await?.unwrap_or_default())
}

/// Replaces the tags in `observed` by those in `declared`.
pub(super) async fn write_tags(aws: &Aws, path: &str, observed: &Tags, declared: &Tags) -> Result<()> {
    let arn = arn(aws, path);
    let tag = async || {
        aws.write("apigateway:TagResource", || aws.apigateway.tag_resource().resource_arn(&arn).set_tags(Some(declared.to_map())).send())
            .await?;
        Ok(())
    };
    let untag = async |keys: Vec<String>| {
        aws.write("apigateway:UntagResource", || {
            aws.apigateway.untag_resource().resource_arn(&arn).set_tag_keys(Some(keys.clone())).send()
        })
        .await?;
        Ok(())
    };
    aws.sync_tags(&arn, observed, declared, tag, untag).await
}

/// Spells observed keys as the declaration does: they are names of headers or content types, in which letter case has no meaning. A second key that
/// differs only by case keeps its own spelling, and so is a difference.
pub(super) fn spelt_as<V>(declared: &BTreeMap<String, V>, observed: impl IntoIterator<Item = (String, V)>) -> BTreeMap<String, V> {
    let mut spelt = BTreeMap::new();
    for (key, value) in observed {
        let usual = declared.keys().find(|usual| usual.eq_ignore_ascii_case(&key) && !spelt.contains_key(*usual));
        spelt.insert(usual.cloned().unwrap_or(key), value);
    }
    spelt
}

/// Returns templates by content type, without empty ones: API Gateway returns those as nothing, or as null (recorded on 2026-02-12).
pub(super) fn templates(observed: Option<&HashMap<String, String>>) -> BTreeMap<String, String> {
    let some = observed.into_iter().flatten().filter(|(_, template)| !template.is_empty());
    some.map(|(kind, template)| (kind.clone(), template.clone())).collect()
}

/// Returns a patch operation that sets a value; API Gateway takes every value as text.
pub(super) fn replace(path: impl Into<String>, value: &(impl ToString + ?Sized)) -> PatchOperation {
    PatchOperation::builder().op(Op::Replace).path(path).value(value.to_string()).build()
}

/// Returns a patch operation that adds a value whose path is its name.
pub(super) fn add(path: impl Into<String>) -> PatchOperation {
    PatchOperation::builder().op(Op::Add).path(path).build()
}

/// Returns a patch operation that removes a value.
pub(super) fn remove(path: impl Into<String>) -> PatchOperation {
    PatchOperation::builder().op(Op::Remove).path(path).build()
}

#[cfg(test)]
mod tests {
    use super::{spelt_as, templates};
    use std::collections::{BTreeMap, HashMap};

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn letter_case_of_a_header_is_no_difference_and_a_second_header_is_one() {
        let declared = map(&[("method.response.header.Access-Control-Max-Age", "'60'")]);
        let lower = ("method.response.header.access-control-max-age".to_owned(), "'60'".to_owned());
        assert_eq!(spelt_as(&declared, [lower.clone()]), declared);
        let other = ("method.response.header.ACCESS-CONTROL-MAX-AGE".to_owned(), "'1'".to_owned());
        assert_eq!(spelt_as(&declared, [lower, other.clone()]).get(&other.0), Some(&other.1));
    }

    #[test]
    fn an_empty_template_is_none() {
        let observed = HashMap::from([("text/html".to_owned(), String::new()), ("application/json".to_owned(), "{}".to_owned())]);
        assert_eq!(templates(Some(&observed)), map(&[("application/json", "{}")]));
    }
}
