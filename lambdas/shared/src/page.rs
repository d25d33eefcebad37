//! Privacy filter of addresses: a query and fragment can contain names, tokens and mail addresses, so most of both is dropped.
//!
//! In the rest, text that looks like a token or a mail address is replaced ([`scrub`]). This is not a URL parser: addresses
//! come from `location.href`, which a browser has already normalised. Anything else is refused.

use crate::scrub;

/// Campaign parameters, the only part of a query that is stored.
const KEPT_PARAMETERS: [&str; 7] = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "ref", "source"];
/// Maximum length of a separately counted path, in bytes. Longer ones are cut, which counts them together.
const LONGEST_PATH: usize = 512;

/// Address without its personal parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Scheme, host, path and campaign parameters.
    pub address: String,
    /// Host name with port, in lower case.
    pub host: String,
    /// Path by which the page is counted, `/` if the address has none; at most 512 bytes.
    pub path: String,
}

impl Page {
    /// Parses an absolute `http` or `https` address.
    ///
    /// # Errors
    /// A fragment of a sentence with the requirements of an address.
    pub fn parse(address: &str) -> Result<Self, &'static str> {
        if address.chars().any(|character| character.is_control() || character.is_whitespace()) {
            return Err("must not hold spaces or control characters");
        }
        let (scheme, rest) = address.split_once("://").ok_or("must be an absolute http or https address")?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err("must be an absolute http or https address");
        }
        let authority_end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(authority_end);
        // A user name and password before the host are personal data and dropped.
        let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
        if host.is_empty() || host.starts_with(':') {
            return Err("must name a host");
        }
        let without_fragment = tail.split('#').next().unwrap_or_default();
        let (path, query) = without_fragment.split_once('?').unwrap_or((without_fragment, ""));
        // Browsers read a backslash as a slash there (WHATWG URL Standard, special schemes).
        let path = path.replace('\\', "/");
        let path = scrub::path(if path.is_empty() { "/" } else { &path });
        let kept: Vec<String> = query.split('&').filter(|parameter| is_kept(parameter)).map(scrub::parameter).collect();
        let separator = if kept.is_empty() { "" } else { "?" };
        Ok(Self {
            address: format!("{}://{host}{path}{separator}{}", scheme.to_ascii_lowercase(), kept.join("&")),
            host,
            path: cut(&path, LONGEST_PATH).to_owned(),
        })
    }
}

/// Returns the host that referred a visitor to `page`, without `www.`; `(direct)` without one, or for the site itself.
pub fn referrer_source(page: &Page, referrer: Option<&Page>) -> String {
    let name = |host: &str| host.strip_prefix("www.").unwrap_or(host).to_owned();
    match referrer {
        Some(referrer) if name(&referrer.host) != name(&page.host) => cut(&name(&referrer.host), 253).to_owned(),
        _ => "(direct)".to_owned(),
    }
}

/// Returns the first `bytes` bytes of a text, or fewer at a character boundary.
pub fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn is_kept(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or_default();
    KEPT_PARAMETERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_path_and_campaign_only() {
        let page = Page::parse("HTTPS://me:secret@Shop.Example:8443/a/b?token=1&utm_source=x&q=me@x#part").unwrap();
        assert_eq!(page.address, "https://shop.example:8443/a/b?utm_source=x");
        assert_eq!(page.host, "shop.example:8443");
        assert_eq!(page.path, "/a/b");
        let page = Page::parse("https://x/reset/4f3a9c8b7d6e5f4a3b2c1d0e9f8a7b6c/me@x.example?utm_source=me@x.example&ref=a").unwrap();
        assert_eq!(page.address, "https://x/reset/(token)/(mail)?utm_source=(mail)&ref=a");
        assert_eq!(page.path, "/reset/(token)/(mail)");
        assert_eq!(Page::parse("http://x").unwrap().path, "/");
        assert_eq!(Page::parse("http://x?a=1").unwrap().address, "http://x/");
        assert_eq!(Page::parse("http://x\\me@x.example").unwrap().address, "http://x/(mail)");
    }

    #[test]
    fn refuses_what_is_no_web_address() {
        for address in
            ["", "/a", "ftp://x/", "javascript:alert(1)", "http://", "https:///a", "http://:80/", "http://a b/", "http://a/\u{0}"]
        {
            assert!(Page::parse(address).is_err(), "{address:?}");
        }
    }

    #[test]
    fn names_the_source_of_a_visit() {
        let page = Page::parse("https://www.shop.example/").unwrap();
        let source = |address: &str| referrer_source(&page, Page::parse(address).ok().as_ref());
        assert_eq!(source("https://www.search.example/?q=private"), "search.example");
        assert_eq!(source("https://shop.example/other"), "(direct)");
        assert_eq!(source(""), "(direct)");
    }

    proptest! {
        #[test]
        fn never_panics_and_never_keeps_a_fragment(address in "(https?://)?\\PC{0,80}") {
            if let Ok(page) = Page::parse(&address) {
                prop_assert!(!page.address.contains('#'));
                prop_assert!(page.path.len() <= LONGEST_PATH);
                // The stored address parses as the same page again.
                prop_assert_eq!(Page::parse(&page.address).map(|again| again.path), Ok(page.path));
            }
        }
    }
}
