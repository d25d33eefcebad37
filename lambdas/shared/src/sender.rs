//! What a request tells of the one who sent it, besides its body. Nothing of it is stored but the country.

use lambda_http::http::HeaderMap;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

/// Who sent a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// Two letters, if CloudFront said.
    pub country: Option<String>,
    /// The network address, without a port. Only ever hashed, with a salt that is deleted.
    pub address: Option<String>,
}

impl Sender {
    /// Reads a request's headers and context.
    pub fn of(request: &Request) -> Self {
        Self { country: country(request.headers()), address: address(request) }
    }
}

/// Whether the visitor asks not to be tracked: Global Privacy Control (`Sec-GPC: 1`) or Do Not Track (`DNT: 1`).
pub fn opts_out(headers: &HeaderMap) -> bool {
    ["sec-gpc", "dnt"].iter().any(|name| headers.get(*name).is_some_and(|value| value.as_bytes() == b"1"))
}

/// The `User-Agent` header; CloudFront may put its own name there.
pub fn user_agent(headers: &HeaderMap) -> &str {
    headers.get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The country that CloudFront puts a visitor in, if it says.
fn country(headers: &HeaderMap) -> Option<String> {
    let country = headers.get("cloudfront-viewer-country")?.to_str().ok()?;
    (country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase())).then(|| country.to_owned())
}

/// The visitor's address: what CloudFront says it is, else what the gateway saw.
///
/// Behind CloudFront the gateway sees CloudFront. It then writes `X-Forwarded-For: …, visitor, CloudFront`, of which only the
/// last two are not the visitor's own words. Who sends to the gateway directly can pretend to come through CloudFront; what
/// that gains, another bucket of the rate limit, ends at the gateway's own limit.
fn address(request: &Request) -> Option<String> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    if let Some((address, _port)) = header("cloudfront-viewer-address").and_then(|value| value.rsplit_once(':')) {
        return Some(address.to_owned());
    }
    let is_forwarded = header("via").is_some_and(|via| via.contains("cloudfront.net"));
    let mut hops = header("x-forwarded-for").unwrap_or_default().rsplit(',').map(str::trim);
    if let Some(visitor) = hops.nth(1).filter(|_| is_forwarded) {
        return Some(visitor.to_owned());
    }
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.clone(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::Body;

    fn request(headers: &[(&'static str, &str)]) -> Request {
        let mut request = Request::new(Body::Empty);
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        request
    }

    #[test]
    fn finds_the_visitor_behind_cloudfront() {
        let address = |headers: &[(&'static str, &str)]| Sender::of(&request(headers)).address;
        assert_eq!(address(&[("cloudfront-viewer-address", "192.0.2.7:50000")]).as_deref(), Some("192.0.2.7"));
        assert_eq!(address(&[("cloudfront-viewer-address", "2001:db8::1:50000")]).as_deref(), Some("2001:db8::1"));
        let forwarded = ("x-forwarded-for", "10.0.0.1, 192.0.2.7, 203.0.113.5");
        assert_eq!(address(&[forwarded, ("via", "2.0 abc.cloudfront.net (CloudFront)")]).as_deref(), Some("192.0.2.7"));
        assert_eq!(address(&[forwarded]), None, "without CloudFront the gateway's word counts");
        assert_eq!(address(&[]), None);
    }

    #[test]
    fn reads_wishes_and_countries() {
        assert!(opts_out(request(&[("sec-gpc", "1")]).headers()));
        assert!(opts_out(request(&[("dnt", "1")]).headers()));
        assert!(!opts_out(request(&[("dnt", "0"), ("sec-gpc", "")]).headers()));
        assert_eq!(Sender::of(&request(&[("cloudfront-viewer-country", "KR")])).country.as_deref(), Some("KR"));
        assert_eq!(Sender::of(&request(&[("cloudfront-viewer-country", "<b>")])).country, None);
    }
}
