//! A CloudFront distribution: the site at `/`, the API below its own paths, one address for both.
//!
//! CloudFront gives it no name, so its comment serves as one, and its tags name its owner; the program finds it by looking through the list. A
//! comment is no proof: other distributions with the same one are left alone. A new distribution answers within seconds of its creation and is
//! everywhere some minutes later; the run does not wait for that. Files that visitors fetched stay cached until they are invalidated, so a tag
//! keeps the digest of the site that was last made known. Before a deletion the distribution has to be disabled, and that has to be known
//! everywhere.
//!
//! Not managed, so that it can be set by hand: own domains and their certificate, web ACL, access logs, restrictions, functions.

use super::{
    behavior::{Behavior, behaviors, is_managed},
    config::{ErrorPage, Origin, Protocol, Verify, count, error_pages, has_page, incomplete, sent_to},
    headers_policies::{HEADERS_TAG, exists},
};
use aws::{
    Aws, Optional, RequestLimit, Source, Tags, Target,
    facts::{Billable, Call, Guard, Identity, Kind, Quota, Scope, Sweep, Task, Trail, Typical, Used, length},
    not_aws,
};
use aws_sdk_cloudfront::operation::create_distribution_with_tags::CreateDistributionWithTagsOutput;
use aws_sdk_cloudfront::types::{
    self, Aliases, Distribution as ObservedDistribution, DistributionConfig, DistributionConfigWithTags, HttpVersion, Origins, PriceClass,
    Tag, TagKeys, ViewerCertificate,
};
use engine::{
    Action, Changes, Class, DeleteOutcome, Error, Found, Handle, Observed, Orphan, ReadFrom, Ref, Refusal, Resource, Result, WriteOutcome,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, SystemTime},
};

/// Tag that keeps the digest of the site as of the last invalidation.
const CONTENT: &str = "liveinsight:site";
/// The key of the behavior for paths that no other one takes.
const DEFAULT: &str = "default";
/// Status of a distribution that has reached all of CloudFront.
const DEPLOYED: &str = "Deployed";

/// Desired state of a CloudFront distribution.
#[derive(Debug, Clone, Serialize)]
pub struct Distribution {
    /// Name of the distribution, kept in its comment.
    pub name: String,
    /// Set if the distribution answers requests.
    pub enabled: bool,
    /// File that `/` shows: `index.html`.
    pub default_root_object: String,
    /// Regions that it serves from: `PriceClass_100` (Europe, North America, Israel), `PriceClass_200`, `PriceClass_All`.
    pub price_class: String,
    /// HTTP versions that it offers: `http2and3`.
    pub http_version: String,
    /// Set if the distribution answers over IPv6.
    pub ipv6: bool,
    /// Origins by key.
    pub origins: BTreeMap<String, Origin>,
    /// Behaviors by path pattern, `default` for all other paths.
    pub behaviors: BTreeMap<String, Behavior>,
    /// Patterns in the order in which CloudFront tries them: the first match wins.
    pub precedence: Vec<String>,
    /// Pages in place of an origin's error, by the error's status.
    pub error_pages: BTreeMap<i32, ErrorPage>,
    /// Digest of the site that it serves. `None`: changes invalidate nothing.
    pub content: Option<String>,
    /// Tags, the ownership tag included.
    pub tags: Tags,
}

/// Output of a distribution that exists.
#[derive(Debug, Clone)]
pub struct DistributionOutput {
    /// Id that CloudFront gave the distribution.
    pub id: String,
    /// ARN of the distribution.
    pub arn: String,
    /// Its host name.
    pub domain: String,
}

/// Distributions; ids are AWS's.
const DISTRIBUTIONS: Scope =
    Scope::of("Distributions", |target, _, _| vec![target.global_arn("cloudfront", "distribution/*")]).guarded(|action, _| match action {
        "cloudfront:DeleteDistribution" => Guard::Ours,
        "cloudfront:CreateInvalidation" | "cloudfront:UpdateDistribution" | "cloudfront:TagResource" | "cloudfront:UntagResource" => {
            Guard::NotAnothers
        }
        _ => Guard::None,
    });

const FACTS: Kind = Kind {
    name: Distribution::KIND,
    trail: Trail {
        source: "cloudfront",
        is_global: true,
        operations: &[
            "CreateDistribution",
            "CreateDistributionWithTags",
            "UpdateDistribution",
            "DeleteDistribution",
            "TagResource",
            "UntagResource",
        ],
    },
    typical,
    pace: None,
    request_limits: &[
        RequestLimit::new("cloudfront:UpdateDistribution", 0.05, 2.0, Source::Reported),
        RequestLimit::new("cloudfront:CreateInvalidation", 0.5, 1.0, Source::Reported),
    ],
    calls: &[
        Call::takes(
            "cloudfront:CreateDistribution",
            &[("cloudfront:CreateDistribution", &DISTRIBUTIONS), ("cloudfront:TagResource", &DISTRIBUTIONS)],
            Task::UP,
        ),
        Call::same("cloudfront:CreateInvalidation", &DISTRIBUTIONS, Task::UP),
        Call::same("cloudfront:DeleteDistribution", &DISTRIBUTIONS, Task::REMOVING),
        Call::same("cloudfront:GetDistribution", &DISTRIBUTIONS, Task::ALL),
        Call::same("cloudfront:GetDistributionConfig", &DISTRIBUTIONS, Task::UP),
        Call::same("cloudfront:ListDistributions", &Scope::EVERYTHING, Task::COUNTING),
        Call::same("cloudfront:ListTagsForResource", &DISTRIBUTIONS, Task::ALL),
        Call::same("cloudfront:TagResource", &DISTRIBUTIONS, Task::UP),
        Call::same("cloudfront:UntagResource", &DISTRIBUTIONS, Task::UP),
        Call::same("cloudfront:UpdateDistribution", &DISTRIBUTIONS, Task::REMOVING),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let name = stack.names.distribution();
        graph.sweep(move |aws: &Aws| Box::pin(Distribution::sweep(aws, name.clone(), "static")));
    }),
    quota: Some(Quota { of: "distributions", used: |aws| Box::pin(used(aws)) }),
    billable: Some(Billable::Distribution),
};

/// "Quotas" in the CloudFront developer guide: distributions per account, initially.
const QUOTA: u64 = 500;

/// Counts the account's distributions.
pub async fn count_distributions(aws: &Aws) -> Result<u64> {
    let mut total = 0;
    let send = |marker| aws.cloudfront.list_distributions().set_marker(marker).send();
    aws.pages("cloudfront:ListDistributions", send, |page| {
        let list = page.distribution_list.ok_or_else(|| not_aws("cloudfront:ListDistributions"))?;
        total += length(list.items());
        Ok(list.next_marker.filter(|_| list.is_truncated))
    })
    .await?;
    Ok(total)
}

async fn used(aws: &Aws) -> Result<Used> {
    Ok(Used::of_initial(count_distributions(aws).await?, QUOTA))
}

/// go-to-k/cdkd, docs/benchmarks.md: a bucket, an access control and a distribution are created in 10 to 11 s together; the share of
/// each, and the time of an update, are assumed. A run does not wait for the
/// deployment. A deletion waits until the disabled distribution is deployed everywhere: 156 to 217 s (reported).
fn typical(action: Action, _: &Changes) -> Typical {
    let (created, deleted) = (Typical::seconds(6.0, 10.0), Typical::seconds(156.0, 217.0));
    match action {
        Action::Create => created,
        Action::Update => Typical::seconds(1.0, 3.0),
        Action::Delete => deleted,
        Action::Replace => deleted + created,
    }
}

impl Resource for Distribution {
    type Cloud = Aws;
    const KIND: &'static str = "cloudfront.distribution";
    const FACTS: &'static Kind = &FACTS;
    // The deletion waits until it serves nowhere any more: usually 3 to 5 minutes (reported), rarely 20 (assumed).
    const REMOVAL: Duration = Duration::from_mins(25);
    type Output = DistributionOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, output: Option<&DistributionOutput>) -> Identity {
        let Some(output) = output else { return Identity::default() };
        Identity {
            console: Some(target.global_console("cloudfront/v4", &format!("/distributions/{}", output.id))),
            names: vec![output.id.clone(), target.global_arn("cloudfront", &format!("distribution/{}", output.id))],
            also: Vec::new(),
        }
    }

    fn set_fingerprint(&mut self, fingerprint: &str) {
        self.tags.set_fingerprint(fingerprint);
    }

    async fn observe(&self, aws: &Aws, from: ReadFrom) -> Result<Option<Observed<Self>>> {
        let observed = if from == ReadFrom::Lists
            && let Some(distribution) = self.reported(aws).await?
            && let Some(tags) = aws.reported_tags(&distribution.arn).await
        {
            self.observed(aws, output(&distribution), &tags, Some(distribution), from)
        } else {
            self.see(aws, from).await?
        };
        self.with_its_headers_tag(aws, observed).await
    }

    async fn locate(&self, aws: &Aws) -> Result<Option<DistributionOutput>> {
        if let Some(distribution) = self.reported(aws).await? {
            return Ok(Some(output(&distribution)));
        }
        Ok(self.search(aws, ReadFrom::Lists, async |_| Ok(())).await?.map(|(output, ..)| output))
    }

    async fn find(&self, aws: &Aws) -> Result<Option<Found<DistributionOutput>>> {
        let found = self.search(aws, ReadFrom::Service, async |_| Ok(())).await?;
        Ok(found.map(|(output, tags, ())| Found { output, owner: aws.owner(&tags) }))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<DistributionOutput>> {
        // Two concurrent runs choose the same reference, and CloudFront lets it be used once. A reference must never have been used before, not
        // even by a distribution that is deleted; then it gets the time in milliseconds, so that it is new.
        let answer = match self.send(aws, &self.reference()).await {
            Err(Error::Exists(_)) if self.find(aws).await?.is_none() => self.send(aws, &self.unique_reference()).await?,
            answer => answer?,
        };
        // Nothing is cached yet.
        aws.forget_published();
        let output = answer.distribution.map(|made| DistributionOutput { id: made.id, arn: made.arn, domain: made.domain_name });
        if let Some(made) = &output {
            aws.cache_tags(&made.arn, &self.all_tags());
            aws.cache_output(&self.name, made.clone());
        }
        output.map(WriteOutcome::Complete).ok_or_else(|| unclear("cloudfront:CreateDistribution", "the answer does not name the new one"))
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, changes: &Changes) -> Result<WriteOutcome<DistributionOutput>> {
        let DistributionOutput { id, arn, .. } = &observed.output;
        if changes.iter().any(|change| !["tags", "content"].contains(&change.path.split('.').next().unwrap_or_default())) {
            let answer = aws.read("cloudfront:GetDistributionConfig", || aws.cloudfront.get_distribution_config().id(id).send()).await?;
            let (etag, current) = (answer.e_tag, answer.distribution_config);
            let current = current.ok_or_else(|| Error::not_yet("CloudFront to show the distribution's configuration"))?;
            let config = self.overlay(current)?;
            aws.write("cloudfront:UpdateDistribution", || {
                aws.cloudfront.update_distribution().id(id).set_if_match(etag.clone()).distribution_config(config.clone()).send()
            })
            .await?;
        }
        if self.content.is_some() && (changes.touch("content") || aws.published().is_some()) {
            self.invalidate(aws, observed).await;
        }
        if changes.touch("tags") || changes.touch("content") {
            let tags = self.sdk_tags()?;
            let tag = async || {
                aws.write("cloudfront:TagResource", || aws.cloudfront.tag_resource().resource(arn).tags(tags.clone()).send()).await?;
                Ok(())
            };
            let untag = async |keys: Vec<String>| {
                let keys = TagKeys::builder().set_items(Some(keys)).build();
                aws.write("cloudfront:UntagResource", || aws.cloudfront.untag_resource().resource(arn).tag_keys(keys.clone()).send())
                    .await?;
                Ok(())
            };
            aws.sync_tags(arn, &observed.spec.tags, &self.tags, tag, untag).await?;
        }
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, output: &DistributionOutput) -> Result<DeleteOutcome> {
        let id = &output.id;
        let answer = aws.read("cloudfront:GetDistribution", || aws.cloudfront.get_distribution().id(id).send()).await.optional()?;
        let Some(answer) = answer else { return Ok(DeleteOutcome::Deleted) };
        let (mut etag, observed) = (answer.e_tag, answer.distribution);
        let mut status = observed.as_ref().map(|observed| observed.status.clone());
        if let Some(mut config) = observed.and_then(|observed| observed.distribution_config)
            && config.enabled
        {
            config.enabled = false;
            let answer = aws
                .write("cloudfront:UpdateDistribution", || {
                    aws.cloudfront.update_distribution().id(id).set_if_match(etag.clone()).distribution_config(config.clone()).send()
                })
                .await?;
            // Without a state the run would wait for it in vain.
            let observed = answer.distribution.ok_or_else(|| not_aws("cloudfront:UpdateDistribution"))?;
            (etag, status) = (answer.e_tag, Some(observed.status));
        }
        if status.as_deref() != Some(DEPLOYED) {
            let why = "CloudFront to stop serving (usually 3 to 5 minutes)".to_owned();
            return Err(Error::NotYet { why, retry_after: Some(Duration::from_secs(5)) });
        }
        aws.write("cloudfront:DeleteDistribution", || aws.cloudfront.delete_distribution().id(id).set_if_match(etag.clone()).send())
            .await
            .optional()?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl Distribution {
    /// Finds the distribution that has this name and could be ours.
    pub async fn sweep(aws: &Aws, name: String, logical: &str) -> Result<Vec<Orphan<Aws>>> {
        if let Some(distribution) = reported(aws).await? {
            let is_it = distribution.distribution_config.as_ref().is_some_and(|config| config.comment == name);
            let orphan = || Orphan::new(logical, Self::bare(&name, Tags::default()), output(&distribution)).unproven();
            return Ok(is_it.then(orphan).into_iter().collect());
        }
        let distributions = list(aws).await?;
        // At most one of the distributions with this comment is ours.
        let listed = distributions.iter().find(|listed| listed.comment == name);
        let orphan = |listed: &Listed| Orphan::new(logical, Self::bare(&name, Tags::default()), listed.output.clone()).unproven();
        Ok(listed.map(orphan).into_iter().collect())
    }

    /// Returns a distribution that serves nothing.
    fn bare(name: &str, tags: Tags) -> Self {
        Self {
            name: name.to_owned(),
            enabled: true,
            default_root_object: String::new(),
            price_class: PriceClass::PriceClass100.to_string(),
            http_version: HttpVersion::Http2and3.to_string(),
            ipv6: true,
            origins: BTreeMap::new(),
            behaviors: BTreeMap::new(),
            precedence: Vec::new(),
            error_pages: BTreeMap::new(),
            content: None,
            tags,
        }
    }

    /// Returns a distribution with this index page, origins (by key) and behaviors (by path pattern, `default` for all other paths). If two
    /// patterns match, the more specific one wins: `/api/events` before `/api/*`.
    pub fn serving(name: &str, index: &str, tags: Tags, origins: BTreeMap<String, Origin>, behaviors: BTreeMap<String, Behavior>) -> Self {
        // The star sorts before all characters of a path, except `!` to `)`, which no route has.
        let precedence = behaviors.keys().rev().filter(|pattern| *pattern != DEFAULT).cloned().collect();
        Self { default_root_object: index.to_owned(), origins, behaviors, precedence, ..Self::bare(name, tags) }
    }

    async fn send(&self, aws: &Aws, reference: &str) -> Result<CreateDistributionWithTagsOutput> {
        let config = self.overlay(blank(reference)?)?;
        let config = DistributionConfigWithTags::builder().distribution_config(config).tags(self.sdk_tags()?).build();
        aws.write("cloudfront:CreateDistribution", || {
            aws.cloudfront.create_distribution_with_tags().distribution_config_with_tags(config.clone()).send()
        })
        .await
    }

    /// Returns the caller reference: all runs that create this distribution now share it, and it changes once the origin access control is created
    /// anew.
    fn reference(&self) -> String {
        let controls = self.origins.values().filter_map(|origin| origin.access_control.get().ok()).find(|control| !control.is_empty());
        controls.map_or_else(|| self.unique_reference(), |control| format!("{}-{control}", self.name))
    }

    fn unique_reference(&self) -> String {
        let moment = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        format!("{}-{moment}", self.name)
    }

    async fn see(&self, aws: &Aws, from: ReadFrom) -> Result<Option<Observed<Self>>> {
        let get =
            async |id: &str| aws.read("cloudfront:GetDistribution", || aws.cloudfront.get_distribution().id(id).send()).await.optional();
        let found = match aws.created_output::<DistributionOutput>(&self.name) {
            Some(made) => {
                let (tags, answer) = futures::try_join!(read_tags(aws, &made.arn, from), get(&made.id))?;
                if tags.as_ref().is_some_and(|tags| aws.owner(tags).foreign().is_some()) {
                    aws.note_unmarked(&self.name);
                }
                tags.map(|tags| (made, tags, answer))
            }
            None => self.search(aws, from, get).await?,
        };
        let Some((output, tags, answer)) = found else {
            self.note(None, from);
            return Ok(None);
        };
        Ok(self.observed(aws, output, &tags, answer.and_then(|answer| answer.distribution), from))
    }

    fn observed(
        &self,
        aws: &Aws,
        output: DistributionOutput,
        tags: &Tags,
        distribution: Option<ObservedDistribution>,
        from: ReadFrom,
    ) -> Option<Observed<Self>> {
        self.note(distribution.as_ref(), from);
        let config = distribution?.distribution_config?;
        let (owner, applied) = (aws.owner(tags), tags.applied());
        let mut spec = Self::read(&config, tags);
        if aws.published().is_some() && self.content.is_some() {
            // The bucket was repaired without a change to its declaration: caches may hold the faulty files.
            spec.content = Some("not yet invalidated".to_owned());
        }
        // During a deployment CloudFront accepts every change except a deletion.
        Some(Observed { spec, output, busy: None, failed: None, owner, applied })
    }

    /// Counts the tag for a headers policy that is no longer declared as desired while that policy exists: the tag is how the policy is found.
    async fn with_its_headers_tag(&self, aws: &Aws, observed: Option<Observed<Self>>) -> Result<Option<Observed<Self>>> {
        let Some(mut observed) = observed else { return Ok(None) };
        if self.tags.get(HEADERS_TAG).is_none()
            && let Some(name) = observed.spec.tags.get(HEADERS_TAG)
            && exists(aws, name).await?
        {
            observed.spec.tags = observed.spec.tags.iter().filter(|(key, _)| *key != HEADERS_TAG).collect();
        }
        Ok(Some(observed))
    }

    /// Passes the secret that is sent now to each secret that the engine generates; `None` without a distribution.
    fn note(&self, distribution: Option<&ObservedDistribution>, from: ReadFrom) {
        for (key, origin) in &self.origins {
            let Verify::Made(secret) = &origin.verify else { continue };
            // Within a run the state follows from the run's own writes: the secret that was sent everywhere at its start counts.
            let is_deployed = |observed: &ObservedDistribution| (from == ReadFrom::Lists).then(|| observed.status == DEPLOYED);
            secret.note_distribution(distribution.map(|observed| {
                let origins = observed.distribution_config.as_ref().and_then(|config| config.origins.as_ref());
                let same = origins.into_iter().flat_map(|origins| &origins.items).find(|origin| origin.id == *key);
                (same.and_then(sent_to).unwrap_or_default(), is_deployed(observed))
            }));
        }
    }

    /// Returns the distribution that the tag inventory reports as the stack's only one, if it exists and is this one.
    async fn reported(&self, aws: &Aws) -> Result<Option<ObservedDistribution>> {
        let Some(distribution) = reported(aws).await? else { return Ok(None) };
        let config = distribution.distribution_config.as_ref();
        let has_comment = config.is_some_and(|config| config.comment == self.name);
        let hosts = config.and_then(|config| config.origins.as_ref()).map(|origins| origins.items.iter().map(|origin| &origin.domain_name));
        let has_bucket = hosts.into_iter().flatten().any(|host| self.buckets().contains(host));
        Ok(Some(distribution).filter(|_| has_comment || has_bucket))
    }

    /// Returns the hosts of the buckets that it reads, as far as they are known.
    fn buckets(&self) -> Vec<String> {
        let buckets = self.origins.values().filter(|origin| origin.protocol == Protocol::S3);
        buckets.filter_map(|origin| origin.domain.get().ok()).collect()
    }

    /// Finds our distribution, with its tags and `more` about it (by id), if it exists. A distribution with a comment that was changed by hand still
    /// reads our bucket.
    async fn search<T>(
        &self,
        aws: &Aws,
        from: ReadFrom,
        more: impl AsyncFn(&str) -> Result<T>,
    ) -> Result<Option<(DistributionOutput, Tags, T)>> {
        let buckets = self.buckets();
        let mut ours = Vec::new();
        for listed in list(aws).await?.iter() {
            if listed.comment != self.name && !listed.origins.iter().any(|origin| buckets.contains(origin)) {
                continue;
            }
            let (tags, more) = futures::try_join!(read_tags(aws, &listed.output.arn, from), more(&listed.output.id))?;
            if let Some(tags) = tags.filter(|tags| aws.owner(tags).foreign().is_none()) {
                ours.push((listed.output.clone(), tags, more));
            }
        }
        if let [(first, ..), (second, ..), ..] = &ours[..] {
            let text = format!(
                "two distributions are tagged as this stack's: {} and {}; remove the tag {} from the one to leave alone",
                first.id,
                second.id,
                aws::STACK
            );
            return Err(Error::refused("cloudfront:ListDistributions", text));
        }
        Ok(ours.pop())
    }

    fn read(config: &DistributionConfig, tags: &Tags) -> Self {
        let origins = config.origins.iter().flat_map(|origins| &origins.items);
        let patterns = config.cache_behaviors.iter().flat_map(|behaviors| behaviors.items.iter().flatten());
        let default = config.default_cache_behavior.iter().map(|behavior| (DEFAULT.to_owned(), Behavior::read_default(behavior)));
        let errors = config.custom_error_responses.iter().flat_map(|errors| errors.items.iter().flatten());
        Self {
            name: config.comment.clone(),
            enabled: config.enabled,
            default_root_object: config.default_root_object.clone().unwrap_or_default(),
            price_class: config.price_class.as_ref().unwrap_or(&PriceClass::PriceClassAll).to_string(),
            // Some answers have it in capitals.
            http_version: config.http_version.as_ref().unwrap_or(&HttpVersion::Http2).as_str().to_lowercase(),
            ipv6: config.is_ipv6_enabled == Some(true),
            origins: origins.map(|origin| (origin.id.clone(), Origin::read(origin))).collect(),
            precedence: patterns.clone().map(|behavior| behavior.path_pattern.clone()).collect(),
            behaviors: patterns.map(|behavior| (behavior.path_pattern.clone(), Behavior::read(behavior))).chain(default).collect(),
            error_pages: errors.filter(|error| has_page(error)).map(|error| (error.error_code, ErrorPage::read(error))).collect(),
            content: tags.get(CONTENT).map(str::to_owned),
            tags: tags.iter().filter(|(key, _)| *key != CONTENT).collect(),
        }
    }

    /// Lays the declared fields over `config`.
    fn overlay(&self, mut config: DistributionConfig) -> Result<DistributionConfig> {
        config.comment.clone_from(&self.name);
        config.enabled = self.enabled;
        config.default_root_object = Some(self.default_root_object.clone());
        config.price_class = Some(PriceClass::from(self.price_class.as_str()));
        config.http_version = Some(HttpVersion::from(self.http_version.as_str()));
        config.is_ipv6_enabled = Some(self.ipv6);
        let observed = config.origins.as_ref().map(|origins| origins.items.as_slice()).unwrap_or_default();
        let same = |key: &str| observed.iter().find(|origin| origin.id == key);
        let origins = self.origins.iter().map(|(key, origin)| origin.write(key, same(key))).collect::<Result<Vec<_>>>()?;
        let origins = Origins::builder().quantity(count(origins.len())).set_items(Some(origins)).build().map_err(incomplete)?;
        config.origins = Some(origins);
        if let Some(default) = self.behaviors.get(DEFAULT) {
            config.default_cache_behavior = Some(default.write_default(config.default_cache_behavior.take())?);
        }
        let patterns = self.precedence.iter().filter_map(|pattern| Some((pattern.as_str(), self.behaviors.get(pattern)?)));
        config.cache_behaviors = Some(behaviors(patterns, config.cache_behaviors.as_ref())?);
        config.custom_error_responses = Some(error_pages(self.error_pages.iter(), config.custom_error_responses.as_ref())?);
        config.web_acl_id.get_or_insert_default();
        if config.aliases.is_none() {
            config.aliases = Some(Aliases::builder().quantity(0).build().map_err(incomplete)?);
        }
        if config.viewer_certificate.is_none() {
            // CloudFront's own certificate does not allow a choice of the lowest TLS version.
            config.viewer_certificate = Some(ViewerCertificate::builder().cloud_front_default_certificate(true).build());
        }
        Ok(config)
    }

    /// Returns the digest of the site as of the last invalidation.
    pub async fn known_content(aws: &Aws, output: &DistributionOutput) -> Result<Option<String>> {
        Ok(read_tags(aws, &output.arn, ReadFrom::Service).await?.and_then(|tags| tags.get(CONTENT).map(str::to_owned)))
    }

    pub(super) async fn write_tags(&self, aws: &Aws, output: &DistributionOutput) -> Result<()> {
        aws.forget_tags(&output.arn);
        let tags = self.sdk_tags()?;
        aws.write("cloudfront:TagResource", || aws.cloudfront.tag_resource().resource(&output.arn).tags(tags.clone()).send()).await?;
        Ok(())
    }

    fn all_tags(&self) -> Tags {
        let content = self.content.iter().map(|content| (CONTENT, content.as_str()));
        self.tags.iter().chain(content).collect()
    }

    fn sdk_tags(&self) -> Result<types::Tags> {
        let all = self.all_tags();
        let tags = all.iter().map(|(key, value)| Tag::builder().key(key).value(value).build().map_err(incomplete));
        Ok(types::Tags::builder().set_items(Some(tags.collect::<Result<Vec<_>>>()?)).build())
    }
}

/// Lists the distributions, and shares the list with all lookups of the same round. Returns the secret that the distribution of this name sends to
/// its API, if there is just one and it sends any.
pub async fn list_distributions(aws: &Aws, name: Option<&str>) -> Result<Option<String>> {
    let all = list(aws).await?;
    let mut named = all.iter().filter(|listed| name == Some(&*listed.comment));
    let (first, second) = (named.next(), named.next());
    Ok(first.filter(|_| second.is_none()).and_then(|listed| listed.sends.first().cloned()))
}

impl Distribution {
    /// Id of the distribution.
    pub fn id_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("id", |output| output.id.clone())
    }

    /// ARN of the distribution.
    pub fn arn_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("arn", |output| output.arn.clone())
    }

    /// Host name of the distribution.
    pub fn domain_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("domain", |output| output.domain.clone())
    }
}

/// Error for an answer that leaves the outcome open: the caller has to read the state.
fn unclear(operation: &str, message: &str) -> Error {
    let (operation, message) = (operation.to_owned(), message.to_owned());
    Error::Unclear(Box::new(Refusal { class: Class::Refused, operation, code: String::new(), message, request_id: None }))
}

fn blank(reference: &str) -> Result<DistributionConfig> {
    DistributionConfig::builder().caller_reference(reference).comment("").enabled(true).build().map_err(incomplete)
}

/// Entry of the list that `ListDistributions` returns.
struct Listed {
    comment: String,
    /// Host names of its origins.
    origins: Vec<String>,
    /// Secrets that it sends to them.
    sends: Vec<String>,
    output: DistributionOutput,
}

fn output(distribution: &ObservedDistribution) -> DistributionOutput {
    let ObservedDistribution { id, arn, domain_name, .. } = distribution.clone();
    DistributionOutput { id, arn, domain: domain_name }
}

/// Reads the stack's distribution, if the tag inventory reports just one: that saves the list of all. The inventory of `us-east-1` alone
/// knows distributions ("Supported services", Resource Groups Tagging API).
async fn reported(aws: &Aws) -> Result<Option<ObservedDistribution>> {
    let arns = aws.reported_arns(&aws.target.global_arn("cloudfront", "distribution/")).await;
    let [arn] = &arns[..] else { return Ok(None) };
    let id = arn.rsplit('/').next().unwrap_or_default();
    let get = || async { aws.read("cloudfront:GetDistribution", || aws.cloudfront.get_distribution().id(id).send()).await.optional() };
    let answer = aws.shared("cloudfront", &format!("distribution/{id}"), get).await?;
    Ok(answer.as_ref().as_ref().and_then(|answer| answer.distribution.clone()))
}

/// Gives the distribution of this name the tag for the headers policy of the same name, if there is one and it is ours. A policy that no run comes to
/// use is found by it, even if it is no longer declared.
pub(super) async fn announce_headers_policy(aws: &Aws, name: &str) -> Result<()> {
    for listed in list(aws).await?.iter().filter(|listed| listed.comment == name) {
        let arn = &listed.output.arn;
        let is_ours = live_tags(aws, arn).await?.is_some_and(|tags| aws.owner(&tags).foreign().is_none());
        if is_ours {
            aws.forget_tags(arn);
            let tag = Tag::builder().key(HEADERS_TAG).value(name).build().map_err(incomplete)?;
            let tags = types::Tags::builder().set_items(Some(vec![tag])).build();
            aws.write("cloudfront:TagResource", || aws.cloudfront.tag_resource().resource(arn).tags(tags.clone()).send()).await?;
        }
    }
    Ok(())
}

/// Tests whether the tag inventory, where it is trusted, shows that the stack has no headers policy: its distribution has no tag of one, and sends the
/// headers of AWS's own policies only.
pub(super) async fn has_only_managed_headers(aws: &Aws) -> Result<bool> {
    let Some(distribution) = reported(aws).await? else { return Ok(false) };
    let has_tag = aws.reported_tags(&distribution.arn).await.is_none_or(|tags| tags.get(HEADERS_TAG).is_some());
    let default = distribution.distribution_config.and_then(|config| config.default_cache_behavior);
    let policy = default.and_then(|behavior| behavior.response_headers_policy_id);
    Ok(!has_tag && policy.as_deref().is_some_and(is_managed))
}

/// Takes the tag of a headers policy that is gone from the distribution of the same name, if there still is one.
pub(super) async fn forget_headers_policy(aws: &Aws, name: &str) -> Result<()> {
    for listed in list(aws).await?.iter() {
        if listed.comment != name {
            continue;
        }
        let arn = &listed.output.arn;
        // A removal may have read the tags before it deleted the distribution.
        let tags = live_tags(aws, arn).await?;
        if tags.is_some_and(|tags| aws.owner(&tags).foreign().is_none() && tags.get(HEADERS_TAG) == Some(name)) {
            aws.forget_tags(arn);
            let keys = TagKeys::builder().set_items(Some(vec![HEADERS_TAG.to_owned()])).build();
            let untag = || aws.cloudfront.untag_resource().resource(arn).tag_keys(keys.clone()).send();
            aws.write("cloudfront:UntagResource", untag).await.optional()?;
        }
    }
    Ok(())
}

async fn list(aws: &Aws) -> Result<Rc<Vec<Listed>>> {
    aws.shared("cloudfront", "distributions", || async {
        let mut all = Vec::new();
        let send = |marker| aws.cloudfront.list_distributions().set_marker(marker).send();
        aws.pages("cloudfront:ListDistributions", send, |page| {
            let Some(page) = page.distribution_list else { return Ok(None) };
            all.extend(page.items.into_iter().flatten().map(|item| Listed {
                comment: item.comment,
                sends: item.origins.iter().flat_map(|origins| &origins.items).filter_map(sent_to).map(str::to_owned).collect(),
                origins: item.origins.into_iter().flat_map(|origins| origins.items).map(|origin| origin.domain_name).collect(),
                output: DistributionOutput { id: item.id, arn: item.arn, domain: item.domain_name },
            }));
            Ok(page.next_marker.filter(|_| page.is_truncated))
        })
        .await?;
        Ok(all)
    })
    .await
}

/// Returns the tags, or `None` if the distribution no longer exists. Shared, because the sweep reads them as well.
async fn read_tags(aws: &Aws, arn: &str, from: ReadFrom) -> Result<Option<Tags>> {
    aws.tags("cloudfront", arn, from, async || live_tags(aws, arn).await).await
}

async fn live_tags(aws: &Aws, arn: &str) -> Result<Option<Tags>> {
    let read = aws.read("cloudfront:ListTagsForResource", || aws.cloudfront.list_tags_for_resource().resource(arn).send());
    Ok(read.await.optional()?.map(|answer| {
        let tags = answer.tags.and_then(|tags| tags.items).unwrap_or_default();
        tags.into_iter().map(|tag| (tag.key, tag.value.unwrap_or_default())).collect()
    }))
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT, Distribution, blank};
    use crate::{Behavior, ErrorPage, Origin};
    use aws::Tags;
    use aws_sdk_cloudfront::types::{
        Aliases, CacheBehavior, CachedMethods, CustomErrorResponse, CustomErrorResponses, HttpVersion, Method, QueryStringCacheKeys,
        ViewerProtocolPolicy,
    };
    use engine::{Changes, Fields};
    use std::collections::BTreeMap;

    fn declared() -> Distribution {
        let site = Origin::bucket("b.s3.us-east-1.amazonaws.com".to_owned().into(), "/site", "E1".to_owned().into());
        let api = Origin::server("a.execute-api.us-east-1.amazonaws.com".to_owned().into(), "/dev".to_owned().into(), None);
        let origins = BTreeMap::from([("site".to_owned(), site), ("api".to_owned(), api)]);
        let behaviors = BTreeMap::from([
            (DEFAULT.to_owned(), Behavior::files("site", true)),
            ("/api/*".to_owned(), Behavior::api("api", true)),
            ("/api/events".to_owned(), Behavior::api_taking_data("api", true)),
        ]);
        let page = ErrorPage { page: "/error.html".to_owned(), status: "404".to_owned(), cached_seconds: 10 };
        let tags = Tags::default().with("Name", "d");
        Distribution { error_pages: BTreeMap::from([(404, page)]), ..Distribution::serving("d", "index.html", tags, origins, behaviors) }
    }

    fn differs(observed: &Distribution) -> String {
        Changes::between(&Fields::of(observed), &Fields::of(&declared())).paths()
    }

    #[test]
    fn what_is_written_reads_back_as_declared() {
        let config = declared().overlay(blank("r").unwrap()).unwrap();
        assert_eq!(differs(&Distribution::read(&config, &declared().tags)), "");
    }

    #[test]
    #[expect(deprecated, reason = "an API's behaviors use what came before cache policies")]
    fn an_api_shares_answers_by_token_and_is_told_the_country_of_those_who_write() {
        let config = declared().overlay(blank("r").unwrap()).unwrap();
        let behaviors = config.cache_behaviors.unwrap().items.unwrap();
        let [events, api] = &behaviors[..] else { panic!("{behaviors:?}") };
        assert_eq!([&events.path_pattern, &api.path_pattern], ["/api/events", "/api/*"], "the first that fits counts");
        let headers = |behavior: &CacheBehavior| behavior.forwarded_values.clone().unwrap().headers.unwrap().items.unwrap();
        assert!(headers(api).contains(&"Authorization".to_owned()) && headers(api).contains(&"X-API-Key".to_owned()));
        assert!(headers(events).contains(&"CloudFront-Viewer-Country".to_owned()) && headers(events).len() <= 10);
        assert!(behaviors.iter().all(|behavior| !headers(behavior).contains(&"Host".to_owned())), "API Gateway refuses it");
        assert_eq!(behaviors.iter().map(|behavior| behavior.max_ttl).collect::<Vec<_>>(), [Some(0), Some(60)]);
    }

    #[test]
    fn what_is_not_declared_survives_an_update() {
        let mut config = declared().overlay(blank("r").unwrap()).unwrap();
        config.web_acl_id = Some("acl".to_owned());
        config.aliases = Some(Aliases::builder().quantity(1).items("example.com").build().unwrap());
        config.http_version = Some(HttpVersion::Http11);
        let default = config.default_cache_behavior.as_mut().unwrap();
        default.viewer_protocol_policy = ViewerProtocolPolicy::AllowAll;
        default.realtime_log_config_arn = Some("log".to_owned());
        config.origins.as_mut().unwrap().items[0].connection_timeout = Some(3);
        assert_eq!(differs(&Distribution::read(&config, &declared().tags)), "behaviors.default.viewers, http_version");

        let mended = declared().overlay(config.clone()).unwrap();
        assert_eq!(differs(&Distribution::read(&mended, &declared().tags)), "");
        assert_eq!((&mended.web_acl_id, &mended.aliases), (&config.web_acl_id, &config.aliases));
        assert_eq!(mended.default_cache_behavior.unwrap().realtime_log_config_arn.as_deref(), Some("log"));
        assert_eq!(mended.origins.unwrap().items[0].connection_timeout, Some(3));
    }

    #[test]
    #[expect(deprecated, reason = "an API's behaviors use what came before cache policies")]
    fn an_update_sends_back_every_member_that_it_read() {
        let mut config = declared().overlay(blank("r").unwrap()).unwrap();
        // Set by hand, or by a newer console: an update must repeat the values that AWS shows, or AWS refuses it (`IllegalUpdate`) or resets them.
        let origins = config.origins.as_mut().unwrap();
        for origin in &mut origins.items {
            (origin.connection_attempts, origin.response_completion_timeout) = (Some(2), Some(90));
            if let Some(custom) = &mut origin.custom_origin_config {
                (custom.origin_read_timeout, custom.origin_keepalive_timeout) = (Some(55), Some(50));
                custom.ip_address_type = Some("dualstack".into());
            }
            if let Some(s3) = &mut origin.s3_origin_config {
                s3.origin_read_timeout = Some(20);
            }
        }
        let behaviors = config.cache_behaviors.as_mut().unwrap().items.as_mut().unwrap();
        for behavior in behaviors {
            let cached = CachedMethods::builder().quantity(3).items(Method::Get).items(Method::Head).items(Method::Options);
            behavior.allowed_methods.as_mut().unwrap().cached_methods = Some(cached.build().unwrap());
            let keys = QueryStringCacheKeys::builder().quantity(1).items("page").build().unwrap();
            behavior.forwarded_values.as_mut().unwrap().query_string_cache_keys = Some(keys);
            behavior.smooth_streaming = Some(true);
        }
        let errors = config.custom_error_responses.as_mut().unwrap();
        errors.items.as_mut().unwrap().push(CustomErrorResponse::builder().error_code(502).error_caching_min_ttl(0).build().unwrap());
        errors.quantity = 2;
        assert_eq!(differs(&Distribution::read(&config, &declared().tags)), "");
        assert_eq!(declared().overlay(config.clone()).unwrap(), config);
    }

    #[test]
    fn an_error_page_takes_the_place_of_an_entry_without_one() {
        let mut config = declared().overlay(blank("r").unwrap()).unwrap();
        let bare = CustomErrorResponse::builder().error_code(404).error_caching_min_ttl(0).build().unwrap();
        config.custom_error_responses = Some(CustomErrorResponses::builder().quantity(1).items(bare).build().unwrap());
        let mended = declared().overlay(config).unwrap().custom_error_responses.unwrap();
        assert_eq!((mended.quantity, mended.items.unwrap().len()), (1, 1));
    }

    #[test]
    #[expect(deprecated, reason = "an API's behaviors use what came before cache policies")]
    fn letter_case_of_a_forwarded_header_is_no_difference() {
        let mut config = declared().overlay(blank("r").unwrap()).unwrap();
        for change in [str::to_lowercase, str::to_uppercase] {
            for behavior in config.cache_behaviors.as_mut().unwrap().items.as_mut().unwrap() {
                let headers = behavior.forwarded_values.as_mut().unwrap().headers.as_mut().unwrap().items.as_mut().unwrap();
                for header in headers {
                    *header = change(header);
                }
            }
            assert_eq!(differs(&Distribution::read(&config, &declared().tags)), "");
        }
        let headers = &mut config.cache_behaviors.as_mut().unwrap().items.as_mut().unwrap()[0];
        headers.forwarded_values.as_mut().unwrap().headers.as_mut().unwrap().items.as_mut().unwrap().push("x-other".to_owned());
        assert_eq!(differs(&Distribution::read(&config, &declared().tags)), "behaviors./api/events.forwarding.headers");
    }
}
