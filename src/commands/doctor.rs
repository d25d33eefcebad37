//! `doctor`: finds problems of this machine and the account before anything starts. Changes nothing, except wrong counters with
//! `--recount`.

use super::{
    Context,
    support::{
        checkup, machine, recount,
        session::{self, Sources},
    },
};
use crate::{
    aws::{Connection, Target},
    error::{CliError, Exit},
    local::Home,
    options::Format,
    stack::Stack,
    ui::{self, Finding},
};
use clap::Args;
use std::{collections::BTreeSet, path::Path};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
`doctor` checks this machine (Rust, its build targets, the directory) and the account: whether the
credentials work, the role that API Gateway logs with, whether CloudFront serves the account, the
quotas that matter to a stack of this kind, and, with IAM's policy simulator, whether the
credentials allow what `up` does. A check that lacks a permission is a warning
(`liveinsight policy doctor` prints these), and so is a quota that is four fifths used. With
--local, it checks only what the local AWS and builds for this machine need. The exit code is 1 if
something is missing that `up` needs and does not install by itself.

With --recount, it checks the product instead: a function that is killed in the middle of a batch
leaves counters short. `doctor` recounts the complete hours of the last day from the events, which
are kept for a day, and corrects the counters that differ. It leaves events that are still in
flight alone. It reads both tables completely, and needs dynamodb:Scan, Query and UpdateItem on
them. The exit code is 1 if a counter changed at the same moment and is still wrong, or with
--dry-run if any counter is wrong.")]
pub struct DoctorArgs {
    /// Recount the visits of the last day, and correct counters that a crash left short
    #[arg(long)]
    recount: bool,
    /// With --recount: show wrong counters without correcting them
    #[arg(long, requires = "recount")]
    dry_run: bool,
}

/// Entry point of `doctor`.
pub(crate) async fn run(args: &DoctorArgs, context: &Context) -> Result<Exit, CliError> {
    let format = context.format(Format::of("doctor"))?;
    if args.recount {
        return Ok(print_findings(context, format, &[Finding::of("counters", recount::run(context, !args.dry_run).await?)]));
    }
    let (stack, mut findings) = stack(context);
    let checks = machine::checks(context, stack.as_ref()).await;
    findings.extend(checks.into_iter().map(|(what, result)| Finding::of(what, result)));
    if context.globals.local {
        let root = stack.as_ref().map_or_else(|| machine::here(context), |stack| stack.root.clone());
        findings.push(Finding::of("local AWS", local(&root).await));
    } else {
        findings.extend(Box::pin(account(context, stack.as_ref())).await);
    }
    Ok(print_findings(context, format, &findings))
}

fn print_findings(context: &Context, format: Format, findings: &[Finding]) -> Exit {
    context.ui.result(&if format == Format::Json {
        ui::findings_json(findings)
    } else {
        ui::findings_text(findings, context.ui.columns())
    });
    if findings.iter().all(Finding::ok) { Exit::Done } else { Exit::Failed }
}

fn stack(context: &Context) -> (Option<Stack>, Vec<Finding>) {
    let loaded = session::load(context, Sources::Compared);
    let found = loaded.as_ref().map(|stack| format!("{}/{} in {}", stack.project, stack.environment, stack.region)).map_err(Clone::clone);
    let secrets = loaded.as_ref().ok().and_then(secrets);
    (loaded.ok(), [Finding::of("stack.yaml", found)].into_iter().chain(secrets).collect())
}

/// Checks the secrets of the functions, if there are any: `up` needs their values.
fn secrets(stack: &Stack) -> Option<Finding> {
    let parameters: BTreeSet<&String> = stack.functions.values().flat_map(|function| &function.parameters).collect();
    if !parameters.is_empty() {
        // The parameter names do not depend on the account id.
        let below = stack.names("").parameter("");
        let found = format!("{} in parameters below {below}, which the functions read; not looked at", parameters.len());
        return Some(Finding::of("secrets", Ok::<_, CliError>(found)));
    }
    let count: usize = stack.functions.values().map(|function| function.secrets.len()).sum();
    let unset: Vec<String> = stack.unset_secrets().map(|(function, secret)| format!("{secret} of {function}")).collect();
    let found = if unset.is_empty() {
        Ok(format!("{count} set"))
    } else {
        Err(CliError::failed(format!("not set: {}", unset.join(", "))).hint("set them in the environment in which `up` runs"))
    };
    (count > 0).then(|| Finding::of("secrets", found))
}

async fn local(root: &Path) -> Result<String, CliError> {
    let home = Home::new(root);
    if let Some(server) = home.status().await? {
        return Ok(format!("running at {}", server.endpoint));
    }
    Ok(if home.is_installed() { "installed, not running" } else { "the first use installs it" }.to_owned())
}

/// Checks the credentials, their permissions, and the account's quotas.
async fn account(context: &Context, stack: Option<&Stack>) -> Vec<Finding> {
    let region = context.globals.region.as_deref().or(stack.map(|stack| stack.region.as_str())).unwrap_or("us-east-1");
    let connection = Connection::standard(region, context.globals.profile.as_deref()).await;
    context.progress.quiet_step("asking AWS for the account");
    let caller = connection.caller().await;
    context.progress.step_done();
    let (Ok(caller), Some(stack)) = (&caller, stack) else {
        return vec![Finding::of("credentials", caller.map(|caller| format!("account {}, {region} answers", caller.account)))];
    };
    let target = Target::aws(&caller.partition, region, &caller.account);
    let names = stack.names(&caller.account);
    let aws = crate::resources::connect(&connection, target, names.stack_tag());
    context.progress.quiet_step("looking at the account's quotas and permissions");
    let (role, cloudfront, quotas, permissions) = futures::join!(
        checkup::logging_role(&aws, stack.has_api()),
        checkup::cloudfront(&aws, stack.site.is_some()),
        checkup::quotas(&aws),
        checkup::permissions(&aws, &caller.arn, &names, stack.permissions_boundary.as_deref())
    );
    context.progress.step_done();
    let credentials =
        Finding::of("credentials", Ok::<_, CliError>(format!("{} in account {}, {region} answers", caller.arn, caller.account)));
    [credentials].into_iter().chain(role).chain(cloudfront).chain([quotas, permissions]).collect()
}
