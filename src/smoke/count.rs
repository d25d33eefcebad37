//! Visit that verifies counting, on a site of its own, so that it changes no real numbers.

use super::judge::said;
use crate::http::Client;
use serde_json::{Value, json};
use shared::sites::SMOKE_SITE;
use std::{cell::Cell, time::SystemTime};

const EVENTS: &str = "/api/events";
/// User agent that is neither a crawler, which would not count, nor a real browser.
const AGENT: &str = "Mozilla/5.0 (liveinsight) up/1";

/// Visit that is posted and then looked up.
pub(super) struct Visit {
    /// Site of the visit, which is the identifier of its session as well.
    site: String,
    event: Value,
    /// Set if the API accepts events for listed sites only.
    is_listed: Cell<bool>,
}

impl Visit {
    /// Creates a visit with identifiers that never existed before.
    pub(super) fn new() -> Self {
        let site = format!("smoke-{:016x}", fastrand::u64(..));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let event = json!({
            "session_id": site, "timestamp": u64::try_from(now).unwrap_or_default(), "event_type": "page_view",
            "page_url": "https://smoke.invalid/release", "user_agent": AGENT,
        });
        Self { site, event, is_listed: Cell::new(false) }
    }

    fn batch(&self, site: &str) -> String {
        json!({ "k": site, "events": [self.event] }).to_string()
    }

    /// Posts the visit. A repeated post is the same batch and counts once. Where the sites are listed, it goes to the one that
    /// always is.
    pub(super) async fn post(&self, client: &Client) -> Result<(), String> {
        self.send(client).await.map(|_| ())
    }

    /// Checks that the visit was counted, and describes the evidence. Where reading is restricted, the API's answer to a
    /// repeated post is the evidence.
    pub(super) async fn is_counted(&self, client: &Client) -> Result<String, String> {
        let answer = client.get(&format!("/api/realtime?k={}", self.site)).await.map_err(|error| error.to_string())?;
        if answer.status == 401 || self.is_listed.get() {
            let again = self.send(client).await?;
            let known = again.pointer("/data/duplicate") == Some(&Value::Bool(true));
            return if known { Ok("an event is stored once".to_owned()) } else { Err("is not known when it is posted again".to_owned()) };
        }
        match answer.json.pointer("/data/events_last_5min").and_then(Value::as_u64) {
            Some(1) => Ok("an event is counted".to_owned()),
            Some(count) => Err(format!("counts {count} times")),
            None => Err(format!("GET /api/realtime {}", said(&answer))),
        }
    }

    async fn send(&self, client: &Client) -> Result<Value, String> {
        let mut answer = client.post(EVENTS, (AGENT, "ZZ"), self.batch(&self.site)).await.map_err(|error| error.to_string())?;
        if answer.status == 403 && answer.json.pointer("/details/field") == Some(&json!("k")) {
            self.is_listed.set(true);
            answer = client.post(EVENTS, (AGENT, "ZZ"), self.batch(SMOKE_SITE)).await.map_err(|error| error.to_string())?;
        }
        let taken = answer.json.pointer("/data/processed_events").and_then(Value::as_u64) == Some(1);
        let known = answer.json.pointer("/data/duplicate") == Some(&Value::Bool(true));
        if answer.status == 200 && (taken || known) { Ok(answer.json) } else { Err(said(&answer)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{AGENT, Visit};

    #[test]
    fn each_visit_is_to_a_site_of_its_own_that_is_allowed() {
        let visits = [Visit::new(), Visit::new()];
        assert_ne!(visits[0].site, visits[1].site);
        assert!(visits[0].site.len() <= 32 && shared::batch::is_site(&visits[0].site));
        assert!(!shared::bots::is_bot(AGENT));
    }
}
