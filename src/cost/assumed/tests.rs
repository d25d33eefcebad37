//! Usage of the shipped stack and of another one, computed by hand.

use super::{EVENTS, MOST_EVENTS, assumed};
use crate::{
    cost::{Bill, Inventory, Item, Usage},
    engine::Entry,
    stack::{Content, Stack, declare},
};
use std::path::Path;

fn stack(text: &str) -> Stack {
    Stack::parse(text, "stack.yaml", Path::new(env!("CARGO_MANIFEST_DIR")), Some("dev"), None).unwrap()
}

fn shipped() -> Stack {
    stack(include_str!("../../../stack.yaml"))
}

fn inventory(stack: &Stack) -> Inventory {
    let target = crate::aws::Target::aws("aws", "us-east-1", "123456789012");
    let declaration = declare(stack, &target, &Content::default());
    let entries: &[Entry<_>] = declaration.graph.entries();
    Inventory::declared(entries)
}

fn usage(stack: &Stack, events: u64) -> Usage {
    assumed(stack, &inventory(stack), events)
}

#[track_caller]
fn is(usage: &Usage, item: Item, expected: f64) {
    let amount = usage.amount(item);
    assert!((amount - expected).abs() <= expected.abs() * 1e-9, "{item:?}: {amount} instead of {expected}");
}

/// By hand: 100,000 events are 33,333.3 requests; a dashboard polls 63,360 and 21,120 times in 176 hours.
#[test]
fn the_shipped_stack_at_the_standard_traffic() {
    let usage = usage(&shipped(), EVENTS);
    let requests = 100_000.0 / 3.0 + 63_360.0 + 21_120.0;
    is(&usage, Item::TableWrites, 396_000.0);
    is(&usage, Item::TableReads, 63_360.0 * 2.5 + 21_120.0 * 4.5);
    is(&usage, Item::Invocations, requests);
    is(&usage, Item::ComputeArm, requests * 0.020 * 0.25);
    is(&usage, Item::ApiRequests, requests);
    is(&usage, Item::Alarms, 8.0);
    is(&usage, Item::CdnRequests, requests + 100_000.0 / 36.0);
    is(&usage, Item::LogsIngested, requests * (690.0 + 225.0) / 1_073_741_824.0);
    is(&usage, Item::Metrics, 0.0);
    // $0.2475 writes, $0.0317 reads, $0.4123 API Gateway, and some tenths of a cent.
    let total = Bill::of(&usage).total();
    assert!((0.69..0.70).contains(&total), "{total}");
}

#[test]
fn detailed_metrics_are_five_for_each_method_in_the_hours_with_a_request() {
    let text = include_str!("../../../stack.yaml").replace("\napi:\n", "\napi:\n  detailed_metrics: true\n");
    // One method is called in every hour of the month, two in 176 of its 720 hours.
    is(&usage(&stack(&text), EVENTS), Item::Metrics, 5.0 + 10.0 * 176.0 / 720.0);
}

#[test]
fn without_events_what_is_left_is_the_dashboard() {
    let usage = usage(&shipped(), 0);
    is(&usage, Item::TableWrites, 0.0);
    is(&usage, Item::ApiRequests, 84_480.0);
    assert!((0.3..0.4).contains(&Bill::of(&usage).total()));
}

#[test]
fn a_million_events_cost_what_was_counted() {
    let (more, less) = (usage(&shipped(), 1_000_000), usage(&shipped(), 0));
    // Expected price from `docs/performance-handlers.md`: $2.47 a million events in batches of 3.
    let price =
        |usage: &Usage| Bill::of(usage).lines.iter().filter(|line| line.item == Item::TableWrites).map(|line| line.usd).sum::<f64>();
    assert!((price(&more) - price(&less) - 2.475).abs() < 1e-9);
}

#[test]
fn the_most_events_are_a_sum_like_any_other() {
    let total = Bill::of(&usage(&shipped(), MOST_EVENTS)).total();
    assert!(total.is_finite() && total > 300_000.0, "{total}");
}

const OWN: &str = "
project: demo
region: us-east-1
tables:
  notes:
    partition_key: { name: id, type: S }
    point_in_time_recovery: true
    indexes:
      ByTime: { partition_key: { name: day, type: S } }
functions:
  take: { source: lambdas/event-collector, route: POST /notes, writes: [notes] }
  idle: { source: lambdas/stats-api, writes: [notes], architecture: x86_64 }
";

#[test]
fn of_other_functions_it_is_said_what_is_assumed() {
    let usage = usage(&stack(OWN), 1_000_000);
    // Each write stores an item and its copy in the index.
    is(&usage, Item::TableWrites, 2_000_000.0);
    is(&usage, Item::TableStorage, 1e6 * 2.0 * 550.0 / 1_073_741_824.0);
    is(&usage, Item::TableRecovery, 1e6 * 550.0 / 1_073_741_824.0);
    // The other function has no known caller, and there is no dashboard.
    is(&usage, Item::Invocations, 1e6 / 3.0);
    is(&usage, Item::ComputeX86, 0.0);
    is(&usage, Item::CdnRequests, 0.0);
    let bill = Bill::of(&usage);
    assert!(bill.lines.iter().any(|line| line.from == "a small item an event in each table and index"), "{bill:?}");
}

#[test]
fn a_table_for_infrequent_access_has_prices_of_its_own() {
    let text = OWN.replace("    point_in_time_recovery: true\n", "    class: STANDARD_INFREQUENT_ACCESS\n");
    let usage = usage(&stack(&text), 1_000_000);
    is(&usage, Item::InfrequentWrites, 2_000_000.0);
    is(&usage, Item::InfrequentStorage, 1e6 * 2.0 * 550.0 / 1_073_741_824.0);
    is(&usage, Item::TableWrites, 0.0);
    is(&usage, Item::TableStorage, 0.0);
    // A local index is one more copy, and one more write.
    let local = "    sort_key: { name: at, type: N }\n    local_indexes: { ByPrice: { sort_key: { name: price, type: N } } }\n";
    let usage = self::usage(&stack(&text.replace("    indexes:\n", &format!("{local}    indexes:\n"))), 1_000_000);
    is(&usage, Item::InfrequentWrites, 3_000_000.0);
}

#[test]
fn what_does_not_exist_costs_nothing() {
    assert_eq!(Bill::of(&assumed(&shipped(), &Inventory::default(), EVENTS)).total().to_bits(), 0.0_f64.to_bits());
}
