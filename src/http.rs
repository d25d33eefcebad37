//! A small HTTP client for what the stack itself answers, its API and its pages: the one that the SDK brings along, without anything of AWS.

use crate::aws::{Route, chain, connector};
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings},
    orchestrator::HttpRequest,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use serde_json::Value;
use shared::edge::HEADER;
use std::time::Duration;

/// Limit of the time for an answer. API Gateway gives up after 29 s ("Amazon API Gateway quotas").
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends to one address, and nowhere else.
pub struct Client {
    connector: Connector,
    base: String,
    /// Sent with what is read.
    token: Option<String>,
    /// Sent with everything.
    origin_secret: Option<String>,
}

/// Answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Time to wait before another attempt, if the answer has one.
    pub retry_after: Option<Duration>,
    /// The body; null if it is no JSON.
    pub json: Value,
    /// Length of the body in bytes.
    pub length: usize,
}

/// Why there is no (right) answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The request did not get there, or the answer did not come back.
    #[error("{url} does not answer: {reason}; `liveinsight status` shows whether the stack is there")]
    Lost {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// The answer is not that of this API.
    #[error("{what} answered {status}: {said}")]
    Unexpected {
        /// The method and path.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// The body.
        said: String,
    },
}

impl Client {
    /// Makes a client for what is below `base`. To this machine it goes straight, to others as the caller's proxy variables say.
    pub fn new(base: &str) -> Self {
        let settings = HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(5)).read_timeout(PATIENCE).build();
        let route = if is_this_machine(base) { Route::Direct } else { Route::Environment };
        Self { connector: connector(route, Some(settings)), base: base.trim_end_matches('/').to_owned(), token: None, origin_secret: None }
    }

    /// Shows a reader's token where something is read.
    #[must_use]
    pub fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// Shows the API what a distribution would, so that it takes the headers of what is sent to it directly for a distribution's.
    #[must_use]
    pub fn with_origin_secret(self, origin_secret: Option<String>) -> Self {
        Self { origin_secret, ..self }
    }

    /// Asks for a path below the API's address.
    pub async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.send("GET", path, &[], SdkBody::empty()).await
    }

    /// Sends a text of JSON, from a browser that calls itself `agent` and is in `country`. It says so itself, for where it goes past CloudFront.
    pub async fn post(&self, path: &str, (agent, country): (&'static str, &'static str), text: String) -> Result<Answer, ClientError> {
        let headers = [("user-agent", agent), ("cloudfront-viewer-country", country), ("content-type", "application/json")];
        self.send("POST", path, &headers, SdkBody::from(text)).await
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&'static str, &'static str)], body: SdkBody) -> Result<Answer, ClientError> {
        let url = format!("{}{path}", self.base);
        let (address, host) = on_this_machine(&url);
        let lost = |reason: String| ClientError::Lost { url: url.clone(), reason };
        let mut request = HttpRequest::new(body);
        request.set_method(method).map_err(|error| lost(error.to_string()))?;
        request.set_uri(address.as_str()).map_err(|error| lost(error.to_string()))?;
        if let Some(host) = host {
            request.headers_mut().insert("host", host);
        }
        for (name, value) in headers {
            request.headers_mut().insert(*name, *value);
        }
        if let Some(token) = self.token.as_ref().filter(|_| method == "GET") {
            request
                .headers_mut()
                .try_insert("x-api-key", token.clone())
                .map_err(|_| lost("the token is no value of a header".to_owned()))?;
        }
        if let Some(secret) = &self.origin_secret {
            request
                .headers_mut()
                .try_insert(HEADER, secret.clone())
                .map_err(|_| lost("the distribution's secret is no value of a header".to_owned()))?;
        }
        let response = self.connector.call(request).await.map_err(|error| lost(chain(&error)))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let body = tokio::time::timeout(PATIENCE, ByteStream::new(response.into_body()).collect()).await;
        let body = body.map_err(|_| lost("its answer does not end".to_owned()))?.map_err(|error| lost(chain(&error)))?.into_bytes();
        Ok(Answer { status, retry_after, json: serde_json::from_slice(&body).unwrap_or(Value::Null), length: body.len() })
    }
}

/// Returns `true` for a plain HTTP address of this machine.
fn is_this_machine(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || host == "[::1]"
}

/// Names below `localhost` are this machine (RFC 6761, section 6.3), but few resolvers know that: where to go, and the host to ask there.
fn on_this_machine(url: &str) -> (String, Option<String>) {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        host.ends_with(".localhost").then(|| {
            let port = if port.is_empty() { String::new() } else { format!(":{port}") };
            (format!("{scheme}://127.0.0.1{port}{path}"), Some(authority.to_owned()))
        })
    });
    parts.unwrap_or_else(|| (url.to_owned(), None))
}

#[cfg(test)]
mod tests {
    use super::{is_this_machine, on_this_machine};

    #[test]
    fn only_plain_addresses_of_this_machine_are_reached_without_a_proxy() {
        for here in ["http://127.0.0.1:4566", "http://localhost/a", "http://d1.cloudfront.localhost:4566/", "http://[::1]:1/"] {
            assert!(is_this_machine(here), "{here}");
        }
        for other in
            ["https://d1.cloudfront.net/", "http://localhost.example/", "http://127.0.0.1.example.com.", "https://localhost/", "nonsense"]
        {
            assert!(!is_this_machine(other), "{other}");
        }
    }

    #[test]
    fn names_below_localhost_are_this_machine() {
        let (address, host) = on_this_machine("http://d1.cloudfront.localhost:4566/a?b");
        assert_eq!((address.as_str(), host.as_deref()), ("http://127.0.0.1:4566/a?b", Some("d1.cloudfront.localhost:4566")));
        for other in ["http://localhost:4566/", "https://d1.cloudfront.net/", "http://localhost.example/", "nonsense"] {
            assert_eq!(on_this_machine(other), (other.to_owned(), None));
        }
    }
}
