//! What a distribution serves and from where: the words of a declaration, and their translation to and from CloudFront's.
//!
//! CloudFront wants every field on an update, also those that it fills in by itself on creation; lists carry their own length.
//! So declared fields are laid over the live configuration, and what is neither declared nor there gets CloudFront's own default.

use crate::engine::{Error, Ref, Result};
use aws_sdk_cloudfront::{
    error::BuildError,
    types::{
        self, AllowedMethods, CacheBehavior, CacheBehaviors, CachedMethods, CustomErrorResponse, CustomErrorResponses, CustomHeaders,
        CustomOriginConfig, DefaultCacheBehavior, FunctionAssociations, LambdaFunctionAssociations, Method, OriginProtocolPolicy,
        OriginSslProtocols, S3OriginConfig, SslProtocol, TrustedKeyGroups, TrustedSigners, ViewerProtocolPolicy,
    },
};
use serde::{Serialize, Serializer};
use std::{collections::BTreeSet, fmt};

/// Ids of AWS's own policies ("Amazon CloudFront Developer Guide", managed policies).
mod managed {
    pub(super) const CACHING_OPTIMIZED: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";
    pub(super) const CACHING_DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
    pub(super) const ALL_VIEWER_EXCEPT_HOST_HEADER: &str = "b689b0a8-53d0-40ab-baf2-68738e2966ac";
    pub(super) const SECURITY_HEADERS: &str = "67f7725c-6f97-4210-82d7-5512b31e9d03";
}

/// Where content comes from.
#[derive(Debug, Clone, Serialize)]
pub struct Origin {
    /// Its host.
    pub domain: Ref<String>,
    /// What is put in front of every path: `/site`; empty for nothing.
    pub path: Ref<String>,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// The id of the origin access control; empty for none.
    pub access_control: Ref<String>,
}

/// How an origin is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// As S3 wants it.
    S3,
    /// HTTPS on 443, TLS 1.2.
    Https,
    /// Plain HTTP on this port.
    Http(u16),
    /// Some other way, which nobody declares.
    Other(String),
}

/// What is done with the requests for some paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Behavior {
    /// The key of the origin.
    pub origin: String,
    /// `redirect-to-https` or `allow-all`.
    pub viewers: String,
    /// Methods that are passed on; CloudFront knows `GET HEAD`, these with `OPTIONS`, and all seven.
    pub methods: BTreeSet<String>,
    /// Whether answers are compressed for those who understand it.
    pub compress: bool,
    /// The id of the cache policy.
    pub cache_policy: String,
    /// The id of the policy for what the origin is told; empty for none.
    pub request_policy: String,
    /// The id of the policy for headers that are added to answers; empty for none.
    pub headers_policy: String,
}

/// What visitors see in place of an origin's error.
///
/// It counts for the whole distribution: an answer of the API's with this status is hidden as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorPage {
    /// The path of the page: `/error.html`.
    pub page: String,
    /// The status it is answered with: `404`.
    pub status: String,
    /// Seconds for which an error is remembered.
    pub cached_seconds: i64,
}

impl Origin {
    /// A bucket, read through an origin access control.
    pub fn bucket(domain: Ref<String>, path: &str, access_control: Ref<String>) -> Self {
        Self { domain, path: path.to_owned().into(), protocol: Protocol::S3, access_control }
    }

    /// A web server: on HTTPS, or on a port for plain HTTP.
    pub fn server(domain: Ref<String>, path: Ref<String>, http_port: Option<u16>) -> Self {
        Self { domain, path, protocol: http_port.map_or(Protocol::Https, Protocol::Http), access_control: String::new().into() }
    }

    pub(super) fn read(live: &types::Origin) -> Self {
        let protocol = match &live.custom_origin_config {
            None if live.vpc_origin_config.is_some() => Protocol::Other("a private network".to_owned()),
            None => Protocol::S3,
            Some(custom) => Protocol::read(custom),
        };
        Self {
            domain: live.domain_name.clone().into(),
            path: live.origin_path.clone().unwrap_or_default().into(),
            protocol,
            access_control: live.origin_access_control_id.clone().unwrap_or_default().into(),
        }
    }

    pub(super) fn write(&self, key: &str, live: Option<&types::Origin>) -> Result<types::Origin> {
        let mut origin = match live {
            Some(live) => live.clone(),
            None => types::Origin::builder().id(key).domain_name("").build().map_err(incomplete)?,
        };
        origin.domain_name = self.domain.get()?;
        origin.origin_path = Some(self.path.get()?);
        origin.origin_access_control_id = Some(self.access_control.get()?);
        origin.custom_headers = Some(match origin.custom_headers.take() {
            Some(headers) => headers,
            None => CustomHeaders::builder().quantity(0).build().map_err(incomplete)?,
        });
        origin.custom_origin_config = self.protocol.write(origin.custom_origin_config.as_ref())?;
        origin.vpc_origin_config = None;
        let s3 = origin.s3_origin_config.take();
        origin.s3_origin_config = (self.protocol == Protocol::S3)
            .then(|| s3.unwrap_or_else(|| S3OriginConfig::builder().origin_access_identity(String::new()).build()));
        Ok(origin)
    }
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

    fn write(&self, live: Option<&CustomOriginConfig>) -> Result<Option<CustomOriginConfig>> {
        let (policy, http_port) = match self {
            Self::S3 => return Ok(None),
            Self::Https => (OriginProtocolPolicy::HttpsOnly, 80),
            Self::Http(port) => (OriginProtocolPolicy::HttpOnly, i32::from(*port)),
            Self::Other(text) => return Err(Error::refused("cloudfront:UpdateDistribution", format!("no origin is spoken to by {text}"))),
        };
        let tls = OriginSslProtocols::builder().quantity(1).items(SslProtocol::TlSv12).build().map_err(incomplete)?;
        let custom = CustomOriginConfig::builder()
            .http_port(http_port)
            .https_port(443)
            .origin_protocol_policy(policy)
            .origin_ssl_protocols(tls)
            .origin_read_timeout(live.and_then(|live| live.origin_read_timeout).unwrap_or(30))
            .origin_keepalive_timeout(live.and_then(|live| live.origin_keepalive_timeout).unwrap_or(5));
        custom.build().map(Some).map_err(incomplete)
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

/// CloudFront has one type for the default behavior and one for the others, with the same fields.
macro_rules! read_behavior {
    ($live:expr) => {{
        let methods: Option<BTreeSet<String>> =
            $live.allowed_methods.as_ref().map(|methods| methods.items.iter().map(|method| method.as_str().to_owned()).collect());
        Behavior {
            origin: $live.target_origin_id.clone(),
            viewers: $live.viewer_protocol_policy.to_string(),
            methods: methods.unwrap_or_else(|| strings(&["GET", "HEAD"])),
            compress: $live.compress == Some(true),
            cache_policy: $live.cache_policy_id.clone().unwrap_or_default(),
            request_policy: $live.origin_request_policy_id.clone().unwrap_or_default(),
            headers_policy: $live.response_headers_policy_id.clone().unwrap_or_default(),
        }
    }};
}

macro_rules! write_behavior {
    ($behavior:expr, $live:expr) => {{
        let (behavior, live) = ($behavior, $live);
        live.target_origin_id = behavior.origin.clone();
        live.viewer_protocol_policy = ViewerProtocolPolicy::from(behavior.viewers.as_str());
        live.allowed_methods = Some(behavior.allowed_methods()?);
        live.compress = Some(behavior.compress);
        live.cache_policy_id = some(&behavior.cache_policy);
        live.origin_request_policy_id = some(&behavior.request_policy);
        live.response_headers_policy_id = some(&behavior.headers_policy);
        // What came before cache policies, and cannot go together with one.
        live.forwarded_values = None;
        (live.min_ttl, live.default_ttl, live.max_ttl) = (None, None, None);
        live.smooth_streaming.get_or_insert(false);
        live.field_level_encryption_id.get_or_insert_default();
        if live.lambda_function_associations.is_none() {
            live.lambda_function_associations = Some(LambdaFunctionAssociations::builder().quantity(0).build().map_err(incomplete)?);
        }
        if live.function_associations.is_none() {
            live.function_associations = Some(FunctionAssociations::builder().quantity(0).build().map_err(incomplete)?);
        }
        if live.trusted_signers.is_none() {
            live.trusted_signers = Some(TrustedSigners::builder().enabled(false).quantity(0).build().map_err(incomplete)?);
        }
        if live.trusted_key_groups.is_none() {
            live.trusted_key_groups = Some(TrustedKeyGroups::builder().enabled(false).quantity(0).build().map_err(incomplete)?);
        }
    }};
}

impl Behavior {
    /// For files: cached by their own headers, compressed, with security headers.
    pub fn files(origin: &str, viewers_https: bool) -> Self {
        Self {
            origin: origin.to_owned(),
            viewers: viewers(viewers_https),
            methods: strings(&["GET", "HEAD"]),
            compress: true,
            cache_policy: managed::CACHING_OPTIMIZED.to_owned(),
            request_policy: String::new(),
            headers_policy: managed::SECURITY_HEADERS.to_owned(),
        }
    }

    /// For an API: every method, nothing cached, all that the visitor sent is passed on but the `Host`.
    pub fn api(origin: &str, viewers_https: bool) -> Self {
        Self {
            methods: strings(&["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]),
            cache_policy: managed::CACHING_DISABLED.to_owned(),
            request_policy: managed::ALL_VIEWER_EXCEPT_HOST_HEADER.to_owned(),
            ..Self::files(origin, viewers_https)
        }
    }

    pub(super) fn read(live: &CacheBehavior) -> Self {
        read_behavior!(live)
    }

    pub(super) fn read_default(live: &DefaultCacheBehavior) -> Self {
        read_behavior!(live)
    }

    #[expect(deprecated, reason = "what came before cache policies has to be cleared")]
    fn write(&self, pattern: &str, live: Option<&CacheBehavior>) -> Result<CacheBehavior> {
        let mut behavior = if let Some(live) = live {
            live.clone()
        } else {
            let blank = CacheBehavior::builder().path_pattern(pattern).target_origin_id("");
            blank.viewer_protocol_policy(ViewerProtocolPolicy::HttpsOnly).build().map_err(incomplete)?
        };
        write_behavior!(self, &mut behavior);
        Ok(behavior)
    }

    #[expect(deprecated, reason = "what came before cache policies has to be cleared")]
    pub(super) fn write_default(&self, live: Option<DefaultCacheBehavior>) -> Result<DefaultCacheBehavior> {
        let mut behavior = if let Some(live) = live {
            live
        } else {
            let blank = DefaultCacheBehavior::builder().target_origin_id("");
            blank.viewer_protocol_policy(ViewerProtocolPolicy::HttpsOnly).build().map_err(incomplete)?
        };
        write_behavior!(self, &mut behavior);
        Ok(behavior)
    }

    fn allowed_methods(&self) -> Result<AllowedMethods> {
        let cached = CachedMethods::builder().quantity(2).items(Method::Get).items(Method::Head).build().map_err(incomplete)?;
        let methods = self.methods.iter().map(|method| Method::from(method.as_str())).collect::<Vec<_>>();
        AllowedMethods::builder().quantity(count(methods.len())).set_items(Some(methods)).cached_methods(cached).build().map_err(incomplete)
    }
}

impl ErrorPage {
    pub(super) fn read(live: &CustomErrorResponse) -> Self {
        Self {
            page: live.response_page_path.clone().unwrap_or_default(),
            status: live.response_code.clone().unwrap_or_default(),
            cached_seconds: live.error_caching_min_ttl.unwrap_or(10),
        }
    }
}

/// All behaviors but the default one, laid over the live ones.
pub(super) fn behaviors<'a>(
    declared: impl Iterator<Item = (&'a str, &'a Behavior)>,
    live: Option<&CacheBehaviors>,
) -> Result<CacheBehaviors> {
    let live = live.and_then(|live| live.items.as_deref()).unwrap_or_default();
    let same = |pattern: &str| live.iter().find(|behavior| behavior.path_pattern == pattern);
    let items = declared.map(|(pattern, behavior)| behavior.write(pattern, same(pattern))).collect::<Result<Vec<_>>>()?;
    CacheBehaviors::builder().quantity(count(items.len())).set_items(unless_empty(items)).build().map_err(incomplete)
}

/// All error pages, by the status they stand in for.
pub(super) fn error_pages<'a>(declared: impl Iterator<Item = (&'a i32, &'a ErrorPage)>) -> Result<CustomErrorResponses> {
    let item = |(status, page): (&i32, &ErrorPage)| {
        let response = CustomErrorResponse::builder().error_code(*status).response_page_path(&page.page);
        response.response_code(&page.status).error_caching_min_ttl(page.cached_seconds).build().map_err(incomplete)
    };
    let items = declared.map(item).collect::<Result<Vec<_>>>()?;
    CustomErrorResponses::builder().quantity(count(items.len())).set_items(unless_empty(items)).build().map_err(incomplete)
}

pub(super) fn count(items: usize) -> i32 {
    i32::try_from(items).unwrap_or(i32::MAX)
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
pub(super) fn incomplete(error: BuildError) -> Error {
    Error::refused("cloudfront:UpdateDistribution", error.to_string())
}

fn viewers(https: bool) -> String {
    if https { ViewerProtocolPolicy::RedirectToHttps } else { ViewerProtocolPolicy::AllowAll }.to_string()
}

/// CloudFront has no empty lists, only absent ones.
fn unless_empty<T>(items: Vec<T>) -> Option<Vec<T>> {
    Some(items).filter(|items| !items.is_empty())
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

fn strings(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}
