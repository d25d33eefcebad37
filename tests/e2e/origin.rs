//! Tests of the origin secret on the local AWS: the API is closed to all other clients, `up` checks it, `seed` uses it, and a
//! rotation interrupts no request.

use super::{Project, get, outputs, project::Run, summary};
use liveinsight::{
    aws::{Connection, Target},
    local::{ACCESS_KEY_ID, ACCOUNT_ID},
};
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

/// Returns the variable of a function's alias, or of `$LATEST`.
fn taken(project: &Project, qualifier: Option<&str>) -> String {
    let (endpoint, secret) = (project.endpoint(), test_support::secret(project.path()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let connection = Connection::endpoint("us-east-1", &endpoint, ACCESS_KEY_ID, &secret).await;
        let aws = liveinsight::resources::connect(&connection, Target::aws("aws", "us-east-1", ACCOUNT_ID), "liveinsight/dev".to_owned());
        let request = aws.lambda.get_function_configuration().function_name("liveinsight-stats-api-dev");
        let answer = request.set_qualifier(qualifier.map(str::to_owned)).send().await.unwrap();
        answer.environment.unwrap().variables.unwrap().remove("ORIGIN_VERIFY").unwrap()
    })
}

#[test]
fn the_api_can_be_closed_to_all_but_the_distribution_whose_secret_is_replaced_while_it_serves() {
    let project = &Project::new();
    project.ok(&["up", "--local"]);
    let first = taken(project, Some("live"));
    assert_eq!((first.len(), taken(project, None)), (64, first.clone()));
    let silent = |arguments: &[&str], secrets: &[&str]| {
        let run: Run = project.ok(arguments);
        for secret in secrets {
            assert!(!run.stdout().contains(secret) && !run.stderr().contains(secret), "{}{}", run.stdout(), run.stderr());
        }
        run
    };
    let outputs = outputs(project);
    let (past, through) = (format!("{}/api/realtime", outputs["api_url"]), format!("{}api/realtime", outputs["dashboard_url"]));
    assert_eq!((get(&past).0, get(&through).0), (200, 200), "open by default");

    project.edit("stack.yaml", |text| {
        ["POST /api/events", "GET /api/realtime", "GET /api/stats"].iter().fold(text, |text, route| {
            let line = format!("    route: {route}\n");
            assert!(text.contains(&line), "{text}");
            text.replacen(&line, &format!("{line}    environment: {{ ORIGIN_ONLY: \"true\" }}\n"), 1)
        })
    });
    // This run includes the smoke check, which posts an event past the distribution.
    silent(&["up", "--local", "--no-build", "--verbose", "--format", "json", "--timings"], &[&first]);
    assert_eq!((get(&past).0, get(&through).0), (403, 200));
    silent(&["seed", "--local", "--sessions", "5", "--rate", "50"], &[&first]);

    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let requests = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let (status, body) = get(&through);
                assert_eq!(status, 200, "{body}");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
        silent(&["up", "--local", "--no-build", "--rotate-origin-secret", "--verbose"], &[&first]);
        let both = taken(project, Some("live"));
        let (second, old) = both.split_once(',').unwrap();
        assert!(second.len() == 64 && old == first, "both are taken, until an `up` after CloudFront sends the new one everywhere");
        silent(&["status", "--local"], &[&first, second]);
        let ended = silent(&["up", "--local", "--no-build", "--format", "json"], &[&first, second]).json();
        assert_eq!(ended["failed"], 0, "{ended}");
        assert_eq!(taken(project, Some("live")), second);
        let unchanged = summary(project, &["up", "--local", "--no-build", "--format", "json"]);
        assert_eq!((&unchanged["updated"], &unchanged["aws_writes"]), (&0.into(), &0.into()), "{unchanged}");
        stop.store(true, Ordering::Relaxed);
        requests.join().unwrap();
        assert!(answered.load(Ordering::Relaxed) > 0);
        let history = silent(&["history", "--local", "--format", "json"], &[&first, second]).stdout();
        assert!(history.contains("stats-api"), "{history}");
        let page = std::fs::read_to_string(project.path().join("liveinsight-timings.html")).unwrap();
        assert!(!page.contains(&*first) && !page.contains(second));
    });
    project.ok(&["down", "--local"]);
}
