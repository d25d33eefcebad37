//! Tags as the Resource Groups Tagging API reports them: of all that carries the stack's tag, in one answer.
//!
//! It saves a call for each resource, and is no proof. It lags behind the services by seconds, at times by minutes; it lists what is
//! gone, and does not know every kind. So
//! - it is asked only by a run that may leave alone what it reports as it should be ([`Aws::trust_reports`]), and not after the first write;
//! - it counts only for what its own service has just shown to exist, and only as long as nothing about that differs: before anything is
//!   reported as changed, written or deleted, the service itself is asked ([`Owner::Reported`](crate::engine::Owner::Reported)).
//!
//! What is left is that it can hide for that long that somebody changed a tag by hand. The next run sees it.

use super::{Aws, STACK, Tags};
use crate::engine::{Owner, Result};
use aws_sdk_resourcegroupstagging::types::TagFilter;
use std::{cell::Cell, collections::HashMap};
use tokio::sync::OnceCell;

#[derive(Default)]
pub(super) struct Reports {
    trusted: Cell<bool>,
    /// Tags by ARN.
    answer: OnceCell<HashMap<String, Tags>>,
}

impl Reports {
    /// Something is written: it takes the tagging service a while to notice.
    pub(super) fn end(&self) {
        self.trusted.set(false);
    }
}

impl Aws {
    /// From here to the first write, what is reported to be as it should be counts as that.
    pub fn trust_reports(&self) {
        self.reports.trusted.set(true);
    }

    /// The tags of this resource of ours, if reports are trusted and there is one.
    pub async fn reported_tags(&self, arn: &str) -> Option<Tags> {
        if !self.reports.trusted.get() {
            return None;
        }
        // Without permission, or where there is no such service, each service is asked.
        let reported = self.reports.answer.get_or_init(|| async { self.report().await.unwrap_or_default() }).await;
        reported.get(arn).filter(|tags| self.owner(tags) == Owner::Us).cloned()
    }

    async fn report(&self) -> Result<HashMap<String, Tags>> {
        let ours = TagFilter::builder().key(STACK).values(&self.stack).build();
        let (mut reported, mut token) = (HashMap::new(), None);
        loop {
            let page = self
                .read("tag:GetResources", || {
                    let request = self.tagging.get_resources().tag_filters(ours.clone()).resources_per_page(100);
                    request.set_pagination_token(token.clone()).send()
                })
                .await?;
            for resource in page.resource_tag_mapping_list() {
                let tags = resource.tags().iter().map(|tag| (tag.key(), tag.value())).collect();
                reported.insert(resource.resource_arn().unwrap_or_default().to_owned(), tags);
            }
            token = page.pagination_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                return Ok(reported);
            }
        }
    }
}
