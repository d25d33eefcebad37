//! A Lambda function: configuration and code of `$LATEST`. Requests are served by the version behind the [alias](crate::Alias).
//!
//! Configuration and code change by separate calls, and each makes the function busy for a moment; the engine's rounds put the second behind the
//! first. `Environment` without variables keeps the old ones, so an empty map is sent as such. The architecture belongs to the code.

use super::{FUNCTION_URL_TAG, FunctionOthers, FunctionSettings, Variable, function_url, variable::shown};
use crate::iam::ROLES_FOR_LAMBDA;
use aws::{
    Aws, Optional, RequestLimit, Source, Tags, Target,
    facts::{Billable, Call, Guard, Identity, Kind, LIVE_ALIAS, Quota, Scope, Sweep, Task, Trail, Typical, Used},
    not_aws,
};
use aws_sdk_lambda::{
    operation::get_function::GetFunctionOutput,
    primitives::Blob,
    types::{
        Architecture, Environment, FunctionCode, FunctionConfiguration, LastUpdateStatus, LastUpdateStatusReasonCode, LoggingConfig,
        Runtime, State, StateReasonCode,
    },
};
use engine::{
    Action, Changes, DeleteOutcome, Error, FAILED, Handle, Observed, Orphan, Owner, ReadFrom, Ref, Refusal, Resource, Result, WriteOutcome,
};
use serde::Serialize;
use shared::edge::{ANY, ORIGIN_VERIFY, is_secret};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    rc::Rc,
};

/// File that the `provided` runtimes start, which is also the entry point of functions with one.
pub const BOOTSTRAP: &str = "bootstrap";

/// Fields that `UpdateFunctionConfiguration` writes.
const CONFIGURATION: [&str; 11] =
    ["role", "runtime", "handler", "memory", "timeout", "environment", "log_group", "layers", "tracing", "ephemeral_storage", "log_format"];

/// "A few seconds" is documented (Lambda Developer Guide); the numbers are assumed.
const CREATING: &str = "Lambda to create the function (usually 1 to 5 s)";
/// The delay itself is recorded (2025-11-25); the numbers are assumed.
const UPDATING: &str = "Lambda to update the function (usually 1 to 4 s)";

/// Desired state of a Lambda function.
#[derive(Debug, Clone, Serialize)]
pub struct Function {
    /// Physical name of the function.
    pub name: String,
    /// The ARN of its role.
    pub role: Ref<String>,
    /// Lambda runtime, such as `provided.al2023`.
    pub runtime: String,
    /// Entry point, which the `provided` runtimes ignore. The JSON leaves the usual one out, so that a function from before keeps its fingerprint.
    #[serde(skip_serializing_if = "is_usual_handler")]
    pub handler: String,
    /// `arm64` or `x86_64`; not managed while there is no code for it.
    pub architecture: Option<String>,
    /// Memory, in megabytes.
    pub memory: i32,
    /// Timeout, in seconds.
    pub timeout: i32,
    /// Concurrent invocations that are reserved for it, which is also its limit: 0 switches it off. `None`: a value that was set by hand stays, and
    /// is not read, because the list of functions does not show it; a value from an earlier declaration is removed. The JSON leaves the field out
    /// where there is none, so that a function from before keeps its fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<i32>,
    /// Environment variables. Values of variables with a [secret name](super::is_secret_name) appear in plans as digests.
    #[serde(serialize_with = "shown")]
    pub environment: BTreeMap<String, Variable>,
    /// Log group that the function writes to.
    pub log_group: Ref<String>,
    /// Settings that few functions declare.
    #[serde(flatten)]
    pub settings: FunctionSettings,
    /// Additions by others. None is declared, and only an [audit](Aws::audit) looks for them. The JSON leaves the field out where there is none.
    #[serde(skip_serializing_if = "FunctionOthers::is_empty")]
    pub others: FunctionOthers,
    /// Base64 of the SHA-256 of the zip, as Lambda reports it. `None`: the code is left as it is.
    pub code_sha256: Option<String>,
    /// Path of the zip.
    #[serde(skip)]
    pub code: Option<PathBuf>,
    /// Tags, the ownership tag included.
    pub tags: Tags,
}

/// Output of a function that exists.
#[derive(Debug, Clone)]
pub struct FunctionOutput {
    /// Physical name of the function.
    pub name: String,
    /// Its ARN, without a version.
    pub arn: String,
}

/// Functions of the stack, and their aliases: IAM checks some actions on a function, some on its alias, whatever the request names. Only a whole
/// function is deleted, never a version or an alias.
pub(super) const FUNCTIONS: Scope = Scope::of("Functions", |target, names, guard| {
    let function = target.arn("lambda", &format!("function:{}", names.pattern()));
    let parts = (guard != Guard::Ours).then(|| format!("{function}:*"));
    [function].into_iter().chain(parts).collect()
})
.guarded(|action, _| match action {
    "lambda:DeleteFunction" => Guard::Ours,
    "lambda:AddPermission"
    | "lambda:CreateAlias"
    | "lambda:CreateFunctionUrlConfig"
    | "lambda:DeleteFunctionConcurrency"
    | "lambda:DeleteFunctionUrlConfig"
    | "lambda:PublishVersion"
    | "lambda:PutFunctionConcurrency"
    | "lambda:RemovePermission"
    | "lambda:TagResource"
    | "lambda:UntagResource"
    | "lambda:UpdateAlias"
    | "lambda:UpdateFunctionCode"
    | "lambda:UpdateFunctionConfiguration"
    | "lambda:UpdateFunctionUrlConfig" => Guard::NotAnothers,
    _ => Guard::None,
});

/// Layers, of any account: attaching one takes the permission to read it (Lambda developer guide, "Granting layer usage permissions").
const LAYERS: Scope = Scope::of("Layers", |target, _, _| {
    let (partition, region) = (&target.partition, &target.region);
    vec![format!("arn:{partition}:lambda:{region}:*:layer:*:*")]
});

const FACTS: Kind = Kind {
    name: Function::KIND,
    trail: Trail {
        source: "lambda",
        is_global: false,
        operations: &[
            "CreateFunction",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
            "DeleteFunction",
            "TagResource",
            "UntagResource",
        ],
    },
    typical,
    pace: Some("lambda"),
    request_limits: &[RequestLimit::new("lambda:GetFunction", 100.0, 100.0, Source::Documented)],
    calls: &[
        Call::takes(
            "lambda:CreateFunction",
            &[
                ("lambda:CreateFunction", &FUNCTIONS),
                ("lambda:TagResource", &FUNCTIONS),
                ("lambda:GetLayerVersion", &LAYERS),
                ("iam:PassRole", &ROLES_FOR_LAMBDA),
            ],
            Task::UP,
        ),
        Call::same("lambda:DeleteFunction", &FUNCTIONS, Task::REMOVING),
        Call::same("lambda:DeleteFunctionConcurrency", &FUNCTIONS, Task::UP),
        Call::same("lambda:DeleteFunctionUrlConfig", &FUNCTIONS, Task::UP),
        Call::same("lambda:GetAccountSettings", &Scope::EVERYTHING, Task::DOCTOR),
        Call::takes("lambda:GetFunction", &[("lambda:GetFunction", &FUNCTIONS), ("lambda:ListTags", &FUNCTIONS)], Task::ALL),
        Call::same("lambda:ListFunctionUrlConfigs", &FUNCTIONS, Task::LOOKING),
        Call::same("lambda:ListFunctions", &Scope::EVERYTHING, Task::ALL),
        Call::same("lambda:PutFunctionConcurrency", &FUNCTIONS, Task::UP),
        Call::same("lambda:TagResource", &FUNCTIONS, Task::UP),
        Call::same("lambda:UntagResource", &FUNCTIONS, Task::UP),
        Call::same("lambda:UpdateFunctionCode", &FUNCTIONS, Task::UP),
        Call::takes(
            "lambda:UpdateFunctionConfiguration",
            &[("lambda:UpdateFunctionConfiguration", &FUNCTIONS), ("lambda:GetLayerVersion", &LAYERS), ("iam:PassRole", &ROLES_FOR_LAMBDA)],
            Task::UP,
        ),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let logical = stack.logical();
        graph.sweep(move |aws: &Aws| Box::pin(Function::sweep(aws, logical.clone())));
    }),
    quota: Some(Quota { of: "GB of code in Lambda", used: |aws| Box::pin(stored_code(aws)) }),
    billable: Some(Billable::Function { memory: 0.125, arm: true }),
};

/// Reads the size of the zips that Lambda keeps, in GB, and the account's own limit.
async fn stored_code(aws: &Aws) -> Result<Used> {
    let answer = aws.read("lambda:GetAccountSettings", || aws.lambda.get_account_settings().send()).await?;
    let (Some(limit), Some(usage)) = (answer.account_limit(), answer.account_usage()) else {
        return Err(not_aws("lambda:GetAccountSettings"));
    };
    // Gigabytes, as Lambda counts the zips it keeps.
    let gigabytes = |bytes: i64| u64::try_from(bytes).unwrap_or_default().div_ceil(1 << 30);
    Ok(Used { used: gigabytes(usage.total_code_size()), limit: gigabytes(limit.total_code_size()), is_of_account: true })
}

/// "Lambda function states", AWS Lambda developer guide: ready "after a few seconds".
fn typical(action: Action, _: &Changes) -> Typical {
    if action == Action::Delete { Typical::CALLS } else { Typical::seconds(2.0, 4.0) }
}

impl Resource for Function {
    type Cloud = Aws;
    const KIND: &'static str = "lambda.function";
    const FACTS: &'static Kind = &FACTS;
    const LISTS_HIDE_FAILURE: bool = true;
    type Output = FunctionOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, _: Option<&FunctionOutput>) -> Identity {
        super::identity(target, self.name.clone(), None)
    }

    fn set_fingerprint(&mut self, fingerprint: &str) {
        if self.code_sha256.is_none() || self.environment.values().any(|value| matches!(value, Variable::Kept)) {
            // A fingerprint of half a declaration would differ from that of the whole one.
            self.tags.keep_fingerprint();
        } else {
            self.tags.set_fingerprint(fingerprint);
        }
    }

    async fn observe(&self, aws: &Aws, from: ReadFrom) -> Result<Option<Observed<Self>>> {
        if from == ReadFrom::Lists {
            let functions = list(aws).await?;
            let Some(listed) = functions.iter().find(|listed| listed.function_name() == Some(&self.name)) else {
                self.note(None);
                return Ok(None);
            };
            // No entry of the list shows the concurrency, nor additions by others.
            if self.concurrency.is_none()
                && !aws.audits()
                && tells_all(listed)
                && let Some(tags) = aws.reported_tags(listed.function_arn().unwrap_or_default()).await
            {
                let observed = self.keep_url_tag(aws, Self::of(aws, listed, None, tags)).await?;
                self.note(Some(&observed));
                return Ok(Some(observed));
            }
        }
        let answer = get(aws, &self.name).await?;
        let Some(answer) = answer.as_ref() else {
            self.note(None);
            return Ok(None);
        };
        // Lambda deletes it, whatever it still shows; a creation waits for that.
        let is_there = |configuration: &&FunctionConfiguration| configuration.state() != Some(&State::Deleting);
        let Some(configuration) = answer.configuration().filter(is_there) else {
            self.note(None);
            return Ok(None);
        };
        let tags = answer.tags().into_iter().flatten().collect();
        let kept = answer.concurrency().and_then(|concurrency| concurrency.reserved_concurrent_executions());
        let observed = self.without_what_was_never_declared(Self::of(aws, configuration, kept, tags));
        let url = observed.spec.tags.get(FUNCTION_URL_TAG).map(|_| LIVE_ALIAS);
        let mut observed = self.keep_url_tag(aws, observed).await?;
        self.note(Some(&observed));
        if aws.audits() && observed.owner == Owner::Us {
            observed.spec.others = FunctionOthers::on(aws, &self.name, url).await?;
        }
        Ok(Some(observed))
    }

    async fn locate(&self, aws: &Aws) -> Result<Option<FunctionOutput>> {
        Ok(list(aws).await?.iter().find(|listed| listed.function_name() == Some(&self.name)).map(output))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<FunctionOutput>> {
        let role = self.role.get()?;
        let logging = self.logging()?;
        let code = FunctionCode::builder().zip_file(self.zip().await?).build();
        let environment = self.variables(None)?;
        let answer = aws
            .write("lambda:CreateFunction", || {
                let request = aws.lambda.create_function().function_name(&self.name).role(&role).handler(&self.handler);
                let request = request.runtime(Runtime::from(self.runtime.as_str())).set_architectures(self.architectures());
                let request = request.memory_size(self.memory).timeout(self.timeout).environment(environment.clone());
                let request = request.logging_config(logging.clone());
                self.settings.create(request).code(code.clone()).set_tags(Some(self.tags.to_map())).send()
            })
            .await?;
        aws.note_known_role(&role);
        let arn = answer.function_arn().unwrap_or_default().to_owned();
        let output = FunctionOutput { name: self.name.clone(), arn };
        Ok(if answer.state() == Some(&State::Pending) { WriteOutcome::Pending(output, CREATING) } else { WriteOutcome::Settling(output) })
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, changes: &Changes) -> Result<WriteOutcome<FunctionOutput>> {
        let output = observed.output.clone();
        if changes.touch("tags") {
            self.write_tags(aws, observed).await?;
        }
        if changes.touch("others") {
            observed.spec.others.remove(aws, &self.name).await?;
        }
        if changes.touch("concurrency") {
            self.write_concurrency(aws).await?;
        }
        // Settings of an update that Lambda gave up on are written once more.
        let writes = |field: &str| changes.touch(field) || changes.touch(FAILED);
        if CONFIGURATION.into_iter().any(writes) {
            let role = self.role.get()?;
            let environment = self.variables(Some(&observed.spec))?;
            let logging = if writes("log_group") || writes("log_format") { Some(self.logging_over(aws).await?) } else { None };
            let answer = aws
                .write("lambda:UpdateFunctionConfiguration", || {
                    let request = aws.lambda.update_function_configuration().function_name(&self.name).role(&role);
                    let request = request.runtime(Runtime::from(self.runtime.as_str())).handler(&self.handler);
                    let request = request.memory_size(self.memory).timeout(self.timeout);
                    let request = request.environment(environment.clone()).set_logging_config(logging.clone());
                    self.settings.update(request, writes).send()
                })
                .await?;
            return Ok(settling(output, answer.last_update_status()));
        }
        if changes.touch("code_sha256") || changes.touch("architecture") {
            let zip = self.zip().await?;
            let answer = aws
                .write("lambda:UpdateFunctionCode", || {
                    let request = aws.lambda.update_function_code().function_name(&self.name).zip_file(zip.clone());
                    request.set_architectures(self.architectures()).send()
                })
                .await?;
            return Ok(settling(output, answer.last_update_status()));
        }
        Ok(WriteOutcome::Complete(output))
    }

    async fn delete(&self, aws: &Aws, _output: &FunctionOutput) -> Result<DeleteOutcome> {
        aws.write("lambda:DeleteFunction", || aws.lambda.delete_function().function_name(&self.name).send()).await.optional()?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl Function {
    /// Finds the functions that could be ours: `logical` gives the logical name of a physical one.
    pub async fn sweep(aws: &Aws, logical: impl Fn(&str) -> Option<String>) -> Result<Vec<Orphan<Aws>>> {
        Self::orphans(aws, logical, |logical, listed| {
            let name = listed.name.clone();
            Orphan::new(logical, Self::bare(name), listed)
        })
        .await
    }

    /// Returns the functions that could be ours and have this tag, each with its logical name.
    pub(super) async fn with_tag(aws: &Aws, key: &str, logical: impl Fn(&str) -> Option<String>) -> Result<Vec<(String, FunctionOutput)>> {
        let mut tagged = Vec::new();
        for function in list(aws).await?.iter().map(output) {
            let Some(logical) = logical(&function.name) else { continue };
            let read =
                async || Ok(get(aws, &function.name).await?.as_ref().as_ref().map(|answer| answer.tags().into_iter().flatten().collect()));
            let tags = aws.tags("lambda", &function.arn, ReadFrom::Lists, read).await?;
            if tags.is_some_and(|tags| tags.get(key).is_some()) {
                tagged.push((logical, function));
            }
        }
        Ok(tagged)
    }

    /// Applies `orphan` to each function that could be ours, and returns the results.
    pub(super) async fn orphans(
        aws: &Aws,
        logical: impl Fn(&str) -> Option<String>,
        orphan: impl Fn(&str, FunctionOutput) -> Orphan<Aws>,
    ) -> Result<Vec<Orphan<Aws>>> {
        let functions = list(aws).await?;
        let listed = functions.iter().map(output);
        Ok(listed.filter_map(|listed| Some(orphan(&logical(&listed.name)?, listed).unproven())).collect())
    }

    /// Hides the tag of a URL that is no longer declared for as long as there is the URL, which is found by it.
    async fn keep_url_tag(&self, aws: &Aws, mut observed: Observed<Self>) -> Result<Observed<Self>> {
        let is_left = self.tags.get(FUNCTION_URL_TAG).is_none() && observed.spec.tags.get(FUNCTION_URL_TAG).is_some();
        if is_left && function_url::get(aws, &self.name, LIVE_ALIAS).await?.is_some() {
            observed.spec.tags = observed.spec.tags.iter().filter(|(key, _)| *key != FUNCTION_URL_TAG).collect();
        }
        Ok(observed)
    }

    /// Returns a function of which only the name is known.
    fn bare(name: String) -> Self {
        Self {
            name,
            role: String::new().into(),
            runtime: String::new(),
            handler: String::new(),
            architecture: None,
            memory: 0,
            timeout: 0,
            concurrency: None,
            environment: BTreeMap::new(),
            log_group: String::new().into(),
            settings: FunctionSettings::default(),
            others: FunctionOthers::default(),
            code_sha256: None,
            code: None,
            tags: Tags::default(),
        }
    }

    /// Reads a function from its configuration, the concurrency that is reserved for it (`kept`), and its tags.
    fn of(aws: &Aws, configuration: &FunctionConfiguration, kept: Option<i32>, tags: Tags) -> Observed<Self> {
        let variables = configuration.environment().and_then(|environment| environment.variables());
        let output = output(configuration);
        let (owner, applied) = (aws.owner(&tags), tags.applied());
        let log_group = configuration.logging_config().and_then(|logging| logging.log_group());
        let spec = Self {
            name: output.name.clone(),
            role: configuration.role().unwrap_or_default().to_owned().into(),
            runtime: configuration.runtime().map_or("", Runtime::as_str).to_owned(),
            handler: configuration.handler().unwrap_or(BOOTSTRAP).to_owned(),
            architecture: Some(configuration.architectures().first().map_or("x86_64", Architecture::as_str).to_owned()),
            memory: configuration.memory_size().unwrap_or(128),
            timeout: configuration.timeout().unwrap_or(3),
            concurrency: kept,
            environment: variables.into_iter().flatten().map(|(key, value)| (key.clone(), Variable::Set(value.clone()))).collect(),
            log_group: log_group.map_or_else(|| format!("/aws/lambda/{}", output.name), str::to_owned).into(),
            settings: FunctionSettings::of(configuration),
            others: FunctionOthers::default(),
            code_sha256: Some(configuration.code_sha256().unwrap_or_default().to_owned()),
            code: None,
            tags,
        };
        Observed { spec, output, busy: busy(configuration), failed: failed(configuration), owner, applied }
    }

    async fn zip(&self) -> Result<Blob> {
        let refused = |why: String| Error::refused("lambda", why);
        let path =
            self.code.as_ref().ok_or_else(|| refused(format!("there is no built code for {}; run without --no-build", self.name)))?;
        let zip = tokio::fs::read(path).await.map_err(|error| refused(format!("cannot read {}: {error}", path.display())))?;
        Ok(Blob::new(zip))
    }

    fn logging(&self) -> Result<LoggingConfig> {
        let mut logging = LoggingConfig::builder().log_group(self.log_group.get()?).build();
        self.settings.format(&mut logging);
        Ok(logging)
    }

    /// Lays the declared log group and format over the observed logging: levels are not declared, and stay.
    async fn logging_over(&self, aws: &Aws) -> Result<LoggingConfig> {
        let answer = get(aws, &self.name).await?;
        let observed = answer.as_ref().as_ref().and_then(|answer| answer.configuration()?.logging_config().cloned());
        let mut logging = observed.unwrap_or_else(|| LoggingConfig::builder().build());
        logging.log_group = Some(self.log_group.get()?);
        self.settings.format(&mut logging);
        Ok(logging)
    }

    fn architectures(&self) -> Option<Vec<Architecture>> {
        self.architecture.as_deref().map(|architecture| vec![Architecture::from(architecture)])
    }

    /// Passes the observed values to the variables that the engine generates; `None` without a function.
    fn note(&self, observed: Option<&Observed<Self>>) {
        for (name, variable) in &self.environment {
            let Variable::Made(made) = variable else { continue };
            made.note(observed.map(|observed| observed.spec.value(name).unwrap_or_default()));
        }
    }

    /// Returns the value of a variable, if it is known.
    fn value(&self, name: &str) -> Option<&str> {
        match self.environment.get(name)? {
            Variable::Set(value) => Some(value),
            Variable::Kept | Variable::Made(_) | Variable::Of(_) => None,
        }
    }

    /// Returns the variables to write; those without a value keep the one of the observed function.
    fn variables(&self, observed: Option<&Self>) -> Result<Environment> {
        let value = |(name, variable): (&String, &Variable)| {
            let value = match variable {
                Variable::Set(value) => Ok(value.clone()),
                Variable::Kept => Ok(observed?.value(name)?.to_owned()),
                Variable::Made(made) => Ok(made.value()),
                Variable::Of(value) => value.get(),
            };
            Some(value.map(|value| (name.clone(), value)))
        };
        let variables = self.environment.iter().filter_map(value).collect::<Result<_>>()?;
        Ok(Environment::builder().set_variables(Some(variables)).build())
    }

    /// Leaves out the concurrency where no declaration set it: the fingerprint of one that did has a field more than this one's.
    fn without_what_was_never_declared(&self, mut observed: Observed<Self>) -> Observed<Self> {
        let fields = |fingerprint: &str| fingerprint.split('.').count();
        let declared_more = observed.applied.as_deref().zip(self.tags.applied()).is_some_and(|(then, now)| fields(then) > fields(&now));
        if self.concurrency.is_none() && !declared_more {
            observed.spec.concurrency = None;
        }
        observed
    }

    async fn write_concurrency(&self, aws: &Aws) -> Result<()> {
        if let Some(kept) = self.concurrency {
            let put = || aws.lambda.put_function_concurrency().function_name(&self.name).reserved_concurrent_executions(kept).send();
            aws.write("lambda:PutFunctionConcurrency", put).await?;
        } else {
            let delete = || aws.lambda.delete_function_concurrency().function_name(&self.name).send();
            aws.write("lambda:DeleteFunctionConcurrency", delete).await.optional()?;
        }
        Ok(())
    }

    async fn write_tags(&self, aws: &Aws, observed: &Observed<Self>) -> Result<()> {
        let arn = &observed.output.arn;
        let tag = async || {
            aws.write("lambda:TagResource", || aws.lambda.tag_resource().resource(arn).set_tags(Some(self.tags.to_map())).send()).await?;
            Ok(())
        };
        let untag = async |keys: Vec<String>| {
            aws.write("lambda:UntagResource", || aws.lambda.untag_resource().resource(arn).set_tag_keys(Some(keys.clone())).send()).await?;
            Ok(())
        };
        aws.sync_tags(arn, &observed.spec.tags, &self.tags, tag, untag).await
    }
}

fn is_usual_handler(handler: &str) -> bool {
    handler == BOOTSTRAP
}

impl Function {
    /// Name of the function; a resource that refers to it waits for the function.
    pub fn name_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("name", |output| output.name.clone())
    }
}

/// Returns whether an entry of the list has all declared fields. The list never shows whether an update of the function is in progress.
fn tells_all(listed: &FunctionConfiguration) -> bool {
    listed.role().is_some()
        && listed.runtime().is_some()
        && listed.memory_size().is_some()
        && listed.timeout().is_some()
        && listed.code_sha256().is_some()
        && !listed.architectures().is_empty()
        && listed.logging_config().is_some_and(|logging| logging.log_group().is_some())
}

fn settling(output: FunctionOutput, status: Option<&LastUpdateStatus>) -> WriteOutcome<FunctionOutput> {
    if status == Some(&LastUpdateStatus::InProgress) { WriteOutcome::Pending(output, UPDATING) } else { WriteOutcome::Settling(output) }
}

fn busy(configuration: &FunctionConfiguration) -> Option<&'static str> {
    match (configuration.state(), configuration.last_update_status()) {
        (Some(State::Pending), _) => Some(CREATING),
        (_, Some(LastUpdateStatus::InProgress)) => Some(UPDATING),
        _ => None,
    }
}

/// Returns Lambda's reason, if it gave up on the function or on its last update: neither state ends by itself.
fn failed(configuration: &FunctionConfiguration) -> Option<Box<Refusal>> {
    let gave_up = |what: &str, code: Option<&str>, reason: Option<&str>| {
        let message = format!("Lambda could not {what}: {}", reason.unwrap_or("it gives no reason"));
        Some(Error::gave_up("lambda:GetFunction", code.unwrap_or_default(), message))
    };
    match (configuration.state(), configuration.last_update_status()) {
        (Some(State::Failed), _) => {
            let code = configuration.state_reason_code().map(StateReasonCode::as_str);
            gave_up("create the function", code, configuration.state_reason())
        }
        (_, Some(LastUpdateStatus::Failed)) => {
            let code = configuration.last_update_status_reason_code().map(LastUpdateStatusReasonCode::as_str);
            gave_up("update the function, which serves as it was", code, configuration.last_update_status_reason())
        }
        _ => None,
    }
}

async fn get(aws: &Aws, name: &str) -> Result<Rc<Option<GetFunctionOutput>>> {
    // `GetFunction` has a limit of its own, seven times that of `GetFunctionConfiguration`, and brings the tags.
    aws.shared("lambda", &format!("function/{name}"), || async {
        aws.read("lambda:GetFunction", || aws.lambda.get_function().function_name(name).send()).await.optional()
    })
    .await
}

/// Returns the owner of a function; `None` if there is none.
pub async fn function_owner(aws: &Aws, name: &str) -> Result<Option<Owner>> {
    let answer = get(aws, name).await?;
    Ok(answer.as_ref().as_ref().map(|answer| aws.owner(&answer.tags().into_iter().flatten().collect())))
}

/// Returns the secret that functions of these names accept from a distribution: the first of the first function that accepts any.
pub async fn taken_secret(aws: &Aws, names: &BTreeSet<String>) -> Result<Option<String>> {
    let functions = list(aws).await?;
    let ours = functions.iter().filter(|listed| listed.function_name().is_some_and(|name| names.contains(name)));
    let takes = ours.filter_map(|listed| listed.environment()?.variables()?.get(ORIGIN_VERIFY));
    Ok(takes.filter_map(|takes| takes.split(',').next()).map(|secret| secret.trim().to_owned()).find(|secret| is_secret(secret)))
}

/// A version of a function.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// Description that the version got when it was published.
    pub description: String,
    takes: Option<String>,
}

impl Published {
    /// Returns a version that accepts these secrets of a distribution, with commas between them.
    #[cfg(test)]
    fn taking(takes: Option<&str>) -> Self {
        Self { description: String::new(), takes: takes.map(str::to_owned) }
    }

    /// Returns whether the version accepts the secret that a distribution sends. A version that requires none accepts any.
    pub fn knows(&self, secret: &str) -> bool {
        self.takes.as_ref().is_none_or(|takes| takes.split(',').any(|taken| taken.trim() == secret || taken.trim() == ANY))
    }
}

/// Returns the existing versions of a function, by number.
pub async fn published_versions(aws: &Aws, name: &str) -> Result<BTreeMap<String, Published>> {
    let mut versions = BTreeMap::new();
    let send = |marker| aws.lambda.list_versions_by_function().function_name(name).set_marker(marker).send();
    aws.pages("lambda:ListVersionsByFunction", send, |page| {
        versions.extend(page.versions.into_iter().flatten().filter_map(|found| {
            let takes = found.environment.and_then(|environment| environment.variables?.remove(ORIGIN_VERIFY));
            Some((found.version?, Published { description: found.description.unwrap_or_default(), takes }))
        }));
        Ok(page.next_marker)
    })
    .await?;
    // `$LATEST` is listed as well.
    versions.retain(|version, _| version.parse::<u64>().is_ok());
    Ok(versions)
}

fn output(configuration: &FunctionConfiguration) -> FunctionOutput {
    FunctionOutput {
        name: configuration.function_name().unwrap_or_default().to_owned(),
        arn: configuration.function_arn().unwrap_or_default().to_owned(),
    }
}

async fn list(aws: &Aws) -> Result<Rc<Vec<FunctionConfiguration>>> {
    aws.shared("lambda", "functions", || async {
        let mut functions = Vec::new();
        let send = |marker| aws.lambda.list_functions().set_marker(marker).send();
        aws.pages("lambda:ListFunctions", send, |page| {
            functions.extend(page.functions.unwrap_or_default());
            Ok(page.next_marker)
        })
        .await?;
        Ok(functions)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::Published;

    #[test]
    fn a_version_knows_the_secrets_that_it_was_published_with() {
        let knows = |takes: Option<&str>| Published::taking(takes).knows("new");
        assert!(knows(None) && knows(Some("new")) && knows(Some("newer, new")) && knows(Some("old,*")));
        assert!(!knows(Some("old")) && !knows(Some("newer,old")) && !knows(Some("")));
    }
}
