//! `doctor --recount` with the real program: it finds, reports and corrects counters that a crash left too low, and changes nothing else.

use crate::program::{Project, stderr, stdout};
use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::AttributeValue,
};
use serde_json::json;
use shared::{
    batch::Batch,
    ingest::take,
    rollup::{self, Key, List},
    sender::Sender,
    stats::{self, Period, Window},
    store::Store,
    time::{HOUR, MINUTE, Millis, floor, now},
};

/// Tables of the product, without the functions, which would need a build.
const TABLES: &str = "
region: us-east-1
tables:
  events:
    partition_key: { name: session_id, type: S }
    sort_key: { name: timestamp, type: N }
  sessions:
    partition_key: { name: session_id, type: S }
";

fn client() -> Client {
    let config = aws_sdk_dynamodb::Config::builder().behavior_version(BehaviorVersion::latest()).endpoint_url(test_support::endpoint());
    let config = config.region(Region::new("us-east-1")).credentials_provider(Credentials::new("test", "test", None, None, "tests"));
    Client::from_conf(config.build())
}

async fn send(store: &Store, session: &str, page: &str, time: Millis) {
    let event =
        json!({"session_id": session, "timestamp": time, "event_type": "page_view", "page_url": format!("https://shop.example{page}")});
    let batch = Batch::parse(json!({"events": [event]}).to_string().as_bytes(), time).unwrap();
    assert_eq!(take(store, batch, Sender::default(), time).await.unwrap().lost_increments, 0);
}

/// Lowers a counter by the amount that a killed function would not have added.
async fn shorten(client: &Client, table: &str, key: &Key, attribute: &str, amount: i64) {
    let number = |value: i64| AttributeValue::N(value.to_string());
    let update = client.update_item().table_name(table).key("session_id", AttributeValue::S(key.partition.clone()));
    let update = update.key("timestamp", number(key.sort)).update_expression("ADD #number :less");
    update.expression_attribute_names("#number", attribute).expression_attribute_values(":less", number(-amount)).send().await.unwrap();
}

#[test]
fn what_a_crash_left_short_is_found_and_corrected() {
    let name = format!("recount-{}", std::process::id());
    let project = Project::new(&format!("project: {name}\n{TABLES}")).endpoint(&test_support::endpoint());
    let ok = |arguments: &[&str], code: i32| {
        let output = project.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{}\n{}", stdout(&output), stderr(&output));
        stdout(&output)
    };
    assert!(stderr(&project.run(&["doctor", "--recount"])).contains("`liveinsight up` makes the tables"));
    ok(&["up"], 0);
    assert!(ok(&["doctor", "--recount"], 0).contains("every counter is what the events say"));

    // Three hours ago, so that the hour has ended.
    let hour = floor(now(), HOUR) - 3 * HOUR;
    let (events, sessions) = (format!("{name}-events-dev"), format!("{name}-sessions-dev"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (client, store) = (client(), Store::new(client(), &events, &sessions));
    let sums = || {
        let window = Window { period: Period::Hour, limit: 6, now: now() };
        let stats = runtime.block_on(stats::read(&store, "default", window)).unwrap();
        let pages: Vec<(String, i64)> = stats.top_pages.into_iter().map(|page| (page.url, page.views)).collect();
        (stats.summary.total_sessions, stats.summary.total_pageviews, pages)
    };
    runtime.block_on(async {
        for (session, page, minute) in [("session-0001", "/a", 1), ("session-0001", "/b", 2), ("session-0002", "/a", 3)] {
            send(&store, session, page, hour + minute * MINUTE).await;
        }
    });
    let right = (2, 3, vec![("/a".to_owned(), 2), ("/b".to_owned(), 1)]);
    assert_eq!(sums(), right);
    runtime.block_on(async {
        let key = Key { partition: rollup::hour_partition("default", 0), sort: hour };
        shorten(&client, &events, &key, "views", 2).await;
        shorten(&client, &events, &key, "sessions", 1).await;
        shorten(&client, &events, &rollup::label_key(List::Pages, "default", hour, "/a"), "views", 1).await;
    });
    let short = sums();
    assert_ne!(short, right);

    let looked = ok(&["doctor", "--recount", "--dry-run"], 1);
    assert!(looked.contains("3 counters are not what the events say") && looked.contains("views of /a: 1 instead of 2"), "{looked}");
    assert_eq!(sums(), short, "looking changes nothing");
    let report = ok(&["doctor", "--recount", "--format", "json"], 0);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["ok"], true, "{report}");
    assert!(report["findings"][0]["detail"].as_str().unwrap().contains("3 counters corrected"), "{report}");
    assert_eq!(sums(), right);
    assert!(ok(&["doctor", "--recount", "--dry-run"], 0).contains("every counter is what the events say"));
    ok(&["down", "--yes", "--delete-data"], 0);
}

#[test]
fn a_stack_without_the_products_tables_is_told_so() {
    let project = Project::new(crate::program::SMALL).endpoint(&test_support::endpoint());
    let output = project.run(&["doctor", "--recount"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("stack.yaml has no table `events`"), "{}", stderr(&output));
    assert_eq!(project.run(&["doctor", "--dry-run"]).status.code(), Some(2), "it goes with --recount");
}
