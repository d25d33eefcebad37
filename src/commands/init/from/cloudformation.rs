//! Templates of CloudFormation, and what SAM's share with them: tables, functions, roles, log groups.

use super::Wanted;
use super::code;
use super::description::{Description, Function, Index, Key, Projection, Table, Variable};
use super::expression::{Expressions, Thing, function as function_of};
use super::names::{self, Chosen, plain, unique};
use super::{gateway, policy, sam, variable};
use crate::stack::Node;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Types that exist only to connect others, or that each stack has anyway.
const CONNECTING: [&str; 7] = [
    "AWS::Lambda::Alias",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::Account",
    "AWS::ApiGatewayV2::Deployment",
    "AWS::CloudFormation::WaitConditionHandle",
];

/// Properties of a resource that declares none.
static NOTHING: LazyLock<Node> = LazyLock::new(Node::nothing);

/// Resource of a template.
#[derive(Clone, Copy)]
pub(super) struct Resource<'a> {
    pub(super) id: &'a str,
    pub(super) kind: &'a str,
    pub(super) line: Option<usize>,
    pub(super) properties: &'a Node,
    /// Resource as a whole, with its metadata.
    pub(super) node: &'a Node,
}

/// Resources of a template with the scope of their values.
pub(super) struct Template<'a> {
    pub(super) resources: Vec<Resource<'a>>,
    pub(super) globals: Option<&'a Node>,
    pub(super) scope: Expressions<'a>,
}

/// Reads a template.
pub(super) fn read(root: &Node, wanted: &Wanted<'_>) -> (Description, Chosen) {
    let mut description = Description::default();
    let stage = root.get("Parameters").into_iter().flat_map(Node::entries).find_map(|(name, parameter)| {
        let is_stage =
            ["stage", "env", "environment", "stagename", "envname", "environmentname"].contains(&name.to_ascii_lowercase().as_str());
        parameter.get("Default").filter(|_| is_stage)?.text().map(str::to_owned)
    });
    description.stage = stage;
    let stage = description.stage.clone().unwrap_or_else(|| "dev".to_owned());
    let scope = Expressions { template: Some(root), stage, ..Expressions::default() };
    let resources = existing(resources(root.get("Resources")), &scope, &mut description);
    let mut template = Template { resources, globals: root.get("Globals"), scope };
    let chosen = template.name(&mut description, wanted);
    template.read(&mut description);
    (description, chosen)
}

/// Lists the resources of a section.
pub(super) fn resources(section: Option<&Node>) -> Vec<Resource<'_>> {
    let Some(section) = section else { return Vec::new() };
    section
        .entries()
        .map(|(id, node)| Resource {
            id,
            kind: node.get("Type").and_then(Node::text).unwrap_or("resource without a type"),
            line: section.line_of(id),
            properties: node.get("Properties").unwrap_or(&NOTHING),
            node,
        })
        .collect()
}

/// Returns the resources that a deployment with the parameters' defaults makes. A condition that the defaults do not decide leaves its resource out.
pub(super) fn existing<'a>(resources: Vec<Resource<'a>>, scope: &Expressions<'_>, description: &mut Description) -> Vec<Resource<'a>> {
    let mut kept = Vec::new();
    for resource in resources {
        let condition = resource.node.get("Condition").and_then(Node::text);
        match condition.map(|name| (name, scope.condition(name))) {
            None | Some((_, Some(true))) => kept.push(resource),
            Some((name, decided)) => {
                let why = if decided.is_some() { "is false with the parameters' defaults" } else { "is not decided by defaults" };
                let what = format!("{} `{}` is not taken over: its condition `{name}` {why}", resource.kind, resource.id);
                description.leave(resource.line, what, "write what another environment needs by hand");
            }
        }
    }
    kept
}

impl Template<'_> {
    /// Names functions and tables, and chooses project and environment.
    pub(super) fn name(&mut self, description: &mut Description, wanted: &Wanted<'_>) -> Chosen {
        self.scope.stage = description.stage.clone().unwrap_or_else(|| "dev".to_owned());
        self.scope.name = wanted.project.map_or_else(|| description.name.clone().unwrap_or_else(|| wanted.proposed.clone()), str::to_owned);
        let mut functions: Vec<String> = self
            .scope
            .things
            .values()
            .filter_map(|thing| if let Thing::Function(name) = thing { Some(name.clone()) } else { None })
            .collect();
        for resource in &self.resources {
            let thing = match resource.kind {
                "AWS::Serverless::Function" | "AWS::Lambda::Function" if !is_image(resource.properties) => {
                    let name = plain(resource.id, &["function", "lambda", "fn"]);
                    let name = unique(name, |name| functions.iter().any(|known| known == name));
                    functions.push(name.clone());
                    Thing::Function(name)
                }
                "AWS::Serverless::Api" | "AWS::ApiGateway::RestApi" => Thing::RestApi,
                "AWS::Serverless::HttpApi" | "AWS::ApiGatewayV2::Api" => Thing::HttpApi,
                kind => Thing::Other(kind.to_owned()),
            };
            self.scope.things.insert(resource.id.to_owned(), thing);
        }
        // SAM makes these where a function has an event without an API of its own.
        self.scope.things.entry("ServerlessRestApi".to_owned()).or_insert(Thing::RestApi);
        self.scope.things.entry("ServerlessHttpApi".to_owned()).or_insert(Thing::HttpApi);
        for resource in self.resources.iter().filter(|resource| is_table(resource.kind)) {
            let physical = self.scope.text(resource.properties, "TableName");
            description.tables.push(Table { id: resource.id.to_owned(), line: resource.line, physical, ..Table::default() });
        }
        let chosen = names::choose(description, wanted.project, &wanted.proposed);
        chosen.environment.clone_into(&mut self.scope.stage);
        for table in &description.tables {
            self.scope.things.insert(table.id.clone(), Thing::Table(table.name.clone()));
        }
        chosen
    }

    /// Reads all resources. Functions come first: others add to them.
    pub(super) fn read(&self, description: &mut Description) {
        for resource in &self.resources {
            match resource.kind {
                kind if is_table(kind) => self.table(description, resource),
                "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
                    if is_image(resource.properties) {
                        let what = format!("the function `{}` is a container image, which stack.yaml does not have", resource.id);
                        description.leave(resource.line, what, "build it from its crate (`source`), or keep it with the other tool");
                    } else {
                        self.function(description, resource);
                    }
                }
                _ => {}
            }
        }
        gateway::read(self, description);
        sam::events(self, description);
        let mut days: Vec<u32> = Vec::new();
        for resource in &self.resources {
            match resource.kind {
                "AWS::Serverless::Function" | "AWS::Lambda::Function" => {}
                kind if is_table(kind) || gateway::reads(kind) || CONNECTING.contains(&kind) => {}
                "AWS::Lambda::Url" => self.url(description, resource),
                "AWS::Serverless::Api" | "AWS::Serverless::HttpApi" => sam::api(self, description, resource),
                "AWS::Logs::LogGroup" => days.extend(self.scope.number::<u32>(resource.properties, "RetentionInDays")),
                "AWS::IAM::Role" => {}
                "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" | "AWS::IAM::RolePolicy" => self.attached(description, resource),
                "AWS::CloudWatch::Alarm" => super::leave_alarm(description, resource.line, resource.kind, resource.id),
                kind => description.leave_kind(resource.line, kind, resource.id),
            }
        }
        super::retention(description, &days);
        for (what, line) in self.scope.decided() {
            let next = "write what differs in another environment below `environments`";
            description.note(line, format!("{what} here"), next);
        }
    }

    fn table(&self, description: &mut Description, resource: &Resource<'_>) {
        let Some(position) = description.tables.iter().position(|table| table.id == resource.id) else { return };
        let (scope, properties) = (&self.scope, resource.properties);
        let id = resource.id;
        let mut table = std::mem::take(&mut description.tables[position]);
        if resource.kind == "AWS::Serverless::SimpleTable" {
            let key = scope.get(properties, "PrimaryKey");
            let name = key.and_then(|key| scope.text(key, "Name")).unwrap_or_else(|| "id".to_owned());
            let kind = match key.and_then(|key| scope.text(key, "Type")).as_deref() {
                Some("Number") => "N",
                Some("Binary") => "B",
                _ => "S",
            };
            table.partition_key = Some((name, kind.to_owned()));
        } else {
            let types: BTreeMap<String, String> = list(scope, properties, "AttributeDefinitions")
                .iter()
                .filter_map(|node| Some((scope.text(node, "AttributeName")?, scope.text(node, "AttributeType")?)))
                .collect();
            (table.partition_key, table.sort_key) = keys(scope, properties, &types);
            for node in list(scope, properties, "GlobalSecondaryIndexes") {
                let name = scope.text(node, "IndexName").unwrap_or_default();
                let keys = |kind| index_keys(scope, node, kind, &types).filter(|keys| kind != "HASH" || !keys.is_empty());
                let (Some(partition_key), Some(sort_key)) = (keys("HASH"), keys("RANGE")) else {
                    let what = format!("the index `{name}` of the table `{id}` is not taken over: its keys are not plain");
                    description.leave(node.line(), what, "write it under `indexes`");
                    continue;
                };
                table.indexes.push(Index { name, partition_key, sort_key, projection: projection(scope, node), line: node.line() });
            }
            for node in list(scope, properties, "LocalSecondaryIndexes") {
                let name = scope.text(node, "IndexName").unwrap_or_default();
                let Some(sort_key) = index_keys(scope, node, "RANGE", &types).filter(|keys| keys.len() == 1) else {
                    let what = format!("the local index `{name}` of the table `{id}` is not taken over: its keys are not plain");
                    description.leave(node.line(), what, "write it under `local_indexes`: DynamoDB makes it with the table alone");
                    continue;
                };
                let (partition_key, projection) = (Vec::new(), projection(scope, node));
                table.local_indexes.push(Index { name, partition_key, sort_key, projection, line: node.line() });
            }
            table.is_infrequent = scope.text(properties, "TableClass").as_deref() == Some("STANDARD_INFREQUENT_ACCESS");
        }
        if let Some(ttl) = scope.get(properties, "TimeToLiveSpecification")
            && scope.is_set(ttl, "Enabled")
        {
            table.ttl = scope.text(ttl, "AttributeName");
        }
        if let Some(recovery) = scope.get(properties, "PointInTimeRecoverySpecification") {
            table.is_restorable = scope.is_set(recovery, "PointInTimeRecoveryEnabled");
            table.restore_days = scope.number(recovery, "RecoveryPeriodInDays");
        }
        if let Some(most) = scope.get(properties, "OnDemandThroughput") {
            table.max_read_units = scope.number(most, "MaxReadRequestUnits");
            table.max_write_units = scope.number(most, "MaxWriteRequestUnits");
        }
        if scope.get(properties, "ProvisionedThroughput").is_some()
            && scope.text(properties, "BillingMode").as_deref() != Some("PAY_PER_REQUEST")
        {
            super::note_provisioned(description, id, properties.line_of("ProvisionedThroughput"));
        }
        let known = [
            "TableName",
            "PrimaryKey",
            "AttributeDefinitions",
            "KeySchema",
            "GlobalSecondaryIndexes",
            "LocalSecondaryIndexes",
            "TableClass",
            "TimeToLiveSpecification",
            "PointInTimeRecoverySpecification",
            "OnDemandThroughput",
            "ProvisionedThroughput",
            "BillingMode",
            "Tags",
        ];
        leave_properties(description, properties, &known, &format!("of the table `{id}`"));
        description.tables[position] = table;
    }

    fn function(&self, description: &mut Description, resource: &Resource<'_>) {
        let Some(Thing::Function(name)) = self.scope.things.get(resource.id) else { return };
        let (scope, properties) = (&self.scope, resource.properties);
        let is_sam = resource.kind == "AWS::Serverless::Function";
        let globals = self.globals.filter(|_| is_sam).and_then(|globals| globals.get("Function"));
        let get = |key: &str| scope.get(properties, key).or_else(|| scope.get(globals?, key));
        let text = |key: &str| get(key).and_then(|node| scope.concrete(node));
        let number = |key: &str| text(key).and_then(|text| text.parse::<u32>().ok());
        let mut variables: BTreeMap<&str, &Node> = BTreeMap::new();
        for source in [globals, Some(properties)].into_iter().flatten() {
            let found = scope.get(source, "Environment").and_then(|node| scope.get(node, "Variables"));
            variables.extend(found.into_iter().flat_map(Node::entries));
        }
        let environment = variables.into_iter().map(|(name, node)| self.variable(name, node)).collect();
        let architectures = get("Architectures").map(|node| scope.values(node).unwrap_or_default()).unwrap_or_default();
        let mut function = Function {
            name: name.clone(),
            line: resource.line,
            code: code::of_template(scope, resource, &get),
            memory: Some(number("MemorySize").unwrap_or(128)),
            timeout: Some(number("Timeout").unwrap_or(3)),
            is_x86: architectures.first().is_none_or(|name| name == "x86_64"),
            environment,
            ephemeral_storage: get("EphemeralStorage").and_then(|node| scope.number(node, "Size")),
            concurrency: number("ReservedConcurrentExecutions"),
            logs_json: get("LoggingConfig").and_then(|node| scope.text(node, "LogFormat")).as_deref() == Some("JSON"),
            ..Function::default()
        };
        function.tracing = match get("Tracing") {
            Some(node) => scope.concrete(node).as_deref() == Some("Active"),
            None => get("TracingConfig").and_then(|node| scope.text(node, "Mode")).as_deref() == Some("Active"),
        };
        for node in get("Layers").map(Node::elements).unwrap_or_default() {
            match scope.value(node) {
                Ok(layer) => function.layers.push(layer),
                Err(reason) => {
                    let what = format!("a layer of `{name}` is not taken over: {reason}");
                    description.leave(node.line(), what, "name the ARN of its version under `layers`");
                }
            }
        }
        description.functions.push(function);
        if let Some(url) = get("FunctionUrlConfig").filter(|_| is_sam) {
            url_of(description, scope, name, url);
        }
        for source in [globals, Some(properties)].into_iter().flatten() {
            let mut known = vec![
                "FunctionName",
                "Description",
                "CodeUri",
                "Code",
                "Handler",
                "Runtime",
                "MemorySize",
                "Timeout",
                "Architectures",
                "Environment",
                "EphemeralStorage",
                "ReservedConcurrentExecutions",
                "LoggingConfig",
                "Tracing",
                "TracingConfig",
                "Layers",
                "PackageType",
                "Tags",
                "Role",
            ];
            if is_sam {
                known.extend(["Events", "Policies", "FunctionUrlConfig", "AutoPublishAlias"]);
            }
            leave_properties(description, source, &known, &format!("of the function `{name}`"));
        }
        if let Some(role) = get("Role") {
            self.role(description, name, role);
        } else if let Some(policies) = get("Policies") {
            sam::policies(self, description, name, policies);
        }
    }

    /// Reads the URL of a function.
    fn url(&self, description: &mut Description, resource: &Resource<'_>) {
        let target = resource.properties.get("TargetFunctionArn").and_then(|node| self.scope.value(node).ok()).unwrap_or_default();
        let name = target.strip_prefix("${functions.").and_then(|rest| rest.strip_suffix('}'));
        match name.map(|name| name.strip_suffix(".arn").unwrap_or(name).to_owned()) {
            Some(name) => url_of(description, &self.scope, &name, resource.properties),
            None => description.leave(
                resource.line,
                format!("the URL `{}` is of a function that is not taken over", resource.id),
                "write `url` in the function",
            ),
        }
    }

    /// Reads an environment variable.
    pub(super) fn variable(&self, name: &str, node: &Node) -> Variable {
        variable::of(name, self.scope.value(node), node.line())
    }

    /// Reads the role of a function, if the template declares it.
    fn role(&self, description: &mut Description, function: &str, role: &Node) {
        let id = match function_of(role) {
            Some(("GetAtt", argument)) => match argument.elements() {
                [id, ..] => id.text().unwrap_or_default(),
                [] => argument.text().and_then(|text| text.split('.').next()).unwrap_or_default(),
            },
            Some(("Ref", argument)) => argument.text().unwrap_or_default(),
            Some(("Sub", argument)) => argument.text().and_then(|text| text.strip_prefix("${")?.strip_suffix(".Arn}")).unwrap_or_default(),
            _ => "",
        };
        let Some(role_resource) = self.resources.iter().find(|resource| resource.id == id && resource.kind == "AWS::IAM::Role") else {
            let what = format!("the role of `{function}` is not in the file, and what it allows is not known");
            return description.leave(role.line(), what, "write what the function needs under `reads`, `writes` and `permissions`");
        };
        self.role_policies(description, function, role_resource.properties);
    }

    /// Reads the policies in a role.
    pub(super) fn role_policies(&self, description: &mut Description, function: &str, role: &Node) {
        if role.get("PermissionsBoundary").is_some() {
            leave_boundary(description, function, role.line_of("PermissionsBoundary"));
        }
        for node in list(&self.scope, role, "ManagedPolicyArns") {
            let name = self.scope.value(node).unwrap_or_else(|_| "of the file".to_owned());
            policy::managed(description, function, &name, node.line());
        }
        for node in list(&self.scope, role, "Policies") {
            self.document(description, function, node.get("PolicyDocument"));
        }
    }

    /// Reads a policy that names the roles it is attached to.
    fn attached(&self, description: &mut Description, resource: &Resource<'_>) {
        let functions: Vec<String> = self.functions_of_roles(resource.properties);
        if functions.is_empty() {
            return description.leave_kind(resource.line, resource.kind, resource.id);
        }
        for function in functions {
            self.document(description, &function, resource.properties.get("PolicyDocument"));
        }
    }

    /// Lists the functions that run as the roles which a policy names.
    fn functions_of_roles(&self, properties: &Node) -> Vec<String> {
        let roles = list(&self.scope, properties, "Roles").iter().chain(properties.get("RoleName"));
        let ids: Vec<&str> = roles.filter_map(function_of).filter_map(|(_, argument)| argument.text()).collect();
        let runs_as = |resource: &&Resource<'_>| {
            let Some((_, argument)) = resource.properties.get("Role").and_then(function_of) else { return false };
            let id = argument.elements().first().unwrap_or(argument).text().and_then(|text| text.split('.').next());
            id.is_some_and(|id| ids.contains(&id))
        };
        let name = |resource: &Resource<'_>| match self.scope.things.get(resource.id) {
            Some(Thing::Function(name)) => Some(name.clone()),
            _ => None,
        };
        self.resources.iter().filter(runs_as).filter_map(name).collect()
    }

    /// Reads the statements of a policy.
    pub(super) fn document(&self, description: &mut Description, function: &str, document: Option<&Node>) {
        let Some(statements) = document.and_then(|document| self.scope.get(document, "Statement")) else { return };
        let single = statements.get("Effect").is_some().then_some(statements);
        for statement in single.into_iter().chain(statements.elements()) {
            policy::statement(description, &self.scope, function, self.scope.taken(statement));
        }
        if function_of(statements).is_some() {
            let what = format!("the statements of a policy of `{function}` are not taken over: they are not evaluated");
            description.leave(statements.line(), what, "write what the function needs under its `permissions`");
        }
    }
}

/// Returns the elements of a list, as conditions choose it.
pub(super) fn list<'node>(scope: &Expressions<'_>, node: &'node Node, key: &str) -> &'node [Node] {
    scope.get(node, key).map(Node::elements).unwrap_or_default()
}

/// Records the properties that are not among the known ones.
pub(super) fn leave_properties(description: &mut Description, node: &Node, known: &[&str], of: &str) {
    for (key, value) in node.entries().filter(|(key, _)| !known.contains(key)) {
        let line = node.line_of(key).or(value.line());
        description.leave(line, format!("`{key}` {of} is not taken over"), next_for_property(key));
    }
}

/// Records the permissions boundary of a function's role.
pub(super) fn leave_boundary(description: &mut Description, function: &str, line: Option<usize>) {
    let what = format!("the permissions boundary of the role of `{function}` is not taken over");
    description.leave(line, what, next_for_property("PermissionsBoundary"));
}

/// Returns the next step for a property.
fn next_for_property(key: &str) -> &'static str {
    match key {
        "DeletionProtectionEnabled" => "write `protect: true` under the environment: it covers all tables",
        "PermissionsBoundary" => "`permissions_boundary` of stack.yaml is for all roles",
        "DeploymentPreference" => "`up --canary` sends a share of the requests to new code first",
        _ => "see whether you need it: what is made here comes without it",
    }
}

/// Adds a URL to a function.
fn url_of(description: &mut Description, scope: &Expressions<'_>, function: &str, url: &Node) {
    let streams = scope.text(url, "InvokeMode").as_deref() == Some("RESPONSE_STREAM");
    let settings = [("Cors", scope.get(url, "Cors").is_some()), ("InvokeMode", streams)];
    let settings: Vec<&str> = settings.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect();
    description.url(function, &scope.text(url, "AuthType").unwrap_or_default(), &settings, url.line());
}

/// Returns the attributes of one kind of an index's key; `None` if one is not plain.
fn index_keys(scope: &Expressions<'_>, node: &Node, kind: &str, types: &BTreeMap<String, String>) -> Option<Vec<Key>> {
    let of_kind = list(scope, node, "KeySchema").iter().filter(|key| scope.text(key, "KeyType").as_deref() == Some(kind));
    let key = |key: &Node| {
        let name = scope.text(key, "AttributeName")?;
        let kind = types.get(&name)?.clone();
        Some((name, kind))
    };
    of_kind.map(key).collect()
}

/// Returns the projection of an index.
fn projection(scope: &Expressions<'_>, index: &Node) -> Projection {
    let Some(projection) = scope.get(index, "Projection") else { return Projection::All };
    let attributes = list(scope, projection, "NonKeyAttributes").iter().filter_map(|node| scope.concrete(node)).collect();
    Projection::of(scope.text(projection, "ProjectionType").as_deref(), attributes)
}

fn keys(scope: &Expressions<'_>, node: &Node, types: &BTreeMap<String, String>) -> (Option<Key>, Option<Key>) {
    let find = |kind: &str| {
        let key = list(scope, node, "KeySchema").iter().find(|key| scope.text(key, "KeyType").as_deref() == Some(kind))?;
        let name = scope.text(key, "AttributeName")?;
        let kind = types.get(&name)?.clone();
        Some((name, kind))
    };
    (find("HASH"), find("RANGE"))
}

fn is_table(kind: &str) -> bool {
    matches!(kind, "AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable")
}

fn is_image(properties: &Node) -> bool {
    properties.get("PackageType").and_then(Node::text) == Some("Image") || properties.get("ImageUri").is_some()
}
