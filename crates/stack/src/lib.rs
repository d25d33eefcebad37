//! Desired state of a stack: `stack.yaml`, parsed, checked and merged for one environment.
//!
//! [`Stack::load`] is the way in. The result is complete (defaults filled in, the environment's overrides applied) and sound: every rule that AWS
//! would enforce later is enforced here first, on the line that breaks it. So the rest of the program does not check it again. [`declare()`] then
//! turns it into resources. Not here: any call to AWS.

mod alarm;
mod architecture;
mod check;
mod declare;
mod diagnostic;
mod document;
pub mod duration;
mod file;
mod grant;
pub mod limits;
mod manifest;
mod mend;
mod metric;
mod model;
mod names;
mod node;
mod operation;
mod read;
mod resolve;
mod route;
mod schema;
mod typed;
mod values;
mod yaml;

pub use architecture::Architecture;
pub use aws::facts::{API_LOG_GROUP, LIVE_ALIAS, Names, log_group_of};
pub use check::project_name;
pub use declare::policy::of_any_function as permissions_of_any_function;
pub use declare::{API_PATH, Content, Declaration, LeftOut, Package, declare};
pub use diagnostic::{Problem, StackError};
pub use file::StackFile;
pub use manifest::binaries;
pub use metric::{API_METRICS, FUNCTION_METRICS, Metric, TABLE_METRICS, Unit};
pub use model::{
    Alarm, Alarms, Api, Cors, Function, Grant, Index, Indexes, Key, KeyType, Logs, Projection, RETENTION_DAYS, Readers, Route, SecretsFrom,
    Site, Stack, Statistic, Table, Throttle, Watches,
};
pub use names::table_variable;
pub use node::Position;
pub use operation::Operation;
pub use read::find;
pub use schema::schema;
