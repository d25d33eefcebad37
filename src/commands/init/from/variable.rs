//! Environment variables: values that may be written into a file, and those that may not.

use super::description::Variable;

/// Beginnings of values that are credentials, as their issuers make them.
const CREDENTIALS: [&str; 10] = ["AKIA", "ASIA", "sk_live_", "sk_test_", "rk_live_", "ghp_", "github_pat_", "xoxb-", "xoxp-", "-----BEGIN"];

/// Creates a variable. A value that is a credential by its looks is not kept, whatever its name.
pub(super) fn of(name: &str, value: Result<String, String>, line: Option<usize>) -> Variable {
    let value = value.and_then(|value| if is_credential(&value) { Err("its value looks like a credential".to_owned()) } else { Ok(value) });
    Variable { name: name.to_owned(), value, line }
}

/// Tests for a known form of credentials, or an address with a password.
fn is_credential(value: &str) -> bool {
    let has_password = value.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split('/').next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    has_password || CREDENTIALS.iter().any(|begin| value.starts_with(begin))
}

/// Tests for a value that consists of references alone, and so reveals nothing.
pub(super) fn is_reference(value: &str) -> bool {
    value.starts_with("${") && value.ends_with('}') && !value[2..].contains("${")
}

#[cfg(test)]
mod tests {
    use super::{is_credential, is_reference};

    #[test]
    fn credentials_are_recognised_by_their_form() {
        for value in ["postgres://app:hunter2@db.example.com/shop", "AKIAIOSFODNN7EXAMPLE", "-----BEGIN PRIVATE KEY-----"] {
            assert!(is_credential(value), "{value}");
        }
        for value in ["https://example.com/a:b@c", "info", "postgres://db.example.com/shop", "https://user@example.com"] {
            assert!(!is_credential(value), "{value}");
        }
        assert!(is_reference("${tables.keys}") && !is_reference("x${tables.keys}") && !is_reference("${a}-${b}"));
    }
}
