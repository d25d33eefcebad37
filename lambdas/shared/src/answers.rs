//! Answers that readers share: whoever asks the same within a second is told the same, so that a thousand viewers read the tables once.
//!
//! In memory, and so for each container by itself. Caches between here and the viewer share answers as well, for as long as their
//! `cache-control` says (`docs/api.md`); what is told here from memory is old enough, so those do not keep it. Who may read is asked before
//! anything is looked up here.

use crate::http::{Failure, Reply};
use crate::time::{Millis, SECOND};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Time during which an answer is repeated. An event is to be on the screen within three seconds, of which the dashboard's pause takes
/// half.
const LIFE: Millis = SECOND;
/// Questions that are remembered: sites, periods and limits. Beyond them answers are not shared.
const MOST_QUESTIONS: usize = 64;

/// The last answers.
#[derive(Debug, Default)]
pub struct Answers {
    last: Mutex<HashMap<String, Arc<Slot>>>,
}

/// The last answer to a question, and when it was asked. Whoever reads holds the lock, so that others wait for what is being read.
type Slot = tokio::sync::Mutex<Option<(Millis, Reply)>>;

impl Answers {
    /// The answer to a question that is asked at `now`: the last one, or what `read` gives. An answer from memory gets `again` for its
    /// `cache-control`. Failures are not kept.
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
            // What is locked is being read.
            last.retain(|_, slot| slot.try_lock().map_or(true, |last| last.as_ref().is_some_and(|(at, _)| is_fresh(*at, now))));
            if last.len() >= MOST_QUESTIONS {
                return None;
            }
        }
        Some(Arc::clone(last.entry(question).or_default()))
    }
}

/// A request that waited can have been asked before the answer that it gets. A clock that was set back makes nothing fresh for long.
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

    /// A service that counts how often it reads.
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
