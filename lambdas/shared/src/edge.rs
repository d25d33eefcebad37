//! Verifies that a request came through the installation's own distribution. Only then its headers about the visitor count.
//!
//! CloudFront sends the API a visitor's address and country in headers that any client could send to the API directly. The
//! distribution therefore adds a secret of its own (`X-Origin-Verify`), which replaces any value from the visitor under that
//! name ("Add custom headers to origin requests", CloudFront Developer Guide).

use crate::token::equals;
use lambda_http::http::HeaderMap;
use std::fmt;

/// Header that carries the secret.
pub const HEADER: &str = "x-origin-verify";
/// Variable with the accepted secrets, separated by commas.
pub const ORIGIN_VERIFY: &str = "ORIGIN_VERIFY";
/// Variable that closes the API to requests without a secret: `true`.
pub const ORIGIN_ONLY: &str = "ORIGIN_ONLY";
/// Entry among the secrets while the distribution does not send one everywhere yet: every request's headers are trusted, and
/// none is refused.
pub const ANY: &str = "*";
/// Minimum length of a secret, in characters: 128 bits of hexadecimal digits.
pub const SHORTEST_SECRET: usize = 32;

/// Verifier of requests through the distribution.
#[derive(Clone, Default)]
pub struct Edge {
    /// Accepted secrets, several so that one can be replaced while the distribution still sends its predecessor.
    secrets: Vec<String>,
    /// Set if requests without a secret are accepted as well, as before there was one.
    takes_any: bool,
    refuses_others: bool,
}

impl Edge {
    /// Parses the secrets, and the setting that refuses other requests. Without secrets every request's headers are trusted.
    ///
    /// # Errors
    /// If a secret is too short, or if others shall be refused without a secret to distinguish them.
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

    /// Returns true if headers about the visitor can be trusted.
    pub fn vouches(&self, headers: &HeaderMap) -> bool {
        if self.secrets.is_empty() || self.takes_any {
            return true;
        }
        let given = headers.get(HEADER).map(|value| value.as_bytes()).unwrap_or_default();
        // Every secret is compared, so that the time does not reveal which one matches.
        self.secrets.iter().filter(|secret| equals(secret.as_bytes(), given)).count() > 0
    }

    /// Returns true if a request may be answered at all.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        !self.refuses_others || self.vouches(headers)
    }
}

/// Returns true if a text can be a secret in a header: visible ASCII, no comma, and long enough.
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
