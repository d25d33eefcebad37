//! Trust policy of the deployer's role: jobs of one GitHub repository may assume it, without a stored key.
//!
//! Source: "Configuring `OpenID` Connect in Amazon Web Services" in the GitHub documentation. The account needs the identity
//! provider `token.actions.githubusercontent.com` once, with the audience `sts.amazonaws.com`.

use crate::aws::Target;
use serde_json::{Value, json};
use std::str::FromStr;

const PROVIDER: &str = "token.actions.githubusercontent.com";
const AUDIENCE: &str = "sts.amazonaws.com";

/// Repository, with the jobs that may assume the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Repository as `owner/name`.
    name: String,
    /// Jobs as in GitHub's subject claims: `environment:prod`, `ref:refs/heads/main`, or `*` for all.
    jobs: String,
}

impl FromStr for Repository {
    type Err = String;

    /// Parses `github:owner/name`, and `github:owner/name:environment:prod`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("expected github:OWNER/REPOSITORY, or with a part of its jobs github:OWNER/REPOSITORY:environment:NAME, got {text}");
        let rest = text.strip_prefix("github:").ok_or_else(wrong)?;
        let (name, jobs) = rest.split_once(':').unwrap_or((rest, "*"));
        let (owner, repository) = name.split_once('/').ok_or_else(wrong)?;
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        // A `$` would begin a variable of the policy language.
        let is_claim = !jobs.is_empty() && jobs.chars().all(|c| c.is_ascii_graphic() && c != '$');
        if is_name(owner) && is_name(repository) && is_claim {
            Ok(Self { name: name.to_owned(), jobs: jobs.to_owned() })
        } else {
            Err(wrong())
        }
    }
}

/// Returns the trust policy (`AssumeRolePolicyDocument`) of a role that the repository's jobs may assume.
pub fn trust(repository: &Repository, target: &Target) -> Value {
    let Repository { name, jobs } = repository;
    let condition = json!({
        "StringEquals": { format!("{PROVIDER}:aud"): AUDIENCE },
        "StringLike": { format!("{PROVIDER}:sub"): format!("repo:{name}:{jobs}") },
    });
    super::document(&[json!({
        "Sid": "GitHubActions",
        "Effect": "Allow",
        "Principal": { "Federated": target.global_arn("iam", &format!("oidc-provider/{PROVIDER}")) },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    })])
}

#[cfg(test)]
mod tests {
    use super::Repository;

    #[test]
    fn a_repository_is_named_to_the_letter() {
        let read = |text: &str| text.parse::<Repository>().map(|repository| (repository.name, repository.jobs));
        let is = |name: &str, jobs: &str| Ok((name.to_owned(), jobs.to_owned()));
        assert_eq!(read("github:octo/web.site"), is("octo/web.site", "*"));
        assert_eq!(read("github:octo/site:environment:prod"), is("octo/site", "environment:prod"));
        assert_eq!(read("github:octo/site:ref:refs/heads/main"), is("octo/site", "ref:refs/heads/main"));
        let wrong = ["octo/site", "gitlab:octo/site", "github:octo", "github:octo/*", "github:*/*", "github:octo/", "github:a/b/c"];
        for wrong in wrong.iter().chain(&["github:octo/site:", "github:octo/site:${aws:username}", "github:octo/site:ref:a b"]) {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
