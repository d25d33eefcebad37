//! Facts of AWS about each kind of resource, in one form. They stand beside the kind. Plan, cost, policy, console, history and doctor read them
//! from `resources::KINDS` and name no kind themselves.

use super::{access::Call, billable::Billable, names::Names};
use crate::{Aws, RequestLimit};
use engine::{Action, Changes, Graph, Result};
use futures::future::LocalBoxFuture;
use std::fmt;

/// Facts about a kind. No fact has a default, so a kind that omits one does not compile.
#[derive(Debug)]
pub struct Kind {
    /// Name in ids, such as `iam.role` for the kind in `iam/role.rs` of the crate `resources`.
    pub name: &'static str,
    /// Requests by which CloudTrail shows that a resource was changed.
    pub trail: Trail,
    /// Returns the typical time of an action that makes these changes.
    pub typical: fn(Action, &Changes) -> Typical,
    /// Operation or service with a request limit that counts once for each resource created or changed.
    pub pace: Option<&'static str>,
    /// Request limits of the operations that only this kind calls.
    pub request_limits: &'static [RequestLimit],
    /// Operations that are called for the kind, with the permissions that they require.
    pub calls: &'static [Call],
    /// Search for resources of the kind that the stack may have created and no longer declares.
    pub sweep: Sweep,
    /// Quota of the account that each resource counts towards, if it can be read.
    pub quota: Option<Quota>,
    /// Billed part of a resource with unknown fields, if AWS bills the kind.
    pub billable: Option<Billable>,
}

/// Names by which AWS's own tools know one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Address of the resource's page in AWS's console; `None` while it depends on an unknown id.
    pub console: Option<String>,
    /// Names in CloudTrail's requests, each of which has at least one of them. CloudTrail is queried for the first. Empty while none is known.
    pub names: Vec<String>,
    /// Further values that each such request has, where names do not distinguish the resource from its siblings.
    pub also: Vec<String>,
}

/// Search for orphans of a kind.
#[derive(Debug)]
pub enum Sweep {
    /// The kind adds searches of its own to a graph.
    Own(fn(&mut Graph<Aws>, &Swept<'_>)),
    /// The search of the kind with this name lists the orphans, or they cannot outlive a resource of it.
    With(&'static str),
}

/// Stack for which orphans are searched.
#[derive(Debug)]
pub struct Swept<'a> {
    /// Physical names of the stack.
    pub names: &'a Names,
    /// Digest of the API's declared deployment, if an API is declared.
    pub deployment: Option<&'a str>,
}

impl Swept<'_> {
    /// Returns a function from a physical name to the logical name; `None` if the stack could not have made the physical one.
    pub fn logical(&self) -> impl Fn(&str) -> Option<String> + Clone + use<> {
        let names = self.names.clone();
        move |name: &str| names.owns(name).map(str::to_owned)
    }
}

/// Requests of a kind in CloudTrail, as the services' pages list them ("Logging … API calls with AWS CloudTrail").
#[derive(Debug, PartialEq, Eq)]
pub struct Trail {
    /// First part of the event source: `monitoring`.
    pub source: &'static str,
    /// Set if the requests are logged in the region of the partition's global services.
    pub is_global: bool,
    /// Operations that change a resource.
    pub operations: &'static [&'static str],
}

/// Time in seconds that a step typically takes once nothing blocks it: from the shortest to the longest measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Typical {
    /// Shortest time in seconds.
    pub from: f64,
    /// Longest time in seconds.
    pub to: f64,
}

impl Typical {
    /// Time of one or two calls. AWS publishes no latencies: assumed.
    pub const CALLS: Self = Self::seconds(0.2, 0.4);

    /// Creates a time between `from` and `to` seconds.
    pub const fn seconds(from: f64, to: f64) -> Self {
        Self { from, to }
    }

    /// Returns [`CALLS`](Self::CALLS), for a kind with actions of one or two calls each.
    pub fn of_calls(_: Action, _: &Changes) -> Self {
        Self::CALLS
    }

    /// Returns the time that an estimate uses.
    pub fn mean(self) -> f64 {
        f64::midpoint(self.from, self.to)
    }

    /// Returns whether a waiting user would want to know the time.
    pub fn is_worth_telling(self) -> bool {
        // After that time, people check whether anything is still going on.
        self.to >= 5.0
    }
}

impl std::ops::Add for Typical {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { from: self.from + other.from, to: self.to + other.to }
    }
}

impl fmt::Display for Typical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.to < 120.0 {
            write!(f, "{:.0} to {:.0} s", self.from, self.to)
        } else {
            write!(f, "{:.0} to {:.0} minutes", self.from / 60.0, (self.to / 60.0).ceil())
        }
    }
}

/// Quota of an account and its use.
#[derive(Debug)]
pub struct Quota {
    /// Counted resources, in the plural: `tables`.
    pub of: &'static str,
    /// Reads the current use of the quota.
    pub used: for<'a> fn(&'a Aws) -> LocalBoxFuture<'a, Result<Used>>,
}

/// Use of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Number of resources in use.
    pub used: u64,
    /// Number of resources that the quota allows.
    pub limit: u64,
    /// Set if AWS answered for this very account. Otherwise the limit is the initial one, and this account may have more.
    pub is_of_account: bool,
}

impl Used {
    /// Creates the use of a quota with an initial limit.
    pub const fn of_initial(used: u64, limit: u64) -> Self {
        Self { used, limit, is_of_account: false }
    }

    /// Returns whether the quota is full for certain.
    pub fn is_full(self) -> bool {
        self.is_of_account && self.used >= self.limit
    }

    /// Returns whether four fifths are used, so that it is time to have the quota raised.
    pub fn is_near(self) -> bool {
        self.used.saturating_mul(5) >= self.limit.saturating_mul(4)
    }
}

/// Returns the length of one page of a list.
pub fn length<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Typical, Used};

    #[test]
    fn a_quota_is_near_from_four_fifths_on() {
        let quota = |used| Used { used, limit: 100, is_of_account: true };
        assert_eq!(
            [79, 80, 99, 100].map(|used| (quota(used).is_near(), quota(used).is_full())),
            [(false, false), (true, false), (true, false), (true, true)]
        );
    }

    #[test]
    fn a_time_is_shown_in_the_unit_that_people_would_use() {
        let shown = |from, to| Typical::seconds(from, to).to_string();
        assert_eq!([shown(4.0, 9.0), shown(156.0, 217.0)], ["4 to 9 s", "3 to 4 minutes"]);
        assert!(!Typical::CALLS.is_worth_telling());
    }
}
