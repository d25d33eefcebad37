//! Sends bad input over HTTP: every case of the table in `docs/api.md`, and a few hundred bodies that no client would send. The
//! real handler is behind the gateway; its own tests cover more without a network.

use super::{get, now, outputs, project::Project, request, response};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Debug, fs, time::Instant};
use test_support::workspace;

/// Client of the deployed API.
struct Api {
    url: String,
    agent: ureq::Agent,
}

impl Api {
    fn new(project: &Project) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { url: outputs(project)["api_url"].clone(), agent }
    }

    fn post(&self, body: &[u8], headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request = self.agent.post(format!("{}/api/events", self.url)).header("Content-Type", "text/plain");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = request.send(body).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}")))
    }

    fn read(&self, path: &str) -> (u16, Value) {
        let (status, text) = get(&format!("{}/api/{path}", self.url));
        (status, serde_json::from_str(&text).unwrap())
    }

    fn views(&self, site: &str) -> Value {
        self.read(&format!("stats?k={site}")).1["data"]["summary"]["total_pageviews"].clone()
    }
}

fn event(fields: &[(&str, Value)]) -> Value {
    let mut event =
        json!({"session_id": "bad-input-1", "timestamp": now(), "event_type": "page_view", "page_url": "https://shop.example/a"});
    for (name, value) in fields {
        event[*name] = value.clone();
    }
    event
}

fn body(events: &[Value]) -> Vec<u8> {
    json!({"k": "bad-input", "events": events}).to_string().into_bytes()
}

#[track_caller]
fn refused(answer: &(u16, Value), status: u16, field: &str, case: &dyn Debug) {
    assert_eq!((answer.0, &answer.1["status"]), (status, &json!("error")), "{case:?}: {}", answer.1);
    assert!(answer.1["message"].is_string(), "{case:?}: {}", answer.1);
    if !field.is_empty() {
        assert_eq!(answer.1["details"]["field"], field, "{case:?}: {}", answer.1);
    }
}

#[test]
fn bad_input_has_a_defined_answer() {
    let project = Project::new();
    project.ok(&["up", "--local"]);
    let api = Api::new(&project);
    bodies_that_are_no_batch(&api);
    fields_that_are_wrong(&api);
    what_is_unusual_but_right(&api);
    questions_that_make_no_sense(&api);
    more_pages_than_are_counted(&api);
    hostile_bodies(&api);
    foreign_origins_and_tokens(&project);
    invented_visits_stay_below_the_limit_of_a_client(&project);
}

fn bodies_that_are_no_batch(api: &Api) {
    let right = body(&[event(&[])]);
    let cases: [(&[u8], u16, &str); 11] = [
        (b"", 400, "body"),
        (b"nonsense", 400, "body"),
        (&right[..right.len() / 2], 400, "body"),
        (b"[]", 400, "body"),
        (b"{}", 400, "events"),
        (b"{\"events\":{}}", 400, "events"),
        (b"{\"events\":[]}", 400, "events"),
        (b"{\"events\":[{\"timestamp\":NaN}]}", 400, "body"),
        // A gateway may have replaced the bytes before they arrive.
        (b"{\"events\":[\"\xff\xfe\"]}", 400, ""),
        (&body(&vec![event(&[]); 101]), 400, "events"),
        (&vec![b'x'; 10 * 1_024 * 1_024], 413, ""),
    ];
    for (body, status, field) in cases {
        refused(&api.post(body, &[]), status, field, &String::from_utf8_lossy(&body[..body.len().min(60)]));
    }
    refused(&api.post(&right, &[("Content-Type", "image/png")]), 415, "", &"a picture");
    assert_eq!(api.views("bad-input"), 0, "nothing of it was kept");
}

fn fields_that_are_wrong(api: &Api) {
    let long = json!("x".repeat(4_096));
    let cases = [
        ("timestamp", json!(now() / 1_000)),
        ("timestamp", json!(now() + 3_600_000)),
        ("timestamp", json!(0)),
        ("timestamp", json!("1703123456789")),
        ("timestamp", json!(1.5)),
        ("session_id", long.clone()),
        ("session_id", json!(7)),
        ("session_id", json!("@h#default#0")),
        ("event_type", long.clone()),
        ("event_type", json!("@m#default#0")),
        ("event_type", json!("a\u{0}b")),
        ("page_url", long.clone()),
        ("page_url", json!("https://shop.example/\u{7}")),
        ("page_url", json!("javascript:alert(1)")),
        ("referrer", long.clone()),
        ("event_id", json!("@salt#2026-11-22")),
        ("props", json!({"text": long})),
        ("props", json!([])),
    ];
    for (field, value) in cases {
        let wrong = event(&[(field, value)]);
        refused(&api.post(&body(std::slice::from_ref(&wrong)), &[]), 400, &format!("events[0].{field}"), &wrong[field]);
        // Beside a valid event it is refused alone.
        let answer = api.post(&json!({"k": "beside", "events": [event(&[]), wrong]}).to_string().into_bytes(), &[]).1["data"].clone();
        assert_eq!((&answer["processed_events"], &answer["rejected"][0]["index"]), (&json!(1), &json!(1)), "{field}: {answer}");
        assert!(answer["rejected"][0]["reason"].as_str().unwrap().starts_with(field), "{answer}");
    }
    for (field, value) in [("k", json!("@h#default")), ("batch_id", json!("a b")), ("sent_at", json!(1)), ("token", json!("x".repeat(257)))]
    {
        let mut batch = json!({"events": [event(&[])]});
        batch[field] = value;
        refused(&api.post(batch.to_string().as_bytes(), &[]), 400, field, &batch);
    }
    assert_eq!(api.views("bad-input"), 0, "nothing of it was kept");
}

fn what_is_unusual_but_right(api: &Api) {
    let script = "https://shop.example/<script>alert(1)</script>";
    let unusual = [
        event(&[("unknown", json!({"ignored": [1, 2]})), ("page_title", json!("<script>alert(1)</script>"))]),
        event(&[("user_agent", json!("x".repeat(4_096)))]),
        event(&[("user_agent", json!("Mozilla\u{0}\u{1b}[2J"))]),
        event(&[("page_url", json!(script))]),
        event(&[("props", json!({"note": "\u{0}<b>", "engaged_ms": "soon"}))]),
    ];
    let (status, answer) = api.post(&json!({"k": "unusual", "anything": 1, "events": unusual}).to_string().into_bytes(), &[]);
    assert_eq!((status, &answer["data"]["processed_events"], &answer["data"]["rejected"]), (200, &json!(5), &json!([])), "{answer}");
    let pages = api.read("stats?k=unusual").1["data"]["top_pages"].clone();
    // The address is stored as sent: text, which the dashboard displays as text.
    let urls: Vec<&str> = pages.as_array().unwrap().iter().map(|page| page["url"].as_str().unwrap()).collect();
    assert_eq!(urls, ["/a", "/<script>alert(1)</script>"]);
    let ignored = api.post(&body(&[event(&[])]), &[("Sec-GPC", "1")]).1;
    assert_eq!((&ignored["data"]["ignored"], &ignored["data"]["processed_events"]), (&json!(1), &json!(0)), "{ignored}");
}

fn questions_that_make_no_sense(api: &Api) {
    for (query, field) in [("period=year", "period"), ("limit=0", "limit"), ("limit=169", "limit"), ("limit=x", "limit"), ("k=A%23B", "k")]
    {
        refused(&api.read(&format!("stats?{query}")), 400, field, &query);
    }
    refused(&api.read("realtime?k=%00"), 400, "k", &"a control character");
    // The gateway knows no other method, and answers without calling a function.
    let answer = api.agent.put(format!("{}/api/events", api.url)).send("{}").unwrap();
    assert!((400..500).contains(&answer.status().as_u16()), "{}", answer.status());
}

/// Up to a thousand distinct paths in an hour have their own counter. Later ones share one, and nothing is lost.
fn more_pages_than_are_counted(api: &Api) {
    const BATCHES: u64 = 100;
    let began = Instant::now();
    for batch in 0..BATCHES {
        // This test has a session of its own, because a session belongs to its first site.
        let page = |place: u64| {
            let url = format!("https://shop.example/{}", batch * 100 + place);
            event(&[("session_id", json!("bad-input-pages")), ("page_url", json!(url))])
        };
        let events: Vec<Value> = (0..100).map(page).collect();
        let (status, answer) = api.post(json!({"k": "pages", "events": events}).to_string().as_bytes(), &[]);
        assert_eq!((status, &answer["data"]["processed_events"]), (200, &json!(100)), "{answer}");
    }
    println!("{} paths took {:.1} s", 100 * BATCHES, began.elapsed().as_secs_f64());
    let stats = api.read("stats?k=pages").1["data"].clone();
    assert_eq!(stats["summary"]["total_pageviews"], json!(100 * BATCHES));
    let others = stats["top_pages"].as_array().unwrap().iter().find(|page| page["url"] == "(other)").unwrap();
    // The hour may have changed in between; then both hours have room.
    assert!((100 * (BATCHES - 20)..=100 * (BATCHES - 10)).contains(&others["views"].as_u64().unwrap()), "{others}");
    let realtime = api.read("realtime?k=pages").1["data"].clone();
    assert!(realtime["current_pages"].as_object().unwrap().len() <= 50 && realtime["active_users"] == 1, "{realtime}");
}

/// Generator of numbers that differ but are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn hostile_bodies(api: &Api) {
    let mut numbers = Numbers(1);
    let right = json!({"k": "hostile", "batch_id": "b", "sent_at": now(), "events": [
        event(&[("session_id", json!("hostile-001"))]), event(&[("session_id", json!("hostile-002")), ("event_type", json!("click"))]),
    ]});
    let mut answered: BTreeMap<u16, usize> = BTreeMap::new();
    let mut taken = 0;
    for round in 0..150 {
        let mut body = right.clone();
        body["batch_id"] = json!(format!("b{round}"));
        let mut body = body.to_string().into_bytes();
        for _ in 0..=numbers.below(3) {
            let at = numbers.below(body.len());
            match numbers.below(5) {
                0 => body.truncate(at + 1),
                1 => body[at] = u8::try_from(numbers.below(256)).unwrap(),
                2 => drop(body.splice(at..at, *b"\"\\u0000{[,:9e999")),
                3 => drop(body.splice(at..at, b"[".repeat(2_000))),
                _ => drop(body.remove(at)),
            }
        }
        let (status, answer) = api.post(&body, &[]);
        assert!(status == 200 || (400..500).contains(&status), "{status} for {}: {answer}", String::from_utf8_lossy(&body));
        *answered.entry(status).or_default() += 1;
        let views = answer["data"]["processed_events"].as_u64().unwrap_or_default();
        if status == 200 && answer["data"]["duplicate"] == false {
            taken += views;
        } else {
            assert!(status == 200 || answer["message"].is_string(), "{answer}");
        }
    }
    assert!(answered[&400] > 50 && answered.contains_key(&200), "both kinds: {answered:?}");
    // Stored events were answered with 200. They include valid batches of another site or type.
    assert!(api.views("hostile").as_u64().unwrap() <= taken);
}

/// All traffic of `seed` comes from one address. The local AWS limits clients only on request.
fn invented_visits_stay_below_the_limit_of_a_client(project: &Project) {
    let limited = "    route: POST /api/events\n    environment: { REQUESTS_PER_MINUTE: '300' }\n";
    let shipped = fs::read_to_string(workspace().join("stack.yaml")).unwrap();
    project.edit("stack.yaml", |_| shipped.replace("    route: POST /api/events\n", limited));
    project.ok(&["up", "--local"]);
    let run = project.ok(&["seed", "--local", "--sessions", "8", "--format", "json"]);
    let (said, report) = (run.stderr(), run.json());
    // The rate is at most 5 a second, and lower for batches with clicks.
    assert!(said.contains("of these requests a second (REQUESTS_PER_MINUTE 300): sending 4.") || said.contains(": sending 3."), "{said}");
    assert_eq!((&report["reconciled"], &report["throttled"]), (&json!(true), &json!(0)), "{report}");
    let run = project.ok(&["seed", "--local", "--sessions", "2", "--rate", "40", "--format", "json"]);
    assert!(run.stderr().contains("at --rate 40 others are refused with 429 and repeated"), "{}", run.stderr());
    assert_eq!(run.json()["reconciled"], true, "{}", run.json());
}

fn foreign_origins_and_tokens(project: &Project) {
    // `printf %s reader | sha256sum`
    let reader = "3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30";
    let collector = "    environment: { TOKEN_SECRET: secret, ALLOWED_ORIGINS: 'https://shop.example', SITES: tokens }\n";
    let reading = format!("    environment: {{ READ_TOKEN_SHA256: {reader} }}\n");
    project.edit("stack.yaml", |text| {
        let text = text.replace("    route: POST /api/events\n", &format!("    route: POST /api/events\n{collector}"));
        text.replace("    route: GET /api/stats\n", &format!("    route: GET /api/stats\n{reading}"))
    });
    // The smoke check posts an event of the site `smoke`, which is accepted although no list contains it.
    let events = project.ok(&["up", "--local", "--format", "json"]).stdout();
    let check = events.lines().find(|line| line.contains(r#""event":"smoke""#)).unwrap_or_else(|| panic!("{events}"));
    assert!(check.contains(r#""passed":true"#) && check.contains("an event is stored once"), "{check}");
    let api = Api::new(project);
    refused(&api.post(json!({"k": "other", "events": [event(&[])]}).to_string().as_bytes(), &[]), 403, "k", &"a site that is not listed");
    let batch = |name: &str, token: Option<&str>| {
        json!({"k": "tokens", "batch_id": name, "token": token, "events": [event(&[("session_id", json!("token-session"))])]}).to_string()
    };
    refused(&api.post(batch("a", None).as_bytes(), &[("Origin", "https://evil.example")]), 403, "", &"foreign origin");
    // AWS's policy for files lets every page read them, and must not let one read a refusal. The local AWS does not distinguish
    // a missing file from a forbidden one, and serves the site's error page in place of the refusal.
    let events = format!("{}api/events", outputs(project)["dashboard_url"]);
    let refusal = response(&events, &[("Origin", "https://evil.example")], Some(&batch("a", None)));
    assert_eq!((refusal.status().as_u16(), refusal.headers().get("access-control-allow-origin")), (404, None));
    let (status, first) = api.post(batch("b", None).as_bytes(), &[("Origin", "https://shop.example")]);
    let token = first["data"]["token"].as_str().unwrap().to_owned();
    assert_eq!(status, 200, "a new session needs no token: {first}");
    assert_eq!(api.post(batch("c", Some(&token)).as_bytes(), &[]).0, 200);
    let forged = format!("{}0", &token[..token.len() - 1]);
    let forged = if forged == token { format!("{}1", &token[..token.len() - 1]) } else { forged };
    refused(&api.post(batch("d", Some(&forged)).as_bytes(), &[]), 401, "", &"forged token");
    refused(&api.post(batch("e", Some("nonsense")).as_bytes(), &[]), 401, "", &"nonsense for a token");

    let stats = |token: &str| {
        let request = api.agent.get(format!("{}/api/stats?k=tokens", api.url)).header("Authorization", format!("Bearer {token}"));
        let mut answer = request.call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json::<Value>().unwrap())
    };
    refused(&api.read("stats?k=tokens"), 401, "", &"no token for reading");
    refused(&stats("forged"), 401, "", &"forged token for reading");
    let (status, answer) = stats("reader");
    assert_eq!((status, &answer["data"]["summary"]["total_pageviews"]), (200, &json!(2)), "{answer}");
    // Through the distribution the result is the same.
    let url = format!("{}api/stats?k=tokens", outputs(project)["dashboard_url"]);
    assert_eq!(request(&url, &[("Authorization", "Bearer reader")], None).0, 200);
    assert_eq!(request(&url, &[("X-API-Key", "reader")], None).0, 200);
    assert_eq!(request(&url, &[], None).0, 401);
}
