//! Progress of a run: rows on a terminal, plain lines elsewhere, events as JSON lines on request.
//!
//! All three read one list of running work, so the program can always display what it waits for.

use super::{
    Ui,
    fit::{shorten, width},
    json,
    running::Running,
    style::{BAD, GOOD, paint, sign},
};
use crate::{
    aws::{Retry, facts::Typical},
    build,
    engine::{Action, Changes, Error, Event, Id, Outcome},
    lock::{Held, time},
    resources::kind,
    smoke,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Maximum time without output before a sign of life: CI systems take silence for a hang.
const SILENCE: Duration = Duration::from_secs(20);
/// Maximum number of running resources that a sign of life names.
const NAMED: usize = 3;
/// Key of the one running step that is no resource; sorts before every id.
const STEP: &str = "";

/// Line of JSON for programs that read events.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line<'a> {
    Started {
        id: &'a Id,
        action: Action,
    },
    Waiting {
        id: &'a Id,
        why: &'a str,
        times: u32,
        seconds: f64,
    },
    /// A request keeps failing, and is sent again.
    Retrying {
        id: Option<&'a Id>,
        operation: &'a str,
        why: &'a str,
        times: u32,
        seconds: f64,
    },
    Done {
        id: &'a Id,
        action: Action,
        seconds: f64,
    },
    Failed {
        id: &'a Id,
        action: Action,
        seconds: f64,
        error: String,
    },
    Interrupted {
        id: &'a Id,
        action: Action,
        seconds: f64,
    },
    Verifying,
    /// Another run holds the lock, and this one waits. For a malformed lock only the times are known.
    Locked {
        holder: Option<&'a str>,
        command: Option<&'a str>,
        since: String,
        expires: String,
    },
    /// New versions, by function, have this share of the requests.
    Canary {
        share: f64,
        versions: &'a BTreeMap<&'a str, &'a str>,
        #[serde(flatten)]
        state: CanaryState,
    },
    /// Result of the smoke check after a release.
    Smoke {
        passed: bool,
        seen: &'a [String],
        /// Answers that were not judged.
        notes: &'a [String],
        failure: Option<String>,
    },
    Outputs {
        outputs: &'a BTreeMap<String, String>,
    },
}

/// State of a canary.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CanaryState {
    /// Alarms are watched.
    Watching {
        /// Seconds that the alarms are watched.
        seconds: u64,
    },
    /// The step passed without a failed check.
    Passed,
    /// A check failed, and the new versions were rolled back.
    TakenBack,
}

/// Progress display. Clones write to the same output.
#[derive(Clone)]
pub struct Progress(Arc<Inner>);

struct Inner {
    ui: Ui,
    events: bool,
    state: Mutex<State>,
}

struct State {
    began: Instant,
    /// Time of the last line.
    spoke: Instant,
    running: BTreeMap<String, Running>,
}

impl Progress {
    /// Creates the display. With `events`, resources are reported on stdout as one JSON object per line.
    pub fn new(ui: &Ui, events: bool) -> Self {
        let now = Instant::now();
        let state = State { began: now, spoke: now, running: BTreeMap::new() };
        Self(Arc::new(Inner { ui: ui.clone(), events, state: Mutex::new(state) }))
    }

    /// Returns seconds since the start of the run.
    pub fn seconds(&self) -> f64 {
        self.state().began.elapsed().as_secs_f64()
    }

    /// Restarts the clock for a new run.
    pub fn restart(&self) {
        self.state().began = Instant::now();
    }

    /// Begins a step that is about no single resource, and ends the step before it.
    pub fn step(&self, doing: &str) {
        self.quiet_step(doing);
        self.say(doing);
    }

    /// Begins a step that is displayed only if it takes long.
    pub fn quiet_step(&self, doing: &str) {
        self.finish(STEP);
        self.begin(STEP, doing.to_owned(), None);
    }

    /// Ends the current step.
    pub fn step_done(&self) {
        self.finish(STEP);
    }

    /// Returns true if resources are reported as JSON.
    pub fn events(&self) -> bool {
        self.0.events
    }

    /// Reports the outputs as a JSON event.
    pub fn outputs(&self, outputs: &BTreeMap<String, String>) {
        self.event(&Line::Outputs { outputs });
    }

    /// Reports a new share of the requests for new versions.
    pub fn canary(&self, share: f64, versions: &BTreeMap<&str, &str>, state: CanaryState) {
        self.event(&Line::Canary { share, versions, state });
        let names: Vec<String> = versions.iter().map(|(function, version)| format!("{function} {version}")).collect();
        let (names, percent) = (names.join(", "), super::percent(share));
        match state {
            CanaryState::Watching { seconds } => {
                self.step(&format!("canary: {percent} % of the requests go to {names}; watching the alarms for {seconds} s"));
            }
            CanaryState::Passed => self.say_always(&format!("canary: no alarm fired; all requests go to {names} now")),
            CanaryState::TakenBack => self.say_always(&format!("canary: taken back from {names}")),
        }
    }

    /// Reports the smoke check of a release.
    pub fn smoke(&self, outcome: &smoke::Outcome) {
        match outcome {
            smoke::Outcome::Passed { seen, notes } => {
                self.event(&Line::Smoke { passed: true, seen, notes, failure: None });
                if !seen.is_empty() {
                    self.say_always(&format!("checked: {}", seen.join(", ")));
                }
                for note in notes {
                    self.say_always(note);
                }
            }
            smoke::Outcome::Failed(failure) => {
                self.event(&Line::Smoke { passed: false, seen: &[], notes: &[], failure: Some(failure.to_string()) });
            }
            smoke::Outcome::Interrupted => {}
        }
    }

    /// Reports that another run holds the lock, and this one waits.
    pub fn locked(&self, held: &Held) {
        let (holder, command) = (held.by.as_ref().map(|by| by.holder.as_str()), held.by.as_ref().map(|by| by.command.as_str()));
        self.event(&Line::Locked { holder, command, since: time(held.since), expires: time(held.expires) });
        self.step(&format!("waiting for {}", super::lock_text(held)));
    }

    /// Displays an event of the engine.
    pub fn engine(&self, event: &Event<'_>) {
        match event {
            Event::Observing { done, total } => {
                if !self.state().running.contains_key(STEP) {
                    self.step(&format!("reading {}", super::resources(*total)));
                }
                self.explain(STEP, &format!("{done} of {total}"));
                if done == total {
                    self.step_done();
                }
            }
            Event::Started { id, action, changes } => {
                self.event(&Line::Started { id, action: *action });
                let doing = format!("{} {id}", verb(*action).0);
                self.finish(id.as_str());
                self.begin(id.as_str(), doing.clone(), usually(id, *action, changes));
                self.say_in_between(&doing);
            }
            Event::Waiting { id, why, times, waited } => self.waiting(id, why, *times, *waited),
            // The resource continues with its announced work, or waits again for the same reason.
            Event::Resumed { .. } => {}
            Event::Ended { id, action, outcome, seconds } => self.ended(id, *action, outcome, *seconds),
            Event::Verifying => {
                self.event(&Line::Verifying);
                self.step("reading everything once more, to be sure");
            }
        }
    }

    /// Displays the progress of the handlers' build.
    pub fn build(&self, progress: &build::Progress<'_>) {
        use build::Progress as Build;
        match progress {
            Build::UpToDate(functions) if self.0.ui.verbose() => self.say(&format!("unchanged: {}", functions.join(", "))),
            Build::Preparing(what) => self.step(what),
            Build::Building(functions) => self.step(&format!("building {}", functions.join(", "))),
            Build::Linking(functions) => self.step(&format!("compiling and linking {}, which takes minutes", functions.join(", "))),
            Build::Cargo(line) => {
                self.explain(STEP, line.trim());
                if self.0.ui.verbose() {
                    self.say(line);
                }
            }
            // An error is displayed once, at the end.
            Build::Diagnostic(text) if text.starts_with("warning") => self.0.ui.warn(text.trim_start_matches("warning: ")),
            Build::Remark(text) if self.0.ui.verbose() => self.say(text),
            Build::Built { functions, seconds } => {
                self.step_done();
                self.say(&format!("built {} ({seconds:.1} s)", functions.join(", ")));
            }
            _ => {}
        }
    }

    /// Ends the rows of abandoned work, which has not finished and is not awaited.
    pub fn give_up(&self) {
        self.state().running.clear();
    }

    /// Returns running work, each with its wait, oldest first.
    pub fn running(&self) -> Vec<String> {
        let state = self.state();
        let mut running: Vec<&Running> = state.running.values().collect();
        running.sort_by_key(|running| running.since());
        running.iter().map(|running| running.describe()).collect()
    }

    /// Prints a sign of life after a period without output. To be called about once a second.
    pub fn tick(&self) {
        // On a terminal the moving rows are the sign of life.
        if self.0.ui.rows().is_some() || self.state().spoke.elapsed() < SILENCE {
            return;
        }
        self.say(&self.sign_of_life());
    }

    fn sign_of_life(&self) -> String {
        let running = self.running();
        let more = if running.len() > NAMED { format!("; and {} more", running.len() - NAMED) } else { String::new() };
        let named = running.into_iter().take(NAMED).collect::<Vec<_>>().join("; ");
        format!("still working after {:.0} s: {named}{more}", self.seconds())
    }

    fn event(&self, line: &Line<'_>) {
        if self.0.events {
            self.0.ui.result(&json::line(line));
        }
    }

    /// Displays a request that keeps failing.
    pub fn retrying(&self, retry: &Retry) {
        let Retry { id, operation, why, times, waited } = retry;
        self.event(&Line::Retrying { id: id.as_ref(), operation, why, times: *times, seconds: rounded(waited.as_secs_f64()) });
        let key = id.as_ref().map_or(STEP, Id::as_str);
        let about = id.as_ref().map_or_else(String::new, |id| format!("{id}: "));
        let text = format!("{operation} failed {times} times in {:.0} s ({why}) and is sent again", waited.as_secs_f64());
        self.explain(key, &text);
        // Everyone sees failures; on a terminal the row displays them.
        if !self.0.events && self.0.ui.rows().is_none() {
            self.say_always(&format!("{about}{text}"));
        }
    }

    fn waiting(&self, id: &Id, why: &str, times: u32, waited: Duration) {
        if !self.state().running.contains_key(id.as_str()) {
            self.begin(id.as_str(), format!("looking at {id}"), None);
        }
        // The same wait is polled many times. Only a new one is displayed, and one that lasts.
        let text = format!("waiting for {why}");
        let is_new = self.explain(id.as_str(), &text);
        if is_new || self.is_due(id.as_str()) {
            self.event(&Line::Waiting { id, why, times, seconds: rounded(waited.as_secs_f64()) });
        }
        if is_new {
            self.say_in_between(&format!("{id} is waiting for {why}"));
        }
    }

    fn ended(&self, id: &Id, action: Action, outcome: &Outcome<'_>, seconds: f64) {
        self.finish(id.as_str());
        let rounded = rounded(seconds);
        let (doing, done) = verb(action);
        let (event, text) = match outcome {
            Outcome::Done => {
                let (sign, _) = sign(action);
                let time = format!("({seconds:.1} s)");
                let room = self.0.ui.note_columns().beside(width(sign) + width(done) + width(&time) + 3);
                let text = format!("{} {done} {} {time}", paint(GOOD, sign), shorten(id.as_str(), room));
                (Line::Done { id, action, seconds: rounded }, text)
            }
            Outcome::Failed(Error::Interrupted) => {
                (Line::Interrupted { id, action, seconds: rounded }, format!("{} interrupted: {id} ({seconds:.1} s)", paint(BAD, "!")))
            }
            Outcome::Failed(error) => {
                let text = format!("{} failed {doing} {id} ({seconds:.1} s): {error}", paint(BAD, "!"));
                (Line::Failed { id, action, seconds: rounded, error: error.to_string() }, text)
            }
        };
        self.event(&event);
        // With JSON output, an event reports it.
        if !self.0.events {
            self.say_always(&text);
        }
    }

    fn begin(&self, key: &str, doing: String, usually: Option<Typical>) {
        let running = Running::new(doing, usually, self.0.ui.rows());
        self.state().running.insert(key.to_owned(), running);
    }

    /// Sets the reason for a wait, or its progress; returns false if it is already known.
    fn explain(&self, key: &str, why: &str) -> bool {
        self.state().running.get_mut(key).is_some_and(|running| running.explain(why))
    }

    /// Returns true if the last report is long enough ago, and records a new one.
    fn is_due(&self, key: &str) -> bool {
        self.state().running.get_mut(key).is_some_and(|running| running.is_due(SILENCE))
    }

    fn finish(&self, key: &str) {
        self.state().running.remove(key);
    }

    /// Prints a line about an unfinished resource, with -v. Without it, the end of the resource is a line, a terminal has its
    /// row, and a sign of life names it.
    fn say_in_between(&self, text: &str) {
        if !self.0.events && self.0.ui.rows().is_none() && self.0.ui.verbose() {
            self.say_always(text);
        }
    }

    /// Prints a line about a step, which on a terminal is already a row.
    fn say(&self, text: &str) {
        if self.0.ui.rows().is_none() || self.0.ui.verbose() {
            self.say_always(text);
        }
    }

    fn say_always(&self, text: &str) {
        self.state().spoke = Instant::now();
        self.0.ui.note(text);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rounds to a tenth.
fn rounded(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

/// Returns the verb (in progress, done).
fn verb(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Create => ("creating", "created"),
        Action::Update => ("updating", "updated"),
        Action::Replace => ("replacing", "replaced"),
        Action::Delete => ("deleting", "deleted"),
    }
}

/// Returns the typical duration of an action, if it is long enough to mention.
fn usually(id: &Id, action: Action, changes: &Changes) -> Option<Typical> {
    let typical = (kind(id.kind())?.typical)(action, changes);
    typical.is_worth_telling().then_some(typical)
}

#[cfg(test)]
mod tests {
    use super::{Progress, Ui};
    use crate::{
        engine::{Action, Changes, Event, Id, Outcome},
        options::Globals,
        resources::{Role, Table},
    };
    use clap::Parser;
    use std::time::Duration;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        globals: Globals,
    }

    fn progress() -> Progress {
        let globals = Only::parse_from(["liveinsight", "--quiet"]).globals;
        Progress::new(&Ui::new(&globals), false)
    }

    #[test]
    fn nothing_runs_at_first_and_nothing_in_the_end() {
        let (progress, id) = (progress(), Id::new::<Role>("collector"));
        assert!(progress.running().is_empty());
        progress.engine(&Event::Started { id: &id, action: Action::Create, changes: &Changes::default() });
        assert_eq!(progress.running(), ["creating iam.role/collector (0 s)"]);
        progress.engine(&Event::Ended { id: &id, action: Action::Create, outcome: Outcome::Done, seconds: 0.1 });
        assert!(progress.running().is_empty());
    }

    #[test]
    fn a_sign_of_life_names_what_is_waited_for_and_how_long_that_takes() {
        let (progress, table) = (progress(), Id::new::<Table>("events"));
        progress.engine(&Event::Started { id: &table, action: Action::Create, changes: &Changes::default() });
        progress.engine(&Event::Waiting { id: &table, why: "the table to be created", times: 1, waited: Duration::ZERO });
        for name in ["a", "b", "c"] {
            progress.engine(&Event::Started { id: &Id::new::<Role>(name), action: Action::Update, changes: &Changes::default() });
        }
        let text = progress.sign_of_life();
        let first = "creating dynamodb.table/events (0 s, waiting for the table to be created (usually 3 to 9 s))";
        assert!(text.starts_with(&format!("still working after 0 s: {first}; updating iam.role/a (0 s)")), "{text}");
        assert!(text.ends_with("; and 1 more"), "{text}");
    }

    #[test]
    fn reading_is_one_step_that_ends_with_the_last_resource() {
        let progress = progress();
        for done in 1..=3 {
            progress.engine(&Event::Observing { done, total: 3 });
            let expected = if done < 3 { vec![format!("reading 3 resources (0 s, {done} of 3)")] } else { Vec::new() };
            assert_eq!(progress.running(), expected);
        }
    }
}
