//! Smoke check after a release. If it fails, the previous release is restored.

use super::{context::Context, recording, session::Session, wait};
use crate::{
    aws::Aws,
    engine::{Id, Plan, Resource, State, Step},
    error::{CliError, Exit},
    release::{Action, Author, Scene},
    resources::{Alias, Bucket, Function},
    smoke::{Asked, Before, Checks, Failure, Outcome},
    stack::{Declaration, Stack, Url, function_url_output},
    ui,
};
use std::collections::BTreeMap;

/// Asks the release that serves before this run what the check judges it by. Asks nothing before a run that releases nothing.
pub(in crate::commands) async fn before(
    session: &Session,
    declaration: &Declaration,
    plan: &Plan<Aws>,
    is_wanted: impl Fn(&Id) -> bool,
) -> Before {
    let is_alias = |step: &&Step| step.id.kind() == Alias::KIND;
    if !plan.steps.iter().filter(is_alias).any(|step| step.state != State::Missing) {
        return Before::FirstRelease;
    }
    let releases = |step: &Step| [Alias::KIND, Function::KIND, Bucket::KIND].contains(&step.id.kind()) && is_wanted(&step.id);
    if !plan.changes().any(releases) || session.is_out_of_reach() {
        return Before::Unknown;
    }
    let outputs = declaration.outputs();
    checks(&session.stack, outputs.get("api_url"), None, &outputs).before(declaration.shown_to_api()).await
}

/// Checks that the release works, and restores the previous one if not. `outputs` contain the addresses.
pub(in crate::commands) async fn of_release(
    context: &Context,
    session: &Session,
    declaration: &Declaration,
    outputs: &BTreeMap<String, String>,
    before: &Before,
) -> Result<(), CliError> {
    let mut checks = checks(&session.stack, outputs.get("api_url"), outputs.get("dashboard_url"), outputs);
    if is_out_of_reach(context, session) {
        return Ok(());
    }
    if let Some(id) = outputs.get("distribution_id").filter(|_| session.target.limits)
        && !wait::is_deployed(session, id).await.map_err(|error| CliError::of_engine(None, &error))?
        && checks.leave_out_page()
    {
        context.ui.note("the page is not fetched: CloudFront is still deploying the distribution (--wait waits for that)");
    }
    let again = "run the same command again: it checks and records it then";
    // The check bypasses CloudFront, which takes minutes to deploy, and sends the origin secret itself.
    let ran = run(context, &checks, declaration.shown_to_api(), before).await;
    let Some(failure) = ran.map_err(|error| error.hint(again))? else { return Ok(()) };
    let undone = Box::pin(put_back(context, session, declaration)).await;
    let undone = undone.unwrap_or_else(|error| format!("the release before could not be put back as a whole: {error}"));
    let error = CliError::new(Exit::Partial, format!("the smoke check failed: {failure}; {undone}"));
    Err(error.hint("`liveinsight logs` shows what the functions said").hint("--no-smoke releases without the check"))
}

/// Checks that the restored release works, through the distribution at `address`. A failure here restores nothing.
pub(in crate::commands) async fn of_rollback(context: &Context, session: &Session, address: &str) -> Result<(), CliError> {
    if is_out_of_reach(context, session) {
        return Ok(());
    }
    let address = address.to_owned();
    let mut checks = checks(&session.stack, Some(&address), Some(&address), &BTreeMap::new());
    // The distribution forwards only this part of the API.
    checks.retain_paths(|path| path.starts_with("/api/"));
    match run(context, &checks, None, &Before::Unknown).await? {
        None => Ok(()),
        Some(failure) => {
            let error = CliError::new(Exit::Partial, format!("what was put back does not work either: {failure}"));
            Err(error.hint("`liveinsight logs` shows what the functions said"))
        }
    }
}

/// Returns true if the stack's addresses are out of reach, and says so.
fn is_out_of_reach(context: &Context, session: &Session) -> bool {
    let elsewhere = session.is_out_of_reach();
    if elsewhere {
        context.ui.note("it is not checked that what was released works: AWS_ENDPOINT_URL leads elsewhere than the stack's addresses");
    }
    elsewhere
}

/// Runs the checks, with the origin secret if there is one.
async fn run(context: &Context, checks: &Checks, secret: Option<String>, before: &Before) -> Result<Option<Failure>, CliError> {
    if checks.is_empty() {
        return Ok(None);
    }
    context.progress.step("checking that what was released works");
    let outcome = checks.run(&context.stop, secret, before).await;
    context.progress.step_done();
    context.progress.smoke(&outcome);
    match outcome {
        Outcome::Passed { .. } => Ok(None),
        Outcome::Failed(failure) => Ok(Some(failure)),
        Outcome::Interrupted => Err(CliError::new(Exit::Interrupted, "interrupted before it was checked that what was released works")),
    }
}

/// Returns the checks that apply to the stack.
fn checks(stack: &Stack, api: Option<&String>, page: Option<&String>, outputs: &BTreeMap<String, String>) -> Checks {
    let bare = |url: &String| url.trim_end_matches('/').to_owned();
    let url = |name: &String| Some((name.clone(), outputs.get(&function_url_output(name)).cloned()?));
    let asked = stack.smoke.clone().map_or_else(|| usual(stack), Asked::Declared);
    Checks { api: api.map(bare), page: page.map(bare), urls: stack.functions.keys().filter_map(url).collect(), asked }
}

/// Returns the check of a stack that declares no requests for it.
fn usual(stack: &Stack) -> Asked {
    // Only a caller that an authorizer knows could tell whether what is behind it works.
    let open = stack.functions.values().filter(|function| function.authorizer.is_none());
    let routes: Vec<_> = open.flat_map(|function| &function.routes).collect();
    let has = |text: &str| routes.iter().any(|route| route.to_string() == text);
    let is_plain = |path: &str| !path.contains('{');
    let public = stack.functions.iter().filter(|(_, function)| function.url == Some(Url::Public));
    Asked::Usual {
        reads: routes.iter().filter(|route| route.method == "GET" && is_plain(&route.path)).map(|route| route.path.clone()).collect(),
        urls: public.map(|(name, _)| name.clone()).collect(),
        counts: has("POST /api/events") && has("GET /api/realtime"),
    }
}

/// Makes the newest recorded release live again, and returns a description of the result.
async fn put_back(context: &Context, session: &Session, declaration: &Declaration) -> Result<String, CliError> {
    let failed = |error| CliError::of_engine(None, &error);
    let stays = "there is no earlier release to return to, so it stays";
    let Some(scene) = Box::pin(Scene::look(&session.aws, declaration, &session.functions())).await.map_err(failed)? else {
        return Ok(stays.to_owned());
    };
    let Some(newest) = scene.objects.releases.last().cloned() else { return Ok(stays.to_owned()) };
    let Some(record) = scene.newest.clone() else {
        return Ok(format!("the record of release {} cannot be read, so it stays", newest.number));
    };
    let mut back = match scene.put_back(&record, |_| true, true) {
        Ok(back) if back.is_empty() => return Ok(format!("release {} serves already, so the fault is not new", newest.number)),
        Ok(back) => back,
        Err(unfit) => return Ok(format!("release {} cannot be put back; {unfit}", newest.number)),
    };
    let emit = |event: crate::engine::Event<'_>| context.progress.engine(&event);
    let mut report = Box::pin(back.write(&session.aws, declaration, &emit)).await;
    if report.complete() {
        let action = Action::Rollback(newest.number);
        let number = back.conclude(&session.aws, declaration, action, Author::of_run(), &mut report, &emit).await;
        recording::recorded(context, session, number).await;
    }
    ui::failures(&report).map_or_else(|| Ok(format!("release {} is live again", newest.number)), Err)
}

#[cfg(test)]
mod tests {
    use super::{BTreeMap, checks};
    use crate::{
        smoke::{Asked, Checks},
        stack::Stack,
    };

    #[test]
    fn what_is_checked_follows_from_the_routes() {
        let stack = Stack::load(&test_support::workspace().join("stack.yaml"), None, None).unwrap();
        let (api, page) = ("https://api.example/dev".to_owned(), "https://page.example/".to_owned());
        let expected = Checks {
            api: Some(api.clone()),
            page: Some("https://page.example".to_owned()),
            urls: BTreeMap::new(),
            asked: Asked::Usual { reads: vec!["/api/realtime".to_owned(), "/api/stats".to_owned()], urls: Vec::new(), counts: true },
        };
        assert_eq!(checks(&stack, Some(&api), Some(&page), &BTreeMap::new()), expected);
    }
}
