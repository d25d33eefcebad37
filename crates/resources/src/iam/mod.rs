//! AWS IAM: the roles of functions and their inline policies.

mod role;
mod role_policy;

pub(crate) use role::ROLES;
pub(crate) use role::ROLES_FOR_LAMBDA;
pub use role::{ALL_ROLES, ROLE_KNOWN, Role, RoleOthers, RoleOutput};
use role::{ROLES_BY_NAME, console};
pub use role_policy::{RolePolicy, RolePolicyOutput};
