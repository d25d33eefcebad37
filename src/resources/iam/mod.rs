//! AWS IAM: the roles of functions and their inline policies.

mod role;
mod role_policy;

pub(in crate::resources) use role::ROLES;
pub(in crate::resources) use role::ROLES_FOR_LAMBDA;
pub use role::{ALL_ROLES, ROLE_KNOWN, Role, RoleOthers, RoleOutput};
use role::{ROLES_BY_NAME, console};
pub use role_policy::{RolePolicy, RolePolicyOutput};
