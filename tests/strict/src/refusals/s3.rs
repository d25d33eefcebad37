//! S3: one change of a bucket's configuration at a time, buckets that are not yet known or not yet forgotten (B.4, E.6).

use super::{Before, Windows, within};
use crate::{
    message::{Request, Response},
    operation::Operation,
    wire::Refusal,
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
        // B.4: writes to one bucket's configuration exclude each other, and a deleted name is held for a while.
        if overlaps || name == "CreateBucket" && within(self.deleted.get(&bucket).copied(), windows.bucket_held, now) {
            let text = "A conflicting conditional operation is currently in progress against this resource. Please try again.";
            return Before::Refuse(Refusal::new(409, "OperationAborted", text));
        }
        // B.4: for seconds, a new bucket is unknown to the calls that configure it.
        if is_configuration && within(self.made.get(&bucket).copied(), windows.bucket_visible, now) {
            return Before::Refuse(Refusal::new(404, "NoSuchBucket", "The specified bucket does not exist"));
        }
        if name == "DeleteBucket" {
            // E.6: versions and delete markers count.
            let target = format!("/{bucket}?versions&max-keys=1");
            return Before::Ask(
                Request { method: "GET".to_owned(), target, body: Vec::new(), headers: request.headers.clone() },
                |listed| {
                    let text = listed.text();
                    let empty = !text.contains("<Version>") && !text.contains("<DeleteMarker>");
                    (!empty).then(|| {
                        Refusal::new(
                            409,
                            "BucketNotEmpty",
                            "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
                        )
                    })
                },
            );
        }
        Before::Pass
    }

    pub(super) fn after(&mut self, operation: &Operation, request: &Request, response: &Response, now: Instant) -> &'static str {
        let bucket = request.segments().first().cloned().unwrap_or_default();
        match operation.name.as_str() {
            // In us-east-1, making it again is answered 200, and does not make it new.
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
