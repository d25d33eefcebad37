//! Treatment of the requests for some paths: the data that reaches the origin, and the answers that visitors share.
//!
//! CloudFront has two ways to declare it. Files use AWS's own cache policy. For the API none of AWS's own policies fits. Those that pass on the
//! visitor's country, or honour the origin's `Cache-Control`, also pass on the visitor's `Host`, which API Gateway refuses.
//! `AllViewerExceptHostHeader` adds nothing to the visitor's own headers. Policies of our own would be additional resources; only `site.headers`
//! declares one. So an API uses the settings from before there were policies ("legacy cache settings" in the Developer Guide), which are part of the
//! distribution itself.

use super::config::{count, incomplete, unless_empty};
use aws_sdk_cloudfront::types::{
    AllowedMethods, CacheBehavior, CacheBehaviors, CachedMethods, CookiePreference, DefaultCacheBehavior, ForwardedValues,
    FunctionAssociations, Headers, ItemSelection, LambdaFunctionAssociations, Method, TrustedKeyGroups, TrustedSigners,
    ViewerProtocolPolicy,
};
use engine::{Ref, Result};
use serde::Serialize;
use std::collections::BTreeSet;

/// Ids of AWS's own policies ("Amazon CloudFront Developer Guide", managed policies).
mod managed {
    pub(super) const CACHING_OPTIMIZED: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";
    /// Id of `SecurityHeadersPolicy`, which adds security headers.
    pub(super) const SECURITY_HEADERS: &str = "67f7725c-6f97-4210-82d7-5512b31e9d03";
    /// `CORS-and-SecurityHeadersPolicy`: the same, and `Access-Control-Allow-Origin: *` on answers to requests with an `Origin`.
    pub(super) const CORS_AND_SECURITY_HEADERS: &str = "e61eb60c-9c35-4d20-a928-2b84e02af89c";
}

/// Tests whether this is the id of a policy for headers that AWS manages.
pub(super) fn is_managed(headers_policy: &str) -> bool {
    [managed::SECURITY_HEADERS, managed::CORS_AND_SECURITY_HEADERS].contains(&headers_policy)
}

/// Headers in the cache key of an API that is read. Visitors share an answer only if they sent the same headers: an answer to a request with a
/// token never goes to a request without one.
const READERS_HEADERS: &[&str] = &["Authorization", "Origin", "X-API-Key"];

/// Headers that an API that takes data needs: origin, browser, and the request not to be tracked. CloudFront passes on ten at most.
pub const WRITERS_HEADERS: &[&str] =
    &["Authorization", "CloudFront-Viewer-Country", "DNT", "Origin", "Sec-GPC", "User-Agent", "X-API-Key", "X-CSRF-Token", "X-Session-ID"];

/// Longest time in seconds that an answer is shared, whatever its `Cache-Control` allows. An answer without one is not shared.
const LONGEST_SHARED: i64 = 60;

/// Treatment of the requests for some paths.
#[derive(Debug, Clone, Serialize)]
pub struct Behavior {
    /// The key of the origin.
    pub origin: String,
    /// `redirect-to-https` or `allow-all`.
    pub viewers: String,
    /// Methods that are passed on. CloudFront accepts three sets: `GET HEAD`, these with `OPTIONS`, and all seven.
    pub methods: BTreeSet<String>,
    /// Set if answers are compressed for clients that understand it.
    pub compress: bool,
    /// Id of the cache policy; empty if `forwarding` decides what is shared.
    pub cache_policy: String,
    /// Id of the policy for the data that reaches the origin; empty for none.
    pub request_policy: String,
    /// The id of the policy for headers that are added to answers; empty for none.
    pub headers_policy: Ref<String>,
    /// Forwarded values, in place of a cache policy.
    pub forwarding: Option<Forwarding>,
}

/// Forwarded values: the data that reaches the origin and is part of the cache key, in the terms from before cache policies. The query is part of
/// both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forwarding {
    /// Headers, in their usual spelling: no source documents the letter case in which CloudFront returns them.
    pub headers: BTreeSet<String>,
    /// Set if the query is passed on.
    pub query: bool,
    /// Cookies that are passed on: `none`, `whitelist` or `all`.
    pub cookies: String,
    /// Shortest time in seconds that an answer is shared.
    pub shared_at_least: i64,
    /// Time in seconds that an answer without a lifetime of its own is shared.
    pub shared_by_default: i64,
    /// Longest time in seconds that an answer is shared.
    pub shared_at_most: i64,
}

/// CloudFront has one type for the default behavior and one for the others, with the same fields.
macro_rules! read_behavior {
    ($observed:expr) => {{
        let methods: Option<BTreeSet<String>> =
            $observed.allowed_methods.as_ref().map(|methods| methods.items.iter().map(|method| method.as_str().to_owned()).collect());
        Behavior {
            origin: $observed.target_origin_id.clone(),
            viewers: $observed.viewer_protocol_policy.to_string(),
            methods: methods.unwrap_or_else(|| strings(&["GET", "HEAD"])),
            compress: $observed.compress == Some(true),
            cache_policy: $observed.cache_policy_id.clone().unwrap_or_default(),
            request_policy: $observed.origin_request_policy_id.clone().unwrap_or_default(),
            headers_policy: $observed.response_headers_policy_id.clone().unwrap_or_default().into(),
            forwarding: $observed
                .forwarded_values
                .as_ref()
                .map(|values| Forwarding::read(values, [$observed.min_ttl, $observed.default_ttl, $observed.max_ttl])),
        }
    }};
}

macro_rules! write_behavior {
    ($behavior:expr, $observed:expr) => {{
        let (behavior, observed) = ($behavior, $observed);
        observed.target_origin_id = behavior.origin.clone();
        observed.viewer_protocol_policy = ViewerProtocolPolicy::from(behavior.viewers.as_str());
        observed.allowed_methods = Some(behavior.allowed_methods(observed.allowed_methods.take())?);
        observed.compress = Some(behavior.compress);
        observed.cache_policy_id = some(&behavior.cache_policy);
        observed.origin_request_policy_id = some(&behavior.request_policy);
        observed.response_headers_policy_id = some(&behavior.headers_policy.get()?);
        // Neither can go together with a cache policy.
        let forwarded = observed.forwarded_values.take();
        observed.forwarded_values = behavior.forwarding.as_ref().map(|forwarding| forwarding.write(forwarded)).transpose()?;
        (observed.min_ttl, observed.default_ttl, observed.max_ttl) =
            behavior.forwarding.as_ref().map_or((None, None, None), Forwarding::seconds);
        observed.smooth_streaming.get_or_insert(false);
        observed.field_level_encryption_id.get_or_insert_default();
        if observed.lambda_function_associations.is_none() {
            observed.lambda_function_associations = Some(LambdaFunctionAssociations::builder().quantity(0).build().map_err(incomplete)?);
        }
        if observed.function_associations.is_none() {
            observed.function_associations = Some(FunctionAssociations::builder().quantity(0).build().map_err(incomplete)?);
        }
        if observed.trusted_signers.is_none() {
            observed.trusted_signers = Some(TrustedSigners::builder().enabled(false).quantity(0).build().map_err(incomplete)?);
        }
        if observed.trusted_key_groups.is_none() {
            observed.trusted_key_groups = Some(TrustedKeyGroups::builder().enabled(false).quantity(0).build().map_err(incomplete)?);
        }
    }};
}

impl Behavior {
    /// Behavior of files: cached by their own headers, compressed, with security headers. Scripts of any origin may read them: a tag with
    /// `integrity` needs that, and so does a page under `Cross-Origin-Embedder-Policy: require-corp`. Content that anyone can fetch without
    /// credentials is no secret of the visitor's.
    pub fn files(origin: &str, viewers_https: bool) -> Self {
        Self {
            origin: origin.to_owned(),
            viewers: viewers(viewers_https),
            methods: strings(&["GET", "HEAD"]),
            compress: true,
            cache_policy: managed::CACHING_OPTIMIZED.to_owned(),
            request_policy: String::new(),
            headers_policy: managed::CORS_AND_SECURITY_HEADERS.to_owned().into(),
            forwarding: None,
        }
    }

    /// Behavior of an API: every method is allowed. Answers are shared as long as they allow it themselves, among requests with the same token. The
    /// API itself decides which origins may read an answer: a refusal without `Access-Control-Allow-Origin` stays without.
    pub fn api(origin: &str, viewers_https: bool) -> Self {
        Self {
            methods: strings(&["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]),
            cache_policy: String::new(),
            headers_policy: managed::SECURITY_HEADERS.to_owned().into(),
            forwarding: Some(Forwarding::of(READERS_HEADERS, LONGEST_SHARED)),
            ..Self::files(origin, viewers_https)
        }
    }

    /// Behavior of the paths of an API that take data: nothing is shared, and the origin receives data about the visitor, the country included.
    pub fn api_taking_data(origin: &str, viewers_https: bool) -> Self {
        Self { forwarding: Some(Forwarding::of(WRITERS_HEADERS, 0)), ..Self::api(origin, viewers_https) }
    }

    /// Passes these headers on to an API as well, and shares an answer only among requests with the same ones.
    #[must_use]
    pub fn passing_on(mut self, headers: &BTreeSet<String>) -> Self {
        if let Some(forwarding) = &mut self.forwarding {
            let is_new = |header: &&String| !forwarding.headers.iter().any(|passed| passed.eq_ignore_ascii_case(header));
            let new: Vec<String> = headers.iter().filter(is_new).cloned().collect();
            forwarding.headers.extend(new);
        }
        self
    }

    #[expect(deprecated, reason = "an API uses what came before cache policies")]
    pub(super) fn read(observed: &CacheBehavior) -> Self {
        read_behavior!(observed)
    }

    #[expect(deprecated, reason = "an API uses what came before cache policies")]
    pub(super) fn read_default(observed: &DefaultCacheBehavior) -> Self {
        read_behavior!(observed)
    }

    #[expect(deprecated, reason = "an API uses what came before cache policies")]
    fn write(&self, pattern: &str, observed: Option<&CacheBehavior>) -> Result<CacheBehavior> {
        let mut behavior = if let Some(observed) = observed {
            observed.clone()
        } else {
            let blank = CacheBehavior::builder().path_pattern(pattern).target_origin_id("");
            blank.viewer_protocol_policy(ViewerProtocolPolicy::HttpsOnly).build().map_err(incomplete)?
        };
        write_behavior!(self, &mut behavior);
        Ok(behavior)
    }

    #[expect(deprecated, reason = "an API uses what came before cache policies")]
    pub(super) fn write_default(&self, observed: Option<DefaultCacheBehavior>) -> Result<DefaultCacheBehavior> {
        let mut behavior = if let Some(observed) = observed {
            observed
        } else {
            let blank = DefaultCacheBehavior::builder().target_origin_id("");
            blank.viewer_protocol_policy(ViewerProtocolPolicy::HttpsOnly).build().map_err(incomplete)?
        };
        write_behavior!(self, &mut behavior);
        Ok(behavior)
    }

    /// Returns the declared methods. The choice of cached methods is not declared: it stays as observed, as far as the methods are still allowed.
    fn allowed_methods(&self, observed: Option<AllowedMethods>) -> Result<AllowedMethods> {
        let allowed = |method: &Method| self.methods.contains(method.as_str());
        let cached = match observed.and_then(|observed| observed.cached_methods).filter(|cached| cached.items.iter().all(allowed)) {
            Some(cached) => cached,
            None => CachedMethods::builder().quantity(2).items(Method::Get).items(Method::Head).build().map_err(incomplete)?,
        };
        let methods = self.methods.iter().map(|method| Method::from(method.as_str())).collect::<Vec<_>>();
        AllowedMethods::builder().quantity(count(methods.len())).set_items(Some(methods)).cached_methods(cached).build().map_err(incomplete)
    }
}

impl Forwarding {
    fn of(headers: &[&str], shared_at_most: i64) -> Self {
        Self {
            headers: strings(headers),
            query: true,
            cookies: "none".to_owned(),
            shared_at_least: 0,
            shared_by_default: 0,
            shared_at_most,
        }
    }

    fn read(observed: &ForwardedValues, [least, default, most]: [Option<i64>; 3]) -> Self {
        let headers = observed.headers.iter().flat_map(|headers| headers.items.iter().flatten()).map(|name| usual_spelling(name)).collect();
        let cookies = observed.cookies.as_ref().map_or_else(|| "none".to_owned(), |cookies| cookies.forward.to_string());
        // The API's own defaults: a day, a year.
        let (default, most) = (default.unwrap_or(86_400), most.unwrap_or(31_536_000));
        Self {
            headers,
            query: observed.query_string,
            cookies,
            shared_at_least: least.unwrap_or_default(),
            shared_by_default: default,
            shared_at_most: most,
        }
    }

    /// Lays the declared fields over the observed ones. Undeclared settings stay: the query parameters in the cache key, and the cookies that a
    /// whitelist names.
    fn write(&self, observed: Option<ForwardedValues>) -> Result<ForwardedValues> {
        let mut values = match observed {
            Some(observed) => observed,
            None => ForwardedValues::builder().query_string(self.query).build().map_err(incomplete)?,
        };
        values.query_string = self.query;
        let forward = ItemSelection::from(self.cookies.as_str());
        if values.cookies.as_ref().is_none_or(|cookies| cookies.forward != forward) {
            values.cookies = Some(CookiePreference::builder().forward(forward).build().map_err(incomplete)?);
        }
        let names: Vec<String> = self.headers.iter().cloned().collect();
        values.headers = Some(Headers::builder().quantity(count(names.len())).set_items(unless_empty(names)).build().map_err(incomplete)?);
        Ok(values)
    }

    fn seconds(&self) -> (Option<i64>, Option<i64>, Option<i64>) {
        (Some(self.shared_at_least), Some(self.shared_by_default), Some(self.shared_at_most))
    }
}

/// Returns all behaviors but the default one, in this order, laid over the observed ones.
pub(super) fn behaviors<'a>(
    declared: impl Iterator<Item = (&'a str, &'a Behavior)>,
    observed: Option<&CacheBehaviors>,
) -> Result<CacheBehaviors> {
    let observed = observed.and_then(|observed| observed.items.as_deref()).unwrap_or_default();
    let same = |pattern: &str| observed.iter().find(|behavior| behavior.path_pattern == pattern);
    let items = declared.map(|(pattern, behavior)| behavior.write(pattern, same(pattern))).collect::<Result<Vec<_>>>()?;
    CacheBehaviors::builder().quantity(count(items.len())).set_items(unless_empty(items)).build().map_err(incomplete)
}

/// Returns a header's name in the declared spelling: HTTP ignores letter case.
fn usual_spelling(name: &str) -> String {
    let declared = READERS_HEADERS.iter().chain(WRITERS_HEADERS).find(|declared| declared.eq_ignore_ascii_case(name));
    declared.map_or_else(|| name.to_owned(), |declared| (*declared).to_owned())
}

fn viewers(https: bool) -> String {
    if https { ViewerProtocolPolicy::RedirectToHttps } else { ViewerProtocolPolicy::AllowAll }.to_string()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

fn strings(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}
