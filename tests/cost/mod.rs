//! Cost of a stack by the real program on the local AWS: first from an assumption, then from metrics that the test writes.

use crate::program::{Project, stderr, stdout};
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
use aws_smithy_types::DateTime;
use liveinsight::{
    aws::{Aws, Connection, Target},
    cost::{Inventory, Item, Sample, measured, samples, series},
    stack::{Content, Stack, declare},
};
use serde_json::Value;
use std::{
    fmt::Write as _,
    fs,
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::SystemTime,
};

const HOUR: f64 = 3_600.0;

fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
}

async fn aws(account: &str) -> Aws {
    let connection = Connection::endpoint("us-east-1", &test_support::endpoint(), account, "test").await;
    let target = Target { limits: false, ..Target::aws("aws", "us-east-1", account) };
    liveinsight::resources::connect(&connection, target, "cost/test".to_owned())
}

/// Writes one metric value at each of these times.
async fn put(aws: &Aws, (namespace, metric): (&str, &str), dimensions: &[(&str, String)], values: &[Sample]) {
    let dimensions: Vec<Dimension> = dimensions.iter().map(|(name, value)| Dimension::builder().name(*name).value(value).build()).collect();
    let datum = |sample: &Sample| {
        let datum = MetricDatum::builder().metric_name(metric).set_dimensions(Some(dimensions.clone()));
        datum.timestamp(DateTime::from_secs_f64(sample.at)).value(sample.value).build()
    };
    let data = values.iter().map(datum).collect();
    aws.cloudwatch.put_metric_data().namespace(namespace).set_metric_data(Some(data)).send().await.unwrap();
}

/// Returns the same value for each of the last full hours, at half past each hour.
fn hourly(hours: u32, value: f64) -> Vec<Sample> {
    let hour = (now() / HOUR).floor() * HOUR;
    (1..=hours).map(|ago| Sample { at: hour - f64::from(ago) * HOUR + HOUR / 2.0, value }).collect()
}

/// Returns a stack.yaml with a table, `alarms` alarms on it, and a page.
fn stack(name: &str, alarms: usize) -> String {
    let mut text = format!(
        "project: {name}\nregion: us-east-1\nsite: {{ source: pages, index: index.html }}\ntables:\n  notes:\n    partition_key: {{ name: id, type: S }}\n    \
         indexes: {{ ByDay: {{ partition_key: {{ name: day, type: S }} }} }}\nalarms:\n  rules:\n"
    );
    for number in 1..=alarms {
        writeln!(text, "    busy-{number}: {{ table: notes, metric: read_throttles, threshold: {number}, period: 5m }}").unwrap();
    }
    text
}

#[test]
fn a_plan_and_a_status_say_what_the_stack_costs() {
    let name = format!("cost-{}", std::process::id());
    // The variable names the account, so the program checks it while the other calls run.
    let project = Project::new(&stack(&name, 11)).endpoint(&test_support::endpoint()).env("AWS_ACCOUNT_ID", "000000000000");
    fs::create_dir(project.path().join("pages")).unwrap();
    fs::write(project.path().join("pages/index.html"), "<p>hello").unwrap();
    let ok = |arguments: &[&str]| {
        let output = project.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}\n{}\n{}", stdout(&output), stderr(&output));
        stdout(&output)
    };
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&ok(&[arguments, &["--format", "json"]].concat())).unwrap() };
    let last = |text: &str| text.trim_end().lines().last().unwrap().to_owned();

    // Eleven alarms, ten of them free, and a quarter of a cent for the bucket.
    let plan = ok(&["plan"]);
    assert_eq!(last(&plan), "estimated cost: $0.10 a month at 100,000 events (nothing of it exists yet)");
    assert!(plan.contains("\nestimated time: about 25 s (longest: dynamodb.table/notes)\n"), "{plan}");
    let nothing = json(&["status", "--cost"]);
    assert_eq!((nothing["cost"]["month"].as_f64(), &nothing["cost"]["items"]), (Some(0.0), &Value::Array(vec![])));
    assert_eq!(nothing["summary"]["in_sync"], 0, "what status says otherwise is there as well");
    assert!(json(&["status"]).get("cost").is_none(), "only if asked");

    let up: Value = serde_json::from_str(&last(&ok(&["up", "--timings=page.html", "--format", "json"]))).unwrap();
    // The calls include sts:GetCallerIdentity, which `up` makes on AWS as well.
    let page = fs::read_to_string(project.path().join("page.html")).unwrap();
    assert_eq!(page.matches("<rect class=\"call ").count() as u64 - 2, up["aws_calls"].as_u64().unwrap(), "two are in the legend: {up}");
    assert_eq!(page.matches("\nsts:GetCallerIdentity: ").count(), 1);
    let plan = ok(&["plan"]);
    assert_eq!(last(&plan), "estimated cost: $0.10 a month at 100,000 events");
    assert!(!plan.contains("estimated time"), "there is nothing to do: {plan}");
    fs::write(project.path().join("stack.yaml"), stack(&name, 12)).unwrap();
    let plan = ok(&["plan", "--events", "5"]);
    assert_eq!(last(&plan), "estimated cost: $0.20 a month at 5 events (+$0.10 for 1 alarm)");
    assert_eq!(last(&ok(&["plan", "--format", "markdown"])), "estimated cost: $0.20 a month at 100,000 events (+$0.10 for 1 alarm)");
    let plan = json(&["plan"]);
    assert_eq!(plan["summary"]["create"], 1);
    assert_eq!(plan["estimate"]["path"], serde_json::json!(["cloudwatch.alarm/busy-12"]));
    let cost = &plan["cost"];
    assert_eq!((cost["currency"].as_str(), cost["events"].as_u64()), (Some("USD"), Some(100_000)));
    // Writing 300 objects, reading 3,000, and 5 MB: $0.0015, $0.0012 and $0.0001.
    assert_eq!(["month", "before", "delta"].map(|field| cost[field].as_f64()), [Some(0.2028), Some(0.1028), Some(0.1)]);

    // The deployed stack has eleven alarms and no traffic yet.
    let status = ok(&["status", "--cost"]);
    assert!(status.contains("estimated cost of a month at 100,000 events\n"), "{status}");
    let alarms = status.lines().find(|line| line.contains("alarms  ")).unwrap();
    assert_eq!(alarms.split_whitespace().collect::<Vec<_>>(), ["CloudWatch", "alarms", "11", "10", "free", "$0.10", "declared"]);
    assert!(status.contains("CloudWatch has no metrics of this stack yet, so a traffic is assumed"), "{status}");

    // Ten million write units in the table, five million in the index, and six million requests, in two days.
    let distribution = ok(&["outputs", "distribution_id"]);
    let of_distribution = [("DistributionId", distribution.trim().to_owned()), ("Region", "Global".to_owned())];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let aws = aws("test").await;
        let table = ("TableName", format!("{name}-notes-dev"));
        let index = [table.clone(), ("GlobalSecondaryIndexName", "ByDay".to_owned())];
        let written = ("AWS/DynamoDB", "ConsumedWriteCapacityUnits");
        put(&aws, written, &[table], &hourly(48, 10e6 / 48.0)).await;
        put(&aws, written, &index, &hourly(48, 5e6 / 48.0)).await;
        put(&aws, ("AWS/CloudFront", "Requests"), &of_distribution, &hourly(48, 6e6 / 48.0)).await;
    });
    let status = ok(&["status", "--cost"]);
    assert!(status.contains("estimated cost of a month, from 2 days of the stack's own metrics"), "{status}");
    let cost = json(&["status", "--cost"])["cost"].take();
    assert_eq!(cost["basis"]["kind"], "metrics");
    let days = cost["basis"]["days"].as_f64().unwrap();
    // From the first hour with a value until now: 48 hours and the elapsed part of this hour.
    assert!((2.0..2.05).contains(&days), "{days}");
    let item = |unit: &str| {
        let item = cost["items"].as_array().unwrap().iter().find(|item| item["unit"] == unit).unwrap();
        let number = |field: &str| item[field].as_f64().unwrap();
        (number("amount") * days / 30.0, number("amount"), number("cost"), item["from"].as_str().unwrap())
    };
    let (measured, month, usd, from) = item("write request units");
    assert!((measured - 15e6).abs() < 15e4 && (usd - month * 0.625 / 1e6).abs() < 1e-3, "{cost}");
    assert_eq!(from, "AWS/DynamoDB ConsumedWriteCapacityUnits");
    let (measured, month, usd, from) = item("requests");
    assert!((measured - 6e6).abs() < 6e4 && (usd - (month - 10e6) * 1e-6).abs() < 1e-3, "{cost}");
    assert_eq!(from, "AWS/CloudFront Requests");
    // Metrics do not correct the user's own assumption.
    let assumed = json(&["status", "--cost", "--events", "7"]);
    assert_eq!(assumed["cost"]["basis"], serde_json::json!({ "kind": "assumption", "events": 7 }));
    ok(&["down", "--yes", "--delete-data"]);
}

/// Reads the shipped stack's series from CloudWatch, each with a number of its own: the program takes none for another.
#[tokio::test]
async fn every_series_is_read_as_what_it_is() {
    let text = fs::read_to_string(test_support::workspace().join("stack.yaml")).unwrap();
    let text = text.replace("project: liveinsight", &format!("project: cost-{:x}", std::process::id()));
    let text = text.replace("\napi:\n", "\napi:\n  detailed_metrics: true\n");
    let stack = Stack::parse(&text, "stack.yaml", &test_support::workspace(), Some("dev"), None).unwrap();
    let aws = aws("000000000000").await;
    let declaration = declare(&stack, &aws.target, &Content::default());
    let there = Inventory::declared(declaration.graph.entries());
    let all = series(declaration.graph.entries(), &stack, &there, "us-east-1");
    assert_eq!(all.len(), 6 + 8 + 7 + 1);
    for (series, number) in all.iter().zip(1_u32..) {
        put(&aws, (series.namespace, series.metric), &series.dimensions, &hourly(24, f64::from(number) * 1_000.0)).await;
    }
    let found = samples(&aws, all.clone(), now()).await.unwrap();
    for (((series, samples), asked), number) in found.iter().zip(&all).zip(1_u32..) {
        assert_eq!(series, asked);
        let expected = if series.statistic == "SampleCount" { 1.0 } else { f64::from(number) * 1_000.0 };
        assert_eq!(samples.len(), 24, "{series:?}");
        assert!(samples.iter().all(|sample| (sample.value - expected).abs() < 1e-6), "{series:?} {samples:?}");
    }
    let measured = measured(&there, &found, now()).unwrap();
    assert!((1.0..1.05).contains(&measured.days), "{}", measured.days);
    // The numbers of so many series of a metric, added up: three functions, and two tables with an index each.
    let numbers = |metric: &str, count: usize| {
        let of_metric: Vec<u32> = all.iter().zip(1_u32..).filter(|(series, _)| series.metric == metric).map(|(_, number)| number).collect();
        assert_eq!(of_metric.len(), count, "{metric}");
        f64::from(of_metric.iter().sum::<u32>())
    };
    let hours = |amount: f64| amount * measured.days / 30.0 / 24.0;
    assert!((hours(measured.usage.amount(Item::Invocations)) - numbers("Invocations", 3) * 1_000.0).abs() < 1.0);
    // Memory of 256 MB, and durations in milliseconds.
    assert!((hours(measured.usage.amount(Item::ComputeArm)) - numbers("Duration", 3) * 0.25).abs() < 1e-3);
    assert!((hours(measured.usage.amount(Item::TableWrites)) - numbers("ConsumedWriteCapacityUnits", 4) * 1_000.0).abs() < 1.0);
    assert!((hours(measured.usage.amount(Item::TableReads)) - numbers("ConsumedReadCapacityUnits", 4) * 1_000.0).abs() < 1.0);
}

/// Reads one series from several answers. The last one also has series outside the query, and a value without a time.
#[tokio::test]
async fn answers_are_read_to_the_last() {
    use cbor::{list, map, number, text, time};
    let hour = (now() / HOUR).floor() * HOUR;
    let result = |id: &str, times: &[f64], values: &[f64]| {
        let (times, values): (Vec<_>, Vec<_>) = (times.iter().copied().map(time).collect(), values.iter().copied().map(number).collect());
        map(&[("Id", text(id)), ("StatusCode", text("PartialData")), ("Timestamps", list(&times)), ("Values", list(&values))])
    };
    let first = result("s0", &[hour - 10.0 * HOUR, hour - 9.0 * HOUR], &[4.0, f64::NAN]);
    let second = [result("s0", &[hour - 8.0 * HOUR], &[3.0, 99.0]), result("s7", &[hour], &[1e9]), result("x", &[hour], &[1e9])];
    let pages = [
        map(&[("MetricDataResults", list(&[first])), ("NextToken", text("more"))]),
        map(&[("MetricDataResults", list(&[])), ("NextToken", text("even more"))]),
        map(&[("MetricDataResults", list(&second))]),
    ];
    let connection = Connection::endpoint("us-east-1", &answering(pages.to_vec()), "test", "test").await;
    let target = Target { limits: false, ..Target::aws("aws", "us-east-1", "000000000000") };
    let aws = liveinsight::resources::connect(&connection, target, "cost/test".to_owned());

    let stack = Stack::parse(TABLE, "stack.yaml", &test_support::workspace(), None, None).unwrap();
    let declaration = declare(&stack, &aws.target, &Content::default());
    let there = Inventory::declared(declaration.graph.entries());
    let mut all = series(declaration.graph.entries(), &stack, &there, "us-east-1");
    all.truncate(1);
    let found = samples(&aws, all, now()).await.unwrap();
    assert_eq!(found[0].1.iter().map(|sample| sample.value.to_bits()).collect::<Vec<_>>(), [4.0, f64::NAN, 3.0].map(f64::to_bits));
    assert_eq!(aws.tally().by_operation().iter().find(|(operation, _)| *operation == "cloudwatch:GetMetricData").unwrap().1, 3);
    let measured = measured(&there, &found, hour).unwrap();
    // Seven write units in ten hours.
    assert!((measured.usage.amount(Item::TableWrites) - 7.0 * 72.0).abs() < 1e-6, "{measured:?}");
}

const TABLE: &str = "project: demo\nregion: us-east-1\ntables: { notes: { partition_key: { name: id, type: S } } }\n";

/// Starts a server on the loopback interface that gives each request the next of these answers, in CloudWatch's protocol
/// (Smithy RPC v2 CBOR). Returns its URL.
fn answering(answers: Vec<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (stream, answer) in listener.incoming().zip(answers) {
            let mut stream = stream.unwrap();
            // One read is enough for a small request; the answer closes the connection.
            let _ = stream.read(&mut [0; 16 * 1024]);
            let head = format!(
                "HTTP/1.1 200 OK\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-type: application/cbor\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                answer.len()
            );
            stream.write_all(&[head.as_bytes(), &answer].concat()).unwrap();
        }
    });
    url
}

/// Encoder for the part of CBOR (RFC 8949) that an answer needs.
mod cbor {
    pub(super) fn text(text: &str) -> Vec<u8> {
        [&[0x78, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    }

    pub(super) fn number(value: f64) -> Vec<u8> {
        [&[0xfb][..], &value.to_be_bytes()].concat()
    }

    pub(super) fn time(value: f64) -> Vec<u8> {
        [vec![0xc1], number(value)].concat()
    }

    pub(super) fn list(items: &[Vec<u8>]) -> Vec<u8> {
        [vec![0x80 + u8::try_from(items.len()).unwrap()], items.concat()].concat()
    }

    pub(super) fn map(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let all: Vec<u8> = items.iter().flat_map(|(key, value)| [text(key), value.clone()].concat()).collect();
        [vec![0xa0 + u8::try_from(items.len()).unwrap()], all].concat()
    }
}

#[test]
fn absurd_assumptions_are_refused() {
    let project = Project::new(crate::program::SMALL);
    for events in ["-1", "1e99", "100000000001", "NaN", ""] {
        for command in [&["plan"][..], &["status", "--cost"]] {
            let output = project.run(&[command, &["--events", events]].concat());
            assert_eq!(output.status.code(), Some(2), "{command:?} {events}");
            assert!(stderr(&output).contains("expected a whole number from 0 to 100000000000"), "{}", stderr(&output));
        }
    }
    assert_eq!(project.run(&["status", "--events", "5"]).status.code(), Some(2), "it goes with --cost");
}
