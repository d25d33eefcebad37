//! `stack.yaml` from the outside: the shipped file, other files, and results that must never occur.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use liveinsight::stack::{Code, Crate, Front, Stack, StackError, Statistic, TABLE_METRICS, Watches, find, schema};
use proptest::prelude::*;

mod every;
mod limits;
mod mistakes;
mod names;
mod reference;
mod yaml;

const SHIPPED: &str = include_str!("../../stack.yaml");

/// Parses a text as `stack.yaml`, without looking at any file.
fn parse(text: &str, environment: Option<&str>) -> Result<Stack, StackError> {
    Stack::parse(text, "stack.yaml", Path::new("."), environment, None)
}

#[test]
fn the_shipped_file_is_sound_in_every_environment() {
    let development = parse(SHIPPED, None).unwrap();
    assert_eq!(development.environment, "dev");
    assert!(!development.protect);
    assert_eq!(development.logs.retention_days, 7);
    assert_eq!((development.tables.len(), development.functions.len()), (2, 3));
    assert_eq!(development.alarms.rules.len(), 8);
    assert!((development.api.throttle.rate - 16.67).abs() < 0.01);

    let production = parse(SHIPPED, Some("prod")).unwrap();
    assert!(production.protect);
    assert_eq!(production.logs.retention_days, 30);
    assert_eq!(production.functions, development.functions);
}

#[test]
fn thresholds_are_in_the_units_of_cloudwatch() {
    let rules = parse(SHIPPED, None).unwrap().alarms.rules;
    let of = |name: &str| (rules[name].statistic, rules[name].threshold, rules[name].period);
    assert_eq!(of("event-collector-errors"), (Statistic::Sum, 5.0, 300));
    assert_eq!(of("event-collector-duration"), (Statistic::Maximum, 25_000.0, 300));
    assert_eq!(of("api-4xx"), (Statistic::Average, 0.1, 300));
    assert!(matches!(&rules["events-read-throttles"].watches, Watches::Table { name, .. } if name == "events"));
}

#[test]
fn times_are_watched_by_the_longest_or_by_a_percentile_and_levels_by_the_highest() {
    let text = SHIPPED.replace(
        "  rules:\n",
        "  rules:\n    slow: { api: latency, threshold: 800ms, percentile: 90 }\n    busy: { function: stats-api, metric: concurrency, threshold: 50 }\n",
    );
    let rules = parse(&text, None).unwrap().alarms.rules;
    let of = |name: &str| (rules[name].statistic, rules[name].threshold);
    assert_eq!(of("slow"), (Statistic::Percentile(90), 800.0));
    assert_eq!(of("busy"), (Statistic::Maximum, 50.0));
}

#[test]
fn consumed_units_of_a_table_are_watched_by_their_sum() {
    let text = SHIPPED.replace(
        "  rules:\n",
        "  rules:\n    written: { table: events, metric: consumed_write_units, threshold: 300000 }\n    read: { table: events, metric: consumed_read_units, threshold: 5 }\n",
    );
    let rules = parse(&text, None).unwrap().alarms.rules;
    let of = |name: &str| (rules[name].watches.clone(), rules[name].statistic, rules[name].threshold);
    let watches = |metric: &str| {
        let metric = TABLE_METRICS.iter().find(|known| known.name == metric).unwrap();
        Watches::Table { name: "events".to_owned(), metric }
    };
    assert_eq!(of("written"), (watches("consumed_write_units"), Statistic::Sum, 300_000.0));
    assert_eq!(of("read"), (watches("consumed_read_units"), Statistic::Sum, 5.0));
    assert!(parse(&text.replace("threshold: 300000", "threshold: 10%"), None).is_err(), "they are no share of anything");
}

#[test]
fn a_function_finds_its_tables_and_only_those() {
    let stack = parse(SHIPPED, None).unwrap();
    let names = stack.names("123456789012");
    let variables = |function: &str| stack.variables(function, &names).into_iter().collect::<Vec<_>>();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let (environment, events) = (pair("ENVIRONMENT", "dev"), pair("EVENTS_TABLE", "liveinsight-events-dev"));
    assert_eq!(variables("stats-api"), [environment.clone(), events.clone()]);
    assert_eq!(variables("event-collector"), [environment, events, pair("SESSIONS_TABLE", "liveinsight-sessions-dev")]);
    assert!(stack.variables("nobody", &names).is_empty());
}

#[test]
fn an_environment_overrides_field_by_field() {
    let text = "
project: shop
region: eu-west-1
tags: { team: web, cost: '1' }
environments:
  dev:
  live:
    region: eu-central-1
    tags: { cost: 2 }
    api: { throttle: { requests_per_minute: 60, burst: 3 } }
    functions: { order: { memory: 1024, environment: { LEVEL: warn } } }
    alarms: { notify: 'arn:aws:sns:eu-central-1:123456789012:call' }
    permissions_boundary: arn:aws:iam::123456789012:policy/live
permissions_boundary: arn:aws:iam::aws:policy/PowerUserAccess
functions:
  order: { source: order, route: POST /orders, timeout: 1m, environment: { LEVEL: debug, FLAG: true, PORT: 080 } }
";
    let stack = parse(text, Some("live")).unwrap();
    assert_eq!(stack.region, "eu-central-1");
    assert_eq!((stack.tags["team"].as_str(), stack.tags["cost"].as_str()), ("web", "2"));
    let order = &stack.functions["order"];
    assert_eq!((order.memory, order.timeout), (1024, 60));
    let environment: Vec<_> = order.environment.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(environment, ["FLAG=true", "LEVEL=warn", "PORT=080"], "text is kept as it is typed");
    assert!((stack.api.throttle.rate - 1.0).abs() < f64::EPSILON);
    assert_eq!(stack.alarms.notify.as_deref(), Some("arn:aws:sns:eu-central-1:123456789012:call"));
    assert_eq!(stack.permissions_boundary.as_deref(), Some("arn:aws:iam::123456789012:policy/live"));

    let stack = parse(text, Some("dev")).unwrap();
    assert_eq!((stack.region.as_str(), stack.functions["order"].memory), ("eu-west-1", 256));
    assert_eq!((stack.alarms.notify, stack.api.throttle.burst), (None, 50));
    assert_eq!(stack.permissions_boundary.as_deref(), Some("arn:aws:iam::aws:policy/PowerUserAccess"));
}

#[test]
fn requests_of_a_check_are_as_written_and_an_environment_replaces_the_list() {
    let text = "
project: shop
region: us-east-1
environments:
  dev:
  quiet: { smoke: [] }
  live: { smoke: [{ request: HEAD /, of: site }] }
site: { source: pages }
functions:
  order: { source: order, route: 'POST /orders/{id}' }
  any: { source: any, route: 'GET /files/{rest+}' }
smoke:
  - request: POST  /orders/1?dry=true
    status: 202
    contains: 7
    within: 1m
    body: '{}'
    headers: { X-Probe: 1 }
  - request: DELETE /nothing/known/of/it
";
    let requests = |environment| parse(text, Some(environment)).unwrap().smoke.unwrap();
    let [first, second] = &requests("dev")[..] else { panic!("there are two") };
    assert_eq!((first.to_string().as_str(), first.of.clone()), ("POST /orders/1?dry=true", Front::Api));
    assert_eq!((first.status, first.contains.as_deref(), first.within.as_secs()), (Some(202), Some("7"), 60));
    assert_eq!((first.body.as_deref(), first.headers["X-Probe"].as_str()), (Some("{}"), "1"));
    assert_eq!((second.status, second.within.as_secs()), (None, 30));
    assert!(requests("quiet").is_empty());
    assert_eq!(requests("live")[0].of, Front::Site);
    assert_eq!(parse("project: a\nregion: us-east-1\nsmoke:\n", None).unwrap().smoke, None);

    // Where all routes are exact, one of them has to answer; the gateway's own refusal can be asked for.
    let exact = text.replace("'GET /files/{rest+}'", "GET /files");
    let error = parse(&exact, None).unwrap_err();
    assert_eq!((error.problems().len(), error.message()), (1, "no route answers DELETE /nothing/known/of/it"), "{error}");
    parse(&exact.replace("  - request: DELETE /nothing/known/of/it", "  - { request: GET /nothing, status: 403 }"), None).unwrap();
    parse(&exact.replace("DELETE /nothing/known/of/it", "OPTIONS /orders/2"), None).unwrap();
}

#[test]
fn the_region_of_the_command_line_stands_above_the_file() {
    let region = |region| Stack::parse(SHIPPED, "stack.yaml", Path::new("."), None, Some(region));
    assert_eq!(region("eu-west-1").unwrap().region, "eu-west-1");
    assert_eq!(region("eu-wst").unwrap_err().message(), "`eu-wst` is not an AWS region");
}

#[test]
fn the_smallest_stack_is_a_project_in_a_region() {
    let stack = parse("project: a\nregion: us-east-1\n", None).unwrap();
    assert_eq!(stack.environment, "dev");
    assert!(!stack.has_api());
    assert!(stack.site.is_none() && stack.tables.is_empty() && stack.alarms.rules.is_empty());
}

#[test]
fn sources_may_begin_with_a_dot() {
    let text = "project: a\nregion: us-east-1\nsite: { source: ./pages }\nfunctions:\n  f: { source: ./f }\n";
    assert!(parse(text, None).is_ok());
}

#[test]
fn empty_sections_windows_line_ends_and_a_byte_order_mark_are_fine() {
    let text = "\u{feff}project: a\r\nregion: us-east-1\r\ntables:\r\nfunctions:\r\napi:\r\nalarms:\r\n  rules:\r\ntags:\r\n";
    assert_eq!(parse(text, None).unwrap().project, "a");
}

#[test]
fn aliases_and_merge_keys_work() {
    let text = "
project: a
region: us-east-1
functions:
  one: &base { source: one, memory: 512 }
  two: { <<: *base, source: two }
";
    let stack = parse(text, None).unwrap();
    assert_eq!((stack.functions["two"].memory, &stack.functions["two"].code), (512, &Code::Crate(Crate::at("two"))));
}

#[test]
fn hundreds_of_functions_are_read() {
    let mut text = "project: big\nregion: us-east-1\nfunctions:\n".to_owned();
    for number in 0..400 {
        let _ = writeln!(text, "  f{number}: {{ source: f{number}, route: 'GET /api/f{number}/{{id}}' }}");
    }
    assert_eq!(parse(&text, None).unwrap().functions.len(), 400);
}

#[test]
fn the_file_is_found_from_below() {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("a/b");
    fs::create_dir_all(&below).unwrap();
    assert_eq!(find(&below), None);
    fs::write(directory.path().join("stack.yaml"), SHIPPED).unwrap();
    assert_eq!(find(&below), Some(directory.path().join("stack.yaml")));
}

#[test]
fn the_schema_in_docs_is_the_one_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/stack.schema.json");
    let generated = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(path, &generated).unwrap();
    }
    let written = fs::read_to_string(path).unwrap();
    assert!(written == generated, "docs/stack.schema.json is out of date: run `UPDATE_SCHEMA=1 cargo test --test stack schema`");
}

/// Generates the shipped file with one line removed, repeated, or garbled.
fn mutated() -> impl Strategy<Value = String> {
    let lines = SHIPPED.lines().count();
    (0..lines, 0..5_u8, 0..100_usize, any::<char>()).prop_map(|(at, change, column, character)| {
        let mut lines: Vec<String> = SHIPPED.lines().map(str::to_owned).collect();
        let line = lines[at].clone();
        let cut = line.char_indices().map(|(index, _)| index).chain([line.len()]).nth(column % (line.len() + 1)).unwrap_or(0);
        match change {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, line),
            2 => lines[at].insert(cut, character),
            3 => lines[at].truncate(cut),
            _ => lines[at].insert(0, ' '),
        }
        lines.join("\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Checks that every error has a message, and a line inside the file unless it is about the whole file.
    #[test]
    fn a_damaged_file_is_read_or_explained(text in mutated()) {
        if let Err(error) = parse(&text, None) {
            prop_assert!(!error.message().is_empty());
            prop_assert!(error.to_string().starts_with("stack.yaml"));
            prop_assert!(error.line().is_none_or(|line| line >= 1 && line <= text.lines().count() + 1));
        }
    }

    #[test]
    fn any_text_is_read_or_explained(text in "\\PC{0,200}") {
        if let Err(error) = parse(&text, None) {
            prop_assert!(!error.message().is_empty());
        }
    }
}
