//! Secrets that decide who is let in. They come from the environment, or from parameters of AWS Systems Manager that are read again while the
//! function serves, so that a rotation needs no deploy.
//!
//! Not here: `ORIGIN_VERIFY`, which is always in the environment, because the distribution's header has the same value.

use crate::endpoints::Service;
use crate::parameters::{self, Client, Moment};
use crate::time::{MINUTE, Millis, SECOND};
use crate::token::{READ_TOKEN_SHA256, READERS, Readers, Signer};
use aws_config::SdkConfig;
use lambda_http::tracing::error;
use std::collections::BTreeMap;
use tokio::sync::Mutex;

/// Variable with the secrets that sign sessions.
pub const TOKEN_SECRET: &str = "TOKEN_SECRET";
/// Secrets that a parameter can hold.
const NAMES: [&str; 2] = [TOKEN_SECRET, READ_TOKEN_SHA256];
/// Variable with the seconds after which parameters are read again.
pub const REFRESH_VARIABLE: &str = "PARAMETERS_REFRESH_SECONDS";
/// Age at which parameters are read again, unless the environment says otherwise.
const REFRESH: Millis = 5 * MINUTE;
/// Wait after a refresh that failed.
const RETRY: Millis = MINUTE;

/// Rules of access: readers, and the proof of sessions.
#[derive(Debug, Clone)]
pub struct Access {
    /// Signs sessions, if they are to be proven.
    pub signer: Option<Signer>,
    /// Readers.
    pub readers: Readers,
}

/// Parameters with a function's secrets, and the time of the next look at them.
#[derive(Debug)]
pub struct Rotation {
    client: Client,
    /// Names of the parameters, by the secret that each holds.
    parameters: BTreeMap<&'static str, String>,
    /// Declaration about readers, beside the tokens.
    readers: Option<String>,
    refresh: Millis,
    look: Mutex<Look>,
}

#[derive(Debug)]
struct Look {
    last: Millis,
    /// Time until the next one.
    wait: Millis,
}

impl Default for Access {
    /// Everybody reads, and no session is proven.
    fn default() -> Self {
        Self { signer: None, readers: Readers::All }
    }
}

impl Access {
    fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        Ok(Self {
            signer: Signer::parse(variable(TOKEN_SECRET).as_deref()),
            readers: Readers::parse(variable(READ_TOKEN_SHA256).as_deref(), variable(READERS).as_deref())?,
        })
    }

    /// Takes the value of a secret in place of the one before, which stays if the new one is wrong. A value without any secret in it is wrong:
    /// it would open what a secret closes.
    fn take(&mut self, secret: &str, value: &str, readers: Option<&str>) -> Result<(), String> {
        match secret {
            TOKEN_SECRET => self.signer = Some(Signer::parse(Some(value)).ok_or_else(|| format!("{TOKEN_SECRET} has no secret in it"))?),
            _ => {
                self.readers = match Readers::parse(Some(value), readers)? {
                    tokens @ Readers::WithToken(_) => tokens,
                    Readers::All | Readers::Nobody => return Err(format!("{READ_TOKEN_SHA256} has no hash in it")),
                }
            }
        }
        Ok(())
    }
}

/// Reads the secrets at the start: those whose `NAME_PARAMETER` is set from the parameters that these name, the others from the environment.
///
/// # Errors
/// If a parameter cannot be read, or a value is wrong.
pub async fn load(
    config: &SdkConfig,
    variable: impl Fn(&str) -> Option<String>,
    now: Millis,
) -> Result<(Access, Option<Rotation>), String> {
    let mut access = Access::of_environment(&variable)?;
    let named = |name: &&'static str| Some((*name, variable(&format!("{name}{}", parameters::SUFFIX))?));
    let parameters: BTreeMap<&'static str, String> = NAMES.iter().filter_map(named).collect();
    if parameters.is_empty() {
        return Ok((access, None));
    }
    let refresh = match variable(REFRESH_VARIABLE) {
        None => REFRESH,
        Some(text) => {
            let seconds = text.parse::<u32>().ok().filter(|seconds| *seconds > 0);
            Millis::from(seconds.ok_or_else(|| format!("{REFRESH_VARIABLE} must be a whole number of seconds, at least 1, not {text}"))?)
                * SECOND
        }
    };
    let rotation = Rotation {
        client: Client::new(config)?,
        parameters,
        readers: variable(READERS),
        refresh,
        look: Mutex::new(Look { last: now, wait: refresh }),
    };
    let problems = rotation.read(&mut access, Moment::Start).await?;
    if problems.is_empty() { Ok((access, Some(rotation))) } else { Err(problems.join("; ")) }
}

impl Rotation {
    /// Reads the secrets again if they are old enough, and has the service take them. What cannot be read or used stays as it was, the reason is
    /// logged, and the next look is a minute later.
    pub async fn refresh(&self, service: &Service, now: Millis) {
        let mut look = self.look.lock().await;
        // A clock that was set back is no reason to wait longer.
        if (now - look.last).abs() < look.wait {
            return;
        }
        let mut access = (*service.access()).clone();
        let problems = match self.read(&mut access, Moment::Refresh).await {
            Ok(problems) => {
                service.set_access(access);
                problems
            }
            Err(problem) => vec![problem],
        };
        for problem in &problems {
            error!(%problem, "a secret stays as it was, and is read again in a minute");
        }
        *look = Look { last: now, wait: if problems.is_empty() { self.refresh } else { RETRY.min(self.refresh) } };
    }

    /// Reads all parameters and takes their values; returns what is wrong with those that are not taken.
    async fn read(&self, access: &mut Access, moment: Moment) -> Result<Vec<String>, String> {
        let names: Vec<&str> = self.parameters.values().map(String::as_str).collect();
        let values = self.client.read(&names, moment).await.map_err(|error| error.to_string())?;
        let mut problems = Vec::new();
        for (secret, name) in &self.parameters {
            let value = values.get(name).map(String::as_str).unwrap_or_default();
            if let Err(problem) = access.take(secret, value, self.readers.as_deref()) {
                let put = parameters::put(name, self.client.region(), true);
                problems.push(format!("the parameter {name} is of no use: {problem}; replace its value with: {put}"));
            }
        }
        Ok(problems)
    }
}
