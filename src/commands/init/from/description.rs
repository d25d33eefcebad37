//! Neutral description of a product, which each format is turned into. Texts have the references of stack.yaml, as `${tables.orders}`.

use super::names;
use crate::resources::is_secret_name;
use crate::stack::table_variable;
use std::collections::{BTreeMap, BTreeSet};

/// Product as another tool declares it.
#[derive(Debug, Default)]
pub(super) struct Description {
    /// Name of the product there, as a proposal for `project`.
    pub(super) name: Option<String>,
    /// Name of the stage there, as a proposal for the environment.
    pub(super) stage: Option<String>,
    /// Region, if the file has one.
    pub(super) region: Option<String>,
    /// Lambda functions in the order of the file.
    pub(super) functions: Vec<Function>,
    /// Tables in the order of the file.
    pub(super) tables: Vec<Table>,
    /// Authorizers of the API by name.
    pub(super) authorizers: BTreeMap<String, Authorizer>,
    /// Names that several authorizers have.
    pub(super) ambiguous: BTreeSet<String>,
    /// Account of the resources, if the file has it.
    pub(super) account: Option<String>,
    /// Other origins that may call the API.
    pub(super) cors: Option<Cors>,
    /// Media types of bodies that are no text.
    pub(super) binary_types: Vec<String>,
    /// Requests a second, and the burst.
    pub(super) throttle: Option<(f64, Option<u64>)>,
    /// Set if each method has metrics of its own.
    pub(super) detailed_metrics: bool,
    /// Description of the API.
    pub(super) api_text: Option<String>,
    /// Retention of logs in days.
    pub(super) retention: Option<u32>,
    /// Reason why no route of the API is declared, and its line: the API as a whole is guarded by what has no counterpart.
    pub(super) closed: Option<(String, Option<usize>)>,
    /// Parts that stack.yaml cannot express.
    pub(super) left: Vec<Left>,
    /// Parts that stack.yaml expresses in another way, which may matter.
    pub(super) notes: Vec<Left>,
}

/// Part of the input that was not taken over, or not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Left {
    /// Line in the input.
    pub(super) line: Option<usize>,
    /// Part and reason.
    pub(super) what: String,
    /// Next step.
    pub(super) next: String,
}

/// Lambda function.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(super) struct Function {
    /// Name in stack.yaml.
    pub(super) name: String,
    /// Line of its declaration.
    pub(super) line: Option<usize>,
    /// Code that it runs.
    pub(super) code: Code,
    /// Memory in MB.
    pub(super) memory: Option<u32>,
    /// Timeout in seconds.
    pub(super) timeout: Option<u32>,
    /// Set if the architecture is `x86_64`, Lambda's default, rather than arm64.
    pub(super) is_x86: bool,
    /// Environment variables.
    pub(super) environment: Vec<Variable>,
    /// Requests that it answers, each with its line.
    pub(super) routes: Vec<(String, Option<usize>)>,
    /// Authorizer of its routes.
    pub(super) authorizer: Option<String>,
    /// Callers of its URL, as stack.yaml names them, with the line.
    pub(super) url: Option<(&'static str, Option<usize>)>,
    /// Operations on tables, by table.
    pub(super) grants: BTreeMap<String, Operations>,
    /// Statements beyond tables.
    pub(super) permissions: Vec<Permission>,
    /// ARNs of layers.
    pub(super) layers: Vec<String>,
    /// Set if X-Ray traces it.
    pub(super) tracing: bool,
    /// Size of `/tmp` in MB.
    pub(super) ephemeral_storage: Option<u32>,
    /// Reserved concurrency.
    pub(super) concurrency: Option<u32>,
    /// Set if log lines are JSON.
    pub(super) logs_json: bool,
    /// Set if a route is open to everybody.
    pub(super) is_open: bool,
    /// Reason why its routes are not declared: what guards them there has no counterpart.
    pub(super) withheld: Option<String>,
}

/// Code of a function.
#[derive(Debug, Default)]
pub(super) struct Code {
    /// Directory of the crate or of the package, relative to the input.
    pub(super) directory: Option<String>,
    /// Binary of the crate.
    pub(super) binary: Option<String>,
    /// Features of the crate.
    pub(super) features: Vec<String>,
    /// Zip that is there already.
    pub(super) archive: Option<String>,
    /// Runtime and handler of code that is no Rust.
    pub(super) foreign: Option<(String, String)>,
}

/// Environment variable.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    /// Name of the variable.
    pub(super) name: String,
    /// Value, or the reason why there is none.
    pub(super) value: Result<String, String>,
    /// Line of the value.
    pub(super) line: Option<usize>,
}

/// Operations on a table, and the reach of those that read indexes.
#[derive(Debug, Clone, Default)]
pub(super) struct Operations {
    /// Names of DynamoDB's operations.
    pub(super) names: std::collections::BTreeSet<&'static str>,
    /// Set if reads of indexes are allowed.
    pub(super) with_indexes: bool,
    /// Line of the first statement.
    pub(super) line: Option<usize>,
}

/// Statement of a policy that allows something.
#[derive(Debug, Clone)]
pub(super) struct Permission {
    pub(super) actions: Vec<String>,
    pub(super) resources: Vec<String>,
    /// Values by operator and key.
    pub(super) conditions: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    pub(super) line: Option<usize>,
}

/// Key attribute: name and type.
pub(super) type Key = (String, String);

/// DynamoDB table.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Name in the other tool.
    pub(super) id: String,
    /// Name in stack.yaml.
    pub(super) name: String,
    /// Physical name, if the file has it.
    pub(super) physical: Option<String>,
    /// Line of its declaration.
    pub(super) line: Option<usize>,
    pub(super) partition_key: Option<Key>,
    pub(super) sort_key: Option<Key>,
    pub(super) indexes: Vec<Index>,
    /// Local secondary indexes.
    pub(super) local_indexes: Vec<Index>,
    /// Set if its class is that for infrequent access.
    pub(super) is_infrequent: bool,
    /// Attribute with the expiry.
    pub(super) ttl: Option<String>,
    /// Point-in-time recovery.
    pub(super) is_restorable: bool,
    /// Days for which the table can be restored.
    pub(super) restore_days: Option<u32>,
    pub(super) max_read_units: Option<u32>,
    pub(super) max_write_units: Option<u32>,
}

/// Secondary index of a table.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) name: String,
    /// Attributes of the partition key. That of a local index is the table's.
    pub(super) partition_key: Vec<Key>,
    pub(super) sort_key: Vec<Key>,
    pub(super) projection: Projection,
    pub(super) line: Option<usize>,
}

/// Attributes of each item that an index copies.
#[derive(Debug)]
pub(super) enum Projection {
    All,
    KeysOnly,
    /// Keys, and these attributes.
    Include(Vec<String>),
}

impl Projection {
    /// Returns the projection of this name, with these attributes.
    pub(super) fn of(name: Option<&str>, attributes: Vec<String>) -> Self {
        match name {
            Some("KEYS_ONLY") => Self::KeysOnly,
            Some("INCLUDE") => Self::Include(attributes),
            _ => Self::All,
        }
    }
}

/// Authorizer of the API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Authorizer {
    /// Function that decides.
    pub(super) function: Option<String>,
    /// Set if the function sees the whole request.
    pub(super) sees_request: bool,
    /// ARNs of user pools, in place of a function.
    pub(super) user_pools: Vec<String>,
    /// Parts of a request, as `header.NAME`.
    pub(super) from: Vec<String>,
    /// Cache of decisions in seconds.
    pub(super) cache: Option<u32>,
    pub(super) line: Option<usize>,
}

/// Other origins that may call the API.
#[derive(Debug, Default)]
pub(super) struct Cors {
    pub(super) origins: Vec<String>,
    pub(super) headers: Vec<String>,
    /// Cache of preflights in seconds.
    pub(super) max_age: Option<u32>,
    pub(super) line: Option<usize>,
}

impl Description {
    /// Adds an authorizer. Two of one name, in two APIs, would be one in stack.yaml: neither is taken over then.
    pub(super) fn add_authorizer(&mut self, name: String, authorizer: Authorizer) {
        let line = authorizer.line;
        let is_another = |known: &Authorizer| Authorizer { line, ..known.clone() } != authorizer;
        if self.ambiguous.contains(&name) {
        } else if self.authorizers.get(&name).is_some_and(is_another) {
            self.authorizers.remove(&name);
            let what = format!("two authorizers are called `{name}`, and neither is taken over");
            self.leave(line, what, "declare them under `api.authorizers` with names of their own");
            self.ambiguous.insert(name);
        } else {
            self.authorizers.insert(name, authorizer);
        }
    }

    /// Records a part that stack.yaml cannot express.
    pub(super) fn leave(&mut self, line: Option<usize>, what: impl Into<String>, next: impl Into<String>) {
        self.left.push(Left { line, what: what.into(), next: next.into() });
    }

    /// Records a difference. The text is recorded once.
    pub(super) fn note(&mut self, line: Option<usize>, what: impl Into<String>, next: impl Into<String>) {
        let note = Left { line, what: what.into(), next: next.into() };
        if !self.notes.iter().any(|known| known.what == note.what) {
            self.notes.push(note);
        }
    }

    /// Records a resource of a kind that stack.yaml does not have.
    pub(super) fn leave_kind(&mut self, line: Option<usize>, kind: &str, id: &str) {
        self.leave(line, format!("{kind} `{id}` has no counterpart in stack.yaml yet"), names::next_for(kind));
    }

    /// Gives a function a URL. `settings` are those that stack.yaml has no words for.
    ///
    /// A URL is public only if its authorization is `NONE`.
    pub(super) fn url(&mut self, function: &str, auth: &str, settings: &[&str], line: Option<usize>) {
        let callers = if auth.eq_ignore_ascii_case("NONE") { "public" } else { "iam" };
        if let Some(function) = self.function(function) {
            // With a URL for each of its qualifiers, the narrower one counts.
            let is_narrower = callers == "iam" || function.url.is_none();
            function.url = if is_narrower { Some((callers, line)) } else { function.url };
        }
        for setting in settings {
            let next = if setting.eq_ignore_ascii_case("cors") {
                "answer preflights in the function itself"
            } else {
                "the function cannot stream: its answer is sent once it is complete"
            };
            self.leave(line, format!("`{setting}` of the URL of `{function}` has no counterpart in stack.yaml yet"), next);
        }
    }

    /// Finds a function by its name in stack.yaml.
    pub(super) fn function(&mut self, name: &str) -> Option<&mut Function> {
        self.functions.iter_mut().find(|function| function.name == name)
    }

    /// Adds a request to a function, or records why it cannot be one.
    pub(super) fn route(&mut self, function: &str, method: &str, path: &str, line: Option<usize>) {
        let method = match method.to_ascii_uppercase().as_str() {
            "*" | "ANY" | "X-AMAZON-APIGATEWAY-ANY-METHOD" => "ANY".to_owned(),
            other => other.to_owned(),
        };
        if method == "OPTIONS" {
            let what =
                format!("the route OPTIONS {path} of `{function}` is not taken over: API Gateway answers preflights from `api.cors`");
            return self.leave(line, what, "declare `api.cors` if browsers of other origins call the API");
        }
        let mut path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if path.len() > 1 && path.ends_with('/') {
            path.pop();
        }
        let path = if path == "/*" { "/{proxy+}".to_owned() } else { path };
        let route = format!("{method} {path}");
        if let Some(function) = self.function(function)
            && !function.routes.iter().any(|(known, _)| *known == route)
        {
            function.routes.push((route, line));
        }
    }

    /// Adds the requests that no other route takes: all of them.
    pub(super) fn catch_all(&mut self, function: &str, line: Option<usize>) {
        self.route(function, "ANY", "/", line);
        self.route(function, "ANY", "/{proxy+}", line);
    }

    /// Records that functions behind an HTTP API get another event here.
    pub(super) fn note_http_api(&mut self, line: Option<usize>) {
        self.note(
            line,
            "an HTTP API sends events of payload version 2.0, and the REST API of stack.yaml sends version 1.0",
            "`lambda_http` reads both; a handler with a type for one of them (`ApiGatewayV2httpRequest`) has to change, or gets a `url`, which sends version 2.0",
        );
    }

    /// Keeps the routes of a function out of stack.yaml, because nothing would guard them there.
    pub(super) fn withhold(&mut self, function: &str, reason: &str, line: Option<usize>) {
        let Some(behind) = self.function(function) else { return };
        if behind.withheld.is_some() {
            return;
        }
        behind.withheld = Some(reason.to_owned());
        let what = format!("the routes of `{function}` are not taken over: {reason}, and they would be open");
        self.leave(line, what, "guard them with `api.authorizers`, then take the comments away; or leave them open if that is meant");
    }

    /// Keeps all routes out of stack.yaml, because what guards the API has no counterpart.
    pub(super) fn close(&mut self, reason: &str, line: Option<usize>) {
        self.closed.get_or_insert_with(|| (reason.to_owned(), line));
    }

    /// Records that a function which decides for an HTTP API has to answer in another form here.
    pub(super) fn note_http_authorizer(&mut self, line: Option<usize>) {
        self.note(
            line,
            "a function that decides for an HTTP API may answer `isAuthorized` there, and answers with an IAM policy here",
            "change its answer, and read the event of payload version 1.0; until then API Gateway lets no request through",
        );
    }

    /// Records that the routes of several APIs are in one here.
    pub(super) fn note_apis(&mut self, count: usize) {
        if count > 1 {
            let what = format!("{count} APIs are declared there, and their routes are in one API here, with the settings of the last one");
            self.note(None, what, "look at `api` and at the routes; a second API needs a stack.yaml of its own");
        }
    }

    /// Checks that each authorizer that a function names is there, and drops variables that stack.yaml sets by itself.
    pub(super) fn settle(&mut self) {
        if let Some((reason, line)) = self.closed.clone() {
            let routed = self.functions.iter().filter(|function| !function.routes.is_empty()).map(|function| function.name.clone());
            for function in routed.collect::<Vec<_>>() {
                self.withhold(&function, &reason, line);
            }
        }
        let mut unguarded = Vec::new();
        for function in &self.functions {
            if let Some(name) = function.authorizer.as_ref().filter(|name| !self.authorizers.contains_key(*name)) {
                unguarded.push((function.name.clone(), format!("their authorizer `{name}` has no counterpart"), function.line));
            }
        }
        for (function, reason, line) in unguarded {
            self.withhold(&function, &reason, line);
            if let Some(function) = self.function(&function) {
                function.authorizer = None;
            }
        }
        for function in &mut self.functions {
            let granted = function.grants.keys().cloned().collect::<Vec<_>>();
            for variable in &mut function.environment {
                let Ok(value) = &variable.value else { continue };
                let table = self.tables.iter().find(|table| table_variable(&table.name) == variable.name);
                let is_same = table.is_some_and(|table| *value == format!("${{tables.{}}}", table.name));
                if let Some(table) = table.filter(|table| is_same && !granted.contains(&table.name)) {
                    variable.value =
                        Err(format!("stack.yaml sets it by itself once the function has `{}` under `reads` or `writes`", table.name));
                }
            }
            function.environment.retain(|variable| {
                let Ok(value) = &variable.value else { return true };
                let is_table = self
                    .tables
                    .iter()
                    .any(|table| table_variable(&table.name) == variable.name && *value == format!("${{tables.{}}}", table.name));
                !(is_table || variable.name == "ENVIRONMENT" && value == "${environment}")
            });
        }
    }

    /// Lists the environment variables without a value. Those with a secret name are declared without one anyway.
    pub(super) fn unvalued(&mut self) {
        for index in 0..self.functions.len() {
            let function = self.functions[index].name.clone();
            for variable in self.functions[index].environment.clone() {
                let Err(reason) = variable.value else {
                    continue;
                };
                if is_secret_name(&variable.name) {
                    continue;
                }
                let what = format!("the variable `{}` of `{function}` is not taken over: {reason}", variable.name);
                let next = "write its value under `environment`, or, if it is secret, give it a name with SECRET or KEY and list it under `secrets`";
                self.leave(variable.line, what, next);
            }
        }
    }

    /// Sets the authorizer of a function's routes. Routes with different ones cannot be expressed.
    pub(super) fn authorize(&mut self, function: &str, authorizer: Option<&str>, line: Option<usize>) {
        let Some(known) = self.function(function) else { return };
        match (known.authorizer.clone(), authorizer) {
            (None, Some(name)) if !known.is_open => known.authorizer = Some(name.to_owned()),
            (Some(one), Some(other)) if one == other => {}
            (None, None) => known.is_open = true,
            (Some(one), None) => {
                let what = format!("a route of `{function}` is open there, and the authorizer `{one}` of its other routes guards it here");
                self.leave(line, what, "move the open routes to a function of their own, without the authorizer");
            }
            (known_one, Some(name)) => {
                // Guarding too much is safer than too little.
                let what = match known_one {
                    None => format!("routes of `{function}` that are open there are behind the authorizer `{name}` here"),
                    Some(one) => {
                        format!("the authorizer `{name}` of a route of `{function}` is not taken over: a function has one, `{one}`")
                    }
                };
                known.authorizer.get_or_insert_with(|| name.to_owned());
                self.leave(line, what, "divide the routes among two functions of the same crate, one for each authorizer");
            }
        }
    }
}
