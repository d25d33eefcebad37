//! Estimates the monthly costs of the stack: list prices times usage.
//!
//! Usage is either assumed (a number of events a month, with the known needs of the handlers per event) or read from the
//! stack's own metrics. Only `read` calls AWS: it reads those metrics in one go. `ui` formats the results.
//!
//! - `prices`: the list prices, with their free amounts and sources;
//! - `bill`: conversion of amounts to dollars;
//! - `inventory`: the billable resources, as declared and as they exist now;
//! - `assumed`: usage at an assumed traffic;
//! - `measured`: the metrics that measure usage, and their projection to a month;
//! - `estimate`: the combination of these, for a plan and for a stack as it is.

mod assumed;
mod bill;
mod estimate;
mod inventory;
mod measured;
mod prices;
mod read;
#[cfg(test)]
mod worst;

pub use assumed::{EVENTS, MOST_EVENTS, assumed};
pub use bill::{Bill, Line, Usage};
pub use estimate::{Basis, Estimate, Report};
pub use inventory::{Difference, Inventory};
pub use measured::{LEAST_HOURS, Measured, Sample, Series, WINDOW_DAYS, measured, series};
pub use prices::{Item, LOOKED_UP, PRICES, Price, REGION, Tier};
pub use read::samples;

/// Days in a month, the basis of projections.
const MONTH_DAYS: f64 = 30.0;
/// Hours in a month.
const MONTH_HOURS: f64 = MONTH_DAYS * 24.0;
/// Bytes in a GB as AWS bills it.
const GB: f64 = 1_073_741_824.0;
