//! Reports requests that are repeated again and again, so that the waiting user knows the reason.

use super::Aws;
use engine::{self, Id};
use std::{cell::RefCell, rc::Rc, time::Duration};

/// Number of failures of a request before the first report. Each further report takes twice as many.
const WORTH_A_WORD: u32 = 3;

/// Request that failed several times and is sent again.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Operation as `service:Operation`.
    pub operation: &'static str,
    /// Resource that the request is for, if it is a single one.
    pub id: Option<Id>,
    /// Reason of the last failure.
    pub why: String,
    /// Number of failures so far.
    pub times: u32,
    /// Time since the request was first sent.
    pub waited: Duration,
}

type Observer = Rc<dyn Fn(&Retry)>;

#[derive(Default)]
pub(super) struct Retries(RefCell<Option<Observer>>);

impl Aws {
    /// Sets the observer, which receives requests that fail repeatedly.
    pub fn observe_retries(&self, observer: impl Fn(&Retry) + 'static) {
        *self.retries.0.borrow_mut() = Some(Rc::new(observer));
    }

    /// Reports a failure to the observer, if its number is due.
    pub(super) fn note_retry(&self, operation: &'static str, why: impl FnOnce() -> String, times: u32, waited: Duration) {
        let observer = self.retries.0.borrow().clone();
        if let Some(observer) = observer.filter(|_| is_worth_a_word(times)) {
            observer(&Retry { operation, id: engine::current(), why: why(), times, waited });
        }
    }
}

/// Returns `true` for 3, 6, 12, 24, …
fn is_worth_a_word(times: u32) -> bool {
    times.is_multiple_of(WORTH_A_WORD) && (times / WORTH_A_WORD).is_power_of_two()
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_word_comes_after_twice_as_many_failures() {
        let told: Vec<u32> = (0..30).filter(|times| super::is_worth_a_word(*times)).collect();
        assert_eq!(told, [3, 6, 12, 24]);
    }
}
