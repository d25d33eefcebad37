//! Errors in the form of each service's protocol (`docs/aws.md`, "Protocols").

use crate::{
    cbor,
    message::Response,
    operation::Operation,
    rules::{self, Rule},
};
use std::fmt;

/// Error answer of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status of the answer.
    pub status: u16,
    /// Error code of the service.
    pub code: &'static str,
    /// Message of the service.
    pub message: String,
    /// Delay in seconds for the header `Retry-After`.
    pub retry_after: Option<u32>,
    /// Rule that the refusal follows from; only rules create refusals.
    rule: &'static Rule,
}

impl Refusal {
    /// Creates a refusal by a rule, without a hint when to retry.
    pub(crate) fn of(rule: &'static Rule, message: String) -> Self {
        Self { status: rule.status, code: rule.code, message, retry_after: None, rule }
    }

    /// Returns the rule that the refusal follows from.
    pub fn rule(&self) -> &'static Rule {
        self.rule
    }

    /// Returns the refusal in the form that `service` sends.
    pub fn response(&self, service: &str) -> Response {
        let (code, message) = (self.code, escape(&self.message));
        let kind = if self.status < 500 { "Sender" } else { "Receiver" };
        let wrapped = format!(
            "<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>strict</RequestId></ErrorResponse>"
        );
        let response = match service {
            "iam" | "sts" | "cloudfront" => Response::new(self.status, "text/xml", wrapped),
            "s3" => {
                let body = format!("<Error><Code>{code}</Code><Message>{message}</Message><RequestId>strict</RequestId></Error>");
                Response::new(self.status, "application/xml", body)
            }
            "cloudwatch" => Response::new(self.status, "application/cbor", cbor::error(code, &self.message))
                .with("smithy-protocol", "rpc-v2-cbor")
                .with("x-amzn-query-error", &format!("{code};{kind}")),
            "dynamodb" => {
                let body = serde_json::json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": self.message });
                Response::new(self.status, "application/x-amz-json-1.0", body.to_string())
            }
            "logs" | "tag" => {
                let body = serde_json::json!({ "__type": code, "message": self.message });
                Response::new(self.status, "application/x-amz-json-1.1", body.to_string())
            }
            _ => Response::new(self.status, "application/json", serde_json::json!({ "message": self.message }).to_string())
                .with("x-amzn-ErrorType", code),
        };
        let response = response.with("x-amzn-RequestId", "strict");
        match self.retry_after {
            Some(seconds) => response.with("Retry-After", &seconds.to_string()),
            None => response,
        }
    }

    /// Creates the refusal of too many requests in the form of `service`.
    pub fn throttle(service: &str) -> Self {
        let rule = match service {
            "apigateway" => &rules::THROTTLED_API,
            "lambda" => &rules::THROTTLED_LAMBDA,
            "dynamodb" => &rules::THROTTLED_DYNAMODB,
            "logs" => &rules::THROTTLED_LOGS,
            "s3" => &rules::THROTTLED_S3,
            _ => &rules::THROTTLED,
        };
        rule.refuse(&[])
    }

    /// Creates the refusal of a request signed in an expired session.
    pub fn expired(service: &str) -> Self {
        let rule = match service {
            "s3" => &rules::SESSION_EXPIRED_S3,
            "dynamodb" | "logs" | "tag" => &rules::SESSION_EXPIRED_JSON,
            "lambda" | "apigateway" => &rules::SESSION_EXPIRED_REST,
            _ => &rules::SESSION_EXPIRED,
        };
        rule.refuse(&[])
    }

    /// Creates the refusal of an operation that the credentials may not call.
    pub fn denied(operation: &Operation) -> Self {
        let rule = match operation.service {
            "s3" | "iam" | "cloudfront" | "sts" => &rules::DENIED_XML,
            "lambda" | "apigateway" => &rules::DENIED_REST,
            _ => &rules::DENIED_JSON,
        };
        rule.refuse(&[&operation.to_string()])
    }

    /// Creates CloudFront's refusal for an account that AWS has not verified, if the operation creates something.
    pub(crate) fn unverified(operation: &Operation) -> Option<Self> {
        let makes = operation.service == "cloudfront"
            && ["CreateDistribution", "CreateOriginAccessControl", "CreateResponseHeadersPolicy"].contains(&&*operation.name);
        makes.then(|| rules::ACCOUNT_UNVERIFIED.refuse(&[]))
    }

    /// Creates the answer for a failure of the service itself.
    pub fn stumble(service: &str, status: u16) -> Self {
        let rule = match (service, status) {
            ("iam", _) => &rules::STUMBLE_IAM,
            ("lambda", 500) => &rules::STUMBLE_LAMBDA,
            ("s3", 500) => &rules::STUMBLE_S3,
            ("s3", _) => &rules::STUMBLE_S3_LATER,
            ("apigateway", 503) => &rules::STUMBLE_API_LATER,
            ("dynamodb", 500) => &rules::STUMBLE_DYNAMODB,
            _ => &rules::STUMBLE,
        };
        Self { status, ..rule.refuse(&[]) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
