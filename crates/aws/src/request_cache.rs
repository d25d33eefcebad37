//! Request cache: answers that many resources share, each requested once.

use engine::Result;
use std::{any::Any, cell::RefCell, collections::HashMap, future::Future, rc::Rc};
use tokio::sync::OnceCell;

type Answer = Rc<OnceCell<Rc<dyn Any>>>;

#[derive(Default)]
pub(super) struct RequestCache(RefCell<HashMap<(&'static str, String), Answer>>);

impl RequestCache {
    /// Returns the cached answer, or reads it. Callers that come while it is being read wait for it. A failure is not cached.
    pub(super) async fn get<T: 'static, F>(&self, service: &'static str, key: &str, read: impl FnOnce() -> F) -> Result<Rc<T>>
    where
        F: Future<Output = Result<T>>,
    {
        let cell = self.0.borrow_mut().entry((service, key.to_owned())).or_default().clone();
        let answer = cell.get_or_try_init(|| async { Ok::<_, engine::Error>(Rc::new(read().await?) as Rc<dyn Any>) }).await?;
        Ok(answer.clone().downcast::<T>().expect("one key is read as one type"))
    }

    /// Drops the answers of a service that was written to.
    pub(super) fn forget(&self, service: &str) {
        self.0.borrow_mut().retain(|(of, _), _| *of != service);
    }

    /// Drops all answers.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::RequestCache;
    use std::cell::Cell;

    #[tokio::test]
    async fn an_answer_is_asked_for_once_until_its_service_is_written() {
        let (request_cache, asked) = (RequestCache::default(), Cell::new(0));
        let ask = || {
            asked.set(asked.get() + 1);
            async { Ok(7) }
        };
        let (a, b) = futures::join!(request_cache.get("iam", "x", ask), request_cache.get("iam", "x", ask));
        assert_eq!((*a.unwrap(), *b.unwrap(), asked.get()), (7, 7, 1));
        request_cache.forget("s3");
        request_cache.get("iam", "x", ask).await.unwrap();
        assert_eq!(asked.get(), 1);
        request_cache.forget("iam");
        request_cache.get("iam", "x", ask).await.unwrap();
        assert_eq!(asked.get(), 2);
    }
}
