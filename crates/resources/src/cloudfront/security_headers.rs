//! Headers that CloudFront has a field for: their values as text, as stack.yaml and HTTP have them, to and from these fields.
//!
//! CloudFront refuses these headers as custom ones ("is a security header and cannot be set as custom header", reported), and sends nothing but what
//! the fields can say.

use super::config::incomplete;
use aws_sdk_cloudfront::types::{
    FrameOptionsList, ReferrerPolicyList, ResponseHeadersPolicyContentSecurityPolicy as ContentSecurityPolicy,
    ResponseHeadersPolicyContentTypeOptions as ContentTypeOptions, ResponseHeadersPolicyFrameOptions as FrameOptions,
    ResponseHeadersPolicyReferrerPolicy as ReferrerPolicy, ResponseHeadersPolicySecurityHeadersConfig as SecurityHeaders,
    ResponseHeadersPolicyStrictTransportSecurity as StrictTransportSecurity, ResponseHeadersPolicyXssProtection as XssProtection,
};
use engine::Result;
use std::collections::BTreeMap;

/// Name of the header with the content security policy.
pub const CONTENT_SECURITY_POLICY: &str = "Content-Security-Policy";
pub(super) const CONTENT_TYPE_OPTIONS: &str = "X-Content-Type-Options";
pub(super) const FRAME_OPTIONS: &str = "X-Frame-Options";
pub(super) const REFERRER_POLICY: &str = "Referrer-Policy";
pub(super) const STRICT_TRANSPORT_SECURITY: &str = "Strict-Transport-Security";
pub(super) const XSS_PROTECTION: &str = "X-XSS-Protection";

/// Names of the headers that CloudFront has a field for, in their usual spelling.
const NAMES: [&str; 6] =
    [CONTENT_SECURITY_POLICY, CONTENT_TYPE_OPTIONS, FRAME_OPTIONS, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, XSS_PROTECTION];

/// Values of the only option of [`CONTENT_TYPE_OPTIONS`], and of the flags of the others.
const NOSNIFF: &str = "nosniff";
const INCLUDE_SUBDOMAINS: &str = "includeSubDomains";
const PRELOAD: &str = "preload";
const MODE_BLOCK: &str = "1; mode=block";
const REPORT: &str = "1; report=";

/// Returns the usual spelling of a header's name if CloudFront has a field for it. Letter case does not count.
pub fn security_header(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// Returns a security header's value in the form in which CloudFront sends it, or the form that CloudFront can send.
pub fn security_header_value(name: &str, value: &str) -> std::result::Result<String, &'static str> {
    let one_of = |known: &[&str], expected| {
        let known = known.iter().find(|known| known.eq_ignore_ascii_case(value));
        known.map(|known| (*known).to_owned()).ok_or(expected)
    };
    match security_header(name) {
        Some(CONTENT_TYPE_OPTIONS) => one_of(&[NOSNIFF], "expected nosniff"),
        Some(FRAME_OPTIONS) => one_of(FrameOptionsList::values(), "expected DENY or SAMEORIGIN"),
        Some(REFERRER_POLICY) => one_of(
            ReferrerPolicyList::values(),
            "expected one of no-referrer, no-referrer-when-downgrade, origin, origin-when-cross-origin, same-origin, strict-origin, \
             strict-origin-when-cross-origin, unsafe-url",
        ),
        Some(STRICT_TRANSPORT_SECURITY) => {
            let (seconds, subdomains, preload) =
                transport(value).ok_or("expected max-age=SECONDS, then `; includeSubDomains` and `; preload` if wanted")?;
            Ok(transport_text(seconds, subdomains, preload))
        }
        Some(XSS_PROTECTION) => {
            let is_report = |value: &str| value.strip_prefix(REPORT).is_some_and(|address| !address.is_empty());
            let is_known = ["0", "1", MODE_BLOCK].contains(&value) || is_report(value);
            is_known.then(|| value.to_owned()).ok_or("expected 0, 1, `1; mode=block` or `1; report=ADDRESS`")
        }
        _ => Ok(value.to_owned()),
    }
}

/// Reads `max-age` in seconds and the two flags.
fn transport(value: &str) -> Option<(i32, bool, bool)> {
    let (mut seconds, mut subdomains, mut preload) = (None, false, false);
    for part in value.split(';').map(str::trim) {
        match part.split_once('=') {
            Some((name, number)) if name.trim().eq_ignore_ascii_case("max-age") && seconds.is_none() => {
                seconds = Some(number.trim().trim_matches('"').parse::<i32>().ok().filter(|seconds| *seconds >= 0)?);
            }
            None if part.eq_ignore_ascii_case(INCLUDE_SUBDOMAINS) => subdomains = true,
            None if part.eq_ignore_ascii_case(PRELOAD) => preload = true,
            _ => return None,
        }
    }
    Some((seconds?, subdomains, preload))
}

fn transport_text(seconds: i32, subdomains: bool, preload: bool) -> String {
    let flags = [(subdomains, INCLUDE_SUBDOMAINS), (preload, PRELOAD)].into_iter().filter(|(set, _)| *set);
    flags.fold(format!("max-age={seconds}"), |text, (_, flag)| format!("{text}; {flag}"))
}

/// Returns each header as (name, value, override): with the last set, the header replaces one that the origin sends.
pub(super) fn read(observed: &SecurityHeaders) -> Vec<(&'static str, String, bool)> {
    let mut headers = Vec::new();
    if let Some(policy) = &observed.content_security_policy {
        headers.push((CONTENT_SECURITY_POLICY, policy.content_security_policy.clone(), policy.r#override));
    }
    if let Some(options) = &observed.content_type_options {
        headers.push((CONTENT_TYPE_OPTIONS, NOSNIFF.to_owned(), options.r#override));
    }
    if let Some(options) = &observed.frame_options {
        headers.push((FRAME_OPTIONS, options.frame_option.to_string(), options.r#override));
    }
    if let Some(policy) = &observed.referrer_policy {
        headers.push((REFERRER_POLICY, policy.referrer_policy.to_string(), policy.r#override));
    }
    if let Some(transport) = &observed.strict_transport_security {
        let (subdomains, preload) = (transport.include_subdomains == Some(true), transport.preload == Some(true));
        let value = transport_text(transport.access_control_max_age_sec, subdomains, preload);
        headers.push((STRICT_TRANSPORT_SECURITY, value, transport.r#override));
    }
    if let Some(protection) = &observed.xss_protection {
        let value = match (&protection.report_uri, protection.protection) {
            (_, false) => "0".to_owned(),
            (Some(address), true) if !address.is_empty() => format!("{REPORT}{address}"),
            _ if protection.mode_block == Some(true) => MODE_BLOCK.to_owned(),
            _ => "1".to_owned(),
        };
        headers.push((XSS_PROTECTION, value, protection.r#override));
    }
    headers
}

/// Returns the fields for those of these headers that CloudFront has one for. Values are in the form of [`security_header_value`].
pub(super) fn write(headers: &BTreeMap<String, String>) -> Result<SecurityHeaders> {
    let value = |name: &str| headers.get(name);
    let mut fields = SecurityHeaders::builder();
    if let Some(value) = value(CONTENT_SECURITY_POLICY) {
        let policy = ContentSecurityPolicy::builder().r#override(true).content_security_policy(value);
        fields = fields.content_security_policy(policy.build().map_err(incomplete)?);
    }
    if value(CONTENT_TYPE_OPTIONS).is_some() {
        fields = fields.content_type_options(ContentTypeOptions::builder().r#override(true).build().map_err(incomplete)?);
    }
    if let Some(value) = value(FRAME_OPTIONS) {
        let options = FrameOptions::builder().r#override(true).frame_option(FrameOptionsList::from(value.as_str()));
        fields = fields.frame_options(options.build().map_err(incomplete)?);
    }
    if let Some(value) = value(REFERRER_POLICY) {
        let policy = ReferrerPolicy::builder().r#override(true).referrer_policy(ReferrerPolicyList::from(value.as_str()));
        fields = fields.referrer_policy(policy.build().map_err(incomplete)?);
    }
    if let Some((seconds, subdomains, preload)) = value(STRICT_TRANSPORT_SECURITY).and_then(|value| transport(value)) {
        let security = StrictTransportSecurity::builder().r#override(true).access_control_max_age_sec(seconds);
        let security = security.include_subdomains(subdomains).preload(preload);
        fields = fields.strict_transport_security(security.build().map_err(incomplete)?);
    }
    if let Some(value) = value(XSS_PROTECTION) {
        let protection = XssProtection::builder().r#override(true).protection(value != "0");
        let protection = protection.set_mode_block((value == MODE_BLOCK).then_some(true));
        let protection = protection.set_report_uri(value.strip_prefix(REPORT).map(str::to_owned));
        fields = fields.xss_protection(protection.build().map_err(incomplete)?);
    }
    Ok(fields.build())
}

#[cfg(test)]
mod tests {
    use super::{CONTENT_SECURITY_POLICY, read, security_header, security_header_value, write};
    use std::collections::BTreeMap;

    #[test]
    fn every_value_reads_back_as_it_was_written() {
        let cases = [
            (CONTENT_SECURITY_POLICY, "default-src 'self'"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("X-Frame-Options", "SAMEORIGIN"),
            ("Referrer-Policy", "no-referrer"),
            ("Strict-Transport-Security", "max-age=0"),
            ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
            ("Strict-Transport-Security", "max-age=63072000; includeSubDomains; preload"),
            ("X-XSS-Protection", "0"),
            ("X-XSS-Protection", "1"),
            ("X-XSS-Protection", "1; mode=block"),
            ("X-XSS-Protection", "1; report=https://example.com/x"),
        ];
        for (name, value) in cases {
            assert_eq!(security_header_value(name, value).as_deref(), Ok(value), "{name}");
            let written = write(&BTreeMap::from([(name.to_owned(), value.to_owned())])).unwrap();
            assert_eq!(read(&written), [(name, value.to_owned(), true)]);
        }
    }

    #[test]
    fn a_value_takes_the_form_in_which_cloudfront_sends_it() {
        for (name, value, sent) in [
            ("strict-transport-security", "Max-Age=\"300\" ;PRELOAD;includesubdomains", "max-age=300; includeSubDomains; preload"),
            ("x-frame-options", "deny", "DENY"),
            ("referrer-policy", "Same-Origin", "same-origin"),
            ("X-Content-Type-Options", "NoSniff", "nosniff"),
        ] {
            assert_eq!(security_header_value(name, value).as_deref(), Ok(sent), "{name}");
        }
    }

    #[test]
    fn what_a_field_cannot_say_is_refused() {
        for (name, value) in [
            ("X-Content-Type-Options", "sniff"),
            ("X-Frame-Options", "ALLOW-FROM https://example.com"),
            ("Referrer-Policy", "no-referrer, same-origin"),
            ("Strict-Transport-Security", "includeSubDomains"),
            ("Strict-Transport-Security", "max-age=-1"),
            ("Strict-Transport-Security", "max-age=1; max-age=2"),
            ("Strict-Transport-Security", "max-age=2147483648"),
            ("X-XSS-Protection", "1;mode=block"),
            ("X-XSS-Protection", "1; report="),
        ] {
            assert!(security_header_value(name, value).is_err(), "{name}: {value}");
        }
        assert_eq!(security_header("content-SECURITY-policy"), Some(CONTENT_SECURITY_POLICY));
        assert_eq!(security_header("Content-Security-Policy-Report-Only"), None, "CloudFront has no field for it");
    }
}
