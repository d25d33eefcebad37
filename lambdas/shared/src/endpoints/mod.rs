//! What the three functions do with a request, apart from the Lambda runtime. [`Service::answer`] is what tests call.

pub mod events;
pub mod realtime;
pub mod stats;

pub use events::Events;
pub use realtime::RealtimeNow;
pub use stats::StatsOverTime;

use crate::batch::{self, Invalid};
use crate::http::{self, Failure, Origins, Reply};
use crate::store::Store;
use crate::time::Millis;
use lambda_http::http::Method;
use lambda_http::{Body, Request, RequestExt, Response};
use std::future::Future;

/// What a function needs to answer.
#[derive(Debug, Clone)]
pub struct Service {
    /// The tables.
    pub store: Store,
    /// Who may ask.
    pub origins: Origins,
}

/// One of the three.
pub trait Endpoint: Send + Sync + 'static {
    /// The method it answers, besides OPTIONS.
    const METHOD: Method;
    /// Its name in the log.
    const ROUTE: &'static str;

    /// Answers a request of its method from an admitted origin, that arrived at `now`.
    fn answer(service: &Service, request: &Request, now: Millis) -> impl Future<Output = Result<Reply, Failure>> + Send;
}

impl Service {
    /// Answers any request: a complete response, and what became of it for the log.
    pub async fn answer<E: Endpoint>(&self, request: &Request, now: Millis) -> (Response<Body>, Result<Reply, Failure>) {
        let result = if !self.origins.admit(request.headers()) {
            Err(Failure::ForeignOrigin)
        } else if request.method() == Method::OPTIONS {
            Ok(preflight())
        } else if request.method() == E::METHOD {
            E::answer(self, request, now).await
        } else {
            Err(Failure::Method(E::METHOD))
        };
        (http::respond(request, &result, &E::METHOD, &self.origins), result)
    }
}

/// The gateway answers preflights itself; this is for setups without one.
fn preflight() -> Reply {
    Reply { data: serde_json::json!({}), cache: "no-store", entity_tag: None, facts: http::Facts::default() }
}

/// A parameter of the query, once decoded.
fn parameter(request: &Request, name: &str) -> Option<String> {
    request.query_string_parameters_ref().and_then(|parameters| parameters.first(name)).map(str::to_owned)
}

/// The site that is asked for: `k`, or the default one.
fn site(request: &Request) -> Result<String, Failure> {
    let site = parameter(request, "k").unwrap_or_else(|| "default".to_owned());
    if batch::is_site(&site) { Ok(site) } else { Err(wrong("k", "must be 1 to 32 of a-z 0-9 -")) }
}

fn wrong(field: &str, problem: impl Into<String>) -> Failure {
    Failure::Invalid(Invalid { field: field.to_owned(), problem: problem.into() })
}
