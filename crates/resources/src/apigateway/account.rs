//! Role with which API Gateway writes logs: set once per account and region, shared by all APIs there, and never removed.
//!
//! The role is a prerequisite, not a resource of a stack: it carries no stack's tag, and no `down` removes it.

use super::{common::replace, scope};
use crate::iam::ROLES;
use aws::{
    Aws, Optional, Policy, Target,
    facts::{Call, Scope, Task},
};
use aws_sdk_iam::types::Tag;
use engine::{Error, Result};
use serde_json::json;
use std::time::Duration;

/// Name of the role that is created where none is set. IAM is global: all regions share the role.
const ROLE: &str = "liveinsight-apigateway-logs";
const POLICY: &str = "write-logs";
/// Time that IAM may take to propagate a new role, if nothing shows that it has done so. `UpdateAccount` is allowed once in 20 s ("Amazon API
/// Gateway quotas"), so a call that comes too early and is refused costs more than waiting. The limit is documented; the 10 s are assumed, from
/// reports of 2 to 30 s.
const UNKNOWN: Duration = Duration::from_secs(10);
/// The permissions of AWS's own `AmazonAPIGatewayPushToCloudWatchLogs`; API Gateway refuses a role with fewer.
pub const LOGGING_ACTIONS: [&str; 7] = [
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:PutLogEvents",
];
/// Path outside those of the stacks, so that no stack's sweep finds the role.
const PATH: &str = "/liveinsight/";
/// Tag that proves that a role of this name was created here.
const MARK: (&str, &str) = ("ManagedBy", "liveinsight");

/// The role with which API Gateway writes logs.
const LOGGING_ROLE: Scope = Scope::of("LoggingRole", |target, _, _| vec![arn(target)]).guarded(ROLES.guard);
/// Scope of the logging role for `iam:PassRole` to API Gateway.
const LOGGING_ROLE_FOR_API: Scope = Scope::of("LoggingRoleForApi", |target, _, _| vec![arn(target)]).passed_to("apigateway.amazonaws.com");

/// Calls about the account's setting and the role.
pub(crate) const CALLS: &[Call] = &[
    Call::takes("apigateway:GetAccount", &[("apigateway:GET", &scope::ACCOUNT)], &[Task::Up, Task::Doctor]),
    Call::takes("apigateway:UpdateAccount", &[("apigateway:PATCH", &scope::ACCOUNT), ("iam:PassRole", &LOGGING_ROLE_FOR_API)], Task::UP),
    Call::takes("iam:CreateRole", &[("iam:CreateRole", &LOGGING_ROLE), ("iam:TagRole", &LOGGING_ROLE)], Task::UP),
    Call::same("iam:GetRole", &LOGGING_ROLE, Task::UP),
    Call::same("iam:PutRolePermissionsBoundary", &LOGGING_ROLE, Task::UP),
    Call::same("iam:PutRolePolicy", &LOGGING_ROLE, Task::UP),
];

fn arn(target: &Target) -> String {
    target.global_arn("iam", &format!("role{}", logging_role_path()))
}

/// Returns path and name of the role that is created where none is set: `/liveinsight/liveinsight-apigateway-logs`.
pub fn logging_role_path() -> String {
    format!("{PATH}{ROLE}")
}

/// Returns the commands that remove the setting of a region, and the role if the program created it. `UpdateAccount` takes an empty value for none
/// (source code: Terraform's `aws_api_gateway_account`).
pub fn logging_role_removal(region: &str) -> String {
    let setting = format!("aws apigateway update-account --patch-operations op=replace,path=/cloudwatchRoleArn,value= --region {region}");
    let policy = format!("aws iam delete-role-policy --role-name {ROLE} --policy-name {POLICY}");
    format!("{setting} && {policy} && aws iam delete-role --role-name {ROLE}")
}

/// Returns the ARN of the role that is set, if any.
pub async fn logging_role(aws: &Aws) -> Result<Option<String>> {
    let role = aws
        .shared("apigateway", "account", || async {
            let account = aws.read("apigateway:GetAccount", || aws.apigateway.get_account().send()).await?;
            Ok(account.cloudwatch_role_arn().filter(|role| !role.is_empty()).map(str::to_owned))
        })
        .await?;
    Ok((*role).clone())
}

/// Ensures that a role is set, and creates one if none is. API Gateway tries the role out, so a new one gives [`Error::NotYet`] until IAM has
/// propagated it. `boundary` is the ARN of the policy that bounds a new role's permissions.
pub async fn ensure_logging_role(aws: &Aws, boundary: Option<&str>) -> Result<()> {
    let _lock = aws.lock("apigateway/account").await;
    let Some((role, age)) = role_to_set(aws, boundary).await? else { return Ok(()) };
    // Another role of this run took that long; propagation times of roles differ.
    let until_known = aws.until_roles_are_known().map_or(UNKNOWN, |other| UNKNOWN.min(other * 5 / 4));
    if age.is_some_and(|age| age < until_known) && aws.target.limits {
        return Err(Error::not_yet("IAM to make the logging role known to API Gateway"));
    }
    aws.write("apigateway:UpdateAccount", || aws.apigateway.update_account().patch_operations(replace("/cloudwatchRoleArn", &role)).send())
        .await?;
    aws.note_has_logging_role();
    Ok(())
}

/// Creates the role early if none is set: IAM takes longer to propagate it than all earlier calls about the API take together. An error here is
/// dropped; the stage's own write meets and reports it.
pub(super) async fn prepare_logging_role(aws: &Aws, boundary: Option<&str>) {
    let _lock = aws.lock("apigateway/account").await;
    let _ = role_to_set(aws, boundary).await;
}

/// Returns the ARN of the role to set, created if need be, with its age if this run created it; `None` if a role is already set.
async fn role_to_set(aws: &Aws, boundary: Option<&str>) -> Result<Option<(String, Option<Duration>)>> {
    if aws.has_logging_role() {
        return Ok(None);
    }
    if let Some((role, age)) = aws.new_logging_role() {
        return Ok(Some((role, Some(age))));
    }
    if logging_role(aws).await?.is_some() {
        aws.note_has_logging_role();
        return Ok(None);
    }
    make_role(aws, boundary).await.map(Some)
}

/// Creates the role if it is missing; returns its ARN, and its age if this call created it.
async fn make_role(aws: &Aws, boundary: Option<&str>) -> Result<(String, Option<Duration>)> {
    let trust = Policy::default().with(
        "ApiGateway",
        json!({ "Effect": "Allow", "Principal": { "Service": "apigateway.amazonaws.com" }, "Action": "sts:AssumeRole" }),
    );
    let mark = Tag::builder().key(MARK.0).value(MARK.1).build().map_err(|error| Error::refused("iam:CreateRole", error.to_string()))?;
    let made = aws
        .write("iam:CreateRole", || {
            let request = aws.iam.create_role().role_name(ROLE).path(PATH).tags(mark.clone());
            let request = request.description("Lets API Gateway write logs").set_permissions_boundary(boundary.map(str::to_owned));
            request.assume_role_policy_document(trust.document()).send()
        })
        .await;
    let (arn, is_new) = match made {
        Ok(answer) => (answer.role().map(|role| role.arn().to_owned()).unwrap_or_default(), true),
        Err(Error::Exists(_)) => (existing_role(aws, boundary).await?, false),
        Err(error) => return Err(error),
    };
    let policy = Policy::default().with("WriteLogs", json!({ "Effect": "Allow", "Action": LOGGING_ACTIONS, "Resource": "*" }));
    aws.write("iam:PutRolePolicy", || {
        aws.iam.put_role_policy().role_name(ROLE).policy_name(POLICY).policy_document(policy.document()).send()
    })
    .await?;
    if is_new {
        aws.note_logging_role(&arn);
    }
    Ok((arn, is_new.then_some(Duration::ZERO)))
}

/// Returns the role that an earlier attempt or another region's run created; a role without our mark is left alone. The role gets the declared
/// boundary: a deployer bound by that boundary may not write the role's policy without it. An existing boundary stays where none is declared.
async fn existing_role(aws: &Aws, boundary: Option<&str>) -> Result<String> {
    let unseen = || Error::not_yet("IAM to make the logging role known (usually a few seconds)");
    let answer = aws.read("iam:GetRole", || aws.iam.get_role().role_name(ROLE).send()).await.optional()?.ok_or_else(unseen)?;
    let role = answer.role().filter(|role| role.tags().iter().any(|tag| (tag.key(), tag.value()) == MARK));
    let role = role.ok_or_else(|| {
        Error::refused(
            "iam:CreateRole",
            format!(
                "a role named {ROLE} exists without the tag {}={}; set a CloudWatch log role in API Gateway's settings",
                MARK.0, MARK.1
            ),
        )
    })?;
    let bound_by = role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
    if let Some(boundary) = boundary.filter(|boundary| bound_by != Some(boundary)) {
        aws.write("iam:PutRolePermissionsBoundary", || {
            aws.iam.put_role_permissions_boundary().role_name(ROLE).permissions_boundary(boundary).send()
        })
        .await?;
    }
    Ok(role.arn().to_owned())
}
