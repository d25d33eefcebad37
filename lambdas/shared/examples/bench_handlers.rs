//! Measures the handlers as deployed: the executables of the `lambda` profile, through the Lambda Runtime API, against the
//! local DynamoDB. Prints a table for `docs/performance-handlers.md`.
//!
//! `cargo build --profile lambda -p event-collector -p realtime-api -p stats-api`
//!
//! `cargo run -p shared --example bench_handlers -- [requests a second, 300] [seconds, 20] [stored events, 100000]`
//!
//! Requests start when they are due, even if the one before is unanswered, and latency counts from then. So a slow answer does
//! not delay later requests. Four processes accept events, as Lambda would start several; each has one request at a time.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark reports to the terminal and ends at the first failure"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::Tables;
use support::runtime::{Function, proxy_event};

const CONTAINERS: usize = 4;
const EVENTS_PER_REQUEST: usize = 3;
/// Number of reads for one figure.
const READS: usize = 100;
/// Time between two reads of one process. Within a second the process would answer from memory, without reading.
const PAUSE: Duration = Duration::from_millis(1_010);

#[tokio::main]
async fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|text| text.parse().unwrap()).collect();
    let number = |index: usize, default: usize| numbers.get(index).copied().unwrap_or(default);
    let (rate, seconds, stored) = (number(0, 300), number(1, 20), number(2, 100_000));
    let tables = support::tables().await;
    println!("| figure | value |\n|---|---|");

    let mut containers = Vec::new();
    for _ in 0..CONTAINERS {
        containers.push(start("event-collector", &tables).await);
    }
    let process = containers[0].0.id();
    let init: Vec<String> = containers.iter().map(|(_, init)| format!("{init:.0}")).collect();
    println!("| event-collector, start to first answer | {} ms |", init.join(", "));
    let cpu_before = cpu_milliseconds(process);
    let (queue, requests) = async_queue();
    let mut workers = tokio::task::JoinSet::new();
    for (mut function, _) in containers {
        let requests = requests.clone();
        workers.spawn(async move {
            let (mut latencies, mut refused) = (Vec::new(), 0);
            while let Some((due, event)) = { requests.lock().await.recv().await } {
                let answer = function.invoke(event).await;
                refused += usize::from(answer["response"]["statusCode"] != 200);
                latencies.push(Instant::now().duration_since(due));
            }
            (latencies, refused, function)
        });
    }
    let begin = Instant::now();
    for index in 0..rate * seconds {
        let due = begin + Duration::from_secs_f64(index as f64 / rate as f64);
        tokio::time::sleep_until(due.into()).await;
        queue.send((due, events(index))).unwrap();
    }
    drop(queue);
    let (mut latencies, mut refused, mut functions) = (Vec::new(), 0, Vec::new());
    while let Some(result) = workers.join_next().await {
        let (more, others, function) = result.unwrap();
        latencies.extend(more);
        refused += others;
        functions.push(function);
    }
    let elapsed = begin.elapsed().as_secs_f64();
    println!("| events, {rate} requests/s of {EVENTS_PER_REQUEST} for {seconds} s | {} |", percentiles(&mut latencies));
    println!("| requests answered a second | {:.0}, {refused} not with 200 |", latencies.len() as f64 / elapsed);
    let cpu = (cpu_milliseconds(process) - cpu_before) / (latencies.len() as f64 / CONTAINERS as f64);
    println!("| event-collector, processor time | {cpu:.2} ms/request |");
    println!("| event-collector, peak memory | {:.1} MB |", peak_megabytes(process));
    drop(functions);

    // Both have the same thousand events, and one of them many more without counters. The reads alternate, so other load on the
    // machine affects both.
    let (small, large) = (support::tables().await, support::tables().await);
    for tables in [&small, &large] {
        let (mut function, _) = start("event-collector", tables).await;
        for index in 0..334 {
            assert_eq!(function.invoke(events(index)).await["response"]["statusCode"], 200);
        }
    }
    store_events(&large, stored).await;
    let mut readers = Vec::new();
    for (name, path) in [("realtime-api", "/api/realtime"), ("stats-api", "/api/stats")] {
        let both = [start(name, &small).await, start(name, &large).await];
        readers.push((name, path, both, [Vec::new(), Vec::new()]));
    }
    for _ in 0..READS {
        tokio::time::sleep(PAUSE).await;
        for (_, path, functions, latencies) in &mut readers {
            for ((function, _), latencies) in functions.iter_mut().zip(latencies) {
                let begin = Instant::now();
                let answer = function.invoke(proxy_event("GET", path, &json!({}), None)).await;
                assert_eq!(answer["response"]["statusCode"], 200, "{answer}");
                latencies.push(begin.elapsed());
            }
        }
    }
    for (name, _, functions, mut latencies) in readers {
        println!("| {name}, 1002 stored events | {} |", percentiles(&mut latencies[0]));
        println!("| {name}, {} stored events | {} |", 1_002 + stored, percentiles(&mut latencies[1]));
        println!("| {name}, ratio of medians | {:.2} |", latencies[1][READS / 2].as_secs_f64() / latencies[0][READS / 2].as_secs_f64());
        let (function, init) = &functions[1];
        let cpu = cpu_milliseconds(function.id()) / READS as f64;
        println!("| {name}, processor time, peak memory | {cpu:.2} ms/request, {:.1} MB |", peak_megabytes(function.id()));
        println!("| {name}, start to first answer | {init:.0} ms |");
    }
}

type Queue = std::sync::Arc<tokio::sync::Mutex<tokio::sync::mpsc::UnboundedReceiver<(Instant, Value)>>>;

fn async_queue() -> (tokio::sync::mpsc::UnboundedSender<(Instant, Value)>, Queue) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    (sender, std::sync::Arc::new(tokio::sync::Mutex::new(receiver)))
}

/// Starts an executable, and returns the milliseconds until its first answer, to a request that reads nothing.
async fn start(name: &str, tables: &Tables) -> (Function, f64) {
    let directory = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("lambda");
    let executable = directory.join(name);
    assert!(executable.exists(), "{} is missing: build it with --profile lambda", executable.display());
    let begin = Instant::now();
    let mut function = Function::start_unjudged(executable.to_str().unwrap(), tables).await;
    let answer = function.invoke(proxy_event("OPTIONS", "/api", &json!({}), None)).await;
    assert_eq!(answer["response"]["statusCode"], 200);
    (function, begin.elapsed().as_secs_f64() * 1_000.0)
}

/// Returns what the tracker sends when a page is opened; a visit is twelve pages, and 500 visits are active at a time.
fn events(index: usize) -> Value {
    let (visit, view) = (index / 6_000 * 500 + index % 500, index / 500 % 12);
    let now = shared::time::now();
    let event = |event_type: &str, page: usize| {
        json!({
            "session_id": format!("0123456789-{visit:06}"), "timestamp": now, "event_type": event_type,
            "page_url": format!("https://shop.example/products/{}", (visit * 7 + page * page) % 100),
            "referrer": format!("https://referrer-{}.example/", visit % 20), "props": {"engaged_ms": 9_000},
            "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36",
        })
    };
    let events = [event("page_leave", view.saturating_sub(1)), event("page_view", view), event("click", view)];
    let body = json!({"batch_id": index.to_string(), "sent_at": now, "events": events}).to_string();
    let mut request = proxy_event("POST", "/api/events", &json!({}), Some(&body));
    // Each visitor has its own address, because the limit applies per client.
    request["requestContext"]["identity"]["sourceIp"] = json!(format!("192.0.{}.{}", visit / 250 % 250, visit % 250));
    request
}

/// Stores raw events of the maximum age, without their counters.
async fn store_events(tables: &Tables, count: usize) {
    let now = shared::time::now();
    let item = |index: usize| {
        let text = |text: String| AttributeValue::S(text);
        std::collections::HashMap::from([
            ("session_id".to_owned(), text(format!("stored-{:06}", index / 20))),
            ("timestamp".to_owned(), AttributeValue::N((now - i64::try_from(index).unwrap() * 800).to_string())),
            ("event_type".to_owned(), text("page_view".to_owned())),
            ("event_id".to_owned(), text(index.to_string())),
            ("page_url".to_owned(), text(format!("https://shop.example/products/{}", index % 100))),
        ])
    };
    let mut writes = tokio::task::JoinSet::new();
    for first in (0..count).step_by(25) {
        let requests = (first..count.min(first + 25))
            .map(|index| WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item(index))).build().unwrap()).build());
        let write = tables.client.batch_write_item().request_items(&tables.events, requests.collect());
        writes.spawn(async move { drop(write.send().await.unwrap()) });
        if writes.len() >= 4 {
            writes.join_next().await;
        }
    }
    writes.join_all().await;
}

fn percentiles(latencies: &mut [Duration]) -> String {
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    format!("p50 {:.1}, p95 {:.1}, p99 {:.1} ms", at(0.5), at(0.95), at(0.99))
}

fn peak_megabytes(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_024.0
}

/// Returns user and system time in milliseconds; a tick is 10 ms (proc(5), `USER_HZ`).
fn cpu_milliseconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 10.0
}
