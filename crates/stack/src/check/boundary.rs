//! The permissions boundary: an IAM policy, in the partition of the environment's region.

use crate::diagnostic::Problem;
use crate::limits::POLICY_NAME;
use crate::problems::Problems;
use crate::sections::StackFile;
use aws::Target;

/// Checks the permissions boundary of each environment.
pub(crate) fn check(file: &StackFile, problems: &mut Problems) {
    for (name, overrides) in &file.environments {
        let overrides = overrides.as_ref();
        let region = overrides.and_then(|overrides| overrides.region.as_ref()).unwrap_or(&file.region);
        if !problems.knows_names(&["region"]) || !problems.knows_names(&["environments", name]) {
            continue;
        }
        if let Some(arn) = overrides.and_then(|overrides| overrides.permissions_boundary.as_deref()) {
            if let Some(problem) = problem(arn, region) {
                problems.value(&["environments", name, "permissions_boundary"], problem);
            }
        } else if let Some(problem) = file.permissions_boundary.as_deref().and_then(|arn| problem(arn, region)) {
            problems.value(&["permissions_boundary"], problem);
            // All environments share this line, so one report is enough.
            return;
        }
    }
}

fn problem(arn: &str, region: &str) -> Option<Problem> {
    let expected = "expected arn:aws:iam::ACCOUNT:policy/NAME";
    let Some(partition) = policy_partition(arn) else {
        let problem = Problem::new(format!("`{arn}` is not the ARN of an IAM policy")).expected(expected);
        return Some(problem.help("`liveinsight policy --boundary` prints a policy that can be one"));
    };
    let own = Target::partition_of(region);
    (partition != own).then(|| Problem::new(format!("the policy is in the partition {partition}, {region} is in {own}")).expected(expected))
}

/// Returns the partition in the ARN of an IAM policy, if it is one: a policy of an account, or one of AWS's own.
fn policy_partition(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
        return None;
    };
    let (path, name) = resource.strip_prefix("policy/")?.rsplit_once('/').unwrap_or(("", resource.strip_prefix("policy/")?));
    let sound = ["aws", "aws-cn", "aws-us-gov"].contains(partition)
        && (*account == "aws" || account.len() == 12 && account.chars().all(|c| c.is_ascii_digit()))
        // "IAM identifiers": letters, digits and these in a name, and printable ASCII in a path.
        && POLICY_NAME.fits(name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
        && path.chars().all(|c| c.is_ascii_graphic() && c != '*');
    sound.then_some(*partition)
}
