//! Tests of the whole product with the real program: handlers built by cargo, a local AWS over HTTP, requests through the API
//! and CloudFront.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on says so by panicking, and figures are for whoever reads its output"
)]

mod bad_input;
mod canary;
mod dev;
mod gateway;
mod origin;
mod parameters;
pub(crate) mod project;
mod requests;
mod routes;
mod site;
pub(crate) mod small;
mod smoke;
mod surroundings;
mod upgrade;
mod url;

use self::project::{Project, Run};
use base64::Engine;
use requests::Requests;
use serde_json::{Value, json};
use sha2::{Digest, Sha384};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
    time::{Duration, Instant, SystemTime},
};

fn summary(project: &Project, arguments: &[&str]) -> Value {
    let event = project.ok(arguments).json();
    assert_eq!(event["event"], "summary", "{event}");
    event
}

/// Asserts the maximum numbers of calls and writes of a run. A wait for AWS polls at most every two seconds, for several
/// resources at once, and a busy machine prolongs it: a run of more than 15 s may poll three times a second.
fn assert_calls(summary: &Value, most: u32, most_writes: u64) {
    let waited = (summary["seconds"].as_f64().unwrap() - 15.0).max(0.0);
    let (calls, writes) = (summary["aws_calls"].as_f64().unwrap(), summary["aws_writes"].as_u64().unwrap());
    assert!(calls <= f64::from(most) + 3.0 * waited && writes <= most_writes, "{summary}");
}

fn outputs(project: &Project) -> BTreeMap<String, String> {
    serde_json::from_value(project.ok(&["outputs", "--local", "--format", "json"]).json()).unwrap()
}

/// Returns the plan: by id, the paths of the changes, or the action if there are none.
fn plan(project: &Project) -> BTreeMap<String, BTreeSet<String>> {
    let plan = project.run(&["plan", "--local", "--format", "json"]).json();
    let fields =
        |change: &Value| change["fields"].as_array().unwrap().iter().map(|field| field["path"].as_str().unwrap().to_owned()).collect();
    plan["changes"].as_array().unwrap().iter().map(|change| (change["id"].as_str().unwrap().to_owned(), fields(change))).collect()
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

pub(crate) fn get(url: &str) -> (u16, String) {
    request(url, &[], None)
}

/// Sends a `POST` with this body, or a `GET`; returns status and body of the answer.
fn request(url: &str, headers: &[(&str, &str)], body: Option<&str>) -> (u16, String) {
    let mut answer = response(url, headers, body);
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

/// Returns the whole answer, whatever its status.
fn response(url: &str, headers: &[(&str, &str)], body: Option<&str>) -> ureq::http::Response<ureq::Body> {
    // Names below localhost are this machine, which only browsers and curl know.
    let (host, address) = match url.strip_prefix("http://").and_then(|rest| rest.split_once('/')) {
        Some((host, path)) => {
            let port = host.rsplit_once(':').unwrap().1;
            (host.to_owned(), format!("http://127.0.0.1:{port}/{path}"))
        }
        None => panic!("{url}"),
    };
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let headers = headers.iter().copied().chain([("Host", host.as_str())]);
    let answer = match body {
        None => headers.fold(agent.get(address), |request, (name, value)| request.header(name, value)).call(),
        Some(body) => headers.fold(agent.post(address), |request, (name, value)| request.header(name, value)).send(body),
    };
    answer.unwrap()
}

#[test]
fn the_stack_comes_works_heals_and_goes() {
    let project = Project::new();

    // First run: creates everything.
    let first = summary(&project, &["up", "--local", "--format", "json", "--timings"]);
    the_timings_show_every_call(&project, "liveinsight-timings.html", &first);
    assert_eq!((&first["created"], &first["failed"]), (&json!(59), &json!(0)), "{first}");
    assert_calls(&first, 200, 95);
    let status = project.ok(&["status", "--local", "--format", "json"]).json();
    assert_eq!(status["summary"], json!({"total": 59, "in_sync": 59, "drifted": 0, "missing": 0, "busy": 0}));
    assert_eq!(status["resources"].as_array().unwrap().len(), 59);

    // Second run: nothing to do.
    let second = summary(&project, &["up", "--local", "--format", "json"]);
    assert_eq!((&second["unchanged"], &second["created"], &second["updated"]), (&json!(59), &json!(0), &json!(0)), "{second}");
    assert_calls(&second, 60, 0);
    project.run(&["plan", "--local", "--exit-code"]).expect(0);

    a_request_reaches_handler_and_table(&project);
    every_damage_is_named_and_repaired(&project);
    a_firing_alarm_is_shown(&project);
    who_changed_something_is_told(&project);
    a_function_comes_and_goes_with_its_resources(&project);
    a_secret_is_taken_from_the_environment_and_never_shown(&project);
    changes_interrupt_no_request(&project);
    releases_are_listed_and_put_back(&project);
    a_foreign_alarm_is_refused_then_adopted(&project);
    an_interrupted_run_is_finished_by_the_next(&project);
    a_protected_environment_keeps_its_tables(&project);

    // Removal: another client's listing is empty afterwards.
    let down = summary(&project, &["down", "--local", "--format", "json", "--timings=removal.html"]);
    the_timings_show_every_call(&project, "removal.html", &down);
    assert_eq!((&down["deleted"], &down["failed"]), (&json!(59), &json!(0)), "{down}");
    assert_calls(&down, 90, 60);
    assert_eq!(project.other_client(&["list"]), Vec::<String>::new());
    let again = summary(&project, &["down", "--local", "--format", "json"]);
    assert_eq!(again["deleted"], json!(0), "{again}");
}

/// Asserts that the page has each request of the summary and the critical path, and that no run is shorter than it.
fn the_timings_show_every_call(project: &Project, page: &str, summary: &Value) {
    let page = fs::read_to_string(project.path().join(page)).unwrap();
    let drawn = |kind: &str| page.matches(&format!("<rect class=\"call {kind}\" x=")).count();
    let writes = summary["aws_writes"].as_u64().unwrap();
    let reads = summary["aws_calls"].as_u64().unwrap() - writes;
    assert_eq!((drawn("read"), drawn("write")), (usize::try_from(reads).unwrap(), usize::try_from(writes).unwrap()), "{summary}");
    assert!(page.contains("class=\"row critical\""), "the critical path is not marked");
    let number = |name: &str| summary[name].as_f64().unwrap();
    assert!(number("critical_path_ratio") >= 1.0 && number("critical_path_seconds") <= number("seconds") + 0.1, "{summary}");
}

fn a_request_reaches_handler_and_table(project: &Project) {
    let outputs = outputs(project);
    let event = json!({"events": [{
        "session_id": "e2e-session-1", "timestamp": now(), "event_type": "page_view", "page_url": "https://shop.example/cart",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0", "referrer": "",
    }]});
    let mut answer = ureq::post(&format!("{}/api/events", outputs["api_url"])).send(event.to_string()).unwrap();
    let answer: Value = answer.body_mut().read_json().unwrap();
    assert_eq!((&answer["status"], &answer["data"]["processed_events"]), (&json!("success"), &json!(1)), "{answer}");
    let (status, body) = get(&format!("{}api/realtime", outputs["dashboard_url"]));
    let realtime: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &realtime["data"]["active_users"]), (200, &json!(1)), "{realtime}");
    assert_eq!(realtime["data"]["current_pages"], json!({"/cart": 1}));
    let (status, page) = get(&outputs["dashboard_url"]);
    assert!(status == 200 && page.contains("<html"), "{page}");
    assert_eq!(get(&outputs["tracker_url"]).0, 200);
    assert_eq!(outputs["tracker_tag"], format!("<script defer src=\"{}\"></script>", outputs["tracker_url"]));
    let pinned_url = format!("{}?cors", outputs["tracker_pinned_url"]);
    let mut pinned = response(&pinned_url, &[], None);
    assert_eq!(pinned.headers()["cache-control"], "public, max-age=31536000, immutable");
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha384::digest(pinned.body_mut().read_to_vec().unwrap()));
    let attributes = format!("src=\"{pinned_url}\" integrity=\"sha384-{digest}\" crossorigin=\"anonymous\"");
    assert_eq!(outputs["tracker_pinned_tag"], format!("<script defer {attributes}></script>"), "the digest of what is served");
    assert_eq!(format!("{}\n", outputs["tracker_pinned_tag"]), project.ok(&["outputs", "--local", "tracker_pinned_tag"]).stdout());
    every_answer_carries_headers_against_misuse(&outputs);
    a_visitors_country_passes_the_distribution(&outputs);
}

/// Scripts of every origin may read files. Answers of the API carry their own rule.
fn every_answer_carries_headers_against_misuse(outputs: &BTreeMap<String, String>) {
    let url = &outputs["dashboard_url"];
    for path in ["", "error.html", "no-such-page", "liveinsight.js", "api/realtime"] {
        let answer = response(&format!("{url}{path}"), &[("Origin", "https://shop.example")], None);
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("x-frame-options"), Some("SAMEORIGIN"), "{path}");
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(header("referrer-policy"), Some("strict-origin-when-cross-origin"), "{path}");
        assert_eq!(header("strict-transport-security"), Some("max-age=31536000"), "{path}");
        assert_eq!(header("access-control-allow-origin"), Some("*"), "{path}");
    }
}

/// On AWS, CloudFront determines the country. The local AWS forwards the header it gets, if the distribution allows that.
fn a_visitors_country_passes_the_distribution(outputs: &BTreeMap<String, String>) {
    let event = json!({"k": "countries", "events": [
        {"session_id": "e2e-session-2", "timestamp": now(), "event_type": "page_view", "page_url": "https://shop.example/cart"},
    ]});
    let url = format!("{}api/events", outputs["dashboard_url"]);
    let send = |headers: &[(&str, &str)]| request(&url, headers, Some(&event.to_string())).0;
    assert_eq!(send(&[("CloudFront-Viewer-Country", "KR"), ("Sec-GPC", "1")]), 200);
    assert_eq!(send(&[("CloudFront-Viewer-Country", "KR")]), 200);
    let (_, body) = get(&format!("{}api/realtime?k=countries", outputs["dashboard_url"]));
    let realtime: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(realtime["data"]["countries"], json!([{"name": "KR", "sessions": 1}]), "who asks not to be tracked is not kept: {realtime}");
}

/// Kinds with tags, which reveal that a difference is a change from outside.
const TAGGED: &[&str] = &[
    "apigateway.rest_api",
    "apigateway.stage",
    "cloudfront.distribution",
    "cloudwatch.alarm",
    "dynamodb.table",
    "iam.role",
    "lambda.function",
    "logs.log_group",
    "s3.bucket",
];

/// Damages every field that another client can change, and every kind that it can delete: `status` names it, `up` repairs it.
fn every_damage_is_named_and_repaired(project: &Project) {
    let (mut fields, mut deletions) = (0, 0);
    for round in 0.. {
        let broken = project.damage(round);
        if broken.is_empty() {
            break;
        }
        let status = project.run(&["status", "--local", "--format", "json", "--exit-code"]);
        status.expect(10);
        let status = status.json();
        let rows = status["resources"].as_array().unwrap().iter().filter(|row| row["state"] != "in_sync");
        let found: BTreeMap<&str, &Value> = rows.map(|row| (row["id"].as_str().unwrap(), row)).collect();
        for (id, field) in &broken {
            let row = found.get(id.as_str()).unwrap_or_else(|| panic!("round {round}: {id} {field} is not seen: {found:?}"));
            let paths: Vec<&str> = row["changes"].as_array().unwrap().iter().filter_map(|change| change["path"].as_str()).collect();
            match field.as_str() {
                "(missing)" => assert_eq!(row["state"], "missing", "{id}"),
                "(added)" => assert_eq!(row["state"], "stray", "{id}"),
                field => assert!(paths.contains(&field), "{id}: {field} is not among {paths:?}"),
            }
            if row["state"] == "drifted" && TAGGED.contains(&id.split('/').next().unwrap()) {
                assert_eq!(row["cause"], "drift", "{id}: {field}");
            }
        }
        // Resources that depend on a deleted one are missing with it. Otherwise only the damage is named.
        let deleting = broken.iter().any(|(_, field)| field == "(missing)");
        if deleting {
            deletions += 1;
        } else {
            let ids: BTreeSet<&str> = broken.iter().map(|(id, _)| id.as_str()).collect();
            assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), ids, "round {round}");
            fields += broken.iter().filter(|(_, field)| field != "(added)").count();
        }
        // Nothing else is written, except that parts of replaced resources are recreated. The next round names nothing of this
        // one, which shows that all is repaired.
        let repair = summary(project, &["up", "--local", "--no-build", "--format", "json"]);
        let written = repair["updated"].as_u64().unwrap() + repair["replaced"].as_u64().unwrap();
        let drifted = found.values().filter(|row| row["state"] == "drifted").count();
        assert_eq!(repair["failed"], json!(0), "round {round}: {repair}");
        if !deleting {
            assert_eq!(usize::try_from(written).unwrap(), drifted, "round {round}: {repair}");
        }
    }
    project.run(&["plan", "--local", "--exit-code"]).expect(0);
    assert_eq!((fields, deletions), (120, 20));
    assert!(get(&outputs(project)["dashboard_url"]).1.contains("<html"));
}

fn a_firing_alarm_is_shown(project: &Project) {
    let before = project.ok(&["status", "--local", "--format", "json"]).json();
    assert_eq!(before["firing_alarms"], json!([]), "{before}");
    assert_eq!(before["live_versions"].as_object().unwrap().len(), 3, "{before}");
    let fired = project.other_client(&["fire", "liveinsight"]);
    let status = project.ok(&["status", "--local", "--format", "json"]).json();
    assert_eq!((&status["firing_alarms"], &status["summary"]["in_sync"]), (&json!(fired), &json!(59)), "{status}");
}

/// The authors are also on the page of a CI job, and the program's own changes name no author.
fn who_changed_something_is_told(project: &Project) {
    project.other_client(&["tamper", "liveinsight"]);
    let status = project.ok(&["status", "--local", "--format", "json"]).json();
    let rows = status["resources"].as_array().unwrap();
    let differs: BTreeMap<&str, &Value> =
        rows.iter().filter(|row| row["state"] != "in_sync").map(|row| (row["id"].as_str().unwrap(), &row["changed_by"])).collect();
    assert_eq!(differs.keys().copied().collect::<Vec<_>>(), ["cloudwatch.alarm/api-5xx", "iam.role_policy/stats-api"], "{status}");
    for (author, operation) in differs.values().zip(["cloudwatch:PutMetricAlarm", "iam:PutRolePolicy"]) {
        assert_eq!(author["who"], "arn:aws:iam::000000000000:user/ada", "{status}");
        assert_eq!((&author["operation"], &author["via"]), (&json!(operation), &json!("Boto3")), "{status}");
    }
    assert!(rows.iter().all(|row| row["state"] != "in_sync" || row["changed_by"].is_null()), "{status}");

    let page = project.path().join("summary.md");
    let mut command = project.command(&["status", "--local"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &page);
    let run = Run::of(&["status"], command.output().unwrap());
    run.expect(0);
    let told = "changed from outside; by arn:aws:iam::000000000000:user/ada with cloudwatch:PutMetricAlarm (Boto3) ";
    let text = run.stdout();
    let row = text.lines().find(|line| line.starts_with("drifted  cloudwatch.alarm/api-5xx ")).unwrap();
    assert!(row.contains(&format!("  threshold; {told}")) && row.ends_with(" ago"), "{text}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.starts_with("### liveinsight/dev: 57 of 59 in sync, 2 drifted\n\n| resource | state |\n"), "{page}");
    assert!(page.contains(&format!("drifted (threshold); {told}")) && page.contains("with iam:PutRolePolicy (Boto3)"), "{page}");

    summary(project, &["up", "--local", "--format", "json"]);
    project.ok(&["status", "--local", "--exit-code"]);
}

fn a_function_comes_and_goes_with_its_resources(project: &Project) {
    let shipped = std::fs::read_to_string(project.path().join("stack.yaml")).unwrap();
    let hello = "  hello:\n    source: lambdas/stats-api\n    route: GET /api/hello\n    reads: [events, sessions]\n\n  stats-api:\n";
    project.edit("stack.yaml", |text| text.replace("  stats-api:\n", hello));
    let ours: BTreeSet<String> = plan(project).into_keys().collect();
    let created = summary(project, &["up", "--local", "--format", "json"]);
    // Thirteen new resources belong to it, and one is the deployment that makes them live. The previous deployment is deleted,
    // the stage moves.
    assert_eq!((&created["created"], &created["updated"], &created["deleted"]), (&json!(14), &json!(1), &json!(1)), "{created}");
    assert_eq!(ours.iter().filter(|id| id.contains("hello")).count(), 13, "{ours:?}");
    assert_eq!(get(&format!("{}/api/hello", outputs(project)["api_url"])).0, 200);
    project.edit("stack.yaml", |_| shipped);
    let removed = summary(project, &["up", "--local", "--format", "json"]);
    assert_eq!((&removed["created"], &removed["updated"], &removed["deleted"]), (&json!(1), &json!(1), &json!(14)), "{removed}");
    assert!(project.other_client(&["list"]).iter().all(|line| !line.contains("hello")));
}

fn a_secret_is_taken_from_the_environment_and_never_shown(project: &Project) {
    const SECRET: &str = "not-to-be-read-by-anybody";
    let with = |arguments: &[&str]| {
        let output = project.command(arguments).env("TOKEN_SECRET", SECRET).output().unwrap();
        let run = Run::of(arguments, output);
        run.expect(0);
        assert!(!run.stdout().contains(SECRET) && !run.stderr().contains(SECRET), "{}{}", run.stdout(), run.stderr());
        run
    };
    let shipped = std::fs::read_to_string(project.path().join("stack.yaml")).unwrap();
    project.edit("stack.yaml", |text| {
        // The first timeout is the collector's; the longer one gets a warning.
        let text = text.replacen("    timeout: 30s\n", "    timeout: 31s\n", 1);
        let route = "    route: POST /api/events\n";
        text.replacen(route, &format!("{route}    secrets: [TOKEN_SECRET]\n"), 1)
    });
    let missing = project.run(&["up", "--local"]);
    missing.expect(3);
    assert!(missing.stderr().contains("TOKEN_SECRET, a secret of `event-collector`, is not set"), "{}", missing.stderr());

    let plan = with(&["plan", "--local", "--no-build", "--format", "markdown"]).stdout();
    assert!(plan.contains("+     environment.TOKEN_SECRET: (secret)\n"), "{plan}");
    assert!(plan.contains("\nwarning: stack.yaml:") && plan.contains("the API answers 504 after 29 s"), "{plan}");
    with(&["up", "--local", "--no-build"]);
    with(&["status", "--local", "--exit-code"]);
    // Another value is a change, and the value is not displayed.
    for (format, said) in
        [("text", "environment.TOKEN_SECRET: (secret, changed)"), ("markdown", "!     environment.TOKEN_SECRET: (secret, changed)")]
    {
        let mut plan = project.command(&["plan", "--local", "--no-build", "--format", format]);
        let plan = String::from_utf8(plan.env("TOKEN_SECRET", "another value of some length, 32").output().unwrap().stdout).unwrap();
        assert!(plan.contains(said) && !plan.contains("sha256"), "{plan}");
    }
    // Without its value the secret is not compared, and no other difference is reported in its place.
    let expected = json!([{"id": "lambda.function/event-collector", "path": "environment.TOKEN_SECRET"}]);
    for arguments in [vec!["status", "--local", "--exit-code"], vec!["plan", "--local", "--no-build", "--exit-code"]] {
        let run = project.ok(&arguments);
        let said = "not compared: environment.TOKEN_SECRET of lambda.function/event-collector, as TOKEN_SECRET is not set here";
        assert!(run.stdout().contains(said), "{}", run.stdout());
        let run = project.ok(&[&arguments[..], &["--format", "json"]].concat());
        assert_eq!(run.json()["not_compared"], expected);
    }
    // The handler has the secret: the sender of a batch gets a token.
    let event = json!({"k": "secrets", "events": [
        {"session_id": "e2e-session-3", "timestamp": now(), "event_type": "page_view", "page_url": "https://shop.example/cart"},
    ]});
    let (status, body) = request(&format!("{}/api/events", outputs(project)["api_url"]), &[], Some(&event.to_string()));
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert!(status == 200 && answer["data"]["token"].is_string(), "{answer}");

    // Its removal does not display it either.
    project.edit("stack.yaml", |_| shipped);
    with(&["up", "--local", "--no-build", "--verbose"]);
    project.run(&["plan", "--local", "--exit-code"]).expect(0);
}

/// Changes code, variables, memory, a method, preflights, permissions, the deployment and the stage, there and back, during
/// continuous requests. `LIVEINSIGHT_REQUESTS` sets their minimum number.
fn changes_interrupt_no_request(project: &Project) {
    let wanted = std::env::var("LIVEINSIGHT_REQUESTS").map_or(200, |number| number.parse().unwrap());
    let stack = std::fs::read_to_string(project.path().join("stack.yaml")).unwrap();
    let handler = std::fs::read_to_string(project.path().join("lambdas/stats-api/src/main.rs")).unwrap();
    let requests = Requests::start(&outputs(project)["api_url"], &["/api/realtime", "/api/stats?period=hour&limit=24"]);
    let mut ups = 0;
    let changes = [
        ("max_age: 2h", "max_age: 1h"),
        ("burst: 100", "burst: 200"),
        ("memory: 256 ", "memory: 512 "),
        ("    route: GET /api/realtime\n", "    route: GET /api/realtime\n    environment: { EXTRA: \"1\" }\n"),
        (
            "  stats-api:\n",
            "  hello:\n    source: lambdas/stats-api\n    route: GET /api/hello\n    reads: [events, sessions]\n\n  stats-api:\n",
        ),
    ];
    while ups == 0 || requests.count() < wanted {
        project.edit("stack.yaml", |text| changes.iter().fold(text, |text, (from, to)| text.replacen(from, to, 1)));
        project.edit("lambdas/stats-api/src/main.rs", |text| {
            text.replace("    shared::serve", "    eprintln!(\"other code\");\n    shared::serve")
        });
        let there = summary(project, &["up", "--local", "--format", "json"]);
        assert!(there["failed"] == json!(0) && there["updated"].as_u64().unwrap() >= 4, "{there}");
        project.edit("stack.yaml", |_| stack.clone());
        project.edit("lambdas/stats-api/src/main.rs", |_| handler.clone());
        let back = summary(project, &["up", "--local", "--format", "json"]);
        assert!(back["failed"] == json!(0) && back["updated"].as_u64().unwrap() >= 4, "{back}");
        ups += 2;
    }
    println!("{} requests during {ups} runs of up", requests.count());
    assert_eq!(requests.stop(), Vec::<String>::new());
}

/// Returns the releases, newest first.
fn history(project: &Project) -> Vec<Value> {
    let history = project.ok(&["history", "--local", "--format", "json"]).json();
    history["releases"].as_array().unwrap().clone()
}

fn releases_are_listed_and_put_back(project: &Project) {
    let live = || project.ok(&["status", "--local", "--format", "json"]).json();
    let version = || live()["live_versions"]["stats-api"].as_str().unwrap().to_owned();
    let page = || get(&outputs(project)["dashboard_url"]).1;
    let (handler, index) = ("lambdas/stats-api/src/main.rs", "dashboard/public/index.html");
    let sources = [handler, index].map(|file| std::fs::read_to_string(project.path().join(file)).unwrap());
    let (good, good_version) = (history(project)[0]["number"].as_u64().unwrap(), version());
    assert_eq!(live()["release"], json!({"number": good, "live": true}));

    project.edit(handler, |text| text.replace("    shared::serve", "    eprintln!(\"bad code\");\n    shared::serve"));
    project.edit(index, |text| text.replace("</html>", "<!-- bad page --></html>"));
    // Code that is not built yet is not compared, so a difference of its function is unknown.
    let status = project.ok(&["status", "--local", "--format", "json"]);
    assert!(status.stderr().contains("the code of stats-api is not compared"), "{}", status.stderr());
    let status = status.json();
    let differs = status["resources"].as_array().unwrap().iter().filter(|row| row["state"] != "in_sync");
    assert_eq!(differs.map(|row| &row["kind"]).collect::<Vec<_>>(), ["cloudfront.distribution", "s3.bucket"]);
    project.ok(&["up", "--local"]);
    let (bad, bad_version) = (good + 1, version());
    let newest = &history(project)[0];
    assert_eq!((&newest["number"], &newest["changed"], &newest["action"]), (&json!(bad), &json!(["stats-api", "site"]), &json!("up")));
    assert!(newest["by"].as_str().is_some_and(|by| by.contains('@')), "{newest}");
    assert!(bad_version != good_version && page().contains("bad page"));

    // This rolls back everything; the next `up` of other sources would make a release again.
    let back = summary(project, &["rollback", "--local", "--format", "json"]);
    assert_eq!((&back["updated"], &back["failed"]), (&json!(3), &json!(0)), "alias, bucket and distribution: {back}");
    assert!(version() == good_version && !page().contains("bad page"));
    assert_eq!(history(project)[0]["action"], json!({"rollback": good}));
    let release = json!({"number": bad + 1, "live": true, "rolled_back": {"site": good, "stats-api": good}});
    assert_eq!(live()["release"], release);
    let pending = live();
    let alias = pending["resources"].as_array().unwrap().iter().find(|row| row["id"] == "lambda.alias/stats-api").unwrap();
    assert_eq!(alias["state"], "drifted", "the sources are still the bad ones: {alias}");
    let bucket = pending["resources"].as_array().unwrap().iter().find(|row| row["kind"] == "s3.bucket").unwrap();
    assert_eq!((&bucket["state"], &bucket["cause"]), (&json!("drifted"), &json!("pending")));
    assert_eq!((&alias["rolled_back_to"], &bucket["rolled_back_to"]), (&json!(good), &json!(good)));
    // The text output reports the rollback, and the effects of the next `up`.
    let said = project.ok(&["status", "--local"]).stdout();
    assert!(said.matches(&format!("rolled back to release {good}")).count() == 3 && !said.contains("drifted"), "{said}");
    assert!(said.contains("56 of 59 in sync, 3 rolled back"), "{said}");
    let said = project.ok(&["plan", "--local"]).stdout();
    assert!(said.contains("`up` would release site, stats-api as the sources are"), "{said}");
    let plan = project.ok(&["plan", "--local", "--format", "json"]).json();
    assert_eq!(plan["rolled_back"]["would_release"], json!(["site", "stats-api"]));

    // One function goes to a release by its number, and there and back again.
    project.ok(&["rollback", "stats-api", "--to", &bad.to_string(), "--local"]);
    assert!(version() == bad_version && !page().contains("bad page"));
    assert_eq!(history(project)[0]["changed"], json!(["stats-api"]));
    project.ok(&["rollback", "--to", &good.to_string(), "--local"]);
    assert_eq!(version(), good_version);
    let again = summary(project, &["rollback", "--to", &good.to_string(), "--local", "--format", "json"]);
    assert_eq!((&again["updated"], &again["aws_writes"]), (&json!(0), &json!(2)), "it is live; the lock is taken and given back: {again}");

    // Impossible rollbacks change nothing.
    let refused = |arguments: &[&str], code: i32, says: &str| {
        let run = project.run(&[&["rollback", "--local"], arguments].concat());
        run.expect(code);
        assert!(run.stderr().contains(says), "{}", run.stderr());
    };
    refused(&["--to", "999"], 1, "there is no release 999");
    refused(&["nothing"], 2, "no function nothing");
    project.other_client(&["unpublish", "liveinsight-stats-api-dev", &bad_version]);
    refused(&["--to", &bad.to_string()], 1, &format!("version {bad_version} of stats-api"));
    assert!(version() == good_version && !page().contains("bad page"));

    // The original sources are live. The next run records the release of a run that was killed before it did.
    for (file, text) in [handler, index].iter().zip(sources) {
        project.edit(file, |_| text);
    }
    project.ok(&["up", "--local"]);
    assert_eq!(version(), good_version);
    project.other_client(&["unrecord", &outputs(project)["bucket"]]);
    assert_eq!(live()["release"]["live"], json!(false));
    let repair = summary(project, &["up", "--local", "--format", "json"]);
    assert_eq!((&repair["unchanged"], &live()["release"]["live"]), (&json!(59), &json!(true)), "{repair}");
    assert!(history(project)[0]["number"].as_u64().unwrap() > bad + 1);
}

fn a_foreign_alarm_is_refused_then_adopted(project: &Project) {
    let ours = project.other_client(&["list"]);
    project.other_client(&["foreign", "liveinsight"]);
    let refused = project.run(&["up", "--local"]);
    refused.expect(1);
    assert!(refused.stderr().contains("cloudwatch.alarm/api-5xx") && refused.stderr().contains("--adopt"), "{}", refused.stderr());
    project.ok(&["up", "--local", "--adopt"]);
    assert_eq!(project.other_client(&["list"]), ours);
    project.run(&["plan", "--local", "--exit-code"]).expect(0);
}

fn an_interrupted_run_is_finished_by_the_next(project: &Project) {
    project.ok(&["down", "--local"]);
    let mut child = project.command(&["up", "--local", "--format", "json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let made = lines.find(|line| line.as_ref().unwrap().contains(r#""event":"done""#));
    made.expect("something is made").unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let asked = Instant::now();
    let last = lines.map(Result::unwrap).last();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{last:?}");
    assert!(asked.elapsed() < Duration::from_secs(30), "in-flight work may take 10 s, not longer");
    let open = plan(project);
    assert!(!open.is_empty() && open.len() < 59, "some were made, some were not: {}", open.len());
    project.ok(&["up", "--local"]);
    project.run(&["status", "--local", "--exit-code"]).expect(0);
}

fn a_protected_environment_keeps_its_tables(project: &Project) {
    let ours = project.other_client(&["list"]);
    project.run(&["up", "--local", "--env", "prod"]).expect(1);
    assert_eq!(project.other_client(&["list"]), ours, "unasked, nothing is made");
    project.ok(&["up", "--local", "--env", "prod", "--yes"]);
    project.run(&["down", "--local", "--env", "prod"]).expect(1);
    project.run(&["status", "--local", "--env", "prod", "--exit-code"]).expect(0);
    project.ok(&["down", "--local", "--env", "prod", "--yes"]);
    let kept: Vec<String> = project.other_client(&["list"]).into_iter().filter(|line| !ours.contains(line)).collect();
    assert_eq!(kept, ["table liveinsight-events-prod", "table liveinsight-sessions-prod"]);
    let tables = project.other_client(&["protected"]);
    assert_eq!(tables, ["liveinsight-events-prod", "liveinsight-sessions-prod"], "nor can anybody else delete them by mistake");
    project.ok(&["down", "--local", "--env", "prod", "--yes", "--delete-data"]);
    assert_eq!(project.other_client(&["list"]), ours);
}
