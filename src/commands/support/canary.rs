//! Canary within a run of `up`. First everything but the aliases and the pages converges. Then the new versions get their share
//! of the requests, step by step, while the stack's alarms are watched. A firing alarm rolls them back. Otherwise the run
//! continues like any other, and its last step moves the aliases.

use super::{consent::Allowed, context::Context, session::Session, steps::Steps};
use crate::{
    aws::Aws,
    engine::{self, Action, Cloud, Event, Id, Options, Plan, Report, Resource, Step, survey},
    error::{CliError, Exit},
    release::{Canary, Candidate},
    resources::{Alarm, Alias, Bucket, Distribution, Serving},
    stack::{Content, Declaration, LIVE_ALIAS},
    ui::{self, CanaryState, percent},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::Instant;

/// Number of alarm checks per step, within the bounds below. CloudWatch evaluates an alarm once a minute.
const LOOKS: u32 = 20;
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Report of an aborted canary, with the reason.
pub(in crate::commands) struct GivenUp {
    pub(in crate::commands) report: Report,
    pub(in crate::commands) error: CliError,
}

/// Refuses a canary that would be rolled back at once.
pub(in crate::commands) fn check(declaration: &Declaration, plan: &Plan<Aws>) -> Result<(), CliError> {
    let firing = firing_as_observed(declaration);
    if firing.is_empty() || candidates(plan).next().is_none() {
        return Ok(());
    }
    let text =
        format!("refused, and nothing was changed: alarms are firing already ({}), so a canary would show nothing", firing.join(", "));
    Err(CliError::failed(text).hint("see what is wrong first, or run it without --canary"))
}

/// Runs a canary to its end. Returns the resulting plan, and the report so far.
pub(in crate::commands) async fn run(
    context: &Context,
    session: &Session,
    content: &Content,
    declaration: &Declaration,
    plan: Plan<Aws>,
    steps: &Steps,
    allowed: Allowed,
) -> Result<(Plan<Aws>, Report), GivenUp> {
    let given_up = |report: Report, error: CliError| GivenUp { report, error };
    let functions: BTreeSet<String> = candidates(&plan).map(|step| step.id.name().to_owned()).collect();
    if functions.is_empty() {
        context.ui.note("no function that serves changes, so there is nothing for a canary to try");
        return Ok((plan, Report::default()));
    }
    let report = prepare(context, session, declaration, plan, allowed).await;
    if let Some(error) = ui::failures(&report) {
        return Err(given_up(report, error));
    }
    if let Err(error) = try_out(context, session, content, &functions, steps).await {
        return Err(given_up(report, error));
    }
    let emit = |event: Event<'_>| context.emit(&event);
    match survey(&declaration.graph, &session.aws, &emit).await {
        Ok(plan) => Ok((plan, report)),
        Err(error) => Err(given_up(report, error.into())),
    }
}

/// Finishes a canary that another run abandoned. If an alarm fires, rolls it back instead.
pub(in crate::commands) async fn check_abandoned(
    context: &Context,
    session: &Session,
    declaration: &Declaration,
    is_wanted: impl Fn(&Id) -> bool,
) -> Result<(), CliError> {
    let left = abandoned(declaration, is_wanted);
    if left.is_empty() {
        return Ok(());
    }
    let told = left.iter().map(|(_, share)| share.as_str()).collect::<Vec<_>>().join(", ");
    let firing = firing_as_observed(declaration);
    if firing.is_empty() {
        context.ui.note(&format!("finishing the canary that another run left: {told}"));
        return Ok(());
    }
    let failed = |error| CliError::of_engine(None, &error);
    for name in left.iter().map(|(logical, _)| session.names().function(logical)).collect::<BTreeSet<_>>() {
        let serving = Serving::read(&session.aws, &name, LIVE_ALIAS).await.map_err(failed)?;
        if let Some(serving) = serving.filter(|serving| !serving.shares.is_empty()) {
            serving.share(&session.aws, BTreeMap::new()).await.map_err(failed)?;
        }
    }
    let text = format!("a canary was left half-way ({told}), and alarms are firing ({}): it was taken back", firing.join(", "));
    Err(CliError::new(Exit::Partial, text).hint("see what is wrong first; `up` once more releases what the sources are, all at once"))
}

/// Returns canaries without a running command: the function's logical name, and the share in words.
fn abandoned(declaration: &Declaration, is_wanted: impl Fn(&Id) -> bool) -> Vec<(String, String)> {
    let mut left = Vec::new();
    for entry in declaration.graph.entries().iter().filter(|entry| is_wanted(&entry.id)) {
        let Some(alias) = entry.output::<Alias>() else { continue };
        for (version, share) in alias.shares {
            let name = entry.id.name();
            let share = format!("{} % of {name} to version {version}", percent(share));
            left.push((name.to_owned(), share));
        }
    }
    left
}

/// Returns the steps that would move an alias.
fn candidates(plan: &Plan<Aws>) -> impl Iterator<Item = &Step> {
    let moves = |step: &&Step| step.id.kind() == Alias::KIND && step.action == Some(Action::Update) && step.changes.touch("release");
    plan.changes().filter(moves)
}

/// Converges everything that serves no requests: all but aliases, pages and the invalidation of these.
async fn prepare(context: &Context, session: &Session, declaration: &Declaration, plan: Plan<Aws>, allowed: Allowed) -> Report {
    let serves = |id: &Id| [Alias::KIND, Bucket::KIND, Distribution::KIND].contains(&id.kind());
    let held: BTreeSet<&Id> =
        plan.changes().filter(|step| step.action == Some(Action::Update) && serves(&step.id)).map(|step| &step.id).collect();
    let only = declaration.graph.entries().iter().map(|entry| &entry.id).filter(|id| !held.contains(id)).cloned().collect();
    let Allowed { adopt, delete_data } = allowed;
    let options = Options { adopt, delete_data, only: Some(only), stop: context.stop.clone(), ..Options::default() };
    let report = engine::up(&declaration.graph, &session.aws, plan, &options, &|event: Event<'_>| context.emit(&event)).await;
    context.progress.step_done();
    report
}

/// Gives the new versions their shares until the end, or until a check fails.
async fn try_out(
    context: &Context,
    session: &Session,
    content: &Content,
    functions: &BTreeSet<String>,
    steps: &Steps,
) -> Result<(), CliError> {
    context.now("canary");
    let failed = |error| CliError::of_engine(None, &error);
    let candidate = |logical: &String| Candidate {
        function: session.names().function(logical),
        code_sha256: content.packages.get(logical).map(|package| package.sha256.clone()),
    };
    let candidates = functions.iter().map(|logical| (logical.clone(), candidate(logical))).collect();
    let mut canary = Canary::publish(&session.aws, &candidates).await.map_err(failed)?;
    if canary.versions().is_empty() {
        return Ok(());
    }
    let mut why = Ok(());
    for step in steps.iter() {
        why = match canary.shift(step.share).await {
            Ok(()) => {
                let state = CanaryState::Watching { seconds: step.duration.as_secs() };
                context.progress.canary(step.share, &canary.versions(), state);
                watch(context, session, &canary, step.duration).await
            }
            Err(error) => Err(failed(error)),
        };
        if why.is_err() {
            break;
        }
    }
    context.progress.step_done();
    let Err(why) = why else {
        print_requests(context, &canary).await;
        context.progress.canary(1.0, &canary.versions(), CanaryState::Passed);
        return Ok(());
    };
    let back = canary.take_back().await;
    context.progress.canary(0.0, &canary.versions(), CanaryState::TakenBack);
    let what = match back {
        Ok(()) => "the canary was taken back; what served before serves all requests again".to_owned(),
        Err(error) => format!("the canary could not be taken back: {error}"),
    };
    let exit = if why.exit == Exit::Interrupted { Exit::Interrupted } else { Exit::Partial };
    let error = CliError::new(exit, format!("{}; {what}", why.message));
    Err(why.hints.into_iter().fold(error, CliError::hint))
}

/// Returns after this time, or with an error as soon as an alarm fires, another client moves an alias, or the user asks to
/// stop.
async fn watch(context: &Context, session: &Session, canary: &Canary<'_>, duration: Duration) -> Result<(), CliError> {
    let failed = |error| CliError::of_engine(None, &error);
    let names = session.names();
    let alarms = session.stack.alarms.rules.keys().map(|name| (names.alarm(name), name.clone())).collect();
    let end = Instant::now() + duration;
    let pause = (duration / LOOKS).clamp(PAUSE.0, PAUSE.1);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        context.stop.sleep(pause.min(left)).await.map_err(|_| CliError::new(Exit::Interrupted, "interrupted during a canary"))?;
        session.aws.refresh();
        let firing = Alarm::firing(&session.aws, &names.alarm_family(), &alarms).await.map_err(failed)?;
        if !firing.is_empty() {
            let error = CliError::new(Exit::Partial, format!("alarms fired during the canary: {}", firing.join(", ")));
            return Err(error.hint("`liveinsight logs` shows what the functions said meanwhile"));
        }
        let moved = canary.moved().await.map_err(failed)?;
        if !moved.is_empty() {
            let text = format!("another run moved {} during the canary", moved.join(", "));
            return Err(CliError::failed(text).hint("`liveinsight status` shows what serves now"));
        }
        if left <= pause {
            return Ok(());
        }
    }
}

/// Reports a new version that received no requests during the canary.
async fn print_requests(context: &Context, canary: &Canary<'_>) {
    match canary.requests().await {
        Ok(requests) if requests.all == 0 => {
            context.ui.warn("CloudWatch reports no request during the canary yet, so it tried nothing");
        }
        Ok(requests) if requests.tried == 0 => {
            context.ui.warn(&format!("none of the {} requests during the canary is known to have met the new versions", requests.all));
        }
        Ok(requests) => context.ui.note(&format!("{} of {} requests met the new versions", requests.tried, requests.all)),
        Err(error) => context.ui.warn(&format!("how many requests met the new versions is not known: {error}")),
    }
}

/// Returns the names of firing alarms from the observed state, sorted.
fn firing_as_observed(declaration: &Declaration) -> Vec<String> {
    let is_firing = |entry: &&engine::Entry<Aws>| entry.output::<Alarm>().is_some_and(|alarm| alarm.is_firing());
    let mut firing: Vec<String> = declaration.graph.entries().iter().filter(is_firing).map(|entry| entry.id.name().to_owned()).collect();
    firing.sort();
    firing
}
