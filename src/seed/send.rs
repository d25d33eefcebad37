//! Sends a plan, request by request when it is due, whatever earlier ones take; and tries again as a good client does.

use super::{
    Books,
    plan::{Batch, Plan},
};
use crate::{
    engine::Stop,
    http::{Answer, Client, ClientError},
};
use futures::{StreamExt, stream::FuturesUnordered};
use std::{
    cell::RefCell,
    time::{Duration, SystemTime},
};
use tokio::time::Instant;

/// How many requests may be under way. Beyond that they wait, which counts as time that they took.
const AT_ONCE: usize = 64;
/// How often one request is tried. With the pauses that the answers ask for that is more than a minute.
const TRIES: u32 = 12;
const PATH: &str = "/api/events";

/// Sends plans to one stack.
pub struct Sender<'a> {
    /// Where to.
    pub client: &'a Client,
    /// Makes the identifiers of this run its own.
    pub run: &'a str,
    /// Ends the run early: what is under way is finished.
    pub stop: &'a Stop,
}

impl Sender<'_> {
    /// Sends everything. `pace` is the pause between two requests, for what lies in the past; what is live is sent when it happens.
    /// `tell` hears of the numbers of requests done and planned.
    pub async fn send(&self, plan: &Plan, pace: Option<Duration>, tell: &dyn Fn(usize, usize)) -> Books {
        let books = RefCell::new(Books::default());
        let (began, origin) = (Instant::now(), now());
        let mut running = FuturesUnordered::new();
        let mut done = 0;
        for (number, batch) in plan.batches.iter().enumerate() {
            let due = began
                + match pace {
                    Some(pace) => pace.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX)),
                    None => Duration::from_millis(u64::try_from(batch.at).unwrap_or_default()),
                };
            while running.len() >= AT_ONCE || Instant::now() < due {
                tokio::select! {
                    Some(()) = running.next(), if !running.is_empty() => {
                        done += 1;
                        tell(done, plan.batches.len());
                    }
                    () = tokio::time::sleep_until(due), if running.len() < AT_ONCE => {}
                    () = self.stop.asked() => break,
                }
            }
            if self.stop.requested() {
                break;
            }
            running.push(self.deliver(batch, number, (origin, due), &books));
        }
        while running.next().await.is_some() {
            done += 1;
            tell(done, plan.batches.len());
        }
        drop(running);
        books.into_inner()
    }

    /// Sends one batch until it is answered, and a second time if that is planned.
    async fn deliver(&self, batch: &Batch, number: usize, (origin, due): (i64, Instant), books: &RefCell<Books>) {
        // A repetition is the same text, as it is from a client that lost the answer.
        let text = batch.text(self.run, number, origin, now());
        books.borrow_mut().events += batch.events();
        let (answer, unclear) = self.try_until_answered(batch, &text, books).await;
        match answer {
            Ok(answer) => {
                books.borrow_mut().took(due.elapsed());
                books.borrow_mut().first(batch, &answer, unclear);
            }
            Err(error) => {
                books.borrow_mut().fail(error.to_string());
                return;
            }
        }
        if batch.twice {
            match self.try_until_answered(batch, &text, books).await.0 {
                Ok(answer) => books.borrow_mut().again(batch, &answer),
                Err(error) => books.borrow_mut().fail(error.to_string()),
            }
        }
    }

    /// The final answer, and whether an earlier try may have arrived all the same.
    async fn try_until_answered(&self, batch: &Batch, text: &str, books: &RefCell<Books>) -> (Result<Answer, ClientError>, bool) {
        let (mut tries, mut unclear, mut pause) = (0, false, Duration::from_millis(500));
        loop {
            tries += 1;
            books.borrow_mut().sent += 1;
            let answer = self.client.post(PATH, (batch.agent, batch.country), text.to_owned()).await;
            let wait = match &answer {
                Ok(answer) if matches!(answer.status, 429 | 500 | 502 | 503 | 504) => {
                    // Nothing is counted of what is refused for its number; of the others that is not certain.
                    let throttled = answer.status == 429;
                    books.borrow_mut().throttled += usize::from(throttled);
                    unclear |= !throttled;
                    answer.retry_after
                }
                Ok(_) => return (answer, unclear),
                Err(_) => {
                    unclear = true;
                    None
                }
            };
            if tries >= TRIES || self.stop.sleep(wait.unwrap_or(pause)).await.is_err() {
                return (answer, unclear);
            }
            books.borrow_mut().retries += 1;
            pause = (pause * 2).min(Duration::from_secs(8));
        }
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
