//! What the stack costs a month, estimated: list prices times what is used.
//!
//! What is used is either assumed (so many events a month, and what the handlers are known to need for one) or read from the stack's own
//! metrics. Nothing here asks AWS, except `read`, which reads those metrics in one go. What of it people see is `ui`'s.
//!
//! - `prices`: the list prices, with their free parts and where they were taken from;
//! - `bill`: from amounts to dollars;
//! - `inventory`: what of the stack has a price, as declared and as it is now;
//! - `assumed`: what it uses at an assumed traffic;
//! - `measured`: which metrics say what it used, and what they amount to in a month;
//! - `estimate`: all of that together, for a plan and for a stack as it is.

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

/// Days in a month: what is measured in less is multiplied.
const MONTH_DAYS: f64 = 30.0;
/// Hours in it.
const MONTH_HOURS: f64 = MONTH_DAYS * 24.0;
/// Bytes in what AWS bills as a GB.
const GB: f64 = 1_073_741_824.0;
