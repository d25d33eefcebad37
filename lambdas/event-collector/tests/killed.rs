//! Kills the real executable before and after each of its writes: the client's repetition and a recount make the counts exact.
//!
//! The `recount` test of `shared` does the same within one process, over several batches. Here the process really ends, with
//! its requests in flight.

#![expect(clippy::unwrap_used, reason = "a failure here fails the test")]

#[path = "../../shared/tests/support/mod.rs"]
mod support;

use serde_json::{Value, json};
use shared::recount::recount;
use shared::stats::{self, Period, Window};
use shared::store::Store;
use shared::time::{DAY, HOUR, now};
use support::Tables;
use support::faulty::{Death, Faulty};
use support::runtime::{Function, proxy_event};

fn body() -> String {
    let event = |event_type: &str, page: &str| {
        json!({"session_id": "session-0001", "timestamp": now(), "event_type": event_type, "page_url": format!("https://shop.example{page}"),
            "user_agent": "Mozilla/5.0 (Windows NT 10.0)", "referrer": "https://search.example/"})
    };
    let events = [event("page_view", "/a"), event("page_leave", "/a"), event("page_view", "/b")];
    json!({"batch_id": "b1", "sent_at": now(), "events": events}).to_string()
}

/// Returns the numbers that readers get for the last hours: sessions, views, bounce rate, visitors, pages and referrers.
async fn seen(tables: &Tables) -> Value {
    let store = Store::new(tables.client.clone(), &tables.events, &tables.sessions);
    let stats = stats::read(&store, "default", Window { period: Period::Day, limit: 2, now: now() }).await.unwrap();
    json!([stats.summary, stats.bounce_rate, stats.top_pages, stats.referrers, stats.devices])
}

#[tokio::test]
async fn killed_at_any_write_it_is_exact_after_a_repetition_and_a_recount() {
    let executable = env!("CARGO_BIN_EXE_event-collector");
    let whole = support::tables().await;
    let proxy = Faulty::start(Death::Never).await;
    let event = proxy_event("POST", "/api/events", &json!({}), Some(&body()));
    assert_eq!(Function::start_at(executable, &whole, &proxy.url).await.invoke(event).await["response"]["statusCode"], 200);
    let writes = proxy.writes();
    let right = seen(&whole).await;
    assert!(writes > 12, "salt, events, gate, mark, counters: {writes}");

    let mut short = 0;
    for write in 1..=writes {
        for death in [Death::Before(write), Death::After(write)] {
            let tables = support::tables().await;
            let event = proxy_event("POST", "/api/events", &json!({}), Some(&body()));
            let proxy = Faulty::start(death).await;
            let mut function = Function::start_at(executable, &tables, &proxy.url).await;
            let answer = tokio::select! {
                answer = function.invoke_unless_it_ends(event.clone()) => answer,
                () = proxy.reached() => None,
            };
            // The function may have had nothing left to do but to answer. Then the client has its answer and does not repeat.
            function.kill().await;
            if answer.is_none() {
                let again = Function::start(executable, &tables).await.invoke(event).await;
                assert_eq!(again["response"]["statusCode"], 200, "{again}");
            }
            short += usize::from(seen(&tables).await != right);
            let store = Store::new(tables.client.clone(), &tables.events, &tables.sessions);
            // By then the hour is over and the session is inactive.
            let later = now() + 2 * HOUR;
            let report = recount(&store, later, true).await.unwrap();
            assert_eq!(report.repaired, report.differences.len());
            assert_eq!(seen(&tables).await, right, "killed {death:?}: {report:?}");
            assert_eq!(recount(&store, later, false).await.unwrap().differences, [], "once is enough");
            assert!(later < now() + DAY);
        }
    }
    assert!(short > 4, "some of the deaths left something short, or the test shows nothing: {short}");
}
