//! Costs of the stack, for `plan` and for `status --cost`.

use super::session::Session;
use crate::{
    aws::Aws,
    cost::{EVENTS, Estimate, Inventory, MOST_EVENTS, Report, measured, samples, series},
    engine::Plan,
    error::CliError,
    resources::Stored,
    stack::Declaration,
};
use std::time::SystemTime;

/// Parses a number of events a month.
pub(in crate::commands) fn events(text: &str) -> Result<u64, String> {
    let number = text.parse::<u64>().ok().filter(|number| *number <= MOST_EVENTS);
    number.ok_or_else(|| format!("expected a whole number from 0 to {MOST_EVENTS}"))
}

/// Estimates the planned resources at this number of events a month, without any call.
pub(in crate::commands) fn estimate(session: &Session, declaration: &Declaration, plan: &Plan<Aws>, events: u64) -> Estimate {
    Estimate::of(&session.stack, declaration.graph.entries(), &plan.steps, events)
}

/// Reports the existing resources by their own metrics, or at the given number of events a month. Without metrics, uses the
/// standard number.
pub(in crate::commands) async fn report(
    session: &Session,
    declaration: &Declaration,
    plan: &Plan<Aws>,
    events: Option<u64>,
) -> Result<Report, CliError> {
    let (stack, aws, entries) = (&session.stack, &session.aws, declaration.graph.entries());
    let there = Inventory::declared(entries).before(&plan.steps);
    if let Some(events) = events {
        return Ok(Report::assumed(stack, &there, events, None));
    }
    let failed = |error| CliError::of_engine(None, &error);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let series = series(entries, stack, &there, &session.target.region);
    let samples = samples(aws, series, now).await.map_err(failed)?;
    let mut measured = match measured(&there, &samples, now) {
        Ok(measured) => measured,
        Err(hours) => return Ok(Report::assumed(stack, &there, EVENTS, Some(hours))),
    };
    for table in stack.tables.keys() {
        if let Some(stored) = Stored::of(aws, &session.names().table(table)).await.map_err(failed)? {
            measured.add_stored(&there, table, &stored);
        }
    }
    Ok(Report::measured(stack, &there, &measured))
}

#[cfg(test)]
mod tests {
    use super::events;

    #[test]
    fn a_number_of_events() {
        assert_eq!((events("0"), events("250000"), events("100000000000")), (Ok(0), Ok(250_000), Ok(100_000_000_000)));
        for wrong in ["", "-1", "1.5", "1e6", "many", "100000000001", "99999999999999999999999", "NaN", " 5"] {
            assert!(events(wrong).is_err(), "{wrong}");
        }
    }
}
