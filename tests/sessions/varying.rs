//! Values that differ from run to run, and the names that stand for them in a recorded session.

use regex::Regex;
use snapbox::Redactions;

/// Names with their patterns. A name stands for the whole match, or for the group `redacted`.
const VARYING: &[(&str, &str)] = &[
    ("[SECONDS]", r"(?<redacted>\d+\.\d) s\b"),
    ("[SECONDS]", r"\((?<redacted>\d+) s, usually\b"),
    ("[AGO]", r"\b\d+ (s|min) ago"),
    ("[TIME]", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    ("[HOST]", r"\bada@(?<redacted>[^\s,]+)"),
    ("[COMMIT]", r"\b[0-9a-f]{10}\b"),
    // Digest of a package, which depends on the compiler.
    ("[CODE_DIGEST]", r"[A-Za-z0-9+/]{43}="),
    // Digest of a declaration, a release, or a page.
    ("[DIGEST]", r"\b([0-9a-f]{32}|[0-9a-f]{16})\b"),
    ("[PORT]", r"\b(localhost|127\.0\.0\.1):(?<redacted>\d+)"),
    ("[API_ID]", r"\bexecute-api/(?<redacted>[0-9a-f]{8})\b"),
    ("[DISTRIBUTION]", r"\b(?<redacted>d[0-9a-z]{13})\.cloudfront\b"),
    ("[DEPLOYMENT]", r#"(\bapigateway\.deployment/|\bdeployment: ")(?<redacted>[0-9a-f]{8})\b"#),
    ("[ACCOUNT]", r"\baccount (?<redacted>7\d{11})\b"),
    ("[BUCKET]", r"\bdemo-static-dev-(?<redacted>[0-9a-f]{8})\b"),
    // The number of requests depends on how long the local AWS takes.
    ("[CALLS]", r"\bwith (?<redacted>\d+) AWS calls\b"),
    ("[WRITES]", r"\bAWS calls, (?<redacted>[1-9]\d*) of them writes\b"),
];

pub(super) fn redactions() -> Redactions {
    let mut redactions = Redactions::new();
    for (name, pattern) in VARYING {
        redactions.insert(name, Regex::new(pattern).unwrap()).unwrap();
    }
    redactions
}
