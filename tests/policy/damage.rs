//! Changes from outside to the stack, so that `up` and `down` have to make every call they know.

use aws_sdk_cloudfront::types::{OriginAccessControlConfig, OriginAccessControlSigningBehaviors};
use aws_sdk_dynamodb::types::{DeleteGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate};
use aws_sdk_s3::types::{
    BucketVersioningStatus, OwnershipControls, OwnershipControlsRule, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, VersioningConfiguration,
};
use liveinsight::{
    aws::Aws,
    lock::{Lock, LockOutcome},
    stack::Names,
};
use std::time::Duration;

/// Changes a field of almost every kind.
pub(crate) async fn everywhere(aws: &Aws, names: &Names) {
    let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let made = aws.iam.create_policy().policy_name("bounds-nothing").policy_document(document).send().await.unwrap();
    let boundary = made.policy().and_then(|policy| policy.arn()).unwrap();
    aws.iam.put_role_permissions_boundary().role_name(names.role("stats-api")).permissions_boundary(boundary).send().await.unwrap();
    aws.iam.update_assume_role_policy().role_name(names.role("stats-api")).policy_document(trust).send().await.unwrap();

    let delete = DeleteGlobalSecondaryIndexAction::builder().index_name("EventTypeIndex").build().unwrap();
    let update = GlobalSecondaryIndexUpdate::builder().delete(delete).build();
    aws.dynamodb.update_table().table_name(names.table("events")).global_secondary_index_updates(update).send().await.unwrap();

    let stranger = aws.lambda.add_permission().function_name(names.function("stats-api")).qualifier("live").statement_id("liveinsight-0");
    let stranger = stranger.action("lambda:InvokeFunction").principal("apigateway.amazonaws.com");
    stranger.source_arn(aws.arn("execute-api", "x/*/GET/x")).send().await.unwrap();

    distribution(aws, names).await;
    access_control(aws).await;

    let bucket = names.bucket();
    let suspended = VersioningConfiguration::builder().status(BucketVersioningStatus::Suspended).build();
    aws.s3.put_bucket_versioning().bucket(&bucket).versioning_configuration(suspended).send().await.unwrap();
    let rule = OwnershipControlsRule::builder().object_ownership("ObjectWriter".into()).build().unwrap();
    let controls = OwnershipControls::builder().rules(rule).build().unwrap();
    aws.s3.delete_public_access_block().bucket(&bucket).send().await.unwrap();
    aws.s3.put_bucket_ownership_controls().bucket(&bucket).ownership_controls(controls).send().await.unwrap();
    let kms = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::AwsKms).build().unwrap();
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(kms).build();
    let encryption = ServerSideEncryptionConfiguration::builder().rules(rule).build().unwrap();
    aws.s3.put_bucket_encryption().bucket(&bucket).server_side_encryption_configuration(encryption).send().await.unwrap();
}

async fn distribution(aws: &Aws, names: &Names) {
    let listed = aws.cloudfront.list_distributions().send().await.unwrap();
    let all = listed.distribution_list().unwrap().items();
    let id = all.iter().find(|listed| listed.comment() == names.distribution()).unwrap().id().to_owned();
    let live = aws.cloudfront.get_distribution_config().id(&id).send().await.unwrap();
    let (etag, mut config) = (live.e_tag, live.distribution_config.unwrap());
    config.default_root_object = Some("other.html".to_owned());
    aws.cloudfront.update_distribution().id(&id).set_if_match(etag).distribution_config(config).send().await.unwrap();
}

async fn access_control(aws: &Aws) {
    let listed = aws.cloudfront.list_origin_access_controls().send().await.unwrap();
    let control = listed.origin_access_control_list().unwrap().items()[0].clone();
    let etag = aws.cloudfront.get_origin_access_control().id(control.id()).send().await.unwrap().e_tag;
    let config = OriginAccessControlConfig::builder()
        .name(control.name())
        .description(control.description())
        .signing_protocol("sigv4".into())
        .signing_behavior(OriginAccessControlSigningBehaviors::Never)
        .origin_access_control_origin_type("s3".into());
    let update = aws.cloudfront.update_origin_access_control().id(control.id()).set_if_match(etag);
    update.origin_access_control_config(config.build().unwrap()).send().await.unwrap();
}

/// Changes the headers of a site's answers.
pub(crate) async fn headers(aws: &Aws) {
    let listed = aws.cloudfront.list_response_headers_policies().r#type("custom".into()).send().await.unwrap();
    let id = listed.response_headers_policy_list().unwrap().items()[0].response_headers_policy().unwrap().id().to_owned();
    let live = aws.cloudfront.get_response_headers_policy_config().id(&id).send().await.unwrap();
    let (etag, mut config) = (live.e_tag, live.response_headers_policy_config.unwrap());
    config.security_headers_config = None;
    aws.cloudfront.update_response_headers_policy().id(&id).set_if_match(etag).response_headers_policy_config(config).send().await.unwrap();
}

/// Unsets the account's role for API Gateway's logs, and keeps the role itself.
pub(crate) async fn logging_role(aws: &Aws) {
    let none = aws_sdk_apigateway::types::PatchOperation::builder().op("replace".into()).path("/cloudwatchRoleArn").value("").build();
    aws.apigateway.update_account().patch_operations(none).send().await.unwrap();
}

/// Adds undeclared policies to a role.
pub(crate) async fn role(aws: &Aws, role: &str) {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}"#;
    let made = aws.iam.create_policy().policy_name(format!("of-{role}")).policy_document(document).send().await.unwrap();
    let arn = made.policy().and_then(|policy| policy.arn()).unwrap();
    aws.iam.attach_role_policy().role_name(role).policy_arn(arn).send().await.unwrap();
    aws.iam.put_role_policy().role_name(role).policy_name("more").policy_document(document).send().await.unwrap();
}

/// Opens the URL of a function's alias to everybody.
pub(crate) async fn url(aws: &Aws, function: &str) {
    let open = aws.lambda.update_function_url_config().function_name(function).qualifier("live").auth_type("NONE".into());
    open.send().await.unwrap();
}

/// Gives a function a URL, and admits every caller past its alias.
pub(crate) async fn function(aws: &Aws, function: &str) {
    aws.lambda.create_function_url_config().function_name(function).auth_type("NONE".into()).send().await.unwrap();
    let stranger = aws.lambda.add_permission().function_name(function).statement_id("stranger").action("lambda:InvokeFunctionUrl");
    stranger.principal("*").send().await.unwrap();
    let versions = aws.lambda.list_versions_by_function().function_name(function).send().await.unwrap();
    let newest = versions.versions().iter().filter_map(|found| found.version()?.parse::<u64>().ok()).max().unwrap();
    let guest = aws.lambda.add_permission().function_name(function).qualifier(newest.to_string()).statement_id("guest");
    guest.action("lambda:InvokeFunction").principal("*").send().await.unwrap();
}

/// Begins an upload and abandons it.
pub(crate) async fn bucket(aws: &Aws, names: &Names) {
    aws.s3.create_multipart_upload().bucket(names.bucket()).key("site/large").send().await.unwrap();
}

/// Takes the lock like a run that is killed afterwards.
pub(crate) async fn lock(aws: &Aws, names: &Names) {
    let bucket = names.bucket();
    let lock = Lock::new(aws, &bucket, "up", "somebody@tests", Duration::from_secs(2));
    let outcome = lock.acquire(false, false, async || false, |_| ()).await.unwrap();
    assert!(matches!(outcome, LockOutcome::Acquired { lease: Some(_), .. }));
}
