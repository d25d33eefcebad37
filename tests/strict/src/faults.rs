//! Repeatable faults between client and AWS.

use crate::{message::Response, wire::Refusal};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

/// Fault of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The request is refused as one too many, and not carried out.
    Throttle,
    /// The request is answered 500, 502 or 503, and not carried out.
    Stumble(u16),
    /// The connection is closed without an answer; the request is not carried out.
    Reset,
    /// The request is carried out, and the connection is closed without an answer.
    LostThenReset,
    /// The request is carried out and answered 500.
    LostThenStumble,
    /// The request is carried out, and the answer ends in the middle.
    Truncated,
    /// The request is carried out after half a second.
    Stalled,
    /// The request is neither carried out nor answered, but the connection stays open. Its effect is missing for as long. Not part of a mix: a
    /// client may wait for minutes.
    Hung,
}

/// Answer of a server other than AWS: a captive portal, a proxy, a mistyped endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Status 200 with a page.
    Page,
    /// Status 200 with an empty body.
    Nothing,
    /// Status 200 with an empty JSON object, in any protocol.
    EmptyObject,
    /// Status 200 with a page under the content type that the client expects.
    PageInDisguise,
    /// Status 200 with an XML document that would be gigabytes if its entities were expanded.
    Bomb,
    /// Status 400 with a megabyte of text in the form of an error.
    Megabyte,
}

impl Lie {
    /// Returns the answer to a client that expects this content type.
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

/// Faults that make up a mix.
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

/// Delay of a stalled answer.
pub(crate) const STALL: Duration = Duration::from_millis(500);

impl Fault {
    /// Returns whether the request does not reach AWS.
    pub(crate) fn prevents(self) -> bool {
        matches!(self, Self::Throttle | Self::Stumble(_) | Self::Reset)
    }

    /// Returns the answer in place of AWS's; `None` for no answer.
    pub(crate) fn refusal(self, service: &str) -> Option<Refusal> {
        match self {
            Self::Throttle => Some(Refusal::throttle(service)),
            Self::Stumble(status) => Some(Refusal::stumble(service, status)),
            Self::LostThenStumble => Some(Refusal::stumble(service, 500)),
            _ => None,
        }
    }
}

/// Faults of a run. Counts begin when they are set.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Faults {
    /// No request meets a fault.
    #[default]
    None,
    /// The client dies once the call with this number (from 1) was carried out. No answer reaches it, and nothing more comes from it.
    DieAfterCall(u64),
    /// The session expires once the call with this number (from 1) was answered: everything after it is refused.
    ExpireAfterCall(u64),
    /// The write with this number (from 1) meets this fault.
    AtWrite(u64, Fault),
    /// Every read, or every write, meets this lie instead of AWS. The request for the caller's account is exempt.
    Lies(Lie, bool),
    /// The credentials may not call these operations: `service:Operation`.
    Deny(&'static [&'static str]),
    /// AWS has not verified the account: CloudFront refuses to create anything for it.
    Unverified,
    /// Lambda gives up on created or updated functions instead of finishing them.
    FunctionsFail,
    /// These operations, `service:Operation`, create their resources without the tags of the request.
    TagsForgotten(&'static [&'static str]),
    /// This share (0 to 1) of all requests meets a fault of any kind. With the same seed, the same request at the same place of a run always
    /// meets the same fault.
    Mixed {
        /// Seed of the random choices.
        seed: u64,
        /// Share of faulty requests, 0 to 1.
        share: f64,
    },
}

/// Numbers of requests so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) writes: u64,
    /// Occurrences of each request. Requests are distinguished by their content and not by their time, which is not repeatable.
    seen: HashMap<String, u64>,
}

impl Counts {
    /// Counts a request and returns its fault.
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
