//! Rate at which one address may send to the product. All of `seed`'s requests come from one address, and each client has a
//! limit.

use super::{Body, Plan};
use shared::{batch::Batch, charge};

/// Seconds in which a client's limit refills.
const MINUTE: f64 = 60.0;
/// Part of a client's limit that `seed` uses by default. The rest is for repeated batches and retries.
const SHARE: f64 = 0.9;

/// Returns the highest long-term rate of this plan for one client, in requests a second; `None` if clients are not limited.
/// `per_minute` is the value of `REQUESTS_PER_MINUTE`: the number of requests, and the charge of as many ordinary batches
/// ([`shared::charge`]). Batches of several events are charged more, so fewer of them fit.
pub fn allowed(plan: &Plan, per_minute: u32) -> Option<f64> {
    if per_minute == 0 {
        return None;
    }
    // The charge does not depend on the time.
    let now = 1_800_000_000_000;
    let units = |number: usize, batch: &super::Batch| match batch.body {
        // A request refused for its content costs nothing.
        Body::Nonsense(_) => 0,
        Body::Events(_) => {
            let text = batch.text("", number, now - batch.at, now);
            Batch::parse(text.as_bytes(), now).map_or(0, |batch| charge::units(&batch))
        }
    };
    let all: i64 = plan.batches.iter().enumerate().map(|(number, batch)| units(number, batch)).sum();
    let average = number(all) / number(i64::try_from(plan.batches.len().max(1)).unwrap_or(i64::MAX));
    let costs = (average / number(charge::ORDINARY_UNITS)).max(1.0);
    Some(f64::from(per_minute) / MINUTE / costs)
}

/// Returns the default rate of `seed` in requests a second, rounded to tenths.
pub fn comfortable(allowed: f64) -> f64 {
    (allowed * SHARE * 10.0).floor().max(1.0) / 10.0
}

#[expect(clippy::cast_precision_loss, reason = "sums of units are far below 2^52")]
fn number(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::{allowed, comfortable};
    use crate::seed::{Span, plan};
    use std::time::Duration;

    #[test]
    fn one_address_stays_below_the_limit_of_a_client() {
        let past = plan(42, Span::Past { sessions: 200, hour: 12 });
        assert_eq!(allowed(&past, 0), None, "0 is no limit");
        let most = allowed(&past, 200).unwrap();
        // 200 requests a minute are 3.3 ordinary batches a second; some contain a click as well.
        assert!((2.0..=200.0 / 60.0).contains(&most), "{most}");
        assert!((allowed(&past, 400).unwrap() - 2.0 * most).abs() < 1e-9);
        let rate = comfortable(most);
        assert!(rate < most && rate > 0.8 * most, "{rate} of {most}");
        let live = plan(42, Span::Live { duration: Duration::from_mins(10), rate });
        assert!(allowed(&live, 200).unwrap() > rate, "visits of today cost as those of the past");
        assert!((comfortable(0.01) - 0.1).abs() < 1e-9, "something is sent at any limit");
    }
}
