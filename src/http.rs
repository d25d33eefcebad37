//! Small HTTP client for the stack's own API and pages. It uses the SDK's HTTP stack, without anything specific to AWS.

use crate::aws::{Route, chain, connector};
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings},
    orchestrator::HttpRequest,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use serde_json::Value;
use shared::edge::HEADER;
use std::{collections::BTreeMap, time::Duration};

/// Timeout of a request. API Gateway gives up after 29 s ("Amazon API Gateway quotas").
const PATIENCE: Duration = Duration::from_secs(30);

/// HTTP client for a single base address.
pub struct Client {
    connector: Connector,
    base: String,
    /// Reader's token, sent with reads.
    token: Option<String>,
    /// Origin secret, sent with every request.
    origin_secret: Option<String>,
}

/// Response to a request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// Delay before another attempt, if the response names one.
    pub retry_after: Option<Duration>,
    /// Body as JSON; null if it is not JSON.
    pub json: Value,
    /// Length of the body in bytes.
    pub length: usize,
    /// Body as text, with stand-ins for what is not UTF-8.
    pub text: String,
    /// Error that API Gateway names in `x-amzn-ErrorType` where it answers itself (reported, and so does the local AWS). A function's answers
    /// have no such header.
    pub gateway_error: Option<String>,
}

/// Reason that a request has no valid response.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The request did not arrive, or the response did not come back.
    #[error("{url} does not answer: {reason}; `liveinsight status` shows whether the stack is there")]
    Lost {
        /// Address of the request.
        url: String,
        /// Cause of the failure.
        reason: String,
    },
    /// The response is not one of this API.
    #[error("{what} answered {status}: {said}")]
    Unexpected {
        /// Method and path of the request.
        what: &'static str,
        /// HTTP status code.
        status: u16,
        /// Body of the response.
        said: String,
    },
}

impl Client {
    /// Creates a client for addresses below `base`. Requests to this machine bypass proxies; others follow the caller's proxy
    /// variables.
    pub fn new(base: &str) -> Self {
        let settings = HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(5)).read_timeout(PATIENCE).build();
        let route = if is_this_machine(base) { Route::Direct } else { Route::Environment };
        Self { connector: connector(route, Some(settings)), base: base.trim_end_matches('/').to_owned(), token: None, origin_secret: None }
    }

    /// Adds a reader's token to reads.
    #[must_use]
    pub fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// Sends the origin secret as a distribution would. The API then trusts the headers of direct requests as it trusts a
    /// distribution's.
    #[must_use]
    pub fn with_origin_secret(self, origin_secret: Option<String>) -> Self {
        Self { origin_secret, ..self }
    }

    /// Sends a GET request for a path below the API's address.
    pub async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.send("GET", path, Vec::new(), SdkBody::empty()).await
    }

    /// Sends a request with any method. A body is JSON unless the headers name another `Content-Type`.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &BTreeMap<String, String>,
        body: Option<&str>,
    ) -> Result<Answer, ClientError> {
        let mut headers: Vec<(String, String)> = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        if body.is_some() && headers.iter().all(|(name, _)| name != "content-type") {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        self.send(method, path, headers, body.map_or_else(SdkBody::empty, SdkBody::from)).await
    }

    /// Sends JSON text as the browser `agent` in `country`. The request carries the country header itself, for requests that
    /// bypass CloudFront.
    pub async fn post(&self, path: &str, (agent, country): (&'static str, &'static str), text: String) -> Result<Answer, ClientError> {
        let headers = [("user-agent", agent), ("cloudfront-viewer-country", country), ("content-type", "application/json")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        self.send("POST", path, headers, SdkBody::from(text)).await
    }

    async fn send(&self, method: &str, path: &str, headers: Vec<(String, String)>, body: SdkBody) -> Result<Answer, ClientError> {
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
            let refused = lost(format!("`{name}` cannot be sent as a header"));
            request.headers_mut().try_insert(name, value).map_err(|_| refused)?;
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
        let gateway_error = response.headers().get("x-amzn-errortype").map(str::to_owned);
        let body = tokio::time::timeout(PATIENCE, ByteStream::new(response.into_body()).collect()).await;
        let body = body.map_err(|_| lost("its answer does not end".to_owned()))?.map_err(|error| lost(chain(&error)))?.into_bytes();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok(Answer { status, retry_after, json, length: body.len(), text: String::from_utf8_lossy(&body).into_owned(), gateway_error })
    }
}

/// Returns true for a plain HTTP address of this machine.
fn is_this_machine(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || host == "[::1]"
}

/// Returns the address to connect to and the `Host` header to send. Names below `localhost` are this machine (RFC 6761, section
/// 6.3), but few resolvers know that.
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
