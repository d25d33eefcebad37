//! Secrets in parameters of AWS Systems Manager: names that it refuses, and values that the functions' environment has no room for.

use crate::diagnostic::Problem;
use crate::limits::PARAMETER_ARN;
use crate::problems::{Problems, below};
use crate::sections::functions::FunctionOverride;
use crate::sections::{EnvironmentFile, SecretsFrom, StackFile};
use aws::Target;
use aws::facts::Names;
use shared::edge::ORIGIN_VERIFY;
use shared::parameters::SUFFIX;
use std::collections::BTreeSet;

/// Stand-in for the account's number: all have twelve digits.
const ANY_ACCOUNT: &str = "123456789012";

/// Prefixes of names that belong to AWS. `/aws` is denied even to principals with all permissions (Systems Manager API reference, `PutParameter`,
/// `Name`; that a slash before it makes no difference is reported).
const RESERVED: [&str; 2] = ["aws", "ssm"];

/// Checks the environments with secrets in parameters. A mistake that several of them share is reported once.
pub(crate) fn check(file: &StackFile, problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for (environment, overrides) in &file.environments {
        let overrides = overrides.clone().unwrap_or_default();
        if file.secrets_from(&overrides) == SecretsFrom::Ssm {
            of_environment(file, environment, &overrides, problems, &mut seen);
        }
    }
}

fn of_environment(
    file: &StackFile,
    environment: &str,
    overrides: &EnvironmentFile,
    problems: &mut Problems,
    seen: &mut BTreeSet<Vec<String>>,
) {
    let mut is_new = |path: &[&str], what: &str| seen.insert(path.iter().chain(&[what]).map(|part| (*part).to_owned()).collect());
    let region = overrides.region.as_ref().unwrap_or(&file.region);
    let target = Target::aws(Target::partition_of(region), region, ANY_ACCOUNT);
    let names = Names::of(&file.project, environment, region, ANY_ACCOUNT);
    let no_override = FunctionOverride::default();
    for (name, function) in &file.functions {
        let other = overrides.functions.get(name).unwrap_or(&no_override);
        let (base, own) = (["functions", name.as_str()], ["environments", environment, "functions", name.as_str()]);
        for (path, secrets) in [(&base[..], &function.secrets), (&own[..], &other.secrets)] {
            let path = below(path, &["secrets"]);
            for secret in secrets {
                if let Some(problem) = secret_problem(&names, &target, secret).filter(|_| is_new(&path, secret)) {
                    problems.value(&path, problem);
                }
            }
            if let Some(reserved) = RESERVED.iter().find(|reserved| !secrets.is_empty() && file.project.starts_with(**reserved))
                && is_new(&["project"], "")
            {
                let text = format!("Systems Manager keeps names that begin with /{reserved} to itself, and the secrets' parameters would");
                let help = "choose another name, or have the secrets come from the environment (secrets_from: environment)";
                problems.value(&["project"], Problem::new(text).help(help));
            }
        }
        for (path, variables) in [(&base[..], &function.environment), (&own[..], &other.environment)] {
            for variable in variables.keys() {
                let secret = variable.strip_suffix(SUFFIX).filter(|name| function.secrets.contains(*name) || other.secrets.contains(*name));
                let path = below(path, &["environment", variable]);
                if let Some(secret) = secret.filter(|_| is_new(&path, "")) {
                    let problem =
                        Problem::new(format!("`{variable}` is set already, to the name of the parameter of the secret `{secret}`"));
                    problems.key(&path, problem.help("leave it out"));
                }
            }
        }
    }
}

/// Returns the problem of a secret's name, if it has one.
fn secret_problem(names: &Names, target: &Target, secret: &str) -> Option<Problem> {
    let length = target.arn("ssm", &format!("parameter{}", names.parameter(secret))).len();
    if secret == ORIGIN_VERIFY {
        let problem = Problem::new(format!("`{ORIGIN_VERIFY}` cannot be in a parameter: CloudFront's header needs its value"));
        Some(
            problem.help("leave it out, so that `up` makes one, or have the secrets come from the environment (secrets_from: environment)"),
        )
    } else if PARAMETER_ARN.fits(length) {
        None
    } else {
        let most = PARAMETER_ARN.most;
        let problem =
            Problem::new(format!("the ARN of the parameter of `{secret}` has {length} characters, Systems Manager allows {most}"));
        Some(problem.help("give the secret a shorter name"))
    }
}
