//! `route` and `routes`: method and path, as in `POST /api/events`.

use crate::diagnostic::Problem;
use crate::sections::API_PATH;
use schemars::{Schema, SchemaGenerator, json_schema};

/// A request, as `POST /api/events`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD`, or `ANY` for all of them and `OPTIONS`.
    pub method: String,
    /// `/` and segments; a segment may be `{name}`, the last one `{name+}`.
    pub path: String,
}

impl Route {
    /// Returns the segments of the path, without slashes; none for `/`.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter(|segment| !segment.is_empty())
    }

    /// Returns whether its method changes nothing, so that answers may be shared.
    pub fn only_reads(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }

    /// Returns the path with wildcards for its variables, as permissions and a distribution's patterns have it.
    pub fn pattern(&self) -> String {
        self.path.split('/').map(|part| if part.starts_with('{') { "*" } else { part }).collect::<Vec<_>>().join("/")
    }

    /// Returns the pattern of the requests that reach the route through the site's address, which forwards paths below [`API_PATH`]. `None` if there
    /// are none.
    pub fn pattern_behind_site(&self) -> Option<String> {
        let takes_every_path = self.path.starts_with("/{") && self.path.ends_with("+}");
        if self.path.starts_with(API_PATH) { Some(self.pattern()) } else { takes_every_path.then(|| format!("{API_PATH}*")) }
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

/// Method that stands for all of them, as API Gateway writes it.
pub(crate) const ANY: &str = "ANY";

/// Methods of routes by name. `OPTIONS` is not among them: API Gateway answers preflights from `api.cors`.
pub(crate) const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

/// Schema of `routes`.
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    let methods = METHODS.join("|");
    let route = serde_json::json!({ "type": "string", "pattern": format!(r"^({methods}|{ANY}) /\S*$") });
    json_schema!({ "type": ["array", "null"], "items": route })
}

/// Parses a route, or returns all of its problems, still without positions.
pub(crate) fn parse(text: &str) -> Result<Route, Vec<Problem>> {
    let (method, path) = match text.split_once(char::is_whitespace) {
        Some((method, path)) => (method, path.trim_start()),
        None if text.starts_with('/') => ("", text),
        None => (text, ""),
    };
    let mut problems = Vec::from_iter(check_method(method).err());
    if path.is_empty() {
        // A single word that is no method reveals nothing about the path.
        if problems.is_empty() {
            problems.push(
                Problem::new(format!("the route `{text}` has no path")).expected("expected a method and a path such as GET /api/stats"),
            );
        }
    } else if !path.starts_with('/') {
        problems.push(Problem::new(format!("the path `{path}` does not begin with a slash")).help(format!("write {method} /{path}")));
    } else if path.len() > 1 {
        check_segments(path, &mut problems);
    }
    if problems.is_empty() { Ok(Route { method: method.to_owned(), path: path.to_owned() }) } else { Err(problems) }
}

fn check_method(method: &str) -> Result<(), Problem> {
    if METHODS.contains(&method) || method == ANY {
        return Ok(());
    }
    let problem = match method {
        "" => Problem::new("the route has no method"),
        _ => Problem::new(format!("`{method}` is not a method a route can have")),
    };
    Err(match method {
        "OPTIONS" => problem.help("API Gateway answers preflight requests itself, from api.cors"),
        _ => problem.known(method, METHODS.into_iter().chain([ANY])),
    })
}

fn check_segments(path: &str, problems: &mut Vec<Problem>) {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        problems.push(Problem::new(format!("the path `{path}` has an empty segment")).help(format!("write {}", tidy(&segments))));
    }
    let mut variables = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        let Some(variable) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            problems.extend(check_literal(path, segment).err());
            continue;
        };
        let name = variable.strip_suffix('+').unwrap_or(variable);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            problems.push(
                Problem::new(format!("`{segment}` is not a path variable"))
                    .expected("expected letters, digits, . _ - between the braces, as in {id} or {proxy+}"),
            );
        } else if variable.ends_with('+') && index + 1 != segments.len() {
            problems.push(
                Problem::new(format!("`{segment}` takes the rest of the path, but is not at its end"))
                    .help(format!("write {{{name}}} for a single segment")),
            );
        } else if variables.contains(&name) {
            problems.push(Problem::new(format!("the path `{path}` has two variables named `{name}`")));
        }
        variables.push(name);
    }
}

/// Checks a segment by API Gateway's rule: "Resource's path part only allow a-zA-Z0-9._-:".
fn check_literal(path: &str, segment: &str) -> Result<(), Problem> {
    match segment.chars().find(|c| !(c.is_ascii_alphanumeric() || "._-:".contains(*c))) {
        None => Ok(()),
        Some(character) => Err(Problem::new(format!("`{character}` is not allowed in the path `{path}`"))
            .expected("expected segments of letters, digits, . _ - : or a variable such as {id}")),
    }
}

fn tidy(segments: &[&str]) -> String {
    let kept: Vec<&str> = segments.iter().copied().filter(|segment| !segment.is_empty()).collect();
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_routes() {
        for text in ["GET /", "POST /api/events", "GET  /a/{id}", "DELETE /a/{id}/b.c:d-e_f", "HEAD /{proxy+}", "ANY /a/{proxy+}"] {
            let route = parse(text).unwrap();
            assert_eq!(route.to_string(), text.replace("  ", " "));
        }
        assert_eq!(parse("GET /a/{id}").unwrap().segments().collect::<Vec<_>>(), ["a", "{id}"]);
        assert_eq!(parse("GET /").unwrap().segments().count(), 0);
    }

    #[test]
    fn bad_routes() {
        for text in [
            "",
            " ",
            "GET",
            "/api",
            "get /api",
            "OPTIONS /api",
            "GET api",
            "GET //api",
            "GET /api/",
            "GET /a b",
            "GET /ä",
            "GET /{}",
            "GET /{+}",
            "GET /{a+}/b",
            "GET /{a}/{a}",
            "GET /a{b}",
            "GET /a?b=c",
            "GET / /",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_route_is_behind_the_sites_address_below_api_or_with_every_path() {
        let pattern = |text: &str| parse(text).unwrap().pattern_behind_site();
        assert_eq!(pattern("GET /api/items/{id}").as_deref(), Some("/api/items/*"));
        assert_eq!(pattern("ANY /{proxy+}").as_deref(), Some("/api/*"));
        for elsewhere in ["GET /", "GET /items", "ANY /items/{proxy+}", "ANY /{id}"] {
            assert_eq!(pattern(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn a_method_in_lower_case_is_recognised() {
        assert_eq!(parse("get /api").unwrap_err()[0].help.as_deref(), Some("did you mean `GET`?"));
    }
}
