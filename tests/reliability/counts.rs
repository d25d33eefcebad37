//! Number of calls for the shipped stack, counted at the endpoint, and number of rounds: how often a run waits for an answer
//! before it can continue.

use super::shared::{Account, Version};
use std::time::Duration;
use strict_aws::{Config, Faults};

#[tokio::test]
async fn calls_and_rounds_stay_within_their_budgets() {
    // The latency is long compared to the time of the local AWS and the program, so concurrent calls are visible as concurrent.
    let config = Config { latency: Duration::from_millis(300), ..Config::default() };
    // The program's own lease: a shorter one is renewed more often, and each renewal is a write.
    let account = Account::new(config).await.with_lease(Some(liveinsight::lock::LEASE)).unhurried();
    // Returns the numbers of calls, writes and rounds of the last run. The call that verifies the account runs beside all
    // others: it takes no round if the credentials or their keys name the account.
    let counts = || {
        let log = account.strict.log();
        let writes = log.iter().filter(|entry| entry.write).count();
        let counts = (log.len() + 1, writes, account.strict.rounds());
        account.strict.set_faults(Faults::None);
        counts
    };

    account.complete(&account.up(Version::First).await, "up");
    let (calls, writes, rounds) = counts();
    println!("first up: {calls} calls, {writes} of them write, {rounds} rounds");
    assert!(calls - writes <= 64 && writes <= 65, "{calls} calls, {writes} of them write");

    // Only two rounds are at stake, so they can be long enough for a busy machine to send all requests of one in time.
    account.strict.set_latency(Duration::from_secs(2));
    account.complete(&account.up(Version::First).await, "up without changes");
    account.strict.set_latency(Duration::from_millis(300));
    let (calls, writes, rounds) = counts();
    println!("unchanged up: {calls} calls, {writes} of them write, {rounds} rounds");
    assert!(calls <= 40 && writes == 0 && rounds <= 2, "{calls} calls, {writes} of them write, {rounds} rounds");

    account.complete(&account.up(Version::Patched).await, "up with new code of one handler");
    let looked = account.strict.log().iter().position(|entry| entry.write).unwrap();
    let (calls, writes, rounds) = counts();
    let after = calls - 1 - looked;
    println!("new code of one handler: {calls} calls, {writes} of them write, {rounds} rounds; {after} calls after {looked} reads");
    assert!(after <= 12, "{after} calls after the reads");

    account.complete(&account.up(Version::Second).await, "up with changes");
    counts();
    account.strict.set_latency(Duration::from_secs(1));
    account.complete(&account.rollback().await, "rollback");
    account.strict.set_latency(Duration::from_millis(300));
    let (calls, writes, rounds) = counts();
    println!("rollback: {calls} calls, {writes} of them write, {rounds} rounds");
    assert!(calls <= 40 && rounds <= 3, "{calls} calls, {writes} of them write, {rounds} rounds");
    Box::pin(account.rolled_back("rollback")).await;
    account.complete(&account.up(Version::First).await, "up to the first version");
    counts();

    account.complete(&account.down().await, "down");
    let (calls, writes, rounds) = counts();
    println!("down: {calls} calls, {writes} of them write, {rounds} rounds");
    assert!(calls <= 90 && writes <= 30, "{calls} calls, {writes} of them write");
    account.empty("down").await;
}
