//! Headers that a distribution adds to the answers of some paths (a "response headers policy").
//!
//! It takes no tags, so its comment names its owner. The list shows it whole and is read once for all of them; a write needs an `ETag`, which is
//! fetched right before. AWS refuses the deletion while a distribution uses it.
//!
//! Few stacks declare one, and no list shows its absence for free. So the stack's distribution has the tag [`HEADERS_TAG`](super::HEADERS_TAG) for as
//! long as there is one, and an `up` that learns from the tag inventory that the distribution has no such tag spares the list.
//!
//! Not managed, so that it can be set by hand: headers to remove, `Server-Timing`, and what the answer to a preflight says.

use super::{
    config::{count, incomplete},
    distribution::{announce_headers_policy, forget_headers_policy, has_only_managed_headers},
    headers_policies::{list, owner},
    security_headers::{
        CONTENT_TYPE_OPTIONS, FRAME_OPTIONS, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, XSS_PROTECTION, read, security_header, write,
    },
};
use aws::{
    Aws, Optional, STACK, Target,
    facts::{Call, Identity, Kind, Quota, Scope, Sweep, Task, Trail, Typical, Used, length},
    not_aws,
};
use aws_sdk_cloudfront::types::{
    ResponseHeadersPolicyAccessControlAllowHeaders as AllowHeaders, ResponseHeadersPolicyAccessControlAllowMethods as AllowMethods,
    ResponseHeadersPolicyAccessControlAllowMethodsValues as MethodValue, ResponseHeadersPolicyAccessControlAllowOrigins as AllowOrigins,
    ResponseHeadersPolicyConfig, ResponseHeadersPolicyCorsConfig as CorsConfig, ResponseHeadersPolicyCustomHeader as CustomHeader,
    ResponseHeadersPolicyCustomHeadersConfig as CustomHeaders,
};
use engine::{Changes, DeleteOutcome, Error, Handle, Observed, Orphan, Owner, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Header by which scripts of other origins may read an answer. CloudFront sends it to requests with an `Origin` only.
const ALLOW_ORIGIN: &str = "Access-Control-Allow-Origin";

/// Headers of AWS's own `CORS-and-SecurityHeadersPolicy` ("Use managed response headers policies", CloudFront Developer Guide; documented).
const USUAL: [(&str, &str); 5] = [
    (CONTENT_TYPE_OPTIONS, "nosniff"),
    (FRAME_OPTIONS, "SAMEORIGIN"),
    (REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (XSS_PROTECTION, "1; mode=block"),
];

/// Desired state of a response headers policy.
#[derive(Debug, Clone, Serialize)]
pub struct ResponseHeadersPolicy {
    /// Its name, unique in the account; 128 letters, digits, hyphens and underscores at most.
    pub name: String,
    /// `liveinsight:stack={project}/{environment} {region}`: the policy has no tags, and is visible from every region. 128 characters at most.
    pub comment: String,
    /// Headers of every answer: values by name. Those that CloudFront has a field for are in their usual spelling.
    pub headers: BTreeMap<String, String>,
    /// Origins whose scripts may read an answer: `*` for all.
    pub allow_origins: BTreeSet<String>,
    /// Set if scripts of these origins may send the visitor's credentials.
    pub allow_credentials: bool,
    /// Names of the headers that give way to one of the same name from the origin.
    pub give_way: BTreeSet<String>,
}

/// Output of a response headers policy that exists.
#[derive(Debug, Clone)]
pub struct ResponseHeadersPolicyOutput {
    /// Id that CloudFront gave the policy.
    pub id: String,
}

/// Response headers policies; ids are AWS's.
const POLICIES: Scope =
    Scope::of("ResponseHeadersPolicies", |target, _, _| vec![target.global_arn("cloudfront", "response-headers-policy/*")]);

const FACTS: Kind = Kind {
    name: ResponseHeadersPolicy::KIND,
    trail: Trail {
        source: "cloudfront",
        is_global: true,
        operations: &["CreateResponseHeadersPolicy", "UpdateResponseHeadersPolicy", "DeleteResponseHeadersPolicy"],
    },
    typical: Typical::of_calls,
    pace: None,
    request_limits: &[],
    calls: &[
        Call::same("cloudfront:CreateResponseHeadersPolicy", &Scope::EVERYTHING, Task::UP),
        Call::same("cloudfront:DeleteResponseHeadersPolicy", &POLICIES, Task::REMOVING),
        Call::same("cloudfront:GetResponseHeadersPolicyConfig", &POLICIES, Task::REMOVING),
        Call::same("cloudfront:ListResponseHeadersPolicies", &Scope::EVERYTHING, Task::COUNTING),
        Call::same("cloudfront:UpdateResponseHeadersPolicy", &POLICIES, Task::UP),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let name = stack.names.response_headers_policy();
        graph.sweep(move |aws: &Aws| Box::pin(ResponseHeadersPolicy::sweep(aws, name.clone(), "static")));
    }),
    quota: Some(Quota { of: "response headers policies", used: |aws| Box::pin(used(aws)) }),
    billable: None,
};

/// "Quotas" in the CloudFront developer guide: custom response headers policies per account, initially (documented).
const QUOTA: u64 = 20;

async fn used(aws: &Aws) -> Result<Used> {
    Ok(Used::of_initial(length(&list(aws).await?), QUOTA))
}

impl Resource for ResponseHeadersPolicy {
    type Cloud = Aws;
    const KIND: &'static str = "cloudfront.response_headers_policy";
    const FACTS: &'static Kind = &FACTS;
    type Output = ResponseHeadersPolicyOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, output: Option<&ResponseHeadersPolicyOutput>) -> Identity {
        let path =
            output.map_or_else(|| "/policies/responseHeaders".to_owned(), |output| format!("/policies/responseHeaders/{}", output.id));
        Identity {
            console: Some(target.global_console("cloudfront/v4", &path)),
            names: output.map(|output| output.id.clone()).into_iter().collect(),
            also: Vec::new(),
        }
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let listed = list(aws).await?;
        Ok(listed.iter().find(|listed| listed.config.name == self.name).map(|listed| {
            let (spec, output) = (self.read(&listed.config), ResponseHeadersPolicyOutput { id: listed.id.clone() });
            Observed { owner: owner(aws, &spec.comment), spec, output, busy: None, failed: None, applied: None }
        }))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<ResponseHeadersPolicyOutput>> {
        let blank = ResponseHeadersPolicyConfig::builder().name(&self.name).build().map_err(incomplete)?;
        let config = self.overlay(blank)?;
        announce_headers_policy(aws, &self.name).await?;
        let answer = aws
            .write("cloudfront:CreateResponseHeadersPolicy", || {
                aws.cloudfront.create_response_headers_policy().response_headers_policy_config(config.clone()).send()
            })
            .await?;
        let made = answer.response_headers_policy.ok_or_else(|| not_aws("cloudfront:CreateResponseHeadersPolicy"))?;
        Ok(WriteOutcome::Complete(ResponseHeadersPolicyOutput { id: made.id }))
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, _: &Changes) -> Result<WriteOutcome<ResponseHeadersPolicyOutput>> {
        let id = &observed.output.id;
        let (etag, current) = current(aws, id).await?;
        let config = self.overlay(current)?;
        aws.write("cloudfront:UpdateResponseHeadersPolicy", || {
            let request = aws.cloudfront.update_response_headers_policy().id(id).set_if_match(etag.clone());
            request.response_headers_policy_config(config.clone()).send()
        })
        .await?;
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, output: &ResponseHeadersPolicyOutput) -> Result<DeleteOutcome> {
        let Some((etag, _)) = current(aws, &output.id).await.optional()? else { return Ok(DeleteOutcome::Deleted) };
        aws.write("cloudfront:DeleteResponseHeadersPolicy", || {
            aws.cloudfront.delete_response_headers_policy().id(&output.id).set_if_match(etag.clone()).send()
        })
        .await
        .optional()?;
        forget_headers_policy(aws, &self.name).await?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl ResponseHeadersPolicy {
    /// Declares the policy of a site, which belongs to this stack (`{project}/{environment}`): these headers, in place of or beside those of AWS's
    /// `CORS-and-SecurityHeadersPolicy`.
    pub fn for_site(name: String, stack: &str, region: &str, headers: &BTreeMap<String, String>) -> Self {
        let usual = USUAL.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            name,
            comment: format!("{STACK}={stack} {region}"),
            headers: usual.chain(headers.clone()).collect(),
            allow_origins: BTreeSet::from(["*".to_owned()]),
            allow_credentials: false,
            give_way: BTreeSet::new(),
        }
    }

    /// Finds the policy that has this name, if it is ours.
    pub async fn sweep(aws: &Aws, name: String, logical: &str) -> Result<Vec<Orphan<Aws>>> {
        if has_only_managed_headers(aws).await? {
            return Ok(Vec::new());
        }
        let desired = Self::for_site(name, &aws.stack, &aws.target.region, &BTreeMap::new());
        let found = desired.observe(aws, ReadFrom::Service).await?.filter(|observed| observed.owner == Owner::Us);
        Ok(found.into_iter().map(|observed| Orphan::new(logical, observed.spec, observed.output)).collect())
    }

    /// Brings an observed configuration into the terms of this declaration. HTTP ignores the letter case of names.
    fn read(&self, observed: &ResponseHeadersPolicyConfig) -> Self {
        let spelling = |name: &str| {
            let declared = self.headers.keys().find(|declared| declared.eq_ignore_ascii_case(name));
            declared.cloned().unwrap_or_else(|| name.to_owned())
        };
        let security = observed.security_headers_config.iter().flat_map(read);
        let custom = observed.custom_headers_config.iter().flat_map(|custom| custom.items());
        let mut all: Vec<_> = security.map(|(name, value, overrides)| (name.to_owned(), value, overrides)).collect();
        all.extend(custom.map(|header| (spelling(&header.header), header.value.clone(), header.r#override)));
        let cors = observed.cors_config.as_ref();
        let origins = cors.and_then(|cors| cors.access_control_allow_origins.as_ref());
        let mut give_way: BTreeSet<String> = all.iter().filter(|(.., overrides)| !overrides).map(|(name, ..)| name.clone()).collect();
        give_way.extend(cors.filter(|cors| !cors.origin_override).map(|_| ALLOW_ORIGIN.to_owned()));
        Self {
            name: observed.name.clone(),
            comment: observed.comment.clone().unwrap_or_default(),
            headers: all.into_iter().map(|(name, value, _)| (name, value)).collect(),
            allow_origins: origins.into_iter().flat_map(|origins| origins.items.iter().cloned()).collect(),
            allow_credentials: cors.is_some_and(|cors| cors.access_control_allow_credentials),
            give_way,
        }
    }

    /// Lays the declared fields over `config`.
    fn overlay(&self, mut config: ResponseHeadersPolicyConfig) -> Result<ResponseHeadersPolicyConfig> {
        config.name.clone_from(&self.name);
        config.comment = Some(self.comment.clone());
        config.security_headers_config = Some(write(&self.headers)?);
        let custom = self.headers.iter().filter(|(name, _)| security_header(name).is_none());
        let custom = custom.map(|(name, value)| {
            CustomHeader::builder().header(name).value(value).r#override(!self.give_way.contains(name)).build().map_err(incomplete)
        });
        let custom = custom.collect::<Result<Vec<_>>>()?;
        let items = Some(custom.clone()).filter(|custom| !custom.is_empty());
        let custom = CustomHeaders::builder().quantity(count(custom.len())).set_items(items).build().map_err(incomplete)?;
        config.custom_headers_config = Some(custom);
        config.cors_config = Some(self.cors(config.cors_config.take())?);
        Ok(config)
    }

    /// Returns the settings about other origins. CloudFront requires methods and headers, which matter in answers to preflights only; a site answers
    /// none.
    fn cors(&self, observed: Option<CorsConfig>) -> Result<CorsConfig> {
        let origins: Vec<String> = self.allow_origins.iter().cloned().collect();
        let origins = AllowOrigins::builder().quantity(count(origins.len())).set_items(Some(origins)).build().map_err(incomplete)?;
        let mut cors = if let Some(observed) = observed {
            observed
        } else {
            let methods =
                AllowMethods::builder().quantity(2).items(MethodValue::Get).items(MethodValue::Head).build().map_err(incomplete)?;
            // An empty list is refused (reported).
            let headers = AllowHeaders::builder().quantity(1).items("*").build().map_err(incomplete)?;
            let blank = CorsConfig::builder().access_control_allow_methods(methods).access_control_allow_headers(headers);
            blank.access_control_allow_credentials(false).origin_override(true).build().map_err(incomplete)?
        };
        cors.access_control_allow_origins = Some(origins);
        cors.access_control_allow_credentials = self.allow_credentials;
        cors.origin_override = true;
        Ok(cors)
    }

    /// Id of the policy.
    pub fn id_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("id", |output| output.id.clone())
    }
}

/// Reads the configuration and the `ETag` that a write of it has to name.
async fn current(aws: &Aws, id: &str) -> Result<(Option<String>, ResponseHeadersPolicyConfig)> {
    let read = || aws.cloudfront.get_response_headers_policy_config().id(id).send();
    let answer = aws.read("cloudfront:GetResponseHeadersPolicyConfig", read).await?;
    let config = answer.response_headers_policy_config.ok_or_else(|| Error::not_yet("CloudFront to show the policy's configuration"))?;
    Ok((answer.e_tag, config))
}
