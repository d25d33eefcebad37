use super::{BY_CODE, BY_MESSAGE, Source, Verdict, read_answer, verdict};
use crate::surroundings::Surroundings;
use aws_smithy_runtime_api::{
    client::{orchestrator::HttpResponse, result::SdkError},
    http::StatusCode,
};
use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};
use engine::{Class, Error};
use std::time::Duration;

/// Expected verdict, without the reason for a wait.
#[derive(Debug, PartialEq)]
enum Meaning {
    Absent,
    Exists,
    NotYet,
    Throttled,
    Skewed,
    Lost,
    Final(Class),
}

use Meaning::{Absent, Exists, Final, Lost, NotYet, Skewed, Throttled};

/// Recorded answers of AWS; see `tests/recorded/README.md`.
const RECORDED: &str = include_str!("../../../../tests/recorded/errors.tsv");

/// Returns the term of `tests/recorded/` for the reaction to an answer.
fn word(meaning: &Meaning) -> &'static str {
    match meaning {
        Absent => "absent",
        Exists => "exists",
        NotYet => "wait",
        Throttled | Skewed | Lost => "retry",
        Final(Class::Quota) => "quota",
        Final(Class::Denied) => "denied",
        Final(_) => "final",
    }
}

#[test]
fn every_recorded_error_has_its_verdict() {
    let mut checked = 0;
    for line in RECORDED.lines().skip(1) {
        let [expected, service, operation, situation, status, code, message, source, day] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("a row has nine columns: {line}")
        };
        let found = meaning(status.parse().unwrap(), code, message);
        assert_eq!(word(&found), expected, "{service}:{operation}, {situation}: {code}: {message} ({source}, {day})");
        checked += 1;
    }
    assert_eq!(checked, 83);
}

#[test]
fn what_is_marked_as_recorded_was_recorded_and_nothing_else() {
    let recorded: Vec<Vec<&str>> = RECORDED.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    for (code, source) in BY_CODE.iter().flat_map(|(_, codes)| codes.iter()) {
        assert_eq!(recorded.iter().any(|row| row[5] == *code), *source == Source::Recorded, "{code}");
    }
    for (code, part, _, source) in BY_MESSAGE {
        let found = recorded.iter().any(|row| (code.is_empty() || row[5] == *code) && row[6].contains(part));
        assert_eq!(found, *source == Source::Recorded, "{code} {part}");
    }
}

#[test]
fn an_account_that_aws_does_not_serve_yet_lacks_no_permission() {
    let unverified =
        "Your account must be verified before you can add new CloudFront resources. To verify your account, please contact AWS Support";
    check(&[
        (403, "AccessDenied", unverified, Final(Class::NotActivated)),
        (403, "OptInRequired", "You are not subscribed to this service", Final(Class::NotActivated)),
        (400, "SubscriptionRequiredException", "The AWS Access Key Id needs a subscription for the service", Final(Class::NotActivated)),
        (403, "NotSignedUp", "Your account is not signed up for the Amazon S3 service", Final(Class::NotActivated)),
        (403, "AccountProblem", "There is a problem with your AWS account", Final(Class::NotActivated)),
        (403, "AccessDenied", "User: u is not authorized to perform: cloudfront:CreateDistribution", DENIED),
    ]);
}

#[test]
fn what_a_service_does_not_know_is_refused_for_good() {
    check(&[
        (501, "NotImplemented", "A header you provided implies functionality that is not implemented", REFUSED),
        (501, "", "", REFUSED),
        (505, "", "", REFUSED),
        (500, "", "", Lost),
        (503, "", "", Lost),
        (404, "NoSuchUpload", "The specified upload does not exist.", Absent),
        (404, "NoSuchVersion", "The specified version does not exist.", Absent),
        (
            409,
            "ResourceConflictException",
            "The operation cannot be performed at this time. The function is currently in the following state: Failed",
            REFUSED,
        ),
    ]);
}

const QUOTA: Meaning = Final(Class::Quota);
const REFUSED: Meaning = Final(Class::Refused);
const DENIED: Meaning = Final(Class::Denied);

fn meaning(status: u16, code: &str, message: &str) -> Meaning {
    match verdict(Some(status), code, message) {
        Verdict::Absent => Absent,
        Verdict::Exists => Exists,
        Verdict::NotYet(_) => NotYet,
        Verdict::Throttled => Throttled,
        Verdict::Skewed => Skewed,
        Verdict::Lost => Lost,
        Verdict::Final(class) => Final(class),
        Verdict::Unreachable => panic!("an answer means that somebody was reached"),
    }
}

/// Row of a table: (status, code, message, meaning).
type Row = (u16, &'static str, &'static str, Meaning);

fn check(rows: &[Row]) {
    for (status, code, message, expected) in rows {
        assert_eq!(meaning(*status, code, message), *expected, "{status} {code}: {message}");
    }
}

#[test]
fn too_many_requests_are_sent_again() {
    check(&[
        (429, "TooManyRequestsException", "Too Many Requests", Throttled),
        (429, "TooManyRequestsException", "Rate exceeded", Throttled),
        // API Gateway: "The request exceeded the rate limit".
        (429, "LimitExceededException", "Too many requests", Throttled),
        (429, "", "", Throttled),
        (503, "ServiceUnavailableException", "", Lost),
        (400, "ThrottlingException", "The rate of control plane requests made by this account is too high", Throttled),
        (400, "ThrottlingException", "Rate exceeded", Throttled),
        (
            400,
            "ThrottlingException",
            "Deletion protection setting for table t modified within the previous 15000 milliseconds. Please try again after 2026-01-01T00:00:00.000Z",
            Throttled,
        ),
        (400, "Throttling", "Rate exceeded", Throttled),
        (400, "TooManyInvalidationsInProgress", "Processing your request will cause you to exceed the maximum number", Throttled),
        (503, "SlowDown", "Please reduce your request rate.", Throttled),
        (400, "ThrottledException", "The request failed because it exceeded the allowed frequency of submitted requests.", Throttled),
        (400, "InvalidParameterValueException", "Your request has been throttled by EC2", Throttled),
        (503, "ServiceUnavailable", "", Lost),
        (500, "ServiceException", "", Lost),
        (500, "ServiceFailure", "", Lost),
        (502, "", "", Lost),
    ]);
}

#[test]
fn iam_takes_its_time() {
    check(&[
        (400, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.", NotYet),
        (
            400,
            "InvalidParameterValueException",
            "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
            NotYet,
        ),
        (
            400,
            "InvalidParameterValueException",
            "Lambda was unable to configure access to your environment variables because the KMS key is invalid for CreateGrant",
            NotYet,
        ),
        (400, "MalformedPolicyDocument", r#"Invalid principal in policy: "AWS":"arn:aws:iam::000000000000:role/r""#, NotYet),
        (400, "MalformedPolicyDocument", "Syntax errors in policy.", REFUSED),
        (
            400,
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved \
             keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION",
            REFUSED,
        ),
        (404, "NoSuchEntity", "The role with name r cannot be found.", Absent),
        (409, "EntityAlreadyExists", "Role with name r already exists.", Exists),
        (409, "DeleteConflict", "Cannot delete entity, must delete policies first.", NotYet),
        (409, "DeleteConflict", "Cannot delete entity, must detach all policies first.", NotYet),
        (409, "ConcurrentModification", "", NotYet),
        (409, "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000", QUOTA),
        (400, "UnmodifiableEntity", "", REFUSED),
        (400, "InvalidInput", "", REFUSED),
    ]);
}

#[test]
fn lambda_is_busy() {
    check(&[
        (
            409,
            "ResourceConflictException",
            "The operation cannot be performed at this time. The function is currently in the following state: Pending",
            NotYet,
        ),
        (
            409,
            "ResourceConflictException",
            "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:r:a:function:f",
            NotYet,
        ),
        (409, "ResourceConflictException", "The function could not be updated due to a concurrent update operation.", NotYet),
        (409, "ResourceConflictException", "Function already exist: f", Exists),
        (409, "ResourceConflictException", "Alias already exists: arn:aws:lambda:r:a:function:f:live", Exists),
        (
            409,
            "ResourceConflictException",
            "The statement id (s) provided already exists. Please provide a new statement id, or remove the existing statement.",
            Exists,
        ),
        (404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:r:a:function:f", Absent),
        (400, "CodeStorageExceededException", "Code storage limit exceeded.", QUOTA),
        (
            413,
            "RequestEntityTooLargeException",
            "Request must be smaller than 69905067 bytes for the UpdateFunctionCode operation",
            REFUSED,
        ),
    ]);
}

#[test]
fn dynamodb_names_everything_by_few_codes() {
    let tagged = "Subscriber limit exceeded: Table tags are being updated: t";
    let online = "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table";
    let indexes = "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of 20";
    let class = "Subscriber limit exceeded: Updates to TableClass are limited to 2 times in 30 day(s).";
    check(&[
        (400, "LimitExceededException", tagged, NotYet),
        (400, "LimitExceededException", online, NotYet),
        (400, "LimitExceededException", indexes, QUOTA),
        (400, "LimitExceededException", class, REFUSED),
        (400, "ResourceInUseException", "Attempt to change a resource which is still in use: Table is being created: t", NotYet),
        (400, "ResourceInUseException", "Attempt to change a resource which is still in use: Table is being deleted: t", NotYet),
        (400, "ResourceInUseException", "Attempt to change a resource which is still in use: Table tags are being updated: t", NotYet),
        (
            400,
            "ResourceInUseException",
            "Attempt to change a resource which is still in use: Cannot delete table while indexes are being created, updated, or deleted.",
            NotYet,
        ),
        (400, "ResourceInUseException", "Table already exists: t", Exists),
        (400, "ResourceNotFoundException", "Requested resource not found: Table: t not found", Absent),
        (400, "TableNotFoundException", "Table not found: t", Absent),
        (
            400,
            "ValidationException",
            "Cannot describe time to live while table is in CREATING state: Current table state is CREATING",
            NotYet,
        ),
        (400, "ContinuousBackupsUnavailableException", "Backups are being enabled for the table: t. Please retry later", NotYet),
        (400, "ValidationException", "TimeToLive is already enabled", Exists),
        (400, "ValidationException", "TimeToLive is already disabled", Exists),
        (400, "ValidationException", "TimeToLive is active on a different AttributeName: current AttributeName is a", REFUSED),
        (400, "ValidationException", "Time to live has been modified multiple times within a fixed interval", REFUSED),
        (400, "ValidationException", "One or more parameter values were invalid: Some AttributeDefinitions are not used.", REFUSED),
    ]);
}

#[test]
fn buckets_and_distributions() {
    let conflict = "A conflicting conditional operation is currently in progress against this resource. Please try again.";
    let public =
        "User: u is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::b\" because public policies are blocked";
    check(&[
        (409, "BucketAlreadyOwnedByYou", "", Exists),
        (409, "BucketAlreadyExists", "", REFUSED),
        (409, "OperationAborted", conflict, NotYet),
        (404, "NoSuchBucket", "", Absent),
        (404, "NoSuchBucketPolicy", "", Absent),
        (404, "NoSuchPublicAccessBlockConfiguration", "", Absent),
        (404, "NoSuchTagSet", "", Absent),
        (404, "OwnershipControlsNotFoundError", "", Absent),
        (404, "ServerSideEncryptionConfigurationNotFoundError", "", Absent),
        (403, "AccessDenied", public, DENIED),
        (409, "BucketNotEmpty", "You must delete all versions in the bucket.", NotYet),
        (409, "ConditionalRequestConflict", "", NotYet),
        (409, "DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.", NotYet),
        (400, "InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.", NotYet),
        (
            412,
            "PreconditionFailed",
            "The request failed because it didn't meet the preconditions in one or more request-header fields.",
            NotYet,
        ),
        (409, "OriginAccessControlAlreadyExists", "", Exists),
        (409, "OriginAccessControlInUse", "", NotYet),
        (404, "NoSuchResponseHeadersPolicy", "", Absent),
        (409, "ResponseHeadersPolicyAlreadyExists", "", Exists),
        (409, "ResponseHeadersPolicyInUse", "", NotYet),
        (409, "DistributionAlreadyExists", "", Exists),
        (404, "NoSuchDistribution", "", Absent),
        (404, "NoSuchOriginAccessControl", "", Absent),
    ]);
}

#[test]
fn api_gateway_and_logs() {
    let permissions = "The role ARN does not have required permissions configured. Please grant trust permission for API Gateway and add the \
                       required role policy.";
    check(&[
        (409, "ConflictException", "Unable to complete operation due to concurrent modification. Please try again later.", NotYet),
        (400, "BadRequestException", permissions, NotYet),
        (400, "BadRequestException", "API Gateway could not successfully write to CloudWatch Logs using the ARN specified", NotYet),
        (400, "BadRequestException", "CloudWatch Logs role ARN must be set in account settings to enable logging", NotYet),
        (400, "BadRequestException", "Access log destination must only contain characters a-z, A-Z", REFUSED),
        (409, "ConflictException", "Method already exists for this resource", Exists),
        (409, "ConflictException", "Another resource with the same parent already has this name: api", Exists),
        (409, "ConflictException", "Stage already exists", Exists),
        (409, "ConflictException", "Response already exists for this resource", Exists),
        (400, "BadRequestException", "Invalid mapping expression specified: [No method response exists for method.]", REFUSED),
        (400, "BadRequestException", "No integration defined for method", REFUSED),
        (404, "NotFoundException", "No integration defined for method", NotYet),
        (400, "BadRequestException", "The REST API doesn't contain any methods", REFUSED),
        (400, "BadRequestException", "Active stages pointing to this deployment must be moved or deleted", NotYet),
        (404, "NotFoundException", "Invalid API identifier specified 000000000000:abc", Absent),
        (400, "ResourceAlreadyExistsException", "The specified log group already exists", Exists),
        (400, "OperationAbortedException", "Multiple concurrent requests to update the same resource were in conflict.", NotYet),
        (400, "LimitExceededException", "Resource limit exceeded.", QUOTA),
        (400, "ResourceNotFoundException", "The specified log group does not exist.", Absent),
        (404, "ResourceNotFound", "Unknown", Absent),
    ]);
}

#[test]
fn keys_and_permissions_are_the_users_to_mend() {
    check(&[
        (403, "ExpiredTokenException", "", Final(Class::Expired)),
        (400, "ExpiredToken", "The provided token has expired.", Final(Class::Expired)),
        (403, "InvalidClientTokenId", "", Final(Class::Credentials)),
        (403, "SignatureDoesNotMatch", "", Final(Class::Credentials)),
        (403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", Skewed),
        (
            403,
            "SignatureDoesNotMatch",
            "Signature expired: 20261123T022700Z is now earlier than 20261123T032200Z (20261123T032700Z - 5 min.)",
            Skewed,
        ),
        (
            400,
            "InvalidSignatureException",
            "Signature not yet current: 20261123T032700Z is still later than 20261123T023200Z (20261123T022700Z + 5 min.)",
            Skewed,
        ),
        (400, "InvalidSignatureException", "The request signature we calculated does not match", Final(Class::Credentials)),
        (400, "AccessDeniedException", "", DENIED),
        (403, "Whatever", "", DENIED),
        (400, "ValidationException", "", REFUSED),
    ]);
}

/// Reads an error answer in the form that an SDK client passes on.
fn answered(status: u16, header: Option<(&'static str, &'static str)>, code: &str) -> super::Answer {
    let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value);
    }
    let metadata = ErrorMetadata::builder().code(code).message("text").build();
    read_answer("x:Y", &SdkError::service_error(metadata, response), &Surroundings::default())
}

/// Creates the error for an answer without an error of AWS.
fn bare(status: u16, body: &'static str) -> Error {
    let response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
    read_answer("x:Y", &SdkError::service_error(ErrorMetadata::builder().build(), response), &Surroundings::default()).into_error()
}

#[test]
fn an_answer_without_an_error_of_aws_is_shown_with_its_status_and_first_words() {
    let page = "<html><head><title>503 Service Temporarily Unavailable</title></head>\n<body>nginx</body></html>";
    let error = bare(503, page);
    assert!(matches!(error, Error::Unclear(_)), "it may have been done: {error:?}");
    assert_eq!(error.to_string(), "x:Y: HTTP 503 without an error of AWS: \"503 Service Temporarily Unavailable nginx\"");
    assert_eq!(bare(500, "").to_string(), "x:Y: HTTP 500 without an error of AWS");
    let error = bare(407, "proxy authentication required");
    assert!(matches!(&error, Error::Failed(refusal) if refusal.class == Class::Network), "{error:?}");
    assert!(error.to_string().contains("(HTTP 407: \"proxy authentication required\")"), "{error}");
    let long: &'static str = "word ".repeat(1000).leak();
    assert!(bare(502, long).to_string().len() < 200 && bare(502, long).to_string().ends_with("…\""));
}

#[test]
fn how_long_to_wait_is_read_from_the_answer() {
    let wait = |header| answered(429, header, "TooManyRequestsException").retry_after;
    assert_eq!(wait(Some(("retry-after", "7"))), Some(Duration::from_secs(7)));
    assert_eq!(wait(Some(("retry-after", "86400"))), Some(Duration::from_mins(1)), "nobody waits a day");
    assert_eq!(wait(Some(("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"))), None);
    assert_eq!(wait(None), None);
}

#[test]
fn a_page_that_is_not_found_does_not_mean_that_a_resource_is_missing() {
    for status in [200, 301, 404, 407] {
        let error = answered(status, None, "").into_error();
        assert!(matches!(&error, Error::Failed(refusal) if refusal.class == Class::Network), "{status}: {error:?}");
    }
}

#[test]
fn what_is_reported_names_operation_and_text() {
    let error = answered(400, None, "LimitExceededException").into_error();
    assert!(matches!(&error, Error::Failed(refusal) if refusal.class == Class::Quota), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("x:Y") && text.contains("text"), "{text}");
}
