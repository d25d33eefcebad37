//! `policy`: what IAM has to allow for another command on this stack. Writes nothing, and with `--account` asks nothing either.

use super::{
    Context,
    session::{Sources, load},
};
use crate::{
    aws::{Connection, Place, Task},
    cli::Format,
    error::{CliError, Exit},
    local, policy,
    stack::{Names, Stack},
};
use clap::Args;
use serde_json::Value;

/// Arguments of `policy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Prints one document, as IAM takes it. A role for GitHub Actions, for example:
  liveinsight policy up > up.json
  liveinsight policy --trust github:octo/site:environment:prod > trust.json
  aws iam create-policy --policy-name site-up --policy-document file://up.json
  aws iam create-role --role-name site-up --assume-role-policy-document file://trust.json
  aws iam attach-role-policy --role-name site-up --policy-arn ARN
`up` includes what `rollback`, `status` and `down` need; `status` is also enough for `plan`, `outputs` and `history`. Everything is
named as far as IAM can: by account, region and the stack's names ({project}-*-{environment}); AWS chooses the ids of REST APIs and
distributions, so these can only be told by their kind. It depends on the names in stack.yaml only, and need not change when resources
come and go.")]
pub struct PolicyArgs {
    /// The command that is to be allowed
    #[arg(value_enum, default_value = "up")]
    command: Task,
    /// Prints who may assume the role instead: jobs of this GitHub repository, `github:OWNER/REPOSITORY`, or only those of an
    /// environment or branch, `github:OWNER/REPOSITORY:environment:NAME`, `…:ref:refs/heads/BRANCH`
    #[arg(long, value_name = "REPOSITORY")]
    trust: Option<policy::Repository>,
    /// The account's number, instead of asking AWS whose account it is
    #[arg(long, value_name = "ID", value_parser = account_number)]
    account: Option<String>,
    /// Which document, if IAM's size limit makes it more than one; all have to be attached
    #[arg(long, value_name = "NUMBER", conflicts_with = "trust")]
    part: Option<usize>,
}

/// Runs `policy`.
pub(super) async fn run(args: &PolicyArgs, context: &Context) -> Result<Exit, CliError> {
    // It is JSON, whichever of the two is asked for.
    context.format(Format::of("policy"))?;
    let stack = load(context, Sources::NotNeeded)?;
    let place = place(args, context, &stack).await?;
    let document = match &args.trust {
        Some(repository) => policy::trust(repository, &place),
        None => part(args, &policy::statements(args.command, &place, &Names::new(&stack, &place.account), stack.functions.len()))?,
    };
    context.ui.result(&format!("{document:#}"));
    Ok(Exit::Done)
}

/// The document that is asked for.
fn part(args: &PolicyArgs, statements: &[Value]) -> Result<Value, CliError> {
    let parts = policy::split(statements, policy::LIMIT);
    match (args.part, &parts[..]) {
        (None, [only]) => Ok(policy::document(only)),
        (None, _) => Err(CliError::usage(format!("it takes {} documents, because IAM limits their size", parts.len()))
            .hint("print each with --part 1, --part 2, …, and attach all of them")),
        (Some(number), _) => {
            number.checked_sub(1).and_then(|index| parts.get(index)).map(|part| policy::document(part)).ok_or_else(|| {
                CliError::usage(format!("--part {number}: there is no such part")).hint(format!("the last is {}", parts.len()))
            })
        }
    }
}

/// Where the stack is or would be.
async fn place(args: &PolicyArgs, context: &Context, stack: &Stack) -> Result<Place, CliError> {
    let region = &stack.region;
    let given = args.account.as_deref().or(context.globals.local.then_some(local::ACCOUNT_ID));
    if let Some(account) = given {
        return Ok(Place::aws(Place::partition_of(region), region, account));
    }
    let connection = Connection::standard(region, context.globals.profile.as_deref()).await;
    context.progress.quiet_step("asking AWS whose account this is");
    let identity = connection.identity().await;
    context.progress.step_done();
    let (partition, account) =
        identity.map_err(|error| CliError::from(error).hint("without access to AWS, say which account it is: --account 123456789012"))?;
    Ok(Place::aws(&partition, region, &account))
}

fn account_number(text: &str) -> Result<String, String> {
    let sound = text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    if sound { Ok(text.to_owned()) } else { Err("an account's number has 12 digits".to_owned()) }
}
