//! Permission to invoke an alias: for API Gateway, and for everybody at a public function URL.
//!
//! Statements have no identity but their Sid, and parallel writes to one function's policy lose statements without an error. A changed permission
//! is added under a new Sid before the old one is removed, so that no request in between is refused. Only Sids that begin with our mark are ours.
//! Any other statement admits an undeclared principal: it is a difference, shown with its Sid, and the next run removes it.

use super::{FUNCTIONS, Function};
use aws::{
    Aws, Optional, Policy, RequestLimit, Source, Target,
    facts::{Call, Identity, Kind, LIVE_ALIAS, Sweep, Task, Trail, Typical},
};
use aws_sdk_lambda::types::FunctionUrlAuthType;
use engine::{Changes, DeleteOutcome, Id, Observed, Orphan, ReadFrom, Ref, Resource, Result, WriteOutcome, hex::hex};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, rc::Rc};

const MARK: &str = "liveinsight-";
const PRINCIPAL: &str = "apigateway.amazonaws.com";

/// Sources that stand for the callers of a public function URL, each with the action that its statement allows. Lambda asks for both since October
/// 2025 (Lambda developer guide, "Control access to Lambda function URLs").
const AT_URL: [(&str, &str); 2] =
    [("everybody at the function URL", "lambda:InvokeFunctionUrl"), ("everybody through the function URL", "lambda:InvokeFunction")];

/// The permission to invoke one alias.
#[derive(Debug, Clone, Serialize)]
pub struct Permission {
    /// The function's name.
    pub function: Ref<String>,
    /// The alias's name.
    pub alias: Ref<String>,
    /// The methods that may invoke it, as `execute-api` ARNs, and the [callers of a public URL](Self::at_url).
    pub sources: Vec<Ref<String>>,
    /// Principals that the statements of others admit, by Sid; none is declared. The JSON leaves the field out where there is none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, String>,
}

/// Output of a permission that exists.
#[derive(Debug, Clone)]
pub struct PermissionOutput {
    /// The function's name.
    pub function: String,
    /// The alias's name.
    pub alias: String,
    /// The Sids of our statements.
    pub sids: Vec<String>,
    /// The Sids of the statements of others.
    pub others: Vec<String>,
}

const FACTS: Kind = Kind {
    name: Permission::KIND,
    trail: Trail { source: "lambda", is_global: false, operations: &["AddPermission", "RemovePermission"] },
    typical: Typical::of_calls,
    pace: Some("lambda"),
    request_limits: &[RequestLimit::new("lambda:GetPolicy", 15.0, 15.0, Source::Documented)],
    calls: &[
        Call::same("lambda:AddPermission", &FUNCTIONS, Task::UP),
        Call::same("lambda:GetPolicy", &FUNCTIONS, Task::LOOKING),
        Call::same("lambda:RemovePermission", &FUNCTIONS, Task::UP),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let logical = stack.logical();
        graph.sweep_parts(move |aws: &Aws| Box::pin(Permission::sweep(aws, LIVE_ALIAS, logical.clone())));
    }),
    quota: None,
    billable: None,
};

impl Resource for Permission {
    type Cloud = Aws;
    const KIND: &'static str = "lambda.permission";
    const FACTS: &'static Kind = &FACTS;
    const IS_PART: bool = true;
    type Output = PermissionOutput;

    fn name(&self) -> String {
        let is_arn = |source: &Ref<String>| source.get().map_or(true, |source| action_at_url(&source).is_none());
        if self.sources.is_empty() || self.sources.iter().any(is_arn) { PRINCIPAL.to_owned() } else { AT_URL[0].0.to_owned() }
    }

    fn identity(&self, target: &Target, _: Option<&PermissionOutput>) -> Identity {
        match (self.function.get(), self.alias.get()) {
            (Ok(function), Ok(alias)) => super::identity(target, function, Some(&alias)),
            _ => Identity::default(),
        }
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        read(aws, &self.function.get()?, &self.alias.get()?).await
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<PermissionOutput>> {
        let output = PermissionOutput { function: self.function.get()?, alias: self.alias.get()?, sids: Vec::new(), others: Vec::new() };
        Ok(WriteOutcome::Complete(self.write(aws, &output, &[]).await?))
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, _changes: &Changes) -> Result<WriteOutcome<PermissionOutput>> {
        let sources = observed.spec.sources.iter().map(Ref::get).collect::<Result<Vec<_>>>()?;
        // A source counts only under its own Sid: a statement under another one is removed.
        let right: Vec<String> =
            sources.into_iter().zip(&observed.output.sids).filter(|(of, at)| sid(of) == **at).map(|(of, _)| of).collect();
        Ok(WriteOutcome::Complete(self.write(aws, &observed.output, &right).await?))
    }

    async fn delete(&self, aws: &Aws, output: &PermissionOutput) -> Result<DeleteOutcome> {
        let _lock = aws.lock(&format!("function/{}", output.function)).await;
        for sid in output.sids.iter().chain(&output.others) {
            remove(aws, output, sid).await?;
        }
        Ok(DeleteOutcome::Deleted)
    }
}

impl Permission {
    /// Adds missing statements, then removes surplus ones.
    async fn write(&self, aws: &Aws, observed: &PermissionOutput, right: &[String]) -> Result<PermissionOutput> {
        let _lock = aws.lock(&format!("function/{}", observed.function)).await;
        let mut sids = Vec::new();
        for source in &self.sources {
            let source = source.get()?;
            let sid = sid(&source);
            if !right.contains(&source) {
                if observed.sids.contains(&sid) {
                    // The statement was changed by hand and kept its Sid, which cannot be added twice.
                    remove(aws, observed, &sid).await?;
                }
                aws.write("lambda:AddPermission", || {
                    let request =
                        aws.lambda.add_permission().function_name(&observed.function).qualifier(&observed.alias).statement_id(&sid);
                    match action_at_url(&source) {
                        None => request.action("lambda:InvokeFunction").principal(PRINCIPAL).source_arn(&source),
                        Some(action @ "lambda:InvokeFunction") => request.action(action).principal("*").invoked_via_function_url(true),
                        Some(action) => request.action(action).principal("*").function_url_auth_type(FunctionUrlAuthType::None),
                    }
                    .send()
                })
                .await?;
            }
            sids.push(sid);
        }
        for sid in observed.sids.iter().chain(&observed.others).filter(|sid| !sids.contains(sid)) {
            remove(aws, observed, sid).await?;
        }
        Ok(PermissionOutput { sids, others: Vec::new(), ..observed.clone() })
    }

    /// Returns the sources that stand for the callers of a public function URL.
    pub fn at_url() -> impl Iterator<Item = Ref<String>> {
        AT_URL.into_iter().map(|(source, _)| source.to_owned().into())
    }

    /// Finds the permissions that the aliases called `alias` of functions of ours could have.
    pub async fn sweep(aws: &Aws, alias: &str, logical: impl Fn(&str) -> Option<String>) -> Result<Vec<Orphan<Aws>>> {
        Function::orphans(aws, logical, |logical, function| {
            let (sources, others) = (Vec::new(), BTreeMap::new());
            let wish = Self { function: function.name.clone().into(), alias: alias.to_owned().into(), sources, others };
            let output = PermissionOutput { function: function.name, alias: alias.to_owned(), sids: Vec::new(), others: Vec::new() };
            Orphan::part(Id::new::<Function>(logical), logical, wish, output)
        })
        .await
    }
}

async fn remove(aws: &Aws, from: &PermissionOutput, sid: &str) -> Result<()> {
    aws.write("lambda:RemovePermission", || {
        aws.lambda.remove_permission().function_name(&from.function).qualifier(&from.alias).statement_id(sid).send()
    })
    .await
    .optional()?;
    Ok(())
}

async fn read(aws: &Aws, function: &str, alias: &str) -> Result<Option<Observed<Permission>>> {
    let policy: Rc<Option<Policy>> = aws
        .shared("lambda", &format!("policy/{function}/{alias}"), || async {
            let answer = aws
                .read("lambda:GetPolicy", || aws.lambda.get_policy().function_name(function).qualifier(alias).send())
                .await
                .optional()?;
            Ok(answer.and_then(|answer| answer.policy).map(|policy| Policy::parse(&policy)))
        })
        .await?;
    let Some(policy) = policy.as_ref() else { return Ok(None) };
    let mut ours: Vec<(String, String)> = policy
        .sids()
        .filter(|sid| sid.starts_with(MARK))
        .map(|sid| (source(policy.statement(sid).unwrap_or(&Value::Null)), sid.to_owned()))
        .collect();
    // A statement without a Sid cannot be named to Lambda, which gives every statement one.
    let of_others = policy.sids().filter(|sid| !sid.starts_with(MARK) && !sid.starts_with('#'));
    let others: BTreeMap<String, String> =
        of_others.map(|sid| (sid.to_owned(), principal(policy.statement(sid).unwrap_or(&Value::Null)))).collect();
    if ours.is_empty() && others.is_empty() {
        return Ok(None);
    }
    ours.sort();
    let (sources, sids): (Vec<String>, Vec<String>) = ours.into_iter().unzip();
    let spec = Permission {
        function: function.to_owned().into(),
        alias: alias.to_owned().into(),
        sources: sources.into_iter().map(Ref::from).collect(),
        others: others.clone(),
    };
    let others = others.into_keys().collect();
    Ok(Some(Observed::part(spec, PermissionOutput { function: function.to_owned(), alias: alias.to_owned(), sids, others })))
}

/// Returns the action that a statement of others allows, and its principals: `lambda:InvokeFunction by everybody`.
pub(super) fn principal(statement: &Value) -> String {
    let texts = |value: &Value| {
        let mut texts: Vec<&str> = match value {
            Value::String(text) => vec![text],
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            Value::Object(by_type) => {
                by_type.values().flat_map(|list| list.as_array().into_iter().flatten()).filter_map(Value::as_str).collect()
            }
            _ => Vec::new(),
        };
        texts.sort_unstable();
        texts.join(", ")
    };
    let by = texts(&statement["Principal"]);
    let by = if by == "*" { "everybody" } else { by.as_str() };
    format!("{} by {by}", texts(&statement["Action"]))
}

/// Returns the action that the callers of a public URL need, if the source stands for them.
fn action_at_url(source: &str) -> Option<&'static str> {
    AT_URL.into_iter().find(|(name, _)| *name == source).map(|(_, action)| action)
}

/// Returns the callers that a statement admits: the source if it is exactly one of ours, else the whole statement, which no declaration equals.
fn source(statement: &Value) -> String {
    let at_url = |action: &str| {
        let condition = if action == "lambda:InvokeFunction" {
            json!({ "Bool": { "lambda:invokedviafunctionurl": ["true"] } })
        } else {
            json!({ "StringEquals": { "lambda:functionurlauthtype": ["NONE"] } })
        };
        let is_everybody = statement["Principal"] == "*" || statement["Principal"] == json!({ "AWS": ["*"] });
        is_everybody && statement["Effect"] == "Allow" && statement["Action"] == json!([action]) && statement["Condition"] == condition
    };
    if let Some((name, _)) = AT_URL.into_iter().find(|(_, action)| at_url(action)) {
        return name.to_owned();
    }
    let arn = statement["Condition"]["ArnLike"]["aws:sourcearn"][0].as_str();
    // Whole parts are compared: a second source, principal or condition makes it another statement.
    let ours = statement["Effect"] == "Allow"
        && statement["Principal"] == json!({ "Service": [PRINCIPAL] })
        && statement["Action"] == json!(["lambda:InvokeFunction"])
        && statement["Condition"] == json!({ "ArnLike": { "aws:sourcearn": [arn] } });
    match arn {
        Some(arn) if ours => arn.to_owned(),
        _ => statement.to_string(),
    }
}

fn sid(source: &str) -> String {
    format!("{MARK}{}", hex(&Sha256::digest(source)[..8]))
}
