//! Headers of the site's answers: the form in which CloudFront sends them, and those that it cannot send.

use crate::diagnostic::Problem;
use crate::limits::{CONTENT_SECURITY_POLICY as LONGEST_POLICY, HEADER_NAME, HEADER_VALUE, HEADERS, HEADERS_SIZE};
use crate::problems::Problems;
use crate::sections::Stack;
use crate::values::Text;
use resources::{CONTENT_SECURITY_POLICY, security_header, security_header_value};
use std::collections::BTreeMap;

/// Headers of the connection, and those that CloudFront writes itself. That CloudFront cannot remove these is documented ("Understand response
/// headers policies", remove headers); that it refuses to add them is assumed.
const CLOUDFRONT: &[&str] = &[
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Expect",
    "Host",
    "Keep-Alive",
    "Server",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "Warning",
    "X-Cache",
    "X-Forwarded-Proto",
    "X-Real-IP",
];

/// Beginnings of such names, with the same source.
const CLOUDFRONT_PREFIXES: &[&str] = &["Proxy-", "X-Accel-", "X-Amz-Cf-", "X-Amzn-", "X-Edge-"];

/// Headers that describe one file, or one answer. CloudFront may take them; one value for all files would break the site.
const OF_A_FILE: &[&str] = &["Accept-Ranges", "Age", "Content-Range", "Content-Type", "Date", "ETag", "Last-Modified", "Location"];

/// Beginning of the headers about other origins, for which CloudFront has fields of their own.
const CORS: &str = "Access-Control-";

/// Returns the headers in the form in which CloudFront sends them. Blanks around a value are none of it (RFC 9110, 5.5), as the line break at the end
/// of a folded text.
pub(super) fn resolve(headers: &BTreeMap<String, Text>) -> BTreeMap<String, String> {
    let resolved = headers.iter().map(|(name, Text(value))| {
        let sent = security_header_value(name, value.trim()).unwrap_or_else(|_| value.trim().to_owned());
        (security_header(name).unwrap_or(name).to_owned(), sent)
    });
    resolved.collect()
}

/// Checks each header, and all of them together.
pub(super) fn check(headers: &BTreeMap<String, Text>, problems: &mut Problems) {
    let mut known: Vec<&str> = Vec::new();
    for (name, Text(value)) in headers {
        let path = ["site", "headers", name.as_str()];
        if let Some(problem) = of_name(name, &known) {
            problems.key(&path, problem);
        } else if let Some(problem) = of_value(name, value.trim()) {
            problems.value(&path, problem);
        }
        known.push(name);
    }
    let size: usize = custom(resolve(headers).iter()).map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    if !HEADERS_SIZE.fits(size) {
        let text = format!("names and values of the headers take {size} characters, CloudFront allows {}", HEADERS_SIZE.most);
        problems.key(&["site", "headers"], Problem::new(text).help("shorten them, or leave some out"));
    }
}

/// Warns of more headers, or a longer policy, than CloudFront takes unless the quota was raised.
pub(crate) fn too_many(stack: &Stack, warnings: &mut Problems) {
    let Some(site) = &stack.site else { return };
    let count = custom(site.headers.iter()).count();
    if !HEADERS.fits(count) {
        let text = format!(
            "the site has {count} headers that CloudFront has no field for, CloudFront allows {} unless the quota was raised",
            HEADERS.most
        );
        let help = "have \"Custom headers per response headers policy\" raised by AWS Support, or leave some out";
        warnings.key(&["site", "headers"], Problem::new(text).help(help));
    }
    let length = site.headers.get(CONTENT_SECURITY_POLICY).map_or(0, |policy| policy.chars().count());
    if !LONGEST_POLICY.fits(length) {
        let text = format!(
            "the {CONTENT_SECURITY_POLICY} takes {length} characters, CloudFront allows {} unless the quota was raised",
            LONGEST_POLICY.most
        );
        let help = "shorten it, or have the length of the Content-Security-Policy raised in the Service Quotas console";
        warnings.key(&["site", "headers"], Problem::new(text).help(help));
    }
}

/// Returns the headers that CloudFront has no field for.
fn custom<'a>(headers: impl Iterator<Item = (&'a String, &'a String)>) -> impl Iterator<Item = (&'a String, &'a String)> {
    headers.filter(|(name, _)| security_header(name).is_none())
}

fn of_name(name: &str, known: &[&str]) -> Option<Problem> {
    let is_one_of = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let begins = |beginning: &str| name.get(..beginning.len()).is_some_and(|head| head.eq_ignore_ascii_case(beginning));
    // The characters of a token (RFC 9110, 5.6.2).
    let is_token = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
    if !is_token {
        let problem = Problem::new(format!("`{name}` cannot be the name of a header"));
        Some(problem.expected("expected letters, digits and hyphens, as in Permissions-Policy"))
    } else if !HEADER_NAME.fits(name.len()) {
        Some(Problem::new(format!("the name takes {} characters, CloudFront allows {}", name.len(), HEADER_NAME.most)))
    } else if let Some(other) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        Some(Problem::new(format!("`{name}` and `{other}` are one header")).help("HTTP ignores the letter case of names: keep one of them"))
    } else if begins(CORS) {
        let problem = Problem::new(format!("`{name}` cannot be declared"));
        Some(problem.help("every page can be read from other origins anyway (Access-Control-Allow-Origin: *); leave it out"))
    } else if is_one_of(CLOUDFRONT) || CLOUDFRONT_PREFIXES.iter().any(|prefix| begins(prefix)) {
        Some(Problem::new(format!("`{name}` is written by CloudFront itself")).help("leave it out"))
    } else if is_one_of(OF_A_FILE) {
        Some(Problem::new(format!("`{name}` differs from file to file, and a header here is the same for all")).help("leave it out"))
    } else {
        None
    }
}

fn of_value(name: &str, value: &str) -> Option<Problem> {
    if value.is_empty() {
        return Some(Problem::new(format!("`{name}` has no value")).help("give it one, or leave the header out"));
    }
    if value.contains(['\n', '\r']) {
        let problem = Problem::new(format!("the value of `{name}` has several lines"));
        return Some(problem.help("write >- behind the colon: it joins the lines below to one"));
    }
    // HTTP allows other characters in theory only (RFC 9110, 5.5).
    if let Some(odd) = value.chars().find(|c| !matches!(c, ' '..='~')) {
        let problem = Problem::new(format!("the value of `{name}` has the character {odd:?}"));
        return Some(problem.expected("expected letters, digits, blanks and punctuation of ASCII"));
    }
    if let Err(expected) = security_header_value(name, value) {
        return Some(Problem::new(format!("CloudFront cannot send `{name}: {value}`")).expected(expected));
    }
    let is_policy = security_header(name) == Some(CONTENT_SECURITY_POLICY);
    if !is_policy && !HEADER_VALUE.fits(value.len()) {
        return Some(Problem::new(format!("the value takes {} characters, CloudFront allows {}", value.len(), HEADER_VALUE.most)));
    }
    None
}
