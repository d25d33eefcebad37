//! Public repositories that stack.yaml can express: counted over a survey of what each needs, and held by `docs/survey.md`.

use liveinsight::stack::schema;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
};

const SURVEY: &str = include_str!("../survey/rust-lambda.tsv");

/// Needs that stack.yaml meets, each with the definition and the key of the schema that say so.
const MET: [(&str, &str, &str); 11] = [
    ("any_proxy", "FunctionFile", "routes"),
    ("multi_route", "FunctionFile", "routes"),
    ("multibin", "FunctionFile", "binary"),
    ("iam_custom", "FunctionFile", "permissions"),
    ("env_ref", "FunctionFile", "environment"),
    ("lambda_auth", "ApiFile", "authorizers"),
    ("binary_media", "ApiFile", "binary_media_types"),
    ("layer", "FunctionFile", "layers"),
    ("build_flags", "FunctionFile", "features"),
    ("extra_files", "FunctionFile", "include"),
    ("payload_v2", "FunctionFile", "url"),
];

/// Needs of each repository that is a product or a realistic sample, rather than a greeting.
fn needs() -> Vec<BTreeSet<&'static str>> {
    let mut lines = SURVEY.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let column = |name: &str| head.iter().position(|column| *column == name).unwrap();
    let (class, hard) = (column("class"), column("hard"));
    let rows = lines.filter(|row| ["P", "S"].contains(&row[class]));
    rows.map(|row| row.get(hard).into_iter().flat_map(|needs| needs.split(',')).filter(|need| !need.is_empty()).collect()).collect()
}

/// Returns the number of repositories without other needs than these.
fn expressed(all: &[BTreeSet<&str>], met: &BTreeSet<&str>) -> usize {
    all.iter().filter(|needs| needs.is_subset(met)).count()
}

fn page() -> String {
    let all = needs();
    let share = |count: usize| format!("{count} of {} ({} %)", all.len(), (200 * count / all.len()).div_ceil(2));
    let mut text = format!(
        "# What stack.yaml can express\n\n\
         {} public repositories deploy Rust on Lambda as a product or a realistic sample (`tests/survey/rust-lambda.tsv`: repository, commit, and what\n\
         each needs that not every tool has). stack.yaml expresses those whose needs it meets all. Needs in the order in which they came:\n\n\
         | need | key | repositories with it | expressed so far |\n|---|---|---|---|\n| none | | | {} |\n",
        all.len(),
        share(expressed(&all, &BTreeSet::new()))
    );
    let mut met = BTreeSet::new();
    for (need, _, key) in MET {
        met.insert(need);
        let with = all.iter().filter(|needs| needs.contains(need)).count();
        writeln!(text, "| {need} | `{key}` | {with} | {} |", share(expressed(&all, &met))).unwrap();
    }
    let mut alone: BTreeMap<&str, usize> = BTreeMap::new();
    for needs in &all {
        if let [need] = needs.difference(&met).collect::<Vec<_>>()[..] {
            *alone.entry(need).or_default() += 1;
        }
    }
    let mut alone: Vec<_> = alone.into_iter().collect();
    alone.sort_by_key(|(need, count)| (std::cmp::Reverse(*count), *need));
    let alone: Vec<String> = alone.into_iter().map(|(need, count)| format!("{need} {count}")).collect();
    write!(text, "\nOne need alone keeps these from being expressed: {}.\n\n", alone.join(", ")).unwrap();
    text.push_str("This page is made from the survey. To make it again: `UPDATE_DOCS=1 cargo test --test cli survey`.\n");
    text
}

#[test]
fn the_count_of_the_survey_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/survey.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert!(fs::read_to_string(&path).is_ok_and(|kept| kept == page), "run `UPDATE_DOCS=1 cargo test --test cli survey`");
}

#[test]
fn each_need_that_is_met_has_its_key_in_stack_yaml_and_a_repository() {
    let (schema, all) = (schema(), needs());
    for (need, definition, key) in MET {
        assert!(schema["$defs"][definition]["properties"][key].is_object(), "{need}: {definition} has no {key}");
        assert!(all.iter().any(|needs| needs.contains(need)), "{need}: nobody needs it");
    }
}
