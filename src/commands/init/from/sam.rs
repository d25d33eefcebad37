//! Additions of SAM to CloudFormation: events of functions, policy templates, `AWS::Serverless::Api` and `AWS::Serverless::HttpApi`.

use super::cloudformation::{Resource, Template, leave_properties};
use super::description::{Authorizer, Cors, Description, Permission};
use super::expression::{Thing, UNKNOWN, function as function_of};
use super::names::plain;
use super::{gateway, policy};
use crate::stack::Node;
use std::collections::BTreeMap;

/// APIs that SAM makes for functions with events that name none.
const IMPLICIT: [&str; 2] = ["ServerlessRestApi", "ServerlessHttpApi"];

/// Policy templates on a table, with their operations (SAM developer guide, "Policy template list": documented).
const TABLE_POLICIES: [(&str, &[&str]); 4] = [
    (
        "DynamoDBCrudPolicy",
        &[
            "GetItem",
            "DeleteItem",
            "PutItem",
            "Scan",
            "Query",
            "UpdateItem",
            "BatchWriteItem",
            "BatchGetItem",
            "ConditionCheckItem",
            "DescribeTable",
        ],
    ),
    ("DynamoDBReadPolicy", &["GetItem", "Scan", "Query", "BatchGetItem", "DescribeTable"]),
    ("DynamoDBWritePolicy", &["PutItem", "UpdateItem", "BatchWriteItem"]),
    ("DynamoDBReconfigurePolicy", &[]),
];

/// Policy templates on another resource: parameter, actions, and the ARN around the parameter (documented as above).
const OTHER_POLICIES: [(&str, &str, &[&str], &str); 5] = [
    ("LambdaInvokePolicy", "FunctionName", &["lambda:InvokeFunction"], "arn:${partition}:lambda:${region}:${account}:function:*"),
    ("SQSSendMessagePolicy", "QueueName", &["sqs:SendMessage*"], "arn:${partition}:sqs:${region}:${account}:*"),
    ("SNSPublishMessagePolicy", "TopicName", &["sns:Publish"], "arn:${partition}:sns:${region}:${account}:*"),
    (
        "SSMParameterReadPolicy",
        "ParameterName",
        &["ssm:GetParameters", "ssm:GetParameter", "ssm:GetParametersByPath"],
        "arn:${partition}:ssm:${region}:${account}:parameter/*",
    ),
    ("AWSSecretsManagerGetSecretValuePolicy", "SecretArn", &["secretsmanager:GetSecretValue"], "*"),
];

/// Reads `Policies` of a function: names, templates and documents.
pub(super) fn policies(template: &Template<'_>, description: &mut Description, function: &str, node: &Node) {
    let is_one = node.text().is_some() || node.elements().is_empty() || function_of(node).is_some();
    let single = is_one.then_some(node);
    for entry in single.into_iter().chain(node.elements()) {
        let line = entry.line();
        if entry.get("Statement").is_some() {
            template.document(description, function, Some(entry));
        } else if function_of(entry).is_some() || entry.text().is_some() {
            match template.scope.value(entry) {
                Ok(name) => policy::managed(description, function, &name, line),
                Err(reason) => description.leave(
                    line,
                    format!("a policy of `{function}` is not taken over: {reason}"),
                    "write what the function needs under its `permissions`",
                ),
            }
        } else {
            for (name, parameters) in entry.entries() {
                policy_template(template, description, function, (name, parameters, line));
            }
        }
    }
}

fn policy_template(
    template: &Template<'_>,
    description: &mut Description,
    function: &str,
    (name, parameters, line): (&str, &Node, Option<usize>),
) {
    let mut leave = |what: String| {
        let what = format!("the policy template `{name}` of `{function}` is not taken over{what}");
        description.leave(line, what, "write what the function needs under its `permissions`");
    };
    let parameter = |key: &str| {
        let node = parameters.get(key).ok_or_else(|| format!(": it has no `{key}`"))?;
        template.scope.value(node).map_err(|reason| format!(": {reason}"))
    };
    if let Some((_, operations)) = TABLE_POLICIES.iter().find(|(known, operations)| *known == name && !operations.is_empty()) {
        let table = match parameter("TableName") {
            Ok(table) => format!("arn:${{partition}}:dynamodb:${{region}}:${{account}}:table/{table}"),
            Err(reason) => return leave(reason),
        };
        let actions: Vec<String> = operations.iter().map(|operation| format!("dynamodb:{operation}")).collect();
        let resources = vec![table.clone(), format!("{table}/index/*")];
        return policy::allow(description, function, Permission { actions, resources, conditions: BTreeMap::new(), line });
    }
    if let Some((_, key, actions, around)) = OTHER_POLICIES.iter().find(|(known, ..)| *known == name) {
        let value = match parameter(key) {
            Ok(value) => value,
            Err(reason) => return leave(reason),
        };
        let resource = match value.strip_suffix('}').filter(|value| value.starts_with("${functions.")) {
            Some(reference) => format!("{reference}.arn}}"),
            None => around.replacen('*', value.trim_start_matches('/'), 1),
        };
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        return policy::allow(description, function, Permission { actions, resources: vec![resource], conditions: BTreeMap::new(), line });
    }
    leave(String::new());
}

/// Reads the events of all functions: routes, and what has no counterpart.
pub(super) fn events(template: &Template<'_>, description: &mut Description) {
    for resource in template.resources.iter().filter(|resource| resource.kind == "AWS::Serverless::Function") {
        let Some(Thing::Function(function)) = template.scope.things.get(resource.id) else { continue };
        let Some(events) = template.scope.get(resource.properties, "Events") else { continue };
        for (id, event) in events.entries() {
            let line = events.line_of(id);
            let kind = event.get("Type").and_then(Node::text).unwrap_or("without a type");
            let nothing = Node::nothing();
            let properties = event.get("Properties").unwrap_or(&nothing);
            if !matches!(kind, "Api" | "HttpApi") {
                let what = format!("the event `{id}` ({kind}) of `{function}` has no counterpart in stack.yaml yet");
                description.leave(line, what, "keep what sends it with the other tool, which may invoke the function by its ARN");
                continue;
            }
            let text = |key: &str| template.scope.text(properties, key);
            if kind == "HttpApi" {
                description.note_http_api(line);
            }
            match (text("Method"), text("Path")) {
                (Some(method), Some(path)) => description.route(function, &method, &path, line),
                (None, None) if kind == "HttpApi" => description.catch_all(function, line),
                (None, Some(path)) if kind == "HttpApi" => description.route(function, "ANY", &path, line),
                _ => {
                    let what = format!("the event `{id}` of `{function}` has no path or method that stack.yaml can have");
                    description.leave(line, what, "write the route under `routes`");
                }
            }
            if text("Method").is_none_or(|method| !method.eq_ignore_ascii_case("OPTIONS")) {
                authorizer(template, description, function, (kind, properties, line));
            }
        }
    }
}

/// Sets the authorizer of a function, from its event or from the default of its API.
fn authorizer(template: &Template<'_>, description: &mut Description, function: &str, event: (&str, &Node, Option<usize>)) {
    let (kind, properties, line) = event;
    let scope = &template.scope;
    let key = if kind == "Api" { "RestApiId" } else { "ApiId" };
    let api = properties.get(key).and_then(function_of).and_then(|(_, argument)| argument.text());
    let of_api = api.and_then(|id| template.resources.iter().find(|resource| resource.id == id)).map(|resource| resource.properties);
    if properties.get(key).is_some() && of_api.is_none() && !api.is_some_and(|id| IMPLICIT.contains(&id)) {
        description.withhold(function, "their API is not in the file, and what guards it is not known", line);
    }
    let globals = template.globals.and_then(|globals| globals.get(kind));
    let default = [of_api, globals].into_iter().flatten().find_map(|node| scope.guard(scope.get(node, "Auth")?, "DefaultAuthorizer"));
    let auth = scope.get(properties, "Auth");
    let own = auth.and_then(|auth| scope.guard(auth, "Authorizer"));
    if auth.is_some_and(|auth| scope.may_be_set(auth, "ApiKeyRequired")) {
        description.withhold(function, "they ask for an API key, which has no counterpart", line);
    }
    if auth.is_some_and(|auth| {
        function_of(auth).is_some() || ["ResourcePolicy", "AuthorizationScopes"].iter().any(|key| auth.get(key).is_some())
    }) {
        description.withhold(function, "what guards them is not evaluated", line);
    }
    let name = own.or(default).filter(|name| name != "NONE");
    match name.as_deref() {
        Some(UNKNOWN) => description.withhold(function, &format!("their authorizer is {UNKNOWN}"), line),
        Some("AWS_IAM") => description.withhold(function, "their authorization by IAM has no counterpart", line),
        name => description.authorize(function, name.map(authorizer_name).as_deref(), line),
    }
}

fn authorizer_name(name: &str) -> String {
    plain(name, &["authorizer"])
}

/// Reads an API of SAM.
pub(super) fn api(template: &Template<'_>, description: &mut Description, resource: &Resource<'_>) {
    settings(template, description, resource.kind.rsplit(':').next().unwrap_or_default(), resource.properties);
    let known = [
        "Name",
        "Description",
        "StageName",
        "Cors",
        "CorsConfiguration",
        "BinaryMediaTypes",
        "Auth",
        "MethodSettings",
        "DefaultRouteSettings",
        "EndpointConfiguration",
        "Tags",
        "OpenApiVersion",
        "FailOnWarnings",
        "AlwaysDeploy",
    ];
    leave_properties(description, resource.properties, &known, &format!("of the API `{}`", resource.id));
}

/// Reads the settings of APIs in the section `Globals`.
pub(super) fn globals(template: &Template<'_>, description: &mut Description) {
    for kind in ["Api", "HttpApi"] {
        if let Some(node) = template.globals.and_then(|globals| globals.get(kind)) {
            settings(template, description, kind, node);
        }
    }
}

fn settings(template: &Template<'_>, description: &mut Description, kind: &str, node: &Node) {
    let scope = &template.scope;
    let auth = scope.get(node, "Auth");
    if kind == "Api" {
        description.api_text = scope.text(node, "Description").or(description.api_text.take());
    }
    if scope.may_be_set(node, "DisableExecuteApiEndpoint") {
        description.close(gateway::OWN_DOMAIN, node.line_of("DisableExecuteApiEndpoint"));
    }
    gateway::guards(description, scope, node.get("EndpointConfiguration"), auth.and_then(|auth| auth.get("ResourcePolicy")));
    if auth.is_some_and(|auth| function_of(auth).is_some()) {
        description.close("what guards their API is not evaluated", node.line_of("Auth"));
    }
    if auth.is_some_and(|auth| scope.may_be_set(auth, "ApiKeyRequired")) {
        description.close("their API asks for an API key, which has no counterpart", node.line_of("Auth"));
    }
    if let Some(node) = scope.get(node, if kind == "Api" { "Cors" } else { "CorsConfiguration" }) {
        let line = node.line();
        if let Some(text) = scope.concrete(node) {
            let origin = text.trim_matches('\'').to_owned();
            let origin = if super::expression::is_yes(&origin) { "*".to_owned() } else { origin };
            description.cors = Some(Cors { origins: vec![origin], line, ..Cors::default() });
        } else {
            let values = |keys: [&str; 2]| {
                let found = keys.iter().find_map(|key| scope.get(node, key)).and_then(|node| scope.values(node).ok()).unwrap_or_default();
                let several = found.iter().flat_map(|text| text.trim_matches('\'').split(','));
                several.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect::<Vec<_>>()
            };
            let age = scope.text(node, "MaxAge").and_then(|age| age.trim_matches('\'').parse().ok());
            let origins = values(["AllowOrigin", "AllowOrigins"]);
            description.cors = Some(Cors { origins, headers: values(["AllowHeaders", "AllowHeaders"]), max_age: age, line });
            if scope.text(node, "AllowCredentials").is_some_and(|text| super::expression::is_yes(text.trim_matches('\''))) {
                let next = "send what identifies the caller in a header";
                description.leave(
                    line,
                    "`AllowCredentials` has no counterpart in stack.yaml yet: browsers send no cookies across origins",
                    next,
                );
            }
        }
    }
    let types = scope.get(node, "BinaryMediaTypes").and_then(|node| scope.values(node).ok()).unwrap_or_default();
    description.binary_types.extend(types.into_iter().map(|kind| kind.replace("~1", "/")));
    let limits = scope
        .get(node, "DefaultRouteSettings")
        .into_iter()
        .chain(scope.get(node, "MethodSettings").map(Node::elements).unwrap_or_default());
    for limits in limits {
        gateway::throttle(description, scope, limits);
    }
    let authorizers = node.get("Auth").and_then(|auth| auth.get("Authorizers"));
    for (name, node) in authorizers.into_iter().flat_map(Node::entries) {
        authorizer_of_api(template, description, name, node);
    }
}

fn authorizer_of_api(template: &Template<'_>, description: &mut Description, name: &str, node: &Node) {
    let scope = &template.scope;
    let line = node.line();
    let key = authorizer_name(name);
    let leave = |description: &mut Description, why: &str| {
        let what = format!("the authorizer `{name}` is not taken over: {why}");
        description.leave(line, what, "declare it under `api.authorizers`");
    };
    let mut authorizer = Authorizer { line, ..Authorizer::default() };
    let identity = node.get("Identity");
    let pools = scope.get(node, "UserPoolArn").map(|node| scope.values(node));
    let function = scope.get(node, "FunctionArn").map(|node| scope.value(node));
    match (function, pools) {
        (Some(Ok(arn)), _) => {
            let Some(function) = arn.strip_prefix("${functions.").and_then(|rest| rest.strip_suffix(".arn}")) else {
                return leave(description, "its function is not in the file");
            };
            authorizer.function = Some(function.to_owned());
            authorizer.sees_request = scope.text(node, "FunctionPayloadType").as_deref() == Some("REQUEST")
                || scope.text(node, "AuthorizerPayloadFormatVersion").is_some();
            if scope.text(node, "AuthorizerPayloadFormatVersion").is_some() {
                description.note_http_authorizer(line);
            }
            authorizer.cache = identity.and_then(|identity| scope.number(identity, "ReauthorizeEvery"));
        }
        (None, Some(Ok(pools))) => authorizer.user_pools = pools,
        (Some(Err(reason)), _) | (None, Some(Err(reason))) => return leave(description, &reason),
        (None, None) => return leave(description, "stack.yaml has authorizers with a function or user pools alone"),
    }
    if let Some(identity) = identity {
        authorizer.from.extend(scope.text(identity, "Header").map(|name| format!("header.{name}")));
        for (key, place) in [("Headers", "header"), ("QueryStrings", "query")] {
            let names = scope.get(identity, key).and_then(|node| scope.values(node).ok()).unwrap_or_default();
            authorizer.from.extend(names.into_iter().map(|name| format!("{place}.{name}")));
        }
    }
    description.add_authorizer(key, authorizer);
}
