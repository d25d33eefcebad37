//! Limits that only one environment as a whole can exceed: sizes that AWS counts over several declarations together.
//!
//! The numbers come from the requests that `up` would send, not from a separate calculation.

use crate::diagnostic::Problem;
use crate::document::Document;
use crate::limits::{
    ANSWER_TIME, API_RESOURCES, AUTHORIZERS, BEHAVIORS, CONCURRENCY, ENVIRONMENT, INLINE_POLICIES, INTEGRATION_TIMEOUT, PASSED_HEADERS,
    PATH_PATTERN, TABLE_UNITS,
};
use crate::mend::Faulty;
use crate::problems::{Findings, Problems};
use crate::sections::{API_PATH, Function, Route, Stack, Table, check_layers, policy, too_many_headers};
use aws::Target;
use resources::WRITERS_HEADERS;
use std::collections::BTreeSet;

/// Stand-in for the account's number: all have twelve digits.
const ANY_ACCOUNT: &str = "123456789012";

/// Checks one environment of a file.
pub(crate) fn environment(stack: &Stack, document: &Document, faulty: &Faulty) -> Findings {
    let (mut problems, mut warnings) = (Problems::new(document, faulty), Problems::new(document, faulty));
    for (name, function) in &stack.functions {
        variables(stack, name, &mut problems);
        check_layers(stack, &stack.names(ANY_ACCOUNT), name, function, &mut problems);
        inline_policy(stack, name, function, &mut problems);
        timeout(stack, name, function, &mut warnings);
        address(stack, name, function, &mut warnings);
        pattern(stack, name, function, &mut problems);
        wildcards(stack, name, function, &mut warnings);
    }
    for (name, table) in &stack.tables {
        units(name, table, &mut warnings);
    }
    concurrency(stack, &mut warnings);
    authorizers(stack, &mut warnings);
    passed_headers(stack, &mut problems);
    resources(stack, &mut warnings);
    behaviors(stack, &mut warnings);
    too_many_headers(stack, &mut warnings);
    Findings { problems: problems.found, warnings: warnings.found }
}

/// Checks the environment variables as Lambda measures them: all of them, as JSON.
fn variables(stack: &Stack, name: &str, problems: &mut Problems) {
    let mut variables = stack.variables(name, &stack.names(ANY_ACCOUNT));
    // Each unset secret adds at least its name.
    let unset = stack.unset_secrets().filter(|(function, _)| *function == name);
    variables.extend(unset.map(|(_, secret)| (secret.to_owned(), String::new())));
    if let Some((made, longest)) = stack.made_variable(name) {
        variables.insert(made.to_owned(), "x".repeat(longest));
    }
    let size = serde_json::to_string(&variables).map_or(0, |json| json.len());
    if ENVIRONMENT.fits(size) {
        return;
    }
    let with = if stack.functions.get(name).is_some_and(|function| !function.secrets.is_empty()) { ", secrets included," } else { "" };
    let problem = Problem::new(format!(
        "the environment variables of `{name}`{with} take {size} bytes as JSON in {}, Lambda allows {}",
        stack.environment, ENVIRONMENT.most
    ));
    let is_of_tables = |(variable, value): &(&String, &String)| variable.ends_with("_TABLE") && value.starts_with(&stack.project);
    let of_tables: usize = variables.iter().filter(is_of_tables).map(|(variable, value)| variable.len() + value.len()).sum();
    let help =
        if of_tables * 2 > size { "divide the tables among several functions" } else { "keep large settings in the code or in a table" };
    problems.key(&["functions", name, "environment"], problem.help(help));
}

/// Checks the policy of a function's role, in its shortest form.
fn inline_policy(stack: &Stack, name: &str, function: &Function, problems: &mut Problems) {
    let target = Target::aws(Target::partition_of(&stack.region), &stack.region, ANY_ACCOUNT);
    let document = policy::of_function(function, stack, &target, &stack.names(ANY_ACCOUNT), name);
    let length = policy::length(&document);
    if INLINE_POLICIES.fits(length) {
        return;
    }
    let problem = Problem::new(format!(
        "the policy of `{name}` takes {length} characters in {}, IAM allows {} for a role: it reads {} tables and writes {}",
        stack.environment,
        INLINE_POLICIES.most,
        function.tables_read().len(),
        function.tables_written().len()
    ));
    let list = if function.reads.len() >= function.writes.len() { "reads" } else { "writes" };
    problems.key(&["functions", name, list], problem.help("divide the tables among several functions"));
}

/// Warns of permissions for everything in the account.
fn wildcards(stack: &Stack, name: &str, function: &Function, warnings: &mut Problems) {
    for (index, permission) in function.permissions.iter().enumerate() {
        let index = index.to_string();
        let path = ["functions", name, "permissions", &index];
        let has = |list: &[String]| list.iter().any(|text| text == "*");
        let (key, text) = match (has(&permission.actions), has(&permission.resources)) {
            (true, true) => ("actions", format!("`{name}` may do everything in the account")),
            (true, false) => ("actions", format!("`{name}` may do every action on these resources")),
            (false, true) => ("resources", format!("`{name}` may do {} on everything in the account", permission.actions.join(", "))),
            (false, false) => continue,
        };
        let next = "name the actions and resources, unless the service has no resources for these actions";
        warnings.value(&[path.as_slice(), &[key]].concat(), Problem::new(format!("{text} in {}", stack.environment)).help(next));
    }
}

/// Warns of a function that may run longer than the API waits for it.
fn timeout(stack: &Stack, name: &str, function: &Function, warnings: &mut Problems) {
    if !function.is_routed() || ANSWER_TIME.allows(function.timeout.into()) {
        return;
    }
    let problem = Problem::new(format!(
        "`{name}` may run {} s in {}, but the API answers 504 after {INTEGRATION_TIMEOUT} s and the function goes on unseen",
        function.timeout, stack.environment
    ));
    let overridden = ["environments", stack.environment.as_str(), "functions", name, "timeout"];
    let path = if warnings.document.holds(&overridden) { overridden.to_vec() } else { vec!["functions", name, "timeout"] };
    warnings.value(&path, problem.help("give it 29s, or no route"));
}

/// Warns of a table's limit that is above its quota, and so without effect.
fn units(name: &str, table: &Table, warnings: &mut Problems) {
    for (key, units) in [("max_read_units", table.max_read_units), ("max_write_units", table.max_write_units)] {
        if units.is_some_and(|units| u64::from(units) > TABLE_UNITS.most) {
            let text = format!("DynamoDB holds a table to {} units a second unless the quota was raised", TABLE_UNITS.most);
            let next = "lower it, or have the table-level throughput quota raised in the Service Quotas console";
            warnings.value(&["tables", name, key], Problem::new(text).help(next));
        }
    }
}

/// Warns of more reserved concurrency than a new account has; the warning points at the last function that reserves any.
fn concurrency(stack: &Stack, warnings: &mut Problems) {
    let kept: u64 = stack.functions.values().filter_map(|function| function.concurrency).map(u64::from).sum();
    let Some((name, _)) = stack.functions.iter().rfind(|(_, function)| function.concurrency.is_some_and(|kept| kept > 0)) else { return };
    if CONCURRENCY.allows(kept) {
        return;
    }
    let overridden = ["environments", stack.environment.as_str(), "functions", name, "concurrency"];
    let path = if warnings.document.holds(&overridden) { overridden.to_vec() } else { vec!["functions", name, "concurrency"] };
    let text = format!(
        "the functions keep {kept} invocations at once for themselves in {}, an account has {} to give unless the quota was raised",
        stack.environment, CONCURRENCY.most
    );
    warnings.value(&path, Problem::new(text).help("lower them, or have \"Concurrent executions\" raised in the Service Quotas console"));
}

/// Returns the key that holds a function's routes.
fn key(document: &Document, name: &str) -> &'static str {
    if document.holds(&["functions", name, "route"]) { "route" } else { "routes" }
}

/// Warns of a route that the site's address does not lead to.
fn address(stack: &Stack, name: &str, function: &Function, warnings: &mut Problems) {
    if stack.site.is_none() {
        return;
    }
    let mut beside = function.routes.iter().filter(|route| route.pattern_behind_site().is_none());
    // `ANY /` beside `ANY /{proxy+}` is the API's own root: the site's address has the page there.
    let takes_every_path = function.routes.iter().any(|route| route.path.starts_with("/{") && route.pattern_behind_site().is_some());
    let Some(route) = beside.find(|route| !(takes_every_path && route.path == "/")) else { return };
    let problem = Problem::new(format!("the site's address does not lead to `{}`, only to paths below {API_PATH}", route.path));
    let next = format!("begin the path with {API_PATH}, or call it at the API's own address (`api_url` of `outputs`)");
    warnings.value(&["functions", name, key(warnings.document, name)], problem.help(next));
}

/// Checks the pattern that leads a route's requests through the site's address.
fn pattern(stack: &Stack, name: &str, function: &Function, problems: &mut Problems) {
    let routes = function.routes.iter().filter(|route| stack.site.is_some() && !route.only_reads());
    let longest = routes.filter_map(Route::pattern_behind_site).map(|pattern| pattern.chars().count()).max().unwrap_or_default();
    if !PATH_PATTERN.fits(longest) {
        let text = format!("the path takes {longest} characters, CloudFront allows {} in a pattern", PATH_PATTERN.most);
        problems.value(&["functions", name, key(problems.document, name)], Problem::new(text));
    }
}

/// Warns of more authorizers than an API may have.
fn authorizers(stack: &Stack, warnings: &mut Problems) {
    let count = stack.api.authorizers.len();
    if !AUTHORIZERS.fits(count) {
        let text = format!("{count} authorizers are declared, API Gateway allows {} unless the quota was raised", AUTHORIZERS.most);
        let next = "have \"Custom authorizers per API\" raised in the Service Quotas console, or have one function decide for several";
        warnings.key(&["api", "authorizers"], Problem::new(text).help(next));
    }
}

/// Checks the number of headers that the site's address passes on to the API.
fn passed_headers(stack: &Stack, problems: &mut Problems) {
    if stack.site.is_none() || !stack.has_api() {
        return;
    }
    let is_new = |header: &String| !WRITERS_HEADERS.iter().any(|passed| passed.eq_ignore_ascii_case(header));
    let count = WRITERS_HEADERS.len() + stack.api.headers_to_pass_on().iter().filter(|header| is_new(header)).count();
    if !PASSED_HEADERS.fits(count) {
        let text = format!("the site's address would have to pass on {count} headers, CloudFront allows {}", PASSED_HEADERS.most);
        problems.key(
            &["api", "authorizers"],
            Problem::new(text).help("identify callers by Authorization or X-API-Key, which it passes on anyway"),
        );
    }
}

/// Warns of more path segments than an API may have.
fn resources(stack: &Stack, warnings: &mut Problems) {
    let mut paths = BTreeSet::new();
    for route in stack.functions.values().flat_map(|function| &function.routes) {
        let mut path = String::new();
        for segment in route.segments() {
            path = format!("{path}/{segment}");
            paths.insert(path.clone());
        }
    }
    if !API_RESOURCES.fits(paths.len()) {
        let text =
            format!("the routes make {} resources, API Gateway allows {} unless the quota was raised", paths.len(), API_RESOURCES.most);
        warnings.key(
            &["functions"],
            Problem::new(text).help("have \"Resources per API\" raised in the Service Quotas console, or share paths"),
        );
    }
}

/// Warns of more cache behaviors than a distribution may have.
fn behaviors(stack: &Stack, warnings: &mut Problems) {
    if stack.site.is_none() || !stack.has_api() {
        return;
    }
    // One behavior leads everything that is only read to the API.
    let count = stack.patterns_taking_data().into_iter().chain([format!("{API_PATH}*")]).collect::<BTreeSet<String>>().len();
    if !BEHAVIORS.fits(count) {
        let text = format!(
            "the routes that take data make {count} cache behaviors, CloudFront allows {} unless the quota was raised",
            BEHAVIORS.most
        );
        warnings
            .key(&["functions"], Problem::new(text).help("have \"Cache behaviors per distribution\" raised in the Service Quotas console"));
    }
}
