//! One resource on its way to its declaration: a small state machine, with one function for each state.

use super::{
    Action, Changes, Cloud, DeleteOutcome, Error, Event, Result, WriteOutcome,
    converge::{Run, not_ours},
    graph::{Entry, Observation},
    plan::decide,
    wait::Backoff,
};
use std::time::{Duration, Instant};

/// Limit of writes to one resource in one round. A table with a TTL and point-in-time recovery takes three.
const WRITES: usize = 8;
/// Time during which a created resource may stay invisible, and interval at which a resource that cannot be created yet checks that its
/// dependencies still exist. Eventual consistency takes seconds (reported); beyond that, another run may be deleting what this one makes.
const RIVALS: Duration = Duration::from_secs(30);

/// Next step of a resource.
enum State {
    /// Compare the last observation with the declaration.
    Observed,
    /// Wait for this reason, and observe.
    Waiting(&'static str),
    /// Write these changes.
    Writing(Action, Changes),
    /// Nothing: its dependants may go on.
    Done,
}

/// Progress of one resource in one round.
pub(super) struct Convergence<'a, C: Cloud> {
    run: &'a Run<'a, C>,
    index: usize,
    entry: &'a Entry<C>,
    waits: Backoff<'a>,
    /// Last observation.
    observation: Option<Observation>,
    /// Time at which this run created it.
    made: Option<Instant>,
    /// A write of this run may still be taking effect.
    settling: bool,
    /// Number of writes so far.
    writes: usize,
    /// Time of waiting at which its dependencies are looked for.
    next_check: Duration,
    /// First action that was taken.
    did: Option<Action>,
}

impl<'a, C: Cloud> Convergence<'a, C> {
    /// Begins with the entry at this place of the graph.
    pub(super) fn new(run: &'a Run<'a, C>, index: usize) -> Self {
        Self {
            run,
            index,
            entry: &run.graph.entries[index],
            waits: Backoff::new(run.options.retry_policy, &run.options.stop),
            observation: None,
            made: None,
            settling: false,
            writes: 0,
            next_check: RIVALS,
            did: None,
        }
    }

    /// Goes on until the resource is as declared. Returns the first action taken as well.
    pub(super) async fn run(mut self, observation: Option<Observation>, round: usize) -> (Option<Action>, Result<()>) {
        let result = self.converge(observation, round).await;
        (self.did, result)
    }

    async fn converge(&mut self, observation: Option<Observation>, round: usize) -> Result<()> {
        self.begin(observation, round).await?;
        let mut state = State::Observed;
        loop {
            state = match state {
                State::Observed => self.judge()?,
                State::Waiting(why) => {
                    self.wait(why, None).await?;
                    self.observe().await?
                }
                State::Writing(action, changes) => self.write(action, &changes).await?,
                State::Done => return Ok(()),
            };
        }
    }

    /// Takes over the plan's observation, unless this round or the previous one has overtaken it.
    async fn begin(&mut self, observation: Option<Observation>, round: usize) -> Result<()> {
        self.observation = match self.made_with() {
            None => observation,
            Some(true) => self.came_along().await?,
            Some(false) => None,
        };
        if round > 0 && decide(self.entry, self.observation.as_ref()).is_some() {
            // The previous round wrote the resource, so a read may be older than the write. Observe again before writing again.
            self.observation = self.settled().await?;
            self.run.proven.borrow_mut().insert(self.entry.id.clone(), self.observation.clone());
        }
        Ok(())
    }

    /// Compares the observation with the declaration.
    fn judge(&self) -> Result<State> {
        let busy = self.observation.as_ref().and_then(|observation| observation.busy);
        let Some((action, changes)) = decide(self.entry, self.observation.as_ref()) else {
            // The resource is as declared. After a write of this run, its dependants wait until the service has finished with it.
            return Ok(busy.filter(|_| self.settling).map_or_else(|| self.proven(), State::Waiting));
        };
        match (&self.observation, self.made) {
            (Some(observed), made) => {
                if let Some(whose) = observed.owner.bars(made.is_some() || self.run.may_take(&self.entry.id)) {
                    return Err(not_ours(self.entry, whose));
                }
                if let Some(busy) = busy {
                    return Ok(State::Waiting(busy));
                }
                if let Some(refusal) = observed.failed.clone().filter(|_| self.settling) {
                    // The service gave up on the write of this run: another observation or the same write changes nothing.
                    return Err(Error::Failed(refusal));
                }
            }
            // Reads lag behind writes.
            (None, Some(made)) if made.elapsed() > RIVALS => {
                let why = "it to become visible: it was created and is not there; another run may have deleted it".to_owned();
                return Err(Error::TimedOut { why, after: RIVALS });
            }
            (None, Some(_)) => return Ok(State::Waiting("it to become visible")),
            (None, None) => {}
        }
        Ok(State::Writing(action, changes))
    }

    /// Writes once.
    async fn write(&mut self, action: Action, changes: &Changes) -> Result<State> {
        self.check_allowed(action, changes)?;
        if action != Action::Create || !self.entry.node.early() {
            self.run.options.gate.pass(&self.run.options.stop).await?;
        }
        if self.writes == WRITES {
            return Err(Error::DidNotConverge(changes.paths()));
        }
        if self.did.is_none() {
            self.did = Some(action);
            (self.run.emit)(Event::Started { id: &self.entry.id, action, changes });
        }
        self.writes += 1;
        self.run.unproven.borrow_mut().insert(self.index);
        let had_failed = self.observation.as_ref().is_some_and(|observation| observation.failed.is_some());
        let written = self.carry_out(action, changes).await;
        if action == Action::Create {
            self.made = written.is_ok().then(Instant::now);
        }
        match written {
            Ok(None) => {
                self.observation = None;
                Ok(State::Observed)
            }
            // A resource that the service had given up on is observed again before anything builds on it.
            Ok(Some(WriteOutcome::Complete(()) | WriteOutcome::WithParts(()))) if !had_failed => Ok(State::Done),
            Ok(Some(left)) => self.settle(action, left).await,
            Err(error) => self.repeat(error).await,
        }
    }

    /// Observes a resource that is not ready after a write, or has more to set.
    async fn settle(&mut self, action: Action, left: WriteOutcome<()>) -> Result<State> {
        self.settling = true;
        self.waits.progressed();
        self.next_check = RIVALS;
        if let WriteOutcome::Pending((), why) = left {
            self.wait(why, Some(self.run.options.retry_policy.pending())).await?;
        }
        let state = self.observe().await?;
        if action == Action::Replace && self.observation.as_ref().is_some_and(|observation| observation.busy.is_none()) {
            self.wait("the old one to go", None).await?;
        }
        Ok(state)
    }

    /// Waits after a write that did not succeed yet, or whose outcome is not known; any other error is final.
    async fn repeat(&mut self, error: Error) -> Result<State> {
        match error {
            Error::NotYet { why, retry_after } => {
                self.writes -= 1;
                self.wait(&why, retry_after).await?;
                if self.waits.waited() > self.next_check {
                    self.next_check += RIVALS;
                    self.needs_are_there().await?;
                }
                Ok(State::Observed)
            }
            Error::Exists(_) | Error::Unclear(_) | Error::Absent(_) => {
                // The earlier observation is stale, or the answer was lost: observe again.
                self.wait(&error.to_string(), None).await?;
                let state = self.observe().await?;
                if self.writes == WRITES { Err(error) } else { Ok(state) }
            }
            error => Err(error),
        }
    }

    /// Calls the kind, and returns the remaining work; `None` if the old resource is gone and its replacement is still to be created.
    async fn carry_out(&self, action: Action, changes: &Changes) -> Result<Option<WriteOutcome<()>>> {
        let (node, cloud) = (&self.entry.node, self.run.cloud);
        match action {
            Action::Create => {
                let written = node.create(cloud).await;
                self.run.fresh.borrow_mut().insert(self.index);
                if matches!(written, Ok(WriteOutcome::WithParts(()))) {
                    self.run.filled.borrow_mut().insert(self.index);
                }
                written.map(Some)
            }
            Action::Update => node.update(cloud, changes).await.map(Some),
            Action::Replace | Action::Delete => Ok(match node.delete(cloud).await? {
                DeleteOutcome::Deleted => {
                    node.forget();
                    None
                }
                DeleteOutcome::Accepted(_) => Some(WriteOutcome::Settling(())),
            }),
        }
    }

    /// Refuses to lose data without consent, and refuses everything once the run is to stop.
    fn check_allowed(&self, action: Action, changes: &Changes) -> Result<()> {
        if action == Action::Replace && self.entry.node.holds_data() && !self.run.options.delete_data {
            let why = format!("{} holds data, which is gone if {} is to change", self.entry.name, changes.paths());
            return Err(Error::refused("replace", why));
        }
        self.run.options.stop.check()
    }

    /// Records that the resource was observed as declared, after its write if this round wrote it. A resource created in this round is
    /// observed once more: the answer to its creation may stand in for the state that the service kept.
    fn proven(&self) -> State {
        if !self.run.fresh.borrow().contains(&self.index) && self.run.unproven.borrow_mut().remove(&self.index) {
            self.run.proven.borrow_mut().insert(self.entry.id.clone(), self.observation.clone());
        }
        State::Done
    }

    /// Checks that the dependencies of the resource still exist. If one was deleted meanwhile, waiting is in vain.
    async fn needs_are_there(&self) -> Result<()> {
        for &need in &self.entry.needs {
            let need = &self.run.graph.entries[need];
            if need.node.find(self.run.cloud).await?.is_none() {
                return Err(Error::refused("wait", format!("{}, which it needs, is gone; another run may have deleted it", need.id)));
            }
        }
        Ok(())
    }

    /// Returns whether a part may have been created along with its whole; `None` if this round did not create the whole.
    fn made_with(&self) -> Option<bool> {
        let mut whole = self.entry.part_of;
        while let Some(index) = whole {
            if self.run.fresh.borrow().contains(&index) {
                return Some(self.entry.node.comes_along() && self.run.filled.borrow().contains(&index));
            }
            whole = self.run.graph.entries[index].part_of;
        }
        None
    }

    /// Returns the observation of a part that was made along with its whole.
    async fn came_along(&mut self) -> Result<Option<Observation>> {
        let observation = self.entry.observe(self.run.cloud).await?;
        if observation.is_some() {
            self.did = Some(Action::Create);
            (self.run.emit)(Event::Started { id: &self.entry.id, action: Action::Create, changes: &Changes::default() });
            self.run.proven.borrow_mut().insert(self.entry.id.clone(), observation.clone());
        }
        Ok(observation)
    }

    /// Observes up to four times, until the resource is as declared. Reads need time to catch up with writes.
    async fn settled(&self) -> Result<Option<Observation>> {
        let mut observation = None;
        for _ in 0..4 {
            self.wait("reads to catch up with writes", None).await?;
            observation = self.entry.observe(self.run.cloud).await?;
            if decide(self.entry, observation.as_ref()).is_none() {
                break;
            }
        }
        Ok(observation)
    }

    async fn observe(&mut self) -> Result<State> {
        self.observation = self.entry.observe(self.run.cloud).await?;
        Ok(State::Observed)
    }

    async fn wait(&self, why: &str, at_least: Option<Duration>) -> Result<()> {
        self.waits.wait(self.run.cloud, &self.entry.id, why, at_least, self.run.emit).await
    }
}
