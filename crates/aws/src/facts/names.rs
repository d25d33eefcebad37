//! Physical names of all resources: deterministic, and made nowhere else.
//!
//! Names follow `{project}-{thing}-{environment}`. A name alone never proves ownership, because another project's name may begin like this one's.
//! Ownership is a tag.

use sha2::{Digest, Sha256};

/// Name of the alias that the API calls on every function.
pub const LIVE_ALIAS: &str = "live";

/// Logical name of the API's log group.
pub const API_LOG_GROUP: &str = "api";

/// Returns the logical name of a function's log group: the function's own, unless the API's log group has it.
pub fn log_group_of(function: &str) -> &str {
    // A dot keeps the name unique: no function has one.
    if function == API_LOG_GROUP { "api.function" } else { function }
}

/// Physical names of one stack in one account and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    project: String,
    environment: String,
    region: String,
    account: String,
}

impl Names {
    /// Creates the names of a stack in the account with this number.
    pub fn of(project: &str, environment: &str, region: &str, account: &str) -> Self {
        Self { project: project.to_owned(), environment: environment.to_owned(), region: region.to_owned(), account: account.to_owned() }
    }

    /// Returns the account number, 12 digits.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns the name of a `DynamoDB` table.
    pub fn table(&self, table: &str) -> String {
        self.name(table)
    }

    /// Returns the name of the Systems Manager parameter with the value of a secret: `/{project}/{environment}/{NAME}`. For `*`, returns the
    /// pattern of all of them.
    pub fn parameter(&self, secret: &str) -> String {
        format!("/{}/{}/{secret}", self.project, self.environment)
    }

    /// Returns the name of a Lambda function.
    pub fn function(&self, function: &str) -> String {
        self.name(function)
    }

    /// Returns the name of the role that a function runs as.
    pub fn role(&self, function: &str) -> String {
        self.name(function)
    }

    /// Returns the IAM path of all roles, which lists them without those of others. IAM knows no regions, so the path names the stack's.
    pub fn role_path(&self) -> String {
        format!("/liveinsight/{}/{}/{}/", self.project, self.environment, self.region)
    }

    /// Returns the name of the inline policy of a function's role.
    pub fn policy(&self, function: &str) -> String {
        self.name(function)
    }

    /// Returns the name of the REST API.
    pub fn api(&self) -> String {
        self.name("api")
    }

    /// Returns the name of the REST API's stage.
    pub fn stage(&self) -> String {
        self.environment.clone()
    }

    /// Returns the name of the bucket of the static pages. All accounts in the world share bucket names, so it ends in eight hexadecimal digits
    /// of a digest of account and region.
    pub fn bucket(&self) -> String {
        let digest = Sha256::digest(format!("{}{}", self.account, self.region));
        let suffix = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        format!("{}-{suffix:08x}", self.name("static"))
    }

    /// Returns the name of the distribution's access to the bucket.
    pub fn origin_access_control(&self) -> String {
        self.name("static")
    }

    /// Returns the name of the policy for the headers of the site's answers.
    pub fn response_headers_policy(&self) -> String {
        self.name("static")
    }

    /// Returns the name of the distribution. `CloudFront` gives it none, so this is its comment and its `Name` tag.
    pub fn distribution(&self) -> String {
        self.name("static")
    }

    /// Returns the name of a function's log group, where Lambda looks for it.
    pub fn function_log_group(&self, function: &str) -> String {
        format!("/aws/lambda/{}", self.function(function))
    }

    /// Returns the name of the log group of the API's stage, where API Gateway looks for it.
    pub fn api_log_group(&self, rest_api_id: &str) -> String {
        format!("API-Gateway-Execution-Logs_{rest_api_id}/{}", self.stage())
    }

    /// Returns the common prefix of the log groups of the project's functions.
    pub fn function_log_group_family(&self) -> String {
        format!("/aws/lambda/{}-", self.project)
    }

    /// Returns the common prefix of the log groups of all REST APIs.
    pub fn api_log_group_family(&self) -> String {
        "API-Gateway-Execution-Logs_".to_owned()
    }

    /// Returns the common prefix of the project's alarms.
    pub fn alarm_family(&self) -> String {
        format!("{}-", self.project)
    }

    /// Returns the name of a `CloudWatch` alarm.
    pub fn alarm(&self, alarm: &str) -> String {
        self.name(alarm)
    }

    /// Returns the value of the ownership tag.
    pub fn stack_tag(&self) -> String {
        format!("{}/{}", self.project, self.environment)
    }

    /// Returns the pattern that an IAM policy uses for all names of the stack's tables, functions and alarms, declared or not. It also matches
    /// those of a project that has a name beginning with this one's and a hyphen, in the same environment. Permissions on the pattern therefore
    /// require the stack's tag as well.
    pub fn pattern(&self) -> String {
        self.name("*")
    }

    /// Returns the logical name inside a physical one: `events` for `liveinsight-events-dev`. `None` if the name has another form.
    pub fn owns<'name>(&self, name: &'name str) -> Option<&'name str> {
        name.strip_prefix(self.project.as_str())?
            .strip_prefix('-')?
            .strip_suffix(self.environment.as_str())?
            .strip_suffix('-')
            .filter(|thing| !thing.is_empty())
    }

    fn name(&self, thing: &str) -> String {
        format!("{}-{thing}-{}", self.project, self.environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::of("liveinsight", "dev", "us-east-1", "123456789012")
    }

    #[test]
    fn names_follow_project_thing_environment() {
        let names = names();
        assert_eq!(names.table("events"), "liveinsight-events-dev");
        assert_eq!(names.api(), "liveinsight-api-dev");
        assert_eq!(names.role_path(), "/liveinsight/liveinsight/dev/us-east-1/");
        assert_eq!(names.function_log_group("stats-api"), "/aws/lambda/liveinsight-stats-api-dev");
        assert_eq!(names.api_log_group("a1b2"), "API-Gateway-Execution-Logs_a1b2/dev");
        assert_eq!(names.parameter("TOKEN_SECRET"), "/liveinsight/dev/TOKEN_SECRET");
        assert_eq!(names.stack_tag(), "liveinsight/dev");
    }

    #[test]
    fn the_bucket_depends_on_account_and_region_only_in_its_suffix() {
        let here = names().bucket();
        let elsewhere = Names::of("liveinsight", "dev", "eu-west-1", "123456789012").bucket();
        let (stem, suffix) = here.rsplit_once('-').unwrap();
        assert_eq!(stem, "liveinsight-static-dev");
        // The first eight digits of `printf 123456789012us-east-1 | sha256sum`.
        assert_eq!(suffix, "89e4e5f1");
        assert_ne!(here, elsewhere);
        assert_eq!(here.len(), elsewhere.len());
    }

    #[test]
    fn owns_inverts_every_name() {
        let names = names();
        for thing in ["events", "stats-api", "a", "dev", "liveinsight-dev"] {
            assert_eq!(names.owns(&names.function(thing)), Some(thing));
        }
        for stranger in ["", "liveinsight-dev", "liveinsight--dev", "liveinsight-events-prod", "other-events-dev", "liveinsightevents-dev"]
        {
            assert_eq!(names.owns(stranger), None, "{stranger}");
        }
    }
}
