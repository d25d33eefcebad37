//! Origins and error pages of a distribution: the terms of a declaration, and their translation to and from CloudFront's. The treatment of requests
//! is in `cloudfront_behavior`.
//!
//! CloudFront requires every field on an update, also those that it fills in by itself on creation; lists carry their own length. So declared
//! fields are laid over the observed configuration, and a field that is neither declared nor there gets CloudFront's own default.

use crate::OriginSecret;
use aws_sdk_cloudfront::{
    error::BuildError,
    types::{
        self, CustomErrorResponse, CustomErrorResponses, CustomHeaders, CustomOriginConfig, OriginCustomHeader, OriginProtocolPolicy,
        OriginSslProtocols, S3OriginConfig, SslProtocol,
    },
};
use engine::{Error, Ref, Result, made_secret, secret};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::fmt;

/// Header with the secret by which an API recognizes requests that came through the distribution.
const VERIFY: &str = "X-Origin-Verify";

/// Source of content.
#[derive(Debug, Clone, Serialize)]
pub struct Origin {
    /// Host name of the origin.
    pub domain: Ref<String>,
    /// Prefix of every path: `/site`; empty for none.
    pub path: Ref<String>,
    /// Protocol to the origin.
    pub protocol: Protocol,
    /// The id of the origin access control; empty for none.
    pub access_control: Ref<String>,
    /// Secret that the distribution sends as `X-Origin-Verify`, in place of a visitor's value; compared and never shown.
    pub verify: Verify,
}

/// Secret that a distribution sends to an origin. It does not show in debug output.
#[derive(Clone, Default)]
pub enum Verify {
    /// Leaves the observed secret in place.
    #[default]
    Kept,
    /// Sends this secret; none if it is empty.
    Set(String),
    /// Secret that the engine generates.
    Made(OriginSecret),
}

impl Verify {
    /// Returns the secret, if there is to be one.
    pub fn value(&self) -> Option<String> {
        match self {
            Self::Kept => None,
            Self::Set(secret) => Some(secret.clone()).filter(|secret| !secret.is_empty()),
            Self::Made(secret) => Some(secret.to_send()),
        }
    }
}

impl fmt::Debug for Verify {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Verify")
    }
}

impl Serialize for Verify {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let value = match self {
            Self::Kept => Value::Null,
            Self::Set(none) if none.is_empty() => Value::from(""),
            Self::Set(value) => secret(value),
            Self::Made(made) => made_secret(&made.to_send(), made.sends_next()),
        };
        value.serialize(serializer)
    }
}

/// Protocol to an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// Protocol that S3 origins require.
    S3,
    /// HTTPS on 443, TLS 1.2.
    Https,
    /// Plain HTTP on this port.
    Http(u16),
    /// Any other protocol, which is never declared.
    Other(String),
}

/// Page in place of an origin's error.
///
/// The page applies to the whole distribution: an answer of the API's with this status is hidden as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorPage {
    /// The path of the page: `/error.html`.
    pub page: String,
    /// HTTP status that the page is answered with: `404`.
    pub status: String,
    /// Time in seconds for which an error is cached.
    pub cached_seconds: i64,
}

impl Origin {
    /// Returns an origin that is a bucket, read through an origin access control.
    pub fn bucket(domain: Ref<String>, path: &str, access_control: Ref<String>) -> Self {
        Self { domain, path: path.to_owned().into(), protocol: Protocol::S3, access_control, verify: Verify::Kept }
    }

    /// Returns an origin that is a web server: on HTTPS, or on a port for plain HTTP.
    pub fn server(domain: Ref<String>, path: Ref<String>, http_port: Option<u16>) -> Self {
        Self {
            domain,
            path,
            protocol: http_port.map_or(Protocol::Https, Protocol::Http),
            access_control: String::new().into(),
            verify: Verify::Kept,
        }
    }

    pub(super) fn read(observed: &types::Origin) -> Self {
        let protocol = match &observed.custom_origin_config {
            None if observed.vpc_origin_config.is_some() => Protocol::Other("a private network".to_owned()),
            None => Protocol::S3,
            Some(custom) => Protocol::read(custom),
        };
        Self {
            domain: observed.domain_name.clone().into(),
            path: observed.origin_path.clone().unwrap_or_default().into(),
            protocol,
            access_control: observed.origin_access_control_id.clone().unwrap_or_default().into(),
            verify: Verify::Set(sent_to(observed).unwrap_or_default().to_owned()),
        }
    }

    pub(super) fn write(&self, key: &str, observed: Option<&types::Origin>) -> Result<types::Origin> {
        let mut origin = match observed {
            Some(observed) => observed.clone(),
            None => types::Origin::builder().id(key).domain_name("").build().map_err(incomplete)?,
        };
        origin.domain_name = self.domain.get()?;
        origin.origin_path = Some(self.path.get()?);
        origin.origin_access_control_id = Some(self.access_control.get()?);
        origin.custom_headers = Some(self.custom_headers(origin.custom_headers.take())?);
        origin.custom_origin_config = self.protocol.write(origin.custom_origin_config.as_ref())?;
        origin.vpc_origin_config = None;
        let s3 = origin.s3_origin_config.take();
        origin.s3_origin_config = (self.protocol == Protocol::S3)
            .then(|| s3.unwrap_or_else(|| S3OriginConfig::builder().origin_access_identity(String::new()).build()));
        Ok(origin)
    }

    /// Returns the observed headers, with ours among them: others may have been set by hand.
    fn custom_headers(&self, observed: Option<CustomHeaders>) -> Result<CustomHeaders> {
        let mut items = observed.and_then(|observed| observed.items).unwrap_or_default();
        if !matches!(self.verify, Verify::Kept) {
            items.retain(|header| !is_verify(header));
            if let Some(secret) = self.verify.value() {
                let header = OriginCustomHeader::builder().header_name(VERIFY).header_value(secret);
                items.push(header.build().map_err(incomplete)?);
            }
        }
        CustomHeaders::builder().quantity(count(items.len())).set_items(unless_empty(items)).build().map_err(incomplete)
    }
}

/// Returns the secret that is sent to an origin.
pub(super) fn sent_to(origin: &types::Origin) -> Option<&str> {
    let headers = origin.custom_headers.as_ref()?.items.as_deref().unwrap_or_default();
    headers.iter().find(|header| is_verify(header)).map(|header| header.header_value.as_str())
}

fn is_verify(header: &OriginCustomHeader) -> bool {
    header.header_name.eq_ignore_ascii_case(VERIFY)
}

impl Protocol {
    fn read(custom: &CustomOriginConfig) -> Self {
        let tls: Vec<&str> = custom.origin_ssl_protocols.iter().flat_map(|tls| &tls.items).map(SslProtocol::as_str).collect();
        match custom.origin_protocol_policy {
            OriginProtocolPolicy::HttpOnly if let Ok(port) = u16::try_from(custom.http_port) => Self::Http(port),
            OriginProtocolPolicy::HttpsOnly if custom.https_port == 443 && matches!(tls[..], [] | ["TLSv1.2"]) => Self::Https,
            ref policy => Self::Other(format!("{policy} {}/{} {}", custom.http_port, custom.https_port, tls.join(" "))),
        }
    }

    fn write(&self, observed: Option<&CustomOriginConfig>) -> Result<Option<CustomOriginConfig>> {
        let (policy, http_port) = match self {
            Self::S3 => return Ok(None),
            Self::Https => (OriginProtocolPolicy::HttpsOnly, 80),
            Self::Http(port) => (OriginProtocolPolicy::HttpOnly, i32::from(*port)),
            Self::Other(text) => return Err(Error::refused("cloudfront:UpdateDistribution", format!("no origin is spoken to by {text}"))),
        };
        let tls = OriginSslProtocols::builder().quantity(1).items(SslProtocol::TlSv12).build().map_err(incomplete)?;
        let mut custom = if let Some(observed) = observed {
            observed.clone()
        } else {
            let blank = CustomOriginConfig::builder().http_port(http_port).https_port(443).origin_protocol_policy(policy.clone());
            blank.build().map_err(incomplete)?
        };
        (custom.http_port, custom.https_port, custom.origin_protocol_policy) = (http_port, 443, policy);
        custom.origin_ssl_protocols = Some(tls);
        custom.origin_read_timeout.get_or_insert(30);
        custom.origin_keepalive_timeout.get_or_insert(5);
        Ok(Some(custom))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 => f.write_str("s3"),
            Self::Https => f.write_str("https"),
            Self::Http(port) => write!(f, "http:{port}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl ErrorPage {
    pub(super) fn read(observed: &CustomErrorResponse) -> Self {
        Self {
            page: observed.response_page_path.clone().unwrap_or_default(),
            status: observed.response_code.clone().unwrap_or_default(),
            cached_seconds: observed.error_caching_min_ttl.unwrap_or(10),
        }
    }
}

/// Returns all error pages, by the status that they replace, and the observed entries that only set how long another error is cached: those are not
/// declared.
pub(super) fn error_pages<'a>(
    declared: impl Iterator<Item = (&'a i32, &'a ErrorPage)>,
    observed: Option<&CustomErrorResponses>,
) -> Result<CustomErrorResponses> {
    let item = |(status, page): (&i32, &ErrorPage)| {
        let response = CustomErrorResponse::builder().error_code(*status).response_page_path(&page.page);
        response.response_code(&page.status).error_caching_min_ttl(page.cached_seconds).build().map_err(incomplete)
    };
    let mut items = declared.map(item).collect::<Result<Vec<_>>>()?;
    let observed = observed.and_then(|observed| observed.items.as_deref()).unwrap_or_default();
    let kept = observed.iter().filter(|entry| !has_page(entry) && !items.iter().any(|item| item.error_code == entry.error_code));
    items.extend(kept.cloned().collect::<Vec<_>>());
    CustomErrorResponses::builder().quantity(count(items.len())).set_items(unless_empty(items)).build().map_err(incomplete)
}

/// Returns whether an entry shows a page; one without only sets how long an error is cached.
pub(super) fn has_page(entry: &CustomErrorResponse) -> bool {
    entry.response_page_path.as_ref().is_some_and(|page| !page.is_empty())
}

pub(super) fn count(items: usize) -> i32 {
    i32::try_from(items).unwrap_or(i32::MAX)
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
pub(super) fn incomplete(error: BuildError) -> Error {
    Error::refused("cloudfront:UpdateDistribution", error.to_string())
}

/// Returns `None` for an empty list: CloudFront has no empty lists, only absent ones.
pub(super) fn unless_empty<T>(items: Vec<T>) -> Option<Vec<T>> {
    Some(items).filter(|items| !items.is_empty())
}
