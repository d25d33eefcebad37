//! State of Terraform: `terraform.tfstate`, and what `terraform show -json` prints. All values are known, so references are found by names and ARNs.

use super::Wanted;
use super::cloudformation::leave_boundary;
use super::code;
use super::description::{Cors, Description, Function, Index, Key, Projection, Table};
use super::expression::{Expressions, escaped};
use super::gateway::{self, Declared, Method};
use super::names::{self, Chosen, plain, unique};
use super::{policy, variable};
use crate::stack::{self, Node, NodeContent, Position};
use std::collections::BTreeMap;

/// Deepest nesting of modules that is followed.
const MAX_DEPTH: usize = 16;

/// Types that exist only to connect others, or that each stack has anyway.
const CONNECTING: [&str; 12] = [
    "aws_lambda_permission",
    "aws_api_gateway_deployment",
    "aws_api_gateway_account",
    "aws_api_gateway_method_response",
    "aws_api_gateway_integration_response",
    "aws_apigatewayv2_deployment",
    "aws_lambda_alias",
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_policy",
    "aws_iam_role_policy_attachment",
    "aws_iam_policy_attachment",
];

/// Types that [`Reader`] reads.
const READ: [&str; 17] = [
    "aws_lambda_function",
    "aws_lambda_function_url",
    "aws_dynamodb_table",
    "aws_cloudwatch_log_group",
    "aws_api_gateway_rest_api",
    "aws_api_gateway_resource",
    "aws_api_gateway_method",
    "aws_api_gateway_integration",
    "aws_api_gateway_stage",
    "aws_api_gateway_authorizer",
    "aws_api_gateway_method_settings",
    "aws_apigatewayv2_api",
    "aws_apigatewayv2_route",
    "aws_apigatewayv2_integration",
    "aws_apigatewayv2_stage",
    "aws_apigatewayv2_authorizer",
    "aws_cloudwatch_metric_alarm",
];

/// Resource of a state.
struct Resource<'a> {
    address: String,
    kind: &'a str,
    name: &'a str,
    line: Option<usize>,
    values: &'a Node,
    /// Set if its environment variables are marked as sensitive.
    is_sensitive: bool,
}

/// Resources of a state, and the references that stand for names and ARNs.
struct Reader<'a> {
    resources: Vec<Resource<'a>>,
    /// Texts, and the references in their place.
    references: Vec<(String, String)>,
    /// Names of functions in stack.yaml by address.
    functions: BTreeMap<String, String>,
}

/// Reads a state.
pub(super) fn read(root: &Node, wanted: &Wanted<'_>) -> (Description, Chosen) {
    let mut description = Description::default();
    let mut resources = Vec::new();
    for node in root.get("resources").map(Node::elements).unwrap_or_default() {
        of_state(node, &mut resources);
    }
    if let Some(module) = root.get("values").and_then(|values| values.get("root_module")) {
        of_module(module, &mut resources, 0);
    }
    let mut reader = Reader { resources, references: Vec::new(), functions: BTreeMap::new() };
    for resource in reader.of("aws_dynamodb_table") {
        let physical = resource.text("name");
        let id = resource.address.clone();
        description.tables.push(Table { id, name: resource.name.to_owned(), line: resource.line, physical, ..Table::default() });
    }
    // Names in the files of Terraform are the words that their authors chose for them.
    let words: Vec<String> =
        reader.of("aws_dynamodb_table").map(|resource| resource.word(&resource.text("name").unwrap_or_default()).to_owned()).collect();
    let addresses: Vec<String> =
        description.tables.iter_mut().zip(words).map(|(table, word)| std::mem::replace(&mut table.id, word)).collect();
    let chosen = names::choose(&mut description, wanted.project, &wanted.proposed);
    for (table, address) in description.tables.iter_mut().zip(addresses) {
        table.id = address;
    }
    reader.refer(&description, &chosen);
    let arn = reader
        .resources
        .iter()
        .find_map(|resource| resource.text("arn").filter(|arn| arn.contains(":lambda:") || arn.contains(":dynamodb:")));
    description.account = arn.as_ref().and_then(|arn| arn.split(':').nth(4).map(str::to_owned));
    description.region = arn.and_then(|arn| arn.split(':').nth(3).map(str::to_owned)).filter(|region| !region.is_empty());
    for (index, resource) in reader.of("aws_dynamodb_table").enumerate() {
        table(&mut description, index, resource);
    }
    for resource in reader.of("aws_lambda_function") {
        reader.function(&mut description, resource);
    }
    for resource in reader.of("aws_lambda_function_url") {
        reader.url(&mut description, resource);
    }
    reader.api(&mut description);
    let days = reader.of("aws_cloudwatch_log_group").filter_map(|group| group.number::<u32>("retention_in_days")).filter(|days| *days > 0);
    super::retention(&mut description, &days.collect::<Vec<_>>());
    for resource in &reader.resources {
        if resource.kind == "aws_cloudwatch_metric_alarm" {
            super::leave_alarm(&mut description, resource.line, resource.kind, &resource.address);
        } else if !READ.contains(&resource.kind) && !CONNECTING.contains(&resource.kind) {
            description.leave_kind(resource.line, resource.kind, &resource.address);
        }
    }
    (description, chosen)
}

/// Adds the instances of a resource of terraform.tfstate.
fn of_state<'a>(node: &'a Node, resources: &mut Vec<Resource<'a>>) {
    let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
    if text("mode") != "managed" {
        return;
    }
    let module = node.get("module").and_then(Node::text).map(|module| format!("{module}.")).unwrap_or_default();
    for instance in node.get("instances").map(Node::elements).unwrap_or_default() {
        let Some(values) = instance.get("attributes") else { continue };
        let index = instance.get("index_key").and_then(Node::text).map(|key| format!("[{key}]")).unwrap_or_default();
        let address = format!("{module}{}.{}{index}", text("type"), text("name"));
        let line = node.line_of("type").or(node.line());
        let is_sensitive = instance.get("sensitive_attributes").is_some_and(|node| marks(node, "environment") || marks(node, "variables"));
        resources.push(Resource { address, kind: text("type"), name: text("name"), line, values, is_sensitive });
    }
}

/// Adds the resources of a module, and of those below it, as `terraform show -json` prints them.
fn of_module<'a>(module: &'a Node, resources: &mut Vec<Resource<'a>>, depth: usize) {
    for node in module.get("resources").map(Node::elements).unwrap_or_default() {
        let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
        if text("mode") == "managed"
            && let Some(values) = node.get("values")
        {
            let line = node.line_of("address").or(node.line());
            let sensitive = node.get("sensitive_values").and_then(|sensitive| sensitive.get("environment"));
            let is_sensitive = sensitive.is_some_and(|node| marks(node, "true"));
            let (address, kind, name) = (text("address").to_owned(), text("type"), text("name"));
            resources.push(Resource { address, kind, name, line, values, is_sensitive });
        }
    }
    for module in module.get("child_modules").map(Node::elements).unwrap_or_default() {
        if depth < MAX_DEPTH {
            of_module(module, resources, depth + 1);
        }
    }
}

impl Resource<'_> {
    /// Returns the name that its author chose, or the physical one in place of a word that means nothing.
    fn word<'name>(&'name self, physical: &'name str) -> &'name str {
        let is_empty = ["this", "main", "default", "function", "lambda", "table"].contains(&self.name);
        if is_empty && !physical.is_empty() { physical } else { self.name }
    }

    fn text(&self, key: &str) -> Option<String> {
        text(self.values, key)
    }

    fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.text(key)?.parse().ok()
    }

    /// Returns the first block of a kind: a list in the state.
    fn block(&self, key: &str) -> Option<&Node> {
        block(self.values, key)
    }
}

/// Returns a text that is not empty.
fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(Node::text).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn block<'node>(node: &'node Node, key: &str) -> Option<&'node Node> {
    node.get(key)?.elements().first()
}

fn is_true(node: &Node, key: &str) -> bool {
    text(node, key).as_deref() == Some("true")
}

/// Returns the texts of a list.
fn texts(node: &Node, key: &str) -> Vec<String> {
    node.get(key).map(Node::elements).unwrap_or_default().iter().filter_map(Node::text).map(str::to_owned).collect()
}

impl<'a> Reader<'a> {
    fn of(&self, kind: &'static str) -> impl Iterator<Item = &Resource<'a>> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }

    /// Names the functions, and collects the texts that stand for what the stack declares.
    fn refer(&mut self, description: &Description, chosen: &Chosen) {
        let mut references = Vec::new();
        for (resource, table) in self.of("aws_dynamodb_table").zip(&description.tables) {
            references.extend(resource.text("arn").map(|arn| (arn, format!("${{tables.{}.arn}}", table.name))));
            references.extend(resource.text("name").map(|name| (name, format!("${{tables.{}}}", table.name))));
        }
        let mut functions: BTreeMap<String, String> = BTreeMap::new();
        for resource in self.of("aws_lambda_function") {
            let physical = resource.text("function_name").unwrap_or_default();
            let fitting = physical
                .strip_prefix(&format!("{}-", chosen.project))
                .and_then(|rest| rest.strip_suffix(&format!("-{}", chosen.environment)));
            let name = plain(fitting.unwrap_or(resource.word(&physical)), &["function", "lambda", "fn"]);
            let name = unique(name, |name| functions.values().any(|known| known == name));
            for key in ["invoke_arn", "qualified_arn", "arn"] {
                references.extend(resource.text(key).map(|arn| (arn, format!("${{functions.{name}.arn}}"))));
            }
            references.push((physical, format!("${{functions.{name}}}")));
            functions.insert(resource.address.clone(), name);
        }
        for (kind, key) in
            [("aws_api_gateway_stage", "invoke_url"), ("aws_apigatewayv2_stage", "invoke_url"), ("aws_apigatewayv2_api", "api_endpoint")]
        {
            references.extend(self.of(kind).filter_map(|resource| Some((resource.text(key)?, "${api.url}".to_owned()))));
        }
        references.retain(|(text, _)| !text.is_empty());
        // The longer of two texts comes first: an ARN before the name in it.
        references.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        self.references = references;
        self.functions = functions;
    }

    /// Returns a text with references. A name is replaced where it is the whole text, an ARN or an address at its beginning as well.
    fn referring(&self, text: &str) -> String {
        if let Some((_, reference)) = self.references.iter().find(|(known, _)| known == text) {
            return reference.clone();
        }
        let is_long = |known: &str| known.starts_with("arn:") || known.starts_with("https://");
        let found = self.references.iter().find_map(|(known, reference)| {
            let rest = text.strip_prefix(known.trim_end_matches('/')).filter(|rest| is_long(known) && rest.starts_with(['/', ':']))?;
            Some(format!("{reference}{}", escaped(rest)))
        });
        found.unwrap_or_else(|| escaped(text))
    }

    /// Returns the reference in a text that has the ARN of a function somewhere, as addresses of integrations do.
    fn target(&self, text: &str) -> String {
        let found = self
            .references
            .iter()
            .find(|(known, reference)| reference.starts_with("${functions.") && known.starts_with("arn:") && text.contains(known));
        found.map(|(_, reference)| reference.clone()).unwrap_or_default()
    }

    /// Reads the URL of a function.
    fn url(&self, description: &mut Description, resource: &Resource<'_>) {
        let named = resource.text("function_arn").or_else(|| resource.text("function_name")).unwrap_or_default();
        let reference = self.referring(&named);
        let name = reference.strip_prefix("${functions.").and_then(|rest| rest.split(['}', ':']).next());
        let Some(name) = name.map(|name| name.trim_end_matches(".arn").to_owned()) else {
            let what = format!("{} is of a function that is not taken over", resource.address);
            return description.leave(resource.line, what, "write `url` in the function");
        };
        let streams = resource.text("invoke_mode").as_deref() == Some("RESPONSE_STREAM");
        let settings = [("cors", resource.block("cors").is_some()), ("invoke_mode", streams)];
        let settings: Vec<&str> = settings.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect();
        description.url(&name, &resource.text("authorization_type").unwrap_or_default(), &settings, resource.line);
    }

    fn function(&self, description: &mut Description, resource: &Resource<'_>) {
        let Some(name) = self.functions.get(&resource.address).cloned() else { return };
        let values = resource.values;
        if resource.text("package_type").as_deref() == Some("Image") {
            let what = format!("{} is a container image, which stack.yaml does not have", resource.address);
            return description.leave(resource.line, what, "build it from its crate (`source`), or keep it with the other tool");
        }
        let architectures = texts(values, "architectures");
        let variables = resource.block("environment").and_then(|node| node.get("variables"));
        let environment = variables.into_iter().flat_map(Node::entries).map(|(name, node)| {
            let value = match node.text() {
                None => Err("it has no value in the state".to_owned()),
                Some(_) if resource.is_sensitive => Err("it is marked as sensitive".to_owned()),
                Some(text) => Ok(self.referring(text)),
            };
            variable::of(name, value, node.line())
        });
        let mut code = code::of_path(resource.text("filename").filter(|path| !path.starts_with('/')).as_deref());
        code.foreign = code::foreign(resource.text("runtime"), resource.text("handler"));
        if code.foreign.is_none() && code.binary.is_none() && code.directory.is_some() {
            code.directory = None;
        }
        description.functions.push(Function {
            name: name.clone(),
            line: resource.line,
            code,
            memory: resource.number("memory_size"),
            timeout: resource.number("timeout"),
            is_x86: architectures.first().is_none_or(|name| name == "x86_64"),
            environment: environment.collect(),
            layers: texts(values, "layers"),
            tracing: resource.block("tracing_config").and_then(|node| text(node, "mode")).as_deref() == Some("Active"),
            ephemeral_storage: resource.block("ephemeral_storage").and_then(|node| text(node, "size")?.parse().ok()),
            // -1 in the state means that none is reserved.
            concurrency: resource.number("reserved_concurrent_executions"),
            logs_json: resource.block("logging_config").and_then(|node| text(node, "log_format")).as_deref() == Some("JSON"),
            ..Function::default()
        });
        for key in ["vpc_config", "dead_letter_config", "file_system_config", "snap_start", "image_config"] {
            if resource.block(key).is_some_and(|node| node.entries().next().is_some()) {
                let what = format!("`{key}` of {} has no counterpart in stack.yaml yet", resource.address);
                description.leave(values.line_of(key), what, "see whether you need it: what is made here comes without it");
            }
        }
        let role = resource.text("role").unwrap_or_default();
        self.policies(description, &name, role.rsplit('/').next().unwrap_or_default(), resource.line);
    }

    /// Reads the policies of a role, by its name.
    fn policies(&self, description: &mut Description, function: &str, role: &str, line: Option<usize>) {
        let Some(found) = self.of("aws_iam_role").find(|resource| resource.text("name").as_deref() == Some(role)) else {
            let what = format!("the role `{role}` of `{function}` is not in the state, and what it allows is not known");
            return description.leave(line, what, "write what the function needs under `reads`, `writes` and `permissions`");
        };
        if found.text("permissions_boundary").is_some() {
            leave_boundary(description, function, found.line);
        }
        for node in found.values.get("inline_policy").map(Node::elements).unwrap_or_default() {
            self.document(description, function, node.get("policy"));
        }
        let is_of_role = |resource: &&Resource<'_>| resource.text("role").as_deref() == Some(role);
        // A state that was refreshed has the separate policies in `inline_policy` as well.
        for resource in self.of("aws_iam_role_policy").filter(is_of_role) {
            self.document(description, function, resource.values.get("policy"));
        }
        for resource in self.of("aws_iam_role_policy_attachment").filter(is_of_role) {
            let arn = resource.text("policy_arn").unwrap_or_default();
            match self.of("aws_iam_policy").find(|policy| policy.text("arn").as_deref() == Some(&arn)) {
                Some(policy) => self.document(description, function, policy.values.get("policy")),
                None => policy::managed(description, function, &arn, resource.line),
            }
        }
        if let Some(function) = description.function(function) {
            let mut known = Vec::new();
            function.permissions.retain(|permission| {
                let text = format!("{:?} {:?} {:?}", permission.actions, permission.resources, permission.conditions);
                let is_new = !known.contains(&text);
                known.push(text);
                is_new
            });
        }
    }

    /// Reads a policy, which is JSON in a text.
    fn document(&self, description: &mut Description, function: &str, node: Option<&Node>) {
        let Some((node, text)) = node.and_then(|node| Some((node, node.text()?))) else { return };
        let Ok(mut document) = stack::tree("policy", text) else {
            let what = format!("a policy of `{function}` is not JSON");
            return description.leave(node.line(), what, "write what the function needs under its `permissions`");
        };
        relocate(&mut document, node.position);
        let scope = Expressions::default();
        let Some(statements) = document.get("Statement") else { return };
        let single = statements.get("Effect").is_some().then_some(statements);
        for statement in single.into_iter().chain(statements.elements()) {
            policy::statement(description, &scope, function, statement);
        }
        // Names and ARNs of functions in what is left become references.
        for permission in description.function(function).into_iter().flat_map(|function| &mut function.permissions) {
            for resource in &mut permission.resources {
                let reference = self.referring(&resource.replace("$${", "${"));
                if reference.starts_with("${functions.") {
                    *resource = reference;
                }
            }
        }
    }

    fn api(&self, description: &mut Description) {
        let by_id = |kind: &'static str, key: &'static str| -> BTreeMap<String, String> {
            self.of(kind).filter_map(|resource| Some((resource.text("id")?, resource.text(key)?))).collect()
        };
        let mut authorizers: BTreeMap<String, String> = BTreeMap::new();
        for (kind, of_type) in [("aws_api_gateway_authorizer", "type"), ("aws_apigatewayv2_authorizer", "authorizer_type")] {
            for resource in self.of(kind) {
                let name = plain(&resource.text("name").unwrap_or_else(|| resource.name.to_owned()), &["authorizer"]);
                let mut sources = texts(resource.values, "identity_sources");
                sources.extend(resource.text("identity_source"));
                let found = gateway::declared(&Declared {
                    kind: resource.text(of_type).unwrap_or_default(),
                    target: self.target(&resource.text("authorizer_uri").unwrap_or_default()),
                    pools: texts(resource.values, "provider_arns"),
                    sources,
                    cache: resource.number("authorizer_result_ttl_in_seconds"),
                    line: resource.line,
                });
                authorizers.extend(resource.text("id").map(|id| (id, name.clone())));
                match found {
                    Some(authorizer) => {
                        if kind == "aws_apigatewayv2_authorizer" {
                            description.note_http_authorizer(resource.line);
                        }
                        description.add_authorizer(name, authorizer);
                    }
                    None => gateway::leave(description, &name, resource.line),
                }
            }
        }
        let paths = by_id("aws_api_gateway_resource", "path");
        let mut targets: BTreeMap<(String, String), String> = BTreeMap::new();
        for resource in self.of("aws_api_gateway_integration") {
            let key = (resource.text("resource_id").unwrap_or_default(), resource.text("http_method").unwrap_or_default());
            targets.insert(key, self.target(&resource.text("uri").unwrap_or_default()));
        }
        for resource in self.of("aws_api_gateway_method") {
            let key = (resource.text("resource_id").unwrap_or_default(), resource.text("http_method").unwrap_or_default());
            let method = Method {
                // The root is no resource of its own in the state.
                path: paths.get(&key.0).cloned().unwrap_or_else(|| "/".to_owned()),
                verb: key.1.clone(),
                target: targets.get(&key).cloned().unwrap_or_default(),
                authorization: of_method(resource, "authorization"),
                authorizer: resource.text("authorizer_id").and_then(|id| authorizers.get(&id).cloned()),
                line: resource.line,
            };
            if is_true(resource.values, "api_key_required") {
                let method = Method { authorization: gateway::BY_KEY.to_owned(), ..method };
                gateway::add(description, &method);
            } else {
                gateway::add(description, &method);
            }
        }
        let integrations = by_id("aws_apigatewayv2_integration", "integration_uri");
        for resource in self.of("aws_apigatewayv2_route") {
            description.note_http_api(resource.line);
            let key = resource.text("route_key").unwrap_or_default();
            let (method, path) = key.split_once(' ').unwrap_or(("ANY", &key));
            let target = resource.text("target").and_then(|target| integrations.get(target.strip_prefix("integrations/")?).cloned());
            let method = Method {
                path: path.to_owned(),
                verb: method.to_owned(),
                target: self.target(&target.unwrap_or_default()),
                authorization: of_method(resource, "authorization_type"),
                authorizer: resource.text("authorizer_id").and_then(|id| authorizers.get(&id).cloned()),
                line: resource.line,
            };
            gateway::add(description, &method);
        }
        self.settings(description);
    }

    /// Reads CORS, binary media types and throttles.
    fn settings(&self, description: &mut Description) {
        description.note_apis(self.of("aws_api_gateway_rest_api").chain(self.of("aws_apigatewayv2_api")).count());
        for resource in self.of("aws_api_gateway_rest_api_policy") {
            description.close("their API has a resource policy, which has no counterpart", resource.line);
        }
        for api in self.of("aws_api_gateway_rest_api").chain(self.of("aws_apigatewayv2_api")) {
            if is_true(api.values, "disable_execute_api_endpoint") {
                description.close(gateway::OWN_DOMAIN, api.line);
            }
        }
        for resource in self.of("aws_api_gateway_rest_api") {
            let scope = Expressions::default();
            gateway::guards(description, &scope, resource.values.get("endpoint_configuration"), resource.values.get("policy"));
            description.binary_types.extend(texts(resource.values, "binary_media_types"));
            description.api_text =
                resource.text("description").filter(|text| !text.is_empty()).map(|text| escaped(&text)).or(description.api_text.take());
            if let Some(line) = resource.text("body").map(|_| resource.values.line_of("body")) {
                let what = format!("the routes of {} are an OpenAPI document, which is not read", resource.address);
                description.leave(line, what, "write them under `routes` of the functions");
            }
        }
        for node in self.of("aws_apigatewayv2_api").filter_map(|resource| resource.block("cors_configuration")) {
            let max_age = text(node, "max_age").and_then(|age| age.parse().ok()).filter(|age| *age > 0);
            let headers = texts(node, "allow_headers");
            description.cors = Some(Cors { origins: texts(node, "allow_origins"), headers, max_age, line: node.line() });
        }
        let is_of_all = |resource: &&Resource<'_>| resource.text("method_path").is_none_or(|path| path == "*/*");
        for resource in self.of("aws_api_gateway_method_settings").filter(|resource| !is_of_all(resource)) {
            gateway::leave_throttle(description, resource.line);
        }
        let of_rest = self.of("aws_api_gateway_method_settings").filter(is_of_all).filter_map(|resource| resource.block("settings"));
        let of_http = self.of("aws_apigatewayv2_stage").filter_map(|resource| resource.block("default_route_settings"));
        for limits in of_rest.chain(of_http) {
            // -1 and 0 in the state mean that there is no limit of its own.
            description.detailed_metrics |= ["metrics_enabled", "detailed_metrics_enabled"].iter().any(|key| is_true(limits, key));
            let rate = text(limits, "throttling_rate_limit").and_then(|rate| rate.parse::<f64>().ok()).filter(|rate| *rate > 0.0);
            if let Some(rate) = rate {
                let burst = text(limits, "throttling_burst_limit").and_then(|burst| burst.parse().ok()).filter(|burst| *burst > 0);
                description.throttle = Some((rate, burst));
            }
        }
    }
}

/// Returns the authorization of a method.
fn of_method(resource: &Resource<'_>, key: &str) -> String {
    let has_scopes = !texts(resource.values, "authorization_scopes").is_empty();
    if has_scopes { gateway::WITH_SCOPES.to_owned() } else { resource.text(key).unwrap_or_default() }
}

/// Tests a tree for a mark: the name of an attribute, or `true`.
fn marks(node: &Node, mark: &str) -> bool {
    node.text() == Some(mark) || node.elements().iter().any(|node| marks(node, mark)) || node.entries().any(|(_, node)| marks(node, mark))
}

/// Gives all nodes of a tree one position: that of the text in which it was.
fn relocate(node: &mut Node, position: Option<Position>) {
    node.position = position;
    match &mut node.content {
        NodeContent::Mapping(entries) => {
            for (_, key, node) in entries {
                *key = position;
                relocate(node, position);
            }
        }
        NodeContent::List(elements) => elements.iter_mut().for_each(|node| relocate(node, position)),
        NodeContent::Scalar(_) | NodeContent::Nothing => {}
    }
}

/// Reads keys, indexes and settings of a table.
fn table(description: &mut Description, index: usize, resource: &Resource<'_>) {
    let address = &resource.address;
    let types: BTreeMap<String, String> = resource
        .values
        .get("attribute")
        .map(Node::elements)
        .unwrap_or_default()
        .iter()
        .filter_map(|node| Some((text(node, "name")?, text(node, "type")?)))
        .collect();
    let key = |node: &Node, key: &str| -> Option<Key> {
        let name = text(node, key)?;
        let kind = types.get(&name)?.clone();
        Some((name, kind))
    };
    let mut indexes = Vec::new();
    for node in resource.values.get("global_secondary_index").map(Node::elements).unwrap_or_default() {
        let name = text(node, "name").unwrap_or_default();
        let Some(partition_key) = key(node, "hash_key") else {
            let what = format!("the index `{name}` of {address} is not taken over: it has more than one partition key, or none");
            description.leave(node.line(), what, "write it under `indexes`, with a list of keys");
            continue;
        };
        let (partition_key, sort_key) = (vec![partition_key], key(node, "range_key").into_iter().collect());
        indexes.push(Index { name, partition_key, sort_key, projection: projection(node), line: node.line() });
    }
    let mut local_indexes = Vec::new();
    for node in resource.values.get("local_secondary_index").map(Node::elements).unwrap_or_default() {
        let (name, sort_key) = (text(node, "name").unwrap_or_default(), key(node, "range_key").into_iter().collect());
        local_indexes.push(Index { name, partition_key: Vec::new(), sort_key, projection: projection(node), line: node.line() });
    }
    if resource.text("billing_mode").as_deref() == Some("PROVISIONED") {
        super::note_provisioned(description, address, resource.line);
    }
    let mut leave = |is_there: bool, key: &str| {
        if is_there {
            let line = resource.values.line_of(key).or(resource.line);
            let what = format!("`{key}` of {address} has no counterpart in stack.yaml yet");
            description.leave(line, what, "see whether you need it: what is made here comes without it");
        }
    };
    leave(is_true(resource.values, "stream_enabled"), "stream_enabled");
    leave(is_true(resource.values, "deletion_protection_enabled"), "deletion_protection_enabled");
    leave(resource.block("server_side_encryption").is_some_and(|node| is_true(node, "enabled")), "server_side_encryption");
    leave(resource.block("replica").is_some(), "replica");
    let most = |key: &str| text(resource.block("on_demand_throughput")?, key)?.parse::<u32>().ok().filter(|units| *units > 0);
    let recovery = resource.block("point_in_time_recovery");
    let table = &mut description.tables[index];
    table.partition_key = key(resource.values, "hash_key");
    table.sort_key = key(resource.values, "range_key");
    table.indexes = indexes;
    table.local_indexes = local_indexes;
    table.is_infrequent = resource.text("table_class").as_deref() == Some("STANDARD_INFREQUENT_ACCESS");
    table.ttl = resource.block("ttl").filter(|ttl| is_true(ttl, "enabled")).and_then(|ttl| text(ttl, "attribute_name"));
    table.is_restorable = recovery.is_some_and(|recovery| is_true(recovery, "enabled"));
    table.restore_days = recovery.and_then(|recovery| text(recovery, "recovery_period_in_days")?.parse().ok()).filter(|days| *days > 0);
    table.max_read_units = most("max_read_request_units");
    table.max_write_units = most("max_write_request_units");
}

/// Returns the projection of an index.
fn projection(index: &Node) -> Projection {
    let attributes = index.get("non_key_attributes").map(Node::elements).unwrap_or_default().iter();
    let attributes = attributes.filter_map(Node::text).map(str::to_owned).collect();
    Projection::of(text(index, "projection_type").as_deref(), attributes)
}
