//! Reads a batch of events strictly, one verdict per event.
//!
//! Everything here depends on the batch's content and, for ages only, on the clock: a client that sends the same batch
//! again gets the same events with the same identifiers. Nothing here touches a table.

use crate::digest;
use crate::page::{self, Page};
use crate::scrub;
use crate::time::{DAY, HOUR, MINUTE, Millis};
use crate::wire::Rejected;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Most events in a batch.
pub const MOST_EVENTS: usize = 100;
/// Most sessions in a batch. A browser has one, and a second after half an hour of silence; each costs as much as eight events.
pub const MOST_SESSIONS: usize = 5;
/// Longest `page_url` and `referrer`, in bytes.
pub const LONGEST_ADDRESS: usize = 2_048;
/// Bytes of a `user_agent` that are kept; real ones have about 120.
pub const KEPT_USER_AGENT: usize = 256;
/// Largest `props`, in bytes of compact JSON.
pub const LARGEST_PROPS: usize = 1_024;
/// Longest `token`, in bytes; real ones have 75.
pub const LONGEST_TOKEN: usize = 256;
/// Longest engagement that one event can report.
pub const LONGEST_ENGAGEMENT: Millis = HOUR;
/// Limit of an event's age: sessions remember for as long which batches they counted.
pub const OLDEST: Millis = DAY;
/// Limit by which an event may lie in the future, for clocks that differ a little.
pub const NEWEST: Millis = MINUTE;
/// Limit of the error of a client's clock that says its time (`sent_at`).
pub const LARGEST_SKEW: Millis = DAY;
/// Times below this are taken for seconds: as milliseconds it is September 2001.
const FIRST_MILLIS: Millis = 1_000_000_000_000;

/// The right events of a batch, and why the others are wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Site of the batch.
    pub site: String,
    /// Identifier of the batch: the client's `batch_id`, else derived from its events.
    pub identifier: String,
    /// Time by which the client's clock is behind the server's, if it said its time.
    pub skew: Option<Millis>,
    /// Token of an earlier answer, which proves that the session is the sender's.
    pub token: Option<String>,
    /// In the order sent, never empty.
    pub events: Vec<Event>,
    /// In the order sent.
    pub rejected: Vec<Rejected>,
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// 10 to 64 of `A-Z a-z 0-9 _ -`; cannot begin like a counter's key, which has an `@`.
    pub session_id: String,
    /// By the client's clock, uncorrected: a correction would differ from one delivery to the next and so make one event two.
    pub timestamp: Millis,
    /// `page_view`, `click` and so on.
    pub event_type: String,
    /// Page of the event.
    pub page: Page,
    /// Cut to 256 bytes, may be empty.
    pub user_agent: String,
    /// Address that the visitor came from, if it is a web address.
    pub referrer: Option<Page>,
    /// The client's, else derived from the batch and the event's place in it.
    pub event_id: String,
    /// Compact JSON of an object.
    pub props: Option<String>,
    /// Milliseconds that the visitor was engaged, from `props.engaged_ms`; 0 if it does not say.
    pub engaged: Millis,
}

impl Event {
    /// Returns whether it counts as a page view.
    pub fn is_page_view(&self) -> bool {
        self.event_type == "page_view"
    }
}

/// A batch that cannot be taken at all: which field, and what it has to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct Invalid {
    /// Its name, with a path such as `events[3].timestamp`; `body` for all of it.
    pub field: String,
    /// A fragment of a sentence.
    pub problem: String,
}

impl Batch {
    /// Reads a request's body; `now` is the server's time.
    ///
    /// # Errors
    /// If the body is no batch, or if every event in it is wrong: then it tells of the first.
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
            // All events as sent, also wrong ones: which of them are right can depend on the time of delivery.
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

/// Returns whether a site's key is well formed: 1 to 32 of `a-z 0-9 -`.
pub fn is_site(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Reads one event; `sent` is the time at which the client sent it, by the client's clock if it said.
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
        // An app or an extension refers with its own scheme; that is no reason to lose the event.
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

/// Two events of a session with one identifier would be kept as one but counted as two.
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
            // Where the tracker says that an outbound link or a download leads.
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

/// Reads the milliseconds of engagement. Anything else is a property of the site's own that happens to have the name.
fn read_engagement(event: &Map<String, Value>) -> Millis {
    let engaged = event.get("props").and_then(|props| props.get("engaged_ms")).and_then(Value::as_i64);
    engaged.unwrap_or(0).clamp(0, LONGEST_ENGAGEMENT)
}

fn required_text<'a>(object: &'a Map<String, Value>, field: &str) -> Result<&'a str, Invalid> {
    optional_text(object, field)?.ok_or_else(|| invalid(field, "is missing"))
}

/// A missing field and `null` are the same.
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
