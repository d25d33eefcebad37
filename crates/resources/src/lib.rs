//! One folder for each service, and one file for each kind of resource. Each file has the same order: the kind and AWS's peculiarities, the
//! declaration, its outputs, the facts about the kind, observe, create, update, delete, the sweep, and the values that other resources may refer
//! to.
//!
//! [`KINDS`] lists every kind. The rest of the program reads its knowledge of kinds from there.

mod apigateway;
mod cloudfront;
mod cloudwatch;
mod dynamodb;
mod iam;
mod lambda;
mod logs;
mod s3;

pub use apigateway::*;
pub use cloudfront::*;
pub use cloudwatch::*;
pub use dynamodb::*;
pub use iam::*;
pub use lambda::*;
pub use logs::*;
pub use s3::*;

use aws::facts::{Call, Kind, Scope, Task, Used};
use aws::{Aws, Connection, RequestLimit, Source, Target};
use engine::{Resource, Result};

/// Every kind that a stack can ever have created, in the order in which undeclared resources are deleted. Users of a resource come before it, and
/// the bucket last, since the lock lies in it.
pub const KINDS: &[&Kind] = &[
    ApiIntegrationResponse::FACTS,
    ApiMethodResponse::FACTS,
    ApiIntegration::FACTS,
    ApiMethod::FACTS,
    ApiResource::FACTS,
    ApiAuthorizer::FACTS,
    ApiStage::FACTS,
    ApiDeployment::FACTS,
    Permission::FACTS,
    FunctionUrl::FACTS,
    Alias::FACTS,
    Function::FACTS,
    Distribution::FACTS,
    OriginAccessControl::FACTS,
    ResponseHeadersPolicy::FACTS,
    RestApi::FACTS,
    RolePolicy::FACTS,
    Role::FACTS,
    Alarm::FACTS,
    LogGroup::FACTS,
    Table::FACTS,
    BucketPolicy::FACTS,
    PublicAccessBlock::FACTS,
    Bucket::FACTS,
];

/// Returns the facts about the kind with this name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name).copied()
}

/// Returns the use of each quota of an account, or the error of reading it.
pub async fn quotas(aws: &Aws) -> Vec<(&'static str, Result<Used>)> {
    let read = KINDS.iter().filter_map(|kind| kind.quota.as_ref()).map(async |quota| (quota.of, (quota.used)(aws).await));
    futures::future::join_all(read).await
}

/// Request limits of services as a whole, and of operations that belong to no kind.
///
/// Sources, here and beside the kinds: "Amazon API Gateway quotas" (total 10/s with a burst of 40, and per operation; none can be raised); "Lambda
/// quotas" (`GetFunction` 100/s, `GetPolicy` 15/s, the rest of the control plane 15/s together); "`CloudWatch` service quotas" and "`CloudWatch`
/// Logs quotas"; "`LookupEvents`" in the `CloudTrail` API reference. `DynamoDB`'s mutation limit (about 1/s after a burst) was measured by the AWS
/// Controllers for Kubernetes project. IAM, `CloudFront` and the tagging service publish none; theirs are what others observed, or assumed.
const REQUEST_LIMITS: &[RequestLimit] = &[
    RequestLimit::new("apigateway", 10.0, 40.0, Source::Documented),
    RequestLimit::new("apigateway:UpdateAccount", 0.05, 1.0, Source::Documented),
    RequestLimit::new("lambda", 15.0, 15.0, Source::Documented),
    RequestLimit::new("iam", 10.0, 20.0, Source::Assumed),
    RequestLimit::new("cloudfront", 5.0, 5.0, Source::Assumed),
    RequestLimit::new("tag", 5.0, 5.0, Source::Assumed),
    RequestLimit::new("cloudtrail:LookupEvents", 2.0, 2.0, Source::Documented),
    RequestLimit::new("logs:FilterLogEvents", 5.0, 5.0, Source::Documented),
];

/// Returns every request limit that the program respects.
pub fn request_limits() -> impl Iterator<Item = &'static RequestLimit> {
    REQUEST_LIMITS.iter().chain(KINDS.iter().flat_map(|kind| kind.request_limits))
}

/// Connects to a target for one stack, within the request limits of all kinds.
pub fn connect(connection: &Connection, target: Target, stack: String) -> Aws {
    connection.aws(target, stack, request_limits())
}

/// Calls that belong to no kind: those about the account, and those of commands that read data that others wrote.
const CALLS: &[Call] = &[
    Call::same("cloudtrail:LookupEvents", &Scope::EVERYTHING, Task::LOOKING),
    Call::same("cloudwatch:GetMetricData", &Scope::EVERYTHING, Task::LOOKING),
    Call::same("iam:GetRole", &Scope::EVERYTHING, Task::DOCTOR),
    Call::same("iam:SimulatePrincipalPolicy", &Scope::EVERYTHING, Task::DOCTOR),
    Call::same("logs:FilterLogEvents", &LOG_GROUPS, &[Task::Logs]),
    Call::same("tag:GetResources", &Scope::EVERYTHING, Task::UP),
];

/// Returns every call that the program makes. An operation that is called on several kinds of resource occurs several times.
pub fn all_calls() -> impl Iterator<Item = &'static Call> {
    CALLS.iter().chain(ACCOUNT_CALLS).chain(KINDS.iter().flat_map(|kind| kind.calls))
}

#[cfg(test)]
mod tests {
    use super::{KINDS, all_calls, request_limits};
    use aws::{Target, facts::Sweep};
    use std::{collections::BTreeMap, path::Path};

    #[test]
    fn each_kind_is_registered_once_and_lies_where_its_name_says() {
        let mut names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "registered twice: {twice:?}");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for name in names {
            assert!(folder.join(name.replace('.', "/")).with_extension("rs").is_file(), "{name} has no file of its name");
        }
    }

    #[test]
    fn what_is_swept_with_another_kind_names_one_that_sweeps() {
        for kind in KINDS {
            if let Sweep::With(other) = kind.sweep {
                let sweeps = super::kind(other).is_some_and(|other| matches!(other.sweep, Sweep::Own(_)));
                assert!(sweeps, "{} is swept with {other}, which is not swept", kind.name);
            }
        }
    }

    #[test]
    fn an_operation_has_one_request_limit() {
        let mut limits: Vec<&str> = request_limits().map(|limit| limit.what).collect();
        limits.sort_unstable();
        let all = limits.len();
        limits.dedup();
        assert_eq!(limits.len(), all);
    }

    #[test]
    fn scopes_with_one_sid_stand_for_the_same_resources() {
        let (target, names) =
            (Target::aws("aws", "us-east-1", "123456789012"), aws::facts::Names::of("shop", "dev", "us-east-1", "123456789012"));
        let mut seen = BTreeMap::new();
        for (action, scope) in all_calls().flat_map(aws::facts::Call::actions) {
            let arns = (scope.arns)(&target, &names, aws::facts::Guard::None);
            assert_eq!(seen.entry(scope.sid).or_insert_with(|| arns.clone()), &arns, "{action} on {}", scope.sid);
        }
    }
}
