//! API Gateway: a small API of two routes, one answered by a function and one by API Gateway itself.

use super::{
    harness::{Bench, Calls, contract, endpoint},
    proxy::{Fate, first},
};
use aws_sdk_apigateway::types::{GatewayResponseType, Op, PatchOperation};
use liveinsight::{
    aws::Aws,
    engine::{Cloud, Graph, Handle, Ref},
    resources::{
        AUTHORIZERS_TAG, AccessLog, ApiAuthorizer, ApiDeployment, ApiDocument, ApiIntegration, ApiIntegrationResponse, ApiMethod,
        ApiMethodResponse, ApiResource, ApiStage, ERROR_TYPES, LogGroup, RestApi, logging_role, quoted, response_header,
        sweep_rest_api_parts,
    },
};
use std::collections::BTreeMap;

/// Desired state that the tests vary; the default is the first declaration.
#[derive(Clone)]
struct Wish {
    description: &'static str,
    authorization: &'static str,
    authorizer: Option<Judge>,
    binary: &'static [&'static str],
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
    /// First part of all paths.
    above: &'static str,
}

/// Desired state of an authorizer.
#[derive(Clone, Copy, Debug)]
struct Judge {
    name: &'static str,
    kind: &'static str,
    function: Option<&'static str>,
    pools: &'static [&'static str],
    from: &'static [&'static str],
    cache: Option<i32>,
}

const JUDGE: Judge = Judge {
    name: "staff",
    kind: "TOKEN",
    function: Some("judge"),
    pools: &[],
    from: &["method.request.header.Authorization"],
    cache: Some(300),
};

/// Pools that nobody has to have: only a request would look for them.
const POOLS: [&str; 2] =
    ["arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_A", "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_B"];

const USERS: Judge =
    Judge { name: "staff-user-pools", kind: "COGNITO_USER_POOLS", function: None, pools: &[POOLS[0]], cache: None, ..JUDGE };

impl Default for Wish {
    fn default() -> Self {
        Self {
            description: "Collects events",
            authorization: "NONE",
            authorizer: None,
            binary: &[],
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
            above: "api",
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
            binary_media_types: wish.binary.iter().map(|kind| (*kind).to_owned()).collect(),
            error_origins: ERROR_TYPES.map(|kind| (kind.to_owned(), quoted(wish.origin))).into(),
            tags: if wish.authorizer.is_some() { tags(wish.api_team).with(AUTHORIZERS_TAG, "yes") } else { tags(wish.api_team) },
            parts: ApiDocument::default(),
            logs: true,
            permissions_boundary: None,
        },
    );
    let root = add_path(&mut graph, &api, &RestApi::root_resource_id_of(&api), "", wish.above);
    let mut done = Vec::new();
    let authorizer = wish.authorizer.map(|judge| ApiAuthorizer::id_of(&add_authorizer(&mut graph, &api, judge)));
    for endpoint in wish.endpoints.iter().chain(wish.extra_path.then_some(&"extra")) {
        let path = add_path(&mut graph, &api, &ApiResource::id_of(&root), &format!("/{}", wish.above), endpoint);
        let full = format!("/{}/{endpoint}", wish.above);
        done.push(add_function(&mut graph, &api, &path, &full, wish, authorizer.clone()));
        done.extend(add_preflight(&mut graph, &api, &path, &full, wish));
    }
    // As a declaration does: the digest covers everything in the snapshot.
    let digest = format!(
        "{:?}",
        (wish.above, wish.authorization, wish.authorizer, wish.binary, wish.timeout_ms, wish.origin, wish.max_age, wish.extra_path)
    )
    .replace('"', "");
    let deployment = graph.add_part(&api, "current", ApiDeployment { api: RestApi::id_of(&api), digest: digest.clone(), needs: done });
    let arn = bench.aws.arn("logs", &format!("log-group:{log_name}"));
    let destination = LogGroup::name_of(&log).map(move |_| arn.clone());
    graph.add_part(
        &api,
        "test",
        ApiStage {
            api: RestApi::id_of(&api),
            name: "test".into(),
            deployment: ApiDeployment::id_of(&deployment),
            throttle_rate: wish.rate,
            throttle_burst: wish.burst,
            log_level: wish.log_level.into(),
            data_trace: false,
            metrics: wish.metrics,
            access_log: wish.access_log.map(|format| AccessLog { destination: destination.clone(), format: format.into() }),
            variables: wish.variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            permissions_boundary: None,
            tags: tags(wish.stage_team),
        },
    );
    let whole = name.clone();
    graph.sweep_parts(move |aws| {
        let (name, digest) = (name.clone(), digest.clone());
        Box::pin(async move { sweep_rest_api_parts(aws, &name, "api", &digest, "test").await })
    });
    graph.sweep(move |aws| {
        let name = whole.clone();
        Box::pin(async move { RestApi::sweep(aws, &name, "api").await })
    });
    graph
}

fn add_path(graph: &mut Graph<Aws>, api: &Handle<RestApi>, parent: &Ref<String>, above: &str, part: &str) -> Handle<ApiResource> {
    let path = format!("{above}/{part}");
    graph.add_part(api, &path, ApiResource { api: RestApi::id_of(api), parent: parent.clone(), path_part: part.into(), path: path.clone() })
}

fn add_authorizer(graph: &mut Graph<Aws>, api: &Handle<RestApi>, judge: Judge) -> Handle<ApiAuthorizer> {
    let uri = |name: &str| {
        ApiIntegration::function_uri("aws", "us-east-1", &format!("arn:aws:lambda:us-east-1:000000000000:function:{name}:live"))
    };
    let authorizer = ApiAuthorizer {
        api: RestApi::id_of(api),
        name: judge.name.to_owned(),
        kind: judge.kind.to_owned(),
        uri: judge.function.map(uri),
        user_pools: judge.pools.iter().map(|pool| (*pool).to_owned()).collect(),
        identity_sources: judge.from.iter().map(|source| (*source).to_owned()).collect(),
        cache_seconds: judge.cache,
    };
    graph.add_part(api, judge.name, authorizer)
}

fn add_method(
    graph: &mut Graph<Aws>,
    api: &Handle<RestApi>,
    path: &Handle<ApiResource>,
    full: &str,
    http_method: &str,
    (authorization, authorizer): (&str, Option<Ref<String>>),
) -> (String, Handle<ApiMethod>) {
    let route = format!("{http_method} {full}");
    let method = ApiMethod {
        api: RestApi::id_of(api),
        resource: ApiResource::id_of(path),
        http_method: http_method.into(),
        path: full.into(),
        authorization: authorization.into(),
        authorizer,
        api_key_required: false,
    };
    let handle = graph.add_part(path, &route, method);
    (route, handle)
}

fn add_function(
    graph: &mut Graph<Aws>,
    api: &Handle<RestApi>,
    path: &Handle<ApiResource>,
    full: &str,
    wish: &Wish,
    authorizer: Option<Ref<String>>,
) -> Ref<String> {
    let authorization = match wish.authorizer {
        Some(Judge { function: Some(_), .. }) => "CUSTOM",
        Some(_) => "COGNITO_USER_POOLS",
        None => wish.authorization,
    };
    let (route, method) = add_method(graph, api, path, full, "POST", (authorization, authorizer));
    let uri = ApiIntegration::function_uri("aws", "us-east-1", "arn:aws:lambda:us-east-1:000000000000:function:collector:live");
    let integration = ApiIntegration { timeout_ms: wish.timeout_ms, ..ApiIntegration::function(ApiMethod::key_of(&method), &route, uri) };
    ApiIntegration::done_of(&graph.add_part(&method, &route, integration))
}

fn add_preflight(graph: &mut Graph<Aws>, api: &Handle<RestApi>, path: &Handle<ApiResource>, full: &str, wish: &Wish) -> Vec<Ref<String>> {
    let (route, method) = add_method(graph, api, path, full, "OPTIONS", ("NONE", None));
    let template = BTreeMap::from([("application/json".into(), r#"{"statusCode": 200}"#.into())]);
    let integration = graph.add_part(&method, &route, ApiIntegration::mock(ApiMethod::key_of(&method), &route, template));
    let mut headers = BTreeMap::from([("Access-Control-Allow-Origin", wish.origin), ("Access-Control-Allow-Methods", "POST,OPTIONS")]);
    if wish.max_age {
        headers.insert("Access-Control-Max-Age", "600");
    }
    let title = format!("{route} 200");
    let response = ApiMethodResponse {
        method: ApiMethod::key_of(&method),
        route,
        status: "200".into(),
        response_parameters: headers.keys().map(|name| (response_header(name), true)).collect(),
    };
    let response = graph.add_part(&method, &title, response);
    let filled = ApiIntegrationResponse {
        integration: ApiIntegration::key_of(&integration),
        response: ApiMethodResponse::done_of(&response),
        status: "200".into(),
        title: title.clone(),
        selection_pattern: String::new(),
        response_parameters: headers.iter().map(|(name, value)| (response_header(name), quoted(value))).collect(),
        response_templates: BTreeMap::new(),
    };
    vec![ApiIntegrationResponse::done_of(&graph.add_part(&integration, &title, filled))]
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
        Wish { binary: &["image/png", "application/*"], ..first() },
        Wish { binary: &["application/*", "font/~x"], ..first() },
        Wish { authorizer: Some(JUDGE), ..first() },
        Wish { authorizer: Some(Judge { function: Some("other"), cache: Some(0), ..JUDGE }), ..first() },
        Wish {
            authorizer: Some(Judge { kind: "REQUEST", from: &["method.request.header.A", "method.request.querystring.b"], ..JUDGE }),
            ..first()
        },
        Wish { authorizer: Some(Judge { name: "other", ..JUDGE }), ..first() },
        Wish { authorizer: Some(USERS), ..first() },
        Wish { authorizer: Some(Judge { pools: &POOLS, ..USERS }), ..first() },
        Wish { authorizer: Some(Judge { pools: &[POOLS[1]], ..USERS }), ..first() },
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

/// Returns the ids of the bench's API and of one of its paths.
async fn ids(bench: &Bench, path: &str) -> (String, String) {
    let apis = bench.aws.apigateway.get_rest_apis().limit(500).send().await.unwrap();
    let api = apis.items().iter().find(|api| api.name() == Some(&bench.name("api"))).and_then(|api| api.id()).unwrap().to_owned();
    let nodes = bench.aws.apigateway.get_resources().rest_api_id(&api).limit(500).send().await.unwrap();
    let node = nodes.items().iter().find(|node| node.path() == Some(path)).and_then(|node| node.id()).unwrap().to_owned();
    (api, node)
}

fn replace(path: &str, value: &str) -> PatchOperation {
    PatchOperation::builder().op(Op::Replace).path(path).value(value).build()
}

#[tokio::test]
async fn drift_of_methods_and_what_hangs_from_them_is_seen_and_made_good() {
    let bench = Bench::new("apigw-drift-methods").await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    let (api, node) = ids(&bench, "/api/events").await;
    let gateway = &bench.aws.apigateway;

    let put = gateway.put_integration().rest_api_id(&api).resource_id(&node).http_method("POST").r#type("AWS_PROXY".into());
    put.integration_http_method("POST").uri("arn:aws:apigateway:us-east-1:lambda:path/elsewhere").send().await.unwrap();
    bench.heals(&graph, &["apigateway.integration/POST /api/events uri"]).await;

    let put = gateway.put_integration_response().rest_api_id(&api).resource_id(&node).http_method("OPTIONS").status_code("200");
    put.response_parameters("method.response.header.Access-Control-Allow-Origin", "'*'").send().await.unwrap();
    let lost = "response_parameters.method.response.header.Access-Control-Allow-Methods";
    bench.heals(&graph, &[&format!("apigateway.integration_response/OPTIONS /api/events 200 {lost}")]).await;

    gateway.delete_method_response().rest_api_id(&api).resource_id(&node).http_method("OPTIONS").status_code("200").send().await.unwrap();
    bench.heals(&graph, &["apigateway.method_response/OPTIONS /api/events 200"]).await;

    gateway.delete_integration().rest_api_id(&api).resource_id(&node).http_method("OPTIONS").send().await.unwrap();
    let both = ["apigateway.integration/OPTIONS /api/events", "apigateway.integration_response/OPTIONS /api/events 200"];
    bench.heals(&graph, &both).await;

    gateway.delete_method().rest_api_id(&api).resource_id(&node).http_method("POST").send().await.unwrap();
    bench.heals(&graph, &["apigateway.method/POST /api/events", "apigateway.integration/POST /api/events"]).await;

    gateway.put_method().rest_api_id(&api).resource_id(&node).http_method("POST").authorization_type("AWS_IAM").send().await.unwrap();
    bench.heals(&graph, &["apigateway.method/POST /api/events authorization", "apigateway.integration/POST /api/events"]).await;

    bench.down(&graph).await;
}

#[tokio::test]
async fn drift_of_an_authorizer_is_seen_and_made_good() {
    let bench = Bench::new("apigw-drift-authorizer").await;
    let graph = declare(&bench, &Wish { authorizer: Some(JUDGE), binary: &["image/png"], ..Wish::default() });
    bench.up(&graph).await;
    let (api, node) = ids(&bench, "/api/events").await;
    let gateway = &bench.aws.apigateway;
    let all = async || gateway.get_authorizers().rest_api_id(&api).send().await.unwrap();
    let id = all().await.items()[0].id().unwrap().to_owned();

    let patch = [
        replace("/authorizerUri", "elsewhere"),
        replace("/authorizerResultTtlInSeconds", "7"),
        replace("/identitySource", "method.request.header.X"),
    ];
    gateway.update_authorizer().rest_api_id(&api).authorizer_id(&id).set_patch_operations(Some(patch.into())).send().await.unwrap();
    let fields = ["cache_seconds", "identity_sources", "uri"].map(|field| format!("apigateway.authorizer/staff {field}"));
    bench.heals(&graph, &fields.each_ref().map(String::as_str)).await;

    // Somebody opens the method, and takes the media types.
    gateway.put_method().rest_api_id(&api).resource_id(&node).http_method("POST").authorization_type("NONE").send().await.unwrap();
    let open = ["authorization", "authorizer"].map(|field| format!("apigateway.method/POST /api/events {field}"));
    bench.heals(&graph, &[open.each_ref().map(String::as_str).as_slice(), &["apigateway.integration/POST /api/events"]].concat()).await;
    let remove = |path: &str| PatchOperation::builder().op(Op::Remove).path(path).build();
    let add = |path: &str| PatchOperation::builder().op(Op::Add).path(path).build();
    let patch = [remove("/binaryMediaTypes/image~1png"), add("/binaryMediaTypes/image~1gif")];
    gateway.update_rest_api().rest_api_id(&api).set_patch_operations(Some(patch.into())).send().await.unwrap();
    bench.heals(&graph, &["apigateway.rest_api/api binary_media_types"]).await;

    // One that is not declared is found by the tag, and the tag goes with the last one.
    let plain = declare(&bench, &Wish::default());
    let has_tag = async || {
        let tags = gateway.get_tags().resource_arn(format!("arn:aws:apigateway:us-east-1::/restapis/{api}")).send().await.unwrap();
        tags.tags().unwrap().contains_key(AUTHORIZERS_TAG)
    };
    assert!(has_tag().await);
    bench.up(&plain).await;
    assert_eq!((all().await.items().len(), has_tag().await), (0, false));
    assert_eq!(bench.open(&plain).await, Vec::<String>::new());
    bench.down(&plain).await;
}

#[tokio::test]
async fn drift_of_api_and_stage_is_seen_and_made_good() {
    let bench = Bench::new("apigw-drift-stage").await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    let (api, _) = ids(&bench, "/api").await;
    let gateway = &bench.aws.apigateway;

    gateway.update_rest_api().rest_api_id(&api).patch_operations(replace("/description", "Mine now")).send().await.unwrap();
    bench.heals(&graph, &["apigateway.rest_api/api description"]).await;

    let arn = format!("arn:aws:apigateway:us-east-1::/restapis/{api}");
    gateway.tag_resource().resource_arn(&arn).tags("Team", "red").tags("ManagedBy", "hand").send().await.unwrap();
    bench.heals(&graph, &["apigateway.rest_api/api tags.ManagedBy", "apigateway.rest_api/api tags.Team"]).await;

    // The header of the API's own errors is restored; other settings in them stay.
    let kind = |name: &str| GatewayResponseType::from(name);
    let put = gateway.put_gateway_response().rest_api_id(&api).response_type(kind("DEFAULT_4XX")).status_code("418");
    put.response_parameters("gatewayresponse.header.X-Theirs", "'1'").send().await.unwrap();
    bench.heals(&graph, &["apigateway.rest_api/api error_origins.DEFAULT_4XX"]).await;
    let healed = gateway.get_gateway_response().rest_api_id(&api).response_type(kind("DEFAULT_4XX")).send().await.unwrap();
    assert_eq!((healed.status_code(), healed.response_parameters().unwrap().len()), (Some("418"), 2), "{healed:?}");
    gateway.delete_gateway_response().rest_api_id(&api).response_type(kind("DEFAULT_5XX")).send().await.unwrap();
    bench.heals(&graph, &["apigateway.rest_api/api error_origins.DEFAULT_5XX"]).await;

    let other = gateway.create_deployment().rest_api_id(&api).description("by hand").send().await.unwrap().id().unwrap().to_owned();
    let patch = gateway.update_stage().rest_api_id(&api).stage_name("test").patch_operations(replace("/deploymentId", &other));
    let patch =
        patch.patch_operations(replace("/*/*/throttling/rateLimit", "99.5")).patch_operations(replace("/*/*/logging/loglevel", "OFF"));
    let patch = patch.patch_operations(replace("/*/*/logging/dataTrace", "true")).patch_operations(replace("/variables/rogue", "1"));
    patch.patch_operations(PatchOperation::builder().op(Op::Remove).path("/accessLogSettings").build()).send().await.unwrap();
    let fields =
        ["access_log.destination", "access_log.format", "data_trace", "deployment", "log_level", "throttle_rate", "variables.rogue"];
    let mut expected: Vec<String> = fields.iter().map(|field| format!("apigateway.stage/test {field}")).collect();
    expected.push(format!("apigateway.deployment/{other}"));
    bench.heals(&graph, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await;

    gateway.delete_stage().rest_api_id(&api).stage_name("test").send().await.unwrap();
    bench.heals(&graph, &["apigateway.stage/test"]).await;
    bench.down(&graph).await;
}

#[tokio::test]
async fn what_is_not_declared_goes_and_what_another_stage_serves_stays() {
    let bench = Bench::new("apigw-strays").await;
    bench.up(&declare(&bench, &Wish::default())).await;
    let (api, _) = ids(&bench, "/api").await;
    let gateway = &bench.aws.apigateway;

    // A stage of another owner serves a deployment of its own.
    let theirs = gateway.create_deployment().rest_api_id(&api).description("theirs").send().await.unwrap().id().unwrap().to_owned();
    gateway.create_stage().rest_api_id(&api).stage_name("theirs").deployment_id(&theirs).send().await.unwrap();

    // A path is created and deleted with everything below it, and each change deletes the deployment before.
    for wish in [Wish { extra_path: true, ..Wish::default() }, Wish::default()] {
        let graph = declare(&bench, &wish);
        bench.up(&graph).await;
        let nodes = gateway.get_resources().rest_api_id(&api).limit(500).send().await.unwrap();
        let paths: Vec<&str> = nodes.items().iter().filter_map(|node| node.path()).collect();
        assert_eq!(paths.contains(&"/api/extra"), wish.extra_path, "{paths:?}");
        let deployments = gateway.get_deployments().rest_api_id(&api).limit(500).send().await.unwrap();
        assert_eq!(deployments.items().len(), 2, "ours and theirs");
        assert!(deployments.items().iter().any(|deployment| deployment.id() == Some(&theirs)));
    }
    bench.down(&declare(&bench, &Wish::default())).await;
}

/// Returns the API's paths, read without the program's own code.
async fn paths(bench: &Bench) -> Vec<String> {
    let apis = bench.aws.apigateway.get_rest_apis().limit(500).send().await.unwrap();
    let api = apis.items().iter().find(|api| api.name() == Some(&bench.name("api"))).unwrap().id().unwrap().to_owned();
    let nodes = bench.aws.apigateway.get_resources().rest_api_id(api).limit(500).send().await.unwrap();
    let mut paths: Vec<String> = nodes.items().iter().filter_map(|node| node.path().map(str::to_owned)).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn a_renamed_upper_part_of_a_path_takes_one_up() {
    let bench = Bench::new("apigw-renamed").await;
    bench.up(&declare(&bench, &Wish { above: "v1", ..Wish::default() })).await;
    let renamed = declare(&bench, &Wish { above: "v2", ..Wish::default() });
    bench.up(&renamed).await;
    assert_eq!(paths(&bench).await, ["/", "/v2", "/v2/events"]);
    bench.down(&renamed).await;
}

#[tokio::test]
async fn paths_that_a_service_keeps_below_one_that_is_gone_are_collected() {
    let bench = Bench::new("apigw-orphans").await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    let (api, resource) = ids(&bench, "/api").await;
    bench.aws.apigateway.delete_resource().rest_api_id(api).resource_id(resource).send().await.unwrap();
    bench.up(&graph).await;
    assert_eq!(paths(&bench).await, ["/", "/api", "/api/events"]);
    bench.down(&graph).await;
}

#[tokio::test]
async fn names_are_not_unique() {
    let bench = Bench::new("apigw-names").await;
    let name = bench.name("api");
    let foreign = bench.aws.apigateway.create_rest_api().name(&name).send().await.unwrap().id().unwrap().to_owned();
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    let apis = bench.aws.apigateway.get_rest_apis().limit(500).send().await.unwrap();
    let ours = apis.items().iter().find(|api| api.name() == Some(&name) && api.id() != Some(&foreign));
    let first = ours.and_then(|api| api.id()).unwrap().to_owned();

    let second = bench.aws.apigateway.create_rest_api().name(&name).set_tags(Some(bench.tags().to_map())).send().await.unwrap();
    let (id, error) = liveinsight::engine::survey(&graph, &bench.aws, &|_| {}).await.err().expect("two of ours are an error");
    assert!(id.is_none_or(|id| id.as_str() == "apigateway.rest_api/api"));
    let error = error.to_string();
    assert!(error.contains(&first) && error.contains(second.id().unwrap()) && !error.contains(&foreign), "{error}");
    bench.aws.apigateway.delete_rest_api().rest_api_id(second.id().unwrap()).send().await.unwrap();

    bench.down(&graph).await;
    bench.aws.apigateway.get_rest_api().rest_api_id(&foreign).send().await.expect("somebody else's is left alone");
    bench.aws.apigateway.delete_rest_api().rest_api_id(&foreign).send().await.unwrap();
}

#[tokio::test]
async fn calls_are_few() {
    let bench = Bench::new("apigw-calls").await;
    liveinsight::resources::ensure_logging_role(&bench.aws, None).await.unwrap();
    let graph = declare(&bench, &Wish { endpoints: &["events", "realtime", "stats"], ..Wish::default() });

    let (_, first) = bench.calls(bench.up(&graph)).await;
    // The log group takes two. The API's are 28: itself, 2 headers of its own errors (part of the document where that can be imported), 4 paths, 6
    // methods, 6 integrations, 3 + 3 responses, deployment, stage and its settings.
    assert_eq!(first.writes, 30);
    // Planning absent resources takes 2, the check that no other run created the same API 1, the account's role 1. The proof takes 10 (the tag
    // inventory, and with them the tags that it cannot show), and the test's own look 9.
    assert_eq!(first.reads, 23);

    let (open, unchanged) = bench.calls(bench.open(&graph)).await;
    assert_eq!(open, Vec::<String>::new());
    // Two for the log group. The API's: GetRestApis, GetResources, GetGatewayResponses, GetDeployments, GetStages, and GetTags of API and stage.
    assert_eq!(unchanged, Calls { reads: 9, writes: 0 });
    let ((), down) = bench.calls(bench.down(&graph)).await;
    assert_eq!(down.writes, 2, "the API takes its parts along");
}

#[tokio::test]
async fn an_api_whose_creation_was_not_answered_is_found_not_made_twice() {
    let bench = Bench::hostile("apigw-lost-api", first(1, Fate::Lose, |request| request == "POST /restapis")).await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    let apis = bench.aws.apigateway.get_rest_apis().limit(500).send().await.unwrap();
    assert_eq!(apis.items().iter().filter(|api| api.name() == Some(&bench.name("api"))).count(), 1);
    bench.down(&graph).await;
}

#[tokio::test]
async fn lost_answers_and_conflicts_leave_one_of_each() {
    let mut seen = std::collections::BTreeSet::new();
    let bench = Bench::hostile("apigw-lost-rest", move |request| {
        // The first occurrence of each request within the API loses its answer or meets another write, in turn.
        if request.starts_with("GET") || !request.contains("/restapis/") || !seen.insert(request.to_owned()) {
            Fate::Pass
        } else if seen.len() % 2 == 0 {
            Fate::Lose
        } else {
            Fate::Refuse(409, "ConflictException", "Unable to complete operation due to concurrent modification. Please try again later.")
        }
    })
    .await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    let (api, _) = ids(&bench, "/api").await;
    let deployments = bench.aws.apigateway.get_deployments().rest_api_id(&api).send().await.unwrap();
    assert_eq!(deployments.items().len(), 1);
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_stage_waits_for_the_logging_role() {
    let refusal = "CloudWatch Logs role ARN must be set in account settings to enable logging";
    let refuse = Fate::Refuse(400, "BadRequestException", refusal);
    let bench = Bench::hostile("apigw-stage-logs", first(3, refuse, |request| request.starts_with("PATCH /restapis/"))).await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    let creations = bench.aws.tally().by_operation().into_iter().find(|(operation, _)| *operation == "apigateway:CreateStage");
    assert_eq!(creations, Some(("apigateway:CreateStage", 1)), "the stage is made once and then patched");
    bench.down(&graph).await;
}

#[tokio::test]
async fn the_logging_role_waits_for_iam() {
    // An account without a logging role, until a role is set that IAM has propagated.
    let mut refusals = 3;
    let mut set = false;
    let bench = Bench::hostile("apigw-account", move |request| match request {
        "GET /account" if !set => Fate::Answer("{}"),
        "PATCH /account" if refusals > 0 => {
            refusals -= 1;
            let message = "The role ARN does not have required permissions configured. Please grant trust permission for API Gateway and \
                           add the required role policy.";
            Fate::Refuse(400, "BadRequestException", message)
        }
        "PATCH /account" => {
            set = true;
            Fate::Pass
        }
        _ => Fate::Pass,
    })
    .await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    let role = logging_role(&bench.aws).await.unwrap();
    assert_eq!(role.as_deref(), Some("arn:aws:iam::000000000000:role/liveinsight/liveinsight-apigateway-logs"));
    bench.down(&graph).await;
    bench.aws.iam.get_role().role_name("liveinsight-apigateway-logs").send().await.expect("it outlives the stack");
}

#[tokio::test]
async fn a_run_that_failed_half_way_is_finished_by_the_next() {
    let refuse = Fate::Refuse(400, "BadRequestException", "No.");
    let is = |request: &str| request.starts_with("PUT") && request.ends_with("/integration/responses/200");
    let bench = Bench::hostile("apigw-half", first(1, refuse, is)).await;
    let graph = declare(&bench, &Wish::default());
    let report = bench.try_up(&graph).await;
    assert_eq!(report.failed.len(), 1, "{:?}", report.failed);
    assert_eq!(report.behind.len(), 2, "the deployment and the stage do not go ahead without it: {:?}", report.behind);
    let report = bench.up(&graph).await;
    assert_eq!(report.done.len(), 3, "only what was missing is made: {:?}", report.done);
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_api_itself() {
    let bench = Bench::new("apigw-preflight").await;
    let graph = declare(&bench, &Wish { origin: "https://example.com", max_age: true, ..Wish::default() });
    bench.up(&graph).await;
    let (api, _) = ids(&bench, "/api").await;
    let url = format!("{}/_aws/execute-api/{api}/test/api/events", endpoint());
    let answer = ureq::options(url).call().unwrap();
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("Access-Control-Allow-Origin"), Some("https://example.com"));
    assert_eq!(header("Access-Control-Allow-Methods"), Some("POST,OPTIONS"));
    assert_eq!(header("Access-Control-Max-Age"), Some("600"));
    bench.down(&graph).await;
}

#[tokio::test]
async fn a_tag_alone_makes_no_api_ours() {
    let bench = Bench::new("apigw-tagged").await;
    let graph = declare(&bench, &Wish::default());
    bench.up(&graph).await;
    let theirs =
        bench.aws.apigateway.create_rest_api().name(bench.name("theirs")).set_tags(Some(bench.tags().to_map())).send().await.unwrap();
    let id = theirs.id.unwrap();
    bench.aws.refresh();
    assert_eq!(bench.open(&graph).await, Vec::<String>::new(), "an API of another name, with the stack's tags");
    bench.down(&graph).await;
    let stays = bench.aws.apigateway.get_rest_api().rest_api_id(&id).send().await.unwrap();
    assert_eq!(stays.name, Some(bench.name("theirs")));
    bench.aws.apigateway.delete_rest_api().rest_api_id(&id).send().await.unwrap();
}
