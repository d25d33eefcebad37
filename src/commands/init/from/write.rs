//! Text of stack.yaml from a description. Lines that the reader of stack.yaml refuses become comments, each with the reason.

use super::code::{self, Located};
use super::description::{Description, Function, Left, Operations, Projection, Table};
use super::names::Chosen;
use super::variable::is_reference;
use crate::error::CliError;
use crate::resources::is_secret_name;
use crate::stack::{Operation, Problem, Stack, StackError, limits};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Name of the written file.
pub(super) const STACK: &str = "stack.yaml";

/// Region of a file that names none.
pub(super) const REGION: &str = "us-east-1";

/// Line of stack.yaml.
struct Line {
    indent: usize,
    text: String,
    /// Line of the input that it comes from.
    source: Option<usize>,
}

/// Lines of stack.yaml.
#[derive(Default)]
struct Lines(Vec<Line>);

/// Surroundings of the file to write.
pub(super) struct Place<'a> {
    /// Name of the input, as the user gave it.
    pub(super) input: &'a str,
    /// Directory of the input.
    pub(super) base: &'a Path,
    /// Directory of the input, relative to that of stack.yaml.
    pub(super) prefix: &'a Path,
}

/// Returns the text of stack.yaml, and adds to the description's list what had to be left out.
pub(super) fn text(description: &mut Description, chosen: &Chosen, place: &Place<'_>) -> Result<String, CliError> {
    let mut lines = Lines::default();
    head(&mut lines, description, chosen, place);
    let mut found = Vec::new();
    for function in &description.functions {
        found.push((function.name.clone(), code::locate(&function.code, &function.name, place.base)));
    }
    functions(&mut lines, description, &found.into_iter().collect(), place);
    tables(&mut lines, &description.tables);
    api(&mut lines, description);
    if let Some(days) = description.retention {
        lines.gap();
        lines.add(0, "logs:", None);
        lines.add(1, format!("retention_days: {days}"), None);
    }
    lines.checked(description)
}

impl Lines {
    fn add(&mut self, indent: usize, text: impl Into<String>, source: Option<usize>) {
        self.0.push(Line { indent, text: text.into(), source });
    }

    fn gap(&mut self) {
        self.add(0, "", None);
    }

    fn render(&self) -> String {
        let mut text = String::new();
        for line in &self.0 {
            let _ = writeln!(text, "{}{}", " ".repeat(if line.text.is_empty() { 0 } else { line.indent * 2 }), line.text);
        }
        text
    }

    /// Reads the text as `up` does. Each refused line becomes a comment, with all that is below it.
    fn checked(mut self, description: &mut Description) -> Result<String, CliError> {
        for _ in 0..=self.0.len() {
            let text = self.render();
            let error = match Stack::parse(&text, STACK, Path::new("."), None, None) {
                Ok(_) if text.len() as u64 > limits::FILE.most => {
                    return Err(
                        CliError::failed("the stack.yaml would be larger than 1 MiB").hint("divide the file of the other tool first")
                    );
                }
                Ok(_) => return Ok(text),
                Err(error) => error,
            };
            let mut is_better = false;
            for problem in error.problems() {
                let at = problem.position.and_then(|position| position.line.checked_sub(1)).filter(|at| *at < self.0.len());
                if let Some(at) = at.filter(|at| self.0[*at].indent > 0 && !self.0[*at].text.starts_with('#')) {
                    self.refuse(at, problem, description);
                    is_better = true;
                }
            }
            if !is_better {
                return Err(unwritable(&error));
            }
        }
        Err(CliError::failed("the file cannot be turned into a stack.yaml"))
    }

    /// Records the problem of a line, and turns it into a comment.
    fn refuse(&mut self, at: usize, problem: &Problem, description: &mut Description) {
        // The help would speak of lines of the text that is not written yet.
        let reason = [Some(problem.message.as_str()), problem.expected.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("; ");
        let Line { text, source, indent } = &self.0[at];
        // The value of a variable may be a secret without a secret name.
        let parent = self.0[..at].iter().rev().find(|line| line.indent < *indent);
        let is_variable = parent.is_some_and(|line| line.text.starts_with("environment:"));
        let shown = text.split(':').next().filter(|_| is_variable).unwrap_or(text);
        let what = format!("`{shown}` is not taken over: {reason}");
        description.left.push(Left {
            line: *source,
            what,
            next: "correct the commented line in stack.yaml, and remove `# not taken over:`".to_owned(),
        });
        if text.starts_with("authorizer:") {
            self.close_routes(at);
        }
        self.disable(at);
    }

    /// Turns a line into a comment, with those below it, and the keys above it that have nothing left.
    fn disable(&mut self, at: usize) {
        let indent = self.0[at].indent;
        let end = (at + 1..self.0.len()).find(|index| self.0[*index].indent <= indent).unwrap_or(self.0.len());
        for line in self.0[at..end].iter_mut().filter(|line| !line.text.starts_with('#') && !line.text.is_empty()) {
            line.text = format!("# not taken over: {}", line.text);
        }
        let Some(parent) = (0..at).rev().find(|index| self.0[*index].indent < indent && !self.0[*index].text.starts_with('#')) else {
            return;
        };
        let below = self.0[parent + 1..].iter().take_while(|line| line.indent > self.0[parent].indent);
        let is_empty = below.into_iter().all(|line| line.text.starts_with('#') || line.text.is_empty());
        if is_empty && self.0[parent].text.ends_with(':') {
            self.disable(parent);
        }
    }

    /// Turns the routes beside an authorizer into comments, so that they do not stand open.
    fn close_routes(&mut self, at: usize) {
        let indent = self.0[at].indent;
        let begin = (0..at).rev().find(|index| self.0[*index].indent < indent).map_or(0, |parent| parent + 1);
        let end = (at..self.0.len()).find(|index| self.0[*index].indent < indent).unwrap_or(self.0.len());
        let routes = (begin..end).find(|index| self.0[*index].indent == indent && self.0[*index].text == "routes:");
        if let Some(routes) = routes {
            self.disable(routes);
        }
    }
}

fn unwritable(error: &StackError) -> CliError {
    let reason = error.problems().first().map(Problem::in_short).unwrap_or_default();
    CliError::failed(format!("the stack.yaml that would be written is refused: {reason}"))
        .hint("if the project's name is refused, pass another with --name; otherwise please report this, with the file")
}

fn head(lines: &mut Lines, description: &Description, chosen: &Chosen, place: &Place<'_>) {
    lines.add(0, "# yaml-language-server: $schema=stack.schema.json", None);
    lines.add(0, "#", None);
    lines.add(
        0,
        format!("# Made from {} by `liveinsight init --from`. Comments with \"look:\" and \"not taken over:\" need", comment(place.input)),
        None,
    );
    lines.add(0, "# a decision; the command printed the whole list, and prints it again if this file is moved away.", None);
    lines.gap();
    lines.add(0, format!("project: {}", quoted(&chosen.project)), None);
    match &description.region {
        Some(region) => lines.add(0, format!("region: {}", quoted(region)), None),
        None => lines.add(0, format!("region: {REGION}  # look: {} names no region", comment(place.input)), None),
    }
    lines.gap();
    lines.add(0, "environments:", None);
    lines.add(1, format!("{}: {{}}", quoted(&chosen.environment)), None);
}

fn functions(lines: &mut Lines, description: &Description, found: &BTreeMap<String, Located>, place: &Place<'_>) {
    if description.functions.is_empty() {
        return;
    }
    lines.gap();
    lines.add(0, "functions:", None);
    for (index, function) in description.functions.iter().enumerate() {
        if index > 0 {
            lines.gap();
        }
        lines.add(1, format!("{}:", quoted(&function.name)), function.line);
        code(lines, function, &found[&function.name], place);
        settings(lines, function);
        routes(lines, function);
        if let Some((callers, line)) = function.url {
            lines.add(2, format!("url: {callers}"), line);
        }
        grants(lines, function, &description.tables);
        permissions(lines, function);
        environment(lines, function);
    }
}

fn code(lines: &mut Lines, function: &Function, located: &Located, place: &Place<'_>) {
    let line = function.line;
    if let Some((runtime, handler)) = &function.code.foreign {
        let archive = function.code.archive.clone().unwrap_or_else(|| format!("dist/{}.zip", function.name));
        let package = quoted(&code::tidy(&place.prefix.join(archive)));
        let directory = comment(function.code.directory.as_deref().unwrap_or("its code"));
        let look = if function.code.archive.is_some() { String::new() } else { format!("  # look: zip {directory} to this first") };
        lines.add(2, format!("package: {package}{look}"), line);
        lines.add(2, format!("runtime: {}", quoted(runtime)), line);
        lines.add(2, format!("handler: {}", quoted(handler)), line);
        return;
    }
    let source = code::tidy(&place.prefix.join(&located.source));
    let look = if located.is_found { "" } else { "  # look: no crate found; name the directory of its Cargo.toml" };
    lines.add(2, format!("source: {}{look}", quoted(&source)), line);
    if let Some(binary) = located.binary.as_ref().filter(|binary| **binary != function.name) {
        lines.add(2, format!("binary: {}", quoted(binary)), line);
    }
    if !function.code.features.is_empty() {
        lines.add(2, format!("features: {}", flow(&function.code.features)), line);
    }
}

fn settings(lines: &mut Lines, function: &Function) {
    let line = function.line;
    if function.is_x86 {
        lines.add(2, "architecture: x86_64", line);
    }
    if let Some(memory) = function.memory {
        lines.add(2, format!("memory: {memory}"), line);
    }
    if let Some(timeout) = function.timeout {
        lines.add(2, format!("timeout: {timeout}s"), line);
    }
    if let Some(concurrency) = function.concurrency {
        lines.add(2, format!("concurrency: {concurrency}"), line);
    }
    if let Some(size) = function.ephemeral_storage.filter(|size| *size != 512) {
        lines.add(2, format!("ephemeral_storage: {size}"), line);
    }
    if function.tracing {
        lines.add(2, "tracing: true", line);
    }
    if function.logs_json {
        lines.add(2, "log_format: json", line);
    }
    if !function.layers.is_empty() {
        lines.add(2, "layers:", line);
        for layer in &function.layers {
            lines.add(3, format!("- {}", quoted(layer)), line);
        }
    }
}

fn routes(lines: &mut Lines, function: &Function) {
    if function.routes.is_empty() {
        return;
    }
    if let Some(reason) = &function.withheld {
        lines.add(2, format!("# not taken over: {}; {}", list(function), comment(reason)), None);
        return;
    }
    lines.add(2, "routes:", function.line);
    for (route, line) in &function.routes {
        lines.add(3, format!("- {}", quoted(route)), *line);
    }
    if let Some(authorizer) = &function.authorizer {
        lines.add(2, format!("authorizer: {}", quoted(authorizer)), function.line);
    }
}

fn list(function: &Function) -> String {
    let routes: Vec<String> = function.routes.iter().map(|(route, _)| quoted(route)).collect();
    format!("routes: [{}]", comment(&routes.join(", ")))
}

fn grants(lines: &mut Lines, function: &Function, tables: &[Table]) {
    for (key, all) in [("reads", &Operation::READS[..]), ("writes", &Operation::WRITES[..])] {
        let mut entries = Vec::new();
        for (table, operations) in &function.grants {
            let known = tables.iter().find(|known| known.name == *table).into_iter();
            let indexes = known.flat_map(|table| table.indexes.iter().chain(&table.local_indexes));
            let indexes: Vec<&str> = indexes.map(|index| index.name.as_str()).collect();
            entries.extend(grant(table, operations, all, &indexes).map(|text| (text, operations.line)));
        }
        if let [(entry, line)] = entries.as_slice() {
            lines.add(2, format!("{key}: [{entry}]"), *line);
        } else if !entries.is_empty() {
            lines.add(2, format!("{key}:"), function.line);
            for (entry, line) in entries {
                lines.add(3, format!("- {entry}"), line);
            }
        }
    }
}

/// Returns the entry of one table: its name alone if nothing is missing that stack.yaml's short form has.
fn grant(table: &str, operations: &Operations, all: &[Operation], indexes: &[&str]) -> Option<String> {
    let held: Vec<&str> = all.iter().map(|operation| operation.as_str()).filter(|name| operations.names.contains(name)).collect();
    if held.is_empty() {
        return None;
    }
    let reads_indexes = held.iter().any(|name| matches!(*name, "Query" | "Scan"));
    let has_reach = indexes.is_empty() || operations.with_indexes || !reads_indexes;
    if held.len() == all.len() && has_reach {
        return Some(quoted(table));
    }
    let held = flow(&held);
    Some(if reads_indexes && operations.with_indexes && !indexes.is_empty() {
        format!("{{ {}: {{ operations: {held}, indexes: {} }} }}", quoted(table), flow(indexes))
    } else {
        format!("{{ {}: {held} }}", quoted(table))
    })
}

fn permissions(lines: &mut Lines, function: &Function) {
    if function.permissions.is_empty() {
        return;
    }
    lines.add(2, "permissions:", function.line);
    for permission in &function.permissions {
        let conditions = permission.conditions.iter().map(|(operator, keys)| {
            let keys: Vec<String> = keys.iter().map(|(key, values)| format!("{}: {}", quoted(key), flow(values))).collect();
            format!("{}: {{ {} }}", quoted(operator), keys.join(", "))
        });
        let conditions = conditions.collect::<Vec<_>>().join(", ");
        let conditions = if conditions.is_empty() { String::new() } else { format!(", conditions: {{ {conditions} }}") };
        let text = format!("- {{ actions: {}, resources: {}{conditions} }}", flow(&permission.actions), flow(&permission.resources));
        lines.add(3, text, permission.line);
    }
}

fn environment(lines: &mut Lines, function: &Function) {
    let is_secret =
        |name: &str, value: &Result<String, String>| is_secret_name(name) && !value.as_ref().is_ok_and(|value| is_reference(value));
    let (secrets, plain): (Vec<_>, Vec<_>) = function.environment.iter().partition(|variable| is_secret(&variable.name, &variable.value));
    if !secrets.is_empty() {
        lines.add(2, "secrets:  # `up` takes the values from environment variables of these names", function.line);
        for variable in secrets {
            lines.add(3, format!("- {}", quoted(&variable.name)), variable.line);
        }
    }
    let known = plain.iter().any(|variable| variable.value.is_ok());
    if known {
        lines.add(2, "environment:", function.line);
    }
    for variable in plain {
        match &variable.value {
            Ok(value) => lines.add(3, format!("{}: {}", quoted(&variable.name), quoted(value)), variable.line),
            Err(reason) => {
                lines.add(if known { 3 } else { 2 }, format!("# not taken over: {}: {}", comment(&variable.name), comment(reason)), None);
            }
        }
    }
}

fn tables(lines: &mut Lines, tables: &[Table]) {
    if tables.is_empty() {
        return;
    }
    lines.gap();
    lines.add(0, "tables:", None);
    let key = |(name, kind): &(String, String)| format!("{{ name: {}, type: {} }}", quoted(name), quoted(kind));
    for table in tables {
        let line = table.line;
        lines.add(1, format!("{}:", quoted(&table.name)), line);
        if let Some(partition) = &table.partition_key {
            lines.add(2, format!("partition_key: {}", key(partition)), line);
        }
        if let Some(sort) = &table.sort_key {
            lines.add(2, format!("sort_key: {}", key(sort)), line);
        }
        let keys = |keys: &[(String, String)]| match keys {
            [one] => key(one),
            several => format!("[{}]", several.iter().map(key).collect::<Vec<_>>().join(", ")),
        };
        for (name, indexes) in [("local_indexes:", &table.local_indexes), ("indexes:", &table.indexes)] {
            if !indexes.is_empty() {
                lines.add(2, name, line);
            }
            for index in indexes {
                lines.add(3, format!("{}:", quoted(&index.name)), index.line);
                for (name, of) in [("partition_key", &index.partition_key), ("sort_key", &index.sort_key)] {
                    if !of.is_empty() {
                        lines.add(4, format!("{name}: {}", keys(of)), index.line);
                    }
                }
                match &index.projection {
                    Projection::All => {}
                    Projection::KeysOnly => lines.add(4, "projection: KEYS_ONLY", index.line),
                    Projection::Include(attributes) => {
                        lines.add(4, format!("projection: {{ include: {} }}", flow(attributes)), index.line);
                    }
                }
            }
        }
        if table.is_infrequent {
            lines.add(2, "class: STANDARD_INFREQUENT_ACCESS", line);
        }
        if let Some(ttl) = &table.ttl {
            lines.add(2, format!("ttl: {}", quoted(ttl)), line);
        }
        if table.is_restorable {
            lines.add(2, "point_in_time_recovery: true", line);
            if let Some(days) = table.restore_days {
                lines.add(2, format!("restore_days: {days}"), line);
            }
        }
        for (name, units) in [("max_read_units", table.max_read_units), ("max_write_units", table.max_write_units)] {
            if let Some(units) = units {
                lines.add(2, format!("{name}: {units}"), line);
            }
        }
    }
}

fn api(lines: &mut Lines, description: &Description) {
    let Description { authorizers, cors, binary_types, throttle, detailed_metrics, api_text, .. } = description;
    let is_plain = authorizers.is_empty() && cors.is_none() && binary_types.is_empty() && throttle.is_none();
    if is_plain && !detailed_metrics && api_text.is_none() {
        return;
    }
    lines.gap();
    lines.add(0, "api:", None);
    if let Some(text) = api_text {
        lines.add(1, format!("description: {}", quoted(text)), None);
    }
    if *detailed_metrics {
        lines.add(1, "detailed_metrics: true", None);
    }
    if !authorizers.is_empty() {
        lines.add(1, "authorizers:", None);
    }
    for (name, authorizer) in authorizers {
        let mut parts = Vec::new();
        if let Some(function) = &authorizer.function {
            parts.push(format!("function: {}", quoted(function)));
        }
        if authorizer.sees_request {
            parts.push("type: request".to_owned());
        }
        if !authorizer.user_pools.is_empty() {
            parts.push(format!("user_pools: {}", flow(&authorizer.user_pools)));
        }
        if !authorizer.from.is_empty() && authorizer.from != ["header.Authorization"] {
            parts.push(format!("from: {}", flow(&authorizer.from)));
        }
        if let Some(cache) = authorizer.cache {
            parts.push(format!("cache: {cache}s"));
        }
        lines.add(2, format!("{}: {{ {} }}", quoted(name), parts.join(", ")), authorizer.line);
    }
    if let Some(cors) = cors {
        lines.add(1, "cors:", cors.line);
        lines.add(2, format!("origins: {}", flow(&cors.origins)), cors.line);
        if !cors.headers.is_empty() {
            lines.add(2, format!("headers: {}", flow(&cors.headers)), cors.line);
        }
        if let Some(age) = cors.max_age {
            lines.add(2, format!("max_age: {age}s"), cors.line);
        }
    }
    if !binary_types.is_empty() {
        let types: Vec<&String> = binary_types.iter().collect();
        lines.add(1, format!("binary_media_types: {}", flow(&types)), None);
    }
    if let Some((rate, burst)) = throttle {
        lines.add(1, "throttle:", None);
        lines.add(2, format!("requests_per_minute: {}", (rate * 60.0).round()), None);
        if let Some(burst) = burst {
            lines.add(2, format!("burst: {burst}"), None);
        }
    }
}

/// Returns a list in brackets.
fn flow<T: AsRef<str>>(texts: &[T]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text.as_ref())).collect::<Vec<_>>().join(", "))
}

/// Returns a text as a scalar of YAML that is read as text, in quotes where needed.
fn quoted(text: &str) -> String {
    let is_plain =
        (matches!(text, "." | "..") || text.starts_with("../") || text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/'))
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
            && !matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off");
    let is_route = text.split_once(' ').is_some_and(|(method, path)| {
        method.chars().all(|c| c.is_ascii_uppercase())
            && path.starts_with('/')
            && path.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
    });
    if is_plain || is_route {
        text.to_owned()
    } else if text.chars().any(char::is_control) {
        serde_json::Value::from(text).to_string()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// Returns a text for a comment: one line.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn scalars_are_quoted_where_yaml_would_read_something_else() {
        for (text, written) in [
            ("orders", "orders"),
            ("GET /a/b", "GET /a/b"),
            ("GET /a/{id}", "'GET /a/{id}'"),
            ("true", "'true'"),
            ("8080", "'8080'"),
            ("it's", "'it''s'"),
            ("", "''"),
            ("a\nb", "\"a\\nb\""),
            ("*", "'*'"),
        ] {
            assert_eq!(quoted(text), written);
            let read: String = serde_yaml::from_str(written).unwrap();
            assert_eq!(read, text);
        }
    }
}
