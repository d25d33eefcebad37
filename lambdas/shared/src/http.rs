//! Responses in the format that `docs/api.md` documents, errors included, and the parts of a request besides its body.

use crate::batch::Invalid;
use crate::digest;
use crate::store::StoreError;
use crate::token::{OPEN_READING, READ_TOKEN_SHA256, READING_CLOSED};
use lambda_http::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::{Value, json};

/// Variable with the origins that may call the API, separated by commas; `api.cors.origins` of `stack.yaml`.
pub const ALLOWED_ORIGINS: &str = "ALLOWED_ORIGINS";
/// Headers that a browser may send, as in the gateway's preflight answers.
const ALLOWED_HEADERS: &str = "Content-Type,X-API-Key,Authorization,X-CSRF-Token,X-Session-ID";
/// Seconds that a client waits after a temporary error.
const RETRY_AFTER: i64 = 2;

/// Successful answer before it becomes a response.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Content of `data`.
    pub data: Value,
    /// Value of the `cache-control` header.
    pub cache: &'static str,
    /// Identifies the content; without one the answer is always sent in full.
    pub entity_tag: Option<String>,
    /// Numbers for the log line.
    pub facts: Facts,
}

/// Numbers for the log line; no personal data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// Number of accepted events.
    pub events: usize,
    /// Number of refused events.
    pub rejected: usize,
    /// Number of events from programs and from visitors who opted out of tracking.
    pub ignored: usize,
    /// Set if the batch had been counted before.
    pub duplicate: bool,
    /// Counters that could not be increased.
    pub lost_increments: usize,
}

/// Reason for an error response. The text is for the client; the causes of [`Failure::Store`] go to the log alone.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Invalid request, status 400.
    #[error("invalid request: {0}")]
    Invalid(#[from] Invalid),
    /// Missing or invalid session token of a batch, status 401.
    #[error("the token is missing, wrong or expired: begin a new session")]
    SessionToken,
    /// Missing or invalid token of a reader, status 401.
    #[error("the token is missing, wrong or not for this site: send it as Authorization: Bearer, or as X-API-Key")]
    ReaderToken,
    /// No reader has access until the installation sets a token, status 401.
    #[error("{READING_CLOSED}; {OPEN_READING}")]
    ReadingClosed,
    /// Origin that is not allowed, status 403.
    #[error("this origin may not use this interface")]
    ForeignOrigin,
    /// Request that bypassed the installation's own address, status 403.
    #[error("this interface is reached through the site's own address only")]
    NotThroughEdge,
    /// Site that is not listed, with its key, status 403. Trackers do not send such a batch again.
    #[error("unknown site {0}: this installation takes events for the sites that are listed in SITES")]
    UnknownSite(String),
    /// Wrong method, with the allowed one, status 405.
    #[error("method not allowed: use {0}")]
    Method(Method),
    /// Body that is too large, with the limit in bytes, status 413.
    #[error("the body is larger than {0} bytes: send fewer events at a time")]
    TooLarge(usize),
    /// Batch that exceeds the maximum cost, status 413.
    #[error("the events are too large to be taken together: send fewer events at a time")]
    TooDear,
    /// Unsupported content type, status 415.
    #[error("the content type must be application/json or text/plain")]
    ContentType,
    /// Too many requests, with the seconds until the next one is accepted, status 429.
    #[error("too many requests from this address: slow down")]
    TooMany(i64),
    /// Error of the tables, status 429, 503 or 500.
    #[error("{}", store_message(.0))]
    Store(#[from] StoreError),
}

impl Failure {
    /// Returns the status code.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::SessionToken | Self::ReaderToken | Self::ReadingClosed => StatusCode::UNAUTHORIZED,
            Self::ForeignOrigin | Self::NotThroughEdge | Self::UnknownSite(_) => StatusCode::FORBIDDEN,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge(_) | Self::TooDear => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooMany(_) | Self::Store(StoreError::SessionFull) => StatusCode::TOO_MANY_REQUESTS,
            Self::Store(StoreError::Throttled { .. } | StoreError::Unavailable { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(StoreError::Refused { .. }) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

fn store_message(error: &StoreError) -> &'static str {
    match error {
        StoreError::SessionFull => "this session has sent too many batches: begin a new session",
        StoreError::Throttled { .. } | StoreError::Unavailable { .. } => "temporarily unavailable: send the same request again",
        StoreError::Refused { .. } => "internal error",
    }
}

/// Origins of pages that may call the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Every origin, as a tracker on other people's sites needs.
    Any,
    /// Listed origins only, such as `https://shop.example`.
    Only(Vec<String>),
}

impl Origins {
    /// Parses a comma-separated list; missing, empty or `*` means any.
    pub fn parse(list: Option<&str>) -> Self {
        let origins: Vec<String> =
            list.unwrap_or_default().split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(str::to_owned).collect();
        if origins.is_empty() || origins.iter().any(|origin| origin == "*") { Self::Any } else { Self::Only(origins) }
    }

    /// Returns true if a request may be answered. One without an origin comes from no page of another site.
    pub fn admit(&self, headers: &HeaderMap) -> bool {
        match (self, headers.get(header::ORIGIN)) {
            (Self::Any, _) | (_, None) => true,
            (Self::Only(origins), Some(origin)) => origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()),
        }
    }

    fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        match self {
            Self::Any => Some(HeaderValue::from_static("*")),
            Self::Only(_) if self.admit(headers) => headers.get(header::ORIGIN).cloned(),
            Self::Only(_) => None,
        }
    }
}

/// Returns a body's content type, in lower case without parameters.
pub fn content_type(request: &Request) -> Option<String> {
    let value = request.headers().get(header::CONTENT_TYPE)?;
    let text = value.to_str().unwrap_or("unreadable").split(';').next().unwrap_or_default();
    Some(text.trim().to_ascii_lowercase())
}

/// Returns a reader's token: `Authorization: Bearer …`, or `X-API-Key`.
pub fn reader_token(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = bearer.map(|(_, token)| token).or_else(|| headers.get("x-api-key").and_then(|value| value.to_str().ok()));
    token.map(str::trim)
}

/// Returns a weak entity tag of an answer's content.
pub fn entity_tag(content: &impl Serialize) -> Option<String> {
    let content = serde_json::to_string(content).ok()?;
    Some(format!("W/\"{}\"", digest::identifier(&["tag", &content])))
}

/// Builds a complete response, with CORS headers in every case.
pub fn respond(request: &Request, result: &Result<Reply, Failure>, method: &Method, origins: &Origins) -> Response<Body> {
    let mut response = match result {
        Ok(reply) => success(request, reply),
        Err(failure) => error(failure),
    };
    let headers = response.headers_mut();
    if let Some(origin) = origins.allowed_origin(request.headers()) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    if matches!(origins, Origins::Only(_)) {
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
    let methods = HeaderValue::from_str(&format!("{method},OPTIONS")).unwrap_or(HeaderValue::from_static("OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Retry-After,ETag"),
        (header::ACCESS_CONTROL_MAX_AGE, "7200"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn success(request: &Request, reply: &Reply) -> Response<Body> {
    let is_known = |tag: &String| {
        let given = request.headers().get(header::IF_NONE_MATCH).and_then(|given| given.to_str().ok());
        given.is_some_and(|given| given.split(',').any(|known| known.trim() == tag))
    };
    let mut response = if reply.entity_tag.as_ref().is_some_and(is_known) {
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        json_response(StatusCode::OK, &json!({"status": "success", "data": reply.data}))
    };
    set(&mut response, header::CACHE_CONTROL, reply.cache);
    if let Some(tag) = &reply.entity_tag {
        set(&mut response, header::ETAG, tag);
    }
    response
}

fn error(failure: &Failure) -> Response<Body> {
    let mut answer = json!({"status": "error", "message": failure.to_string()});
    match failure {
        Failure::Invalid(invalid) => answer["details"] = json!({"field": invalid.field, "error": invalid.problem}),
        Failure::UnknownSite(_) => answer["details"] = json!({"field": "k", "error": "is no site of this installation"}),
        // The dashboard recognises by this that no token would be accepted.
        Failure::ReadingClosed => answer["details"] = json!({"field": READ_TOKEN_SHA256, "error": "not set"}),
        _ => {}
    }
    let mut response = json_response(failure.status(), &answer);
    set(&mut response, header::CACHE_CONTROL, "no-store");
    if let Failure::Method(method) = failure {
        set(&mut response, header::ALLOW, &format!("{method}, OPTIONS"));
    }
    if matches!(failure.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        let seconds = if let Failure::TooMany(seconds) = failure { *seconds } else { RETRY_AFTER };
        set(&mut response, header::RETRY_AFTER, &seconds.to_string());
    }
    if matches!(failure, Failure::ReaderToken | Failure::ReadingClosed) {
        set(&mut response, header::WWW_AUTHENTICATE, "Bearer");
    }
    response
}

fn json_response(status: StatusCode, answer: &Value) -> Response<Body> {
    let mut response = Response::new(Body::Text(answer.to_string()));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, "application/json; charset=utf-8");
    response
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
