//! Output of the program. Everything on stdout and stderr goes through [`Ui`]; the other files here only format texts.
//!
//! stdout carries results, stderr everything else. A reader that went away (`| head`) does not stop the work.

mod ci;
mod cost;
mod findings;
mod fit;
mod graph;
mod history;
mod json;
mod lock;
mod logs;
mod markdown;
mod outputs;
mod plan;
mod progress;
mod report;
mod running;
mod seed;
mod status;
mod style;
mod timings;
mod uncompared;

pub use cost::line as cost_line;
pub use findings::{Finding, findings_json, findings_text};
pub use fit::Columns;
pub use graph::{dot as graph_dot, mermaid as graph_mermaid, text as graph_text};
pub use history::{json as history_json, text as history_text};
pub use lock::text as lock_text;
pub use logs::{LogStyle, log_json};
pub use markdown::{plan as plan_markdown, result as result_markdown};
pub use outputs::{dotenv as outputs_dotenv, github as outputs_github, text as outputs_text};
pub use plan::{APPLIED, Detail, RolledBack, json as plan_json, left_out as left_out_line, text as plan_text};
pub use progress::{CanaryState, Progress};
pub use report::{Summary, failures, protected, removal_text};
pub use seed::SeedReport;
pub use status::{Health, View as StatusView, json as status_json, markdown as status_markdown, text as status_text};
pub use timings::{achieved_line, estimate_line};
pub use uncompared::{text as uncompared_text, uncompared};

use crate::{
    engine::Id,
    error::{CliError, Exit},
    options::{Color, Globals},
};
use anstream::AutoStream;
use ci::{Ci, Level};
use indicatif::MultiProgress;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, ErrorKind, IsTerminal, Write},
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

/// Formats an event as one line of JSON.
pub fn event(event: &impl serde::Serialize) -> String {
    json::line(event)
}

/// The only writer to stdout and stderr. Clones write to the same streams.
#[derive(Clone)]
pub struct Ui(Arc<Inner>);

struct Inner {
    streams: Mutex<Streams>,
    quiet: bool,
    verbose: bool,
    /// Set if this command runs with `--local`.
    local: bool,
    /// Progress rows at the bottom of a terminal, which make way for every line.
    rows: Option<MultiProgress>,
    /// CI system that reads the output.
    ci: Option<Ci>,
}

struct Streams {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    /// Error that ended writing to stdout.
    lost: Option<io::Error>,
    /// Title of the current folded part of the log.
    fold: Option<String>,
    /// Secrets that are already masked.
    masked: BTreeSet<String>,
}

impl Ui {
    /// Creates the output for the global options.
    pub fn new(globals: &Globals) -> Self {
        let choice = |auto| match globals.color {
            Color::Auto => auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        let (out, err) = (io::stdout(), io::stderr());
        let (out_choice, err_choice) = (choice(AutoStream::choice(&out)), choice(AutoStream::choice(&err)));
        let streams = Streams {
            out: AutoStream::new(out, out_choice),
            err: AutoStream::new(err, err_choice),
            lost: None,
            fold: None,
            masked: BTreeSet::new(),
        };
        let live = io::stderr().is_terminal() && !globals.quiet;
        let rows = live.then(MultiProgress::new);
        let ci = Ci::detect(|name| std::env::var(name).ok());
        Self(Arc::new(Inner {
            streams: Mutex::new(streams),
            quiet: globals.quiet,
            verbose: globals.verbose,
            local: globals.local,
            rows,
            ci,
        }))
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

    /// Writes a note to stderr, unless `--quiet` is set.
    pub fn note(&self, text: &str) {
        if !self.0.quiet {
            self.line(&self.asked_alike(text));
        }
    }

    /// Adds `--local` to the commands in a text, if this command runs with it.
    fn asked_alike(&self, text: &str) -> String {
        if self.0.local { with_local(text) } else { text.to_owned() }
    }

    /// Writes a warning to stderr.
    pub fn warn(&self, text: &str) {
        match self.0.ci.as_ref().and_then(|ci| ci.note(Level::Warning, text, None)) {
            Some(note) => self.raw(&note),
            None => self.line(&format!("{} {text}", style::paint(style::CHANGED.bold(), "warning:"))),
        }
    }

    /// Writes an error to stderr, with the next steps.
    pub fn error(&self, error: &CliError) {
        self.unfold();
        self.line(&self.asked_alike(&error_text(error)));
        let Some(ci) = &self.0.ci else { return };
        let notes: Vec<Option<String>> = if error.mistakes.is_empty() {
            vec![ci.note(Level::Error, &error.message, None)]
        } else {
            error.mistakes.iter().map(|mistake| ci.note(Level::Error, &mistake.message, Some(mistake))).collect()
        };
        for note in notes.into_iter().flatten() {
            self.raw(&note);
        }
        let text = anstream::adapter::strip_str(&self.asked_alike(&error_text(error))).to_string();
        self.page(&markdown::fenced("", &text));
    }

    /// Begins a folded part in the log of a CI job under this title. It lasts until the next one or [`Self::unfold`].
    pub fn fold(&self, title: &str) {
        self.unfold();
        if let Some(ci) = self.0.ci.as_ref().filter(|_| !self.0.quiet) {
            self.raw(&ci.fold(title, now()));
            self.streams().fold = Some(title.to_owned());
        }
    }

    /// Ends the folded part, if there is one.
    pub fn unfold(&self) {
        let title = self.streams().fold.take();
        if let (Some(ci), Some(title)) = (&self.0.ci, title) {
            self.raw(&ci.unfold(&title, now()));
        }
    }

    /// Masks these in the log of a CI job from here on, where that is supported, in the output of every step and program.
    pub fn mask<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        let Some(ci) = &self.0.ci else { return };
        for secret in secrets {
            if self.streams().masked.insert(secret.to_owned()) {
                ci.mask(secret).iter().for_each(|line| self.raw(line));
            }
        }
    }

    /// Appends to the summary page of a CI job, where there is one.
    pub fn page(&self, markdown: &str) {
        if let Some(Err(error)) = self.0.ci.as_ref().map(|ci| ci.page(markdown)) {
            self.warn(&format!("cannot write to the file that GITHUB_STEP_SUMMARY names: {error}"));
        }
    }

    /// Passes values to later steps of a CI job, where that is supported.
    pub fn step_outputs(&self, outputs: &BTreeMap<String, String>) {
        if let Some(Err(error)) = self.0.ci.as_ref().map(|ci| ci.outputs(outputs)) {
            self.warn(&format!("cannot write to the file that GITHUB_OUTPUT names: {error}"));
        }
    }

    /// Asks a yes-no question; any answer but yes is no. Call only if [`Self::can_ask`].
    pub async fn ask(&self, question: &str) -> bool {
        self.write(|streams| {
            // If the question cannot be written, the answer will not be yes.
            let _ = write!(streams.err, "{question} [y/N] ").and_then(|()| streams.err.flush());
        });
        let answer = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|_| line)
        });
        matches!(answer.await, Ok(Ok(line)) if matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Returns true if a person can answer.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Returns true if a person sees the output.
    pub fn is_watched(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Returns the columns of a result's line: those of the terminal, if stdout is one.
    pub fn columns(&self) -> Columns {
        columns(io::stdout())
    }

    /// Returns the columns of a line on stderr.
    pub fn note_columns(&self) -> Columns {
        columns(io::stderr())
    }

    /// Returns true if `--verbose` is set.
    pub fn verbose(&self) -> bool {
        self.0.verbose
    }

    /// Returns true while stdout takes results. A reader such as `head` closes it early.
    pub fn is_read(&self) -> bool {
        self.streams().lost.is_none()
    }

    /// Fails if a result was lost. A reader that wanted no more is no failure.
    pub fn finish(&self) -> Result<(), CliError> {
        match self.streams().lost.take() {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(CliError::failed(format!("cannot write to stdout: {error}"))),
            _ => Ok(()),
        }
    }

    /// Writes a line to stderr. A failure of stderr itself cannot be reported anywhere.
    fn line(&self, text: &str) {
        self.write(|streams| drop(writeln!(streams.err, "{text}")));
    }

    /// Writes a line for a CI system, including its escape codes.
    fn raw(&self, text: &str) {
        self.write(|streams| drop(writeln!(streams.err.as_inner(), "{text}")));
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

/// Returns the columns of a stream: no limit unless it is a terminal that reports its width.
fn columns(stream: impl AsFd) -> Columns {
    terminal_size::terminal_size_of(stream).map_or(Columns::UNLIMITED, |(terminal_size::Width(columns), _)| Columns::of(columns.into()))
}

/// Returns seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Formats an error: the heading by kind, the message, and each hint on a line of its own.
fn error_text(error: &CliError) -> String {
    let heading = match error.exit {
        Exit::Interrupted => "interrupted:",
        _ => "error:",
    };
    let lines = [format!("{} {}", style::paint(style::ERROR, heading), error.message)];
    let hints = error.hints.iter().map(|hint| format!("{} {hint}", style::paint(style::HINT, "hint:")));
    lines.into_iter().chain(hints).collect::<Vec<_>>().join("\n")
}

/// Commands that act on another stack without `--local`.
const ELSEWHERE: [&str; 11] = ["up", "plan", "down", "status", "outputs", "history", "logs", "rollback", "open", "doctor", "seed"];

/// Adds `--local` to each command that a text names between backquotes: `liveinsight up`.
fn with_local(text: &str) -> String {
    let mut parts = text.split('`').enumerate().map(|(index, part)| {
        let command = part.strip_prefix("liveinsight ").filter(|_| index % 2 == 1);
        let name = command.and_then(|command| command.split(' ').next());
        let is_elsewhere = name.is_some_and(|name| ELSEWHERE.contains(&name)) && !part.contains("--local");
        if is_elsewhere { format!("{part} --local") } else { part.to_owned() }
    });
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |text, part| format!("{text}`{part}"))
}

/// Converts a share from 0 to 1 to percent, rounded to a hundredth.
pub fn percent(share: f64) -> f64 {
    (share * 10_000.0).round() / 100.0
}

/// Formats a count: `1 resource`, `59 resources`.
pub fn resources(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} resource{plural}")
}

/// Formats lines of prose, each wrapped if it does not fit.
pub fn lines(text: &str, columns: Columns) -> String {
    text.lines().map(|line| columns.wrap(line, 0, 2)).collect::<Vec<_>>().join("\n")
}

/// Returns the physical name, unless the id contains it.
fn name_beside<'a>(id: &Id, name: &'a str) -> &'a str {
    if id.as_str().strip_prefix(id.kind()).is_some_and(|rest| rest.strip_prefix('/') == Some(name)) { "" } else { name }
}

#[cfg(test)]
mod tests {
    use super::with_local;

    #[test]
    fn commands_are_named_as_they_have_to_be_run() {
        assert_eq!(
            with_local("run `liveinsight up`, then `liveinsight logs api`"),
            "run `liveinsight up --local`, then `liveinsight logs api --local`"
        );
        for text in ["`liveinsight local stop` ends it", "`liveinsight up --local`", "liveinsight up", "`liveinsight init` writes one", ""]
        {
            assert_eq!(with_local(text), text);
        }
    }
}
