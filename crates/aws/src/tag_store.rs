//! Tags of existing resources: read from the cheapest source that counts, and written.

use super::{Aws, Tags};
use engine::{ReadFrom, Result};

impl Aws {
    /// Returns the tags of a resource, or `None` if it does not exist. They come from the tag inventory (`from` allows lists, and the inventory
    /// reports the resource as this stack's: [`Owner::Reported`](engine::Owner::Reported)), from this run's own writes, or from `read`, which asks the
    /// service. Callers of the same round share the answer until something is written to `service`.
    pub async fn tags(
        &self,
        service: &'static str,
        arn: &str,
        from: ReadFrom,
        read: impl AsyncFnOnce() -> Result<Option<Tags>>,
    ) -> Result<Option<Tags>> {
        if from == ReadFrom::Lists
            && let Some(tags) = self.reported_tags(arn).await
        {
            return Ok(Some(tags));
        }
        if let Some(tags) = self.cached_tags(arn).await {
            return Ok(Some(tags));
        }
        let tags = self.shared(service, &format!("tags/{arn}"), || read()).await?;
        Ok((*tags).clone())
    }

    /// Writes the difference between observed and desired tags: `tag` writes all desired ones, `untag` removes those with these keys.
    pub async fn sync_tags(
        &self,
        arn: &str,
        observed: &Tags,
        desired: &Tags,
        tag: impl AsyncFnOnce() -> Result<()>,
        untag: impl AsyncFnOnce(Vec<String>) -> Result<()>,
    ) -> Result<()> {
        self.forget_tags(arn);
        tag().await?;
        let gone = observed.missing_from(desired);
        if gone.is_empty() { Ok(()) } else { untag(gone).await }
    }
}
