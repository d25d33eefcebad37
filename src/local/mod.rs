//! The embedded local AWS: installed, started, stopped and emptied without the user knowing how.
//!
//! It is `ministack` (MIT licence), a single Python process on the loopback interface that answers for every service this program
//! uses, runs real `bootstrap` binaries, and serves the API and the distribution. Everything it has lies in
//! `.liveinsight/aws` beside `stack.yaml`, so two projects on one machine do not see each other.
//!
//! It runs the programs that it is given, and every web page can send requests to this machine. So `front.py` stands before it, in the same
//! process: only the product's API and pages answer everybody, and all else wants a signature with a secret of the project's own.
//!
//! Deliberately not here: anything about resources. To the rest of the program this is an endpoint, a region and
//! a pair of credentials like any other; see [`LocalAws`].

mod error;
mod health;
mod home;
mod process;
mod secret;

pub use error::LocalError;
pub use home::Home;
pub use secret::Secret;

use std::path::PathBuf;

/// The account that the local AWS says it is.
pub const ACCOUNT_ID: &str = "000000000000";

/// Access key that this program signs with. Any other will do that is signed with the same secret; twelve digits select another account.
pub const ACCESS_KEY_ID: &str = "local";

/// A running local AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalAws {
    /// Address of every service: `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// The port, on the loopback interface only.
    pub port: u16,
    /// The server's process.
    pub pid: u32,
    /// File with what the server printed since its start.
    pub log: PathBuf,
    /// Key that signs requests.
    pub secret_access_key: Secret,
}

impl LocalAws {
    pub(crate) fn new(port: u16, pid: u32, log: PathBuf, secret_access_key: Secret) -> Self {
        Self { endpoint: format!("http://127.0.0.1:{port}"), port, pid, log, secret_access_key }
    }

    /// Returns the address of a stage of a REST API, without a slash at the end.
    pub fn api_url(&self, rest_api_id: &str, stage: &str) -> String {
        format!("{}{}", self.endpoint, self.api_origin_path(rest_api_id, stage))
    }

    /// The path under which [`Self::api_origin_domain`] has a stage, for a distribution's origin.
    pub fn api_origin_path(&self, rest_api_id: &str, stage: &str) -> String {
        format!("/_aws/execute-api/{rest_api_id}/{stage}")
    }

    /// The host of a distribution's API origin; over HTTP, at [`Self::port`].
    ///
    /// The origin that is right on AWS, `{id}.execute-api.{region}.amazonaws.com`, is answered 502 here.
    pub fn api_origin_domain(&self) -> &'static str {
        "localhost"
    }

    /// Where a browser finds a distribution, from its `DomainName` (`d123.cloudfront.net`), with a slash at the end.
    ///
    /// Browsers and curl take every `*.localhost` for this machine; a program that asks the system's resolver may not,
    /// and has to connect to `127.0.0.1` and send this host name.
    pub fn site_url(&self, distribution_domain: &str) -> String {
        let label = distribution_domain.split('.').next().unwrap_or_default();
        format!("http://{label}.cloudfront.localhost:{}/", self.port)
    }

    /// Returns the environment in which another AWS client talks to this one.
    pub fn environment(&self, region: &str) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key.expose().to_owned()),
            ("AWS_REGION", region.to_owned()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_the_ones_that_answer() {
        let aws = LocalAws::new(14600, 1, PathBuf::new(), Secret::new("s"));
        assert_eq!(aws.api_url("8e5df312", "dev"), "http://127.0.0.1:14600/_aws/execute-api/8e5df312/dev");
        assert_eq!(aws.site_url("djynwscfuu4c03.cloudfront.net"), "http://djynwscfuu4c03.cloudfront.localhost:14600/");
    }
}
