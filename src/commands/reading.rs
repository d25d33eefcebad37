//! Says that nobody may read the product's numbers yet: in production its handlers refuse every reader until a token is set.

use crate::stack::{Names, Stack};
use shared::token::{OPEN_READING, READ_TOKEN_SHA256, READING_CLOSED, Readers};

/// Route by which the product is known, and those that read.
const COUNTS: &str = "POST /api/events";
const READS: [&str; 2] = ["GET /api/realtime", "GET /api/stats"];

/// Why reading is closed and what opens it; `None` if it is open, or if the stack is not the product's.
pub(super) fn closed(stack: &Stack, names: &Names) -> Option<String> {
    let route = |name: &str| stack.functions[name].route.as_ref().map(ToString::to_string);
    let functions = || stack.functions.keys().map(String::as_str);
    if !functions().any(|name| route(name).as_deref() == Some(COUNTS)) {
        return None;
    }
    let is_closed = |name: &&str| {
        let variables = stack.variables(name, names);
        Readers::parse(variables.get(READ_TOKEN_SHA256).map(String::as_str), &stack.environment) == Ok(Readers::Nobody)
    };
    let reads = |name: &&str| route(name).is_some_and(|route| READS.contains(&route.as_str()));
    let closed: Vec<&str> = functions().filter(reads).filter(is_closed).collect();
    if closed.is_empty() {
        return None;
    }
    let (functions, environment) = (closed.join(" and "), &stack.environment);
    Some(format!(
        "{READING_CLOSED}; {OPEN_READING}: name it under `secrets` of {functions} in stack.yaml, choose a TOKEN, and run\n  \
         {READ_TOKEN_SHA256}=$(printf %s \"$TOKEN\" | sha256sum | cut -d' ' -f1) liveinsight up --env {environment}"
    ))
}

#[cfg(test)]
mod tests {
    use super::closed;
    use crate::stack::{Names, Stack};
    use shared::token::{OPEN_READING, READING_CLOSED};
    use std::path::Path;

    fn said(text: &str, environment: &str) -> Option<String> {
        let stack = Stack::parse(text, "stack.yaml", Path::new("."), Some(environment), None).unwrap();
        closed(&stack, &Names::new(&stack, "123456789012"))
    }

    #[test]
    fn reading_is_closed_in_production_until_a_token_is_set() {
        let shipped = include_str!("../../stack.yaml");
        let text = said(shipped, "prod").unwrap();
        assert!(text.starts_with(&format!("{READING_CLOSED}; {OPEN_READING}: ")) && text.contains("realtime-api and stats-api"), "{text}");
        assert!(text.ends_with(" liveinsight up --env prod"), "{text}");
        assert_eq!(said(shipped, "dev"), None);
        let hash = "0".repeat(64);
        let open =
            shipped.replace("    memory: 256\n", &format!("    memory: 256\n    environment: {{ READ_TOKEN_SHA256: \"{hash}\" }}\n"));
        assert_eq!(said(&open, "prod"), None);
    }

    #[test]
    fn other_stacks_have_no_readers() {
        let text = "project: shop\nregion: us-east-1\nenvironments: { prod: {} }\nfunctions:\n  a: { source: a, route: GET /api/stats }\n";
        assert_eq!(said(text, "prod"), None);
    }

    #[test]
    fn the_dashboard_says_it_in_the_same_words() {
        let texts = include_str!("../../dashboard/src/texts.js").to_lowercase();
        for words in [READING_CLOSED, OPEN_READING] {
            assert!(texts.contains(&words.to_lowercase()), "{words}");
        }
    }
}
