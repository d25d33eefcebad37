//! API Gateway: a small API of two routes, one answered by a function and one by API Gateway itself.

use crate::harness::{Bench, contract};
use liveinsight::{
    aws::Aws,
    engine::{Graph, Handle, Ref},
    resources::{
        AccessLog, ApiDeployment, ApiIntegration, ApiIntegrationResponse, ApiMethod, ApiMethodResponse, ApiResource, ApiStage, LogGroup,
        RestApi, logging_role, quoted, response_header, sweep_rest_api,
    },
};
use std::collections::BTreeMap;

/// What the tests vary; the default is the first declaration.
#[derive(Clone)]
struct Wish {
    description: &'static str,
    authorization: &'static str,
    timeout_ms: i32,
    origin: &'static str,
    max_age: bool,
    extra_path: bool,
    rate: f64,
    burst: i32,
    log_level: &'static str,
    metrics: bool,
    access_log: Option<&'static str>,
    variables: &'static [(&'static str, &'static str)],
    stage_team: Option<&'static str>,
    api_team: Option<&'static str>,
    endpoints: &'static [&'static str],
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            description: "Collects events",
            authorization: "NONE",
            timeout_ms: 29_000,
            origin: "*",
            max_age: false,
            extra_path: false,
            rate: 1000.0 / 60.0,
            burst: 50,
            log_level: "ERROR",
            metrics: true,
            access_log: Some(r#"{"id":"$context.requestId"}"#),
            variables: &[],
            stage_team: None,
            api_team: None,
            endpoints: &["events"],
        }
    }
}

fn declare(bench: &Bench, wish: &Wish) -> Graph<Aws> {
    let mut graph = Graph::default();
    let name = bench.name("api");
    let tags = |team: Option<&str>| team.iter().fold(bench.tags(), |tags, team| tags.with("Team", *team));
    let log_name = bench.name("access");
    let log =
        graph.add("api", LogGroup { name: log_name.clone().into(), family: log_name.clone(), retention_days: Some(7), tags: bench.tags() });
    let api = graph.add(
        "api",
        RestApi {
            name: name.clone(),
            description: Some(wish.description.into()),
            endpoint: "REGIONAL".into(),
            minimum_compression_size: Some(1024),
            tags: tags(wish.api_team),
        },
    );
    let root = add_path(&mut graph, &api, &api.root_resource_id(), "", "api");
    let mut done = Vec::new();
    for endpoint in wish.endpoints.iter().chain(wish.extra_path.then_some(&"extra")) {
        let path = add_path(&mut graph, &api, &root.resource_id(), "/api", endpoint);
        let full = format!("/api/{endpoint}");
        done.push(add_function(&mut graph, &api, &path, &full, wish));
        done.extend(add_preflight(&mut graph, &api, &path, &full, wish));
    }
    // As a declaration would: whatever is in the snapshot is in its digest.
    let digest = format!("{:?}", (wish.authorization, wish.timeout_ms, wish.origin, wish.max_age, wish.extra_path)).replace('"', "");
    let deployment = graph.add_part(&api, "current", ApiDeployment { api: api.api_id(), digest: digest.clone(), needs: done });
    let arn = bench.aws.arn("logs", &format!("log-group:{log_name}"));
    let destination = log.arn(move |_| arn.clone());
    graph.add_part(
        &api,
        "test",
        ApiStage {
            api: api.api_id(),
            name: "test".into(),
            deployment: deployment.deployment_id(),
            throttle_rate: wish.rate,
            throttle_burst: wish.burst,
            log_level: wish.log_level.into(),
            data_trace: false,
            metrics: wish.metrics,
            access_log: wish.access_log.map(|format| AccessLog { destination: destination.clone(), format: format.into() }),
            variables: wish.variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            tags: tags(wish.stage_team),
        },
    );
    graph.sweep(move |aws| {
        let (name, digest) = (name.clone(), digest.clone());
        Box::pin(async move { sweep_rest_api(aws, &name, "api", &digest, "test").await })
    });
    graph
}

fn add_path(graph: &mut Graph<Aws>, api: &Handle<RestApi>, parent: &Ref<String>, above: &str, part: &str) -> Handle<ApiResource> {
    let path = format!("{above}/{part}");
    graph.add_part(api, &path, ApiResource { api: api.api_id(), parent: parent.clone(), path_part: part.into(), path: path.clone() })
}

fn add_method(
    graph: &mut Graph<Aws>,
    api: &Handle<RestApi>,
    path: &Handle<ApiResource>,
    full: &str,
    http_method: &str,
    authorization: &str,
) -> (String, Handle<ApiMethod>) {
    let route = format!("{http_method} {full}");
    let method = ApiMethod {
        api: api.api_id(),
        resource: path.resource_id(),
        http_method: http_method.into(),
        path: full.into(),
        authorization: authorization.into(),
        api_key_required: false,
    };
    let handle = graph.add_part(path, &route, method);
    (route, handle)
}

fn add_function(graph: &mut Graph<Aws>, api: &Handle<RestApi>, path: &Handle<ApiResource>, full: &str, wish: &Wish) -> Ref<String> {
    let (route, method) = add_method(graph, api, path, full, "POST", wish.authorization);
    let uri = ApiIntegration::function_uri("aws", "us-east-1", "arn:aws:lambda:us-east-1:000000000000:function:collector:live");
    let integration = ApiIntegration { timeout_ms: wish.timeout_ms, ..ApiIntegration::function(method.key(), &route, uri) };
    graph.add_part(&method, &route, integration).done()
}

fn add_preflight(graph: &mut Graph<Aws>, api: &Handle<RestApi>, path: &Handle<ApiResource>, full: &str, wish: &Wish) -> Vec<Ref<String>> {
    let (route, method) = add_method(graph, api, path, full, "OPTIONS", "NONE");
    let template = BTreeMap::from([("application/json".into(), r#"{"statusCode": 200}"#.into())]);
    let integration = graph.add_part(&method, &route, ApiIntegration::mock(method.key(), &route, template));
    let mut headers = BTreeMap::from([("Access-Control-Allow-Origin", wish.origin), ("Access-Control-Allow-Methods", "POST,OPTIONS")]);
    if wish.max_age {
        headers.insert("Access-Control-Max-Age", "600");
    }
    let title = format!("{route} 200");
    let response = ApiMethodResponse {
        method: method.key(),
        route,
        status: "200".into(),
        response_parameters: headers.keys().map(|name| (response_header(name), true)).collect(),
    };
    let response = graph.add_part(&method, &title, response);
    let filled = ApiIntegrationResponse {
        integration: integration.key(),
        status: response.status(),
        title: title.clone(),
        selection_pattern: String::new(),
        response_parameters: headers.iter().map(|(name, value)| (response_header(name), quoted(value))).collect(),
        response_templates: BTreeMap::new(),
    };
    vec![graph.add_part(&integration, &title, filled).done()]
}

#[tokio::test]
async fn every_declared_change_converges() {
    let bench = Bench::new("apigw-changes").await;
    let first = Wish::default;
    let variants = [
        first(),
        Wish { description: "Other words", ..first() },
        Wish { authorization: "AWS_IAM", ..first() },
        Wish { timeout_ms: 10_000, ..first() },
        Wish { origin: "https://example.com", ..first() },
        Wish { max_age: true, ..first() },
        Wish { extra_path: true, ..first() },
        Wish { rate: 5.5, burst: 7, metrics: false, log_level: "INFO", ..first() },
        Wish { access_log: Some("$context.status"), ..first() },
        Wish { access_log: None, log_level: "OFF", ..first() },
        Wish { variables: &[("table", "events"), ("mode", "x")], ..first() },
        Wish { variables: &[("table", "other")], ..first() },
        Wish { stage_team: Some("blue"), api_team: Some("red"), ..first() },
        Wish { stage_team: Some("green"), ..first() },
    ];
    contract(&bench, variants.len(), |variant| declare(&bench, &variants[variant])).await;
    assert!(logging_role(&bench.aws).await.unwrap().is_some(), "the account's logging role stays");
}
