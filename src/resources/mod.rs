//! One file per kind. Each reads from top to bottom: what it is and what AWS is odd about, the declaration, its outputs,
//! observe, create, update, delete, the sweep, and what others may refer to.

mod iam_role;
mod log_group;

pub use iam_role::{Role, RoleOutput};
pub use log_group::{LogGroup, LogGroupOutput};
