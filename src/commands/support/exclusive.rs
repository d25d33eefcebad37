//! One run at a time: a command takes the stack's [lock](crate::lock) before it writes, keeps it meanwhile, and gives it back.
//!
//! Whoever has to wait is told for whom. Reading commands take no lock, and neither does a run that has nothing to change.

use super::{
    context::{Context, Phase},
    session::Session,
};
use crate::{
    engine::{Cloud, Error, Resource},
    error::{CliError, Exit},
    lock::{self, Held, Lease, Lock, Turn, time},
    resources::Bucket,
    ui,
};
use futures::future::{Either, LocalBoxFuture, join, maybe_done, select};
use std::pin::Pin;

/// The right to write to the stack, as far as there is a lock.
pub(in crate::commands) struct Exclusive<'a> {
    lease: Option<Lease<'a>>,
    /// Whether another run had it until now: what was seen before is out of date.
    pub(in crate::commands) waited: bool,
}

/// Where the lock of a stack lies.
pub(in crate::commands) enum Place<'a> {
    /// In its bucket.
    Bucket,
    /// In its bucket, which is to be made first.
    NewBucket(&'a Bucket),
    /// There is no bucket, so there is no lock.
    None,
}

impl<'a> Exclusive<'a> {
    /// Waits for this run's turn; with `no_wait`, fails if it is another's. From here on an interruption is one of writing.
    pub(in crate::commands) async fn begin(
        context: &Context,
        session: &'a Session,
        command: &str,
        place: Place<'_>,
        no_wait: bool,
    ) -> Result<Self, CliError> {
        context.begin(Phase::Writing);
        let (Some(lease), false) = (lock::lease(), matches!(place, Place::None)) else {
            return Ok(Self { lease: None, waited: false });
        };
        let lock = Lock::new(&session.aws, &session.names().bucket(), command, &lock::holder(), lease);
        // Of a first run, something may be made by then.
        let waiting = if matches!(place, Place::NewBucket(_)) { Phase::Writing } else { Phase::Reading };
        let tell = |held: Option<&Held>| tell(context, held, waiting);
        let make_bucket = async || match &place {
            // If it cannot be made, neither can it in its turn, and that is where the reason is told.
            // One that another run is making does as well.
            Place::NewBucket(bucket) => match bucket.make_early(&session.aws).await {
                Ok(()) | Err(Error::NotYet { .. }) => true,
                Err(Error::Exists(_)) => !is_foreign(session, bucket).await,
                Err(_) => false,
            },
            Place::Bucket | Place::None => false,
        };
        match lock
            .turn(!no_wait, matches!(place, Place::NewBucket(_)), make_bucket, tell)
            .await
            .map_err(|error| CliError::of_engine(None, &error))?
        {
            Turn::Ours { lease, waited } => Ok(Self { lease, waited }),
            Turn::Theirs(held) => Err(locked(&held)),
        }
    }

    /// The same, while the work begins that is to be done then, as far as it may.
    ///
    /// Instead of the rest of the work there is `None` if another run was waited for: it was begun on what is out of date, and is dropped.
    pub(in crate::commands) async fn begin_working<'w, T: 'w>(
        context: &Context,
        begin: impl Future<Output = Result<Self, CliError>>,
        work: LocalBoxFuture<'w, T>,
    ) -> Result<(Self, Option<LocalBoxFuture<'w, T>>), CliError> {
        let mut work = maybe_done(work);
        let begun = match select(Box::pin(begin), &mut work).await {
            Either::Left((begun, _)) => begun?,
            // It failed before it came to what has to wait.
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

    /// Works while keeping the lock, then gives it back. The second result is an error if another run took it over meanwhile.
    ///
    /// If the user asks to stop, what is in flight is cut off early enough to give the lock back in time.
    pub(in crate::commands) async fn run<T>(
        self,
        context: &Context,
        work: LocalBoxFuture<'_, Result<T, CliError>>,
    ) -> Result<(T, Result<(), CliError>), CliError> {
        self.run_and_close(context, work, async |_| {}).await
    }

    /// The same, and something that another run need not wait for is done while the lock is given back.
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

/// Observes. If that fails, or what it finds must not be touched, while another run is at work, that run may be the reason: it is waited
/// for, and then the world looks different.
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
            // What makes no sense may come from whoever made the error.
            Ok(Some(held)) if held.by.is_some() && no_wait => return Err(locked(&held)),
            Ok(Some(held)) if held.by.is_some() => {
                tell(context, Some(&held), Phase::Reading);
                let freed = Lock::freed(&session.aws, &session.names().bucket(), &held).await;
                context.progress.step_done();
                // Another run has it then: that one is a reason, too.
                freed.map_err(|error| CliError::of_engine(None, &error))?;
            }
            _ => return Err(error),
        }
    }
}

/// Whether the bucket that exists all of a sudden is known to be somebody else's.
async fn is_foreign(session: &Session, bucket: &Bucket) -> bool {
    session.aws.refresh();
    bucket.find(&session.aws).await.is_ok_and(|found| found.is_some_and(|found| found.owner.foreign().is_some()))
}

/// Whoever waits is told for whom, and may be interrupted at once as long as nothing is written.
fn tell(context: &Context, held: Option<&Held>, waiting: Phase) {
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
    CliError::new(Exit::Locked, text).hint("run it again: it waits for the other run, looks at what is there, and goes on")
}
