//! What AWS's error answers mean; the only place that looks at error codes.

use crate::engine::{Class, Error, Refusal, Result};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};
use std::time::Duration;

/// What to do about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is no such thing.
    Absent,
    /// It exists already.
    Exists,
    /// The same request will be accepted soon.
    NotYet(&'static str),
    /// Too many requests: wait and send it again.
    Throttled,
    /// Signed by a clock that differs from the service's. The client has learned by how much from this very answer: send it again.
    Skewed,
    /// The answer is lost, or the service stumbled: it may have been done.
    Lost,
    /// Nobody answers.
    Unreachable,
    /// Refused for good.
    Final(Class),
}

/// Message texts that decide, where the code alone does not: (code, part of the message, verdict). The first match counts;
/// an empty code matches every code.
const BY_MESSAGE: &[(&str, &str, Verdict)] = {
    use Verdict::{Exists, NotYet};
    &[
        // IAM propagation, as Lambda and API Gateway meet it.
        (
            "InvalidParameterValueException",
            "cannot be assumed by Lambda",
            NotYet("IAM to make the role known to Lambda (usually under 15 s)"),
        ),
        (
            "InvalidParameterValueException",
            "The provided execution role does not have permissions",
            NotYet("IAM to make the role's policy known (usually under 15 s)"),
        ),
        ("InvalidParameterValueException", "KMS key is invalid for CreateGrant", NotYet("IAM to make the role known to KMS")),
        (
            "BadRequestException",
            "The role ARN does not have required permissions configured",
            NotYet("IAM to make the logging role known to API Gateway"),
        ),
        (
            "BadRequestException",
            "could not successfully write to CloudWatch Logs using the ARN",
            NotYet("IAM to make the logging role known to API Gateway"),
        ),
        (
            "BadRequestException",
            "CloudWatch Logs role ARN must be set in account settings",
            NotYet("API Gateway to notice its logging role"),
        ),
        ("MalformedPolicyDocument", "Invalid principal in policy", NotYet("IAM to make the principal known")),
        // Writes to one thing at a time.
        ("ConflictException", "try again later", NotYet("another write to the REST API")),
        ("NotFoundException", "No integration defined for method", NotYet("the integration to become visible")),
        ("BadRequestException", "Active stages pointing to this deployment", NotYet("the stage to leave the deployment")),
        ("ConflictException", "already exist", Exists),
        ("ConflictException", "already has this name", Exists),
        ("ResourceConflictException", "already exist", Exists),
        ("ResourceConflictException", "", NotYet("Lambda to finish with the function")),
        ("ResourceInUseException", "Table already exists", Exists),
        ("ResourceInUseException", "", NotYet("DynamoDB to finish with the table")),
        ("ValidationException", "while table is in CREATING state", NotYet("the table to be created")),
        ("ValidationException", "modified multiple times within a fixed interval", Verdict::Final(Class::Refused)),
        ("ValidationException", "TimeToLive is already", Exists),
        ("ValidationException", "duplicate index", Exists),
        ("ValidationException", "index which already exists", Exists),
        ("LimitExceededException", "Table tags are being updated", NotYet("DynamoDB to finish with the tags")),
        ("LimitExceededException", "simultaneously", NotYet("DynamoDB to finish with other tables and indexes")),
        // S3's conditional writes: the object is there, or is another one than was named. ("conditions" with and without a hyphen.)
        ("PreconditionFailed", "conditions you specified did not hold", Exists),
        // Signature Version 4, in all services but S3.
        ("InvalidSignatureException", "Signature expired", Verdict::Skewed),
        ("InvalidSignatureException", "Signature not yet current", Verdict::Skewed),
        ("SignatureDoesNotMatch", "Signature expired", Verdict::Skewed),
        ("SignatureDoesNotMatch", "Signature not yet current", Verdict::Skewed),
        ("", "throttled by EC2", Verdict::Throttled),
    ]
};

/// Codes that decide by themselves.
const BY_CODE: &[(Verdict, &[&str])] = {
    use Verdict::{Absent, Exists, Final, Lost, NotYet, Skewed, Throttled};
    &[
        (
            Absent,
            &[
                "NoSuchEntity",
                "ResourceNotFoundException",
                "ResourceNotFound",
                "NotFoundException",
                "NotFound",
                "TableNotFoundException",
                "NoSuchBucket",
                "NoSuchBucketPolicy",
                "NoSuchPublicAccessBlockConfiguration",
                "NoSuchTagSet",
                "NoSuchKey",
                "OwnershipControlsNotFoundError",
                "ServerSideEncryptionConfigurationNotFoundError",
                "NoSuchDistribution",
                "NoSuchOriginAccessControl",
                "NoSuchResource",
            ],
        ),
        (
            Exists,
            &[
                "EntityAlreadyExists",
                "ResourceAlreadyExistsException",
                "BucketAlreadyOwnedByYou",
                "OriginAccessControlAlreadyExists",
                "DistributionAlreadyExists",
            ],
        ),
        (
            NotYet("another write to finish"),
            &["OperationAborted", "OperationAbortedException", "ConcurrentModification", "ConditionalRequestConflict"],
        ),
        (NotYet("point-in-time recovery to become available"), &["ContinuousBackupsUnavailableException"]),
        (NotYet("CloudFront to stop serving (usually 3 to 5 minutes)"), &["DistributionNotDisabled"]),
        (NotYet("S3 to notice that the bucket is empty"), &["BucketNotEmpty"]),
        (NotYet("CloudFront to let go of it"), &["OriginAccessControlInUse"]),
        (
            NotYet("a fresh look at what was changed meanwhile"),
            &["PreconditionFailed", "PreconditionFailedException", "InvalidIfMatchVersion"],
        ),
        (NotYet("what uses the role to go"), &["DeleteConflict"]),
        (
            Throttled,
            &[
                "Throttling",
                "ThrottlingException",
                "ThrottledException",
                "RequestThrottled",
                "RequestThrottledException",
                "TooManyRequestsException",
                "RequestLimitExceeded",
                "SlowDown",
                "PriorRequestNotComplete",
                "ProvisionedThroughputExceededException",
                "TooManyInvalidationsInProgress",
            ],
        ),
        (Skewed, &["RequestTimeTooSkewed"]),
        (Final(Class::Expired), &["ExpiredToken", "ExpiredTokenException", "RequestExpired"]),
        (
            Final(Class::Credentials),
            &[
                "InvalidClientTokenId",
                "UnrecognizedClientException",
                "InvalidAccessKeyId",
                "SignatureDoesNotMatch",
                "InvalidSignatureException",
                "IncompleteSignature",
                "MissingAuthenticationToken",
                "InvalidToken",
            ],
        ),
        (
            Final(Class::Denied),
            &["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "UnauthorizedException"],
        ),
        (
            Final(Class::Quota),
            &[
                "LimitExceededException",
                "LimitExceeded",
                "ServiceQuotaExceededException",
                "TooManyBuckets",
                "CodeStorageExceededException",
                "TooManyDistributions",
            ],
        ),
        (
            Lost,
            &[
                "InternalError",
                "InternalFailure",
                "InternalServerError",
                "InternalServiceError",
                "ServiceException",
                "ServiceFailure",
                "ServiceUnavailable",
                "ServiceUnavailableException",
                "RequestTimeout",
                "RequestTimeoutException",
            ],
        ),
    ]
};

/// The longest pause that an answer may ask for: the user is watching.
const LONGEST_HINT: Duration = Duration::from_mins(1);

fn verdict(status: Option<u16>, code: &str, message: &str) -> Verdict {
    let by_message = BY_MESSAGE.iter().find(|(of, part, _)| (of.is_empty() || *of == code) && message.contains(part));
    if let Some((_, _, verdict)) = by_message {
        return *verdict;
    }
    // API Gateway calls a rate limit and a quota by one name; only waiting tells them apart.
    if status == Some(429) {
        return Verdict::Throttled;
    }
    let by_code = BY_CODE.iter().find(|(_, codes)| codes.contains(&code));
    match (by_code, status) {
        (Some((verdict, _)), _) => *verdict,
        (None, Some(500..=599)) => Verdict::Lost,
        (None, Some(403)) => Verdict::Final(Class::Denied),
        _ => Verdict::Final(Class::Refused),
    }
}

/// An error answer, read.
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    pub(super) retry_after: Option<Duration>,
    refusal: Refusal,
}

impl Answer {
    pub(super) fn into_error(mut self) -> Error {
        match self.verdict {
            Verdict::Absent => Error::Absent(Box::new(self.refusal)),
            Verdict::Exists => Error::Exists(Box::new(self.refusal)),
            Verdict::NotYet(why) => Error::NotYet { why: why.to_owned(), retry_after: self.retry_after },
            Verdict::Lost => Error::Unclear(Box::new(self.refusal)),
            Verdict::Throttled => {
                self.refusal.class = Class::Quota;
                Error::Failed(Box::new(self.refusal))
            }
            Verdict::Skewed => {
                self.refusal.class = Class::Clock;
                Error::Failed(Box::new(self.refusal))
            }
            Verdict::Unreachable => {
                self.refusal.class = Class::Network;
                Error::Failed(Box::new(self.refusal))
            }
            Verdict::Final(class) => {
                self.refusal.class = class;
                Error::Failed(Box::new(self.refusal))
            }
        }
    }
}

/// The longest error text that is passed on: an endpoint may answer a megabyte.
const LONGEST: usize = 400;

pub(super) fn read_answer<E: ProvideErrorMetadata + std::error::Error + 'static>(
    operation: &str,
    error: &SdkError<E, HttpResponse>,
) -> Answer {
    let response = error.raw_response();
    let header = |name: &str| response.and_then(|response| response.headers().get(name)).map(str::to_owned);
    let status = response.map(|response| response.status().as_u16());
    let code = error.code().unwrap_or_default().to_owned();
    let message = error.message().unwrap_or_default().to_owned();
    let (verdict, message) = match error {
        SdkError::ServiceError(_) if code.is_empty() && status.is_some_and(|status| status < 500 && status != 429) => {
            (Verdict::Final(Class::Network), answered_otherwise(status))
        }
        SdkError::ServiceError(_) => (verdict(status, &code, &message), message),
        // Only an answer that arrived whole can be read and found to be none of AWS's.
        SdkError::ResponseError(answer) if answer.raw().body().bytes().is_none() => (Verdict::Lost, "the answer broke off".to_owned()),
        SdkError::ResponseError(_) => (Verdict::Final(Class::Network), answered_otherwise(status)),
        SdkError::TimeoutError(_) => (Verdict::Lost, "no answer in time".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => (Verdict::Lost, "no answer in time".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_io() && !was_connected(error) => {
            (Verdict::Unreachable, format!("cannot reach the endpoint: {}", root(error)))
        }
        // The connection broke when the request was, or may have been, on its way.
        SdkError::DispatchFailure(failure) if failure.is_io() || failure.as_other().is_some() => (Verdict::Lost, root(error)),
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => {
            let text = root(error);
            let class = if text.contains("redential") || text.contains("token") { Class::Credentials } else { Class::Network };
            (Verdict::Final(class), text)
        }
        _ => (Verdict::Final(Class::Refused), DisplayErrorContext(error).to_string()),
    };
    let request_id = header("x-amzn-requestid").or_else(|| header("x-amz-request-id")).or_else(|| header("x-amzn-request-id"));
    let retry_after =
        header("retry-after").and_then(|seconds| seconds.parse().ok()).map(|seconds| Duration::from_secs(seconds).min(LONGEST_HINT));
    let message = shorten(&message);
    Answer { verdict, retry_after, refusal: Refusal { class: Class::Refused, operation: operation.to_owned(), code, message, request_id } }
}

/// Whether a connection broke, rather than was never made.
fn was_connected(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
            return matches!(error.kind(), ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof);
        }
        next = error.source();
    }
    false
}

/// The error for an answer without what AWS's answer to this operation always has.
pub fn not_aws(operation: &str) -> Error {
    let (code, message) = (String::new(), answered_otherwise(None));
    Error::Failed(Box::new(Refusal { class: Class::Network, operation: operation.to_owned(), code, message, request_id: None }))
}

fn answered_otherwise(status: Option<u16>) -> String {
    let status = status.map_or_else(String::new, |status| format!(" (HTTP {status})"));
    format!("the endpoint did not answer as AWS does{status}; check AWS_ENDPOINT_URL and any proxy")
}

/// The innermost cause: outer ones only say "dispatch failure".
fn root(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn shorten(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Turns "there is no such thing" into `None`.
pub trait Optional<T> {
    /// `None` if it does not exist.
    fn optional(self) -> Result<Option<T>>;
}

impl<T> Optional<T> for Result<T> {
    fn optional(self) -> Result<Option<T>> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(Error::Absent(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
