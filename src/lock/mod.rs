//! Lock of a stack: a lease, stored as one object in the stack's own bucket, which keeps two runs from interfering.
//!
//! The lock is advisory. A stack ends up correct because each run observes before writing and again afterwards, whatever other
//! clients write meanwhile. Correctness does not depend on this module, and a stack without a bucket has no lock.
//!
//! - It is taken with `If-None-Match: *`, renewed and taken over with `If-Match`, released with a conditional delete: S3
//!   decides races.
//! - It expires: a holder that does not renew it for the length of the lease has lost it. The service's own clock decides (the
//!   answer's `Date` and the object's `Last-Modified`), so clocks on this side may be wrong.
//! - A nonce identifies the holder, because an answer can be lost: an existing lock may be this run's own.
//! - A malformed object counts as held, and expires like any other.
//!
//! Deliberately not here: the display of the lock, and the moment at which a command takes it (`commands/exclusive.rs`).

mod holder;
mod object;
mod record;
#[cfg(test)]
mod tests;

pub use holder::holder;
pub use object::LOCK_KEY;
pub use record::{By, Held, printable, time};

use crate::{
    aws::Aws,
    engine::{Error, Result},
};
use object::{Found, Stored};
use record::Record;
use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

/// Duration of a lease without renewal. Long enough for a renewal or two to fail; short enough to wait for.
pub const LEASE: Duration = Duration::from_mins(1);
/// Number of renewals within that duration.
const RENEWALS: u32 = 3;
/// Attempts to take the lock while it changes hands.
const TRIES: usize = 10;
/// Attempts to take the lock in a newly created bucket, and the delay between them: a new bucket can be unknown for seconds.
const UNKNOWN: usize = 10;
const UNKNOWN_PAUSE: Duration = Duration::from_millis(500);
/// Shortest and longest delay between two reads of a lock that another run holds.
const LOOK: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// Variable for tests, in debug builds only: `off` disables the lock, a number is the duration of the lease in seconds.
pub const SETTING: &str = "LIVEINSIGHT_TEST_LOCK";

/// Returns the duration of the lease; `None` disables the lock. The lock is advisory, and tests verify that it is no more than
/// that.
pub fn lease() -> Option<Duration> {
    if !cfg!(debug_assertions) {
        return Some(LEASE);
    }
    let setting = std::env::var(SETTING).unwrap_or_default();
    if setting == "off" {
        return None;
    }
    Some(setting.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(LEASE))
}

/// Lock of one stack, from the view of one run.
#[derive(Clone)]
pub struct Lock<'a> {
    aws: &'a Aws,
    bucket: String,
    lease: Duration,
    record: Record,
}

/// Outcome of waiting for the lock.
pub enum LockOutcome<'a> {
    /// This run holds the lock until it releases the lease. Without a bucket there is no lease and no lock.
    Acquired {
        /// Lease, which is the permission to write.
        lease: Option<Lease<'a>>,
        /// Set if this run waited for another one: earlier observations are out of date.
        waited: bool,
    },
    /// Another run holds the lock, and the caller did not want to wait.
    Held(Held),
}

enum Attempt<'a> {
    Taken(Lease<'a>),
    Held(Held),
    NoBucket,
}

impl<'a> Lock<'a> {
    /// Creates the lock in this bucket; `command` and `holder` describe this run to others.
    pub fn new(aws: &'a Aws, bucket: &str, command: &str, holder: &str, lease: Duration) -> Self {
        Self { aws, bucket: bucket.to_owned(), lease, record: Record::new(command, holder, lease) }
    }

    /// Returns the holder, if the lock has not expired.
    pub async fn look(aws: &Aws, bucket: &str) -> Result<Option<Held>> {
        let held = object::read(aws, bucket).await?.map(|found| found.held());
        Ok(held.filter(|held| !held.has_expired()))
    }

    /// Waits until the run that holds the lock has lost or released it. Returns another run that holds it then.
    pub async fn freed(aws: &Aws, bucket: &str, held: &Held) -> Result<Option<Held>> {
        let mut left = held.left();
        loop {
            tokio::time::sleep(left.clamp(LOOK.0, LOOK.1)).await;
            match Self::look(aws, bucket).await? {
                Some(now) if now.is_same_run(held) => left = now.left(),
                other => return Ok(other),
            }
        }
    }

    /// Takes the lock. If another run holds it, waits for that run if `wait` is set.
    ///
    /// If there is no bucket, which `missing` states beforehand, `make_bucket` may create one, and returns true if it did.
    /// `on_wait` receives each new holder that is waited for, and `None` when the wait is over.
    pub async fn acquire(
        &self,
        wait: bool,
        mut missing: bool,
        make_bucket: impl AsyncFn() -> bool,
        on_wait: impl Fn(Option<&Held>),
    ) -> Result<LockOutcome<'a>> {
        let (mut waited, mut tries) = (false, 0);
        loop {
            if missing {
                if tries == UNKNOWN || (tries == 0 && !make_bucket().await) {
                    return Ok(LockOutcome::Acquired { lease: None, waited });
                }
                if tries > 0 {
                    tokio::time::sleep(UNKNOWN_PAUSE).await;
                }
                tries += 1;
            }
            match self.take().await? {
                Attempt::Taken(lease) => return Ok(LockOutcome::Acquired { lease: Some(lease), waited }),
                Attempt::Held(held) if !wait => return Ok(LockOutcome::Held(held)),
                Attempt::Held(held) => {
                    (waited, missing) = (true, false);
                    let mut next = Some(held);
                    while let Some(held) = next {
                        on_wait(Some(&held));
                        next = Self::freed(self.aws, &self.bucket, &held).await?;
                    }
                    on_wait(None);
                }
                Attempt::NoBucket => missing = true,
            }
        }
    }

    /// Takes the lock if it is free, or if its holder has not renewed it in time.
    async fn take(&self) -> Result<Attempt<'a>> {
        for _ in 0..TRIES {
            match object::create(self.aws, &self.bucket, &self.record).await {
                Ok(stored) => return Ok(Attempt::Taken(Lease::new(self, stored))),
                Err(Error::Absent(_)) => return Ok(Attempt::NoBucket),
                // The lock exists, or another run is writing it. Or the answer to this run's own success was lost.
                Err(Error::Exists(_) | Error::NotYet { .. } | Error::Unclear(_)) => {}
                Err(error) => return Err(error),
            }
            let Some(found) = object::read(self.aws, &self.bucket).await? else { continue };
            if self.is_ours(&found) {
                return Ok(Attempt::Taken(Lease::new(self, found.stored)));
            }
            let held = found.held();
            if !held.has_expired() {
                return Ok(Attempt::Held(held));
            }
            match object::replace(self.aws, &self.bucket, &self.record, &found.stored.etag).await {
                Ok(stored) => return Ok(Attempt::Taken(Lease::new(self, stored))),
                // Another run was faster, or this run succeeded and the answer was lost: read again.
                Err(Error::Exists(_) | Error::Absent(_) | Error::NotYet { .. } | Error::Unclear(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let address = format!("s3://{}/{LOCK_KEY}", self.bucket);
        Err(Error::refused("s3:PutObject", format!("the lock {address} changes hands too often to be taken; run it again")))
    }

    fn is_ours(&self, found: &Found) -> bool {
        found.record.as_ref().is_some_and(|record| record.nonce == self.record.nonce)
    }
}

/// Permission to write to the stack. Without a release, it ends after the duration of the lease.
pub struct Lease<'a> {
    lock: Lock<'a>,
    etag: RefCell<String>,
    renewals: Cell<u64>,
}

impl<'a> Lease<'a> {
    fn new(lock: &Lock<'a>, stored: Stored) -> Self {
        let mut lock = lock.clone();
        // The service's time is known only now; the first renewal writes it.
        lock.record.taken_at = Some(time(stored.at));
        Self { lock, etag: RefCell::new(stored.etag), renewals: Cell::new(0) }
    }

    /// Renews the lease in time, for as long as it is polled. Returns only if another run took the lock over after it expired.
    pub async fn keep(&self) -> Held {
        loop {
            tokio::time::sleep(self.lock.lease / RENEWALS).await;
            if let Some(other) = self.renew().await {
                return other;
            }
        }
    }

    /// Renews the lease once, unless this run is removing it with its bucket. A failure is left to the next renewal. Returns
    /// another run that holds the lock.
    async fn renew(&self) -> Option<Held> {
        let Lock { aws, bucket, .. } = &self.lock;
        if aws.bucket_goes(bucket) {
            return None;
        }
        self.renewals.set(self.renewals.get() + 1);
        let record = Record { renewals: self.renewals.get(), ..self.lock.record.clone() };
        let etag = self.etag.borrow().clone();
        let renewed = match object::replace(aws, bucket, &record, &etag).await {
            // Another client removed the object. The lock stays this run's as long as no other run has taken it since.
            Err(Error::Absent(_)) => object::create(aws, bucket, &record).await,
            renewed => renewed,
        };
        match renewed {
            Ok(stored) => drop(self.etag.replace(stored.etag)),
            // The object differs from the last one written: it is another run's, or this run's own renewal whose answer was
            // lost.
            Err(Error::Exists(_)) => match object::read(aws, bucket).await {
                Ok(Some(found)) if self.lock.is_ours(&found) => drop(self.etag.replace(found.stored.etag)),
                Ok(Some(found)) => return Some(found.held()),
                _ => {}
            },
            // There is no bucket, or no answer.
            Err(_) => {}
        }
        None
    }

    /// Releases the lock. An object that is no longer this run's stays.
    pub async fn release(self) -> Result<()> {
        let Lock { aws, bucket, .. } = &self.lock;
        let mut etag = self.etag.take();
        loop {
            match object::delete(aws, bucket, &etag).await {
                Ok(()) | Err(Error::Absent(_)) => return Ok(()),
                Err(Error::Exists(_)) => {}
                Err(error) => return Err(error),
            }
            match object::read(aws, bucket).await? {
                Some(found) if self.lock.is_ours(&found) && found.stored.etag != etag => etag = found.stored.etag,
                _ => return Ok(()),
            }
        }
    }
}
