//! The estimate that a plan ends with, and the one of a stack as it is.

use super::{Bill, Difference, Inventory, Measured, WINDOW_DAYS, assumed};
use crate::{
    engine::{Entry, Step},
    stack::Stack,
};

/// Cost of a stack once it is as declared, beside its cost now, at the same traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// A month of what is declared.
    pub after: Bill,
    /// A month of what is there.
    pub before: Bill,
    /// Why the two differ.
    pub differences: Vec<Difference>,
    /// Set if nothing exists yet.
    pub is_new: bool,
    /// Events a month that are assumed.
    pub events: u64,
    /// Region of the stack, if its prices are not those in use.
    pub elsewhere: Option<String>,
}

/// Cost of a stack as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// A month.
    pub bill: Bill,
    /// Basis of the numbers.
    pub basis: Basis,
    /// Set if the stack has a distribution whose metrics were not read, because they are in another region.
    pub lacks_distribution: bool,
    /// Region of the stack, if its prices are not those in use.
    pub elsewhere: Option<String>,
}

/// Basis of an estimate.
#[derive(Debug, Clone, PartialEq)]
pub enum Basis {
    /// An assumed traffic.
    Assumed {
        /// Events a month.
        events: u64,
        /// The hours of metrics that there are, if those were too few.
        hours: Option<f64>,
    },
    /// The stack's own metrics.
    Measured {
        /// The days that they cover.
        days: f64,
    },
}

impl Estimate {
    /// For a plan: what is declared, and the plan's steps.
    pub fn of<'a, C: crate::engine::Cloud>(
        stack: &Stack,
        declared: impl IntoIterator<Item = &'a Entry<C>>,
        steps: &[Step],
        events: u64,
    ) -> Self {
        let after = Inventory::declared(declared);
        let before = after.before(steps);
        let bill = |inventory: &Inventory| Bill::of(&assumed(stack, inventory, events));
        Self {
            after: bill(&after),
            before: bill(&before),
            differences: after.since(&before),
            is_new: before.is_empty(),
            events,
            elsewhere: elsewhere(stack),
        }
    }

    /// Returns the change of a month's bill, in US dollars.
    pub fn delta(&self) -> f64 {
        self.after.total() - self.before.total()
    }
}

impl Report {
    /// At an assumed traffic; `hours` of metrics were too few to do better.
    pub fn assumed(stack: &Stack, there: &Inventory, events: u64, hours: Option<f64>) -> Self {
        let bill = Bill::of(&assumed(stack, there, events));
        Self { bill, basis: Basis::Assumed { events, hours }, lacks_distribution: false, elsewhere: elsewhere(stack) }
    }

    /// Computes a report from measured use.
    pub fn measured(stack: &Stack, there: &Inventory, measured: &Measured) -> Self {
        let elsewhere = elsewhere(stack);
        let lacks_distribution = elsewhere.is_some() && there.has_distribution();
        let days = measured.days.min(WINDOW_DAYS);
        Self { bill: Bill::of(&measured.usage), basis: Basis::Measured { days }, lacks_distribution, elsewhere }
    }
}

fn elsewhere(stack: &Stack) -> Option<String> {
    Some(stack.region.clone()).filter(|region| region != super::REGION)
}
