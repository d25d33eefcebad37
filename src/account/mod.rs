//! What an account has room for, and what its credentials may do: what `doctor` looks at before anything starts.
//!
//! Deliberately not here: what a stack needs ([`policy`](crate::policy) says which permissions), and how it is shown.

mod principal;
mod simulation;

pub use principal::{Principal, principal};
pub use simulation::{Denied, Simulated, simulate};
