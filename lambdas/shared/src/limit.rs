//! Rate limit of a client's requests: a token bucket for each, in memory.
//!
//! Buckets are per container: a client whose requests reach several containers of a function has a bucket in each. The writes
//! that a client may cause are limited across all of them, see [`crate::spend`].

use crate::digest;
use crate::network::Networks;
use crate::time::{MINUTE, Millis};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Requests that the gateway admits in a minute, all clients together: `api.throttle` of the shipped `stack.yaml`.
pub const GATEWAY_PER_MINUTE: u32 = 1_000;
/// Requests that the gateway admits at once: the burst of the same setting.
pub const GATEWAY_BURST: u32 = 100;
/// Divisor of the gateway's rate: one client can use a fifth of it.
pub const CLIENT_SHARE: u32 = 5;
/// Variable with the requests, and ordinary batches, that one client may send in a minute; 0 is no limit.
pub const PER_MINUTE_VARIABLE: &str = "REQUESTS_PER_MINUTE";
/// Default number of requests that one client may make in a minute: a fifth of the gateway's.
///
/// An office of 60 people behind one address stays below it. A person who reads a page in 40 seconds sends two batches for it
/// (the view, and leaving the page), which are 3 a minute, and 180 for all of them.
pub const REQUESTS_PER_MINUTE: u32 = GATEWAY_PER_MINUTE / CLIENT_SHARE;
/// Divisor of a client's requests for a /64 of IPv6 addresses; the /48 around it has all of them.
pub const NARROW_PART: u32 = 2;
/// Maximum number of remembered clients, about 40 bytes each. Beyond it, the clients with the longest silence are forgotten.
const MOST_CLIENTS: usize = 20_000;

/// Buckets of all recent clients.
#[derive(Debug)]
pub struct RateLimit {
    per_minute: u32,
    /// Random salt, so that memory contains no addresses.
    salt: String,
    buckets: Mutex<HashMap<i64, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Tokens in thousandths of a request.
    tokens: i64,
    filled: Millis,
}

impl RateLimit {
    /// Creates a limit of `per_minute` requests; 0 is no limit.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, salt: crate::visitor::random_text(), buckets: Mutex::default() }
    }

    /// Takes a token from the buckets of a client's networks; `Err` has the seconds until the next token.
    ///
    /// A bucket contains a minute's requests at most, and fills evenly.
    pub fn admit(&self, networks: &Networks, now: Millis) -> Result<(), i64> {
        if self.per_minute == 0 {
            return Ok(());
        }
        if networks.is_nested() {
            // The narrow one comes first: a client that exceeds it takes nothing from its neighbours in the wide one.
            self.take(&networks.narrow, self.per_minute.div_ceil(NARROW_PART), now)?;
        }
        self.take(&networks.wide, self.per_minute, now)
    }

    fn take(&self, network: &str, per_minute: u32, now: Millis) -> Result<(), i64> {
        let full = i64::from(per_minute) * 1_000;
        let client = digest::number(&[&self.salt, network]);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_CLIENTS && !buckets.contains_key(&client) {
            forget_quiet(&mut buckets, now);
        }
        let bucket = buckets.entry(client).or_insert(Bucket { tokens: full, filled: now });
        // After a clock change backwards, the bucket does not fill.
        let elapsed = (now - bucket.filled).clamp(0, MINUTE);
        bucket.tokens = full.min(bucket.tokens + elapsed * full / MINUTE);
        bucket.filled = bucket.filled.max(now);
        if bucket.tokens >= 1_000 {
            bucket.tokens -= 1_000;
            return Ok(());
        }
        let milliseconds = (1_000 - bucket.tokens) * MINUTE / full;
        Err(milliseconds / 1_000 + 1)
    }
}

/// Forgets clients with a minute of silence, whose buckets are full. Without such clients, forgets the half with the longest
/// silence.
fn forget_quiet(buckets: &mut HashMap<i64, Bucket>, now: Millis) {
    buckets.retain(|_, bucket| now - bucket.filled < MINUTE);
    if buckets.len() >= MOST_CLIENTS {
        let mut times: Vec<Millis> = buckets.values().map(|bucket| bucket.filled).collect();
        times.sort_unstable();
        let median = times[times.len() / 2];
        buckets.retain(|_, bucket| bucket.filled > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn client(address: &str) -> Networks {
        Networks::of(address)
    }

    #[test]
    fn a_client_has_a_fifth_of_what_the_gateway_lets_through_and_takes_nothing_from_others() {
        assert_eq!(REQUESTS_PER_MINUTE, 200);
        let limit = RateLimit::new(REQUESTS_PER_MINUTE);
        for _ in 0..200 {
            limit.admit(&client("192.0.2.1"), 0).unwrap();
        }
        assert_eq!(limit.admit(&client("192.0.2.1"), 0), Err(1));
        limit.admit(&client("192.0.2.2"), 0).unwrap();
        limit.admit(&client("192.0.2.1"), 300).unwrap();
        assert_eq!(limit.admit(&client("192.0.2.1"), 300), Err(1));
        assert_eq!(RateLimit::new(1).admit(&client("a"), 0).and(RateLimit::new(0).admit(&client("a"), 0)), Ok(()));
        let slow = RateLimit::new(1);
        slow.admit(&client("a"), 0).unwrap();
        assert_eq!(slow.admit(&client("b"), 0), Err(61), "all garbage is one client");
    }

    #[test]
    fn a_64_has_half_and_a_48_has_all_of_it() {
        let limit = RateLimit::new(REQUESTS_PER_MINUTE);
        let admitted =
            |prefix: &str, times: usize| (0..times).filter(|nth| limit.admit(&client(&format!("{prefix}::{nth:x}")), 0).is_ok()).count();
        assert_eq!(admitted("2001:db8:1:1", 300), 100, "however many addresses of it are used");
        assert_eq!(admitted("2001:db8:1:2", 300), 100);
        assert_eq!(admitted("2001:db8:1:3", 300), 0, "the /48 is used up");
        assert_eq!(admitted("2001:db8:2:1", 300), 100, "another /48 is another client");
    }

    #[test]
    fn remembers_no_more_clients_than_it_may() {
        let limit = RateLimit::new(10);
        for number in 0..=u32::try_from(MOST_CLIENTS).unwrap() {
            limit.admit(&client(&std::net::Ipv4Addr::from(number).to_string()), 5).unwrap();
        }
        assert!(limit.buckets.lock().unwrap().len() <= MOST_CLIENTS);
    }

    proptest! {
        #[test]
        fn never_more_than_a_full_bucket_and_what_filled_meanwhile(gaps in prop::collection::vec(0_i64..3_000, 1..300)) {
            let limit = RateLimit::new(20);
            let (mut now, mut admitted) = (0, 0_i64);
            for gap in gaps {
                now += gap;
                admitted += i64::from(limit.admit(&client("a"), now).is_ok());
                prop_assert!(admitted <= 20 + now * 20 / MINUTE + 1);
            }
        }
    }
}
