//! What goes wrong on the way, in a repeatable manner.

use crate::{message::Response, wire::Refusal};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Refused as one too many; not done.
    Throttle,
    /// Answered 500, 502 or 503; not done.
    Stumble(u16),
    /// The connection is closed without an answer; not done.
    Reset,
    /// Done, and the connection is closed without an answer.
    LostThenReset,
    /// Done, and answered 500.
    LostThenStumble,
    /// Done, and the answer ends in the middle.
    Truncated,
    /// Done after half a second.
    Stalled,
    /// Neither done nor answered, though the connection stays: what it was to make is missing for as long. No part of a mix: a client may wait for minutes.
    Hung,
}

/// What somebody answers who is not AWS: a captive portal, a proxy, an endpoint that was mistyped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// 200 with a page.
    Page,
    /// 200 with nothing.
    Nothing,
    /// 200 with an empty object, as JSON, whatever the protocol.
    EmptyObject,
    /// 200 with a page that says it is what the client wants.
    PageInDisguise,
    /// 200 with an XML document that would be gigabytes if its entities were expanded.
    Bomb,
    /// 400 with a megabyte of text in the form of an error.
    Megabyte,
}

impl Lie {
    /// The answer to a client that would take this content type.
    pub(crate) fn response(self, expected: &str) -> Response {
        let page = "<!doctype html><title>Sign in to the network</title><p>Please &amp; thank you";
        match self {
            Self::Page => Response::new(200, "text/html", page),
            Self::Nothing => Response::new(200, expected, ""),
            Self::EmptyObject => Response::new(200, "application/json", "{}"),
            Self::PageInDisguise => Response::new(200, expected, page),
            Self::Bomb => {
                let level = |level: usize| format!("<!ENTITY l{level} \"{}\">", format!("&l{};", level - 1).repeat(10));
                let levels: String = (1..10).map(level).collect();
                Response::new(200, expected, format!("<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY l0 \"lol\">{levels}]><l>&l9;</l>"))
            }
            Self::Megabyte => {
                let text = "x".repeat(1 << 20);
                let body = if expected.contains("xml") {
                    format!("<ErrorResponse><Error><Code>Odd</Code><Message>{text}</Message></Error></ErrorResponse>")
                } else {
                    format!(r#"{{"__type":"Odd","message":"{text}"}}"#)
                };
                Response::new(400, expected, body)
            }
        }
    }
}

/// What a mix is made of.
const KINDS: [Fault; 9] = [
    Fault::Throttle,
    Fault::Stumble(500),
    Fault::Stumble(502),
    Fault::Stumble(503),
    Fault::Reset,
    Fault::LostThenReset,
    Fault::LostThenStumble,
    Fault::Truncated,
    Fault::Stalled,
];

/// How long a stalled answer takes.
pub(crate) const STALL: Duration = Duration::from_millis(500);

impl Fault {
    /// Whether the request does not reach AWS.
    pub(crate) fn prevents(self) -> bool {
        matches!(self, Self::Throttle | Self::Stumble(_) | Self::Reset)
    }

    /// What is answered instead; `None` for no answer.
    pub(crate) fn refusal(self, service: &str) -> Option<Refusal> {
        match self {
            Self::Throttle => Some(Refusal::throttle(service)),
            Self::Stumble(status) => Some(Refusal::stumble(service, status)),
            Self::LostThenStumble => Some(Refusal::stumble(service, 500)),
            _ => None,
        }
    }
}

/// What is to go wrong. Counts begin where it is set.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Faults {
    /// Nothing.
    #[default]
    None,
    /// The client dies when the call with this number (from 1) has been done: no answer reaches it, and nothing more comes from it.
    DieAfterCall(u64),
    /// The session expires when the call with this number (from 1) has been answered: everything after it is refused.
    ExpireAfterCall(u64),
    /// This happens to the write with this number (from 1).
    AtWrite(u64, Fault),
    /// Every read, or every write, but the question whose account it is, meets a lie instead of AWS.
    Lies(Lie, bool),
    /// The credentials may not do these: `service:Operation`.
    Deny(&'static [&'static str]),
    /// AWS has not verified the account: CloudFront refuses to make anything for it.
    Unverified,
    /// Lambda gives up on functions that are made or changed, instead of finishing them.
    FunctionsFail,
    /// These, `service:Operation`, make what they make without the tags that came along.
    TagsForgotten(&'static [&'static str]),
    /// This share (0 to 1) of all requests meets a fault of any kind. The same request at the same place of a run with the same seed
    /// always meets the same.
    Mixed {
        /// Seed.
        seed: u64,
        /// Share.
        share: f64,
    },
}

/// Counts what has come so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) writes: u64,
    /// How often each request came: requests are told apart by what they ask for, not by when they come, which is not repeatable.
    seen: HashMap<String, u64>,
}

impl Counts {
    /// What happens to this request, which is counted.
    pub(crate) fn meet(&mut self, faults: Faults, request: &str, write: bool) -> Option<Fault> {
        self.calls += 1;
        self.writes += u64::from(write);
        let nth = self.seen.entry(request.to_owned()).or_default();
        *nth += 1;
        match faults {
            Faults::AtWrite(number, fault) if write && self.writes == number => Some(fault),
            Faults::Mixed { seed, share } => {
                let mut hasher = DefaultHasher::new();
                (seed, request, *nth).hash(&mut hasher);
                let mut random = fastrand::Rng::with_seed(hasher.finish());
                (random.f64() < share).then(|| KINDS[random.usize(..KINDS.len())])
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Fault, Faults};

    #[test]
    fn a_seed_repeats_itself_in_any_order() {
        let faults = Faults::Mixed { seed: 7, share: 0.1 };
        let requests: Vec<String> = (0..2000).map(|number| format!("iam:GetRole {number}")).collect();
        let meet = |order: &mut dyn Iterator<Item = &String>| {
            let mut counts = Counts::default();
            let mut met: Vec<_> = order.map(|request| (request.clone(), counts.meet(faults, request, false))).collect();
            met.sort();
            met
        };
        let there = meet(&mut requests.iter());
        assert_eq!(there, meet(&mut requests.iter().rev()));
        let faulty = there.iter().filter(|(_, fault)| fault.is_some()).count();
        assert!((150..250).contains(&faulty), "{faulty} of 2000 is not about 10 %");
    }

    #[test]
    fn one_write_is_hit() {
        let mut counts = Counts::default();
        let faults = Faults::AtWrite(2, Fault::LostThenReset);
        let met: Vec<_> = [true, false, true, true].iter().map(|write| counts.meet(faults, "x", *write).is_some()).collect();
        assert_eq!(met, [false, false, true, false]);
    }
}
