//! Tests of many simultaneous faults.

use super::shared::{Account, Version, on_all_processors, row, thorough, windows};
use strict_aws::{Config, Faults};

/// A tenth of all requests meets a fault. A run that gives up is repeated, as a user would do.
#[test]
fn with_a_tenth_of_all_requests_failing_runs_converge() {
    let runs: u64 =
        std::env::var("LIVEINSIGHT_RELIABILITY_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(if thorough() { 1000 } else { 4 });
    let seeds: Vec<u64> = (1..=runs).collect();
    let repeated = std::sync::atomic::AtomicUsize::new(0);
    on_all_processors(&seeds, async |seeds: Vec<u64>| {
        let account = Account::new(Config { windows: Some(windows()), ..Config::default() }).await;
        for seed in seeds {
            let faults = Faults::Mixed { seed, share: 0.1 };
            // For one seed in three, the clocks differ by an hour.
            account.strict.set_clock([0, 3600, 0, 0, -3600, 0][usize::try_from(seed % 6).unwrap()]);
            let what = format!("up with {faults:?}");
            let report = account.faulty(faults, account.up(Version::First)).await;
            if !report.complete() {
                println!("{what}: {:?}", report.failed);
                repeated.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                account.complete(&account.up(Version::First).await, &what);
            }
            account.in_sync(Version::First, &what).await;
            let what = format!("down with {faults:?}");
            let report = account.faulty(faults, account.down()).await;
            if !report.complete() {
                println!("{what}: {:?}", report.failed);
                repeated.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                account.complete(&account.down().await, &what);
            }
            account.empty(&what).await;
        }
    });
    let repeated = repeated.into_inner();
    println!("{repeated} of {} runs needed a second one", 2 * runs);
    row(&format!("`up` and `down` with 10 % mixed faults, seeds 1 to {runs}, a third with a wrong clock"), 2 * seeds.len());
    assert_eq!(repeated, 0);
}
