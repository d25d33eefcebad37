//! API Gateway: one write to an API at a time, no duplicates, and parts only where their whole exists.

use super::{Windows, iam::Roles};
use crate::{
    message::{Request, Response},
    operation::Operation,
    rules,
    wire::Refusal,
};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

#[derive(Debug, Default)]
pub(crate) struct Apis {
    by_id: HashMap<String, Api>,
    /// Set if the account has a role for logs; `None` until a request reads or writes it.
    logs: Option<bool>,
}

#[derive(Debug, Default)]
struct Api {
    /// Parent and path part by resource.
    resources: HashMap<String, (String, String)>,
    /// Methods by (resource, verb).
    methods: HashMap<(String, String), Method>,
    /// Names of authorizers, by id.
    authorizers: HashMap<String, String>,
    deployments: HashSet<String>,
    /// Deployment of each stage, by its name.
    stages: HashMap<String, String>,
}

#[derive(Debug, Default)]
struct Method {
    integration: bool,
    responses: HashSet<String>,
    authorizer: Option<String>,
}

impl Apis {
    pub(super) fn before(
        &self,
        roles: &Roles,
        windows: &Windows,
        operation: &Operation,
        request: &Request,
        overlaps: bool,
        now: Instant,
    ) -> Option<Refusal> {
        let refuse = |rule: &'static rules::Rule| Some(rule.refuse(&[]));
        if overlaps {
            return refuse(&rules::API_BUSY);
        }
        let segments = request.segments();
        let part = |index: usize| segments.get(index).cloned().unwrap_or_default();
        let body = request.json();
        if operation.name == "UpdateAccount" {
            let role = patches(&body).find(|(path, _)| *path == "/cloudwatchRoleArn").map(|(_, role)| role);
            return match role {
                Some(role) if !roles.is_usable(role, windows, now) => refuse(&rules::LOGGING_ROLE_YOUNG),
                _ => None,
            };
        }
        if operation.name == "CreateRestApi" && body["description"] == "" {
            return refuse(&rules::API_DESCRIPTION_EMPTY);
        }
        let api = self.by_id.get(&part(1))?;
        let method = api.methods.get(&(part(3), part(5)));
        match operation.name.as_str() {
            "CreateResource" => {
                let path = body["pathPart"].as_str().unwrap_or_default();
                let taken = api.resources.values().any(|(parent, known)| *parent == part(3) && known == path);
                let taken = taken.then(|| rules::RESOURCE_TAKEN.refuse(&[path]));
                let mut siblings = api.resources.values().filter(|(parent, _)| *parent == part(3)).map(|(_, known)| known);
                let variable = siblings.find(|known| path.starts_with('{') && known.starts_with('{'));
                let greedy = api.resources.get(&part(3)).filter(|(_, above)| above.ends_with("+}"));
                taken
                    .or_else(|| variable.map(|known| rules::SECOND_VARIABLE.refuse(&[known])))
                    .or_else(|| greedy.map(|(_, above)| rules::GREEDY_PARENT.refuse(&[above])))
                    .or_else(|| super::sizes::resources(api.resources.len() + 1))
            }
            "PutMethod" if method.is_some() => refuse(&rules::METHOD_TAKEN),
            "PutMethod" if ["CUSTOM", "COGNITO_USER_POOLS"].map(Value::from).contains(&body["authorizationType"]) => {
                let is_known = body["authorizerId"].as_str().is_some_and(|id| api.authorizers.contains_key(id));
                (!is_known).then(|| rules::AUTHORIZER_UNKNOWN.refuse(&[]))
            }
            "CreateAuthorizer" => {
                let name = body["name"].as_str().unwrap_or_default();
                api.authorizers.values().any(|known| known == name).then(|| rules::AUTHORIZER_TAKEN.refuse(&[name]))
            }
            "DeleteAuthorizer" if api.methods.values().any(|method| method.authorizer.as_ref() == Some(&part(3))) => {
                Some(rules::AUTHORIZER_IN_USE.refuse(&[&part(3)]))
            }
            "UpdateRestApi" if patches(&body).any(|(path, _)| path == "/binaryMediaTypes") => refuse(&rules::PATCH_OF_LIST),
            "PutIntegrationResponse" if method.is_none() && api.resources.contains_key(&part(3)) => refuse(&rules::METHOD_UNKNOWN),
            "PutIntegrationResponse" if method.is_some_and(|method| !method.integration) => refuse(&rules::INTEGRATION_UNSEEN),
            "PutIntegrationResponse" if method.is_some_and(|method| !method.responses.contains(&part(8))) => {
                refuse(&rules::METHOD_RESPONSE_UNSEEN)
            }
            "CreateDeployment" if api.methods.is_empty() => refuse(&rules::DEPLOYMENT_WITHOUT_METHODS),
            "CreateDeployment" if api.methods.values().any(|method| !method.integration) => refuse(&rules::DEPLOYMENT_INCOMPLETE),
            "CreateStage" if api.stages.contains_key(body["stageName"].as_str().unwrap_or_default()) => refuse(&rules::STAGE_TAKEN),
            "CreateStage" if !api.deployments.contains(body["deploymentId"].as_str().unwrap_or_default()) => {
                refuse(&rules::DEPLOYMENT_UNKNOWN)
            }
            "DeleteDeployment" if api.stages.values().any(|deployment| *deployment == part(3)) => refuse(&rules::DEPLOYMENT_IN_USE),
            "UpdateStage" => {
                let logs = patches(&body)
                    .any(|(path, value)| path.starts_with("/accessLogSettings/") || path.ends_with("/logging/loglevel") && value != "OFF");
                if logs && self.logs == Some(false) {
                    return refuse(&rules::LOGGING_ROLE_UNSET);
                }
                if patches(&body).any(|patch| patch == ("/accessLogSettings/format", "")) {
                    return refuse(&rules::LOG_FORMAT_EMPTY);
                }
                let wrong = patches(&body).any(|(path, value)| path == "/accessLogSettings/destinationArn" && value.ends_with(":*"));
                wrong.then(|| rules::LOG_DESTINATION.refuse(&[]))
            }
            _ => None,
        }
    }

    pub(super) fn after(&mut self, operation: &Operation, request: &Request, response: &Response) -> &'static str {
        if !response.is_success() {
            return "";
        }
        let segments = request.segments();
        let part = |index: usize| segments.get(index).cloned().unwrap_or_default();
        let (sent, got) = (request.json(), response.json());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match operation.name.as_str() {
            "GetAccount" | "UpdateAccount" => {
                self.logs = Some(got["cloudwatchRoleArn"].as_str().is_some_and(|role| !role.is_empty()));
                return "";
            }
            "CreateRestApi" => drop(self.by_id.insert(text(&got["id"]), Api::default())),
            "DeleteRestApi" => drop(self.by_id.remove(&part(1))),
            _ => {}
        }
        let Some(api) = self.by_id.get_mut(&part(1)) else { return "" };
        let key = (part(3), part(5));
        match operation.name.as_str() {
            "CreateResource" => drop(api.resources.insert(text(&got["id"]), (part(3), text(&sent["pathPart"])))),
            "DeleteResource" => api.forget(&part(3)),
            "PutMethod" => {
                let authorizer = sent["authorizerId"].as_str().map(str::to_owned);
                drop(api.methods.insert(key, Method { authorizer, ..Method::default() }));
            }
            "CreateAuthorizer" => drop(api.authorizers.insert(text(&got["id"]), text(&sent["name"]))),
            "DeleteAuthorizer" => drop(api.authorizers.remove(&part(3))),
            "DeleteMethod" => drop(api.methods.remove(&key)),
            "PutIntegration" => api.methods.entry(key).or_default().integration = true,
            "DeleteIntegration" => api.methods.entry(key).or_default().integration = false,
            "PutMethodResponse" => drop(api.methods.entry(key).or_default().responses.insert(part(7))),
            "DeleteMethodResponse" => drop(api.methods.entry(key).or_default().responses.remove(&part(7))),
            "CreateDeployment" => drop(api.deployments.insert(text(&got["id"]))),
            "DeleteDeployment" => drop(api.deployments.remove(&part(3))),
            "CreateStage" => drop(api.stages.insert(text(&sent["stageName"]), text(&sent["deploymentId"]))),
            "UpdateStage" => drop(api.stages.insert(part(3), text(&got["deploymentId"]))),
            "DeleteStage" => drop(api.stages.remove(&part(3))),
            _ => {}
        }
        ""
    }
}

impl Api {
    /// Forgets a resource with all resources below it.
    fn forget(&mut self, resource: &str) {
        let below: Vec<String> =
            self.resources.iter().filter(|(_, (parent, _))| parent == resource).map(|(child, _)| child.clone()).collect();
        for child in below {
            self.forget(&child);
        }
        self.resources.remove(resource);
        self.methods.retain(|(of, _), _| of != resource);
    }
}

/// Returns path and value of each operation in a patch.
fn patches(body: &Value) -> impl Iterator<Item = (&str, &str)> {
    let operations = body["patchOperations"].as_array().into_iter().flatten();
    operations.map(|patch| (patch["path"].as_str().unwrap_or_default(), patch["value"].as_str().unwrap_or_default()))
}
