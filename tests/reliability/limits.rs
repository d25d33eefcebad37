//! Tests of AWS's request limits, at AWS's own pace.

use super::shared::{Account, Version, row, thorough, windows};
use std::time::Duration;
use strict_aws::Config;

/// Within the budgets no request is throttled.
#[tokio::test]
async fn no_request_is_throttled() {
    let account = Account::new(Config { windows: Some(windows()), limits: Some(1.0), ..Config::default() }).await;
    // A run does not know the request budget that the previous run has used.
    let pause = || tokio::time::sleep(Duration::from_secs(10));
    account.complete(&account.up(Version::First).await, "up");
    pause().await;
    account.complete(&account.up(Version::First).await, "up without changes");
    pause().await;
    account.complete(&account.up(Version::Second).await, "up with changes");
    pause().await;
    account.complete(&account.down().await, "down");
    account.empty("down").await;
    let throttles = account.strict.throttles();
    // On a busy machine, requests that were sent apart may arrive together.
    let (count, allowed) = (throttles.values().sum::<usize>(), if thorough() { 0 } else { 5 });
    assert!(count <= allowed, "{throttles:?}");
    row(&format!("`up`, `up` again, `up` with changes, `down` at AWS's limits and pace: {count} throttles"), 4);
}
