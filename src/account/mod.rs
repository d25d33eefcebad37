//! The account's free quota and the permissions of its credentials, which `doctor` checks before anything starts.
//!
//! Deliberately not here: the permissions that a stack needs, which [`policy`](crate::policy) lists, and their display.

mod principal;
mod simulation;

pub use principal::{Principal, principal};
pub use simulation::{Denied, Simulated, simulate};
