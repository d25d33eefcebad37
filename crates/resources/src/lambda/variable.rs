//! Environment variables of a function, and which of their values are never shown.

use super::release::Made;
use engine::{Ref, secret, unknown};
use serde::Serializer;
use shared::parameters::SUFFIX;
use std::collections::BTreeMap;

/// Parts of names that mark a variable as a secret: its value is never shown.
const HIDING: [&str; 6] = ["SECRET", "TOKEN", "PASSWORD", "CREDENTIAL", "KEY", "ORIGIN_VERIFY"];

/// Value of an environment variable.
#[derive(Debug, Clone)]
pub enum Variable {
    /// Value known to this run.
    Set(String),
    /// Value unknown to this run: not compared, and left as it is.
    Kept,
    /// Value that the engine generates.
    Made(Made),
    /// Value that another resource provides, such as the address of an API.
    Of(Ref<String>),
}

impl From<Option<String>> for Variable {
    fn from(value: Option<String>) -> Self {
        value.map_or(Self::Kept, Self::Set)
    }
}

/// Returns whether the value of a variable of this name is never shown. Only the name decides, because an observed variable may no longer be
/// declared.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    HIDING.iter().any(|part| name.contains(part))
}

/// Returns whether a variable has the name of the parameter of a secret, rather than a secret: `/…/TOKEN_SECRET` in `TOKEN_SECRET_PARAMETER`.
fn names_parameter(name: &str, value: &str) -> bool {
    let secret = name.strip_suffix(SUFFIX).zip(value.rsplit_once('/'));
    secret.is_some_and(|(secret, (path, last))| path.starts_with('/') && last == secret)
}

/// Serializes variables. Values that hide appear as digests, which are compared; unknown ones appear as unknown.
pub(super) fn shown<S: Serializer>(environment: &BTreeMap<String, Variable>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let value = |name: &str, variable: &Variable| match variable {
        Variable::Set(value) if is_secret_name(name) && !names_parameter(name, value) => secret(value),
        Variable::Set(value) => value.clone().into(),
        Variable::Kept => unknown("(not set here)"),
        Variable::Made(made) => made.hidden(),
        Variable::Of(value) => serde_json::to_value(value).unwrap_or_default(),
    };
    serializer.collect_map(environment.iter().map(|(name, variable)| (name, value(name, variable))))
}

#[cfg(test)]
mod tests {
    use super::{Variable, shown};
    use engine::{Changes, Fields};
    use std::collections::BTreeMap;

    #[test]
    fn what_hides_is_told_apart_and_not_shown() {
        let shown = |value: &str| {
            let environment =
                [("LEVEL", "info"), ("token_secret", value)].map(|(name, value)| (name.to_owned(), Variable::Set(value.to_owned())));
            shown(&BTreeMap::from(environment), serde_json::value::Serializer).unwrap()
        };
        assert_ne!(shown("abc"), shown("abd"));
        let change = Changes::between(&Fields::of(&shown("abc")), &Fields::of(&shown("abd")));
        let text = format!("{}", serde_json::to_value(&change).unwrap());
        assert_eq!(text, r#"[{"from":"(secret)","path":"token_secret","to":"(secret)"}]"#);
    }

    #[test]
    fn the_name_of_a_secrets_parameter_is_shown_and_nothing_that_only_resembles_it() {
        let is_shown = |name: &str, value: &str| {
            let environment = BTreeMap::from([(name.to_owned(), Variable::Set(value.to_owned()))]);
            shown(&environment, serde_json::value::Serializer).unwrap()[name] == value
        };
        assert!(is_shown("A_TOKEN_PARAMETER", "/shop/dev/A_TOKEN"));
        for (name, value) in [
            ("A_TOKEN_PARAMETER", "/shop/dev/B_TOKEN"),
            ("A_TOKEN_PARAMETER", "A_TOKEN"),
            ("A_TOKEN_PARAMETER", "x/A_TOKEN"),
            ("A_TOKEN", "/shop/dev/A_TOKEN"),
        ] {
            assert!(!is_shown(name, value), "{name} {value}");
        }
    }
}
