//! What is reported of many resources in one answer: their tags by the Resource Groups Tagging API, all about roles by IAM's
//! `GetAccountAuthorizationDetails`.
//!
//! A report saves a call for each resource, and is no proof. That of tags lags behind the services by seconds, at times by minutes; it lists
//! what is gone, and does not know every kind. So
//! - reports are asked for only by a run that may leave alone what they show as it should be ([`Aws::trust_reports`]), and not after the first
//!   write;
//! - that of tags counts only for what its own service has just shown to exist;
//! - they count only as long as nothing differs: before anything is reported as changed, written or deleted, the service itself is asked
//!   about it ([`Owner::Reported`](engine::Owner::Reported)).
//!
//! What is left is that one can hide for that long that somebody changed something by hand. The next run sees it.

use super::{Aws, STACK, Tags};
use aws_sdk_iam::types::{EntityType, RoleDetail};
use aws_sdk_resourcegroupstagging::types::TagFilter;
use engine::{Owner, Result};
use std::{cell::Cell, collections::HashMap};
use tokio::sync::OnceCell;

#[derive(Default)]
pub(super) struct Reports {
    trusted: Cell<bool>,
    /// Tags by ARN.
    tags: OnceCell<HashMap<String, Tags>>,
    /// Roles by name.
    roles: OnceCell<HashMap<String, RoleDetail>>,
}

/// The most roles that are asked about one by one, role and policy: the questions about more do not fit into IAM's burst of 20, and take 10 a
/// second from there on. The report has every role of the account, which takes a stack with many to be worth it.
pub const FEW_ROLES: usize = 8;

impl Reports {
    /// A run begins to look. One that looks again has waited for another, and what was reported before is out of date.
    pub(super) fn begin(&self) {
        if self.tags.initialized() || self.roles.initialized() {
            self.end();
        }
    }

    /// Something is written: it takes the tagging service a while to notice.
    pub(super) fn end(&self) {
        self.trusted.set(false);
    }
}

impl Aws {
    /// Takes what is reported to be as it should be for true, from here to the first write.
    pub fn trust_reports(&self) {
        self.reports.trusted.set(true);
    }

    /// Asks at once for what most resources will ask for when they have been seen to exist. Where none does, it is a call too many.
    pub async fn ask_ahead(&self) {
        self.reported_tags("").await;
    }

    /// The tags of this resource of ours, if reports are trusted and there is one.
    pub async fn reported_tags(&self, arn: &str) -> Option<Tags> {
        if !self.reports.trusted.get() {
            return None;
        }
        // Without permission, or where there is no such service, each service is asked.
        let reported = self.reports.tags.get_or_init(|| async { self.report_tags().await.unwrap_or_default() }).await;
        reported.get(arn).filter(|tags| self.owner(tags) == Owner::Us).cloned()
    }

    /// Tests whether the tagging service, asked once after all writes, shows exactly these tags.
    pub(super) async fn inventory_shows(&self, arn: &str, tags: &Tags) -> bool {
        // Without permission, or where there is no such service, it shows nothing.
        let read = || async { Ok(self.report_tags().await.unwrap_or_default()) };
        let inventory = self.shared("tag", "inventory", read).await;
        inventory.is_ok_and(|inventory| inventory.get(arn) == Some(tags))
    }

    /// Returns the ARNs of this stack's resources that begin so, as they are reported; none if reports are not trusted.
    pub async fn reported_arns(&self, beginning: &str) -> Vec<String> {
        if !self.reports.trusted.get() {
            return Vec::new();
        }
        let reported = self.reports.tags.get_or_init(|| async { self.report_tags().await.unwrap_or_default() }).await;
        let ours = reported.iter().filter(|(arn, tags)| arn.starts_with(beginning) && self.owner(tags) == Owner::Us);
        ours.map(|(arn, _)| arn.clone()).collect()
    }

    /// This role of ours with its tags and policies, if reports are trusted and there is one. `among` so many roles of the stack.
    pub async fn reported_role(&self, name: &str, among: usize) -> Option<&RoleDetail> {
        if !self.reports.trusted.get() || among <= FEW_ROLES {
            return None;
        }
        // The permission is one that an account may not want to give: then each role is asked about.
        let reported = self.reports.roles.get_or_init(|| async { self.report_roles().await.unwrap_or_default() }).await;
        reported.get(name)
    }

    async fn report_roles(&self) -> Result<HashMap<String, RoleDetail>> {
        let mut reported = HashMap::new();
        let request = || self.iam.get_account_authorization_details().filter(EntityType::Role).max_items(1000);
        let ours = |role: &RoleDetail| self.owner(&role.tags().iter().map(|tag| (tag.key(), tag.value())).collect()) == Owner::Us;
        let send = |marker| request().set_marker(marker).send();
        self.pages("iam:GetAccountAuthorizationDetails", send, |page| {
            let roles = page.role_detail_list.unwrap_or_default().into_iter().filter(ours);
            reported.extend(roles.map(|role| (role.role_name().unwrap_or_default().to_owned(), role)));
            Ok(page.marker.filter(|_| page.is_truncated))
        })
        .await?;
        Ok(reported)
    }

    async fn report_tags(&self) -> Result<HashMap<String, Tags>> {
        let ours = TagFilter::builder().key(STACK).values(&self.stack).build();
        let mut reported = HashMap::new();
        let request = || self.tagging.get_resources().tag_filters(ours.clone()).resources_per_page(100);
        let send = |token| request().set_pagination_token(token).send();
        self.pages("tag:GetResources", send, |page| {
            for resource in page.resource_tag_mapping_list() {
                let tags = resource.tags().iter().map(|tag| (tag.key(), tag.value())).collect();
                reported.insert(resource.resource_arn().unwrap_or_default().to_owned(), tags);
            }
            Ok(page.pagination_token)
        })
        .await?;
        Ok(reported)
    }
}
