//! The REST API in front of the functions: paths, methods, preflights, the deployment that freezes them, and the stage that serves it.

use super::authorizer::OF_USER_POOLS;
use super::{Authorizer, Cors, Decider, Identity, permission};
use crate::API_LOG_GROUP;
use crate::sections::Declaring;
use crate::sections::Route;
use crate::sections::functions::{ANY, Declared, METHODS, Url};
use crate::sections::reference::{self, Address};
use engine::{Handle, Ref, digest};
use resources::{
    AUTHORIZERS_TAG, AccessLog, Alias, ApiAuthorizer, ApiDeployment, ApiDocument, ApiIntegration, ApiIntegrationResponse, ApiMethod,
    ApiMethodResponse, ApiResource, ApiStage, ERROR_TYPES, Function, LogGroup, MethodKey, Permission, RestApi, quoted, response_header,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// An API without its paths.
pub(crate) struct DeclaredApi {
    pub(crate) rest_api: Handle<RestApi>,
    /// All methods and their parts, to be created along with a new API.
    document: ApiDocument,
    error_origins: BTreeMap<String, String>,
}

/// Stand-in for the id of an API: all have ten characters.
const API_ID: &str = "a1b2c3d4e5";

/// HTTP status of a preflight's answer.
const STATUS: &str = "200";

/// Format of an access log line, without anything personal: no address, no query.
const ACCESS_LOG: &str = concat!(
    r#"{"requestId":"$context.requestId","time":"$context.requestTimeEpoch","method":"$context.httpMethod","#,
    r#""resource":"$context.resourcePath","status":"$context.status","latency":"$context.responseLatency","#,
    r#""integrationLatency":"$context.integrationLatency","bytes":"$context.responseLength","error":"$context.error.responseType"}"#
);

/// Authorization that callers of a method need.
#[derive(Clone)]
struct Access {
    authorization: String,
    /// The id of the authorizer.
    authorizer: Option<Ref<String>>,
}

impl Default for Access {
    /// Access of everybody.
    fn default() -> Self {
        Self { authorization: "NONE".to_owned(), authorizer: None }
    }
}

/// An API while it is being declared.
struct Building<'a> {
    rest_api: &'a Handle<RestApi>,
    /// Paths declared so far.
    resources: BTreeMap<String, Handle<ApiResource>>,
    /// Content of the deployment's snapshot, in readable form.
    snapshot: Vec<String>,
    /// Dependencies of the deployment.
    parts: Vec<Ref<String>>,
    /// All methods and their parts, to be created along with a new API.
    document: ApiDocument,
}

/// Declares the API, if a function has a route.
pub(crate) fn declare(declaring: &mut Declaring<'_>) -> Option<DeclaredApi> {
    declaring.stack.has_api().then(|| declaring.api())
}

impl Declaring<'_> {
    fn api(&mut self) -> DeclaredApi {
        let (physical, document) = (self.names.api(), ApiDocument::default());
        let usual = || format!("The API of {}", self.names.stack_tag());
        // No description has an address in it.
        let declared = |text: &String| reference::resolved(text, self.stack, &self.names, &|_| String::new());
        let description = self.stack.api.description.as_ref().map_or_else(usual, declared);
        let error_origins = self.stack.api.cors.as_ref().map(error_origins).unwrap_or_default();
        let rest_api = self.graph.add(
            "api",
            RestApi {
                description: Some(description),
                endpoint: "REGIONAL".to_owned(),
                binary_media_types: self.stack.api.binary_media_types.clone(),
                error_origins: error_origins.clone(),
                tags: if self.stack.api.authorizers.is_empty() {
                    self.tags(&physical)
                } else {
                    self.tags(&physical).with(AUTHORIZERS_TAG, "yes")
                },
                name: physical,
                parts: document.clone(),
                logs: true,
                permissions_boundary: self.stack.permissions_boundary.clone(),
            },
        );
        self.output("rest_api_id", RestApi::id_of(&rest_api));
        let (target, stage) = (self.target.clone(), self.names.stage());
        let address = RestApi::id_of(&rest_api).map(move |id| target.api_url(&id, &stage));
        self.addresses.insert(Address::Api, address.map(|address| address.trim_end_matches('/').to_owned()));
        self.output("api_url", address);
        DeclaredApi { rest_api, document, error_origins }
    }

    /// Declares the paths with what answers there, the deployment and the stage. Returns the digest of everything that the deployment is a snapshot of.
    pub(crate) fn deploy(&mut self, api: DeclaredApi, functions: &BTreeMap<&str, Declared>) -> String {
        let DeclaredApi { rest_api, document, error_origins } = api;
        let mut api = Building { rest_api: &rest_api, resources: BTreeMap::new(), snapshot: Vec::new(), parts: Vec::new(), document };
        let mut methods: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let stack = self.stack;
        let authorizers = self.authorizers(&mut api, functions);
        for (name, declared) in functions {
            let function = &stack.functions[*name];
            // The checks refuse an authorizer that nobody declares; an API that is open for want of one would be worse than a panic.
            let access = function.authorizer.as_ref().map_or_else(Access::default, |name| authorizers[name].clone());
            for route in &function.routes {
                methods.entry(&route.path).or_default().insert(&route.method);
                self.path(&mut api, route);
                let uri = ApiIntegration::function_uri(&self.target.partition, &self.target.region, &declared.alias_arn);
                let integrate = |method: Ref<MethodKey>, route: &str| ApiIntegration::function(method, route, uri);
                self.method(&mut api, &route.method, &route.path, access.clone(), integrate);
            }
            self.permission(Some(&rest_api), name, declared);
        }
        if let Some(cors) = &stack.api.cors {
            for (path, methods) in methods {
                self.preflight(&mut api, path, &methods, cors);
            }
        }
        if !error_origins.is_empty() {
            api.freeze("errors", &error_origins);
        }
        if !stack.api.binary_media_types.is_empty() {
            api.freeze("binary media types", &stack.api.binary_media_types);
        }
        let digest = digest(&api.snapshot);
        let deployment = ApiDeployment { api: RestApi::id_of(&rest_api), digest: digest.clone(), needs: api.parts };
        let stage = self.names.stage();
        let deployment = self.graph.add_part(&rest_api, &stage, deployment);
        self.stage(&rest_api, &deployment);
        digest
    }

    /// Declares the authorizers, and returns what a method needs to be behind each.
    fn authorizers(&mut self, api: &mut Building<'_>, functions: &BTreeMap<&str, Declared>) -> BTreeMap<String, Access> {
        let stack = self.stack;
        let declare = |(name, declared): (&String, &Authorizer)| {
            let (authorization, kind) = match &declared.decider {
                Decider::Function { sees_request: false, .. } => ("CUSTOM", "TOKEN"),
                Decider::Function { .. } => ("CUSTOM", "REQUEST"),
                Decider::UserPools(_) => ("COGNITO_USER_POOLS", "COGNITO_USER_POOLS"),
            };
            let (uri, cache_seconds, user_pools) = match &declared.decider {
                Decider::Function { name, cache, .. } => {
                    let alias = functions.get(name.as_str()).map(|function| function.alias_arn.as_str()).unwrap_or_default();
                    let uri = ApiIntegration::function_uri(&self.target.partition, &self.target.region, alias);
                    (Some(uri), i32::try_from(*cache).ok(), BTreeSet::new())
                }
                Decider::UserPools(arns) => {
                    // No ARN of a pool has an address in it.
                    let resolved = |arn: &String| reference::resolved(arn, stack, &self.names, &|_| String::new());
                    (None, None, arns.iter().map(resolved).collect())
                }
            };
            let name_in_api = if user_pools.is_empty() { name.clone() } else { format!("{name}{OF_USER_POOLS}") };
            let authorizer = ApiAuthorizer {
                api: RestApi::id_of(api.rest_api),
                name: name_in_api.clone(),
                kind: kind.to_owned(),
                uri,
                user_pools,
                identity_sources: declared.from.iter().map(Identity::source).collect(),
                cache_seconds,
            };
            api.freeze(&format!("authorizer {name_in_api}"), &authorizer);
            let authorizer = self.graph.add_part(api.rest_api, &name_in_api, authorizer);
            (name.clone(), Access { authorization: authorization.to_owned(), authorizer: Some(ApiAuthorizer::id_of(&authorizer)) })
        };
        stack.api.authorizers.iter().map(declare).collect()
    }

    /// Declares the resource of a route's path, with those above it.
    fn path(&mut self, api: &mut Building<'_>, route: &Route) {
        let (mut path, mut parent) = (String::new(), RestApi::root_resource_id_of(api.rest_api));
        for part in route.segments() {
            path = format!("{path}/{part}");
            if !api.resources.contains_key(&path) {
                api.snapshot.push(path.clone());
                let resource = ApiResource { api: RestApi::id_of(api.rest_api), parent, path_part: part.to_owned(), path: path.clone() };
                let resource = self.graph.add_part(api.rest_api, &path, resource);
                api.resources.insert(path.clone(), resource);
            }
            parent = ApiResource::id_of(&api.resources[&path]);
        }
    }

    fn method(
        &mut self,
        api: &mut Building<'_>,
        http_method: &str,
        path: &str,
        access: Access,
        integrate: impl FnOnce(Ref<MethodKey>, &str) -> ApiIntegration,
    ) -> (Handle<ApiMethod>, Handle<ApiIntegration>) {
        let name = format!("{http_method} {path}");
        let resource = api.resources.get(path);
        let method = ApiMethod {
            api: RestApi::id_of(api.rest_api),
            resource: resource.map_or_else(|| RestApi::root_resource_id_of(api.rest_api), ApiResource::id_of),
            http_method: http_method.to_owned(),
            path: path.to_owned(),
            authorization: access.authorization,
            authorizer: access.authorizer,
            api_key_required: false,
        };
        api.snapshot.push(format!("{name} {}", digest(&method)));
        // Replacing a method deletes everything below it, and the engine creates that again.
        let declared = method.clone();
        let method = match resource {
            Some(resource) => self.graph.add_part(resource, &name, method),
            None => self.graph.add_part(api.rest_api, &name, method),
        };
        let integration = integrate(ApiMethod::key_of(&method), &name);
        api.document.method(&declared, &integration);
        api.freeze(&name, &integration);
        let integration = self.graph.add_part(&method, &name, integration);
        api.parts.push(ApiIntegration::done_of(&integration));
        (method, integration)
    }

    /// Declares a preflight that API Gateway itself answers: a mock integration with fixed headers.
    fn preflight(&mut self, api: &mut Building<'_>, path: &str, methods: &BTreeSet<&str>, cors: &Cors) {
        let templates = BTreeMap::from([("application/json".to_owned(), format!(r#"{{"statusCode": {STATUS}}}"#))]);
        let integrate = |method: Ref<MethodKey>, route: &str| ApiIntegration::mock(method, route, templates);
        let (method, integration) = self.method(api, "OPTIONS", path, Access::default(), integrate);
        let (route, name) = (format!("OPTIONS {path}"), format!("OPTIONS {path} {STATUS}"));
        let headers = preflight_headers(methods, cors);
        let response = ApiMethodResponse {
            method: ApiMethod::key_of(&method),
            route,
            status: STATUS.to_owned(),
            response_parameters: headers.keys().map(|header| (response_header(header), false)).collect(),
        };
        api.freeze(&name, &response);
        let response_declared = response.clone();
        let response = self.graph.add_part(&method, &name, response);
        let answer = ApiIntegrationResponse {
            integration: ApiIntegration::key_of(&integration),
            response: ApiMethodResponse::done_of(&response),
            status: STATUS.to_owned(),
            title: name.clone(),
            selection_pattern: String::new(),
            response_parameters: headers.iter().map(|(header, value)| (response_header(header), quoted(value))).collect(),
            response_templates: origin_template(cors).into_iter().map(|template| ("application/json".to_owned(), template)).collect(),
        };
        api.document.response("OPTIONS", path, &response_declared, &answer);
        api.freeze(&name, &answer);
        let answer = self.graph.add_part(&integration, &name, answer);
        api.parts.push(ApiIntegrationResponse::done_of(&answer));
    }

    /// Declares that API Gateway may invoke a function for its routes, and as an authorizer, and that everybody may at a public URL. The id of an
    /// authorizer is AWS's, so the permission is for all of the API.
    pub(crate) fn permission(&mut self, rest_api: Option<&Handle<RestApi>>, name: &str, declared: &Declared) {
        let function = &self.stack.functions[name];
        let is_authorizer = self.stack.api.authorizers.values().any(|authorizer| authorizer.function() == Some(name));
        let at_url: Vec<Ref<String>> = Permission::at_url().filter(|_| function.url == Some(Url::Public)).collect();
        let stage = self.names.stage();
        let source = |of_api: String| {
            let target = self.target.clone();
            rest_api.map(|rest_api| RestApi::id_of(rest_api).map(move |id| target.arn("execute-api", &format!("{id}/{of_api}"))))
        };
        let rest = declared.alias_arn.len() + self.target.arn("execute-api", &format!("{API_ID}/{stage}/")).len();
        let requests = permission::requests(&function.routes, rest, at_url.len());
        let mut of_api: Vec<String> = requests.into_iter().map(|requests| format!("{stage}/{requests}")).collect();
        of_api.extend(is_authorizer.then(|| "authorizers/*".to_owned()));
        of_api.sort();
        let sources: Vec<Ref<String>> = of_api.into_iter().filter_map(source).chain(at_url).collect();
        if sources.is_empty() {
            return;
        }
        let permission = Permission {
            function: Function::name_of(&declared.function),
            alias: Alias::name_of(&declared.alias, crate::LIVE_ALIAS),
            sources,
            others: BTreeMap::new(),
        };
        let permission = self.graph.add_part(&declared.function, name, permission);
        if let Some(rest_api) = rest_api {
            // A permission names the API and is deleted with the function: neither deletion waits for the other.
            self.graph.delete_freely(&permission, rest_api);
        }
    }

    fn stage(&mut self, rest_api: &Handle<RestApi>, deployment: &Handle<ApiDeployment>) {
        let names = self.names.clone();
        let log_group = LogGroup {
            name: RestApi::id_of(rest_api).map(move |id| names.api_log_group(&id)),
            family: self.names.api_log_group_family(),
            retention_days: self.retention_days(),
            tags: self.tags(&self.names.api()),
        };
        let log_group = self.graph.add(API_LOG_GROUP, log_group);
        // The stage would create its log group again.
        self.graph.delete_first(rest_api, &log_group);
        let target = self.target.clone();
        let throttle = &self.stack.api.throttle;
        let stage = ApiStage {
            api: RestApi::id_of(rest_api),
            name: self.names.stage(),
            deployment: ApiDeployment::id_of(deployment),
            throttle_rate: throttle.rate,
            throttle_burst: i32::try_from(throttle.burst).unwrap_or(i32::MAX),
            log_level: "ERROR".to_owned(),
            data_trace: false,
            metrics: self.stack.api.detailed_metrics,
            access_log: Some(AccessLog {
                destination: LogGroup::name_of(&log_group).map(move |name| target.arn("logs", &format!("log-group:{name}"))),
                format: ACCESS_LOG.to_owned(),
            }),
            variables: BTreeMap::new(),
            permissions_boundary: self.stack.permissions_boundary.clone(),
            tags: self.tags(&self.names.stage()),
        };
        let name = self.names.stage();
        let stage = self.graph.add_part(rest_api, &name, stage);
        self.graph.delete_freely(&stage, &log_group);
    }
}

impl Building<'_> {
    fn freeze(&mut self, name: &str, spec: &impl Serialize) {
        self.snapshot.push(format!("{name} {}", digest(spec)));
    }
}

/// Returns the preflight's headers with their values.
fn preflight_headers(methods: &BTreeSet<&str>, cors: &Cors) -> BTreeMap<String, String> {
    let all = if methods.contains(ANY) { METHODS.into() } else { methods.clone() };
    let methods = all.into_iter().chain(["OPTIONS"]).collect::<Vec<_>>().join(",");
    let header = |name: &str, value: String| (format!("Access-Control-{name}"), value);
    [
        header("Allow-Headers", cors.headers.join(",")),
        header("Allow-Methods", methods),
        header("Allow-Origin", cors.origins.first().cloned().unwrap_or_default()),
        header("Max-Age", cors.max_age.to_string()),
    ]
    .into()
}

/// Returns the origin that may read the API's own errors, by their type.
///
/// A gateway response has one fixed value, and no template could choose among several origins. So with several, any origin may read these errors:
/// they are the same for every caller and contain nothing of the stack.
fn error_origins(cors: &Cors) -> BTreeMap<String, String> {
    let origin = match cors.origins.as_slice() {
        [one] => one,
        _ => "*",
    };
    ERROR_TYPES.into_iter().map(|kind| (kind.to_owned(), quoted(origin))).collect()
}

/// Returns a template that answers with the request's origin, if it is among the declared ones: one header cannot hold several origins.
fn origin_template(cors: &Cors) -> Option<String> {
    (cors.origins.len() > 1).then(|| {
        let origins = cors.origins.iter().map(|origin| format!("\"{origin}\"")).collect::<Vec<_>>().join(",");
        format!(
            "#set($origin=$input.params().header.get(\"Origin\"))#if([{origins}].contains($origin))#set($context.responseOverride.header.Access-Control-Allow-Origin=$origin)#end"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::error_origins;
    use crate::Cors;

    #[test]
    fn errors_name_the_one_origin_and_with_several_everybody() {
        let origins = |origins: &[&str]| {
            let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
            error_origins(&Cors { origins, headers: Vec::new(), max_age: 0 }).into_values().collect::<Vec<_>>()
        };
        assert_eq!(origins(&["https://a.example"]), ["'https://a.example'"; 2]);
        assert_eq!(origins(&["https://a.example", "https://b.example"]), ["'*'"; 2]);
        assert_eq!(origins(&["*"]), ["'*'"; 2]);
    }
}
