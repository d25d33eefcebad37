//! APIs of API Gateway that are declared part by part: paths, methods, integrations, authorizers.

use super::cloudformation::{Resource, Template, leave_properties};
use super::description::{Authorizer, Cors, Description};
use super::expression::{Expressions, function as function_of};
use super::names::plain;
use crate::stack::{Node, NodeContent};
use std::collections::BTreeMap;

/// Authorization of a method that asks for an API key.
pub(super) const BY_KEY: &str = "by API key";

/// Authorization of a method whose callers need certain scopes.
pub(super) const WITH_SCOPES: &str = "by scopes";

/// Reason to close an API that answers at a domain of its own alone, which may ask for certificates.
pub(super) const OWN_DOMAIN: &str = "their API answers only at a domain of its own, and what guards that is not read";

/// Method of a path, with the function behind it.
#[derive(Debug, Default)]
pub(super) struct Method {
    pub(super) path: String,
    /// HTTP method, or `ANY`.
    pub(super) verb: String,
    /// Text that names the function, such as the address of an integration.
    pub(super) target: String,
    /// Type of authorization, as API Gateway writes it.
    pub(super) authorization: String,
    /// Name of the authorizer.
    pub(super) authorizer: Option<String>,
    pub(super) line: Option<usize>,
}

/// Types that [`read`] reads.
pub(super) fn reads(kind: &str) -> bool {
    const KINDS: [&str; 10] = [
        "AWS::ApiGateway::RestApi",
        "AWS::ApiGateway::Resource",
        "AWS::ApiGateway::Method",
        "AWS::ApiGateway::Stage",
        "AWS::ApiGateway::Authorizer",
        "AWS::ApiGatewayV2::Api",
        "AWS::ApiGatewayV2::Route",
        "AWS::ApiGatewayV2::Integration",
        "AWS::ApiGatewayV2::Stage",
        "AWS::ApiGatewayV2::Authorizer",
    ];
    KINDS.contains(&kind)
}

/// Adds a method to the function that its target names.
pub(super) fn add(description: &mut Description, method: &Method) {
    let Method { path, verb, target, authorization, authorizer, line } = method;
    if verb == "OPTIONS" {
        // The usual mock for preflights, or a route of a function: either way `api.cors` has its place.
        let what = format!("the method OPTIONS of {path} is not taken over: API Gateway answers preflights from `api.cors`");
        return description.leave(*line, what, "declare `api.cors` if browsers of other origins call the API");
    }
    let named = target.split_once("${functions.").and_then(|(_, rest)| rest.split_once('}')).map(|(name, _)| name.trim_end_matches(".arn"));
    let Some(function) = named.map(str::to_owned) else {
        let what = format!("the route {verb} {path} leads to no function of the file");
        return description.leave(*line, what, "give a function the route, or keep the API with the other tool");
    };
    if path == "$default" {
        description.catch_all(&function, *line);
    } else {
        description.route(&function, verb, path, *line);
    }
    match authorization.as_str() {
        "" | "NONE" => description.authorize(&function, None, *line),
        "CUSTOM" | "COGNITO_USER_POOLS" => {
            let name = authorizer.as_deref().unwrap_or("of-another-file");
            description.authorize(&function, Some(name), *line);
        }
        other => description.withhold(&function, &format!("their authorization {other} has no counterpart"), *line),
    }
}

/// Reads the APIs of a template.
pub(super) fn read(template: &Template<'_>, description: &mut Description) {
    super::sam::globals(template, description);
    let scope = &template.scope;
    let of = |kind: &'static str| template.resources.iter().filter(move |resource| resource.kind == kind);
    let id_of = |node: Option<&Node>| -> Option<String> {
        let (_, argument) = function_of(node?)?;
        Some(argument.elements().first().unwrap_or(argument).text()?.split('.').next().unwrap_or_default().to_owned())
    };
    for kind in ["AWS::ApiGateway::Authorizer", "AWS::ApiGatewayV2::Authorizer"] {
        of(kind).for_each(|resource| authorizer(template, description, resource));
    }
    let parts: BTreeMap<&str, (Option<String>, String)> = of("AWS::ApiGateway::Resource")
        .map(|resource| {
            let parent = id_of(resource.properties.get("ParentId"));
            (resource.id, (parent, scope.text(resource.properties, "PathPart").unwrap_or_default()))
        })
        .collect();
    let path = |id: Option<String>| {
        let (mut path, mut next) = (String::new(), id);
        // A chain longer than all parts would be a circle.
        for _ in 0..=parts.len() {
            let Some((parent, part)) = next.as_deref().and_then(|id| parts.get(id)) else { break };
            path = format!("/{part}{path}");
            next.clone_from(parent);
        }
        if path.is_empty() { "/".to_owned() } else { path }
    };
    for resource in of("AWS::ApiGateway::Method") {
        let properties = resource.properties;
        let target = scope.get(properties, "Integration").and_then(|node| scope.value(node.get("Uri")?).ok()).unwrap_or_default();
        let method = Method {
            path: path(id_of(properties.get("ResourceId"))),
            verb: scope.text(properties, "HttpMethod").unwrap_or_default(),
            target,
            authorization: if scope.may_be_set(properties, "ApiKeyRequired") {
                BY_KEY.to_owned()
            } else if scope.get(properties, "AuthorizationScopes").is_some() {
                WITH_SCOPES.to_owned()
            } else {
                scope.guard(properties, "AuthorizationType").unwrap_or_default()
            },
            authorizer: id_of(properties.get("AuthorizerId")).map(|id| plain(&id, &["authorizer"])),
            line: resource.line,
        };
        add(description, &method);
    }
    for resource in of("AWS::ApiGateway::RestApi") {
        description.api_text = scope.text(resource.properties, "Description").or(description.api_text.take());
        let known = ["Name", "Description", "EndpointConfiguration", "Policy", "BinaryMediaTypes", "Tags", "FailOnWarnings", "Mode"];
        leave_properties(description, resource.properties, &known, &format!("of the API `{}`", resource.id));
        guards(description, scope, resource.properties.get("EndpointConfiguration"), resource.properties.get("Policy"));
        if scope.may_be_set(resource.properties, "DisableExecuteApiEndpoint") {
            description.close(OWN_DOMAIN, resource.line);
        }
    }
    let is_api = |kind: &str| matches!(kind.rsplit(':').next(), Some("RestApi" | "Api" | "HttpApi"));
    description.note_apis(template.resources.iter().filter(|resource| is_api(resource.kind)).count());
    let integrations: BTreeMap<&str, String> = of("AWS::ApiGatewayV2::Integration")
        .map(|resource| {
            (resource.id, resource.properties.get("IntegrationUri").and_then(|node| scope.value(node).ok()).unwrap_or_default())
        })
        .collect();
    for resource in of("AWS::ApiGatewayV2::Route") {
        description.note_http_api(resource.line);
        let properties = resource.properties;
        let key = scope.text(properties, "RouteKey").unwrap_or_default();
        let (method, path) = key.split_once(' ').unwrap_or(("ANY", &key));
        let target = properties.get("Target").and_then(integration).and_then(|id| integrations.get(id.as_str()).cloned());
        let method = Method {
            path: path.to_owned(),
            verb: method.to_owned(),
            target: target.unwrap_or_default(),
            authorization: if scope.get(properties, "AuthorizationScopes").is_some() {
                WITH_SCOPES.to_owned()
            } else {
                scope.guard(properties, "AuthorizationType").unwrap_or_default()
            },
            authorizer: id_of(properties.get("AuthorizerId")).map(|id| plain(&id, &["authorizer"])),
            line: resource.line,
        };
        add(description, &method);
    }
    let types =
        of("AWS::ApiGateway::RestApi").filter_map(|resource| scope.values(scope.get(resource.properties, "BinaryMediaTypes")?).ok());
    description.binary_types.extend(types.flatten());
    for resource in of("AWS::ApiGateway::RestApi").filter(|resource| resource.properties.get("Body").is_some()) {
        let what = format!("the routes of the API `{}` are an OpenAPI document, which is not read", resource.id);
        description.leave(resource.line, what, "write them under `routes` of the functions");
    }
    for node in of("AWS::ApiGatewayV2::Api").filter_map(|resource| scope.get(resource.properties, "CorsConfiguration")) {
        let values = |key: &str| scope.get(node, key).and_then(|node| scope.values(node).ok()).unwrap_or_default();
        let max_age = scope.number(node, "MaxAge");
        description.cors = Some(Cors { origins: values("AllowOrigins"), headers: values("AllowHeaders"), max_age, line: node.line() });
    }
    let of_stages =
        of("AWS::ApiGateway::Stage").flat_map(|resource| resource.properties.get("MethodSettings").map(Node::elements).unwrap_or_default());
    let of_http = of("AWS::ApiGatewayV2::Stage").filter_map(|resource| resource.properties.get("DefaultRouteSettings"));
    for limits in of_stages.chain(of_http) {
        throttle(description, scope, limits);
    }
}

/// Closes the API if it is private, has a policy of its own, or asks for keys.
pub(super) fn guards(description: &mut Description, scope: &Expressions<'_>, endpoint: Option<&Node>, policy: Option<&Node>) {
    if let Some(node) = endpoint.filter(|node| may_be_private(scope, node)) {
        description.close("their API is private, which has no counterpart", node.line());
    }
    if let Some(node) = policy.filter(|node| node.text() != Some("") && !matches!(node.content, NodeContent::Nothing)) {
        description.close("their API has a resource policy, which has no counterpart", node.line());
    }
}

/// Tests whether an endpoint is private, or of a type that is not known from the file.
fn may_be_private(scope: &Expressions<'_>, node: &Node) -> bool {
    if node.text().is_some() || function_of(node).is_some() {
        return scope.concrete(node).is_none_or(|kind| kind.eq_ignore_ascii_case("PRIVATE"));
    }
    let of_type = |name: &str| !name.eq_ignore_ascii_case("VpcEndpointIds") && !name.eq_ignore_ascii_case("vpc_endpoint_ids");
    node.elements().iter().any(|node| may_be_private(scope, node))
        || node.entries().any(|(name, node)| of_type(name) && may_be_private(scope, node))
}

/// Takes the limits of all methods. stack.yaml has none for one method.
pub(super) fn throttle(description: &mut Description, scope: &Expressions<'_>, limits: &Node) {
    description.detailed_metrics |= ["MetricsEnabled", "DetailedMetricsEnabled"].iter().any(|key| scope.is_set(limits, key));
    let Some(rate) = scope.number(limits, "ThrottlingRateLimit") else { return };
    let covers = |key: &str, all: &str| scope.text(limits, key).is_none_or(|value| value == all);
    if covers("ResourcePath", "/*") && covers("HttpMethod", "*") {
        description.throttle = Some((rate, scope.number(limits, "ThrottlingBurstLimit")));
    } else {
        leave_throttle(description, limits.line());
    }
}

/// Records the limits of one method.
pub(super) fn leave_throttle(description: &mut Description, line: Option<usize>) {
    let what = "the throttle of one method has no counterpart in stack.yaml yet";
    description.leave(line, what, "`api.throttle` limits all routes together, and `concurrency` a function");
}

/// Returns the logical id in `integrations/ID`.
fn integration(target: &Node) -> Option<String> {
    let (name, argument) = function_of(target)?;
    match (name, argument.elements()) {
        ("Join", [_, parts]) => {
            let (_, id) = parts.elements().iter().find_map(function_of)?;
            id.text().map(str::to_owned)
        }
        ("Sub", _) => argument.text()?.strip_prefix("integrations/${")?.strip_suffix('}').map(str::to_owned),
        _ => None,
    }
}

fn authorizer(template: &Template<'_>, description: &mut Description, resource: &Resource<'_>) {
    let (scope, properties) = (&template.scope, resource.properties);
    let text = |key: &str| scope.text(properties, key);
    let target = properties.get("AuthorizerUri").and_then(|node| scope.value(node).ok()).unwrap_or_default();
    let pools = scope.get(properties, "ProviderARNs").and_then(|node| scope.values(node).ok()).unwrap_or_default();
    let sources = scope.get(properties, "IdentitySource").and_then(|node| scope.values(node).ok()).unwrap_or_default();
    let found = declared(&Declared {
        kind: text("Type").or_else(|| text("AuthorizerType")).unwrap_or_default(),
        target,
        pools,
        sources,
        cache: text("AuthorizerResultTtlInSeconds").and_then(|seconds| seconds.parse().ok()),
        line: resource.line,
    });
    match found {
        Some(authorizer) => {
            if resource.kind == "AWS::ApiGatewayV2::Authorizer" {
                description.note_http_authorizer(resource.line);
            }
            description.add_authorizer(plain(resource.id, &["authorizer"]), authorizer);
        }
        None => leave(description, resource.id, resource.line),
    }
}

/// Records an authorizer that stack.yaml does not have.
pub(super) fn leave(description: &mut Description, name: &str, line: Option<usize>) {
    let what =
        format!("the authorizer `{name}` is not taken over: stack.yaml takes a function of the same file or Amazon Cognito user pools");
    description.leave(line, what, "declare one under `api.authorizers`; if a Cognito user pool issues the tokens, name it as `user_pools`");
}

/// Authorizer as API Gateway has it.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// `TOKEN`, `REQUEST`, `COGNITO_USER_POOLS` or `JWT`.
    pub(super) kind: String,
    /// Text that names the function.
    pub(super) target: String,
    pub(super) pools: Vec<String>,
    /// Sources of the identity, such as `method.request.header.Authorization` or `$request.header.Authorization`.
    pub(super) sources: Vec<String>,
    pub(super) cache: Option<u32>,
    pub(super) line: Option<usize>,
}

/// Returns the authorizer in stack.yaml, if it has one of the kind.
pub(super) fn declared(declared: &Declared) -> Option<Authorizer> {
    let Declared { kind, target, pools, sources, cache, line } = declared;
    let function =
        target.split_once("${functions.").and_then(|(_, rest)| rest.split_once('}')).map(|(name, _)| name.trim_end_matches(".arn"));
    let is_function = matches!(kind.as_str(), "TOKEN" | "REQUEST" | "") && function.is_some();
    if !is_function && (kind != "COGNITO_USER_POOLS" || pools.is_empty()) {
        return None;
    }
    let part = |source: &str| {
        let source = source.trim().trim_start_matches("method.").trim_start_matches('$').trim_start_matches("request.");
        source.replace("querystring.", "query.")
    };
    Some(Authorizer {
        function: function.filter(|_| is_function).map(str::to_owned),
        sees_request: is_function && kind == "REQUEST",
        user_pools: if is_function { Vec::new() } else { pools.clone() },
        from: sources.iter().flat_map(|source| source.split(',')).map(part).filter(|part| !part.is_empty()).collect(),
        cache: cache.filter(|_| is_function),
        line: *line,
    })
}
