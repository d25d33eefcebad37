//! Lambda: roles that are too young, functions that are busy or failed, and statements that get lost.

use super::{Before, Windows, iam::Roles, within};
use crate::{
    message::{Request, Response},
    operation::Operation,
    rules,
    wire::Refusal,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

/// Variables that Lambda sets itself (Lambda Developer Guide, "Defined runtime environment variables").
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
pub(crate) struct Functions {
    known: HashMap<String, Function>,
    /// Bytes of statements in the policies, by function, alias and Sid.
    statements: BTreeMap<(String, String, String), usize>,
    /// Set if Lambda gives up on functions that are created or updated from now on.
    pub(super) fail: bool,
}

#[derive(Debug, Default)]
struct Function {
    made: Option<Instant>,
    updated: Option<Instant>,
    /// Failure of the creation, and of the last update.
    failed: (bool, bool),
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
            // Parallel writes to one policy lose some of them without an error.
            let body = request.json();
            let statement = json!({ "Sid": body["StatementId"], "Effect": "Allow", "Action": body["Action"] });
            return Before::Answer(
                Response::new(201, "application/json", json!({ "Statement": statement.to_string() }).to_string()),
                "lost",
            );
        }
        let body = request.json();
        if let Some((function, alias, statement)) = added(operation, request) {
            let of_policy = self.statements.iter().filter(|((name, of, _), _)| *name == function && *of == alias);
            // Commas stand between the statements, and the policy's other keys around them.
            let size = of_policy.map(|(_, bytes)| bytes + 1).sum::<usize>() + statement.to_string().len() + 54;
            if size > 20_480 {
                return Before::Refuse(rules::POLICY_TOO_LARGE.refuse(&[&size.to_string()]));
            }
        }
        if matches!(operation.name.as_str(), "CreateFunction" | "UpdateFunctionConfiguration") {
            let variables = body["Environment"]["Variables"].as_object();
            let reserved: Vec<&str> =
                variables.into_iter().flat_map(|map| map.keys()).map(String::as_str).filter(|name| RESERVED.contains(name)).collect();
            if !reserved.is_empty() {
                return Before::Refuse(rules::VARIABLE_RESERVED.refuse(&[&reserved.join(", ")]));
            }
            if let Some(refusal) = layers(request, &body) {
                return Before::Refuse(refusal);
            }
        }
        if operation.name == "PutFunctionConcurrency" {
            return concurrency(request, &body).into();
        }
        self.busy(windows, operation, request, now)
            .or_else(|| {
                let usable = body["Role"].as_str().is_none_or(|role| roles.is_usable(role, windows, now));
                (!usable).then(|| rules::ROLE_YOUNG.refuse(&[]))
            })
            .into()
    }

    /// Refuses operations that a busy function does not accept. It accepts permissions and aliases.
    fn busy(&self, windows: &Windows, operation: &Operation, request: &Request, now: Instant) -> Option<Refusal> {
        let refused = ["UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion", "DeleteFunction"];
        if !refused.contains(&operation.name.as_str()) {
            return None;
        }
        let name = name(request)?;
        let function = self.known.get(&name)?;
        if within(function.made, windows.function_pending, now) {
            return Some(rules::FUNCTION_PENDING.refuse(&[]));
        }
        within(function.updated, windows.function_updating, now).then(|| rules::FUNCTION_UPDATING.refuse(&[&arn(request, &name)]))
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
            "CreateFunction" => {
                self.known.insert(name.clone(), Function { made: Some(now), updated: None, failed: (self.fail, false) });
            }
            "UpdateFunctionCode" | "UpdateFunctionConfiguration" => {
                let function = self.known.entry(name.clone()).or_default();
                function.updated = Some(now);
                function.failed = (function.failed.0 && self.fail, self.fail);
            }
            "DeleteFunction" => {
                self.known.remove(&name);
                self.statements.retain(|(function, ..), _| *function != name);
            }
            "AddPermission" | "RemovePermission" => self.permission(operation, request),
            // A version that the local AWS copies within its own half second can stay `Pending` for ever. The windows here decide.
            "GetFunction" | "GetFunctionConfiguration" | "PublishVersion" => {}
            _ => return "",
        }
        let Some(function) = self.known.get(&name) else { return "" };
        let mut body = response.json();
        let configuration = if operation.name == "GetFunction" { &mut body["Configuration"] } else { &mut body };
        if within(function.made, windows.function_pending, now) {
            configuration["State"] = json!("Pending");
            configuration["StateReasonCode"] = json!("Creating");
            configuration["StateReason"] = json!("The function is being created.");
        } else if within(function.updated, windows.function_updating, now) {
            configuration["State"] = json!("Active");
            configuration["LastUpdateStatus"] = json!("InProgress");
            configuration["LastUpdateStatusReasonCode"] = json!("Creating");
            configuration["LastUpdateStatusReason"] = json!("The function is being created.");
        } else if function.failed.0 {
            configuration["State"] = json!("Failed");
            configuration["StateReasonCode"] = json!(REASON.0);
            configuration["StateReason"] = json!(REASON.1);
            response.body = body.to_string().into_bytes();
            return "failed";
        } else if function.failed.1 {
            configuration["State"] = json!("Active");
            configuration["LastUpdateStatus"] = json!("Failed");
            configuration["LastUpdateStatusReasonCode"] = json!(REASON.0);
            configuration["LastUpdateStatusReason"] = json!(REASON.1);
            response.body = body.to_string().into_bytes();
            return "failed";
        } else {
            configuration["State"] = json!("Active");
            configuration["LastUpdateStatus"] = json!("Successful");
            if let Value::Object(map) = configuration {
                map.remove("StateReason");
                map.remove("StateReasonCode");
                map.remove("LastUpdateStatusReason");
                map.remove("LastUpdateStatusReasonCode");
            }
            response.body = body.to_string().into_bytes();
            return "";
        }
        response.body = body.to_string().into_bytes();
        "busy"
    }

    /// Notes a statement that was added or removed.
    fn permission(&mut self, operation: &Operation, request: &Request) {
        if let Some((function, alias, statement)) = added(operation, request) {
            let sid = statement["Sid"].as_str().unwrap_or_default().to_owned();
            self.statements.insert((function, alias, sid), statement.to_string().len());
        } else if let (Some(function), Some(sid)) = (name(request), request.segments().get(4)) {
            let alias = request.query("Qualifier").unwrap_or_default();
            self.statements.remove(&(function, alias, sid.clone()));
        }
    }
}

/// Returns function, alias and new statement of an `AddPermission`.
fn added(operation: &Operation, request: &Request) -> Option<(String, String, Value)> {
    if operation.name != "AddPermission" {
        return None;
    }
    let (body, alias) = (request.json(), request.query("Qualifier").unwrap_or_default());
    let name = name(request)?;
    let statement = json!({
        "Sid": body["StatementId"],
        "Effect": "Allow",
        "Principal": { "Service": body["Principal"] },
        "Action": body["Action"],
        "Resource": format!("arn:aws:lambda:us-east-1:000000000000:function:{name}:{alias}"),
        "Condition": { "ArnLike": { "AWS:SourceArn": body["SourceArn"] } },
    });
    Some((name, alias, statement))
}

/// Refuses layers that cannot be attached to one function.
fn layers(request: &Request, body: &Value) -> Option<Refusal> {
    let layers: Vec<&str> = body["Layers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if layers.len() > 5 {
        return Some(rules::TOO_MANY_LAYERS.refuse(&[]));
    }
    let (_, region) = signed_for(request);
    if layers.iter().any(|layer| layer.split(':').nth(3) != Some(region)) {
        return Some(rules::LAYER_ELSEWHERE.refuse(&[region]));
    }
    let name = |layer: &str| layer.rsplit_once(':').map(|(name, _)| name.to_owned());
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let twice = |layer| Some((seen.insert(name(layer)?, layer)?, layer));
    layers.into_iter().find_map(twice).map(|(one, other)| rules::SAME_LAYER_TWICE.refuse(&[one, other]))
}

/// Refuses a concurrency that cannot be reserved for a function, in an account with the initial quota. Shares of other functions are not counted.
fn concurrency(request: &Request, body: &Value) -> Option<Refusal> {
    let is_qualified = request.segments().iter().any(|part| part.matches(':').count() == 1 || part.matches(':').count() == 7);
    if is_qualified {
        return Some(rules::CONCURRENCY_OF_A_VERSION.refuse(&[]));
    }
    (body["ReservedConcurrentExecutions"].as_i64() > Some(900)).then(|| rules::CONCURRENCY_TOO_HIGH.refuse(&[]))
}

/// Reason for giving up, as code and message. The code is one of the API model's; the message is assumed.
const REASON: (&str, &str) = ("KMSKeyNotFound", "Lambda was unable to use the KMS key of the function.");

/// Returns the function's ARN, in the account and region that the request is signed for.
fn arn(request: &Request, name: &str) -> String {
    let (account, region) = signed_for(request);
    format!("arn:aws:lambda:{region}:{account}:function:{name}")
}

/// Returns the account and the region of a request's signature.
fn signed_for(request: &Request) -> (&str, &str) {
    let scope = request.header("authorization").and_then(|header| header.split("Credential=").nth(1)).unwrap_or_default();
    let mut scope = scope.split('/');
    let account = scope.next().filter(|key| key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit()));
    (account.unwrap_or("000000000000"), scope.nth(1).unwrap_or("us-east-1"))
}

/// Returns the function's name: the path segment after `functions`, which may be an ARN.
fn name(request: &Request) -> Option<String> {
    let segments = request.segments();
    let name = segments.iter().skip_while(|part| *part != "functions").nth(1)?;
    let parts: Vec<&str> = name.split(':').collect();
    Some(if parts.len() >= 7 { parts[6] } else { parts[0] }.to_owned())
}
