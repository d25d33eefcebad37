//! Whether a request came through the installation's own distribution, and so whether its words about the visitor count.
//!
//! CloudFront tells the API a visitor's address and country in headers that anybody could send to the API directly. The distribution
//! therefore adds a secret of its own (`X-Origin-Verify`), which replaces whatever a visitor sent under that name ("Add custom headers to
//! origin requests", CloudFront Developer Guide).

use crate::token::equals;
use lambda_http::http::HeaderMap;
use std::fmt;

/// The header with the secret.
pub const HEADER: &str = "x-origin-verify";
/// Variable with the secrets that are taken, with commas between them.
pub const ORIGIN_VERIFY: &str = "ORIGIN_VERIFY";
/// Variable that closes the API to all that does not carry one: `true`.
pub const ORIGIN_ONLY: &str = "ORIGIN_ONLY";
/// Stands among the secrets while the distribution does not send one everywhere yet: every request's headers are believed, and none is refused.
pub const ANY: &str = "*";
/// Shortest secret, in characters: 128 bits of hexadecimal digits.
pub const SHORTEST_SECRET: usize = 32;

/// Tells requests through the distribution from others.
#[derive(Clone, Default)]
pub struct Edge {
    /// All of them are taken, so that a secret can be replaced while the distribution still sends the one before.
    secrets: Vec<String>,
    /// Set if requests without one are taken as well, as before there was one.
    takes_any: bool,
    refuses_others: bool,
}

impl Edge {
    /// Reads the secrets, and whether other requests are refused. Without secrets every request's headers are believed.
    ///
    /// # Errors
    /// If a secret is too short, or if others are to be refused and there is nothing to tell them by.
    pub fn parse(secrets: Option<&str>, only: Option<&str>) -> Result<Self, String> {
        let secrets: Vec<String> =
            secrets.unwrap_or_default().split(',').map(str::trim).filter(|secret| !secret.is_empty()).map(str::to_owned).collect();
        let (any, secrets): (Vec<String>, Vec<String>) = secrets.into_iter().partition(|secret| secret == ANY);
        if !secrets.iter().all(|secret| is_secret(secret)) {
            return Err(format!(
                "{ORIGIN_VERIFY} must hold secrets of at least {SHORTEST_SECRET} letters and digits: openssl rand -hex 32 makes one"
            ));
        }
        let refuses_others = match only.map(str::trim) {
            None | Some("" | "false") => false,
            Some("true") if secrets.is_empty() && any.is_empty() => {
                return Err(format!("{ORIGIN_ONLY} needs {ORIGIN_VERIFY}: nothing would be let in"));
            }
            Some("true") => true,
            Some(other) => return Err(format!("{ORIGIN_ONLY} must be true or false, not {other}")),
        };
        Ok(Self { secrets, takes_any: !any.is_empty(), refuses_others })
    }

    /// Returns whether headers about the visitor can be believed.
    pub fn vouches(&self, headers: &HeaderMap) -> bool {
        if self.secrets.is_empty() || self.takes_any {
            return true;
        }
        let given = headers.get(HEADER).map(|value| value.as_bytes()).unwrap_or_default();
        // Every secret is compared, so that the time tells nothing of which one fits.
        self.secrets.iter().filter(|secret| equals(secret.as_bytes(), given)).count() > 0
    }

    /// Returns whether a request may be answered at all.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        !self.refuses_others || self.vouches(headers)
    }
}

/// Returns whether a text can be a secret in a header: visible ASCII, no comma, and as long as it takes.
pub fn is_secret(text: &str) -> bool {
    text.len() >= SHORTEST_SECRET && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

impl fmt::Debug for Edge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Edge({} secrets, refuses others: {})", self.secrets.len(), self.refuses_others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    fn headers(secret: Option<&str>) -> HeaderMap {
        secret.map(|secret| (HEADER.parse().unwrap(), secret.parse().unwrap())).into_iter().collect()
    }

    #[test]
    fn only_the_secret_vouches_and_both_do_while_it_is_replaced() {
        let edge = Edge::parse(Some(&format!("{NEW}, {OLD}")), Some("true")).unwrap();
        for secret in [NEW, OLD] {
            assert!(edge.vouches(&headers(Some(secret))) && edge.admits(&headers(Some(secret))));
        }
        let both = format!("{NEW}, {OLD}");
        for other in [None, Some(""), Some("a"), Some(&NEW[..31]), Some(both.as_str()), Some("0123456789abcdef0123456789abcdeg")] {
            assert!(!edge.vouches(&headers(other)) && !edge.admits(&headers(other)), "{other:?}");
        }
        assert!(!Edge::parse(Some(NEW), None).unwrap().vouches(&headers(Some(OLD))), "the old one ends with its entry");
        assert!(Edge::parse(Some(NEW), None).unwrap().admits(&headers(None)));
        assert!(!format!("{edge:?}").contains(NEW));
    }

    #[test]
    fn without_a_secret_every_header_is_believed() {
        let edge = Edge::parse(None, Some("false")).unwrap();
        assert!(edge.vouches(&headers(None)) && edge.admits(&headers(Some("a"))));
    }

    #[test]
    fn while_a_first_secret_is_on_its_way_every_header_is_believed_and_nothing_refused() {
        let edge = Edge::parse(Some(&format!("{NEW},*")), Some("true")).unwrap();
        for secret in [Some(NEW), Some(OLD), None] {
            assert!(edge.vouches(&headers(secret)) && edge.admits(&headers(secret)), "{secret:?}");
        }
    }

    #[test]
    fn a_wrong_setting_is_refused() {
        assert!(Edge::parse(Some("short"), None).is_err_and(|problem| problem.contains("32 letters") && !problem.contains("short,")));
        assert!(Edge::parse(None, Some("true")).is_err_and(|problem| problem.contains(ORIGIN_VERIFY)));
        assert!(Edge::parse(Some(NEW), Some("yes")).is_err());
    }
}
