//! Requests of web pages to the local AWS: it refuses them all, except those to the product's API and pages. The tests write the bytes of
//! each request themselves, because HTTP clients do not forge hosts and origins.

use super::{Project, create_table, tables};
use aws_config::{BehaviorVersion, Region};
use aws_sdk_apigateway::types::IntegrationType;
use aws_sdk_cloudfront::types::{
    CustomOriginConfig, DefaultCacheBehavior, DistributionConfig, Origin, OriginProtocolPolicy, Origins, ViewerProtocolPolicy,
};
use aws_sdk_s3::{config::Credentials, presigning::PresigningConfig};
use liveinsight::aws::{Aws, Connection, Target};
use liveinsight::local::{ACCESS_KEY_ID, ACCOUNT_ID, LocalAws};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};
use strict_aws::{Request, Signer};

/// `Origin` header of a page on a foreign site.
const FOREIGN: (&str, &str) = ("Origin", "https://evil.example");

/// Body of a request that creates a function. The local AWS would run its program on this machine.
const FUNCTION: &str = r#"{"FunctionName":"evil","Role":"arn:aws:iam::000000000000:role/r","Runtime":"provided.al2023","Handler":"x","Code":{"ZipFile":"UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}}"#;

struct Answer {
    status: u16,
    /// Status line and headers, in lower case.
    head: String,
    body: String,
}

/// Sends a request unchanged.
fn send(aws: &LocalAws, request: &Request) -> Answer {
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    if request.header("connection").is_none() {
        text.extend(["Connection: close\r\nContent-Length: ", &request.body.len().to_string(), "\r\n"]);
    }
    let mut stream = TcpStream::connect(("127.0.0.1", aws.port)).unwrap();
    stream.write_all(format!("{text}\r\n").as_bytes()).unwrap();
    // The server may refuse the request before reading the body.
    let _ = stream.write_all(&request.body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {text}: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

/// Returns a request to the server's own address.
fn request(aws: &LocalAws, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let host = format!("127.0.0.1:{}", aws.port);
    let own = if headers.iter().any(|(name, _)| *name == "Host") { None } else { Some(("Host", &*host)) };
    let headers = own.iter().chain(headers).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Request { method: method.to_owned(), target: target.to_owned(), headers, body: body.as_bytes().to_vec() }
}

/// Returns the request that creates the function.
fn creation(aws: &LocalAws, headers: &[(&str, &str)]) -> Request {
    request(aws, "POST", "/2015-03-31/functions", headers, FUNCTION)
}

fn signer<'a>(aws: &'a LocalAws, service: &'a str) -> Signer<'a> {
    Signer { key: ACCESS_KEY_ID, secret: aws.secret_access_key.expose(), region: "us-east-1", service, time: SystemTime::now() }
}

async fn clients(aws: &LocalAws, key: &str, secret: &str) -> Aws {
    let connection = Connection::endpoint("us-east-1", &aws.endpoint, key, secret).await;
    liveinsight::resources::connect(&connection, Target::aws("aws", "us-east-1", ACCOUNT_ID), "shop/dev".to_owned())
}

async fn own_clients(aws: &LocalAws) -> Aws {
    clients(aws, ACCESS_KEY_ID, aws.secret_access_key.expose()).await
}

/// Checks that the server refuses the request with a message, that no page can read the message, and that functions and tables stay as
/// they were.
async fn refused(aws: &LocalAws, what: &str, request: &Request) {
    let answer = send(aws, request);
    assert!(matches!(answer.status, 403 | 404), "{what}: {} {}", answer.status, answer.body);
    assert!(!answer.head.contains("access-control-"), "{what}: {}", answer.head);
    assert!(request.method == "HEAD" || answer.body.split_whitespace().count() > 1, "{what}: {:?}", answer.body);
    let functions = own_clients(aws).await.lambda.list_functions().send().await.unwrap();
    assert_eq!(functions.functions().len(), 0, "{what} created a function");
    assert_eq!(tables(aws).await, ["kept"], "{what}");
}

#[tokio::test]
async fn a_page_creates_and_runs_nothing() {
    let project = Project::new();
    let aws = &project.start().await;
    create_table(aws, "kept").await;
    let json = ("Content-Type", "application/json");
    let preflight = [FOREIGN, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Private-Network", "true")];
    refused(aws, "a preflight", &request(aws, "OPTIONS", "/2015-03-31/functions", &preflight, "")).await;
    refused(aws, "a page's fetch", &creation(aws, &[FOREIGN, json])).await;
    refused(aws, "a post without preflight", &creation(aws, &[FOREIGN, ("Content-Type", "text/plain")])).await;
    refused(aws, "a page in a sandbox", &creation(aws, &[("Origin", "null"), ("Content-Type", "text/plain")])).await;
    refused(aws, "a page on another port", &creation(aws, &[("Origin", "http://localhost:3000"), json])).await;
    let form = [FOREIGN, ("Content-Type", "application/x-www-form-urlencoded")];
    refused(aws, "a form", &request(aws, "POST", "/", &form, "Action=CreateRole&RoleName=evil&AssumeRolePolicyDocument={}")).await;
    refused(aws, "neither origin nor signature", &creation(aws, &[json])).await;
    let target = ("X-Amz-Target", "DynamoDB_20120810.DeleteTable");
    refused(aws, "a deletion", &request(aws, "POST", "/", &[target], "{\"TableName\":\"kept\"}")).await;
    refused(aws, "an image", &request(aws, "GET", "/2015-03-31/functions", &[("Sec-Fetch-Site", "cross-site")], "")).await;
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ];
    assert_eq!(send(aws, &request(aws, "GET", "/_aws/execute-api/abcdef01/dev", &upgrade, "")).status, 403, "a socket");

    // The server refuses even a request signed with the key, which no page has.
    let signed = |request: Request| signer(aws, "lambda").sign(request);
    refused(aws, "a page with the key", &signed(creation(aws, &[FOREIGN, json]))).await;
    refused(aws, "a sandbox with the key", &signed(creation(aws, &[("Origin", "null"), json]))).await;
    refused(aws, "a browser with the key", &signed(creation(aws, &[("Sec-Fetch-Site", "same-site"), json]))).await;
}

#[tokio::test]
async fn a_name_that_leads_here_is_not_enough() {
    let project = Project::new();
    let aws = &project.start().await;
    create_table(aws, "kept").await;
    let port = aws.port;
    for name in
        ["rebound.example", "localhost.example", "127.0.0.1.example", "evil-localhost", "localhost.", "0.0.0.0", "d1.cloudfront.net", ""]
    {
        let host = format!("{name}:{port}");
        refused(aws, &host, &creation(aws, &[("Host", &host)])).await;
        refused(aws, &host, &signer(aws, "lambda").sign(creation(aws, &[("Host", &host)]))).await;
        refused(aws, &host, &request(aws, "GET", "/_aws/execute-api/abcdef01/dev/api/stats", &[("Host", &host)], "")).await;
    }
    let own = ["localhost", "LOCALHOST", "[::1]", "bucket.localhost", "bucket.s3.localhost"];
    for name in own {
        let host = format!("{name}:{port}");
        let list = request(aws, "GET", "/2015-03-31/functions", &[("Host", &host)], "");
        refused(aws, &host, &list).await;
        let answer = send(aws, &signer(aws, "lambda").sign(list));
        assert!(answer.status == 200 || name.starts_with("bucket"), "{host}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_signature_counts_only_as_it_was_made() {
    let project = Project::new();
    let aws = &project.start().await;
    create_table(aws, "kept").await;
    let signer = signer(aws, "lambda");
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let create = || creation(aws, &[("X-Amz-Meta", "one")]);
    refused(aws, "a wrong secret", &Signer { secret: "local", ..signer }.sign(create())).await;
    refused(aws, "an empty secret", &Signer { secret: "", ..signer }.sign(create())).await;
    refused(aws, "an old signature", &Signer { time: signer.time - minutes(16), ..signer }.sign(create())).await;
    refused(aws, "a signature to come", &Signer { time: signer.time + minutes(16), ..signer }.sign(create())).await;
    let signed = signer.sign(create());
    refused(aws, "another body", &Request { body: FUNCTION.replace("evil", "more").into_bytes(), ..signed.clone() }).await;
    refused(aws, "another path", &Request { target: "/2015-03-31/functions/".to_owned(), ..signed.clone() }).await;
    refused(aws, "another query", &Request { target: "/2015-03-31/functions?a=b".to_owned(), ..signed.clone() }).await;
    let with = |name: &str, value: &str| {
        let mut request = signed.clone();
        request.headers.retain(|(known, _)| known != name);
        request.headers.push((name.to_owned(), value.to_owned()));
        request
    };
    refused(aws, "another header", &with("X-Amz-Meta", "two")).await;
    refused(aws, "a header too many", &with("X-Amz-Target", "DynamoDB_20120810.DeleteTable")).await;
    refused(aws, "a body that nothing vouches for", &signer.sign(with("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"))).await;
    let authorization = signed.header("authorization").unwrap();
    refused(aws, "a host that is not signed", &with("Authorization", &authorization.replace("=host;", "="))).await;
    refused(aws, "two keys", &with("Authorization", &format!("{authorization}, Credential=a/b/c/d/e"))).await;
    refused(aws, "signed twice", &Request { target: format!("{}?X-Amz-Signature=0", signed.target), ..signed.clone() }).await;
    refused(aws, "an older kind", &with("Authorization", "AWS local:c2lnbmF0dXJl")).await;
    // The unmodified request is accepted.
    assert_eq!(send(aws, &signed).status, 201);
}

#[tokio::test]
async fn the_server_itself_is_closed() {
    let project = Project::new();
    let aws = &project.start().await;
    create_table(aws, "kept").await;
    let host = format!("d123.cloudfront.localhost:{}", aws.port);
    for path in ["/_ministack/reset", "/_ministack/config", "/_ministack/rds/iam-auth", "/_localstack/health", "/_aws/lambda-url/abc/"] {
        for method in ["GET", "POST", "PUT"] {
            let reset = request(aws, method, path, &[("Content-Type", "text/plain")], "{\"stepfunctions\":{}}");
            refused(aws, path, &reset).await;
            refused(aws, path, &request(aws, method, path, &[("Host", &host)], "")).await;
        }
    }
    refused(aws, "a signed reset", &signer(aws, "lambda").sign(request(aws, "POST", "/_ministack/reset", &[], ""))).await;
    refused(aws, "its state", &request(aws, "GET", "/health", &[], "")).await;
    // The host of a missing distribution gives no access to the services behind it.
    let target = ("X-Amz-Target", "DynamoDB_20120810.DeleteTable");
    refused(aws, "no distribution", &request(aws, "POST", "/", &[("Host", &host), target], "{\"TableName\":\"kept\"}")).await;
    refused(aws, "no API", &request(aws, "POST", "/_aws/execute-api/abcdef01/dev/", &[target], "{\"TableName\":\"kept\"}")).await;
    let connections = "/_aws/execute-api/abcdef01/dev/@connections/1";
    refused(aws, "an API's connections", &request(aws, "DELETE", connections, &[], "")).await;
}

/// Makes an API with one path, `/health`, which allows every origin, and a distribution in front of it. Returns the API's address and the
/// distribution's host.
async fn product(aws: &LocalAws) -> (String, String) {
    let clients = own_clients(aws).await;
    let gateway = &clients.apigateway;
    let api = gateway.create_rest_api().name("api").send().await.unwrap();
    let (id, root) = (api.id().unwrap(), api.root_resource_id().unwrap());
    let path = gateway.create_resource().rest_api_id(id).parent_id(root).path_part("health").send().await.unwrap();
    let resource = path.id().unwrap();
    let allowed = "method.response.header.Access-Control-Allow-Origin";
    for method in ["GET", "POST", "OPTIONS"] {
        gateway.put_method().rest_api_id(id).resource_id(resource).http_method(method).authorization_type("NONE").send().await.unwrap();
        let mock = gateway.put_integration().rest_api_id(id).resource_id(resource).http_method(method).r#type(IntegrationType::Mock);
        mock.request_templates("application/json", "{\"statusCode\": 200}").send().await.unwrap();
        let response = gateway.put_method_response().rest_api_id(id).resource_id(resource).http_method(method).status_code("200");
        response.response_parameters(allowed, false).send().await.unwrap();
        let response = gateway.put_integration_response().rest_api_id(id).resource_id(resource).http_method(method).status_code("200");
        let response = response.response_parameters(allowed, "'https://shop.example'");
        response.response_templates("application/json", "{\"from\": \"the API\"}").send().await.unwrap();
    }
    gateway.create_deployment().rest_api_id(id).stage_name("dev").send().await.unwrap();
    let server =
        CustomOriginConfig::builder().http_port(aws.port.into()).https_port(443).origin_protocol_policy(OriginProtocolPolicy::HttpOnly);
    let origin = Origin::builder().id("api").domain_name("localhost").origin_path(format!("/_aws/execute-api/{id}/dev"));
    let origin = origin.custom_origin_config(server.build().unwrap()).build().unwrap();
    let behavior = DefaultCacheBehavior::builder().target_origin_id("api").viewer_protocol_policy(ViewerProtocolPolicy::AllowAll);
    // The managed policy CachingDisabled ("Use managed cache policies", CloudFront Developer Guide).
    let behavior = behavior.cache_policy_id("4135ea2d-6df8-44a3-9df3-4b5a84be39ad").build().unwrap();
    let config = DistributionConfig::builder().caller_reference("web").comment("").enabled(true).default_cache_behavior(behavior);
    let config = config.origins(Origins::builder().quantity(1).items(origin).build().unwrap()).build().unwrap();
    let made = clients.cloudfront.create_distribution().distribution_config(config).send().await.unwrap();
    let site = aws.site_url(made.distribution().unwrap().domain_name());
    let host = site.trim_start_matches("http://").trim_end_matches('/').to_owned();
    (aws.api_origin_path(id, "dev"), host)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_products_api_and_pages_answer_everybody() {
    let project = Project::new();
    let aws = &project.start().await;
    let (api, host) = product(aws).await;
    let tracker = [("Origin", "https://shop.example"), ("Sec-Fetch-Site", "cross-site"), ("Content-Type", "application/json")];
    for method in ["OPTIONS", "POST", "GET"] {
        let answer = send(aws, &request(aws, method, &format!("{api}/health"), &tracker, if method == "GET" { "" } else { "{}" }));
        assert_eq!(answer.status, 200, "{method}: {}", answer.body);
        // Only the headers that the API declares.
        assert!(answer.head.contains("access-control-allow-origin: https://shop.example\r\n"), "{method}: {}", answer.head);
    }
    // The server does not take a reader's token for a signature.
    let reader = request(aws, "GET", &format!("{api}/health"), &[("Authorization", "Bearer token"), FOREIGN], "");
    assert!(send(aws, &reader).body.contains("the API"));
    // The server's own path with this name does not hide the distribution's.
    let page = send(aws, &request(aws, "GET", "/health", &[("Host", &host), FOREIGN], ""));
    assert!(page.status == 200 && page.body.contains("the API"), "{} {}", page.status, page.body);
    for path in ["/_ministack/reset", "/2015-03-31/functions", "/"] {
        let target = ("X-Amz-Target", "DynamoDB_20120810.ListTables");
        let answer = send(aws, &request(aws, "POST", path, &[("Host", &host), target], "{}"));
        assert!(answer.status >= 400 && !answer.body.contains("TableNames"), "{path}: {} {}", answer.status, answer.body);
    }
}

#[tokio::test]
async fn a_presigned_url_works_until_it_expires() {
    let project = Project::new();
    let aws = &project.start().await;
    let clients = own_clients(aws).await;
    clients.s3.create_bucket().bucket("shop-pages").send().await.unwrap();
    let put = clients.s3.put_object().bucket("shop-pages").key("a b/ü+c?.txt");
    put.body(b"hello".to_vec().into()).send().await.unwrap();
    // Presigned by another client: the program's own client names the account in a header, which a link lacks.
    let config = aws_config::defaults(BehaviorVersion::latest()).region(Region::new("us-east-1")).endpoint_url(&aws.endpoint);
    let key = Credentials::new(ACCESS_KEY_ID, aws.secret_access_key.expose(), None, None, "test");
    let config = config.credentials_provider(key).load().await;
    let s3 = aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build());
    let url = async |start: SystemTime, seconds: u64| {
        let config = PresigningConfig::builder().start_time(start).expires_in(Duration::from_secs(seconds)).build().unwrap();
        let request = s3.get_object().bucket("shop-pages").key("a b/ü+c?.txt").presigned(config).await.unwrap();
        request.uri().strip_prefix(&aws.endpoint).unwrap().to_owned()
    };
    let get = |target: &str, headers: &[(&str, &str)]| send(aws, &request(aws, "GET", target, headers, ""));
    let (now, hour) = (SystemTime::now(), Duration::from_hours(1));
    let good = url(now, 60).await;
    assert_eq!(get(&good, &[]).body, "hello");
    let followed = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")];
    assert_eq!(get(&good, &followed).body, "hello", "a link in a mail");
    assert_eq!(get(&url(now - hour, 2 * 3600).await, &[]).body, "hello");
    for bad in
        [url(now - hour, 60).await, url(now + hour, 60).await, good.replace("Expires=60", "Expires=61"), good.replace("shop-pages", "shop")]
    {
        assert_eq!(get(&bad, &[]).status, 403, "{bad}");
    }
    assert_eq!(get(&good, &[FOREIGN]).status, 403);
    assert_eq!(get(&good, &[("X-Amz-Copy-Source", "/other/key")]).status, 403);
}

#[tokio::test]
async fn keys_select_accounts_and_those_it_hands_out_work() {
    let project = Project::new();
    let aws = &project.start().await;
    create_table(aws, "kept").await;
    let secret = aws.secret_access_key.expose();
    let other = clients(aws, "111122223333", secret).await;
    assert!(other.dynamodb.list_tables().send().await.unwrap().table_names().is_empty());
    assert!(clients(aws, "111122223333", "local").await.dynamodb.list_tables().send().await.is_err());

    let iam = own_clients(aws).await.iam;
    iam.create_user().user_name("ada").send().await.unwrap();
    let made = iam.create_access_key().user_name("ada").send().await.unwrap();
    let key = made.access_key().unwrap();
    let ada = clients(aws, key.access_key_id(), key.secret_access_key()).await;
    assert_eq!(ada.dynamodb.list_tables().send().await.unwrap().table_names(), ["kept"]);
    assert!(clients(aws, key.access_key_id(), "local").await.dynamodb.list_tables().send().await.is_err());
}
