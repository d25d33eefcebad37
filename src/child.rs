//! Environment of child processes. They run third-party code (build scripts, macros, packages), which has no use for the
//! credentials of a deployment.

use std::collections::BTreeSet;
use std::process::Command;

/// Prefixes of hidden variables: AWS's settings, and tokens that a CI service gives a job.
const HIDDEN: [&str; 3] = ["AWS_", "ACTIONS_ID_TOKEN_", "CI_JOB_JWT"];

/// Prefix of settings for a compiled crate (aws-lc-rs), which are not AWS settings.
const OF_A_CRATE: &str = "AWS_LC_";

/// Variables with tokens, as GitHub, GitLab, Bitbucket, Azure, `CircleCI` and npm document them.
const TOKENS: [&str; 13] = [
    "ACTIONS_RUNTIME_TOKEN",
    "BITBUCKET_STEP_OIDC_TOKEN",
    "CIRCLE_OIDC_TOKEN",
    "CIRCLE_OIDC_TOKEN_V2",
    "CI_DEPLOY_PASSWORD",
    "CI_JOB_TOKEN",
    "CI_REGISTRY_PASSWORD",
    "GH_ENTERPRISE_TOKEN",
    "GH_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "GITHUB_TOKEN",
    "NPM_TOKEN",
    "SYSTEM_ACCESSTOKEN",
];

/// Removes credentials and tokens from a command's environment.
pub(crate) fn hide_credentials(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if is_hidden(&name.to_string_lossy()) {
            command.env_remove(&name);
        }
    }
}

fn is_hidden(name: &str) -> bool {
    TOKENS.contains(&name) || HIDDEN.iter().any(|beginning| name.starts_with(beginning)) && !name.starts_with(OF_A_CRATE)
}

/// Changes to a build's environment beyond those for every child process.
#[derive(Debug, Clone, Default)]
pub struct BuildEnvironment {
    /// Variables that the stack passes to its functions as secrets; hidden from the build.
    pub secrets: BTreeSet<String>,
    /// Variables that stay visible in any case, from `build.environment`.
    pub shown: BTreeSet<String>,
}

impl BuildEnvironment {
    /// Sets a command's environment, after [`hide_credentials`].
    pub(crate) fn apply(&self, command: &mut Command) {
        for name in &self.secrets {
            command.env_remove(name);
        }
        for name in &self.shown {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_hidden;

    #[test]
    fn credentials_are_hidden_and_settings_of_builds_are_not() {
        for name in ["AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "GH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "CI_JOB_JWT_V2", "CI_JOB_TOKEN"] {
            assert!(is_hidden(name), "{name}");
        }
        for name in ["PATH", "CARGO_HOME", "CARGO_REGISTRIES_OURS_TOKEN", "AWS_LC_SYS_CMAKE_BUILDER", "CI", "GITHUB_SHA"] {
            assert!(!is_hidden(name), "{name}");
        }
    }
}
