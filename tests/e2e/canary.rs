//! Tests of releases with a canary before they serve, and a check afterwards.

use super::{
    history, outputs,
    project::{Project, Run},
    summary,
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Stdio},
};

const HANDLER: &str = "lambdas/stats-api/src/main.rs";
const PAGE: &str = "dashboard/public/index.html";

/// Canary in progress, with its process and output.
struct Running {
    arguments: Vec<&'static str>,
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    /// Starts a canary, and waits until the new version has its share.
    fn watching(project: &Project) -> Self {
        let arguments = vec!["up", "--local", "--canary", "25%:10m", "--format", "json"];
        // The lease is short: a run after a kill waits for its end.
        let mut command = project.command(&arguments);
        let mut child = command.env("LIVEINSIGHT_TEST_LOCK", "2").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("\"canary\"") {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended before it came to the canary");
        }
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&event["share"], &event["state"], &event["seconds"]), (&json!(0.25), &json!("watching"), &json!(600)), "{event}");
        Self { arguments, child, lines }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn end(mut self) -> Run {
        // Its output must be read, or it blocks.
        std::io::copy(&mut self.lines, &mut std::io::sink()).unwrap();
        Run::of(&self.arguments, self.child.wait_with_output().unwrap())
    }
}

fn status(project: &Project) -> Value {
    project.ok(&["status", "--local", "--format", "json"]).json()
}

fn live(project: &Project) -> String {
    status(project)["live_versions"]["stats-api"].as_str().unwrap().to_owned()
}

fn say(project: &Project, text: &str) {
    project.edit(HANDLER, |source| source.replace("    shared::serve", &format!("    {text}\n    shared::serve")));
}

fn newest(project: &Project) -> u64 {
    history(project)[0]["number"].as_u64().unwrap()
}

#[test]
fn releases_are_tried_before_they_serve_and_checked_when_they_do() {
    let project = Project::new();
    project.ok(&["up", "--local"]);
    new_code_is_tried_on_a_share_of_the_requests(&project);
    what_does_not_work_is_put_back(&project);
}

fn new_code_is_tried_on_a_share_of_the_requests(project: &Project) {
    let alarm = |state: &str| project.other_client(&[state, "liveinsight"]);
    let source = std::fs::read_to_string(project.path().join(HANDLER)).unwrap();
    let (before, releases) = (live(project), newest(project));
    say(project, "eprintln!(\"new code\");");

    // With an alarm that already fires, no canary begins.
    alarm("fire");
    let refused = project.run(&["up", "--local", "--canary", "10%:1s"]);
    refused.expect(1);
    assert!(refused.stderr().contains("alarms are firing already (events-write-throttles)"), "{}", refused.stderr());
    alarm("calm");

    // A newly firing alarm rolls the canary back; `status` shows it meanwhile.
    let canary = Running::watching(project);
    let during = status(project);
    let new = during["canaries"]["stats-api"].as_object().unwrap().keys().next().unwrap().clone();
    assert_eq!((&during["canaries"]["stats-api"][&new], &during["live_versions"]["stats-api"]), (&json!(0.25), &json!(before)), "{during}");
    assert!(during["lock"]["command"] == "up", "{during}");
    alarm("fire");
    let taken_back = canary.end();
    taken_back.expect(5);
    let said = taken_back.stderr();
    assert!(said.contains("alarms fired during the canary: events-write-throttles; the canary was taken back"), "{said}");
    assert_eq!((live(project), newest(project), &status(project)["canaries"]), (before.clone(), releases, &json!({})));
    alarm("calm");

    // A killed canary keeps its share. A rollback removes the share, and goes no further.
    Running::watching(project).kill();
    assert_eq!(status(project)["canaries"]["stats-api"], json!({ new.clone(): 0.25 }));
    let back = project.ok(&["rollback", "--local"]);
    assert!(back.stdout().contains(&format!("release {releases} is live: 1 updated")), "{}", back.stdout());
    assert_eq!((live(project), &status(project)["canaries"]), (before.clone(), &json!({})));

    // The next `up` also removes it if an alarm fires; otherwise it finishes the canary.
    Running::watching(project).kill();
    alarm("fire");
    let unfinished = project.run(&["up", "--local"]);
    unfinished.expect(5);
    assert!(unfinished.stderr().contains(&format!("25 % of stats-api to version {new}")), "{}", unfinished.stderr());
    assert_eq!((live(project), &status(project)["canaries"]), (before, &json!({})));
    alarm("calm");
    Running::watching(project).kill();
    project.ok(&["up", "--local"]);
    assert_eq!((live(project), newest(project), &status(project)["canaries"]), (new, releases + 1, &json!({})));

    // Without a firing alarm a canary continues by itself. It reports that there were no requests meanwhile.
    project.edit(HANDLER, |_| source);
    let passed = project.ok(&["up", "--local", "--canary", "10%:1s,50%:1s", "--format", "json"]);
    let events: Vec<Value> = passed.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let canary: Vec<&Value> = events.iter().filter(|event| event["event"] == "canary").map(|event| &event["state"]).collect();
    assert_eq!(canary, ["watching", "watching", "passed"]);
    assert!(
        passed.stderr().contains("so it tried nothing") || passed.stderr().contains("to have met the new versions"),
        "{}",
        passed.stderr()
    );
    let smoke = events.iter().find(|event| event["event"] == "smoke").unwrap();
    let seen = json!(["GET /api/realtime answers", "GET /api/stats answers", "an event is counted", "the page is served"]);
    assert_eq!((&smoke["passed"], &smoke["seen"]), (&json!(true), &seen), "{smoke}");
    assert_eq!(newest(project), releases + 2);
    project.ok(&["up", "--local", "--canary", "10%:1s"]);
    assert_eq!(newest(project), releases + 2, "nothing was new");
}

fn what_does_not_work_is_put_back(project: &Project) {
    let sources = [HANDLER, PAGE].map(|file| std::fs::read_to_string(project.path().join(file)).unwrap());
    let (before, release) = (live(project), newest(project));
    let dashboard = outputs(project)["dashboard_url"].clone();
    say(project, "std::process::exit(1);");
    project.edit(PAGE, |text| text.replace("</html>", "<!-- of the bad release --></html>"));

    let failed = project.run(&["up", "--local"]);
    failed.expect(5);
    let said = failed.stderr();
    assert!(said.contains("the smoke check failed: GET /api/stats: "), "{said}");
    assert!(said.contains(&format!("release {release} is live again")), "{said}");
    assert_eq!((live(project), newest(project)), (before.clone(), release));
    assert_eq!(super::get(&format!("{dashboard}api/stats")).0, 200);
    assert!(!super::get(&dashboard).1.contains("of the bad release"));

    // Without the check it is a release. A rollback restores the previous one, and checks it.
    project.ok(&["up", "--local", "--no-smoke"]);
    assert_eq!((newest(project), super::get(&dashboard).1.contains("of the bad release")), (release + 1, true));
    let back = project.ok(&["rollback", "--local"]);
    assert!(back.stderr().contains("the page is served"), "{}", back.stderr());
    assert_eq!((live(project), newest(project)), (before, release + 2));

    for (file, text) in [HANDLER, PAGE].iter().zip(sources) {
        project.edit(file, |_| text);
    }
    let same = summary(project, &["up", "--local", "--format", "json"]);
    assert_eq!(same["failed"], json!(0), "{same}");
}
