//! A REST API: the root of all other API Gateway resources, which are deleted with it.
//!
//! Names are not unique, so name and ownership tag together identify the API; an API of the same name without the tag is left alone. One more call
//! gives a new API its methods and their parts (see [`ApiDocument`]). `CreateRestApi` and `DeleteRestApi` have the tightest limits of all (one per
//! 3 s and one per 30 s).

use super::{
    ApiDocument,
    account::prepare_logging_role,
    authorizer::{AUTHORIZERS_TAG, authorizers},
    common::{add, arn, lock, nodes, remove, replace, rest_apis, tags, write_tags},
    gateway_response::{error_origins, gateway_responses, write_error_origins},
    scope,
};
use aws::{
    Aws, Optional, RequestLimit, Source, Tags, Target,
    facts::{Billable, Call, Identity, Kind, Quota, Sweep, Task, Trail, Typical, Used, length},
};
use aws_sdk_apigateway::{
    primitives::Blob,
    types::{EndpointConfiguration, EndpointType, GatewayResponse, PutMode, RestApi as ListedApi},
};
use aws_smithy_types::DateTime;
use engine::{
    Action, Changes, Class, DeleteOutcome, Error, Found, Handle, Observed, Orphan, Owner, ReadFrom, Ref, Refusal, Resource, Result,
    WriteOutcome,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// A REST API.
#[derive(Debug, Clone, Serialize)]
pub struct RestApi {
    /// Name of the API, which AWS does not keep unique.
    pub name: String,
    /// Description that the console shows.
    pub description: Option<String>,
    /// `REGIONAL`, `EDGE` or `PRIVATE`.
    pub endpoint: String,
    /// Media types of bodies that are no text; `*` stands for any part of a type.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub binary_media_types: BTreeSet<String>,
    /// `Access-Control-Allow-Origin` of the API's own errors, by [type](crate::ERROR_TYPES), quoted as API Gateway expects it.
    pub error_origins: BTreeMap<String, String>,
    /// Tags, the ownership tag included.
    pub tags: Tags,
    /// Methods and their parts, created along with the API; each is declared as a resource of its own as well.
    #[serde(skip)]
    pub parts: ApiDocument,
    /// Set if its stage writes logs: they need a role, which is best created early.
    #[serde(skip)]
    pub logs: bool,
    /// Permissions boundary of that role, if it is created.
    #[serde(skip)]
    pub permissions_boundary: Option<String>,
}

/// Output of an API that exists.
#[derive(Debug, Clone)]
pub struct RestApiOutput {
    /// Id that API Gateway gave the API.
    pub id: String,
    /// Id of the resource `/`, which API Gateway creates with the API.
    pub root_resource_id: String,
}

const FACTS: Kind = Kind {
    name: RestApi::KIND,
    trail: Trail {
        source: "apigateway",
        is_global: false,
        operations: &[
            "CreateRestApi",
            "UpdateRestApi",
            "PutRestApi",
            "DeleteRestApi",
            "PutGatewayResponse",
            "UpdateGatewayResponse",
            "DeleteGatewayResponse",
            "TagResource",
            "UntagResource",
        ],
    },
    typical,
    pace: Some("apigateway"),
    request_limits: &[
        RequestLimit::new("apigateway:CreateRestApi", 1.0 / 3.0, 1.0, Source::Documented),
        RequestLimit::new("apigateway:PutRestApi", 1.0, 1.0, Source::Documented),
        RequestLimit::new("apigateway:DeleteRestApi", 1.0 / 30.0, 1.0, Source::Documented),
    ],
    calls: &[
        Call::takes("apigateway:CreateRestApi", &[("apigateway:POST", &scope::REST_APIS), ("apigateway:PUT", &scope::TAGS)], Task::UP),
        Call::takes("apigateway:DeleteGatewayResponse", &[("apigateway:DELETE", &scope::PARTS)], Task::UP),
        Call::takes("apigateway:DeleteRestApi", &[("apigateway:DELETE", &scope::REST_API)], Task::REMOVING),
        Call::takes("apigateway:GetGatewayResponses", &[("apigateway:GET", &scope::REST_API)], Task::LOOKING),
        Call::takes("apigateway:GetRestApis", &[("apigateway:GET", &scope::REST_APIS)], Task::EVERY),
        Call::takes("apigateway:GetTags", &[("apigateway:GET", &scope::TAGS)], Task::LOOKING),
        Call::takes("apigateway:PutGatewayResponse", &[("apigateway:PUT", &scope::REST_API)], Task::UP),
        Call::takes("apigateway:PutRestApi", &[("apigateway:PUT", &scope::REST_API)], Task::UP),
        Call::takes("apigateway:TagResource", &[("apigateway:PUT", &scope::TAGS), ("apigateway:PATCH", &scope::REST_API)], Task::UP),
        Call::takes("apigateway:UntagResource", &[("apigateway:DELETE", &scope::TAGS), ("apigateway:PATCH", &scope::REST_API)], Task::UP),
        Call::takes("apigateway:UpdateRestApi", &[("apigateway:PATCH", &scope::REST_API)], Task::UP),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let name = stack.names.api();
        graph.sweep(move |aws: &Aws| {
            let name = name.clone();
            Box::pin(async move { RestApi::sweep(aws, &name, "api").await })
        });
    }),
    quota: Some(Quota { of: "REST APIs", used: |aws| Box::pin(count(aws)) }),
    billable: Some(Billable::Api),
};

/// "Amazon API Gateway quotas": regional APIs per account and region.
const QUOTA: u64 = 600;

async fn count(aws: &Aws) -> Result<Used> {
    Ok(Used::of_initial(length(&rest_apis(aws).await?), QUOTA))
}

/// "Amazon API Gateway quotas": one deletion in 30 s, and another deletion in the account may have used it up.
fn typical(action: Action, _: &Changes) -> Typical {
    if action == Action::Delete { Typical::seconds(0.2, 30.0) } else { Typical::CALLS }
}

impl Resource for RestApi {
    type Cloud = Aws;
    const KIND: &'static str = "apigateway.rest_api";
    const FACTS: &'static Kind = &FACTS;
    type Output = RestApiOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, output: Option<&RestApiOutput>) -> Identity {
        let Some(output) = output else { return Identity::default() };
        super::identity(target, &output.id, "resources")
    }

    fn set_fingerprint(&mut self, fingerprint: &str) {
        self.tags.set_fingerprint(fingerprint);
    }

    async fn observe(&self, aws: &Aws, from: ReadFrom) -> Result<Option<Observed<Self>>> {
        let Some(listed) = find_ours(aws, &self.name).await? else { return Ok(None) };
        let id = listed.id().unwrap_or_default();
        let output = output(aws, listed.id(), listed.root_resource_id());
        let (output, tags, responses) = futures::try_join!(output, tags(aws, id, from), gateway_responses(aws, id))?;
        if tags == Tags::default() {
            // It was listed with ours and no longer exists: another run may be deleting it.
            return Ok(None);
        }
        let Some(mut observed) = output.map(|output| self.of(aws, &listed, output, tags, &responses)) else { return Ok(None) };
        // The tag is how authorizers that are no longer declared are found. So it counts as desired for as long as there are any.
        let is_left = self.tags.get(AUTHORIZERS_TAG).is_none() && observed.spec.tags.get(AUTHORIZERS_TAG).is_some();
        if is_left && !authorizers(aws, id).await?.is_empty() {
            observed.spec.tags = observed.spec.tags.iter().filter(|(key, _)| *key != AUTHORIZERS_TAG).collect();
        }
        Ok(Some(observed))
    }

    async fn find(&self, aws: &Aws) -> Result<Option<Found<RestApiOutput>>> {
        let Some(listed) = find_ours(aws, &self.name).await? else { return Ok(None) };
        let output = output(aws, listed.id(), listed.root_resource_id()).await?;
        Ok(output.map(|output| Found { output, owner: Owner::Us }))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<RestApiOutput>> {
        let prepare = async {
            if self.logs {
                prepare_logging_role(aws, self.permissions_boundary.as_deref()).await;
            }
        };
        futures::join!(self.make(aws), prepare).0
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, changes: &Changes) -> Result<WriteOutcome<RestApiOutput>> {
        let id = &observed.output.id;
        let _lock = lock(aws, id).await;
        let mut patch = Vec::new();
        if changes.touch("description") {
            patch.push(replace("/description", self.description.as_deref().unwrap_or_default()));
        }
        if changes.touch("endpoint") {
            patch.push(replace(format!("/endpointConfiguration/types/{}", observed.spec.endpoint), &self.endpoint));
        }
        let path = |kind: &String| format!("/binaryMediaTypes/{}", kind.replace('~', "~0").replace('/', "~1"));
        let (declared, there) = (&self.binary_media_types, &observed.spec.binary_media_types);
        patch.extend(declared.difference(there).map(|kind| add(path(kind))));
        patch.extend(there.difference(declared).map(|kind| remove(path(kind))));
        if !patch.is_empty() {
            aws.write("apigateway:UpdateRestApi", || {
                aws.apigateway.update_rest_api().rest_api_id(id).set_patch_operations(Some(patch.clone())).send()
            })
            .await?;
        }
        if changes.touch("error_origins") {
            let responses = gateway_responses(aws, id).await?;
            write_error_origins(aws, id, &responses, &self.error_origins).await?;
        }
        if changes.touch("tags") {
            write_tags(aws, id, &observed.spec.tags, &self.tags).await?;
        }
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, output: &RestApiOutput) -> Result<DeleteOutcome> {
        let _lock = lock(aws, &output.id).await;
        aws.write("apigateway:DeleteRestApi", || aws.apigateway.delete_rest_api().rest_api_id(&output.id).send()).await?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl RestApi {
    /// Nothing keeps two concurrent runs from creating one API each, so each run checks before and after: see `yields_to`.
    async fn make(&self, aws: &Aws) -> Result<WriteOutcome<RestApiOutput>> {
        if let Some(other) = find_ours(aws, &self.name).await? {
            return Err(made_meanwhile(other.id()));
        }
        let binary = Some(self.binary_media_types.iter().cloned().collect()).filter(|kinds: &Vec<_>| !kinds.is_empty());
        let endpoint = EndpointConfiguration::builder().types(EndpointType::from(self.endpoint.as_str())).build();
        let answer = aws
            .write("apigateway:CreateRestApi", || {
                let request = aws.apigateway.create_rest_api().name(&self.name).set_description(self.description.clone());
                let request = request.set_binary_media_types(binary.clone());
                request.endpoint_configuration(endpoint.clone()).set_tags(Some(self.tags.to_map())).send()
            })
            .await?;
        let mine = (created(answer.created_date()), answer.id().unwrap_or_default());
        let has_tags =
            answer.tags().is_some_and(|kept| self.tags.iter().all(|(key, value)| kept.get(key).is_some_and(|kept| kept == value)));
        if !has_tags && tags(aws, mine.1, ReadFrom::Service).await? != self.tags {
            // Nothing else names its owner: the next run would create another one.
            aws.write("apigateway:DeleteRestApi", || aws.apigateway.delete_rest_api().rest_api_id(mine.1).send()).await.optional()?;
            let why = "API Gateway kept no tags of the new REST API, by which it would be known as this stack's; it was removed again";
            return Err(Error::refused("apigateway:CreateRestApi", why));
        }
        let apis = rest_apis(aws).await?;
        let mut others = apis.iter().filter(|api| api.name() == Some(&self.name) && api.id() != answer.id() && is_ours(aws, api));
        if let Some(other) = others.find(|other| yields_to(mine.0, created(other.created_date()))) {
            aws.write("apigateway:DeleteRestApi", || aws.apigateway.delete_rest_api().rest_api_id(mine.1).send()).await.optional()?;
            // A random pause keeps two runs that both withdrew from meeting again.
            let pause = if created(other.created_date()) == mine.0 { fastrand::u64(..2000) } else { 0 };
            let why = format!("the REST API {} that another run made at the same time", other.id().unwrap_or_default());
            return Err(Error::NotYet { why, retry_after: Some(Duration::from_millis(pause)) });
        }
        aws.cache_tags(&arn(aws, mine.1), &self.tags);
        let unseen = || Error::not_yet("the new REST API to become visible");
        let mut made = output(aws, answer.id(), answer.root_resource_id()).await?.ok_or_else(unseen)?;
        match self.import(aws, &made.id).await {
            Some(true) => return Ok(WriteOutcome::WithParts(made)),
            // A part of the import may have succeeded: the earlier ids are no longer valid.
            Some(false) => made = output(aws, Some(&made.id), None).await?.ok_or_else(unseen)?,
            None => {}
        }
        let _lock = lock(aws, &made.id).await;
        // A new API has AWS's defaults for all of them.
        write_error_origins(aws, &made.id, &[], &self.error_origins).await?;
        Ok(WriteOutcome::Complete(made))
    }

    /// Imports the parts, if one call can create all of them. `Some(false)` if the import failed: then each part is created in its turn, and
    /// lasting trouble is reported there.
    async fn import(&self, aws: &Aws, id: &str) -> Option<bool> {
        let document = self.parts.text(self).filter(|_| aws.target.imports_apis);
        let document = document?;
        let _lock = lock(aws, id).await;
        let imported = aws
            .write("apigateway:PutRestApi", || {
                let request = aws.apigateway.put_rest_api().rest_api_id(id).mode(PutMode::Overwrite).fail_on_warnings(false);
                request.parameters("endpointConfigurationTypes", &self.endpoint).body(Blob::new(document.clone())).send()
            })
            .await;
        Some(imported.is_ok())
    }

    fn of(&self, aws: &Aws, listed: &ListedApi, output: RestApiOutput, tags: Tags, responses: &[GatewayResponse]) -> Observed<Self> {
        let (owner, applied) = (aws.owner(&tags), tags.applied());
        let spec = Self {
            name: self.name.clone(),
            description: Some(listed.description().unwrap_or_default().to_owned()),
            endpoint: endpoint(listed).to_owned(),
            binary_media_types: listed.binary_media_types().iter().cloned().collect(),
            error_origins: error_origins(responses, &self.error_origins),
            tags,
            parts: ApiDocument::default(),
            logs: false,
            permissions_boundary: None,
        };
        Observed { spec, output, busy: None, failed: None, owner, applied }
    }

    /// Finds the APIs that are ours: by `name`, which the stack gives its one API, and by the ownership tag. A tag alone is no proof: anyone
    /// allowed to set tags could have any API deleted.
    pub async fn sweep(aws: &Aws, name: &str, logical: &str) -> Result<Vec<Orphan<Aws>>> {
        let mut orphans = Vec::new();
        for api in rest_apis(aws).await?.iter().filter(|api| api.name() == Some(name) && is_ours(aws, api)) {
            let Some(output) = output(aws, api.id(), api.root_resource_id()).await? else { continue };
            let wish = Self {
                name: name.to_owned(),
                description: None,
                endpoint: endpoint(api).to_owned(),
                binary_media_types: BTreeSet::new(),
                error_origins: BTreeMap::new(),
                tags: Tags::default(),
                parts: ApiDocument::default(),
                logs: false,
                permissions_boundary: None,
            };
            orphans.push(Orphan::new(logical, wish, output));
        }
        Ok(orphans)
    }
}

impl RestApi {
    /// Returns the id of the stack's API of this name, if there is one: all that is needed to find its log group.
    pub async fn id(aws: &Aws, name: &str) -> Result<Option<String>> {
        Ok(find_ours(aws, name).await?.and_then(|api| api.id))
    }
}

impl RestApi {
    /// Id of the API.
    pub fn id_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("id", |output| output.id.clone())
    }

    /// Id of its resource `/`.
    pub fn root_resource_id_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("root_resource_id", |output| output.root_resource_id.clone())
    }
}

/// Returns whether the run that created `mine` withdraws it, given two APIs that two runs created at the same time. Both times are seconds since
/// 1970, the only precision that API Gateway shows.
///
/// The younger API is withdrawn. Its run certainly sees the older one; the older one's run may have looked before the younger one existed. Within
/// the same second either run may have looked too early. Each run that sees the other API withdraws, at worst both do, and then both start anew. So
/// there are never two.
fn yields_to(mine: i64, other: i64) -> bool {
    other <= mine
}

fn created(date: Option<&DateTime>) -> i64 {
    date.map_or(0, DateTime::secs)
}

/// Returns the error for an API that a faster run has just created: this run reads that API and continues from there.
fn made_meanwhile(id: Option<&str>) -> Error {
    let message = format!("another run has just made the REST API {}", id.unwrap_or_default());
    let (operation, code) = ("apigateway:CreateRestApi".to_owned(), String::new());
    Error::Exists(Box::new(Refusal { class: Class::Refused, operation, code, message, request_id: None }))
}

/// Returns our API of this name. Two of them are an error, never a choice.
pub(crate) async fn find_ours(aws: &Aws, name: &str) -> Result<Option<ListedApi>> {
    let apis = rest_apis(aws).await?;
    let mut ours = apis.iter().filter(|api| api.name() == Some(name) && is_ours(aws, api));
    match (ours.next(), ours.next()) {
        (one, None) => Ok(one.cloned()),
        (first, Some(second)) => {
            let ids = [first.and_then(ListedApi::id), second.id()].map(Option::unwrap_or_default).join(" and ");
            Err(Error::refused(
                "apigateway:GetRestApis",
                format!("two REST APIs named {name} belong to this stack: {ids}; delete the one that is not in use"),
            ))
        }
    }
}

fn is_ours(aws: &Aws, api: &ListedApi) -> bool {
    let tags: Tags = api.tags().into_iter().flatten().collect();
    aws.owner(&tags) == Owner::Us
}

fn endpoint(api: &ListedApi) -> &str {
    // Edge-optimised is AWS's default.
    api.endpoint_configuration().and_then(|endpoint| endpoint.types().first()).map_or("EDGE", EndpointType::as_str)
}

/// Returns the ids. The root resource is looked up where the answer about the API leaves it out; `None` if it cannot be seen.
async fn output(aws: &Aws, id: Option<&str>, root: Option<&str>) -> Result<Option<RestApiOutput>> {
    let id = id.unwrap_or_default().to_owned();
    let root_resource_id = match root {
        Some(root) => Some(root.to_owned()),
        None => nodes(aws, &id).await?.iter().find(|node| node.path() == Some("/")).and_then(|node| node.id().map(str::to_owned)),
    };
    Ok(root_resource_id.map(|root_resource_id| RestApiOutput { id, root_resource_id }))
}
