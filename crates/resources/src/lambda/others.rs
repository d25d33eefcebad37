//! Additions by others to a function, beside the serving alias: URLs, and permissions to call `$LATEST` or a published version.
//!
//! Requests come through an [alias](crate::Alias), so none of these is declared but the alias's own [URL](crate::FunctionUrl). A function URL admits the callers that its own setting allows,
//! past the API and its limits. A URL of an alias is listed with those of the function. Each version has a policy of its own, and nothing lists
//! them together.

use super::{function::published_versions, permission::principal};
use aws::{Aws, Optional, Policy};
use engine::{Error, Result};
use futures::future::{FutureExt, try_join_all};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The qualifier of a function without one.
const LATEST: &str = "$LATEST";

/// Additions by others to a function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FunctionOthers {
    /// URLs by the alias that they call, or `$LATEST`, each with the callers that it admits (`NONE` is everybody).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub urls: BTreeMap<String, String>,
    /// Statements on the function itself, by Sid: the allowed action and its principal.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub statements: BTreeMap<String, String>,
    /// Statements on published versions, by version and Sid.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, BTreeMap<String, String>>,
}

impl FunctionOthers {
    pub(super) fn is_empty(&self) -> bool {
        self.urls.is_empty() && self.statements.is_empty() && self.versions.is_empty()
    }

    /// Reads the additions: three calls, and one for each published version. The URL of the alias `own` is none of them.
    pub async fn on(aws: &Aws, function: &str, own: Option<&str>) -> Result<Self> {
        let read = || async {
            let all = futures::join!(urls(aws, function), statements(aws, function, None), of_versions(aws, function));
            Ok(Self { urls: all.0?, statements: all.1?, versions: all.2? })
        };
        let mut others = (*aws.shared("lambda", &format!("others/{function}"), read).await?).clone();
        others.urls.retain(|qualifier, _| Some(qualifier.as_str()) != own);
        Ok(others)
    }

    /// Removes the additions from a function of ours.
    pub(super) async fn remove(&self, aws: &Aws, function: &str) -> Result<()> {
        for qualifier in self.urls.keys() {
            let qualifier = Some(qualifier.clone()).filter(|qualifier| qualifier != LATEST);
            let delete = || aws.lambda.delete_function_url_config().function_name(function).set_qualifier(qualifier.clone()).send();
            aws.write("lambda:DeleteFunctionUrlConfig", delete).await.optional()?;
        }
        // Parallel writes to one policy lose statements without an error.
        let _lock = aws.lock(&format!("function/{function}")).await;
        let of_function = self.statements.keys().map(|sid| (None, sid));
        let of_versions = self.versions.iter().flat_map(|(version, sids)| sids.keys().map(move |sid| (Some(version.clone()), sid)));
        for (version, sid) in of_function.chain(of_versions) {
            let remove = aws.lambda.remove_permission().function_name(function).statement_id(sid).set_qualifier(version);
            aws.write("lambda:RemovePermission", || remove.clone().send()).await.optional()?;
        }
        Ok(())
    }
}

async fn urls(aws: &Aws, function: &str) -> Result<BTreeMap<String, String>> {
    let mut urls = BTreeMap::new();
    let send = |marker| aws.lambda.list_function_url_configs().function_name(function).set_marker(marker).send();
    let listed = aws.pages("lambda:ListFunctionUrlConfigs", send, |page| {
        urls.extend(page.function_url_configs.into_iter().map(|url| {
            // arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS
            let qualifier = url.function_arn.split(':').nth(7).unwrap_or(LATEST).to_owned();
            (qualifier, format!("{} for {}", url.function_url, url.auth_type.as_str()))
        }));
        Ok(page.next_marker)
    });
    listed.await.optional()?;
    Ok(urls)
}

/// Returns the statements on published versions, as far as there are any.
async fn of_versions(aws: &Aws, function: &str) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
    let versions = published_versions(aws, function).await.optional()?.unwrap_or_default();
    let read = async |version: &String| Ok::<_, Error>((version.clone(), statements(aws, function, Some(version)).await?));
    let all = try_join_all(versions.keys().map(|version| read(version).boxed_local())).await?;
    Ok(all.into_iter().filter(|(_, statements)| !statements.is_empty()).collect())
}

/// Returns the statements on a version, or without one on the function itself.
async fn statements(aws: &Aws, function: &str, version: Option<&str>) -> Result<BTreeMap<String, String>> {
    let request = aws.lambda.get_policy().function_name(function).set_qualifier(version.map(str::to_owned));
    let answer = aws.read("lambda:GetPolicy", || request.clone().send()).await.optional()?;
    let policy = answer.and_then(|answer| answer.policy).map(|policy| Policy::parse(&policy)).unwrap_or_default();
    // A statement without a Sid cannot be named to Lambda, which gives every statement one. The local AWS lists those of aliases as well.
    let named = policy.sids().filter(|sid| !sid.starts_with('#')).filter_map(|sid| Some((sid, policy.statement(sid)?)));
    let asked = named.filter(|(_, statement)| version.is_some() || !is_of_alias(statement));
    Ok(asked.map(|(sid, statement)| (sid.to_owned(), principal(statement))).collect())
}

/// Tests whether a statement is about an alias or a version: their ARNs have a part more than the function's.
fn is_of_alias(statement: &Value) -> bool {
    statement["Resource"][0].as_str().is_some_and(|arn| arn.split(':').count() > 7)
}
