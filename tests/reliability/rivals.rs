//! Two concurrent runs without the lock: they may fail because of each other, and still leave nothing that the next run does
//! not repair. With the lock, and with two real programs, `tests/rivals` tests the same.

use super::shared::{Account, Version, on_all_processors, row, thorough, windows};
use liveinsight::engine::Report;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};
use strict_aws::Config;

/// Reasons of failed runs, with their numbers.
#[derive(Default)]
struct Stumbles(Mutex<BTreeMap<String, usize>>);

impl Stumbles {
    fn note(&self, reports: [Report; 2]) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for report in reports {
            *counts.entry(if report.complete() { "done" } else { "failed" }.to_owned()).or_default() += 1;
            for (id, error) in report.failed {
                let error = error.to_string();
                let why = error.split(" (request ").next().unwrap_or_default();
                *counts.entry(format!("{}: {why}", id.kind())).or_default() += 1;
            }
        }
    }
}

#[test]
fn two_runs_without_the_lock_leave_what_the_next_makes_good() {
    // Each round has four pairs.
    let rounds: u64 = if thorough() { 25 } else { 1 };
    let stumbles = Stumbles::default();
    on_all_processors(&(1..=rounds).collect::<Vec<_>>(), async |rounds: Vec<u64>| {
        let account = Account::new(Config { windows: Some(windows()), ..Config::default() }).await.with_lease(None);
        for round in rounds {
            let what = format!("round {round}: up and up");
            stumbles.note(futures::join!(account.up(Version::First), account.up(Version::First)).into());
            account.complete(&account.up(Version::First).await, &what);
            account.in_sync(Version::First, &what).await;

            let what = format!("round {round}: up and another up");
            stumbles.note(futures::join!(account.up(Version::First), account.up(Version::Second)).into());
            account.complete(&account.up(Version::First).await, &what);
            account.in_sync(Version::First, &what).await;

            let what = format!("round {round}: up and down");
            stumbles.note(futures::join!(account.up(Version::Second), account.down()).into());
            account.complete(&account.up(Version::First).await, &what);
            account.in_sync(Version::First, &what).await;

            let what = format!("round {round}: down and down");
            stumbles.note(futures::join!(account.down(), account.down()).into());
            account.complete(&account.down().await, &what);
            account.empty(&what).await;
        }
    });
    row("two runs at once without the lock, then another", usize::try_from(4 * rounds).unwrap());
    for (why, count) in stumbles.0.into_inner().unwrap() {
        println!("{count:5} x {why}");
    }
}
