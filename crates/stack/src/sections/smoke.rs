//! `smoke`: requests that check a release, and the answers that they must get.

use super::{FunctionFile, Route, SecretsFrom, StackFile, Url, empty_is_default, functions};
use crate::diagnostic::Problem;
use crate::problems::{Problems, below};
use crate::values::{Seconds, Text};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Methods of requests; `OPTIONS` asks for a preflight.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Default time until a request must be answered as expected, in seconds. A new stage and a cold function take seconds.
const DEFAULT_WITHIN: u32 = 30;
/// Longest such time, in seconds: visitors meet a release that does not work for as long.
const MAX_WITHIN: u32 = 300;
/// Headers that the program sets itself: with other values the request would not arrive.
const OWN_HEADERS: [&str; 4] = ["connection", "content-length", "host", "transfer-encoding"];

/// A request that checks a release, and the answer that it must get.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmokeFile {
    /// Method and path below the address, such as GET /health; a query may follow.
    #[schemars(regex(pattern = r"^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\s+/"))]
    pub request: String,
    /// Address to ask: `api` (the default), `site`, or `functions.NAME` for the URL of a function.
    #[schemars(regex(pattern = r"^(api|site|functions\..+)$"))]
    pub of: Option<String>,
    /// Status of the answer. Default: any below 500 that the function itself answers; 200 where the site is asked.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u32>,
    /// Text that the body of the answer contains.
    pub contains: Option<Text>,
    /// Time until the request must be answered so, retries included, at most 5m. Default: 30s.
    pub within: Option<Seconds>,
    /// Body of the request, sent as JSON unless `headers` names another Content-Type.
    pub body: Option<Text>,
    /// Headers of the request.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub headers: BTreeMap<String, Text>,
}

/// Address that a request asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Front {
    /// Address of the API.
    Api,
    /// Address of the pages.
    Site,
    /// URL of the function with this name.
    Function(String),
}

/// A request that checks a release, and the answer that it must get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmokeRequest {
    /// Method, in capitals.
    pub method: String,
    /// Path below the address, with its query.
    pub path: String,
    /// Address to ask.
    pub of: Front,
    /// Status of the answer; `None`: below 500 and from the function, or 200 from the site.
    pub status: Option<u16>,
    /// Text that the body of the answer contains.
    pub contains: Option<String>,
    /// Time until it must be answered so.
    pub within: Duration,
    /// Body of the request.
    pub body: Option<String>,
    /// Headers of the request by name.
    pub headers: BTreeMap<String, String>,
}

impl std::fmt::Display for SmokeRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

/// Returns the requests of an environment; `None` where neither it nor the file declares any.
pub(crate) fn resolve(file: Option<&Vec<SmokeFile>>, overrides: Option<&Vec<SmokeFile>>) -> Option<Vec<SmokeRequest>> {
    overrides.or(file).map(|requests| requests.iter().filter_map(SmokeFile::resolve).collect())
}

impl SmokeFile {
    fn resolve(&self) -> Option<SmokeRequest> {
        let (method, path) = parse(&self.request).ok()?;
        Some(SmokeRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            of: self.front().ok()?,
            status: self.status.and_then(|status| u16::try_from(status).ok()),
            contains: self.contains.as_ref().map(|Text(text)| text.clone()),
            within: Duration::from_secs(self.within.unwrap_or(Seconds(DEFAULT_WITHIN)).0.into()),
            body: self.body.as_ref().map(|Text(text)| text.clone()),
            headers: self.headers.iter().map(|(name, Text(value))| (name.clone(), value.clone())).collect(),
        })
    }
}

/// Addresses of the stack, as far as the file is readable.
struct Fronts {
    has_api: bool,
    has_site: bool,
    /// Functions with a public URL, in some environment at least; `None` if they are not all known.
    with_url: Option<BTreeSet<String>>,
    /// Routes of the API; `None` if they are not all known, or one of them takes any method or any path.
    routes: Option<Vec<Route>>,
}

/// Checks the requests in all environments.
pub(crate) fn check(file: &StackFile, problems: &mut Problems) {
    let routes = routes(file, problems);
    let has_api = routes.as_ref().is_none_or(|routes| !routes.is_empty());
    let has_site = file.site.is_some() || !problems.knows_names(&["site"]);
    let is_exact = |route: &Route| route.method != "ANY" && !route.path.ends_with("+}");
    let with_url = problems.knows_names(&["functions"]).then(|| with_url(file));
    let fronts = Fronts { has_api, has_site, with_url, routes: routes.filter(|routes| routes.iter().all(is_exact)) };
    requests(file.smoke.as_ref(), &["smoke"], &fronts, problems);
    for (name, overrides) in file.overrides() {
        requests(overrides.smoke.as_ref(), &["environments", name, "smoke"], &fronts, problems);
    }
}

/// Returns the functions that have a public URL in some environment: the check signs no request.
fn with_url(file: &StackFile) -> BTreeSet<String> {
    let has_url = |name: &str, function: &FunctionFile| {
        let overrides = file.overrides().filter_map(|(_, environment)| environment.functions.get(name)?.url);
        function.url.into_iter().chain(overrides).any(|url| url.resolve() == Some(Url::Public))
    };
    file.functions.iter().filter(|(name, function)| has_url(name, function)).map(|(name, _)| name.clone()).collect()
}

/// Returns the routes of all functions, or `None` if one of them cannot be read.
fn routes(file: &StackFile, problems: &Problems) -> Option<Vec<Route>> {
    let is_known = |name: &String| ["route", "routes"].into_iter().all(|key| problems.is_known(&["functions", name, key]));
    if !problems.knows_names(&["functions"]) || !file.functions.keys().all(is_known) {
        return None;
    }
    let written: usize = file.functions.values().map(|function| function.routes().count()).sum();
    let functions = functions::resolve(&file.functions, &BTreeMap::new(), SecretsFrom::default());
    let routes: Vec<Route> = functions.into_values().flat_map(|function| function.routes).collect();
    (routes.len() == written).then_some(routes)
}

fn requests(list: Option<&Vec<SmokeFile>>, path: &[&str], fronts: &Fronts, problems: &mut Problems) {
    for (index, request) in list.into_iter().flatten().enumerate() {
        let index = index.to_string();
        let path = below(path, &[index.as_str()]);
        // Without them it is not known which address has to answer, or that the gateway's refusal is asked for.
        let is_readable = ["of", "status"].iter().all(|key| problems.is_known(&below(&path, &[key])));
        let found = if is_readable { request.unanswered(fronts) } else { None };
        for (key, problem) in found.into_iter().chain(request.problems()) {
            problems.value(&below(&path, &[key]), problem);
        }
        for (name, Text(value)) in &request.headers {
            if let Some(problem) = header(name, value) {
                problems.key(&below(&path, &["headers", name.as_str()]), problem);
            }
        }
    }
}

impl SmokeFile {
    /// Returns the address to ask.
    fn front(&self) -> Result<Front, Problem> {
        match self.of.as_deref() {
            None | Some("api") => Ok(Front::Api),
            Some("site") => Ok(Front::Site),
            Some(text) => match text.strip_prefix("functions.") {
                Some(name) => Ok(Front::Function(name.to_owned())),
                None => Err(Problem::new(format!("`{text}` is no address of the stack")).expected("expected api, site, or functions.NAME")),
            },
        }
    }

    /// Returns the problem of a request that nothing of the stack answers, with its key.
    fn unanswered(&self, fronts: &Fronts) -> Option<(&'static str, Problem)> {
        let front = match self.front() {
            Ok(front) => front,
            Err(problem) => return Some(("of", problem)),
        };
        match front {
            Front::Function(name) => {
                let with_url = fronts.with_url.as_ref().filter(|with_url| !with_url.contains(&name))?;
                let problem = Problem::new(format!("there is no function `{name}` with a public URL to ask"))
                    .known(&name, with_url.iter().map(String::as_str));
                Some(("of", if problem.help.is_some() { problem } else { problem.help("give the function `url: public`") }))
            }
            Front::Site if fronts.has_site => None,
            Front::Site => Some(("of", Problem::new("there is no site to ask").help("declare `site`, or leave `of` out to ask the API"))),
            Front::Api if !fronts.has_api => {
                let key = if self.of.is_some() { "of" } else { "request" };
                let problem = Problem::new("there is no API to ask: no function has a route");
                let asks_site = if fronts.has_site { "write `of: site`, or give" } else { "give" };
                Some((key, problem.help(format!("{asks_site} a function a route"))))
            }
            // Who asks for the gateway's own refusal means a path without a route.
            Front::Api if matches!(self.status, Some(403 | 404)) => None,
            Front::Api => {
                let (method, path) = parse(&self.request).ok()?;
                fronts.unrouted(method, path).map(|problem| ("request", problem))
            }
        }
    }

    /// Returns the problems of the keys by themselves.
    fn problems(&self) -> Vec<(&'static str, Problem)> {
        let mut found = Vec::new();
        match parse(&self.request) {
            Err(problem) => found.push(("request", problem)),
            Ok((method @ ("GET" | "HEAD"), _)) if self.body.is_some() => {
                let problem = Problem::new(format!("a {method} request has no body"));
                found.push(("body", problem.help("leave `body` out, or ask with POST, PUT or PATCH")));
            }
            Ok(("HEAD", _)) if self.contains.is_some() => {
                found.push(("contains", Problem::new("the answer to HEAD has no body").help("ask with GET, or leave `contains` out")));
            }
            Ok(_) => {}
        }
        if let Some(status) = self.status.filter(|status| !(100..=599).contains(status)) {
            found.push(("status", Problem::new(format!("{status} is not a status of HTTP")).expected("expected 100 to 599, such as 200")));
        }
        if self.contains.as_ref().is_some_and(|Text(text)| text.is_empty()) {
            found.push(("contains", Problem::new("an empty text is part of every body").help("leave `contains` out")));
        }
        match self.within {
            Some(Seconds(0)) => found.push(("within", Problem::new("no request is answered within 0 s").expected("expected 1s to 5m"))),
            Some(Seconds(seconds)) if seconds > MAX_WITHIN => {
                let problem = Problem::new(format!("{seconds} s is too long: visitors meet what does not work meanwhile"));
                found.push(("within", problem.expected("expected 1s to 5m")));
            }
            _ => {}
        }
        found
    }
}

impl Fronts {
    /// Returns the problem of a request that no route answers, if the routes decide it.
    fn unrouted(&self, method: &str, path: &str) -> Option<Problem> {
        let routes = self.routes.as_ref()?;
        let path = path.split('?').next().unwrap_or_default();
        let there: Vec<&Route> = routes.iter().filter(|route| matches(route, path)).collect();
        // API Gateway answers preflights itself.
        if method == "OPTIONS" && !there.is_empty() || there.iter().any(|route| route.method == method) {
            return None;
        }
        let problem = Problem::new(format!("no route answers {method} {path}"));
        let mut known: Vec<String> = there.iter().map(ToString::to_string).collect();
        if known.is_empty() {
            known = routes.iter().map(ToString::to_string).collect();
        }
        Some(problem.known(&format!("{method} {path}"), known.iter().map(String::as_str)))
    }
}

/// Tests whether a route answers a path, by its segments.
fn matches(route: &Route, path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let own: Vec<&str> = route.segments().collect();
    own.len() == segments.len() && own.iter().zip(segments).all(|(own, segment)| own.starts_with('{') || *own == segment)
}

/// Parses method and path of a request.
fn parse(text: &str) -> Result<(&str, &str), Problem> {
    let text = text.trim();
    let (method, path) = match text.split_once(char::is_whitespace) {
        Some((method, path)) => (method, path.trim_start()),
        None if text.starts_with('/') => {
            return Err(Problem::new(format!("the request `{text}` has no method")).help(format!("write GET {text}")));
        }
        None => (text, ""),
    };
    // RFC 3986: what a path and a query may hold.
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?%".contains(c);
    if !METHODS.contains(&method) {
        Err(Problem::new(format!("`{method}` is not a method of a request")).known(method, METHODS))
    } else if path.is_empty() {
        Err(Problem::new(format!("the request `{text}` has no path")).expected("expected a method and a path such as GET /health"))
    } else if path.contains("://") && !path.starts_with('/') {
        let problem = Problem::new(format!("`{path}` is a whole address"));
        Err(problem.help("write the path alone: the addresses are the stack's own, the API's or, with `of: site`, the page's"))
    } else if !path.starts_with('/') {
        Err(Problem::new(format!("the path `{path}` does not begin with a slash")).help(format!("write {method} /{path}")))
    } else if path.contains('{') {
        Err(Problem::new(format!("the path `{path}` has a variable")).help("write a value in its place, as in /items/1"))
    } else if let Some(character) = path.chars().find(|c| !is_allowed(*c)) {
        let problem = Problem::new(format!("`{character}` is not allowed in the path `{path}`"));
        Err(problem.help("write it percent-encoded, a blank as %20"))
    } else {
        Ok((method, path))
    }
}

/// Returns the problem of a header, if it has one.
fn header(name: &str, value: &str) -> Option<Problem> {
    // RFC 9110, "token".
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return Some(Problem::new(format!("`{name}` is not the name of a header")).expected("expected a name such as X-Probe"));
    }
    if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
        return Some(Problem::new(format!("the header `{name}` follows from the address and the body")).help("leave it out"));
    }
    let is_sound = value.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    (!is_sound).then(|| Problem::new(format!("the value of the header `{name}` has a character that no header has")))
}
