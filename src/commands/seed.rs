//! `seed`: sends traffic for demonstrations, and verifies that every event was counted.

use super::{
    Context,
    support::{
        consent,
        context::Phase,
        session::{self, Session, Sources},
        span,
    },
};
use crate::{
    engine::{Event, Removal},
    error::{CliError, Exit},
    http::Client,
    options::Format,
    resources::taken_secret,
    seed::{Counts, Ledger, Plan, Sender, Span, allowed, comfortable, plan},
    stack::{Content, declare},
    ui::{self, SeedReport},
};
use clap::Args;
use shared::limit::{PER_MINUTE_VARIABLE, REQUESTS_PER_MINUTE};
use std::time::{Duration, Instant, SystemTime};

/// Maximum wait until the API's sums are complete: they are fresh to 30 s.
const FRESH: Duration = Duration::from_secs(45);

/// Requests a second, unless `--rate` or a client's limit sets another rate.
const DEFAULT_RATE: f64 = 10.0;

/// Arguments of `seed`.
#[derive(Debug, Args)]
#[command(after_help = "\
`seed` sends traffic to the stack's own api_url and nowhere else, for the site `default`. Without
--duration, the traffic is in the past: the events carry times of the last 23 hours, as if clients
had been offline. The API accepts events up to a day old and counts views when they arrive, so
charts show them now. With --duration, the traffic is live: visitors arrive and read at their own
pace.

1 % of the batches are sent twice, 2 % of the sessions are bots, and 0.5 % of the requests are
malformed. At the end, `seed` compares what it sent with what /api/stats counted in the meantime.
If the numbers differ, or an answer was wrong, the exit code is 1. Other visitors at the same time
also cause a difference. Latencies count from the time at which a request is due. Ctrl-C stops
sending early.

All traffic comes from one address, and the product limits the requests of each client
(REQUESTS_PER_MINUTE, 200 if not set; no limit on the local AWS). `seed` keeps to a higher --rate
all the same: it repeats requests that are refused with 429, and gives up after twelve tries.")]
pub struct SeedArgs {
    /// Number of sessions, in the past
    #[arg(long, value_name = "NUMBER", default_value_t = 200, conflicts_with = "duration", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    sessions: u32,
    /// Average requests per second [default: 10, or the limit of one client if that is lower]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: Option<u32>,
    /// Send live traffic for this long: 30s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    duration: Option<Duration>,
    /// Random seed; the same number generates the same traffic
    #[arg(long, value_name = "NUMBER", default_value_t = 42)]
    seed: u64,
    /// Token for reading, where reading requires one
    #[arg(long, value_name = "TOKEN", env = "READ_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Send traffic to a protected environment without asking
    #[arg(short, long)]
    yes: bool,
}

/// Entry point of `seed`.
pub(crate) async fn run(args: &SeedArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(Format::of("seed"))?;
    if !session::load(context, Sources::NotNeeded)?.has_api() {
        return Err(CliError::failed("stack.yaml has no function with a route, so there is no API to send to"));
    }
    let session = Session::open(context, Sources::NotNeeded).await?;
    let (api, secret) = api(context, &session).await?;
    let client = Client::new(&api).with_token(args.token.clone()).with_origin_secret(secret);
    if session.stack.protect && !args.yes {
        let environment = &session.stack.environment;
        let question = format!("send invented visits to {environment}, which is protected?");
        consent::confirm(context, &question, &format!("{environment} is protected, and invented visits stay in its numbers")).await?;
    }
    let before = Counts::read(&client).await?;
    let (plan, rate) = args.plan(context, client_limit(&session));
    context.ui.note(&format!(
        "sending {} requests of {} sessions ({} of them bots) to {}",
        plan.batches.len(),
        plan.sessions,
        plan.bots,
        session.title()
    ));
    context.begin(Phase::Serving);
    let run = run_id();
    let pace = args.duration.is_none().then(|| Duration::from_secs_f64(1.0 / rate));
    let ledger = send(context, Sender { client: &client, run: &run, stop: &context.stop }, &plan, pace).await;
    let after = settled(context, &client, &ledger, before).await?;
    let report = SeedReport::new(&ledger, before, after);
    context.ui.result(&if format == Format::Json { report.json() } else { ui::lines(&report.text(), context.ui.columns()) });
    if report.reconciled() {
        return Ok(Exit::Done);
    }
    let error = CliError::failed("what was counted is not what was sent");
    Err(error.hint("other visitors at the same time count as well; otherwise `liveinsight logs --filter ERROR` may show why"))
}

/// Returns the number of requests, each an ordinary batch, that one client may send in a minute; 0 without a limit.
fn client_limit(session: &Session) -> u32 {
    let Some(collector) = session.stack.collector() else { return 0 };
    let set = session.stack.variables(collector, &session.names()).remove(PER_MINUTE_VARIABLE).and_then(|text| text.parse().ok());
    // All clients share one address there, so `up` removes the limit.
    set.unwrap_or(if session.target.functions_on_host { 0 } else { REQUESTS_PER_MINUTE })
}

impl SeedArgs {
    /// Returns the traffic and its rate in requests a second: the requested rate, or a client's limit.
    fn plan(&self, context: &Context, per_minute: u32) -> (Plan, f64) {
        let wanted = self.rate.map_or(DEFAULT_RATE, f64::from);
        let first = plan(self.seed, self.span(wanted));
        let Some(allowed) = allowed(&first, per_minute).filter(|allowed| *allowed < wanted) else { return (first, wanted) };
        let rate = comfortable(allowed);
        let limit = format!("one client may send about {allowed:.1} of these requests a second ({PER_MINUTE_VARIABLE} {per_minute})");
        if self.rate.is_some() {
            context.ui.note(&format!("{limit}: at --rate {wanted} others are refused with 429 and repeated"));
            return (first, wanted);
        }
        context.ui.note(&format!("{limit}: sending {rate:.1} a second"));
        (plan(self.seed, self.span(rate)), rate)
    }

    fn span(&self, rate: f64) -> Span {
        match self.duration {
            Some(duration) => Span::Live { duration, rate },
            None => Span::Past { sessions: usize::try_from(self.sessions).unwrap_or(usize::MAX), hour: hour_of_day() },
        }
    }
}

/// Returns the address of the API, and the origin secret. Sending the secret lets invented countries of visitors count.
async fn api(context: &Context, session: &Session) -> Result<(String, Option<String>), CliError> {
    let declaration = declare(&session.stack, &session.target, &Content::default());
    Removal::survey(&declaration.graph, &session.aws, |_| false, &|event: Event<'_>| context.progress.engine(&event)).await?;
    let missing = || CliError::failed(format!("{} has no API yet", session.title())).hint("`liveinsight up` makes it");
    let url = declaration.outputs().remove("api_url").ok_or_else(missing)?;
    let functions = session.functions();
    let routed = session.stack.functions.iter().filter(|(_, function)| function.is_routed());
    let names = routed.filter_map(|(name, _)| functions.get(name).cloned()).collect();
    let secret = taken_secret(&session.aws, &names).await.map_err(|error| CliError::of_engine(None, &error))?;
    Ok((url, secret))
}

/// Sends all traffic, and reports progress every few seconds.
async fn send(context: &Context, sender: Sender<'_>, plan: &Plan, pace: Option<Duration>) -> Ledger {
    const NEWS: Duration = Duration::from_secs(5);
    let told = std::cell::Cell::new(Instant::now());
    let tell = |done: usize, total: usize| {
        if told.get().elapsed() >= NEWS {
            told.set(Instant::now());
            context.ui.note(&format!("{done} of {total} requests answered"));
        }
    };
    sender.send(plan, pace, &tell).await
}

/// Polls the counts until they match the ledger, and returns the last ones when time is up.
async fn settled(context: &Context, client: &Client, ledger: &Ledger, before: Counts) -> Result<Counts, CliError> {
    let began = Instant::now();
    loop {
        let after = Counts::read_again(client, before).await?;
        let missing = ledger.difference(before, after);
        // Waiting cannot lower a count that is too high.
        if missing.0 >= 0 && missing.1 >= 0 || began.elapsed() >= FRESH {
            return Ok(after);
        }
        if context.stop.requested() {
            return Ok(after);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Returns a few letters unique to this run, because reused identifiers would count as duplicates.
fn run_id() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}", now.as_millis())
}

fn hour_of_day() -> usize {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    usize::try_from(now.as_secs() / 3_600 % 24).unwrap_or_default()
}
