//! Waiting: how long, and until when the user has had enough.

use super::{Cloud, Error, Event, Id, Listener, Result};
use std::{
    cell::Cell,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// Asks a run to stop: no new work is started, waits end, what is in flight finishes.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    /// Asks.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Returns whether a stop was requested.
    pub fn requested(&self) -> bool {
        *self.0.borrow()
    }

    /// [`Error::Interrupted`] if somebody asked.
    pub fn check(&self) -> Result<()> {
        if self.requested() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) {
        // The sender lives in `self`, so this ends only when somebody asks.
        let _ = self.0.subscribe().wait_for(|stop| *stop).await;
    }

    /// Sleeps, unless somebody asks to stop.
    pub async fn sleep(&self, duration: Duration) -> Result<()> {
        tokio::select! {
            () = tokio::time::sleep(duration) => Ok(()),
            () = self.asked() => Err(Error::Interrupted),
        }
    }
}

/// Holds back, while it is closed, what a run may not do yet. Open unless it is made closed.
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

    /// Opens it.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open, unless somebody asks to stop.
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
pub struct Tempo {
    /// The first pause; pauses double from here.
    pub first: Duration,
    /// The longest pause. IAM propagation is best probed every 2 s, not exponentially (source code of others: `0.25, 0.5, 1, 2, 2, …`).
    pub longest: Duration,
    /// Limit of the time for one resource. An index added to an existing table takes up to 17 minutes (reported).
    pub patience: Duration,
}

impl Tempo {
    /// The first pause where a service said that it takes a moment: 0.6 s. Lambda, the one that says so, takes one to five seconds.
    pub(super) fn pending(self) -> Duration {
        self.first * 5 / 2
    }

    /// Lowers the limit to at most `patience`.
    pub(super) fn within(self, patience: Duration) -> Self {
        Self { patience: self.patience.min(patience), ..self }
    }
}

impl Default for Tempo {
    fn default() -> Self {
        Self { first: Duration::from_millis(250), longest: Duration::from_secs(2), patience: Duration::from_mins(25) }
    }
}

/// Limit of a service's advice, in longest pauses: a minute, unless the tempo is another. A service that asks for a year gets that minute.
const LONGEST_ADVICE: u32 = 30;

/// Limit of the time that a read may be put off: a new table shows its owner within half a minute.
const READ_PATIENCE: Duration = Duration::from_mins(1);

/// Reads, and if the service cannot tell yet, waits and reads again.
pub(super) async fn when_ready<C: Cloud, T>(cloud: &C, read: impl AsyncFn() -> Result<T>) -> Result<T> {
    let (tempo, stop) = (Tempo { patience: READ_PATIENCE, ..Tempo::default() }, Stop::default());
    let pauses = Waits::new(tempo, &stop);
    loop {
        match read().await {
            Err(Error::NotYet { why, retry_after }) => pauses.pause(&why, retry_after).await?,
            result => return result,
        }
        cloud.refresh();
    }
}

/// The waits of one resource in one run.
pub(super) struct Waits<'a> {
    tempo: Tempo,
    stop: &'a Stop,
    began: Cell<Option<Instant>>,
    next: Cell<Duration>,
    times: Cell<u32>,
}

impl<'a> Waits<'a> {
    pub(super) fn new(tempo: Tempo, stop: &'a Stop) -> Self {
        Self { tempo, stop, began: Cell::new(None), next: Cell::new(tempo.first), times: Cell::new(0) }
    }

    /// [`Error::Interrupted`] if somebody asked to stop.
    pub(super) fn check(&self) -> Result<()> {
        self.stop.check()
    }

    /// Tells what a resource waits for, pauses, and sees to it that what is read next is new.
    pub(super) async fn wait<C: Cloud>(&self, cloud: &C, id: &Id, why: &str, advised: Option<Duration>, tell: Listener<'_>) -> Result<()> {
        let times = self.times.get() + 1;
        self.times.set(times);
        tell(Event::Waiting { id, why, times, waited: self.waited() });
        let paused = self.pause(why, advised).await;
        tell(Event::Resumed { id });
        cloud.refresh();
        paused
    }

    /// Pauses once, longer each time, or gives up. `advised` is how long the service asked to be left alone.
    pub(super) async fn pause(&self, why: &str, advised: Option<Duration>) -> Result<()> {
        let began = self.began.get().unwrap_or_else(Instant::now);
        self.began.set(Some(began));
        if began.elapsed() >= self.tempo.patience {
            return Err(Error::TimedOut { why: why.to_owned(), after: began.elapsed() });
        }
        let pause = self.next.get().max(advised.unwrap_or_default().min(self.tempo.longest * LONGEST_ADVICE));
        self.next.set((self.next.get() * 2).min(self.tempo.longest));
        self.stop.sleep(pause).await
    }

    /// Returns the time since the first pause, or the first one after something moved on.
    pub(super) fn waited(&self) -> Duration {
        self.began.get().map(|began| began.elapsed()).unwrap_or_default()
    }

    /// Something moved on: the next pause is short again, and patience begins anew.
    pub(super) fn progressed(&self) {
        self.began.set(None);
        self.times.set(0);
        self.next.set(self.tempo.first);
    }
}
