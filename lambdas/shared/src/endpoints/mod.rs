//! Request handling of the three functions, apart from the Lambda runtime. Tests call [`Service::answer`].

pub mod events;
pub mod realtime;
pub mod stats;

pub use events::Events;
pub use realtime::RealtimeNow;
pub use stats::StatsOverTime;

use crate::answers::Answers;
use crate::batch::{self, Invalid};
use crate::charge;
use crate::edge::Edge;
use crate::http::{self, Failure, Origins, Reply};
use crate::limit::{self, RateLimit};
use crate::network::Networks;
use crate::secrets::Access;
use crate::sender::Sender;
use crate::sites::Sites;
use crate::spend::{Refusal, Spending};
use crate::store::Store;
use crate::time::Millis;
use crate::token::Readers;
use lambda_http::http::Method;
use lambda_http::{Body, Request, RequestExt, Response};
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

/// Header for an answer that other readers have received: caches revalidate.
const NOT_SHARED: &str = "public, max-age=0";

/// Settings and state of a function. The defaults allow every request, up to the rate limit.
#[derive(Debug)]
pub struct Service {
    /// DynamoDB tables of events and sessions.
    pub store: Store,
    /// Origins that may call the API.
    pub origins: Origins,
    /// Verifier of requests through the installation's own distribution.
    pub edge: Edge,
    /// Rate limit of requests.
    pub limit: RateLimit,
    /// Write units that each client has left.
    pub spending: Spending,
    /// Sites that may send events.
    pub sites: Sites,
    /// Recent answers to readers.
    pub answers: Answers,
    access: RwLock<Arc<Access>>,
}

/// Endpoint of the API.
pub trait Endpoint: Send + Sync + 'static {
    /// Method that it answers, besides OPTIONS.
    const METHOD: Method;
    /// Name of the route in the log.
    const ROUTE: &'static str;
    /// True for the one that accepts events, and so uses the sessions table; the others read counters.
    const TAKES_EVENTS: bool = false;

    /// Answers a request with its method from an admitted origin, that arrived at `now`, under the access rules of that moment.
    fn answer(service: &Service, access: &Access, request: &Request, now: Millis) -> impl Future<Output = Result<Reply, Failure>> + Send;
}

impl Service {
    /// Creates a service with the defaults.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            origins: Origins::Any,
            edge: Edge::default(),
            limit: RateLimit::new(limit::REQUESTS_PER_MINUTE),
            spending: Spending::new(limit::REQUESTS_PER_MINUTE),
            sites: Sites::Any,
            answers: Answers::default(),
            access: RwLock::default(),
        }
    }

    /// Returns the current access rules.
    pub fn access(&self) -> Arc<Access> {
        Arc::clone(&self.access.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the access rules for later requests.
    pub fn set_access(&self, access: Access) {
        *self.access.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(access);
    }

    /// Answers any request: returns a complete response, and the result for the log.
    pub async fn answer<E: Endpoint>(&self, request: &Request, now: Millis) -> (Response<Body>, Result<Reply, Failure>) {
        let result = if !self.edge.admits(request.headers()) {
            Err(Failure::NotThroughEdge)
        } else if !self.origins.admit(request.headers()) {
            Err(Failure::ForeignOrigin)
        } else if request.method() == Method::OPTIONS {
            Ok(preflight())
        } else if let Some(seconds) = self.seconds_to_wait(request, now) {
            Err(Failure::TooMany(seconds))
        } else if request.method() == E::METHOD {
            E::answer(self, &self.access(), request, now).await
        } else {
            Err(Failure::Method(E::METHOD))
        };
        (http::respond(request, &result, &E::METHOD, &self.origins), result)
    }

    /// Returns the seconds until the client's next request is allowed. A request without an address came from inside and has no
    /// limit.
    fn seconds_to_wait(&self, request: &Request, now: Millis) -> Option<i64> {
        let address = Sender::of(request, &self.edge).address?;
        self.limit.admit(&Networks::of(&address), now).err()
    }

    /// Returns the caching rule of an answer: one with restricted access is not shared.
    fn cache(access: &Access, open: &'static str) -> &'static str {
        if access.readers == Readers::All { open } else { "private, max-age=0" }
    }

    /// Returns the requested site, if the reader may read it. Without access, the answer does not reveal whether the request
    /// was valid.
    fn admit_reader(access: &Access, request: &Request) -> Result<String, Failure> {
        let site = site(request);
        let token = http::reader_token(request.headers());
        match &access.readers {
            Readers::Nobody => Err(Failure::ReadingClosed),
            readers if readers.admit(token, site.as_deref().unwrap_or_default()) => site,
            _ => Err(Failure::ReaderToken),
        }
    }

    /// Charges a batch to the client that sent it, before anything is written. A batch without an address came from inside.
    async fn charge(&self, networks: Option<&Networks>, units: i64, now: Millis) -> Result<(), Failure> {
        if units > charge::MOST_UNITS {
            return Err(Failure::TooDear);
        }
        let Some(networks) = networks else { return Ok(()) };
        self.spending.spend(&self.store, networks, units, now).await.map_err(|refusal| match refusal {
            Refusal::Wait(seconds) => Failure::TooMany(seconds),
            Refusal::Store(error) => Failure::Store(error),
        })
    }
}

/// Answers a preflight, for setups without a gateway, which answers preflights itself.
fn preflight() -> Reply {
    Reply { data: serde_json::json!({}), cache: "no-store", entity_tag: None, facts: http::Facts::default() }
}

/// Returns a query parameter, decoded once.
fn parameter(request: &Request, name: &str) -> Option<String> {
    request.query_string_parameters_ref().and_then(|parameters| parameters.first(name)).map(str::to_owned)
}

/// Returns the requested site: `k`, or the default one.
fn site(request: &Request) -> Result<String, Failure> {
    let site = parameter(request, "k").unwrap_or_else(|| "default".to_owned());
    if batch::is_site(&site) { Ok(site) } else { Err(wrong("k", "must be 1 to 32 of a-z 0-9 -")) }
}

fn wrong(field: &str, problem: impl Into<String>) -> Failure {
    Failure::Invalid(Invalid { field: field.to_owned(), problem: problem.into() })
}
