//! All that is written to stdout and stderr goes through [`Ui`]; the other files here only make texts.
//!
//! stdout carries results, stderr everything else. A reader who went away (`| head`) does not stop the work.

mod findings;
mod graph;
mod history;
mod json;
mod lock;
mod logs;
mod outputs;
mod plan;
mod progress;
mod report;
mod running;
mod seed;
mod status;
mod style;
mod usual;

pub use findings::{Finding, findings_json, findings_text};
pub use graph::{dot as graph_dot, mermaid as graph_mermaid, text as graph_text};
pub use history::{json as history_json, text as history_text};
pub use lock::text as lock_text;
pub use logs::{LogStyle, log_json};
pub use outputs::{dotenv as outputs_dotenv, github as outputs_github, text as outputs_text};
pub use plan::{APPLIED, Detail, json as plan_json, text as plan_text};
pub use progress::Progress;
pub use report::{Summary, failures, removal_text};
pub use seed::SeedReport;
pub use status::{Health, Released, json as status_json, text as status_text};

use crate::{
    cli::{Color, Globals},
    engine::Id,
    error::{CliError, Exit},
};
use anstream::AutoStream;
use indicatif::MultiProgress;
use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The only writer to stdout and stderr. Clones write to the same place.
#[derive(Clone)]
pub struct Ui(Arc<Inner>);

struct Inner {
    streams: Mutex<Streams>,
    quiet: bool,
    verbose: bool,
    /// The rows at the bottom of a terminal, which have to step aside for every line.
    rows: Option<MultiProgress>,
}

struct Streams {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    /// Why stdout takes nothing any more.
    lost: Option<io::Error>,
}

impl Ui {
    /// Writes as the global options say.
    pub fn new(globals: &Globals) -> Self {
        let choice = |auto| match globals.color {
            Color::Auto => auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        let (out, err) = (io::stdout(), io::stderr());
        let (out_choice, err_choice) = (choice(AutoStream::choice(&out)), choice(AutoStream::choice(&err)));
        let streams = Streams { out: AutoStream::new(out, out_choice), err: AutoStream::new(err, err_choice), lost: None };
        let live = io::stderr().is_terminal() && !globals.quiet;
        let rows = live.then(MultiProgress::new);
        Self(Arc::new(Inner { streams: Mutex::new(streams), quiet: globals.quiet, verbose: globals.verbose, rows }))
    }

    /// Writes a result to stdout, ending in one newline.
    pub fn result(&self, text: &str) {
        self.write(|streams| {
            if streams.lost.is_none() {
                let written = writeln!(streams.out, "{}", text.trim_end_matches('\n')).and_then(|()| streams.out.flush());
                streams.lost = written.err();
            }
        });
    }

    /// Says something on stderr that `--quiet` leaves out.
    pub fn note(&self, text: &str) {
        if !self.0.quiet {
            self.line(text);
        }
    }

    /// Warns on stderr.
    pub fn warn(&self, text: &str) {
        self.line(&format!("{} {text}", style::paint(style::CHANGED.bold(), "warning:")));
    }

    /// Shows an error on stderr, with what to do next.
    pub fn error(&self, error: &CliError) {
        self.line(&error_text(error));
    }

    /// Asks a question that is answered with yes or no; anything but yes is no. Call only if [`Self::can_ask`].
    pub async fn ask(&self, question: &str) -> bool {
        self.write(|streams| {
            // If the question cannot be seen, the answer will not be yes.
            let _ = write!(streams.err, "{question} [y/N] ").and_then(|()| streams.err.flush());
        });
        let answer = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|_| line)
        });
        matches!(answer.await, Ok(Ok(line)) if matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Whether somebody is there to answer.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether more than usual is wanted.
    pub fn verbose(&self) -> bool {
        self.0.verbose
    }

    /// Whether stdout still takes results. Somebody who pipes into `head` has gone away at some point.
    pub fn is_read(&self) -> bool {
        self.streams().lost.is_none()
    }

    /// An error if a result was lost. A reader who did not want more is none.
    pub fn finish(&self) -> Result<(), CliError> {
        match self.streams().lost.take() {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(CliError::failed(format!("cannot write to stdout: {error}"))),
            _ => Ok(()),
        }
    }

    /// A line on stderr. There is nowhere left to report that stderr is gone.
    fn line(&self, text: &str) {
        self.write(|streams| drop(writeln!(streams.err, "{text}")));
    }

    fn rows(&self) -> Option<&MultiProgress> {
        self.0.rows.as_ref()
    }

    fn write(&self, write: impl FnOnce(&mut Streams)) {
        let write = || write(&mut self.streams());
        match &self.0.rows {
            Some(rows) => rows.suspend(write),
            None => write(),
        }
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.0.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The heading by kind, the message, and each hint on a line of its own.
fn error_text(error: &CliError) -> String {
    let heading = match error.exit {
        Exit::Interrupted => "interrupted:",
        _ => "error:",
    };
    let lines = [format!("{} {}", style::paint(style::ERROR, heading), error.message)];
    let hints = error.hints.iter().map(|hint| format!("{} {hint}", style::paint(style::HINT, "hint:")));
    lines.into_iter().chain(hints).collect::<Vec<_>>().join("\n")
}

/// `1 resource`, `59 resources`
pub fn resources(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} resource{plural}")
}

/// The physical name, unless the id says it already.
fn name_beside<'a>(id: &Id, name: &'a str) -> &'a str {
    if id.as_str().strip_prefix(id.kind()).is_some_and(|rest| rest.strip_prefix('/') == Some(name)) { "" } else { name }
}
