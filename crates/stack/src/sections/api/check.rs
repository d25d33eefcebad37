//! Checks of the API: origins, headers, throttles.

use super::{ApiFile, CorsFile, authorizer};
use crate::diagnostic::Problem;
use crate::limits::{PREFLIGHT_AGE, THROTTLE};
use crate::problems::{Problems, below};
use crate::sections::StackFile;
use crate::sections::reference::{self, Scope};
use crate::values::{Seconds, Text};

/// Checks the API in all environments.
pub(crate) fn check(file: &StackFile, problems: &mut Problems) {
    let scope = Scope::of_file(file);
    api(&file.api, &scope, &["api"], problems);
    for (name, overrides) in file.overrides() {
        api(&overrides.api, &scope, &["environments", name, "api"], problems);
    }
    authorizer::check(file, problems);
}

fn api(api: &ApiFile, scope: &Scope<'_>, path: &[&str], problems: &mut Problems) {
    if let Some(Text(text)) = &api.description {
        let no_address = |address: &str| {
            let problem = Problem::new(format!("`{address}` is an address, which is known only after the API is made"));
            problem.help("leave it out: `outputs` prints it")
        };
        for problem in reference::problems(text, scope).into_iter().chain(reference::address_in(text, scope).map(no_address)) {
            problems.value(&below(path, &["description"]), problem);
        }
    }
    if let Some(cors) = &api.cors {
        self::cors(cors, &below(path, &["cors"]), problems);
    }
    for (index, kind) in api.binary_media_types.iter().flatten().enumerate().filter(|(_, kind)| !is_media_type(kind)) {
        let problem = Problem::new(format!("`{kind}` is not a media type")).expected("expected as in image/png, image/* or */*");
        problems.value(&below(path, &["binary_media_types", &index.to_string()]), problem);
    }
    if let Some(throttle) = &api.throttle {
        let path = below(path, &["throttle"]);
        for (key, value) in [("requests_per_minute", Some(throttle.requests_per_minute)), ("burst", throttle.burst)] {
            if value.is_some_and(|value| !THROTTLE.allows(value.into())) {
                let problem = Problem::new(format!("`{key}` would let nothing through, or is beyond all limits"));
                problems.value(&below(&path, &[key]), problem.expected("expected 1 or more"));
            }
        }
    }
}

fn cors(cors: &CorsFile, path: &[&str], problems: &mut Problems) {
    if cors.origins.is_empty() {
        problems.key(&below(path, &["origins"]), Problem::new("no origin is allowed").help("write [\"*\"], or leave cors out"));
    }
    for (index, origin) in cors.origins.iter().enumerate() {
        let problem = if origin == "*" {
            if cors.origins.len() == 1 {
                continue;
            }
            Problem::new("`*` allows every origin already").help("leave the others out, or this one")
        } else if is_origin(origin) {
            continue;
        } else {
            let problem = Problem::new(format!("`{origin}` is not an origin"))
                .expected("expected \"*\" or scheme and host, as in https://example.com");
            match origin.trim_end_matches('/') {
                shorter if shorter != origin && is_origin(shorter) => problem.help(format!("write {shorter}, without a path")),
                host if is_origin(&format!("https://{host}")) => problem.help(format!("write https://{host}")),
                _ => problem,
            }
        };
        problems.value(&below(path, &["origins", &index.to_string()]), problem);
    }
    for (index, header) in cors.headers.iter().flatten().enumerate() {
        if !is_token(header) {
            let problem = Problem::new(format!("`{header}` is not the name of a header")).expected("expected a name such as Content-Type");
            problems.value(&below(path, &["headers", &index.to_string()]), problem);
        }
    }
    if let Some(Seconds(max_age)) = cors.max_age.filter(|Seconds(max_age)| !PREFLIGHT_AGE.allows((*max_age).into())) {
        let problem = Problem::new(format!("no browser remembers a preflight for {max_age} s")).expected("expected at most 24h");
        problems.value(&below(path, &["max_age"]), problem);
    }
}

/// Tests for the name of a header (RFC 9110, "token"), without the quote that would end a value in API Gateway's mapping. No name has the comma that
/// divides a list of them.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&*+-.^_`|~".contains(c))
}

/// Tests for a type and a subtype (RFC 9110, "media type"), without parameters. A wildcard stands for a whole part.
fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&^_.+-".contains(c));
    text == "*/*" || text.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && (subtype == "*" || is_token(subtype)))
}

/// Tests for `scheme://host[:port]`, the form in which a browser sends an origin.
fn is_origin(origin: &str) -> bool {
    let Some(host) = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")) else {
        return false;
    };
    let (host, port) = host.split_once(':').unwrap_or((host, "0"));
    let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    host.split('.').all(label) && port.parse::<u16>().is_ok()
}
