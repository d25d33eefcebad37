//! The lock of a stack: a lease, kept as one object in the stack's own bucket, so that two runs do not get in each other's way.
//!
//! It is a courtesy. That a stack ends up correct rests on looking before writing and looking again afterwards, whoever else writes
//! meanwhile; so nothing here is needed for that, and a stack without a bucket has no lock.
//!
//! - Taken with `If-None-Match: *`, renewed and taken over with `If-Match`, released with a conditional delete: S3 decides races.
//! - It frees itself: whoever does not renew it for the length of the lease has lost it. That is told by the service's own clock (the
//!   answer's `Date` and the object's `Last-Modified`), so clocks on this side may be wrong.
//! - Whose it is says a nonce, because an answer can be lost: a lock that turns out to be there already may be our own.
//! - An object that makes no sense counts as held, and expires like any other.
//!
//! Deliberately not here: what the user sees of it, and when a command takes it (`commands/exclusive.rs`).

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

/// Length of a lease that is not renewed. Long enough for a renewal or two to fail; short enough to wait for.
pub const LEASE: Duration = Duration::from_mins(1);
/// Number of renewals within that length.
const RENEWALS: u32 = 3;
/// Attempts to take the lock while it changes hands.
const TRIES: usize = 10;
/// Attempts to take the lock in a bucket that was made for it, and the pause between them: for seconds, a new one can be unknown.
const UNKNOWN: usize = 10;
const UNKNOWN_PAUSE: Duration = Duration::from_millis(500);
/// The shortest and longest pause between two looks at a lock that somebody else has.
const LOOK: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// For tests, in debug builds only: `off` is no lock at all, a number is the length of the lease in seconds.
pub const SETTING: &str = "LIVEINSIGHT_TEST_LOCK";

/// The length of the lease; `None` if there is to be no lock. The lock is a courtesy, and tests show that it is no more than that.
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

/// The lock of one stack, as one run would hold it.
#[derive(Clone)]
pub struct Lock<'a> {
    aws: &'a Aws,
    bucket: String,
    lease: Duration,
    record: Record,
}

/// Result of waiting for the lock.
pub enum Turn<'a> {
    /// The lock is this run's until the lease is released. Without a lease there is no lock, for want of a bucket.
    Ours {
        /// The right to write.
        lease: Option<Lease<'a>>,
        /// Set if another run was waited for: earlier observations are out of date.
        waited: bool,
    },
    /// Another run has the lock, and was not to be waited for.
    Theirs(Held),
}

enum Attempt<'a> {
    Taken(Lease<'a>),
    Held(Held),
    NoBucket,
}

impl<'a> Lock<'a> {
    /// The lock in this bucket; `command` and `holder` are what others are told of this run.
    pub fn new(aws: &'a Aws, bucket: &str, command: &str, holder: &str, lease: Duration) -> Self {
        Self { aws, bucket: bucket.to_owned(), lease, record: Record::new(command, holder, lease) }
    }

    /// Returns the holder, if the lock has not expired.
    pub async fn look(aws: &Aws, bucket: &str) -> Result<Option<Held>> {
        let held = object::read(aws, bucket).await?.map(|found| found.held());
        Ok(held.filter(|held| !held.has_expired()))
    }

    /// Waits until the run that has it does not have it any more. Another run that has it then is returned.
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

    /// Takes it; if another run has it, waits for that if `wait` is set.
    ///
    /// If there is no bucket, which is known beforehand if `missing` is set, `make_bucket` may make one, and says whether it did. `tell`
    /// hears who is waited for, whenever that is another one, and `None` when the waiting is over.
    pub async fn turn(
        &self,
        wait: bool,
        mut missing: bool,
        make_bucket: impl AsyncFn() -> bool,
        tell: impl Fn(Option<&Held>),
    ) -> Result<Turn<'a>> {
        let (mut waited, mut tries) = (false, 0);
        loop {
            if missing {
                if tries == UNKNOWN || (tries == 0 && !make_bucket().await) {
                    return Ok(Turn::Ours { lease: None, waited });
                }
                if tries > 0 {
                    tokio::time::sleep(UNKNOWN_PAUSE).await;
                }
                tries += 1;
            }
            match self.take().await? {
                Attempt::Taken(lease) => return Ok(Turn::Ours { lease: Some(lease), waited }),
                Attempt::Held(held) if !wait => return Ok(Turn::Theirs(held)),
                Attempt::Held(held) => {
                    (waited, missing) = (true, false);
                    let mut next = Some(held);
                    while let Some(held) = next {
                        tell(Some(&held));
                        next = Self::freed(self.aws, &self.bucket, &held).await?;
                    }
                    tell(None);
                }
                Attempt::NoBucket => missing = true,
            }
        }
    }

    /// Takes it if nobody has it, or if whoever had it has not renewed it in time.
    async fn take(&self) -> Result<Attempt<'a>> {
        for _ in 0..TRIES {
            match object::create(self.aws, &self.bucket, &self.record).await {
                Ok(stored) => return Ok(Attempt::Taken(Lease::new(self, stored))),
                Err(Error::Absent(_)) => return Ok(Attempt::NoBucket),
                // It is there, or somebody is just writing it. Or the answer to our own success was lost.
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
                // Somebody was faster, or it was us and the answer was lost: look again.
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

/// The right to write to the stack. Not released, it ends after the length of the lease.
pub struct Lease<'a> {
    lock: Lock<'a>,
    etag: RefCell<String>,
    renewals: Cell<u64>,
}

impl<'a> Lease<'a> {
    fn new(lock: &Lock<'a>, stored: Stored) -> Self {
        let mut lock = lock.clone();
        // Known only now that the service has said what time it is: it is told with the first renewal.
        lock.record.taken_at = Some(time(stored.at));
        Self { lock, etag: RefCell::new(stored.etag), renewals: Cell::new(0) }
    }

    /// Renews it in time, for as long as it is polled. Returns only if another run took it over, which it may when it has expired.
    pub async fn keep(&self) -> Held {
        loop {
            tokio::time::sleep(self.lock.lease / RENEWALS).await;
            if let Some(other) = self.renew().await {
                return other;
            }
        }
    }

    /// Renews it once, unless this run is removing it with its bucket. Trouble on the way is for the next time; another run that has it is
    /// returned.
    async fn renew(&self) -> Option<Held> {
        let Lock { aws, bucket, .. } = &self.lock;
        if aws.bucket_goes(bucket) {
            return None;
        }
        self.renewals.set(self.renewals.get() + 1);
        let record = Record { renewals: self.renewals.get(), ..self.lock.record.clone() };
        let etag = self.etag.borrow().clone();
        let renewed = match object::replace(aws, bucket, &record, &etag).await {
            // Somebody removed it. It is ours as long as nobody has taken it since.
            Err(Error::Absent(_)) => object::create(aws, bucket, &record).await,
            renewed => renewed,
        };
        match renewed {
            Ok(stored) => drop(self.etag.replace(stored.etag)),
            // It is another one than we wrote last: another run's, or our own renewal whose answer was lost.
            Err(Error::Exists(_)) => match object::read(aws, bucket).await {
                Ok(Some(found)) if self.lock.is_ours(&found) => drop(self.etag.replace(found.stored.etag)),
                Ok(Some(found)) => return Some(found.held()),
                _ => {}
            },
            // No bucket, or no answer.
            Err(_) => {}
        }
        None
    }

    /// Gives it back. What is not ours any more stays.
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
