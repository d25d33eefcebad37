//! AWS IAM: the roles of functions and their inline policies.

mod role;
mod role_policy;

pub use role::{Role, RoleOthers, RoleOutput};
pub use role_policy::{RolePolicy, RolePolicyOutput};
