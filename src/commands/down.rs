//! `down`: removes everything the stack owns, and verifies that nothing is left.

use super::{
    Context,
    support::{
        consent,
        remains::{self, Remains},
        session::{Session, Sources},
        stack_lock::{self, StackLock},
        timings::{self, TimingsArgs},
    },
};
use crate::{
    engine::{self, Event, Id, Options, Removal, Resource},
    error::{CliError, Exit},
    options::Format,
    resources::{Bucket, Table},
    stack::{Content, declare},
    ui::{self, Summary},
};
use clap::Args;
use std::collections::BTreeMap;

/// Arguments of `down`.
#[derive(Debug, Args)]
#[command(after_help = "\
On a terminal, `down` asks for confirmation. Elsewhere it runs without asking in an unprotected
environment, and requires --yes in a protected one. If it is killed halfway, run it again to
continue. `down` never deletes resources that are not marked as the stack's.")]
pub struct DownArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
    /// Also delete the tables of a protected environment, with their data
    #[arg(long)]
    delete_data: bool,
    /// Exit with code 6 instead of waiting if another run holds the stack's lock
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    timings: TimingsArgs,
}

/// Entry point of `down`.
pub(crate) async fn run(args: &DownArgs, context: &Context) -> Result<Exit, CliError> {
    context.format(Format::of("down"))?;
    let page = args.timings.open()?;
    context.record();
    let session = Session::open(context, Sources::NotNeeded).await?;
    let declaration = declare(&session.stack, &session.target, &Content::default());
    let emit = |event: Event<'_>| context.emit(&event);
    // The bucket is deleted: its pages can be published again from the sources. Visitors' data is in the tables.
    let keep = |id: &Id| session.stack.protect && !args.delete_data && id.kind() == Table::KIND;
    let survey = async || Ok(Removal::survey(&declaration.graph, &session.aws, keep, &emit).await?);
    let removal = stack_lock::observe(context, &session, args.no_wait, survey).await?;
    if let Some(refused) = ui::protected(&removal) {
        return Err(refused);
    }
    let stack = format!("{}/{}", session.stack.project, session.stack.environment);
    if !removal.leaving.is_empty() {
        let asks = !args.yes && (session.stack.protect || context.ui.can_ask());
        context.ui.fold("plan");
        // Each resource is named after its removal, and beforehand only if the user has to confirm.
        let named = asks || context.ui.verbose();
        context.ui.note(&format!("{}\n\n{}", session.title(), ui::removal_text(&removal, named, context.ui.note_columns())));
        context.ui.unfold();
        if asks {
            let question = format!("delete {} of {stack}?", ui::resources(removal.leaving.len()));
            consent::confirm(context, &question, &format!("{} is protected", session.stack.environment)).await?;
        }
    }
    context.now("taking the lock");
    let stack_lock = StackLock::begin(context, &session, "down", lock_bucket(&removal), args.no_wait).await?;
    let waited = stack_lock.waited;
    let remains = remains::of(&session.stack, &session.names(), &declaration.graph, &removal.leaving);
    let work = Box::pin(async {
        // Another run may have changed the resources since the survey.
        let removal = if waited { survey().await? } else { removal };
        if let Some(refused) = ui::protected(&removal) {
            return Err(refused);
        }
        let options = Options { stop: context.stop.clone(), ..Options::default() };
        if !removal.leaving.is_empty() {
            context.ui.fold("changes");
        }
        let report = engine::down(&declaration.graph, &session.aws, &removal, &options, &emit).await;
        Ok((removal, report))
    });
    let ran = stack_lock.run(context, work).await;
    session.print_calls(context);
    let ((removal, report), kept) = ran?;
    context.progress.step_done();
    context.ui.unfold();

    let failure = kept.err().or_else(|| ui::failures(&report));
    let achieved = timings::so_far(context, &declaration.graph, &declaration.graph.backward());
    let summary = Summary::new(&report, removal.kept.len(), context.progress.seconds(), &session.aws.tally()).timed(achieved.as_ref());
    if let Some(achieved) = achieved.as_ref().filter(|_| page.is_some() || context.ui.verbose()) {
        context.ui.note(&ui::achieved_line(achieved));
    }
    if let Some(page) = page {
        page.write(context, "down", &session.title(), achieved.as_ref());
    }
    if failure.is_none() {
        context.ui.page(&ui::result_markdown(&stack, &summary.text(), &BTreeMap::new()));
    }
    if failure.is_none() {
        print_remains(context, &remains, session.target.limits);
    }
    if context.progress.events() {
        context.ui.result(&summary.json());
    } else {
        let left = match (failure.is_none(), removal.kept.len() + removal.foreign.len()) {
            (false, _) => String::new(),
            (true, 0) => format!("nothing of {stack} is left: "),
            (true, count) => format!("nothing of {stack} is left but the {} named above: ", ui::resources(count)),
        };
        if !removal.leaving.is_empty() || removal.kept.is_empty() && removal.foreign.is_empty() {
            context.ui.result(&format!("{left}{}", summary.text()));
        } else {
            context.ui.result(&ui::removal_text(&removal, true, context.ui.columns()));
        }
    }
    failure.map_or(Ok(Exit::Done), Err)
}

/// Reports the remains that no stack removal can delete. On the local AWS it reports that none of them is kept.
fn print_remains(context: &Context, remains: &[Remains], is_aws: bool) {
    if remains.is_empty() {
        return;
    }
    if context.progress.events() {
        for remains in remains {
            context.ui.result(&ui::event(&remains.event(is_aws)));
        }
        return;
    }
    let title = if is_aws { "AWS keeps on its own:" } else { "AWS would keep on its own, and the local AWS does not:" };
    let lines: Vec<String> = remains.iter().map(Remains::text).collect();
    context.ui.note(&format!("{title}\n{}\n", lines.join("\n")));
}

/// Returns the location of the lock: the bucket, if it exists. A removal of nothing takes no lock.
fn lock_bucket(removal: &Removal) -> stack_lock::LockBucket<'static> {
    let mut there = removal.leaving.iter().chain(&removal.kept);
    if !removal.leaving.is_empty() && there.any(|id| id.kind() == Bucket::KIND) {
        stack_lock::LockBucket::Existing
    } else {
        stack_lock::LockBucket::None
    }
}
