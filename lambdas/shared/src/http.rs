//! Answers in the shape that `docs/api.md` promises, on errors as well, and what is read from a request besides its body.

use crate::batch::Invalid;
use crate::digest;
use crate::store::StoreError;
use crate::token::{OPEN_READING, READ_TOKEN_SHA256, READING_CLOSED};
use lambda_http::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::{Value, json};

/// Variable with the origins that may use the interface, with commas between them; `api.cors.origins` of `stack.yaml`.
pub const ALLOWED_ORIGINS: &str = "ALLOWED_ORIGINS";
/// Headers a browser may send, as the gateway's preflight answers them.
const ALLOWED_HEADERS: &str = "Content-Type,X-API-Key,Authorization,X-CSRF-Token,X-Session-ID";
/// Seconds a client waits after an error that passes.
const RETRY_AFTER: i64 = 2;

/// A right answer before it becomes a response.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Content of `data`.
    pub data: Value,
    /// The `cache-control` header.
    pub cache: &'static str,
    /// Identifies the content; without one the answer is always sent in full.
    pub entity_tag: Option<String>,
    /// Numbers for the log line.
    pub facts: Facts,
}

/// Numbers for the log line; no personal data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// Events taken.
    pub events: usize,
    /// Events refused.
    pub rejected: usize,
    /// Events of programs and of visitors who ask not to be tracked.
    pub ignored: usize,
    /// Set if the batch had been counted before.
    pub duplicate: bool,
    /// Counters that could not be increased.
    pub lost_increments: usize,
}

/// Why there is no right answer. The words are for the client; the causes of [`Failure::Store`] go to the log alone.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// 400
    #[error("invalid request: {0}")]
    Invalid(#[from] Invalid),
    /// 401 for a batch.
    #[error("the token is missing, wrong or expired: begin a new session")]
    SessionToken,
    /// 401 for a reader.
    #[error("the token is missing, wrong or not for this site: send it as Authorization: Bearer, or as X-API-Key")]
    ReaderToken,
    /// 401 for every reader, until the installation names a token.
    #[error("{READING_CLOSED}; {OPEN_READING}")]
    ReadingClosed,
    /// 403
    #[error("this origin may not use this interface")]
    ForeignOrigin,
    /// 403: the request did not come through the installation's own address.
    #[error("this interface is reached through the site's own address only")]
    NotThroughEdge,
    /// 403, with the site's key. Trackers do not send such a batch again.
    #[error("unknown site {0}: this installation takes events for the sites that are listed in SITES")]
    UnknownSite(String),
    /// 405, with the method that works.
    #[error("method not allowed: use {0}")]
    Method(Method),
    /// 413, with the limit in bytes.
    #[error("the body is larger than {0} bytes: send fewer events at a time")]
    TooLarge(usize),
    /// 413: the batch would cost more than one may.
    #[error("the events are too large to be taken together: send fewer events at a time")]
    TooDear,
    /// 415
    #[error("the content type must be application/json or text/plain")]
    ContentType,
    /// 429, with the seconds until the next request is taken.
    #[error("too many requests from this address: slow down")]
    TooMany(i64),
    /// 429, 503 or 500
    #[error("{}", store_message(.0))]
    Store(#[from] StoreError),
}

impl Failure {
    /// The status code.
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

/// Origins whose pages may use the interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// All, which is what a tracker on somebody else's site needs.
    Any,
    /// These alone, such as `https://shop.example`.
    Only(Vec<String>),
}

impl Origins {
    /// Reads a list with commas; missing, empty or `*` is any.
    pub fn parse(list: Option<&str>) -> Self {
        let origins: Vec<String> =
            list.unwrap_or_default().split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(str::to_owned).collect();
        if origins.is_empty() || origins.iter().any(|origin| origin == "*") { Self::Any } else { Self::Only(origins) }
    }

    /// Returns whether a request may be answered. One without an origin comes from no page of another site.
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

/// A body's content type, in lower case without parameters.
pub fn content_type(request: &Request) -> Option<String> {
    let value = request.headers().get(header::CONTENT_TYPE)?;
    let text = value.to_str().unwrap_or("unreadable").split(';').next().unwrap_or_default();
    Some(text.trim().to_ascii_lowercase())
}

/// The token of a reader: `Authorization: Bearer …`, or `X-API-Key`.
pub fn reader_token(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = bearer.map(|(_, token)| token).or_else(|| headers.get("x-api-key").and_then(|value| value.to_str().ok()));
    token.map(str::trim)
}

/// A weak entity tag of what an answer says.
pub fn entity_tag(content: &impl Serialize) -> Option<String> {
    let content = serde_json::to_string(content).ok()?;
    Some(format!("W/\"{}\"", digest::identifier(&["tag", &content])))
}

/// A complete response, with CORS headers whatever happened.
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
        // By this the dashboard knows that no token would be taken.
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
