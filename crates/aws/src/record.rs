//! Records the phases, work, calls and waits of a run as they happen.

use engine::{self, Action, Event, Id, Outcome};
use std::{
    cell::{Cell, Ref, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Instant,
};

/// Shortest time in a queue, in seconds, that counts as a wait. Below it lies the program's own scheduling.
const NOTHING: f64 = 0.01;

/// Span of time, in seconds since the recording began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Begin, in seconds since the recording began.
    pub begin: f64,
    /// End, in seconds since the recording began.
    pub end: f64,
}

impl Span {
    /// Returns the length of the span in seconds.
    pub fn seconds(self) -> f64 {
        self.end - self.begin
    }
}

/// Recorder of a run. Clones write into the same recording.
#[derive(Clone)]
pub struct Recorder(Rc<Inner>);

struct Inner {
    began: Instant,
    recording: RefCell<Recording>,
    /// Index of the last wait for AWS of each resource.
    waits: RefCell<HashMap<Id, usize>>,
    round: Cell<usize>,
}

/// Recording of a run.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// Phases of the run, each with its begin in seconds.
    pub phases: Vec<(f64, &'static str)>,
    /// Finished work on resources.
    pub works: Vec<Work>,
    /// Calls to AWS.
    pub calls: Vec<Call>,
    /// Waits for AWS and in queues.
    pub waits: Vec<Wait>,
}

/// Work on one resource, from the time its dependencies existed until it was done.
#[derive(Debug, Clone)]
pub struct Work {
    /// Id of the resource.
    pub id: Id,
    /// Action on the resource.
    pub action: Action,
    /// Time of the work.
    pub span: Span,
    /// Set if the work failed or was interrupted.
    pub failed: bool,
    /// Number of the round. Each verification starts another one.
    pub round: usize,
}

/// Call with all its attempts.
#[derive(Debug, Clone)]
pub struct Call {
    /// Operation as `service:Operation`.
    pub operation: &'static str,
    /// Set if the call may change something.
    pub write: bool,
    /// Resource that the call was made for, if it was a single one. Others may share the answer.
    pub id: Option<Id>,
    /// Time from the request for the call until its answer.
    pub span: Span,
    /// Times of the call's requests.
    pub attempts: Vec<Span>,
}

/// Wait of a resource or a call.
#[derive(Debug, Clone)]
pub struct Wait {
    /// Resource that waited, if a single one did.
    pub id: Option<Id>,
    /// Reason for the wait in a few words.
    pub why: String,
    /// Time of the wait.
    pub span: Span,
    /// Set if the wait was for a place in a queue; otherwise it was for AWS.
    pub queued: bool,
}

impl Default for Recorder {
    fn default() -> Self {
        Self(Rc::new(Inner { began: Instant::now(), recording: RefCell::default(), waits: RefCell::default(), round: Cell::default() }))
    }
}

impl Recorder {
    /// Returns the recording so far.
    pub fn recording(&self) -> Ref<'_, Recording> {
        self.0.recording.borrow()
    }

    /// Begins a phase of the run.
    pub fn phase(&self, about: &'static str) {
        let mut recording = self.0.recording.borrow_mut();
        if recording.phases.last().is_none_or(|(_, last)| *last != about) {
            recording.phases.push((self.seconds(), about));
        }
    }

    /// Notes an event of the engine.
    pub fn event(&self, event: &Event<'_>) {
        match event {
            Event::Observing { .. } => self.phase("reading"),
            Event::Started { .. } => self.phase("writing"),
            Event::Waiting { id, why, .. } => self.waiting(id, why),
            Event::Resumed { id } => {
                let place = self.0.waits.borrow().get(id).copied();
                if let Some(place) = place {
                    self.0.recording.borrow_mut().waits[place].span.end = self.seconds();
                }
            }
            Event::Ended { id, action, outcome, seconds } => {
                self.0.waits.borrow_mut().remove(id);
                let (end, failed) = (self.seconds(), matches!(outcome, Outcome::Failed(_)));
                let span = Span { begin: (end - seconds).max(0.0), end };
                let work = Work { id: (*id).clone(), action: *action, span, failed, round: self.0.round.get() };
                self.0.recording.borrow_mut().works.push(work);
            }
            Event::Verifying => {
                self.0.round.set(self.0.round.get() + 1);
                self.phase("verifying");
            }
        }
    }

    /// Begins the record of a call.
    pub fn call(&self, operation: &'static str, write: bool) -> Calling {
        let now = self.seconds();
        let call = Call { operation, write, id: engine::current(), span: Span { begin: now, end: now }, attempts: Vec::new() };
        Calling { recorder: self.clone(), call, since: now, under_way: false }
    }

    /// Begins a wait in a queue, which ends when the returned guard is dropped.
    pub fn queue(&self, why: String) -> Queue {
        Queue { recorder: self.clone(), why, since: self.seconds() }
    }

    /// Extends the last wait if its reason is the same, because a wait is polled many times.
    fn waiting(&self, id: &Id, why: &str) {
        let mut recording = self.0.recording.borrow_mut();
        let mut waits = self.0.waits.borrow_mut();
        let goes_on = waits.get(id).is_some_and(|&place| recording.waits[place].why == why);
        if !goes_on {
            waits.insert(id.clone(), recording.waits.len());
            let now = self.seconds();
            let span = Span { begin: now, end: now };
            recording.waits.push(Wait { id: Some(id.clone()), why: why.to_owned(), span, queued: false });
        }
    }

    fn queued(&self, id: Option<Id>, why: String, since: f64) {
        let span = Span { begin: since, end: self.seconds() };
        if span.seconds() > NOTHING {
            self.0.recording.borrow_mut().waits.push(Wait { id, why, span, queued: true });
        }
    }

    /// Returns the seconds since the recording began.
    pub fn seconds(&self) -> f64 {
        self.0.began.elapsed().as_secs_f64()
    }
}

/// Record of a running call. The call ends when this is dropped, with any outcome.
pub struct Calling {
    recorder: Recorder,
    call: Call,
    /// Time of the last event, in seconds since the recording began.
    since: f64,
    under_way: bool,
}

impl Calling {
    /// Records that a request is sent.
    pub fn sent(&mut self) {
        let operation = self.call.operation;
        let why = match self.call.attempts.len() {
            0 => format!("the request limits of {operation}"),
            _ => format!("a repetition of {operation}"),
        };
        self.recorder.queued(self.call.id.clone(), why, self.since);
        self.since = self.recorder.seconds();
        self.call.attempts.push(Span { begin: self.since, end: self.since });
        self.under_way = true;
    }

    /// Records that the call was answered, or lost, now.
    pub fn answered(&mut self) {
        self.answered_at(Instant::now());
    }

    /// Records that the call was answered, or lost, at this time.
    pub fn answered_at(&mut self, at: Instant) {
        self.since = at.saturating_duration_since(self.recorder.0.began).as_secs_f64();
        if let Some(attempt) = self.call.attempts.last_mut() {
            attempt.end = self.since;
        }
        self.under_way = false;
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        if self.under_way {
            self.answered();
        }
        self.call.span.end = self.since;
        self.recorder.0.recording.borrow_mut().calls.push(self.call.clone());
    }
}

/// Wait in a queue, which ends when this is dropped.
pub struct Queue {
    recorder: Recorder,
    why: String,
    since: f64,
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.recorder.queued(engine::current(), std::mem::take(&mut self.why), self.since);
    }
}

#[cfg(test)]
mod tests {
    use super::Recorder;
    use engine::{Action, Changes, Event, Id, Outcome};
    use std::time::Duration;

    fn pause() {
        std::thread::sleep(Duration::from_millis(20));
    }

    #[test]
    fn a_wait_that_is_polled_is_one_wait_and_ends_when_it_is_over() {
        let (recorder, table, role) = (Recorder::default(), Id::of("dynamodb.table", "events"), Id::of("iam.role", "collector"));
        for _ in 0..3 {
            recorder.event(&Event::Waiting { id: &table, why: "CREATING", times: 1, waited: Duration::ZERO });
            recorder.event(&Event::Waiting { id: &role, why: "a role", times: 1, waited: Duration::ZERO });
            pause();
            recorder.event(&Event::Resumed { id: &table });
        }
        recorder.event(&Event::Waiting { id: &table, why: "its backups", times: 1, waited: Duration::ZERO });
        recorder.event(&Event::Resumed { id: &table });
        let recording = recorder.recording();
        let waits: Vec<(&str, bool)> = recording.waits.iter().map(|wait| (wait.why.as_str(), wait.span.seconds() >= 0.06)).collect();
        assert_eq!(waits, [("CREATING", true), ("a role", false), ("its backups", false)]);
        assert!(recording.waits.iter().all(|wait| !wait.queued));
    }

    #[test]
    fn calls_have_their_attempts_and_what_lies_before_them_is_queueing() {
        let recorder = Recorder::default();
        let mut call = recorder.call("iam:CreateRole", true);
        pause();
        for _ in 0..2 {
            call.sent();
            pause();
            call.answered();
            pause();
        }
        drop(call);
        let mut cut_off = recorder.call("iam:GetRole", false);
        cut_off.sent();
        pause();
        drop(cut_off);
        let recording = recorder.recording();
        let calls: Vec<(&str, bool, usize)> =
            recording.calls.iter().map(|call| (call.operation, call.write, call.attempts.len())).collect();
        assert_eq!(calls, [("iam:CreateRole", true, 2), ("iam:GetRole", false, 1)]);
        assert!(recording.calls.iter().flat_map(|call| &call.attempts).all(|attempt| attempt.seconds() >= 0.02));
        let why: Vec<&str> = recording.waits.iter().filter(|wait| wait.queued).map(|wait| wait.why.as_str()).collect();
        assert_eq!(why, ["the request limits of iam:CreateRole", "a repetition of iam:CreateRole"]);
    }

    #[test]
    fn work_is_counted_in_rounds() {
        let (recorder, id) = (Recorder::default(), Id::of("iam.role", "collector"));
        let ended = |outcome| Event::Ended { id: &id, action: Action::Create, outcome, seconds: 0.0 };
        recorder.event(&Event::Observing { done: 1, total: 1 });
        recorder.event(&Event::Started { id: &id, action: Action::Create, changes: &Changes::default() });
        recorder.event(&ended(Outcome::Done));
        recorder.event(&Event::Verifying);
        recorder.event(&Event::Started { id: &id, action: Action::Create, changes: &Changes::default() });
        recorder.event(&ended(Outcome::Done));
        let recording = recorder.recording();
        assert_eq!(recording.works.iter().map(|work| work.round).collect::<Vec<_>>(), [0, 1]);
        let phases: Vec<&str> = recording.phases.iter().map(|(_, about)| *about).collect();
        assert_eq!(phases, ["reading", "writing", "verifying", "writing"]);
    }
}
