//! The resource for which the current code runs. Callees read it here, so no layer has to pass it down.

use super::Id;

tokio::task_local! {
    static CURRENT: Id;
}

/// Runs a future on behalf of a resource.
pub(super) async fn for_resource<T>(id: &Id, work: impl Future<Output = T>) -> T {
    // The value is set while this future is polled and not while its neighbours are: all of them run on one task.
    CURRENT.scope(id.clone(), work).await
}

/// Returns the resource for which the caller works, if it is a single one.
pub fn current() -> Option<Id> {
    CURRENT.try_with(Clone::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::{Id, current, for_resource};
    use serde_json::json;
    use tokio::task::yield_now;

    #[tokio::test]
    async fn futures_that_take_turns_are_each_at_work_for_their_own() {
        let id = |name: &str| Id::from_value(&json!(name));
        let (a, b) = (id("thing/a"), id("thing/b"));
        let look = async || {
            let before = current();
            yield_now().await;
            (before, current())
        };
        let nested = for_resource(&a, async { (for_resource(&b, look()).await, current()) });
        let (alone, inner, of_b) = futures::join!(look(), nested, for_resource(&b, look()));
        assert_eq!(alone, (None, None));
        assert_eq!(inner, ((Some(b.clone()), Some(b.clone())), Some(a)));
        assert_eq!(of_b, (Some(b.clone()), Some(b)));
    }
}
