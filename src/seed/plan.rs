//! Traffic plan of a run: visitors, their arrival times and actions, decided before the first request.
//!
//! Figures: pages by Zipf's law with exponent 1.1, time on a page log-normal with a median of 35 s, 45 % leave after one page,
//! 3 % buy; sources 40 % direct, 35 % search, 15 % social, 10 % campaigns. Beside valid traffic, the plan has what every site
//! gets: 1 % of the batches come twice, 2 % of the sessions are bots, and one request in 200 is invalid.

use super::random::{chance, dwell, gap, pick};
use fastrand::Rng;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

const SITE: &str = "https://shop.example";
const BOUNCE: f64 = 0.45;
/// Probability of each further page after the second.
const GO_ON: f64 = 0.65;
const MOST_PAGES: usize = 15;
const CLICK: f64 = 0.25;
const CONVERSION: f64 = 0.03;
const TWICE: f64 = 0.01;
const BOT: f64 = 0.02;
const NONSENSE: f64 = 0.005;
const MEDIAN_DWELL: Duration = Duration::from_secs(35);
const ZIPF: f64 = 1.1;

/// Share of a day's visits by hour in UTC, from quiet nights to the evening.
const RHYTHM: [f64; 24] =
    [2.0, 1.4, 1.0, 0.8, 0.8, 1.2, 2.2, 3.6, 4.8, 5.4, 5.6, 5.4, 5.4, 5.2, 5.0, 5.0, 5.2, 5.6, 6.2, 7.0, 7.4, 6.6, 4.8, 3.2];

const BROWSERS: [(&str, f64); 6] = [
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", 34.0),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
        26.0,
    ),
    ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36", 20.0),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15", 11.0),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0", 6.0),
    ("Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", 3.0),
];

const BOTS: [(&str, f64); 3] = [
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 2.0),
    ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36", 1.0),
    ("curl/8.14.1", 1.0),
];

/// Sources as (referrer, suffix of the first address, weight).
const SOURCES: [((&str, &str), f64); 7] = [
    (("", ""), 40.0),
    (("https://www.google.com/", ""), 27.0),
    (("https://duckduckgo.com/", ""), 8.0),
    (("https://www.reddit.com/", ""), 8.0),
    (("https://news.ycombinator.com/item?id=1", ""), 7.0),
    (("https://www.instagram.com/", "?utm_source=instagram&utm_medium=social&utm_campaign=spring"), 4.0),
    (("", "?utm_source=newsletter&utm_medium=email&utm_campaign=spring"), 6.0),
];

/// Countries of the visitors, with weights.
const COUNTRIES: [(&str, f64); 8] =
    [("KR", 34.0), ("US", 22.0), ("JP", 12.0), ("DE", 9.0), ("GB", 8.0), ("FR", 6.0), ("IN", 5.0), ("BR", 4.0)];

/// Invalid requests, which the API has to refuse.
const NONSENSES: [&str; 5] = [
    r#"{"events":[{"session_id":"#,
    r#"{"events":[]}"#,
    r#"{"events":"none"}"#,
    r#"{"events":[{"session_id":"seed-nonsense","timestamp":1703123456,"event_type":"page_view","page_url":"https://shop.example/"}]}"#,
    "[1, 2, 3]",
];

/// Time span of the traffic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Span {
    /// This many sessions in the past 23 hours, by the rhythm of a day; `hour` is the current hour.
    Past {
        /// Number of sessions.
        sessions: usize,
        /// Current hour, 0 to 23, UTC.
        hour: usize,
    },
    /// Live traffic from now on, with this average number of requests a second.
    Live {
        /// Duration of the traffic.
        duration: Duration,
        /// Requests a second.
        rate: f64,
    },
}

/// Requests to send, by time.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Batches in the order in which they are due.
    pub batches: Vec<Batch>,
    /// Number of sessions, bots included.
    pub sessions: usize,
    /// Number of bots' sessions.
    pub bots: usize,
}

/// Content of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Send time of a live run, in milliseconds from its start; for the past, the time of the visit.
    pub at: i64,
    /// Number of its session.
    pub session: usize,
    /// Browser's user agent.
    pub agent: &'static str,
    /// Country code that CloudFront would send: two letters.
    pub country: &'static str,
    /// Body of the request.
    pub body: Body,
    /// Set if the batch is sent twice, as by a client that lost the answer.
    pub twice: bool,
}

/// Body of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Valid events, at least one.
    Events(Vec<Event>),
    /// Invalid text, which the API has to refuse.
    Nonsense(&'static str),
}

/// Action of a visitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Time of the action, like [`Batch::at`].
    pub at: i64,
    /// Type of the event: `page_view`, `click` or `conversion`.
    pub kind: &'static str,
    /// Address of the page.
    pub url: String,
    /// Referrer of the visit; empty for direct traffic.
    pub referrer: String,
}

impl Batch {
    /// Returns the number of page views in the batch.
    pub fn views(&self) -> i64 {
        match &self.body {
            Body::Events(events) => i64::try_from(events.iter().filter(|event| event.kind == "page_view").count()).unwrap_or(i64::MAX),
            Body::Nonsense(_) => 0,
        }
    }

    /// Returns the number of valid events in the batch.
    pub fn events(&self) -> usize {
        match &self.body {
            Body::Events(events) => events.len(),
            Body::Nonsense(_) => 0,
        }
    }

    /// Returns the request's text. `run` makes this run's identifiers unique, `number` is the batch's, `origin` is the moment
    /// from which `at` counts and `now` is the time, both in milliseconds since 1970.
    pub fn text(&self, run: &str, number: usize, origin: i64, now: i64) -> String {
        let events = match &self.body {
            Body::Nonsense(text) => return (*text).to_owned(),
            Body::Events(events) => events,
        };
        let event = |event: &Event| -> Value {
            json!({
                "session_id": format!("seed-{run}-{:06}", self.session), "timestamp": origin + event.at, "event_type": event.kind,
                "page_url": event.url, "user_agent": self.agent, "referrer": event.referrer,
            })
        };
        json!({
            "batch_id": format!("seed-{run}-{number}"), "sent_at": now, "events": events.iter().map(event).collect::<Vec<_>>(),
        })
        .to_string()
    }
}

/// Plans a run. Equal `seed` and `span` give equal plans.
pub fn plan(seed: u64, span: Span) -> Plan {
    let random = &mut Rng::with_seed(seed);
    let pages = pages();
    let mut batches = Vec::new();
    match span {
        Span::Past { sessions, hour } => {
            for session in 0..sessions {
                let start = past(random, hour);
                batches.extend(visit(random, &pages, start, session));
            }
            // The rest of an ongoing visit lies in the future.
            batches.retain(|batch| batch.at <= -1_000);
        }
        Span::Live { duration, rate } => {
            let sessions_a_second = rate / requests_per_session(&pages);
            // Visits that began in the half hour before are included, so the rate is right from the first second on.
            let (mut start, mut session) = (-1_800.0, 0);
            while start < duration.as_secs_f64() {
                batches.extend(visit(random, &pages, millis(start), session));
                start += gap(random, sessions_a_second);
                session += 1;
            }
            batches.retain(|batch| (0..millis(duration.as_secs_f64())).contains(&batch.at));
        }
    }
    batches.sort_by_key(|batch| batch.at);
    let sessions: BTreeMap<usize, &str> = batches.iter().map(|batch| (batch.session, batch.agent)).collect();
    let bots = sessions.values().filter(|agent| BOTS.iter().any(|(bot, _)| bot == *agent)).count();
    Plan { sessions: sessions.len(), bots, batches: with_nonsense(random, batches) }
}

/// Returns a time in the past 23 hours, in milliseconds before now. The API accepts events of the last 24; one hour is for
/// sending.
fn past(random: &mut Rng, hour: usize) -> i64 {
    let hours: Vec<(i64, f64)> = (0..23).zip(0..).map(|(ago, back)| (ago, RHYTHM[(hour + 48 - back) % 24])).collect();
    let ago = pick(random, &hours);
    -(ago * 3_600_000 + random.i64(0..3_600_000))
}

/// Builds a visit that begins at `start`, as the batches that a tracker sends: one for each page, with the actions on it.
fn visit(random: &mut Rng, pages: &[(usize, f64)], start: i64, session: usize) -> Vec<Batch> {
    let bot = chance(random, BOT);
    let agent = pick(random, if bot { &BOTS } else { &BROWSERS });
    let country = pick(random, &COUNTRIES);
    let (source, campaign) = if bot { ("", "") } else { pick(random, &SOURCES) };
    let mut count = 1;
    if !chance(random, BOUNCE) {
        count = 2;
        while count < MOST_PAGES && chance(random, GO_ON) {
            count += 1;
        }
    }
    let buys = count > 2 && !bot && chance(random, CONVERSION);
    let (mut batches, mut at, mut before) = (Vec::new(), start, source.to_owned());
    for index in 0..count {
        let last = index + 1 == count;
        let path = if last && buys { "/checkout/done".to_owned() } else { path(pick(random, pages)) };
        let url = if index == 0 { format!("{SITE}{path}{campaign}") } else { format!("{SITE}{path}") };
        let stay = millis(dwell(random, MEDIAN_DWELL, 1.0).as_secs_f64());
        let event = |at, kind| Event { at, kind, url: url.clone(), referrer: before.clone() };
        let mut events = vec![event(at, "page_view")];
        if !bot && chance(random, CLICK) {
            events.push(event(at + random.i64(0..stay.min(5_000)), "click"));
        }
        if last && buys {
            events.push(event(events[events.len() - 1].at, "conversion"));
        }
        let sent = events[events.len() - 1].at;
        batches.push(Batch { at: sent, session, agent, country, body: Body::Events(events), twice: chance(random, TWICE) });
        // The next page is opened after the clicks on this one.
        at += stay.max(5_000);
        before = url;
    }
    batches
}

/// Inserts invalid requests between the batches.
fn with_nonsense(random: &mut Rng, batches: Vec<Batch>) -> Vec<Batch> {
    let mut mixed = Vec::with_capacity(batches.len() + batches.len() / 100);
    for batch in batches {
        let nonsense = chance(random, NONSENSE).then(|| {
            let text = NONSENSES[random.usize(0..NONSENSES.len())];
            Batch { body: Body::Nonsense(text), twice: false, ..batch.clone() }
        });
        mixed.push(batch);
        mixed.extend(nonsense);
    }
    mixed
}

/// Returns the catalogue by rank, with Zipf's weights.
fn pages() -> Vec<(usize, f64)> {
    #[expect(clippy::cast_precision_loss, reason = "ranks are small")]
    let weight = |rank: usize| ((rank + 1) as f64).powf(-ZIPF);
    (0..120).map(|rank| (rank, weight(rank))).collect()
}

/// Returns the path of the page with this rank.
fn path(rank: usize) -> String {
    match rank {
        0 => "/".to_owned(),
        1 => "/products".to_owned(),
        2 => "/cart".to_owned(),
        rank if rank % 4 == 3 => format!("/blog/{rank}"),
        rank => format!("/products/{rank}"),
    }
}

/// Estimates the average number of requests per session by sampling.
fn requests_per_session(pages: &[(usize, f64)]) -> f64 {
    let random = &mut Rng::with_seed(0);
    let requests: u32 = (0..2_000).map(|_| u32::try_from(visit(random, pages, 0, 0).len()).unwrap_or(u32::MAX)).sum();
    f64::from(requests) / 2_000.0
}

#[expect(clippy::cast_possible_truncation, reason = "lengths of time here are far below the limit")]
fn millis(seconds: f64) -> i64 {
    (seconds * 1_000.0) as i64
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
