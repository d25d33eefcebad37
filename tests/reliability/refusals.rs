//! Refusals of the strict AWS that the program avoids by its knowledge of AWS. The tests prove that avoiding them is necessary.

use super::shared::{Account, Version, windows};
use aws_sdk_apigateway::types::{Op, PatchOperation};
use aws_sdk_cloudfront::types::{InvalidationBatch, OriginAccessControlConfig, Paths};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use liveinsight::aws::Aws;
use std::time::Duration;
use strict_aws::{Config, Faults, Windows};

/// Returns code and message of a refusal.
fn refusal<T: std::fmt::Debug>(result: Result<T, impl ProvideErrorMetadata>) -> (String, String) {
    let error = result.expect_err("it should have been refused");
    (error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
}

/// Creates a stack under a strict AWS with these windows.
async fn made(windows: Windows) -> (Account, Aws) {
    let account = Account::new(Config { windows: Some(windows), ..Config::default() }).await;
    account.complete(&account.up(Version::First).await, "up");
    let aws = account.connect().await;
    (account, aws)
}

#[tokio::test]
async fn parts_of_an_api_are_not_made_twice_nor_taken_away_while_in_use() {
    let (_account, aws) = made(windows()).await;
    let api = aws.apigateway.get_rest_apis().send().await.unwrap().items()[0].id().unwrap().to_owned();
    let nodes = aws.apigateway.get_resources().rest_api_id(&api).embed("methods").send().await.unwrap();
    let root = nodes.items().iter().find(|node| node.path() == Some("/")).unwrap().id().unwrap();
    let leaf = nodes.items().iter().find(|node| node.path() == Some("/api/stats")).unwrap().id().unwrap();
    let duplicate = aws.apigateway.create_resource().rest_api_id(&api).parent_id(root).path_part("api").send().await;
    let expected = "Another resource with the same parent already has this name: api";
    assert_eq!(refusal(duplicate), ("ConflictException".to_owned(), expected.to_owned()));
    let below = |parent: &str, part: &str| aws.apigateway.create_resource().rest_api_id(&api).parent_id(parent).path_part(part).send();
    let greedy = below(leaf, "{proxy+}").await.unwrap();
    let expected = "A sibling ({proxy+}) of this resource already has a variable path part -- only one is allowed";
    assert_eq!(refusal(below(leaf, "{id}").await), ("BadRequestException".to_owned(), expected.to_owned()));
    let expected = "Cannot create a child of a resource with a greedy path variable: {proxy+}";
    assert_eq!(refusal(below(greedy.id().unwrap(), "x").await).1, expected);
    let put = aws.apigateway.put_method().rest_api_id(&api).resource_id(leaf).authorization_type("NONE");
    assert_eq!(refusal(put.clone().http_method("GET").send().await).1, "Method already exists for this resource");
    let deployment = aws.apigateway.get_deployments().rest_api_id(&api).send().await.unwrap().items()[0].id().unwrap().to_owned();
    let delete = aws.apigateway.delete_deployment().rest_api_id(&api).deployment_id(&deployment).send().await;
    assert_eq!(refusal(delete).1, "Active stages pointing to this deployment must be moved or deleted");
    let stage = aws.apigateway.create_stage().rest_api_id(&api).stage_name("dev").deployment_id(&deployment).send().await;
    assert_eq!(refusal(stage).1, "Stage already exists");
    let stage = aws.apigateway.create_stage().rest_api_id(&api).stage_name("other").deployment_id("none").send().await;
    assert_eq!(refusal(stage), ("BadRequestException".to_owned(), "Deployment id does not exist".to_owned()));
    let empty = PatchOperation::builder().op(Op::Replace).path("/accessLogSettings/format").value("").build();
    let stage = aws.apigateway.update_stage().rest_api_id(&api).stage_name("dev").patch_operations(empty).send().await;
    assert_eq!(refusal(stage).1, "Access Log value must not be empty");
    let response = aws.apigateway.put_integration_response().rest_api_id(&api).resource_id(leaf).http_method("PATCH").status_code("200");
    assert_eq!(refusal(response.send().await), ("NotFoundException".to_owned(), "Invalid Method identifier specified".to_owned()));
    let api_without_words = aws.apigateway.create_rest_api().name("words").description("").send().await;
    assert_eq!(refusal(api_without_words).1, "Description cannot be an empty string");
    put.http_method("DELETE").send().await.unwrap();
    let create = aws.apigateway.create_deployment().rest_api_id(&api).send().await;
    assert_eq!(refusal(create), ("BadRequestException".to_owned(), "No integration defined for method".to_owned()));
    // Two writes run at once.
    let describe = || aws.apigateway.put_method().rest_api_id(&api).resource_id(root).authorization_type("NONE");
    // Whether two requests meet depends on the machine, so they are sent until they do.
    let mut refused = 0;
    for _ in 0..200 {
        let (one, other) = futures::join!(describe().http_method("PUT").send(), describe().http_method("PATCH").send());
        let errors = [one.err(), other.err()];
        refused = errors.iter().flatten().filter(|error| error.message().unwrap().contains("concurrent modification")).count();
        if refused > 0 {
            break;
        }
        for method in ["PUT", "PATCH"] {
            aws.apigateway.delete_method().rest_api_id(&api).resource_id(root).http_method(method).send().await.unwrap();
        }
    }
    assert_eq!(refused, 1);
}

#[tokio::test]
async fn a_distribution_is_deleted_in_aws_own_order() {
    let (_account, aws) = made(Windows { distribution_deploying: Duration::from_mins(10), ..windows() }).await;
    let listed = aws.cloudfront.list_distributions().send().await.unwrap();
    let distribution = &listed.distribution_list().unwrap().items()[0];
    assert_eq!(distribution.status(), "InProgress");
    let delete =
        |etag: Option<&str>| aws.cloudfront.delete_distribution().id(distribution.id()).set_if_match(etag.map(str::to_owned)).send();
    assert_eq!(refusal(delete(None).await).0, "InvalidIfMatchVersion");
    assert_eq!(refusal(delete(Some("E0")).await).0, "PreconditionFailed");
    tokio::time::sleep(windows().distribution_stale).await;
    let mut live = aws.cloudfront.get_distribution_config().id(distribution.id()).send().await.unwrap();
    assert_eq!(refusal(delete(live.e_tag()).await).0, "DistributionNotDisabled");
    let mut config = live.distribution_config.take().unwrap();
    config.enabled = false;
    let update = aws.cloudfront.update_distribution().id(distribution.id()).set_if_match(live.e_tag).distribution_config(config);
    let updated = update.send().await.unwrap();
    // The distribution is disabled, but not yet everywhere.
    assert_eq!(refusal(delete(updated.e_tag()).await).0, "DistributionNotDisabled");
    let controls = aws.cloudfront.list_origin_access_controls().send().await.unwrap();
    let control = &controls.origin_access_control_list().unwrap().items()[0];
    let etag = aws.cloudfront.get_origin_access_control().id(control.id()).send().await.unwrap().e_tag;
    let delete = aws.cloudfront.delete_origin_access_control().id(control.id()).set_if_match(etag).send().await;
    assert_eq!(refusal(delete).0, "OriginAccessControlInUse");
    let again = OriginAccessControlConfig::builder()
        .name(control.name())
        .signing_protocol("sigv4".into())
        .signing_behavior("always".into())
        .origin_access_control_origin_type("s3".into());
    let again = aws.cloudfront.create_origin_access_control().origin_access_control_config(again.build().unwrap()).send().await;
    assert_eq!(refusal(again).0, "OriginAccessControlAlreadyExists");
}

#[tokio::test]
async fn a_headers_policy_is_deleted_after_no_distribution_uses_it() {
    let account = Account::new(Config { windows: Some(windows()), ..Config::default() }).await;
    account.complete(&account.up(Version::Second).await, "up with headers");
    let aws = account.connect().await;
    let listed = aws.cloudfront.list_response_headers_policies().r#type("custom".into()).send().await.unwrap();
    let policy = listed.response_headers_policy_list().unwrap().items()[0].response_headers_policy().unwrap().clone();
    let config = policy.response_headers_policy_config().unwrap();
    let etag = aws.cloudfront.get_response_headers_policy().id(policy.id()).send().await.unwrap().e_tag;
    let delete =
        |etag: Option<&str>| aws.cloudfront.delete_response_headers_policy().id(policy.id()).set_if_match(etag.map(str::to_owned)).send();
    assert_eq!(refusal(delete(None).await).0, "InvalidIfMatchVersion");
    assert_eq!(refusal(delete(etag.as_deref()).await).0, "ResponseHeadersPolicyInUse");
    let update = aws.cloudfront.update_response_headers_policy().id(policy.id()).response_headers_policy_config(config.clone());
    assert_eq!(refusal(update.clone().send().await).0, "InvalidIfMatchVersion");
    assert_eq!(refusal(update.if_match("E0").send().await).0, "PreconditionFailed");
    let again = aws.cloudfront.create_response_headers_policy().response_headers_policy_config(config.clone()).send().await;
    assert_eq!(refusal(again).0, "ResponseHeadersPolicyAlreadyExists");
    let none = aws.cloudfront.get_response_headers_policy().id("none").send().await;
    assert_eq!(refusal(none).0, "NoSuchResponseHeadersPolicy");

    // A distribution takes only what is there.
    let listed = aws.cloudfront.list_distributions().send().await.unwrap();
    let id = listed.distribution_list().unwrap().items()[0].id().to_owned();
    tokio::time::sleep(windows().distribution_stale).await;
    let live = aws.cloudfront.get_distribution_config().id(&id).send().await.unwrap();
    let mut config = live.distribution_config.unwrap();
    config.default_cache_behavior.as_mut().unwrap().response_headers_policy_id = Some("none".to_owned());
    let update = aws.cloudfront.update_distribution().id(&id).set_if_match(live.e_tag).distribution_config(config);
    assert_eq!(refusal(update.send().await).0, "NoSuchResponseHeadersPolicy");

    // The way back waits until CloudFront has let go of the policy.
    account.strict.take_log();
    account.complete(&account.up(Version::First).await, "up without headers");
    let writes: Vec<String> = account.strict.take_log().into_iter().filter(|entry| entry.write).map(|entry| entry.operation).collect();
    let at = |operation: &str| writes.iter().position(|made| made == operation).unwrap_or_else(|| panic!("no {operation}: {writes:?}"));
    assert!(at("cloudfront:UpdateDistribution") < at("cloudfront:DeleteResponseHeadersPolicy"));
    account.in_sync(Version::First, "up without headers").await;
    account.complete(&account.down().await, "down");
    account.empty("down").await;
}

/// Number of attempts to make two requests meet: a busy machine may send one after the other.
const ATTEMPTS: usize = 50;

#[tokio::test]
async fn functions_and_roles_are_not_rushed() {
    let (_account, aws) = made(Windows { function_updating: Duration::from_mins(10), ..windows() }).await;
    let functions = aws.lambda.list_functions().send().await.unwrap();
    let name = functions.functions()[0].function_name().unwrap();
    let reserved = aws_sdk_lambda::types::Environment::builder().variables("AWS_REGION", "x").build();
    let update = aws.lambda.update_function_configuration().function_name(name);
    let (code, message) = refusal(update.clone().environment(reserved).send().await);
    assert_eq!(code, "InvalidParameterValueException");
    assert!(message.ends_with("Reserved keys used in this request: AWS_REGION"), "{message}");
    update.clone().memory_size(512).send().await.unwrap();
    let (code, message) = refusal(update.memory_size(1024).send().await);
    assert_eq!(code, "ResourceConflictException");
    assert!(message.contains("An update is in progress for resource"), "{message}");
    // One of two concurrently added statements is lost, although both answers report success.
    let add = |sid: &str| {
        let request = aws.lambda.add_permission().function_name(name).qualifier("live").statement_id(sid);
        request.action("lambda:InvokeFunction").principal("apigateway.amazonaws.com").send()
    };
    let mut lost = 0;
    for attempt in 0..ATTEMPTS {
        let [one, other] = [format!("one{attempt}"), format!("other{attempt}")];
        let (first, second) = futures::join!(add(&one), add(&other));
        assert!(first.is_ok() && second.is_ok());
        let policy = aws.lambda.get_policy().function_name(name).qualifier("live").send().await.unwrap().policy.unwrap();
        let there = [one, other].iter().filter(|sid| policy.contains(&format!("\"{sid}\""))).count();
        assert!(there > 0, "{policy}");
        lost += 2 - there;
        if lost > 0 {
            break;
        }
    }
    assert_eq!(lost, 1);
    // IAM returns policies percent-encoded.
    let role = aws.iam.get_role().role_name(name).send().await.unwrap().role.unwrap();
    assert!(role.assume_role_policy_document().unwrap().starts_with("%7B%22"), "{role:?}");
    assert_eq!(refusal(aws.iam.delete_role().role_name(name).send().await).0, "DeleteConflict");
    // API Gateway does not know a new role at once either; a busy machine may ask too late.
    let trust = role.assume_role_policy_document().unwrap();
    let mut refused = Vec::new();
    for attempt in 0..ATTEMPTS {
        let create = aws.iam.create_role().role_name(format!("early{attempt}")).assume_role_policy_document(trust);
        let arn = create.send().await.unwrap().role.unwrap().arn;
        let replace = PatchOperation::builder().op(Op::Replace).path("/cloudwatchRoleArn").value(arn).build();
        if let Err(error) = aws.apigateway.update_account().patch_operations(replace).send().await {
            refused.push(error.message().unwrap_or_default().to_owned());
            break;
        }
    }
    assert!(matches!(&refused[..], [one] if one.contains("does not have required permissions configured")), "{refused:?}");
}

#[tokio::test]
async fn the_policy_of_a_function_has_a_size() {
    let (_account, aws) = made(windows()).await;
    let add = |number: usize| {
        let request = aws.lambda.add_permission().function_name("liveinsight-stats-api-dev").qualifier("live");
        let request = request.statement_id(format!("s{number}")).action("lambda:InvokeFunction").principal("apigateway.amazonaws.com");
        request.source_arn(format!("arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5/dev/GET/{}", "x".repeat(300)))
    };
    let mut added = 0;
    let refused = loop {
        match add(added).send().await {
            Ok(_) => added += 1,
            Err(error) => break refusal::<()>(Err(error)),
        }
    };
    assert!((20..40).contains(&added), "{added} statements of some 600 bytes");
    assert_eq!(refused.0, "PolicyLengthExceededException");
    assert!(refused.1.ends_with("is bigger than the limit (20480)."), "{}", refused.1);
    aws.lambda.remove_permission().function_name("liveinsight-stats-api-dev").qualifier("live").statement_id("s0").send().await.unwrap();
    add(added).send().await.unwrap();
}

#[tokio::test]
async fn what_lambda_gives_up_on_ends_the_run_with_its_reason_and_the_next_run_mends_it() {
    let account = Account::new(Config { windows: Some(windows()), ..Config::default() }).await;
    // In the first round functions cannot be created; in the second their changes cannot be finished.
    for version in [Version::First, Version::Patched] {
        account.strict.set_faults(Faults::FunctionsFail);
        let report = account.up(version).await;
        let functions: Vec<String> =
            report.failed.iter().filter(|(id, _)| id.kind() == "lambda.function").map(|(_, error)| error.to_string()).collect();
        assert!(!functions.is_empty() && functions.len() == report.failed.len(), "{:?}", report.failed);
        assert!(functions.iter().all(|reason| reason.contains("KMSKeyNotFound: Lambda could not")), "{functions:?}");
        account.strict.set_faults(Faults::None);
        account.complete(&account.up(version).await, "up");
    }
}

#[tokio::test]
async fn tags_that_a_creation_lost_are_noticed_in_the_same_run() {
    let account = Account::new(Config { windows: Some(windows()), ..Config::default() }).await;
    account.strict.set_faults(Faults::TagsForgotten(&[
        "apigateway:CreateStage",
        "cloudfront:CreateDistribution",
        "cloudwatch:PutMetricAlarm",
        "dynamodb:CreateTable",
        "iam:CreateRole",
        "lambda:CreateFunction",
        "logs:CreateLogGroup",
    ]));
    account.complete(&account.up(Version::First).await, "up");
    let operations: Vec<String> = account.strict.log().into_iter().map(|entry| entry.operation).collect();
    for service in ["apigateway", "cloudfront", "cloudwatch", "dynamodb", "lambda", "logs"] {
        assert!(operations.contains(&format!("{service}:TagResource")), "{service}: {operations:?}");
    }
    assert!(operations.contains(&"iam:TagRole".to_owned()), "{operations:?}");
    account.strict.set_faults(Faults::None);
    account.in_sync(Version::First, "tags that got lost").await;
    account.complete(&account.down().await, "down");
    account.empty("down").await;

    // Only its tags identify a REST API: without them it does not stay.
    account.strict.set_faults(Faults::TagsForgotten(&["apigateway:CreateRestApi"]));
    let report = account.up(Version::First).await;
    let reasons: Vec<String> = report.failed.values().map(ToString::to_string).collect();
    assert!(matches!(&reasons[..], [reason] if reason.contains("kept no tags of the new REST API")), "{reasons:?}");
    let aws = account.connect().await;
    assert!(aws.apigateway.get_rest_apis().send().await.unwrap().items().is_empty());
    account.strict.set_faults(Faults::None);
    account.complete(&account.up(Version::First).await, "up");
}

#[tokio::test]
async fn data_stores_take_their_time() {
    let (_account, aws) = made(Windows { table_tags: Duration::from_mins(10), ..windows() }).await;
    let table = aws.dynamodb.list_tables().send().await.unwrap().table_names()[0].clone();
    let specify = |enabled| {
        let specification = aws_sdk_dynamodb::types::TimeToLiveSpecification::builder().enabled(enabled).attribute_name("ttl");
        aws.dynamodb.update_time_to_live().table_name(&table).time_to_live_specification(specification.build().unwrap()).send()
    };
    assert_eq!(refusal(specify(true).await).1, "TimeToLive is already enabled");
    assert_eq!(refusal(specify(false).await).1, "Time to live has been modified multiple times within a fixed interval");
    let arn = aws.arn("dynamodb", &format!("table/{table}"));
    let tag = aws_sdk_dynamodb::types::Tag::builder().key("a").value("b").build().unwrap();
    aws.dynamodb.tag_resource().resource_arn(&arn).tags(tag).send().await.unwrap();
    let untag = aws.dynamodb.untag_resource().resource_arn(&arn).tag_keys("a").send().await;
    let expected = format!("Subscriber limit exceeded: Table tags are being updated: {table}");
    assert_eq!(refusal(untag), ("LimitExceededException".to_owned(), expected));
    assert_eq!(refusal(aws.dynamodb.delete_table().table_name(&table).send().await).0, "ResourceInUseException");
    let bucket = aws.s3.list_buckets().send().await.unwrap().buckets()[0].name().unwrap().to_owned();
    assert_eq!(refusal(aws.s3.delete_bucket().bucket(&bucket).send().await).0, "BucketNotEmpty");
    // The owner creates the bucket again: with tags it gets an error, without them success, and the first tags stay.
    let again = |tags: Option<Vec<aws_sdk_s3::types::Tag>>| {
        let config = aws_sdk_s3::types::CreateBucketConfiguration::builder().set_tags(tags).build();
        aws.s3.create_bucket().bucket(&bucket).create_bucket_configuration(config).send()
    };
    let tag = aws_sdk_s3::types::Tag::builder().key("other").value("1").build().unwrap();
    let expected = "Your previous request to create the named bucket succeeded and you already own it.";
    assert_eq!(refusal(again(Some(vec![tag])).await), ("BucketAlreadyOwnedByYou".to_owned(), expected.to_owned()));
    let tags = async || aws.s3.get_bucket_tagging().bucket(&bucket).send().await.unwrap().tag_set.len();
    let before = tags().await;
    again(None).await.unwrap();
    assert!(before > 2 && tags().await == before);
    let versioning = || {
        let enabled = aws_sdk_s3::types::VersioningConfiguration::builder().status("Enabled".into()).build();
        aws.s3.put_bucket_versioning().bucket(&bucket).versioning_configuration(enabled).send()
    };
    let mut aborted = 0;
    for _ in 0..ATTEMPTS {
        let (one, other) = futures::join!(versioning(), versioning());
        let codes: Vec<_> =
            [one.err(), other.err()].into_iter().flatten().map(|error| error.code().unwrap_or_default().to_owned()).collect();
        assert!(codes.len() < 2 && codes.iter().all(|code| code == "OperationAborted"), "{codes:?}");
        aborted += codes.len();
        if aborted > 0 {
            break;
        }
    }
    assert_eq!(aborted, 1);
}

#[tokio::test]
async fn invalidations_name_paths_as_cloudfront_wants_them() {
    let (_account, aws) = made(windows()).await;
    let listed = aws.cloudfront.list_distributions().send().await.unwrap();
    let id = listed.distribution_list().unwrap().items()[0].id().to_owned();
    let invalidate = |paths: Vec<String>| {
        let quantity = i32::try_from(paths.len()).unwrap();
        let reference = format!("{quantity} {}", paths[0]);
        let paths = Paths::builder().quantity(quantity).set_items(Some(paths)).build().unwrap();
        let batch = InvalidationBatch::builder().paths(paths).caller_reference(reference).build().unwrap();
        aws.cloudfront.create_invalidation().distribution_id(&id).invalidation_batch(batch).send()
    };
    let many = |number: usize| (0..number).map(|one| format!("/{one}")).collect::<Vec<_>>();
    for taken in ["/", "/*", "/a/b-c_d.js", "/a%20%C3%BC.txt", "/runtime*"] {
        invalidate(vec![taken.to_owned()]).await.unwrap_or_else(|error| panic!("{taken}: {error}"));
    }
    invalidate(many(3000)).await.unwrap();
    let long = format!("/{}", "x".repeat(4000));
    for refused in ["/runtime~main.js", "/a@b", "/a*b", "no/slash", "/a b", "/ü", "/test[1].html", "/50%", &long] {
        let (code, message) = refusal(invalidate(vec!["/fine".to_owned(), refused.to_owned()]).await);
        let expected = "Your request contains one or more invalid invalidation paths.";
        assert_eq!((code.as_str(), message.as_str()), ("InvalidArgument", expected), "{refused}");
    }
    assert_eq!(refusal(invalidate(many(3001)).await).0, "InvalidArgument");
}
