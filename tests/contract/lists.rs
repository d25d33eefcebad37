//! Every list that the program reads, against a service that ends lists in every way that services do, or never.

use futures::future::{FutureExt, LocalBoxFuture};
use liveinsight::{
    account::simulate,
    aws::{Aws, Connection, MAX_PAGES, Policy, Tags, Target},
    cost::{Inventory, Series, samples, series},
    engine::{Changes, Error, Id, ReadFrom, Resource, Result, State, Step},
    logs::{Source, Tail},
    release, resources as kinds,
    stack::{Content, Stack, declare},
    trail::{Subject, authors, subjects},
};
use regex::Regex;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use strict_aws::{Operation, Request, Response};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use walkdir::WalkDir;

/// Limit of pages in these tests.
const LIMIT: usize = 12;

/// Way in which a service ends a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Without a token.
    Missing,
    /// With an empty token, as AWS's published answer of `ListFunctions`.
    Empty,
    /// Never: with the token that was just followed.
    Repeated,
    /// With two tokens in turns.
    Circle,
    /// With a token beside `IsTruncated: false`.
    NotTruncated,
    /// Behind an empty page with a token.
    BehindEmptyPage,
    /// Never: each page has a new token.
    Never,
}

/// Continuation of one page.
struct More {
    token: Option<String>,
    truncated: bool,
}

impl End {
    /// Returns the continuation that the answer with this number (from 1) names.
    fn more(self, number: usize) -> More {
        let token = |token: &str| Some(token.to_owned());
        match self {
            Self::Empty => More { token: token(""), truncated: true },
            Self::Repeated => More { token: token("same"), truncated: true },
            Self::Circle => More { token: token(["a", "b"][number % 2]), truncated: true },
            Self::NotTruncated => More { token: token("more"), truncated: false },
            Self::BehindEmptyPage if number == 1 => More { token: token("next"), truncated: true },
            Self::Missing | Self::BehindEmptyPage => More { token: None, truncated: false },
            Self::Never => More { token: Some(format!("t{number}")), truncated: true },
        }
    }
}

/// Form of a page on the wire.
#[derive(Clone, Copy)]
enum Form {
    /// A JSON object: the names of the list and of the token.
    Json(&'static str, &'static str),
    /// A CBOR map: the names of the list and of the token.
    Cbor(&'static str, &'static str),
    /// An XML document: the elements around, from outside in, and that of the token.
    Xml(&'static [&'static str], &'static str),
    /// List in XML without a flag for whether more follows.
    BareXml(&'static [&'static str], &'static str),
}

impl Form {
    /// Returns `true` if pages have a flag for whether more follows.
    fn has_flag(self) -> bool {
        matches!(self, Self::Xml(..))
    }

    fn page(self, more: &More) -> Response {
        match self {
            Self::Json(list, token) => {
                let mut page = serde_json::json!({ list: [] });
                if let Some(value) = &more.token {
                    page[token] = value.clone().into();
                }
                Response::new(200, "application/x-amz-json-1.1", page.to_string())
            }
            Self::Cbor(list, token) => {
                // A map of one or two entries, the first an empty array.
                let mut body = vec![0xa1 + u8::from(more.token.is_some())];
                push_cbor(&mut body, list);
                body.push(0x80);
                if let Some(value) = &more.token {
                    push_cbor(&mut body, token);
                    push_cbor(&mut body, value);
                }
                Response::new(200, "application/cbor", body).with("smithy-protocol", "rpc-v2-cbor")
            }
            Self::Xml(around, token) | Self::BareXml(around, token) => {
                let value = more.token.as_ref().map(|value| format!("<{token}>{value}</{token}>")).unwrap_or_default();
                let flag = if self.has_flag() { format!("<IsTruncated>{}</IsTruncated>", more.truncated) } else { String::new() };
                let inner = format!("{flag}<MaxItems>1</MaxItems><Quantity>0</Quantity>{value}");
                let page = around.iter().rev().fold(inner, |inner, element| format!("<{element}>{inner}</{element}>"));
                Response::new(200, "text/xml", page)
            }
        }
    }
}

fn push_cbor(body: &mut Vec<u8>, text: &str) {
    body.extend([0x78, u8::try_from(text.len()).unwrap()]);
    body.extend(text.as_bytes());
}

/// A list of a service, with a function that reads it.
struct List {
    operation: &'static str,
    form: Form,
    /// Answers to the other calls on the way: status and JSON or XML.
    others: &'static [(&'static str, u16, &'static str)],
    read: fn(&Aws) -> LocalBoxFuture<'_, Result<()>>,
    /// Number of times that the list is read.
    times: usize,
    never: Never,
}

/// Expected behaviour against a service that never ends the list.
#[derive(Clone, Copy, PartialEq)]
enum Never {
    /// An error that names the operation, after this number of pages.
    Error(usize),
    /// No error: the caller continues without the answer, which only saves calls.
    DoneWithout,
    /// No error, because the caller reads only this number of pages.
    Enough(usize),
}

impl Default for Never {
    fn default() -> Self {
        Self::Error(LIMIT)
    }
}

const API: &str =
    r#"{"item":[{"id":"a","name":"api","rootResourceId":"r","tags":{"liveinsight:stack":"lists/test","liveinsight:region":"us-east-1"}}]}"#;
const NO_POLICIES: &str = "<ListRolePoliciesResponse><ListRolePoliciesResult><IsTruncated>false</IsTruncated></ListRolePoliciesResult></ListRolePoliciesResponse>";
const NO_ATTACHED: &str = "<ListAttachedRolePoliciesResponse><ListAttachedRolePoliciesResult/></ListAttachedRolePoliciesResponse>";
const CONFLICT: &str = "<ErrorResponse><Error><Code>DeleteConflict</Code><Message>policies</Message></Error></ErrorResponse>";

/// Returns every list that the program reads.
#[expect(clippy::too_many_lines, reason = "a table")]
fn lists() -> Vec<List> {
    let list = |operation, form, read| List { operation, form, others: &[], read, times: 1, never: Never::default() };
    let behind = |list: List, others| List { others, ..list };
    let api = |list| behind(list, &[("apigateway:GetRestApis", 200, API), ("apigateway:GetStages", 200, r#"{"item":[]}"#)]);
    let iam = |operation, around, read| list(operation, Form::Xml(around, "Marker"), read);
    vec![
        list("dynamodb:ListTables", Form::Json("TableNames", "LastEvaluatedTableName"), |aws| {
            async { kinds::Table::sweep(aws, |_| None).await.map(drop) }.boxed_local()
        }),
        list("dynamodb:ListTables", Form::Json("TableNames", "LastEvaluatedTableName"), |aws| quota(aws, "tables")),
        behind(
            list("dynamodb:ListTagsOfResource", Form::Json("Tags", "NextToken"), |aws| {
                async { table().find(aws).await.map(drop) }.boxed_local()
            }),
            &[("dynamodb:DescribeTable", 200, r#"{"Table":{"TableName":"t","TableStatus":"ACTIVE"}}"#)],
        ),
        list("apigateway:GetRestApis", Form::Json("item", "position"), |aws| {
            async { kinds::RestApi::id(aws, "api").await.map(drop) }.boxed_local()
        }),
        list("apigateway:GetRestApis", Form::Json("item", "position"), |aws| quota(aws, "REST APIs")),
        api(list("apigateway:GetResources", Form::Json("item", "position"), |aws| {
            async { kinds::ApiResource::sweep(aws, &api_id(), "api").await.map(drop) }.boxed_local()
        })),
        api(list("apigateway:GetDeployments", Form::Json("item", "position"), |aws| {
            async { kinds::ApiDeployment::sweep(aws, &api_id(), "api", "0", "dev").await.map(drop) }.boxed_local()
        })),
        list("apigateway:GetAuthorizers", Form::Json("item", "position"), |aws| {
            async { authorizer().observe(aws, ReadFrom::Service).await.map(drop) }.boxed_local()
        }),
        behind(
            list("apigateway:GetGatewayResponses", Form::Json("item", "position"), |aws| {
                async { rest_api().observe(aws, ReadFrom::Service).await.map(drop) }.boxed_local()
            }),
            &[("apigateway:GetRestApis", 200, API), ("apigateway:GetTags", 200, r#"{"tags":{"a":"b"}}"#)],
        ),
        list("cloudfront:ListDistributions", Form::Xml(&["DistributionList"], "NextMarker"), |aws| {
            async { kinds::list_distributions(aws, None).await.map(drop) }.boxed_local()
        }),
        list("cloudfront:ListDistributions", Form::Xml(&["DistributionList"], "NextMarker"), |aws| quota(aws, "distributions")),
        list("cloudfront:ListOriginAccessControls", Form::Xml(&["OriginAccessControlList"], "NextMarker"), |aws| {
            async { kinds::OriginAccessControl::sweep(aws, "o".to_owned(), "o").await.map(drop) }.boxed_local()
        }),
        list("cloudfront:ListOriginAccessControls", Form::Xml(&["OriginAccessControlList"], "NextMarker"), |aws| {
            quota(aws, "origin access controls")
        }),
        list("cloudfront:ListResponseHeadersPolicies", Form::BareXml(&["ResponseHeadersPolicyList"], "NextMarker"), |aws| {
            async { kinds::ResponseHeadersPolicy::sweep(aws, "o".to_owned(), "o").await.map(drop) }.boxed_local()
        }),
        list("cloudfront:ListResponseHeadersPolicies", Form::BareXml(&["ResponseHeadersPolicyList"], "NextMarker"), |aws| {
            quota(aws, "response headers policies")
        }),
        list("cloudwatch:DescribeAlarms", Form::Cbor("MetricAlarms", "NextToken"), |aws| {
            async { kinds::Alarm::sweep(aws, "a".to_owned(), |_| None).await.map(drop) }.boxed_local()
        }),
        list("cloudwatch:DescribeAlarms", Form::Cbor("MetricAlarms", "NextToken"), |aws| quota(aws, "alarms")),
        list("cloudwatch:GetMetricData", Form::Cbor("MetricDataResults", "NextToken"), |aws| {
            async { samples(aws, series_of_a_table(&aws.target), 1.7e9).await.map(drop) }.boxed_local()
        }),
        list("lambda:ListFunctions", Form::Json("Functions", "NextMarker"), |aws| {
            async { kinds::Function::sweep(aws, |_| None).await.map(drop) }.boxed_local()
        }),
        behind(
            list("lambda:ListFunctionUrlConfigs", Form::Json("FunctionUrlConfigs", "NextMarker"), |aws| {
                async { kinds::FunctionOthers::on(aws, "f", None).await.map(drop) }.boxed_local()
            }),
            &[("lambda:GetPolicy", 200, "{}")],
        ),
        list("lambda:ListVersionsByFunction", Form::Json("Versions", "NextMarker"), |aws| {
            async { kinds::published_versions(aws, "f").await.map(drop) }.boxed_local()
        }),
        list("logs:DescribeLogGroups", Form::Json("logGroups", "nextToken"), |aws| {
            async { kinds::LogGroup::sweep(aws, "/aws/lambda/f".to_owned(), |_| None).await.map(drop) }.boxed_local()
        }),
        List {
            never: Never::Error(MAX_PAGES),
            ..list("logs:FilterLogEvents", Form::Json("events", "nextToken"), |aws| {
                let source = Source { name: "f".to_owned(), group: "/aws/lambda/f".to_owned() };
                async { Tail::new(0).round(aws, &[source]).await.map(drop) }.boxed_local()
            })
        },
        iam("iam:ListRoles", &["ListRolesResponse", "ListRolesResult"], |aws| {
            async { kinds::Role::sweep(aws, "/lists/test/".to_owned(), |_| None).await.map(drop) }.boxed_local()
        }),
        behind(
            iam("iam:ListAttachedRolePolicies", &["ListAttachedRolePoliciesResponse", "ListAttachedRolePoliciesResult"], |aws| {
                delete_role(aws).boxed_local()
            }),
            &[("iam:DeleteRole", 409, CONFLICT), ("iam:ListRolePolicies", 200, NO_POLICIES)],
        ),
        behind(
            iam("iam:ListRolePolicies", &["ListRolePoliciesResponse", "ListRolePoliciesResult"], |aws| delete_role(aws).boxed_local()),
            &[("iam:DeleteRole", 409, CONFLICT), ("iam:ListAttachedRolePolicies", 200, NO_ATTACHED)],
        ),
        List {
            never: Never::DoneWithout,
            ..iam(
                "iam:GetAccountAuthorizationDetails",
                &["GetAccountAuthorizationDetailsResponse", "GetAccountAuthorizationDetailsResult"],
                |aws| {
                    aws.trust_reports();
                    async { aws.reported_role("r", usize::MAX).await.map_or(Ok(()), |_| Ok(())) }.boxed_local()
                },
            )
        },
        iam("iam:SimulatePrincipalPolicy", &["SimulatePrincipalPolicyResponse", "SimulatePrincipalPolicyResult"], |aws| {
            async { simulate(aws, "arn:aws:iam::000000000000:user/u", &[serde_json::json!({})]).await.map(drop) }.boxed_local()
        }),
        List {
            never: Never::DoneWithout,
            ..list("tag:GetResources", Form::Json("ResourceTagMappingList", "PaginationToken"), |aws| {
                aws.trust_reports();
                async { aws.reported_tags("arn").await.map_or(Ok(()), |_| Ok(())) }.boxed_local()
            })
        },
        list("s3:ListObjectsV2", Form::Xml(&["ListBucketResult"], "NextContinuationToken"), |aws| {
            async { kinds::list_releases(aws, "b").await.map(drop) }.boxed_local()
        }),
        list("s3:ListObjectVersions", Form::Xml(&["ListVersionsResult"], "NextKeyMarker"), |aws| {
            async { release::list(aws, "b").await.map(drop) }.boxed_local()
        }),
        behind(
            list("s3:ListMultipartUploads", Form::Xml(&["ListMultipartUploadsResult"], "NextKeyMarker"), |aws| {
                delete_bucket(aws).boxed_local()
            }),
            &[("s3:ListObjectVersions", 200, "<ListVersionsResult/>"), ("s3:DeleteBucket", 204, "")],
        ),
        List {
            // Searched by name and by service, three pages of newest events each.
            times: 2,
            never: Never::Enough(6),
            ..list("cloudtrail:LookupEvents", Form::Json("Events", "NextToken"), |aws| {
                async { authors(aws, &subjects_of_a_missing_table()).await.trouble.map_or(Ok(()), Err) }.boxed_local()
            })
        },
    ]
}

fn quota<'a>(aws: &'a Aws, name: &'static str) -> LocalBoxFuture<'a, Result<()>> {
    async move { kinds::quotas(aws).await.into_iter().find(|(what, _)| *what == name).unwrap().1.map(drop) }.boxed_local()
}

fn table() -> kinds::Table {
    let key = kinds::KeyAttribute { name: "k".to_owned(), kind: "S".to_owned() };
    kinds::Table {
        name: "t".to_owned(),
        billing_mode: "PAY_PER_REQUEST".to_owned(),
        partition_key: key,
        sort_key: None,
        indexes: BTreeMap::new(),
        local_indexes: BTreeMap::new(),
        time_to_live: None.into(),
        point_in_time_recovery: false,
        deletion_protection: None,
        restore_days: None,
        max_read_units: None,
        max_write_units: None,
        class: "STANDARD".to_owned(),
        tags: Tags::default(),
    }
}

fn authorizer() -> kinds::ApiAuthorizer {
    kinds::ApiAuthorizer {
        api: "a".to_owned().into(),
        name: "staff".to_owned(),
        kind: "TOKEN".to_owned(),
        uri: None,
        user_pools: BTreeSet::new(),
        identity_sources: Vec::new(),
        cache_seconds: None,
    }
}

fn rest_api() -> kinds::RestApi {
    kinds::RestApi {
        name: "api".to_owned(),
        description: None,
        endpoint: "REGIONAL".to_owned(),
        binary_media_types: BTreeSet::new(),
        error_origins: BTreeMap::new(),
        tags: Tags::default(),
        parts: kinds::ApiDocument::default(),
        logs: false,
        permissions_boundary: None,
    }
}

async fn delete_role(aws: &Aws) -> Result<()> {
    let name = || "r".to_owned();
    let (trust, tags) = (Policy::default(), Tags::default());
    let role = kinds::Role {
        name: name(),
        path: "/".to_owned(),
        trust,
        permissions_boundary: None,
        others: kinds::RoleOthers::default(),
        policy: String::new(),
        tags,
        among: 0,
    };
    let output = kinds::RoleOutput { name: name(), arn: String::new() };
    match role.delete(aws, &output).await {
        // The service keeps answering that policies block the deletion.
        Err(Error::NotYet { .. }) => Ok(()),
        other => other.map(drop),
    }
}

async fn delete_bucket(aws: &Aws) -> Result<()> {
    let (name, text) = ("b".to_owned(), String::new);
    let output = kinds::BucketOutput { name: name.clone(), arn: text() };
    let (site, files, tags) = (None, BTreeMap::new(), Tags::default());
    let bucket = kinds::Bucket { name, versioning: true, encryption: text(), object_ownership: text(), site, files, tags };
    bucket.delete(aws, &output).await.map(drop)
}

fn series_of_a_table(target: &Target) -> Vec<Series> {
    let text = "project: lists\nregion: us-east-1\nenvironments: { dev: {} }\ntables:\n  t: { partition_key: { name: k, type: S } }\n";
    let stack = Stack::parse(text, "stack.yaml", Path::new("."), None, None).unwrap();
    let declaration = declare(&stack, target, &Content::default());
    let there = Inventory::declared(declaration.graph.entries());
    series(declaration.graph.entries(), &stack, &there, "us-east-1")
}

fn api_id() -> Id {
    Id::new::<kinds::RestApi>("api")
}

fn subjects_of_a_missing_table() -> Vec<Subject> {
    let step = |id: Id, state| Step {
        id,
        name: "t".to_owned(),
        state,
        action: None,
        changes: Changes::default(),
        fixed: &[],
        cause: None,
        objection: None,
    };
    let steps = [step(Id::new::<kinds::Table>("t"), State::Missing), step(Id::new::<kinds::Table>("there"), State::InSync)];
    let names = || liveinsight::aws::facts::Identity { names: vec!["t".to_owned()], ..liveinsight::aws::facts::Identity::default() };
    subjects(&steps, |_| Some(names()))
}

const ACCOUNT: &str = "000000000000";

fn target() -> Target {
    Target { limits: false, ..Target::aws("aws", "us-east-1", ACCOUNT) }
}

/// Serves one list that ends in this way; returns the address, and the number of pages that were requested.
async fn serve(list: &List, end: End) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, asked) = (format!("http://{}", listener.local_addr().unwrap()), Arc::new(AtomicUsize::new(0)));
    let (operation, form, others, counted) = (list.operation, list.form, list.others, asked.clone());
    let answer = move |request: &Request| {
        let asked = Operation::of(request).unwrap_or_else(|| panic!("{} {}", request.method, request.target));
        if asked.is(operation) {
            return form.page(&end.more(counted.fetch_add(1, Ordering::SeqCst) + 1));
        }
        match others.iter().find(|(other, ..)| asked.is(other)) {
            Some((_, status, body)) => Response::new(*status, "", *body),
            None => Response::new(404, "application/json", r#"{"message":"not here"}"#).with("x-amzn-errortype", "NotFoundException"),
        }
    };
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let answer = answer.clone();
            // A broken connection is left to the client.
            tokio::spawn(async move { drop(converse(client, answer).await) });
        }
    });
    (address, asked)
}

async fn converse(client: TcpStream, answer: impl Fn(&Request) -> Response) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = BufReader::new(client);
    while let Some(request) = Request::read(&mut client).await? {
        client.write_all(&answer(&request).bytes()).await?;
    }
    Ok(())
}

/// Reads the list; returns the number of pages that it took, and the result.
async fn read(list: &List, end: End) -> (usize, Result<()>) {
    let (address, asked) = serve(list, end).await;
    let connection = Connection::endpoint("us-east-1", &address, "test", "test").await;
    let aws = liveinsight::resources::connect(&connection, target(), "lists/test".to_owned());
    aws.set_max_pages(LIMIT);
    let outcome = (list.read)(&aws).await;
    (asked.load(Ordering::SeqCst), outcome)
}

#[tokio::test]
async fn every_list_ends_where_the_service_ends_it() {
    for list in lists() {
        for (end, pages) in
            [(End::Missing, 1), (End::Empty, 1), (End::Repeated, 2), (End::Circle, 3), (End::NotTruncated, 1), (End::BehindEmptyPage, 2)]
        {
            if end == End::NotTruncated && !list.form.has_flag() {
                continue;
            }
            let (asked, outcome) = read(&list, end).await;
            assert!(outcome.is_ok(), "{} {end:?}: {outcome:?}", list.operation);
            // The empty page is the first that the service answers at all.
            let expected = if end == End::BehindEmptyPage { pages + list.times - 1 } else { pages * list.times };
            assert_eq!(asked, expected, "{} {end:?}", list.operation);
        }
    }
}

#[tokio::test]
async fn a_list_that_never_ends_is_an_error_that_names_its_operation() {
    for list in lists() {
        let (asked, outcome) = read(&list, End::Never).await;
        let expected = match list.never {
            Never::Error(pages) | Never::Enough(pages) => pages,
            Never::DoneWithout => LIMIT,
        };
        assert_eq!(asked, expected, "{}", list.operation);
        match list.never {
            Never::Error(pages) => {
                let error = outcome.unwrap_err().to_string();
                assert!(error.contains(list.operation) && error.contains(&format!("did not end after {pages} pages")), "{error}");
            }
            Never::DoneWithout | Never::Enough(_) => outcome.unwrap(),
        }
    }
}

#[tokio::test]
async fn a_bucket_whose_objects_never_end_is_an_error() {
    // Each page shows a new object, as from a service that ignores deletions.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, number) = (format!("http://{}", listener.local_addr().unwrap()), Arc::new(AtomicUsize::new(0)));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let number = number.clone();
            let answer = move |request: &Request| match Operation::of(request).unwrap().name.as_str() {
                "ListMultipartUploads" => Response::new(200, "text/xml", "<ListMultipartUploadsResult/>"),
                "ListObjectVersions" => {
                    let number = number.fetch_add(1, Ordering::SeqCst);
                    let version = format!("<Version><Key>site/{number}</Key><VersionId>1</VersionId></Version>");
                    let page = format!("<ListVersionsResult><IsTruncated>true</IsTruncated>{version}</ListVersionsResult>");
                    Response::new(200, "text/xml", page)
                }
                _ => Response::new(200, "text/xml", "<DeleteResult/>"),
            };
            tokio::spawn(async move { drop(converse(client, answer).await) });
        }
    });
    let aws = liveinsight::resources::connect(
        &Connection::endpoint("us-east-1", &address, "test", "test").await,
        target(),
        "lists/test".to_owned(),
    );
    aws.set_max_pages(LIMIT);
    let error = delete_bucket(&aws).await.unwrap_err().to_string();
    assert!(error.contains("s3:ListObjectVersions: the list did not end after 12 pages"), "{error}");
}

/// Lists that AWS returns in one answer, as its API references document: there is no token to continue with.
const WHOLE: &[&str] = &[
    "apigateway:GetStages",
    "apigateway:GetTags",
    "cloudfront:ListTagsForResource",
    "cloudwatch:ListTagsForResource",
    "lambda:GetAccountSettings",
    "lambda:GetAlias",
    "logs:ListTagsForResource",
    "dynamodb:DescribeContinuousBackups",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketTagging",
];

/// Lists that the program pages by hand, with [`Pages`](liveinsight::aws::Pages): it deletes the listed items between two pages.
const BY_HAND: &[&str] = &["s3:ListObjectVersions"];

#[test]
fn every_list_in_the_program_goes_through_the_pager() {
    let (read, paged) = (Regex::new(r#"\.read\(\s*"(\w+:\w+)""#).unwrap(), Regex::new(r#"\.pages\(\s*"(\w+:\w+)""#).unwrap());
    let by_token = Regex::new(r"into_paginator|set_\w*(marker|token|position|table_name)\([^)]*\.clone\(\)\)").unwrap();
    let tested: BTreeSet<&str> = lists().iter().map(|list| list.operation).collect();
    let mut found = BTreeSet::new();
    let files = ["src", "crates"].into_iter().flat_map(|directory| WalkDir::new(test_support::workspace().join(directory)));
    for file in files.map(Result::unwrap) {
        if file.path().extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let (text, path) = (std::fs::read_to_string(file.path()).unwrap(), file.path().display());
        for call in read.captures_iter(&text) {
            let operation = &call[1];
            let name = operation.split(':').next_back().unwrap();
            let is_list =
                name.ends_with('s') || ["List", "Filter", "Lookup", "Simulate", "Scan", "Query"].iter().any(|verb| name.starts_with(verb));
            let known = WHOLE.contains(&operation) || BY_HAND.contains(&operation);
            assert!(!is_list || known, "{path}: {operation} is a list: read it with `aws.pages`");
        }
        assert!(!by_token.is_match(&text) || text.contains("begin_pages("), "{path} follows a token by hand: use `aws.pages`");
        for call in paged.captures_iter(&text) {
            assert!(tested.contains(&call[1]), "{path}: {} has no row in `lists`", &call[1]);
            found.insert(call[1].to_owned());
        }
    }
    // `Tail` reads the lines of a log group, page by page as well.
    let by_aws: BTreeSet<&str> = tested.into_iter().filter(|operation| *operation != "logs:FilterLogEvents").collect();
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), by_aws);
}
