//! Values of CloudFormation (`!Ref`, `Fn::Sub`, …) and of the Serverless Framework (`${self:…}`), turned into texts with references of stack.yaml.

use crate::{resources::is_secret_name, stack::Node};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Deepest nesting of values that refer to values.
const MAX_DEPTH: usize = 24;

/// Most values that one value is put together from.
const MAX_STEPS: usize = 10_000;

/// Stand-ins for the id of a REST API and of an HTTP API, until an address around them is recognised.
const REST: char = '\u{1}';
const HTTP: char = '\u{2}';

/// Parameters with these names, in lower case, hold the name of the environment.
const STAGE_PARAMETERS: [&str; 7] = ["stage", "env", "environment", "stagename", "envname", "environmentname", "deploymentstage"];

/// Resource by its meaning in stack.yaml.
#[derive(Debug, Clone)]
pub(super) enum Thing {
    /// Table of this name.
    Table(String),
    /// Function of this name.
    Function(String),
    /// REST API, whose addresses have a stage.
    RestApi,
    /// HTTP API.
    HttpApi,
    /// Resource of a type without counterpart.
    Other(String),
}

/// Scope of the values of a file.
#[derive(Debug, Default)]
pub(super) struct Expressions<'a> {
    /// Resources by logical id.
    pub(super) things: BTreeMap<String, Thing>,
    /// Root of the template, for parameters, conditions and mappings.
    pub(super) template: Option<&'a Node>,
    /// Root of serverless.yml, for its variables.
    pub(super) serverless: Option<&'a Node>,
    /// Name of the product, and of the stage that the file stands for.
    pub(super) name: String,
    pub(super) stage: String,
    /// Values that were taken from a default, each with its line.
    pub(super) defaults: RefCell<BTreeMap<String, Option<usize>>>,
    /// Depth of the value that is being evaluated.
    pub(super) depth: Cell<usize>,
    /// Values evaluated so far for the present one.
    pub(super) steps: Cell<usize>,
}

/// Text, or the reason why stack.yaml cannot have it.
pub(super) type Value = Result<String, String>;

/// Value that is not in the file.
pub(super) const UNKNOWN: &str = "not known from the file";

/// Kind of a text that may hold `${…}`.
enum Text<'a> {
    /// Text in which only the Serverless Framework replaces anything.
    Plain,
    /// Argument of `Fn::Sub`, with the map of its own variables.
    Sub(Option<&'a Node>),
}

impl Expressions<'_> {
    /// Returns the value of a node.
    pub(super) fn value(&self, node: &Node) -> Value {
        finish(&self.raw(node)?)
    }

    /// Returns the value without references to the stack's own name and environment; `None` if others remain.
    pub(super) fn concrete(&self, node: &Node) -> Option<String> {
        let text = self.value(node).ok()?;
        let text = text.replace("${environment}", &self.stage).replace("${project}", &self.name);
        (!text.contains("${")).then_some(text)
    }

    /// Returns the values of a list, or of the one value in its place.
    pub(super) fn values(&self, node: &Node) -> Result<Vec<String>, String> {
        match self.chosen(node) {
            Some(chosen) => self.values(chosen),
            None if function(node).is_some() || node.text().is_some() => Ok(vec![self.value(node)?]),
            None => node.elements().iter().filter(|node| !is_no_value(node)).map(|node| self.value(node)).collect(),
        }
    }

    /// Follows `Fn::If` as the parameters' defaults decide it.
    fn chosen<'node>(&self, node: &'node Node) -> Option<&'node Node> {
        let ("If", arguments) = function(node)? else { return None };
        let [condition, yes, no] = arguments.elements() else { return None };
        let name = condition.text()?;
        let is_true = self.condition(name)?;
        self.defaults.borrow_mut().insert(format!("the condition `{name}` is {is_true}"), node.line());
        Some(if is_true { yes } else { no })
    }

    /// Returns the node that conditions choose in place of `Fn::If`, or the node itself.
    pub(super) fn taken<'node>(&self, node: &'node Node) -> &'node Node {
        self.chosen(node).unwrap_or(node)
    }

    /// Returns the value of a key, as conditions choose it; `None` for `AWS::NoValue` as well.
    pub(super) fn get<'node>(&self, node: &'node Node, key: &str) -> Option<&'node Node> {
        let value = node.get(key)?;
        Some(self.chosen(value).unwrap_or(value)).filter(|value| !is_no_value(value))
    }

    /// Returns the number of a key.
    pub(super) fn number<T: std::str::FromStr>(&self, node: &Node, key: &str) -> Option<T> {
        self.concrete(self.get(node, key)?)?.parse().ok()
    }

    /// Returns the text of a key, without references.
    pub(super) fn text(&self, node: &Node, key: &str) -> Option<String> {
        self.concrete(self.get(node, key)?)
    }

    /// Tests for a key that is true.
    pub(super) fn is_set(&self, node: &Node, key: &str) -> bool {
        self.text(node, key).is_some_and(|text| is_yes(&text))
    }

    /// Tests a guard, such as an API key: set if the key is true, or if its value is not in the file.
    pub(super) fn may_be_set(&self, node: &Node, key: &str) -> bool {
        self.get(node, key).is_some_and(|value| self.concrete(value).is_none_or(|text| is_yes(&text)))
    }

    /// Returns the text of a guard, such as an authorizer's name; [`UNKNOWN`] if its value is not in the file.
    pub(super) fn guard(&self, node: &Node, key: &str) -> Option<String> {
        self.get(node, key).map(|value| self.concrete(value).unwrap_or_else(|| UNKNOWN.to_owned()))
    }

    /// Returns what was decided by defaults.
    pub(super) fn decided(&self) -> Vec<(String, Option<usize>)> {
        self.defaults.borrow().iter().map(|(what, line)| (what.clone(), *line)).collect()
    }

    fn raw(&self, node: &Node) -> Value {
        if self.depth.get() >= MAX_DEPTH {
            return Err("its values refer to each other too deeply".to_owned());
        }
        // Few values in few lines can be many once they are written out.
        self.steps.set(if self.depth.get() == 0 { 0 } else { self.steps.get() + 1 });
        if self.steps.get() > MAX_STEPS {
            return Err("it is put together from too many values".to_owned());
        }
        self.depth.set(self.depth.get() + 1);
        let value = self.nested(node);
        self.depth.set(self.depth.get() - 1);
        value
    }

    fn nested(&self, node: &Node) -> Value {
        let Some((name, argument)) = function(node) else {
            return match node.text() {
                Some(text) => self.template(text, &Text::Plain),
                None => Err("it is no text".to_owned()),
            };
        };
        let elements = argument.elements();
        match (name, elements) {
            ("Ref", _) => self.reference(argument.text().unwrap_or_default(), node.line()),
            ("GetAtt", [thing, attribute]) => {
                self.attribute(thing.text().unwrap_or_default(), attribute.text().unwrap_or_default(), node.line())
            }
            ("GetAtt", _) => {
                let (thing, attribute) = argument.text().unwrap_or_default().split_once('.').unwrap_or_default();
                self.attribute(thing, attribute, node.line())
            }
            ("Sub", [text, variables]) => self.template(text.text().unwrap_or_default(), &Text::Sub(Some(variables))),
            ("Sub", _) => self.template(argument.text().unwrap_or_default(), &Text::Sub(None)),
            ("Join", [separator, list]) => {
                let parts: Vec<String> = list.elements().iter().map(|node| self.raw(node)).collect::<Result<_, _>>()?;
                Ok(parts.join(separator.text().unwrap_or_default()))
            }
            ("If", [condition, yes, no]) => {
                let name = condition.text().unwrap_or_default();
                let is_true = self.condition(name).ok_or_else(|| format!("the condition `{name}` is not decided by defaults"))?;
                self.defaults.borrow_mut().insert(format!("the condition `{name}` is {is_true}"), node.line());
                self.raw(if is_true { yes } else { no })
            }
            ("FindInMap", [map, first, second]) => {
                let keys = [map, first, second].map(|node| self.raw(node).map(|text| text.replace("${environment}", &self.stage)));
                let [map, first, second] = keys;
                let (map, first, second) = (map?, first?, second?);
                if is_secret_name(&second.to_ascii_uppercase()) {
                    return Err(format!("`{second}` of the mapping `{map}` is secret by its name"));
                }
                let found = self.template.and_then(|root| root.get("Mappings")?.get(&map)?.get(&first)?.get(&second));
                found.map_or_else(|| Err(format!("the mapping `{map}` has no `{first}` with `{second}`")), |node| self.raw(node))
            }
            ("ImportValue", _) => Err("the value is another stack's output".to_owned()),
            _ => Err(format!("the function `{name}` is not evaluated")),
        }
    }

    /// Returns the value of `Ref`.
    fn reference(&self, id: &str, line: Option<usize>) -> Value {
        match id {
            "AWS::Region" => return Ok("${region}".to_owned()),
            "AWS::AccountId" => return Ok("${account}".to_owned()),
            "AWS::Partition" => return Ok("${partition}".to_owned()),
            "AWS::URLSuffix" => return Ok("amazonaws.com".to_owned()),
            "AWS::StackName" => return Err("it has the name of the CloudFormation stack".to_owned()),
            _ => {}
        }
        match self.things.get(id) {
            Some(Thing::Table(name)) => Ok(format!("${{tables.{name}}}")),
            Some(Thing::Function(name)) => Ok(format!("${{functions.{name}}}")),
            Some(Thing::RestApi) => Ok(REST.to_string()),
            Some(Thing::HttpApi) => Ok(HTTP.to_string()),
            Some(Thing::Other(kind)) => Err(format!("it refers to `{id}` ({kind}), for which stack.yaml has no reference")),
            None => self.parameter(id, line),
        }
    }

    fn parameter(&self, id: &str, line: Option<usize>) -> Value {
        let Some(parameter) = self.template.and_then(|root| root.get("Parameters")?.get(id)) else {
            return Err(format!("it refers to `{id}`, which the file does not declare"));
        };
        let text = |key: &str| parameter.get(key).and_then(Node::text);
        if text("NoEcho").is_some_and(is_yes) {
            return Err(format!("it is the secret parameter `{id}`"));
        }
        if STAGE_PARAMETERS.contains(&id.to_ascii_lowercase().as_str()) {
            return Ok("${environment}".to_owned());
        }
        if text("Type").is_some_and(|kind| kind.starts_with("AWS::SSM::Parameter::Value")) {
            return Err(format!("the parameter `{id}` reads its value from Systems Manager"));
        }
        if is_secret_name(id) {
            return Err(format!("the parameter `{id}` is secret by its name"));
        }
        let default = text("Default").ok_or_else(|| format!("the parameter `{id}` has no default"))?;
        self.defaults.borrow_mut().insert(format!("the parameter `{id}` has its default value"), line);
        Ok(escaped(default))
    }

    /// Returns the value of `Fn::GetAtt`.
    fn attribute(&self, id: &str, attribute: &str, _line: Option<usize>) -> Value {
        match (self.things.get(id), attribute) {
            (Some(Thing::Table(name)), "Arn") => Ok(format!("${{tables.{name}.arn}}")),
            (Some(Thing::Function(name)), "Arn") => Ok(format!("${{functions.{name}.arn}}")),
            (Some(Thing::HttpApi), "ApiEndpoint") => Ok("${api.url}".to_owned()),
            (Some(Thing::Other(kind)), _) => Err(format!("it refers to `{id}` ({kind}), for which stack.yaml has no reference")),
            (Some(_), _) => Err(format!("stack.yaml has no reference for `{id}.{attribute}`")),
            (None, _) => Err(format!("it refers to `{id}`, which the file does not declare")),
        }
    }

    /// Fills in a text: variables of the Serverless Framework everywhere, and those of `Fn::Sub` if it is one.
    fn template(&self, text: &str, of: &Text<'_>) -> Value {
        let mut result = String::new();
        let mut rest = text;
        while let Some(begin) = rest.find("${") {
            result.push_str(&rest[..begin]);
            let Some(length) = closing(&rest[begin + 2..]) else {
                return Ok(result + &escaped(&rest[begin..]));
            };
            let inner = &rest[begin + 2..begin + 2 + length];
            rest = &rest[begin + 3 + length..];
            if self.serverless.is_some() && is_serverless(inner) {
                result.push_str(&self.variable(inner)?);
                continue;
            }
            match (of, inner.strip_prefix('!')) {
                (Text::Plain, _) => result.extend(["$${", inner, "}"]),
                (Text::Sub(_), Some(literal)) => result.extend(["$${", literal, "}"]),
                (Text::Sub(own), None) => result.push_str(&self.substituted(inner.trim(), *own)?),
            }
        }
        Ok(result + rest)
    }

    /// Returns the value of a variable in `Fn::Sub`, which may bring a map of its own.
    fn substituted(&self, inner: &str, own: Option<&Node>) -> Value {
        match (own.and_then(|map| map.get(inner)), inner.split_once('.')) {
            (Some(node), _) => self.raw(node),
            (None, Some((id, attribute))) => self.attribute(id, attribute, None),
            (None, None) => self.reference(inner, None),
        }
    }

    /// Returns the value of a variable of the Serverless Framework, or of its fallback.
    fn variable(&self, inner: &str) -> Value {
        let (first, fallback) = match split_fallback(inner) {
            Some((first, fallback)) => (first, Some(fallback)),
            None => (inner, None),
        };
        let first = match self.template(first, &Text::Plain).map(|text| text.replace("$${", "${")) {
            Ok(text) => text.replace("${environment}", &self.stage),
            Err(reason) => return Err(reason),
        };
        let first = first.trim();
        let found = match first {
            "self:service" | "self:service.name" => Ok("${project}".to_owned()),
            "sls:stage" | "opt:stage" | "self:provider.stage" => Ok("${environment}".to_owned()),
            "aws:region" | "opt:region" | "self:provider.region" => Ok("${region}".to_owned()),
            "aws:accountId" => Ok("${account}".to_owned()),
            _ => self.looked_up(first),
        };
        match (found, fallback) {
            (Ok(found), _) => Ok(found),
            (Err(reason), None) => Err(reason),
            (Err(_), Some(fallback)) => {
                let fallback = fallback.trim();
                self.defaults.borrow_mut().insert(format!("`${{{first}}}` is its fallback"), None);
                match fallback.strip_prefix(['\'', '"']).and_then(|rest| rest.strip_suffix(['\'', '"'])) {
                    Some(literal) => Ok(escaped(literal)),
                    None if is_serverless(fallback) => self.variable(fallback),
                    None if fallback.starts_with("${") => self.template(fallback, &Text::Plain),
                    None => Ok(escaped(fallback)),
                }
            }
        }
    }

    fn looked_up(&self, address: &str) -> Value {
        let Some((source, path)) = address.split_once(':') else { return Err(format!("`${{{address}}}` is read elsewhere")) };
        let root = self.serverless;
        let find = |path: &str| path.split('.').try_fold(root?, |node, step| Some(node.step(step)?.1));
        let found = match source {
            "self" => find(path),
            "param" => find(&format!("params.{}.{path}", self.stage)).or_else(|| find(&format!("params.default.{path}"))),
            _ => return Err(format!("`${{{address}}}` is read elsewhere when the Serverless Framework deploys")),
        };
        found.map_or_else(|| Err(format!("`${{{address}}}` is not in the file")), |node| self.raw(node))
    }

    /// Evaluates a condition with the parameters' defaults.
    pub(super) fn condition(&self, name: &str) -> Option<bool> {
        self.truth(self.template?.get("Conditions")?.get(name)?, 0)
    }

    fn truth(&self, node: &Node, depth: usize) -> Option<bool> {
        if depth > MAX_DEPTH {
            return None;
        }
        let (name, argument) = function(node)?;
        let all = || argument.elements().iter().map(|node| self.truth(node, depth + 1)).collect::<Option<Vec<bool>>>();
        match (name, argument.elements()) {
            ("Equals", [one, other]) => Some(self.concrete(one)? == self.concrete(other)?),
            ("Not", [one]) => Some(!self.truth(one, depth + 1)?),
            ("And", _) => Some(all()?.into_iter().all(|is_true| is_true)),
            ("Or", _) => Some(all()?.into_iter().any(|is_true| is_true)),
            ("Condition", _) => self.truth(self.template?.get("Conditions")?.get(argument.text()?)?, depth + 1),
            _ => None,
        }
    }
}

/// Returns the function of CloudFormation that a node calls, and its argument: `!Ref x`, `{Ref: x}`, `{"Fn::Sub": x}`.
pub(super) fn function(node: &Node) -> Option<(&str, &Node)> {
    const SHORT: [&str; 22] = [
        "Ref",
        "GetAtt",
        "Sub",
        "Join",
        "If",
        "FindInMap",
        "ImportValue",
        "Select",
        "Split",
        "Base64",
        "Cidr",
        "GetAZs",
        "Equals",
        "Not",
        "And",
        "Or",
        "Condition",
        "Transform",
        "Length",
        "ToJsonString",
        "ForEach",
        "Contains",
    ];
    if let Some(tag) = node.tag.as_deref().and_then(|tag| tag.strip_prefix('!')).filter(|tag| SHORT.contains(tag)) {
        return Some((tag, node));
    }
    let mut entries = node.entries();
    let (Some((key, argument)), None) = (entries.next(), entries.next()) else { return None };
    match key.strip_prefix("Fn::") {
        Some(name) => Some((name, argument)),
        None if key == "Ref" || key == "Condition" && argument.text().is_some() => Some((key, argument)),
        None => None,
    }
}

/// Returns true for `!Ref AWS::NoValue`.
pub(super) fn is_no_value(node: &Node) -> bool {
    function(node).is_some_and(|(name, argument)| name == "Ref" && argument.text() == Some("AWS::NoValue"))
}

/// Returns true for the words that YAML 1.1 takes for true.
pub(super) fn is_yes(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "enabled" | "active")
}

/// Returns the text such that stack.yaml takes it literally.
pub(super) fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

/// Recognises the address of the API.
fn finish(text: &str) -> Value {
    let Some(at) = text.find([REST, HTTP]) else { return Ok(text.to_owned()) };
    let is_rest = text[at..].starts_with(REST);
    let around = text[..at].strip_suffix("https://").zip(text[at + 1..].strip_prefix(".execute-api."));
    let Some((_, after)) = around.filter(|(before, _)| before.is_empty()) else {
        return Err("it has the id of the API, which stack.yaml does not know".to_owned());
    };
    let path = after.split_once('/').map(|(_, path)| path).unwrap_or_default();
    let path = if is_rest { path.split_once('/').map(|(_, path)| path).unwrap_or_default() } else { path };
    Ok(if path.is_empty() { "${api.url}".to_owned() } else { format!("${{api.url}}/{path}") })
}

fn is_serverless(inner: &str) -> bool {
    const SOURCES: [&str; 14] =
        ["self:", "opt:", "sls:", "env:", "ssm", "cf:", "cf.", "cf(", "aws:", "param:", "file(", "s3:", "git:", "strToBool("];
    let inner = inner.trim();
    SOURCES.iter().any(|source| inner.starts_with(source)) && !inner.starts_with("aws::")
}

/// Returns the position of the brace that ends a text, with pairs of braces in it.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (index, character) in text.char_indices() {
        match character {
            '{' => open += 1,
            '}' if open == 0 => return Some(index),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

/// Divides at the first comma outside of braces and brackets.
fn split_fallback(text: &str) -> Option<(&str, &str)> {
    let mut open = 0_usize;
    for (index, character) in text.char_indices() {
        match character {
            '{' | '(' => open += 1,
            '}' | ')' => open = open.saturating_sub(1),
            ',' if open == 0 => return Some((&text[..index], &text[index + 1..])),
            _ => {}
        }
    }
    None
}
