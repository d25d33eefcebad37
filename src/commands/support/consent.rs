//! Actions that need consent: losing data, touching foreign resources, changing a protected environment.

use super::context::Context;
use crate::{
    engine::{Action, Id, Objection, Plan, Step},
    error::CliError,
};
use std::{collections::BTreeSet, fmt::Write};

const DELETE_DATA: &str = "--delete-data allows it, and the data is gone; otherwise put stack.yaml back as it was, or save the data first";

/// Consent that the user gave on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) struct Allowed {
    pub(in crate::commands) adopt: bool,
    pub(in crate::commands) delete_data: bool,
}

/// Refuses a plan that needs more consent than was given, and names every obstacle.
pub(in crate::commands) fn check<C: crate::engine::Cloud>(
    plan: &Plan<C>,
    only: Option<&BTreeSet<Id>>,
    allowed: Allowed,
) -> Result<(), CliError> {
    refuse(plan, only, allowed, "refused, and nothing was changed")
}

/// Refuses a plan that `up` would refuse with the same consent.
pub(in crate::commands) fn foresee<C: crate::engine::Cloud>(plan: &Plan<C>, allowed: Allowed) -> Result<(), CliError> {
    refuse(plan, None, allowed, "`up` would refuse this plan")
}

fn refuse<C: crate::engine::Cloud>(plan: &Plan<C>, only: Option<&BTreeSet<Id>>, allowed: Allowed, heading: &str) -> Result<(), CliError> {
    let mut message = String::new();
    let mut hints = BTreeSet::new();
    for step in plan.steps.iter().filter(|step| only.is_none_or(|only| only.contains(&step.id))) {
        let Some((reason, hint)) = refusal(step, allowed) else { continue };
        // Writing to a String cannot fail.
        let _ = write!(message, "\n  {}: {reason}", step.id);
        hints.insert(hint);
    }
    if message.is_empty() {
        return Ok(());
    }
    let error = CliError::failed(format!("{heading}:{message}"));
    Err(hints.into_iter().fold(error, CliError::hint))
}

/// Returns the reason for refusing a step, with the way out; `None` if it needs no consent or has it.
fn refusal(step: &Step, allowed: Allowed) -> Option<(String, &'static str)> {
    let replaced = || format!("{} cannot change in place: it would be deleted and made again", step.changes.within(step.fixed).paths());
    match &step.objection {
        Some(Objection::Foreign(whose)) if !allowed.adopt => Some((
            format!("{} exists and is not this stack's ({whose})", step.name),
            "--adopt takes over what exists under the stack's names; otherwise rename the project or remove what is there",
        )),
        Some(Objection::Claimed(whose)) => Some((
            format!("{} exists and is another stack's ({whose})", step.name),
            "what another stack claims is never touched: rename the project or the resource in stack.yaml, or remove the other stack; if that is long gone, remove the tags liveinsight:stack and liveinsight:region by hand, and --adopt takes it over",
        )),
        Some(Objection::Protected(protection)) => {
            Some((format!("{} has to be deleted, and cannot be: {protection}", step.name), "nothing is deleted until all of it can be"))
        }
        // Adopting changes a resource in place. Deleting a foreign resource is more than that, whatever it holds.
        Some(Objection::Foreign(_)) if step.action == Some(Action::Replace) && !allowed.delete_data => Some((replaced(), DELETE_DATA)),
        Some(Objection::LosesData(Action::Replace)) if !allowed.delete_data => Some((replaced(), DELETE_DATA)),
        Some(Objection::LosesData(_)) if !allowed.delete_data => {
            Some(("it is not in stack.yaml any more and would be deleted with its data".to_owned(), DELETE_DATA))
        }
        _ => None,
    }
}

/// Asks for confirmation, or demands `--yes` where no user can answer.
pub(in crate::commands) async fn confirm(context: &Context, question: &str, why: &str) -> Result<(), CliError> {
    if !context.ui.can_ask() {
        return Err(CliError::failed(format!("{why}, and there is no terminal to ask on")).hint("--yes consents"));
    }
    if context.ui.ask(question).await { Ok(()) } else { Err(CliError::failed("not confirmed, so nothing was changed")) }
}

#[cfg(test)]
mod tests {
    use super::{Allowed, refusal};
    use crate::{
        engine::{Action, Changes, Fields, Id, Objection, State, Step},
        resources::Table,
    };
    use serde_json::json;

    fn step(action: Action, objection: Option<Objection>) -> Step {
        let (id, name) = (Id::new::<Table>("notes"), "demo-notes-dev".to_owned());
        Step { id, name, state: State::Drifted, action: Some(action), changes: Changes::default(), fixed: &[], cause: None, objection }
    }

    /// Returns whether the step is refused with no flag, with `--adopt`, with `--delete-data`, and with both.
    fn refused(action: Action, objection: Option<Objection>) -> [bool; 4] {
        let step = step(action, objection);
        [(false, false), (true, false), (false, true), (true, true)]
            .map(|(adopt, delete_data)| refusal(&step, Allowed { adopt, delete_data }).is_some())
    }

    #[test]
    fn each_objection_takes_its_own_consent() {
        let foreign = || Some(Objection::Foreign("it has no tag".to_owned()));
        assert_eq!(refused(Action::Update, None), [false, false, false, false]);
        assert_eq!(refused(Action::Update, foreign()), [true, false, true, false]);
        assert_eq!(refused(Action::Delete, Some(Objection::LosesData(Action::Delete))), [true, true, false, false]);
        assert_eq!(refused(Action::Replace, Some(Objection::LosesData(Action::Replace))), [true, true, false, false]);
    }

    #[test]
    fn only_what_cannot_change_in_place_is_blamed() {
        let (live, desired) = (json!({"sort_key": "", "ttl": "a"}), json!({"sort_key": "placed N", "ttl": "b"}));
        let changes = Changes::between(&Fields::of(&live), &Fields::of(&desired));
        let step =
            Step { changes, fixed: &["partition_key", "sort_key"], ..step(Action::Replace, Some(Objection::LosesData(Action::Replace))) };
        let (reason, _) = refusal(&step, Allowed { adopt: false, delete_data: false }).unwrap();
        assert_eq!(reason, "sort_key cannot change in place: it would be deleted and made again");
    }

    #[test]
    fn no_consent_takes_what_another_stack_claims() {
        let claimed = || Some(Objection::Claimed("it belongs to the stack other/prod".to_owned()));
        for action in [Action::Update, Action::Replace] {
            assert_eq!(refused(action, claimed()), [true; 4]);
        }
    }

    #[test]
    fn to_adopt_is_not_to_delete() {
        assert_eq!(refused(Action::Replace, Some(Objection::Foreign("it has no tag".to_owned()))), [true, true, true, false]);
    }
}
