//! Every limit of AWS that a file can exceed, at the last number that it allows and at the next.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use liveinsight::stack::limits::{self, Limit, Source};
use liveinsight::stack::{RETENTION_DAYS, Stack, StackError};

use super::parse;

const HEAD: &str = "project: shop\nregion: us-east-1\n";
/// Length of the physical name without the logical one: `shop-` and `-dev`.
const AROUND: usize = "shop--dev".len();

fn x(length: usize) -> String {
    "x".repeat(length)
}

/// Returns a file that has exactly `n` of the things or units that a limit counts, and the key or value that the error must point at.
#[expect(clippy::too_many_lines, reason = "one entry for each limit")]
fn file(limit: &Limit, n: u64) -> (String, String) {
    let size = usize::try_from(n).expect("a size that fits");
    let named = |section: &str, value: &str| {
        let name = x(size.saturating_sub(AROUND));
        (format!("{HEAD}{section}  {name}: {value}\n"), name)
    };
    let function = |field: &str, value: &str| (format!("{HEAD}functions:\n  f:\n    source: f\n    {field}: {value}\n"), value.to_owned());
    let table = |rest: &str| format!("{HEAD}tables:\n  t:\n    partition_key: {{ name: id, type: S }}\n{rest}");
    let alarm = |period: &str, periods: u64| {
        let rule = format!("a: {{ function: f, metric: errors, threshold: 1, period: {period}, periods: {periods} }}");
        (format!("{HEAD}functions: {{ f: {{ source: f }} }}\nalarms:\n  rules:\n    {rule}\n"), periods.to_string())
    };
    let found = |(text, place): (String, String)| (text, place);
    if *limit == limits::FUNCTION_NAME {
        found(named("functions:\n", "{ source: f }"))
    } else if *limit == limits::MEMORY {
        function("memory", &n.to_string())
    } else if *limit == limits::TIMEOUT {
        function("timeout", &n.to_string())
    } else if *limit == limits::EPHEMERAL_STORAGE {
        function("ephemeral_storage", &n.to_string())
    } else if *limit == limits::LAYERS {
        let layers: Vec<String> = (0..n).map(|index| format!("'arn:aws:lambda:us-east-1:123456789012:layer:l{index}:1'")).collect();
        (format!("{HEAD}functions:\n  f:\n    source: f\n    layers: [{}]\n", layers.join(", ")), "layers".to_owned())
    } else if *limit == limits::ENVIRONMENT {
        // {"BIG":"…","ENVIRONMENT":"dev"}
        let room = size - r#"{"BIG":"","ENVIRONMENT":"dev"}"#.len();
        (format!("{HEAD}functions:\n  f:\n    source: f\n    environment: {{ BIG: {} }}\n", x(room)), "environment".to_owned())
    } else if *limit == limits::ANSWER_TIME {
        (format!("{HEAD}functions:\n  f:\n    source: f\n    route: GET /x\n    timeout: {n}\n"), n.to_string())
    } else if *limit == limits::API_RESOURCES {
        let mut text = format!("{HEAD}functions:\n");
        for index in 0..n {
            let _ = writeln!(text, "  f{index}: {{ source: f, route: GET /r{index} }}");
        }
        (text, "functions".to_owned())
    } else if *limit == limits::STAGE_NAME {
        let name = x(size);
        (format!("project: s\nregion: us-east-1\nenvironments:\n  {name}: {{}}\n"), name)
    } else if *limit == limits::THROTTLE {
        (format!("{HEAD}api: {{ throttle: {{ requests_per_minute: 60, burst: {n} }} }}\n"), n.to_string())
    } else if *limit == limits::AUTHORIZERS {
        let authorizers: Vec<String> = (0..n).map(|index| format!("a{index}: {{ function: f }}")).collect();
        let api = format!("api: {{ authorizers: {{ {} }} }}\n", authorizers.join(", "));
        (format!("{HEAD}functions: {{ f: {{ source: f }} }}\n{api}"), "authorizers".to_owned())
    } else if *limit == limits::DECISION_CACHE {
        let api = format!("api:\n  authorizers:\n    a:\n      function: f\n      cache: {n}\n");
        (format!("{HEAD}functions: {{ f: {{ source: f }} }}\n{api}"), n.to_string())
    } else if *limit == limits::PASSED_HEADERS {
        // Nine are passed on anyway.
        let from: Vec<String> = (9..n).map(|index| format!("header.X-H{index}")).collect();
        let api = format!("api: {{ authorizers: {{ a: {{ function: f, type: request, from: [{}] }} }} }}\n", from.join(", "));
        (format!("{HEAD}site: {{ source: site }}\nfunctions: {{ f: {{ source: f, route: GET /api/x }} }}\n{api}"), "authorizers".to_owned())
    } else if *limit == limits::INLINE_POLICIES {
        policy(size)
    } else if *limit == limits::TABLE_NAME {
        found(named("tables:\n", "{ partition_key: { name: id, type: S } }"))
    } else if *limit == limits::INDEX_NAME {
        let name = x(size);
        (table(&format!("    indexes:\n      {name}: {{ partition_key: {{ name: b, type: S }} }}\n")), name)
    } else if *limit == limits::INDEXES {
        let mut rest = "    indexes:\n".to_owned();
        for index in 0..n {
            let _ = writeln!(rest, "      by-{index}: {{ partition_key: {{ name: b{index}, type: S }} }}");
        }
        (table(&rest), "indexes".to_owned())
    } else if *limit == limits::INDEX_KEYS {
        let keys: Vec<String> = (0..n).map(|key| format!("{{ name: k{key}, type: S }}")).collect();
        (table(&format!("    indexes:\n      by-k:\n        partition_key: [{}]\n", keys.join(", "))), "partition_key".to_owned())
    } else if *limit == limits::LOCAL_INDEXES {
        let mut rest = "    sort_key: { name: at, type: N }\n    local_indexes:\n".to_owned();
        for index in 0..n {
            let _ = writeln!(rest, "      by-{index}: {{ sort_key: {{ name: b{index}, type: S }} }}");
        }
        (table(&rest), "local_indexes".to_owned())
    } else if *limit == limits::INCLUDED {
        let attributes: Vec<String> = (0..n).map(|attribute| format!("a{attribute}")).collect();
        let index = format!("{{ partition_key: {{ name: b, type: S }}, projection: {{ include: [{}] }} }}", attributes.join(", "));
        (table(&format!("    indexes:\n      by-b: {index}\n")), "projection".to_owned())
    } else if *limit == limits::INCLUDED_BY_ALL {
        let mut rest = "    indexes:\n".to_owned();
        for index in 0..n.div_ceil(20) {
            let attributes: Vec<String> = (index * 20..n.min(index * 20 + 20)).map(|attribute| format!("a{attribute}")).collect();
            let projection = format!("{{ include: [{}] }}", attributes.join(", "));
            let _ = writeln!(rest, "      by-{index}: {{ partition_key: {{ name: b, type: S }}, projection: {projection} }}");
        }
        (table(&rest), "indexes".to_owned())
    } else if *limit == limits::INCLUDED_NAME {
        let name = x(size);
        let index = format!("{{ partition_key: {{ name: b, type: S }}, projection: {{ include: ['{name}'] }} }}");
        (table(&format!("    indexes:\n      by-b: {index}\n")), name)
    } else if *limit == limits::KEY_NAME {
        let name = x(size);
        (format!("{HEAD}tables:\n  t:\n    partition_key: {{ name: '{name}', type: S }}\n"), name)
    } else if *limit == limits::TTL_NAME {
        let name = x(size);
        (table(&format!("    ttl: '{name}'\n")), name)
    } else if *limit == limits::RESTORE_DAYS {
        (table(&format!("    point_in_time_recovery: true\n    restore_days: {n}\n")), n.to_string())
    } else if *limit == limits::TABLE_UNITS {
        (table(&format!("    max_write_units: {n}\n")), n.to_string())
    } else if *limit == limits::CONCURRENCY {
        // The limit counts the sum over all functions.
        let functions = format!("functions:\n  f: {{ source: f, concurrency: 400 }}\n  g: {{ source: g, concurrency: {} }}\n", n - 400);
        (format!("{HEAD}{functions}"), "g: {".to_owned())
    } else if *limit == limits::BUCKET_NAME {
        let name = x(size.saturating_sub("-static-dev-12345678".len()));
        (format!("project: {name}\nregion: us-east-1\nsite: {{ source: site }}\n"), name)
    } else if *limit == limits::BEHAVIORS {
        let mut text = format!("{HEAD}site: {{ source: site }}\nfunctions:\n");
        for index in 1..n {
            let _ = writeln!(text, "  f{index}: {{ source: f, route: POST /api/r{index} }}");
        }
        (text, "functions".to_owned())
    } else if *limit == limits::PATH_PATTERN {
        let route = format!("POST /api/{}", x(size - "/api/".len()));
        (format!("{HEAD}site: {{ source: site }}\nfunctions:\n  f:\n    source: f\n    route: {route}\n"), route)
    } else if *limit == limits::HEADERS {
        let headers: Vec<String> = (0..n).map(|index| format!("X-H{index}: v")).collect();
        // Those that CloudFront has a field for do not count.
        (format!("{HEAD}site: {{ source: site, headers: {{ X-Frame-Options: DENY, {} }} }}\n", headers.join(", ")), "headers".to_owned())
    } else if *limit == limits::HEADER_NAME {
        let name = x(size);
        (format!("{HEAD}site:\n  source: site\n  headers:\n    '{name}': v\n"), name)
    } else if *limit == limits::HEADER_VALUE {
        let value = x(size);
        (format!("{HEAD}site:\n  source: site\n  headers:\n    X-H: '{value}'\n"), value)
    } else if *limit == limits::CONTENT_SECURITY_POLICY {
        (format!("{HEAD}site: {{ source: site, headers: {{ content-security-policy: {} }} }}\n", x(size)), "headers".to_owned())
    } else if *limit == limits::HEADERS_SIZE {
        let mut text = format!("{HEAD}site:\n  source: site\n  headers:\n");
        for index in 0..5 {
            let _ = writeln!(text, "    X-H{index}: {}", x(1783));
        }
        let _ = writeln!(text, "    X-H5: {}", x(size - 5 * (1783 + 4) - 4));
        (text, "headers".to_owned())
    } else if *limit == limits::ALARM_NAME {
        let name = x(size.saturating_sub(AROUND));
        let rule = format!("{name}: {{ function: f, metric: errors, threshold: 1 }}");
        (format!("{HEAD}functions: {{ f: {{ source: f }} }}\nalarms:\n  rules:\n    '{name}': {}\n", &rule[name.len() + 2..]), name)
    } else if *limit == limits::ALARM_DAY {
        // Periods are minutes, so the next number is a minute more.
        alarm("1m", n.div_ceil(60))
    } else if *limit == limits::ALARM_WEEK {
        alarm("1h", n.div_ceil(3600))
    } else if *limit == limits::POLICY_NAME {
        let policy = format!("arn:aws:iam::123456789012:policy/{}", x(size));
        (format!("{HEAD}permissions_boundary: {policy}\n"), policy)
    } else if *limit == limits::PARAMETER_ARN {
        let name = format!("TOKEN{}", x(size - "arn:aws:ssm:us-east-1:123456789012:parameter/shop/dev/TOKEN".len()));
        (format!("{HEAD}secrets_from: ssm\nfunctions:\n  f:\n    source: f\n    secrets: [{name}]\n"), name)
    } else if *limit == limits::TOPIC_NAME {
        let topic = format!("arn:aws:sns:us-east-1:123456789012:{}", x(size));
        (format!("{HEAD}alarms:\n  notify: '{topic}'\n"), topic)
    } else if *limit == limits::TAGS {
        let tags: Vec<String> = (0..n).map(|index| format!("t{index}: v")).collect();
        (format!("{HEAD}tags: {{ {} }}\n", tags.join(", ")), "tags".to_owned())
    } else if *limit == limits::TAG_KEY {
        let key = x(size);
        (format!("{HEAD}tags:\n  '{key}': v\n"), key)
    } else if *limit == limits::TAG_VALUE {
        let value = x(size);
        (format!("{HEAD}tags:\n  k: '{value}'\n"), value)
    } else if *limit == limits::PREFLIGHT_AGE {
        (format!("{HEAD}api: {{ cors: {{ origins: ['*'], max_age: {n} }} }}\n"), n.to_string())
    } else if *limit == limits::RETENTION {
        (format!("{HEAD}logs: {{ retention_days: {n} }}\n"), n.to_string())
    } else if *limit == limits::FILE {
        (format!("{HEAD}{}", "#".repeat(size - HEAD.len())), String::new())
    } else {
        panic!("no file exceeds the limit on {}: write one", limit.what)
    }
}

/// Returns a file with a function that gets a policy of `size` characters: from tables with indexes, and one without that fills the rest.
fn policy(size: usize) -> (String, String) {
    let text = |tables: usize, last: usize| {
        let mut text = HEAD.to_owned() + "tables:\n";
        let mut names: Vec<String> = (0..tables).map(|index| format!("t{index:03}")).collect();
        for name in &names {
            let index = "indexes: { ByDay: { partition_key: { name: day, type: S } } }";
            let _ = writeln!(text, "  {name}: {{ partition_key: {{ name: id, type: S }}, {index} }}");
        }
        if last > 0 {
            let _ = writeln!(text, "  {}: {{ partition_key: {{ name: id, type: S }} }}", x(last));
            names.push(x(last));
        }
        let _ = writeln!(text, "functions:\n  f:\n    source: f\n    reads: [{}]", names.join(", "));
        text
    };
    // The error about a policy that is far too long states its length.
    let length = |tables: usize, last: usize| {
        let error = parse(&text(tables, last), None).expect_err("it is refused");
        let told = error.problems().iter().find_map(|problem| problem.message.strip_prefix("the policy of `f` takes "));
        told.and_then(|told| told.split(' ').next()?.parse::<usize>().ok()).expect("a length")
    };
    let (many, more, with_last) = (length(200, 0), length(201, 0), length(200, 1));
    let (table, last) = (more - many, with_last - many - 1);
    let spare = size - (many - 200 * table) - last - 1;
    (text(spare / table, 1 + spare % table), "reads".to_owned())
}

/// Parses a file of any size.
fn load(text: &str) -> Result<Stack, StackError> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("stack.yaml");
    fs::write(&path, text).expect("a file in it");
    Stack::read(Path::new(&path), None, None)
}

/// Fails unless the program refuses the file, or warns of it, on the line that exceeds the limit.
fn refuses(limit: &Limit, n: u64) {
    let (text, place) = file(limit, n);
    if limit.raisable && n > limit.most {
        let stack = load(&text).unwrap_or_else(|error| panic!("{} may be {n} once it is raised: {error}", limit.what));
        let line = text.lines().position(|line| line.contains(&place)).expect("the file has it") + 1;
        let warned = stack.warnings.iter().any(|warning| warning.contains(&format!("stack.yaml:{line}:")));
        assert!(warned, "{} of {n}, line {line}: {:?}", limit.what, stack.warnings);
        return;
    }
    let error = load(&text).err().unwrap_or_else(|| panic!("{n} {} are not refused", limit.what));
    assert_eq!(error.problems().len(), 1, "{n} {}: {error}", limit.what);
    if let Some(line) = error.line() {
        let line = text.lines().nth(line - 1).expect("a line of the file");
        assert!(line.contains(&place), "{n} {} are refused elsewhere: {error}", limit.what);
    } else {
        assert_eq!(*limit, limits::FILE, "no line: {error}");
    }
}

#[test]
fn every_limit_holds_at_its_last_number_and_at_the_next() {
    for limit in limits::ALL {
        let name_has_more = [limits::TABLE_NAME, limits::BUCKET_NAME, limits::ALARM_NAME].contains(limit);
        for n in [limit.least, limit.most] {
            // `{project}-{thing}-{environment}` is longer than these minimums, for every thing.
            if n == limit.least && (name_has_more || n == 0) {
                continue;
            }
            let stack = load(&file(limit, n).0).unwrap_or_else(|error| panic!("{n} {} are allowed: {error}", limit.what));
            assert_eq!(stack.warnings, Vec::<String>::new(), "{n} {}", limit.what);
        }
        refuses(limit, limit.most + 1);
        if limit.least > 0 && !name_has_more {
            refuses(limit, limit.least - 1);
        }
    }
}

#[test]
fn retention_is_one_of_the_numbers_that_aws_takes() {
    for days in limits::RETENTION.range() {
        let text = format!("{HEAD}logs: {{ retention_days: {days} }}\n");
        assert_eq!(parse(&text, None).is_ok(), RETENTION_DAYS.iter().any(|known| u64::from(*known) == days), "{days}");
    }
}

#[test]
fn secrets_count_among_the_environment_variables() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stack.yaml");
    fs::create_dir(directory.path().join("f")).unwrap();
    fs::write(directory.path().join("f/Cargo.toml"), "").unwrap();
    // The secret has no value: a test sets no variables, and no variable that always exists has the name of a secret.
    // The 64 bytes are the key that `up` makes.
    let room = 4096 - 64 - r#"{"BIG":"","ENVIRONMENT":"dev","LIVEINSIGHT_RELEASE_KEY":"","A_TOKEN":""}"#.len();
    let text =
        |room: usize| format!("{HEAD}functions:\n  f:\n    source: f\n    environment: {{ BIG: {} }}\n    secrets: [A_TOKEN]\n", x(room));
    fs::write(&path, text(room)).unwrap();
    assert!(Stack::load_to_compare(&path, None, None).is_ok(), "a secret without a value counts with its name");
    fs::write(&path, text(room + 1)).unwrap();
    let error = Stack::load_to_compare(&path, None, None).unwrap_err();
    assert_eq!(error.message(), "the environment variables of `f`, secrets included, take 4097 bytes as JSON in dev, Lambda allows 4096");
}

#[test]
fn variables_are_measured_as_the_json_that_is_sent() {
    let quotes = "\"".repeat(2040);
    let text = format!("{HEAD}functions:\n  f: {{ source: f, environment: {{ Q: '{quotes}' }} }}\n");
    assert!(parse(&text, None).unwrap_err().message().contains("take "), "each quote takes two bytes");
    let variables = (0..101).map(|index| format!("VARIABLE_{index:03}: {}, ", x(23))).collect::<Vec<_>>().concat();
    let text = format!("{HEAD}functions:\n  f: {{ source: f, environment: {{ {variables} }} }}\n");
    let error = parse(&text, None).unwrap_err();
    // 101 of `"VARIABLE_000":"…",` and `"ENVIRONMENT":"dev"`, in braces.
    assert!(error.message().contains(&format!("take {} bytes as JSON", 101 * (12 + 23 + 6) + 19 + 2)), "{error}");
}

#[test]
fn every_environment_is_measured() {
    let text = format!(
        "{HEAD}environments:\n  dev: {{}}\n  prod: {{ functions: {{ f: {{ environment: {{ BIG: {} }} }} }} }}\nfunctions:\n  f: {{ source: f }}\n",
        x(5000)
    );
    let error = parse(&text, Some("dev")).unwrap_err();
    assert!(error.message().contains("in prod"), "{error}");
}

#[test]
fn the_table_of_limits_in_docs_is_the_one_of_the_code() {
    let mut text = "# Limits\n\nLimits of AWS that a `stack.yaml` can exceed. A file that does is refused on the line, before anything is \
                    asked of AWS; above a limit that AWS raises on request there is a warning. To make this page again: `UPDATE_DOCS=1 cargo test \
                    --test stack limits`.\n\n| counted | least | most | source |\n|---|---|---|---|\n"
        .to_owned();
    for limit in limits::ALL {
        let source = match limit.source {
            Source::Recorded(which) => format!("recorded: {which}"),
            Source::Documented(which) => format!("documented: {which}"),
            Source::Modelled(which) => format!("model in botocore: {which}"),
            Source::Own(which) => format!("ours: {which}"),
        };
        let raisable = if limit.raisable { ", a warning" } else { "" };
        let _ = writeln!(text, "| {} | {} | {}{raisable} | {source} |", limit.what, limit.least, limit.most);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/limits.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, &text).unwrap();
    }
    assert!(
        fs::read_to_string(path).unwrap_or_default() == text,
        "docs/limits.md is not current: run `UPDATE_DOCS=1 cargo test --test stack limits`"
    );
}
