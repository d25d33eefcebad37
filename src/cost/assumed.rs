//! Usage of the stack at an assumed traffic. Each figure has its source beside it; `docs/cost.md` explains them for users.
//!
//! An event is one report of the tracker. The units of handlers that store events and sessions as the product's do were counted
//! (`docs/performance-handlers.md`). For any other function, an event is assumed to be one small item in each of its tables.
//! The only reader is assumed to be one dashboard. Failed requests are left out, and so are preflights: the tracker's requests
//! need none.

use super::{GB, Inventory, Item, MONTH_DAYS, MONTH_HOURS, Usage};
use crate::{
    aws::facts::Billable,
    resources::{Bucket, Distribution, Function, LogGroup, RestApi, Table},
    stack::{self, API_LOG_GROUP, Route, Stack, log_group_of},
};
use std::collections::BTreeSet;

/// Default number of events a month.
pub const EVENTS: u64 = 100_000;
/// Limit of events a month: more than 10,000 a second, for which the product's tables were designed, and small enough for every
/// sum.
pub const MOST_EVENTS: u64 = 100_000_000_000;

/// Events per request: what the tracker sends when a page is opened (`docs/performance-handlers.md`, "Units").
const EVENTS_A_REQUEST: f64 = 3.0;
/// Write units per event, in batches of three (same source).
const WRITES_AN_EVENT: f64 = 3.96;
/// Requests per visit, counted over ten visits of twelve page views (same source).
const REQUESTS_A_VISIT: f64 = 12.0;

/// Query that an untouched dashboard repeats: seconds between two (`dashboard/src/app.js`, `idlePause` and `statsPause`), and
/// the read units of an answer with 30 pages (`docs/performance-handlers.md`, "Units").
struct Question {
    pause: f64,
    reads: f64,
}
const REALTIME: Question = Question { pause: 10.0, reads: 2.5 };
const STATISTICS: Question = Question { pause: 30.0, reads: 4.5 };
/// Hours a month that a dashboard is open: eight on 22 working days. An assumption.
const DASHBOARD_HOURS: f64 = 8.0 * 22.0;

/// Seconds per invocation: 2 ms of a whole processor and the wait for tables, on the seventh of a processor that 256 MB come
/// with. An assumption: nothing was measured on AWS.
const DURATION: f64 = 0.020;
/// Logged bytes per invocation: Lambda's lines `START`, `END` and `REPORT`, 340, and the handler's own, up to 350. This
/// includes 26 bytes per line, as CloudWatch counts.
const INVOCATION_LOG: f64 = 690.0;
/// Bytes of a line of the access log (`stack/declare/api.rs`), including CloudWatch's 26.
const ACCESS_LOG: f64 = 225.0;
/// Metrics that API Gateway keeps per method: Count, Latency, `IntegrationLatency`, 4XXError and 5XXError ("Amazon API Gateway
/// dimensions and metrics"). AWS bills them for each hour with a request.
pub(super) const METRICS_A_METHOD: f64 = 5.0;

/// Bytes of a stored event, including DynamoDB's overhead per item (100 bytes). An assumption.
const EVENT_SIZE: f64 = 550.0;
/// Days that the product stores an event (`lambdas/shared/src/store/events.rs`).
const EVENT_DAYS: f64 = 1.0;

/// Bytes of an answer to a dashboard, compressed. An assumption.
const DASHBOARD_ANSWER: f64 = 4_000.0;
/// Bytes of an answer to the tracker, with its headers. An assumption.
const TRACKER_ANSWER: f64 = 500.0;
/// Bytes that each visitor fetches once: the tracker, compressed. An assumption.
const TRACKER: f64 = 2_000.0;
/// Releases a month: one a day. An assumption.
const RELEASES: f64 = 30.0;
/// Objects written per release: some pages, its record, the lock's three states. An assumption.
const OBJECTS_A_RELEASE: f64 = 10.0;
/// Edge locations that fetch each release. An assumption.
const CACHES: f64 = 10.0;
/// Bytes of the pages, with the versions of thirty releases. An assumption.
const SITE_SIZE: f64 = 5.0 * 1_048_576.0;

/// Logical names of the API (`stack/declare/api.rs`), and of the site's resources (`stack/declare/site.rs`).
const API_NAME: &str = "api";
const SITE_NAME: &str = "static";

/// Returns the usage of the inventory in a month with this many events.
pub fn assumed(stack: &Stack, inventory: &Inventory, events: u64) -> Usage {
    let mut usage = Usage::default();
    let calls = calls(stack, inventory, events);
    for calls in &calls {
        calls.add(&mut usage, inventory);
    }
    site(&mut usage, inventory, &calls);
    tables(&mut usage, stack, inventory, &calls);
    fixed(&mut usage, inventory);
    usage
}

/// Adds usage that does not depend on visitors: alarms, and the requests of releases.
pub(super) fn fixed(usage: &mut Usage, inventory: &Inventory) {
    for (_, billable) in inventory.billables() {
        match billable {
            Billable::Alarm => usage.add(Item::Alarms, 1.0, "declared"),
            Billable::Bucket => {
                usage.add(Item::ObjectWrites, RELEASES * OBJECTS_A_RELEASE, "a release a day");
                usage.add(Item::ObjectReads, RELEASES * OBJECTS_A_RELEASE * CACHES, "caches after a release a day");
            }
            Billable::Distribution => usage.add(Item::Invalidations, RELEASES, "a release a day"),
            _ => {}
        }
    }
}

/// Returns the gigabytes stored at any time, for this many gigabytes a month.
pub(super) fn kept(gigabytes: f64, days: f64) -> f64 {
    gigabytes * days / MONTH_DAYS
}

/// Calls of one function through the API in a month.
struct Calls<'a> {
    name: &'a str,
    function: &'a stack::Function,
    /// Events that the calls carry.
    events: f64,
    requests: f64,
    writes: f64,
    reads: f64,
    /// Hours of the month with at least one call.
    hours: f64,
}

/// Returns the functions that are called. Events are divided equally among the functions that accept data; a dashboard polls
/// each of the others.
fn calls<'a>(stack: &'a Stack, inventory: &Inventory, events: u64) -> Vec<Calls<'a>> {
    let there = stack.functions.iter().filter(|(name, _)| inventory.get::<Function>(name).is_some());
    let (readers, takers): (Vec<_>, Vec<_>) =
        there.filter(|(_, function)| function.is_routed()).partition(|(_, function)| function.routes.iter().all(Route::only_reads));
    #[expect(clippy::cast_precision_loss, reason = "both are far below 2^52")]
    let share = events as f64 / takers.len().max(1) as f64;
    let takers = takers.into_iter().map(|(name, function)| Calls::of_tracker(name, function, stack, share));
    let polled = |(name, function): (&'a String, &'a stack::Function)| {
        function.routes.iter().map(move |route| Calls::of_dashboard(name, function, route))
    };
    takers.chain(readers.into_iter().flat_map(polled)).collect()
}

impl<'a> Calls<'a> {
    fn of_tracker(name: &'a str, function: &'a stack::Function, stack: &Stack, events: f64) -> Self {
        let requests = events / EVENTS_A_REQUEST;
        let indexes = |table: &str| stack.tables.get(table).map_or(0, |table| table.index_count());
        let items: usize = function.tables_written().into_iter().map(|table| 1 + indexes(table)).sum();
        #[expect(clippy::cast_precision_loss, reason = "a number of tables")]
        let units = if keeps_events(function) { WRITES_AN_EVENT } else { items as f64 };
        // Calls are spread evenly: more than one an hour means one in every hour.
        Self { name, function, events, requests, writes: events * units, reads: 0.0, hours: requests.min(MONTH_HOURS) }
    }

    fn of_dashboard(name: &'a str, function: &'a stack::Function, route: &Route) -> Self {
        let question = if route.path.ends_with("/stats") { STATISTICS } else { REALTIME };
        let requests = DASHBOARD_HOURS * 3_600.0 / question.pause;
        let reads = if function.reads.is_empty() { 0.0 } else { requests * question.reads };
        Self { name, function, events: 0.0, requests, writes: 0.0, reads, hours: DASHBOARD_HOURS }
    }

    fn add(&self, usage: &mut Usage, inventory: &Inventory) {
        let counted = format!("{WRITES_AN_EVENT} an event, as counted");
        let writes = if keeps_events(self.function) { &counted } else { "a small item an event in each table and index" };
        let requests = format!("{EVENTS_A_REQUEST} events a request, and a dashboard's");
        let (written, read) = (self.function.tables_written(), self.function.tables_read());
        for infrequent in [false, true] {
            usage.add(Item::writes(infrequent), self.writes * share(inventory, &written, infrequent), writes);
            let reads = self.reads * share(inventory, &read, infrequent);
            usage.add(Item::reads(infrequent), reads, format!("a dashboard open {DASHBOARD_HOURS} hours"));
        }
        usage.add(Item::Invocations, self.requests, &requests);
        if let Some(Billable::Function { memory, arm }) = inventory.get::<Function>(self.name) {
            let compute = if arm { Item::ComputeArm } else { Item::ComputeX86 };
            usage.add(compute, self.requests * DURATION * memory, format!("{} ms a request", DURATION * 1_000.0));
        }
        logs(usage, inventory.get::<LogGroup>(log_group_of(self.name)), self.requests * INVOCATION_LOG);
        if inventory.get::<RestApi>(API_NAME).is_some() {
            usage.add(Item::ApiRequests, self.requests, &requests);
            logs(usage, inventory.get::<LogGroup>(API_LOG_GROUP), self.requests * ACCESS_LOG);
        }
        if inventory.has_method_metrics() {
            usage.add(Item::Metrics, METRICS_A_METHOD * self.hours / MONTH_HOURS, format!("{METRICS_A_METHOD} a method with requests"));
        }
    }
}

/// Returns the share of tables that have the class for infrequent access, or of those that do not. All tables are assumed to be used alike; without
/// any, the class is the standard one.
fn share(inventory: &Inventory, tables: &BTreeSet<&str>, infrequent: bool) -> f64 {
    let (mut all, mut of_class) = (0.0, 0.0);
    for table in tables {
        all += 1.0;
        of_class += f64::from(matches!(inventory.get::<Table>(table), Some(Billable::Table { infrequent: true, .. })));
    }
    let share = if all > 0.0 { of_class / all } else { 0.0 };
    if infrequent { share } else { 1.0 - share }
}

/// Returns true if a function stores events and sessions, as the product's own handler does.
fn keeps_events(function: &stack::Function) -> bool {
    let written = function.tables_written();
    ["events", "sessions"].iter().all(|table| written.contains(table))
}

/// Adds bytes of logs in a month. CloudWatch stores them compressed; the ratio is unknown beforehand, so nothing is subtracted.
fn logs(usage: &mut Usage, group: Option<Billable>, bytes: f64) {
    let Some(Billable::Logs { days }) = group else { return };
    usage.add(Item::LogsIngested, bytes / GB, format!("{INVOCATION_LOG} bytes an invocation, {ACCESS_LOG} a request"));
    usage.add(Item::LogsStored, kept(bytes / GB, days), "not compressed");
}

/// Adds the requests of the distribution, which carries all of them if it exists. Every visit fetches the tracker.
fn site(usage: &mut Usage, inventory: &Inventory, calls: &[Calls<'_>]) {
    if inventory.get::<Bucket>(SITE_NAME).is_some() {
        usage.add(Item::ObjectStorage, SITE_SIZE / GB, "5 MB of pages and their earlier versions");
    }
    if inventory.get::<Distribution>(SITE_NAME).is_some() {
        let all: f64 = calls.iter().map(|calls| calls.requests).sum();
        let of_tracker = calls.iter().map(|calls| calls.events).sum::<f64>() / EVENTS_A_REQUEST;
        let visits = of_tracker / REQUESTS_A_VISIT;
        let bytes = of_tracker * TRACKER_ANSWER + (all - of_tracker) * DASHBOARD_ANSWER + visits * TRACKER;
        usage.add(Item::CdnRequests, all + visits, "all requests, and the tracker once a visit");
        usage.add(Item::CdnData, bytes / GB, "the answers to those");
    }
}

/// Adds the events stored in the tables. The product's counts stay below some megabytes.
fn tables(usage: &mut Usage, stack: &Stack, inventory: &Inventory, calls: &[Calls<'_>]) {
    for (name, table) in &stack.tables {
        let Some(Billable::Table { recovery, infrequent }) = inventory.get::<Table>(name) else { continue };
        let held = |calls: &Calls<'_>| {
            // The product stores events in one of its tables, for a day. Other stacks are assumed to keep them for good; this
            // is one month of those.
            let days = match (keeps_events(calls.function), name.as_str()) {
                (true, "events") => EVENT_DAYS,
                (true, _) => 0.0,
                (false, _) => MONTH_DAYS,
            };
            kept(calls.events * EVENT_SIZE / GB, days)
        };
        let held: f64 = calls.iter().filter(|calls| calls.function.tables_written().contains(name.as_str())).map(held).sum();
        #[expect(clippy::cast_precision_loss, reason = "a number of indexes")]
        let copies = 1.0 + table.index_count() as f64;
        let from = format!("{EVENT_SIZE} bytes an event, as long as it is kept");
        usage.add(Item::storage(infrequent), held * copies, &from);
        if recovery {
            usage.add(Item::TableRecovery, held, from);
        }
    }
}

#[cfg(test)]
mod tests;
