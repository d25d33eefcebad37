//! Waiting: pauses, their limits, and the user's request to stop.

use super::{Cloud, Error, Event, Id, Result, Subscriber};
use std::{
    cell::Cell,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// Request to stop a run: no new work begins, waits end, and requests in flight finish.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    /// Requests the stop.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Returns whether a stop was requested.
    pub fn requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns [`Error::Interrupted`] if a stop was requested.
    pub fn check(&self) -> Result<()> {
        if self.requested() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Waits until a stop is requested.
    pub async fn asked(&self) {
        // The sender lives in `self`, so this ends only on a request.
        let _ = self.0.subscribe().wait_for(|stop| *stop).await;
    }

    /// Sleeps, or returns [`Error::Interrupted`] as soon as a stop is requested.
    pub async fn sleep(&self, duration: Duration) -> Result<()> {
        tokio::select! {
            () = tokio::time::sleep(duration) => Ok(()),
            () = self.asked() => Err(Error::Interrupted),
        }
    }
}

/// Gate that holds back work that a run may not do yet. Open by default.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<bool>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(true))
    }
}

impl Gate {
    /// Creates a gate that has to be opened.
    pub fn closed() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Opens the gate.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until the gate is open or a stop is requested.
    pub(super) async fn pass(&self, stop: &Stop) -> Result<()> {
        let mut opened = self.0.subscribe();
        tokio::select! {
            biased;
            _ = opened.wait_for(|open| *open) => Ok(()),
            () = stop.asked() => Err(Error::Interrupted),
        }
    }
}

/// Pace and limits of polling and retrying.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// First pause; each further pause doubles.
    pub first: Duration,
    /// Longest pause. IAM propagation is best probed every 2 s, not exponentially (source code of others: `0.25, 0.5, 1, 2, 2, …`).
    pub longest: Duration,
    /// Time limit for one resource. An index added to an existing table takes up to 17 minutes (reported).
    pub patience: Duration,
}

impl RetryPolicy {
    /// Returns the first pause after a service's notice that it needs a moment: 0.6 s. Only Lambda gives this notice, and takes one to five
    /// seconds.
    pub(super) fn pending(self) -> Duration {
        self.first * 5 / 2
    }

    /// Lowers the time limit to at most `patience`.
    pub(super) fn within(self, patience: Duration) -> Self {
        Self { patience: self.patience.min(patience), ..self }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { first: Duration::from_millis(250), longest: Duration::from_secs(2), patience: Duration::from_mins(25) }
    }
}

/// Limit of a delay that a service asks for, as a multiple of the longest pause: a minute with the default policy. Longer delays are cut to it.
const LONGEST_ADVICE: u32 = 30;

/// Time limit for postponed reads: a new table shows its owner within half a minute.
const READ_PATIENCE: Duration = Duration::from_mins(1);

/// Reads, and waits and reads again while the service cannot answer.
pub(super) async fn when_ready<C: Cloud, T>(cloud: &C, read: impl AsyncFn() -> Result<T>) -> Result<T> {
    let (retry_policy, stop) = (RetryPolicy { patience: READ_PATIENCE, ..RetryPolicy::default() }, Stop::default());
    let backoff = Backoff::new(retry_policy, &stop);
    loop {
        match read().await {
            Err(Error::NotYet { why, retry_after }) => backoff.pause(&why, retry_after).await?,
            result => return result,
        }
        cloud.refresh();
    }
}

/// Waits of one resource in one run.
pub(super) struct Backoff<'a> {
    retry_policy: RetryPolicy,
    stop: &'a Stop,
    began: Cell<Option<Instant>>,
    next: Cell<Duration>,
    times: Cell<u32>,
}

impl<'a> Backoff<'a> {
    pub(super) fn new(retry_policy: RetryPolicy, stop: &'a Stop) -> Self {
        Self { retry_policy, stop, began: Cell::new(None), next: Cell::new(retry_policy.first), times: Cell::new(0) }
    }

    /// Returns [`Error::Interrupted`] if a stop was requested.
    pub(super) fn check(&self) -> Result<()> {
        self.stop.check()
    }

    /// Emits the reason for the wait, pauses, and makes the next read a new one.
    pub(super) async fn wait<C: Cloud>(
        &self,
        cloud: &C,
        id: &Id,
        why: &str,
        advised: Option<Duration>,
        emit: Subscriber<'_>,
    ) -> Result<()> {
        let times = self.times.get() + 1;
        self.times.set(times);
        emit(Event::Waiting { id, why, times, waited: self.waited() });
        let paused = self.pause(why, advised).await;
        emit(Event::Resumed { id });
        cloud.refresh();
        paused
    }

    /// Pauses once, longer each time, or returns [`Error::TimedOut`]. `advised` is the delay that the service asked for.
    pub(super) async fn pause(&self, why: &str, advised: Option<Duration>) -> Result<()> {
        let began = self.began.get().unwrap_or_else(Instant::now);
        self.began.set(Some(began));
        if began.elapsed() >= self.retry_policy.patience {
            return Err(Error::TimedOut { why: why.to_owned(), after: began.elapsed() });
        }
        let pause = self.next.get().max(advised.unwrap_or_default().min(self.retry_policy.longest * LONGEST_ADVICE));
        self.next.set((self.next.get() * 2).min(self.retry_policy.longest));
        self.stop.sleep(pause).await
    }

    /// Returns the time since the first pause, or since the first one after the last progress.
    pub(super) fn waited(&self) -> Duration {
        self.began.get().map(|began| began.elapsed()).unwrap_or_default()
    }

    /// Notes progress: the next pause is short again, and the time limit starts anew.
    pub(super) fn progressed(&self) {
        self.began.set(None);
        self.times.set(0);
        self.next.set(self.retry_policy.first);
    }
}
