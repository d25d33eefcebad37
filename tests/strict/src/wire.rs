//! Errors in the form of each service's protocol ("H.2 Wire protocols" of the fact sheet).

use crate::{cbor, message::Response, operation::Operation};
use std::fmt;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The service's error code.
    pub code: &'static str,
    /// The service's own words.
    pub message: String,
    /// Seconds, for the header `Retry-After`.
    pub retry_after: Option<u32>,
}

impl Refusal {
    /// One without a hint when to try again.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// As `service` sends it.
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

    /// Too many requests, as `service` says it (A.1 to A.10).
    pub fn throttle(service: &str) -> Self {
        match service {
            "apigateway" => Self::new(429, "TooManyRequestsException", "Too Many Requests"),
            "lambda" => Self::new(429, "TooManyRequestsException", "Rate exceeded"),
            "dynamodb" => Self::new(400, "ThrottlingException", "The rate of control plane requests made by this account is too high"),
            "logs" => Self::new(400, "ThrottlingException", "Rate exceeded"),
            "s3" => Self::new(503, "SlowDown", "Please reduce your request rate."),
            _ => Self::new(400, "Throttling", "Rate exceeded"),
        }
    }

    /// The session that the request was signed in has expired ("Common errors" of each service's API reference; S3: "Error responses").
    pub fn expired(service: &str) -> Self {
        let (status, code) = match service {
            "s3" => return Self::new(400, "ExpiredToken", "The provided token has expired."),
            "dynamodb" | "logs" | "tag" => (400, "ExpiredTokenException"),
            "lambda" | "apigateway" => (403, "ExpiredTokenException"),
            _ => (403, "ExpiredToken"),
        };
        Self::new(status, code, "The security token included in the request is expired")
    }

    /// The credentials may not do this ("Common errors" of each service's API reference).
    pub fn denied(operation: &Operation) -> Self {
        let (status, code) = match operation.service {
            "s3" | "iam" | "cloudfront" | "sts" => (403, "AccessDenied"),
            "lambda" | "apigateway" => (403, "AccessDeniedException"),
            _ => (400, "AccessDeniedException"),
        };
        let message = format!("User: arn:aws:iam::123456789012:user/somebody is not authorized to perform: {operation}");
        Self::new(status, code, message)
    }

    /// The service stumbled.
    pub fn stumble(service: &str, status: u16) -> Self {
        let code = match (service, status) {
            ("iam", _) => "ServiceFailure",
            ("lambda", 500) => "ServiceException",
            ("s3", 500) => "InternalError",
            ("s3", _) => "ServiceUnavailable",
            ("apigateway", 503) => "ServiceUnavailableException",
            ("dynamodb", 500) => "InternalServerError",
            _ => "InternalFailure",
        };
        Self::new(status, code, "We encountered an internal error. Please try again.")
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
