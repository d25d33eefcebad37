//! All mistakes of a file in one error: none hides another, and none causes a false message.

use std::collections::BTreeSet;
use std::fs;

use liveinsight::stack::Stack;
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::parse;

/// File without mistakes. Each mistake replaces a text that occurs in it once.
const SOUND: &str = "\
project: shop
region: us-east-1
default_environment: dev
tags: { team: web }
environments:
  dev: { logs: { retention_days: 1 } }
  live:
    protect: true
    functions: { pay: { memory: 512 } }
tables:
  orders:
    partition_key: { name: id, type: S }
    indexes:
      ByDay: { partition_key: { name: day, type: S } }
  visits: { partition_key: { name: visit, type: N }, ttl: until }
functions:
  order:
    source: order
    route: POST /api/orders
    reads: [orders]
    writes: [orders]
    timeout: 10s
  pay:
    source: pay
    route: GET /api/pay/{id}
    environment: { LEVEL: info }
  sweep:
    source: sweep
    secrets: [A_TOKEN]
    architecture: arm64
api:
  cors: { origins: ['https://a.example'], headers: [X-A] }
  throttle: { requests_per_minute: 60 }
site: { source: pages, outputs: { script_url: a.js } }
smoke:
  - { request: POST /api/orders, status: 202, body: '{}' }
  - { request: GET /a.html, of: site, within: 5s }
  - { request: HEAD /nothing, status: 403 }
alarms:
  rules:
    order-errors: { function: order, metric: errors, threshold: 5 }
    slow: { api: latency, threshold: 1s, period: 5m }
    throttled: { table: visits, metric: read_throttles, threshold: 1 }
";

/// Text of the file, the mistake that a hasty user writes instead, and the message that must appear.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("project: shop", "project: My Shop", "`My Shop` cannot be the name of a project"),
    ("region: us-east-1", "region: us-east1", "`us-east1` is not an AWS region"),
    ("default_environment: dev", "default_environment: devel", "there is no environment `devel`"),
    ("{ team: web }", "{ team: 'a&b' }", "the tag's value has a character that AWS does not allow"),
    ("retention_days: 1 ", "retention_days: 2 ", "CloudWatch cannot keep logs for 2 days"),
    ("protect: true", "protect: yes", "`yes` is not true or false"),
    ("memory: 512", "memory: lots", "`lots` is not a whole number"),
    ("name: id, type: S", "name: id, type: STR", "a key attribute cannot be of type `STR`"),
    ("name: day, type: S", "name: day", "`partition_key` has no `type`"),
    ("ttl: until", "tlt: until", "unknown key `tlt`"),
    ("visits: { partition_key: { name: visit, type: N }, ttl: until }", "visits:", "a value is missing"),
    ("source: order\n", "sauce: order\n", "unknown key `sauce`"),
    ("route: POST /api/orders", "route: PSOT /api//orders", "`PSOT` is not a method a route can have"),
    ("route: POST /api/orders", "route: PSOT /api//orders", "the path `/api//orders` has an empty segment"),
    ("reads: [orders]", "reads: [order]", "there is no table `order`"),
    ("writes: [orders]", "writes: orders", "`orders` is not a list"),
    ("timeout: 10s", "timeout: 10w", "unknown unit `w`, expected a length of time such as 30s, 5m or 2h"),
    ("source: pay\n", "\n", "`pay` has no `source`"),
    ("{ LEVEL: info }", "{ LEVEL: [info] }", "a list cannot be here"),
    ("secrets: [A_TOKEN]", "secrets: [LEVEL]", "by its name, `LEVEL` is no secret: its value would be shown in plans"),
    ("architecture: arm64", "architecture: arm", "`arm` is not possible here"),
    ("'https://a.example'", "a.example", "`a.example` is not an origin"),
    ("headers: [X-A]", "headers: [X A]", "`X A` is not the name of a header"),
    ("requests_per_minute: 60", "requests_per_minute: 0", "`requests_per_minute` would let nothing through, or is beyond all limits"),
    ("status: 202", "status: 2020", "2020 is not a status of HTTP"),
    ("status: 403", "status: no", "`no` is not a whole number"),
    ("request: GET /a.html", "requst: GET /a.html", "unknown key `requst`"),
    ("of: site", "of: sites", "`sites` is no address of the stack"),
    ("within: 5s", "within: 6m", "360 s is too long: visitors meet what does not work meanwhile"),
    ("script_url: a.js", "bucket: a.js", "`bucket` is an output of the site already"),
    ("metric: errors", "metric: error", "unknown metric `error`"),
    ("threshold: 5", "threshold: many", "`many` is not a number of times such as 5, a share such as 10%, or a time such as 25s or 800ms"),
    ("api: latency", "api: slow", "unknown metric `slow`"),
    ("period: 5m", "period: 90s", "a period of 90 s is not made of whole minutes"),
    ("metric: read_throttles", "colour: red", "unknown key `colour`"),
];

/// Returns the file with these mistakes, and the expected messages. If two mistakes replace the same text, the first one stays.
fn broken(mistakes: &[usize]) -> (String, BTreeSet<&'static str>) {
    let (mut text, mut messages) = (SOUND.to_owned(), BTreeSet::new());
    for (from, to, _) in mistakes.iter().map(|index| MISTAKES[*index]) {
        if text.contains(from) {
            text = text.replace(from, to);
            // One text can cause two messages.
            messages.extend(MISTAKES.iter().filter(|(other, ..)| *other == from).map(|(.., message)| *message));
        }
    }
    (text, messages)
}

#[test]
fn the_file_without_mistakes_is_sound() {
    parse(SOUND, None).unwrap();
    let places: BTreeSet<&str> = MISTAKES.iter().map(|(from, ..)| *from).collect();
    assert!(places.iter().all(|from| SOUND.matches(from).count() == 1), "each stands there once");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_mistakes_are_named_together_and_nothing_else(mistakes in subsequence((0..MISTAKES.len()).collect::<Vec<_>>(), 1..MISTAKES.len())) {
        let (text, expected) = broken(&mistakes);
        let error = parse(&text, None).expect_err("there are mistakes");
        let found: BTreeSet<&str> = error.problems().iter().map(|problem| problem.message.as_str()).collect();
        // An alarm without a metric adds this message to the one about the unknown key.
        let extra = "the alarm does not say which metric it watches";
        let found: BTreeSet<&str> = found.into_iter().filter(|message| *message != extra).collect();
        prop_assert_eq!(found, expected, "{}", text);
        let lines: Vec<_> = error.problems().iter().map(|problem| problem.position.map(|position| position.line)).collect();
        prop_assert!(lines.is_sorted(), "{:?}", lines);
    }
}

#[test]
fn mistakes_of_the_text_the_disk_and_the_environment_come_together() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stack.yaml");
    let text = "project: shop\nregion: us-east-1\nfunctions:\n  a: { source: nowhere, memory: 1 }\n  b: { source: [], secrets: [NOBODY_SETS_THIS_TOKEN] }\n  c: { source: neither }\nsite: { source: pages }\n";
    fs::write(&path, text).unwrap();
    let error = Stack::load(&path, None, None).unwrap_err();
    let found: Vec<&str> = error.problems().iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        found,
        [
            "there is no directory `nowhere`",
            "Lambda has no memory of 1 MB",
            "a list cannot be here",
            "the environment variable NOBODY_SETS_THIS_TOKEN, a secret of `b`, is not set",
            "there is no directory `neither`",
            "there is no directory `pages`",
        ]
    );
}

#[test]
fn more_mistakes_than_are_shown_in_full_are_all_named() {
    let functions = (0..40).map(|index| format!("  f{index}: {{ source: f, memory: {index} }}\n")).collect::<Vec<_>>().concat();
    let error = parse(&format!("project: shop\nregion: us-east-1\nfunctions:\n{functions}"), None).unwrap_err();
    assert_eq!(error.problems().len(), 40);
    let text = error.to_string();
    for line in 4..44 {
        assert!(text.contains(&format!("stack.yaml:{line}:")), "line {line} is not named: {text}");
    }
}

#[test]
fn a_mistake_behind_an_anchor_is_named_once() {
    let text = "project: a\nregion: us-east-1\nfunctions:\n  one: &base { source: one, memory: lots }\n  two: { <<: *base, source: two }\n  three: *base\n";
    let error = parse(text, None).unwrap_err();
    assert_eq!(error.problems().len(), 1, "{error}");
    assert_eq!(error.line(), Some(4));
}

#[test]
fn a_list_for_the_file_is_one_mistake() {
    for text in ["- project: a\n", "project\n"] {
        let error = parse(text, None).unwrap_err();
        assert_eq!(error.problems().len(), 1, "{error}");
    }
}
