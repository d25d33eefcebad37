//! Functions: names, limits, tables, environment variables, routes.

mod grants;
mod parameters;
mod permissions;
mod secrets;

pub(crate) use secrets::{secrets, values};

use super::{FunctionFile, FunctionOverride, Route, code, route, settings::Written, url};
use crate::diagnostic::Problem;
use crate::limits::{MEMORY, TIMEOUT};
use crate::names::table_variable;
use crate::problems::{Problems, below};
use crate::sections::StackFile;
use crate::sections::reference::{self, Scope};
use crate::values::{Seconds, Text};
use resources::is_secret_name;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Variables that Lambda sets itself (Lambda developer guide, "Defined runtime environment variables").
const RESERVED_VARIABLES: [&str; 18] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

pub(crate) fn check(file: &StackFile, problems: &mut Problems) {
    let scope = Scope::of_file(file);
    let mut lower: BTreeMap<String, &str> = BTreeMap::new();
    for (name, function) in &file.functions {
        let path = ["functions", name.as_str()];
        let sound =
            name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        if !sound {
            let problem = Problem::new(format!("`{name}` cannot be the name of a function"));
            problems.key(&path, problem.expected("expected letters, digits, _ -, a letter first"));
        }
        if let Some(other) = lower.insert(name.to_lowercase(), name) {
            let problem = Problem::new(format!("the functions `{other}` and `{name}` differ only in case"));
            problems.key(&path, problem.help("IAM takes the names of their roles for the same: rename one"));
        }
        code::check(name, function, &path, problems);
        limits(function.memory, function.timeout, &path, problems);
        url::check(function, function.url, &path, problems);
        Written::of_file(function).check(&scope, &path, problems);
        grants::check(file, function, &path, problems);
        permissions::check(function, &scope, &path, problems);
        variables(file, &scope, &function.environment, &path, problems);
        secret_names(file, &function.secrets, &function.environment, &path, problems);
    }
    routes(file, problems);
    parameters::check(file, problems);
    for (environment, overrides) in file.overrides() {
        for (name, function) in &overrides.functions {
            let path = ["environments", environment, "functions", name];
            if !file.functions.contains_key(name) && problems.knows_names(&["functions"]) {
                let problem = Problem::new(format!("there is no function `{name}`"));
                problems.key(&path, problem.known(name, file.functions.keys().map(String::as_str)));
            }
            limits(function.memory, function.timeout, &path, problems);
            Written::of_override(function).check(&scope, &path, problems);
            variables(file, &scope, &function.environment, &path, problems);
            secret_names(file, &function.secrets, &function.environment, &path, problems);
            if let Some(base) = file.functions.get(name) {
                url::check(base, function.url, &path, problems);
                across(base, function, &path, problems);
            }
        }
    }
}

/// Checks that an environment turns no variable of the file into a secret, and no secret into a variable.
fn across(base: &FunctionFile, overrides: &FunctionOverride, path: &[&str], problems: &mut Problems) {
    for name in overrides.environment.keys().filter(|name| base.secrets.contains(*name)) {
        let problem = Problem::new(format!("`{name}` is a secret of the function")).help("leave out one of the two");
        problems.key(&below(path, &["environment", name]), problem);
    }
    for name in overrides.secrets.iter().filter(|name| base.environment.contains_key(*name)) {
        let problem = Problem::new(format!("`{name}` is a variable of the function, with its value in the file"));
        problems.value(&below(path, &["secrets"]), problem.help("leave out one of the two"));
    }
}

/// Returns the problem of a path to sources, without a position.
pub(crate) fn source(path: &str) -> Option<Problem> {
    let problem = if path.is_empty() {
        Problem::new("the path is empty")
    } else if Path::new(path).is_absolute() || path.starts_with('~') {
        Problem::new(format!("the path `{path}` means something on this machine only"))
    } else {
        return None;
    };
    Some(problem.expected("expected a path relative to stack.yaml"))
}

fn limits(memory: Option<u32>, timeout: Option<Seconds>, path: &[&str], problems: &mut Problems) {
    if let Some(memory) = memory.filter(|memory| !MEMORY.allows((*memory).into())) {
        let problem = Problem::new(format!("Lambda has no memory of {memory} MB"));
        let expected = format!("expected {} to {} (MB)", MEMORY.least, MEMORY.most);
        problems.value(&below(path, &["memory"]), problem.expected(expected));
    }
    if let Some(Seconds(timeout)) = timeout.filter(|Seconds(timeout)| !TIMEOUT.allows((*timeout).into())) {
        let problem = Problem::new(format!("Lambda has no timeout of {timeout} s"));
        problems.value(&below(path, &["timeout"]), problem.expected("expected 1s to 15m"));
    }
}

fn variables(file: &StackFile, scope: &Scope<'_>, environment: &BTreeMap<String, Text>, path: &[&str], problems: &mut Problems) {
    for name in environment.keys() {
        if let Some(problem) = variable(file, name) {
            problems.key(&below(path, &["environment", name]), problem);
        }
        for problem in reference::problems(&environment[name].0, scope) {
            problems.value(&below(path, &["environment", name]), problem);
        }
        if environment[name].0.contains('\0') {
            let problem = Problem::new(format!("`{name}` has a NUL character, which no environment variable can hold"));
            problems.value(&below(path, &["environment", name]), problem.help("take it out, or encode the value (base64, for one)"));
        }
    }
}

/// Checks names under `secrets`: they follow the rules of other variables, and mark their values as secret.
fn secret_names(
    file: &StackFile,
    secrets: &BTreeSet<String>,
    environment: &BTreeMap<String, Text>,
    path: &[&str],
    problems: &mut Problems,
) {
    for name in secrets {
        let problem = if let Some(problem) = variable(file, name) {
            problem
        } else if environment.contains_key(name) {
            Problem::new(format!("`{name}` is also under environment")).help("leave out one of the two")
        } else if !is_secret_name(name) {
            Problem::new(format!("by its name, `{name}` is no secret: its value would be shown in plans"))
                .help("give it a name with SECRET, TOKEN, PASSWORD, CREDENTIAL or KEY in it, or move it to environment")
        } else {
            continue;
        };
        problems.value(&below(path, &["secrets"]), problem);
    }
}

/// Returns the problem of an environment variable's name, if it has one.
fn variable(file: &StackFile, name: &str) -> Option<Problem> {
    let table = file.tables.keys().find(|table| table_variable(table) == *name);
    Some(if RESERVED_VARIABLES.contains(&name) {
        Problem::new(format!("`{name}` is reserved: Lambda sets it")).help("leave it out; the function sees it anyway")
    } else if let Some(table) = table {
        Problem::new(format!("`{name}` is set already, to the name of the table `{table}`"))
            .help("leave it out, and name the table under reads or writes")
    } else if name == "ENVIRONMENT" {
        Problem::new("`ENVIRONMENT` is set already, to the name of the environment").help("leave it out")
    } else if !is_variable(name) {
        Problem::new(format!("`{name}` cannot be the name of an environment variable"))
            .expected("expected at least two letters, digits and _, a letter first")
    } else {
        return None;
    })
}

/// Tests a name against Lambda's pattern: `[a-zA-Z]([a-zA-Z0-9_])+`.
fn is_variable(name: &str) -> bool {
    name.len() >= 2 && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Checks all routes, each by itself and against the others.
fn routes(file: &StackFile, problems: &mut Problems) {
    // The function and the line of a route.
    let mut seen: BTreeMap<Route, (&str, usize)> = BTreeMap::new();
    // The variable below a path, with the function that declares it: API Gateway allows one.
    let mut variables: BTreeMap<String, (String, &str)> = BTreeMap::new();
    for (name, function) in &file.functions {
        if function.route.is_some() && !function.routes.is_empty() {
            let problem = Problem::new(format!("`{name}` has both route and routes")).help("move the route into routes");
            problems.key(&["functions", name, "route"], problem);
        }
        for (key, text) in function.routes() {
            let path: Vec<&str> = ["functions", name.as_str()].into_iter().chain(key.iter().map(String::as_str)).collect();
            let route = match route::parse(text) {
                Ok(route) => route,
                Err(found) => {
                    for problem in found {
                        problems.value(&path, problem);
                    }
                    continue;
                }
            };
            let mut base = String::new();
            for segment in route.segments() {
                if segment.starts_with('{') {
                    let (known, owner) = variables.entry(base.clone()).or_insert_with(|| (segment.to_owned(), name));
                    if known != segment {
                        let problem = Problem::new(format!("the variable after {base}/ is {segment} here and {known} in `{owner}`"));
                        problems.value(&path, problem.help("API Gateway allows one name there: use the same in both"));
                    }
                }
                base = format!("{base}/{segment}");
            }
            let line = problems.document.value(&path).map_or(0, |position| position.line);
            if let Some((other, line)) = seen.get(&route) {
                let problem = Problem::new(format!("the route {route} is taken: `{other}` has it"));
                problems.value(&path, problem.help(format!("it is on line {line}; choose another path or method")));
            } else {
                seen.insert(route, (name, line));
            }
        }
    }
}
