//! Typical duration of a plan's steps on AWS, from the facts about their kinds.

use crate::{
    engine::{Action, Resource, Step},
    resources::{Function, ROLE_KNOWN, Role, kind},
};

/// Seconds for reading before a run's writes and after them: two rounds of reads, within the request limits (`aws/budget.rs`).
/// Assumed.
pub(super) const READING: f64 = 3.0;

/// Returns the seconds of a step. `has_new_role` means that it needs a role created in the same run.
pub(super) fn seconds(step: &Step, has_new_role: bool) -> f64 {
    let Some(kind) = kind(step.id.kind()) else { return 0.0 };
    let role = if has_new_role && step.id.kind() == Function::KIND { ROLE_KNOWN.mean() } else { 0.0 };
    role + step.action.map_or(0.0, |action| (kind.typical)(action, &step.changes).mean())
}

/// Returns true if the step creates a role.
pub(super) fn makes_role(step: &Step) -> bool {
    step.id.kind() == Role::KIND && matches!(step.action, Some(Action::Create | Action::Replace))
}
