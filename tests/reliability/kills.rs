//! Kills a run after any call, or drops the answer to any write: the next run repairs the stack.

use super::shared::{Account, Version, lost, on_all_processors, row, sample, windows};
use std::sync::OnceLock;
use strict_aws::{Config, Faults};

fn strict() -> Config {
    Config { windows: Some(windows()), ..Config::default() }
}

/// Returns the numbers of calls, and of writes among them, of a first `up`, an `up` with changes, the `up` back, and a `down`.
async fn lengths() -> [(u64, u64); 3] {
    let account = Account::new(strict()).await;
    let count = || {
        let log = account.strict.log();
        (log.len() as u64, log.iter().filter(|entry| entry.write).count() as u64)
    };
    account.complete(&account.up(Version::First).await, "the first up");
    let first = count();
    account.strict.set_faults(Faults::None);
    account.complete(&account.up(Version::Second).await, "an up with changes");
    let second = count();
    account.strict.set_faults(Faults::None);
    account.complete(&account.down().await, "down");
    let down = count();
    account.empty("after down").await;
    [first, second, down]
}

/// Returns [`lengths`], computed once.
#[expect(clippy::print_stdout, reason = "the figures are what the test is run for")]
fn lengths_now() -> [(u64, u64); 3] {
    static LENGTHS: OnceLock<[(u64, u64); 3]> = OnceLock::new();
    *LENGTHS.get_or_init(|| {
        let lengths = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(lengths());
        println!("calls and writes of a first up, an up with changes, and a down: {lengths:?}");
        lengths
    })
}

#[test]
fn killed_after_any_call_the_next_run_finishes() {
    let [(first, _), _, (down, _)] = lengths_now();
    let numbers = sample(first.max(down), 0);
    on_all_processors(&numbers, async |calls: Vec<u64>| {
        let account = Account::new(strict()).await;
        for call in calls {
            let what = format!("up, killed after call {call}");
            // The number of calls varies a little with time: the last numbers may be beyond a run's end.
            account.killed(call, account.up(Version::First)).await;
            account.complete(&account.up(Version::First).await, &what);
            account.in_sync(Version::First, &what).await;
            let what = format!("down, killed after call {call}");
            account.killed(call, account.down()).await;
            account.complete(&account.down().await, &what);
            account.empty(&what).await;
        }
    });
    row("first `up`, and `down`, killed after every call; then the same again", 2 * numbers.len());
}

#[test]
fn killed_after_any_call_of_a_change_the_next_run_finishes() {
    let [_, (change, _), _] = lengths_now();
    let numbers = sample(change, 3);
    on_all_processors(&numbers, async |calls: Vec<u64>| {
        let account = Account::new(strict()).await;
        account.complete(&account.up(Version::First).await, "the first up");
        for call in calls {
            for version in [Version::Second, Version::First] {
                let what = format!("up to {version:?}, killed after call {call}");
                account.killed(call, account.up(version)).await;
                account.complete(&account.up(version).await, &what);
                account.in_sync(version, &what).await;
            }
        }
        account.complete(&account.down().await, "down");
        account.empty("after down").await;
    });
    row("`up` with changes killed after every call, there and back; then `up`", 2 * numbers.len());
}

#[test]
fn a_change_that_is_killed_after_any_call_and_given_up_leaves_nothing() {
    let [_, (change, _), _] = lengths_now();
    let numbers = sample(change, 4);
    on_all_processors(&numbers, async |calls: Vec<u64>| {
        let account = Account::new(strict()).await;
        account.complete(&account.up(Version::First).await, "the first up");
        for call in calls {
            let what = format!("up with changes, killed after call {call} and given up");
            account.killed(call, account.up(Version::Second)).await;
            // A request of the killed run may still be on its way when the next run has read what it changes, so that one more is needed.
            account.complete(&account.up(Version::First).await, &what);
            account.complete(&account.up(Version::First).await, &what);
            account.in_sync(Version::First, &what).await;
        }
        account.complete(&account.down().await, "down");
        account.empty("after down").await;
    });
    row("`up` with changes killed after every call; then `up` without them", numbers.len());
}

#[test]
fn killed_after_any_call_of_a_rollback_the_next_one_finishes() {
    let calls = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let account = Account::new(strict()).await;
        account.complete(&account.up(Version::First).await, "the first up");
        account.complete(&account.up(Version::Second).await, "an up with changes");
        account.strict.set_faults(Faults::None);
        account.complete(&account.rollback().await, "rollback");
        account.strict.log().len() as u64
    });
    let numbers = sample(calls, 6);
    on_all_processors(&numbers, async |calls: Vec<u64>| {
        let account = Account::new(strict()).await;
        account.complete(&account.up(Version::First).await, "the first up");
        for call in calls {
            let what = format!("rollback, killed after call {call}");
            account.complete(&account.up(Version::Second).await, "an up with changes");
            account.killed(call, account.rollback()).await;
            account.complete(&account.rollback().await, &what);
            account.rolled_back(&what).await;
            account.complete(&account.up(Version::Second).await, &what);
            account.in_sync(Version::Second, &what).await;
        }
        account.complete(&account.down().await, "down");
        account.empty("after down").await;
    });
    row("`rollback` killed after every call; then `rollback`", numbers.len());
}

#[test]
fn after_a_session_that_expired_after_any_call_the_next_run_finishes() {
    let [(first, _), _, (down, _)] = lengths_now();
    let numbers = sample(first.max(down), 7);
    on_all_processors(&numbers, async |calls: Vec<u64>| {
        let account = Account::new(strict()).await;
        for call in calls {
            let faults = Faults::ExpireAfterCall(call);
            let what = format!("up with {faults:?}");
            account.expired(&account.faulty(faults, account.up(Version::First)).await, &what);
            account.complete(&account.up(Version::First).await, &what);
            account.in_sync(Version::First, &what).await;
            let what = format!("down with {faults:?}");
            account.expired(&account.faulty(faults, account.down()).await, &what);
            account.complete(&account.down().await, &what);
            account.empty(&what).await;
        }
    });
    row("session of a first `up`, and of a `down`, expired after every call; then the same again", 2 * numbers.len());
}

#[test]
fn without_the_answer_to_any_write_the_same_run_finishes() {
    let [(_, first), _, (_, down)] = lengths_now();
    let numbers = sample(first.max(down), 5);
    on_all_processors(&numbers, async |writes: Vec<u64>| {
        let account = Account::new(strict()).await;
        for write in writes {
            let faults = Faults::AtWrite(write, lost(write));
            let what = format!("up with {faults:?}");
            account.complete(&account.faulty(faults, account.up(Version::First)).await, &what);
            account.in_sync(Version::First, &what).await;
            let what = format!("down with {faults:?}");
            account.complete(&account.faulty(faults, account.down()).await, &what);
            account.empty(&what).await;
        }
    });
    row("first `up`, and `down`, without the answer to every write", 2 * numbers.len());
}

#[test]
fn without_the_answer_to_any_write_of_a_change_the_same_run_finishes() {
    let [_, (_, change), _] = lengths_now();
    let numbers = sample(change, 2);
    on_all_processors(&numbers, async |writes: Vec<u64>| {
        let account = Account::new(strict()).await;
        account.complete(&account.up(Version::First).await, "the first up");
        for write in writes {
            for version in [Version::Second, Version::First] {
                let faults = Faults::AtWrite(write, lost(write));
                let what = format!("up to {version:?} with {faults:?}");
                account.complete(&account.faulty(faults, account.up(version)).await, &what);
                account.in_sync(version, &what).await;
            }
        }
        account.complete(&account.down().await, "down");
        account.empty("after down").await;
    });
    row("`up` with changes, there and back, without the answer to every write", 2 * numbers.len());
}

#[test]
fn killed_after_any_call_of_a_removal_an_up_brings_all_back() {
    let [_, _, (down, _)] = lengths_now();
    let numbers = sample(down, 4);
    on_all_processors(&numbers, async |calls: Vec<u64>| {
        let account = Account::new(strict()).await;
        account.complete(&account.up(Version::First).await, "the first up");
        for call in calls {
            let what = format!("down, killed after call {call}, then up");
            account.killed(call, account.down()).await;
            account.complete(&account.up(Version::First).await, &what);
            account.in_sync(Version::First, &what).await;
        }
        account.complete(&account.down().await, "down");
        account.empty("after down").await;
    });
    row("`down` killed after every call; then `up`", numbers.len());
}

#[test]
fn killed_after_any_call_a_removal_leaves_nothing() {
    let [(first, _), ..] = lengths_now();
    let numbers = sample(first, 1);
    on_all_processors(&numbers, async |calls: Vec<u64>| {
        let account = Account::new(strict()).await;
        for call in calls {
            let what = format!("up, killed after call {call}, then down");
            account.killed(call, account.up(Version::First)).await;
            account.complete(&account.down().await, &what);
            account.empty(&what).await;
        }
    });
    row("first `up` killed after every call; then `down`", numbers.len());
}
