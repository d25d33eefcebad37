//! Upgrades a running stack of the version before the safe defaults with today's `up`, while visitors and readers continue.

use super::{now, outputs, plan, project::Project, request, requests::Requests, response, summary};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{JoinHandle, sleep, spawn},
    time::{Duration, Instant},
};

/// Only origin that may read and send.
const OURS: &str = "https://shop.example";
const SITE: &str = "upgrade";
/// Maximum wait for the sums, which are up to 30 s old.
const FRESH: Duration = Duration::from_secs(90);

/// Returns a page view in the format of an earlier tracker: the first version, and the next one, which reported the reading
/// time of pages as well.
fn body(version: usize, number: usize) -> Value {
    let mut event = json!({
        "session_id": format!("upgrade{version}-{number}"), "timestamp": now(), "event_type": "page_view", "page_url": format!("{OURS}/cart"),
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "referrer": "",
    });
    if version == 0 {
        return json!({"batch_id": format!("first{number}"), "k": SITE, "events": [event], "sent_at": now()});
    }
    let mut leave = event.clone();
    leave["event_type"] = json!("page_leave");
    leave["props"] = json!({"engaged_ms": 1_200, "scroll_percent": 40});
    event["timestamp"] = json!(now() - 1_200);
    json!({"batch_id": format!("second{number}"), "k": SITE, "events": [event, leave], "sent_at": now()})
}

/// Visitors with old trackers, which send one view after another until they are stopped.
struct Visitors {
    stop: Arc<AtomicBool>,
    sending: JoinHandle<(u64, Vec<String>)>,
}

impl Visitors {
    fn start(url: &str) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (asked, url) = (stop.clone(), format!("{url}/api/events"));
        let sending = spawn(move || {
            let (mut taken, mut failures) = (0, Vec::new());
            for number in 0.. {
                if asked.load(Ordering::Relaxed) {
                    break;
                }
                // A browser adds its page's origin.
                let headers = [("Content-Type", "text/plain;charset=UTF-8"), ("Origin", OURS)];
                match request(&url, &headers, Some(&body(number % 2, number).to_string())) {
                    (200, _) => taken += 1,
                    (status, text) => failures.push(format!("{status} {text}")),
                }
                sleep(Duration::from_millis(20));
            }
            (taken, failures)
        });
        Self { stop, sending }
    }

    /// Returns the number of accepted views, and the answers to all others.
    fn stop(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        self.sending.join().unwrap()
    }
}

/// Returns the views of the site once the expected number is reached, or after the maximum wait.
fn views(url: &str, expected: u64) -> u64 {
    let began = Instant::now();
    loop {
        let (status, text) = request(&format!("{url}/api/stats?k={SITE}"), &[("Origin", OURS)], None);
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(status, 200, "{answer}");
        let views = answer["data"]["summary"]["total_pageviews"].as_u64().unwrap();
        if views == expected || began.elapsed() > FRESH {
            return views;
        }
        sleep(Duration::from_millis(500));
    }
}

#[test]
fn an_upgrade_to_the_safe_defaults_is_planned_loses_nothing_and_serves_all_the_while() {
    let project = Project::new();
    project.edit("stack.yaml", |text| {
        let text = text.replacen("  dev: {}\n", "  dev: { protect: true }\n", 1);
        text.replacen("origins: [\"*\"]", &format!("origins: [\"{OURS}\"]"), 1)
    });
    project.ok(&["up", "--local", "--yes"]);
    let url = outputs(&project)["api_url"].clone();
    let site = outputs(&project)["dashboard_url"].clone();

    // These are the resources of the earlier version, with the counts of then.
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in project.other_client(&["earlier", "liveinsight"]) {
        let (id, field) = line.split_once(' ').unwrap();
        expected.entry(id.to_owned()).or_default().insert(field.to_owned());
    }
    let foreign =
        |url: &str| request(&format!("{url}/api/events"), &[("Origin", "https://evil.example")], Some(&body(0, 1_000_000).to_string())).0;
    assert_eq!(foreign(&url), 200, "the earlier version took what any page sent");
    let tracker = || response(&format!("{site}liveinsight.js"), &[("Origin", OURS)], None);
    assert_eq!(tracker().headers().get("access-control-allow-origin"), None, "a tag with integrity could not load it");

    // The plan contains each difference and nothing else.
    assert_eq!(plan(&project), expected);

    let readers = Requests::start(&url, &["/api/realtime?k=upgrade", "/api/stats?k=upgrade"]);
    let visitors = Visitors::start(&url);
    let up = summary(&project, &["up", "--local", "--yes", "--format", "json"]);
    let asked = readers.count();
    let (taken, failures) = visitors.stop();
    assert_eq!((readers.stop(), failures), (Vec::new(), Vec::new()), "{asked} questions and {taken} views during {up}");
    assert!(taken > 0 && asked > 0, "{asked} questions, {taken} views");
    assert_eq!((&up["failed"], &up["created"], &up["deleted"]), (&json!(0), &json!(0), &json!(0)), "{up}");
    assert_eq!(up["updated"], json!(expected.len()), "{up}");

    // No count is lost, neither from before nor from meanwhile.
    assert_eq!(views(&url, taken + 1), taken + 1);
    assert_eq!(foreign(&url), 403, "what other pages send is refused from now on");
    assert_eq!(project.other_client(&["protected"]), ["liveinsight-events-dev", "liveinsight-sessions-dev"]);
    assert_eq!(tracker().headers()["access-control-allow-origin"], "*");
    // A copied and pasted tracker continues to work.
    assert_eq!(request(&format!("{url}/api/events"), &[("Origin", OURS)], Some(&body(1, 1_000_001).to_string())).0, 200);
    assert_eq!(views(&url, taken + 2), taken + 2);

    let again = summary(&project, &["up", "--local", "--yes", "--format", "json"]);
    assert_eq!((&again["unchanged"], &again["aws_writes"]), (&json!(59), &json!(0)), "{again}");
    project.ok(&["down", "--local", "--yes", "--delete-data"]);
}
