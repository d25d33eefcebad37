//! What every command is given: the options, the screen, and when to stop.

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

/// How long a command may take to end after the user asked it to stop. GitHub, for one, cancels a job with SIGINT, with SIGTERM after 7.5 s
/// and with SIGKILL after 10 s.
const GRACE: Duration = Duration::from_secs(10);
/// How much of that what is in flight may take; the rest is for giving the lock back.
const IN_FLIGHT: Duration = Duration::from_secs(6);

/// The surroundings of one command.
pub struct Context {
    /// The global options.
    pub globals: Globals,
    /// Where everything is written.
    pub ui: Ui,
    /// What is going on.
    pub progress: Progress,
    /// Asks the engine to stop.
    pub stop: Stop,
    /// What an interruption would interrupt.
    phase: Cell<Phase>,
    /// Takes notes of what the command does, once it is asked to.
    recorder: OnceCell<Recorder>,
}

/// What a command is doing, as far as Ctrl-C is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Phase {
    /// Nothing is changed: it can end anywhere.
    Reading,
    /// Something is changed: what is in flight is waited for, and the rest is missing afterwards.
    Writing,
    /// It goes on until it is interrupted: that is how it is meant to end, and it ends itself.
    Serving,
}

impl Context {
    /// Reports resources as JSON lines if JSON is wanted.
    pub fn new(globals: Globals, ui: Ui) -> Self {
        let progress = Progress::new(&ui, globals.format == Format::Json);
        Self { globals, ui, progress, stop: Stop::default(), phase: Cell::new(Phase::Reading), recorder: OnceCell::new() }
    }

    /// The format, if it is among those that the command writes.
    pub fn format(&self, known: &[Format]) -> Result<Format, CliError> {
        if known.contains(&self.globals.format) {
            return Ok(self.globals.format);
        }
        let (asked, known) = (self.globals.format.name(), known.iter().map(|format| format.name()).collect::<Vec<_>>().join(", "));
        Err(CliError::usage(format!("this command does not know --format {asked}")).hint(format!("it knows {known}")))
    }

    /// Takes notes from here on of what is done when.
    pub(in crate::commands) fn record(&self) -> &Recorder {
        self.recorder.get_or_init(Recorder::default)
    }

    /// The notes, if they are taken.
    pub(in crate::commands) fn recorder(&self) -> Option<&Recorder> {
        self.recorder.get()
    }

    /// Notes what the command is about from here on.
    pub(in crate::commands) fn now(&self, about: &'static str) {
        if let Some(recorder) = self.recorder() {
            recorder.phase(about);
        }
    }

    /// Shows an event of the engine, and notes it.
    pub(in crate::commands) fn tell(&self, event: &Event<'_>) {
        if let Some(recorder) = self.recorder() {
            recorder.event(event);
        }
        self.progress.engine(event);
    }

    /// Decides what an interruption does from here on.
    pub(in crate::commands) fn begin(&self, phase: Phase) {
        self.phase.set(phase);
    }

    /// What an interruption would interrupt now.
    pub(in crate::commands) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Runs a command while listening for Ctrl-C and SIGTERM, and giving signs of life.
    ///
    /// While nothing is written, the first signal ends the command. While something is, or while the command serves, the first asks it
    /// to stop, and the second, or the end of the grace, ends it.
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

    /// Waits until what is in flight has had its time, after the user asked to stop.
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
        CliError::new(Exit::Interrupted, message).hint("run the same command again: it looks at what is there and goes on")
    }
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
