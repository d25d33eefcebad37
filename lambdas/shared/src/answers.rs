//! Answers shared by readers: equal requests within a second get one answer, so that a thousand viewers read the tables once.
//!
//! Answers are in memory, and so per container. Caches between the API and the viewer share answers as well, for as long as
//! their `cache-control` states (`docs/api.md`). An answer from memory is already old, so those caches do not store it. Access
//! is checked before any look-up here.

use crate::http::{Failure, Reply};
use crate::time::{Millis, SECOND};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Time during which an answer is repeated. An event has to appear on the screen within three seconds, and the dashboard's
/// polling takes half of that.
const LIFE: Millis = SECOND;
/// Maximum number of remembered requests, by sites, periods and limits. Beyond it, answers are not shared.
const MOST_QUESTIONS: usize = 64;

/// Latest answers by request.
#[derive(Debug, Default)]
pub struct Answers {
    last: Mutex<HashMap<String, Arc<Slot>>>,
}

/// Latest answer to a request, with the time of the request. A reader holds the lock while it reads, so that others wait for
/// its answer.
type Slot = tokio::sync::Mutex<Option<(Millis, Reply)>>;

impl Answers {
    /// Returns the answer to a request made at `now`: the latest one, or the result of `read`. An answer from memory gets
    /// `again` as its `cache-control`. Failures are not stored.
    pub async fn share(
        &self,
        question: String,
        now: Millis,
        again: &'static str,
        read: impl Future<Output = Result<Reply, Failure>>,
    ) -> Result<Reply, Failure> {
        let Some(slot) = self.slot(question, now) else { return read.await };
        let mut last = slot.lock().await;
        if let Some((at, reply)) = &*last
            && is_fresh(*at, now)
        {
            return Ok(Reply { cache: again, ..reply.clone() });
        }
        let reply = read.await?;
        *last = Some((now, reply.clone()));
        Ok(reply)
    }

    fn slot(&self, question: String, now: Millis) -> Option<Arc<Slot>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= MOST_QUESTIONS && !last.contains_key(&question) {
            // A locked slot is being read.
            last.retain(|_, slot| slot.try_lock().map_or(true, |last| last.as_ref().is_some_and(|(at, _)| is_fresh(*at, now))));
            if last.len() >= MOST_QUESTIONS {
                return None;
            }
        }
        Some(Arc::clone(last.entry(question).or_default()))
    }
}

/// Returns true if an answer is fresh. A request that waited can be older than the answer it gets. After a clock change
/// backwards, nothing stays fresh for long.
fn is_fresh(at: Millis, now: Millis) -> bool {
    (now - at).abs() < LIFE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Facts;
    use crate::store::StoreError;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::task::JoinSet;

    /// Service that counts its reads.
    #[derive(Default)]
    struct Counted {
        answers: Answers,
        reads: AtomicUsize,
    }

    impl Counted {
        async fn ask(&self, question: &str, now: Millis, fails: bool) -> Result<Reply, Failure> {
            let read = async {
                let nth = self.reads.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                if fails {
                    return Err(Failure::Store(StoreError::SessionFull));
                }
                Ok(Reply { data: nth.into(), cache: "first", entity_tag: None, facts: Facts::default() })
            };
            self.answers.share(question.to_owned(), now, "again", read).await
        }
    }

    #[tokio::test]
    async fn those_who_ask_within_a_second_are_told_the_same() {
        let counted = Arc::new(Counted::default());
        let mut all = JoinSet::new();
        for nth in 0..1_000 {
            let counted = Arc::clone(&counted);
            all.spawn(async move { counted.ask("a", nth, false).await.unwrap() });
        }
        let all = all.join_all().await;
        assert_eq!(counted.reads.load(Ordering::SeqCst), 1);
        assert!(all.iter().all(|reply| reply.data == 0));
        assert_eq!(all.iter().filter(|reply| reply.cache == "first").count(), 1, "what is from memory is not kept by others");
        assert_eq!(counted.ask("a", 1_000, false).await.unwrap().data, 1, "a second later it is read again");
        assert_eq!(counted.ask("b", 1_000, false).await.unwrap().data, 2, "another question, another answer");
        assert_eq!(counted.ask("b", -60_000, false).await.unwrap().data, 3, "the clock was set back");
    }

    #[tokio::test]
    async fn a_failure_is_told_once() {
        let counted = Counted::default();
        counted.ask("a", 0, true).await.unwrap_err();
        counted.ask("a", 1, false).await.unwrap();
    }

    #[tokio::test]
    async fn no_more_questions_are_remembered_than_may_be() {
        let counted = Counted::default();
        for nth in 0..MOST_QUESTIONS + 10 {
            counted.ask(&nth.to_string(), 0, false).await.unwrap();
        }
        assert_eq!(counted.answers.last.lock().unwrap().len(), MOST_QUESTIONS);
        counted.ask("later", LIFE, false).await.unwrap();
        assert_eq!(counted.answers.last.lock().unwrap().len(), 1, "old answers make room");
    }
}
