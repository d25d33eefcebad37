//! Lambda: roles that are too young, functions that are busy, statements that get lost (B.1, B.2).

use super::{Before, Windows, iam::Roles, within};
use crate::{
    message::{Request, Response},
    operation::Operation,
    wire::Refusal,
};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Instant};

/// Variables that Lambda sets itself (B.2).
const RESERVED: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

#[derive(Debug, Default)]
pub(crate) struct Functions(HashMap<String, Function>);

#[derive(Debug, Default)]
struct Function {
    made: Option<Instant>,
    updated: Option<Instant>,
}

impl Functions {
    pub(super) fn before(
        &self,
        roles: &Roles,
        windows: &Windows,
        operation: &Operation,
        request: &Request,
        overlaps: bool,
        now: Instant,
    ) -> Before {
        if overlaps && operation.name == "AddPermission" {
            // B.2: of parallel writes to one policy, some are lost without a word.
            let body = request.json();
            let statement = json!({ "Sid": body["StatementId"], "Effect": "Allow", "Action": body["Action"] });
            return Before::Answer(
                Response::new(201, "application/json", json!({ "Statement": statement.to_string() }).to_string()),
                "lost",
            );
        }
        let body = request.json();
        if matches!(operation.name.as_str(), "CreateFunction" | "UpdateFunctionConfiguration") {
            let variables = body["Environment"]["Variables"].as_object();
            let reserved: Vec<&str> =
                variables.into_iter().flat_map(|map| map.keys()).map(String::as_str).filter(|name| RESERVED.contains(name)).collect();
            if !reserved.is_empty() {
                let text = "Lambda was unable to configure your environment variables because the environment variables you have provided \
                            contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ";
                return Before::Refuse(Refusal::new(400, "InvalidParameterValueException", format!("{text}{}", reserved.join(", "))));
            }
        }
        self.busy(windows, operation, request, now)
            .or_else(|| {
                // B.1.
                let usable = body["Role"].as_str().is_none_or(|role| roles.is_usable(role, windows, now));
                let text = "The role defined for the function cannot be assumed by Lambda.";
                (!usable).then(|| Refusal::new(400, "InvalidParameterValueException", text))
            })
            .into()
    }

    /// B.2: what a busy function does not take. Permissions and aliases are taken.
    fn busy(&self, windows: &Windows, operation: &Operation, request: &Request, now: Instant) -> Option<Refusal> {
        let refused = ["UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion", "DeleteFunction"];
        if !refused.contains(&operation.name.as_str()) {
            return None;
        }
        let name = name(request)?;
        let function = self.0.get(&name)?;
        let text = if within(function.made, windows.function_pending, now) {
            "The function is currently in the following state: Pending".to_owned()
        } else if within(function.updated, windows.function_updating, now) {
            format!("An update is in progress for resource: arn:aws:lambda:us-east-1:000000000000:function:{name}")
        } else {
            return None;
        };
        Some(Refusal::new(409, "ResourceConflictException", format!("The operation cannot be performed at this time. {text}")))
    }

    pub(super) fn after(
        &mut self,
        windows: &Windows,
        operation: &Operation,
        request: &Request,
        response: &mut Response,
        now: Instant,
    ) -> &'static str {
        if !response.is_success() {
            return "";
        }
        let name = match operation.name.as_str() {
            "CreateFunction" => request.json()["FunctionName"].as_str().map(str::to_owned),
            _ => name(request),
        };
        let Some(name) = name else { return "" };
        match operation.name.as_str() {
            "CreateFunction" => drop(self.0.insert(name.clone(), Function { made: Some(now), updated: None })),
            "UpdateFunctionCode" | "UpdateFunctionConfiguration" => self.0.entry(name.clone()).or_default().updated = Some(now),
            "DeleteFunction" => drop(self.0.remove(&name)),
            // A version that the local AWS copies while its own half second runs can stay `Pending` for ever: the windows here decide.
            "GetFunction" | "GetFunctionConfiguration" | "PublishVersion" => {}
            _ => return "",
        }
        let Some(function) = self.0.get(&name) else { return "" };
        let mut body = response.json();
        let configuration = if operation.name == "GetFunction" { &mut body["Configuration"] } else { &mut body };
        if within(function.made, windows.function_pending, now) {
            configuration["State"] = json!("Pending");
            configuration["StateReasonCode"] = json!("Creating");
            configuration["StateReason"] = json!("The function is being created.");
        } else if within(function.updated, windows.function_updating, now) {
            configuration["State"] = json!("Active");
            configuration["LastUpdateStatus"] = json!("InProgress");
        } else {
            configuration["State"] = json!("Active");
            configuration["LastUpdateStatus"] = json!("Successful");
            if let Value::Object(map) = configuration {
                map.remove("StateReason");
                map.remove("StateReasonCode");
            }
            response.body = body.to_string().into_bytes();
            return "";
        }
        response.body = body.to_string().into_bytes();
        "busy"
    }
}

/// The function's name: the part of the path behind `functions`, which may be an ARN.
fn name(request: &Request) -> Option<String> {
    let segments = request.segments();
    let name = segments.iter().skip_while(|part| *part != "functions").nth(1)?;
    let parts: Vec<&str> = name.split(':').collect();
    Some(if parts.len() >= 7 { parts[6] } else { parts[0] }.to_owned())
}
