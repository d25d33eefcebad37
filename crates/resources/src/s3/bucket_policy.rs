//! The bucket policy. It lets one CloudFront distribution, and no other principal, read one prefix of a bucket, and requires TLS of all requests.
//!
//! A service principal under an `aws:SourceArn` condition is not "public", so the public access block lets it pass. Without `s3:ListBucket` S3
//! answers 403 for an object that is missing, which CloudFront cannot distinguish from a 403 of the API's; with it, 404. It lets no visitor list
//! anything: the distribution requests only keys below its origin's path, and forwards no query to S3.

use super::BUCKET;
use crate::Bucket;
use aws::{
    Aws, Optional, Policy, Target,
    facts::{Call, Identity, Kind, Sweep, Task, Trail, Typical},
};
use engine::{Changes, DeleteOutcome, Observed, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;
use serde_json::{Value, json};

const READ: &str = "CloudFrontReadsSite";
const TELL: &str = "CloudFrontLearnsWhatIsMissing";
const TLS: &str = "OnlyOverTls";

/// A bucket's policy.
#[derive(Debug, Clone, Serialize)]
pub struct BucketPolicy {
    /// The bucket's name.
    pub bucket: Ref<String>,
    /// The ARN of the distribution that may read.
    pub reader: Ref<String>,
    /// Prefix of the keys that may be read: `site/`.
    pub prefix: String,
    /// Set if the reader learns that an object is missing (404), rather than that it may not read it (403).
    pub tells_missing: bool,
    /// Set if every request without TLS is refused, whatever its principal (control S3.5 of AWS Foundational Security Best Practices).
    pub tls_only: bool,
    /// Further statements. None are declared: those found here are removed.
    pub other: Policy,
}

/// Output of a policy that exists.
#[derive(Debug, Clone)]
pub struct BucketPolicyOutput {
    /// The bucket's name.
    pub bucket: String,
}

const FACTS: Kind = Kind {
    name: BucketPolicy::KIND,
    trail: Trail { source: "s3", is_global: false, operations: &["PutBucketPolicy", "DeleteBucketPolicy"] },
    typical: Typical::of_calls,
    pace: None,
    request_limits: &[],
    calls: &[
        Call::same("s3:DeleteBucketPolicy", &BUCKET, Task::NONE),
        Call::same("s3:GetBucketPolicy", &BUCKET, Task::LOOKING),
        Call::same("s3:PutBucketPolicy", &BUCKET, Task::UP),
    ],
    sweep: Sweep::With(Bucket::KIND),
    quota: None,
    billable: None,
};

impl Resource for BucketPolicy {
    type Cloud = Aws;
    const KIND: &'static str = "s3.bucket_policy";
    const FACTS: &'static Kind = &FACTS;
    const IS_PART: bool = true;
    type Output = BucketPolicyOutput;

    fn name(&self) -> String {
        self.bucket.get().unwrap_or_default()
    }

    fn identity(&self, target: &Target, _: Option<&BucketPolicyOutput>) -> Identity {
        self.bucket.get().map_or_else(|_| Identity::default(), |bucket| super::identity(target, bucket, "permissions"))
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let bucket = self.bucket.get()?;
        let answer = aws.read("s3:GetBucketPolicy", || aws.s3.get_bucket_policy().bucket(&bucket).send()).await.optional()?;
        let Some(document) = answer.and_then(|answer| answer.policy) else { return Ok(None) };
        Ok(Some(Observed::part(Self::parse(aws, &bucket, &document), BucketPolicyOutput { bucket })))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<BucketPolicyOutput>> {
        let (bucket, reader) = (self.bucket.get()?, self.reader.get()?);
        let document = self.document(&bucket_arn(aws, &bucket), &reader).document();
        let _lock = aws.lock(&format!("bucket/{bucket}")).await;
        aws.write("s3:PutBucketPolicy", || aws.s3.put_bucket_policy().bucket(&bucket).policy(&document).send()).await?;
        Ok(WriteOutcome::Complete(BucketPolicyOutput { bucket }))
    }

    async fn update(&self, aws: &Aws, _observed: &Observed<Self>, _changes: &Changes) -> Result<WriteOutcome<BucketPolicyOutput>> {
        self.create(aws).await
    }

    async fn delete(&self, aws: &Aws, output: &BucketPolicyOutput) -> Result<DeleteOutcome> {
        let _lock = aws.lock(&format!("bucket/{}", output.bucket)).await;
        aws.write("s3:DeleteBucketPolicy", || aws.s3.delete_bucket_policy().bucket(&output.bucket).send()).await.optional()?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl BucketPolicy {
    /// Lets this distribution (ARN) read keys that begin with `prefix`, and allows nothing else.
    pub fn reader(bucket: Ref<String>, distribution: Ref<String>, prefix: &str) -> Self {
        Self { bucket, reader: distribution, prefix: prefix.to_owned(), tells_missing: true, tls_only: true, other: Policy::default() }
    }

    fn document(&self, bucket_arn: &str, reader: &str) -> Policy {
        let allow = |action: &str, resource: &str| {
            json!({
                "Effect": "Allow",
                "Principal": { "Service": "cloudfront.amazonaws.com" },
                "Action": action,
                "Resource": resource,
                "Condition": { "StringEquals": { "AWS:SourceArn": reader } },
            })
        };
        let mut policy = Policy::default().with(READ, allow("s3:GetObject", &format!("{bucket_arn}/{}*", self.prefix)));
        if self.tells_missing {
            policy = policy.with(TELL, allow("s3:ListBucket", bucket_arn));
        }
        if self.tls_only {
            let refuse = json!({
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [bucket_arn, format!("{bucket_arn}/*")],
                "Condition": { "Bool": { "aws:SecureTransport": "false" } },
            });
            policy = policy.with(TLS, refuse);
        }
        policy
    }

    /// Parses a document into the terms of a declaration. A statement that is not to the letter as this file writes it is an `other`.
    fn parse(aws: &Aws, bucket: &str, text: &str) -> Self {
        let observed = Policy::parse(text);
        let arn = bucket_arn(aws, bucket);
        let read = observed.statement(READ);
        let text = |pointer: &str| read.and_then(|read| read.pointer(pointer)).and_then(Value::as_str).unwrap_or_default();
        let reader = text("/Condition/StringEquals/aws:sourcearn/0").to_owned();
        let prefix = text("/Resource/0").strip_prefix(&format!("{arn}/")).and_then(|rest| rest.strip_suffix('*')).unwrap_or_default();
        let written = Self::reader(bucket.to_owned().into(), reader.clone().into(), prefix).document(&arn, &reader);
        let ours = |sid: &str| observed.statement(sid).is_some() && observed.statement(sid) == written.statement(sid);
        let other = observed.sids().filter(|sid| !ours(sid)).filter_map(|sid| Some((sid, observed.statement(sid)?)));
        Self {
            bucket: bucket.to_owned().into(),
            reader: if ours(READ) { reader.clone() } else { String::new() }.into(),
            prefix: if ours(READ) { prefix } else { "" }.to_owned(),
            tells_missing: ours(TELL),
            tls_only: ours(TLS),
            other: other.fold(Policy::default(), |policy, (sid, statement)| policy.with(sid, statement.clone())),
        }
    }
}

fn bucket_arn(aws: &Aws, bucket: &str) -> String {
    format!("arn:{}:s3:::{bucket}", aws.target.partition)
}
