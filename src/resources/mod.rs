//! One file per kind. Each reads from top to bottom: what it is and what AWS is odd about, the declaration, its outputs,
//! observe, create, update, delete, the sweep, and what others may refer to.

mod dynamodb_table;
mod iam_role;
mod iam_role_policy;
mod lambda_alias;
mod lambda_function;
mod lambda_permission;
mod log_group;
mod metric_alarm;

pub use dynamodb_table::{Index, KeyAttribute, Table, TableOutput, TimeToLive};
pub use iam_role::{Role, RoleOutput};
pub use iam_role_policy::{RolePolicy, RolePolicyOutput};
pub use lambda_alias::{Alias, AliasOutput};
pub use lambda_function::{Function, FunctionOutput};
pub use lambda_permission::{Permission, PermissionOutput};
pub use log_group::{LogGroup, LogGroupOutput};
pub use metric_alarm::{Alarm, AlarmOutput};
