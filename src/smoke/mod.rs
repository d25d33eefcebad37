//! Smoke check of a release from a visitor's view: a posted event is counted, every read-only route answers, and the page is
//! served.
//!
//! The stack's parts decide which checks run. Nothing here knows AWS, or handles a failure.

mod count;

use crate::{
    engine::Stop,
    http::{Answer, Client, ClientError},
};
use std::time::Duration;
use tokio::time::Instant;

/// Time limit for retries of a failing check. A new resource can take seconds to work everywhere: the first requests to a new
/// stage are refused, and a function starts cold.
const PATIENCE: Duration = Duration::from_secs(30);
/// Shortest and longest delay between two attempts; it doubles in between.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// Checks that apply to a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks {
    /// Address of the API, without a trailing slash.
    pub api: Option<String>,
    /// Paths that `GET` reads, without variables.
    pub reads: Vec<String>,
    /// Set if the API is the one that counts events (`POST /api/events`, `GET /api/realtime`).
    pub counts: bool,
    /// Address of the page.
    pub page: Option<String>,
}

/// Failed check, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Failure {
    /// Failed request as a phrase, such as `GET /api/stats`.
    pub what: String,
    /// Observed result.
    pub why: String,
}

/// Outcome of the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All checks passed; the results, as phrases.
    Passed(Vec<String>),
    /// Failure of the first check that failed.
    Failed(Failure),
    /// The user asked to stop.
    Interrupted,
}

impl Checks {
    /// Returns true if there is nothing to check.
    pub fn is_empty(&self) -> bool {
        *self == Self::default() || (self.page.is_none() && (self.api.is_none() || (self.reads.is_empty() && !self.counts)))
    }

    /// Runs all checks in order, and ends with the first failure. Requests to the API carry the distribution's secret, if there
    /// is one.
    pub async fn run(&self, stop: &Stop, secret: Option<String>) -> Outcome {
        match self.all(stop, secret).await {
            Ok(seen) => Outcome::Passed(seen),
            Err(Some(failure)) => Outcome::Failed(failure),
            Err(None) => Outcome::Interrupted,
        }
    }

    async fn all(&self, stop: &Stop, secret: Option<String>) -> Result<Vec<String>, Option<Failure>> {
        let mut seen = Vec::new();
        if let Some(api) = &self.api {
            let client = Client::new(api).with_origin_secret(secret);
            for path in &self.reads {
                let what = format!("GET {path}");
                patiently(&what, (PATIENCE, stop), async || answers(client.get(path).await)).await?;
                seen.push(format!("{what} answers"));
            }
            if self.counts {
                let visit = count::Visit::new();
                let post = async || visit.post(&client).await;
                patiently("POST /api/events", (PATIENCE, stop), post).await?;
                let counted = async || visit.is_counted(&client).await;
                seen.push(patiently("the event that was posted", (PATIENCE, stop), counted).await?);
            }
        }
        if let Some(page) = &self.page {
            let client = Client::new(page);
            patiently("the page", (PATIENCE, stop), async || is_served(client.get("/").await)).await?;
            seen.push("the page is served".to_owned());
        }
        Ok(seen)
    }
}

/// Retries until a check passes or the time limit ends. `Err(None)` if it was asked to stop.
async fn patiently<T>(
    what: &str,
    (patience, stop): (Duration, &Stop),
    attempt: impl AsyncFn() -> Result<T, String>,
) -> Result<T, Option<Failure>> {
    let (end, mut pause) = (Instant::now() + patience, PAUSE.0);
    loop {
        let why = match attempt().await {
            Ok(seen) => return Ok(seen),
            Err(why) => why,
        };
        if Instant::now() + pause > end {
            return Err(Some(Failure { what: what.to_owned(), why }));
        }
        stop.sleep(pause).await.map_err(|_| None)?;
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// Checks that a function answers. Asking for a token or for more parameters is an answer of the function; an error of API
/// Gateway is not.
fn answers(answer: Result<Answer, ClientError>) -> Result<(), String> {
    let answer = answer.map_err(|error| error.to_string())?;
    let of_gateway = matches!(answer.status, 403 | 404) && answer.json.get("status").is_none() && answer.json.get("message").is_some();
    if answer.status < 500 && !of_gateway { Ok(()) } else { Err(said(&answer)) }
}

fn is_served(answer: Result<Answer, ClientError>) -> Result<(), String> {
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status == 200 && answer.length > 0 { Ok(()) } else { Err(said(&answer)) }
}

/// Formats the answer in a few words.
fn said(answer: &Answer) -> String {
    let message = answer.json.get("message").and_then(|message| message.as_str()).unwrap_or_default();
    format!("answered {} {}", answer.status, message.chars().filter(|c| !c.is_control()).take(200).collect::<String>())
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Checks, Failure, answers, is_served, patiently};
    use crate::{engine::Stop, http::Answer};
    use serde_json::{Value, json};
    use std::{cell::Cell, time::Duration};

    fn answer(status: u16, json: Value) -> Answer {
        Answer { status, retry_after: None, length: json.to_string().len(), json }
    }

    #[test]
    fn a_refusal_by_the_function_is_an_answer_and_one_by_the_gateway_is_none() {
        for (status, json) in [(200, json!({})), (401, json!({"status": "error", "message": "a token, please"})), (404, json!("nothing"))] {
            assert_eq!(answers(Ok(answer(status, json))), Ok(()));
        }
        assert_eq!(
            answers(Ok(answer(403, json!({"message": "Missing Authentication Token"})))),
            Err("answered 403 Missing Authentication Token".to_owned())
        );
        assert!(answers(Ok(answer(502, json!({"message": "Internal server error"})))).is_err());
    }

    #[test]
    fn an_empty_page_is_none() {
        assert_eq!(is_served(Ok(answer(200, json!("<html>")))), Ok(()));
        assert!(is_served(Ok(Answer { length: 0, ..answer(200, Value::Null) })).is_err());
        assert!(is_served(Ok(answer(403, Value::Null))).is_err());
    }

    #[test]
    fn a_stack_without_routes_and_pages_has_nothing_to_check() {
        let api = Some("https://api.example/dev".to_owned());
        assert!(Checks::default().is_empty());
        assert!(Checks { api: api.clone(), ..Checks::default() }.is_empty());
        assert!(!Checks { api, counts: true, ..Checks::default() }.is_empty());
        assert!(!Checks { page: Some("https://page.example/".to_owned()), ..Checks::default() }.is_empty());
    }

    #[tokio::test]
    async fn what_takes_a_moment_passes_and_what_never_works_is_told() {
        let (tries, stop) = (Cell::new(0), Stop::default());
        let second = async || {
            tries.set(tries.get() + 1);
            if tries.get() < 2 { Err("not yet".to_owned()) } else { Ok(tries.get()) }
        };
        assert_eq!(patiently("it", (Duration::from_mins(1), &stop), second).await, Ok(2));
        let never = async || Err::<(), _>("broken".to_owned());
        let told = Failure { what: "it".to_owned(), why: "broken".to_owned() };
        assert_eq!(patiently("it", (Duration::ZERO, &stop), never).await, Err(Some(told)));
        stop.request();
        assert_eq!(patiently("it", (Duration::from_mins(1), &stop), never).await, Err(None));
    }
}
