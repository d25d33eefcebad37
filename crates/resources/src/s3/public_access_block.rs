//! Setting that keeps a bucket from being opened to the public, by a policy or an access list, now or later.
//!
//! AWS sets all four parts on every new bucket (since April 2023). A bucket without any is an old one, one that lost them by hand, or one of the
//! local AWS.

use super::BUCKET;
use crate::Bucket;
use aws::{
    Aws, Optional, Target,
    facts::{Call, Identity, Kind, Sweep, Task, Trail, Typical},
};
use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use engine::{Changes, DeleteOutcome, Observed, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;

/// The four parts of a bucket's public access block.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are four switches")]
pub struct PublicAccessBlock {
    /// The bucket's name.
    pub bucket: Ref<String>,
    /// Refuses new public access lists.
    pub block_public_acls: bool,
    /// Ignores public access lists.
    pub ignore_public_acls: bool,
    /// Refuses public policies.
    pub block_public_policy: bool,
    /// Restricts a public policy to principals of the account.
    pub restrict_public_buckets: bool,
}

/// Output of a block that exists.
#[derive(Debug, Clone)]
pub struct PublicAccessBlockOutput {
    /// The bucket's name.
    pub bucket: String,
}

const FACTS: Kind = Kind {
    name: PublicAccessBlock::KIND,
    trail: Trail { source: "s3", is_global: false, operations: &["PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock"] },
    typical: Typical::of_calls,
    pace: None,
    request_limits: &[],
    calls: &[
        Call::takes("s3:DeletePublicAccessBlock", &[("s3:PutBucketPublicAccessBlock", &BUCKET)], Task::UP),
        Call::takes("s3:GetPublicAccessBlock", &[("s3:GetBucketPublicAccessBlock", &BUCKET)], Task::LOOKING),
        Call::takes("s3:PutPublicAccessBlock", &[("s3:PutBucketPublicAccessBlock", &BUCKET)], Task::UP),
    ],
    sweep: Sweep::With(Bucket::KIND),
    quota: None,
    billable: None,
};

impl Resource for PublicAccessBlock {
    type Cloud = Aws;
    const KIND: &'static str = "s3.public_access_block";
    const FACTS: &'static Kind = &FACTS;
    const IS_PART: bool = true;
    const COMES_ALONG: bool = true;
    type Output = PublicAccessBlockOutput;

    fn name(&self) -> String {
        self.bucket.get().unwrap_or_default()
    }

    fn identity(&self, target: &Target, _: Option<&PublicAccessBlockOutput>) -> Identity {
        self.bucket.get().map_or_else(|_| Identity::default(), |bucket| super::identity(target, bucket, "permissions"))
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let bucket = self.bucket.get()?;
        let answer = aws.read("s3:GetPublicAccessBlock", || aws.s3.get_public_access_block().bucket(&bucket).send()).await.optional()?;
        let Some(block) = answer.and_then(|answer| answer.public_access_block_configuration) else { return Ok(None) };
        let spec = Self {
            bucket: bucket.clone().into(),
            block_public_acls: block.block_public_acls() == Some(true),
            ignore_public_acls: block.ignore_public_acls() == Some(true),
            block_public_policy: block.block_public_policy() == Some(true),
            restrict_public_buckets: block.restrict_public_buckets() == Some(true),
        };
        Ok(Some(Observed::part(spec, PublicAccessBlockOutput { bucket })))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<PublicAccessBlockOutput>> {
        let bucket = self.bucket.get()?;
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(self.block_public_acls)
            .ignore_public_acls(self.ignore_public_acls)
            .block_public_policy(self.block_public_policy)
            .restrict_public_buckets(self.restrict_public_buckets)
            .build();
        let _lock = aws.lock(&format!("bucket/{bucket}")).await;
        aws.write("s3:PutPublicAccessBlock", || {
            aws.s3.put_public_access_block().bucket(&bucket).public_access_block_configuration(block.clone()).send()
        })
        .await?;
        Ok(WriteOutcome::Complete(PublicAccessBlockOutput { bucket }))
    }

    async fn update(&self, aws: &Aws, _observed: &Observed<Self>, _changes: &Changes) -> Result<WriteOutcome<PublicAccessBlockOutput>> {
        self.create(aws).await
    }

    async fn delete(&self, aws: &Aws, output: &PublicAccessBlockOutput) -> Result<DeleteOutcome> {
        let _lock = aws.lock(&format!("bucket/{}", output.bucket)).await;
        aws.write("s3:DeletePublicAccessBlock", || aws.s3.delete_public_access_block().bucket(&output.bucket).send()).await.optional()?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl PublicAccessBlock {
    /// Returns a block with all four switches on.
    pub fn all(bucket: Ref<String>) -> Self {
        Self { bucket, block_public_acls: true, ignore_public_acls: true, block_public_policy: true, restrict_public_buckets: true }
    }
}
