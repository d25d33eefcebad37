//! Access control with which a CloudFront distribution signs its requests to a bucket (an "OAC").
//!
//! It takes no tags, so its description names its owner. The list shows every declared field and is read once for all of them; a write needs an
//! `ETag`, which is fetched right before. AWS refuses the deletion while a distribution uses it, and CloudFront is slow to notice that none does.

use aws::{
    Aws, Optional, STACK, Target,
    facts::{Call, Identity, Kind, Quota, Scope, Sweep, Task, Trail, Typical, Used, length},
};
use aws_sdk_cloudfront::types::{
    OriginAccessControlConfig, OriginAccessControlOriginTypes as OriginType, OriginAccessControlSigningBehaviors as SigningBehavior,
    OriginAccessControlSigningProtocols as SigningProtocol, OriginAccessControlSummary,
};
use engine::{Changes, DeleteOutcome, Error, Handle, Observed, Orphan, Owner, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;
use std::rc::Rc;

/// An origin access control.
#[derive(Debug, Clone, Serialize)]
pub struct OriginAccessControl {
    /// Its name, unique in the account; 64 characters at most.
    pub name: String,
    /// `liveinsight:stack={project}/{environment} {region}`: the access control has no tags, and is visible from every region.
    pub description: String,
    /// Kind of origin: `s3`.
    pub origin_type: String,
    /// `always`: the distribution's own signature counts, whatever visitors send.
    pub signing_behavior: String,
    /// Signature version: `sigv4`.
    pub signing_protocol: String,
}

/// Output of an origin access control that exists.
#[derive(Debug, Clone)]
pub struct OriginAccessControlOutput {
    /// Id that CloudFront gave the access control.
    pub id: String,
}

/// Origin access controls; ids are AWS's.
const CONTROLS: Scope = Scope::of("OriginAccessControls", |target, _, _| vec![target.global_arn("cloudfront", "origin-access-control/*")]);

const FACTS: Kind = Kind {
    name: OriginAccessControl::KIND,
    trail: Trail {
        source: "cloudfront",
        is_global: true,
        operations: &["CreateOriginAccessControl", "UpdateOriginAccessControl", "DeleteOriginAccessControl"],
    },
    typical: Typical::of_calls,
    pace: None,
    request_limits: &[],
    calls: &[
        Call::same("cloudfront:CreateOriginAccessControl", &Scope::EVERYTHING, Task::UP),
        Call::same("cloudfront:DeleteOriginAccessControl", &CONTROLS, Task::REMOVING),
        Call::same("cloudfront:GetOriginAccessControlConfig", &CONTROLS, Task::REMOVING),
        Call::same("cloudfront:ListOriginAccessControls", &Scope::EVERYTHING, Task::COUNTING),
        Call::same("cloudfront:UpdateOriginAccessControl", &CONTROLS, Task::UP),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let name = stack.names.origin_access_control();
        graph.sweep(move |aws: &Aws| Box::pin(OriginAccessControl::sweep(aws, name.clone(), "static")));
    }),
    quota: Some(Quota { of: "origin access controls", used: |aws| Box::pin(count(aws)) }),
    billable: None,
};

/// "Quotas" in the CloudFront developer guide: origin access controls per account, initially.
const QUOTA: u64 = 100;

async fn count(aws: &Aws) -> Result<Used> {
    Ok(Used::of_initial(length(&list(aws).await?), QUOTA))
}

impl Resource for OriginAccessControl {
    type Cloud = Aws;
    const KIND: &'static str = "cloudfront.origin_access_control";
    const FACTS: &'static Kind = &FACTS;
    /// The origin's type cannot be changed, as AWS documents.
    const FIXED: &'static [&'static str] = &["origin_type"];
    type Output = OriginAccessControlOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, output: Option<&OriginAccessControlOutput>) -> Identity {
        Identity {
            console: Some(target.global_console("cloudfront/v4", "/originAccess")),
            names: output.map(|output| output.id.clone()).into_iter().collect(),
            also: Vec::new(),
        }
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let listed = list(aws).await?;
        Ok(listed.iter().find(|listed| listed.name == self.name).map(|listed| {
            let spec = Self {
                name: listed.name.clone(),
                description: listed.description.clone(),
                origin_type: listed.origin_access_control_origin_type.to_string(),
                signing_behavior: listed.signing_behavior.to_string(),
                signing_protocol: listed.signing_protocol.to_string(),
            };
            let output = OriginAccessControlOutput { id: listed.id.clone() };
            Observed { owner: owner(aws, &spec.description), spec, output, busy: None, failed: None, applied: None }
        }))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<OriginAccessControlOutput>> {
        let config = self.config("cloudfront:CreateOriginAccessControl")?;
        let answer = aws
            .write("cloudfront:CreateOriginAccessControl", || {
                aws.cloudfront.create_origin_access_control().origin_access_control_config(config.clone()).send()
            })
            .await?;
        let id = answer.origin_access_control().map(|created| created.id().to_owned()).unwrap_or_default();
        Ok(WriteOutcome::Complete(OriginAccessControlOutput { id }))
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, _changes: &Changes) -> Result<WriteOutcome<OriginAccessControlOutput>> {
        let id = &observed.output.id;
        let config = self.config("cloudfront:UpdateOriginAccessControl")?;
        let etag = etag(aws, id).await?;
        aws.write("cloudfront:UpdateOriginAccessControl", || {
            let request = aws.cloudfront.update_origin_access_control().id(id).set_if_match(etag.clone());
            request.origin_access_control_config(config.clone()).send()
        })
        .await?;
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, output: &OriginAccessControlOutput) -> Result<DeleteOutcome> {
        let Some(etag) = etag(aws, &output.id).await.optional()? else { return Ok(DeleteOutcome::Deleted) };
        aws.write("cloudfront:DeleteOriginAccessControl", || {
            aws.cloudfront.delete_origin_access_control().id(&output.id).set_if_match(etag.clone()).send()
        })
        .await
        .optional()?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl OriginAccessControl {
    /// Declares an access control for buckets, which belongs to this stack (`{project}/{environment}`).
    pub fn for_s3(name: String, stack: &str, region: &str) -> Self {
        Self {
            name,
            description: format!("{STACK}={stack} {region}"),
            origin_type: OriginType::S3.to_string(),
            signing_behavior: SigningBehavior::Always.to_string(),
            signing_protocol: SigningProtocol::Sigv4.to_string(),
        }
    }

    fn config(&self, operation: &str) -> Result<OriginAccessControlConfig> {
        OriginAccessControlConfig::builder()
            .name(&self.name)
            .description(&self.description)
            .origin_access_control_origin_type(OriginType::from(self.origin_type.as_str()))
            .signing_behavior(SigningBehavior::from(self.signing_behavior.as_str()))
            .signing_protocol(SigningProtocol::from(self.signing_protocol.as_str()))
            .build()
            .map_err(|error| Error::refused(operation, error.to_string()))
    }

    /// Finds the access control that has this name, if it is ours.
    pub async fn sweep(aws: &Aws, name: String, logical: &str) -> Result<Vec<Orphan<Aws>>> {
        let wish = Self::for_s3(name, &aws.stack, &aws.target.region);
        let found = wish.observe(aws, ReadFrom::Service).await?.filter(|observed| observed.owner == Owner::Us);
        Ok(found.into_iter().map(|observed| Orphan::new(logical, observed.spec, observed.output)).collect())
    }
}

impl OriginAccessControl {
    /// Id of the access control.
    pub fn id_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("id", |output| output.id.clone())
    }
}

fn owner(aws: &Aws, description: &str) -> Owner {
    match description.strip_prefix(STACK).and_then(|rest| rest.strip_prefix('=')) {
        Some(stack) if stack == format!("{} {}", aws.stack, aws.target.region) => Owner::Us,
        Some(stack) => Owner::Claimed(format!("it belongs to the stack {stack}")),
        None => Owner::Other(format!("its description does not begin with {STACK}=")),
    }
}

async fn etag(aws: &Aws, id: &str) -> Result<Option<String>> {
    let answer =
        aws.read("cloudfront:GetOriginAccessControlConfig", || aws.cloudfront.get_origin_access_control_config().id(id).send()).await?;
    Ok(answer.e_tag)
}

async fn list(aws: &Aws) -> Result<Rc<Vec<OriginAccessControlSummary>>> {
    aws.shared("cloudfront", "origin access controls", || async {
        let mut all = Vec::new();
        let send = |marker| aws.cloudfront.list_origin_access_controls().set_marker(marker).send();
        aws.pages("cloudfront:ListOriginAccessControls", send, |page| {
            let Some(page) = page.origin_access_control_list else { return Ok(None) };
            all.extend(page.items.unwrap_or_default());
            Ok(page.next_marker.filter(|_| page.is_truncated))
        })
        .await?;
        Ok(all)
    })
    .await
}
