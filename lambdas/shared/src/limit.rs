//! How many requests a client may make: a bucket of tokens for each, in memory.
//!
//! Per container: a client whose requests reach several containers of a function has a bucket in each. Counting across
//! containers would cost a write for every request; the gateway's own limit bounds all of them together.

use crate::digest;
use crate::time::{MINUTE, Millis};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Requests that one client may make in a minute, unless the environment says otherwise.
pub const REQUESTS_PER_MINUTE: u32 = 1_000;
/// Clients that are remembered, about 40 bytes each. Beyond them those are forgotten that have been quiet for longest.
const MOST_CLIENTS: usize = 20_000;

/// The buckets of all clients that were seen lately.
#[derive(Debug)]
pub struct RateLimit {
    per_minute: u32,
    /// Random, so that what is in memory tells no address.
    salt: String,
    buckets: Mutex<HashMap<i64, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// In thousandths of a request.
    tokens: i64,
    filled: Millis,
}

impl RateLimit {
    /// `per_minute` 0 is no limit.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, salt: crate::visitor::random_text(), buckets: Mutex::default() }
    }

    /// Takes a token from a client's bucket; `Err` tells in how many seconds there is one again.
    ///
    /// A bucket holds a minute's requests at most, and fills evenly.
    pub fn admit(&self, address: &str, now: Millis) -> Result<(), i64> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let full = i64::from(self.per_minute) * 1_000;
        let client = digest::number(&[&self.salt, network(address)]);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_CLIENTS && !buckets.contains_key(&client) {
            forget_quiet(&mut buckets, now);
        }
        let bucket = buckets.entry(client).or_insert(Bucket { tokens: full, filled: now });
        // A clock that was set back fills nothing.
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

/// A household has a /64 of IPv6 addresses, and may use as many of them as it likes.
fn network(address: &str) -> &str {
    let end = address.match_indices(':').nth(3).map_or(address.len(), |(index, _)| index);
    if address.contains("::") && address.find("::").is_some_and(|gap| gap < end) { address } else { &address[..end] }
}

/// Whoever was quiet for a minute has a full bucket and is as good as new. If nobody was, the quietest half goes.
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

    #[test]
    fn a_client_has_its_thousand_a_minute_and_says_nothing_of_others() {
        let limit = RateLimit::new(REQUESTS_PER_MINUTE);
        for _ in 0..1_000 {
            limit.admit("192.0.2.1", 0).unwrap();
        }
        assert_eq!(limit.admit("192.0.2.1", 0), Err(1));
        limit.admit("192.0.2.2", 0).unwrap();
        limit.admit("192.0.2.1", 60).unwrap();
        assert_eq!(limit.admit("192.0.2.1", 60), Err(1));
        assert_eq!(RateLimit::new(1).admit("a", 0).and(RateLimit::new(0).admit("a", 0)), Ok(()));
        let slow = RateLimit::new(1);
        slow.admit("a", 0).unwrap();
        assert_eq!(slow.admit("a", 0), Err(61));
    }

    #[test]
    fn an_ipv6_household_is_one_client() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2");
        assert_eq!(network("2001:db8:1:2::6"), "2001:db8:1:2");
        assert_eq!(network("2001:db8::6"), "2001:db8::6");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn remembers_no_more_clients_than_it_may() {
        let limit = RateLimit::new(10);
        for client in 0..=MOST_CLIENTS {
            limit.admit(&client.to_string(), 5).unwrap();
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
                admitted += i64::from(limit.admit("a", now).is_ok());
                prop_assert!(admitted <= 20 + now * 20 / MINUTE + 1);
            }
        }
    }
}
