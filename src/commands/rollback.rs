//! `rollback`: makes an earlier release live again. Functions go back to the versions published then, pages to the object
//! versions of that release. It bypasses the reconciler, which would compare every resource: see [`release::PutBack`].

use super::{
    Context, history,
    support::{
        consent, recording,
        session::{Session, Sources},
        smoke_check,
        stack_lock::{LockBucket, StackLock},
    },
};
use crate::{
    engine::{Event, Report},
    error::{CliError, Exit},
    options::Format,
    release::{self, Action, Author, PutBack, Record, Scene},
    stack::{Content, Declaration, declare},
    ui::{self, Summary},
};
use clap::Args;
use futures::future::join;
use std::collections::BTreeMap;

/// Hint that names the command for a list of releases.
const HISTORY: &str = "`liveinsight history` lists the releases";

/// Arguments of `rollback`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --to, `rollback` returns to the release before the live one; run it again to go back one
more. `history` lists the releases. `rollback` builds nothing, and changes only aliases, pages and
CloudFront's caches. The next `up` releases the current sources: correct them first. If an earlier
run left a canary, `rollback` takes back the canary only; run it again to go further.

As after `up`, a smoke check verifies that the restored release works; --no-smoke skips the check.")]
pub struct RollbackArgs {
    /// Roll back only these functions, by their names in stack.yaml, and keep the pages [default: all functions and the pages]
    functions: Vec<String>,
    /// Number of the release to return to [default: the previous release]
    #[arg(long, value_name = "RELEASE")]
    to: Option<u64>,
    /// Change a protected environment without asking
    #[arg(short, long)]
    yes: bool,
    /// Skip the smoke check
    #[arg(long)]
    no_smoke: bool,
    /// Exit with code 6 instead of waiting if another run holds the stack's lock
    #[arg(long)]
    no_wait: bool,
}

/// Result of a run.
struct Done {
    /// Number of the release that is live again.
    number: u64,
    back: PutBack,
    report: Report,
    /// Number of the new release that records it.
    recorded: Option<u64>,
}

/// Entry point of `rollback`.
pub(crate) async fn run(args: &RollbackArgs, context: &Context) -> Result<Exit, CliError> {
    context.format(Format::of("rollback"))?;
    let session = Session::open_at_once(context, Sources::NotNeeded).await?;
    let result = Box::pin(roll_back(args, context, &session)).await;
    if session.is_mistaken() {
        return Box::pin(roll_back(args, context, &Session::open(context, Sources::NotNeeded).await?)).await;
    }
    result
}

async fn roll_back(args: &RollbackArgs, context: &Context, session: &Session) -> Result<Exit, CliError> {
    for name in &args.functions {
        if !session.stack.functions.contains_key(name) {
            let known: Vec<&str> = session.stack.functions.keys().map(String::as_str).collect();
            return Err(CliError::usage(format!("stack.yaml has no function {name}")).hint(format!("known are {}", known.join(", "))));
        }
    }
    history::bucket(session)?;
    if session.stack.protect && !args.yes {
        let environment = &session.stack.environment;
        let question = format!("roll back {environment}, which is protected?");
        consent::confirm(context, &question, &format!("{environment} is protected")).await?;
    }
    let declaration = declare(&session.stack, &session.target, &Content::default());
    if let Err(error) = Box::pin(release::check_bucket(&session.aws, &declaration)).await {
        // Results from another account do not count.
        session.confirm().await?;
        return Err(CliError::of_engine(None, &error));
    }
    let turn = StackLock::begin(context, session, "rollback", LockBucket::Existing, args.no_wait);
    let (stack_lock, scene) = join(turn, look(session, &declaration)).await;
    if stack_lock.is_err() {
        session.confirm().await?;
    }
    let stack_lock = stack_lock?;
    let waited = stack_lock.waited;
    let work = Box::pin(async {
        // Another run may have changed the scene.
        let scene = if waited { look(session, &declaration).await } else { scene };
        Box::pin(put_back(args, context, session, &declaration, scene?)).await
    });
    let conclude = async |done: &mut Done| conclude(context, session, &declaration, done).await;
    let ran = Box::pin(stack_lock.run_and_close(context, work, conclude)).await;
    session.print_calls(context);
    let (done, kept) = ran?;
    let mut result = ui::failures(&done.report).map_or(Ok(()), Err);
    let written = result.is_ok();
    if let Some(distribution) = done.back.distribution().filter(|_| written && !args.no_smoke && !done.back.is_empty()) {
        result = smoke_check::of_rollback(context, session, &session.target.distribution_url(&distribution.domain)).await;
    }
    print_outcome(context, session, &done, written);
    kept.and(result).map(|()| Exit::Done)
}

async fn look(session: &Session, declaration: &Declaration) -> Result<Scene, CliError> {
    let functions = session.functions();
    let (scene, confirmed) = join(Scene::look(&session.aws, declaration, &functions), session.confirm()).await;
    // Results from another account do not count.
    confirmed?;
    scene.map_err(|error| CliError::of_engine(None, &error))?.ok_or_else(|| none().hint(HISTORY))
}

/// Determines the necessary writes and makes them.
async fn put_back(
    args: &RollbackArgs,
    context: &Context,
    session: &Session,
    declaration: &Declaration,
    scene: Scene,
) -> Result<Done, CliError> {
    // Only functions that stack.yaml still declares count.
    let is_wanted = |name: &str| {
        session.stack.functions.contains_key(name) && (args.functions.is_empty() || args.functions.iter().any(|wanted| wanted == name))
    };
    let (number, mut back) = if args.to.is_none() && scene.has_canary(is_wanted) {
        (scene.objects.releases.last().map_or(0, |newest| newest.number), scene.take_canaries_back(is_wanted))
    } else {
        let (number, record) = chosen_release(args, session, &scene, is_wanted).await?;
        let back = scene.put_back(&record, is_wanted, args.functions.is_empty()).map_err(|unfit| {
            let text = format!("refused, and nothing was changed: release {number} cannot be put back; {unfit}");
            CliError::failed(text).hint("check out the commit that `history` shows for it, and run `up`")
        })?;
        (number, back)
    };
    context.stop.check().map_err(|error| CliError::of_engine(None, &error))?;
    for line in back.describe() {
        context.ui.note(&line);
    }
    let report = back.write(&session.aws, declaration, &|event: Event<'_>| context.progress.engine(&event)).await;
    Ok(Done { number, back, report, recorded: None })
}

/// Invalidates caches and records the live release. A partial rollback records nothing: the next run finishes it.
async fn conclude(context: &Context, session: &Session, declaration: &Declaration, done: &mut Done) {
    if !done.report.complete() {
        return;
    }
    let emit = |event: Event<'_>| context.progress.engine(&event);
    let (action, author) = (Action::Rollback(done.number), Author::of_run());
    let number = done.back.conclude(&session.aws, declaration, action, author, &mut done.report, &emit).await;
    done.recorded = recording::recorded(context, session, number).await;
}

fn print_outcome(context: &Context, session: &Session, done: &Done, went_well: bool) {
    let tally = session.aws.tally();
    let summary = Summary::new(&done.report, 0, context.progress.seconds(), &tally);
    let number = done.number;
    let what = match (went_well, done.recorded) {
        (true, Some(release)) => format!("release {number} is live again, as release {release}: "),
        (true, None) => format!("release {number} is live: "),
        (false, _) => String::new(),
    };
    let said = format!("{what}{}", summary.text());
    if went_well {
        context.ui.page(&ui::result_markdown(&session.names().stack_tag(), &said, &BTreeMap::new()));
    }
    context.ui.result(&if context.progress.events() { summary.json() } else { said });
}

/// Finds the release to return to.
async fn chosen_release(
    args: &RollbackArgs,
    session: &Session,
    scene: &Scene,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<(u64, Record), CliError> {
    let bucket = session.names().bucket();
    let read = async |stored: &release::Stored| {
        scene.objects.read(&session.aws, &bucket, stored).await.map_err(|error| CliError::of_engine(None, &error))
    };
    if let Some(number) = args.to {
        let stored = scene.objects.releases.iter().find(|stored| stored.number == number);
        let stored = stored.ok_or_else(|| CliError::failed(format!("there is no release {number}")).hint(HISTORY))?;
        let unreadable = || CliError::failed(format!("the record of release {number} cannot be read: it is damaged, or a newer program's"));
        return Ok((number, read(stored).await?.ok_or_else(|| unreadable().hint(HISTORY))?));
    }
    let mut older = scene.objects.releases.iter().rev();
    let newest = older.next().ok_or_else(|| none().hint(HISTORY))?;
    let live = scene.newest.as_ref();
    if let Some(record) = live.filter(|record| scene.is_past(record, is_wanted)) {
        return Ok((newest.number, record.clone()));
    }
    // After a rollback, the live content is older than its own record. Going back once more starts from that content's release.
    let from = match live.map(|record| record.action) {
        Some(Action::Rollback(to)) => to,
        _ => newest.number,
    };
    for stored in older.filter(|stored| stored.number < from) {
        if let Some(record) = read(stored).await?
            && record.differences(live).iter().any(|name| args.functions.is_empty() || args.functions.contains(name))
        {
            return Ok((stored.number, record));
        }
    }
    Err(none().hint(HISTORY))
}

fn none() -> CliError {
    CliError::failed("there is no release to return to")
}
