//! `logs`: what the functions say.

use super::{
    Context, Phase,
    session::{self, Session, Sources},
    span,
};
use crate::{
    cli::Format,
    error::{CliError, Exit},
    logs::{Line, Source, Tail},
    stack::Names,
    ui::{self, LogStyle},
};
use clap::Args;
use std::time::{Duration, SystemTime};

/// Arguments of `logs`.
#[derive(Debug, Args)]
#[command(after_help = "\
Times are UTC. A line that CloudWatch shows up to 30 s late is still found while following; Ctrl-C ends that, with exit code 0.
With --format json each line is an object: {\"time\":…,\"function\":…,\"message\":…}")]
pub struct LogsArgs {
    /// Only these functions, by their names in stack.yaml [default: all]
    functions: Vec<String>,
    /// Goes on with new lines as they come
    #[arg(long)]
    follow: bool,
    /// How far to look back: 30s, 10m, 2h, 1d
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = span::parse)]
    since: Duration,
    /// Only lines with this text in them, in exactly these letters
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

/// Runs `logs`.
pub(super) async fn run(args: &LogsArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(&[Format::Text, Format::Json])?;
    // Mistakes are told before anything is asked or started.
    let stack = session::load(context, Sources::NotNeeded)?;
    let known: Vec<&str> = stack.functions.keys().map(String::as_str).collect();
    for name in &args.functions {
        if !known.contains(&name.as_str()) {
            let hint = if known.is_empty() { "it has no functions".to_owned() } else { format!("known are {}", known.join(", ")) };
            return Err(CliError::usage(format!("stack.yaml has no function {name}")).hint(hint));
        }
    }
    if known.is_empty() {
        return Err(CliError::failed("stack.yaml has no functions, so there are no logs"));
    }
    let session = Session::open(context, Sources::NotNeeded).await?;
    let wanted = |name: &&str| args.functions.is_empty() || args.functions.iter().any(|wanted| wanted == name);
    let sources = sources(&session.names(), known.iter().copied().filter(wanted));
    let style = LogStyle::new(known.iter().map(|name| (*name).to_owned()), true);
    let show = |line: &Line| {
        if args.filter.as_ref().is_none_or(|text| line.text.contains(text.as_str())) {
            context.ui.result(&if format == Format::Json { ui::log_json(line) } else { style.text(line) });
        }
    };
    let mut tail = Tail::new(since(args.since));
    let first = tail.round(&session.aws, &sources).await.map_err(|error| CliError::of_engine(None, &error))?;
    if first.absent.len() == sources.len() && !args.follow {
        let groups: Vec<&str> = sources.iter().map(|source| source.group.as_str()).collect();
        let message = format!("there is no log group {}", groups.join(", "));
        return Err(CliError::failed(message).hint("`liveinsight up` makes them"));
    }
    first.lines.iter().for_each(show);
    if !args.follow {
        return Ok(Exit::Done);
    }
    context.begin(Phase::Serving);
    loop {
        if context.stop.sleep(pause(&session)).await.is_err() || !context.ui.is_read() {
            return Ok(Exit::Done);
        }
        let round = tail.round(&session.aws, &sources).await.map_err(|error| CliError::of_engine(None, &error))?;
        round.lines.iter().for_each(show);
    }
}

/// The log groups of these functions.
pub(super) fn sources<'a>(names: &Names, functions: impl Iterator<Item = &'a str>) -> Vec<Source> {
    functions.map(|name| Source { name: name.to_owned(), group: names.function_log_group(name) }).collect()
}

/// A time so long ago, in milliseconds since 1970.
pub(super) fn since(ago: Duration) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(ago).as_millis()).unwrap_or(i64::MAX)
}

/// How long to wait between two rounds. On AWS, lines take seconds to become visible anyway, and requests are limited.
pub(super) fn pause(session: &Session) -> Duration {
    if session.place.limits { Duration::from_secs(2) } else { Duration::from_millis(500) }
}
