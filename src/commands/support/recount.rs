//! `doctor --recount`: recomputes the last day's counts from the events. The implementation is `shared::recount`, the handlers'
//! own.

use super::{
    context::Context,
    session::{Session, Sources},
};
use crate::{
    engine::{Id, Owner},
    error::CliError,
    resources::Table,
    stack::{Content, declare},
};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use shared::{
    recount::{Difference, Report, recount},
    store::{Store, StoreError},
    time,
};

/// Tables of the product's handlers, as stack.yaml names them.
const TABLES: [&str; 2] = ["events", "sessions"];
/// Maximum number of differences to list one by one.
const TOLD: usize = 20;

/// Recomputes the counts and, with `repair`, corrects them. The outer error is a failure to recompute; the inner one reports
/// differences.
pub(in crate::commands) async fn run(context: &Context, repair: bool) -> Result<Result<String, CliError>, CliError> {
    let session = Session::open(context, Sources::NotNeeded).await?;
    for table in TABLES {
        if !session.stack.tables.contains_key(table) {
            let error = CliError::failed(format!("stack.yaml has no table `{table}`, so there is nothing that could be counted again"));
            return Err(error.hint("a recount is of the events and sessions that the handlers in lambdas/ keep"));
        }
    }
    check_owner(&session).await?;
    let [events, sessions] = TABLES.map(|table| session.names().table(table));
    // Other calls use this program's retries, made for planned writes. This task reads two whole tables, and each of its writes
    // is conditional.
    let config = session.aws.dynamodb.config().to_builder().retry_config(RetryConfig::standard().with_max_attempts(5)).build();
    let store = Store::new(aws_sdk_dynamodb::Client::from_conf(config), &events, &sessions);
    context.progress.quiet_step("counting the last day again");
    let report = recount(&store, time::now(), repair).await;
    context.progress.step_done();
    Ok(told(&report.map_err(|error| unread(&error))?, repair))
}

/// Refuses tables that belong to another stack.
async fn check_owner(session: &Session) -> Result<(), CliError> {
    let graph = declare(&session.stack, &session.target, &Content::default()).graph;
    for table in TABLES {
        let id = Id::new::<Table>(table);
        let owner = graph.owner(&session.aws, &id).await.map_err(|error| CliError::of_engine(Some(&id), &error))?;
        if let Some(whose) = owner.as_ref().and_then(Owner::foreign) {
            let name = session.names().table(table);
            let error = CliError::failed(format!("{id}: {name} exists and is not this stack's ({whose}), so it is not counted again"));
            return Err(error.hint("`liveinsight status` shows the owner of each resource"));
        }
    }
    Ok(())
}

/// Converts the reason for a failed recount.
fn unread(error: &StoreError) -> CliError {
    let failed = CliError::failed(format!("cannot count again: {error}"));
    match error {
        StoreError::Refused { code, .. } if code == "ResourceNotFoundException" => failed.hint("`liveinsight up` makes the tables"),
        StoreError::Refused { .. } => failed.hint("it needs dynamodb:Scan, Query and UpdateItem on both tables"),
        _ => failed.hint("what was corrected stays corrected; run it again"),
    }
}

fn told(report: &Report, repair: bool) -> Result<String, CliError> {
    let Report { hours, unsettled, differences, repaired } = report;
    let without = if *unsettled > 0 { format!(" ({unsettled} of them without sessions that are still going on)") } else { String::new() };
    let said = format!("counted {hours} hours again{without}");
    let count = differences.len();
    if count == 0 {
        return Ok(format!("{said}: every counter is what the events say"));
    }
    let lines: Vec<String> = differences.iter().take(TOLD).map(line).collect();
    let more = if count > TOLD { format!("\nand {} more", count - TOLD) } else { String::new() };
    let list = format!("{}{more}", lines.join("\n"));
    if !repair {
        let error = CliError::failed(format!("{said}: {count} counters are not what the events say\n{list}"));
        return Err(error.hint("`liveinsight doctor --recount` corrects them"));
    }
    if *repaired < count {
        let error =
            CliError::failed(format!("{said}: {repaired} of {count} counters corrected; the others changed at the same moment\n{list}"));
        return Err(error.hint("run it again"));
    }
    Ok(format!("{said}: {count} counters corrected\n{list}"))
}

/// Formats a difference: `default 2026-11-22 21:00 views of /cart: 3 instead of 4`.
fn line(difference: &Difference) -> String {
    let Difference { site, hour, label, attribute, counted, missing, .. } = difference;
    let of = label.as_deref().map(|label| format!(" of {label}")).unwrap_or_default();
    let counted = counted.unwrap_or(0);
    format!("{site} {} {} {attribute}{of}: {counted} instead of {}", time::date_label(*hour), time::hour_label(*hour), counted + missing)
}

#[cfg(test)]
mod tests {
    use super::told;
    use shared::{
        recount::{Difference, Report},
        rollup::{self, List},
    };

    const HOUR: i64 = 1_795_381_200_000; // 2026-11-22T21:00:00Z

    fn report(repaired: usize) -> Report {
        let key = rollup::label_key(List::Pages, "shop-1", HOUR + 5, "/cart");
        let page = Difference {
            site: "shop-1".to_owned(),
            hour: HOUR,
            key,
            label: Some("/cart".to_owned()),
            attribute: "views",
            counted: Some(3),
            missing: 1,
        };
        let key = rollup::Key { partition: rollup::hour_partition("default", 0), sort: HOUR };
        let hour = Difference { site: "default".to_owned(), hour: HOUR, key, label: None, attribute: "events", counted: None, missing: 2 };
        Report { hours: 23, unsettled: 1, differences: vec![page, hour], repaired }
    }

    #[test]
    fn what_was_wrong_is_told_number_by_number() {
        let said = told(&report(2), true).unwrap();
        assert_eq!(
            said,
            "counted 23 hours again (1 of them without sessions that are still going on): 2 counters corrected\n\
             shop-1 2026-11-22 21:00 views of /cart: 3 instead of 4\ndefault 2026-11-22 21:00 events: 0 instead of 2"
        );
        assert!(told(&report(1), true).unwrap_err().message.contains("1 of 2 counters corrected"));
        let looked = told(&report(0), false).unwrap_err();
        assert!(looked.message.contains("2 counters are not what the events say") && looked.hints[0].contains("--recount"));
        assert!(told(&Report { hours: 23, ..Report::default() }, true).unwrap().ends_with("every counter is what the events say"));
    }
}
