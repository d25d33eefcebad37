//! Declared names and the names derived from them: two names that differ in the file differ everywhere.

use std::collections::{BTreeMap, BTreeSet};

use liveinsight::aws::Target;
use liveinsight::stack::{Content, Stack, declare, table_variable};
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::parse;

const HEAD: &str = "project: shop\nregion: us-east-1\n";
/// Names that are easily confused: by case, by separator, or by a suffix with a meaning.
const NAMES: [&str; 14] =
    ["a-b", "a_b", "A-b", "A_B", "aB", "ab", "a-b-", "a", "a-function", "a_function", "a-b-table", "b-table", "static", "API"];
/// Names of pages that are easily confused; they are also names of outputs.
const PAGES: [&str; 12] = [
    "a_b_function",
    "a_b_table",
    "a_function",
    "api_url",
    "rest_api_id",
    "bucket",
    "dashboard_url",
    "distribution_id",
    "x_url",
    "x",
    "x_tag",
    "y",
];

fn section(head: &str, names: &[&str], value: &str) -> String {
    if names.is_empty() { String::new() } else { names.iter().fold(head.to_owned(), |text, name| format!("{text}    {name}: {value}\n")) }
}

fn check(tables: &[&str], functions: &[&str], alarms: &[&str], pages: &[&str]) -> Result<(), TestCaseError> {
    let text = [
        HEAD.to_owned(),
        section("tables:\n", tables, "{ partition_key: { name: id, type: S } }"),
        section("functions:\n", functions, "{ source: f }"),
        section("alarms:\n  rules:\n", alarms, "{ table: t, metric: read_throttles, threshold: 1 }"),
        section("site:\n  source: site\n  outputs:\n", pages, "a.js"),
    ]
    .concat();
    // An alarm needs a table to watch.
    let text =
        if alarms.is_empty() { text } else { text.replace("table: t,", &format!("table: {},", tables.first().copied().unwrap_or("t"))) };
    let Ok(stack) = parse(&text, None) else { return Ok(()) };
    distinct(&stack, pages)
}

/// Fails where two declared names share an output, a variable or a name in AWS.
fn distinct(stack: &Stack, pages: &[&str]) -> Result<(), TestCaseError> {
    let declaration = declare(stack, &Target::aws("aws", &stack.region, "123456789012"), &Content::default());
    let outputs: BTreeSet<&str> = declaration.output_names().collect();
    // Each page is a script and has a tag. A page with the name of a tag replaces that tag.
    let tags =
        pages.iter().map(|name| format!("{}_tag", name.strip_suffix("_url").unwrap_or(name))).filter(|tag| !pages.contains(&tag.as_str()));
    let of_site = if stack.site.is_some() { 3 + pages.len() + tags.count() } else { 0 };
    prop_assert_eq!(outputs.len(), stack.tables.len() + stack.functions.len() + of_site, "{:?}", outputs);

    let variables: BTreeSet<String> = stack.tables.keys().map(|table| table_variable(table)).collect();
    prop_assert_eq!(variables.len(), stack.tables.len(), "{:?}", variables);

    let mut physical: BTreeMap<(&str, String), &str> = BTreeMap::new();
    for entry in declaration.graph.entries() {
        let kind = entry.id.kind();
        // Aliases and permissions have the name of their function. IAM compares names without case.
        if ["lambda.alias", "lambda.permission"].contains(&kind) {
            continue;
        }
        let name = if kind.starts_with("iam.") { entry.name.to_lowercase() } else { entry.name.clone() };
        let other = physical.insert((kind, name), entry.id.as_str());
        prop_assert!(other.is_none(), "{:?} and {} are one", other, entry.id);
    }
    Ok(())
}

fn some(names: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(names.to_vec(), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_that_differ_never_become_one(tables in some(&NAMES), functions in some(&NAMES), alarms in some(&NAMES), pages in some(&PAGES)) {
        check(&tables, &functions, &alarms, &pages)?;
    }

    #[test]
    fn any_two_names_stay_two(one in "[a-zA-Z][a-zA-Z0-9_-]{0,6}", other in "[a-zA-Z][a-zA-Z0-9._-]{0,6}") {
        prop_assume!(one != other);
        check(&[&one, &other], &[&one, &other], &[&one, &other], &[])?;
        check(&[&one], &[&other], &[], &[])?;
    }
}

#[test]
fn collisions_are_refused_on_their_lines() {
    for (text, line, message) in [
        ("functions:\n  a-b: { source: f }\n  a_b: { source: f }\n", 5, "the function `a-b` and `a_b` have the same output"),
        (
            "tables:\n  a-b: &t { partition_key: { name: id, type: S } }\n  A_b: *t\n",
            4,
            "the tables `A_b` and `a-b` have the same environment variable",
        ),
        ("site: { source: s, outputs: {\n  bucket: a.html } }\n", 4, "`bucket` is an output of the site already"),
        ("site: { source: s, outputs: {\n  api_url: a.html } }\n", 4, "`api_url` is an output of the API already"),
        (
            "functions: { f: { source: f } }\nsite: { source: s, outputs: {\n  f_function: a.html } }\n",
            5,
            "`f_function` is an output of the function `f` already",
        ),
        ("site: { source: s, outputs: {\n  x: a.js,\n  x_url: b.js } }\n", 5, "the scripts `x` and `x_url` have the same output"),
        ("tags: { Team: a }\nenvironments:\n  dev: { tags: { team: b } }\n", 5, "the tags `Team` and `team` differ only in case"),
        (
            "functions:\n  f: { source: f, environment: { A_TOKEN: x } }\nenvironments:\n  dev: { functions: { f: { secrets: [A_TOKEN] } } }\n",
            6,
            "`A_TOKEN` is a variable of the function, with its value in the file",
        ),
        (
            "functions:\n  f: { source: f, secrets: [A_TOKEN] }\nenvironments:\n  dev: { functions: { f: { environment: { A_TOKEN: x } } } }\n",
            6,
            "`A_TOKEN` is a secret of the function",
        ),
    ] {
        let error = parse(&format!("{HEAD}{text}"), None).unwrap_err();
        assert_eq!((error.message(), error.line(), error.problems().len()), (message, Some(line), 1), "{error}");
    }
}

#[test]
fn a_physical_name_leads_back_to_one_declared_name() {
    let stack = parse("project: shop\nregion: us-east-1\n", None).unwrap();
    let names = stack.names("123456789012");
    for thing in NAMES {
        assert_eq!(names.owns(&names.function(thing)), Some(thing));
    }
}

#[test]
fn a_function_called_api_and_the_api_have_a_log_group_each() {
    let stack = parse(&format!("{HEAD}functions:\n  api: {{ source: f, route: GET /api/things }}\n"), None).unwrap();
    let declaration = declare(&stack, &Target::aws("aws", &stack.region, "123456789012"), &Content::default());
    let groups: Vec<&str> =
        declaration.graph.entries().iter().filter(|entry| entry.id.kind() == "logs.log_group").map(|entry| entry.id.as_str()).collect();
    assert_eq!(groups, ["logs.log_group/api.function", "logs.log_group/api"]);
}
