//! A function URL: an HTTPS address of an alias, without an API in front of it.
//!
//! A URL has no tags, and no answer about the function shows that there is one. A function without a URL, as most are, should
//! not cost a request in each run. So the function has the tag [`FUNCTION_URL_TAG`] for as long as it has a URL: it is written before the URL is
//! created, and removed after the URL is deleted.
//!
//! A URL for everybody (`NONE`) also needs two statements in the alias's policy, which belong to the [permission](super::Permission).

use super::{FUNCTIONS, Function};
use aws::{
    Aws, Optional, Target,
    facts::{Call, Identity, Kind, LIVE_ALIAS, Sweep, Task, Trail, Typical},
};
use aws_sdk_lambda::{
    operation::get_function_url_config::GetFunctionUrlConfigOutput,
    types::{Cors, FunctionUrlAuthType, InvokeMode},
};
use engine::{Changes, DeleteOutcome, Handle, Id, Observed, Orphan, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;
use std::{collections::BTreeMap, rc::Rc};

/// Key of the function's tag that lasts as long as the function has a URL.
pub const FUNCTION_URL_TAG: &str = "liveinsight:url";

/// Mode in which Lambda sends an answer once it is complete.
const BUFFERED: InvokeMode = InvokeMode::Buffered;

/// Desired state of a function URL.
#[derive(Debug, Clone, Serialize)]
pub struct FunctionUrl {
    /// The function's name.
    pub function: Ref<String>,
    /// Name of the alias that answers.
    pub alias: Ref<String>,
    /// `NONE` for everybody, or `AWS_IAM` for callers with the permissions `lambda:InvokeFunctionUrl` and `lambda:InvokeFunction`, who sign
    /// their requests.
    pub auth_type: String,
    /// `BUFFERED` or `RESPONSE_STREAM`.
    pub invoke_mode: String,
    /// Headers that Lambda adds for browsers, by the names of the settings. None is declared: the function answers preflights itself.
    pub cors: BTreeMap<String, String>,
}

/// Output of a function URL that exists.
#[derive(Debug, Clone)]
pub struct FunctionUrlOutput {
    /// Address in AWS, with a slash at the end.
    pub url: String,
    /// ARN of the function, without the alias.
    pub function_arn: String,
}

const FACTS: Kind = Kind {
    name: FunctionUrl::KIND,
    trail: Trail {
        source: "lambda",
        is_global: false,
        operations: &["CreateFunctionUrlConfig", "UpdateFunctionUrlConfig", "DeleteFunctionUrlConfig"],
    },
    typical: Typical::of_calls,
    pace: Some("lambda"),
    request_limits: &[],
    calls: &[
        Call::same("lambda:CreateFunctionUrlConfig", &FUNCTIONS, Task::UP),
        Call::same("lambda:DeleteFunctionUrlConfig", &FUNCTIONS, Task::REMOVING),
        Call::same("lambda:GetFunctionUrlConfig", &FUNCTIONS, Task::ALL),
        Call::same("lambda:UntagResource", &FUNCTIONS, Task::REMOVING),
        Call::same("lambda:UpdateFunctionUrlConfig", &FUNCTIONS, Task::UP),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let logical = stack.logical();
        graph.sweep(move |aws: &Aws| Box::pin(FunctionUrl::sweep(aws, LIVE_ALIAS, logical.clone())));
    }),
    quota: None,
    billable: None,
};

impl Resource for FunctionUrl {
    type Cloud = Aws;
    const KIND: &'static str = "lambda.function_url";
    const FACTS: &'static Kind = &FACTS;
    const IS_PART: bool = true;
    // Nothing documents that a URL goes with its function.
    const GOES_ALONG: bool = false;
    type Output = FunctionUrlOutput;

    fn name(&self) -> String {
        self.function.get().unwrap_or_default()
    }

    fn identity(&self, target: &Target, output: Option<&FunctionUrlOutput>) -> Identity {
        let also = output.map(|output| output.url.clone()).into_iter().collect();
        match (self.function.get(), self.alias.get()) {
            (Ok(function), Ok(alias)) => Identity { also, ..super::identity(target, function, Some(&alias)) },
            _ => Identity::default(),
        }
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let (function, alias) = (self.function.get()?, self.alias.get()?);
        Ok(get(aws, &function, &alias)
            .await?
            .as_ref()
            .as_ref()
            .map(|observed| Observed::part(Self::of(&function, &alias, observed), output(observed))))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<FunctionUrlOutput>> {
        let (function, alias) = (self.function.get()?, self.alias.get()?);
        let answer = aws
            .write("lambda:CreateFunctionUrlConfig", || {
                let request = aws.lambda.create_function_url_config().function_name(&function).qualifier(&alias);
                request.auth_type(self.auth()).invoke_mode(self.mode()).send()
            })
            .await?;
        Ok(WriteOutcome::Complete(FunctionUrlOutput { url: answer.function_url, function_arn: unqualified(&answer.function_arn) }))
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, changes: &Changes) -> Result<WriteOutcome<FunctionUrlOutput>> {
        let (function, alias) = (self.function.get()?, self.alias.get()?);
        aws.write("lambda:UpdateFunctionUrlConfig", || {
            let request = aws.lambda.update_function_url_config().function_name(&function).qualifier(&alias);
            // An empty setting removes what there is; one that is left out would stay.
            let cors = changes.touch("cors").then(|| Cors::builder().build());
            request.auth_type(self.auth()).invoke_mode(self.mode()).set_cors(cors).send()
        })
        .await?;
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, output: &FunctionUrlOutput) -> Result<DeleteOutcome> {
        let (function, alias) = (self.function.get()?, self.alias.get()?);
        let delete = || aws.lambda.delete_function_url_config().function_name(&function).qualifier(&alias).send();
        aws.write("lambda:DeleteFunctionUrlConfig", delete).await.optional()?;
        aws.forget_tags(&output.function_arn);
        let untag = || aws.lambda.untag_resource().resource(&output.function_arn).tag_keys(FUNCTION_URL_TAG).send();
        aws.write("lambda:UntagResource", untag).await.optional()?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl FunctionUrl {
    /// Declares a URL of an alias: for everybody, or for callers that IAM knows.
    pub fn new(function: Ref<String>, alias: Ref<String>, is_public: bool) -> Self {
        let auth_type = if is_public { FunctionUrlAuthType::None } else { FunctionUrlAuthType::AwsIam };
        Self { function, alias, auth_type: auth_type.as_str().to_owned(), invoke_mode: BUFFERED.as_str().to_owned(), cors: BTreeMap::new() }
    }

    fn auth(&self) -> FunctionUrlAuthType {
        FunctionUrlAuthType::from(self.auth_type.as_str())
    }

    fn mode(&self) -> InvokeMode {
        InvokeMode::from(self.invoke_mode.as_str())
    }

    fn of(function: &str, alias: &str, observed: &GetFunctionUrlConfigOutput) -> Self {
        Self {
            function: function.to_owned().into(),
            alias: alias.to_owned().into(),
            auth_type: observed.auth_type.as_str().to_owned(),
            invoke_mode: observed.invoke_mode().unwrap_or(&BUFFERED).as_str().to_owned(),
            cors: observed.cors().map(settings).unwrap_or_default(),
        }
    }

    /// Finds the URLs of the aliases called `alias` of functions of ours.
    pub async fn sweep(aws: &Aws, alias: &str, logical: impl Fn(&str) -> Option<String>) -> Result<Vec<Orphan<Aws>>> {
        let mut orphans = Vec::new();
        for (logical, function) in Function::with_tag(aws, FUNCTION_URL_TAG, logical).await? {
            let desired = Self::new(function.name.clone().into(), alias.to_owned().into(), false);
            let output = FunctionUrlOutput { url: String::new(), function_arn: function.arn };
            orphans.push(Orphan::part(Id::new::<Function>(&logical), &logical, desired, output).unproven());
        }
        Ok(orphans)
    }

    /// Address of the URL as the target reaches it, without a slash at the end.
    pub fn address_of(handle: &Handle<Self>, target: &Target) -> Ref<String> {
        let target = target.clone();
        handle.output("url", |output| output.url.clone()).map(move |url| target.function_url(&url))
    }
}

/// Returns the settings for browsers by their names.
fn settings(cors: &Cors) -> BTreeMap<String, String> {
    let lists = [
        ("AllowOrigins", cors.allow_origins()),
        ("AllowMethods", cors.allow_methods()),
        ("AllowHeaders", cors.allow_headers()),
        ("ExposeHeaders", cors.expose_headers()),
    ];
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, list)| (name, list.join(", ")));
    let credentials = cors.allow_credentials().filter(|allowed| *allowed).map(|allowed| ("AllowCredentials", allowed.to_string()));
    let age = cors.max_age().filter(|seconds| *seconds > 0).map(|seconds| ("MaxAge", seconds.to_string()));
    lists.chain(credentials).chain(age).map(|(name, value)| (name.to_owned(), value)).collect()
}

fn output(observed: &GetFunctionUrlConfigOutput) -> FunctionUrlOutput {
    FunctionUrlOutput { url: observed.function_url.clone(), function_arn: unqualified(&observed.function_arn) }
}

/// Returns the ARN of a function from that of one of its aliases: `arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS`.
fn unqualified(arn: &str) -> String {
    arn.splitn(8, ':').take(7).collect::<Vec<_>>().join(":")
}

/// Reads the URL of an alias; `None` if it has none.
pub(super) async fn get(aws: &Aws, function: &str, alias: &str) -> Result<Rc<Option<GetFunctionUrlConfigOutput>>> {
    aws.shared("lambda", &format!("url/{function}/{alias}"), || async {
        let get = || aws.lambda.get_function_url_config().function_name(function).qualifier(alias).send();
        aws.read("lambda:GetFunctionUrlConfig", get).await.optional()
    })
    .await
}
