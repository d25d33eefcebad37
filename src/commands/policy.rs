//! `policy`: prints the IAM permissions that another command needs on this stack. Writes nothing, and with `--account` makes no
//! calls.

use super::{
    Context,
    support::session::{Sources, load},
};
use crate::{
    aws::{Connection, Target, facts::Task},
    error::{CliError, Exit},
    local,
    options::Format,
    policy,
    stack::{Names, Stack},
};
use clap::Args;
use serde_json::Value;

/// Arguments of `policy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Prints one document, as IAM accepts it for a role's inline policy. To create a role for GitHub
Actions, for example:
  liveinsight policy up > up.json
  liveinsight policy --trust github:octo/site:environment:prod > trust.json
  aws iam create-role --role-name site-up --assume-role-policy-document file://trust.json
  aws iam put-role-policy --role-name site-up --policy-name up --policy-document file://up.json
Managed policies have a lower size limit: for them, --part prints the policy in parts.

The policy of `up` includes what `rollback`, `status` and `down` need; that of `status` is also
enough for `plan`, `outputs` and `history`. Statements name resources as exactly as IAM allows: by
account, region and the stack's names ({project}-*-{environment}). AWS chooses the ids of REST
APIs and distributions, so statements match these by resource type and by the stack's tag. The
policy depends on the names in stack.yaml and on `permissions_boundary` only, and stays the same
when resources come and go. The output of --boundary also depends on `secrets_from` and on `permissions`.

Without `permissions_boundary`, the role of `up` equals an administrator: it may create roles with
any permissions. To restrict it, run once:
  liveinsight policy --boundary > boundary.json
  aws iam create-policy --policy-name site-boundary --policy-document file://boundary.json
Then set `permissions_boundary: ARN` in stack.yaml with the ARN of that policy, and print the
policy of `up` again.")]
pub struct PolicyArgs {
    /// Command to allow
    #[arg(value_enum, default_value = "up")]
    command: Command,
    /// Print the role's trust policy instead, for the jobs of this GitHub repository, `github:OWNER/REPOSITORY`, or only those of an
    /// environment or branch, `github:OWNER/REPOSITORY:environment:NAME`, `…:ref:refs/heads/BRANCH`
    #[arg(long, value_name = "REPOSITORY")]
    trust: Option<policy::Repository>,
    /// Print the policy for the roles' permissions boundary instead: the maximum that any function of this stack may do
    #[arg(long, conflicts_with_all = ["trust", "part"])]
    boundary: bool,
    /// AWS account ID to use, instead of asking AWS for the account of the credentials
    #[arg(long, value_name = "ID", value_parser = account_number)]
    account: Option<String>,
    /// Print this part of the policy, sized for a managed policy, which IAM limits to less text; attach all parts
    #[arg(long, value_name = "NUMBER", conflicts_with = "trust")]
    part: Option<usize>,
}

/// Command that is to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Command {
    /// Allow `up` and `rollback`, and all of `status`: create and update resources, and delete those that are not declared.
    Up,
    /// Allow `status`, `plan`, `outputs` and `history`, also with `--audit`: read only.
    Status,
    /// Allow `down`: delete.
    Down,
    /// Allow `logs`: read the logs of the functions and the API.
    Logs,
    /// Allow `doctor`: inspect the account, and the permissions of its credentials.
    Doctor,
}

impl From<Command> for Task {
    fn from(command: Command) -> Self {
        match command {
            Command::Up => Self::Up,
            Command::Status => Self::Status,
            Command::Down => Self::Down,
            Command::Logs => Self::Logs,
            Command::Doctor => Self::Doctor,
        }
    }
}

/// Entry point of `policy`.
pub(crate) async fn run(args: &PolicyArgs, context: &Context) -> Result<Exit, CliError> {
    // The output is JSON in both formats.
    context.format(Format::of("policy"))?;
    let stack = load(context, Sources::NotNeeded)?;
    let target = target(args, context, &stack).await?;
    let names = stack.names(&target.account);
    let document = match &args.trust {
        Some(repository) => policy::trust(repository, &target),
        None if args.boundary => policy::boundary(&stack, &target, &names),
        None => part(args, &statements(args.command.into(), &stack, &target, &names))?,
    };
    context.ui.result(&format!("{document:#}"));
    if args.trust.is_none() && !args.boundary && args.command == Command::Up && stack.permissions_boundary.is_none() {
        context.ui.warn(
            "who has this policy is as good as an administrator of the account: it allows roles with any permissions. `permissions_boundary` in \
             stack.yaml ends that; `liveinsight policy --boundary` prints the policy for it",
        );
    }
    Ok(Exit::Done)
}

/// Returns the statements that allow and deny actions for a command.
fn statements(task: Task, stack: &Stack, target: &Target, names: &Names) -> Vec<Value> {
    let boundary = stack.permissions_boundary.as_deref();
    let mut statements = policy::short(policy::statements(task, target, names, stack.functions.len(), boundary));
    let is_kept = boundary.filter(|_| task == Task::Up);
    statements.extend(is_kept.map(|boundary| policy::keep_boundary(target, names, boundary)));
    statements
}

/// Returns the requested document.
fn part(args: &PolicyArgs, statements: &[Value]) -> Result<Value, CliError> {
    let (whole, parts) = (policy::document(statements), policy::split(statements, policy::LIMIT));
    match (args.part, &parts[..]) {
        (None, _) if policy::size(&whole) <= policy::INLINE_LIMIT => Ok(whole),
        (None, _) => Err(CliError::usage(format!("it takes {} documents, because IAM limits their size", parts.len()))
            .hint("print each with --part 1, --part 2, …, and attach all of them as managed policies")),
        (Some(number), _) => {
            number.checked_sub(1).and_then(|index| parts.get(index)).map(|part| policy::document(part)).ok_or_else(|| {
                CliError::usage(format!("--part {number}: there is no such part")).hint(format!("the last is {}", parts.len()))
            })
        }
    }
}

/// Returns the account and region of the stack, deployed or not.
async fn target(args: &PolicyArgs, context: &Context, stack: &Stack) -> Result<Target, CliError> {
    let region = &stack.region;
    let given = args.account.as_deref().or(context.globals.local.then_some(local::ACCOUNT_ID));
    if let Some(account) = given {
        return Ok(Target::aws(Target::partition_of(region), region, account));
    }
    let connection = Connection::standard(region, context.globals.profile.as_deref()).await;
    context.progress.quiet_step("asking AWS for the account");
    let identity = connection.identity().await;
    context.progress.step_done();
    let (partition, account) =
        identity.map_err(|error| CliError::from(error).hint("without access to AWS, say which account it is: --account 123456789012"))?;
    Ok(Target::aws(&partition, region, &account))
}

fn account_number(text: &str) -> Result<String, String> {
    let sound = text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    if sound { Ok(text.to_owned()) } else { Err("an account's number has 12 digits".to_owned()) }
}
