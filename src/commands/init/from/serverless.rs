//! `serverless.yml` of the Serverless Framework: functions with their events, and the CloudFormation in its `resources`.

use super::Wanted;
use super::cloudformation::{Resource, Template, existing, leave_boundary, leave_properties, resources};
use super::code;
use super::description::{Authorizer, Code, Cors, Description, Function};
use super::expression::{Expressions, Thing, is_yes};
use super::gateway::{self, Declared};
use super::names::{Chosen, plain};
use super::{policy, variable};
use crate::stack::Node;

/// Defaults of the Serverless Framework for memory in MB and timeout in seconds (its documentation, "AWS Lambda Functions").
const MEMORY: u32 = 1024;
const TIMEOUT: u32 = 6;

/// Plugins that build Rust or help on the own machine.
const PLUGINS: [&str; 6] = [
    "serverless-rust",
    "serverless-cargo-lambda",
    "serverless-offline",
    "serverless-dotenv-plugin",
    "serverless-iam-roles-per-function",
    "serverless-cargo",
];

/// Function of the file: its key, its name in stack.yaml, and its declaration.
struct Declaration<'a> {
    key: &'a str,
    name: String,
    line: Option<usize>,
    node: &'a Node,
}

/// Reads a serverless.yml.
pub(super) fn read(root: &Node, wanted: &Wanted<'_>) -> (Description, Chosen) {
    let mut description = Description::default();
    let empty = Node::nothing();
    let provider = root.get("provider").unwrap_or(&empty);
    let service = root.get("service").and_then(|node| node.text().or_else(|| node.get("name")?.text()));
    description.name = service.map(str::to_owned);
    description.stage = provider.get("stage").and_then(Node::text).and_then(plain_or_fallback);
    description.region = provider.get("region").and_then(Node::text).and_then(plain_or_fallback);
    let declared = declarations(root, &mut description);
    let stage = description.stage.clone().unwrap_or_else(|| "dev".to_owned());
    let mut scope = Expressions { serverless: Some(root), template: root.get("resources"), stage, ..Expressions::default() };
    for declaration in &declared {
        scope.things.insert(logical_id(declaration.key), Thing::Function(declaration.name.clone()));
    }
    scope.things.insert("ApiGatewayRestApi".to_owned(), Thing::RestApi);
    scope.things.insert("HttpApi".to_owned(), Thing::HttpApi);
    let resources = existing(sections(root), &scope, &mut description);
    let mut template = Template { resources, globals: None, scope };
    let chosen = template.name(&mut description, wanted);
    for declaration in &declared {
        function(&template, &mut description, provider, declaration);
    }
    for declaration in &declared {
        events(&template, &mut description, declaration);
    }
    template.read(&mut description);
    settings(&template, &mut description, root, provider);
    (description, chosen)
}

/// Lists the functions. Whole files of functions are read by the Serverless Framework alone.
fn declarations<'a>(root: &'a Node, description: &mut Description) -> Vec<Declaration<'a>> {
    let Some(functions) = root.get("functions") else { return Vec::new() };
    if functions.entries().next().is_none() && functions.elements().is_empty() {
        description.leave(
            functions.line(),
            "the functions are in another file",
            "name what `serverless print` prints: it has all files in one",
        );
    }
    let mut found: Vec<Declaration<'a>> = Vec::new();
    for part in std::iter::once(functions).chain(functions.elements()) {
        for (key, node) in part.entries() {
            let sound =
                key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
            let name = if sound { key.to_owned() } else { plain(key, &[]) };
            found.push(Declaration { key, name, line: part.line_of(key), node });
        }
    }
    for node in functions.elements().iter().filter(|node| node.text().is_some()) {
        let what = format!("functions of `{}` are not taken over", node.text().unwrap_or_default());
        description.leave(node.line(), what, "name what `serverless print` prints: it has all files in one");
    }
    found
}

/// Lists the resources of CloudFormation, in one part or several.
fn sections(root: &Node) -> Vec<Resource<'_>> {
    let Some(section) = root.get("resources") else { return Vec::new() };
    std::iter::once(section).chain(section.elements()).flat_map(|part| resources(part.get("Resources"))).collect()
}

/// Returns the logical id of a function: `hello-world` is `HelloDashworldLambdaFunction`.
fn logical_id(key: &str) -> String {
    let key = key.replace('-', "Dash").replace('_', "Underscore");
    let mut characters = key.chars();
    let first = characters.next().map(|c| c.to_ascii_uppercase()).into_iter();
    first.chain(characters).collect::<String>() + "LambdaFunction"
}

/// Returns a text without variables, or the literal that a variable falls back to: `${opt:stage, 'dev'}`.
fn plain_or_fallback(text: &str) -> Option<String> {
    if !text.contains("${") {
        return Some(text.to_owned());
    }
    let last = text.trim_end_matches('}').rsplit(',').next()?.trim().trim_matches(['\'', '"']);
    (!last.is_empty() && last.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')).then(|| last.to_owned())
}

fn function(template: &Template<'_>, description: &mut Description, provider: &Node, declaration: &Declaration<'_>) {
    let Declaration { name, line, node, .. } = declaration;
    let scope = &template.scope;
    let get = |key: &str| scope.get(node, key).or_else(|| scope.get(provider, key));
    let text = |key: &str| get(key).and_then(|node| scope.concrete(node));
    let number = |key: &str| text(key).and_then(|text| text.parse::<u32>().ok());
    if node.get("image").is_some() {
        let what = format!("the function `{name}` is a container image, which stack.yaml does not have");
        return description.leave(*line, what, "build it from its crate (`source`), or keep it with the other tool");
    }
    let mut function = Function {
        name: name.clone(),
        line: *line,
        code: of_handler(scope, node, text("runtime")),
        memory: Some(number("memorySize").unwrap_or(MEMORY)),
        timeout: Some(number("timeout").unwrap_or(TIMEOUT)),
        is_x86: text("architecture").is_none_or(|name| name == "x86_64"),
        ephemeral_storage: scope.number(node, "ephemeralStorageSize"),
        concurrency: scope.number(node, "reservedConcurrency"),
        ..Function::default()
    };
    function.tracing = match scope.get(node, "tracing") {
        Some(node) => scope.concrete(node).is_some_and(|text| is_yes(&text)),
        None => scope.get(provider, "tracing").is_some_and(|tracing| scope.is_set(tracing, "lambda")),
    };
    for source in [provider, *node] {
        for (name, value) in source.get("environment").into_iter().flat_map(Node::entries) {
            let variable = variable::of(name, scope.value(value), value.line());
            function.environment.retain(|known| known.name != variable.name);
            function.environment.push(variable);
        }
    }
    for layer in get("layers").map(Node::elements).unwrap_or_default() {
        match scope.value(layer) {
            Ok(arn) => function.layers.push(arn),
            Err(reason) => description.leave(
                layer.line(),
                format!("a layer of `{name}` is not taken over: {reason}"),
                "name the ARN of its version under `layers`",
            ),
        }
    }
    description.functions.push(function);
    let known = [
        "handler",
        "events",
        "environment",
        "memorySize",
        "timeout",
        "architecture",
        "runtime",
        "package",
        "ephemeralStorageSize",
        "reservedConcurrency",
        "tracing",
        "layers",
        "iamRoleStatements",
        "iamRoleStatementsInherit",
        "name",
        "description",
        "tags",
        "rust",
        "role",
        "module",
        "image",
        "url",
    ];
    if let Some(url) = node.get("url").filter(|url| url.text().is_none_or(is_yes)) {
        let streams = scope.text(url, "invokeMode").as_deref() == Some("RESPONSE_STREAM");
        let settings = [("cors", url.get("cors").is_some()), ("invokeMode", streams)];
        let settings: Vec<&str> = settings.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect();
        let auth = url.get("authorizer").map_or_else(|| "NONE".to_owned(), |_| scope.guard(url, "authorizer").unwrap_or_default());
        description.url(name, &auth, &settings, node.line_of("url"));
    }
    leave_properties(description, node, &known, &format!("of the function `{name}`"));
    let has_own = node.get("iamRoleStatements").is_some();
    let inherits = !has_own || scope.is_set(node, "iamRoleStatementsInherit");
    let of_provider = provider.get("iam").and_then(|iam| iam.get("role"));
    if of_provider.is_some_and(|role| role.get("permissionsBoundary").is_some()) || provider.get("rolePermissionsBoundary").is_some() {
        leave_boundary(description, name, *line);
    }
    let all = [of_provider.and_then(|role| role.get("statements")), provider.get("iamRoleStatements")];
    let own = node.get("iamRoleStatements");
    for statement in all.into_iter().flatten().filter(|_| inherits).chain(own).flat_map(Node::elements) {
        policy::statement(description, scope, name, statement);
    }
    for policy in of_provider.and_then(|role| role.get("managedPolicies")).map(Node::elements).unwrap_or_default() {
        let arn = scope.value(policy).unwrap_or_else(|_| "of the file".to_owned());
        policy::managed(description, name, &arn, policy.line());
    }
    if let Some(role) = node.get("role").or_else(|| of_provider.filter(|role| role.text().is_some())) {
        let what = format!("the role of `{name}` is not read");
        description.leave(role.line(), what, "write what the function needs under `reads`, `writes` and `permissions`");
    }
}

/// Reads the code: `crate.binary` of serverless-rust, a binary of cargo-lambda, or an artifact that it made.
fn of_handler(scope: &Expressions<'_>, node: &Node, runtime: Option<String>) -> Code {
    let handler = scope.text(node, "handler").unwrap_or_default();
    let artifact = node.get("package").and_then(|package| scope.text(package, "artifact"));
    let mut code = code::of_path(artifact.as_deref());
    code.foreign = code::foreign(runtime, Some(handler.clone()));
    if code.foreign.is_none() && code.binary.is_none() {
        let binary = handler.rsplit(['.', '/']).next().unwrap_or_default();
        code.binary = Some(binary.to_owned()).filter(|binary| !binary.is_empty() && !matches!(binary.as_str(), "bootstrap" | "handler"));
    }
    code
}

fn events(template: &Template<'_>, description: &mut Description, declaration: &Declaration<'_>) {
    let name = &declaration.name;
    if description.function(name).is_none() {
        return;
    }
    for node in declaration.node.get("events").map(Node::elements).unwrap_or_default() {
        let named = node.entries().next().or_else(|| node.text().map(|kind| (kind, node)));
        let Some((kind, event)) = named else { continue };
        let line = node.line();
        if !matches!(kind, "http" | "httpApi") {
            let what = format!("the event {kind} of `{name}` has no counterpart in stack.yaml yet");
            description.leave(line, what, "keep what sends it with the other tool, which may invoke the function by its ARN");
            continue;
        }
        if kind == "httpApi" {
            description.note_http_api(line);
        }
        let text = event.text().map(str::to_owned);
        let of = |key: &str| template.scope.text(event, key);
        let route = match &text {
            Some(text) => text.split_once(' ').map(|(method, path)| (method.to_owned(), path.trim().to_owned())),
            None => Some((of("method").unwrap_or_else(|| "*".to_owned()), of("path").unwrap_or_default())),
        };
        match route {
            Some((method, path)) if path != "*" && !(path.is_empty() && kind == "httpApi") => description.route(name, &method, &path, line),
            _ => description.catch_all(name, line),
        }
        if let Some(cors) = event.get("cors") {
            self::cors(template, description, cors);
        }
        if event.get("private").is_some_and(|_| template.scope.may_be_set(event, "private")) {
            description.withhold(name, "they ask for an API key, which has no counterpart", line);
        }
        authorizer(template, description, (name, event.get("authorizer"), line));
    }
}

/// Reads the authorizer of an event: the name of a function or of an authorizer of the provider, or a declaration.
fn authorizer(template: &Template<'_>, description: &mut Description, (function, node, line): (&str, Option<&Node>, Option<usize>)) {
    let Some(node) = node else { return description.authorize(function, None, line) };
    let scope = &template.scope;
    let text = |key: &str| scope.text(node, key);
    let named = node.text().map(str::to_owned).or_else(|| text("name"));
    let is_iam = |text: &str| text.eq_ignore_ascii_case("aws_iam");
    if named.as_deref().is_some_and(is_iam) || text("type").as_deref().is_some_and(is_iam) {
        return description.withhold(function, "their authorization by IAM has no counterpart", line);
    }
    if node.get("scopes").is_some() {
        return description.withhold(function, "their authorization by scopes has no counterpart", line);
    }
    let arn = node.get("arn").map(|arn| scope.value(arn));
    let name = named.unwrap_or_else(|| "authorizer".to_owned());
    let key = plain(&name, &["authorizer"]);
    let is_function = description.function(&name).is_some();
    let found = match arn {
        Some(Ok(arn)) if arn.contains(":cognito-idp:") => gateway::declared(&Declared {
            kind: "COGNITO_USER_POOLS".to_owned(),
            pools: vec![arn],
            sources: text("identitySource").into_iter().collect(),
            line,
            ..Declared::default()
        }),
        None if is_function => gateway::declared(&Declared {
            kind: text("type").unwrap_or_default().to_ascii_uppercase(),
            target: format!("${{functions.{name}.arn}}"),
            sources: text("identitySource").into_iter().collect(),
            cache: text("resultTtlInSeconds").and_then(|seconds| seconds.parse().ok()),
            line,
            ..Declared::default()
        }),
        _ => None,
    };
    if let Some(authorizer) = found {
        description.add_authorizer(key.clone(), authorizer);
    }
    description.authorize(function, Some(&key), line);
}

fn cors(template: &Template<'_>, description: &mut Description, node: &Node) {
    let scope = &template.scope;
    if let Some(text) = node.text() {
        if is_yes(text) && description.cors.is_none() {
            description.cors = Some(Cors { origins: vec!["*".to_owned()], line: node.line(), ..Cors::default() });
        }
        return;
    }
    let list = |keys: &[&str]| keys.iter().find_map(|key| scope.values(scope.get(node, key)?).ok()).unwrap_or_default();
    let origins = list(&["origins", "origin", "allowedOrigins"]);
    let origins = if origins.is_empty() { vec!["*".to_owned()] } else { origins };
    let headers = list(&["headers", "allowedHeaders"]);
    description.cors = Some(Cors { origins, headers, max_age: scope.number(node, "maxAge"), line: node.line() });
}

/// Reads the settings of the API and of the logs, and records what else the provider has.
fn settings(template: &Template<'_>, description: &mut Description, root: &Node, provider: &Node) {
    let scope = &template.scope;
    if let Some(days) = scope.number(provider, "logRetentionInDays") {
        description.notes.retain(|note| !note.what.starts_with("no retention"));
        super::retention(description, &[days]);
    }
    if let Some(http) = provider.get("httpApi") {
        if let Some(cors) = http.get("cors") {
            self::cors(template, description, cors);
        }
        for (name, node) in http.get("authorizers").into_iter().flat_map(Node::entries) {
            of_provider(template, description, name, node);
        }
        leave_properties(description, http, &["cors", "authorizers", "payload", "name"], "of the HTTP API");
    }
    let rest = provider.get("apiGateway");
    if let Some(policy) = provider.get("resourcePolicy") {
        description.close("their API has a resource policy, which has no counterpart", policy.line());
    }
    let of_api = root.get("resources").and_then(|resources| resources.get("extensions"));
    if let Some(extensions) = of_api {
        description.close("`resources.extensions` changes what the Serverless Framework makes, and is not read", extensions.line());
    }
    gateway::guards(description, scope, provider.get("endpointType"), rest.and_then(|rest| rest.get("resourcePolicy")));
    if let Some(rest) = rest {
        let types = scope.get(rest, "binaryMediaTypes").and_then(|node| scope.values(node).ok()).unwrap_or_default();
        description.binary_types.extend(types);
        leave_properties(description, rest, &["binaryMediaTypes", "shouldStartNameWithService"], "of the REST API");
    }
    let known = [
        "name",
        "runtime",
        "region",
        "stage",
        "memorySize",
        "timeout",
        "architecture",
        "environment",
        "iam",
        "iamRoleStatements",
        "logRetentionInDays",
        "tracing",
        "httpApi",
        "apiGateway",
        "layers",
        "stackName",
        "deploymentBucket",
        "deploymentMethod",
        "profile",
        "versionFunctions",
        "lambdaHashingVersion",
        "endpointType",
        "tags",
        "stackTags",
        "apiName",
    ];
    leave_properties(description, provider, &known, "of the provider");
    for plugin in root.get("plugins").map(Node::elements).unwrap_or_default() {
        let name = plugin.text().unwrap_or_default();
        if !PLUGINS.contains(&name) {
            description.leave(plugin.line(), format!("the plugin `{name}` is not read"), "see what it adds, and whether stack.yaml has it");
        }
    }
}

/// Reads an authorizer of the HTTP API.
fn of_provider(template: &Template<'_>, description: &mut Description, name: &str, node: &Node) {
    let scope = &template.scope;
    let text = |key: &str| scope.text(node, key);
    let found: Option<Authorizer> = gateway::declared(&Declared {
        kind: text("type").unwrap_or_default().to_ascii_uppercase(),
        target: text("functionName").map(|name| format!("${{functions.{name}.arn}}")).unwrap_or_default(),
        sources: scope.get(node, "identitySource").and_then(|node| scope.values(node).ok()).unwrap_or_default(),
        cache: text("resultTtlInSeconds").and_then(|seconds| seconds.parse().ok()),
        line: node.line(),
        ..Declared::default()
    });
    match found {
        Some(authorizer) => {
            description.note_http_authorizer(node.line());
            description.add_authorizer(plain(name, &["authorizer"]), authorizer);
        }
        None => gateway::leave(description, name, node.line()),
    }
}

#[cfg(test)]
mod tests {
    use super::{logical_id, plain_or_fallback};

    #[test]
    fn names_are_those_of_the_serverless_framework() {
        assert_eq!(logical_id("hello-world"), "HelloDashworldLambdaFunction");
        assert_eq!(logical_id("get_item"), "GetUnderscoreitemLambdaFunction");
        for (text, value) in [
            ("prod", Some("prod")),
            ("${opt:stage, 'dev'}", Some("dev")),
            ("${opt:stage, self:custom.stage}", None),
            ("${opt:region, \"eu-west-1\"}", Some("eu-west-1")),
        ] {
            assert_eq!(plain_or_fallback(text).as_deref(), value, "{text}");
        }
    }
}
