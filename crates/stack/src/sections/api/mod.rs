//! `api`: the REST API in front of the functions.

mod authorizer;
mod check;
mod declare;
mod permission;

pub use authorizer::{Authorizer, Decider, Identity};
pub(crate) use check::check;
pub(crate) use declare::{DeclaredApi, declare};

use super::empty_is_default;
use crate::values::{Seconds, Text};
use authorizer::AuthorizerFile;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Default throttle of the API.
const REQUESTS_PER_MINUTE: u32 = 1000;

/// Default time that browsers cache the answer to a preflight: the most that Chromium accepts.
const MAX_AGE: Seconds = Seconds(7200);

/// REST API in front of the functions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiFile {
    /// Other origins that may call the API from a browser. Default: no preflight requests are answered.
    pub cors: Option<CorsFile>,
    /// Request rate above which the API answers 429. Default: 1000 requests per minute.
    pub throttle: Option<ThrottleFile>,
    /// Has the distribution send a secret to the functions, which proves that a visitor's address and country come from it. Default: true.
    /// With false, functions trust such headers from every sender: for an API behind a proxy or a distribution of your own.
    pub origin_secret: Option<bool>,
    /// Functions and user pools that decide who may call a function, by names that functions refer to. Default: everybody may.
    #[serde(default, deserialize_with = "empty_is_default")]
    pub authorizers: BTreeMap<String, AuthorizerFile>,
    /// Media types of bodies that are no text, such as image/png or `image/*`. Functions receive them encoded as base64, and answer with them
    /// likewise. With `*/*`, that holds for all bodies. Default: none.
    pub binary_media_types: Option<Vec<String>>,
    /// Detailed metrics of Amazon CloudWatch: requests, errors and latencies of each method, beside those of the whole API, which alarms use.
    /// Up to five metrics a method, each at CloudWatch's price for the hours with a request. Default: false.
    pub detailed_metrics: Option<bool>,
    /// Description of the API, shown in the console. Default: names the stack.
    pub description: Option<Text>,
}

/// Other origins that may call the API from a browser.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorsFile {
    /// "*" alone, or origins such as `https://example.com`. Functions receive them in ALLOWED_ORIGINS and refuse others. The API's own
    /// errors (403, 429, 5xx) also name the origin; with several origins they name "*".
    #[schemars(length(min = 1))]
    pub origins: Vec<String>,
    /// Request headers that a browser may send. Default: only Content-Type.
    pub headers: Option<Vec<String>>,
    /// Time for which a browser may cache the answer to a preflight request, up to 24h. Default: 2h.
    pub max_age: Option<Seconds>,
}

/// Request rate above which the API answers 429.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThrottleFile {
    /// Steady-state rate in requests per minute, at least 1.
    #[schemars(range(min = 1))]
    pub requests_per_minute: u32,
    /// Burst: requests at once in addition to the rate. Default: the requests of three seconds.
    #[schemars(range(min = 1))]
    pub burst: Option<u32>,
}

/// Settings of the REST API.
#[derive(Debug, Clone, PartialEq)]
pub struct Api {
    /// Other origins that may call it from a browser; `None` means no preflights at all.
    pub cors: Option<Cors>,
    /// Rate above which it answers 429.
    pub throttle: Throttle,
    /// Set if the stack's distribution proves by a secret that requests come through it.
    pub origin_secret: bool,
    /// Authorizers by name.
    pub authorizers: BTreeMap<String, Authorizer>,
    /// Media types of bodies that are no text.
    pub binary_media_types: BTreeSet<String>,
    /// Set if each method has metrics of its own.
    pub detailed_metrics: bool,
    /// Description, with references as written; `None`: the usual one.
    pub description: Option<String>,
}

/// Other origins that may call the API from a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// `*` alone, or origins such as `https://example.com`, in the order written.
    pub origins: Vec<String>,
    /// Request headers a browser may send, in the order written.
    pub headers: Vec<String>,
    /// Time that a browser may cache the answer, in seconds.
    pub max_age: u32,
}

/// Rate above which the API answers 429.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throttle {
    /// Requests per second in the long run (API Gateway's unit; the file has requests per minute).
    pub rate: f64,
    /// Requests at once on top of that.
    pub burst: u32,
}

impl ApiFile {
    pub(crate) fn resolve(&self, overrides: &Self) -> Api {
        let default = ThrottleFile { requests_per_minute: REQUESTS_PER_MINUTE, burst: None };
        Api {
            cors: overrides.cors.as_ref().or(self.cors.as_ref()).map(CorsFile::resolve),
            origin_secret: overrides.origin_secret.or(self.origin_secret).unwrap_or(true),
            authorizers: authorizer::resolve(&self.authorizers, &overrides.authorizers),
            binary_media_types: overrides
                .binary_media_types
                .iter()
                .chain(&self.binary_media_types)
                .next()
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
            detailed_metrics: overrides.detailed_metrics.or(self.detailed_metrics).unwrap_or_default(),
            description: overrides.description.as_ref().or(self.description.as_ref()).map(|Text(text)| text.clone()),
            throttle: overrides.throttle.as_ref().or(self.throttle.as_ref()).unwrap_or(&default).resolve(),
        }
    }
}

impl Api {
    /// Returns the headers that the site's address has to pass on beyond the usual ones: those that identify a caller, and `Accept`, by which API
    /// Gateway decides whether an answer is decoded.
    pub(crate) fn headers_to_pass_on(&self) -> BTreeSet<String> {
        let of_callers = self.authorizers.values().flat_map(Authorizer::headers).map(str::to_owned);
        of_callers.chain((!self.binary_media_types.is_empty()).then(|| "Accept".to_owned())).collect()
    }
}

impl CorsFile {
    fn resolve(&self) -> Cors {
        Cors {
            origins: self.origins.clone(),
            headers: self.headers.clone().unwrap_or_else(|| vec!["Content-Type".to_owned()]),
            max_age: self.max_age.unwrap_or(MAX_AGE).0,
        }
    }
}

impl ThrottleFile {
    fn resolve(&self) -> Throttle {
        Throttle {
            rate: f64::from(self.requests_per_minute) / 60.0,
            burst: self.burst.unwrap_or_else(|| self.requests_per_minute.div_ceil(20)),
        }
    }
}
