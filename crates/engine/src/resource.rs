//! The contract between the engine and a kind of resource.

use super::{Changes, Refusal, Result};
use serde::Serialize;
use std::{fmt, time::Duration};

/// Access to the live world.
pub trait Cloud: 'static {
    /// Account, region and the like: what names and addresses depend on.
    type Target;
    /// Facts of the cloud about a kind of resource, for those who read plans: the engine only hands them on.
    type Kind: 'static;
    /// Names by which the cloud's own tools know a resource.
    type Identity;

    /// Starts a new observation, which uses no answer of an earlier one.
    fn refresh(&self) {}

    /// A run begins: what is there is not known from anything.
    fn begin(&self) {
        self.refresh();
    }

    /// Starts the observation of what this run wrote. The answers to its creations count as known; what was put off does not.
    fn verify(&self) {
        self.refresh();
    }
}

/// Kind of resource. A value of the type is a desired state.
///
/// Implementers neither wait nor retry: they return [`Error::NotYet`](super::Error::NotYet), [`Written::Settling`] or [`Live::busy`], and
/// the engine does.
#[expect(async_fn_in_trait, reason = "the engine runs on one task; futures need not be Send")]
pub trait Resource: Serialize + Sized + 'static {
    /// Clients, region, account.
    type Cloud: Cloud;
    /// Names the kind in ids, plans and messages: `iam.role`.
    const KIND: &'static str;
    /// Facts of the cloud about the kind.
    const FACTS: &'static <Self::Cloud as Cloud>::Kind;
    /// Fields that cannot be changed in place; a change to one replaces the resource.
    const FIXED: &'static [&'static str] = &[];
    /// Part that its whole can make in place ([`Written::WithParts`]), so that the engine looks for it before it creates one.
    const COMES_ALONG: bool = false;
    /// Kind without an owner of its own: it belongs to whom the resource belongs that it is part of. It is declared by
    /// [`Graph::add_part`](super::Graph::add_part), listed by [`Stray::part`](super::Stray::part), and observed as [`Live::part`]; each of
    /// the other ways is refused by the compiler, so that nothing can be taken for ours without a look at its whole.
    const IS_PART: bool = false;
    /// Deletion of the whole deletes the part. Where that is not so (a role keeps its policies), the part is deleted before.
    const GOES_ALONG: bool = true;
    /// Resource that may be made before it is known whether another run is at work ([`Options::gate`](super::Options::gate)): both runs
    /// would make the same one by its name, and nothing else is touched.
    const EARLY: bool = false;
    /// Kind whose list hides that the service gave up on a resource ([`Live::failed`]). The engine asks for the resource itself before
    /// anything is built on it.
    const LISTS_HIDE_FAILURE: bool = false;
    /// Kind whose deletion loses something that cannot be made again.
    const HOLDS_DATA: bool = false;
    /// Limit of the time between the service's consent to a deletion and its end, or while another deletion is in the way.
    const REMOVAL: Duration = Duration::from_mins(5);
    /// Values that exist only once the resource does: ids, ARNs, host names.
    type Output: Clone + 'static;

    /// The physical name, as the cloud's own console shows it.
    fn name(&self) -> String;

    /// Returns the names by which the cloud's own tools know the resource; `output` is `None` while it is not known.
    fn identity(&self, target: &<Self::Cloud as Cloud>::Target, output: Option<&Self::Output>) -> <Self::Cloud as Cloud>::Identity;

    /// Records the marks of the declaration where the service keeps them (a tag, at most 256 characters), so that a later run can tell
    /// drift from a pending change. Called once, by [`Graph::add`](super::Graph::add).
    fn stamp(&mut self, _marks: &str) {}

    /// Reads the live resource back as a declaration, or `None` if there is none.
    async fn observe(&self, cloud: &Self::Cloud) -> Result<Option<Live<Self>>>;

    /// Observes while everything else is observed, too. Implement it where a list that is read anyway shows that there is no such resource.
    /// A list may lag behind the resource itself: before the engine acts on it, it observes again.
    async fn survey(&self, cloud: &Self::Cloud) -> Result<Option<Live<Self>>> {
        self.observe(cloud).await
    }

    /// Only its output, for those who need it to be observed themselves: not whose it is. Worth writing where a list tells.
    async fn locate(&self, cloud: &Self::Cloud) -> Result<Option<Self::Output>> {
        Ok(self.find(cloud).await?.map(|found| found.output))
    }

    /// Only whether it exists, whose it is and its output: what removal needs. Worth writing where it saves calls.
    /// [`Error::NotYet`](super::Error::NotYet) while the service cannot say.
    async fn find(&self, cloud: &Self::Cloud) -> Result<Option<Found<Self::Output>>> {
        Ok(self.observe(cloud).await?.map(|live| Found { output: live.output, owner: live.owner }))
    }

    /// Returns what keeps the service from deleting it: something that was set by hand, and that no declaration sets. Asked before anything
    /// is deleted, so that a removal does not stop half-way.
    async fn protection(&self, _cloud: &Self::Cloud, _output: &Self::Output) -> Result<Option<Protection>> {
        Ok(None)
    }

    /// Makes it exist, with as much of the declaration as one write takes.
    async fn create(&self, cloud: &Self::Cloud) -> Result<Written<Self::Output>>;

    /// Brings the fields in `changes` in line. A kind whose fields are all [`FIXED`](Self::FIXED) is never asked to.
    async fn update(&self, _cloud: &Self::Cloud, live: &Live<Self>, _changes: &Changes) -> Result<Written<Self::Output>> {
        Ok(Written::Complete(live.output.clone()))
    }

    /// Removes it. Already gone is success.
    async fn delete(&self, cloud: &Self::Cloud, output: &Self::Output) -> Result<Gone>;
}

/// Path of the difference that [`Live::failed`] makes; no declaration has such a field.
pub const FAILED: &str = "failed";

/// A resource as the service reports it.
#[derive(Debug)]
pub struct Live<R: Resource> {
    /// Observed state, in the words of a declaration.
    pub spec: R,
    /// Its ids.
    pub output: R::Output,
    /// Set while the service is still working on it (`CREATING`, `Pending`): the engine waits before it writes.
    pub busy: Option<&'static str>,
    /// Set if the service gave up on it (`State=Failed`), with the service's reason. It counts as a difference ([`FAILED`]); if it stays after
    /// a write of this run, the engine ends the wait with this reason.
    pub failed: Option<Box<Refusal>>,
    /// Owner.
    pub owner: Owner,
    /// The marks that [`Resource::stamp`] left, if the kind carries any.
    pub applied: Option<String>,
}

impl<R: Resource> Live<R> {
    /// Marks the observation as one of a report that may be out of date.
    #[must_use]
    pub fn as_reported(self) -> Self {
        Self { owner: Owner::Reported, ..self }
    }

    /// Observation of a ready part, which belongs to the owner of its whole.
    pub fn part(spec: R, output: R::Output) -> Self {
        const { assert!(R::IS_PART, "a kind with an owner of its own is observed with that owner") };
        Self { spec, output, busy: None, failed: None, owner: Owner::Parent, applied: None }
    }
}

/// Setting that keeps a service from deleting a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// Name of the setting, as the service calls it.
    pub setting: &'static str,
    /// Command that takes it away.
    pub remove: String,
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is on, which was set by hand; take it away with `{}`, and run it again", self.setting, self.remove)
    }
}

/// Result of [`Resource::find`].
#[derive(Debug, Clone)]
pub struct Found<O> {
    /// Its ids.
    pub output: O,
    /// Owner.
    pub owner: Owner,
}

/// Owner of a live resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Marked as this stack's.
    Us,
    /// Fingerprint from a report that may be out of date: good enough to leave alone what is as declared.
    Reported,
    /// Cannot be marked; belongs to whom its whole belongs ([`Resource::IS_PART`]).
    Parent,
    /// Not marked as ours, and not as another stack's either, with the reason: adoption may take it over.
    Other(String),
    /// Marked as another stack's, with the reason: never touched, whatever is allowed.
    Claimed(String),
}

impl Owner {
    /// Reason why it is not ours; `None` if it is, or may be.
    pub fn foreign(&self) -> Option<&str> {
        match self {
            Self::Other(whose) | Self::Claimed(whose) => Some(whose),
            Self::Us | Self::Reported | Self::Parent => None,
        }
    }

    /// Reason why it must not be written, for a run that may `adopt` or not.
    pub(super) fn bars(&self, adopt: bool) -> Option<&str> {
        if adopt && matches!(self, Self::Other(_)) { None } else { self.foreign() }
    }
}

/// Outcome of a write.
#[derive(Debug, Clone)]
pub enum Written<O> {
    /// All that was declared was written; what depends on it may go on.
    Complete(O),
    /// Done, together with the parts that can come along ([`Resource::COMES_ALONG`]).
    WithParts(O),
    /// Exists, but is not ready or has more to set: observe again before going on.
    Settling(O),
    /// Done, but the service takes a moment for the reason in the text: observing at once is in vain.
    Pending(O, &'static str),
}

/// Outcome of a delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// Gone.
    Yes,
    /// The service agreed (to this operation, `service:Operation`), and it takes a while: look and delete again.
    NotYet(&'static str),
}
