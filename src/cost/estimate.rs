//! Cost estimates: for a plan, and for a stack as it is.

use super::{Bill, Difference, Inventory, Measured, WINDOW_DAYS, assumed};
use crate::{
    engine::{Entry, Step},
    stack::Stack,
};

/// Cost of the declared stack beside its cost now, at the same traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Monthly bill of the declared resources.
    pub after: Bill,
    /// Monthly bill of the existing resources.
    pub before: Bill,
    /// Differences that explain the change.
    pub differences: Vec<Difference>,
    /// Set if no resource exists yet.
    pub is_new: bool,
    /// Assumed events a month.
    pub events: u64,
    /// Region of the stack, if the prices are of another region.
    pub elsewhere: Option<String>,
}

/// Cost of a stack as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Bill for a month.
    pub bill: Bill,
    /// Basis of the numbers.
    pub basis: Basis,
    /// Set if the stack has a distribution whose metrics were not read, because they are in another region.
    pub lacks_distribution: bool,
    /// Region of the stack, if the prices are of another region.
    pub elsewhere: Option<String>,
}

/// Basis of an estimate.
#[derive(Debug, Clone, PartialEq)]
pub enum Basis {
    /// Assumed traffic.
    Assumed {
        /// Assumed events a month.
        events: u64,
        /// Hours with metrics, if those were too few for a measurement.
        hours: Option<f64>,
    },
    /// Measurement by the stack's own metrics.
    Measured {
        /// Days that the metrics cover.
        days: f64,
    },
}

impl Estimate {
    /// Estimates a plan, from the declared resources and the plan's steps.
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
    /// Computes a report from an assumed traffic; `hours` of metrics were too few for a measurement.
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
