//! Parses a batch of events strictly, with one verdict per event.
//!
//! Everything here depends on the batch's content and, for ages only, on the clock. So a client that sends the same batch again
//! gets the same events with the same identifiers. Nothing here accesses a table.

use crate::digest;
use crate::page::{self, Page};
use crate::scrub;
use crate::time::{DAY, HOUR, MINUTE, Millis};
use crate::wire::Rejected;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Maximum number of events in a batch.
pub const MOST_EVENTS: usize = 100;
/// Maximum number of sessions in a batch. A browser has one, and a second after half an hour of silence; each costs as much as
/// eight events.
pub const MOST_SESSIONS: usize = 5;
/// Maximum length of `page_url` and `referrer`, in bytes.
pub const LONGEST_ADDRESS: usize = 2_048;
/// Stored length of a `user_agent`, in bytes; real ones have about 120.
pub const KEPT_USER_AGENT: usize = 256;
/// Maximum size of `props`, in bytes of compact JSON.
pub const LARGEST_PROPS: usize = 1_024;
/// Maximum length of `token`, in bytes; real ones have 75.
pub const LONGEST_TOKEN: usize = 256;
/// Maximum engagement that one event can report.
pub const LONGEST_ENGAGEMENT: Millis = HOUR;
/// Maximum age of an event: sessions remember counted batches for as long.
pub const OLDEST: Millis = DAY;
/// Maximum time of an event in the future, for clocks that differ a little.
pub const NEWEST: Millis = MINUTE;
/// Maximum error of a client's clock, according to its own time (`sent_at`).
pub const LARGEST_SKEW: Millis = DAY;
/// Smallest time in milliseconds, which is in September 2001. Smaller numbers count as seconds.
const FIRST_MILLIS: Millis = 1_000_000_000_000;

/// Valid events of a batch, and the reasons for rejecting the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Site of the batch.
    pub site: String,
    /// Identifier of the batch: the client's `batch_id`, else derived from its events.
    pub identifier: String,
    /// Time by which the client's clock is behind the server's, if the client sent its time.
    pub skew: Option<Millis>,
    /// Token of an earlier answer, which proves that the session is the sender's.
    pub token: Option<String>,
    /// Valid events in the order sent, never empty.
    pub events: Vec<Event>,
    /// Rejected events in the order sent.
    pub rejected: Vec<Rejected>,
}

/// Event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Session identifier: 10 to 64 of `A-Z a-z 0-9 _ -`. It cannot begin like a counter's key, which has an `@`.
    pub session_id: String,
    /// Time by the client's clock, uncorrected. A correction would differ between deliveries and so turn one event into two.
    pub timestamp: Millis,
    /// Type, such as `page_view` or `click`.
    pub event_type: String,
    /// Page of the event.
    pub page: Page,
    /// User agent, cut to 256 bytes; may be empty.
    pub user_agent: String,
    /// Address that the visitor came from, if it is a web address.
    pub referrer: Option<Page>,
    /// Identifier from the client, else derived from the batch and the event's index.
    pub event_id: String,
    /// Properties: compact JSON of an object.
    pub props: Option<String>,
    /// Milliseconds of engagement, from `props.engaged_ms`; 0 without it.
    pub engaged: Millis,
}

impl Event {
    /// Returns true if it counts as a page view.
    pub fn is_page_view(&self) -> bool {
        self.event_type == "page_view"
    }
}

/// Reason that the whole batch is refused: the field, and its requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct Invalid {
    /// Name of the field, with a path such as `events[3].timestamp`; `body` for all of it.
    pub field: String,
    /// Requirement as a fragment of a sentence.
    pub problem: String,
}

impl Batch {
    /// Parses a request's body; `now` is the server's time.
    ///
    /// # Errors
    /// If the body is no batch, or if every event in it is invalid: then the error is about the first one.
    pub fn parse(body: &[u8], now: Millis) -> Result<Self, Invalid> {
        let body: Value = serde_json::from_slice(body).map_err(|error| invalid("body", describe_json_error(&error)))?;
        let Value::Object(body) = body else {
            return Err(invalid("body", "must be a JSON object with a list named events"));
        };
        let site = optional_text(&body, "k")?.unwrap_or("default");
        if !is_site(site) {
            return Err(invalid("k", "must be 1 to 32 of a-z 0-9 -"));
        }
        let sent_at = optional_time(&body, "sent_at")?;
        let skew = sent_at.map(|sent_at| now - sent_at);
        if skew.is_some_and(|skew| skew.abs() > LARGEST_SKEW) {
            return Err(invalid("sent_at", "differs from the server's time by more than a day: set the device's clock"));
        }
        let Some(Value::Array(items)) = body.get("events") else {
            return Err(invalid("events", "must be a list of 1 to 100 events"));
        };
        if items.is_empty() || items.len() > MOST_EVENTS {
            return Err(invalid("events", format!("must hold 1 to 100 events, not {}", items.len())));
        }
        let identifier = match optional_text(&body, "batch_id")? {
            Some(given) if is_identifier(given, 1) => given.to_owned(),
            Some(_) => return Err(invalid("batch_id", "must be 1 to 64 of A-Z a-z 0-9 _ -")),
            // The identifier covers all events as sent, invalid ones included, because validity can depend on the time of
            // delivery.
            None => digest::identifier(&["batch", site, &Value::Array(items.clone()).to_string()]),
        };

        let token = match optional_text(&body, "token")? {
            Some(token) if token.len() > LONGEST_TOKEN => return Err(invalid("token", "must be at most 256 bytes")),
            token => token.map(str::to_owned),
        };

        let sent = sent_at.unwrap_or(now);
        let mut events: Vec<Event> = Vec::with_capacity(items.len());
        let mut problems = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let read = read_event(item, sent, || digest::identifier(&["event", &identifier, &index.to_string()]))
                .and_then(|event| refuse_repeated(&events, event));
            match read {
                Ok(event) => events.push(event),
                Err(problem) => problems.push((index, problem)),
            }
        }
        if events.is_empty() {
            let (index, problem) = problems.swap_remove(0);
            return Err(invalid(format!("events[{index}].{}", problem.field), problem.problem));
        }
        let sessions = events.iter().map(|event| event.session_id.as_str()).collect::<BTreeSet<_>>().len();
        if sessions > MOST_SESSIONS {
            return Err(invalid(
                "events",
                format!("must be of at most {MOST_SESSIONS} sessions, not {sessions}: send them in several batches"),
            ));
        }
        let rejected = problems.into_iter().map(|(index, problem)| Rejected { index, reason: problem.to_string() });
        Ok(Self { site: site.to_owned(), identifier, skew, token, rejected: rejected.collect(), events })
    }
}

/// Returns true if a site's key is well formed: 1 to 32 of `a-z 0-9 -`.
pub fn is_site(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Parses one event; `sent` is the send time, by the client's clock if known.
fn read_event(item: &Value, sent: Millis, derived_id: impl FnOnce() -> String) -> Result<Event, Invalid> {
    let Value::Object(event) = item else {
        return Err(invalid("event", "must be an object"));
    };
    let session_id = required_text(event, "session_id")?;
    if !is_identifier(session_id, 10) {
        return Err(invalid("session_id", "must be 10 to 64 of A-Z a-z 0-9 _ -"));
    }
    let timestamp = optional_time(event, "timestamp")?.ok_or_else(|| invalid("timestamp", "is missing"))?;
    if sent.saturating_sub(timestamp) > OLDEST {
        return Err(invalid("timestamp", "is more than a day old"));
    }
    if timestamp.saturating_sub(sent) > NEWEST {
        return Err(invalid("timestamp", "is in the future: send sent_at so that the client's clock does not matter"));
    }
    let event_type = required_text(event, "event_type")?;
    if !is_event_type(event_type) {
        return Err(invalid("event_type", "must be 1 to 40 of a-z 0-9 _ : . - and begin with a letter"));
    }
    let page = read_address(required_text(event, "page_url")?).map_err(|problem| invalid("page_url", problem))?;
    let referrer = match optional_text(event, "referrer")? {
        // Apps and extensions use a scheme of their own in the referrer, which is no reason to lose the event.
        Some(address) if address.len() <= LONGEST_ADDRESS => Page::parse(address).ok(),
        Some(_) => return Err(invalid("referrer", "must be at most 2048 bytes")),
        None => None,
    };
    let user_agent: String = optional_text(event, "user_agent")?.unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    let event_id = match optional_text(event, "event_id")? {
        Some(given) if is_identifier(given, 1) => given.to_owned(),
        Some(_) => return Err(invalid("event_id", "must be 1 to 64 of A-Z a-z 0-9 _ -")),
        None => derived_id(),
    };
    Ok(Event {
        session_id: session_id.to_owned(),
        timestamp,
        event_type: event_type.to_owned(),
        page,
        user_agent: page::cut(&user_agent, KEPT_USER_AGENT).to_owned(),
        referrer,
        event_id,
        props: read_props(event)?,
        engaged: read_engagement(event),
    })
}

/// Rejects a repeated identifier within a session: the two events would be stored as one but counted as two.
fn refuse_repeated(earlier: &[Event], event: Event) -> Result<Event, Invalid> {
    let repeats = |other: &Event| other.event_id == event.event_id && other.session_id == event.session_id;
    if earlier.iter().any(repeats) {
        return Err(invalid("event_id", "is that of an earlier event in this batch"));
    }
    Ok(event)
}

fn read_address(address: &str) -> Result<Page, &'static str> {
    if address.len() > LONGEST_ADDRESS {
        return Err("must be at most 2048 bytes");
    }
    Page::parse(address)
}

fn read_props(event: &Map<String, Value>) -> Result<Option<String>, Invalid> {
    match event.get("props") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(fields)) => {
            let mut kept = fields.clone();
            // The tracker puts the target of an outbound link or a download here.
            if let Some(Value::String(url)) = kept.get_mut("url") {
                *url = scrub::path(url);
            }
            let text = Value::Object(kept).to_string();
            if text.len() > LARGEST_PROPS {
                return Err(invalid("props", "must be at most 1024 bytes"));
            }
            Ok((!fields.is_empty()).then_some(text))
        }
        Some(_) => Err(invalid("props", "must be an object")),
    }
}

/// Returns the milliseconds of engagement. Any other value is a property of the site's own with the same name.
fn read_engagement(event: &Map<String, Value>) -> Millis {
    let engaged = event.get("props").and_then(|props| props.get("engaged_ms")).and_then(Value::as_i64);
    engaged.unwrap_or(0).clamp(0, LONGEST_ENGAGEMENT)
}

fn required_text<'a>(object: &'a Map<String, Value>, field: &str) -> Result<&'a str, Invalid> {
    optional_text(object, field)?.ok_or_else(|| invalid(field, "is missing"))
}

/// Reads optional text. A missing field and `null` are the same.
fn optional_text<'a>(object: &'a Map<String, Value>, field: &str) -> Result<Option<&'a str>, Invalid> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(field, "must be text")),
    }
}

fn optional_time(object: &Map<String, Value>, field: &str) -> Result<Option<Millis>, Invalid> {
    let value = match object.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value.as_i64().ok_or_else(|| invalid(field, "must be a whole number of milliseconds since 1970"))?,
    };
    if value < FIRST_MILLIS {
        return Err(invalid(field, "must be in milliseconds since 1970, not seconds"));
    }
    Ok(Some(value))
}

fn is_identifier(text: &str, shortest: usize) -> bool {
    (shortest..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn is_event_type(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.as_bytes()[0].is_ascii_lowercase()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_:.-".contains(&byte))
}

fn describe_json_error(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "ends in the middle of the JSON".to_owned();
    }
    format!("is no valid JSON: {error}")
}

fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Invalid {
    Invalid { field: field.into(), problem: problem.into() }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
