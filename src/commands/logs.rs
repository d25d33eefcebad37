//! `logs`: prints the log lines of the functions and the API.

use super::{
    Context,
    support::{
        context::Phase,
        session::{self, Session, Sources},
        span,
    },
};
use crate::{
    engine::{Class, Cloud, Error},
    error::{CliError, Exit},
    logs::{Line, Source, Tail},
    options::Format,
    resources::RestApi,
    stack::{Names, Stack},
    ui::{self, LogStyle},
};
use clap::Args;
use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

/// Arguments of `logs`.
#[derive(Debug, Args)]
#[command(after_help = "\
`api` is the API itself: one line for each request, without address and query, and API Gateway's
own errors.

Times are in UTC. --follow also finds lines that CloudWatch shows up to 30 s late; Ctrl-C stops it
with exit code 0. A log group that does not exist, or disappears meanwhile, is named once; its
lines are shown when it is back.

With --format json, each line is an object: {\"time\":…,\"function\":…,\"message\":…}. The function is
`api` for the lines of the API.")]
pub struct LogsArgs {
    /// Show only these functions, by their names in stack.yaml, or `api`, or `api.gateway` if a function is named api [default: all]
    functions: Vec<String>,
    /// Keep printing new lines as they arrive
    #[arg(long)]
    follow: bool,
    /// Show only lines newer than this: 30s, 10m, 2h, 1d
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = span::parse)]
    since: Duration,
    /// Show only lines that contain this text, case-sensitively
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

/// Returns the label of the API's lines: `api`, or `api.gateway` if a function is named `api`. No function's name has a dot.
fn api_name(stack: &Stack) -> &'static str {
    if stack.functions.contains_key("api") { "api.gateway" } else { "api" }
}

/// Number of rounds without the API's log group before the API's id is read again: a recreated API has another group.
const API_AGAIN: usize = 5;

/// Entry point of `logs`.
pub(crate) async fn run(args: &LogsArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(Format::of("logs"))?;
    // Mistakes in the arguments are reported before anything is called or started.
    let stack = session::load(context, Sources::NotNeeded)?;
    let wanted = wanted(&stack, &args.functions)?;
    let api_name = api_name(&stack);
    let session = Session::open(context, Sources::NotNeeded).await?;
    let mut sources = sources(&session.names(), wanted.iter().copied().filter(|name| *name != api_name));
    let mut api = if wanted.contains(api_name) { api(context, &session, !args.functions.is_empty()).await? } else { Api::NotWanted };
    sources.extend(api.source(&session.names(), api_name));
    let style = LogStyle::new(known(&stack).map(str::to_owned), true, context.ui.columns());
    let show = |line: &Line| {
        if args.filter.as_ref().is_none_or(|text| line.text.contains(text.as_str())) {
            context.ui.result(&if format == Format::Json { ui::log_json(line) } else { style.text(line) });
        }
    };
    let mut tail = Tail::new(since(args.since));
    let first = tail.round(&session.aws, &sources).await.map_err(|error| CliError::of_engine(None, &error))?;
    if first.absent.len() == sources.len() && !args.follow {
        let groups: Vec<&str> = sources.iter().map(|source| source.group.as_str()).collect();
        let message =
            if groups.is_empty() { "there is no API yet".to_owned() } else { format!("there is no log group {}", groups.join(", ")) };
        return Err(CliError::failed(message).hint("`liveinsight up` makes them"));
    }
    first.lines.iter().for_each(show);
    if !args.follow {
        return Ok(Exit::Done);
    }
    context.begin(Phase::Serving);
    let mut absent = Absent::default();
    absent.print(context, &first.absent, (api == Api::Missing).then_some(api_name));
    for number in 1.. {
        if context.stop.sleep(pause(&session)).await.is_err() || !context.ui.is_read() {
            break;
        }
        if absent.now.contains(api_name) && number % API_AGAIN == 0 {
            // A failed lookup is repeated later.
            api = Api::find(&session).await.unwrap_or(api);
            sources.retain(|source| source.name != api_name);
            sources.extend(api.source(&session.names(), api_name));
        }
        let round = tail.round(&session.aws, &sources).await.map_err(|error| CliError::of_engine(None, &error))?;
        absent.print(context, &round.absent, (api == Api::Missing).then_some(api_name));
        round.lines.iter().for_each(show);
    }
    Ok(Exit::Done)
}

/// Returns the names of everything that logs.
fn known(stack: &Stack) -> impl Iterator<Item = &str> {
    stack.functions.keys().map(String::as_str).chain(stack.has_api().then_some(api_name(stack)))
}

/// Returns the requested names, which have to exist in stack.yaml.
fn wanted<'a>(stack: &'a Stack, names: &[String]) -> Result<BTreeSet<&'a str>, CliError> {
    let known: Vec<&str> = known(stack).collect();
    for name in names {
        if !known.contains(&name.as_str()) {
            let hint = if known.is_empty() { "it has no functions".to_owned() } else { format!("known are {}", known.join(", ")) };
            return Err(CliError::usage(format!("stack.yaml has no function {name}")).hint(hint));
        }
    }
    if known.is_empty() {
        return Err(CliError::failed("stack.yaml has no functions, so there are no logs"));
    }
    Ok(known.into_iter().filter(|name| names.is_empty() || names.iter().any(|wanted| wanted == name)).collect())
}

/// REST API of the stack. Its log group is named after its id.
#[derive(Debug, PartialEq, Eq)]
enum Api {
    NotWanted,
    Missing,
    Id(String),
}

impl Api {
    async fn find(session: &Session) -> Result<Self, Error> {
        // A cached answer is out of date.
        session.aws.refresh();
        Ok(RestApi::id(&session.aws, &session.names().api()).await?.map_or(Self::Missing, Self::Id))
    }

    fn source(&self, names: &Names, name: &str) -> Option<Source> {
        match self {
            Self::Id(id) => Some(Source { name: name.to_owned(), group: names.api_log_group(id) }),
            Self::NotWanted | Self::Missing => None,
        }
    }
}

/// Finds the API. Unless the user named it, a missing permission for the lookup only leaves out its lines.
async fn api(context: &Context, session: &Session, by_name: bool) -> Result<Api, CliError> {
    match Api::find(session).await {
        Err(error) if error.class() == Some(Class::Denied) && !by_name => {
            context.ui.note(&format!("without the API's log: {error}"));
            Ok(Api::NotWanted)
        }
        found => found.map_err(|error| CliError::of_engine(None, &error)),
    }
}

/// Missing log groups. Each is reported once until it reappears.
#[derive(Debug, Default)]
struct Absent {
    now: BTreeSet<String>,
}

impl Absent {
    fn print(&mut self, context: &Context, absent: &[String], missing: Option<&str>) {
        let now: BTreeSet<String> = absent.iter().cloned().chain(missing.map(str::to_owned)).collect();
        for name in now.difference(&self.now) {
            context.ui.note(&format!("{name} has no log group; what it logs is shown when there is one"));
        }
        self.now = now;
    }
}

/// Returns the log groups of these functions.
pub(super) fn sources<'a>(names: &Names, functions: impl Iterator<Item = &'a str>) -> Vec<Source> {
    functions.map(|name| Source { name: name.to_owned(), group: names.function_log_group(name) }).collect()
}

/// Returns the time `ago` before now, in milliseconds since 1970.
pub(super) fn since(ago: Duration) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(ago).as_millis()).unwrap_or(i64::MAX)
}

/// Returns the delay between two rounds. On AWS, lines take seconds to become visible anyway, and requests are limited.
pub(super) fn pause(session: &Session) -> Duration {
    if session.target.limits { Duration::from_secs(2) } else { Duration::from_millis(500) }
}
