//! Environment variables: values that may be written into a file, and those that may not.

use super::description::Variable;

/// Beginnings of values that are credentials, as their issuers make them.
const CREDENTIALS: [&str; 24] = [
    "AKIA",
    "ASIA",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "whsec_",
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "npm_",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "https://hooks.slack.com/",
    "SG.",
    "AIza",
    "eyJ",
    "Bearer ",
    "Basic ",
    "{{resolve:",
    "-----BEGIN",
];

/// Parts of names of variables with secret values, beside those by which stack.yaml knows secrets.
const SECRET_NAMES: [&str; 5] = ["PASS", "PWD", "DSN", "SALT", "PRIVATE"];

/// Parts of texts that are followed by a password, as connection strings have them, in small letters.
const PASSWORDS: [&str; 4] = ["pwd=", "password=", "\"password\"", "accountkey="];

/// Creates a variable. A value that is a credential by its looks is not kept, whatever its name.
pub(super) fn of(name: &str, value: Result<String, String>, line: Option<usize>) -> Variable {
    let upper = name.to_ascii_uppercase();
    let is_secret = SECRET_NAMES.iter().any(|part| upper.contains(part));
    let value = value.and_then(|value| {
        if is_secret && !is_reference(&value) {
            Err("it is secret by its name".to_owned())
        } else if is_credential(&value) {
            Err("its value looks like a credential".to_owned())
        } else {
            Ok(value)
        }
    });
    Variable { name: name.to_owned(), value, line }
}

/// Tests for a known form of credentials, or an address with a password.
fn is_credential(value: &str) -> bool {
    let value = value.trim();
    let has_password = value.split_once("://").is_some_and(|(_, rest)| {
        // A password may have a slash in it.
        let before_query = rest.split(['?', '#']).next().unwrap_or_default();
        before_query
            .split_once('@')
            .is_some_and(|(user, _)| user.contains(':') && user.split(':').next().is_some_and(|user| !user.contains('/')))
    });
    let lower = value.to_ascii_lowercase();
    has_password || PASSWORDS.iter().any(|part| lower.contains(part)) || CREDENTIALS.iter().any(|begin| value.starts_with(begin))
}

/// Tests for a value that consists of references alone, and so reveals nothing.
pub(super) fn is_reference(value: &str) -> bool {
    let inner = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    inner.is_some_and(|inner| inner.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)))
}

#[cfg(test)]
mod tests {
    use super::{is_credential, is_reference};

    #[test]
    fn credentials_are_recognised_by_their_form() {
        for value in [
            "postgres://app:hunter2@db.example.com/shop",
            "AKIAIOSFODNN7EXAMPLE",
            "-----BEGIN PRIVATE KEY-----",
            " AKIAX",
            "a://u:p/w@h",
            "Server=x;Pwd=y",
        ] {
            assert!(is_credential(value), "{value}");
        }
        for value in ["https://example.com/a:b@c", "info", "postgres://db.example.com/shop", "https://user@example.com"] {
            assert!(!is_credential(value), "{value}");
        }
        assert!(
            is_reference("${tables.keys}")
                && !is_reference("x${tables.keys}")
                && !is_reference("${a}-${b}")
                && !is_reference("${region}-x}")
        );
    }
}
