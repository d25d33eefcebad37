//! Runs one endpoint as a Lambda function. Everything that depends on the Lambda runtime or on the environment is here.

use crate::answers::Answers;
use crate::edge::{Edge, ORIGIN_ONLY, ORIGIN_VERIFY};
use crate::endpoints::{Endpoint, Service};
use crate::http::{ALLOWED_ORIGINS, Facts, Failure, Origins};
use crate::limit::{PER_MINUTE_VARIABLE, REQUESTS_PER_MINUTE, RateLimit};
use crate::metrics::{self, Answered};
use crate::sites::{SITES, Sites};
use crate::spend::Spending;
use crate::store::Store;
use crate::time;
use crate::token::{READ_TOKEN_SHA256, READERS, Readers, Signer};
use lambda_http::tracing::error;
use lambda_http::{Error, Request, service_fn};
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

/// Serves requests until Lambda ends the process.
///
/// The environment names the tables (`EVENTS_TABLE`, and `SESSIONS_TABLE` where events are taken). `docs/api.md` describes what else it may say: `SITES`,
/// `ALLOWED_ORIGINS`, `REQUESTS_PER_MINUTE`, `ORIGIN_VERIFY`, `ORIGIN_ONLY`, `TOKEN_SECRET`, `READ_TOKEN_SHA256`, `READERS`.
/// `AWS_ENDPOINT_URL` is the SDK's own.
///
/// # Errors
/// If a table's name is missing or another variable is wrong, or if the Lambda runtime does not answer.
pub async fn serve<E: Endpoint>() -> Result<(), Error> {
    lambda_http::tracing::init_default_subscriber();
    let service = Arc::new(from_environment(E::TAKES_EVENTS).await?);
    service.store.warm_up(E::TAKES_EVENTS).await;
    let function: Arc<str> = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default().into();
    lambda_http::run(service_fn(move |request: Request| {
        let (service, function) = (Arc::clone(&service), Arc::clone(&function));
        async move {
            let started = Instant::now();
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
            // As it is, without the subscriber's frame: CloudWatch finds metrics only at a line's root. A log that cannot be written is no
            // reason to fail.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
            Ok::<_, Error>(response)
        }
    }))
    .await
}

async fn from_environment(takes_events: bool) -> Result<Service, Error> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let client = aws_sdk_dynamodb::Client::new(&config);
    // Readers use the counters only, and are not told where sessions are.
    let sessions = if takes_events { variable("SESSIONS_TABLE")? } else { String::new() };
    let store = Store::new(client, &variable("EVENTS_TABLE")?, &sessions);
    let per_minute = match optional(PER_MINUTE_VARIABLE) {
        None => REQUESTS_PER_MINUTE,
        Some(text) => text.parse().map_err(|_| format!("REQUESTS_PER_MINUTE must be a whole number, 0 for no limit, not {text}"))?,
    };
    Ok(Service {
        store,
        origins: Origins::parse(optional(ALLOWED_ORIGINS).as_deref()),
        edge: Edge::parse(optional(ORIGIN_VERIFY).as_deref(), optional(ORIGIN_ONLY).as_deref())?,
        limit: RateLimit::new(per_minute),
        spending: Spending::new(per_minute),
        sites: Sites::parse(optional(SITES).as_deref())?,
        signer: Signer::parse(optional("TOKEN_SECRET").as_deref()),
        readers: Readers::parse(optional(READ_TOKEN_SHA256).as_deref(), optional(READERS).as_deref())?,
        answers: Answers::default(),
    })
}

fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn variable(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|_| format!("the environment variable {name} is missing: set it to the table's name").into())
}
