//! `rollback`: makes an earlier release live again. Functions go back to the versions that were published then, pages to the versions of
//! the objects; the run itself is one like any other, of just these resources.

use super::{
    Context,
    apply::{Applied, Request, apply},
    consent::Allowed,
    history,
    session::{Session, Sources},
};
use crate::{
    cli::Format,
    error::{CliError, Exit},
    release::{self, Action, Objects, Record},
    stack::declare,
    ui,
};
use clap::Args;
use std::collections::BTreeMap;

/// Arguments of `rollback`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --to it returns to the release before the one that is live; run again, to the one before that. `history` lists them. It builds
nothing, and touches only what serves: aliases, pages, and CloudFront's caches. The next `up` releases the sources as they are then:
correct them first.")]
pub struct RollbackArgs {
    /// Only these functions, by their names in stack.yaml; the pages stay [default: all functions, and the pages]
    functions: Vec<String>,
    /// The number of the release to return to [default: the one before]
    #[arg(long, value_name = "RELEASE")]
    to: Option<u64>,
    /// Consents to the change of a protected environment
    #[arg(short, long)]
    yes: bool,
    /// Ends with 6 if another run is at work on the stack, instead of waiting for it
    #[arg(long)]
    no_wait: bool,
}

/// Runs `rollback`.
pub(super) async fn run(args: &RollbackArgs, context: &Context) -> Result<Exit, CliError> {
    context.format(&[Format::Text, Format::Json])?;
    let session = Session::open(context, Sources::NotNeeded).await?;
    for name in &args.functions {
        if !session.stack.functions.contains_key(name) {
            let known: Vec<&str> = session.stack.functions.keys().map(String::as_str).collect();
            return Err(CliError::usage(format!("stack.yaml has no function {name}")).hint(format!("known are {}", known.join(", "))));
        }
    }
    let bucket = history::bucket(&session)?;
    let failed = |error| CliError::of_engine(None, &error);
    let objects = release::list(&session.aws, &bucket).await.map_err(failed)?.unwrap_or_default();
    let (number, record) = target(args, &session, &bucket, &objects).await?;
    // As far as stack.yaml still declares it.
    let is_wanted = |name: &str| {
        session.stack.functions.contains_key(name) && (args.functions.is_empty() || args.functions.iter().any(|wanted| wanted == name))
    };
    let content = record.content(is_wanted, args.functions.is_empty());
    let gone = release::gone(&session.aws, &session.names(), &objects, &content).await.map_err(failed)?;
    if !gone.is_empty() {
        let text = format!("refused, and nothing was changed: release {number} cannot be put back; gone is {}", gone.join(", "));
        return Err(CliError::failed(text).hint("check out the commit that `history` shows for it, and run `up`"));
    }

    let graph = declare(&session.stack, &session.place, &content).graph;
    let request = Request {
        only: Some(release::touched(&graph, &content)),
        action: Action::Rollback(number),
        allowed: Allowed { adopt: false, delete_data: false },
        yes: args.yes,
        wait: false,
        no_wait: args.no_wait,
    };
    let Applied { summary, result, in_sync, release, .. } = apply(context, &session, &content, request).await?;
    let what = match (in_sync, release) {
        (true, Some(release)) => format!("release {number} is live again, as release {release}: "),
        (true, None) => format!("release {number} is live: "),
        (false, _) => String::new(),
    };
    let said = format!("{what}{}", summary.text());
    if in_sync {
        context.ui.page(&ui::result_markdown(&session.names().stack_tag(), &said, &BTreeMap::new()));
    }
    if context.progress.events() {
        context.ui.result(&summary.json());
    } else {
        context.ui.result(&said);
    }
    result.map(|()| Exit::Done)
}

/// The release to return to.
async fn target(args: &RollbackArgs, session: &Session, bucket: &str, objects: &Objects) -> Result<(u64, Record), CliError> {
    let read = async |stored| release::read(&session.aws, bucket, stored).await.map_err(|error| CliError::of_engine(None, &error));
    let hint = "`liveinsight history` lists the releases";
    if let Some(number) = args.to {
        let stored = objects.releases.iter().find(|stored| stored.number == number);
        let stored = stored.ok_or_else(|| CliError::failed(format!("there is no release {number}")).hint(hint))?;
        let record = read(stored).await?.record;
        let unreadable = || CliError::failed(format!("the record of release {number} cannot be read: it is damaged, or a newer program's"));
        return Ok((number, record.ok_or_else(|| unreadable().hint(hint))?));
    }
    let none = || CliError::failed("there is no release to return to").hint(hint);
    let mut older = objects.releases.iter().rev();
    let live = read(older.next().ok_or_else(none)?).await?;
    // What was put back is older than its own record: going back again is going back from there.
    let from = match live.record.as_ref().map(|record| record.action) {
        Some(Action::Rollback(to)) => to,
        _ => live.number,
    };
    for stored in older.filter(|stored| stored.number < from) {
        if let Some(record) = read(stored).await?.record
            && record.differences(live.record.as_ref()).iter().any(|name| args.functions.is_empty() || args.functions.contains(name))
        {
            return Ok((stored.number, record));
        }
    }
    Err(none())
}
