//! Reproducible randomness: equal seeds give equal traffic, on every machine.

use fastrand::Rng;
use std::time::Duration;

/// Picks one of the weighted choices.
pub(super) fn pick<T: Copy>(random: &mut Rng, choices: &[(T, f64)]) -> T {
    let mut left = random.f64() * choices.iter().map(|(_, weight)| weight).sum::<f64>();
    for (choice, weight) in choices {
        left -= weight;
        if left < 0.0 {
            return *choice;
        }
    }
    choices[choices.len() - 1].0
}

/// Returns true with this probability.
pub(super) fn chance(random: &mut Rng, share: f64) -> bool {
    random.f64() < share
}

/// Returns a log-normal duration, as times on a page are: half are shorter than `median`.
pub(super) fn dwell(random: &mut Rng, median: Duration, sigma: f64) -> Duration {
    // Box-Muller transform; 1 − u is never 0.
    let (u, v) = (1.0 - random.f64(), random.f64());
    let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
    let seconds = median.as_secs_f64() * (sigma * normal).exp();
    Duration::from_secs_f64(seconds.clamp(1.0, 1_200.0))
}

/// Returns the delay until the next arrival, for independent arrivals at `rate` a second on average (Poisson).
pub(super) fn gap(random: &mut Rng, rate: f64) -> f64 {
    -(1.0 - random.f64()).ln() / rate
}

#[cfg(test)]
mod tests {
    use super::{chance, dwell, gap, pick};
    use fastrand::Rng;
    use std::time::Duration;

    #[test]
    fn shares_medians_and_rates_are_what_they_say() {
        let random = &mut Rng::with_seed(1);
        let count = |count: usize| count;
        let a = count((0..10_000).filter(|_| pick(random, &[('a', 3.0), ('b', 1.0)]) == 'a').count());
        assert!((7_300..7_700).contains(&a), "{a}");
        let yes = (0..10_000).filter(|_| chance(random, 0.02)).count();
        assert!((150..250).contains(&yes), "{yes}");
        let short = (0..10_000).filter(|_| dwell(random, Duration::from_secs(35), 1.0) < Duration::from_secs(35)).count();
        assert!((4_800..5_200).contains(&short), "{short}");
        let total: f64 = (0..10_000).map(|_| gap(random, 50.0)).sum();
        assert!((190.0..210.0).contains(&total), "{total}");
    }
}
