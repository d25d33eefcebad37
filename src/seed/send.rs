//! Sends each request of a plan when it is due, whatever the duration of earlier ones, and retries as a well-behaved client
//! does.

use super::{
    Ledger,
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

/// Maximum number of concurrent requests. Further ones wait, which counts towards their latency.
const AT_ONCE: usize = 64;
/// Maximum attempts per request. With the delays that the answers ask for, that is more than a minute.
const TRIES: u32 = 12;
const PATH: &str = "/api/events";

/// Client that sends plans to one stack.
pub struct Sender<'a> {
    /// HTTP client for the API.
    pub client: &'a Client,
    /// Text that makes this run's identifiers unique.
    pub run: &'a str,
    /// Flag that ends the run early; requests in flight are finished.
    pub stop: &'a Stop,
}

impl Sender<'_> {
    /// Sends the whole plan. For past traffic, `pace` is the delay between two requests; live traffic is sent when it is due.
    /// `progress` receives the numbers of finished and planned requests.
    pub async fn send(&self, plan: &Plan, pace: Option<Duration>, progress: &dyn Fn(usize, usize)) -> Ledger {
        let ledger = RefCell::new(Ledger::default());
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
                        progress(done, plan.batches.len());
                    }
                    () = tokio::time::sleep_until(due), if running.len() < AT_ONCE => {}
                    () = self.stop.asked() => break,
                }
            }
            if self.stop.requested() {
                break;
            }
            running.push(self.deliver(batch, number, (origin, due), &ledger));
        }
        while running.next().await.is_some() {
            done += 1;
            progress(done, plan.batches.len());
        }
        drop(running);
        ledger.into_inner()
    }

    /// Sends one batch until it is answered, and a second time if planned.
    async fn deliver(&self, batch: &Batch, number: usize, (origin, due): (i64, Instant), ledger: &RefCell<Ledger>) {
        // A repetition has the same text, as from a client that lost the answer.
        let text = batch.text(self.run, number, origin, now());
        ledger.borrow_mut().events += batch.events();
        let (answer, unclear) = self.try_until_answered(batch, &text, ledger).await;
        match answer {
            Ok(answer) => {
                ledger.borrow_mut().took(due.elapsed());
                ledger.borrow_mut().first(batch, &answer, unclear);
            }
            Err(error) => {
                ledger.borrow_mut().fail(error.to_string());
                return;
            }
        }
        if batch.twice {
            match self.try_until_answered(batch, &text, ledger).await.0 {
                Ok(answer) => ledger.borrow_mut().again(batch, &answer),
                Err(error) => ledger.borrow_mut().fail(error.to_string()),
            }
        }
    }

    /// Returns the final answer, and true if an earlier attempt may have arrived all the same.
    async fn try_until_answered(&self, batch: &Batch, text: &str, ledger: &RefCell<Ledger>) -> (Result<Answer, ClientError>, bool) {
        let (mut tries, mut unclear, mut pause) = (0, false, Duration::from_millis(500));
        loop {
            tries += 1;
            ledger.borrow_mut().sent += 1;
            let answer = self.client.post(PATH, (batch.agent, batch.country), text.to_owned()).await;
            let wait = match &answer {
                Ok(answer) if matches!(answer.status, 429 | 500 | 502 | 503 | 504) => {
                    // A throttled request is not counted. For the other answers that is not certain.
                    let throttled = answer.status == 429;
                    ledger.borrow_mut().throttled += usize::from(throttled);
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
            ledger.borrow_mut().retries += 1;
            pause = (pause * 2).min(Duration::from_secs(8));
        }
    }
}

/// Returns milliseconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
