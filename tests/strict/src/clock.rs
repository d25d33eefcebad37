//! Clock of AWS, which may differ from the client's. Then AWS finds requests signed too early or too late, and its answers carry its own time.

use crate::{
    message::{Request, Response},
    rules,
    wire::Refusal,
};
use aws_smithy_types::{DateTime, date_time::Format};
use std::time::SystemTime;

/// Returns the number of seconds by which a signature may differ ("Troubleshooting IAM, Troubleshoot signed requests"; S3: "Error responses,
/// `RequestTimeTooSkewed`").
fn tolerance(service: &str) -> i64 {
    if service == "s3" { 15 * 60 } else { 5 * 60 }
}

/// Refuses a request that was signed at another time than now, if the clock is `ahead` by this number of seconds.
pub(crate) fn judge(service: &str, request: &Request, ahead: i64) -> Option<Refusal> {
    if ahead == 0 {
        return None;
    }
    let signed = parse(request.header("x-amz-date")?)?;
    let (now, tolerance) = (seconds_now() + ahead, tolerance(service));
    if (now - signed).abs() <= tolerance {
        return None;
    }
    if service == "s3" {
        return Some(rules::SIGNED_OTHERWISE_S3.refuse(&[]));
    }
    let minutes = (tolerance / 60).to_string();
    let (early, border) = if signed < now { (true, now - tolerance) } else { (false, now + tolerance) };
    let rule = match (service, early) {
        ("dynamodb" | "logs" | "tag", true) => &rules::SIGNED_EARLY_JSON,
        ("lambda" | "apigateway", true) => &rules::SIGNED_EARLY_REST,
        (_, true) => &rules::SIGNED_EARLY,
        ("dynamodb" | "logs" | "tag", false) => &rules::SIGNED_LATE_JSON,
        ("lambda" | "apigateway", false) => &rules::SIGNED_LATE_REST,
        (_, false) => &rules::SIGNED_LATE,
    };
    Some(rule.refuse(&[&basic(signed), &basic(border), &basic(now), &minutes]))
}

/// Dates an answer by this clock. The local AWS knows only the machine's.
pub(crate) fn date(mut response: Response, ahead: i64) -> Response {
    for (name, value) in &mut response.headers {
        if (name.eq_ignore_ascii_case("date") || name.eq_ignore_ascii_case("last-modified"))
            && let Ok(date) = DateTime::from_str(value, Format::HttpDate)
        {
            *value = http(date.secs() + ahead);
        }
    }
    if response.header("date").is_some() { response } else { response.with("Date", &http(seconds_now() + ahead)) }
}

fn seconds_now() -> i64 {
    DateTime::from(SystemTime::now()).secs()
}

fn http(seconds: i64) -> String {
    DateTime::from_secs(seconds).fmt(Format::HttpDate).unwrap_or_default()
}

/// Formats a time as signatures do: `20261123T032700Z`.
fn basic(seconds: i64) -> String {
    DateTime::from_secs(seconds).fmt(Format::DateTime).unwrap_or_default().replace(['-', ':'], "")
}

fn parse(basic: &str) -> Option<i64> {
    let part = |range| basic.get(range);
    let text = format!("{}-{}-{}T{}:{}:{}Z", part(0..4)?, part(4..6)?, part(6..8)?, part(9..11)?, part(11..13)?, part(13..15)?);
    DateTime::from_str(&text, Format::DateTime).ok().map(|date| date.secs())
}

#[cfg(test)]
mod tests {
    use super::{basic, date, judge, parse, seconds_now};
    use crate::message::{Request, Response};

    fn signed(at: i64) -> Request {
        let headers = vec![("X-Amz-Date".to_owned(), basic(at))];
        Request { method: "POST".to_owned(), target: "/".to_owned(), headers, body: Vec::new() }
    }

    #[test]
    fn what_was_signed_at_another_time_is_refused_in_aws_own_words() {
        assert_eq!(parse("20261123T032700Z").map(basic).as_deref(), Some("20261123T032700Z"));
        let now = seconds_now();
        assert_eq!(judge("iam", &signed(now), 0), None);
        assert_eq!(judge("iam", &signed(now), 240), None);
        assert_eq!(judge("s3", &signed(now), 840), None);
        let early = judge("dynamodb", &signed(now), 3600).unwrap();
        assert_eq!((early.status, early.code), (400, "InvalidSignatureException"));
        assert!(early.message.starts_with("Signature expired: ") && early.message.ends_with(" - 5 min.)"), "{early}");
        let late = judge("iam", &signed(now), -3600).unwrap();
        assert_eq!((late.status, late.code), (403, "SignatureDoesNotMatch"));
        assert!(late.message.starts_with("Signature not yet current: "), "{late}");
        assert_eq!(judge("s3", &signed(now), 3600).unwrap().code, "RequestTimeTooSkewed");
        assert_eq!(judge("s3", &signed(now + 3600), 3600), None);
    }

    #[test]
    fn answers_tell_the_time() {
        let answer = Response::new(200, "text/plain", "").with("Last-Modified", "Mon, 23 Nov 2026 03:27:00 GMT");
        let answer = date(answer.with("Date", "Mon, 23 Nov 2026 23:30:00 GMT"), 3600);
        assert_eq!(answer.header("last-modified"), Some("Mon, 23 Nov 2026 04:27:00 GMT"));
        assert_eq!(answer.header("date"), Some("Tue, 24 Nov 2026 00:30:00 GMT"));
        assert!(date(Response::new(200, "text/plain", ""), 0).header("date").is_some());
    }
}
