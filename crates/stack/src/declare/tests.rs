//! The graph of a given stack.yaml. Needs no AWS.

use super::{Content, Declaration, declare};
use crate::Stack;
use aws::Target;
use std::{collections::BTreeMap, path::Path};

const SHIPPED: &str = include_str!("../../../../stack.yaml");

fn graph(text: &str, environment: &str) -> Declaration {
    let stack = Stack::parse(text, "stack.yaml", Path::new("."), Some(environment), None).unwrap();
    declare(&stack, &Target::aws("aws", &stack.region, "123456789012"), &Content::default())
}

fn kinds(declaration: &Declaration) -> BTreeMap<&str, usize> {
    let mut kinds = BTreeMap::new();
    for entry in declaration.graph.entries() {
        *kinds.entry(entry.id.kind()).or_default() += 1;
    }
    kinds
}

/// Returns the entries of `more` that `less` lacks, and the other way round.
fn difference(less: &Declaration, more: &Declaration) -> (Vec<String>, Vec<String>) {
    let missing = |from: &Declaration, of: &Declaration| {
        let mut ids: Vec<String> =
            of.graph.entries().iter().filter(|entry| !from.graph.contains(&entry.id)).map(|entry| entry.id.to_string()).collect();
        ids.sort();
        ids
    };
    (missing(less, more), missing(more, less))
}

#[test]
fn the_shipped_stack_is_the_59() {
    for environment in ["dev", "prod"] {
        let declaration = graph(SHIPPED, environment);
        let expected = BTreeMap::from([
            ("dynamodb.table", 2),
            ("iam.role", 3),
            ("iam.role_policy", 3),
            ("lambda.function", 3),
            ("lambda.alias", 3),
            ("lambda.permission", 3),
            ("apigateway.rest_api", 1),
            ("apigateway.resource", 4),
            ("apigateway.method", 6),
            ("apigateway.integration", 6),
            ("apigateway.method_response", 3),
            ("apigateway.integration_response", 3),
            ("apigateway.deployment", 1),
            ("apigateway.stage", 1),
            ("s3.bucket", 1),
            ("s3.public_access_block", 1),
            ("s3.bucket_policy", 1),
            ("cloudfront.origin_access_control", 1),
            ("cloudfront.distribution", 1),
            ("logs.log_group", 4),
            ("cloudwatch.alarm", 8),
        ]);
        assert_eq!(kinds(&declaration), expected);
        assert_eq!(declaration.graph.entries().len(), 59);
    }
}

#[test]
fn edges_stand_only_where_aws_refuses_otherwise() {
    let declaration = graph(SHIPPED, "dev");
    let mut lines: Vec<String> = declaration
        .graph
        .entries()
        .iter()
        .map(|entry| {
            let needs: Vec<&str> = declaration.graph.needs(entry).into_iter().map(|id| id.as_str()).collect();
            format!("{} <- {}", entry.id, needs.join(", ")).trim_end_matches(" <- ").to_owned()
        })
        .collect();
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_function_with_a_route_brings_exactly_its_resources() {
    let more = SHIPPED.replace(
        "  stats-api:\n",
        "  hello:\n    source: lambdas/stats-api\n    route: GET /api/hello\n    reads: [events]\n\n  stats-api:\n",
    );
    let (added, removed) = difference(&graph(SHIPPED, "dev"), &graph(&more, "dev"));
    assert_eq!(removed, Vec::<String>::new());
    let expected = [
        "apigateway.integration/GET /api/hello",
        "apigateway.integration/OPTIONS /api/hello",
        "apigateway.integration_response/OPTIONS /api/hello 200",
        "apigateway.method/GET /api/hello",
        "apigateway.method/OPTIONS /api/hello",
        "apigateway.method_response/OPTIONS /api/hello 200",
        "apigateway.resource//api/hello",
        "iam.role/hello",
        "iam.role_policy/hello",
        "lambda.alias/hello",
        "lambda.function/hello",
        "lambda.permission/hello",
        "logs.log_group/hello",
    ];
    assert_eq!(added, expected);
}

#[test]
fn a_table_and_an_alarm_more_or_less_follow() {
    let table = SHIPPED.replace("tables:\n", "tables:\n  extra:\n    partition_key: { name: id, type: S }\n");
    assert_eq!(difference(&graph(SHIPPED, "dev"), &graph(&table, "dev")), (vec!["dynamodb.table/extra".to_owned()], vec![]));
    let line = SHIPPED.lines().find(|line| line.contains("events-write-throttles:")).unwrap();
    let fewer = SHIPPED.replace(line, "");
    assert_eq!(
        difference(&graph(SHIPPED, "dev"), &graph(&fewer, "dev")),
        (vec![], vec!["cloudwatch.alarm/events-write-throttles".to_owned()])
    );
}

#[test]
fn nothing_knows_this_one_product() {
    let other = "project: shop\nregion: eu-west-1\ntables:\n  orders: { partition_key: { name: id, type: S } }\nfunctions:\n  nightly:\n    source: lambdas/nightly\n    writes: [orders]\n";
    let declaration = graph(other, "dev");
    let ids: Vec<String> = declaration.graph.entries().iter().map(|entry| format!("{} {}", entry.id, entry.name)).collect();
    assert_eq!(
        ids,
        [
            "dynamodb.table/orders shop-orders-dev",
            "iam.role/nightly shop-nightly-dev",
            "iam.role_policy/nightly shop-nightly-dev",
            "logs.log_group/nightly /aws/lambda/shop-nightly-dev",
            "lambda.function/nightly shop-nightly-dev",
            "lambda.alias/nightly live",
        ]
    );
    assert_eq!(declaration.output_names().collect::<Vec<_>>(), ["nightly_function", "orders_table"]);
}

#[test]
fn functions_are_allowed_what_they_declare_and_nothing_by_wildcard() {
    let declaration = graph(SHIPPED, "dev");
    let of = |id: &str| {
        let entry = declaration.graph.entries().iter().find(|entry| entry.id.as_str() == id).unwrap();
        entry.desired().iter().map(|(path, field)| (path.to_owned(), field.to_string())).collect::<BTreeMap<_, _>>()
    };
    let allowed = |id: &str| {
        let lines = of(id).into_iter().filter(|(path, _)| !path.contains(".Effect") && !path.contains(".Logs."));
        lines.map(|(path, value)| format!("{path} {value}")).collect::<Vec<_>>()
    };
    let arn = |table: &str| format!(r#"["arn:aws:dynamodb:us-east-1:123456789012:table/liveinsight-{table}-dev"]"#);
    let reader = [r#"document.Query.Action ["dynamodb:Query"]"#.to_owned(), format!("document.Query.Resource {}", arn("events"))].to_vec();
    for id in ["iam.role_policy/stats-api", "iam.role_policy/realtime-api"] {
        assert_eq!(allowed(id).into_iter().filter(|line| line.starts_with("document.")).collect::<Vec<_>>(), reader, "{id}");
    }
    let collector = allowed("iam.role_policy/event-collector");
    let expected = [
        r#"document.DeleteItemKeys.Action ["dynamodb:DeleteItem"]"#.to_owned(),
        r#"document.DeleteItemKeys.Condition.ForAllValues:StringLike.dynamodb:leadingkeys ["@salt#*"]"#.to_owned(),
        format!("document.DeleteItemKeys.Resource {}", arn("events")),
        r#"document.GetItem.Action ["dynamodb:GetItem"]"#.to_owned(),
        format!("document.GetItem.Resource {}", arn("sessions")),
        r#"document.PutItemUpdateItem.Action ["dynamodb:PutItem","dynamodb:UpdateItem"]"#.to_owned(),
        format!("document.PutItemUpdateItem.Resource {}", arn("events")),
        r#"document.UpdateItem.Action ["dynamodb:UpdateItem"]"#.to_owned(),
        format!("document.UpdateItem.Resource {}", arn("sessions")),
    ];
    assert_eq!(collector.into_iter().filter(|line| line.starts_with("document.")).collect::<Vec<_>>(), expected);
    for (path, value) in ["event-collector", "realtime-api", "stats-api"].iter().flat_map(|name| of(&format!("iam.role_policy/{name}"))) {
        assert!(
            !value.contains("\"*\"") && !value.contains("CreateLogGroup") && !value.contains(":*\"") || path.ends_with("Logs.Resource"),
            "{path}: {value}"
        );
    }
}

#[test]
fn secrets_in_parameters_are_named_to_the_function_and_allowed_to_its_role_alone() {
    let with = |text: &str| {
        let text = text.replace("    route: GET /api/stats\n", "    route: GET /api/stats\n    secrets: [READ_TOKEN_SHA256]\n");
        format!("{text}\nsecrets_from: ssm\n")
            .replace("  dev: {}\n", "  dev: { functions: { stats-api: { secrets: [A_TOKEN] } } }\n  cn: { region: cn-north-1 }\n")
    };
    let stack = |environment: &str| {
        let stack = Stack::parse(&with(SHIPPED), "stack.yaml", Path::new("."), Some(environment), None).unwrap();
        let target = Target::aws(Target::partition_of(&stack.region), &stack.region, "123456789012");
        declare(&stack, &target, &Content::default())
    };
    let fields = |environment: &str, id: &str, part: &str| {
        let declaration = stack(environment);
        let entry = declaration.graph.entries().iter().find(|entry| entry.id.as_str() == id).unwrap();
        let desired = entry.desired();
        let fields = desired.iter().filter(|(path, _)| path.starts_with(part) && !path.ends_with("_TABLE"));
        fields.map(|(path, field)| format!("{} {field}", path.trim_start_matches(part))).collect::<Vec<_>>()
    };
    assert_eq!(
        fields("dev", "lambda.function/stats-api", "environment."),
        [
            r#"A_TOKEN_PARAMETER "/liveinsight/dev/A_TOKEN""#,
            r#"ENVIRONMENT "dev""#,
            "ORIGIN_VERIFY (secret)",
            r#"READ_TOKEN_SHA256_PARAMETER "/liveinsight/dev/READ_TOKEN_SHA256""#,
        ],
        "no value, and no key over values"
    );
    let arn = "arn:aws:ssm:us-east-1:123456789012:parameter/liveinsight/dev";
    assert_eq!(
        fields("dev", "iam.role_policy/stats-api", "document.Parameters."),
        [
            r#"Action ["ssm:GetParameters"]"#.to_owned(),
            r#"Effect "Allow""#.to_owned(),
            format!(r#"Resource ["{arn}/A_TOKEN","{arn}/READ_TOKEN_SHA256"]"#)
        ]
    );
    let resource = r#"Resource ["arn:aws-cn:ssm:cn-north-1:123456789012:parameter/liveinsight/cn/READ_TOKEN_SHA256"]"#;
    assert_eq!(fields("cn", "iam.role_policy/stats-api", "document.Parameters.")[2], resource);
    assert_eq!(fields("dev", "iam.role_policy/realtime-api", "document.Parameters."), Vec::<String>::new());
    let function = "project: shop\nregion: us-east-1\nfunctions: { f: { source: f, secrets: [A_TOKEN] } }\n";
    let variables = |text: &str| {
        let stack = Stack::parse(text, "stack.yaml", Path::new("."), None, None).unwrap();
        (stack.made_variable("f").map(|(name, _)| name), stack.unset_secrets().count(), stack.secrets().len())
    };
    assert_eq!(variables(function), (Some("LIVEINSIGHT_RELEASE_KEY"), 1, 1));
    assert_eq!(variables(&format!("{function}secrets_from: ssm\n")), (None, 0, 1));
}

#[test]
fn other_origins_may_read_files_and_the_api_says_itself_who_may() {
    let distribution = graph(SHIPPED, "dev").distribution.unwrap();
    let policies: BTreeMap<&str, String> =
        distribution.behaviors.iter().map(|(paths, behavior)| (paths.as_str(), behavior.headers_policy.get().unwrap())).collect();
    // AWS's CORS-and-SecurityHeadersPolicy and SecurityHeadersPolicy (CloudFront Developer Guide, managed response headers policies).
    let (with_cors, without) = ("e61eb60c-9c35-4d20-a928-2b84e02af89c", "67f7725c-6f97-4210-82d7-5512b31e9d03");
    assert_eq!(
        policies,
        BTreeMap::from([("default", with_cors), ("/api/*", without), ("/api/events", without)].map(|(paths, id)| (paths, id.to_owned())))
    );
}

#[test]
fn headers_of_the_site_are_one_more_resource_and_leave_the_api_alone() {
    let text = SHIPPED.replacen("  error_page: error.html\n", "  error_page: error.html\n  headers:\n    content-security-policy: >\n      default-src 'self';\n      frame-ancestors 'none'\n    X-Frame-Options: deny\n    Permissions-Policy: camera=()\n", 1);
    assert_ne!(text, SHIPPED);
    let (shipped, declaration) = (graph(SHIPPED, "dev"), graph(&text, "dev"));
    assert_eq!((shipped.graph.entries().len(), declaration.graph.entries().len()), (59, 60));
    let is_policy = |entry: &&engine::Entry<aws::Aws>| entry.id.as_str() == "cloudfront.response_headers_policy/static";
    let desired = declaration.graph.entries().iter().find(is_policy).unwrap().desired();
    let headers: Vec<String> = desired.iter().map(|(path, field)| format!("{path} {field}")).collect();
    assert_eq!(
        headers,
        [
            "allow_credentials false",
            r#"allow_origins ["*"]"#,
            r#"comment "liveinsight:stack=liveinsight/dev us-east-1""#,
            "give_way []",
            r#"headers.Content-Security-Policy "default-src 'self'; frame-ancestors 'none'""#,
            r#"headers.Permissions-Policy "camera=()""#,
            r#"headers.Referrer-Policy "strict-origin-when-cross-origin""#,
            r#"headers.Strict-Transport-Security "max-age=31536000""#,
            r#"headers.X-Content-Type-Options "nosniff""#,
            r#"headers.X-Frame-Options "DENY""#,
            r#"headers.X-XSS-Protection "1; mode=block""#,
            r#"name "liveinsight-static-dev""#,
        ]
    );
    let distribution = declaration.distribution.unwrap();
    assert_eq!(distribution.tags.get(resources::HEADERS_TAG), Some("liveinsight-static-dev"));
    assert_eq!(shipped.distribution.unwrap().tags.get(resources::HEADERS_TAG), None);
    assert!(distribution.behaviors["default"].headers_policy.get().is_err(), "its id is not known yet");
    for paths in ["/api/*", "/api/events"] {
        assert_eq!(distribution.behaviors[paths].headers_policy.get().unwrap(), "67f7725c-6f97-4210-82d7-5512b31e9d03");
    }
}

#[test]
fn a_table_alone_means_everything_and_operations_by_name_exactly_these() {
    let policy = |grants: &str| {
        let index = "sort_key: { name: at, type: N }, indexes: { ByDay: { partition_key: { name: day, type: S } } }, local_indexes: { ByPrice: { sort_key: { name: price, type: N } } }";
        let text = format!(
            "project: shop\nregion: us-east-1\ntables:\n  orders: {{ partition_key: {{ name: id, type: S }}, {index} }}\nfunctions:\n  f: {{ source: f, {grants} }}\n"
        );
        let declaration = graph(&text, "dev");
        let entry = declaration.graph.entries().iter().find(|entry| entry.id.as_str() == "iam.role_policy/f").unwrap();
        let desired = entry.desired();
        let fields = desired.iter().filter(|(path, _)| path.starts_with("document.") && !path.starts_with("document.Logs"));
        let fields = fields.filter(|(path, _)| !path.ends_with(".Effect"));
        fields.map(|(path, field)| format!("{} {field}", &path["document.".len()..])).collect::<Vec<_>>().join("\n")
    };
    let table = "arn:aws:dynamodb:us-east-1:123456789012:table/shop-orders-dev";
    let all = r#""dynamodb:BatchGetItem","dynamodb:ConditionCheckItem","dynamodb:GetItem","dynamodb:Query","dynamodb:Scan""#;
    assert_eq!(policy("reads: [orders]"), format!("Read.Action [{all}]\nRead.Resource [\"{table}\",\"{table}/index/*\"]"));
    let writes = r#""dynamodb:BatchWriteItem","dynamodb:DeleteItem","dynamodb:PutItem","dynamodb:UpdateItem""#;
    assert_eq!(policy("writes: [orders]"), format!("Write.Action [{writes}]\nWrite.Resource [\"{table}\"]"));
    let query = |resources: &str| format!("Query.Action [\"dynamodb:Query\"]\nQuery.Resource [{resources}]");
    assert_eq!(policy("reads: [{ orders: [Query] }]"), query(&format!("\"{table}\"")));
    let with_index = query(&format!("\"{table}\",\"{table}/index/ByDay\""));
    assert_eq!(policy("reads: [{ orders: { operations: [Query], indexes: [ByDay] } }]"), with_index);
    let with_local = query(&format!("\"{table}\",\"{table}/index/ByPrice\""));
    assert_eq!(policy("reads: [{ orders: { operations: [Query], indexes: [ByPrice] } }]"), with_local);
    // An operation that does not work on indexes is not allowed on one.
    let both = policy("reads: [{ orders: { operations: [Query, GetItem], indexes: [ByDay] } }]");
    let expected = format!(
        "GetItemQuery.Action [\"dynamodb:GetItem\",\"dynamodb:Query\"]\nGetItemQuery.Resource [\"{table}\"]\n{}",
        query(&format!("\"{table}/index/ByDay\""))
    );
    assert_eq!(both, expected);
    let keys = "writes: [{ orders: { operations: [PutItem], keys: [a*] } }, { orders: { operations: [PutItem], keys: [b*] } }]";
    let keyed = |sid: &str, key: &str| {
        let condition = format!("{sid}.Condition.ForAllValues:StringLike.dynamodb:leadingkeys [\"{key}\"]");
        format!("{sid}.Action [\"dynamodb:PutItem\"]\n{condition}\n{sid}.Resource [\"{table}\"]")
    };
    assert_eq!(policy(keys), format!("{}\n{}", keyed("PutItemKeys", "a*"), keyed("PutItemKeys2", "b*")));
}

#[test]
fn statements_in_iams_words_stand_in_the_policy_and_in_the_boundary() {
    let text = "project: shop\nregion: us-east-1\ntables:\n  orders: { partition_key: { name: id, type: S } }\nfunctions:\n  f:\n    source: f\n    \
                permissions:\n      - actions: [ses:SendEmail]\n        resources: ['arn:${partition}:ses:${region}:${account}:identity/x']\n        \
                conditions: { Bool: { 'aws:SecureTransport': true }, StringEquals: { 'ses:FromAddress': [a@x, b@x] } }\n      \
                - { actions: [dynamodb:DescribeTable], resources: ['${tables.orders.arn}'] }\n";
    let stack = Stack::parse(text, "stack.yaml", Path::new("."), None, None).unwrap();
    let target = Target::aws("aws", "us-east-1", "123456789012");
    let statement = |sid: &str, rest: serde_json::Value| {
        let mut statement = serde_json::json!({ "Sid": sid, "Effect": "Allow" });
        statement.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        statement
    };
    let expected = [
        statement(
            "Declared1",
            serde_json::json!({
                "Action": ["ses:SendEmail"],
                "Resource": ["arn:aws:ses:us-east-1:123456789012:identity/x"],
                "Condition": { "Bool": { "aws:SecureTransport": ["true"] }, "StringEquals": { "ses:FromAddress": ["a@x", "b@x"] } },
            }),
        ),
        statement(
            "Declared2",
            serde_json::json!({
                "Action": ["dynamodb:DescribeTable"],
                "Resource": ["arn:aws:dynamodb:us-east-1:123456789012:table/shop-orders-dev"],
            }),
        ),
    ];
    let any = crate::permissions_of_any_function(&stack, &target, &stack.names("123456789012"));
    assert_eq!(any[any.len() - 2..], expected);
    let declaration = graph(text, "dev");
    let policy = declaration.graph.entries().iter().find(|entry| entry.id.as_str() == "iam.role_policy/f").unwrap().desired();
    let field = |path: &str| policy.iter().find(|(at, _)| *at == format!("document.{path}")).map(|(_, field)| field.to_string());
    assert_eq!(field("Declared1.Action").as_deref(), Some(r#"["ses:SendEmail"]"#));
    assert_eq!(field("Declared2.Resource").as_deref(), Some(r#"["arn:aws:dynamodb:us-east-1:123456789012:table/shop-orders-dev"]"#));
}

#[test]
fn a_function_with_several_routes_has_one_permission_and_waits_for_the_addresses_that_it_names() {
    let hello = "  hello:\n    source: lambdas/stats-api\n    routes: [ANY /, 'ANY /{proxy+}', GET /api/hello]\n    \
                 environment: { API: '${api.url}', SITE: '${site.url}/x', TABLE: '${tables.events}' }\n\n  stats-api:\n";
    let declaration = graph(&SHIPPED.replace("  stats-api:\n", hello), "dev");
    let (added, _) = difference(&graph(SHIPPED, "dev"), &declaration);
    let of_kind = |kind: &str| added.iter().filter(|id| id.starts_with(kind)).map(|id| &id[kind.len()..]).collect::<Vec<_>>();
    let routes = ["ANY /", "ANY /{proxy+}", "GET /api/hello", "OPTIONS /", "OPTIONS /api/hello", "OPTIONS /{proxy+}"];
    assert_eq!(of_kind("apigateway.method/"), routes);
    assert_eq!(of_kind("lambda.permission/"), ["hello"]);
    let entry = |id: &str| declaration.graph.entries().iter().find(|entry| entry.id.as_str() == id).unwrap();
    let needs: Vec<&str> = declaration.graph.needs(entry("lambda.function/hello")).into_iter().map(|id| id.as_str()).collect();
    assert!(needs.contains(&"apigateway.rest_api/api") && needs.contains(&"cloudfront.distribution/static"), "{needs:?}");
    let variables = entry("lambda.function/hello").desired();
    let variable = |name: &str| variables.iter().find(|(at, _)| *at == format!("environment.{name}")).map(|(_, field)| field.to_string());
    assert_eq!(variable("TABLE").as_deref(), Some("\"liveinsight-events-dev\""));
    assert_eq!(variable("AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH").as_deref(), Some("\"true\""));
    let shipped = entry("lambda.function/stats-api").desired();
    assert!(shipped.iter().all(|(at, _)| at != "environment.AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH"), "it does not look at the path");
    // What takes every path takes data below /api/ too.
    let behaviors = declaration.distribution.unwrap().behaviors;
    assert_eq!(behaviors.keys().map(String::as_str).collect::<Vec<_>>(), ["/api/*", "/api/events", "default"]);
    assert!(behaviors["/api/*"].methods.contains("POST"));
}
