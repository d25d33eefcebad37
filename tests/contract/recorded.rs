//! Answers that AWS itself gave, read by the real clients and parsers: each shows no difference against the declaration that matches it. The
//! recordings are in `tests/recorded/`. This file adds what a recording leaves out, and the form that the protocol requires.

use liveinsight::{
    aws::{Aws, Connection, STACK, Tags, Target},
    engine::{Changes, DeleteOutcome, Error, Fields, Observed, Owner, ReadFrom, Ref, Resource, WriteOutcome},
    resources::{
        AccessLog, Alarm, Alias, ApiAuthorizer, ApiDocument, ApiIntegration, ApiIntegrationResponse, ApiMethodResponse, ApiStage, Bucket,
        BucketPolicy, Function, FunctionOthers, FunctionSettings, FunctionUrl, Index, KeyAttribute, Keys, LogGroup, MethodKey, Permission,
        Projected, PublicAccessBlock, Release, RestApi, Role, RoleOthers, Table, TableOutput, publish,
    },
};
use serde_json::{Value, json};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use strict_aws::{Canned, Response};

const SHAPES: &str = include_str!("../recorded/shapes.tsv");
const ERRORS: &str = include_str!("../recorded/errors.tsv");
const STACK_NAME: &str = "shop/dev";

/// The recordings, with the rows that were read.
#[derive(Default)]
struct Book(RefCell<BTreeSet<String>>);

impl Book {
    /// Returns the recorded shape of this situation, with real values in the gaps of the recording.
    fn shape(&self, service: &str, operation: &str, situation: &str) -> Value {
        let row = SHAPES.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
        let mut rows = row.filter(|row| row[0] == service && row[1] == operation && row[2].starts_with(situation));
        let row = rows.next().unwrap_or_else(|| panic!("nothing was recorded of {service}:{operation}, {situation}"));
        self.0.borrow_mut().insert(row.join("\t"));
        filled(serde_json::from_str(row[4]).unwrap())
    }

    /// Returns the rows that no test here has read.
    fn unread(&self) -> Vec<String> {
        let read = self.0.borrow();
        let rows = SHAPES.lines().skip(1).filter(|line| !read.contains(*line));
        rows.map(|line| line.split('\t').take(3).collect::<Vec<_>>().join(" ")).collect()
    }
}

/// Returns the recorded error of this situation, as the service sends it.
fn error(service: &str, operation: &str, situation: &str) -> Response {
    let row = ERRORS.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let mut rows = row.filter(|row| row[1] == service && row[2].starts_with(operation) && row[3].starts_with(situation));
    let row = rows.next().unwrap_or_else(|| panic!("no error was recorded of {service}:{operation}, {situation}"));
    let (status, code, message) = (row[4].parse().unwrap(), row[5], row[6]);
    match service {
        "s3" => Response::new(status, "application/xml", format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")),
        _ => Response::new(status, "application/json", json!({ "message": message }).to_string()).with("x-amzn-ErrorType", code),
    }
}

/// Returns the value without moments, and without the names that the recordings put in place of varying values.
fn filled(value: Value) -> Value {
    let is_moment = |value: &Value| ["datetime", "timestamp", "<datetime>"].iter().any(|moment| value == moment);
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !is_moment(value));
            kept.map(|(key, value)| (key.clone(), if key.ends_with("Templates") { as_texts(value) } else { filled(value) })).collect()
        }
        Value::Array(items) => items.into_iter().map(filled).collect(),
        Value::String(text) if text == "<table-status>" || text == "<index-status>" => json!("ACTIVE"),
        Value::String(text) => {
            let named = text.replace("<partition>", "aws").replace("<region>", "us-east-1");
            json!(regex::Regex::new("<([^<>:]+)(:[0-9]+)?>").unwrap().replace_all(&named, "$1"))
        }
        other => other,
    }
}

/// Converts templates to texts; the recordings have JSON templates as parsed values.
fn as_texts(templates: Value) -> Value {
    let Value::Object(map) = templates else { return templates };
    map.into_iter().map(|(key, value)| (key, if value.is_object() { json!(value.to_string()) } else { value })).collect()
}

fn tags() -> Tags {
    Tags::default().with(STACK, STACK_NAME)
}

/// Bodies of requests, by `service:Operation`.
type Asked = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Returns a client of an AWS that gives these answers, by `service:Operation`, and no others.
async fn answering(answers: Vec<(&'static str, Response)>) -> (Canned, Aws) {
    let (canned, aws, _) = watching(answers).await;
    (canned, aws)
}

/// Returns such a client, with the requests that it received.
async fn watching(answers: Vec<(&'static str, Response)>) -> (Canned, Aws, Asked) {
    let asked = Asked::default();
    let noted = asked.clone();
    let canned = Canned::start(move |operation, request| {
        noted.lock().unwrap().push((operation.to_string(), request.body.clone()));
        let known = answers.iter().find(|(name, _)| operation.is(name)).map(|(_, answer)| answer.clone());
        known.unwrap_or_else(|| Response::new(501, "text/plain", format!("{operation} is not in the book: {}", request.target)))
    });
    let canned = canned.await.unwrap();
    let connection = Connection::endpoint("us-east-1", canned.endpoint(), "111111111111", "test").await;
    let target = Target { limits: false, ..Target::aws("aws", "us-east-1", "111111111111") };
    (canned, liveinsight::resources::connect(&connection, target, STACK_NAME.to_owned()), asked)
}

/// Returns the body of the last request for this operation, as text.
fn body_of(asked: &Asked, operation: &str) -> String {
    let asked = asked.lock().unwrap();
    let (_, body) = asked.iter().rfind(|(name, _)| name == operation).unwrap_or_else(|| panic!("{operation} was not asked for"));
    String::from_utf8_lossy(body).into_owned()
}

/// Updates the live resource to match the declaration.
async fn update<R: Resource<Cloud = Aws>>(aws: &Aws, declared: &R) {
    let live = declared.observe(aws, ReadFrom::Service).await.unwrap().unwrap();
    let changes = Changes::between(&Fields::of(&live.spec), &Fields::of(declared));
    assert!(!changes.is_empty());
    declared.update(aws, &live, &changes).await.unwrap();
}

fn rest(shape: &Value) -> Response {
    Response::new(200, "application/json", shape.to_string())
}

/// Returns the paths of the differences; the live resource must exist.
#[track_caller]
fn differs<R: Resource>(live: Option<Observed<R>>, declared: &R) -> String {
    let live = live.expect("it is there");
    assert!(live.failed.is_none());
    Changes::between(&Fields::of(&live.spec), &Fields::of(declared)).paths()
}

#[tokio::test]
async fn recorded_answers_show_no_difference() {
    let book = Book::default();
    functions(&book).await;
    aliases_and_permissions(&book).await;
    apis(&book).await;
    authorizers(&book).await;
    function_urls(&book).await;
    parts_of_an_api(&book).await;
    stages(&book).await;
    Box::pin(buckets(&book)).await;
    Box::pin(tables(&book)).await;
    logs_and_alarms(&book).await;
    roles(&book).await;
    // Only the status of these counts.
    let unread = [
        "lambda UpdateFunctionCode answer",
        "lambda DeleteFunction exists",
        "lambda AddPermission answer",
        "apigateway UpdateRestApi replace /endpointConfiguration/types/0 by PRIVATE",
        "apigateway PutRestApi merge kept and added to",
        "apigateway PutMethodResponse answer",
        "apigateway DeleteDeployment none serves it",
        "s3 CreateBucket with tags",
        "s3 CreateBucket us-east-1, ours, without tags again: 200",
        "s3 DeletePublicAccessBlock again",
        "s3 PutBucketPolicy answer",
        "s3 PutObject If-None-Match versioned, current is a delete marker: 200",
        "s3 PutObject SSE-S3: ETag is the MD5",
    ];
    assert_eq!(book.unread(), unread);
}

async fn functions(book: &Book) {
    let declared = |memory| Function {
        name: "function-name".to_owned(),
        role: String::new().into(),
        runtime: "python3.12".to_owned(),
        handler: "handler.handler".to_owned(),
        architecture: Some("x86_64".to_owned()),
        memory,
        timeout: 5,
        concurrency: None,
        environment: BTreeMap::new(),
        log_group: "/aws/lambda/function-name".to_owned().into(),
        settings: FunctionSettings::default(),
        others: FunctionOthers::default(),
        code_sha256: Some("code-sha256".to_owned()),
        code: None,
        tags: tags(),
    };
    let get = |configuration: &Value| rest(&json!({ "Configuration": configuration, "Tags": { STACK: STACK_NAME } }));
    let active = book.shape("lambda", "GetFunction", "a moment later");
    let listed = book.shape("lambda", "ListFunctions", "an entry has");
    let list = rest(&json!({ "Functions": [listed] }));
    let (_canned, aws) = answering(vec![("lambda:GetFunction", get(&active)), ("lambda:ListFunctions", list)]).await;
    let live = declared(256).observe(&aws, ReadFrom::Service).await.unwrap().unwrap();
    assert_eq!((live.busy, &live.owner), (None, &Owner::Us));
    assert_eq!(differs(Some(live), &declared(256)), "");
    let found = declared(256).locate(&aws).await.unwrap();
    assert_eq!(found.map(|output| output.name).as_deref(), Some("function-name"));

    // The program waits while Lambda is at work on the function.
    let creating = book.shape("lambda", "CreateFunction", "zip, nothing but");
    let updating = book.shape("lambda", "UpdateFunctionConfiguration", "answer: InProgress");
    for configuration in [creating, updating] {
        let (_canned, aws) = answering(vec![("lambda:GetFunction", get(&configuration))]).await;
        let live = declared(256).observe(&aws, ReadFrom::Service).await.unwrap().unwrap();
        assert!(live.busy.is_some() && live.failed.is_none(), "{configuration}");
    }

    // Lambda's API model shows the same when Lambda gives up.
    for (state, member) in [("State", "StateReason"), ("LastUpdateStatus", "LastUpdateStatusReason")] {
        let mut failed = active.clone();
        failed[state] = json!("Failed");
        failed[member] = json!("the key is gone");
        failed[format!("{member}Code")] = json!("KMSKeyNotFound");
        let (_canned, aws) = answering(vec![("lambda:GetFunction", get(&failed))]).await;
        let reason = declared(256).observe(&aws, ReadFrom::Service).await.unwrap().unwrap().failed.unwrap().to_string();
        assert!(reason.contains("KMSKeyNotFound") && reason.contains("the key is gone"), "{reason}");
    }
}

async fn aliases_and_permissions(book: &Book) {
    let alias = |description: &str| {
        let mut shape = book.shape("lambda", "CreateAlias", "without shares");
        shape["Description"] = json!(description);
        rest(&shape)
    };
    let updated = book.shape("lambda", "UpdateAlias", "an empty RoutingConfig");
    assert!(updated.get("RoutingConfig").is_none());
    let policy = book.shape("lambda", "GetPolicy", "alias: statement");
    let published = book.shape("lambda", "PublishVersion", "active function");
    let answers = vec![
        ("lambda:GetAlias", alias("liveinsight 1 abc")),
        ("lambda:GetPolicy", rest(&json!({ "Policy": policy.to_string() }))),
        ("lambda:PublishVersion", rest(&published)),
    ];
    let (_canned, aws) = answering(answers).await;
    let declared = Alias {
        function: "function-name".to_owned().into(),
        name: "aliasname1_2".to_owned(),
        release: Some(Release::Known("abc".to_owned())),
        shares: BTreeMap::new(),
        code_sha256: None,
    };
    assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "");
    assert_eq!(publish(&aws, "function-name", None, None).await.unwrap(), "1");
    // None of ours is there, and a foreign one is a difference.
    let permission = Permission {
        function: "function-name".to_owned().into(),
        alias: "live".to_owned().into(),
        sources: Vec::new(),
        others: BTreeMap::new(),
    };
    let live = permission.observe(&aws, ReadFrom::Service).await.unwrap().expect("the statement of somebody else");
    assert!(live.output.sids.is_empty() && live.spec.others.len() == 1, "{:?}", live.spec);
    for (operation, situation) in [("GetPolicy", "no function"), ("GetPolicy", "no policy at that version")] {
        let (_canned, aws) = answering(vec![("lambda:GetPolicy", error("lambda", operation, situation))]).await;
        assert!(permission.observe(&aws, ReadFrom::Service).await.unwrap().is_none());
    }
    let (_canned, aws) = answering(vec![("lambda:GetAlias", error("lambda", "GetAlias", "none"))]).await;
    assert!(declared.observe(&aws, ReadFrom::Service).await.unwrap().is_none());
}

async fn function_urls(book: &Book) {
    let name = || Ref::from("resource".to_owned());
    let declared = |is_public| FunctionUrl::new(name(), "live".to_owned().into(), is_public);
    let url = book.shape("lambda", "GetFunctionUrlConfig", "read: InvokeMode BUFFERED");
    let (_canned, aws) = answering(vec![("lambda:GetFunctionUrlConfig", rest(&url))]).await;
    assert_eq!(differs(declared(true).observe(&aws, ReadFrom::Service).await.unwrap(), &declared(true)), "");
    assert_eq!(differs(declared(false).observe(&aws, ReadFrom::Service).await.unwrap(), &declared(false)), "auth_type");
    let none = error("lambda", "GetFunctionUrlConfig", "none");
    let created = book.shape("lambda", "CreateFunctionUrlConfig", "answer");
    let (_canned, aws) = answering(vec![("lambda:GetFunctionUrlConfig", none), ("lambda:CreateFunctionUrlConfig", rest(&created))]).await;
    assert!(declared(true).observe(&aws, ReadFrom::Service).await.unwrap().is_none());
    let WriteOutcome::Complete(output) = declared(true).create(&aws).await.unwrap() else { panic!("a URL is there at once") };
    assert_eq!(output.function_arn, "arn:aws:lambda:us-east-1:111111111111:function:resource");
    // An update that leaves the mode out keeps it, so each update sends it.
    let kept = book.shape("lambda", "UpdateFunctionUrlConfig", "InvokeMode left out: kept");
    let answers = vec![("lambda:GetFunctionUrlConfig", rest(&kept)), ("lambda:UpdateFunctionUrlConfig", rest(&kept))];
    let (_canned, aws, asked) = watching(answers).await;
    update(&aws, &declared(true)).await;
    assert!(body_of(&asked, "lambda:UpdateFunctionUrlConfig").contains(r#""InvokeMode":"BUFFERED""#));
    // The statement for everybody, as Lambda writes it.
    let mut statement = book.shape("lambda", "AddPermission", "FunctionUrlAuthType NONE");
    statement["Sid"] = json!("liveinsight-url");
    let policy = json!({ "Policy": json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string() });
    let (_canned, aws) = answering(vec![("lambda:GetPolicy", rest(&policy))]).await;
    let first = Permission::at_url().take(1).collect();
    let permission = Permission { function: name(), alias: "live".to_owned().into(), sources: first, others: BTreeMap::new() };
    assert_eq!(differs(permission.observe(&aws, ReadFrom::Service).await.unwrap(), &permission), "");
}

async fn apis(book: &Book) {
    let declared = |description: Option<&str>, kinds: &[&str]| RestApi {
        name: "name".to_owned(),
        description: description.map(str::to_owned),
        endpoint: "EDGE".to_owned(),
        binary_media_types: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        error_origins: BTreeMap::new(),
        tags: tags(),
        parts: ApiDocument::default(),
        logs: false,
        permissions_boundary: None,
    };
    let ours = json!({ STACK: STACK_NAME });
    let rows = [
        ("CreateRestApi", "name only", None, &[][..]),
        ("GetRestApis", "tags are in the list", Some("this is my api"), &[]),
        ("UpdateRestApi", "minimumCompressionSize off", Some("this is my api"), &[]),
        ("PutRestApi overwrite", "what the document leaves out", None, &["image/jpg", "image/png"]),
    ];
    for (operation, situation, description, kinds) in rows {
        let mut shape = book.shape("apigateway", operation, situation);
        assert!(shape["rootResourceId"].is_string());
        (shape["tags"], shape["name"]) = (ours.clone(), json!("name"));
        let answers = vec![
            ("apigateway:GetRestApis", rest(&json!({ "item": [shape] }))),
            ("apigateway:GetTags", rest(&json!({ "tags": ours }))),
            ("apigateway:GetGatewayResponses", rest(&json!({ "item": [] }))),
        ];
        let (_canned, aws) = answering(answers).await;
        let declared = declared(description, kinds);
        assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "", "{operation}");
    }
}

async fn authorizers(book: &Book) {
    let header = |name: &str| vec![format!("method.request.header.{name}")];
    let declared = |name: &str, kind: &str, from: Vec<String>| ApiAuthorizer {
        api: "api".to_owned().into(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        uri: Some("authorizer-uri".to_owned()),
        user_pools: BTreeSet::new(),
        identity_sources: from,
        cache_seconds: Some(300),
    };
    let observed = async |list: Value, declared: &ApiAuthorizer| {
        let (_canned, aws) = answering(vec![("apigateway:GetAuthorizers", rest(&json!({ "item": list })))]).await;
        differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), declared)
    };
    let request = json!([book.shape("apigateway", "GetAuthorizers", "imported REQUEST")]);
    assert_eq!(observed(request, &declared("name", "REQUEST", header("Custom-Authorization"))).await, "");
    let token = book.shape("apigateway", "GetAuthorizers", "TOKEN authorizer made")["items"].take();
    assert_eq!(observed(token, &declared("name", "TOKEN", header("Authorization"))).await, "");
    let pools = book.shape("apigateway", "GetAuthorizers", "imported COGNITO");
    let arn = pools[0]["providerARNs"][0].as_str().unwrap().to_owned();
    let users = ApiAuthorizer {
        uri: None,
        cache_seconds: None,
        user_pools: [arn].into(),
        ..declared("cognito-test-identity-source", "COGNITO_USER_POOLS", header("TestHeaderAuth"))
    };
    assert_eq!(observed(pools, &users).await, "");
}

/// Returns a client that sees one API, with this method at this path.
async fn with_method(book: &Book, http_method: &str, method: &Value) -> (Canned, Aws, MethodKey) {
    let mut resources = book.shape("apigateway", "GetResources", "imported");
    let items = resources["items"].as_array_mut().unwrap();
    let product = items.iter_mut().find(|item| item["path"] == "/product").unwrap();
    product["id"] = json!("product");
    product["resourceMethods"] = json!({ http_method: method });
    let (canned, aws) = answering(vec![("apigateway:GetResources", rest(&json!({ "item": items })))]).await;
    (canned, aws, MethodKey { api: "api".to_owned(), resource: "product".to_owned(), http_method: http_method.to_owned() })
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

async fn parts_of_an_api(book: &Book) {
    let proxy = book.shape("apigateway", "GetMethod", "aws_proxy");
    let (_canned, aws, key) = with_method(book, "GET", &proxy).await;
    let uri = proxy["methodIntegration"]["uri"].as_str().unwrap().to_owned();
    let declared = ApiIntegration::function(key.into(), "GET /product", uri);
    assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "");

    let mock = book.shape("apigateway", "GetMethod", "mock preflight");
    let (_canned, aws, key) = with_method(book, "OPTIONS", &mock).await;
    let templates = map(&[("application/json", r#"{"statusCode":200}"#)]);
    let declared = ApiIntegration::mock(key.clone().into(), "OPTIONS /product", templates);
    assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "");
    // Letter case of a header is no difference, neither in a key nor in a list of them.
    let header = |name: &str| format!("method.response.header.{name}");
    let (allow_headers, allow_methods, allow_origin) =
        ("access-control-allow-headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin");
    let declared = ApiMethodResponse {
        method: key.clone().into(),
        route: "OPTIONS /product".to_owned(),
        status: "200".to_owned(),
        response_parameters: [allow_headers, allow_methods, allow_origin].map(|name| (header(name), false)).into(),
    };
    assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "");
    let response = |parameters: &[(&str, &str)], templates: &[(&str, &str)]| ApiIntegrationResponse {
        integration: key.clone().into(),
        response: String::new().into(),
        status: "200".to_owned(),
        title: "OPTIONS /product 200".to_owned(),
        selection_pattern: String::new(),
        response_parameters: parameters.iter().map(|(name, value)| (header(name), (*value).to_owned())).collect(),
        response_templates: map(templates),
    };
    let parameters = [(allow_headers, "'content-type'"), (allow_methods, "'OPTIONS,POST,GET'"), (allow_origin, "'http://localhost:8080'")];
    let declared = response(&parameters, &[("application/json", "{}")]);
    assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "");

    // No template, and an empty one, which AWS returns as null.
    for situation in ["no templates", "template \"\""] {
        let mut method = mock.clone();
        method["methodIntegration"]["integrationResponses"]["200"] = book.shape("apigateway", "PutIntegrationResponse", situation);
        let (_canned, aws, _) = with_method(book, "OPTIONS", &method).await;
        let declared = response(&[], &[]);
        assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "", "{situation}");
    }
}

async fn stages(book: &Book) {
    let declared = |name: &str| ApiStage {
        api: "api".to_owned().into(),
        name: name.to_owned(),
        deployment: "id".to_owned().into(),
        throttle_rate: 10_000.0,
        throttle_burst: 5_000,
        log_level: "OFF".to_owned(),
        data_trace: false,
        metrics: false,
        access_log: None,
        variables: BTreeMap::new(),
        permissions_boundary: None,
        tags: tags(),
    };
    let destination = AccessLog { destination: "log-group-arn".to_owned().into(), format: String::new() };
    let mut set = book.shape("apigateway", "CreateStage", "no settings");
    set["methodSettings"] = book.shape("apigateway", "UpdateStage", "one setting of */*");
    let rows = [
        (book.shape("apigateway", "CreateStage", "no settings"), declared("s1")),
        (set, ApiStage { throttle_burst: 100, ..declared("s1") }),
        (
            book.shape("apigateway", "UpdateStage", "accessLogSettings without a format"),
            ApiStage { access_log: Some(destination), ..declared("dev") },
        ),
        (book.shape("apigateway", "UpdateStage", "remove /accessLogSettings"), declared("dev")),
    ];
    for (mut shape, declared) in rows {
        shape["deploymentId"] = json!("id");
        let answers = vec![
            ("apigateway:GetStages", rest(&json!({ "item": [shape] }))),
            ("apigateway:GetTags", rest(&json!({ "tags": { STACK: STACK_NAME } }))),
        ];
        let (_canned, aws) = answering(answers).await;
        assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "", "{shape}");
    }
}

/// Returns a shape as S3 and IAM write it.
fn xml(name: &str, value: &Value) -> String {
    match value {
        Value::Object(map) => format!("<{name}>{}</{name}>", map.iter().map(|(key, value)| xml(key, value)).collect::<String>()),
        // Lists have an element for each entry; the list of tags has another one around them.
        Value::Array(items) if name == "TagSet" => {
            format!("<TagSet>{}</TagSet>", items.iter().map(|item| xml("Tag", item)).collect::<String>())
        }
        Value::Array(items) => items.iter().map(|item| xml(name.trim_end_matches('s'), item)).collect(),
        Value::String(text) => format!("<{name}>{text}</{name}>"),
        other => format!("<{name}>{other}</{name}>"),
    }
}

fn s3(shape: &Value) -> Response {
    let body = shape.as_object().unwrap().iter().map(|(key, value)| xml(key, value)).collect::<String>();
    Response::new(200, "application/xml", body)
}

async fn buckets(book: &Book) {
    let declared = Bucket {
        name: "bucket".to_owned(),
        versioning: false,
        encryption: "AES256".to_owned(),
        object_ownership: "BucketOwnerEnforced".to_owned(),
        site: None,
        files: BTreeMap::new(),
        tags: Tags::default().with("tag1", "value1"),
    };
    let tagging = book.shape("s3", "GetBucketTagging", "after that");
    let versioning = json!({ "VersioningConfiguration": book.shape("s3", "GetBucketVersioning", "never set") });
    let fresh = |encryption: Response| {
        vec![
            ("s3:GetBucketVersioning", s3(&versioning)),
            ("s3:GetBucketTagging", s3(&json!({ "Tagging": tagging }))),
            ("s3:GetBucketEncryption", encryption),
            ("s3:GetBucketOwnershipControls", s3(&book.shape("s3", "GetBucketOwnershipControls", "new bucket"))),
        ]
    };
    assert_eq!(book.shape("s3", "GetBucketEncryption", "after DeleteBucketEncryption"), json!({}));
    // Nothing at all, or an empty element: the recording does not distinguish them.
    let nothing = [Response::new(200, "application/xml", ""), s3(&json!({ "ServerSideEncryptionConfiguration": {} }))];
    let new = s3(&book.shape("s3", "GetBucketEncryption", "new bucket"));
    for encryption in [new].into_iter().chain(nothing) {
        let (_canned, aws) = answering(fresh(encryption)).await;
        assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "");
    }
    // Settings that are no longer set, and resources that do not exist.
    let mut answers = fresh(s3(&book.shape("s3", "GetBucketEncryption", "new bucket")));
    answers[3].1 = error("s3", "GetBucketOwnershipControls", "after its deletion");
    let (_canned, aws) = answering(answers).await;
    assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "");
    let gone = vec![("s3:GetBucketVersioning", error("s3", "GetBucketVersioning", "no bucket"))];
    let (_canned, aws) = answering(gone).await;
    assert!(declared.observe(&aws, ReadFrom::Service).await.unwrap().is_none());

    let block = PublicAccessBlock::all("bucket".to_owned().into());
    let shape = book.shape("s3", "GetPublicAccessBlock", "new bucket");
    let policy = book.shape("s3", "GetBucketPolicy", "reads back");
    let answers =
        vec![("s3:GetPublicAccessBlock", s3(&shape)), ("s3:GetBucketPolicy", Response::new(200, "application/json", policy.to_string()))];
    let (_canned, aws) = answering(answers).await;
    assert_eq!(differs(block.observe(&aws, ReadFrom::Service).await.unwrap(), &block), "");
    // A statement of others is shown as such.
    let policy = BucketPolicy::reader("bucket".to_owned().into(), "reader".to_owned().into(), "site/");
    let live = policy.observe(&aws, ReadFrom::Service).await.unwrap().unwrap();
    assert_eq!(live.spec.other.sids().count(), 1);
    let answers = vec![
        ("s3:GetPublicAccessBlock", error("s3", "GetPublicAccessBlock", "after its deletion")),
        ("s3:GetBucketPolicy", error("s3", "GetBucketPolicy", "none")),
    ];
    let (_canned, aws) = answering(answers).await;
    assert!(
        block.observe(&aws, ReadFrom::Service).await.unwrap().is_none() && policy.observe(&aws, ReadFrom::Service).await.unwrap().is_none()
    );
    // An upload that no longer exists is no trouble; a condition that S3 does not know fails after one request.
    let (_canned, aws) = answering(vec![("s3:PutObject", error("s3", "PutObject", "a condition S3"))]).await;
    let put = aws.write("s3:PutObject", || aws.s3.put_object().bucket("bucket").key("key").send()).await;
    assert!(matches!(&put, Err(Error::Failed(refusal)) if refusal.code == "NotImplemented"), "{put:?}");
    assert_eq!(aws.tally().requests(), 1);
}

async fn tables(book: &Book) {
    let key = |name: &str| KeyAttribute { name: name.to_owned(), kind: "S".to_owned() };
    let projected = Projected { projection: "ALL".to_owned(), include: BTreeSet::new() };
    let index = Index { partition_key: [key("TRID")].into_iter().collect(), sort_key: Keys::default(), projected };
    let declared = Table {
        name: "table".to_owned(),
        billing_mode: "PAY_PER_REQUEST".to_owned(),
        partition_key: key("TID"),
        sort_key: None,
        indexes: [("TransactionRecordID".to_owned(), index)].into(),
        local_indexes: BTreeMap::new(),
        time_to_live: Some("expire_at".to_owned()).into(),
        point_in_time_recovery: true,
        deletion_protection: None,
        restore_days: None,
        max_read_units: None,
        max_write_units: None,
        class: "STANDARD".to_owned(),
        tags: Tags::default().with("TagKey1", "TagValue1").with("TagKey2", "TagValue2"),
    };
    let answers = |mut table: Value| {
        table["TableName"] = json!("table");
        vec![
            ("dynamodb:DescribeTable", rest(&json!({ "Table": table }))),
            (
                "dynamodb:DescribeTimeToLive",
                rest(&json!({ "TimeToLiveDescription": book.shape("dynamodb", "DescribeTimeToLive", "enabled") })),
            ),
            (
                "dynamodb:DescribeContinuousBackups",
                rest(&json!({ "ContinuousBackupsDescription": book.shape("dynamodb", "UpdateContinuousBackups", "answer") })),
            ),
            ("dynamodb:ListTagsOfResource", rest(&book.shape("dynamodb", "ListTagsOfResource", "tags"))),
            ("dynamodb:DeleteTable", rest(&json!({ "TableDescription": book.shape("dynamodb", "DeleteTable", "answer") }))),
        ]
    };
    for (operation, situation) in [("DescribeTable", "on demand with an index"), ("CreateTable", "on demand with an index")] {
        let (_canned, aws) = answering(answers(book.shape("dynamodb", operation, situation))).await;
        assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "", "{operation}");
    }
    let (_canned, aws) = answering(answers(book.shape("dynamodb", "DescribeTable", "provisioned from birth"))).await;
    let provisioned =
        Table { billing_mode: "PROVISIONED".to_owned(), partition_key: key("id"), indexes: BTreeMap::new(), ..declared.clone() };
    assert_eq!(differs(provisioned.observe(&aws, ReadFrom::Service).await.unwrap(), &provisioned), "");
    // AWS accepts the deletion, and takes a while; a table that does not exist is deleted.
    let output = TableOutput { arn: "arn".to_owned() };
    assert!(matches!(declared.delete(&aws, &output).await, Ok(DeleteOutcome::Accepted(_))));
    let gone = vec![("dynamodb:DeleteTable", error("dynamodb", "DeleteTable", "none"))];
    let (_canned, aws) = answering(gone).await;
    assert!(matches!(declared.delete(&aws, &output).await, Ok(DeleteOutcome::Deleted)));
    // Neither waiting nor a write makes a table with an unusable key usable.
    let mut table = book.shape("dynamodb", "DescribeTable", "on demand with an index");
    table["TableStatus"] = json!("INACCESSIBLE_ENCRYPTION_CREDENTIALS");
    let (_canned, aws) = answering(answers(table)).await;
    let live = declared.observe(&aws, ReadFrom::Service).await.unwrap().unwrap();
    assert!(live.busy.is_none() && live.failed.as_ref().is_some_and(|refusal| refusal.message.contains("KMS key")), "{:?}", live.failed);
    let written = declared.update(&aws, &live, &Changes::default()).await;
    assert!(matches!(&written, Err(Error::Failed(refusal)) if refusal.code == "INACCESSIBLE_ENCRYPTION_CREDENTIALS"), "{written:?}");
}

/// Appends a value as CBOR.
fn cbor(value: &Value, out: &mut Vec<u8>) {
    let head = |out: &mut Vec<u8>, kind: u8, length: usize| {
        out.push(kind << 5 | 0x1a);
        out.extend(u32::try_from(length).unwrap().to_be_bytes());
    };
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(true) => out.push(0xf5),
        Value::Bool(false) => out.push(0xf4),
        Value::Number(number) if number.is_u64() => head(out, 0, usize::try_from(number.as_u64().unwrap()).unwrap()),
        Value::Number(number) => {
            out.push(0xfb);
            out.extend(number.as_f64().unwrap().to_be_bytes());
        }
        Value::String(text) => {
            head(out, 3, text.len());
            out.extend(text.as_bytes());
        }
        Value::Array(items) => {
            head(out, 4, items.len());
            for item in items {
                cbor(item, out);
            }
        }
        Value::Object(map) => {
            head(out, 5, map.len());
            for (key, value) in map {
                cbor(&json!(key), out);
                cbor(value, out);
            }
        }
    }
}

fn rpc(shape: &Value) -> Response {
    let mut body = Vec::new();
    cbor(shape, &mut body);
    Response::new(200, "application/cbor", body).with("smithy-protocol", "rpc-v2-cbor")
}

async fn logs_and_alarms(book: &Book) {
    let groups = json!({ "logGroups": [book.shape("logs", "DescribeLogGroups", "no retention")] });
    let tags_of_group = rest(&book.shape("logs", "ListTagsForResource", "tags of the creation"));
    let (_canned, aws) = answering(vec![("logs:DescribeLogGroups", rest(&groups)), ("logs:ListTagsForResource", tags_of_group)]).await;
    let declared = LogGroup {
        name: "log-group-name".to_owned().into(),
        family: "log-group".to_owned(),
        retention_days: None,
        tags: Tags::default().with("env", "testing"),
    };
    assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "");

    let declared = |shape: &Value, missing_data: &str| Alarm {
        name: "alarm-name".to_owned(),
        family: "alarm".to_owned(),
        description: shape["AlarmDescription"].as_str().unwrap().to_owned(),
        namespace: "namespace".to_owned(),
        metric: shape["MetricName"].as_str().unwrap().to_owned(),
        dimensions: shape["Dimensions"].as_array().into_iter().flatten().map(|_| ("InstanceId".to_owned(), "abc".to_owned())).collect(),
        statistic: shape["Statistic"].as_str().unwrap().to_owned(),
        period: i32::try_from(shape["Period"].as_i64().unwrap()).unwrap(),
        evaluation_periods: 1,
        threshold: shape["Threshold"].as_f64().unwrap(),
        comparison: "GreaterThanThreshold".to_owned(),
        missing_data: missing_data.to_owned(),
        actions: vec![shape["AlarmActions"][0].as_str().unwrap().to_owned()],
        actions_enabled: true,
        tags: Tags::default(),
    };
    let no_tags = book.shape("cloudwatch", "ListTagsForResource", "no tags");
    for (situation, missing_data) in [("CBOR", "missing"), ("TreatMissingData as sent", "ignore")] {
        let shape = book.shape("cloudwatch", "DescribeAlarms", situation);
        let answers = vec![
            ("cloudwatch:DescribeAlarms", rpc(&json!({ "MetricAlarms": [shape], "CompositeAlarms": [] }))),
            ("cloudwatch:ListTagsForResource", rpc(&no_tags)),
        ];
        let (_canned, aws) = answering(answers).await;
        let declared = declared(&shape, missing_data);
        assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "", "{situation}");
    }
    let none = book.shape("cloudwatch", "DescribeAlarms", "after DeleteAlarms");
    let (_canned, aws) = answering(vec![("cloudwatch:DescribeAlarms", rpc(&none))]).await;
    let shape = book.shape("cloudwatch", "DescribeAlarms", "TreatMissingData as sent");
    assert!(declared(&shape, "ignore").observe(&aws, ReadFrom::Service).await.unwrap().is_none());

    // The last page of the tagging service has an empty token.
    let mut page = book.shape("tagging", "GetResources", "last page");
    page["ResourceTagMappingList"][0]["Tags"] = json!([{ "Key": STACK, "Value": STACK_NAME }]);
    let (_canned, aws) = answering(vec![("tag:GetResources", rest(&page))]).await;
    aws.trust_reports();
    let reported = aws.reported_tags("ARN").await.unwrap();
    assert_eq!((reported.get(STACK), aws.owner(&reported)), (Some(STACK_NAME), Owner::Reported));
    assert_eq!(aws.tally().requests(), 1);
}

async fn roles(book: &Book) {
    let mut shape = book.shape("iam", "GetRole", "MaxSessionDuration");
    let document = shape["AssumeRolePolicyDocument"].to_string();
    let encoded = percent_encoding::utf8_percent_encode(&document, percent_encoding::NON_ALPHANUMERIC).to_string();
    shape["AssumeRolePolicyDocument"] = json!(encoded);
    shape["Path"] = json!("/path/");
    let mut listed = book.shape("iam", "ListRoles", "IsTruncated false");
    (listed["Roles"][0]["Path"], listed["Roles"][0]["RoleName"]) = (json!("/path/"), json!("role-name"));
    listed["Roles"][0]["AssumeRolePolicyDocument"] = json!(encoded);
    let role = listed["Roles"][0].as_object().unwrap().iter().map(|(key, value)| xml(key, value)).collect::<String>();
    let listed = format!(
        "<ListRolesResponse><ListRolesResult><IsTruncated>false</IsTruncated><Roles><member>{role}</member></Roles>\
         </ListRolesResult></ListRolesResponse>"
    );
    let got = format!("<GetRoleResponse><GetRoleResult>{}</GetRoleResult></GetRoleResponse>", xml("Role", &shape));
    let answers = vec![("iam:GetRole", Response::new(200, "text/xml", got)), ("iam:ListRoles", Response::new(200, "text/xml", listed))];
    let (_canned, aws) = answering(answers).await;
    let trust = liveinsight::aws::Policy::parse(&document);
    let (name, path, tags) = ("role-name".to_owned(), "/path/".to_owned(), Tags::default());
    let declared =
        Role { name, path, trust, permissions_boundary: None, others: RoleOthers::default(), policy: String::new(), tags, among: 0 };
    assert_eq!(differs(declared.observe(&aws, ReadFrom::Service).await.unwrap(), &declared), "");
    assert_eq!(declared.locate(&aws).await.unwrap().map(|output| output.name).as_deref(), Some("role-name"));
}

#[tokio::test]
async fn an_update_that_replaces_everything_sends_back_what_nobody_declares() {
    let book = Book::default();
    logging_of_a_function(&book).await;
    encryption_of_a_bucket(&book).await;
    actions_of_an_alarm(&book).await;
    answers_of_a_mock(&book).await;
}

/// Tests a function with a log format and level that were set by hand.
async fn logging_of_a_function(book: &Book) {
    let mut configuration = book.shape("lambda", "GetFunction", "a moment later");
    configuration["LoggingConfig"] = json!({ "LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "LogGroup": "old" });
    let get = rest(&json!({ "Configuration": configuration, "Tags": { STACK: STACK_NAME } }));
    let answers = vec![("lambda:GetFunction", get), ("lambda:UpdateFunctionConfiguration", rest(&configuration))];
    let (_canned, aws, asked) = watching(answers).await;
    let declared = |memory, log_group: &str, log_format: &str| Function {
        name: "function-name".to_owned(),
        role: String::new().into(),
        runtime: "python3.12".to_owned(),
        handler: "handler.handler".to_owned(),
        architecture: Some("x86_64".to_owned()),
        memory,
        timeout: 5,
        concurrency: None,
        environment: BTreeMap::new(),
        log_group: log_group.to_owned().into(),
        settings: FunctionSettings { log_format: log_format.to_owned(), ..FunctionSettings::default() },
        others: FunctionOthers::default(),
        code_sha256: Some("code-sha256".to_owned()),
        code: None,
        tags: tags(),
    };
    let sent = || serde_json::from_str::<Value>(&body_of(&asked, "lambda:UpdateFunctionConfiguration")).unwrap();
    update(&aws, &declared(512, "old", "JSON")).await;
    assert_eq!(sent()["LoggingConfig"], Value::Null);
    update(&aws, &declared(256, "new", "JSON")).await;
    assert_eq!(sent()["LoggingConfig"], json!({ "LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "LogGroup": "new" }));
    update(&aws, &declared(256, "old", "Text")).await;
    assert_eq!(sent()["LoggingConfig"], json!({ "LogFormat": "Text", "LogGroup": "old" }), "levels are for JSON only");
}

/// Tests a bucket with a bucket key that was set by hand.
async fn encryption_of_a_bucket(book: &Book) {
    let rule = json!({ "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms" }, "BucketKeyEnabled": true });
    let answers = vec![
        ("s3:GetBucketVersioning", s3(&json!({ "VersioningConfiguration": {} }))),
        ("s3:GetBucketTagging", s3(&json!({ "Tagging": { "TagSet": [] } }))),
        ("s3:GetBucketEncryption", s3(&json!({ "ServerSideEncryptionConfiguration": { "Rules": [rule] } }))),
        ("s3:GetBucketOwnershipControls", s3(&book.shape("s3", "GetBucketOwnershipControls", "new bucket"))),
        ("s3:PutBucketEncryption", Response::new(200, "application/xml", "")),
    ];
    let (_canned, aws, asked) = watching(answers).await;
    let bucket = Bucket {
        name: "bucket".to_owned(),
        versioning: false,
        encryption: "AES256".to_owned(),
        object_ownership: "BucketOwnerEnforced".to_owned(),
        site: None,
        files: BTreeMap::new(),
        tags: Tags::default(),
    };
    Box::pin(update(&aws, &bucket)).await;
    let sent = body_of(&asked, "s3:PutBucketEncryption");
    assert!(sent.contains("<SSEAlgorithm>AES256</SSEAlgorithm>") && sent.contains("<BucketKeyEnabled>true</BucketKeyEnabled>"), "{sent}");
}

/// Tests an alarm with other actions, and a number of periods to breach, that were set by hand.
async fn actions_of_an_alarm(book: &Book) {
    let mut shape = book.shape("cloudwatch", "DescribeAlarms", "TreatMissingData as sent");
    (shape["InsufficientDataActions"], shape["DatapointsToAlarm"]) = (json!(["arn:aws:sns:us-east-1:111111111111:silent"]), json!(1));
    let answers = vec![
        ("cloudwatch:DescribeAlarms", rpc(&json!({ "MetricAlarms": [shape] }))),
        ("cloudwatch:ListTagsForResource", rpc(&json!({ "Tags": [] }))),
        ("cloudwatch:PutMetricAlarm", rpc(&json!({}))),
    ];
    let (_canned, aws, asked) = watching(answers).await;
    let alarm = Alarm {
        name: "alarm-name".to_owned(),
        family: "alarm".to_owned(),
        description: "other words".to_owned(),
        namespace: "namespace".to_owned(),
        metric: "my-metric1".to_owned(),
        dimensions: BTreeMap::new(),
        statistic: "Average".to_owned(),
        period: 10,
        evaluation_periods: 1,
        threshold: 21.0,
        comparison: "GreaterThanThreshold".to_owned(),
        missing_data: "ignore".to_owned(),
        actions: Vec::new(),
        actions_enabled: true,
        tags: Tags::default(),
    };
    update(&aws, &alarm).await;
    let sent = body_of(&asked, "cloudwatch:PutMetricAlarm");
    let ok_action = shape["OKActions"][0].as_str().unwrap();
    for part in [ok_action, "arn:aws:sns:us-east-1:111111111111:silent", "DatapointsToAlarm", "Seconds"] {
        assert!(sent.contains(part), "{part} is not in {sent}");
    }
}

/// Tests a mock with body conversions and models that were set by hand.
async fn answers_of_a_mock(book: &Book) {
    let mut mock = book.shape("apigateway", "GetMethod", "mock preflight");
    mock["methodIntegration"]["integrationResponses"]["200"]["contentHandling"] = json!("CONVERT_TO_TEXT");
    mock["methodResponses"]["200"]["responseModels"] = json!({ "application/json": "Empty" });
    let answers = vec![
        ("apigateway:GetResources", rest(&json!({ "item": [{ "id": "r", "path": "/r", "resourceMethods": { "OPTIONS": mock } }] }))),
        ("apigateway:PutIntegrationResponse", rest(&json!({}))),
        ("apigateway:DeleteMethodResponse", Response::new(204, "application/json", "")),
        ("apigateway:PutMethodResponse", rest(&json!({}))),
    ];
    let (_canned, aws, asked) = watching(answers).await;
    let key = MethodKey { api: "a".to_owned(), resource: "r".to_owned(), http_method: "OPTIONS".to_owned() };
    let answer = ApiIntegrationResponse {
        integration: key.clone().into(),
        response: String::new().into(),
        status: "200".to_owned(),
        title: "OPTIONS /r 200".to_owned(),
        selection_pattern: String::new(),
        response_parameters: BTreeMap::new(),
        response_templates: BTreeMap::new(),
    };
    update(&aws, &answer).await;
    let sent = body_of(&asked, "apigateway:PutIntegrationResponse");
    assert!(sent.contains(r#""contentHandling":"CONVERT_TO_TEXT""#), "{sent}");
    let response = ApiMethodResponse {
        method: key.into(),
        route: "OPTIONS /r".to_owned(),
        status: "200".to_owned(),
        response_parameters: BTreeMap::new(),
    };
    update(&aws, &response).await;
    let sent = body_of(&asked, "apigateway:PutMethodResponse");
    assert!(sent.contains(r#""responseModels":{"application/json":"Empty"}"#), "{sent}");
}
