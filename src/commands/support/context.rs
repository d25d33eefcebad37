//! Context of every command: options, output and interruption.

use crate::{
    engine::{Event, Stop},
    error::{CliError, Exit},
    options::{Format, Globals},
    timings::Recorder,
    ui::{Progress, Ui},
};
use std::{
    cell::{Cell, OnceCell},
    pin::pin,
    time::Duration,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, MissedTickBehavior, interval},
};

/// Maximum time for a command to end after the user asks it to stop. GitHub, for one, cancels a job with SIGINT, with SIGTERM
/// after 7.5 s and with SIGKILL after 10 s.
const GRACE: Duration = Duration::from_secs(10);
/// Part of [`GRACE`] for requests in flight; the rest is for releasing the lock.
const IN_FLIGHT: Duration = Duration::from_secs(6);

/// Context of one command.
pub struct Context {
    /// Global command line options.
    pub globals: Globals,
    /// Output of the command.
    pub ui: Ui,
    /// Progress display.
    pub progress: Progress,
    /// Stop flag of the engine.
    pub stop: Stop,
    /// Current phase, which decides the effect of an interruption.
    phase: Cell<Phase>,
    /// Recorder of the run, once recording was requested.
    recorder: OnceCell<Recorder>,
}

/// Phase of a command, which decides the effect of Ctrl-C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Phase {
    /// Nothing is written: the command can end anywhere.
    Reading,
    /// Writes are in progress: those in flight are awaited, and the rest is left undone.
    Writing,
    /// The command runs until it is interrupted, which is its normal end, and stops by itself.
    Serving,
}

impl Context {
    /// Creates the context. Resources are reported as JSON lines if the format is JSON.
    pub fn new(globals: Globals, ui: Ui) -> Self {
        let progress = Progress::new(&ui, globals.format == Format::Json);
        Self { globals, ui, progress, stop: Stop::default(), phase: Cell::new(Phase::Reading), recorder: OnceCell::new() }
    }

    /// Returns the format, if the command supports it.
    pub fn format(&self, known: &[Format]) -> Result<Format, CliError> {
        if known.contains(&self.globals.format) {
            return Ok(self.globals.format);
        }
        let (asked, known) = (self.globals.format.name(), known.iter().map(|format| format.name()).collect::<Vec<_>>().join(", "));
        Err(CliError::usage(format!("this command does not know --format {asked}")).hint(format!("it knows {known}")))
    }

    /// Starts recording the run, and returns the recorder.
    pub(in crate::commands) fn record(&self) -> &Recorder {
        self.recorder.get_or_init(Recorder::default)
    }

    /// Returns the recorder, if recording is on.
    pub(in crate::commands) fn recorder(&self) -> Option<&Recorder> {
        self.recorder.get()
    }

    /// Records the activity that begins now.
    pub(in crate::commands) fn now(&self, about: &'static str) {
        if let Some(recorder) = self.recorder() {
            recorder.phase(about);
        }
    }

    /// Displays an event of the engine, and records it.
    pub(in crate::commands) fn emit(&self, event: &Event<'_>) {
        if let Some(recorder) = self.recorder() {
            recorder.event(event);
        }
        self.progress.engine(event);
    }

    /// Enters a phase.
    pub(in crate::commands) fn begin(&self, phase: Phase) {
        self.phase.set(phase);
    }

    /// Returns the current phase.
    pub(in crate::commands) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Runs a command while listening for Ctrl-C and SIGTERM, and prints signs of life.
    ///
    /// While nothing is written, the first signal ends the command. During writes, or while the command serves, the first
    /// signal asks it to stop. The second signal, or the end of the grace period, ends it.
    pub(crate) async fn supervise<T>(&self, command: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
        let mut command = pin!(command);
        let cannot_listen = |error| CliError::failed(format!("cannot listen for signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot_listen)?;
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut deadline = None;
        loop {
            tokio::select! {
                result = &mut command => return result,
                () = either(&mut interrupt, &mut terminate) => {
                    if self.phase.get() == Phase::Reading || self.stop.requested() {
                        return Err(self.interrupted());
                    }
                    self.stop.request();
                    deadline = Some(Instant::now() + GRACE);
                    if self.phase.get() == Phase::Writing {
                        let seconds = IN_FLIGHT.as_secs();
                        self.ui.warn(&format!("stopping: what is in flight may finish, up to {seconds} s; once more ends it at once"));
                    }
                }
                _ = ticks.tick() => {
                    if self.phase.get() != Phase::Serving {
                        self.progress.tick();
                    }
                    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                        return Err(self.interrupted());
                    }
                }
            }
        }
    }

    /// Waits until requests in flight have had their time after the user asked to stop.
    pub(in crate::commands) async fn cut_off(&self) -> CliError {
        self.stop.asked().await;
        tokio::time::sleep(IN_FLIGHT).await;
        self.interrupted()
    }

    fn interrupted(&self) -> CliError {
        if self.phase.get() == Phase::Reading {
            return CliError::new(Exit::Interrupted, "nothing was changed");
        }
        let running = self.progress.running();
        let mut message = "not everything is done".to_owned();
        if !running.is_empty() {
            message.push_str(". What was in flight:\n  ");
            message.push_str(&running.join("\n  "));
        }
        CliError::new(Exit::Interrupted, message).hint("run the same command again: it continues from the current state")
    }
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
