//! Serialises runs: a command takes the stack's [lock](crate::lock) before it writes, keeps it while writing, and releases it.
//!
//! A waiting run displays the lock's holder. Read-only commands take no lock, and neither does a run without changes.

use super::{
    context::{Context, Phase},
    session::Session,
};
use crate::{
    engine::{Cloud, Error, Resource},
    error::{CliError, Exit},
    lock::{self, Held, Lease, Lock, LockOutcome, time},
    resources::Bucket,
    ui,
};
use futures::future::{Either, LocalBoxFuture, join, maybe_done, select};
use std::pin::Pin;

/// Permission to write to the stack, with the lock if there is one.
pub(in crate::commands) struct StackLock<'a> {
    lease: Option<Lease<'a>>,
    /// Another run held the lock until now, so earlier observations are out of date.
    pub(in crate::commands) waited: bool,
}

/// Location of the stack's lock.
pub(in crate::commands) enum LockBucket<'a> {
    /// Existing bucket of the stack.
    Existing,
    /// Bucket of the stack that has to be created first.
    New(&'a Bucket),
    /// No bucket, and therefore no lock.
    None,
}

impl<'a> StackLock<'a> {
    /// Waits for the lock; with `no_wait`, fails if another run holds it. From here on the phase is writing.
    pub(in crate::commands) async fn begin(
        context: &Context,
        session: &'a Session,
        command: &str,
        lock_bucket: LockBucket<'_>,
        no_wait: bool,
    ) -> Result<Self, CliError> {
        context.begin(Phase::Writing);
        let (Some(lease), false) = (lock::lease(), matches!(lock_bucket, LockBucket::None)) else {
            return Ok(Self { lease: None, waited: false });
        };
        let lock = Lock::new(&session.aws, &session.names().bucket(), command, &lock::holder(), lease);
        // A first run may have created resources by the time it waits.
        let waiting = if matches!(lock_bucket, LockBucket::New(_)) { Phase::Writing } else { Phase::Reading };
        let print_holder = |held: Option<&Held>| print_holder(context, held, waiting);
        let make_bucket = async || match &lock_bucket {
            // Creation that fails here fails again under the lock, where the reason is reported. A bucket that another run is
            // creating will also do.
            LockBucket::New(bucket) => match bucket.make_early(&session.aws).await {
                Ok(()) | Err(Error::NotYet { .. }) => true,
                Err(Error::Exists(_)) => !is_foreign(session, bucket).await,
                Err(_) => false,
            },
            LockBucket::Existing | LockBucket::None => false,
        };
        match lock
            .acquire(!no_wait, matches!(lock_bucket, LockBucket::New(_)), make_bucket, print_holder)
            .await
            .map_err(|error| CliError::of_engine(None, &error))?
        {
            LockOutcome::Acquired { lease, waited } => Ok(Self { lease, waited }),
            LockOutcome::Held(held) => Err(locked(&held)),
        }
    }

    /// Waits as [`begin`](Self::begin) does, while the work begins that needs no lock.
    ///
    /// Returns `None` for the rest of the work if another run was waited for: the work began on out-of-date observations and is
    /// dropped.
    pub(in crate::commands) async fn begin_working<'w, T: 'w>(
        context: &Context,
        begin: impl Future<Output = Result<Self, CliError>>,
        work: LocalBoxFuture<'w, T>,
    ) -> Result<(Self, Option<LocalBoxFuture<'w, T>>), CliError> {
        let mut work = maybe_done(work);
        let begun = match select(Box::pin(begin), &mut work).await {
            Either::Left((begun, _)) => begun?,
            // The work failed before the part that needs the lock.
            Either::Right(((), begin)) => begin.await?,
        };
        if begun.waited {
            context.progress.give_up();
            return Ok((begun, None));
        }
        let rest = async move {
            (&mut work).await;
            Pin::new(&mut work).take_output().expect("it has ended, and its result was not taken before")
        };
        Ok((begun, Some(Box::pin(rest))))
    }

    /// Works while keeping the lock, then releases it. The second result is an error if another run took the lock over
    /// meanwhile.
    ///
    /// If the user asks to stop, requests in flight are cut off early enough to release the lock in time.
    pub(in crate::commands) async fn run<T>(
        self,
        context: &Context,
        work: LocalBoxFuture<'_, Result<T, CliError>>,
    ) -> Result<(T, Result<(), CliError>), CliError> {
        self.run_and_close(context, work, async |_| {}).await
    }

    /// Works as [`run`](Self::run) does. `close` is work that another run need not wait for; it runs while the lock is released.
    pub(in crate::commands) async fn run_and_close<T>(
        self,
        context: &Context,
        mut work: LocalBoxFuture<'_, Result<T, CliError>>,
        close: impl AsyncFnOnce(&mut T),
    ) -> Result<(T, Result<(), CliError>), CliError> {
        let mut kept = Ok(());
        let mut result = loop {
            let keep = async {
                match &self.lease {
                    Some(lease) if kept.is_ok() => lease.keep().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                result = &mut work => break result,
                interrupted = context.cut_off() => break Err(kept.clone().err().unwrap_or(interrupted)),
                held = keep => {
                    kept = Err(lost(&held));
                    context.stop.request();
                }
            }
        };
        let give_back = async {
            if let Some(lease) = self.lease
                && let Err(error) = lease.release().await
            {
                context.ui.warn(&format!("the lock is not given back ({error}); it ends by itself within a minute"));
            }
        };
        let close = async {
            if let Ok(done) = &mut result {
                close(done).await;
            }
        };
        join(give_back, close).await;
        Ok((result?, kept))
    }
}

/// Observes. On an error while another run holds the lock, that run may be the cause. Waits for its end, and observes again.
pub(in crate::commands) async fn observe<T>(
    context: &Context,
    session: &Session,
    no_wait: bool,
    observe: impl AsyncFn() -> Result<T, CliError>,
) -> Result<T, CliError> {
    loop {
        let error = match observe().await {
            Err(error) if lock::lease().is_some() && session.stack.site.is_some() => error,
            result => return result,
        };
        match Lock::look(&session.aws, &session.names().bucket()).await {
            // A malformed record may come from the very run that caused the error.
            Ok(Some(held)) if held.by.is_some() && no_wait => return Err(locked(&held)),
            Ok(Some(held)) if held.by.is_some() => {
                print_holder(context, Some(&held), Phase::Reading);
                let freed = Lock::freed(&session.aws, &session.names().bucket(), &held).await;
                context.progress.step_done();
                // An error means that a third run holds the lock now, which may also be the cause.
                freed.map_err(|error| CliError::of_engine(None, &error))?;
            }
            _ => return Err(error),
        }
    }
}

/// Returns true if a bucket that has just appeared is known to belong to another stack or person.
async fn is_foreign(session: &Session, bucket: &Bucket) -> bool {
    session.aws.refresh();
    bucket.find(&session.aws).await.is_ok_and(|found| found.is_some_and(|found| found.owner.foreign().is_some()))
}

/// Displays the holder to a waiting user. The wait can be interrupted at once as long as nothing is written.
fn print_holder(context: &Context, held: Option<&Held>, waiting: Phase) {
    if let Some(held) = held {
        context.begin(waiting);
        context.progress.locked(held);
    } else {
        context.progress.step_done();
        context.begin(Phase::Writing);
    }
}

fn locked(held: &Held) -> CliError {
    CliError::new(Exit::Locked, format!("locked by {}", ui::lock_text(held)))
        .hint("without --no-wait this command waits; `liveinsight status` shows who has the lock")
        .hint(format!("if that run is dead, its lock ends by itself at {}", time(held.expires)))
}

fn lost(held: &Held) -> CliError {
    let text = format!("stopped, because another run took over the lock, which was not renewed in time: {}", ui::lock_text(held));
    CliError::new(Exit::Locked, text).hint("run it again: it waits for the other run and continues from the current state")
}
