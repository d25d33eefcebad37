//! Meaning of AWS's error answers; the only place that inspects error codes.

use super::{
    Source,
    surroundings::{Surroundings, chain},
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};
use engine::{Class, Error, Refusal, Result};
use std::{fmt::Write, time::Duration};

/// Consequence of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The requested object does not exist.
    Absent,
    /// The resource exists already.
    Exists,
    /// AWS will accept the same request soon.
    NotYet(&'static str),
    /// Too many requests: wait and send it again.
    Throttled,
    /// Signed by a clock that differs from the service's. The client has learned the difference from this very answer: send it again.
    Skewed,
    /// The answer is lost, or the service failed: the request may have been carried out.
    Lost,
    /// No server answers at the endpoint.
    Unreachable,
    /// Refused; a retry would fail too.
    Final(Class),
}

/// Message texts that decide where the code alone does not: (code, part of the message, verdict, source). The first match counts; an empty code
/// matches every code.
const BY_MESSAGE: &[(&str, &str, Verdict, Source)] = {
    use Source::{Assumed, Documented, Recorded, Reported, SourceCode};
    use Verdict::{Exists, NotYet};
    &[
        // IAM propagation, as Lambda and API Gateway report it.
        (
            "InvalidParameterValueException",
            "cannot be assumed by Lambda",
            NotYet("IAM to make the role known to Lambda (usually under 15 s)"),
            SourceCode,
        ),
        (
            "InvalidParameterValueException",
            "The provided execution role does not have permissions",
            NotYet("IAM to make the role's policy known (usually under 15 s)"),
            SourceCode,
        ),
        ("InvalidParameterValueException", "KMS key is invalid for CreateGrant", NotYet("IAM to make the role known to KMS"), SourceCode),
        (
            "BadRequestException",
            "The role ARN does not have required permissions configured",
            NotYet("IAM to make the logging role known to API Gateway"),
            SourceCode,
        ),
        (
            "BadRequestException",
            "could not successfully write to CloudWatch Logs using the ARN",
            NotYet("IAM to make the logging role known to API Gateway"),
            SourceCode,
        ),
        (
            "BadRequestException",
            "CloudWatch Logs role ARN must be set in account settings",
            NotYet("API Gateway to notice its logging role"),
            Reported,
        ),
        ("MalformedPolicyDocument", "Invalid principal in policy", NotYet("IAM to make the principal known"), SourceCode),
        // Services that accept one write at a time.
        ("ConflictException", "try again later", NotYet("another write to the REST API"), Recorded),
        ("NotFoundException", "No integration defined for method", NotYet("the integration to become visible"), Reported),
        ("BadRequestException", "Active stages pointing to this deployment", NotYet("the stage to leave the deployment"), Recorded),
        ("ConflictException", "already exist", Exists, Reported),
        ("ConflictException", "already has this name", Exists, Recorded),
        ("ResourceConflictException", "already exist", Exists, Recorded),
        ("ResourceConflictException", "FunctionUrlConfig exists", Exists, Recorded),
        // A function that could not be created stays that way, so a wait would never end.
        ("ResourceConflictException", "following state: Failed", Verdict::Final(Class::Refused), Assumed),
        ("ResourceConflictException", "", NotYet("Lambda to finish with the function"), Recorded),
        ("ResourceInUseException", "Table already exists", Exists, Reported),
        ("ResourceInUseException", "", NotYet("DynamoDB to finish with the table"), Reported),
        ("ValidationException", "while table is in CREATING state", NotYet("the table to be created"), Reported),
        ("ValidationException", "modified multiple times within a fixed interval", Verdict::Final(Class::Refused), Reported),
        ("ValidationException", "TimeToLive is already", Exists, Reported),
        ("ValidationException", "duplicate index", Exists, Assumed),
        ("ValidationException", "index which already exists", Exists, Assumed),
        ("LimitExceededException", "Table tags are being updated", NotYet("DynamoDB to finish with the tags"), Reported),
        // No quota that could be raised: two changes in 30 days, of each table.
        ("LimitExceededException", "Updates to TableClass are limited", Verdict::Final(Class::Refused), Reported),
        ("LimitExceededException", "simultaneously", NotYet("DynamoDB to finish with other tables and indexes"), Reported),
        // S3's conditional writes: the object exists, or differs from the expected one. ("conditions" with and without a hyphen.)
        ("PreconditionFailed", "conditions you specified did not hold", Exists, Recorded),
        // Signature Version 4, in all services except S3.
        ("InvalidSignatureException", "Signature expired", Verdict::Skewed, Documented),
        ("InvalidSignatureException", "Signature not yet current", Verdict::Skewed, Documented),
        ("SignatureDoesNotMatch", "Signature expired", Verdict::Skewed, Documented),
        ("SignatureDoesNotMatch", "Signature not yet current", Verdict::Skewed, Documented),
        ("", "throttled by EC2", Verdict::Throttled, SourceCode),
        // CloudFront's refusal of an account that AWS has not verified looks like a missing permission, and is not.
        ("AccessDenied", "account must be verified", Verdict::Final(Class::NotActivated), Reported),
        ("AccessDeniedException", "account must be verified", Verdict::Final(Class::NotActivated), Reported),
    ]
};

/// Codes that decide by themselves, with the source for that meaning.
const BY_CODE: &[(Verdict, &[(&str, Source)])] = {
    use Source::{Documented, Recorded, Reported, SourceCode};
    use Verdict::{Absent, Exists, Final, Lost, NotYet, Skewed, Throttled};
    &[
        (
            Absent,
            &[
                ("NoSuchEntity", Recorded),
                ("ResourceNotFoundException", Recorded),
                ("ResourceNotFound", Recorded),
                ("NotFoundException", Recorded),
                ("NotFound", SourceCode),
                ("TableNotFoundException", Reported),
                ("NoSuchBucket", Recorded),
                ("NoSuchBucketPolicy", Recorded),
                ("NoSuchPublicAccessBlockConfiguration", Recorded),
                ("NoSuchTagSet", Recorded),
                ("NoSuchKey", Recorded),
                ("NoSuchUpload", Recorded),
                ("NoSuchVersion", Recorded),
                ("OwnershipControlsNotFoundError", Recorded),
                ("ServerSideEncryptionConfigurationNotFoundError", SourceCode),
                ("NoSuchDistribution", Documented),
                ("NoSuchOriginAccessControl", Documented),
                ("NoSuchResponseHeadersPolicy", Documented),
                ("NoSuchResource", SourceCode),
            ],
        ),
        (
            Exists,
            &[
                ("EntityAlreadyExists", Documented),
                ("ResourceAlreadyExistsException", Recorded),
                ("BucketAlreadyOwnedByYou", Recorded),
                ("OriginAccessControlAlreadyExists", Documented),
                ("ResponseHeadersPolicyAlreadyExists", Documented),
                ("DistributionAlreadyExists", Documented),
            ],
        ),
        (
            NotYet("another write to finish"),
            &[
                ("OperationAborted", Reported),
                ("OperationAbortedException", Documented),
                ("ConcurrentModification", Documented),
                ("ConditionalRequestConflict", Recorded),
            ],
        ),
        (NotYet("point-in-time recovery to become available"), &[("ContinuousBackupsUnavailableException", Reported)]),
        (NotYet("CloudFront to stop serving (usually 3 to 5 minutes)"), &[("DistributionNotDisabled", Documented)]),
        (NotYet("S3 to notice that the bucket is empty"), &[("BucketNotEmpty", Recorded)]),
        (NotYet("CloudFront to let go of it"), &[("OriginAccessControlInUse", Documented), ("ResponseHeadersPolicyInUse", Documented)]),
        (
            NotYet("a fresh look at what was changed meanwhile"),
            &[("PreconditionFailed", Recorded), ("PreconditionFailedException", Recorded), ("InvalidIfMatchVersion", Documented)],
        ),
        (NotYet("what uses the role to go"), &[("DeleteConflict", Recorded)]),
        (
            Throttled,
            &[
                ("Throttling", Documented),
                ("ThrottlingException", Documented),
                ("ThrottledException", Documented),
                ("RequestThrottled", SourceCode),
                ("RequestThrottledException", SourceCode),
                ("TooManyRequestsException", Recorded),
                ("RequestLimitExceeded", SourceCode),
                ("SlowDown", Documented),
                ("PriorRequestNotComplete", SourceCode),
                ("ProvisionedThroughputExceededException", Documented),
                ("TooManyInvalidationsInProgress", Documented),
            ],
        ),
        (Skewed, &[("RequestTimeTooSkewed", Documented)]),
        (Final(Class::Expired), &[("ExpiredToken", Documented), ("ExpiredTokenException", Documented), ("RequestExpired", Documented)]),
        (
            Final(Class::Credentials),
            &[
                ("InvalidClientTokenId", Documented),
                ("UnrecognizedClientException", Documented),
                ("InvalidAccessKeyId", Documented),
                ("SignatureDoesNotMatch", Documented),
                ("InvalidSignatureException", Documented),
                ("IncompleteSignature", Documented),
                ("MissingAuthenticationToken", Documented),
                ("InvalidToken", Documented),
            ],
        ),
        (
            Final(Class::Denied),
            &[
                ("AccessDenied", Recorded),
                ("AccessDeniedException", Documented),
                ("UnauthorizedOperation", SourceCode),
                ("AuthorizationError", SourceCode),
                ("UnauthorizedException", SourceCode),
            ],
        ),
        (
            Final(Class::NotActivated),
            &[
                ("AccountProblem", Documented),
                ("NotSignedUp", Documented),
                ("OptInRequired", Documented),
                ("PendingVerification", Reported),
                ("RegionDisabledException", Documented),
                ("SubscriptionRequiredException", Documented),
            ],
        ),
        (
            Final(Class::Quota),
            &[
                ("LimitExceededException", Documented),
                ("LimitExceeded", Documented),
                ("ServiceQuotaExceededException", Documented),
                ("TooManyBuckets", Documented),
                ("CodeStorageExceededException", Documented),
                ("TooManyDistributions", Documented),
            ],
        ),
        (
            Lost,
            &[
                ("InternalError", Documented),
                ("InternalFailure", Documented),
                ("InternalServerError", Documented),
                ("InternalServiceError", Documented),
                ("ServiceException", Documented),
                ("ServiceFailure", Documented),
                ("ServiceUnavailable", Documented),
                ("ServiceUnavailableException", Documented),
                ("RequestTimeout", Documented),
                ("RequestTimeoutException", Documented),
            ],
        ),
    ]
};

/// Limit of the pause that an answer may ask for: the user is watching.
const LONGEST_HINT: Duration = Duration::from_mins(1);

pub(super) fn verdict(status: Option<u16>, code: &str, message: &str) -> Verdict {
    let by_message = BY_MESSAGE.iter().find(|(of, part, ..)| (of.is_empty() || *of == code) && message.contains(part));
    if let Some((_, _, verdict, _)) = by_message {
        return *verdict;
    }
    // API Gateway uses one code for a rate limit and a quota; only waiting distinguishes them.
    if status == Some(429) {
        return Verdict::Throttled;
    }
    let by_code = BY_CODE.iter().find(|(_, codes)| codes.iter().any(|(known, _)| *known == code));
    match (by_code, status) {
        (Some((verdict, _)), _) => *verdict,
        // 501 and 505: the service does not know the request, now or later.
        (None, Some(501 | 505)) => Verdict::Final(Class::Refused),
        (None, Some(500..=599)) => Verdict::Lost,
        (None, Some(403)) => Verdict::Final(Class::Denied),
        _ => Verdict::Final(Class::Refused),
    }
}

/// Error answer after its classification.
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    pub(super) retry_after: Option<Duration>,
    refusal: Refusal,
}

impl Answer {
    /// Returns the error's code, or `no answer` where there is none.
    pub(super) fn code(&self) -> &str {
        if self.refusal.code.is_empty() { "no answer" } else { &self.refusal.code }
    }

    /// Returns the request's id, if the service answered.
    pub(super) fn request_id(&self) -> Option<&str> {
        self.refusal.request_id.as_deref()
    }

    /// Returns the text of the answer without its operation.
    pub(super) fn text(&self) -> String {
        Refusal { operation: String::new(), request_id: None, ..self.refusal.clone() }.to_string().trim_start_matches(": ").to_owned()
    }

    /// Adds to a refusal by S3 that the bucket's owner may be the reason. S3 gives the same answer to callers without the permission and to
    /// callers that expect the bucket in another account (recorded).
    pub(super) fn about_bucket(mut self, account: &str) -> Self {
        if self.verdict == Verdict::Final(Class::Denied) {
            let _ =
                write!(self.refusal.message, " (so S3 answers without the permission, and if the bucket is not in the account {account})");
        }
        self
    }

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

/// Limit of an error text in characters: an endpoint may answer a megabyte.
const LONGEST: usize = 400;

pub(super) fn read_answer<E: ProvideErrorMetadata + std::error::Error + 'static>(
    operation: &str,
    error: &SdkError<E, HttpResponse>,
    surroundings: &Surroundings,
) -> Answer {
    let response = error.raw_response();
    let header = |name: &str| response.and_then(|response| response.headers().get(name)).map(str::to_owned);
    let status = response.map(|response| response.status().as_u16());
    let code = error.code().unwrap_or_default().to_owned();
    let message = error.message().unwrap_or_default().to_owned();
    let (verdict, message) = match error {
        // The answer to `HEAD` has no body that could contain a code.
        SdkError::ServiceError(_) if code.is_empty() && status == Some(403) && operation.starts_with("s3:Head") => {
            (Verdict::Final(Class::Denied), "Forbidden".to_owned())
        }
        SdkError::ServiceError(_) if code.is_empty() && status.is_some_and(|status| status < 500 && status != 429) => {
            (Verdict::Final(Class::Network), answered_otherwise(status, &first_words(response)))
        }
        SdkError::ServiceError(_) if code.is_empty() && message.is_empty() => {
            (verdict(status, "", ""), bare(status, &first_words(response)))
        }
        SdkError::ServiceError(_) => (verdict(status, &code, &message), message),
        // Only an answer that arrived whole can be read and recognised as not AWS's.
        SdkError::ResponseError(answer) if answer.raw().body().bytes().is_none() => (Verdict::Lost, "the answer broke off".to_owned()),
        SdkError::ResponseError(_) if status.is_some_and(|status| status >= 500) => (Verdict::Lost, bare(status, &first_words(response))),
        SdkError::ResponseError(_) => (Verdict::Final(Class::Network), answered_otherwise(status, &first_words(response))),
        SdkError::TimeoutError(_) => (Verdict::Lost, "no answer in time".to_owned()),
        SdkError::DispatchFailure(_) if is_of_credentials(error) && !is_about_connection(error) => {
            (Verdict::Final(Class::Credentials), unusable(&of_credentials(error), surroundings))
        }
        SdkError::DispatchFailure(failure) if failure.is_timeout() => (Verdict::Lost, "no answer in time".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_io() && !was_connected(error) => {
            (Verdict::Unreachable, format!("cannot reach the endpoint: {}", root(error)))
        }
        // The connection broke when the request was, or may have been, on its way.
        SdkError::DispatchFailure(failure) if failure.is_io() || failure.as_other().is_some() => (Verdict::Lost, root(error)),
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => {
            let text = root(error);
            let class = if text.contains("redential") || text.contains("token") { Class::Credentials } else { Class::Network };
            (Verdict::Final(class), if class == Class::Credentials { unusable(&text, surroundings) } else { text })
        }
        _ => (Verdict::Final(Class::Refused), DisplayErrorContext(error).to_string()),
    };
    let request_id = header("x-amzn-requestid").or_else(|| header("x-amz-request-id")).or_else(|| header("x-amzn-request-id"));
    let retry_after =
        header("retry-after").and_then(|seconds| seconds.parse().ok()).map(|seconds| Duration::from_secs(seconds).min(LONGEST_HINT));
    let mut message = shorten(&message);
    if is_of_credentials(error) && is_about_connection(error) {
        message.push_str(&surroundings.for_credentials());
    }
    let went_elsewhere =
        !is_of_credentials(error) && matches!(verdict, Verdict::Final(Class::Network) | Verdict::Lost | Verdict::Unreachable);
    if went_elsewhere && (!matches!(error, SdkError::ServiceError(_)) || verdict == Verdict::Final(Class::Network)) {
        message.push_str(&surroundings.blame(operation.split(':').next().unwrap_or_default(), error));
    }
    Answer { verdict, retry_after, refusal: Refusal { class: Class::Refused, operation: operation.to_owned(), code, message, request_id } }
}

/// Tests whether the failure is about credentials for the signature rather than about the request.
fn is_of_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    sources(error).any(|error| error.is::<aws_credential_types::provider::error::CredentialsError>())
}

/// Returns the reason for a failure of credentials, from the attempted source to the innermost cause.
fn of_credentials(error: &(dyn std::error::Error + 'static)) -> String {
    let own = sources(error).find(|error| error.is::<aws_credential_types::provider::error::CredentialsError>());
    own.and_then(std::error::Error::source).map_or_else(|| root(error), chain)
}

/// Tests whether the failure is about a connection, which may pass.
fn is_about_connection(error: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind::{InvalidData, InvalidInput, NotFound, PermissionDenied};
    let of_files = [InvalidData, InvalidInput, NotFound, PermissionDenied];
    sources(error).filter_map(|error| error.downcast_ref::<std::io::Error>()).any(|error| !of_files.contains(&error.kind()))
}

fn sources<'a>(error: &'a (dyn std::error::Error + 'static)) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Tests whether an established connection broke.
fn was_connected(error: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let broken = [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof];
    sources(error).find_map(|error| error.downcast_ref::<std::io::Error>()).is_some_and(|error| broken.contains(&error.kind()))
}

/// Creates the error for an answer that lacks what AWS's answer to this operation always contains.
pub fn not_aws(operation: &str) -> Error {
    let (code, message) = (String::new(), answered_otherwise(None, ""));
    Error::Failed(Box::new(Refusal { class: Class::Network, operation: operation.to_owned(), code, message, request_id: None }))
}

fn answered_otherwise(status: Option<u16>, words: &str) -> String {
    let status = status.map_or_else(String::new, |status| format!(" (HTTP {status}{words})"));
    format!("the endpoint did not answer as AWS does{status}; check AWS_ENDPOINT_URL and any proxy")
}

/// Describes a failure of the service in an answer without an error of AWS.
fn bare(status: Option<u16>, words: &str) -> String {
    status.map_or_else(String::new, |status| format!("HTTP {status} without an error of AWS{words}"))
}

/// Limit in characters of a foreign answer in a message.
const FIRST_WORDS: usize = 80;

/// Returns the first words of an answer's body, without markup: `: "Service Unavailable"`. Empty if there are none.
fn first_words(response: Option<&HttpResponse>) -> String {
    let body = response.and_then(|response| response.body().bytes()).unwrap_or_default();
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let mut words = String::new();
    let mut in_tag = false;
    for c in text.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                words.push(' ');
            }
            c if !in_tag => words.push(if c.is_control() { ' ' } else { c }),
            _ => {}
        }
    }
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = words.chars().take(FIRST_WORDS).collect();
    let rest = if shown.len() < words.len() { "…" } else { "" };
    if shown.is_empty() { String::new() } else { format!(": \"{shown}{rest}\"") }
}

/// Returns the text of the innermost cause. Outer ones are as vague as "dispatch failure".
fn root(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    with_store(innermost.to_string())
}

/// Adds the certificate store to an error about an untrusted certificate. Containers may have no store, and a company's proxy has its own
/// certificate.
fn with_store(text: String) -> String {
    if !text.contains("invalid peer certificate") {
        return text;
    }
    let set = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find_map(|name| Some(format!("{name}={}", std::env::var(name).ok()?)));
    let store = set.unwrap_or_else(|| "the system's".to_owned());
    format!(
        "{text}; the certificate store is {store}: install the package ca-certificates, or, behind a proxy that has its own \
         certificate, add that to the store or name its file in SSL_CERT_FILE"
    )
}

/// Shortens the SDK's list of all places without credentials, and names the settings that led to none.
fn unusable(text: &str, surroundings: &Surroundings) -> String {
    let given = surroundings.for_credentials();
    if text.contains("no credentials found in chain") || text.contains("no providers in chain provided credentials") {
        format!("there are no AWS credentials here{given}")
    } else {
        format!("there are no usable AWS credentials{given}: {text}")
    }
}

fn shorten(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Turns the error for an absent object into `None`.
pub trait Optional<T> {
    /// Returns `None` if the requested object does not exist.
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
