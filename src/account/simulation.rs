//! Checks with IAM's policy simulation that policies allow what a command needs.
//!
//! The simulation covers the principal's policies, its permissions boundary and the organisation's policies. It leaves out
//! policies that services evaluate themselves, such as a bucket's or a session's. One request checks each of its actions on
//! each of its resources. So one request per statement is the fewest that check no unnecessary pairs.

use crate::{aws::Aws, engine::Result};
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};
use futures::future::try_join_all;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Action that the policies deny, with its resources.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denied {
    /// Action as IAM spells it, such as `lambda:CreateFunction`.
    pub action: String,
    /// ARNs on which the action is denied, as the policy would name them.
    pub on: BTreeSet<String>,
}

/// Result of a simulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// Number of checked pairs of action and resource.
    pub checked: usize,
    /// Actions that are denied on at least one resource.
    pub denied: Vec<Denied>,
}

/// Checks the statements of [`policy::statements`](crate::policy::statements) for the principal with this ARN.
pub async fn simulate(aws: &Aws, principal: &str, statements: &[Value]) -> Result<Simulated> {
    let results = try_join_all(statements.iter().map(|statement| one(aws, principal, statement))).await?;
    let mut denied: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut checked = 0;
    for (statement, results) in statements.iter().zip(results) {
        checked += texts(&statement["Action"]).len() * texts(&statement["Resource"]).len();
        for result in results {
            let on = refused(&result);
            if !on.is_empty() {
                denied.entry(result.eval_action_name).or_default().extend(on);
            }
        }
    }
    Ok(Simulated { checked, denied: denied.into_iter().map(|(action, on)| Denied { action, on }).collect() })
}

/// Simulates one statement and reads all pages of the answer.
async fn one(aws: &Aws, principal: &str, statement: &Value) -> Result<Vec<EvaluationResult>> {
    let (actions, resources, context) = (texts(&statement["Action"]), texts(&statement["Resource"]), context(statement));
    let mut results = Vec::new();
    let send = |marker| {
        let request = aws.iam.simulate_principal_policy().policy_source_arn(principal).set_marker(marker);
        let request = request.set_action_names(Some(actions.clone())).set_resource_arns(Some(resources.clone()));
        request.set_context_entries(Some(context.clone())).send()
    };
    aws.pages("iam:SimulatePrincipalPolicy", send, |page| {
        results.extend(page.evaluation_results.unwrap_or_default());
        Ok(page.marker.filter(|_| page.is_truncated))
    })
    .await?;
    Ok(results)
}

/// Builds the condition keys that the real request will carry.
fn context(statement: &Value) -> Vec<ContextEntry> {
    let conditions = statement["Condition"].as_object().into_iter().flatten();
    let equals = conditions.filter_map(|(_, keys)| keys.as_object()).flatten();
    let entry = |(key, value): (&String, &Value)| {
        let entry = ContextEntry::builder().context_key_name(key).context_key_type(ContextKeyTypeEnum::String);
        entry.context_key_values(value.as_str().unwrap_or_default()).build()
    };
    equals.map(entry).collect()
}

/// Returns the resources on which an action is denied.
fn refused(result: &EvaluationResult) -> BTreeSet<String> {
    let is_denied = |decision: &PolicyEvaluationDecisionType| *decision != PolicyEvaluationDecisionType::Allowed;
    let each = result.resource_specific_results();
    if each.is_empty() {
        let whole = is_denied(&result.eval_decision).then(|| result.eval_resource_name.clone().unwrap_or_else(|| "*".to_owned()));
        return whole.into_iter().collect();
    }
    each.iter().filter(|one| is_denied(&one.eval_resource_decision)).map(|one| one.eval_resource_name.clone()).collect()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{context, refused};
    use aws_sdk_iam::types::{EvaluationResult, PolicyEvaluationDecisionType, ResourceSpecificResult};
    use serde_json::json;

    fn result(decision: PolicyEvaluationDecisionType, each: &[(&str, PolicyEvaluationDecisionType)]) -> EvaluationResult {
        let one = |(arn, decision): &(&str, PolicyEvaluationDecisionType)| {
            ResourceSpecificResult::builder().eval_resource_name(*arn).eval_resource_decision(decision.clone()).build().unwrap()
        };
        let result = EvaluationResult::builder().eval_action_name("lambda:GetAlias").eval_resource_name("a").eval_decision(decision);
        result.set_resource_specific_results(Some(each.iter().map(one).collect())).build().unwrap()
    }

    #[test]
    fn what_is_denied_is_told_by_resource() {
        use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
        let on = |result| refused(&result).into_iter().collect::<Vec<_>>();
        assert!(on(result(Allowed, &[])).is_empty());
        assert_eq!(on(result(ImplicitDeny, &[])), ["a"]);
        assert_eq!(on(result(ImplicitDeny, &[("a", Allowed), ("b", ExplicitDeny)])), ["b"]);
    }

    #[test]
    fn a_condition_is_met_as_the_request_will_meet_it() {
        let statement = json!({ "Condition": { "StringEquals": { "iam:PassedToService": "lambda.amazonaws.com" } } });
        let entries = context(&statement);
        assert_eq!(entries[0].context_key_name(), Some("iam:PassedToService"));
        assert_eq!(entries[0].context_key_values(), ["lambda.amazonaws.com"]);
        let statement = json!({ "Condition": { "StringEqualsIfExists": { "aws:ResourceTag/liveinsight:stack": "shop/dev" } } });
        assert_eq!(context(&statement)[0].context_key_values(), ["shop/dev"]);
        assert!(context(&json!({})).is_empty());
    }
}
