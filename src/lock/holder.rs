//! Description of this run for users of waiting runs: the address of the CI job, or `user@host`.

/// Describes this run by its environment.
pub fn holder() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    describe(|name| std::env::var(name).ok().filter(|value| !value.is_empty()), &host)
}

/// Builds the description from variables. GitHub documents `GITHUB_SERVER_URL`, `GITHUB_REPOSITORY` and `GITHUB_RUN_ID`
/// ("Variables reference"), GitLab `CI_JOB_URL` ("Predefined CI/CD variables"), and many others set `BUILD_URL`, as Jenkins
/// does.
fn describe(variable: impl Fn(&str) -> Option<String>, host: &str) -> String {
    let github = || {
        let (server, repository) = (variable("GITHUB_SERVER_URL")?, variable("GITHUB_REPOSITORY")?);
        Some(format!("{server}/{repository}/actions/runs/{}", variable("GITHUB_RUN_ID")?))
    };
    let person = || format!("{}@{host}", variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "somebody".to_owned()));
    github().or_else(|| variable("CI_JOB_URL")).or_else(|| variable("BUILD_URL")).unwrap_or_else(person)
}

#[cfg(test)]
mod tests {
    use super::describe;

    fn with(variables: &[(&str, &str)]) -> String {
        describe(|name| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned()), "desk")
    }

    #[test]
    fn a_ci_job_is_named_by_its_address_and_a_person_by_name_and_machine() {
        let github =
            [("GITHUB_SERVER_URL", "https://github.com"), ("GITHUB_REPOSITORY", "o/r"), ("GITHUB_RUN_ID", "7"), ("USER", "runner")];
        assert_eq!(with(&github), "https://github.com/o/r/actions/runs/7");
        assert_eq!(with(&[("CI_JOB_URL", "https://gitlab.example/j/1"), ("USER", "root")]), "https://gitlab.example/j/1");
        assert_eq!(with(&[("LOGNAME", "ada")]), "ada@desk");
        assert_eq!(with(&[]), "somebody@desk");
    }
}
