//! Limit of the writes that a client may cause in the collector, in the units of [`crate::charge`].
//!
//! To the gateway, a cheap request and one of twenty times the cost are one request each, and a client's requests may reach a
//! hundred containers. So a client's units of a minute are in one item of the sessions table, from which a container leases
//! some at a time. Only a small allowance needs no lease, so that a visitor who reads pages costs no extra write.
//!
//! | With the defaults | units | |
//! |---|---|---|
//! | the gateway lets through, a minute | 20,000 | 1,000 ordinary batches of 20 units |
//! | a client may use | 4,000 | a fifth |
//! | of that, by leases | 3,600 | of a /64 of IPv6 1,800 |
//! | of that, without a lease | 400 | 20 in 5 minutes in each of 100 containers |
//! | all clients may use, by leases | 40,000 | twice what ordinary batches take: those of several events cost more than 20 |
//! | all clients, without a lease | 20,000 | each request at most its allowance |
//! | an office of 60 people | 3,600 | 180 ordinary batches, see [`crate::limit::REQUESTS_PER_MINUTE`] |
//!
//! A hundred containers are what the gateway's burst can keep busy at a time. A refused request still counts towards the gateway's
//! limit. Only AWS WAF can prevent a flood of the gateway itself (`docs/security.md`).

use crate::charge::ORDINARY_UNITS;
use crate::digest;
use crate::limit::{CLIENT_SHARE, GATEWAY_BURST, NARROW_PART};
use crate::network::Networks;
use crate::store::{Store, StoreError};
use crate::time::{MINUTE, Millis, SECOND, floor};
use crate::token::{hexadecimal, mac};
use crate::visitor;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Time between two allowances that a client gets without a lease.
pub const ALLOWANCE_SPAN: Millis = 5 * MINUTE;
/// Divisor of a client's units for the allowance without a lease: a tenth.
const ALLOWANCE_PART: i64 = 10;
/// Number of clients' minutes that all clients may lease together. Five would take all of the gateway's ordinary batches,
/// and twice as many allow for batches of several events.
const CLIENTS_TOGETHER: i64 = 2 * CLIENT_SHARE as i64;
/// Key of the account of all clients together.
const EVERYBODY: &str = "everybody";
/// Divisor of a minute's leasable units for one lease of a container: a twentieth, for a client nine ordinary batches.
const LEASE_PART: i64 = 20;
/// Maximum number of remembered networks, about 60 bytes each. Beyond it, all without a lease of this minute are forgotten.
const MOST_NETWORKS: usize = 20_000;

/// Accounts of write units for clients of the collector.
#[derive(Debug)]
pub struct Spending {
    /// Units of a client in a minute; 0 is no limit.
    per_minute: i64,
    /// Random salt, so that memory contains no addresses.
    salt: String,
    accounts: Mutex<HashMap<i64, Account>>,
}

/// Units that one container holds for one network.
#[derive(Debug, Clone, Copy, Default)]
struct Account {
    /// Time of the last allowance.
    allowed: Millis,
    allowance: i64,
    /// Minute for which units were leased.
    minute: Millis,
    /// Leased units; a negative number is a debt for costs beyond a batch's charge.
    leased: i64,
    /// Set if the minute has no units left for any container.
    is_spent: bool,
}

/// Reason that a batch has to wait.
#[derive(Debug)]
pub enum Refusal {
    /// The client's units are used up for this many seconds.
    Wait(i64),
    /// The table with the leases does not answer.
    Store(StoreError),
}

impl Spending {
    /// Creates accounts for clients that may send this many ordinary batches a minute; 0 is no limit.
    pub fn new(batches_per_minute: u32) -> Self {
        Self { per_minute: i64::from(batches_per_minute) * ORDINARY_UNITS, salt: visitor::random_text(), accounts: Mutex::default() }
    }

    /// Returns the units that a network may lease in a minute.
    pub fn leasable(&self, is_part_of_a_wider_one: bool) -> i64 {
        let units = self.per_minute - self.per_minute / ALLOWANCE_PART;
        if is_part_of_a_wider_one { units / i64::from(NARROW_PART) } else { units }
    }

    /// Returns the units that all clients may lease in a minute, which bounds the cost of a thousand clients like that of one.
    pub fn leasable_together(&self) -> i64 {
        self.per_minute * CLIENTS_TOGETHER
    }

    /// Returns the units that a client may use in each container without a lease, once in [`ALLOWANCE_SPAN`].
    pub fn allowance(&self) -> i64 {
        self.per_minute / ALLOWANCE_PART * (ALLOWANCE_SPAN / MINUTE) / i64::from(GATEWAY_BURST)
    }

    /// Takes `units` from a client's account at `now`. A batch never costs more than a whole minute of its client.
    ///
    /// # Errors
    /// If the units are used up, or if the account cannot be read: nothing has been written for the batch.
    pub async fn spend(&self, store: &Store, networks: &Networks, units: i64, now: Millis) -> Result<(), Refusal> {
        if self.per_minute == 0 || self.take_allowance(&networks.wide, units, now) {
            return Ok(());
        }
        let units = units.min(self.leasable(networks.is_nested()));
        if networks.is_nested() {
            // The narrow one comes first: a client that exceeds it takes nothing from its neighbours in the wide one.
            self.spend_of(store, &networks.narrow, (units, self.leasable(true)), now).await?;
        }
        self.spend_of(store, &networks.wide, (units, self.leasable(false)), now).await?;
        self.spend_of(store, EVERYBODY, (units, self.leasable_together()), now).await
    }

    /// Charges the costs of a batch beyond its first charge, which reduces the client's next batches.
    pub fn owe(&self, networks: &Networks, units: i64, now: Millis) {
        if self.per_minute == 0 || units == 0 {
            return;
        }
        self.with_account(&networks.narrow, now, |account| account.leased -= units);
        if networks.is_nested() {
            self.with_account(&networks.wide, now, |account| account.leased -= units);
        }
    }

    async fn spend_of(&self, store: &Store, network: &str, (units, most): (i64, i64), now: Millis) -> Result<(), Refusal> {
        let minute = floor(now, MINUTE);
        let wait = Refusal::Wait((minute + MINUTE - now) / SECOND + 1);
        let (missing, is_spent) = self.with_account(network, now, |account| {
            if account.leased >= units {
                account.leased -= units;
                return (0, false);
            }
            // A debt is at most a minute's units, or a client could never pay it.
            ((units - account.leased).min(most), account.is_spent)
        });
        if missing == 0 {
            return Ok(());
        }
        if is_spent {
            return Err(wait);
        }
        let salt = store.daily_salt(now).await.map_err(Refusal::Store)?;
        let client = hexadecimal(&hmac::Mac::finalize(mac(salt, &["lease", network])).into_bytes()[..16]);
        let lease = missing.max(most / LEASE_PART).min(most);
        for lease in [lease, missing] {
            if store.lease(&client, minute, lease, most).await.map_err(Refusal::Store)? {
                self.with_account(network, now, |account| account.leased = (account.leased + lease - units).max(0).min(lease));
                return Ok(());
            }
            if lease == missing {
                break;
            }
        }
        self.with_account(network, now, |account| account.is_spent = true);
        Err(wait)
    }

    fn take_allowance(&self, network: &str, units: i64, now: Millis) -> bool {
        let allowance = self.allowance();
        self.with_account(&format!("allowance {network}"), now, |account| {
            if now - account.allowed >= ALLOWANCE_SPAN {
                (account.allowed, account.allowance) = (now, allowance);
            }
            let is_enough = account.allowance >= units;
            account.allowance -= if is_enough { units } else { 0 };
            is_enough
        })
    }

    /// Changes a network's account. Of an earlier minute, only a debt carries over.
    fn with_account<T>(&self, network: &str, now: Millis, change: impl FnOnce(&mut Account) -> T) -> T {
        let minute = floor(now, MINUTE);
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= MOST_NETWORKS {
            accounts.retain(|_, account| account.minute == minute);
        }
        let account = accounts.entry(digest::number(&[&self.salt, network])).or_insert(Account {
            minute,
            allowed: Millis::MIN / 2,
            ..Account::default()
        });
        if account.minute != minute {
            (account.minute, account.leased, account.is_spent) = (minute, account.leased.min(0), false);
        }
        change(account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::{CLIENT_SHARE, GATEWAY_PER_MINUTE, REQUESTS_PER_MINUTE};

    #[test]
    fn one_client_uses_up_a_fifth_of_what_the_gateway_lets_through_and_an_office_less() {
        let spending = Spending::new(REQUESTS_PER_MINUTE);
        let gateway = i64::from(GATEWAY_PER_MINUTE) * ORDINARY_UNITS;
        let without_lease = spending.allowance() * i64::from(GATEWAY_BURST) * MINUTE / ALLOWANCE_SPAN;
        assert_eq!((gateway, spending.leasable(false), without_lease), (20_000, 3_600, 400));
        assert_eq!(spending.leasable(false) + without_lease, gateway / i64::from(CLIENT_SHARE));
        // 60 people each send two batches for a page that is read in 40 seconds.
        let office = 60 * 2 * 60 / 40;
        assert!(office < REQUESTS_PER_MINUTE && i64::from(office) * ORDINARY_UNITS <= spending.leasable(false));
        assert_eq!(spending.leasable(true), 1_800, "30 people on one /64");
        assert_eq!(spending.leasable_together(), 2 * gateway);
    }

    #[test]
    fn a_visitor_needs_no_lease_every_five_minutes() {
        let spending = Spending::new(REQUESTS_PER_MINUTE);
        assert_eq!(spending.allowance(), ORDINARY_UNITS);
        assert!(spending.take_allowance("a", ORDINARY_UNITS, 0));
        assert!(!spending.take_allowance("a", 1, ALLOWANCE_SPAN - 1));
        assert!(spending.take_allowance("b", 1, 1));
        assert!(spending.take_allowance("a", 1, ALLOWANCE_SPAN));
    }
}
