//! Two stacks never claim the same resource, however much their names resemble each other. Needs no AWS.

use super::{Content, Declaration, declare};
use crate::{Names, Stack};
use aws::{REGION, STACK, Tags, Target};
use engine::{Entry, Field, Owner};
use proptest::{prelude::*, sample::select};
use std::{collections::BTreeMap, path::Path};

const ACCOUNT: &str = "123456789012";

/// Names that are prefixes, suffixes and sums of each other, and the fixed names that every stack has.
const WORDS: [&str; 12] = ["a", "b", "c", "ab", "a-b", "b-c", "a-b-c", "a-a", "api", "static", "dev", "api-dev"];
/// Names that `stack.yaml` accepts: the same without `api`, which is the API's name.
const THINGS: [&str; 11] = ["a", "b", "c", "ab", "a-b", "b-c", "a-b-c", "a-a", "static", "dev", "api-dev"];
const ENVIRONMENTS: [&str; 5] = ["a", "b", "dev", "devb", "static"];
const REGIONS: [&str; 3] = ["us-east-1", "us-east-2", "eu-west-1"];

/// A project, an environment, a region, and the name of a table, a function and an alarm.
#[derive(Debug, Clone, PartialEq)]
struct Named {
    project: &'static str,
    environment: &'static str,
    region: &'static str,
    thing: &'static str,
}

impl Named {
    fn is_same_stack(&self, other: &Self) -> bool {
        (self.project, self.environment, self.region) == (other.project, other.environment, other.region)
    }

    fn stack(&self) -> Stack {
        let Self { project, environment, region, thing } = self;
        let text = format!(
            "project: {project}\nregion: {region}\nenvironments: {{ {environment}: {{}} }}\n\
             tables: {{ {thing}: {{ partition_key: {{ name: id, type: S }} }} }}\n\
             functions: {{ {thing}: {{ source: f, route: GET /{thing}/x }} }}\n\
             site: {{ source: s, index: index.html }}\n\
             alarms: {{ rules: {{ {thing}: {{ table: {thing}, metric: read_throttles, threshold: 1, period: 5m }} }} }}\n"
        );
        Stack::parse(&text, "stack.yaml", Path::new("."), None, None).unwrap_or_else(|error| panic!("{text}\n{error:?}"))
    }

    fn declare(&self) -> Declaration {
        declare(&self.stack(), &Target::aws("aws", self.region, ACCOUNT), &Content::default())
    }

    fn names(&self) -> Names {
        self.stack().names(ACCOUNT)
    }
}

fn named() -> impl Strategy<Value = Named> {
    (select(&WORDS[..]), select(&ENVIRONMENTS[..]), select(&REGIONS[..]), select(&THINGS[..]))
        .prop_map(|(project, environment, region, thing)| Named { project, environment, region, thing })
}

/// Returns the text fields of an entry, by path.
fn texts<C: engine::Cloud>(entry: &Entry<C>) -> BTreeMap<String, String> {
    let text = |(path, field): (&str, &Field)| match field {
        Field::Known(serde_json::Value::String(text)) => Some((path.to_owned(), text.clone())),
        _ => None,
    };
    entry.desired().iter().filter_map(text).collect()
}

/// Returns the owner that the entry itself names, as the stack of these names sees it; `None` if it names none.
fn owner<C: engine::Cloud>(entry: &Entry<C>, seen_by: &Named) -> Option<Owner> {
    let texts = texts(entry);
    let (stack, region) = (format!("{}/{}", seen_by.project, seen_by.environment), seen_by.region);
    if let Some(value) = texts.get(&format!("tags.{STACK}")) {
        return Some(Tags::default().with(STACK, value).with(REGION, &texts[&format!("tags.{REGION}")]).owner(&stack, region));
    }
    let description = texts.get("description")?.strip_prefix(&format!("{STACK}="))?;
    Some(if description == format!("{stack} {region}") { Owner::Us } else { Owner::Claimed(description.to_owned()) })
}

proptest! {
    // Each declares a whole stack.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn everything_says_whose_it_is_or_is_part_of_what_does(named in named()) {
        let declaration = named.declare();
        for entry in declaration.graph.entries() {
            let says = declaration.graph.lineage(entry).find_map(|entry| owner(entry, &named));
            prop_assert_eq!(says, Some(Owner::Us), "{}", &entry.id);
        }
    }

    #[test]
    fn no_stack_claims_what_another_declares(one in named(), other in named()) {
        prop_assume!(!one.is_same_stack(&other));
        let declaration = other.declare();
        for entry in declaration.graph.entries() {
            let says = declaration.graph.lineage(entry).find_map(|entry| owner(entry, &one));
            prop_assert!(matches!(says, Some(Owner::Claimed(_))), "{}: {:?}", &entry.id, says);
        }
    }

    #[test]
    fn names_that_are_no_proof_are_shared_only_where_marks_tell(one in named(), other in named()) {
        let (ours, theirs) = (one.names(), other.names());
        // A name is parsed back to the thing that it was made for.
        let name = ours.function(one.thing);
        prop_assert_eq!(ours.owns(&name), Some(one.thing));
        if one.thing != other.thing {
            prop_assert_ne!(ours.function(one.thing), ours.function(other.thing));
        }
        if !one.is_same_stack(&other) {
            // Resources found by these names count as ours without another check, or are written to before anything else.
            prop_assert_ne!(ours.role_path(), theirs.role_path());
            prop_assert_ne!(ours.bucket(), theirs.bucket());
            prop_assert_ne!((ours.stack_tag(), one.region), (theirs.stack_tag(), other.region));
        }
        // A pattern of one stack matches a name of another only if that has the same environment.
        let theirs = theirs.function(other.thing);
        if let Some(thing) = ours.owns(&theirs) {
            prop_assert_eq!(one.environment, other.environment);
            prop_assert_eq!(&ours.function(thing), &theirs);
        }
    }
}
