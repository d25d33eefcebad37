//! Reports: answers about many resources at once. The Resource Groups Tagging API reports their tags, and IAM's `GetAccountAuthorizationDetails`
//! reports all about roles.
//!
//! A report saves a call for each resource, and is no proof. The report of tags lags behind the services by seconds, at times by minutes. It
//! lists deleted resources and does not know every kind. Therefore:
//! - Only a run that may leave alone resources that are reported as declared requests reports ([`Aws::trust_reports`]), and none does after its
//!   first write.
//! - The report of tags counts only for resources that their own service has just shown to exist.
//! - Reports count only as long as nothing differs. Before anything is reported as changed, written or deleted, the engine asks the service
//!   itself ([`Owner::Reported`](engine::Owner::Reported)).
//!
//! One risk remains: for as long as it lags, a report can hide a change made by hand. The next run sees that change.

use super::{Aws, STACK, Tags};
use aws_sdk_iam::types::{EntityType, RoleDetail};
use aws_sdk_resourcegroupstagging::types::TagFilter;
use engine::{Owner, Result};
use std::{cell::Cell, collections::HashMap};
use tokio::sync::OnceCell;

#[derive(Default)]
pub(super) struct Inventory {
    trusted: Cell<bool>,
    /// Tags of the stack's resources by ARN.
    tags: OnceCell<HashMap<String, Tags>>,
    /// Roles of the stack by name.
    roles: OnceCell<HashMap<String, RoleDetail>>,
}

/// Largest number of roles that are read one by one, role and policy. Requests about more do not fit into IAM's burst of 20 and run at 10 a
/// second beyond it. The report contains every role of the account, so it pays off only for a stack with many.
pub const FEW_ROLES: usize = 8;

impl Inventory {
    /// Begins a run. A run that begins again has waited for another one, so earlier reports are out of date.
    pub(super) fn begin(&self) {
        if self.tags.initialized() || self.roles.initialized() {
            self.end();
        }
    }

    /// Notes a write: the tagging service takes a while to notice it.
    pub(super) fn end(&self) {
        self.trusted.set(false);
    }
}

impl Aws {
    /// Trusts reports that show resources as declared, until the first write.
    pub fn trust_reports(&self) {
        self.inventory.trusted.set(true);
    }

    /// Requests the report of tags early: most resources need it once they were seen to exist. If none does, one call is wasted.
    pub async fn ask_ahead(&self) {
        self.reported_tags("").await;
    }

    /// Returns the tags of this resource, if reports are trusted and list it as the stack's.
    pub async fn reported_tags(&self, arn: &str) -> Option<Tags> {
        if !self.inventory.trusted.get() {
            return None;
        }
        // Without permission, or if the service does not exist, each service is asked instead.
        let reported = self.inventory.tags.get_or_init(|| async { self.report_tags().await.unwrap_or_default() }).await;
        reported.get(arn).filter(|tags| self.owner(tags) == Owner::Us).cloned().map(Tags::reported)
    }

    /// Tests whether the tagging service, queried once after all writes, reports exactly these tags.
    pub(super) async fn inventory_shows(&self, arn: &str, tags: &Tags) -> bool {
        // Without permission, or if the service does not exist, it reports nothing.
        let read = || async { Ok(self.report_tags().await.unwrap_or_default()) };
        let inventory = self.shared("tag", "inventory", read).await;
        inventory.is_ok_and(|inventory| inventory.get(arn) == Some(tags))
    }

    /// Returns the reported ARNs of this stack's resources with this prefix; none if reports are not trusted.
    pub async fn reported_arns(&self, beginning: &str) -> Vec<String> {
        if !self.inventory.trusted.get() {
            return Vec::new();
        }
        let reported = self.inventory.tags.get_or_init(|| async { self.report_tags().await.unwrap_or_default() }).await;
        let ours = reported.iter().filter(|(arn, tags)| arn.starts_with(beginning) && self.owner(tags) == Owner::Us);
        ours.map(|(arn, _)| arn.clone()).collect()
    }

    /// Returns a role of this stack with its tags and policies, if reports are trusted and list it. `among` is the number of the stack's roles.
    pub async fn reported_role(&self, name: &str, among: usize) -> Option<&RoleDetail> {
        if !self.inventory.trusted.get() || among <= FEW_ROLES {
            return None;
        }
        // An account may withhold the permission. Then each role is read by itself.
        let reported = self.inventory.roles.get_or_init(|| async { self.report_roles().await.unwrap_or_default() }).await;
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
