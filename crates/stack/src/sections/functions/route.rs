//! `route`: method and path, as in `POST /api/events`.

use crate::diagnostic::Problem;

/// A request, as `POST /api/events`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE` or `HEAD`.
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
}

impl std::fmt::Display for Route {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

/// Methods of routes. `OPTIONS` is not among them: API Gateway answers preflights from `api.cors`.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

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
    if METHODS.contains(&method) {
        return Ok(());
    }
    let problem = match method {
        "" => Problem::new("the route has no method"),
        _ => Problem::new(format!("`{method}` is not a method a route can have")),
    };
    Err(match method {
        "OPTIONS" => problem.help("API Gateway answers preflight requests itself, from api.cors"),
        "ANY" => problem.help("name the one method the function answers, so that no other reaches it"),
        _ => problem.known(method, METHODS),
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
        for text in ["GET /", "POST /api/events", "GET  /a/{id}", "DELETE /a/{id}/b.c:d-e_f", "HEAD /{proxy+}"] {
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
            "ANY /api",
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
    fn a_method_in_lower_case_is_recognised() {
        assert_eq!(parse("get /api").unwrap_err()[0].help.as_deref(), Some("did you mean `GET`?"));
    }
}
