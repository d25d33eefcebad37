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
    aws::Optional,
    cli::Format,
    engine::{Id, Resource},
    error::{CliError, Exit},
    release::{self, Action, Objects, Record},
    resources::{Alias, Bucket, Distribution, SiteContent, SiteObject},
    stack::{Content, Version, declare},
};
use clap::Args;
use futures::future::try_join_all;
use std::collections::BTreeMap;

/// Arguments of `rollback`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --to it returns to the release before the one that is live; run again, to the one before that. `history` lists them. It builds
nothing and leaves tables, permissions and settings as they are. The next `up` releases the sources as they are then: correct them first.")]
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
    let content = content(args, &session, &record);
    refuse_what_is_gone(&session, &objects, number, &content).await?;

    let aliases = content.versions.keys().map(|name| Id::new::<Alias>(name));
    let declared = declare(&session.stack, &session.place, &content);
    let kinds: &[&str] = if content.site.is_some() { &[Bucket::KIND, Distribution::KIND] } else { &[] };
    let pages = declared.graph.entries().iter().map(|entry| entry.id.clone()).filter(|id| kinds.contains(&id.kind()));
    let request = Request {
        only: Some(aliases.chain(pages).collect()),
        action: Action::Rollback(number),
        allowed: Allowed { adopt: false, delete_data: false },
        yes: args.yes,
        wait: false,
        no_wait: args.no_wait,
    };
    let Applied { summary, result, in_sync, release, .. } = apply(context, &session, &content, request).await?;
    if context.progress.events() {
        context.ui.result(&summary.json());
    } else {
        let what = match (in_sync, release) {
            (true, Some(release)) => format!("release {number} is live again, as release {release}: "),
            (true, None) => format!("release {number} is live: "),
            (false, _) => String::new(),
        };
        context.ui.result(&format!("{what}{}", summary.text()));
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

/// What is to be live, as far as stack.yaml still declares it.
fn content(args: &RollbackArgs, session: &Session, record: &Record) -> Content {
    let wanted = |name: &String| session.stack.functions.contains_key(name) && (args.functions.is_empty() || args.functions.contains(name));
    let versions: BTreeMap<String, Version> =
        record.functions.iter().filter(|(name, _)| wanted(name)).map(|(name, version)| (name.clone(), version.clone())).collect();
    let page = |(key, page): (&String, &release::Page)| {
        (key.clone(), SiteObject { md5: page.md5.clone(), content: SiteContent::Version(page.version.clone()) })
    };
    let site = (args.functions.is_empty() && !record.site.is_empty()).then(|| record.site.iter().map(page).collect());
    Content { versions, site, ..Content::default() }
}

/// An error, before anything is changed, if something that has to serve is not there any more.
async fn refuse_what_is_gone(session: &Session, objects: &Objects, number: u64, content: &Content) -> Result<(), CliError> {
    let names = session.names();
    let gone = async |(logical, version): (&String, &Version)| {
        let (aws, name) = (&session.aws, names.function(logical));
        let get = || aws.lambda.get_function().function_name(&name).qualifier(&version.version).send();
        let found = aws.read("lambda:GetFunction", get).await.optional()?;
        Ok(found.is_none().then(|| format!("version {} of {logical}", version.version)))
    };
    let functions: Vec<Option<String>> =
        try_join_all(content.versions.iter().map(gone)).await.map_err(|error| CliError::of_engine(None, &error))?;
    let is_there = |key: &String, object: &SiteObject| match &object.content {
        // Unchanged pages are left as they are.
        _ if objects.site.get(key).is_some_and(|page| page.md5 == object.md5) => true,
        SiteContent::Version(version) => objects.versions.contains(&(key.clone(), version.clone())),
        SiteContent::File { .. } => true,
    };
    let pages = content.site.iter().flatten().filter(|(key, object)| !is_there(key, object)).map(|(key, _)| format!("page {key}"));
    let gone: Vec<String> = functions.into_iter().flatten().chain(pages).collect();
    if gone.is_empty() {
        return Ok(());
    }
    let text = format!("refused, and nothing was changed: release {number} cannot be put back, because this is gone: {}", gone.join(", "));
    Err(CliError::failed(text).hint("check out the commit that `history` shows for it, and run `up`"))
}
