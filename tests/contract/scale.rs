//! A stack of 40 functions: the calls per resource must not grow with their number.

use base64::Engine;
use liveinsight::{
    aws::{Aws, Connection, Target},
    engine::{Action, Graph, Options, Removal, Report, down, survey, up},
    stack::{Content, Package, Stack, declare},
};
use sha2::{Digest, Sha256};
use std::{fmt::Write, path::Path};

/// Returns a stack.yaml with this number of functions, each with a route, a preflight and three alarms.
fn stack(project: &str, functions: usize) -> Stack {
    let mut text =
        format!("project: {project}\nregion: us-east-1\ntables:\n  items: {{ partition_key: {{ name: id, type: S }} }}\nfunctions:\n");
    for index in 0..functions {
        writeln!(text, "  f{index}: {{ source: lambdas/any, route: GET /api/f{index}, reads: [items] }}").unwrap();
    }
    text.push_str("api: { cors: { origins: [\"*\"], headers: [Content-Type], max_age: 2h } }\nalarms:\n  rules:\n");
    for index in 0..functions {
        writeln!(text, "    f{index}-errors: {{ function: f{index}, metric: errors, threshold: 5, period: 5m }}").unwrap();
        writeln!(text, "    f{index}-slow: {{ function: f{index}, metric: duration, threshold: 25s, period: 5m }}").unwrap();
        writeln!(text, "    f{index}-throttles: {{ function: f{index}, metric: throttles, threshold: 1, period: 5m }}").unwrap();
    }
    Stack::parse(&text, "stack.yaml", Path::new("."), None, None).unwrap()
}

/// Connects to the tests' AWS for this stack.
async fn access(stack: &Stack) -> Aws {
    let connection = Connection::endpoint(&stack.region, &test_support::endpoint(), "test", "test").await;
    let target = Target { limits: false, imports_apis: false, ..Target::aws("aws", &stack.region, "000000000000") };
    liveinsight::resources::connect(&connection, target, format!("{}/{}", stack.project, stack.environment))
}

async fn remove(graph: &Graph<Aws>, aws: &Aws) {
    let removal = Removal::survey(graph, aws, |_| false, &|_| {}).await.unwrap_or_else(|(id, error)| panic!("{id:?}: {error}"));
    let report = down(graph, aws, &removal, &Options::default(), &|_| {}).await;
    assert!(report.complete(), "{:?}", report.failed);
}

async fn make(graph: &Graph<Aws>, aws: &Aws) -> Report {
    let plan = survey(graph, aws, &|_| {}).await.unwrap_or_else(|(id, error)| panic!("{id:?}: {error}"));
    let report = up(graph, aws, plan, &Options::default(), &|_| {}).await;
    assert!(report.complete(), "{:?}", report.failed);
    report
}

/// Returns the number of resources, and the calls of a first run, of an unchanged one, and of the removal.
async fn measure(functions: usize, zip: &Path) -> (usize, [u64; 3]) {
    let stack = stack(&format!("scale{functions}"), functions);
    let aws = access(&stack).await;
    let sha256 = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(std::fs::read(zip).unwrap()));
    let package = |name: &String| (name.clone(), Package { sha256: sha256.clone(), path: zip.to_owned() });
    let content = Content { packages: stack.functions.keys().map(package).collect(), ..Content::default() };
    let graph = declare(&stack, &aws.target, &content).graph;
    // Leftovers of an earlier run that was killed.
    remove(&graph, &aws).await;

    let calls = || aws.tally().requests();
    let start = calls();
    let created = make(&graph, &aws).await.count(Action::Create);
    assert_eq!(created, graph.entries().len());
    let (first, writes) = (calls(), aws.tally().writes());
    // As in a new run, which has written nothing yet.
    aws.trust_reports();
    make(&graph, &aws).await;
    let unchanged = calls();
    assert_eq!(aws.tally().writes(), writes, "an unchanged run wrote");
    remove(&graph, &aws).await;
    (created, [first - start, unchanged - first, calls() - unchanged])
}

#[tokio::test]
async fn calls_per_resource_do_not_grow() {
    let directory = tempfile::tempdir().unwrap();
    let zip = directory.path().join("code.zip");
    let mut writer = zip::ZipWriter::new(std::fs::File::create(&zip).unwrap());
    writer.start_file("bootstrap", zip::write::SimpleFileOptions::default().unix_permissions(0o755)).unwrap();
    writer.finish().unwrap();
    let (few, calls_for_few) = measure(4, &zip).await;
    let (many, calls_for_many) = measure(40, &zip).await;
    println!("{few} resources: {calls_for_few:?} calls; {many} resources: {calls_for_many:?} calls (first, unchanged, removal)");
    assert!(many > 640, "{many}");
    for (few_calls, many_calls) in calls_for_few.into_iter().zip(calls_for_many) {
        let per_resource =
            |calls: u64, resources: usize| f64::from(u32::try_from(calls).unwrap()) / f64::from(u32::try_from(resources).unwrap());
        assert!(per_resource(many_calls, many) <= per_resource(few_calls, few), "{few_calls} for {few}, {many_calls} for {many}");
    }
}
