//! `dev`, `logs` and `seed` with the real program, real handlers and the local AWS: edits go live, and every sent event is counted.

use super::project::Project;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Longest wait. It is generous: a machine under load compiles handlers in a minute, not in the usual seconds.
const PATIENCE: Duration = Duration::from_mins(8);

/// Running `dev`, which writes its output to files.
struct Dev<'a> {
    project: &'a Project,
    child: Child,
}

impl<'a> Dev<'a> {
    fn start(project: &'a Project) -> Self {
        let mut command = project.command(&["dev"]);
        let [out, err] = ["dev.out", "dev.err"].map(|name| File::create(project.path().join(name)).unwrap());
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
        test_support::end_with_this_process(&child);
        Self { project, child }
    }

    fn path(&self, stream: &str) -> PathBuf {
        self.project.path().join(stream)
    }

    fn said(&self, stream: &str) -> String {
        fs::read_to_string(self.path(stream)).unwrap()
    }

    /// Waits until a condition holds. Until then `dev` has to keep running.
    #[track_caller]
    fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            let ended = self.child.try_wait().unwrap();
            let (out, err) = (self.said("dev.out"), self.said("dev.err"));
            assert!(ended.is_none(), "dev ended with {ended:?} before: {what}\n{out}\n{err}");
            assert!(began.elapsed() < PATIENCE, "waited in vain for: {what}\n{out}\n{err}");
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Counts the occurrences of a text in stderr.
    fn times(&self, text: &str) -> usize {
        self.said("dev.err").matches(text).count()
    }

    fn interrupt(&self) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::INT).unwrap();
    }
}

impl Drop for Dev<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn outputs(project: &Project) -> BTreeMap<String, String> {
    serde_json::from_value(project.ok(&["outputs", "--local", "--format", "json"]).json()).unwrap()
}

/// Returns the body of a URL below localhost, or the empty text if the status is not 200.
fn get(url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let address = format!("http://127.0.0.1:{}/{path}", host.rsplit_once(':').unwrap().1);
    let answer = ureq::get(address).header("Host", host).call();
    answer.ok().and_then(|mut answer| answer.body_mut().read_to_string().ok()).unwrap_or_default()
}

#[test]
fn what_is_edited_goes_live_and_what_is_sent_is_counted() {
    let project = Project::new();
    let mut dev = Dev::start(&project);
    dev.until("dev is up", |dev| dev.times("watching the sources") == 1);
    let outputs = outputs(&project);
    assert!(dev.said("dev.out").contains(&outputs["dashboard_url"]));
    let stats = format!("{}/api/stats", outputs["api_url"]);

    // An edited page.
    project.edit("dashboard/public/index.html", |text| text.replace("</body>", "<!-- edited by the test --></body>"));
    dev.until("the page is served", |_| get(&outputs["dashboard_url"]).contains("edited by the test"));
    dev.until("that is said", |dev| dev.times("live: ") == 1);

    // The crate that all handlers share does not compile: the previous version stays live.
    let shipped = fs::read_to_string(project.path().join("lambdas/shared/src/lib.rs")).unwrap();
    project.edit("lambdas/shared/src/lib.rs", |text| text + "\nlet this_is_no_rust;\n");
    dev.until("the compiler's message is shown", |dev| dev.times("this_is_no_rust") > 0);
    dev.until("it waits again", |dev| dev.times("waiting for the next change") == 1);
    assert!(get(&stats).contains("total_sessions"), "the version before answers");
    project.edit("lambdas/shared/src/lib.rs", |_| shipped);

    // An edited handler, and its log lines.
    let handler = "lambdas/stats-api/src/main.rs";
    project.edit(handler, |text| text.replacen("{\n", "{\n    println!(\"the handler was edited\");\n", 1));
    dev.until("the handler's line is shown", |dev| {
        get(&stats);
        dev.said("dev.out").lines().any(|line| line.contains("stats-api") && line.contains("the handler was edited"))
    });
    assert!(!dev.said("dev.out").contains("REPORT RequestId"), "Lambda's own lines are left out");
    assert!(!dev.said("dev.out").contains('\x1b'), "no colours off a terminal");

    // A mistake in stack.yaml changes nothing, and `dev` shows it.
    project.edit("stack.yaml", |text| format!("{text}\nmistake: 1\n"));
    dev.until("the mistake is shown", |dev| dev.times("mistake") > 0 && dev.times("waiting for the next change") == 2);
    let live = dev.times("live: ");
    project.edit("stack.yaml", |text| text.replace("\nmistake: 1\n", "").replacen("retention_days: 7", "retention_days: 14", 1));
    dev.until("stack.yaml is followed", |dev| dev.times("live: ") > live);

    let sent = seed_reconciles(&project);
    logs_are_found_by_function_and_text(&project, sent);

    dev.interrupt();
    assert_eq!(dev.child.wait().unwrap().code(), Some(0), "{}", dev.said("dev.err"));
    assert!(dev.said("dev.err").ends_with("ended; the local AWS keeps running (`liveinsight local stop` stops it)\n"));
    project.run(&["plan", "--local", "--exit-code"]).expect(0);
}

/// Runs `seed` twice, checks that all views are counted, and returns the number of sent requests.
fn seed_reconciles(project: &Project) -> usize {
    let report = project.ok(&["seed", "--local", "--sessions", "60", "--rate", "40", "--seed", "7", "--format", "json"]).json();
    assert_eq!(report["reconciled"], true, "{report}");
    assert_eq!(report["views"]["sent"], report["views"]["counted"], "{report}");
    assert!(report["accepted"].as_u64().unwrap() > 100 && report["failed"] == 0, "{report}");
    assert!(report["latency"]["p50"].as_u64() <= report["latency"]["p99"].as_u64(), "{report}");
    let live = project.ok(&["seed", "--local", "--duration", "3s", "--rate", "10", "--format", "json"]).json();
    assert_eq!(live["reconciled"], true, "{live}");
    assert!(live["accepted"].as_u64().unwrap() > 5, "{live}");
    [report, live].iter().map(|report| usize::try_from(report["sent"].as_u64().unwrap()).unwrap()).sum()
}

fn logs_are_found_by_function_and_text(project: &Project, requests: usize) {
    let lines = |arguments: &[&str]| -> Vec<Value> {
        let run = project.ok(&[&["logs", "--local", "--since", "1h", "--format", "json"], arguments].concat());
        run.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = lines(&[]);
    let of = |name: &str| all.iter().filter(|line| line["function"] == name).count();
    assert!(of("event-collector") > 0 && of("stats-api") > 0);
    let answered = all.iter().filter(|line| line["message"].as_str().unwrap().contains("\"route\":\"events\"")).count();
    assert_eq!(answered, requests, "one line for each request, no more and no fewer");
    assert!(all.is_sorted_by_key(|line| line["time"].as_str().unwrap().to_owned()));
    let found = lines(&["stats-api", "--filter", "the handler was edited"]);
    assert!(!found.is_empty() && found.len() < of("stats-api"));
    assert!(found.iter().all(|line| line["function"] == "stats-api"), "{found:?}");
    let unknown = project.run(&["logs", "--local", "nobody"]);
    unknown.expect(2);
    assert!(unknown.stderr().contains("stats-api"), "{}", unknown.stderr());
}
