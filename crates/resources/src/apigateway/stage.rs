//! A stage: the address at which a deployment is served, with its limits and its logs.
//!
//! `CreateStage` takes neither limits nor logs, so a patch follows. Logs need a role that is set once per account and region, see
//! [`ensure_logging_role`]. `GetStages` returns every setting with AWS's defaults filled in, or none at all.

use super::{
    account::ensure_logging_role,
    common::{arn, lock, remove, replace, stages, tags, write_tags},
    rest_api::find_ours,
    scope,
};
use crate::ApiResource;
use aws::{
    Aws, Tags, Target,
    facts::{Billable, Call, Identity, Kind, Sweep, Task, Trail, Typical},
};
use aws_sdk_apigateway::types::{MethodSetting, PatchOperation, Stage};
use engine::{Changes, DeleteOutcome, Error, Handle, Id, Observed, Orphan, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::collections::BTreeMap;

/// Key of the settings that apply to all methods.
const ALL: &str = "*/*";
/// AWS's default: requests per second and at once (recorded on 2024-03-05, and documented: "Amazon API Gateway quotas").
const DEFAULT_THROTTLE: (f64, i32) = (10_000.0, 5_000);

/// A stage. Its logical name is its name.
#[derive(Debug, Clone, Serialize)]
pub struct ApiStage {
    /// The id of its API.
    pub api: Ref<String>,
    /// Its name, the first part of the path that callers use.
    pub name: String,
    /// The id of the deployment that it serves.
    pub deployment: Ref<String>,
    /// Allowed requests per second and method; two decimals count.
    #[serde(serialize_with = "two_decimals")]
    pub throttle_rate: f64,
    /// Requests that may arrive at once.
    pub throttle_burst: i32,
    /// The execution log: `OFF`, `ERROR` or `INFO`.
    pub log_level: String,
    /// Set if whole requests and answers are logged.
    pub data_trace: bool,
    /// Set if each method has metrics.
    pub metrics: bool,
    /// The access log; `None` is none.
    #[serde(serialize_with = "none_is_empty")]
    pub access_log: Option<AccessLog>,
    /// Stage variables: value by name.
    pub variables: BTreeMap<String, String>,
    /// Permissions boundary of the role that logs need, if it is created.
    #[serde(skip)]
    pub permissions_boundary: Option<String>,
    /// Tags, the ownership tag included.
    pub tags: Tags,
}

/// Log of accesses.
#[derive(Debug, Clone, Serialize)]
pub struct AccessLog {
    /// The ARN of the log group, without `:*`.
    pub destination: Ref<String>,
    /// Format of the line for each request, with `$context` variables.
    pub format: String,
}

/// Output of a stage that exists.
#[derive(Debug, Clone)]
pub struct ApiStageOutput {
    /// The id of its API.
    pub api: String,
    /// Name of the stage.
    pub name: String,
}

const FACTS: Kind = Kind {
    name: ApiStage::KIND,
    trail: Trail {
        source: "apigateway",
        is_global: false,
        operations: &["CreateStage", "UpdateStage", "DeleteStage", "TagResource", "UntagResource"],
    },
    typical: Typical::of_calls,
    pace: Some("apigateway"),
    request_limits: &[],
    calls: &[
        Call::takes("apigateway:CreateStage", &[("apigateway:POST", &scope::REST_API), ("apigateway:PUT", &scope::TAGS)], Task::UP),
        Call::takes("apigateway:DeleteStage", &[("apigateway:DELETE", &scope::PARTS)], Task::UP),
        Call::takes("apigateway:GetStages", &[("apigateway:GET", &scope::REST_API)], Task::LOOKING),
        Call::takes("apigateway:UpdateStage", &[("apigateway:PATCH", &scope::REST_API)], Task::UP),
    ],
    sweep: Sweep::With(ApiResource::KIND),
    quota: None,
    billable: Some(Billable::Stage { metrics: false }),
};

impl Resource for ApiStage {
    type Cloud = Aws;
    const KIND: &'static str = "apigateway.stage";
    const FACTS: &'static Kind = &FACTS;
    const FIXED: &'static [&'static str] = &["api", "name"];
    type Output = ApiStageOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, _: Option<&ApiStageOutput>) -> Identity {
        let Ok(api) = self.api.get() else { return Identity::default() };
        let Identity { console, .. } = super::identity(target, &api, "stages");
        let arn = format!("arn:{}:apigateway:{}::/restapis/{api}/stages/{}", target.partition, target.region, self.name);
        Identity { console, names: vec![api, arn], also: Vec::new() }
    }

    fn set_fingerprint(&mut self, fingerprint: &str) {
        self.tags.set_fingerprint(fingerprint);
    }

    async fn observe(&self, aws: &Aws, from: ReadFrom) -> Result<Option<Observed<Self>>> {
        let output = ApiStageOutput { api: self.api.get()?, name: self.name.clone() };
        let path = path(&output);
        let (stages, written) = futures::try_join!(stages(aws, &output.api), tags(aws, &path, from))?;
        let Some(stage) = stages.iter().find(|stage| stage.stage_name() == Some(&self.name)) else { return Ok(None) };
        // A service that keeps the tags of `CreateStage` apart from those of `TagResource` answers with none until the latter is called.
        let tags = if written == Tags::default() { stage.tags().into_iter().flatten().collect() } else { written };
        Ok(Some(Self::seen(aws, output, stage, tags)))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<ApiStageOutput>> {
        let output = ApiStageOutput { api: self.api.get()?, name: self.name.clone() };
        let deployment = self.deployment.get()?;
        let patch = self.settings(None)?;
        self.prepare_logging(aws).await?;
        let _lock = lock(aws, &output.api).await;
        aws.write("apigateway:CreateStage", || {
            let request = aws.apigateway.create_stage().rest_api_id(&output.api).stage_name(&self.name).deployment_id(&deployment);
            let variables = (!self.variables.is_empty()).then(|| self.variables.clone().into_iter().collect());
            request.set_variables(variables).set_tags(Some(self.tags.to_map())).send()
        })
        .await?;
        aws.cache_tags(&arn(aws, &path(&output)), &self.tags);
        match write_settings(aws, &output, patch).await {
            Ok(()) => Ok(WriteOutcome::Complete(output)),
            // The stage exists; its settings are left to the next write.
            Err(Error::NotYet { .. }) => Ok(WriteOutcome::Settling(output)),
            Err(error) => Err(error),
        }
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, changes: &Changes) -> Result<WriteOutcome<ApiStageOutput>> {
        if changes.touch("log_level") || changes.touch("access_log") {
            self.prepare_logging(aws).await?;
        }
        let mut patch = self.settings(Some(changes))?;
        if changes.touch("deployment") {
            patch.push(replace("/deploymentId", &self.deployment.get()?));
        }
        if changes.touch("access_log") && self.access_log.is_none() {
            patch.push(remove("/accessLogSettings"));
        }
        if changes.touch("variables") {
            patch.extend(self.variables.iter().map(|(name, value)| replace(format!("/variables/{name}"), value)));
            let gone = observed.spec.variables.keys().filter(|name| !self.variables.contains_key(*name));
            patch.extend(gone.map(|name| remove(format!("/variables/{name}"))));
        }
        let _lock = lock(aws, &observed.output.api).await;
        write_settings(aws, &observed.output, patch).await?;
        if changes.touch("tags") {
            write_tags(aws, &path(&observed.output), &observed.spec.tags, &self.tags).await?;
        }
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, output: &ApiStageOutput) -> Result<DeleteOutcome> {
        let _lock = lock(aws, &output.api).await;
        aws.write("apigateway:DeleteStage", || aws.apigateway.delete_stage().rest_api_id(&output.api).stage_name(&output.name).send())
            .await?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl ApiStage {
    /// Returns the changes for settings that `CreateStage` does not take: the changed ones, or all.
    fn settings(&self, changes: Option<&Changes>) -> Result<Vec<PatchOperation>> {
        let changed = |field: &str| changes.is_none_or(|changes| changes.touch(field));
        let mut patch = Vec::new();
        if changed("throttle_rate") {
            patch.push(replace("/*/*/throttling/rateLimit", &format!("{:.2}", self.throttle_rate)));
        }
        if changed("throttle_burst") {
            patch.push(replace("/*/*/throttling/burstLimit", &self.throttle_burst));
        }
        if changed("log_level") {
            patch.push(replace("/*/*/logging/loglevel", &self.log_level));
        }
        if changed("data_trace") {
            patch.push(replace("/*/*/logging/dataTrace", &self.data_trace));
        }
        if changed("metrics") {
            patch.push(replace("/*/*/metrics/enabled", &self.metrics));
        }
        if let Some(log) = self.access_log.as_ref().filter(|_| changed("access_log")) {
            patch.push(replace("/accessLogSettings/destinationArn", &log.destination.get()?));
            patch.push(replace("/accessLogSettings/format", &log.format));
        }
        Ok(patch)
    }

    async fn prepare_logging(&self, aws: &Aws) -> Result<()> {
        if self.access_log.is_none() && self.log_level == "OFF" {
            return Ok(());
        }
        ensure_logging_role(aws, self.permissions_boundary.as_deref()).await
    }

    fn seen(aws: &Aws, output: ApiStageOutput, observed: &Stage, tags: Tags) -> Observed<Self> {
        let (owner, applied) = (aws.owner(&tags), tags.applied());
        Observed { spec: Self::of(&output.api, observed, tags), output, busy: None, failed: None, owner, applied }
    }

    fn of(api: &str, observed: &Stage, tags: Tags) -> Self {
        let settings = observed.method_settings().and_then(|settings| settings.get(ALL));
        let access_log = observed.access_log_settings().and_then(|log| Some((log.destination_arn()?, log.format().unwrap_or_default())));
        Self {
            api: api.to_owned().into(),
            name: observed.stage_name().unwrap_or_default().to_owned(),
            deployment: observed.deployment_id().unwrap_or_default().to_owned().into(),
            throttle_rate: settings.map_or(DEFAULT_THROTTLE.0, MethodSetting::throttling_rate_limit),
            throttle_burst: settings.map_or(DEFAULT_THROTTLE.1, MethodSetting::throttling_burst_limit),
            log_level: settings.and_then(MethodSetting::logging_level).unwrap_or("OFF").to_owned(),
            data_trace: settings.is_some_and(MethodSetting::data_trace_enabled),
            metrics: settings.is_some_and(MethodSetting::metrics_enabled),
            access_log: access_log.map(|(destination, format)| AccessLog {
                destination: destination.trim_end_matches(":*").to_owned().into(),
                format: format.to_owned(),
            }),
            variables: observed.variables().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect(),
            permissions_boundary: None,
            tags,
        }
    }

    /// Finds the stages of our API, which is `whole`, that could be ours.
    pub async fn sweep(aws: &Aws, whole: &Id, api_name: &str) -> Result<Vec<Orphan<Aws>>> {
        let Some(api) = find_ours(aws, api_name).await?.and_then(|api| api.id().map(str::to_owned)) else { return Ok(Vec::new()) };
        let stages = stages(aws, &api).await?;
        let orphan = |stage: &Stage| {
            let wish = Self::of(&api, stage, Tags::default());
            let output = ApiStageOutput { api: api.clone(), name: wish.name.clone() };
            Orphan::new(&output.name.clone(), wish, output).unproven().within(whole.clone())
        };
        Ok(stages.iter().map(orphan).collect())
    }
}

impl ApiStage {
    /// Name of the stage; a resource that refers to it waits for the stage.
    pub fn name_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("name", |output| output.name.clone())
    }
}

async fn write_settings(aws: &Aws, output: &ApiStageOutput, patch: Vec<PatchOperation>) -> Result<()> {
    if !patch.is_empty() {
        aws.write("apigateway:UpdateStage", || {
            let request = aws.apigateway.update_stage().rest_api_id(&output.api).stage_name(&output.name);
            request.set_patch_operations(Some(patch.clone())).send()
        })
        .await?;
    }
    Ok(())
}

fn path(output: &ApiStageOutput) -> String {
    format!("{}/stages/{}", output.api, output.name)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn two_decimals<S: Serializer>(rate: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((rate * 100.0).round() / 100.0)
}

/// Serializes `None` as an empty log: the declaration is that there is none, not that any is accepted.
#[expect(clippy::ref_option, reason = "the form that serde asks for")]
fn none_is_empty<S: Serializer>(log: &Option<AccessLog>, serializer: S) -> Result<S::Ok, S::Error> {
    match log {
        Some(log) => log.serialize(serializer),
        None => serializer.serialize_map(Some(0))?.end(),
    }
}
