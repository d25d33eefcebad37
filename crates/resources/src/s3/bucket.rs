//! An S3 bucket, with the files of the site it serves.
//!
//! AWS takes a bucket's configuration in one call per setting. In us-east-1 `CreateBucket` answers 200 for a bucket that is already ours, elsewhere
//! 409; so ownership is read first, from the tags. AWS encrypts new buckets and makes them owner-enforced by default: a setting that is not
//! reported has AWS's default. A versioned bucket is empty only when every version and delete marker is deleted.
//!
//! Files are compared by `ETag`, which is the MD5 of the content that a plain `PutObject` wrote, and by their headers (`s3_written.rs`).

use super::{
    site::{SiteObject, empty, list_site, publish, restore},
    written::with_observed_headers,
};
use aws::{
    Aws, Optional, Tags, Target,
    facts::{Billable, Call, Guard, Identity, Kind, Scope, Sweep, Task, Trail, Typical},
};
use aws_sdk_s3::operation::get_bucket_tagging::GetBucketTaggingOutput;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, OwnershipControls, OwnershipControlsRule,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging,
    VersioningConfiguration,
};
use engine::{
    Action, Changes, DeleteOutcome, Error, Found, Handle, Observed, Orphan, ReadFrom, Ref, Resource, Result, WriteOutcome, with_fingerprint,
};
use futures::future::join;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Desired state of an S3 bucket.
#[derive(Debug, Clone, Serialize)]
pub struct Bucket {
    /// Physical name, unique in the whole world.
    pub name: String,
    /// Set if overwritten and deleted objects are kept as old versions.
    pub versioning: bool,
    /// Encryption of objects: `AES256`.
    pub encryption: String,
    /// `BucketOwnerEnforced`: there are no access lists.
    pub object_ownership: String,
    /// MD5 (hexadecimal) of every file by its key below [`SITE_PREFIX`](crate::SITE_PREFIX). `None`: the files are left as they are.
    pub site: Option<BTreeMap<String, String>>,
    /// The files of `site` with their headers, by the same keys.
    pub files: BTreeMap<String, SiteObject>,
    /// Tags, the ownership tag included.
    pub tags: Tags,
}

/// Output of a bucket that exists.
#[derive(Debug, Clone)]
pub struct BucketOutput {
    /// Physical name of the bucket.
    pub name: String,
    /// ARN of the bucket.
    pub arn: String,
}

/// The stack's bucket. Before it exists, it has no owner.
pub(super) const BUCKET: Scope = Scope::of("Bucket", |target, names, _| vec![format!("arn:{}:s3:::{}", target.partition, names.bucket())])
    .guarded(|action, _| if ["s3:CreateBucket", "s3:TagResource"].contains(&action) { Guard::None } else { Guard::Account });

/// Every object in it.
const OBJECTS: Scope = Scope::of("Objects", |target, names, _| vec![format!("arn:{}:s3:::{}/*", target.partition, names.bucket())])
    .guarded(|_, _| Guard::Account);

const FACTS: Kind = Kind {
    name: Bucket::KIND,
    trail: Trail {
        source: "s3",
        is_global: false,
        operations: &[
            "CreateBucket",
            "DeleteBucket",
            "PutBucketVersioning",
            "PutBucketEncryption",
            "DeleteBucketEncryption",
            "PutBucketOwnershipControls",
            "DeleteBucketOwnershipControls",
            "PutBucketTagging",
            "DeleteBucketTagging",
        ],
    },
    typical,
    pace: None,
    request_limits: &[],
    calls: &[
        Call::same("s3:AbortMultipartUpload", &OBJECTS, Task::REMOVING),
        Call::takes(
            "s3:CopyObject",
            &[("s3:GetObject", &OBJECTS), ("s3:GetObjectVersion", &OBJECTS), ("s3:PutObject", &OBJECTS)],
            Task::UP,
        ),
        Call::takes("s3:CreateBucket", &[("s3:CreateBucket", &BUCKET), ("s3:TagResource", &BUCKET)], Task::UP),
        Call::same("s3:DeleteBucket", &BUCKET, Task::REMOVING),
        Call::takes(
            "s3:DeleteObject",
            &[("s3:DeleteObject", &OBJECTS), ("s3:DeleteObjectVersion", &OBJECTS), ("s3:GetObject", &OBJECTS)],
            Task::REMOVING,
        ),
        Call::takes("s3:DeleteObjects", &[("s3:DeleteObject", &OBJECTS), ("s3:DeleteObjectVersion", &OBJECTS)], Task::REMOVING),
        Call::takes("s3:GetBucketEncryption", &[("s3:GetEncryptionConfiguration", &BUCKET)], Task::LOOKING),
        Call::same("s3:GetBucketOwnershipControls", &BUCKET, Task::LOOKING),
        Call::same("s3:GetBucketTagging", &BUCKET, Task::ALL),
        Call::same("s3:GetBucketVersioning", &BUCKET, Task::ALL),
        Call::takes("s3:GetObject", &[("s3:GetObject", &OBJECTS), ("s3:ListBucket", &BUCKET)], Task::ALL),
        Call::takes("s3:HeadObject", &[("s3:GetObject", &OBJECTS), ("s3:ListBucket", &BUCKET)], Task::LOOKING),
        Call::takes("s3:ListMultipartUploads", &[("s3:ListBucketMultipartUploads", &BUCKET)], Task::REMOVING),
        Call::takes("s3:ListObjectVersions", &[("s3:ListBucketVersions", &BUCKET)], Task::ALL),
        Call::takes("s3:ListObjectsV2", &[("s3:ListBucket", &BUCKET)], Task::LOOKING),
        Call::takes("s3:PutBucketEncryption", &[("s3:PutEncryptionConfiguration", &BUCKET)], Task::UP),
        Call::same("s3:PutBucketOwnershipControls", &BUCKET, Task::UP),
        Call::same("s3:PutBucketTagging", &BUCKET, Task::UP),
        Call::same("s3:PutBucketVersioning", &BUCKET, Task::UP),
        Call::takes("s3:PutObject", &[("s3:PutObject", &OBJECTS), ("s3:GetObject", &OBJECTS)], Task::REMOVING),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let name = stack.names.bucket();
        graph.sweep(move |aws: &Aws| Box::pin(Bucket::sweep(aws, name.clone(), "static")));
    }),
    quota: None,
    billable: Some(Billable::Bucket),
};

/// go-to-k/cdkd, docs/benchmarks.md: a bucket, an access control and a distribution are created in 10 to 11 s together; the share of
/// each is assumed. A bucket is done when its
/// pages are uploaded.
fn typical(action: Action, _: &Changes) -> Typical {
    if action == Action::Create { Typical::seconds(1.0, 3.0) } else { Typical::CALLS }
}

impl Resource for Bucket {
    type Cloud = Aws;
    const KIND: &'static str = "s3.bucket";
    const FACTS: &'static Kind = &FACTS;
    const HOLDS_DATA: bool = true;
    type Output = BucketOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, _: Option<&BucketOutput>) -> Identity {
        super::identity(target, self.name.clone(), "objects")
    }

    fn set_fingerprint(&mut self, fingerprint: &str) {
        self.tags.set_fingerprint(fingerprint);
    }

    async fn observe(&self, aws: &Aws, from: ReadFrom) -> Result<Option<Observed<Self>>> {
        Box::pin(self.see(aws, read_tags(aws, &self.name, from))).await
    }

    async fn locate(&self, aws: &Aws) -> Result<Option<BucketOutput>> {
        Ok(self.read_versioning(aws).await?.map(|_| self.output(aws)))
    }

    async fn find(&self, aws: &Aws) -> Result<Option<Found<BucketOutput>>> {
        let tags = read_tags(aws, &self.name, ReadFrom::Service).await?;
        Ok(tags.map(|tags| Found { output: self.output(aws), owner: aws.owner(&tags) }))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<BucketOutput>> {
        if !aws.was_made(&self.name) {
            self.make(aws).await?;
        }
        match self.configure(aws).await {
            // AWS created its public access block with it.
            Ok(()) => Ok(WriteOutcome::WithParts(self.output(aws))),
            // For seconds, the calls that configure a bucket do not know a new one: they are left to the next write.
            Err(Error::Absent(_)) => Ok(WriteOutcome::Settling(self.output(aws))),
            Err(error) => Err(error),
        }
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, changes: &Changes) -> Result<WriteOutcome<BucketOutput>> {
        if changes.touch("object_ownership") {
            self.write_ownership(aws).await?;
        }
        if changes.touch("versioning") {
            self.write_versioning(aws).await?;
        }
        if changes.touch("encryption") {
            self.write_encryption(aws).await?;
        }
        if changes.touch("site") || changes.touch("files") {
            let published = observed.spec.site.clone().unwrap_or_default();
            publish(aws, &self.name, &self.files, &published, &observed.spec.files).await?;
        }
        if changes.touch("tags") {
            self.write_tags(aws).await?;
        }
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, output: &BucketOutput) -> Result<DeleteOutcome> {
        if empty(aws, &output.name).await.optional()?.is_some() {
            let _lock = self.lock(aws).await;
            aws.write("s3:DeleteBucket", || aws.s3.delete_bucket().bucket(&output.name).send()).await.optional()?;
        }
        Ok(DeleteOutcome::Deleted)
    }
}

const DEFAULT_ENCRYPTION: &str = "AES256";
const DEFAULT_OWNERSHIP: &str = "BucketOwnerEnforced";

impl Bucket {
    /// Reads the bucket, if there is one; on the last look with all calls at once.
    async fn see(&self, aws: &Aws, tags: impl Future<Output = Result<Option<Tags>>>) -> Result<Option<Observed<Self>>> {
        // No further call is made about a bucket that does not exist.
        if self.read_versioning(aws).await?.is_none() {
            return Ok(None);
        }
        let site = async {
            if self.site.is_none() {
                return Ok(None);
            }
            let Some(site) = list_site(aws, &self.name).await.optional()? else { return Ok(None) };
            Ok(Some((site, with_observed_headers(aws, &self.name, &self.files).await?)))
        };
        let (versioning, tags, encryption, object_ownership, site) =
            futures::try_join!(self.read_versioning(aws), tags, self.read_encryption(aws), self.read_ownership(aws), site)?;
        let (Some(versioning), Some(tags)) = (versioning, tags) else { return Ok(None) };
        let (owner, applied) = (aws.owner(&tags), tags.applied());
        let (site, files) = site.map_or((None, BTreeMap::new()), |(site, files)| (Some(site), files));
        let spec = Self { name: self.name.clone(), versioning, encryption, object_ownership, site, files, tags };
        Ok(Some(Observed { spec, output: self.output(aws), busy: None, failed: None, owner, applied }))
    }

    /// Finds the bucket with this name, which could be ours. The name contains account and region, so there is no other that this stack could own
    /// here.
    #[expect(clippy::unused_async, reason = "as all sweeps are")]
    pub async fn sweep(aws: &Aws, name: String, logical: &str) -> Result<Vec<Orphan<Aws>>> {
        let bucket = Self::bare(name);
        let output = bucket.output(aws);
        Ok(vec![Orphan::new(logical, bucket, output).unproven()])
    }

    /// Creates the bucket early, without settings, so that the stack's lock can be in it.
    pub async fn make_early(&self, aws: &Aws) -> Result<()> {
        with_fingerprint(self.clone()).make(aws).await?;
        aws.note_made(&self.name);
        Ok(())
    }

    /// Creates the bucket with its tags, so that it has an owner from the first moment.
    async fn make(&self, aws: &Aws) -> Result<()> {
        let region = aws.target.region.as_str();
        let location = (region != "us-east-1").then(|| BucketLocationConstraint::from(region));
        let config = CreateBucketConfiguration::builder().set_location_constraint(location).set_tags(Some(sdk_tags(&self.tags)?)).build();
        aws.write("s3:CreateBucket", || aws.s3.create_bucket().bucket(&self.name).create_bucket_configuration(config.clone()).send())
            .await?;
        Ok(())
    }

    /// Writes the settings that differ from a new bucket's defaults, and the files.
    async fn configure(&self, aws: &Aws) -> Result<()> {
        if self.versioning {
            self.write_versioning(aws).await?;
        }
        if self.encryption != DEFAULT_ENCRYPTION {
            self.write_encryption(aws).await?;
        }
        if self.object_ownership != DEFAULT_OWNERSHIP {
            self.write_ownership(aws).await?;
        }
        if self.site.is_some() {
            publish(aws, &self.name, &self.files, &BTreeMap::new(), &BTreeMap::new()).await?;
        }
        Ok(())
    }

    /// Returns a private bucket with AWS's current defaults, with old versions kept, and without files.
    fn bare(name: String) -> Self {
        Self {
            name,
            versioning: true,
            encryption: DEFAULT_ENCRYPTION.to_owned(),
            object_ownership: DEFAULT_OWNERSHIP.to_owned(),
            site: None,
            files: BTreeMap::new(),
            tags: Tags::default(),
        }
    }

    fn output(&self, aws: &Aws) -> BucketOutput {
        BucketOutput { name: self.name.clone(), arn: format!("arn:{}:s3:::{}", aws.target.partition, self.name) }
    }

    async fn lock(&self, aws: &Aws) -> aws::LockGuard {
        aws.lock(&format!("bucket/{}", self.name)).await
    }

    /// Returns the versioning; `None` if there is no such bucket. Shared, because resources that depend on the bucket read it as well.
    async fn read_versioning(&self, aws: &Aws) -> Result<Option<bool>> {
        let read = || async {
            let answer =
                aws.read("s3:GetBucketVersioning", || aws.s3.get_bucket_versioning().bucket(&self.name).send()).await.optional()?;
            Ok(answer.map(|answer| answer.status() == Some(&BucketVersioningStatus::Enabled)))
        };
        Ok(*aws.shared("s3", &format!("versioning/{}", self.name), read).await?)
    }

    async fn read_encryption(&self, aws: &Aws) -> Result<String> {
        let default = self.read_encryption_rule(aws).await?.and_then(|rule| rule.apply_server_side_encryption_by_default);
        Ok(default.map_or_else(|| DEFAULT_ENCRYPTION.to_owned(), |default| default.sse_algorithm.to_string()))
    }

    /// Returns the bucket's one rule; `None` after `DeleteBucketEncryption`, which S3 answers with 200 and nothing (recorded on 2026-02-21).
    async fn read_encryption_rule(&self, aws: &Aws) -> Result<Option<ServerSideEncryptionRule>> {
        let answer = aws.read("s3:GetBucketEncryption", || aws.s3.get_bucket_encryption().bucket(&self.name).send()).await.optional()?;
        Ok(answer.and_then(|answer| answer.server_side_encryption_configuration?.rules.into_iter().next()))
    }

    async fn read_ownership(&self, aws: &Aws) -> Result<String> {
        let answer = aws
            .read("s3:GetBucketOwnershipControls", || aws.s3.get_bucket_ownership_controls().bucket(&self.name).send())
            .await
            .optional()?;
        let rule = answer.and_then(|answer| answer.ownership_controls?.rules.into_iter().next());
        Ok(rule.map_or_else(|| DEFAULT_OWNERSHIP.to_owned(), |rule| rule.object_ownership.to_string()))
    }

    /// Makes older versions of files, by key, the current ones again, and removes others; `site` is the resulting content.
    pub async fn put_back(
        &self,
        aws: &Aws,
        versions: &BTreeMap<String, String>,
        site: BTreeMap<String, String>,
        removed: &BTreeSet<String>,
    ) -> Result<()> {
        let marked = with_fingerprint(Self { site: Some(site), ..self.clone() });
        // If one fails, the other may still finish.
        let (restored, tagged) = join(restore(aws, &self.name, versions, removed), marked.write_tags(aws)).await;
        restored.and(tagged)
    }

    /// Writes all tags: the call replaces the existing ones.
    async fn write_tags(&self, aws: &Aws) -> Result<()> {
        let refuse = |error| invalid("s3:PutBucketTagging", &error);
        let tagging = Tagging::builder().set_tag_set(Some(sdk_tags(&self.tags)?)).build().map_err(refuse)?;
        let _lock = self.lock(aws).await;
        aws.write("s3:PutBucketTagging", || aws.s3.put_bucket_tagging().bucket(&self.name).tagging(tagging.clone()).send()).await?;
        Ok(())
    }

    /// Writes versioning. Once enabled it can be suspended, not undone.
    async fn write_versioning(&self, aws: &Aws) -> Result<()> {
        let status = if self.versioning { BucketVersioningStatus::Enabled } else { BucketVersioningStatus::Suspended };
        let config = VersioningConfiguration::builder().status(status).build();
        let _lock = self.lock(aws).await;
        aws.write("s3:PutBucketVersioning", || {
            aws.s3.put_bucket_versioning().bucket(&self.name).versioning_configuration(config.clone()).send()
        })
        .await?;
        Ok(())
    }

    async fn write_encryption(&self, aws: &Aws) -> Result<()> {
        let refuse = |error| invalid("s3:PutBucketEncryption", &error);
        let algorithm = ServerSideEncryption::from(self.encryption.as_str());
        let default = ServerSideEncryptionByDefault::builder().sse_algorithm(algorithm).build().map_err(refuse)?;
        // The call replaces the rule. Its settings beside the algorithm are not declared, so they are sent back unchanged.
        let mut rule = self.read_encryption_rule(aws).await?.unwrap_or_else(|| ServerSideEncryptionRule::builder().build());
        rule.apply_server_side_encryption_by_default = Some(default);
        let config = ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(refuse)?;
        let _lock = self.lock(aws).await;
        aws.write("s3:PutBucketEncryption", || {
            aws.s3.put_bucket_encryption().bucket(&self.name).server_side_encryption_configuration(config.clone()).send()
        })
        .await?;
        Ok(())
    }

    async fn write_ownership(&self, aws: &Aws) -> Result<()> {
        let refuse = |error| invalid("s3:PutBucketOwnershipControls", &error);
        let rule = OwnershipControlsRule::builder().object_ownership(self.object_ownership.as_str().into()).build().map_err(refuse)?;
        let controls = OwnershipControls::builder().rules(rule).build().map_err(refuse)?;
        let _lock = self.lock(aws).await;
        aws.write("s3:PutBucketOwnershipControls", || {
            aws.s3.put_bucket_ownership_controls().bucket(&self.name).ownership_controls(controls.clone()).send()
        })
        .await?;
        Ok(())
    }
}

impl Bucket {
    /// Name of the bucket. It is known beforehand, but a resource that refers to it waits for the bucket.
    pub fn name_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("name", |output| output.name.clone())
    }
}

/// Returns the tags, or `None` if there is no such bucket. Shared, because the sweep reads them as well.
async fn read_tags(aws: &Aws, name: &str, from: ReadFrom) -> Result<Option<Tags>> {
    let tagging = async || aws.read("s3:GetBucketTagging", || aws.s3.get_bucket_tagging().bucket(name).send()).await.optional();
    let tags = |answer: &GetBucketTaggingOutput| answer.tag_set().iter().map(|tag| (tag.key(), tag.value())).collect::<Tags>();
    aws.tags("s3", &format!("arn:{}:s3:::{name}", aws.target.partition), from, async || {
        if let Some(answer) = tagging().await? {
            return Ok(Some(tags(&answer)));
        }
        // No bucket, or one without tags, which belongs to others.
        let exists = aws.read("s3:GetBucketVersioning", || aws.s3.get_bucket_versioning().bucket(name).send()).await.optional()?;
        if exists.is_none() {
            return Ok(None);
        }
        // Or a bucket that was created a moment ago, which the first call did not see yet.
        Ok(Some(tagging().await?.as_ref().map(tags).unwrap_or_default()))
    })
    .await
}

fn sdk_tags(tags: &Tags) -> Result<Vec<Tag>> {
    let tag = |(key, value)| Tag::builder().key(key).value(value).build().map_err(|error| invalid("s3:PutBucketTagging", &error));
    tags.iter().map(tag).collect()
}

fn invalid(operation: &str, error: &aws_sdk_s3::error::BuildError) -> Error {
    Error::refused(operation, error.to_string())
}
