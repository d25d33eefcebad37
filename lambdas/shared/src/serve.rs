//! Runs one endpoint as a Lambda function. All code that depends on the Lambda runtime or on the environment is here.

use crate::edge::{Edge, ORIGIN_ONLY, ORIGIN_VERIFY};
use crate::endpoints::{Endpoint, Service};
use crate::http::{ALLOWED_ORIGINS, Facts, Failure, Origins};
use crate::limit::{PER_MINUTE_VARIABLE, REQUESTS_PER_MINUTE, RateLimit};
use crate::metrics::{self, Answered};
use crate::secrets::{self, Rotation};
use crate::sites::{SITES, Sites};
use crate::spend::Spending;
use crate::store::Store;
use crate::time;
use lambda_http::tracing::error;
use lambda_http::{Error, Request, service_fn};
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

/// Serves requests until Lambda ends the process.
///
/// The environment names the tables (`EVENTS_TABLE`, and `SESSIONS_TABLE` where events are accepted). `docs/api.md` documents
/// the other variables: `SITES`, `ALLOWED_ORIGINS`, `REQUESTS_PER_MINUTE`, `ORIGIN_VERIFY`, `ORIGIN_ONLY`, `TOKEN_SECRET`,
/// `READ_TOKEN_SHA256` (or the names of parameters that hold these two), `READERS`. `AWS_ENDPOINT_URL` is the SDK's own.
///
/// # Errors
/// If a table's name is missing or another variable is wrong, if a parameter cannot be read, or if the Lambda runtime does not
/// answer.
pub async fn serve<E: Endpoint>() -> Result<(), Error> {
    lambda_http::tracing::init_default_subscriber();
    let (service, rotation) = start(E::TAKES_EVENTS).await?;
    let (service, rotation) = (Arc::new(service), Arc::new(rotation));
    let function: Arc<str> = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default().into();
    lambda_http::run(service_fn(move |request: Request| {
        let (service, rotation, function) = (Arc::clone(&service), Arc::clone(&rotation), Arc::clone(&function));
        async move {
            let started = Instant::now();
            if let Some(rotation) = &*rotation {
                rotation.refresh(&service, time::now()).await;
            }
            let (response, result) = service.answer::<E>(&request, time::now()).await;
            let facts = result.as_ref().map_or(Facts::default(), |reply| reply.facts);
            if let Err(Failure::Store(cause)) = &result {
                error!(route = E::ROUTE, %cause, "the tables did not answer as they should");
            }
            let line = metrics::line(&Answered {
                function: &function,
                route: E::ROUTE,
                status: response.status().as_u16(),
                at: time::now(),
                milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                facts,
            });
            // The line has no frame of the subscriber, because CloudWatch finds metrics only at a line's root. A failed write
            // to the log is no reason to fail.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
            Ok::<_, Error>(response)
        }
    }))
    .await
}

/// Reads the settings, and opens the first connections at the same time.
async fn start(takes_events: bool) -> Result<(Service, Option<Rotation>), Error> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let client = aws_sdk_dynamodb::Client::new(&config);
    // Readers use the counters only, so their environment does not name the sessions table.
    let sessions = if takes_events { variable("SESSIONS_TABLE")? } else { String::new() };
    let store = Store::new(client, &variable("EVENTS_TABLE")?, &sessions);
    let per_minute = match optional(PER_MINUTE_VARIABLE) {
        None => REQUESTS_PER_MINUTE,
        Some(text) => text.parse().map_err(|_| format!("REQUESTS_PER_MINUTE must be a whole number, 0 for no limit, not {text}"))?,
    };
    let mut service = Service::new(store);
    service.origins = Origins::parse(optional(ALLOWED_ORIGINS).as_deref());
    service.edge = Edge::parse(optional(ORIGIN_VERIFY).as_deref(), optional(ORIGIN_ONLY).as_deref())?;
    service.limit = RateLimit::new(per_minute);
    service.spending = Spending::new(per_minute);
    service.sites = Sites::parse(optional(SITES).as_deref())?;
    let ((), secrets) = tokio::join!(service.store.warm_up(takes_events), secrets::load(&config, optional, time::now()));
    let (access, rotation) = secrets?;
    service.set_access(access);
    Ok((service, rotation))
}

fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn variable(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|_| format!("the environment variable {name} is missing: set it to the table's name").into())
}
