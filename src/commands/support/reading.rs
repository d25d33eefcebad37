//! Reports access to the product's numbers where the defaults decide. Reading is closed until a token is set or reading is made
//! public. Writing accepts events for any site until the sites are listed.

use crate::{
    aws::Target,
    stack::{Names, SecretsFrom, Stack},
};
use shared::{
    parameters,
    sites::SITES,
    token::{OPEN_READING, READ_TOKEN_SHA256, READERS, READING_CLOSED, Readers},
};

/// Routes that return numbers.
const READS: [&str; 2] = ["GET /api/realtime", "GET /api/stats"];
/// Route that accepts events.
const COUNTS: &str = "POST /api/events";

/// Returns the reason that reading is closed, with the remedy; `None` if it is open or the stack is not the product's.
pub(in crate::commands) fn closed(stack: &Stack, names: &Names, target: &Target) -> Option<String> {
    // The local AWS allows reading unless a token is set.
    if !stack.counts_events() || target.functions_on_host {
        return None;
    }
    // The function itself finds a token in a parameter, and does not start without one.
    let has_parameter = |name: &str| stack.functions.get(name).is_some_and(|function| function.parameters.contains(READ_TOKEN_SHA256));
    let is_closed = |name: &&str| {
        if has_parameter(name) {
            return false;
        }
        let variables = stack.variables(name, names);
        let value = |name: &str| variables.get(name).map(String::as_str);
        Readers::parse(value(READ_TOKEN_SHA256), value(READERS)) == Ok(Readers::Nobody)
    };
    let closed: Vec<&str> = routed(stack, &READS).filter(is_closed).collect();
    if closed.is_empty() {
        return None;
    }
    let (functions, environment) = (closed.join(" and "), &stack.environment);
    let hash = "$(printf %s \"$TOKEN\" | sha256sum | cut -d' ' -f1)";
    let run = match stack.secrets_from {
        SecretsFrom::Environment => format!("{READ_TOKEN_SHA256}={hash} liveinsight up --env {environment}"),
        SecretsFrom::Ssm => {
            let put = parameters::put(&names.parameter(READ_TOKEN_SHA256), &stack.region, false);
            format!("{}\n  liveinsight up --env {environment}", put.replace("VALUE", hash))
        }
    };
    Some(format!(
        "{READING_CLOSED}; {OPEN_READING}: name it under `secrets` of {functions} in stack.yaml, choose a TOKEN, and run\n  {run}\n\
         or let everybody read: `readers: public`"
    ))
}

/// Returns the notice that events are accepted for any site, with the remedy; `None` if the sites are listed or the stack is
/// not the product's.
pub(in crate::commands) fn any_site(stack: &Stack, names: &Names, target: &Target) -> Option<String> {
    if target.functions_on_host {
        return None;
    }
    let takes_any = |name: &&str| stack.variables(name, names).get(SITES).is_none_or(String::is_empty);
    let open = routed(stack, &[COUNTS]).find(takes_any)?;
    Some(format!("events are taken for any site; list yours under `environment` of {open} in stack.yaml, such as {SITES}: default"))
}

/// Returns the functions with one of these routes.
fn routed<'stack>(stack: &'stack Stack, routes: &[&str]) -> impl Iterator<Item = &'stack str> {
    let is_one = |route: String| routes.contains(&route.as_str());
    let functions = stack.functions.iter();
    functions.filter(move |(_, function)| function.routes.iter().any(|route| is_one(route.to_string()))).map(|(name, _)| name.as_str())
}

#[cfg(test)]
mod tests {
    use super::{any_site, closed};
    use crate::{aws::Target, stack::Stack};
    use shared::token::{OPEN_READING, READING_CLOSED};
    use std::path::Path;

    const SHIPPED: &str = include_str!("../../../stack.yaml");
    const ACCOUNT: &str = "123456789012";

    fn said(text: &str, environment: &str) -> (Option<String>, Option<String>) {
        let stack = Stack::parse(text, "stack.yaml", Path::new("."), Some(environment), None).unwrap();
        let (names, target) = (stack.names(ACCOUNT), Target::aws("aws", &stack.region, ACCOUNT));
        let local = Target { functions_on_host: true, ..target.clone() };
        assert_eq!((closed(&stack, &names, &local), any_site(&stack, &names, &local)), (None, None), "locally everything is open");
        (closed(&stack, &names, &target), any_site(&stack, &names, &target))
    }

    #[test]
    fn reading_is_closed_in_every_environment_until_a_token_is_set_or_it_is_public() {
        for environment in ["dev", "prod"] {
            let text = said(SHIPPED, environment).0.unwrap();
            assert!(
                text.starts_with(&format!("{READING_CLOSED}; {OPEN_READING}: ")) && text.contains("realtime-api and stats-api"),
                "{text}"
            );
            assert!(text.contains(&format!(" liveinsight up --env {environment}\n")) && text.contains("readers: public"), "{text}");
        }
        let hash = "0".repeat(64);
        let open =
            SHIPPED.replace("    memory: 256\n", &format!("    memory: 256\n    environment: {{ READ_TOKEN_SHA256: \"{hash}\" }}\n"));
        assert_eq!(said(&open, "prod").0, None);
        let public = format!("{SHIPPED}\nreaders: public\n");
        assert_eq!((said(&public, "dev").0, said(&public, "prod").0), (None, None));
        let dev = SHIPPED.replace("  dev: {}\n", "  dev: { readers: public }\n");
        assert_eq!(said(&dev, "dev").0, None);
        assert!(said(&dev, "prod").0.is_some());
    }

    #[test]
    fn a_token_in_a_parameter_opens_reading_and_the_way_there_is_told() {
        let text = format!("{SHIPPED}\nsecrets_from: ssm\n");
        let closed = said(&text, "prod").0.unwrap();
        let put =
            "\n  aws ssm put-parameter --region us-east-1 --type SecureString --name /liveinsight/prod/READ_TOKEN_SHA256 --value $(printf";
        assert!(closed.contains(put) && closed.contains("\n  liveinsight up --env prod\n"), "{closed}");
        let open = text.replace("    memory: 256\n", "    memory: 256\n    secrets: [READ_TOKEN_SHA256]\n");
        assert_eq!(said(&open, "prod").0, None);
    }

    #[test]
    fn events_are_taken_for_any_site_until_the_sites_are_listed() {
        assert!(said(SHIPPED, "dev").1.is_some_and(|text| text.contains("event-collector") && text.contains("SITES")));
        let listed = SHIPPED.replace("    route: POST /api/events\n", "    route: POST /api/events\n    environment: { SITES: default }\n");
        assert_eq!(said(&listed, "dev").1, None);
    }

    #[test]
    fn other_stacks_have_no_readers() {
        let text = "project: shop\nregion: us-east-1\nenvironments: { prod: {} }\nfunctions:\n  a: { source: a, route: GET /api/stats }\n";
        assert_eq!(said(text, "prod"), (None, None));
    }

    #[test]
    fn the_dashboard_says_it_in_the_same_words() {
        let texts = include_str!("../../../dashboard/src/texts.js").to_lowercase();
        for words in [READING_CLOSED, OPEN_READING] {
            assert!(texts.contains(&words.to_lowercase()), "{words}");
        }
    }
}
