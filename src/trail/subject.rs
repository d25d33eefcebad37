//! Resources to look up, with the names by which CloudTrail knows them.

use super::event::Event;
use crate::{
    aws::facts::{Identity, Trail},
    engine::{Cause, Id, State, Step},
    resources::kind,
};

/// Differing resource, with the data that identifies requests about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Id of the resource.
    pub id: Id,
    /// Names in requests: every request about the resource has one of these. The first is looked up.
    pub(super) names: Vec<String>,
    /// Further values of such a request, where names alone do not distinguish the resource from its siblings.
    pub(super) also: Vec<String>,
    trail: &'static Trail,
    state: State,
    /// Set if the resource changed after this program's last write. Otherwise that write explains it, if it is the newest.
    changed_since: bool,
}

/// Returns the resources to look up: those changed from outside or possibly so, then missing ones, then orphans. None for a
/// stack that does not exist at all. `identity` gives the names of a resource.
pub fn subjects(steps: &[Step], identity: impl Fn(&Id) -> Option<Identity>) -> Vec<Subject> {
    if steps.iter().all(|step| step.state == State::Missing) {
        return Vec::new();
    }
    let subject = |step: &Step| Subject::of(step, identity(&step.id)?);
    let mut subjects: Vec<Subject> = steps.iter().filter_map(subject).collect();
    subjects.sort_by_key(|subject| match subject.state {
        State::Drifted => 0,
        State::Missing => 1,
        _ => 2,
    });
    subjects
}

impl Subject {
    fn of(step: &Step, identity: Identity) -> Option<Self> {
        let changed_since = match (step.state, step.cause) {
            (State::Drifted, Some(Cause::Pending)) | (State::InSync | State::Busy, _) => return None,
            (State::Drifted, Some(Cause::Drift | Cause::Conflict)) => true,
            // Some kinds cannot store the fingerprint of the last write.
            (State::Drifted, None) | (State::Missing | State::Orphan, _) => false,
        };
        let Identity { names, also, .. } = identity;
        let trail = &kind(step.id.kind())?.trail;
        (!names.is_empty()).then(|| Self { id: step.id.clone(), names, also, trail, state: step.state, changed_since })
    }

    /// Returns the first part of the event source.
    pub(super) fn source(&self) -> &'static str {
        self.trail.source
    }

    /// Returns true if its requests are logged in the region of the partition's global services.
    pub(super) fn is_global(&self) -> bool {
        self.trail.is_global
    }

    /// Returns the newest of these events (newest first) that explains the state: a request from outside, or this program's
    /// own.
    pub(super) fn explained<'a>(&self, events: &'a [Event]) -> Option<&'a Event> {
        events.iter().find(|event| self.is_by(event) && !(self.changed_since && event.ours))
    }

    fn is_by(&self, event: &Event) -> bool {
        let removes = || event.name.starts_with("Delete") || event.name.starts_with("Remove");
        event.source == self.trail.source
            && self.trail.operations.iter().any(|operation| event.name == *operation)
            && (self.state != State::Missing || removes())
            && self.names.iter().any(|name| event.mentions.contains(name))
            && self.also.iter().all(|name| event.mentions.contains(name))
    }
}

#[cfg(test)]
#[path = "subject_tests.rs"]
mod tests;
