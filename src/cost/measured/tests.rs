//! Measurements computed by hand.

use super::{Sample, Series, measured, series};
use crate::{
    aws::Target,
    cost::{Bill, Inventory, Item, inventory::tests::inventory},
    engine::Id,
    resources::{Alarm, Bucket, Function},
    stack::{Content, Stack, declare},
};
use serde_json::json;
use std::path::Path;

const HOUR: f64 = 3_600.0;
const NOW: f64 = 1_795_381_200.0;

fn there() -> Inventory {
    inventory(&[
        (Id::new::<Function>("f"), json!({ "memory": 512, "architecture": "x86_64" })),
        (Id::new::<Bucket>("static"), json!({})),
        (Id::new::<Alarm>("a"), json!({})),
    ])
}

fn invocations() -> Series {
    Series::added("AWS/Lambda", "Invocations", &[("FunctionName", "f".to_owned())], &[(Item::Invocations, 1.0)])
}

/// Builds `hours` values that end with the current hour.
fn hourly(hours: u32, value: f64) -> Vec<Sample> {
    (1..=hours).map(|ago| Sample { at: NOW - f64::from(ago) * HOUR, value }).collect()
}

#[test]
fn a_whole_month_counts_as_it_is() {
    let measured = measured(&there(), &[(invocations(), hourly(720, 10.0))], NOW).unwrap();
    assert!((measured.days - 30.0).abs() < 1e-9);
    assert!((measured.usage.amount(Item::Invocations) - 7_200.0).abs() < 1e-6);
    assert!((measured.usage.amount(Item::Alarms) - 1.0).abs() < 1e-9, "not measured, and still on the bill");
}

#[test]
fn less_than_a_month_is_multiplied() {
    // Two days have 10 an hour, after a night without any.
    let measured = measured(&there(), &[(invocations(), hourly(48, 10.0))], NOW).unwrap();
    assert!((measured.days - 2.0).abs() < 1e-9);
    assert!((measured.usage.amount(Item::Invocations) - 7_200.0).abs() < 1e-6);
}

#[test]
fn too_little_is_not_guessed_from() {
    assert!(matches!(measured(&there(), &[], NOW), Err(hours) if hours.abs() < 1e-9));
    assert!(matches!(measured(&there(), &[(invocations(), vec![])], NOW), Err(hours) if hours.abs() < 1e-9));
    assert!(matches!(measured(&there(), &[(invocations(), hourly(5, 10.0))], NOW), Err(hours) if (hours - 5.0).abs() < 1e-9));
    assert!(measured(&there(), &[(invocations(), hourly(6, 10.0))], NOW).is_ok());
}

#[test]
fn what_makes_no_sense_does_not_count() {
    let good = hourly(24, 1.0);
    let strange = [
        Sample { at: NOW - HOUR, value: f64::NAN },
        Sample { at: NOW - HOUR, value: f64::INFINITY },
        Sample { at: NOW - HOUR, value: -5.0 },
        Sample { at: f64::NAN, value: 5.0 },
        // These samples are from a clock that was ahead, and from before the window.
        Sample { at: NOW + 48.0 * HOUR, value: 5.0 },
        Sample { at: NOW - 900.0 * HOUR, value: 5.0 },
    ];
    let all = [&good[..], &strange[..]].concat();
    assert_eq!(measured(&there(), &[(invocations(), all)], NOW), measured(&there(), &[(invocations(), good)], NOW));
    assert!(measured(&there(), &[(invocations(), strange.to_vec())], NOW).is_err());
}

#[test]
fn what_is_stored_is_not_multiplied() {
    let size = Series {
        statistic: "Average",
        counts: super::Counts::Last,
        ..Series::added("AWS/S3", "BucketSizeBytes", &[], &[(Item::ObjectStorage, 1.0 / super::GB)])
    };
    let gigabytes = |number: f64| number * 1_073_741_824.0;
    let sizes = vec![
        Sample { at: NOW - 30.0 * HOUR, value: gigabytes(3.0) },
        Sample { at: NOW - 6.0 * HOUR, value: gigabytes(2.0) },
        Sample { at: NOW - 54.0 * HOUR, value: gigabytes(1.0) },
    ];
    let measured = measured(&there(), &[(invocations(), hourly(24, 1.0)), (size, sizes)], NOW).unwrap();
    assert!((measured.usage.amount(Item::ObjectStorage) - 2.0).abs() < 1e-9);
}

/// A method called in 12 of 24 hours has five metrics for half a month.
#[test]
fn metrics_of_methods_are_billed_by_the_hour() {
    let method = super::of_method("POST /api/events", &[("ApiName", "api".to_owned())]).unwrap();
    assert_eq!(method.dimensions[1..], [("Method", "POST".to_owned()), ("Resource", "/api/events".to_owned())]);
    let measured = measured(&there(), &[(invocations(), hourly(24, 1.0)), (method, hourly(12, 7.0))], NOW).unwrap();
    assert!((measured.usage.amount(Item::Metrics) - 2.5).abs() < 1e-9);
}

/// 3 million invocations of 120 ms with 1,536 MB, spread over 30 days: $2.73, as on AWS's page of Lambda's prices.
#[test]
fn durations_are_billed_with_the_memory() {
    let there = inventory(&[(Id::new::<Function>("f"), json!({ "memory": 1_536, "architecture": "x86_64" }))]);
    let each = 3e6 / 720.0;
    let duration = Series::added("AWS/Lambda", "Duration", &[], &[(Item::ComputeX86, 1.5 / 1_000.0)]);
    let measured = measured(&there, &[(invocations(), hourly(720, each)), (duration, hourly(720, each * 120.0))], NOW).unwrap();
    assert!((Bill::of(&measured.usage).total() - 2.733_338).abs() < 1e-6);
}

#[test]
fn the_series_of_the_shipped_stack() {
    let text = include_str!("../../../stack.yaml");
    let parsed = |text: &str| Stack::parse(text, "stack.yaml", Path::new(env!("CARGO_MANIFEST_DIR")), Some("dev"), None).unwrap();
    let target = Target::aws("aws", "us-east-1", "123456789012");
    let detailed = parsed(&text.replace("\napi:\n", "\napi:\n  detailed_metrics: true\n"));
    let declaration = declare(&detailed, &target, &Content::default());
    let inventory = Inventory::declared(declaration.graph.entries());
    let of_methods = series(declaration.graph.entries(), &detailed, &inventory, "us-east-1");
    let stack = parsed(text);
    let declaration = declare(&stack, &target, &Content::default());
    let entries = declaration.graph.entries();
    let all = series(entries, &stack, &Inventory::declared(entries), "us-east-1");
    let count = |namespace: &str| all.iter().filter(|series| series.namespace == namespace).count();
    assert_eq!(count("AWS/Lambda"), 3 * 2);
    // Two tables with an index each are written and read.
    assert_eq!(count("AWS/DynamoDB"), 2 * 2 * 2);
    // The stage has a series, and with detailed metrics three routes and their preflights have.
    assert_eq!((count("AWS/ApiGateway"), of_methods.len() - all.len()), (1, 6));
    assert_eq!(count("AWS/S3"), 1);
    // These have no series before AWS has assigned their names.
    assert_eq!((count("AWS/Logs"), count("AWS/CloudFront")), (0, 0));
    assert_eq!(series(entries, &stack, &Inventory::default(), "us-east-1"), []);
}
