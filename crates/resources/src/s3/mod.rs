//! Amazon S3: the bucket, its settings and its objects.

mod bucket;
mod bucket_policy;
mod public_access_block;
mod site;
mod written;

use aws::{Target, facts::Identity};
use bucket::BUCKET;
pub use bucket::{Bucket, BucketOutput};
pub use bucket_policy::{BucketPolicy, BucketPolicyOutput};
pub use public_access_block::{PublicAccessBlock, PublicAccessBlockOutput};
pub use site::list_site;
pub use site::{OWN_PREFIX, RELEASES_PREFIX, SITE_PREFIX, SiteObject, delete_objects, list_releases};
pub use written::{ListedVersion, keep_written, written_key};

/// Returns the names of a bucket, or of a part of it on this tab.
fn identity(target: &Target, bucket: String, tab: &str) -> Identity {
    let (host, region) = (target.console_host(&target.region), &target.region);
    Identity { console: Some(format!("{host}/s3/buckets/{bucket}?region={region}&tab={tab}")), names: vec![bucket], also: Vec::new() }
}
