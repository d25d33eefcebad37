//! Data about the sender of a request, besides its body. Only the country is stored.

use crate::edge::Edge;
use crate::network;
use lambda_http::http::HeaderMap;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

/// Sender of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// Country code of two letters, if CloudFront sent it.
    pub country: Option<String>,
    /// Network address in canonical form, without a port. Only ever hashed, with a salt that is deleted.
    pub address: Option<String>,
}

impl Sender {
    /// Reads a request's headers and context. Headers about the visitor count if the `edge` vouches for them.
    pub fn of(request: &Request, edge: &Edge) -> Self {
        let headers = request.headers();
        if edge.vouches(headers) {
            return Self { country: country(headers), address: forwarded(headers).or_else(|| source(request)) };
        }
        Self { country: None, address: source(request) }
    }
}

/// Returns true if the visitor opts out of tracking: Global Privacy Control (`Sec-GPC: 1`) or Do Not Track (`DNT: 1`).
pub fn opts_out(headers: &HeaderMap) -> bool {
    ["sec-gpc", "dnt"].iter().any(|name| headers.get(*name).is_some_and(|value| value.as_bytes() == b"1"))
}

/// Returns the `User-Agent` header; CloudFront may put its own name there.
pub fn user_agent(headers: &HeaderMap) -> &str {
    headers.get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Returns the visitor's country as CloudFront determined it, if the header exists.
fn country(headers: &HeaderMap) -> Option<String> {
    let country = headers.get("cloudfront-viewer-country")?.to_str().ok()?;
    (country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase())).then(|| country.to_owned())
}

/// Returns the visitor's address in canonical form, as CloudFront sends it.
///
/// Behind CloudFront the gateway sees CloudFront's address. It then writes `X-Forwarded-For: …, visitor, CloudFront`, of which
/// a visitor can forge everything but the last two.
fn forwarded(headers: &HeaderMap) -> Option<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // An IPv6 address has no brackets in this header: the port follows the last colon.
    if let Some((address, _port)) = header("cloudfront-viewer-address").and_then(|value| value.rsplit_once(':')) {
        return Some(network::canonical(address));
    }
    let is_forwarded = header("via").is_some_and(|via| via.contains("cloudfront.net"));
    let mut hops = header("x-forwarded-for").unwrap_or_default().rsplit(',').map(str::trim);
    hops.nth(1).filter(|_| is_forwarded).map(network::canonical)
}

/// Returns the address that the gateway saw.
fn source(request: &Request) -> Option<String> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.as_deref().map(network::canonical),
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
        let address = |headers: &[(&'static str, &str)]| Sender::of(&request(headers), &Edge::default()).address;
        assert_eq!(address(&[("cloudfront-viewer-address", "192.0.2.7:50000")]).as_deref(), Some("192.0.2.7"));
        assert_eq!(address(&[("cloudfront-viewer-address", "2001:db8::1:50000")]).as_deref(), Some("2001:db8::1"));
        let forwarded = ("x-forwarded-for", "10.0.0.1, 192.0.2.7, 203.0.113.5");
        assert_eq!(address(&[forwarded, ("via", "2.0 abc.cloudfront.net (CloudFront)")]).as_deref(), Some("192.0.2.7"));
        assert_eq!(address(&[forwarded]), None, "without CloudFront the gateway's word counts");
        assert_eq!(address(&[]), None);
        assert_eq!(address(&[("cloudfront-viewer-address", "nonsense:1")]).as_deref(), Some("unknown"));
    }

    #[test]
    fn reads_wishes_and_countries() {
        assert!(opts_out(request(&[("sec-gpc", "1")]).headers()));
        assert!(opts_out(request(&[("dnt", "1")]).headers()));
        assert!(!opts_out(request(&[("dnt", "0"), ("sec-gpc", "")]).headers()));
        assert_eq!(country(request(&[("cloudfront-viewer-country", "KR")]).headers()).as_deref(), Some("KR"));
        assert_eq!(country(request(&[("cloudfront-viewer-country", "<b>")]).headers()), None);
    }

    #[test]
    fn headers_count_only_with_the_secret() {
        let secret = "0123456789abcdef0123456789abcdef";
        let edge = Edge::parse(Some(secret), None).unwrap();
        let forged = [
            ("cloudfront-viewer-address", "192.0.2.7:50000"),
            ("cloudfront-viewer-country", "KR"),
            ("x-forwarded-for", "192.0.2.7, 203.0.113.5"),
            ("via", "2.0 abc.cloudfront.net (CloudFront)"),
        ];
        assert_eq!(Sender::of(&request(&forged), &edge), Sender::default());
        assert_eq!(Sender::of(&request(&[&forged[..], &[("x-origin-verify", "wrong")]].concat()), &edge), Sender::default());
        let right = Sender::of(&request(&[&forged[..], &[("x-origin-verify", secret)]].concat()), &edge);
        assert_eq!(right, Sender { country: Some("KR".to_owned()), address: Some("192.0.2.7".to_owned()) });
    }
}
