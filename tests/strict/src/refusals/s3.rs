//! S3: one change of a bucket's configuration at a time, buckets that are not yet known or not yet forgotten.

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
}

impl Buckets {
    pub(super) fn before(&self, windows: &Windows, operation: &Operation, request: &Request, overlaps: bool, now: Instant) -> Before {
        let bucket = request.segments().first().cloned().unwrap_or_default();
        let name = operation.name.as_str();
        let is_configuration = name.contains("Bucket") && !["CreateBucket", "DeleteBucket", "HeadBucket"].contains(&name)
            || name.contains("PublicAccessBlock");
        // Writes to one bucket's configuration exclude each other, and a deleted name is held for a while.
        if overlaps || name == "CreateBucket" && within(self.deleted.get(&bucket).copied(), windows.bucket_held, now) {
            return Before::Refuse(rules::BUCKET_BUSY.refuse(&[]));
        }
        // For seconds, a new bucket is unknown to the calls that configure it.
        if is_configuration && within(self.made.get(&bucket).copied(), windows.bucket_visible, now) {
            return Before::Refuse(rules::BUCKET_UNSEEN.refuse(&[]));
        }
        if name == "DeleteBucket" {
            // Versions and delete markers count.
            let target = format!("/{bucket}?versions&max-keys=1");
            return Before::Ask(
                Request { method: "GET".to_owned(), target, body: Vec::new(), headers: request.headers.clone() },
                |listed| {
                    let text = listed.text();
                    let is_empty = !text.contains("<Version>") && !text.contains("<DeleteMarker>");
                    // What was written before versions were kept is called null.
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
            // In us-east-1, making it again without tags is answered 200, and does not make it new.
            "CreateBucket" if response.is_success() => drop(self.made.entry(bucket).or_insert(now)),
            "DeleteBucket" if response.is_success() => {
                self.made.remove(&bucket);
                self.deleted.insert(bucket, now);
            }
            _ => {}
        }
        ""
    }
}
