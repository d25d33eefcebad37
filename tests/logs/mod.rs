//! Tail of log groups against the local AWS. The lines are more than one answer holds, many of them in one millisecond. The real program
//! also follows functions and the API while their log groups are deleted and created again.

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use liveinsight::{
    aws::{Aws, Connection, REGION as REGION_TAG, STACK, Target},
    logs::{Source, Tail},
};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant, SystemTime},
};
use strict_aws::{Config, Strict};

const REGION: &str = "us-east-1";
static FOLLOWING: AtomicUsize = AtomicUsize::new(0);
const STREAMS: [&str; 2] = ["copy-1", "copy-2"];

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

async fn aws() -> Aws {
    let connection = Connection::endpoint(REGION, &test_support::endpoint(), "test", "test").await;
    let target = Target { limits: false, ..Target::aws("aws", REGION, "000000000000") };
    liveinsight::resources::connect(&connection, target, "logs/test".to_owned())
}

/// Writes the lines of a range, seven of each stream in every millisecond.
async fn write(aws: &Aws, group: &str, began: i64, lines: std::ops::Range<i64>) {
    for stream in STREAMS {
        // The API takes at most 10,000 lines at once ("PutLogEvents" in the CloudWatch Logs API reference).
        for part in lines.clone().collect::<Vec<_>>().chunks(10_000) {
            let event =
                |line: &i64| InputLogEvent::builder().timestamp(began + line / 7).message(format!("{stream} {line}\n")).build().unwrap();
            let events = part.iter().map(event).collect();
            let request = aws.logs.put_log_events().log_group_name(group).log_stream_name(stream);
            request.set_log_events(Some(events)).send().await.unwrap();
        }
    }
}

fn expected(lines: std::ops::Range<i64>) -> Vec<String> {
    let mut texts: Vec<String> = lines.flat_map(|line| STREAMS.map(|stream| format!("{stream} {line}"))).collect();
    texts.sort();
    texts
}

#[tokio::test]
async fn no_line_is_missed_or_repeated_where_answers_end() {
    let aws = aws().await;
    let group = format!("/aws/lambda/tail-test-{:x}", now());
    let source = Source { name: "tail".to_owned(), group: group.clone() };
    let (began, mut tail) = (now() - 20_000, Tail::new(now() - 60_000));
    let round = tail.round(&aws, std::slice::from_ref(&source)).await.unwrap();
    assert_eq!((round.lines.len(), round.absent), (0, vec!["tail".to_owned()]));

    aws.logs.create_log_group().log_group_name(&group).send().await.unwrap();
    for stream in STREAMS {
        aws.logs.create_log_stream().log_group_name(&group).log_stream_name(stream).send().await.unwrap();
    }
    // The second range begins in the middle of a millisecond, and both are longer than an answer of 10,000 lines.
    for lines in [0..12_003, 12_003..19_000] {
        write(&aws, &group, began, lines.clone()).await;
        let round = tail.round(&aws, std::slice::from_ref(&source)).await.unwrap();
        assert!(round.lines.is_sorted_by_key(|line| line.at) && round.absent.is_empty());
        let mut texts: Vec<String> = round.lines.into_iter().map(|line| line.text).collect();
        texts.sort();
        assert!(texts == expected(lines.clone()), "{} lines instead of {}", texts.len(), expected(lines).len());
    }
    let round = tail.round(&aws, std::slice::from_ref(&source)).await.unwrap();
    assert!(round.lines.is_empty(), "nothing is new");
    aws.logs.delete_log_group().log_group_name(&group).send().await.unwrap();
}

/// Real program that follows a stack with a function and an API, through a proxy that logs its requests.
struct Following {
    child: Child,
    lines: BufReader<ChildStdout>,
    strict: Strict,
    aws: Aws,
    project: String,
    directory: tempfile::TempDir,
}

impl Following {
    async fn start(options: &[&str]) -> Self {
        // Tests that start in the same millisecond share an account.
        let number = FOLLOWING.fetch_add(1, Ordering::Relaxed);
        let (project, aws) = (format!("follow{:x}n{number}", now()), aws().await);
        let directory = tempfile::tempdir().unwrap();
        let stack = format!(
            "project: {project}\nregion: {REGION}\nenvironments: {{ dev: {{}} }}\nfunctions:\n  hello: {{ source: hello, route: GET /hello }}\n"
        );
        std::fs::write(directory.path().join("stack.yaml"), stack).unwrap();
        let strict = Strict::start(&test_support::endpoint(), Config::default()).await.unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_liveinsight"));
        command.args(["logs", "--follow", "--format", "json"]).args(options).current_dir(directory.path()).env_clear();
        command.envs([("AWS_ENDPOINT_URL", strict.endpoint()), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")]);
        command.envs([("AWS_EC2_METADATA_DISABLED", "true"), ("HOME", "/nonexistent")]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines, strict, aws, project, directory }
    }

    /// Returns the name of the log group that Lambda uses for the function, or API Gateway for an API.
    fn group(&self, api: Option<&str>) -> String {
        api.map_or_else(|| format!("/aws/lambda/{}-hello-dev", self.project), |id| format!("API-Gateway-Execution-Logs_{id}/dev"))
    }

    async fn make(&self, group: &str) {
        self.aws.logs.create_log_group().log_group_name(group).send().await.unwrap();
        self.aws.logs.create_log_stream().log_group_name(group).log_stream_name(STREAMS[0]).send().await.unwrap();
    }

    async fn write(&self, group: &str, text: &str) {
        let event = InputLogEvent::builder().timestamp(now()).message(text).build().unwrap();
        let request = self.aws.logs.put_log_events().log_group_name(group).log_stream_name(STREAMS[0]);
        request.log_events(event).send().await.unwrap();
    }

    /// Returns the next line that the program shows, as (function, message).
    fn next(&mut self) -> (String, String) {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("function"), text("message"))
    }

    /// Counts the program's requests for this group since then.
    fn asked(&self, group: &str, since: Instant) -> usize {
        let is_it =
            |entry: &&strict_aws::Entry| entry.operation == "logs:FilterLogEvents" && entry.resource == group && entry.began > since;
        self.strict.log().iter().filter(is_it).count()
    }

    /// Waits for the next request for this group.
    async fn round(&self, group: &str) {
        let since = Instant::now();
        while self.asked(group, since) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the program as Ctrl-C does, and returns its stderr.
    fn end(mut self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
        let (mut rest, mut said) = (String::new(), String::new());
        self.lines.read_to_string(&mut rest).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(rest, "", "no line comes twice");
        drop(self.directory);
        said
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_goes_and_comes_back_does_not_end_what_follows_it() {
    let mut following = Following::start(&[]).await;
    let function = following.group(None);
    following.round(&function).await;
    // The group is created after the program started, and deleted while it runs.
    for text in ["before", "after"] {
        following.make(&function).await;
        following.write(&function, text).await;
        let written = Instant::now();
        assert_eq!(following.next(), ("hello".to_owned(), text.to_owned()));
        let asked = following.asked(&function, written);
        assert!(asked <= 2, "{text} was shown by request {asked} after it was there");
        following.aws.logs.delete_log_group().log_group_name(&function).send().await.unwrap();
        following.round(&function).await;
        following.round(&function).await;
    }

    // The same for an API that is created only now, with an id that AWS assigns.
    let name = format!("{}-api-dev", following.project);
    let made = following.aws.apigateway.create_rest_api().name(name).tags(STACK, format!("{}/dev", following.project));
    let made = made.tags(REGION_TAG, REGION).send().await.unwrap();
    let api = following.group(made.id());
    following.make(&api).await;
    following.write(&api, "{\"status\":\"200\"}").await;
    assert_eq!(following.next(), ("api".to_owned(), "{\"status\":\"200\"}".to_owned()));
    following.aws.logs.delete_log_group().log_group_name(&api).send().await.unwrap();
    following.aws.apigateway.delete_rest_api().rest_api_id(made.id().unwrap()).send().await.unwrap();
    following.round(&function).await;
    following.round(&function).await;

    let said = following.end();
    let told = |name: &str| said.matches(&format!("{name} has no log group;")).count();
    // One message at the beginning, and one after each deletion.
    assert_eq!((told("hello"), told("api")), (3, 2), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_asked_for_is_followed() {
    let mut following = Following::start(&["hello", "--filter", "good"]).await;
    let function = following.group(None);
    following.make(&function).await;
    for text in ["bad 1", "good 2", "bad 3", "good 4"] {
        following.write(&function, text).await;
    }
    assert_eq!((following.next().1, following.next().1), ("good 2".to_owned(), "good 4".to_owned()));
    assert!(following.strict.log().iter().all(|entry| !entry.operation.starts_with("apigateway:")));
    following.aws.logs.delete_log_group().log_group_name(&function).send().await.unwrap();
    following.end();
}
