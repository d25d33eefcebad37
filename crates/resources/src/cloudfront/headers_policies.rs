//! List of an account's response headers policies, and how the stack's own one is known among them.

use aws::{Aws, STACK};
use aws_sdk_cloudfront::types::{ResponseHeadersPolicyConfig, ResponseHeadersPolicyType};
use engine::{Owner, Result};
use std::rc::Rc;

/// Key of the distribution's tag with the name of the stack's policy, which lasts as long as the policy.
pub const HEADERS_TAG: &str = "liveinsight:headers-policy";

/// Entry of the list that `ListResponseHeadersPolicies` returns.
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) config: ResponseHeadersPolicyConfig,
}

/// Lists the account's own policies, without those that AWS manages.
pub(super) async fn list(aws: &Aws) -> Result<Rc<Vec<Listed>>> {
    aws.shared("cloudfront", "response headers policies", || async {
        let mut all = Vec::new();
        let custom = ResponseHeadersPolicyType::Custom;
        let send = |marker| aws.cloudfront.list_response_headers_policies().r#type(custom.clone()).set_marker(marker).send();
        aws.pages("cloudfront:ListResponseHeadersPolicies", send, |page| {
            let Some(page) = page.response_headers_policy_list else { return Ok(None) };
            let policies = page.items.into_iter().flatten().filter(|item| item.r#type == custom);
            let policies = policies.filter_map(|item| item.response_headers_policy);
            all.extend(policies.filter_map(|policy| Some(Listed { id: policy.id, config: policy.response_headers_policy_config? })));
            Ok(page.next_marker)
        })
        .await?;
        Ok(all)
    })
    .await
}

/// Tests whether this stack has a policy of this name.
pub(super) async fn exists(aws: &Aws, name: &str) -> Result<bool> {
    let is_ours = |listed: &Listed| owner(aws, listed.config.comment.as_deref().unwrap_or_default()) == Owner::Us;
    Ok(list(aws).await?.iter().any(|listed| listed.config.name == name && is_ours(listed)))
}

/// Returns the owner that a comment names.
pub(super) fn owner(aws: &Aws, comment: &str) -> Owner {
    match comment.strip_prefix(STACK).and_then(|rest| rest.strip_prefix('=')) {
        Some(stack) if stack == format!("{} {}", aws.stack, aws.target.region) => Owner::Us,
        Some(stack) => Owner::Claimed(format!("it belongs to the stack {stack}")),
        None => Owner::Other(format!("its comment does not begin with {STACK}=")),
    }
}
