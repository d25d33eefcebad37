//! Smoke check of a release from a visitor's view: either exactly the requests of stack.yaml, or what can be known without them. Then every
//! read-only route and public URL reaches its function and answers no worse than under the release before, the page is served, and the shipped product
//! counts an event that is posted.
//!
//! The stack's parts decide which checks run. Nothing here knows AWS, or handles a failure.

mod count;
mod judge;
mod request;

pub use judge::Before;

use crate::{
    engine::Stop,
    http::{Answer, Client, ClientError},
    stack::{Front, SmokeRequest},
};
use futures::{StreamExt, TryStreamExt, stream};
use judge::{Treatment, Verdict, judge, judge_at_url, said};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, timeout};

/// Time limit for retries of a failing check. A new resource can take seconds to work everywhere: the first requests to a new
/// stage are refused, and a function starts cold.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time limit for retries of an error that is only shown: a new role can take seconds to work.
const SETTLING: Duration = Duration::from_secs(3);
/// Time limit of a request to the release before. It delays the release.
const GLANCE: Duration = Duration::from_secs(10);
/// Number of requests at once: the lowest quota for concurrent executions of an account is 10 ("Lambda quotas").
const AT_ONCE: usize = 4;
/// Shortest and longest delay between two attempts; it doubles in between.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// Checks that apply to a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checks {
    /// Address of the API, without a trailing slash.
    pub api: Option<String>,
    /// Address of the page.
    pub page: Option<String>,
    /// Addresses of the functions that have a URL, by the function's name.
    pub urls: BTreeMap<String, String>,
    /// Requests that are made.
    pub asked: Asked,
}

/// Requests that check a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Routes, and the page if it has an address.
    Usual {
        /// Paths that `GET` reads, without variables.
        reads: Vec<String>,
        /// Functions with a URL that everybody may call, which is asked for `/`.
        urls: Vec<String>,
        /// Set if the API is the one that counts events (`POST /api/events`, `GET /api/realtime`). Each route has to answer then.
        counts: bool,
    },
    /// Exactly the requests of stack.yaml.
    Declared(Vec<SmokeRequest>),
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
    /// All checks passed.
    Passed {
        /// Results, as phrases.
        seen: Vec<String>,
        /// Errors that were not judged, as sentences.
        notes: Vec<String>,
    },
    /// Failure of the first check that failed.
    Failed(Failure),
    /// The user asked to stop.
    Interrupted,
}

/// Result of a check that passed.
enum Seen {
    Phrase(String),
    Note(String),
}

impl Checks {
    /// Returns true if there is nothing to check.
    pub fn is_empty(&self) -> bool {
        match &self.asked {
            Asked::Usual { reads, urls, counts } => {
                self.page.is_none() && urls.is_empty() && (self.api.is_none() || (reads.is_empty() && !counts))
            }
            Asked::Declared(requests) => requests.is_empty(),
        }
    }

    /// Leaves out what asks for the page. Returns true if something did.
    pub fn leave_out_page(&mut self) -> bool {
        let had_page = self.page.take().is_some();
        match &mut self.asked {
            Asked::Usual { .. } => had_page,
            Asked::Declared(requests) => {
                let before = requests.len();
                requests.retain(|request| request.of != Front::Site);
                requests.len() < before
            }
        }
    }

    /// Keeps the requests to the API that ask for such a path, and leaves out what asks a function's URL.
    pub fn retain_paths(&mut self, is_kept: impl Fn(&str) -> bool) {
        match &mut self.asked {
            Asked::Usual { reads, urls, .. } => {
                reads.retain(|path| is_kept(path));
                urls.clear();
            }
            Asked::Declared(requests) => requests.retain(|request| match request.of {
                Front::Site => true,
                Front::Api => is_kept(&request.path),
                Front::Function(_) => false,
            }),
        }
    }

    /// Asks the release that serves now, once and briefly. Only what is judged by its answers is asked.
    pub async fn before(&self, secret: Option<String>) -> Before {
        let Asked::Usual { reads, urls, counts: false } = &self.asked else { return Before::Unknown };
        let ask = async |read: Read| {
            let answer = timeout(GLANCE, read.client.get(&read.path)).await.ok()?;
            match (read.judge(&answer), answer) {
                (Verdict::Unreached(_), _) | (_, Err(_)) => None,
                (_, Ok(answer)) => Some((read.what, answer.status)),
            }
        };
        let reads = self.reads(reads, secret).chain(self.reads_of_urls(urls));
        let answers: Vec<Option<(String, u16)>> = stream::iter(reads).map(ask).buffered(AT_ONCE).collect().await;
        Before::Answered(answers.into_iter().flatten().collect::<BTreeMap<_, _>>())
    }

    /// Runs all checks, and ends with the first failure. Requests to the API carry the distribution's secret, if there is one.
    pub async fn run(&self, stop: &Stop, secret: Option<String>, before: &Before) -> Outcome {
        let results = match &self.asked {
            Asked::Usual { reads, urls, counts } => self.usual((reads, urls, *counts), stop, secret, before).await,
            Asked::Declared(requests) => self.declared(requests, stop, secret).await,
        };
        let results = match results {
            Ok(results) => results,
            Err(Some(failure)) => return Outcome::Failed(failure),
            Err(None) => return Outcome::Interrupted,
        };
        let (mut seen, mut notes) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Seen::Phrase(text) => seen.push(text),
                Seen::Note(text) => notes.push(text),
            }
        }
        Outcome::Passed { seen, notes }
    }

    /// Returns the requests for these paths of the API; none without an API.
    fn reads<'a>(&'a self, paths: &'a [String], secret: Option<String>) -> impl Iterator<Item = Read> + 'a {
        let client = move |api: &String| Client::new(api).with_origin_secret(secret.clone());
        paths.iter().filter_map(move |path| {
            Some(Read { client: client(self.api.as_ref()?), path: path.clone(), what: format!("GET {path}"), is_url: false })
        })
    }

    /// Returns the requests to the URLs of these functions, as far as they have an address.
    fn reads_of_urls(&self, functions: &[String]) -> impl Iterator<Item = Read> {
        functions.iter().filter_map(|name| {
            let client = Client::new(self.urls.get(name)?);
            Some(Read { client, path: "/".to_owned(), what: format!("GET / of {name}"), is_url: true })
        })
    }

    async fn usual(
        &self,
        (reads, urls, counts): (&[String], &[String], bool),
        stop: &Stop,
        secret: Option<String>,
        before: &Before,
    ) -> Result<Vec<Seen>, Option<Failure>> {
        let check = async |read: Read| {
            let treatment = if counts { Treatment::Fails(String::new()) } else { before.treatment(&read.what) };
            read.check(treatment, stop).await
        };
        let reads = self.reads(reads, secret.clone()).chain(self.reads_of_urls(urls));
        let mut seen: Vec<Seen> = stream::iter(reads).map(check).buffered(AT_ONCE).try_collect().await?;
        if let Some(api) = &self.api {
            let client = &Client::new(api).with_origin_secret(secret);
            if counts {
                let visit = count::Visit::new();
                let post = async || visit.post(client).await;
                patiently("POST /api/events", (PATIENCE, stop), post).await?;
                let counted = async || visit.is_counted(client).await;
                seen.push(Seen::Phrase(patiently("the event that was posted", (PATIENCE, stop), counted).await?));
            }
        }
        if let Some(page) = &self.page {
            let client = Client::new(page);
            patiently("the page", (PATIENCE, stop), async || is_served(client.get("/").await)).await?;
            seen.push(Seen::Phrase("the page is served".to_owned()));
        }
        Ok(seen)
    }

    /// Makes the requests of stack.yaml, one after the other: a later one may ask for what an earlier one wrote.
    async fn declared(&self, requests: &[SmokeRequest], stop: &Stop, secret: Option<String>) -> Result<Vec<Seen>, Option<Failure>> {
        let mut seen = Vec::new();
        for request in requests {
            let (address, secret) = match &request.of {
                Front::Api => (self.api.as_ref(), secret.clone()),
                Front::Site => (self.page.as_ref(), None),
                Front::Function(name) => (self.urls.get(name), None),
            };
            let Some(address) = address else {
                let why = "its address is not known".to_owned();
                return Err(Some(Failure { what: request.to_string(), why }));
            };
            let client = Client::new(address).with_origin_secret(secret);
            seen.push(Seen::Phrase(request::ask(&client, request, stop).await?));
        }
        Ok(seen)
    }
}

/// Request to a route or a function's URL that only reads.
struct Read {
    client: Client,
    path: String,
    /// Request as a phrase, such as `GET /api/stats`.
    what: String,
    /// Set if a function's URL is asked.
    is_url: bool,
}

impl Read {
    fn judge(&self, answer: &Result<Answer, ClientError>) -> Verdict {
        if self.is_url { judge_at_url(answer) } else { judge(answer) }
    }

    /// Makes the request. `treatment` decides about an error of the function; a request that does not reach the function fails.
    async fn check(self, treatment: Treatment, stop: &Stop) -> Result<Seen, Option<Failure>> {
        let (what, began) = (&self.what, Instant::now());
        let attempt = async || match (self.judge(&self.client.get(&self.path).await), &treatment) {
            (Verdict::Answers, _) => Ok(Seen::Phrase(format!("{what} answers"))),
            (Verdict::Unreached(why), _) => Err(why),
            (Verdict::Broken(why), Treatment::Fails(reason)) => Err(format!("{why}{reason}")),
            (Verdict::Broken(_), Treatment::AsBefore(status)) => Ok(Seen::Phrase(format!("{what} fails as before, with {status}"))),
            (Verdict::Broken(why), Treatment::Shown(_)) if began.elapsed() < SETTLING => Err(why),
            (Verdict::Broken(why), Treatment::Shown(reason)) => {
                Ok(Seen::Note(format!("{what} {why}; not judged: {reason}; name what it should answer under `smoke:`")))
            }
        };
        patiently(what, (PATIENCE, stop), attempt).await
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

fn is_served(answer: Result<Answer, ClientError>) -> Result<(), String> {
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status == 200 && answer.length > 0 { Ok(()) } else { Err(said(&answer)) }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Before, Checks, Failure, is_served, patiently};
    use crate::{engine::Stop, http::Answer};
    use serde_json::{Value, json};
    use std::{cell::Cell, collections::BTreeMap, time::Duration};

    fn answer(status: u16, json: Value) -> Answer {
        Answer { status, length: json.to_string().len(), json, ..Answer::default() }
    }

    #[test]
    fn an_empty_page_is_none() {
        assert_eq!(is_served(Ok(answer(200, json!("<html>")))), Ok(()));
        assert!(is_served(Ok(Answer { length: 0, ..answer(200, Value::Null) })).is_err());
        assert!(is_served(Ok(answer(403, Value::Null))).is_err());
    }

    fn usual(reads: &[&str], counts: bool) -> Asked {
        Asked::Usual { reads: reads.iter().map(|path| (*path).to_owned()).collect(), urls: Vec::new(), counts }
    }

    #[test]
    fn a_stack_without_routes_and_pages_has_nothing_to_check() {
        let checks = |api: bool, page: bool, asked| Checks {
            api: api.then(|| "https://api.example/dev".to_owned()),
            page: page.then(|| "https://page.example/".to_owned()),
            urls: BTreeMap::new(),
            asked,
        };
        assert!(checks(false, false, usual(&["/x"], true)).is_empty());
        assert!(checks(true, false, usual(&[], false)).is_empty());
        assert!(checks(true, true, Asked::Declared(Vec::new())).is_empty());
        assert!(!checks(true, false, usual(&[], true)).is_empty());
        assert!(!checks(false, true, usual(&[], false)).is_empty());
        let mut page = checks(false, true, usual(&[], false));
        assert!(page.leave_out_page() && page.is_empty());
    }

    #[tokio::test]
    async fn the_release_before_is_asked_only_where_its_answers_count() {
        // Nobody listens at this address: a request would give an empty list of answers.
        let checks = |asked| Checks { api: Some("http://127.0.0.1:1".to_owned()), page: None, urls: BTreeMap::new(), asked };
        assert_eq!(checks(usual(&["/x"], true)).before(None).await, Before::Unknown);
        assert_eq!(checks(Asked::Declared(Vec::new())).before(None).await, Before::Unknown);
        assert_eq!(checks(usual(&["/x"], false)).before(None).await, Before::Answered([].into()));
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
