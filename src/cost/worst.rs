//! Highest monthly cost that strangers can cause at the defaults. `docs/security.md` quotes the figures computed here.
//!
//! An upper bound, with list prices: strangers send all requests that the gateway admits, every minute of the month, and each
//! request costs the maximum.

use super::{Bill, GB, Item, MONTH_DAYS, Usage};
use shared::{
    charge::{MOST_UNITS, ORDINARY_UNITS, PAGE_UNITS, SESSION_UNITS},
    limit::{GATEWAY_BURST, GATEWAY_PER_MINUTE, REQUESTS_PER_MINUTE},
    spend::{ALLOWANCE_SPAN, Spending},
    time::MINUTE,
};

const MINUTES: f64 = MONTH_DAYS * 24.0 * 60.0;
/// Lease writes that one request can cause: two attempts for each of the /64, the /48 and all clients together.
const LEASE_WRITES: f64 = 6.0;
/// Days that data is stored: eight for pages and referrers, one for sessions and events.
const KEPT_DAYS: f64 = 8.0;
/// GB-seconds of a batch of 240 writes, 16 at a time. An assumption, far above the measured value.
const COMPUTE: f64 = 0.25;
/// Logged bytes per request, by the function and the gateway (`assumed.rs`).
const LOGGED: f64 = 690.0 + 225.0;

/// Writes a minute that clients can cause.
struct Attack {
    units: f64,
    leases: f64,
}

/// Attack before clients were charged by units: 100 events and 100 sessions in a body of 256 KB, which makes items of up to 4
/// KB.
fn before() -> Attack {
    let batch = 100 * 2 * 4 + 100 * SESSION_UNITS + 100 * PAGE_UNITS;
    Attack { units: f64::from(GATEWAY_PER_MINUTE) * number(batch), leases: 0.0 }
}

fn one_client() -> Attack {
    let spending = Spending::new(REQUESTS_PER_MINUTE);
    let allowances = spending.allowance() * i64::from(GATEWAY_BURST) * MINUTE / ALLOWANCE_SPAN;
    Attack { units: number(spending.leasable(false) + allowances), leases: f64::from(GATEWAY_PER_MINUTE) * LEASE_WRITES }
}

fn a_thousand_clients() -> Attack {
    let spending = Spending::new(REQUESTS_PER_MINUTE);
    let allowances = spending.allowance() * i64::from(GATEWAY_PER_MINUTE);
    Attack { units: number(spending.leasable_together() + allowances), leases: f64::from(GATEWAY_PER_MINUTE) * LEASE_WRITES }
}

#[expect(clippy::cast_precision_loss, reason = "units of a minute stay far below 2⁵³")]
fn number(units: i64) -> f64 {
    units as f64
}

fn bill(attack: &Attack) -> f64 {
    let requests = f64::from(GATEWAY_PER_MINUTE) * MINUTES;
    // One write unit of a table is at most a kilobyte.
    let stored = attack.units * 24.0 * 60.0 * KEPT_DAYS * 1_024.0 / GB;
    let mut usage = Usage::default();
    for (item, amount) in [
        (Item::TableWrites, (attack.units + attack.leases) * MINUTES),
        (Item::TableStorage, stored),
        (Item::TableRecovery, stored),
        (Item::Invocations, requests),
        (Item::ComputeArm, requests * COMPUTE),
        (Item::ApiRequests, requests),
        (Item::CdnRequests, requests),
        (Item::LogsIngested, requests * LOGGED / GB),
        (Item::LogsStored, requests * LOGGED / GB),
    ] {
        usage.add(item, amount, "");
    }
    Bill::of(&usage).total()
}

/// Rounds up to two digits: 13,427 becomes 14,000.
fn rounded(dollars: f64) -> String {
    let unit = 10_f64.powf((dollars.log10().floor() - 1.0).max(0.0));
    let text = format!("{:.0}", (dollars / unit).ceil() * unit);
    let split = text.len().saturating_sub(3);
    if split == 0 { format!("${text}") } else { format!("${},{}", &text[..split], &text[split..]) }
}

#[test]
fn the_page_on_security_says_what_the_worst_month_costs() {
    let page = include_str!("../../docs/security.md");
    for (who, attack) in
        [("before, one client or many", before()), ("one client", one_client()), ("a thousand clients", a_thousand_clients())]
    {
        let line = format!("| {who} | {:.0} | {} |", attack.units, rounded(bill(&attack)));
        assert!(page.contains(&line), "docs/security.md lacks: {line}");
    }
}

#[test]
fn a_client_costs_a_fraction_of_what_it_did() {
    let (before, one, thousand) = (bill(&before()), bill(&one_client()), bill(&a_thousand_clients()));
    assert!(one * 50.0 < before && thousand * 20.0 < before, "{before} {one} {thousand}");
    assert!(one_client().units * 5.0 <= number(i64::from(GATEWAY_PER_MINUTE) * ORDINARY_UNITS));
    assert!(a_thousand_clients().units < f64::from(GATEWAY_PER_MINUTE) * number(MOST_UNITS));
}
