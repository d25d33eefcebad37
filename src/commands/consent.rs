//! What must not be done unasked: losing data, touching what is somebody else's, changing a protected environment.

use super::Context;
use crate::{
    engine::{Id, Objection, Plan},
    error::CliError,
};
use std::{collections::BTreeSet, fmt::Write};

/// What the user allowed on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) adopt: bool,
    pub(super) delete_data: bool,
}

/// Refuses a plan that needs more than was allowed, naming everything that stands in the way.
pub(super) fn check<C>(plan: &Plan<C>, only: Option<&BTreeSet<Id>>, allowed: Allowed) -> Result<(), CliError> {
    let mut message = String::new();
    let mut hints = BTreeSet::new();
    for step in plan.steps.iter().filter(|step| only.is_none_or(|only| only.contains(&step.id))) {
        let (reason, hint) = match &step.objection {
            Some(Objection::Foreign(whose)) if !allowed.adopt => (
                format!("{} exists and is not this stack's ({whose})", step.name),
                "--adopt takes over what exists under the stack's names; otherwise rename the project or remove what is there",
            ),
            Some(Objection::LosesData(action)) if !allowed.delete_data => {
                let how = match step.changes.paths() {
                    paths if paths.is_empty() => "it is not in stack.yaml any more and would be deleted".to_owned(),
                    paths => format!("{paths} cannot change in place: it would be deleted and made again"),
                };
                let _ = action;
                (how, "--delete-data allows it, and the data is gone; otherwise put stack.yaml back as it was, or back the data up first")
            }
            _ => continue,
        };
        // Writing to a String cannot fail.
        let _ = write!(message, "\n  {}: {reason}", step.id);
        hints.insert(hint);
    }
    if message.is_empty() {
        return Ok(());
    }
    let error = CliError::failed(format!("refused, and nothing was changed:{message}"));
    Err(hints.into_iter().fold(error, CliError::hint))
}

/// Asks before something that needs consent, or demands `--yes` where nobody can answer.
pub(super) async fn confirm(context: &Context, question: &str, why: &str) -> Result<(), CliError> {
    if !context.ui.can_ask() {
        return Err(CliError::failed(format!("{why}, and nobody is here to ask")).hint("--yes consents"));
    }
    if context.ui.ask(question).await { Ok(()) } else { Err(CliError::failed("not confirmed, so nothing was changed")) }
}
