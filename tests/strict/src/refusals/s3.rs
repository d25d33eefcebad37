//! S3: one change of a bucket's configuration at a time, and buckets that are not yet known or not yet forgotten.

use super::{Before, Windows, within};
use crate::{
    message::{Request, Response},
    operation::Operation,
    rules, xml,
};
use std::{collections::HashMap, time::Instant};

#[derive(Debug, Default)]
pub(crate) struct Buckets {
    made: HashMap<String, Instant>,
    deleted: HashMap<String, Instant>,
    /// Account in which each bucket was created.
    owners: HashMap<String, String>,
}

impl Buckets {
    pub(super) fn before(&self, windows: &Windows, operation: &Operation, request: &Request, overlaps: bool, now: Instant) -> Before {
        let bucket = request.segments().first().cloned().unwrap_or_default();
        let name = operation.name.as_str();
        let expected = request.header("x-amz-expected-bucket-owner");
        if expected.is_some_and(|expected| self.owners.get(&bucket).is_some_and(|owner| owner != expected)) {
            return Before::Refuse(rules::BUCKET_OF_ANOTHER.refuse(&[]));
        }
        let is_configuration = name.contains("Bucket") && !["CreateBucket", "DeleteBucket", "HeadBucket"].contains(&name)
            || name.contains("PublicAccessBlock");
        // Writes to one bucket's configuration exclude each other, and a deleted name stays taken for a while.
        if overlaps || name == "CreateBucket" && within(self.deleted.get(&bucket).copied(), windows.bucket_held, now) {
            return Before::Refuse(rules::BUCKET_BUSY.refuse(&[]));
        }
        // For seconds, a new bucket is unknown to the calls that configure it.
        if is_configuration && within(self.made.get(&bucket).copied(), windows.bucket_visible, now) {
            return Before::Refuse(rules::BUCKET_UNSEEN.refuse(&[]));
        }
        if name == "DeleteBucket" {
            // Versions and delete markers count as well.
            let target = format!("/{bucket}?versions&max-keys=1");
            return Before::Ask(
                Request { method: "GET".to_owned(), target, body: Vec::new(), headers: request.headers.clone() },
                |listed| {
                    let text = listed.text();
                    let is_empty = !text.contains("<Version>") && !text.contains("<DeleteMarker>");
                    // Objects written before versioning was enabled have the version id null.
                    let has_versions = xml::texts(&text, &["VersionId"]).iter().any(|version| *version != "null");
                    let rule = if has_versions { &rules::BUCKET_HAS_VERSIONS } else { &rules::BUCKET_NOT_EMPTY };
                    (!is_empty).then(|| rule.refuse(&[]))
                },
            );
        }
        Before::Pass
    }

    pub(super) fn after(&mut self, operation: &Operation, request: &Request, response: &Response, now: Instant) -> &'static str {
        let bucket = request.segments().first().cloned().unwrap_or_default();
        match operation.name.as_str() {
            // In us-east-1, creating a bucket again without tags is answered 200, and does not make it new.
            "CreateBucket" if response.is_success() => {
                if let Some(account) = account(request) {
                    self.owners.entry(bucket.clone()).or_insert(account);
                }
                self.made.entry(bucket).or_insert(now);
            }
            "DeleteBucket" if response.is_success() => {
                self.made.remove(&bucket);
                self.owners.remove(&bucket);
                self.deleted.insert(bucket, now);
            }
            _ => {}
        }
        ""
    }
}

/// Returns the account of a request. On the local AWS, an access key of 12 digits is the account.
fn account(request: &Request) -> Option<String> {
    let key = request.header("authorization")?.split("Credential=").nth(1)?.split('/').next()?;
    (key.len() == 12 && key.chars().all(|c| c.is_ascii_digit())).then(|| key.to_owned())
}
