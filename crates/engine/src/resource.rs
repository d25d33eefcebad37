//! The contract between the engine and a kind of resource.

use super::{Changes, Refusal, Result};
use serde::Serialize;
use std::{fmt, time::Duration};

/// Access to the live resources of a cloud.
pub trait Cloud: 'static {
    /// Account, region and other values that names and addresses depend on.
    type Target;
    /// Facts of the cloud about a kind of resource, for readers of plans. The engine only passes them on.
    type Kind: 'static;
    /// Names by which the cloud's own tools know a resource.
    type Identity;

    /// Starts a new observation, which uses no answer of an earlier one.
    fn refresh(&self) {}

    /// Starts a run, which knows nothing about the existing resources.
    fn begin(&self) {
        self.refresh();
    }

    /// Starts the observation of the resources that this run wrote. Answers to its creations count as observed; postponed reads do not.
    fn verify(&self) {
        self.refresh();
    }
}

/// Kind of resource. A value of the type is a desired state.
///
/// Implementers neither wait nor retry: they return [`Error::NotYet`](super::Error::NotYet), [`WriteOutcome::Settling`] or [`Observed::busy`], and
/// the engine does.
#[expect(async_fn_in_trait, reason = "the engine runs on one task; futures need not be Send")]
pub trait Resource: Serialize + Sized + 'static {
    /// Clients, region and account that the kind uses.
    type Cloud: Cloud;
    /// Name of the kind in ids, plans and messages: `iam.role`.
    const KIND: &'static str;
    /// Facts of the cloud about the kind.
    const FACTS: &'static <Self::Cloud as Cloud>::Kind;
    /// Fields that cannot be changed in place; a change to one replaces the resource.
    const FIXED: &'static [&'static str] = &[];
    /// Part that its whole can make in place ([`WriteOutcome::WithParts`]), so that the engine looks for it before it creates one.
    const COMES_ALONG: bool = false;
    /// Kind without an owner of its own: a part belongs to the owner of its whole. Parts are declared by
    /// [`Graph::add_part`](super::Graph::add_part), listed by [`Orphan::part`](super::Orphan::part), and observed as [`Observed::part`]. The compiler
    /// refuses every other way, so no part counts as the stack's own without a look at its whole.
    const IS_PART: bool = false;
    /// Set if deleting the whole deletes the part. Otherwise the part is deleted first, as the policies of a role.
    const GOES_ALONG: bool = true;
    /// Set if the resource may be created before it is known whether another run is at work ([`Options::gate`](super::Options::gate)). Both runs
    /// would create the same resource by its name and touch nothing else.
    const EARLY: bool = false;
    /// Set if the kind's list hides failed resources ([`Observed::failed`]). The engine observes the resource itself before anything builds on it.
    const LISTS_HIDE_FAILURE: bool = false;
    /// Set if a deletion loses data that cannot be recreated.
    const HOLDS_DATA: bool = false;
    /// Time limit of a removal: from the accepted deletion to its end, or while another deletion blocks it.
    const REMOVAL: Duration = Duration::from_mins(5);
    /// Values that exist only once the resource does: ids, ARNs, host names.
    type Output: Clone + 'static;

    /// Returns the physical name, as the cloud's own console shows it.
    fn name(&self) -> String;

    /// Returns the names by which the cloud's own tools know the resource; `output` is `None` while it is not known.
    fn identity(&self, target: &<Self::Cloud as Cloud>::Target, output: Option<&Self::Output>) -> <Self::Cloud as Cloud>::Identity;

    /// Records the fingerprint of the declaration where the service keeps it (a tag of at most 256 characters). A later run uses it to
    /// distinguish drift from a pending change. [`Graph::add`](super::Graph::add) calls it once.
    fn set_fingerprint(&mut self, _fingerprint: &str) {}

    /// Reads the live resource back as a declaration, or `None` if there is none. `from` allows shortcuts.
    async fn observe(&self, cloud: &Self::Cloud, from: ReadFrom) -> Result<Option<Observed<Self>>>;

    /// Reads only the output, which other resources need for their own observation; the owner is not read. Worth implementing where a list
    /// contains the output.
    async fn locate(&self, cloud: &Self::Cloud) -> Result<Option<Self::Output>> {
        Ok(self.find(cloud).await?.map(|found| found.output))
    }

    /// Reads only existence, owner and output, as a removal needs them. Worth implementing where it saves calls. Returns
    /// [`Error::NotYet`](super::Error::NotYet) while the service cannot answer.
    async fn find(&self, cloud: &Self::Cloud) -> Result<Option<Found<Self::Output>>> {
        Ok(self.observe(cloud, ReadFrom::Service).await?.map(|observed| Found { output: observed.output, owner: observed.owner }))
    }

    /// Returns a setting that keeps the service from deleting the resource: one made by hand, which no declaration sets. The engine asks before
    /// it deletes anything, so that a removal does not stop half-way.
    async fn protection(&self, _cloud: &Self::Cloud, _output: &Self::Output) -> Result<Option<Protection>> {
        Ok(None)
    }

    /// Creates the resource, with as much of the declaration as one write takes.
    async fn create(&self, cloud: &Self::Cloud) -> Result<WriteOutcome<Self::Output>>;

    /// Updates the fields in `changes`. Never called for a kind that has only [`FIXED`](Self::FIXED) fields.
    async fn update(&self, _cloud: &Self::Cloud, observed: &Observed<Self>, _changes: &Changes) -> Result<WriteOutcome<Self::Output>> {
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    /// Deletes the resource. Succeeds if it is already gone.
    async fn delete(&self, cloud: &Self::Cloud, output: &Self::Output) -> Result<DeleteOutcome>;
}

/// Source of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// Lists of many resources, where they show the resource or its absence, and otherwise its service. Lists may lag behind, so the engine
    /// observes from the service before it acts.
    Lists,
    /// The resource's own service.
    Service,
}

/// Path of the difference that [`Observed::failed`] makes; no declaration has such a field.
pub const FAILED: &str = "failed";

/// A resource as the service reports it.
#[derive(Debug)]
pub struct Observed<R: Resource> {
    /// Observed state, in the form of a declaration.
    pub spec: R,
    /// Output of the resource: its ids, ARNs and host names.
    pub output: R::Output,
    /// Set while the service is still working on it (`CREATING`, `Pending`): the engine waits before it writes.
    pub busy: Option<&'static str>,
    /// Set if the service gave up on the resource (`State=Failed`), with the service's reason. The failure counts as a difference ([`FAILED`]).
    /// If it persists after a write of this run, the engine ends the wait with this reason.
    pub failed: Option<Box<Refusal>>,
    /// Owner of the resource.
    pub owner: Owner,
    /// Fingerprint that [`Resource::set_fingerprint`] recorded, if the kind carries one.
    pub applied: Option<String>,
}

impl<R: Resource> Observed<R> {
    /// Marks the observation as taken from a report that may be out of date.
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
    /// Command that removes the setting.
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
    /// Output of the resource: its ids, ARNs and host names.
    pub output: O,
    /// Owner of the resource.
    pub owner: Owner,
}

/// Owner of a live resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Marked as this stack's resource.
    Us,
    /// Marked by a report that may be out of date. That suffices to leave alone a resource that is as declared.
    Reported,
    /// Part that cannot be marked and has the owner of its whole ([`Resource::IS_PART`]).
    Parent,
    /// Marked neither as this stack's nor as another's, with the reason. Adoption may take it over.
    Other(String),
    /// Marked as another stack's, with the reason. Never changed, with any options.
    Claimed(String),
}

impl Owner {
    /// Returns the reason why the resource is foreign; `None` if it is, or may be, this stack's.
    pub fn foreign(&self) -> Option<&str> {
        match self {
            Self::Other(whose) | Self::Claimed(whose) => Some(whose),
            Self::Us | Self::Reported | Self::Parent => None,
        }
    }

    /// Returns the reason why a run with or without `adopt` must not write the resource.
    pub(super) fn bars(&self, adopt: bool) -> Option<&str> {
        if adopt && matches!(self, Self::Other(_)) { None } else { self.foreign() }
    }
}

/// Outcome of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteOutcome<O> {
    /// The whole declaration was written; dependants may go on.
    Complete(O),
    /// Complete, together with the parts that can come along ([`Resource::COMES_ALONG`]).
    WithParts(O),
    /// The resource exists, but is not ready or has more to set. The engine observes again before it goes on.
    Settling(O),
    /// Complete, but the service needs a moment for the reason in the text; an observation at once is useless.
    Pending(O, &'static str),
}

impl<O> WriteOutcome<O> {
    /// Separates the output from the rest.
    pub(super) fn split(self) -> (O, WriteOutcome<()>) {
        match self {
            Self::Complete(output) => (output, WriteOutcome::Complete(())),
            Self::WithParts(output) => (output, WriteOutcome::WithParts(())),
            Self::Settling(output) => (output, WriteOutcome::Settling(())),
            Self::Pending(output, why) => (output, WriteOutcome::Pending((), why)),
        }
    }
}

/// Outcome of a delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// The resource is gone.
    Deleted,
    /// The service accepted the deletion (`service:Operation`), which takes a while. The engine observes and deletes again.
    Accepted(&'static str),
}
