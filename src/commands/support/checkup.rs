//! Checks of `doctor` on the account.

use crate::{
    account::{self, Denied, Principal},
    aws::{
        Aws,
        facts::{Task, Used},
    },
    engine::{Class, Error, Result},
    error::CliError,
    policy,
    resources::{self},
    stack::Names,
    ui::Finding,
};

/// Maximum number of denied actions to name.
const NAMED: usize = 10;

/// Checks the role that API Gateway writes logs with, which an API needs.
pub(in crate::commands) async fn logging_role(aws: &Aws, needed: bool) -> Option<Finding> {
    const WHAT: &str = "API logs";
    if !needed {
        return None;
    }
    Some(match resources::logging_role(aws).await {
        Ok(Some(role)) => Finding::of(WHAT, Ok::<_, CliError>(format!("API Gateway writes them as {role}"))),
        Ok(None) => Finding::of(WHAT, Ok::<_, CliError>("API Gateway has no role to write them with yet; `up` makes one".to_owned())),
        Err(error) => unknown(WHAT, &error),
    })
}

/// Warns that a site can be refused: AWS verifies an account before CloudFront creates anything for it, and no call reveals
/// that beforehand.
pub(in crate::commands) async fn cloudfront(aws: &Aws, needed: bool) -> Option<Finding> {
    const WHAT: &str = "CloudFront";
    if !needed {
        return None;
    }
    Some(match resources::count_distributions(aws).await {
        Ok(0) => {
            let text = "the account has no distribution yet; CloudFront can refuse a new account until AWS has verified it, which no call \
                        tells beforehand: `up` then says so, and a support case (\"Account verification\") ends it";
            Finding::of(WHAT, Ok::<_, CliError>(text.to_owned()))
        }
        Ok(count) => Finding::of(WHAT, Ok::<_, CliError>(format!("serves this account ({count} distributions)"))),
        Err(error) if error.class() == Some(Class::NotActivated) => Finding::of(WHAT, Err::<String, _>(CliError::of_engine(None, &error))),
        Err(error) => unknown(WHAT, &error),
    })
}

/// Checks all quotas, as one finding.
pub(in crate::commands) async fn quotas(aws: &Aws) -> Finding {
    const WHAT: &str = "quotas";
    let found = resources::quotas(aws).await;
    let told = |(what, result): &(&str, Result<Used>)| match result {
        Ok(quota @ Used { used, limit, .. }) => {
            let state = if quota.is_full() {
                " (full)"
            } else if quota.is_near() {
                " (nearly full)"
            } else {
                ""
            };
            format!("{used} of {limit} {what}{state}")
        }
        Err(error) => format!("{what}: cannot be read: {error}"),
    };
    let detail = found.iter().map(told).collect::<Vec<_>>().join("\n");
    let raise = || "have it raised in the Service Quotas console, or remove what is not needed".to_owned();
    let quotas = || found.iter().filter_map(|(_, result)| result.as_ref().ok().copied());
    if quotas().any(Used::is_full) {
        return Finding::of(WHAT, Err::<String, _>(CliError::failed(detail).hint(raise())));
    }
    if quotas().any(Used::is_near) {
        return Finding::warning(WHAT, detail, Some(raise()));
    }
    match found.iter().find_map(|(_, result)| result.as_ref().err()) {
        Some(error) => Finding::warning(WHAT, detail, permission(error)),
        None => Finding::of(WHAT, Ok::<_, CliError>(detail)),
    }
}

/// Checks that the credentials permit the actions of `up`.
pub(in crate::commands) async fn permissions(aws: &Aws, caller: &str, names: &Names, boundary: Option<&str>) -> Finding {
    const WHAT: &str = "permissions";
    let arn = match account::principal(aws, caller).await {
        Ok(Principal::Entity(arn)) => arn,
        Ok(Principal::Root) => return Finding::warning(WHAT, "the root user may do everything, which is more than `up` needs", None),
        Ok(Principal::Other) => return Finding::warning(WHAT, format!("cannot be checked: IAM does not simulate {caller}"), None),
        Err(error) => return unknown(WHAT, &error),
    };
    // The statements are those of a stack without functions. Actions that only large stacks use are optional, because `up`
    // works without them.
    let statements = policy::statements(Task::Up, &aws.target, names, 0, boundary);
    match account::simulate(aws, &arn, &statements).await {
        Err(error) => unknown(WHAT, &error),
        Ok(simulated) if simulated.denied.is_empty() => {
            let detail = format!("{arn} may do what `up` does ({} permissions, simulated)", simulated.checked);
            Finding::of(WHAT, Ok::<_, CliError>(detail))
        }
        Ok(simulated) => {
            let error = CliError::failed(format!("{arn} may not do all that `up` does:\n{}", denied(&simulated.denied)));
            Finding::of(WHAT, Err::<String, _>(error.hint("`liveinsight policy up` prints a policy that allows it")))
        }
    }
}

/// Formats one line for each action.
fn denied(denied: &[Denied]) -> String {
    let line = |Denied { action, on }: &Denied| format!("{action} on {}", on.iter().cloned().collect::<Vec<_>>().join(", "));
    let mut lines: Vec<String> = denied.iter().take(NAMED).map(line).collect();
    if denied.len() > NAMED {
        lines.push(format!("and {} more", denied.len() - NAMED));
    }
    lines.join("\n")
}

/// Builds the finding of a check that could not run, which is not a failure.
fn unknown(what: &'static str, error: &Error) -> Finding {
    Finding::warning(what, format!("cannot be checked: {error}"), permission(error))
}

fn permission(error: &Error) -> Option<String> {
    (error.class() == Some(Class::Denied)).then(|| "`liveinsight policy doctor` prints the permissions that it takes to look".to_owned())
}
