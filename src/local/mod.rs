//! Embedded local AWS: installed, started, stopped and emptied automatically.
//!
//! It is `ministack` (MIT licence), a single Python process on the loopback interface. It emulates every service this program
//! uses, runs real `bootstrap` binaries, and serves the API and the distribution. All its data is in `.liveinsight/aws` beside
//! `stack.yaml`, so two projects on one machine are separate.
//!
//! The server runs the programs that it is given, and every web page can send requests to this machine. So `front.py` runs in
//! front of it, in the same process. Only the product's API and pages are public; every other request needs a signature with
//! the project's own secret.
//!
//! Deliberately not here: resources. To the rest of the program this is an endpoint, a region and a pair of credentials like
//! any other; see [`LocalAws`].

mod error;
mod health;
mod home;
mod process;
mod secret;

pub use error::LocalError;
pub use home::Home;
pub use secret::Secret;

use std::path::PathBuf;

/// Account id that the local AWS reports.
pub const ACCOUNT_ID: &str = "000000000000";

/// Access key id of this program. Any other works with the same secret; twelve digits select another account.
pub const ACCESS_KEY_ID: &str = "local";

/// Running local AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalAws {
    /// Address of every service: `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// Port, on the loopback interface only.
    pub port: u16,
    /// Process id of the server.
    pub pid: u32,
    /// Path of the server's output since its start.
    pub log: PathBuf,
    /// Secret access key that signs requests.
    pub secret_access_key: Secret,
}

impl LocalAws {
    pub(crate) fn new(port: u16, pid: u32, log: PathBuf, secret_access_key: Secret) -> Self {
        Self { endpoint: format!("http://127.0.0.1:{port}"), port, pid, log, secret_access_key }
    }

    /// Returns the address of a stage of a REST API, without a trailing slash.
    pub fn api_url(&self, rest_api_id: &str, stage: &str) -> String {
        format!("{}{}", self.endpoint, self.api_origin_path(rest_api_id, stage))
    }

    /// Returns the path of a stage at [`Self::api_origin_domain`], for a distribution's origin.
    pub fn api_origin_path(&self, rest_api_id: &str, stage: &str) -> String {
        format!("/_aws/execute-api/{rest_api_id}/{stage}")
    }

    /// Returns the host of a distribution's API origin; over HTTP, at [`Self::port`].
    ///
    /// The origin that works on AWS, `{id}.execute-api.{region}.amazonaws.com`, gets a 502 here.
    pub fn api_origin_domain(&self) -> &'static str {
        "localhost"
    }

    /// Returns the browser's address of a distribution by its `DomainName` (`d123.cloudfront.net`), with a trailing slash.
    ///
    /// Browsers and curl resolve every `*.localhost` to this machine. A program that asks the system's resolver may not, and
    /// has to connect to `127.0.0.1` and send this host name.
    pub fn site_url(&self, distribution_domain: &str) -> String {
        let label = distribution_domain.split('.').next().unwrap_or_default();
        format!("http://{label}.cloudfront.localhost:{}/", self.port)
    }

    /// Returns the address of a function URL with this id.
    pub fn function_url(&self, id: &str, region: &str) -> String {
        format!("http://{id}.lambda-url.{region}.localhost:{}", self.port)
    }

    /// Returns the environment variables that connect another AWS client to this server.
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
