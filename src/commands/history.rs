//! `history`: lists the releases. Read-only.

use super::{
    Context,
    support::session::{Session, Sources},
};
use crate::{
    error::{CliError, Exit},
    options::Format,
    release, ui,
};
use clap::Args;
use futures::future::try_join_all;

/// Arguments of `history`.
#[derive(Debug, Args)]
#[command(after_help = "\
Every `up` that changes what visitors receive (code, its configuration, pages) is a release, and
so is every `rollback`. The newest release comes first. Releases are recorded in the stack's
bucket; `rollback` can return to the last 30 at least. Times are in UTC.")]
pub struct HistoryArgs {
    /// Maximum number of releases to list
    #[arg(short, long, value_name = "NUMBER", default_value = "20", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Entry point of `history`.
pub(crate) async fn run(args: &HistoryArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(Format::of("history"))?;
    let session = Session::open(context, Sources::NotNeeded).await?;
    let (aws, bucket) = (&session.aws, bucket(&session)?);
    let failed = |error| CliError::of_engine(None, &error);
    let stored = release::list(aws, &bucket).await.map_err(failed)?.unwrap_or_default().releases;
    let newest = stored.iter().rev().take(args.limit as usize).map(|stored| release::read(aws, &bucket, stored));
    let releases = try_join_all(newest).await.map_err(failed)?;
    if format == Format::Json {
        context.ui.result(&ui::history_json(&releases));
    } else if releases.is_empty() {
        context.ui.note(&format!("{}: no releases yet; `liveinsight up` makes the first", session.title()));
    } else {
        context.ui.note(&format!("{}\n", session.title()));
        context.ui.result(&ui::history_text(&releases, context.ui.columns()));
    }
    Ok(Exit::Done)
}

/// Returns the name of the bucket with the release records.
pub(super) fn bucket(session: &Session) -> Result<String, CliError> {
    if session.stack.site.is_none() {
        let error = CliError::failed("stack.yaml has no `site`, so the stack has no bucket in which releases are recorded");
        return Err(error.hint("Lambda keeps the published versions of each function; `aws lambda update-alias` moves `live` to one"));
    }
    Ok(session.names().bucket())
}
